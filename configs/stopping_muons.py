"""Options of the analysis ``stopping_muons``, section by section under the names of the reference documentation; ``Options`` holds what is ours.

Names of sections and keys may be written with capitals, blanks or hyphens, and keys also without their section (``configs.reference_layout``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, ValidatorFunctionWrapHandler, WrapValidator, field_validator

from configs.errors import nearest
from configs.figure_style import FigureStyle
from configs.strict import Strict

TAU_RULE = "tau is a variance, smaller = stronger"
Operator = Literal["<", "<=", ">", ">=", "==", "!="]


def _cut(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """One message in place of one for each form that it is not."""
    try:
        found = handler(value)
    except ValidationError:
        raise ValueError("a cut is a number v (x >= v), [low, high] (low <= x < high), or [operator, v] with one of < <= > >= == !=") from None
    if isinstance(found, tuple) and isinstance(found[0], float) and not found[0] < found[1]:
        raise ValueError(f"low {found[0]:g} is not below high {found[1]:g}")
    return found


def _tau(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        raise ValueError(f"give a number above 0, a list with one for each truth bin, null (none) or auto ({TAU_RULE})") from None


Cut = Annotated[float | tuple[float, float] | tuple[Operator, float], WrapValidator(_cut)]
Cuts = dict[str, Cut]
Tau = Annotated[PositiveFloat | list[PositiveFloat] | Literal["auto"] | None, WrapValidator(_tau)]
Keys = dict[str, dict[str, tuple[str, str]]]  # type or type_l<level>: {sub: [name to save, Table.column]}

# Kinds of figures; names of single ones begin with a kind.
FIGURES = (
    "score", "purity_efficiency", "roc", "multiplicity", "correlations", "correlation", "data_mc", "mutual_information", "effective_area", "response",
    "singular_values", "proxy_bins", "systematics", "nuisances", "impact", "scan", "l_curve", "unfolded", "closure", "pulls", "coverage",
    "global_correlation", "corner", "trace", "range_fit", "range_contour", "energy_fit", "energy_contour", "sectors",
)  # fmt: skip
DERIVED = ("cos_zenith_reco", "propagation_length_reco", "energy_surface_proxy")  # computed from reconstructions, specification 2.5

_LABELS = {
    "lab1": ("surface_energy", "ToyLabels.surface_energy"),
    "lab2": ("propagation_length", "ToyLabels.propagation_length"),
    "lab3": ("cos_zenith", "ToyLabels.cos_zenith"),
}
_RECO = {
    "f": ("fss_filter", "FilterMask.FSSFilter_13"),
    "r1": ("stopping_score", "ToyReco.score"),
    "r2": ("zenith_reco", "ToyReco.zenith"),
    "r3": ("stop_z_reco", "ToyReco.stop_z"),
    "r4": ("energy_entry_reco", "ToyReco.energy_entry"),
}
_WEIGHTS = {
    "w": ("GaisserToy", "ToyWeights.GaisserToy"),
    "w1": ("GaisserToy_softer", "ToyWeights.GaisserToy_softer"),
    "w2": ("GaisserToy_harder", "ToyWeights.GaisserToy_harder"),
}
_TRUTH = {
    "lab4": ("stop_z", "ToyLabels.stop_z"),
    "lab5": ("is_stopping", "ToyLabels.is_stopping"),
    "lab6": ("num_muons_at_entry", "ToyLabels.num_muons_at_entry"),
}
TOY_KEYS: Keys = {"mc": {**_LABELS, **_TRUTH, **_WEIGHTS, **_RECO}, "mc_l0": {**_LABELS, **_WEIGHTS}, "data": dict(_RECO)}  # of generated files


class LoadingData(Strict):
    """``inputs`` of this section become the data sets."""

    cut_exceptions: list[str] = ["mc_l0"]  # data sets without filter and cuts


class AnalysisCuts(Strict):
    """What selects events; names are saved names or derived proxies."""

    filtermask: str | None = "fss_filter"  # a saved name of a FilterMask column; null: none
    cuts: Cuts = {"stopping_score": 0.7}


class Reconstructions(Strict):
    """Figures of merit of the reconstructions, and the observables whose tree makes the proxy bins."""

    evaluate_score_distribution: bool = True
    plot_multiplicity: bool = True
    plot_correlations: bool = True
    plot_data_mc_agreement: bool = True
    analyse_mi_scores: bool = True
    observables: Annotated[list[str], Field(min_length=1)] = [
        "energy_entry_reco", "energy_surface_proxy", "propagation_length_reco", "cos_zenith_reco", "stop_z_reco", "stopping_score",
    ]  # fmt: skip


class EffectiveArea(Strict):
    """Effective areas in both targets; ``load_*`` takes a stored one whose content hash is the same."""

    calculate_effective_area_range: bool = True
    calculate_effective_area_energy: bool = True
    load_effective_area_range: bool = False
    load_effective_area_energy: bool = False
    effective_area_iteration_number: PositiveInt = 100  # bootstrap replicas
    include_effective_area_syst_unc: bool = True


class Unfolding(Strict):
    """Unfolding of both targets: what is done, at which strength of regularisation."""

    is_sim: bool = True  # pseudo data of the test split in place of data
    unfold_range: bool = True
    optimize_unfolding_range: bool = False
    load_unfolding_range_results: bool = False
    plot_results_range: bool = True
    evaluate_unfolding_range: bool = True
    unfold_energy: bool = True
    optimize_unfolding_energy: bool = False
    mceq_path: str | None = None
    load_unfolding_energy_results: bool = False
    plot_results_energy: bool = True
    evaluate_unfolding_energy: bool = True
    train_size: PositiveInt = 1_000_000
    test_size: PositiveInt = 100_000
    reg_range: Tau = 1e-3
    reg_energy: Tau = 1e-3
    epsilon: PositiveFloat | None = None  # relative uncertainty of an overall factor; null: no such factor
    plot_systematics: bool = True
    bin_index: Annotated[int, Field(ge=0)] | None = None  # null: all proxy bins
    reg_min: PositiveFloat = 1e-6
    reg_max: PositiveFloat = 1.0
    n_steps: Annotated[int, Field(ge=2)] = 30
    include_systematics: bool = True
    n_used_steps: PositiveInt = 2000
    n_burn_steps: Annotated[int, Field(ge=0)] = 1000
    n_walkers: PositiveInt = 100
    range_fit: bool = True
    energy_fit: bool = True


class Systematics(Strict):
    """Data-based systematics: the same measurement in sectors of reconstructed quantities."""

    data_based_systematics_range: bool = False
    calculate_effective_area_systematics_range: bool = False
    data_based_systematics_energy: bool = False
    calculate_effective_area_systematics_energy: bool = False
    sectors: dict[str, Cuts] = {"upper": {"stop_z_reco": (0.0, 500.0)}, "lower": {"stop_z_reco": (-500.0, 0.0)}}


class Binning(Strict):
    """Truth bins of both targets, and the number of proxy bins."""

    range_min: float = 1600.0  # m
    range_max: float = 6000.0
    n_range_bins: int = 10
    n_proxy_bins: int = 40
    range_log: bool = True
    energy_min: PositiveFloat = 500.0  # GeV
    energy_max: PositiveFloat = 12000.0
    n_energy_bins: int = 10
    energy_log: bool = True


class General(Strict):
    """``seed`` of this section is the configuration's."""

    model: str = "GaisserToy"  # saved name of the weight, Hz per event


