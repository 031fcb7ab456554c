"""Which bins of the histograms make the rows and columns of a problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.stopping_muons.inputs import ALL, Cells
from processors.proxy_bins import merged_bins, refuse_too_few

Array = NDArray[np.float64]
FEWEST_EVENTS = 10.0  # of simulation, unweighted, in a truth bin at the end of a sector's range
SMALLEST = 1e-9  # events: a proxy bin that expects none is never left alone


@dataclass(frozen=True)
class Layout:
    """``groups``: proxy bins of each row. Columns: truth bins ``first`` to ``last`` (excluded) in range; what lies before and after joins the flow.

    ``underflow``, ``overflow``: whether the flow at that end holds simulated events; it is left out where it does not.
    """

    groups: list[list[int]]
    first: int
    last: int
    underflow: bool
    overflow: bool

    @property
    def inside(self) -> slice:
        """The truth bins in range, among those of the histograms without flow."""
        return slice(self.first, self.last)

    def of(self, cells: Cells) -> Cells:
        """Sums of histograms (proxy bins, truth bins with flow) as rows and columns of the problem."""
        return Cells(self.columns(cells.W), self.columns(cells.S)).rows(self.groups)

    def columns(self, values: Array) -> Array:
        """Of sums (..., truth bins with flow)."""
        before, after = values[..., : self.first + 1].sum(axis=-1, keepdims=True), values[..., self.last + 1 :].sum(axis=-1, keepdims=True)
        parts = [values[..., self.first + 1 : self.last + 1]]
        return np.concatenate([*([before] if self.underflow else []), *parts, *([after] if self.overflow else [])], axis=-1)


def layout(rate: Cells, livetime_s: float, *, target: str, sector: str, min_expected: float) -> Layout:
    """For the response ``rate`` in Hz: sparse proxy bins are merged with a neighbour; a sector leaves out truth bins at the ends that it cannot see.

    InputError where fewer proxy bins than truth bins are left, or a sector sees fewer than three.
    """
    merged = merged_bins(rate.W.sum(axis=1) * livetime_s, max(min_expected, SMALLEST))
    groups = [np.flatnonzero(merged == number).tolist() for number in range(int(merged.max()) + 1)]
    total = rate.W.sum(axis=0)
    first, last = (0, total.size - 2) if sector == ALL else _seen(rate, target, sector)
    found = Layout(groups, first, last, bool(total[: first + 1].sum() > 0), bool(total[last + 1 :].sum() > 0))
    refuse_too_few(len(groups), last - first + int(found.underflow) + int(found.overflow), target, rate.W.shape[0])
    return found


def _seen(rate: Cells, target: str, sector: str) -> tuple[int, int]:
    """First and last truth bin in range between which a sector has events."""
    total, squares = rate.W.sum(axis=0)[1:-1], rate.S.sum(axis=0)[1:-1]
    events = np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)
    seen = np.flatnonzero(events >= FEWEST_EVENTS)
    if seen.size < 3:
        raise InputError(f"sector {sector}: simulated events in {seen.size} truth bins of {target}, at least 3 are needed; choose wider cuts")
    return int(seen[0]), int(seen[-1]) + 1
