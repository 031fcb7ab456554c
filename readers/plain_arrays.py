"""Whole arrays of .npy and .npz files, never unpickled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from readers.files import check_file, reading
from readers.source import SourceError

PICKLED = "Object arrays cannot be loaded"


def read_npy(path: str | Path) -> NDArray[Any]:
    """The array in an .npy file. Raises ``SourceError`` for a file that is missing, damaged, no .npy file, or needs unpickling."""
    with _loaded(path) as content:
        if not isinstance(content, np.ndarray):
            raise SourceError(f"{path}: an .npz archive, not the one array of an .npy file")
        return content


def read_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays in an .npz file by name. Raises ``SourceError`` as ``read_npy``."""
    with _loaded(path) as content:
        if isinstance(content, np.ndarray):
            raise SourceError(f"{path}: one array, not an .npz archive of named arrays")
        return {name: _member(path, content, name) for name in content.files}


@contextmanager
def _loaded(path: str | Path) -> Iterator[Any]:
    check_file(path)
    with reading(str(path)), Path(path).open("rb") as file:
        try:
            content = np.load(file, allow_pickle=False)
        except ValueError as error:
            raise _refusal(str(path), error) from None
        yield content


def _member(path: str | Path, content: Any, name: str) -> NDArray[Any]:
    with reading(str(path), f"array {name!r}"):
        try:
            return np.asarray(content[name])
        except ValueError as error:
            raise _refusal(f"{path}: array {name!r}", error) from None


def _refusal(where: str, error: ValueError) -> Exception:
    if PICKLED in str(error) or "pickle" in str(error):
        return SourceError(f"{where}: refused: needs unpickling, which can run any program; save plain numbers with numpy.save or numpy.savez")
    return error
