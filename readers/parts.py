"""The objects in a file, from its metadata alone: HDF5 datasets, ROOT objects, arrays of an npz file, Parquet row groups."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from readers.files import open_binary, reading
from readers.structure import Part

ENUM_CHARACTERS = 80
SHOWN_BRANCHES = 40
ATTRIBUTE_CHARACTERS = 60  # of a value in a description


def list_parts(path: str, format_name: str) -> tuple[Part, ...]:
    """The objects in a file of a known format; empty for formats that hold nothing beside their columns. Raises ``SourceError``."""
    lister = LISTERS.get(format_name)
    if lister is None:
        return ()
    with reading(path):
        return tuple(lister(path))


def _hdf5(path: str) -> Iterator[Part]:
    from readers.hdf5 import open_file

    with open_file(path) as file:
        yield from _hdf5_group(file)


def _hdfwriter(path: str) -> Iterator[Part]:
    from readers.hdf5 import open_file
    from readers.hdfwriter_layout import tables

    kinds = {"scalar": "one row an event", "ragged": "many rows an event", "dom": "lists by photomultiplier"}
    with open_file(path) as file:
        found, other = tables(path, file)
        for name, table in found.items():
            kind = "rows of the file" if table.per_file else kinds[table.kind]
            yield Part(name, f"table, {kind}", f"{len(table.fields)} columns", table.data.shape, ", ".join(_hdf5_storage(table.data)))
        for name, reason in other.items():
            yield Part(name, "object", details=reason)


def _hdf5_group(group: Any) -> Iterator[Part]:
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        place = f"{group.name.rstrip('/')}/{name}"
        if not isinstance(link, h5py.HardLink):
            yield Part(place, "link", details=f"to {getattr(link, 'filename', '')}{link.path}, not followed")
            continue
        node = group[name]
        if isinstance(node, h5py.Dataset):
            yield Part(place, "table" if node.dtype.names else "dataset", _hdf5_type(node), node.shape, _hdf5_layout(node))
        elif isinstance(node, h5py.Group):
            yield Part(place, "group", details=", ".join([f"{len(node)} objects", *_hdf5_attributes(node)]))
            yield from _hdf5_group(node)
        else:
            yield Part(place, "named type")


def _hdf5_type(dataset: Any) -> str:
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is not None:
        return "string"
    names = h5py.check_enum_dtype(dataset.dtype)
    if names is not None and dataset.dtype.kind != "b":
        listed = ", ".join(f"{name}: {value}" for name, value in sorted(names.items(), key=lambda item: item[1]))
        return f"enum of {dataset.dtype} ({listed[:ENUM_CHARACTERS]})"
    inner = h5py.check_vlen_dtype(dataset.dtype)
    if inner is not None:
        return f"var * {inner}"
    if dataset.dtype.names:
        return ", ".join(f"{name}: {dataset.dtype[name]}" for name in dataset.dtype.names)
    return str(dataset.dtype) if not str(dataset.dtype).startswith(">") else f"{dataset.dtype.newbyteorder('=')} (big-endian)"


def _hdf5_layout(dataset: Any) -> str:
    return ", ".join([*_hdf5_storage(dataset), *_hdf5_attributes(dataset)])


def _hdf5_storage(dataset: Any) -> list[str]:
    from readers.mapped import layout

    return [layout(dataset), f"{dataset.size:,} values in {dataset.id.get_storage_size():,} bytes"] if dataset.shape else []


def _hdf5_attributes(node: Any) -> list[str]:
    from readers.hdf5 import plain_attributes

    return [f"{name}: {str(value)[:ATTRIBUTE_CHARACTERS]}" for name, value in plain_attributes(node).items()]


def _root(path: str) -> Iterator[Part]:
    from readers.root import RNTUPLES, TREES, list_classes, open_file

    with open_file(path) as file:
        for name, kind in list_classes(file).items():
            yield _root_object(file, name, kind, kind in TREES + RNTUPLES)


def _root_object(file: Any, name: str, kind: str, is_tree: bool) -> Part:
    if is_tree:
        tree = file[name]
        types = tree.typenames(recursive=False)
        listed = ", ".join(f"{column}: {told}" for column, told in list(types.items())[:SHOWN_BRANCHES])
        return Part(name, kind, shape=(int(tree.num_entries),), details=f"{len(types)} columns: {listed}")
    if kind.startswith(("TH1", "TH2", "TH3", "TProfile")):
        histogram = file[name]
        axes = [f"[{axis.low:g}, {axis.high:g}]" for axis in histogram.axes]
        return Part(name, kind, shape=tuple(len(axis) for axis in histogram.axes), details=" x ".join(axes))
    return Part(name, kind)


def _npz(path: str) -> Iterator[Part]:
    from readers.npz import read_members

    with open_binary(path) as file, zipfile.ZipFile(file) as archive:
        for name, header in read_members(archive, path).items():
            if isinstance(header, str):
                yield Part(name, "array", details=header)
            else:
                info = archive.getinfo(f"{name}.npy")
                yield Part(name, "array", str(header.dtype), header.shape, "compressed" if info.compress_type else "stored")


def _parquet(path: str) -> Iterator[Part]:
    import pyarrow.parquet as pq

    with open_binary(path) as handle:
        metadata = pq.ParquetFile(handle).metadata
        rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        spread = f"{min(rows)} to {max(rows)} entries each" if rows else "no entries"
        codecs = {metadata.row_group(0).column(column).compression for column in range(metadata.num_columns)} if rows else set()
        yield Part("row groups", "Parquet", shape=(len(rows),), details="; ".join([spread, *sorted(codecs), str(metadata.created_by or "")]))


LISTERS: dict[str, Callable[[str], Iterator[Part]]] = {
    "hdf5": _hdf5, "hdfwriter": _hdfwriter, "digihit": _hdf5, "truehit": _hdf5, "dense": _hdf5, "root": _root, "npz": _npz, "parquet": _parquet,
}  # fmt: skip
