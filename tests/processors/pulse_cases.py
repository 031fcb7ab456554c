"""Waveforms with pulses of known shape: the deterministic ones of the specification and small random samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physics.pulse_shapes import pulse, rates_of

Array = NDArray[np.float64]

T0_NS, DT_NS, SAMPLES = 22.0, 0.1, 502
TIMES_NS = T0_NS + DT_NS * np.arange(SAMPLES)
GOLDEN_WINDOW_NS = (42.0, 72.1)  # samples 200 to 501
PEAK_PER_NS = 0.188357


@dataclass(frozen=True)
class Truth:
    """A pulse in mV and ns as in chapter 8 of the specification."""

    area_vns: float
    onset_ns: float
    rise_ns: float
    fall_ns: float
    baseline_mv: float
    noise_mv: float

    def waveform_v(self) -> Array:
        """(1, samples), with the deterministic noise sqrt 2 sigma cos(2 pi frac(phi k^2))."""
        golden = (np.sqrt(5) - 1) / 2
        noise = np.sqrt(2) * self.noise_mv * np.cos(2 * np.pi * np.modf(golden * np.arange(SAMPLES) ** 2)[0])
        shape = pulse(TIMES_NS - self.onset_ns, *rates_of(self.rise_ns, self.fall_ns))
        return (1e-3 * (self.baseline_mv + noise) - self.area_vns * shape)[None]


GOLDEN = {
    "G1": Truth(0.160, 47.3, 0.93, 3.2, 0.3, 1.2),
    "G2": Truth(0.030, 46.85, 0.9, 3.4, -0.4, 0.4),
    "G3": Truth(0.5, 48.03, 2.0, 2.0, 0.0, 1.2),
    "G4": Truth(0.5, 48.03, 2.0, 2.0, 0.0, 0.0),
}


@dataclass(frozen=True)
class Sample:
    """n waveforms with their truth."""

    waveform_v: Array
    area_vns: Array
    onset_ns: Array
    noise_v: float

    @property
    def baseline_v(self) -> Array:
        """Mean of the samples before 42 ns."""
        return self.waveform_v[:, :200].mean(axis=1)


def sample(
    n: int, *, amplitude_v: float = 0.030, noise_v: float = 1.2e-3, baseline_v: float = 0.3e-3, correlated: bool = False, seed: int = 1
) -> Sample:
    """Pulses as in chapter 7 (shape spread 3 %, 30 photo-electrons) at one light level; ``correlated``: noise is a moving sum over 4 samples."""
    rng = np.random.default_rng(seed)
    electrons = np.maximum(rng.poisson(30, n), 1)
    charge = rng.gamma(electrons / 0.16) * 0.16 / 30
    rise, fall = (tau * np.exp(rng.normal(0, 0.03, n))[:, None] for tau in (0.93, 3.2))
    onset = 47.3 + rng.normal(0, 0.3, n) / np.sqrt(electrons)
    area = amplitude_v / PEAK_PER_NS * charge
    noise = rng.normal(0, noise_v, (n, SAMPLES + 3))
    noise = sum(noise[:, lag : SAMPLES + lag] for lag in range(4)) / 2 if correlated else noise[:, :SAMPLES]
    shape = pulse(TIMES_NS - onset[:, None], *rates_of(rise, fall))
    return Sample(baseline_v + noise - area[:, None] * shape, area, onset, noise_v)
