"""Results of fits: one frozen dataclass for each question, saved as ``results.json``.

The file reads ``{"analysis", "name", "schema": 1, "results": {"<fit name>": {"kind": "FitResult", ...}}}``. Numbers that JSON
does not know are written as ``null`` (NaN) and ``"inf"``/``"-inf"`` and come back as floats. Arrays are lists.

Kinds of ``diffuse``: a fit ``main`` leaves ``main`` (FitResult) and, as far as its configuration asks for them, ``main.scan`` (ScanResult),
``main.profile.<parameter>`` (ProfileResult), ``main.toys`` (ToysResult), ``main.gof`` (GoodnessOfFit),
``main.feldman_cousins`` (FeldmanCousinsResult), ``main.limit.<parameter>`` (LimitResult), ``main.asimov`` (FitResult of the Asimov set),
``main.test`` (HypothesisTest).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from configs.errors import InputError, nearest

SCHEMA = 1


@dataclass(frozen=True)
class Parameter:
    """One parameter of a fit. ``error`` is from the inverse Hessian; ``minos`` the interval's distances [down < 0, up > 0]."""

    value: float
    error: float
    minos: tuple[float, float] | None = None
    unit: str = ""
    fixed: bool = False
    at_bound: bool = False
    prior: str | None = None
    pull: float | None = None


@dataclass(frozen=True)
class FitResult:
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
    dropped_bins: list[str] = field(default_factory=list)  # data bins left out by empty_bins: skip
    partial: bool = False  # made from an incomplete run (--allow-partial)
    seed: int | None = None
    input_digest: str = ""
    published: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)  # value, minus, plus


@dataclass(frozen=True)
class ScanResult:
    """A two-dimensional profile scan: ``nll[i][j]`` above the minimum at ``x[i], y[j]``; contours are polylines by level."""

    x_name: str
    y_name: str
    x: list[float]
    y: list[float]
    delta_nll: list[list[float]]
    nuisances: Mapping[str, list[list[float]]]  # profiled values on the same grid
    best: tuple[float, float]
    contours: Mapping[str, list[list[tuple[float, float]]]]  # "0.6827" -> polylines of (x, y)
    comparison: Mapping[str, float] = field(default_factory=dict)  # iou_68, iou_95, rms_delta_nll
    external: Mapping[str, Any] | None = None  # the other program's grid: x, y, delta_nll, contours, source


@dataclass(frozen=True)
class ProfileResult:
    """A one-dimensional profile of the likelihood: ``delta_nll`` at ``x``."""

    parameter: str
    x: list[float]
    delta_nll: list[float]
    nuisances: Mapping[str, list[float]]
    interval_68: tuple[float, float]
    interval_95: tuple[float, float]


@dataclass(frozen=True)
class ToysResult:
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


@dataclass(frozen=True)
class GoodnessOfFit:
    """Saturated Poisson statistic by projection, with p-values from refitted toys (numbers of toys stated)."""

    seed: int
    n_toys: int
    n_failed: int
    observed: Mapping[str, float]  # "all", "energy", "zenith", "topology"
    p_value: Mapping[str, float]
    p_error: Mapping[str, float]
    toys: Mapping[str, list[float]]


@dataclass(frozen=True)
class FeldmanCousinsResult:
    """Unified interval of one parameter: TS of the data and critical value at each grid point, with its Monte-Carlo error."""

    parameter: str
    seed: int
    n_toys: int
    grid: list[float]
    ts_data: list[float]
    critical: Mapping[str, list[float]]  # "0.6827" -> value at each grid point
    critical_error: Mapping[str, list[float]]
    interval: Mapping[str, tuple[float, float]]
    n_failed: int = 0


@dataclass(frozen=True)
class LimitResult:
    """An upper limit at confidence ``cl`` by the method named."""

    parameter: str
    cl: float
    method: str  # "profile"
    observed: float
    expected: Mapping[str, float] | None  # "-2", "-1", "0", "1", "2" standard deviations, from toys or Asimov
    unit: str = ""


@dataclass(frozen=True)
class HypothesisTest:
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


KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (FitResult, ScanResult, ProfileResult, ToysResult, GoodnessOfFit, FeldmanCousinsResult, LimitResult, HypothesisTest)
}
