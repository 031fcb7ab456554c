"""Format name -> opener; the format of a file by name, ending or content."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from configs.errors import nearest
from readers.columns import ColumnSource
from readers.files import first_bytes, is_url, open_binary, reading
from readers.json_scan import first_key
from readers.source import ReadError, SourceError
from readers.trc_layout import is_trc

# Format -> (module, function); a module, and the library it needs, is imported when its format is first opened.
OPENERS: dict[str, tuple[str, str]] = {
    "root": ("readers.root", "open_root"),
    "parquet": ("readers.parquet", "open_parquet"),
    "hdf5": ("readers.hdf5", "open_hdf5"),
    "digihit": ("readers.digihit", "open_digihit"),
    "truehit": ("readers.digihit", "open_truehit"),
    "dense": ("readers.dense", "open_dense"),
    "hdfwriter": ("readers.hdfwriter", "open_hdfwriter"),
    "legacy_pickle": ("readers.legacy_pickle", "open_legacy_pickle"),
    "npy": ("readers.npy", "open_npy"),
    "npz": ("readers.npz", "open_npz"),
    "hese_json": ("readers.hese_json", "open_hese_json"),
    "toy_json": ("readers.toy_json", "open_toy_json"),
    "trc": ("readers.trc", "open_trc"),
    "trc_pack": ("readers.trc_packed", "open_trc_pack"),
    "trc_processed": ("readers.trc", "open_trc_processed"),
}
ENDINGS = {
    ".root": "root",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".hdf": "hdf5",
    ".npy": "npy",
    ".npz": "npz",
    ".trc": "trc",
}
PICKLE_ENDINGS = (".pickle", ".pkl", ".p")
SIGNATURES = {b"root": "root", b"PAR1": "parquet", b"\x89HDF": "hdf5", b"\x93NUM": "npy", b"PK\x03\x04": "npz"}
MERGED_BY_COLUMN = {"hese_json"}  # formats that take several files as one source, column by column
FOLLOWING = {"hdfwriter"}  # formats of which several files can be opened as one source, event by event
BATCHED = {"trc", "trc_processed"}  # formats of many small files: several, or a folder of them, are one source, entry by entry


def open_source(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    format: str | None = None,  # noqa: A002 - the word of the configuration
    *,
    tree: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> ColumnSource:
    """Open events for reading; use it as a context manager.

    ``path`` is a local path or an fsspec URL; a list of several is for ``hese_json``, whose files are merged by column, for ``hdfwriter``, and
    for the waveform files of ``trc`` (also a folder of them), whose events follow each other.
    ``format`` is one of ``formats()``; None takes it from the ending, or from the content. ``tree`` names the TTree or RNTuple in a
    ROOT file, the group or table in an HDF5 file, the array in an npz file. ``columns`` renames: our name -> name in the file.
    Opening reads only what is needed to know the columns and the number of entries. Raises ``SourceError`` for content that is wrong
    and ``ReadError`` when reading failed and may be tried again.
    """
    paths = [str(path)] if isinstance(path, str | os.PathLike) else [str(one) for one in path]
    if not paths:
        raise SourceError("no file given to open; name at least one")
    name = detect_format(paths[0]) if format is None else format
    if name not in OPENERS:
        raise SourceError(f"{paths[0]}: {name!r} is not a format{nearest(name, OPENERS)}")
    if len(paths) > 1 and name not in MERGED_BY_COLUMN | BATCHED | FOLLOWING:
        raise SourceError(f"{len(paths)} files given for one source ({', '.join(paths[:3])}...), but format {name} takes one; open each by itself")
    module, function = OPENERS[name]
    with reading(paths[0]):
        source: ColumnSource = getattr(import_module(module), function)(paths, tree)
    if columns:
        try:
            source.rename(columns)
        except SourceError:
            source.__exit__(None, None, None)
            raise
    return source


def formats() -> tuple[str, ...]:
    """The names that ``format:`` takes."""
    return tuple(OPENERS)


def register(name: str, module: str, function: str, endings: Sequence[str] = ()) -> None:
    """Add a format: ``function(paths, tree)`` of ``module`` returns a ``ColumnSource``; ``endings`` are the file endings that mean it."""
    OPENERS[name] = (module, function)
    ENDINGS.update(dict.fromkeys(endings, name))


def detect_format(path: str) -> str:
    """The format by the ending of the file's name; where that says nothing (``.json`` included) by its first bytes.

    Raises ``SourceError`` naming the known formats when neither tells.
    """
    file = urlsplit(path).path if is_url(path) else path
    ending = os.path.splitext(file)[1].lower()  # noqa: PTH122 - also for URLs
    if ending in ENDINGS:
        return _hdf5_format(path) if ENDINGS[ending] == "hdf5" else ENDINGS[ending]
    if ending in PICKLE_ENDINGS:
        raise SourceError(
            f"{path}: a pickle can run code when it is read, so none is opened by its ending; for a file of your own give format: legacy_pickle, or "
            "allow_pickle: true in the options of stopping_muons (arrays and frames are read, all else is refused); better write HDF5 or Parquet"
        )
    if not is_url(path) and Path(path).is_dir():
        return _folder_format(path)
    found = _format_by_content(path, ending)
    if found is None:
        raise SourceError(
            f"{path}: nothing here reads the ending {ending!r}, and its first bytes are those of no known format; convert it to Parquet, HDF5, ROOT "
            f"or npz with the program that wrote it, or give format: one of {', '.join(OPENERS)} if it is one of these"
        )
    return found


def _format_by_content(path: str, ending: str) -> str | None:
    """The format by the first bytes; None where they are those of none."""
    start = first_bytes(path, 512)
    for signature, name in SIGNATURES.items():
        if start.startswith(signature):
            return _hdf5_format(path) if name == "hdf5" else name
    if is_trc(start):
        return "trc"
    if ending == ".json" or start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _json_format(path)
    return None


def _hdf5_format(path: str) -> str:
    """hdfwriter and the water-Cherenkov samples are known by the names at the root; every other HDF5 file is a table of columns."""
    from readers.digihit_layout import recognised
    from readers.hdf5 import children, open_file
    from readers.hdfwriter_layout import is_hdfwriter

    try:
        with open_file(path) as file:
            found = children(file)
            return "hdfwriter" if is_hdfwriter(found) else recognised(found) or "hdf5"
    except (SourceError, ReadError):
        return "hdf5"  # opening it will say what is wrong


def _folder_format(path: str) -> str:
    """A folder is a source only where it holds waveform files. Raises ``SourceError`` for every other."""
    from readers.trc import expand

    try:
        expand(path)
    except SourceError:
        raise SourceError(f"{path}: is a directory; give its files, e.g. {path}/*.root") from None
    return "trc"


def _json_format(path: str) -> str:
    with open_binary(path) as file, reading(path):
        key, begins = first_key(file, path)
    if (key, begins) in (("mapping", "object"), ("events", "rows")):
        return "toy_json"
    if begins in ("list", "rows", "value"):
        return "hese_json"
    raise SourceError(
        f"{path}: begins with the key {key!r} and its {begins}; known are objects of number lists (format hese_json) and "
        f"{{'mapping': {{name: index}}, 'events': [[...]]}} (format toy_json); give format: if it is one of them"
    )
