"""Results of fits: one frozen dataclass for each question, saved as ``results.json``.

The file reads ``{"analysis", "name", "schema": 1, "results": {"<fit name>": {"kind": "FitResult", ...}}}``. Numbers that JSON
does not know are written as ``null`` (NaN) and ``"inf"``/``"-inf"`` and come back as floats. Arrays are lists.

Kinds of ``diffuse``: a fit ``main`` leaves ``main`` (FitResult) and, as far as its configuration asks for them, ``main.scan`` (ScanResult),
``main.profile.<parameter>`` (ProfileResult), ``main.toys`` (ToysResult), ``main.gof`` (GoodnessOfFit),
``main.feldman_cousins`` (FeldmanCousinsResult; of several parameters ``main.feldman_cousins.<parameter>``), ``main.limit.<parameter>``
(LimitResult), ``main.asimov`` (FitResult of the Asimov set),
``main.test`` (HypothesisTest), ``main.segments`` (SpectrumResult), ``main.flavour`` (FlavourResult), ``main.impacts``, ``main.events``,
``main.exposures``, ``main.models``, ``main.posterior``. What could not be done on the data is a FailedFit under the same name. Where something
published belongs to a fit, the configuration leaves ``compare`` (ComparisonReport).
A joint fit also leaves ``main.samples`` (JointResult), and for each sample ``main.alone.<sample>`` (FitResult) and, where it has a scan,
``main.alone.<sample>.scan``.

Kinds of ``iwcd``: a fit of kind performance, discriminant, fractions, scale, response or generator leaves one result of its own name
(PerformanceResult, DiscriminantResult, FractionsResult, ScaleResult, ResponseResult, GeneratorResult), or a FailedFit where the data do not
suffice. Each data set leaves ``events.<data set>`` (SampleSummary).

Kinds of ``pmt_gain``: a photomultiplier leaves one result of its own name (GainResult); a point with low light ``PMT_1.1400V.low`` leaves
``<point>.spe.<model>`` (SpeResult), ``<point>.spe`` (ModelChoice: the models compared) and ``<point>.saldanha`` (SaldanhaResult); a voltage with
three light levels or more ``PMT_1.1400V.levels`` (VarianceMeanResult); a run beside the published chain ``<point>.difference``
(ReferenceDifference).

Kinds of ``dark_matter``: a fit leaves one ``<fit>.<channel>_<mass>`` (CombinationResult) for each of its combinations,
or a ReferenceModeResult with ``likelihood.type: reference``.

Kinds of ``stopping_muons``, t being ``range`` or ``energy``: ``effective_area.<t>``, ``response.<t>``, ``templates.<t>``, ``unfolded.<t>.<method>``
(UnfoldedSpectrum), ``flux.<t>`` (FluxSpectrum), ``scan.<t>`` (RegularisationScan), ``closure.<t>.<mode>`` (ClosureTable), ``sectors.<t>``,
``range_fit``, ``energy_fit`` (SpectrumFit), ``theory.<t>``, and of the reconstructions ``score``, ``multiplicity``, ``correlation.<quantity>``,
``data_mc.<observable>``, ``mutual_information`` (``records.stopping_muons``).
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import InputError, nearest
from records.atomic import write_text
from records.comparison import ComparisonReport
from records.dark_matter import CombinationResult, ReferenceModeResult
from records.diffuse import FlavourResult, SpectrumResult
from records.diffuse_predictive import PredictiveResult
from records.diffuse_studies import STUDIES
from records.failed_fit import FailedFit
from records.gain import GainResult
from records.generator import GeneratorResult
from records.iwcd_fits import FractionsResult, ResponseResult, ScaleResult
from records.joint import JointResult
from records.performance import DiscriminantResult, PerformanceResult
from records.reference_difference import ReferenceDifference
from records.samples import SampleSummary
from records.spe import ModelChoice, SaldanhaResult, SpeResult, VarianceMeanResult
from records.stopping_muons import (
    CorrelationSummary,
    DataMcAgreement,
    EffectiveArea,
    Multiplicity,
    MutualInformation,
    ResponseSummary,
    ScorePerformance,
    SectorComparison,
    SpectrumFit,
    TemplateSummary,
    TheorySpectrum,
)
from records.surrogate_study import SurrogateStudy
from records.unfolding import ClosureTable, FluxSpectrum, RegularisationScan, UnfoldedSpectrum
from records.value import Parameter, Value

SCHEMA = 1
INFINITIES = {"inf": math.inf, "-inf": -math.inf}


@dataclass(frozen=True, repr=False)
class FitResult(Value):
    """The minimum of one likelihood. NLLs are natural logarithms; their sum alone compares with the release's number."""

    valid: bool
    reason: str
    parameters: Mapping[str, Parameter]
    correlation: list[list[float]]  # order of parameters
    nll: float  # nll_data + nll_prior + nll_prior_constant
    nll_data: float
    nll_prior: float
    nll_prior_constant: float
    n_observed: float
    n_bins: int
    expected: Mapping[str, Mapping[str, float]]  # component -> channel -> events at the minimum
    likelihood: str
    engine: str
    model: str
    axes: tuple[str, ...]
    starts_tried: int
    edm: float
    livetime_s: float
    response: str = ""  # where the response came from, word for word on every figure
    dropped_bins: list[str] = field(default_factory=list)  # bins with data and without simulation: left out (skip) or at the floor
    n_dropped: float = 0.0  # events left out with them, not in n_observed
    partial: bool = False  # made from an incomplete run (--allow-partial)
    seed: int | None = None
    input_digest: str = ""
    published: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)  # value, minus, plus
    minima: list[Mapping[str, float]] = field(default_factory=list)  # of several starts: "nll" and values of each valid minimum
    outside_tables: Mapping[str, float] = field(default_factory=dict)  # detector parameter -> share of simulated events outside its tables


