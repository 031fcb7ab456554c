"""Result of the comparison of generated events with real samples: number of hits in slices of energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Value


@dataclass(frozen=True, repr=False)
class ShapeTest(Value):
    """Two distributions of the number of hits: Kolmogorov-Smirnov distance and chi-square of homogeneity of two binned samples."""

    ks_distance: float
    ks_p: float
    chi2: float
    degrees_of_freedom: int
    chi2_p: float
    edges: list[float]
    real: list[float]  # events in each bin
    generated: list[float]


@dataclass(frozen=True, repr=False)
class HitsComparison(Value):
    """One particle: hits in slices of energy above the sample's smallest, of real (published) and generated events.

    Errors of real means are made with the generated spread: the publication gives none. ``chi2`` compares the means of all slices.
    """

    low_mev: list[float]
    high_mev: list[float]
    n_real: list[float]
    mean_real: list[float]
    mean_real_error: list[float]
    median_real: list[float]
    q95_real: list[float]
    n: list[int]
    mean: list[float]
    mean_error: list[float]
    median: list[float]
    q95: list[float]
    ratio: list[float]  # of means, generated over real
    ratio_error: list[float]
    chi2: float
    chi2_p: float
    total_mean: float
    total_mean_error: float
    total_mean_real: float
    total_mean_real_error: float
    zero_fraction: float
    largest_deviation: float  # of a slice's ratio from 1
    shapes: list[ShapeTest] = field(default_factory=list)  # by slice, where the real events are at hand
    shape: ShapeTest | None = None  # of all energies
    zero_fraction_real: float | None = None


@dataclass(frozen=True, repr=False)
class GeneratorResult(Value):
    """How well generated events follow real ones."""

    particles: Mapping[str, HitsComparison]
    source: str
    notes: list[str] = field(default_factory=list)
    input_digest: str = ""
    partial: bool = False
