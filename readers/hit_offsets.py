"""First hits of events -> offsets: the number of hits appended as sentinel, everything checked."""

from __future__ import annotations

import warnings

import h5py
import numpy as np
from numpy.typing import NDArray

from readers.digihit_layout import INDEX
from readers.source import SourceError


def hit_offsets(path: str, index: h5py.Dataset, hits: int) -> NDArray[np.int64]:
    """``int64`` (N + 1): event i has the hits ``offsets[i]`` to ``offsets[i + 1]``; the last one ends at ``hits``.

    Raises ``SourceError`` for other types than integers, for positions that fall or lie beyond the hits. Hits before the first event belong to
    none: a warning says how many.
    """
    if index.dtype.kind not in "iu":
        raise SourceError(f"{path}: {INDEX} holds {index.dtype}, not integers; write the file again")
    offsets = _with_sentinel(index, hits)
    if offsets[0] < 0 or np.any(offsets[1:] < offsets[:-1]):
        _refuse(path, offsets[:-1], hits)
    if offsets[0] > 0:
        warnings.warn(f"{path}: the first {offsets[0]} hits belong to no event ({INDEX} begins with {offsets[0]}, not 0)", stacklevel=2)
    return offsets


def _with_sentinel(index: h5py.Dataset, hits: int) -> NDArray[np.int64]:
    """The index with the number of hits appended, read once where its type allows it."""
    offsets = np.empty((index.size or 0) + 1, dtype=np.int64)
    if index.ndim == 1 and index.size:
        index.read_direct(offsets, dest_sel=np.s_[:-1])
    else:
        offsets[:-1] = np.asarray(index[...]).reshape(-1)
    offsets[-1] = hits
    return offsets


def _refuse(path: str, starts: NDArray[np.int64], hits: int) -> None:
    beyond = np.flatnonzero((starts < 0) | (starts > hits))
    if len(beyond):
        event = int(beyond[0])
        raise SourceError(
            f"{path}: {INDEX}: event {event} points to hit {starts[event]}, file has {hits}; the file is cut off or damaged: copy it again"
        )
    event = int(np.argmax(starts[1:] < starts[:-1])) + 1
    raise SourceError(f"{path}: {INDEX} decreases at event {event} ({starts[event - 1]} → {starts[event]}); merge or write the file again")


def compact(offsets: NDArray[np.int64], keep: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Offsets of the events that are kept, and the mask (H,) of their hits among all that the offsets span.

    >>> offsets, hits = compact(np.array([0, 2, 2, 5]), np.array([True, False, True]))
    >>> offsets.tolist(), hits.tolist()
    ([0, 2, 5], [True, True, True, True, True])
    """
    counts = np.diff(offsets)
    return np.concatenate([[0], np.cumsum(counts[keep])]).astype(np.int64), np.repeat(keep, counts)
