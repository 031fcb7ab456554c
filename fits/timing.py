"""Transit time and its spread from the histogram of crossing times.

The times are those of the 20 % crossing after the trigger: LED width and trigger jitter are in the spread.
"""

from __future__ import annotations

import math

import numpy as np
from iminuit import Minuit
from iminuit.cost import BinnedNLL
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from records.gain import Timing

Array = NDArray[np.float64]

CORE = 1.5  # of sigma, around the mean: half of the range of the Gaussian fit
FEWEST_BINS = 4  # of the range
FEWEST = 30  # triggers in the core
HIGHEST = 30  # triggers in the highest bin of a full width: of fewer the half is anywhere
MOST_STEPS = 12
SETTLED = 1e-3  # of sigma: the range follows the fit until it moves by less
TO_SIGMA = 0.5 / 0.6744897501960817  # from the distance between the quartiles
NAN = float("nan")


def timing(counts: ArrayLike, edges: ArrayLike) -> Timing:
    """Mean, spread, Gaussian core within 1.5 sigma (bins integrated, range iterated) and full width at half maximum of times.

    ``counts`` (bins,), ``edges`` (bins + 1,) in ns, bins of equal width. Sheppard's correction takes the width of the bins out of the spread.
    Without a core fit the result says why.
    """
    counts, edges = np.asarray(counts, float), np.asarray(edges, float)
    n = int(counts.sum())
    if n < 2:
        return _without_core(n, NAN, NAN, NAN, f"{n} triggers with a crossing time")
    centre = 0.5 * (edges[1:] + edges[:-1])
    mean = float(counts @ centre / n)
    variance = float(counts @ (centre - mean) ** 2 / (n - 1))
    width = float(edges[1] - edges[0])
    spread = math.sqrt(max(variance - width**2 / 12.0, 0.0))
    if n < FEWEST:
        return _without_core(n, mean, spread, NAN, f"{n} triggers with a crossing time; the core fit needs {FEWEST}")
    fitted = _core(counts, edges)
    if isinstance(fitted, str):
        return _without_core(n, mean, spread, NAN, fitted)
    fwhm = resolved_width(counts, edges, fitted.values["sigma"])
    return Timing(
        n=n, transit_time_ns=mean, transit_time_error_ns=spread / math.sqrt(n), spread_ns=spread, core_ns=fitted.values["mean"],
        core_error_ns=fitted.errors["mean"], tts_sigma_ns=fitted.values["sigma"], tts_sigma_error_ns=fitted.errors["sigma"], fwhm_ns=fwhm, valid=True,
    )  # fmt: skip


def resolved_width(counts: Array, edges: Array, sigma: float) -> float:
    """Full width at half maximum from bins of about half ``sigma``; NaN where bins are wider than that or the highest holds too few."""
    width = float(edges[1] - edges[0])
    step = max(int(0.5 * sigma / width), 1)
    whole = len(counts) // step * step
    merged = counts[:whole].reshape(-1, step).sum(axis=1)
    if width > sigma or merged.max(initial=0.0) < HIGHEST:
        return NAN
    return full_width_at_half_maximum(merged, edges[: whole + 1 : step])


def full_width_at_half_maximum(counts: Array, edges: Array) -> float:
    """Distance of the outermost crossings of half the highest bin, linear between the centres of bins; NaN of an empty histogram.

    >>> float(full_width_at_half_maximum(np.array([0.0, 2.0, 4.0, 2.0, 0.0]), np.arange(6.0)))
    2.0
    """
    if not counts.max(initial=0.0):
        return NAN
    centre = 0.5 * (edges[1:] + edges[:-1])
    half = 0.5 * float(counts.max())
    padded, at = np.concatenate([[0.0], counts, [0.0]]), np.concatenate([[2 * centre[0] - centre[1]], centre, [2 * centre[-1] - centre[-2]]])
    above = np.flatnonzero(padded >= half)
    first, last = int(above[0]), int(above[-1])
    left = np.interp(half, padded[first - 1 : first + 1], at[first - 1 : first + 1])
    right = np.interp(half, padded[last + 1 : last - 1 : -1], at[last + 1 : last - 1 : -1])
    return float(right - left)


def _core(counts: Array, edges: Array) -> Minuit | str:
    """The fitted Gaussian core, or why there is none."""
    cumulative = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    rising = np.concatenate([[True], np.diff(cumulative) > 0.0])
    low, mean, high = np.interp([0.25, 0.5, 0.75], cumulative[rising], edges[rising])
    width = float(edges[1] - edges[0])
    sigma = max(TO_SIGMA * float(high - low), 0.2 * width)
    fitted: Minuit | None = None
    for _ in range(MOST_STEPS):
        rows = _range(edges, mean, sigma)
        inside = counts[rows]
        if inside.sum() < FEWEST:
            return f"{inside.sum():.0f} triggers within {CORE} sigma of the peak; the core fit needs {FEWEST}"
        if np.count_nonzero(inside) < 2:
            return f"the times lie in one bin of {width:g} ns"
        fitted = _fit(inside, edges[rows.start : rows.stop + 1], mean, sigma)
        moved = math.hypot(fitted.values["mean"] - mean, fitted.values["sigma"] - sigma)
        mean, sigma = fitted.values["mean"], fitted.values["sigma"]
        if moved < SETTLED * sigma:
            break
    assert fitted is not None
    return fitted if fitted.valid else "the fit of the core did not converge"


def _range(edges: Array, mean: float, sigma: float) -> slice:
    """Bins that overlap the core, at least ``FEWEST_BINS`` around the mean."""
    width = float(edges[1] - edges[0])
    half = max(CORE * sigma, 0.5 * FEWEST_BINS * width)
    first, last = (int(np.clip(np.floor((end - edges[0]) / width), 0, len(edges) - 2)) for end in (mean - half, mean + half))
    return slice(first, last + 1)


def _fit(counts: Array, edges: Array, mean: float, sigma: float) -> Minuit:
    """Binned likelihood of a Gaussian that is cut at the ends of the range and normalised inside."""

    def cumulative(x: Array, mean: float, sigma: float) -> Array:
        below = ndtr((x - mean) / sigma)
        return np.asarray((below - below[0]) / (below[-1] - below[0]))

    minuit = Minuit(BinnedNLL(counts, edges, cumulative), mean=mean, sigma=sigma)  # conditional on the counts inside the range
    width = float(edges[1] - edges[0])
    minuit.limits["sigma"] = (0.05 * width, 20.0 * (edges[-1] - edges[0]))
    minuit.limits["mean"] = (edges[0] - width, edges[-1] + width)
    return minuit.migrad()


def _without_core(n: int, mean: float, spread: float, fwhm: float, reason: str) -> Timing:
    error = spread / math.sqrt(n) if n else NAN
    return Timing(n, mean, error, spread, NAN, NAN, NAN, NAN, fwhm, False, reason)
