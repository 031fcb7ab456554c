"""Options of the analysis ``diffuse``: response binning, models, likelihoods, what each fit leaves behind."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from configs.diffuse_joint import BELONG_TO_SAMPLES, OF_ONE_SAMPLE, Joint
from configs.diffuse_studies import Studies
from configs.errors import nearest
from configs.figure_style import FigureStyle
from configs.strict import Strict

Probability = Annotated[float, Field(gt=0, lt=1)]
Engine = Literal["native", "zfit", "pyhf"]
Likelihood = Literal["poisson", "say", "bb_lite"]
Spectrum = Literal["power_law", "log_parabola", "cutoff", "broken_power_law", "segmented", "table", "class", "expression"]
ProjectionAxis = Literal["energy", "zenith", "topology"]
Figure = Literal[
    "energy", "zenith", "length", "contour", "profile", "spectrum", "correlation", "pulls", "toys", "gof", "feldman_cousins", "test", "response",
    "flavour",
    "impacts", "events", "exposures", "models", "posterior", "predictive", "surrogate",
    "compare_fit", "compare_scan", "compare_segments",
]  # fmt: skip

REPORT = "compare"  # the result of a whole configuration that stands beside those of its fits


class CustomBinning(Strict):
    """Bin edges of one's own: deposited energy, cos zenith and (double cascades) length; ``length_m`` null: energy and angle only."""

    energy_gev: list[float]
    coszen: list[float]
    length_m: list[float] | None = None


class Selection(Strict):
    """Cuts on reconstructed quantities; lower edges inclusive, upper edges too."""

    edep_min_gev: PositiveFloat = 6.0e4
    edep_max_gev: PositiveFloat = 1.0e7
    length_min_m: PositiveFloat = 10.0
    length_max_m: PositiveFloat = 1000.0


class TrueEnergy(Strict):
    """Nodes of the true-energy axis; ``breakpoints`` are extra edges (segments, spectral breaks) in GeV."""

    min_gev: PositiveFloat = 1.0e4
    max_gev: PositiveFloat = 1.0e7
    per_decade: PositiveInt = 20
    breakpoints: list[PositiveFloat] = []


class Systematics(Strict):
    """Detector parameters whose cell averages are tabulated; ``tables``: folder of the release's 45 spline tables.

    ``outside``: events outside a table keep their weight (unity), or take the factor at its edge (clip); both are counted.
    """

    epsilon_dom: bool = True
    epsilon_head_on: bool = True
    anisotropy_scale: bool = True
    tables: str = "hese/splines"
    outside: Literal["unity", "clip"] = "unity"


class Processor(Strict):
    """Events -> response histograms (specification 3.1, 3.2)."""

    binning: Literal["official", "bootcamp", "surrogate"] | CustomBinning = "official"
    selection: Selection = Selection()
    true_energy: TrueEnergy = TrueEnergy()
    moments: Literal[0, 1, 2] = 2
    pair_moments: Literal[0, 1, 2] | None = 2
    reference_index: float = 2.5
    negative_weights: Literal["refuse", "allow"] = "refuse"
    flavours: bool = True  # keep one class per flavour; false: one class, as in the exercise
    systematics: Systematics | None = None  # specification 4.3
    keep_events: bool = True  # a table of the selected data events, for fits.<name>.events; at most 100 000

    @model_validator(mode="after")
    def _systematics_by_flavour(self) -> Processor:
        if self.systematics is not None and not self.flavours:
            raise ValueError("systematics need flavours: true, as the detector tables differ by flavour; leave one of them out")
        return self

    @model_validator(mode="after")
    def _pairs_as_deep_as_weights(self) -> Processor:
        if self.pair_moments is not None and self.pair_moments > self.moments:
            raise ValueError(
                f"pair_moments: {self.pair_moments} needs moments: {self.pair_moments}, both fold the same spectrum; "
                f"set pair_moments: {self.moments} (or null: no effective likelihood)"
            )
        return self


class Prior(Strict):
    """One prior: exactly one of its keys."""

    gaussian: tuple[float, PositiveFloat] | None = None  # mean, sigma
    lognormal: tuple[PositiveFloat, PositiveFloat] | None = None  # median, sigma of ln
    asymmetric: tuple[float, PositiveFloat, PositiveFloat] | None = None  # mode, sigma down, sigma up
    flat: tuple[float, float] | None = None  # bounds

    @model_validator(mode="after")
    def _exactly_one(self) -> Prior:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            raise ValueError("a prior has exactly one of gaussian, lognormal, asymmetric, flat")
        return self


class ParameterOptions(Strict):
    """Changes to one parameter of the model."""

    start: float | Annotated[list[float], Field(min_length=1)] | None = None  # several: the fit starts at each and keeps the best
    bounds: tuple[float | None, float | None] | None = None
    prior: Prior | None = None  # null, written out: none, not even the default prior of atmos_norm
    fixed: bool = False


