"""Waveforms of photomultipliers under a pulsed LED, as an 8-bit oscilloscope digitises them, with their truth.

A trigger has N ~ Poisson(lambda) photo-electrons whose charges follow a gamma law of relative width delta; the pulse is a difference of two
exponentials with that charge, on a baseline with band-limited noise. Amplitudes follow a power law of the voltage as those of the four tubes of the
CYGNO GIN prototype. Every block of triggers has a random stream of its own, named by tube, voltage, kind and number: a trigger is the same whatever
else is generated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from physics.constants import ELEMENTARY_CHARGE_PC
from physics.pulse_shapes import peak_time_ns, pulse, rates_of

Array = NDArray[np.float64]
Kind = Literal["led", "off", "low", "low.off"]

AMPLITUDE_LAW = {"PMT_1": (46.23, 5.53), "PMT_2": (14.93, 5.34), "PMT_3": (53.70, 5.52), "PMT_4": (12.26, 4.92)}  # |cut| in mV at 1000 V, exponent
LAW_AT_V, MV_TO_V = 1000.0, 1e-3
KINDS: tuple[Kind, ...] = ("led", "off", "low", "low.off")
TAU_RISE_NS, TAU_FALL_NS, TAU_SPREAD = 0.93, 3.2, 0.03  # the spread is that of the logarithm
ONSET_NS, ONSET_SPREAD_NS = 47.3, 0.30  # of one photo-electron; the earliest of many is as good as their mean here
LOAD_PC_PER_V_NS = 20.0  # 1 V ns into 50 ohm
SAMPLES, DT_NS, T0_NS = 502, 0.1, 22.0
DIVISIONS = 6.0  # V/div is the smallest step with twice the mean amplitude within so many divisions
OFFSET_DIVISIONS = 2.5
LOW_OFFSET_DIVISIONS = 3.5  # at low light: the charges of one flash scatter by far more than their mean, and the largest must fit too
CODES_PER_DIVISION = 8000.0
CODE_STEP = 256  # 8 bits in 16
MIN_CODE, MAX_CODE = -32768, 32512
BASELINE_DIVISIONS, BASELINE_SPREAD_DIVISIONS = 0.02, 0.01
NOISE_V, NOISE_DIVISIONS = 0.3e-3, 0.03
NOISE_WINDOW = 4  # samples of the moving sum that limits the bandwidth
LEVEL_SPREADS = 6.0  # standard deviations of the charge above the mean that a further light level has room for
LOW_LIGHT_PHOTOELECTRONS = 6.0  # whose amplitude is within the divisions at low light
BLOCK = 60  # triggers of one random stream


@dataclass(frozen=True)
class Light:
    """The light and the tube's response to one photo-electron; ``spread``: relative fluctuation of the LED from trigger to trigger."""

    bright: float = 30.0  # mean number of photo-electrons
    low: float = 1.2
    delta: float = 0.4
    spread: float = 0.0


@dataclass(frozen=True)
class PointTruth:
    """What is true of one point. ``photoelectrons``: mean number per trigger (0: LED off), ``q1_pc``: mean charge of one.

    ``level``: number of a further light level, 0 for the light that all voltages share.
    """

    pmt: str
    hv_v: float
    kind: Kind
    photoelectrons: float
    q1_pc: float
    delta: float
    spread: float
    cut_v: float
    volts_per_division: float
    level: int = 0

    @property
    def gain(self) -> float:
        """Electrons at the anode per photo-electron."""
        return self.q1_pc / ELEMENTARY_CHARGE_PC

    @property
    def volts_per_code(self) -> float:
        """As a header stores it."""
        return float(np.float32(self.volts_per_division / CODES_PER_DIVISION))

    @property
    def offset_v(self) -> float:
        """V = gain * code - offset."""
        divisions = LOW_OFFSET_DIVISIONS if self.kind.startswith("low") else OFFSET_DIVISIONS
        return float(np.float32(divisions * self.volts_per_division))

    @property
    def noise_v(self) -> float:
        """Rms of the noise."""
        return float(np.hypot(NOISE_V, NOISE_DIVISIONS * self.volts_per_division))


@dataclass(frozen=True)
class Triggers:
    """Consecutive triggers of a point: codes (n, samples) int16, times of the first sample, and the truth of each (arrays of n)."""

    codes: NDArray[np.int16]
    t0_ns: Array
    n_pe: NDArray[np.int64]
    charge_pc: Array
    onset_ns: Array
    tau_rise_ns: Array
    tau_fall_ns: Array
    baseline_v: Array

    def __len__(self) -> int:
        return len(self.codes)


