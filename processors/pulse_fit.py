"""Fit of the pulse shape to many waveforms at once, each with a status, a covariance and the quality of its fit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from configs.pmt_gain import PulseFit
from physics.pulse_shapes import rates_of, times_of
from processors.pulse_fit_kernel import CONVERGED, CONVERGED_BY_STEP, DEGENERATE, fit_all
from processors.pulse_fit_shapes import SHARP, SMEARED

Array = NDArray[np.float64]

START_TIMES_NS = (0.93, 3.5)  # rise and fall of the reference analysis' start
START_SIGMA_SAMPLES = 2.0
BETA_PER_NS, LARGEST_ETA = (0.05, 12.0), 0.9999  # specification 4.1
SIGMA_SAMPLES, LARGEST_SIGMA_NS = 0.2, 10.0
DENSE_SAMPLES = tuple(np.linspace(-9, 9, 37))  # +-0.9 ns at 0.1 ns in half samples
MOST_CROSSINGS = 6  # of samples, towards lower minima
EDGE = 1e-6  # of a sample: a window that ends on a sample holds it


@dataclass(frozen=True, eq=False)
class PulseFits:
    """Fits of n waveforms; rows that were not fitted hold NaN and status -1.

    ``covariance`` (n, p, p) in the order area, onset, beta, eta[, sigma], with the noise that was given (without: chi2 / ndf), inflated by its
    correlation, and the error of the baseline; ``baseline_lever`` (n, p) is the change of each parameter for a baseline higher by 1 V.
    ``status``: 1 converged, 2 converged by step, 0 iteration limit, 3 stuck, 4 at a bound, 5 degenerate (times equal or smearing not
    resolved; the area and its error are well defined), -1 not fitted. ``chi2`` is in units of the noise, or in V^2 where that is unknown.
    ``iterations`` counts the steps on the way to the minimum that was kept.
    """

    area_vns: Array
    onset_ns: Array
    beta_per_ns: Array
    eta: Array
    sigma_ns: Array
    covariance: Array
    baseline_lever: Array
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
    waveform_v: NDArray, t0_ns: ArrayLike, dt_ns: float, baseline_v: ArrayLike, noise_v: ArrayLike | None, window_ns: tuple[ArrayLike, ArrayLike],
    options: PulseFit | None = None, *, baseline_error_v: ArrayLike = 0.0, noise_correlation: float = 1.0, wanted: NDArray[np.bool_] | None = None,
    threads: int = 1, across_samples: bool = True,
) -> PulseFits:  # fmt: skip
    """Fit b - P s(t - c) to negative pulses ``waveform_v`` (n, samples) with b held, in ``window_ns`` (numbers or (n,)) at full sampling.

    ``t0_ns``: time of the first sample, ``baseline_v``: b, ``noise_v``: rms of a sample (None or not above 0: from the residuals),
    ``baseline_error_v``: error of b, which adds to the covariance, each (n,) or one number. ``noise_correlation``: 1 + 2 sum of the noise's
    autocorrelation over lags, which multiplies the covariance of the noise. ``wanted`` (n,): fit these alone. Waveforms without positive area in the
    window, with NaN, or with no more samples there than parameters are not fitted. Waveforms are fitted one by one, so ``threads`` change no digit.
    Without ``across_samples`` a fit stays in the first minimum that its starts reach.
    """
    options = options or PulseFit()
    waves = _waveforms(waveform_v)
    if not dt_ns > 0:
        raise InputError(f"sampling step of {dt_ns} ns: expected above 0")
    n = len(waves)
    t0 = np.broadcast_to(np.asarray(t0_ns, float), n)
    first, length = _samples_inside(window_ns, t0, dt_ns, waves.shape[1])
    if wanted is not None:
        length = np.where(wanted, length, 0)
    origin = t0 + first * dt_ns
    shape, bounds = _start_and_bounds(options, origin, dt_ns, window_ns)
    p = len(shape)
    fits = _Rows(
        waves, first, length, np.array(np.broadcast_to(baseline_v, n), float), bounds, np.tile(shape, (n, 1)), np.full((n, p, p), np.nan),
        np.full((n, p), np.nan), np.full(n, np.nan), np.full(n, -1, np.int8), np.zeros(n, np.int32),
    )  # fmt: skip
    model = SHARP if options.pulse_model == "biexp" else SMEARED
    starts = np.array(DENSE_SAMPLES if options.c_starts == "dense" else options.c_starts, float)
    fits.run(threads, model, float(dt_ns), (options.max_iterations, options.ftol, options.xtol, MOST_CROSSINGS if across_samples else 0), starts)
    fits.parameters[fits.status < 0] = np.nan
    fits.parameters[:, 1] += origin
    ndf = np.where(fits.status < 0, 0, length - p).astype(np.int32)
    chi2, variance = _noise(fits.cost, ndf, noise_v)
    of_baseline = np.broadcast_to(np.asarray(baseline_error_v, float), n) ** 2
    outer = fits.lever[:, :, None] * fits.lever[:, None, :]
    covariance = (variance * noise_correlation)[:, None, None] * fits.covariance + of_baseline[:, None, None] * outer
    area, onset, beta, eta = fits.parameters[:, :4].T
    sigma = fits.parameters[:, 4] if model == SMEARED else np.where(fits.status < 0, np.nan, 0.0)
    return PulseFits(area, onset, beta, eta, sigma, covariance, fits.lever, chi2, ndf, fits.status, fits.iterations)


class _Rows(NamedTuple):
    """Everything that has a row for each waveform: what goes into the compiled loop and what it fills, in its order."""

    waveforms: NDArray
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    baseline: Array
    bounds: Array
    parameters: Array
    covariance: Array
    lever: Array
    cost: Array
    status: NDArray[np.int8]
    iterations: NDArray[np.int32]

    def run(self, threads: int, *settings: Any) -> None:
        """Fit all rows, in so many threads: compiled code leaves the interpreter alone."""
        edges = np.linspace(0, len(self.first), max(threads, 1) + 1).astype(int)
        parts: list[tuple[Any, ...]] = [tuple(array[begin:end] for array in self) for begin, end in pairwise(edges) if end > begin]
        if len(parts) == 1:
            fit_all(*parts[0], *settings)
        elif parts:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(lambda part: fit_all(*part, *settings), parts))


def _waveforms(waveform_v: NDArray) -> NDArray:
    waves = np.ascontiguousarray(waveform_v)
    if waves.ndim != 2:
        raise InputError(f"waveform_v has {waves.ndim} dimension(s), expected (waveforms, samples): fit waveforms of different length group by group")
    return waves if waves.dtype in (np.float32, np.float64) else waves.astype(float)


def _samples_inside(window_ns: tuple[ArrayLike, ArrayLike], t0_ns: Array, dt_ns: float, samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First sample and number of samples of each waveform that lie in the closed window."""
    low, high = np.asarray(window_ns[0], float), np.asarray(window_ns[1], float)
    first = np.clip(np.ceil((low - t0_ns) / dt_ns - EDGE), 0, samples).astype(np.int64)
    last = np.clip(np.floor((high - t0_ns) / dt_ns + EDGE), -1, samples - 1).astype(np.int64)
    return first, np.maximum(last - first + 1, 0)