class ShapeParameter(Strict):
    """A parameter of ``model.expression``."""

    start: float
    bounds: tuple[float, float]
    unit: str = ""

    @model_validator(mode="after")
    def _start_within_bounds(self) -> ShapeParameter:
        if not self.bounds[0] < self.bounds[1] or not self.bounds[0] <= self.start <= self.bounds[1]:
            raise ValueError(f"start {self.start:g} must lie within ascending bounds, found {list(self.bounds)}")
        return self


def ascending(key: str, edges_gev: list[float]) -> None:
    """Refuse ends of segments that do not ascend; ``key`` states them."""
    if any(low >= high for low, high in pairwise(edges_gev)):
        raise ValueError(f"{key}: {edges_gev} are not ascending; give the ends of the segments in GeV, each once")


class Model(Strict):
    """The astrophysical spectrum.

    ``table``: a file of (E in GeV, flux) whose shape is used; ``class``: ``my_module.MySpectrum`` beside the config.
    ``expression``: a formula of ``E`` in GeV and the parameters of ``shape``, whose shape is used.
    ``edges_gev``: ends of the segments of ``segmented``, E^-2 with a norm of its own in each; null: those of arXiv:2011.03545.
    ``flavour``: fractions of e, mu, tau at Earth that sum to 1; [1, 1, 1] stands for equal parts.
    ``nuisances``: one norm of the atmosphere (simple), or all parameters of the release's fit that the response knows (official; ``model: official``
    for short), with their priors; ``detector: false`` leaves those of the detector out.
    """

    astro: Spectrum = "power_law"
    pivot_gev: PositiveFloat = 1.0e5
    break_gev: PositiveFloat = 3.0e5
    table: str | None = None
    class_: Annotated[str | None, Field(alias="class")] = None
    expression: str | None = None
    shape: dict[str, ShapeParameter] = {}
    edges_gev: Annotated[list[PositiveFloat], Field(min_length=2)] | None = None
    flavour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    nuisances: Literal["simple", "official"] = "simple"
    detector: bool = True

    @model_validator(mode="before")
    @classmethod
    def _official_for_short(cls, given: Any) -> Any:
        if isinstance(given, str) and given != "official":
            raise ValueError(f"{given!r} is not a model{nearest(given, ['official'])}; give model: official, or its keys (astro, nuisances, ...)")
        return {"nuisances": "official"} if given == "official" else given

    @model_validator(mode="after")
    def _table_and_class_where_they_belong(self) -> Model:
        for kind, given in (("table", self.table), ("class", self.class_), ("expression", self.expression)):
            if self.astro == kind and given is None:
                raise ValueError(f"astro: {kind} needs the key {kind!r}")
            if self.astro != kind and given is not None:
                raise ValueError(f"{kind}: {given} has no effect with astro: {self.astro}; set astro: {kind}")
        if self.shape and self.astro != "expression":
            raise ValueError(f"shape: parameters of an expression have no effect with astro: {self.astro}; set astro: expression")
        return self

    @model_validator(mode="after")
    def _edges_of_segments(self) -> Model:
        if self.edges_gev is not None and self.astro != "segmented":
            raise ValueError(f"edges_gev: segments have no effect with astro: {self.astro}; set astro: segmented")
        ascending("edges_gev", self.edges_gev or [])
        return self


class Scan(Strict):
    """Two-dimensional profile scan: two parameters, each [low, high, points]; ``compare``: an external scan (file or catalogue id).

    A catalogue file that can neither be found nor downloaded leaves the comparison out, with the reason in the result.
    """

    x: str = "astro_gamma"
    y: str = "astro_norm"
    x_grid: tuple[float, float, Annotated[int, Field(ge=3)]] = (2.0, 4.0, 51)
    y_grid: tuple[float, float, Annotated[int, Field(ge=3)]] = (0.0, 12.0, 41)
    compare: str | None = None
    compare_contour: str | None = None


class Profile(Strict):
    """One-dimensional profile of a parameter over [low, high, points]."""

    parameter: str
    grid: tuple[float, float, Annotated[int, Field(ge=3)]]


class Toys(Strict):
    """Pseudo-experiments at the best fit (or at ``truth``)."""

    n: PositiveInt
    aux: Literal["thrown", "fixed"] = "thrown"
    truth: dict[str, float] | None = None
    gof: bool = True
    coverage: bool = False  # MINOS for every toy


def _tested_values(given: Any) -> Any:
    """Refuse ``[2.4, 3.4, 11]``: the form of a profile's grid, where a list of tested values is wanted."""
    if isinstance(given, list) and len(given) == 3 and type(given[2]) is int and float in map(type, given[:2]):
        raise ValueError("reads as [low, high, points], the grid of a profile; list the tested values, with decimal points: [2.4, 2.6, 2.8, 3.0]")
    return given


