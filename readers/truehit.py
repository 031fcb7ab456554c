"""Photons of a truehit file -> hits as photomultipliers would give them."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import ArrayLike, NDArray

from readers.source import SourceError


def digitise(hits: ak.Array, rows: ArrayLike, *, smear_ns: float = 0.0, seed: int = 0) -> ak.Array:
    """Lists of hits {pmt, charge, time} from lists of photons {pmt, time}: charge = number of photons, time = the earliest, in the order of PMTs.

    ``smear_ns``: width of a Gaussian added to each time. Its random numbers follow from ``seed`` and the row of the event in its file (``rows``),
    so that chunking does not matter. The sign of times is kept and PMT numbers are as wide as they need. The time origin is not touched.
    """
    for name in ("pmt", "time"):
        if name not in hits.fields:
            raise SourceError(f"photons have no field {name!r} (they have {', '.join(hits.fields)}); a truehit file has hit_pmt and hit_time")
    counts = np.asarray(ak.num(hits.pmt))
    event = np.repeat(np.arange(len(counts)), counts)
    pmt, time = (np.asarray(ak.flatten(hits[name])) for name in ("pmt", "time"))
    order = np.lexsort((time, pmt, event))
    event, pmt, time = event[order], pmt[order], time[order]
    first = np.flatnonzero(np.append(True, (event[1:] != event[:-1]) | (pmt[1:] != pmt[:-1]))) if len(event) else np.empty(0, np.int64)
    charge = np.diff(np.append(first, len(event))).astype(np.float32)
    found = np.bincount(event[first], minlength=len(counts))
    times = time[first] + _smearing(np.asarray(rows), found, smear_ns, seed).astype(time.dtype)
    return ak.unflatten(ak.zip({"pmt": pmt[first], "charge": charge, "time": times}), found)


def _smearing(rows: NDArray, counts: NDArray, smear_ns: float, seed: int) -> NDArray[np.float64]:
    """Normal deviates for the hits of each event, from a generator of its own."""
    if smear_ns == 0:
        return np.zeros(int(counts.sum()))
    parts = [np.random.default_rng([seed, int(row)]).normal(0.0, smear_ns, count) for row, count in zip(rows, counts, strict=True)]
    return np.concatenate([np.empty(0), *parts])
