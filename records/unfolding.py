"""Results of unfolding: spectra by any method, flux, choice of the prior's strength, pseudo-experiments.

Lists run over the truth bins in range, whose limits are ``edges``; what lies outside stands in ``underflow`` and ``overflow``. ``f`` counts events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Parameter, Value

NAN = math.nan


@dataclass(frozen=True, repr=False)
class UnfoldingSettings(Value):
    """The choices behind a spectrum. ``tau``: one for each bin, None without prior."""

    tau: list[float] | None
    space: str
    mc_stat: str
    epsilon: float | None
    compat: str | None = None


@dataclass(frozen=True, repr=False)
class ChainConvergence(Value):
    """What Markov chains reached; all conditions held, or there would be no result."""

    steps: int
    walkers: int
    ensembles: int
    tau_steps: float  # integrated autocorrelation time of ``slowest``
    slowest: str
    effective_samples: float
    r_hat: float
    r_hat_of: str
    acceptance: float
    behind: float  # ln p of the worst walker's best below the median
    seed: int


@dataclass(frozen=True, repr=False)
class UnfoldedSpectrum(Value):
    """An unfolded spectrum. ``lower`` and ``upper``: 68 %; where ``unconstrained``, 0 and the 90 % ``upper_limit`` (else NaN)."""

    method: str  # map, mcmc, ibu, tsvd
    valid: bool
    reason: str
    edges: list[float]
    f: list[float]
    lower: list[float]
    upper: list[float]
    covariance: list[list[float]]
    unconstrained: list[bool]
    upper_limit: list[float]
    underflow: tuple[float, float] | None  # f and its error
    overflow: tuple[float, float] | None
    settings: UnfoldingSettings
    n_observed: float
    global_correlation: list[float] = field(default_factory=list)
    n_eff: float = NAN
    value: float = NAN  # of the objective
    iterations: int | None = None
    nuisances: Mapping[str, Parameter] = field(default_factory=dict)  # in units of their standard deviation, from the nominal value
    epsilon: Parameter | None = None
    singular_values: list[float] = field(default_factory=list)
    convergence: ChainConvergence | None = None
    sources: Mapping[str, list[list[float]]] = field(default_factory=dict)  # parts of the covariance: statistical, simulation, nuisances
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class FluxSpectrum(Value):
    """A flux by bin; ``covariances`` by source add up to the total. ``upper_limit`` (90 %): NaN but where the data do not constrain the bin."""

    edges: list[float]
    flux: list[float]
    unit: str
    covariances: Mapping[str, list[list[float]]]
    method: str = ""  # of the spectrum behind it
    upper_limit: list[float] = field(default_factory=list)
    livetime_s: float = NAN
    partial: bool = False  # from a run that did not process all


@dataclass(frozen=True, repr=False)
class RegularisationScan(Value):
    """What each tau does. ``coverage`` and ``bias_over_sigma``: spectrum -> [tau][bin], from toys; the other lists are by tau."""

    tau: list[float]
    distance: list[float]  # -2 ln L of the data
    roughness: list[float]  # penalty at tau = 1
    curvature: list[float]  # of the L-curve; NaN at the ends
    correlation: list[float]  # mean global correlation
    n_eff: list[float]
    squared_error: list[float]  # mean of (f/truth - 1)^2 over bins, toys and spectra
    coverage: Mapping[str, list[list[float]]]
    bias_over_sigma: Mapping[str, list[list[float]]]
    allowed: list[bool]
    rule: str
    chosen: float  # NaN if no tau qualifies
    reason: str
    n_toys: int
    seed: int


@dataclass(frozen=True, repr=False)
class ClosureTable(Value):
    """Pseudo-experiments by bin. ``sampled_coverage``: of chains in ``n_sampled`` of them (NaN without)."""

    mode: str  # response, independent, bootstrap
    edges: list[float]
    truth: list[float]
    coverage: list[float]
    coverage_error: list[float]
    pull_mean: list[float]
    pull_width: list[float]
    median_bias: list[float]
    bias_over_sigma: list[float]
    sampled_coverage: list[float]
    n_sampled: int
    n_toys: int
    n_valid: int
    failures: Mapping[str, int]
    settings: UnfoldingSettings
    seed: int