def point_truth(pmt: str, hv_v: float, kind: Kind, light: Light = Light(), level: int = 0) -> PointTruth:
    """Truth of a tube at a voltage (V): the mean amplitude of bright light is twice the |cut| of the tube's power law.

    The range of a further ``level`` holds what the scatter of few photo-electrons can reach.
    """
    cut_mv, exponent = AMPLITUDE_LAW[pmt]
    cut_v = MV_TO_V * cut_mv * (hv_v / LAW_AT_V) ** exponent
    amplitude_v = 2.0 * cut_v
    q1_pc = LOAD_PC_PER_V_NS * amplitude_v / peak_per_area() / Light().bright
    low = kind.startswith("low")
    wanted = light.low if low else light.bright
    single_v = amplitude_v / Light().bright
    reach = max(LOW_LIGHT_PHOTOELECTRONS, 5.0 * wanted) if low else 2.0 * max(wanted, 1.0)
    if level:
        reach = max(reach, wanted + LEVEL_SPREADS * np.sqrt(wanted * (1.0 + light.delta**2)))
    photoelectrons = 0.0 if kind.endswith("off") else wanted
    return PointTruth(pmt, hv_v, kind, photoelectrons, q1_pc, light.delta, light.spread, -cut_v, volts_per_division(single_v * reach), level)


def volts_per_division(full_scale_v: float) -> float:
    """The smallest step of the sequence 1, 2, 5 with which ``full_scale_v`` is within six divisions.

    >>> volts_per_division(0.18), volts_per_division(0.1189)
    (0.05, 0.02)
    """
    decade = int(np.floor(np.log10(full_scale_v / DIVISIONS)))
    steps = (float(f"{step}e{power}") for power in (decade, decade + 1) for step in (1, 2, 5))
    return next(step for step in steps if DIVISIONS * step >= full_scale_v)


def peak_per_area() -> float:
    """Height of the mean pulse of area 1 (1/ns)."""
    beta, eta = rates_of(TAU_RISE_NS, TAU_FALL_NS)
    return float(pulse(peak_time_ns(beta, eta), beta, eta))


def triggers(truth: PointTruth, count: int, seed: int, *, jitter: bool = False) -> Triggers:
    """The first ``count`` triggers of a point. With ``jitter`` the time of the first sample is uniform within one sample, as in sequences."""
    blocks = list(_blocks(truth, count, seed, jitter))
    columns = {name: np.concatenate([getattr(block, name) for block in blocks])[:count] for name in Triggers.__dataclass_fields__}
    return Triggers(**columns)


def _blocks(truth: PointTruth, count: int, seed: int, jitter: bool) -> Iterator[Triggers]:
    tube = list(AMPLITUDE_LAW).index(truth.pmt)
    for number in range(-(-count // BLOCK)):
        key = (tube, round(truth.hv_v * 1000), KINDS.index(truth.kind), number, *([truth.level] if truth.level else []))
        yield _block(np.random.default_rng(SeedSequence(seed, spawn_key=key)), truth, jitter)


def _block(rng: Generator, truth: PointTruth, jitter: bool) -> Triggers:
    expected = truth.photoelectrons * np.maximum(1.0 + truth.spread * rng.standard_normal(BLOCK), 0.0)
    n_pe = rng.poisson(expected)
    charge_pc = rng.gamma(n_pe / truth.delta**2, truth.q1_pc * truth.delta**2)  # the sum of N gamma variables is one; 0 for none
    rise = TAU_RISE_NS * rng.lognormal(0.0, TAU_SPREAD, BLOCK)
    fall = TAU_FALL_NS * rng.lognormal(0.0, TAU_SPREAD, BLOCK)
    onset = ONSET_NS + ONSET_SPREAD_NS / np.sqrt(np.maximum(n_pe, 1)) * rng.standard_normal(BLOCK)
    division = truth.volts_per_division
    baseline = division * rng.normal(BASELINE_DIVISIONS, BASELINE_SPREAD_DIVISIONS, BLOCK)
    t0 = T0_NS + DT_NS * rng.uniform(-0.5, 0.5, BLOCK) if jitter else np.full(BLOCK, T0_NS)
    white = rng.standard_normal((BLOCK, SAMPLES + NOISE_WINDOW - 1))
    noise = sum(white[:, start : start + SAMPLES] for start in range(NOISE_WINDOW)) / np.sqrt(NOISE_WINDOW)
    time = t0[:, None] + DT_NS * np.arange(SAMPLES)
    volts = baseline[:, None] + truth.noise_v * noise
    lit = n_pe > 0
    beta, eta = rates_of(rise[lit, None], fall[lit, None])
    volts[lit] -= charge_pc[lit, None] / LOAD_PC_PER_V_NS * pulse(time[lit] - onset[lit, None], beta, eta)
    return Triggers(digitised(volts, truth), t0, n_pe, charge_pc, onset, rise, fall, baseline)


def digitised(volts: Array, truth: PointTruth) -> NDArray[np.int16]:
    """Codes of voltages: 8 bits in steps of 256, cut off at the ends of the range."""
    steps = np.rint((volts + truth.offset_v) / (CODE_STEP * truth.volts_per_code))
    return np.clip(CODE_STEP * steps, MIN_CODE, MAX_CODE).astype(np.int16)