class Data(Strict):
    """Which columns of the files are saved under which names; null: those of generated files."""

    keys: Keys | None = None


class Nuisance(Strict):
    """A detector parameter: nominal value, uncertainty and bounds in its own unit; degree of its template.

    ``generated_mean``, ``generated_sd``: of the parameter in a snowstorm set; null: the nominal value, and the spread around it.
    """

    nominal: float = 1.0
    sigma: PositiveFloat = 0.05
    bounds: tuple[float, float] = (0.85, 1.15)
    degree: Literal[1, 2] = 2
    generated_mean: float | None = None
    generated_sd: PositiveFloat | None = None


class Options(Strict):
    """Ours, not in the reference."""

    space: Literal["log_ratio", "log_flux", "linear"] = "log_ratio"
    mc_stat: Literal["say", "bb_lite", "none"] = "say"
    solver: Literal["newton", "minuit"] = "newton"
    sample: bool = True  # MCMC beside the most probable spectrum
    prior_f: Literal["flat", "log_flat"] = "flat"
    max_extend: PositiveInt = 10
    compat: Literal["funfolding"] | None = None
    nuisances: dict[str, Nuisance] = {}
    scan_toys: PositiveInt = 60
    earth: Literal["curved", "flat"] = "curved"
    label_rule: Literal["all_entering", "leading"] = "all_entering"
    label_volume: Literal["cylinder", "convex_hull"] = "cylinder"
    binning: Literal["tree", "grid"] = "tree"
    grid: dict[str, list[float]] = {}  # observable -> edges, for binning: grid
    tree_weights: Literal["none", "flat"] = "none"
    min_expected: Annotated[float, Field(ge=0)] = 10.0
    cos_zenith_min: Annotated[float, Field(ge=0, lt=1)] = 0.1
    generation_cylinder: tuple[PositiveFloat, PositiveFloat] = (800.0, 1600.0)  # radius and length, m
    same_showers: bool = False  # the untriggered simulation holds the showers of the nominal one
    livetime_error: Annotated[float, Field(ge=0, lt=1)] = 0.0  # relative
    range_fit_norm_error: PositiveFloat | None = None  # of the theory behind range_fit, a nuisance norm ~ N(1, .); null: held at 1
    range_fit_delta_gamma_error: PositiveFloat | None = None  # of its index, ~ N(0, .); null: held at 0
    energy_fit_form: Literal["tilt", "power_law"] = "tilt"  # N Phi(E) (E/TeV)^-dgamma, or Phi0 (E/TeV)^-gamma
    pseudo_livetime_s: PositiveFloat | None = None
    allow_pickle: bool = False
    allow_overlap: bool = False  # of sectors
    test_mc_stat: bool = True  # statistics of the test sample in the likelihood of closure tests with counts from it
    coverage_toys: PositiveInt = 300


