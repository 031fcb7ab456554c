"""Results of the studies that follow a fit of ``diffuse``: impacts, events, longer exposures, other models, the posterior."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Parameter, Value


@dataclass(frozen=True, repr=False)
class Impact(Value):
    """One nuisance parameter: its value after the fit, and what the parameters of interest do when it is held a standard deviation away.

    ``shift_down``, ``shift_up``: parameter of interest -> change of its value, NaN where that fit failed. ``constraint``: error after the fit over
    the prior's width, NaN without a prior. ``held_down``, ``held_up``: where it was held; at a bound less than a standard deviation away.
    """

    value: float
    error: float
    held_down: float
    held_up: float
    shift_down: Mapping[str, float]
    shift_up: Mapping[str, float]
    pull: float | None
    constraint: float

    def size(self, name: str) -> float:
        """The larger shift of a parameter of interest, without its sign."""
        return max(abs(self.shift_down[name]), abs(self.shift_up[name]))


@dataclass(frozen=True, repr=False)
class ImpactResult(Value):
    """Impacts of every nuisance parameter of one fit; ``errors``: total error of each parameter of interest."""

    errors: Mapping[str, float]
    impacts: Mapping[str, Impact]
    failed: list[str]  # fits that did not converge, as "atmos_norm up"

    @property
    def valid(self) -> bool:
        """Whether every fit converged."""
        return not self.failed

    @property
    def reason(self) -> str:
        """The fits that did not."""
        return f"no fit with {', '.join(self.failed)} held" if self.failed else ""

    def ranked(self, name: str) -> list[str]:
        """Nuisance parameters, the one that shifts ``name`` most first; those without a number last."""
        return sorted(self.impacts, key=lambda one: -self.impacts[one].size(name) if self.impacts[one].size(name) >= 0 else 1.0)


@dataclass(frozen=True, repr=False)
class EventTable(Value):
    """Every selected event; columns of one length.

    What the fit knows of an event is its bin: ``energy_low_gev`` to ``third_high``. ``signalness``: astrophysical share of the expectation there;
    ``shares``: component -> its share. ``true_energy_gev``: quantile ("0.16", "0.5", ...) -> neutrino energy in the bin, were the event
    astrophysical. The columns from ``file`` on are empty where the processor kept no events: then rows are in the order of the bins, else in that
    of the files. ``entry`` counts from 0 in the file (published event numbers are not in the public file); ``length_m`` is NaN but for double
    cascades; ``bin`` is the flat index in the official order.
    """

    channel: list[str]
    energy_low_gev: list[float]
    energy_high_gev: list[float]
    third_axis: list[str]
    third_low: list[float]
    third_high: list[float]
    expected: list[float]
    signalness: list[float]
    true_energy_gev: Mapping[str, list[float]]
    n_unexplained: int = 0  # events in bins without expectation, whose numbers are NaN
    shares: Mapping[str, list[float]] = field(default_factory=dict)
    file: list[str] = field(default_factory=list)
    entry: list[int] = field(default_factory=list)
    energy_gev: list[float] = field(default_factory=list)
    coszen: list[float] = field(default_factory=list)
    length_m: list[float] = field(default_factory=list)
    bin: list[int] = field(default_factory=list)

    @property
    def identified(self) -> bool:
        """Whether it is known which event of the input each row is."""
        return bool(self.entry)

    @property
    def deposited_gev(self) -> list[float]:
        """Deposited energies: as reconstructed, or the geometric middle of the bin."""
        if self.identified:
            return list(self.energy_gev)
        return [(low * high) ** 0.5 for low, high in zip(self.energy_low_gev, self.energy_high_gev, strict=True)]

    @property
    def expected_signal(self) -> float:
        """Sum of the signalness: astrophysical events among those observed."""
        return sum(one for one in self.signalness if one == one)


@dataclass(frozen=True, repr=False)
class Exposure(Value):
    """Expected errors of one exposure; ``ts_background``: test statistic of no astrophysical flux, ``significance`` in standard deviations.

    Both are NaN where that fit fails, as it does when a bin has simulated events of the flux and none of the atmosphere: there is no likelihood then.
    """

    factor: float
    livetime_s: float
    valid: bool
    reason: str
    parameters: Mapping[str, Parameter]
    n_expected: float
    ts_background: float
    significance: float


@dataclass(frozen=True, repr=False)
class AsimovStudy(Value):
    """Asimov sets at the best fit for several exposures; the priors stay as wide as they are."""

    truth: Mapping[str, float]
    exposures: list[Exposure]

    @property
    def valid(self) -> bool:
        """Whether every exposure has its errors."""
        return all(one.valid for one in self.exposures)

    @property
    def reason(self) -> str:
        """Which has not, and why."""
        return "; ".join(f"livetime x {one.factor:g}: {one.reason}" for one in self.exposures if not one.valid)


@dataclass(frozen=True, repr=False)
class ComparedModel(Value):
    """One spectrum: minimum, and its test statistic over the null with p-values (NaN for the null, and from toys where there are none).

    Where the null is not ``nested`` in it (segments) ``ts`` may be negative and ``p_chi2`` is NaN: only toys of the null tell its distribution.
    """

    valid: bool
    reason: str
    parameters: Mapping[str, Parameter]
    n_free: int
    nll: float
    aic: float  # 2 n_free + 2 nll, H. Akaike, IEEE Trans. Autom. Control 19 (1974) 716
    ts: float
    p_chi2: float
    p_toys: float
    p_toys_error: float
    n_valid: int
    n_failed: int
    nested: bool = True

    def missing(self, n_toys: int) -> str:
        """What of the comparison with the null, which has ``n_toys`` toys, could not be had and why; empty for one that is whole."""
        if not self.valid:
            return self.reason
        if math.isnan(self.ts):
            return "no test statistic: a fit did not converge or missed its minimum"
        return f"none of {n_toys} toys has a test statistic" if n_toys and not self.n_valid else ""


@dataclass(frozen=True, repr=False)
class ModelComparison(Value):
    """Spectra fitted to the same data; the ``null`` is nested in each of the others unless that says otherwise."""

    null: str
    models: Mapping[str, ComparedModel]
    seed: int
    n_toys: int

    @property
    def valid(self) -> bool:
        """Whether every spectrum has its fit and its test."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Which has not, and why."""
        missing = {name: one.missing(self.n_toys) for name, one in self.models.items() if name != self.null}
        return "; ".join(f"{name}: {reason}" for name, reason in missing.items() if reason)


@dataclass(frozen=True, repr=False)
class PosteriorResult(Value):
    """A sampled posterior. ``intervals``: share -> parameter -> (low, high), central; ``samples``: some of them for figures, by parameter."""

    names: list[str]
    median: Mapping[str, float]
    mean: Mapping[str, float]
    intervals: Mapping[str, Mapping[str, tuple[float, float]]]
    correlation: list[list[float]]
    best: Mapping[str, float]  # of the fit, beside it
    samples: Mapping[str, list[float]]
    steps: int
    walkers: int
    tau_steps: float
    effective_samples: float
    r_hat: float
    acceptance: float
    seed: int


STUDIES = (ImpactResult, EventTable, AsimovStudy, ModelComparison, PosteriorResult)
