"""Fit of the pulse shape to many waveforms at once, each with a status, a covariance and the quality of its fit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from configs.pmt_gain import PulseFit
from physics.pulse_shapes import rates_of, times_of
from processors.pulse_fit_kernel import CONVERGED, CONVERGED_BY_STEP, DEGENERATE, fit_all
from processors.pulse_fit_models import SHARP, SMEARED

Array = NDArray[np.float64]

START_TIMES_NS = (0.93, 3.5)  # rise and fall of the reference analysis' start
START_SIGMA_SAMPLES = 2.0
BETA_PER_NS, LARGEST_ETA = (0.05, 12.0), 0.9999  # specification 4.1
SIGMA_SAMPLES, LARGEST_SIGMA_NS = 0.2, 10.0
DENSE_SAMPLES = tuple(np.linspace(-9, 9, 37))  # +-0.9 ns at 0.1 ns in half samples
EDGE = 1e-6  # of a sample: a window that ends on a sample holds it


@dataclass(frozen=True, eq=False)
class PulseFits:
    """Fits of n waveforms; rows that were not fitted hold NaN and status -1.

    ``covariance`` (n, p, p) in the order area, onset, beta, eta[, sigma], with the noise that was given (without: chi2 / ndf), inflated by its
    correlation. ``status``: 1 converged, 2 converged by step, 0 iteration limit, 3 stuck, 4 at a bound, 5 degenerate (times equal or smearing not
    resolved; the area and its error are well defined), -1 not fitted. ``chi2`` is in units of the noise, or of V^2 where that is unknown.
    ``iterations`` counts the steps from the start that was kept.
    """

    area_vns: Array
    onset_ns: Array
    beta_per_ns: Array
    eta: Array
    sigma_ns: Array
    covariance: Array
    chi2: Array
    ndf: NDArray[np.int32]
    status: NDArray[np.int8]
    iterations: NDArray[np.int32]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Fits that reached a minimum inside the bounds."""
        return np.isin(self.status, (CONVERGED, CONVERGED_BY_STEP, DEGENERATE))

    @property
    def times_ns(self) -> tuple[Array, Array]:
        """Rise and fall time."""
        return times_of(self.beta_per_ns, self.eta)

    @property
    def errors(self) -> Array:
        """(n, p) standard errors in the order of ``covariance``."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))


def fit_pulses(
    waveform_v: NDArray, t0_ns: ArrayLike, dt_ns: float, baseline_v: ArrayLike, noise_v: ArrayLike | None, window_ns: tuple[float, float],
    options: PulseFit | None = None, *, noise_correlation: float = 1.0, wanted: NDArray[np.bool_] | None = None, threads: int = 1,
) -> PulseFits:  # fmt: skip
    """Fit b - P s(t - c) to negative pulses ``waveform_v`` (n, samples) with b held, in ``window_ns`` at full sampling.

    ``t0_ns``: time of the first sample, ``baseline_v``: b, ``noise_v``: rms of a sample (None or not above 0: from the residuals), each (n,) or one number.
    ``noise_correlation``: 1 + 2 sum of the noise's autocorrelation over lags, which multiplies the covariance. ``wanted`` (n,): fit these alone.
    Waveforms without positive area in the window, with NaN, or with no more samples there than parameters are not fitted. Waveforms are fitted one by
    one, so ``threads`` change no digit.
    """
    options = options or PulseFit()
    waves = np.ascontiguousarray(waveform_v if waveform_v.dtype.kind == "f" else waveform_v.astype(float))
    if waves.ndim != 2:
        raise InputError(f"waveform_v has {waves.ndim} dimensions, expected (waveforms, samples): group waveforms of equal length first")
    if not dt_ns > 0:
        raise InputError(f"sampling step of {dt_ns} ns: expected above 0")
    n = len(waves)
    t0, baseline = (np.broadcast_to(np.asarray(value, float), n) for value in (t0_ns, baseline_v))
    first, length = _samples_inside(window_ns, t0, dt_ns, waves.shape[1])
    if wanted is not None:
        length = np.where(wanted, length, 0)
    origin = t0 + first * dt_ns
    shape, bounds = _start_and_bounds(options, origin, dt_ns, window_ns)
    model = SHARP if options.pulse_model == "biexp" else SMEARED
    parameters, covariance = np.tile(shape, (n, 1)), np.full((n, len(shape), len(shape)), np.nan)
    cost, status, iterations = np.full(n, np.nan), np.full(n, -1, np.int8), np.zeros(n, np.int32)
    settings = np.array([options.max_iterations, options.ftol, options.xtol])
    starts = np.array(DENSE_SAMPLES if options.c_starts == "dense" else options.c_starts, float)
    per_row = (waves, first, length, np.ascontiguousarray(baseline), bounds, parameters, covariance, cost, status, iterations)

    def fit(rows: slice) -> None:
        wave, begin, size, level, limits, *outputs = (array[rows] for array in per_row)
        fit_all(wave, begin, size, level, model, dt_ns, settings, starts, limits, *outputs)

    _over_rows(fit, n, threads)
    parameters[status < 0] = np.nan
    parameters[:, 1] += origin
    ndf = np.where(status < 0, 0, length - len(shape)).astype(np.int32)
    chi2, variance = _noise(cost, ndf, noise_v)
    covariance *= (variance * noise_correlation)[:, None, None]
    sigma = parameters[:, 4] if model == SMEARED else np.where(status < 0, np.nan, 0.0)
    return PulseFits(*parameters[:, :4].T, sigma, covariance, chi2, ndf, status, iterations)


def _samples_inside(window_ns: tuple[float, float], t0_ns: Array, dt_ns: float, samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First sample and number of samples of each waveform that lie in the closed window."""
    low, high = window_ns
    first = np.clip(np.ceil((low - t0_ns) / dt_ns - EDGE), 0, samples).astype(np.int64)
    last = np.clip(np.floor((high - t0_ns) / dt_ns + EDGE), -1, samples - 1).astype(np.int64)
    return first, np.maximum(last - first + 1, 0)


