"""What may be wrong with the values of water-Cherenkov events, in words: each function gives the message, or None when all is well.

Which of these end a run and which are warnings is for the caller.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physics.tank import Tank, outside

OUTSIDE_SHARE = 0.05  # of vertices outside the tank: more means another tank


def not_finite(column: str, values: NDArray, event: NDArray | None = None) -> str | None:
    """NaN and infinity; ``event``: the row of each value (null: values are rows from 0)."""
    wrong = ~np.isfinite(values)
    if not wrong.any():
        return None
    first = int(np.argmax(wrong))
    return f"{column}: {int(wrong.sum())} non-finite values, first in event {first if event is None else int(event[first])}"


def pmts_beyond(pmt: NDArray, count: int, geometry: str) -> str | None:
    """Hits on photomultipliers that a geometry of ``count`` does not have."""
    if not len(pmt) or (pmt.min() >= 0 and pmt.max() < count):
        return None
    if pmt.min() < 0:
        return f"hit_pmt down to {pmt.min()}: PMTs count from 0"
    return f"hit_pmt up to {pmt.max()} but geometry {geometry} has {count} PMTs: wrong tank preset?"


def share_outside(position_cm: ArrayLike, tank: Tank) -> float:
    """Share of vertices (n, 3) outside the tank; 0 without vertices."""
    out = outside(position_cm, tank)
    return float(out.mean()) if out.size else 0.0


def vertices_outside(position_cm: ArrayLike, tank: Tank) -> str | None:
    """More vertices outside than a few at the wall: ``share_outside`` above 5 %."""
    share = share_outside(position_cm, tank)
    return f"positions do not fit tank {tank} ({share:.1%} outside): wrong tank preset?" if share > OUTSIDE_SHARE else None


def below_threshold(visible_energy_mev: NDArray) -> str | None:
    """Events with less total energy than their particle needs to make light."""
    count = int(np.sum(visible_energy_mev < 0))
    return (
        f"{count} of {len(visible_energy_mev)} events have an energy below the threshold of their label (labels or label map wrong?)"
        if count
        else None
    )


def labels_unknown(labels: NDArray, known: Collection[int]) -> str | None:
    """Not one label that the label map holds; the normal case for a file of neutral pions alone."""
    if not len(labels) or np.isin(labels, list(known)).any():
        return None
    return f"no known label; give particle: for this file (its labels: {', '.join(map(str, np.unique(labels)[:8]))})"
