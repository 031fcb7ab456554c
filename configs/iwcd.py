"""Options of the analysis ``iwcd``: tank, labels, selection, classifier, discriminant, fits, figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from configs.errors import nearest
from configs.figure_style import FigureStyle
from configs.strict import Strict

Fraction = Annotated[float, Field(gt=0, lt=1)]
Features = Literal["blind", "truth", "reco"]

# Total energy at which a particle begins to make visible light, MeV: mass plus kinetic threshold (WatChMaL job generator, build_mac.sh).
THRESHOLD_MEV = {"gamma": 1.550, "e-": 0.775, "e+": 0.775, "mu-": 160.258, "mu+": 160.258, "pi-": 211.67, "pi+": 211.67, "pi0": 3.10}


class Tank(Strict):
    """A cylinder around y, the origin in its centre.

    ``geometry``: null for the short tank's formula, else an .npz with tube_no, position, orientation.
    """

    preset: Literal["short", "iwcd_current"] | None = "short"
    radius_cm: PositiveFloat | None = None
    half_height_cm: PositiveFloat | None = None
    geometry: str | None = None


class Selection(Strict):
    """Cuts on events; null: no cut. ``expression``: comparisons of event columns joined by and/or/not, e.g. "nhits > 25 and dwall > 50"."""

    min_hits: int = 0
    veto: bool | None = None
    contained: bool | None = None
    dwall_cm: float | None = None
    towall_cm: float | None = None
    expression: str | None = None


class Processor(Strict):
    """Events with hits -> histograms and an event table."""

    tank: Tank = Tank()
    labels: dict[int, str] = {0: "gamma", 1: "e-", 2: "mu-", 3: "pi0"}
    thresholds_mev: dict[str, float] = THRESHOLD_MEV
    time_zero: Literal["auto", "none", "event_min"] | float = "auto"
    selection: Selection = Selection()
    hit_level: bool = True
    features: Features | None = "truth"
    group_index: PositiveFloat = 1.38
    on_nan: Literal["error", "drop"] = "error"
    digitise_smear_ns: Annotated[float, Field(ge=0)] = 0.0  # truehit only: transit-time spread


class Mirror(Strict):
    """Cells in r and y in which the "mirror" question is asked."""

    classes: tuple[str, str] = ("gamma", "e-")
    r_edges_cm: list[float] = [0, 230, 327, 400]
    y_edges_cm: list[float] = [-300, -100, 100, 300]


class Performance(Strict):
    """How good is a classifier: its outputs joined to the events of a data set (or alone, when no events are at hand)."""

    kind: Literal["performance"]
    outputs: str  # directory with indices, labels, predictions and/or softmax; or a catalogue prefix; or a .root file of fiTQun
    dataset: str | None = None  # whose events the indices count; null: performance without positions
    positions: str | None = None  # .npz with index, label, position, in place of a data set
    split_file: str | None = None
    split: str = "test_idxs"
    classes: list[str] = ["gamma", "e-", "mu-", "pi0"]
    duplicates: Literal["drop_identical", "refuse"] = "drop_identical"
    pi0_mass_factor: float = 0.0  # of fiTQun's outputs, per MeV: f in nll_pi0 - nll_e + f m_pi0
    interval: Literal["clopper-pearson", "wilson"] = "clopper-pearson"
    level: Fraction = 0.6827
    signal: list[str] = ["e-"]
    rejection: dict[str, Fraction] = {"gamma": 0.80, "mu-": 0.999, "pi0": 0.95}
    cut: Literal["global", "per_bin"] = "global"
    permutations: PositiveInt = 10_000
    position_bins: PositiveInt = 5
    mirror: Mirror = Mirror()


class Discriminant(Strict):
    """A classifier of our own on hit features, by cross-validation."""

    kind: Literal["discriminant"]
    dataset: str
    pairs: list[tuple[str, str]] = [("e-", "gamma"), ("e-", "mu-"), ("e-", "pi0")]
    models: list[Literal["logistic", "gbdt"]] = ["logistic", "gbdt"]
    folds: Annotated[int, Field(ge=2)] = 4
    use_truth_kinematics: bool = False
    preselection: str = "nhits > 25 and dwall > 50 and towall > 100 and evis > 100"


class FractionChannel(Strict):
    """One binned channel of the fraction fit: event-table columns and their bin edges."""

    observables: list[str]
    edges: list[list[float]]


class Fractions(Strict):
    """Composition of a sample by template fit.

    ``templates`` and ``data`` may be one directory of classifier outputs (with ``allow_same``): the observable is then ``predicted``, the
    number of the predicted class in ``classes``.
    """

    kind: Literal["fractions"]
    templates: str  # data set with labels
    data: str  # data set to be decomposed
    allow_same: bool = False  # even rows are template, odd rows data
    classes: list[str] = ["gamma", "e-", "mu-", "pi0"]
    groups: dict[str, list[str]] = {"shower": ["e-", "gamma"], "mu": ["mu-"], "pi0": ["pi0"]}
    channels: list[FractionChannel] = [
        FractionChannel(
            observables=["mean_angle", "ring_fraction", "charge"],
            edges=[[0, 30, 33, 36, 39, 42, 45, 48, 51, 54, 57, 60, 63, 180], [0, 0.35, 0.45, 0.55, 0.65, 1], [500, 2000, 1.0e9]],
        )
    ]
    engine: Literal["native", "pyhf"] = "native"
    crosscheck: list[Literal["pyhf", "zfit"]] = []
    light_yield: Annotated[float, Field(ge=0)] = 0.02
    template_errors: bool = True  # false: templates are exact, no systematics
    toys: Annotated[int, Field(ge=0)] = 0


class Scale(Strict):
    """Light-yield scale between two electron-like samples: data sets, or .npz files (also of the catalogue) with energy and nhits."""

    kind: Literal["scale"]
    templates: str
    data: str
    allow_same: bool = False  # even rows are template, odd rows data
    particle: str | None = None  # of data sets: only events of this name
    variable: Literal["nhits", "charge"] = "nhits"
    bins: PositiveInt = 24
    range: tuple[float, float] = (0.05, 1.25)
    kernel: PositiveFloat = 0.02
    norm_hits: PositiveFloat = 1091.0
    norm_pe_per_mev: PositiveFloat = 6.2  # of charge over visible energy
    reference_mev: PositiveFloat = 150.0
    power: float = 0.669
    min_mev: float = 50.0
    fit_resolution: bool = False


class Response(Strict):
    """Linearity and resolution of contained particles."""

    kind: Literal["response"]
    dataset: str
    particle: str = "e-"
    slice_mev: PositiveFloat = 100.0
    max_mev: PositiveFloat = 1000.0


class Generator(Strict):
    """Hits of generated events beside those of real samples (a published table; real electrons one by one where their file is at hand)."""

    kind: Literal["generator"]
    dataset: str
    real: str | None = "iwcd/electrons_nhits_energy.npz"  # .npz with energy and nhits (also of the catalogue); null: the table alone


Fit = Annotated[Performance | Discriminant | Fractions | Scale | Response | Generator, Field(discriminator="kind")]


Figure = Literal[
    "spectra", "hits", "maps", "places", "features", "bright", "losses", "occupancy", "display", "display_3d", "generator",
    "confusion", "recall", "roc", "working_point", "calibration", "position", "mirror", "importance",
    "bins", "correlation", "pulls", "profile", "toys", "scale", "response",
]  # fmt: skip
FIGURES: tuple[Figure, ...] = get_args(Figure)


class Plots(FigureStyle):
    """Which figures, in which formats."""

    figures: list[Figure] = list(FIGURES)  # kinds; each is drawn for every data set and fit that has it
    event_displays: Annotated[int, Field(ge=0)] = 1  # unrolled tanks of the first events of each particle
    normalise: Literal["none", "events", "column"] = "none"
    min_hits_box: PositiveInt = 2000  # threshold of the "energy of bright events" figure

    @field_validator("figures", mode="before")
    @classmethod
    def _known_figures(cls, figures: Any) -> Any:
        for name in figures if isinstance(figures, list) else []:
            if name not in FIGURES:
                raise ValueError(f"{name!r} is no kind of figure{nearest(str(name), FIGURES)}")
        return figures
