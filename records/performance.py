"""Results of classifiers: how good one is and where it fails (``performance``), and one of our own (``discriminant``).

A ``Rate`` is the only way in which a fraction of counted events appears: it always carries its interval and its counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Value


@dataclass(frozen=True, repr=False)
class Rate(Value):
    """A binomial fraction with its interval; ``value`` is NaN and the interval [0, 1] where nothing was counted.

    ``passed`` and ``total`` count events, or are sums of weights: then ``effective`` is the number of events that the interval stands for.
    """

    value: float
    low: float
    high: float
    passed: float
    total: float
    effective: float | None = None  # (sum w)^2 / sum w^2; null: events count one each

    @property
    def events(self) -> float:
        """Number of events, of weighted ones the effective one."""
        return self.total if self.effective is None else self.effective


@dataclass(frozen=True, repr=False)
class JoinSummary(Value):
    """What proves that an output belongs to an event, in counts."""

    rows: int  # of the output, after identical duplicates were dropped
    duplicates_dropped: int
    split: str | None  # name of the split that the indices equal
    overlaps: Mapping[str, int]  # split -> rows shared with it
    rows_without_event: int  # events that the selection of the event table dropped
    proof: str  # one sentence


@dataclass(frozen=True, repr=False)
class PairTable(Value):
    """Two classes and their two predictions. ``table[i][j]``: true class i predicted as class j."""

    classes: tuple[str, str]
    table: list[list[int]]
    odds_ratio: float
    fisher_p: float
    one_point_auc: float
    chi2: float  # homogeneity of the two classes over all predicted classes
    degrees_of_freedom: int
    chi2_p: float


@dataclass(frozen=True, repr=False)
class OneVersusRest(Value):
    """A class against all others with hard labels."""

    name: str
    true_positive: Rate
    false_positive: Rate
    one_point_auc: float


@dataclass(frozen=True, repr=False)
class Confusion(Value):
    """The confusion matrix (rows true, columns predicted) and everything that follows from it."""

    classes: list[str]
    counts: list[list[int]]
    recall: list[Rate]
    precision: list[Rate]
    recall_matrix: list[list[Rate]]  # rows sum to one
    precision_matrix: list[list[Rate]]  # columns sum to one
    f1: list[float]
    accuracy: Rate
    balanced_accuracy: float
    kappa: float
    mcc: float
    mutual_information_bits: float
    pairs: list[PairTable]
    one_versus_rest: list[OneVersusRest]


@dataclass(frozen=True, repr=False)
class RocCurve(Value):
    """Signal efficiency against mis-identification of one background, from the strictest cut to none."""

    signal: list[str]
    background: str
    n_signal: int
    n_background: int
    auc: float
    auc_error: float  # DeLong
    cut: list[float]  # on the logit of D; the first is inf: nothing passes
    efficiency: list[float]
    misidentification: list[float]
    efficiency_low: list[float]  # pointwise
    efficiency_high: list[float]
    misidentification_low: list[float]
    misidentification_high: list[float]
    band_efficiency: float  # half widths of the simultaneous band (Campbell 1994)
    band_misidentification: float
    binormal_efficiency_at_80: float  # from the AUC alone, equal-variance Gaussians


@dataclass(frozen=True, repr=False)
class RatesByBin(Value):
    """Signal efficiency and background mis-identification in bins of one variable."""

    variable: str
    edges: list[float]
    cut: list[float]  # one for each bin; equal for a global cut
    efficiency: list[Rate]
    misidentification: list[Rate]


@dataclass(frozen=True, repr=False)
class WorkingPoint(Value):
    """A cut on the discriminant at a requested rejection of one background. Passing is strictly above the cut."""

    signal: list[str]
    background: str
    rejection: float
    mode: str  # "global" or "per_bin": of the curves; the point itself is always global
    cut: float  # on the logit of D
    efficiency: Rate
    misidentification: Rate
    curves: Mapping[str, RatesByBin]


@dataclass(frozen=True, repr=False)
class Calibration(Value):
    """Reliability of one class probability in equal-count bins."""

    name: str
    mean_probability: list[float]
    observed: list[Rate]
    brier: float
    expected_calibration_error: float


@dataclass(frozen=True, repr=False)
class ScoreQuality(Value):
    """Proper scores of the whole softmax, and the reliability of each class."""

    log_loss: float  # natural logarithm, mean over events
    brier: float  # summed over classes, mean over events
    calibration: list[Calibration]


@dataclass(frozen=True, repr=False)
class PositionTest(Value):
    """Does the recall of one class depend on one variable? Three tests; ``*_holm`` are corrected for all tests of the result."""

    name: str  # class
    variable: str
    edges: list[float]
    recall: list[Rate]
    chi2: float
    degrees_of_freedom: int
    p_asymptotic: float
    p_permutation: float
    p_permutation_holm: float
    slope_ratio: float  # likelihood ratio of a logistic slope; sine and cosine of an angle
    slope_degrees_of_freedom: int
    p_slope: float
    p_slope_holm: float
    ks: float  # Kolmogorov-Smirnov distance, correct against wrong
    p_ks: float
    p_ks_holm: float


@dataclass(frozen=True, repr=False)
class PositionDependence(Value):
    """All tests of one classifier on position and event variables, and what they could have seen."""

    tests: list[PositionTest]
    permutations: int
    seed: int
    detectable_difference: Mapping[str, float]  # class -> recall difference between halves found with 80 % power
    sentence: str


@dataclass(frozen=True, repr=False)
class LikelihoodRatio(Value):
    """Twice the log-likelihood ratio of two nested models and its p-values (asymptotic; Holm over the three of a mirror test)."""

    ratio: float
    degrees_of_freedom: int
    p: float
    p_holm: float


@dataclass(frozen=True, repr=False)
class Mirror(Value):
    """Where one class is recognised, is the other not? Nested logit models of the response in cells of r and y."""

    classes: tuple[str, str]
    r_edges_cm: list[float]
    y_edges_cm: list[float]
    events: list[list[int]]  # class -> cell (r outer, y inner)
    recall: list[list[Rate]]  # class -> cell
    class_information: LikelihoodRatio  # M1 - M0
    cell_response: LikelihoodRatio  # M2 - M1
    interaction: LikelihoodRatio  # M3 - M2
    pearson_r: float  # of the two recalls over cells
    pearson_p: float  # two-sided, from permutations within each class
    pearson_spread: float  # standard deviation over permutations
    permuted_r: list[float]  # quantiles 0, 1, ... 100 % of the permutation distribution
    p_cell_permutation: float
    permutations: int
    seed: int
    detectable_difference: float
    verdict: str
    sentence: str


@dataclass(frozen=True, repr=False)
class Estimate(Value):
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, repr=False)
class Regression(Value):
    """Residuals, reconstructed minus true, of one quantity."""

    target: str
    unit: str
    n: int
    mean: Estimate
    median: Estimate
    resolution: Estimate  # 68.27 % quantile of |residual|


@dataclass(frozen=True, repr=False)
class PerformanceResult(Value):
    """How good a classifier is, from its outputs joined to events: every fraction with an interval, every test with a p-value."""

    outputs: str
    classes: list[str]
    n_events: int
    interval: str
    level: float
    join: JoinSummary
    confusion: Confusion
    roc: list[RocCurve]
    working_points: list[WorkingPoint]
    scores: ScoreQuality | None  # None: hard labels only
    position: PositionDependence | None  # None: reason in notes
    mirror: Mirror | None
    regression: list[Regression] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seed: int | None = None
    input_digest: str = ""
    partial: bool = False


@dataclass(frozen=True, repr=False)
class Importance(Value):
    """How much the AUC falls when one feature is shuffled, mean and standard error over folds and repetitions."""

    feature: str
    auc_drop: float
    error: float


@dataclass(frozen=True, repr=False)
class DiscriminantModel(Value):
    """One pair of classes, one kind of model: out-of-fold performance."""

    pair: tuple[str, str]  # signal, background
    model: str
    n_signal: int
    n_background: int
    auc: float
    auc_error: float  # DeLong: of the judged events, for models as trained; training on another sample adds to it (see fold_auc)
    fold_auc: list[float]
    importance: list[Importance]
    roc: RocCurve
    calibration: Calibration
    best_feature: str
    best_feature_auc: float
    published: Mapping[str, float]  # classifier -> AUC of the same pair
    warning: str = ""


@dataclass(frozen=True, repr=False)
class DiscriminantResult(Value):
    """Classifiers of our own on hit features, by cross-validation."""

    features: list[str]
    folds: int
    grouped_by: str  # "root_file" or "event"
    preselection: str
    n_selected: int
    n_events: int
    models: list[DiscriminantModel]
    outputs: Mapping[str, str] = field(default_factory=dict)  # "<signal>-<background>.<model>" -> directory with scores
    notes: list[str] = field(default_factory=list)
    seed: int | None = None
    input_digest: str = ""
    partial: bool = False