@dataclass(frozen=True, repr=False)
class ScanResult(Value):
    """A two-dimensional profile scan: ``nll[i][j]`` above the minimum at ``x[i], y[j]``; contours are polylines by level."""

    x_name: str
    y_name: str
    x: list[float]
    y: list[float]
    delta_nll: list[list[float]]  # NaN where the fit did not converge, infinite where no expectation explains the data
    nuisances: Mapping[str, list[list[float]]]  # profiled values on the same grid
    best: tuple[float, float]
    contours: Mapping[str, list[list[tuple[float, float]]]]  # "0.6827" -> polylines of (x, y)
    comparison: Mapping[str, float] = field(default_factory=dict)  # iou_68, iou_95, rms_delta_nll
    external: Mapping[str, Any] | None = None  # the other program's grid: x, y, delta_nll, contours, source
    not_compared: list[str] = field(default_factory=list)  # published files asked for that cannot be had, each with its reason

    @property
    def holds_best(self) -> bool:
        """Whether the best fit lies on the scanned grid; contours mean little otherwise."""
        return all(grid[0] <= value <= grid[-1] for value, grid in zip(self.best, (self.x, self.y), strict=True))

    @property
    def n_failed(self) -> int:
        """Points whose fit did not converge."""
        return sum(math.isnan(one) for row in self.delta_nll for one in row)


@dataclass(frozen=True, repr=False)
class ProfileResult(Value):
    """A one-dimensional profile of the likelihood: ``delta_nll`` at ``x``."""

    parameter: str
    x: list[float]
    delta_nll: list[float]
    nuisances: Mapping[str, list[float]]
    interval_68: tuple[float, float]
    interval_95: tuple[float, float]

    @property
    def n_failed(self) -> int:
        """Points whose fit did not converge."""
        return sum(math.isnan(one) for one in self.delta_nll)


