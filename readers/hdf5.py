"""HDF5: datasets of equal length at the root or in a group are columns; a table (compound dataset) holds its fields as columns.

Jagged columns are a flat dataset with offsets (see ``readers.jagged``) or a dataset of variable-length values. Unit and meaning come
from the attributes ``unit``/``units`` and ``meaning``/``description``, of a table's fields from ``FIELD_<i>_UNIT`` and ``FIELD_<i>_DOC``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import awkward as ak
import h5py
import numpy as np

from configs.errors import nearest
from readers.columns import STRING_FORM, ColumnSource, Words, as_strings, check_lengths, described, native, numpy_form
from readers.events import LazyColumn
from readers.files import check_file, is_url, open_binary, reading
from readers.jagged import SUFFIX, Stored, is_offsets, stored_columns
from readers.source import SourceError

CURE = "columns share one length: give the group with tree: NAME, or name the offsets of jagged columns in the attribute 'offsets'"
NOT_WHOLE = ("file signature not found", "truncated file", "bad object header", "superblock")  # HDF5's words
Parts = tuple[int, list[LazyColumn], dict[str, str]]


def open_hdf5(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open an HDF5 file. ``tree`` is the group or dataset to read; None takes the root, or the only group that has columns.

    Attributes of the group, and single values in it, are the source's attributes. Raises ``SourceError`` for unequal lengths, offsets
    that do not fit, datasets that were never filled, damaged files; when several groups hold columns the message lists them.
    """
    (path,) = paths
    with ExitStack() as stack:
        file = stack.enter_context(open_file(path))
        with reading(path):
            node = file if tree is None else _node(path, file, tree)
            if tree is None and not _holds_columns(file):
                node = file[_only_place(path, file)]
            attributes = plain_attributes(node)
            if isinstance(node, h5py.Dataset):
                length, columns, unreadable = _table(path, node)
            else:
                length, columns, unreadable = _group(path, node, attributes)
        if not columns:
            listed = "; ".join(f"{name!r}: {reason}" for name, reason in unreadable.items())
            raise SourceError(f"{path}: {node.name} holds no column ({listed or 'it is empty'}); see its structure with --inspect")
        return ColumnSource(path, length, columns, attributes=attributes, unreadable=unreadable, close=stack.pop_all().close)


@contextmanager
def open_file(path: str) -> Iterator[h5py.File]:
    """The file itself, local or remote, closed at the end of the block. Raises ``SourceError`` or ``ReadError`` when it cannot be opened."""
    check_file(path)
    with ExitStack() as stack:
        with reading(path):
            place = stack.enter_context(open_binary(path)) if is_url(path) else path
            file = stack.enter_context(_opened(place, path))
        yield file


def _opened(place: Any, path: str) -> h5py.File:
    try:
        return h5py.File(place, "r")
    except OSError as error:
        if any(words in str(error) for words in NOT_WHOLE):
            raise SourceError(f"{path}: cannot open {path}: not an HDF5 file or truncated ({error}); copy it or write it again") from error
        raise


def plain_attributes(node: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """The attributes as text, numbers and lists; those of no such type as their description."""
    return {name: _plain(node.attrs, name) for name in node.attrs}


def children(group: h5py.Group) -> dict[str, h5py.Group | h5py.Dataset]:
    """What lies directly in a group; links that lead out of the file or nowhere are left out."""
    inside = [name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]
    return {name: group[name] for name in inside}


def _plain(attributes: h5py.AttributeManager, name: str) -> Any:
    try:
        value = attributes[name]
    except (OSError, TypeError, ValueError) as error:
        return f"(cannot be read: {error})"
    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray | np.generic):
        return [text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in value.tolist()] if value.shape else value.item()
    return value if isinstance(value, str | int | float | bool) else str(value)


def _node(path: str, file: h5py.File, tree: str) -> h5py.Group | h5py.Dataset:
    if tree not in file:
        raise SourceError(f"{path}: no group or dataset {tree!r}{nearest(tree, _places(file) or children(file))}")
    return file[tree]


def _holds_columns(group: h5py.Group) -> bool:
    return any(isinstance(child, h5py.Dataset) and child.shape and child.dtype.names is None for child in children(group).values())


def _places(group: h5py.Group, depth: int = 8) -> list[str]:
    """Groups with columns, and tables, at and below ``group``."""
    places = [group.name] if _holds_columns(group) else []
    for child in children(group).values():
        if isinstance(child, h5py.Dataset):
            places += [child.name] if child.dtype.names and len(child.shape or ()) == 1 else []
        elif isinstance(child, h5py.Group) and depth:
            places += _places(child, depth - 1)
    return places


def _only_place(path: str, file: h5py.File) -> str:
    places = _places(file)
    if len(places) == 1:
        return places[0]
    if not places:
        raise SourceError(f"{path}: no dataset that could be a column; see its structure with --inspect")
    listed = ", ".join(places[:20]) + (f" and {len(places) - 20} more" if len(places) > 20 else "")
    raise SourceError(f"{path}: several groups or tables hold columns: {listed}; choose one with tree: NAME")


def _group(path: str, group: h5py.Group, attributes: dict[str, Any]) -> Parts:
    unreadable: dict[str, str] = {}
    datasets: dict[str, h5py.Dataset] = {}
    for name, child in children(group).items():
        if not isinstance(child, h5py.Dataset):
            continue
        if child.dtype.names:
            unreadable[name] = f"a table; open it with tree: {child.name}"
        elif child.shape == ():
            attributes.setdefault(name, _single(child))
        elif child.shape is not None:
            datasets[name] = child
    return _arrange(path, group, datasets, unreadable)