def _start_and_bounds(options: PulseFit, origin_ns: Array, dt_ns: float, window_ns: tuple[float, float]) -> tuple[Array, Array]:
    """Shape to start from (p,) and bounds (n, 2, p); onsets count from ``origin_ns`` (n,)."""
    low, high = options.onset_range_ns or window_ns
    sizes = [(0.0, np.inf), (0.0, 0.0), BETA_PER_NS, (0.0, LARGEST_ETA)]
    start = [0.0, 0.0, *(float(value) for value in rates_of(*START_TIMES_NS))]
    if options.pulse_model == "biexp_gauss":
        sizes.append((SIGMA_SAMPLES * dt_ns, max(LARGEST_SIGMA_NS, dt_ns)))
        start.append(START_SIGMA_SAMPLES * dt_ns)
    bounds = np.tile(np.array(sizes).T, (len(origin_ns), 1, 1))
    bounds[:, 0, 1], bounds[:, 1, 1] = low - origin_ns, high - origin_ns
    return np.array(start), bounds


def _over_rows(fit, n: int, threads: int) -> None:  # type: ignore[no-untyped-def]
    edges = np.linspace(0, n, max(threads, 1) + 1).astype(int)
    rows: Sequence[slice] = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a]
    if len(rows) < 2:
        for part in rows:
            fit(part)
        return
    with ThreadPoolExecutor(len(rows)) as pool:  # compiled code leaves the interpreter alone
        list(pool.map(fit, rows))


def _noise(cost: Array, ndf: NDArray[np.int32], noise_v: ArrayLike | None) -> tuple[Array, Array]:
    """chi2 and variance of a sample: as given, else from the residuals."""
    given = np.broadcast_to(np.asarray(0.0 if noise_v is None else noise_v, float), cost.shape)
    known = given > 0
    chi2 = np.where(known, cost / np.where(known, given, 1.0) ** 2, cost)
    return chi2, np.where(known, given**2, cost / np.maximum(ndf, 1))
