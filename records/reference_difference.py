"""How the published analysis and this one differ, with numbers from the waveforms of a run."""

from __future__ import annotations

from dataclasses import dataclass

from records.value import Value


@dataclass(frozen=True, repr=False)
class DifferenceRow(Value):
    """One behaviour of the published analysis, what is done here instead, and its effect on these data (NaN: not measurable on them, and why)."""

    behaviour: str
    ours: str
    effect: float
    unit: str
    meaning: str  # of the number


@dataclass(frozen=True, repr=False)
class ReferenceDifference(Value):
    """All rows for one point, of ``n`` triggers of which the published analysis accepted ``n_accepted``."""

    n: int
    n_accepted: int
    rows: tuple[DifferenceRow, ...]