def _arrange(path: str, group: h5py.Group, datasets: Mapping[str, h5py.Dataset], unreadable: dict[str, str]) -> Parts:
    offsets = {name: found for name, child in datasets.items() if (found := _offsets(path, group, name, child, datasets)) is not None}
    places = {found.name for found in offsets.values()}
    own: dict[str, tuple[int, LazyColumn]] = {}
    arrays: dict[str, Stored] = {}
    for name, child in datasets.items():
        if child.name in places:
            continue
        special = _special(name, child)
        if special is not None and name not in offsets:
            own[name] = (child.shape[0], special)
        else:
            arrays[name] = _stored(path, child, _stored(path, offsets[name]) if name in offsets else None)
    length, columns, refused = stored_columns(path, arrays, CURE)
    lengths = {column.column.name: length for column in columns} | {name: size for name, (size, _) in own.items()}
    columns += [column for _, column in own.values()]
    return check_lengths(path, lengths, CURE), columns, unreadable | refused


def _offsets(path: str, group: h5py.Group, name: str, child: h5py.Dataset, datasets: Mapping[str, h5py.Dataset]) -> h5py.Dataset | None:
    """The offsets dataset of ``child``: named by its attribute ``offsets``, or its neighbour ``<name>_offsets``."""
    if "offsets" in child.attrs:
        target = str(_plain(child.attrs, "offsets"))
        found = group.get(target)
        if not isinstance(found, h5py.Dataset):
            raise SourceError(f"{path}: {child.name}: its attribute 'offsets' names {target!r}, which is no dataset{nearest(target, datasets)}")
    else:
        found = datasets.get(name + SUFFIX)
        if found is None or not is_offsets(found.dtype, found.shape):
            return None
    if not is_offsets(found.dtype, found.shape):
        raise SourceError(f"{path}: {found.name}: offsets must be integers along one axis, not {found.dtype} of shape {found.shape}")
    return found


def _stored(path: str, dataset: h5py.Dataset, offsets: Stored | None = None) -> Stored:
    return Stored(dataset.dtype, dataset.shape, _reader(path, dataset), offsets=offsets, **described(plain_attributes(dataset)))


def _reader(path: str, dataset: h5py.Dataset) -> Callable[[int, int], np.ndarray]:
    def read(start: int, stop: int) -> np.ndarray:
        check_filled(path, dataset)
        return np.asarray(dataset[start:stop])

    return read


def check_filled(path: str, dataset: h5py.Dataset) -> None:
    """``SourceError`` for a dataset that was not written whole: HDF5 invents zeros there, and a column must have all its values."""
    if not dataset.size or dataset.external or dataset.is_virtual:
        return
    if dataset.chunks is None:
        missing = dataset.id.get_storage_size() == 0
    else:
        wanted = int(np.prod([-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True)]))
        missing = dataset.id.get_num_chunks() < wanted
    if missing:
        raise SourceError(
            f"{path}: {dataset.name}: not all of its {dataset.shape[0]} entries were ever written; the writing job stopped early? write it again"
        )


def _special(name: str, dataset: h5py.Dataset) -> LazyColumn | None:
    """Strings and variable-length values, which NumPy has no type for; None for everything else."""
    words = described(plain_attributes(dataset))
    if h5py.check_string_dtype(dataset.dtype) is not None and len(dataset.shape) == 1:
        return LazyColumn(name, STRING_FORM, lambda start, stop: as_strings(dataset.asstr()[start:stop].tolist()), **words)
    inner = h5py.check_vlen_dtype(dataset.dtype)
    if inner is None or len(dataset.shape) != 1 or inner.hasobject:
        return None

    def load(start: int, stop: int) -> Any:
        lists = dataset[start:stop]
        offsets = np.concatenate([[0], np.cumsum([len(values) for values in lists], dtype=np.int64)]).astype(np.int64)
        flat = np.concatenate([np.empty(0, native(inner)), *lists])
        return ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.NumpyArray(flat))

    return LazyColumn(name, ak.forms.ListOffsetForm("i64", numpy_form(inner)), load, **words)


def _table(path: str, dataset: h5py.Dataset) -> Parts:
    """The fields of a compound dataset, or a plain dataset as a column of its own name."""
    name = dataset.name.rsplit("/", 1)[-1]
    if not dataset.shape:
        raise SourceError(f"{path}: {dataset.name} is a single value, not a column; choose a group or table with tree: NAME")
    if dataset.dtype.names is None:
        return _arrange(path, dataset.parent, {name: dataset}, {})
    attributes = plain_attributes(dataset)
    fields: dict[str, Stored] = {}
    for number, field in enumerate(dataset.dtype.names):
        kind = dataset.dtype[field]
        words = Words(unit=str(attributes.get(f"FIELD_{number}_UNIT", "")), meaning=str(attributes.get(f"FIELD_{number}_DOC", "")))
        fields[field] = Stored(kind.base, (*dataset.shape, *kind.shape), _field_reader(path, dataset, field), **words)
    return stored_columns(path, fields, CURE)


def _field_reader(path: str, dataset: h5py.Dataset, field: str) -> Callable[[int, int], np.ndarray]:
    def read(start: int, stop: int) -> np.ndarray:
        check_filled(path, dataset)
        return np.asarray(dataset.fields(field)[start:stop])

    return read


def _single(dataset: h5py.Dataset) -> Any:
    value = dataset[()]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else str(value)
