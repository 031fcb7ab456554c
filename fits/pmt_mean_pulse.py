"""The mean pulse of a point and one single waveform, and the shapes that describe them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from configs.pmt_gain import PulseFit
from fits.pmt_points import Point
from physics.pulse_shapes import area_fraction, peak_time_ns, smeared_pulse
from processors.pmt_traces import covariance_of
from processors.pulse_fit import fit_pulses
from processors.waveforms import PC_PER_VNS_OHM
from records.gain import MeanPulse

Array = NDArray[np.float64]

AROUND_NS = (4.0, 5.0)  # before and behind the gate, as in the fits of single waveforms
NAN = float("nan")


@dataclass(frozen=True)
class Waveform:
    """Mean of b - V in V at times in ns, positive for a pulse, with the spread of single waveforms; ``n``: waveforms."""

    time_ns: Array
    mean_v: Array
    spread_v: Array
    n: int


def mean_waveform(point: Point, aligned: str = "pulse") -> Waveform | None:
    """Mean waveform of a point, ``aligned`` to the pulse or to the trigger, where it was filled; null where it was not."""
    if "waveform_mean" not in point.hists:
        return None
    filled = point.hists["waveform_mean"]
    count, total, square = np.asarray(filled[aligned, :, :].values(), float)  # type: ignore[union-attr]
    rows = count > 0.5 * count.max(initial=1.0)  # at the ends few waveforms reach after alignment
    if not rows.any():
        return None
    mean = total[rows] / count[rows]
    spread = np.sqrt(np.maximum(square[rows] / count[rows] - mean**2, 0.0))
    return Waveform(np.asarray(filled.axes["time"].centers)[rows], mean, spread, int(count.max()))


def single_waveform(point: Point) -> Waveform | None:
    """The one waveform that was kept as an example, as recorded; null where none was. Its spread is that of the noise of the baselines."""
    if "trace" not in point.hists:
        return None
    count, total = np.asarray(point.hists["trace"].values(), float)
    rows = count > 0.0
    if not rows.any():
        return None
    noise = covariance_of(point.hists["noise_cov"])[:1] if "noise_cov" in point.hists else np.array([])
    spread = math.sqrt(max(float(noise[0]), 0.0)) if noise.size else NAN
    time_ns = np.asarray(point.hists["trace"].axes["time"].centers)[rows]
    return Waveform(time_ns, total[rows] / count[rows], np.full(len(time_ns), spread), int(count.max()))


def mean_pulse(point: Point) -> MeanPulse | None:
    """Two exponentials smeared by a Gaussian (bandwidth, jitter of the alignment) through the mean pulse; null where none was filled.

    ``gate_loss``: share of the area that the fitted shape has behind the gate.
    """
    found = mean_waveform(point)
    return None if found is None else _fitted(point, found, PulseFit(pulse_model="biexp_gauss", c_starts=[0.0, -2.0, -5.0]), None)


def single_pulse(point: Point) -> MeanPulse | None:
    """Two exponentials through the one waveform that was kept, with chi2 by the noise of the baselines; null where none was kept."""
    found = single_waveform(point)
    return None if found is None else _fitted(point, found, PulseFit(), found.spread_v[:1] if found.spread_v[0] > 0.0 else None)


def _fitted(point: Point, found: Waveform, options: PulseFit, noise_v: Array | None) -> MeanPulse | None:
    """The shape through a waveform; invalid with its reason where it does not converge, null where the gate is not known."""
    if point.metadata.get("gate_ns") is None:
        return None
    gate = tuple(float(end) for end in point.metadata["gate_ns"])
    window = max(gate[0] - AROUND_NS[0], found.time_ns[0]), min(gate[1] + AROUND_NS[1], found.time_ns[-1])
    try:
        fits = fit_pulses(-found.mean_v[None, :], found.time_ns[:1], float(point.metadata["dt_ns"]), [0.0], noise_v, window, options)
    except InputError as error:
        return MeanPulse(False, str(error), found.n, NAN, NAN, NAN, NAN, NAN, NAN, NAN)
    if not fits.valid[0]:
        return MeanPulse(False, f"the fit of the pulse did not converge (status {fits.status[0]})", found.n, NAN, NAN, NAN, NAN, NAN, NAN, NAN)
    area, onset, beta, eta, sigma = (float(values[0]) for values in (fits.area_vns, fits.onset_ns, fits.beta_per_ns, fits.eta, fits.sigma_ns))
    rise, fall = (float(values[0]) for values in fits.times_ns)
    sigma = sigma if math.isfinite(sigma) else 0.0
    loss = 1.0 - float(area_fraction(gate[1] - onset, beta, eta))
    height = area * float(smeared_pulse(peak_time_ns(beta, eta), beta, eta, max(sigma, 1e-6)))
    load_ohm = float(point.metadata.get("load_ohm") or 50.0)
    goodness = (float(fits.chi2[0]), int(fits.ndf[0])) if noise_v is not None else (NAN, 0)
    return MeanPulse(True, "", found.n, area * PC_PER_VNS_OHM / load_ohm, onset, rise, fall, sigma, height, loss, *goodness)


def fitted_curve(pulse: MeanPulse, time_ns: Array) -> Array:
    """The shape of a valid fit at times, in V, positive for a pulse."""
    beta = 0.5 * (1.0 / pulse.tau_rise_ns + 1.0 / pulse.tau_fall_ns)
    eta = ((pulse.tau_fall_ns - pulse.tau_rise_ns) / (pulse.tau_fall_ns + pulse.tau_rise_ns)) ** 2
    sigma = max(pulse.sigma_ns, 1e-6)
    area = pulse.amplitude_v / float(smeared_pulse(peak_time_ns(beta, eta), beta, eta, sigma))
    return np.asarray(area * smeared_pulse(time_ns - pulse.onset_ns, beta, eta, sigma))
