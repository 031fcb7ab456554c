"""What a data set of ``iwcd`` holds, particle by particle: numbers of events, hits, charge, and what each cut leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Value


@dataclass(frozen=True, repr=False)
class Distribution(Value):
    """Of one quantity over events: mean with its error, median and quantiles. NaN where there are no events."""

    mean: float
    mean_error: float
    median: float
    quantiles: Mapping[str, float]  # "0.05", "0.16", "0.84", "0.95"


@dataclass(frozen=True, repr=False)
class ParticleSummary(Value):
    """All events of one particle, those without hits and those not selected included; correlations with the total energy."""

    n: int
    selected: int
    zero_hit: int
    nhits: Distribution
    charge_pe: Distribution
    pearson_nhits: float
    spearman_nhits: float
    pearson_charge: float
    spearman_charge: float
    cut_flow: Mapping[str, int]  # cut -> events that pass it and all before


@dataclass(frozen=True, repr=False)
class SampleSummary(Value):
    """One data set. Events count one each, whatever their weights."""

    dataset: str
    particles: Mapping[str, ParticleSummary]
    notes: list[str] = field(default_factory=list)
    input_digest: str = ""
    partial: bool = False
