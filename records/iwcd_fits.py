"""Results of the fits of ``iwcd``: composition of a sample, scale of the light yield, linearity and resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Parameter, Value


@dataclass(frozen=True, repr=False)
class ProfileCurve(Value):
    """One quantity held at each ``x``, all else minimised: ``delta_nll`` above the minimum, and its intervals (Delta NLL 0.5 and 1.92)."""

    x: list[float]
    delta_nll: list[float]
    interval_68: tuple[float, float]
    interval_95: tuple[float, float]


@dataclass(frozen=True, repr=False)
class Saturated(Value):
    """Goodness of fit: -2 ln of the likelihood's ratio to that of a model that reproduces every bin."""

    statistic: float
    degrees_of_freedom: int
    p_asymptotic: float
    p_toys: float | None = None
    n_toys: int = 0
    n_failed: int = 0


@dataclass(frozen=True, repr=False)
class FittedBins(Value):
    """Data and fitted expectation by bin. ``expected_error``: from the parameters and, for finite templates, their factors."""

    labels: list[str]
    data: list[float]
    expected: Mapping[str, list[float]]  # group -> events in each bin at the minimum
    pull: list[float]  # (data - expected) / sqrt(expected)


@dataclass(frozen=True, repr=False)
class CrossCheck(Value):
    """The same fit by another program; ``difference``: largest of (theirs - ours)/our error over the groups."""

    engine: str
    template_errors: bool  # False: neither side has factors of bins nor systematics
    yields: Mapping[str, float]
    errors: Mapping[str, float]
    native: Mapping[str, float]
    difference: float
    valid: bool
    reason: str = ""


@dataclass(frozen=True, repr=False)
class PseudoExperiments(Value):
    """Fits of pseudo-data, templates varied too: bias in errors and width of the pulls by group."""

    truth: Mapping[str, float]
    n_requested: int
    n_valid: int
    pull_mean: Mapping[str, float]
    pull_width: Mapping[str, float]
    mean_error: Mapping[str, float]
    near_bound: Mapping[str, float]  # share of the fits that end at a bound
    pulls: Mapping[str, list[float]] = field(default_factory=dict)  # of the fits that do not


@dataclass(frozen=True, repr=False)
class FractionsResult(Value):
    """Composition of a sample. Where ``errors_withheld`` says why, symmetric errors are NaN and the profile intervals are the answer."""

    valid: bool
    reason: str
    groups: Mapping[str, list[str]]  # group -> particles
    yields: Mapping[str, Parameter]  # events of each group among the fitted ones
    fractions: Mapping[str, Parameter]
    nuisances: Mapping[str, Parameter]  # systematics in standard deviations
    names: list[str]  # order of the correlation: groups, then nuisances
    correlation: list[list[float]]
    profiles: Mapping[str, ProfileCurve]
    errors_withheld: str
    condition_number: float  # of the normalised templates
    goodness: Saturated
    bins: FittedBins
    template_events: Mapping[str, float]
    n_observed: int
    n_outside: int  # data events outside the edges of the channels
    engine: str
    template_errors: bool
    merged_bins: list[str] = field(default_factory=list)
    truth: Mapping[str, float] = field(default_factory=dict)  # true numbers where the data are labelled
    crosschecks: Mapping[str, CrossCheck] = field(default_factory=dict)
    toys: PseudoExperiments | None = None
    notes: list[str] = field(default_factory=list)
    seed: int | None = None
    input_digest: str = ""
    partial: bool = False


@dataclass(frozen=True, repr=False)
class ScaleResult(Value):
    """Light yield of the data over that of the template sample: t of the template times ``scale`` describes the data."""

    valid: bool
    reason: str
    parameters: Mapping[str, Parameter]  # scale, resolution (extra Gaussian width of t), norm (data over template)
    correlation: list[list[float]]
    goodness: Saturated
    variable: str
    edges: list[float]
    data: list[float]
    expected: list[float]  # the scaled template
    fitted: list[float]  # with the factors of the template's statistics at their best; they follow the data
    expected_error: list[float]  # of ``expected``, from the template's statistics
    profile: ProfileCurve  # of the scale
    n_template: int
    n_data: int
    n_outside: int  # data events outside the range of t
    notes: list[str] = field(default_factory=list)
    input_digest: str = ""
    partial: bool = False


@dataclass(frozen=True, repr=False)
class ResponseSlice(Value):
    """Charge over visible energy in one slice. Errors are NaN where the fit of the shape failed (``reason``)."""

    low_mev: float
    high_mev: float
    mean_energy_mev: float
    n: int
    peak: float  # p.e. per MeV: position of the Crystal Ball
    peak_error: float
    sigma: float
    sigma_error: float
    tail_start: float  # in sigma
    tail_power: float
    median: float
    half_width: float  # half of the central 68.27 %
    half_width_error: float
    edges: list[float]
    counts: list[float]
    expected: list[float]
    valid: bool
    reason: str = ""


@dataclass(frozen=True, repr=False)
class Curve(Value):
    """A least-squares curve through the slices."""

    parameters: Mapping[str, Parameter]
    covariance: list[list[float]]  # order of parameters
    chi2: float
    degrees_of_freedom: int


@dataclass(frozen=True, repr=False)
class ResponseResult(Value):
    """Linearity and resolution of contained particles."""

    particle: str
    slices: list[ResponseSlice]
    linearity: Curve  # charge = a + b E + c E^2
    resolution: Curve  # sigma/peak = sqrt(S^2/E + C^2)
    resolution_from_width: Curve  # the same of half width/median
    largest_deviation: float  # of charge/E in a slice from its mean, relative
    n_events: int
    n_contained: int
    containment: str
    notes: list[str] = field(default_factory=list)
    input_digest: str = ""
    partial: bool = False
