"""Results of ``pmt_gain``: one ``GainResult`` per photomultiplier with its points, gain curve, nominal voltages and timing.

Charges are positive and in pC. Errors are standard deviations. A number that cannot be measured is NaN (``null`` in the file) and its result
carries the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from records.performance import Rate
from records.spe import JointPhotostatisticsResult
from records.value import Value


@dataclass(frozen=True, repr=False)
class Pedestal(Value):
    """What was subtracted from mean and variance. ``kind``: off (LED off), pre (gate before the pulse) or variance (noise covariance alone)."""

    kind: str
    n: int
    mean_pc: float
    mean_error_pc: float
    spread_pc: float
    reason: str = ""  # why a preferred kind was not used


@dataclass(frozen=True, repr=False)
class Charge(Value):
    """Charge per trigger of one sample, pedestal subtracted: mean with its standard error, and the spread of single triggers."""

    n: int
    mean_pc: float
    mean_error_pc: float
    spread_pc: float
    skewness: float


@dataclass(frozen=True, repr=False)
class GainEstimate(Value):
    """Gain of one point by one method. ``systematic``: of what the method assumes (delta, common light), common to the points of a curve."""

    valid: bool
    reason: str
    gain: float
    statistical: float
    systematic: float
    model: float  # spread over models of the single-photo-electron charge, NaN where there is none
    photoelectrons: float  # mean number per trigger
    photoelectrons_error: float
    charge_pc: float  # of one photo-electron: Q1
    charge_error_pc: float
    delta: float  # relative width of the charge of one photo-electron
    remark: str = ""  # which model, which definition


@dataclass(frozen=True, repr=False)
class Timing(Value):
    """Times of the 20 % crossing after the trigger; LED width and trigger jitter are in the spread. ``reason``: why there is no core fit."""

    n: int
    transit_time_ns: float  # mean
    transit_time_error_ns: float
    spread_ns: float  # of all triggers
    core_ns: float  # mean of the Gaussian core
    core_error_ns: float
    tts_sigma_ns: float
    tts_sigma_error_ns: float
    fwhm_ns: float  # of the histogram, linear between bins; NaN where they do not resolve the core or hold too few triggers
    valid: bool
    reason: str = ""


@dataclass(frozen=True, repr=False)
class MeanPulse(Value):
    """Two exponentials smeared by a Gaussian through the mean of aligned pulses: a description, without errors.

    Of a single waveform (``n`` 1) without the Gaussian, with ``chi2`` by the noise of its baseline.
    """

    valid: bool
    reason: str
    n: int
    charge_pc: float  # of the whole shape
    onset_ns: float
    tau_rise_ns: float
    tau_fall_ns: float
    sigma_ns: float
    amplitude_v: float
    gate_loss: float  # share of the charge behind the gate
    chi2: float = math.nan
    degrees_of_freedom: int = 0


@dataclass(frozen=True, repr=False)
class LatePulses(Value):
    """Extra maxima behind the pulse; after-pulses only where the record is long enough, else NaN with the reason, never 0."""

    rate: Rate | None  # triggers with an extra maximum; null: not counted
    n: int  # extra maxima
    afterpulses_per_photoelectron: float
    afterpulses_error: float
    reason: str


@dataclass(frozen=True, repr=False)
class GainPoint(Value):
    """One photomultiplier at one voltage and light level. ``level``: label of the light; ``shared``: bright, under the light of all voltages."""

    name: str
    hv_v: float
    light: str
    n_read: int  # triggers read
    n_expected: int  # triggers announced; more than read where files are missing
    n_saturated: int
    efficiency: Mapping[str, Rate]  # step of the selection -> share that passes, Wilson 68.27 %
    valid: bool
    reason: str
    pedestal: Pedestal | None
    charge: Charge | None  # of the triggers without any requirement on amplitude or fit: zeros count
    selected: Charge | None  # of those that pass every step
    syst_uncorrelated_pc: float
    syst_scale_pc: float
    gains: Mapping[str, GainEstimate]
    timing: Timing | None
    late: LatePulses | None
    pulse: MeanPulse | None = None
    trace: MeanPulse | None = None  # of one waveform, that of middle charge among the first
    flags: list[str] = field(default_factory=list)
    level: str = ""
    shared: bool = True


@dataclass(frozen=True, repr=False)
class Anchor(Value):
    """The scale of a gain curve from bright light, combined with gains of single photo-electrons of the same tube.

    ``factor``: what the curve was multiplied by, with its relative ``error``; ``error_before``: of the common light and of delta alone;
    ``ratio``: gains at low light over the curve before. ``valid`` is false, and nothing was changed, where the two contradict each other.
    """

    valid: bool
    reason: str
    points: list[str]
    method: str  # of the gains at low light
    ratio: float
    ratio_error: float
    error_before: float
    factor: float
    error: float
    chi2: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True, repr=False)
class Curvature(Value):
    """The power law with a further term curvature * x^2; ``delta_chi2`` above 9 speaks of saturation or space charge."""

    value: float
    error: float
    delta_chi2: float


@dataclass(frozen=True, repr=False)
class NominalVoltage(Value):
    """The voltage of a wanted gain. ``scale_error_v``: of what is common to all points."""

    gain: float
    valid: bool
    reason: str
    hv_v: float
    error_v: float
    scale_error_v: float
    extrapolated: bool


@dataclass(frozen=True, repr=False)
class PowerLaw(Value):
    """``value = exp(ln_value) (V/pivot_v)^exponent`` through the points of one photomultiplier; ``covariance`` is that of (ln_value, exponent)."""

    valid: bool
    reason: str
    quantity: str  # gain, or charge_pc: relative gain
    method: str  # of the ordinate: spe, variance_mean, anchored_photostatistics, joint_photostatistics, photostatistics, mean_charge
    pivot_v: float
    ln_value: float
    exponent: float
    covariance: list[list[float]]
    scale_error: float  # relative, common to all points
    scale_parts: Mapping[str, float]
    chi2: float
    degrees_of_freedom: int
    p_value: float
    curvature: Curvature | None  # null: fewer than four voltages
    used: list[str]  # names of points
    hv_v: list[float]
    value: list[float]
    error: list[float]  # statistical and uncorrelated systematic
    excluded: Mapping[str, str]  # point -> reason
    nominal: list[NominalVoltage]
    exponent_per_dynode: float | None = None
    notes: list[str] = field(default_factory=list)
    anchor: Anchor | None = None  # null: no low light, or another method

    @property
    def at_pivot(self) -> tuple[float, float]:
        """Value at the pivot and its error."""
        value = math.exp(self.ln_value)
        return value, value * math.sqrt(self.covariance[0][0])


@dataclass(frozen=True, repr=False)
class GainResult(Value):
    """What was measured of one photomultiplier. ``curve``: absolute gain, or invalid with the reason; ``relative``: mean charge against voltage."""

    pmt: str
    valid: bool
    reason: str
    points: list[GainPoint]
    light: JointPhotostatisticsResult | None  # null: not asked for
    curve: PowerLaw
    relative: PowerLaw
    delta_source: str = ""  # where the width of the charge of one photo-electron is from
    notes: list[str] = field(default_factory=list)
    input_digest: str = ""
    partial: bool = False