@dataclass(frozen=True, repr=False)
class ToysResult(Value):
    """Pseudo-experiments at ``truth``: fitted values, errors and pulls of each; invalid fits are counted, never dropped in silence."""

    seed: int
    truth: Mapping[str, float]
    n_requested: int
    n_valid: int
    n_failed: int
    failures: Mapping[str, int]  # reason -> count
    aux: str
    values: Mapping[str, list[float]]
    errors: Mapping[str, list[float]]
    pull_mean: Mapping[str, float]
    pull_width: Mapping[str, float]
    near_bound: Mapping[str, float]  # fraction of toys that end at a bound
    coverage_68: Mapping[str, float] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether any toy was fitted."""
        return self.n_valid > 0

    @property
    def reason(self) -> str:
        """Why none was."""
        return "" if self.valid else f"none of {self.n_requested} toys was fitted ({'; '.join(self.failures)})"


@dataclass(frozen=True, repr=False)
class GoodnessOfFit(Value):
    """Saturated Poisson statistic by projection, with p-values from refitted toys (numbers of toys stated)."""

    seed: int
    n_toys: int
    n_failed: int
    observed: Mapping[str, float]  # "all", "energy", "zenith", "topology"
    p_value: Mapping[str, float]
    p_error: Mapping[str, float]
    toys: Mapping[str, list[float]]


@dataclass(frozen=True, repr=False)
class FeldmanCousinsResult(Value):
    """Unified interval of one parameter: TS of the data and critical value at each grid point, with its Monte-Carlo error."""

    parameter: str
    seed: int
    n_toys: int
    grid: list[float]
    ts_data: list[float]
    critical: Mapping[str, list[float]]  # "0.6827" -> value at each grid point
    critical_error: Mapping[str, list[float]]
    interval: Mapping[str, tuple[float, float]]
    n_failed: int = 0  # toys without TS
    failed_points: list[float] = field(default_factory=list)  # grid values left out: the fit to the data did not converge, or that of every toy


@dataclass(frozen=True, repr=False)
class LimitResult(Value):
    """An upper limit at confidence ``cl`` by the method named; NaN when a fit that it needs did not converge."""

    parameter: str
    cl: float
    method: str  # "profile"
    observed: float
    expected: Mapping[str, float] | None  # "-2", "-1", "0", "1", "2" standard deviations, from toys or Asimov
    unit: str = ""
    n_failed: int = 0  # toys without a limit, left out of ``expected``
    not_expected: str = ""  # why there is no expected limit although it was asked for

    @property
    def valid(self) -> bool:
        """Whether all that was asked for is there."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why something is not."""
        return "a fit with the parameter held did not converge" if math.isnan(self.observed) else self.not_expected


@dataclass(frozen=True, repr=False)
class HypothesisTest(Value):
    """Nested models compared: TS = 2 (NLL of the null - NLL of the alternative) and its p-value from toys of the null."""

    null: str
    alternative: str
    ts: float
    p_toys: float
    p_toys_error: float
    p_chi2: float
    degrees_of_freedom: int
    seed: int
    n_requested: int
    n_valid: int
    n_failed: int
    ts_toys: list[float]
    alternative_fit: FitResult

    @property
    def valid(self) -> bool:
        """Whether there is a test statistic, and toys to compare it with."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why not."""
        if math.isnan(self.ts):
            return f"the fit of {self.null} or {self.alternative} did not converge, or the wider one missed its minimum"
        return f"none of {self.n_requested} toys has a test statistic" if self.n_requested and not self.n_valid else ""


KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(FitResult, ScanResult, ProfileResult, ToysResult, GoodnessOfFit, FeldmanCousinsResult, LimitResult, HypothesisTest),
        *(SpectrumResult, FlavourResult, JointResult, ComparisonReport),
        *STUDIES,
        PredictiveResult,
        SurrogateStudy,
        *(PerformanceResult, DiscriminantResult, FractionsResult, ScaleResult, ResponseResult, GeneratorResult, FailedFit, SampleSummary),
        *(GainResult, SpeResult, ModelChoice, SaldanhaResult, VarianceMeanResult, ReferenceDifference),
        *(CombinationResult, ReferenceModeResult),
        *(UnfoldedSpectrum, FluxSpectrum, RegularisationScan, ClosureTable),
        *(EffectiveArea, ResponseSummary, TemplateSummary, SectorComparison, SpectrumFit, TheorySpectrum),
        *(ScorePerformance, Multiplicity, CorrelationSummary, DataMcAgreement, MutualInformation),
    )
}


