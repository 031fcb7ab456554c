"""The published analysis of the photomultiplier recordings, step by step with its choices, for comparison alone; nothing else uses it.

The steps: resampling by Fourier transform to 150 points, on a time axis that is one step too long; acceptance of the minimum; a baseline that takes
the true one to be 0; a fit of two exponentials between two samples found by thresholds; the charge as integral of the fit with its baseline. The one
difference: this fit converges and its integral is exact. ``processors/pmt_reference_effects.py`` measures what each choice does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import resample

from configs.pmt_gain import PulseFit
from physics.pulse_shapes import area_fraction
from processors.pulse_fit import PulseFits, fit_pulses

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

POINTS = 150
EDGES = 20  # points at both ends where no minimum is looked for
THRESHOLD = 0.04  # of the minimum, where the pulse begins and ends
AMPLITUDE_FACTOR = 2.5  # of the minimum, where the fit's amplitude starts
EARLIEST_BACKGROUND, BACKGROUND_INSTEAD = 10, 15
ONSETS_NS, AMPLITUDES_V = (40.0, 55.0), (-10.0, 0.0)
REASONS = ("accepted", "above the cut", "window before the record", "window behind the record", "start outside the bounds", "fit failed")
ACCEPTED, ABOVE_CUT, BEFORE, BEHIND, BAD_START, NO_FIT = range(6)


@dataclass(frozen=True)
class Margins:
    """Points added before and behind the pulse."""

    before: int
    behind: int


QUIET, NOISY = Margins(20, 30), Margins(13, 20)


@dataclass(frozen=True, eq=False)
class ReferenceResult:
    """What the published chain makes of n triggers; indices count the 150 points. Charges are negative and hold the baseline, as published.

    Fitted quantities are NaN where ``reason`` (index of ``REASONS``) is not 0.
    """

    accepted: NDArray[np.bool_]
    reason: NDArray[np.int8]
    minimum: Indices
    minimum_v: Array
    background_end: Indices
    baseline_v: Array
    begin: Indices
    end: Indices
    amplitude_v: Array
    onset_ns: Array
    tau_rise_ns: Array
    tau_fall_ns: Array
    charge_pc: Array
    baseline_charge_pc: Array
    fits: PulseFits
    step_ns: float


def reference_chain(
    waveform_v: NDArray, t0_ns: ArrayLike, dt_ns: float, cut_v: float, noisy: bool, *, load_ohm: float = 50.0, across_samples: bool = True
) -> ReferenceResult:
    """The chain on negative pulses ``waveform_v`` (n, samples) whose first sample is at ``t0_ns``; accepted below ``cut_v``."""
    samples = waveform_v.shape[1]
    points = resample(np.asarray(waveform_v, float), POINTS, axis=1)
    step_ns = samples * dt_ns / (samples - 1) * samples / POINTS  # of linspace(0, N dt, N), resampled
    t0 = np.broadcast_to(np.asarray(t0_ns, float), len(points))
    margins = NOISY if noisy else QUIET
    minimum = EDGES + np.argmin(points[:, EDGES:-EDGES], axis=1)
    lowest = np.take_along_axis(points, minimum[:, None], axis=1)[:, 0]
    background_end = _background_end(points, minimum)
    baseline = _mean_until(points, background_end)
    onset = _last_before(points >= THRESHOLD * lowest[:, None], minimum)
    begin = onset - margins.before
    end = _first_after(points >= THRESHOLD * lowest[:, None], minimum) + margins.behind
    onset_ns = t0 + onset * step_ns
    inside = (onset_ns >= ONSETS_NS[0]) & (onset_ns <= ONSETS_NS[1]) & _between(AMPLITUDE_FACTOR * lowest, AMPLITUDES_V)
    checks = [lowest >= cut_v, begin <= 0, end >= POINTS, ~inside]
    reason = np.select(checks, [ABOVE_CUT, BEFORE, BEHIND, BAD_START], ACCEPTED).astype(np.int8)
    window = (t0 + begin * step_ns, t0 + end * step_ns)
    options = PulseFit(onset_range_ns=ONSETS_NS, c_starts=[0.0, -1.0] if across_samples else [0.0])
    fits = fit_pulses(points, t0, step_ns, baseline, None, window, options, wanted=reason == ACCEPTED, across_samples=across_samples)
    reason[(reason == ACCEPTED) & (fits.status < 0)] = NO_FIT
    rise, fall = fits.times_ns
    charge_per_vns = 1e3 / load_ohm
    of_baseline = np.where(reason == ACCEPTED, charge_per_vns * baseline * (end - begin) * step_ns, np.nan)
    of_pulse = charge_per_vns * fits.area_vns * area_fraction(window[1] - fits.onset_ns, fits.beta_per_ns, fits.eta)
    with np.errstate(divide="ignore"):
        amplitude = -fits.area_vns / (fall - rise)
    return ReferenceResult(
        reason == ACCEPTED, reason, minimum, lowest, background_end, baseline, begin, end, amplitude, fits.onset_ns, rise, fall,
        of_baseline - of_pulse, of_baseline, fits, step_ns,
    )  # fmt: skip


def _between(values: Array, bounds: tuple[float, float]) -> NDArray[np.bool_]:
    return (values >= bounds[0]) & (values <= bounds[1])


def _last_before(hit: NDArray[np.bool_], place: Indices) -> Indices:
    """Last point with a hit before ``place``; without any the first that was looked at, the one before."""
    candidates = hit & (np.arange(hit.shape[1]) < place[:, None])
    last = hit.shape[1] - 1 - np.argmax(candidates[:, ::-1], axis=1)
    return np.where(candidates.any(axis=1), last, place - 1)


def _first_after(hit: NDArray[np.bool_], place: Indices) -> Indices:
    """First point with a hit after ``place``; without any the first that was looked at."""
    candidates = hit & (np.arange(hit.shape[1]) > place[:, None])
    return np.where(candidates.any(axis=1), np.argmax(candidates, axis=1), place + 1)


def _background_end(points: Array, minimum: Indices) -> Indices:
    """Last point above 0 before the minimum: the published rule takes the baseline to be 0."""
    end = _last_before(points > 0, minimum)
    return np.where(end <= EARLIEST_BACKGROUND, BACKGROUND_INSTEAD, end)


def _mean_until(points: Array, end: Indices) -> Array:
    """Mean of the points from the second up to, not including, ``end``."""
    sums = np.cumsum(points, axis=1)
    upto = np.take_along_axis(sums, end[:, None] - 1, axis=1)[:, 0]
    return (upto - points[:, 0]) / (end - 1)