class FeldmanCousins(Strict):
    """Unified interval of one parameter at the values in ``grid``."""

    parameter: str
    grid: Annotated[list[float], BeforeValidator(_tested_values)] = Field(min_length=3)
    toys: PositiveInt = 1000
    cl: list[Probability] = Field([0.6827, 0.90], min_length=1)


def _one_or_more(given: Any) -> Any:
    """A list, from one of its elements or nothing."""
    return [] if given is None else given if isinstance(given, list) else [given]


class UpperLimit(Strict):
    """Profile-likelihood upper limit of one parameter."""

    parameter: str
    cl: Annotated[float, Field(gt=0.5, lt=1)] = 0.90
    expected_toys: NonNegativeInt = 0


class HypothesisTest(Strict):
    """The fit's model against a wider one, with a p-value from toys."""

    alternative: Spectrum
    toys: PositiveInt = 100


class Segments(Strict):
    """A flux of E^-2 with a norm of its own in each segment; a list of edges in GeV for short.

    The default edges are those of arXiv:2011.03545. ``compare``: a published piecewise spectrum (file or catalogue id) of the same edges.
    """

    edges: list[PositiveFloat] = Field([4.2e4, 8.83e4, 1.86e5, 3.91e5, 8.23e5, 1.73e6, 3.64e6, 7.67e6], min_length=2)
    cl: Annotated[float, Field(gt=0.5, lt=1)] = 0.90  # of the upper limits of segments whose interval reaches 0
    compare: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _edges_for_short(cls, given: Any) -> Any:
        return {"edges": given} if isinstance(given, list) else given

    @model_validator(mode="after")
    def _ascending(self) -> Segments:
        ascending("edges", self.edges)
        return self


class FlavourScan(Strict):
    """Profile over all compositions by flavour at a step of the fractions; a number for short.

    ``mixing``: of the compositions of sources drawn; ``toys`` of each source's composition give its p-value (Poisson likelihood).
    """

    step: Annotated[float, Field(gt=0, le=0.25)] = 0.05
    mixing: str = "nufit60_no"
    toys: NonNegativeInt = 0

    @model_validator(mode="before")
    @classmethod
    def _step_for_short(cls, given: Any) -> Any:
        return {"step": given} if isinstance(given, int | float) and not isinstance(given, bool) else given

    @model_validator(mode="after")
    def _divides_one(self) -> FlavourScan:
        if abs(1.0 / self.step - round(1.0 / self.step)) > 1e-6:
            raise ValueError(f"step: {self.step:g} does not divide 1 into equal parts; give 0.02, 0.04, 0.05, 0.1 or the like")
        return self


class Fit(Studies):
    """One entry of ``fits:``."""

    joint: Joint | None = None  # several samples with one flux; their models, axes and likelihoods are those of their own fits
    model: Model = Model()
    axes: list[ProjectionAxis] = ["energy", "zenith", "topology"]
    likelihood: Likelihood = "poisson"
    engine: Engine = "native"
    empty_bins: Literal["refuse", "skip", "floor"] = "refuse"
    data: Literal["observed", "asimov"] = "observed"
    parameters: dict[str, ParameterOptions] = {}
    minos: list[str] | None = None  # null: astro_norm and the spectrum's own parameters
    scan: Scan | None = None
    profiles: list[Profile] = []
    toys: Toys | None = None
    feldman_cousins: Annotated[list[FeldmanCousins], BeforeValidator(_one_or_more)] = []  # one of them for short
    upper_limits: list[UpperLimit] = []
    test: HypothesisTest | None = None
    asimov: bool = False  # also fit the Asimov set at the best fit: expected errors; expected upper limits from the set without signal
    segments: Segments | None = None  # the flux in segments of energy, with the fit's axes, likelihood and atmosphere
    flavour_scan: FlavourScan | None = None  # composition by flavour, all parameters of the fit profiled
    workspace: bool = False  # write the HistFactory workspace of a Poisson likelihood as workspace_<fit>.json, whatever the engine
    published: dict[str, tuple[float, float, float]] = {}  # parameter -> value, minus, plus; shown beside ours (known ones: key compare)

    @model_validator(mode="after")
    def _what_a_joint_fit_can_have(self) -> Fit:
        if self.joint is None:
            return self
        plain = {**dict.fromkeys(BELONG_TO_SAMPLES, self), **{f"model.{key}": self.model for key in OF_ONE_SAMPLE}}
        for name, options in plain.items():
            key = name.removeprefix("model.")
            if getattr(options, key) != type(options).model_fields[key].default:
                raise ValueError(f"{name}: not for a joint fit; each sample has its own, so set it in the fits that joint.samples name")
        if self.engine != "native":
            raise ValueError(f"engine: {self.engine} knows one sample; joint fits need engine: native")
        return self


class Plots(FigureStyle):
    """Which figures, in which formats."""

    compare_spectrum: str | None = None  # published piecewise spectrum (file or catalogue id), drawn beside ours
    figures: list[Figure] = ["energy", "zenith", "contour", "profile", "spectrum", "correlation", "pulls"]