def save_results(path: str | Path, analysis: str, name: str, results: Mapping[str, Any]) -> None:
    """Write ``{result name: result dataclass}`` atomically as JSON. Raises ``TypeError`` for a value that is none of ``KINDS``."""
    encoded = {}
    for key, result in results.items():
        kind = type(result).__name__
        if kind not in KINDS:
            raise TypeError(f"result {key!r} is {kind}{nearest(kind, KINDS)}")
        encoded[key] = encode_result(result)
    document = {"analysis": analysis, "name": name, "schema": SCHEMA, "results": encoded}
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def load_results(path: str | Path) -> dict[str, Any]:
    """Read ``results.json`` back as ``{result name: result dataclass}``. Raises ``InputError`` for a wrong or missing file."""
    document = _read_document(path)
    return {key: decode_result(entry, f"{path}: results.{key}") for key, entry in document["results"].items()}


def encode_result(result: Any) -> dict[str, Any]:
    """One result as JSON values, with its kind."""
    return {"kind": type(result).__name__, **_encode(result)}


def decode_result(entry: Any, where: str) -> Any:
    """The result that ``encode_result`` wrote. Raises ``InputError`` naming ``where`` for something else."""
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if kind not in KINDS:
        raise InputError(f"{where}.kind: {kind!r} is not a kind of result{nearest(str(kind), KINDS)}")
    return _decode({name: value for name, value in entry.items() if name != "kind"}, KINDS[kind], where)


def failures(results: Mapping[str, Any]) -> dict[str, str]:
    """Results that are not valid, with the reason."""
    return {name: result.reason for name, result in results.items() if getattr(result, "valid", True) is False}


def _read_document(path: str | Path) -> dict[str, Any]:
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such results file; run run_fit.py with the same configuration first") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable results file ({error}); delete it and run run_fit.py again") from None
    if not isinstance(document, dict) or not isinstance(document.get("results"), dict):
        raise InputError(f"{path}: not a results file (no mapping 'results'); run run_fit.py to write one")
    if document.get("schema") != SCHEMA:
        raise InputError(f"{path}: schema {document.get('schema')!r} is not {SCHEMA}, the one this version reads; run run_fit.py again")
    return document


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _encode(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _encode(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _decode(value: Any, kind: Any, where: str) -> Any:
    """Turn JSON back into the annotated type: NaN, infinities, tuples and nested dataclasses."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else _decode(value, inner, where)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(value, kind, where)
    if origin is not None:
        return _decode_container(value, origin, arguments, where)
    if kind is float:
        return _decode_number(value, where)
    return _decode_any(value) if kind is Any else value


def _decode_container(value: Any, origin: Any, arguments: tuple[Any, ...], where: str) -> Any:
    if not isinstance(value, dict if origin is Mapping else list):
        raise InputError(f"{where}: expected {'a mapping' if origin is Mapping else 'a list'}, found {value!r}")
    if isinstance(value, dict):
        return {key: _decode(item, arguments[1], f"{where}.{key}") for key, item in value.items()}
    inner = (arguments[0],) * len(value) if origin is list or arguments[-1] is ... else arguments
    if len(inner) != len(value):
        raise InputError(f"{where}: expected {len(inner)} values, found {len(value)}")
    return origin(_decode(item, kind, f"{where}[{index}]") for index, (item, kind) in enumerate(zip(value, inner, strict=True)))


def _decode_dataclass(value: Any, kind: Any, where: str) -> Any:
    hints = typing.get_type_hints(kind)
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a mapping with the fields of {kind.__name__}, found {value!r}")
    for name in value:
        if name not in hints:
            raise InputError(f"{where}.{name}: {kind.__name__} has no such field{nearest(name, hints)}")
    missing = [
        item.name for item in dataclasses.fields(kind) if item.name not in value and item.default is item.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InputError(f"{where}: {kind.__name__} lacks {', '.join(missing)}; run run_fit.py again")
    return kind(**{name: _decode(item, hints[name], f"{where}.{name}") for name, item in value.items()})


def _decode_number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str) and value in INFINITIES:
        return INFINITIES[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"{where}: expected a number, found {value!r}")
    return float(value)


def _decode_any(value: Any) -> Any:
    """Values without a declared type: inside lists null is NaN and the infinities are numbers again."""
    if isinstance(value, dict):
        return {key: _decode_any(item) for key, item in value.items()}
    if isinstance(value, list):
        return [
            math.nan if item is None else INFINITIES[item] if isinstance(item, str) and item in INFINITIES else _decode_any(item) for item in value
        ]
    return value
