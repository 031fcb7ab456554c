"""Results of the analysis ``stopping_muons`` beside unfolded spectra (``records.unfolding``). Lists run over truth bins, whose limits are ``edges``.

Targets: ``range`` (propagation length, m) and ``energy`` (surface energy, GeV).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Parameter, Value

CHAINS = "chains.h5"  # beside the results; a group for each target: chain (steps, walkers, parameters), names
COVERAGE = "coverage.json"  # a study of the coverage: ClosureTables as in the results


@dataclass(frozen=True, repr=False)
class EffectiveArea(Value):
    """Effective area by truth bin in m^2, with its errors; ``sectors``: area by bin, of each sector.

    ``covariance``: relative, of statistics; ``systematic``: relative covariance by parameter. ``bootstrap``: quantiles 16, 50 and 84 % of replicas.
    """

    edges: list[float]
    area_m2: list[float]
    error_m2: list[float]  # analytic
    bootstrap_m2: list[tuple[float, float, float]]
    covariance: list[list[float]]
    systematic: Mapping[str, list[list[float]]]
    softer: list[float]  # area at weights times (E/TeV)^-0.1, over the nominal one
    harder: list[float]
    impurity: list[float]  # share of selected events that do not stop
    sectors: Mapping[str, list[float]] = field(default_factory=dict)
    sector_errors: Mapping[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class ResponseSummary(Value):
    """What the response (proxy bin, truth bin) can tell. ``matrix``: probability of each proxy bin, by column; flow bins of truth at both ends."""

    edges: list[float]
    matrix: list[list[float]]
    singular_values: list[float]
    condition_number: float  # of the columns in range
    effective_events: list[list[float]]
    expected: list[float]  # counts by proxy bin
    observed: list[float]
    merged: list[list[int]]  # leaves of each proxy bin
    folded: bool = False  # ``expected`` are the most probable spectrum and nuisances, folded; else the simulation, where nothing was unfolded


@dataclass(frozen=True, repr=False)
class TemplateSummary(Value):
    """Ratio to the nominal response by proxy bin: ``points`` parameter -> [value x, ratios, errors] of each set; ``curves``: fitted (x, ratios)."""

    points: Mapping[str, list[tuple[float, list[float], list[float]]]]
    curves: Mapping[str, list[tuple[float, list[float]]]]


@dataclass(frozen=True, repr=False)
class SectorComparison(Value):
    """The same flux from disjoint sectors. ``systematic``: standard deviation that statistics do not explain; ``chi2`` against the full result."""

    edges: list[float]
    flux: Mapping[str, list[float]]
    statistical: Mapping[str, list[float]]
    mean: list[float]
    systematic: list[float]
    chi2: list[float]
    overlap: float
    notes: list[str] = field(default_factory=list)  # bins that a sector does not see


@dataclass(frozen=True, repr=False)
class SpectrumFit(Value):
    """A fit of a parametrised flux. ``contours``: level -> closed polygons of (first, second) parameter; ``model`` by bin, in ``unit``.

    A minimum that was not found has ``valid`` False, its ``reason`` and no contours. Bins with ``used`` False were left out.
    """

    parameters: Mapping[str, Parameter]
    correlation: float
    chi2: float
    ndf: int
    p_value: float
    edges: list[float]
    model: list[float]
    contours: Mapping[str, list[list[tuple[float, float]]]]
    truth: Mapping[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    valid: bool = True
    reason: str = ""
    unit: str = ""
    used: list[bool] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class TheorySpectrum(Value):
    """A predicted flux averaged over each bin."""

    name: str
    edges: list[float]
    flux: list[float]
    error: list[float]
    unit: str


@dataclass(frozen=True, repr=False)
class ScorePerformance(Value):
    """Purity and efficiency of ``score >= cut`` with errors of weighted counts, and the ROC curve."""

    cut: list[float]
    purity: list[float]
    purity_error: list[float]
    efficiency: list[float]
    efficiency_error: list[float]
    false_positive_rate: list[float]
    auc: float
    auc_error: float
    suggested_cut: float  # largest purity times efficiency


@dataclass(frozen=True, repr=False)
class Multiplicity(Value):
    """Shares of events with 1, 2, 3 ... muons at entry, by score cut."""

    cut: list[float]
    share: list[list[float]]
    share_error: list[list[float]]


@dataclass(frozen=True, repr=False)
class CorrelationSummary(Value):
    """How well one quantity is reconstructed. By true bin (``centres``): median and 16/84 % of the reconstructed value, bias and resolution."""

    centres: list[float]
    median: list[float]
    low: list[float]
    high: list[float]
    bias: list[float]
    resolution: list[float]
    pearson: float
    spearman: float


@dataclass(frozen=True, repr=False)
class DataMcAgreement(Value):
    """Data against one simulation in one observable."""

    rate_data_hz: float
    rate_mc_hz: float
    chi2: float
    ndf: int
    p_value: float
    ks: float
    ks_p_value: float
    area_normalised: bool


@dataclass(frozen=True, repr=False)
class MutualInformation(Value):
    """Mutual information of each proxy with log10 of the targets in nats, its error, and sqrt(1 - exp(-2 MI)); target -> proxy -> value."""

    nats: Mapping[str, Mapping[str, float]]
    error: Mapping[str, Mapping[str, float]]
    normalised: Mapping[str, Mapping[str, float]]
    events: int