class Plots(FigureStyle):
    """Which figures, in which formats: kinds (``unfolded``) or single ones (``unfolded_range``)."""

    figures: list[str] | Literal["all"] = "all"

    @field_validator("figures")
    @classmethod
    def _known(cls, value: list[str] | str) -> list[str] | str:
        for name in value if isinstance(value, list) else ():
            if not any(name == kind or name.startswith(f"{kind}_") for kind in FIGURES):
                raise ValueError(f"{name!r} is no figure{nearest(name, FIGURES)}")
        return value


class SystematicSet(Strict):
    """A simulation with one detector parameter at another value."""

    name: str
    value: float


SECTIONS: dict[str, type[Strict]] = {
    "loading_data": LoadingData, "analysis_cuts": AnalysisCuts, "reconstructions": Reconstructions, "effective_area": EffectiveArea,
    "unfolding": Unfolding, "systematics": Systematics, "binning": Binning, "general": General, "data": Data, "options": Options,
}  # fmt: skip

# Options of these sections that only fits and figures use; all others change what the processor fills.
FITTED = {
    "effective_area": {"load_effective_area_range", "load_effective_area_energy", "include_effective_area_syst_unc"},
    "unfolding": set(Unfolding.model_fields) - {"is_sim", "train_size", "test_size"},
    "systematics": set(Systematics.model_fields) - {"sectors"},
    "options": {
        "space", "mc_stat", "solver", "sample", "prior_f", "max_extend", "compat", "nuisances", "scan_toys", "min_expected", "pseudo_livetime_s",
        "same_showers", "livetime_error", "allow_overlap", "test_mc_stat", "coverage_toys", "range_fit_norm_error", "range_fit_delta_gamma_error",
        "energy_fit_form",
    },
}  # fmt: skip


def processed_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """``section.key`` -> value of what the processor depends on besides data sets and seed, of a configuration as JSON values."""
    return {
        f"{section}.{key}": value
        for section in SECTIONS
        for key, value in (config.get(section) or {}).items()
        if key not in FITTED.get(section, set())
    }


def fitted_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """``section.key`` -> value of what only fits and figures depend on."""
    return {f"{section}.{key}": config[section][key] for section, keys in FITTED.items() for key in sorted(keys)}
