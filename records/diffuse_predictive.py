"""What the posterior or toys of a ``diffuse`` fit predict for the counts of projections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Value


@dataclass(frozen=True, repr=False)
class Predicted(Value):
    """One projection, a number per bin: median expectation and its 68 % band; central 68 and 95 % intervals of the counts, ends included.

    ``observed`` is empty for an Asimov set, ``p_value`` NaN then.
    """

    axis: str
    channels: list[str]
    edges: list[float]
    median: list[float]
    expected_low: list[float]
    expected_high: list[float]
    counts_68_low: list[int]
    counts_68_high: list[int]
    counts_95_low: list[int]
    counts_95_high: list[int]
    observed: list[float] = field(default_factory=list)
    p_value: float = float("nan")

    @property
    def outside_95(self) -> int:
        """Bins whose observed count lies outside the 95 % interval."""
        return sum(not low <= count <= high for low, count, high in zip(self.counts_95_low, self.observed, self.counts_95_high, strict=False))


@dataclass(frozen=True, repr=False)
class PredictiveResult(Value):
    """Bands by projection (``energy``, ``energy.cascade``, ``reco_coszen``, ...); ``source`` of the samples: posterior, or toys at the best fit."""

    source: str
    n_samples: int
    projections: Mapping[str, Predicted]
