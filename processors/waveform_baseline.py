"""The level before a pulse: its value, noise and slope, and how the noise of neighbouring samples is correlated (specification 3.2, 3.4).

Arrays as in ``processors.waveforms``; ``tests/reference/waveform_loops.py`` is the slow version.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

from processors.waveforms import PC_PER_VNS_OHM, REGROUPED, Array, Window, span

Estimator = Literal["clipped_mean", "mean", "median", "none"]

ESTIMATORS: tuple[Estimator, ...] = ("clipped_mean", "mean", "median", "none")
CLIP = 3.0  # standard deviations
SIGMA_PER_MAD = 1.482602218505602  # of a Gaussian: 1 / Phi^-1(3/4)
MEDIAN_BINS = 128
UNSTABLE = 3.0  # standard deviations of the fall over the window that white noise gives a straight line


@dataclass(frozen=True, eq=False)
class Baseline:
    """Of each waveform: level in V, standard deviation of a sample (ddof 1) in V, slope in V/ns, how far the lowest sample of the window lies below
    the level in V, the samples in the window and those kept by the clip.
    """

    level_v: Array
    rms_v: Array
    slope_v_per_ns: Array
    dip_v: Array
    samples: NDArray[np.int64]
    kept: NDArray[np.int64]

    def error_v(self, correlation_samples: float = 1.0) -> Array:
        """Standard error of the level as a mean of samples that are correlated over so many."""
        return np.asarray(self.rms_v * np.sqrt(correlation_samples / np.maximum(self.kept, 1)))


def baselines(waveform_v: Array, t0_ns: Array, dt_ns: float, window_ns: Window, estimator: Estimator = "clipped_mean") -> Baseline:
    """Baselines of waveforms (n, samples) from the samples whose times lie in a window.

    ``clipped_mean``: mean of what lies within 3 standard deviations of the median, the deviation being 1.4826 times the median absolute deviation
    (where the converter is so coarse that this vanishes, the plain one). ``none``: 0. Deviation and slope are those of the kept samples for every
    estimator but ``mean``, which keeps all. NaN with fewer than two samples, or one that is not finite.
    """
    out = np.empty((4, len(waveform_v)))
    counts = np.empty((2, len(waveform_v)), np.int64)
    scratch = np.empty((2, waveform_v.shape[1]))
    _baselines(waveform_v, t0_ns, dt_ns, window_ns[0], window_ns[1], ESTIMATORS.index(estimator), scratch, out, counts)
    return Baseline(*out, *counts)


def unstable(baseline: Baseline, dt_ns: float, correlation_samples: float = 1.0) -> NDArray[np.bool_]:
    """Baselines that fall or rise over their window by more than noise can explain (3 standard deviations, 0.27 % of good ones).

    The slope of a straight line through n independent samples of deviation s has the deviation sqrt(12/n) s over their whole length; n samples of
    noise that is correlated over ``correlation_samples`` are worth n / correlation_samples.
    """
    independent = np.maximum(baseline.kept, 1) / max(correlation_samples, 1.0)
    fall = np.abs(baseline.slope_v_per_ns) * baseline.samples * dt_ns
    return np.asarray(fall > UNSTABLE * baseline.rms_v * np.sqrt(12.0 / independent))


def autocovariance(waveform_v: Array, t0_ns: Array, dt_ns: float, window_ns: Window, lags: int) -> Array:
    """Autocovariance of the noise of each waveform at lags 0 .. lags-1 samples, in V^2, shape (n, lags).

    From mean squared differences, C_k = C_0 - <(y_i - y_(i+k))^2>/2 with C_0 the variance (ddof 1): no mean enters, so all lags are off by one common
    number (what the noise does beyond the window), which the variance of a charge does not see. Lags that the window does not hold are NaN.
    """
    out = np.full((len(waveform_v), lags), np.nan)
    _autocovariances(waveform_v, t0_ns, dt_ns, window_ns[0], window_ns[1], out)
    return out


def correlation_length(covariance: Array) -> float:
    """How many samples one independent sample of the noise is worth: 1 + 2 sum C_k / C_0 up to the first lag that is not positive.

    >>> correlation_length(np.array([4.0, 3.0, 2.0, 1.0, 0.0]))
    4.0
    """
    if not covariance[0] > 0:
        return 1.0
    ends = np.flatnonzero(~(covariance[1:] > 0))
    stop = 1 + (int(ends[0]) if len(ends) else len(covariance) - 1)
    return float(1.0 + 2.0 * covariance[1:stop].sum() / covariance[0])


def charge_variance_pc2(covariance_v2: Array, dt_ns: float, baseline_ns: Window, gate_ns: Window, *, load_ohm: float = 50.0) -> float:
    """Variance in pC^2 that noise alone gives a charge: Var(sum) + L^2 Var(b) - 2 L Cov(b, sum) with L samples in the gate (specification 3.4).

    ``covariance_v2``: C_k of lags 0, 1, ... samples; later lags are taken as the mean of the last quarter. A number added to all of them
    changes nothing. b: the mean of the samples in ``baseline_ns``, for sample times at multiples of ``dt_ns``.
    """
    gate_cells = np.arange(math.floor(gate_ns[0] / dt_ns + 0.5), math.ceil(gate_ns[1] / dt_ns + 0.5))
    weight = np.minimum(gate_cells + 0.5, gate_ns[1] / dt_ns) - np.maximum(gate_cells - 0.5, gate_ns[0] / dt_ns)
    level = np.arange(math.ceil(baseline_ns[0] / dt_ns - 1e-6), math.floor(baseline_ns[1] / dt_ns + 1e-6) + 1)
    places = np.concatenate([gate_cells, level])
    weights = np.concatenate([weight, np.full(len(level), -weight.sum() / len(level))])
    distance = np.abs(places[:, None] - places[None, :]).astype(int)
    plateau = covariance_v2[-max(len(covariance_v2) // 4, 1) :].mean()
    padded = np.append(covariance_v2, np.full(max(distance.max() + 1 - len(covariance_v2), 0), plateau))
    return float(weights @ padded[distance] @ weights * (dt_ns * PC_PER_VNS_OHM / load_ohm) ** 2)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _baselines(
    waveform: Array, t0: Array, dt: float, low: float, high: float, estimator: int, scratch: Array, out: Array, counts: NDArray
) -> None:  # fmt: skip
    for n in range(len(waveform)):
        first, stop = span(low, high, t0[n], dt, waveform.shape[1])
        counts[0, n] = counts[1, n] = max(stop - first, 0)
        if stop - first < 2:
            out[:, n] = math.nan
            continue
        row = waveform[n, first:stop]
        centre, width = 0.0, math.inf
        if estimator != 1:
            centre, width = _middle_and_width(row, scratch)
        kept, mean, rms, slope = _line(row, centre, width)
        counts[1, n] = kept
        out[0, n] = mean if estimator < 2 else centre if estimator == 2 else 0.0
        out[1, n], out[2, n], out[3, n] = rms, slope / dt, out[0, n] - np.min(row)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _middle_and_width(row: Array, scratch: Array) -> tuple[float, float]:
    """Median and the half width of the clip; NaN unless all samples are finite."""
    size = len(row)
    if not math.isfinite(np.sum(row)):
        return math.nan, math.nan
    centre = _median(row, scratch[0])
    for sample in range(size):
        scratch[1, sample] = abs(row[sample] - centre)
    deviation = SIGMA_PER_MAD * _median(scratch[1, :size], scratch[0])
    if deviation == 0.0:
        deviation = float(np.std(row)) * math.sqrt(size / (size - 1.0))
    return centre, CLIP * deviation


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _line(row: Array, centre: float, width: float) -> tuple[int, float, float, float]:
    """Number, mean, deviation (ddof 1) and slope per sample of the samples within ``width`` of ``centre``."""
    kept, total, places = 0, 0.0, 0.0
    for sample in range(len(row)):
        above = row[sample] - centre
        inside = abs(above) <= width
        kept += inside
        total += above if inside else 0.0
        places += sample if inside else 0.0
    if kept < 2:
        return kept, math.nan, math.nan, math.nan
    mean, place = total / kept, places / kept
    squares, spread, product = 0.0, 0.0, 0.0
    for sample in range(len(row)):
        above, along = row[sample] - centre, sample - place
        inside = abs(above) <= width
        residual = above - mean if inside else 0.0
        squares += residual * residual
        product += residual * along
        spread += along * along if inside else 0.0
    return kept, centre + mean, math.sqrt(squares / (kept - 1.0)), product / spread


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _median(values: Array, scratch: Array) -> float:
    """Median: values are counted in equal bins first, then those of one bin are put in order."""
    size = len(values)
    low, high = values[0], values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    if not high > low:
        return low
    counts = np.zeros(MEDIAN_BINS, np.int64)
    scale = (MEDIAN_BINS - 1) / (high - low)
    for value in values:
        counts[int((value - low) * scale)] += 1
    upper = _of_rank(values, size // 2, counts, low, scale, scratch)
    return upper if size % 2 else 0.5 * (upper + _of_rank(values, size // 2 - 1, counts, low, scale, scratch))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _of_rank(values: Array, rank: int, counts: NDArray, low: float, scale: float, scratch: Array) -> float:
    """The value of a rank from below (0: the lowest), given how many lie in each bin."""
    place, below = 0, 0
    while below + counts[place] <= rank:
        below += counts[place]
        place += 1
    found, equal = 0, True
    for value in values:
        if int((value - low) * scale) == place:
            scratch[found] = value
            equal &= value == scratch[0]
            found += 1
    return scratch[0] if equal else np.partition(scratch[:found], rank - below)[rank - below]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _autocovariances(waveform: Array, t0: Array, dt: float, low: float, high: float, out: Array) -> None:
    total = np.empty(out.shape[1])
    for n in range(len(waveform)):
        first, stop = span(low, high, t0[n], dt, waveform.shape[1])
        if stop - first < 2:
            continue
        row = waveform[n, first:stop]
        size = len(row)
        lags = min(out.shape[1], size)
        variance = np.std(row) ** 2 * size / (size - 1.0)
        total[:] = 0.0
        for sample in range(size):  # the inner loop runs over lags, so that several are computed at once
            for lag in range(min(lags, size - sample)):
                total[lag] += (row[sample + lag] - row[sample]) ** 2
        for lag in range(lags):
            out[n, lag] = variance - 0.5 * total[lag] / (size - lag)