def _start_and_bounds(options: PulseFit, origin_ns: Array, dt_ns: float, window_ns: tuple[ArrayLike, ArrayLike]) -> tuple[Array, Array]:
    """Shape to start from (p,) and bounds (n, 2, p); onsets count from ``origin_ns`` (n,)."""
    low, high = (np.asarray(edge, float) for edge in options.onset_range_ns or window_ns)
    sizes = [(0.0, np.inf), (0.0, 0.0), BETA_PER_NS, (0.0, LARGEST_ETA)]
    start = [0.0, 0.0, *(float(value) for value in rates_of(*START_TIMES_NS))]
    if options.pulse_model == "biexp_gauss":
        sizes.append((SIGMA_SAMPLES * dt_ns, max(LARGEST_SIGMA_NS, dt_ns)))
        start.append(START_SIGMA_SAMPLES * dt_ns)
    bounds = np.tile(np.array(sizes).T, (len(origin_ns), 1, 1))
    bounds[:, 0, 1], bounds[:, 1, 1] = low - origin_ns, high - origin_ns
    return np.array(start), bounds


def _noise(cost: Array, ndf: NDArray[np.int32], noise_v: ArrayLike | None) -> tuple[Array, Array]:
    """chi2 and variance of a sample: as given, else from the residuals."""
    given = np.broadcast_to(np.asarray(0.0 if noise_v is None else noise_v, float), cost.shape)
    known = given > 0
    chi2 = np.where(known, cost / np.where(known, given, 1.0) ** 2, cost)
    return chi2, np.where(known, given**2, cost / np.maximum(ndf, 1))
