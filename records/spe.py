"""Results that count photo-electrons: photostatistics, fits of single-photo-electron spectra, occupancy without a model.

Charges are positive and in pC, errors are standard deviations. ``gain`` is the mean charge of one photo-electron over e. A result with
``valid=False`` carries its reason and NaN for what could not be measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Parameter, Value

NAN = math.nan
ONE_LEVEL = "not measurable: needs at least 3 light levels at one voltage"


@dataclass(frozen=True, repr=False)
class PhotostatisticsResult(Value):
    """Gain from mean and variance of the charge. ``*_model_error``: from the error of ``delta``, common to all points with that delta."""

    valid: bool
    reason: str
    n: int
    mean_pc: float = NAN  # above the pedestal
    mean_error_pc: float = NAN
    variance_pc2: float = NAN  # above the pedestal
    variance_error_pc2: float = NAN
    lambda_pe: float = NAN
    lambda_error: float = NAN
    lambda_model_error: float = NAN
    q1_pc: float = NAN
    q1_error_pc: float = NAN
    gain: float = NAN
    gain_error: float = NAN
    gain_model_error: float = NAN
    delta: float = NAN
    delta_error: float = NAN
    nu: float = NAN  # relative instability of the light
    nu_reason: str = ONE_LEVEL


@dataclass(frozen=True, repr=False)
class JointPoint(Value):
    """One voltage of a joint fit. ``gain_uncorrelated_error`` is what this point does not share with the others."""

    q1_pc: float
    q1_error_pc: float
    gain: float
    gain_error: float
    gain_uncorrelated_error: float
    pull: float  # of 2 ln m - ln v from the common light


@dataclass(frozen=True, repr=False)
class JointPhotostatisticsResult(Value):
    """One mean number of photo-electrons for all voltages. ``p_value`` tests that it is common; ``common_error`` is relative, on every gain."""

    valid: bool
    reason: str
    points: Mapping[str, JointPoint]
    excluded: Mapping[str, str]  # point -> reason
    lambda_pe: float = NAN
    lambda_error: float = NAN  # statistical, delta held
    lambda_model_error: float = NAN
    common_error: float = NAN  # statistical, of lambda
    common_model_error: float = NAN  # of delta
    delta: float = NAN
    delta_error: float = NAN
    chi2: float = NAN
    degrees_of_freedom: int = 0
    p_value: float = NAN


@dataclass(frozen=True, repr=False)
class VarianceMeanResult(Value):
    """``v = Q1 (1 + delta^2) m + nu^2 m^2`` through the light levels of one voltage; ``nu`` is NaN with ``nu_reason`` if nu^2 is negative."""

    valid: bool
    reason: str
    mean_pc: list[float]
    mean_error_pc: list[float]
    variance_pc2: list[float]
    variance_error_pc2: list[float]
    levels: list[str] = field(default_factory=list)  # points, in the order of the numbers
    slope_pc: float = NAN
    slope_error_pc: float = NAN
    nu_squared: float = NAN
    nu_squared_error: float = NAN
    correlation: float = NAN
    nu: float = NAN
    nu_reason: str = ""
    q1_pc: float = NAN
    q1_error_pc: float = NAN
    gain: float = NAN
    gain_error: float = NAN
    gain_model_error: float = NAN
    delta: float = NAN
    delta_error: float = NAN
    chi2: float = NAN
    degrees_of_freedom: int = 0
    p_value: float = NAN


@dataclass(frozen=True, repr=False)
class SpectrumFit(Value):
    """Baker-Cousins statistic after merging neighbouring bins until each expects enough events."""

    chi2: float = NAN
    degrees_of_freedom: int = 0
    p_value: float = NAN
    n_bins: int = 0


@dataclass(frozen=True, repr=False)
class SpeResult(Value):
    """Pedestal and LED spectrum fitted together. ``resolution`` is sd over mean of the charge of one photo-electron."""

    valid: bool
    reason: str
    model: str
    engine: str
    n_led: int
    n_pedestal: int
    n_outside: int  # events in the flow bins, fitted like the others
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    correlation: list[list[float]] = field(default_factory=list)  # order of parameters
    gain: float = NAN
    gain_error: float = NAN
    gain_definition: str = ""
    q1_pc: float = NAN  # mean charge of one photo-electron
    q1_error_pc: float = NAN
    resolution: float = NAN
    resolution_error: float = NAN
    lambda_pe: float = NAN
    lambda_error: float = NAN
    occupancy: float = NAN  # share of triggers with at least one photo-electron
    occupancy_error: float = NAN
    peak_to_valley: float | None = None  # null: the fitted curve has no valley
    peak_to_valley_error: float | None = None
    gain_peak: float | None = None  # from the peak of the amplified photo-electrons, where the model has one apart from the mean
    gain_peak_error: float | None = None
    goodness: SpectrumFit = field(default_factory=SpectrumFit)
    nll: float = NAN  # above that of a model that reproduces every bin
    aic: float = NAN
    edm: float = NAN
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class ModelChoice(Value):
    """Models of one spectrum compared. ``gain_model_error``: largest distance from the best among models that describe the data."""

    best: str
    delta_aic: Mapping[str, float]
    gain: Mapping[str, float]
    supported: list[str]  # valid and within the limit of AIC
    gain_model_error: float
    gain_spread: float  # largest distance from the best among all valid models
    rejected: Mapping[str, str]  # model -> why it does not count


@dataclass(frozen=True, repr=False)
class SaldanhaResult(Value):
    """Occupancy below a cut and moments, no model of the charge. ``scan_*``: by cut; ``leakage_pc``: estimated shift of E1 by light below the cut."""

    valid: bool
    reason: str
    n_led: int
    n_pedestal: int
    n_outside: int  # events in the flow bins: in the shares, but in mean and variance only where exact moments were given
    qc_pc: float = NAN
    lambda_pe: float = NAN
    lambda_error: float = NAN
    lambda_formula_error: float = NAN  # binomial, without bootstrap
    q1_pc: float = NAN  # mean charge of one photo-electron, E1
    q1_error_pc: float = NAN
    leakage_pc: float = NAN
    variance_pc2: float = NAN  # of the charge of one photo-electron, V1
    variance_error_pc2: float = NAN
    gain: float = NAN
    gain_error: float = NAN
    gain_model_error: float = NAN  # from the leakage
    correlation: list[list[float]] = field(default_factory=list)  # lambda, E1, V1
    scan_qc_pc: list[float] = field(default_factory=list)
    scan_lambda: list[float] = field(default_factory=list)
    scan_q1_pc: list[float] = field(default_factory=list)
    scan_error_pc: list[float] = field(default_factory=list)  # statistics and leakage
    seed: int = 0
    n_bootstrap: int = 0
