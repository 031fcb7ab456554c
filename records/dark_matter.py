"""Results of the dark-matter analysis: one for each combination of channel and mass, named ``<fit>.<channel>_<mass>``.

Numbers of events ``n`` are those of the stack in its energy window; values are the same numbers as a cross-section (cm^3 s^-1), for decays as a
lifetime (s; a lower limit where n is an upper one). Keys "-2" ... "2" are standard deviations in the limits on n that background alone gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Value


@dataclass(frozen=True, repr=False)
class Reach(Value):
    """The number of events at which a share ``target`` of the trials has a TS above ``threshold_ts``: a sensitivity or a discovery potential.

    ``points``: injected numbers, ``fraction`` of ``trials`` above the threshold; the curve is Phi(a + b n + c n^2). ``value``: n in the unit of the
    result. Infinite when no number of events reaches it.
    """

    n: float
    n_error: float
    value: float
    target: float
    threshold_ts: float
    threshold_origin: str  # "trials", or "fitted tail" of too few of them
    asymptotic_n: float
    points: list[float]
    fraction: list[float]
    trials: list[int]
    curve: tuple[float, float, float]


@dataclass(frozen=True, repr=False)
class Interval(Value):
    """An upper limit or interval at confidence ``cl`` by a method, on events and in the unit of the result, and the band expected of background.

    ``n_low``, ``n_up`` and ``low``, ``up``: observed (NaN while blind); an open end is infinite.
    """

    method: str
    cl: float
    band_method: str
    band_n: Mapping[str, float]
    band: Mapping[str, float]
    n_low: float
    n_up: float
    low: float
    up: float


@dataclass(frozen=True, repr=False)
class Observation(Value):
    """The fit to the unblinded data and how often background alone does as much."""

    n_hat: float
    ts: float
    p: float
    p_error: float
    significance: float
    p_asymptotic: float
    p_global: float  # NaN without scrambled skies
    p_global_error: float


@dataclass(frozen=True, repr=False)
class SourceResult(Value):
    """One source alone, for information: sources share the events of the sky and are not combined from these."""

    name: str
    share: float  # of the stack's signal
    acceptance_cm2: float
    acceptance_error: float  # relative, statistical
    sigma_n: float
    sensitivity: float  # asymptotic, in the unit of the result
    n_hat: float
    ts: float
    p_asymptotic: float
    up: float  # profile limit; observed values are NaN while blind


@dataclass(frozen=True, repr=False)
class TrialSummary(Value):
    """Histograms of background trials: fitted numbers and TS, the share of exact zeros."""

    n_trials: int
    engine: str
    stream: str  # key of their random numbers, hexadecimal
    zero_fraction: float
    ts_edges: list[float]
    ts_counts: list[int]
    n_hat_edges: list[float]
    n_hat_counts: list[int]
    ts_quantiles: Mapping[str, float]  # at 1, 2, 3 standard deviations


@dataclass(frozen=True, repr=False)
class InjectionCheck(Value):
    """Trials with signal: mean, median and central 68 % of the fitted number by injected number (bias, linearity).

    ``critical_q``: quantile at the limits' confidence of q_n in trials of ``critical_n`` events.
    """

    injected: list[float]
    mean: list[float]
    mean_error: list[float]
    low: list[float]
    median: list[float]
    high: list[float]
    critical_n: list[float]
    critical_q: list[float]


@dataclass(frozen=True, repr=False)
class CombinationResult(Value):
    """One channel and mass: what can be seen, what is excluded, and everything that the numbers rest on."""

    channel: str
    mass_gev: float
    mode: str  # annihilation | decay
    unit: str  # of values: cm^3 s^-1 (sigma-v) or s (lifetime)
    window_gev: tuple[int, int]
    n_events: int
    livetime_s: float
    sigma_n: float
    information: float
    information_loss: float
    ratio_bins: int
    energy_bins_gev: list[int]
    per_event: float  # value of one event; lifetime times events for decays
    sum_j_area: float
    acceptance_error: float  # relative, statistical
    spread: float  # of the logarithm of the common factor on the signal
    j_nuisance: str
    sensitivity: Reach
    discovery: Mapping[str, Reach]  # by standard deviations, "3", "5"
    limit: Interval
    asymptotic_limit: Interval  # cls by the asymptotic formulae, as a check
    background: TrialSummary
    injection: InjectionCheck
    observation: Observation | None = None  # None while blind
    pyhf_limit: Interval | None = None  # CLs by pyhf on the exported workspace
    sources: list[SourceResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blind: bool = True
    likelihood: str = "stack"
    spectra: str = ""
    catalogue: str = ""
    seed: int = 1
    config_hash: str = ""
    partial: bool = False  # made from an incomplete run (--allow-partial)


@dataclass(frozen=True, repr=False)
class ReferenceModeResult(Value):
    """Trials of the published program's likelihood (``likelihood.type: reference``): for the comparison with it, never for a result of physics.

    TS of background trials: mean, median, 90 % quantile, share of zeros. ``sensitivity_n``: injected events that 90 % of the trials with signal see
    above the median, with the statistic ``signal_ts``; as published it is not that of the background.
    """

    channel: str
    mass_gev: float
    window_gev: tuple[int, int]
    n_events: int  # of the sample of every source, compat.n_trial
    n_trials: int
    ts_mean: float
    ts_median: float
    ts_90: float
    zero_fraction: float
    sensitivity_n: float
    signal_ts: str  # reference | consistent
    background: str  # shared by the trials with signal | fresh for each
    seed: int
    partial: bool = False
