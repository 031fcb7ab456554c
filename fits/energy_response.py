"""Linearity and resolution of contained particles: charge over visible energy in slices of energy, then curves through the slices.

The shape in a slice is a Gaussian with a power-law tail towards low charge (Crystal Ball: J.E. Gaiser, SLAC-R-255 (1982), appendix F).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from iminuit import Minuit
from iminuit.cost import LeastSquares
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, xlogy

from configs.errors import InputError, TooFewEvents, nearest
from configs.iwcd import Response
from records.iwcd_fits import Curve, ResponseResult, ResponseSlice
from records.value import Parameter

Array = NDArray[np.float64]

DWALL_CM, TOWALL_CM, TOWALL_CM_PER_MEV = 100.0, 200.0, 0.2
CONTAINMENT = f"dwall > {DWALL_CM:g} cm and towall > ({TOWALL_CM:g} + {TOWALL_CM_PER_MEV:g} E_vis/MeV) cm"
COLUMNS = ("particle", "evis", "charge", "dwall", "towall")
FEWEST = 20  # events of a slice with a fit
BINS, REACH = 40, 6.0  # of the histogram: half widths from the median, the end bins open
TAIL_START, TAIL_POWER = (0.5, 5.0), (1.1, 50.0)
NEED_OF_TAIL = 6.0  # by which -2 ln L must fall for its two parameters (95 %)
WIDEST = 3.0  # upper over lower energy of a slice: over more, widths are too different to stand at one energy
CENTRAL = (0.158655, 0.841345)
WIDTH_ERROR = 0.962  # of half the central 68 %, times width/sqrt(n): Gaussian order statistics, sqrt(p (1 - 2p)/2)/phi(1) with p = 0.1587


def fit_response(columns: Mapping[str, ArrayLike], options: Response) -> ResponseResult:
    """Slices and curves of one particle. ``columns``: particle, evis (MeV), charge (p.e.), dwall and towall (cm).

    Raises InputError for missing columns and particles, TooFewEvents when fewer than 3 slices can be fitted.
    """
    for name in COLUMNS:
        if name not in columns:
            raise InputError(f"response: the events have no column {name!r}{nearest(name, columns)}")
    table = {name: np.asarray(columns[name]) for name in COLUMNS}
    mine = table["particle"] == options.particle
    if not mine.any():
        present = [str(name) for name in np.unique(table["particle"])]
        raise InputError(f"response: no event of {options.particle!r}{nearest(options.particle, present)}")
    kept = mine & contained(table["evis"], table["dwall"], table["towall"]) & (table["charge"] > 0)
    evis, ratio = table["evis"][kept].astype(float), table["charge"][kept] / table["evis"][kept]
    edges = np.arange(0.0, options.max_mev + 0.5 * options.slice_mev, options.slice_mev)
    slices = [fit_slice(evis[inside], ratio[inside], (low, high)) for low, high, inside in _slices(evis, edges)]
    good = [one for one in slices if one.valid]
    if len(good) < 3:
        raise TooFewEvents(
            f"response: {int(kept.sum())} of {int(mine.sum())} events are contained ({CONTAINMENT}) and {len(good)} slices of {len(slices)} can be "
            "fitted; at least 3 are needed: give more events or wider slices (slice_mev)"
        )
    peaks = np.array([one.peak for one in good])
    return ResponseResult(
        particle=options.particle,
        slices=slices,
        linearity=linearity(good),
        resolution=resolution(good, "sigma"),
        resolution_from_width=resolution(good, "half_width"),
        largest_deviation=float(np.max(np.abs(peaks / np.average(peaks, weights=[one.n for one in good]) - 1.0))),
        n_events=int(mine.sum()),
        n_contained=int(kept.sum()),
        containment=CONTAINMENT,
        notes=[f"{one.low_mev:g}-{one.high_mev:g} MeV: {one.reason}" for one in slices if not one.valid],
    )


def contained(evis_mev: ArrayLike, dwall_cm: ArrayLike, towall_cm: ArrayLike) -> NDArray[np.bool_]:
    """Whether the light of an event stays in the tank: far from the wall, with room for a shower ahead."""
    return (np.asarray(dwall_cm) > DWALL_CM) & (np.asarray(towall_cm) > TOWALL_CM + TOWALL_CM_PER_MEV * np.asarray(evis_mev))


def _slices(evis: Array, edges: Array) -> list[tuple[float, float, NDArray[np.bool_]]]:
    """Limits and members of each slice; the first begins at a third of its upper edge, the last includes its own."""
    lows, highs = np.maximum(edges[:-1], edges[1:] / WIDEST), edges[1:]
    last = evis == edges[-1]
    inside = [(evis >= low) & ((evis < high) | ((high == edges[-1]) & last)) for low, high in zip(lows, highs, strict=True)]
    return list(zip(lows.tolist(), highs.tolist(), inside, strict=True))


def crystal_ball(x: ArrayLike, peak: float, sigma: float, start: float, power: float) -> Array:
    """Cumulative distribution of the Crystal Ball; its tail begins ``start`` sigma below the peak and falls as a power > 1.

    >>> round(float(crystal_ball(1e9, 0.0, 1.0, 1.5, 3.0)), 9)
    1.0
    """
    z = (np.asarray(x, float) - peak) / sigma
    at_start = math.exp(-0.5 * start**2)
    tail = power / start * at_start / (power - 1.0)
    core = math.sqrt(2.0 * math.pi)
    below = tail * np.exp((1.0 - power) * np.log1p(np.maximum(-z - start, 0.0) * start / power))
    above = tail + core * (ndtr(np.maximum(z, -start)) - ndtr(-start))
    return np.where(z <= -start, below, above) / (tail + core * ndtr(start))


def fit_slice(evis: Array, ratio: Array, limits_mev: tuple[float, float]) -> ResponseSlice:
    """Binned fit of the shape of charge over energy in one slice, and its central 68 %."""
    if len(ratio) < FEWEST:
        return _no_fit(evis, ratio, limits_mev, f"{len(ratio)} events, fewer than {FEWEST}")
    low, median, high = np.quantile(ratio, [CENTRAL[0], 0.5, CENTRAL[1]])
    half_width = 0.5 * float(high - low)
    edges = median + half_width * np.linspace(-REACH, REACH, BINS + 1)
    inner = edges[1:-1]
    counts = np.bincount(np.searchsorted(inner, ratio, side="right"), minlength=BINS).astype(float)  # the end bins take what lies beyond

    def expected(*shape: float) -> Array:
        cumulative = np.concatenate([[0.0], crystal_ball(inner, *shape), [1.0]])
        return np.maximum(len(ratio) * np.diff(cumulative), 1e-12)

    def objective(peak: float, sigma: float, start: float, power: float) -> float:
        mean = expected(peak, sigma, start, power)
        return float(2.0 * np.sum(mean - counts + xlogy(counts, counts) - xlogy(counts, mean)))

    minuit = _minimised(objective, float(median), half_width, float(edges[-1] - edges[0]))
    peak, sigma, start, power = (float(value) for value in minuit.values)
    return ResponseSlice(
        *limits_mev, float(evis.mean()), len(ratio), peak, float(minuit.errors["peak"]), sigma, float(minuit.errors["sigma"]), start, power,
        float(median), half_width, WIDTH_ERROR * half_width / math.sqrt(len(ratio)), edges.tolist(), counts.tolist(),
        expected(peak, sigma, start, power).tolist(), bool(minuit.valid), "" if minuit.valid else "the fit of the shape did not converge",
    )  # fmt: skip


def _minimised(objective: Callable[..., float], median: float, width: float, span: float) -> Minuit:
    """A Gaussian, and a tail where the events ask for one: without need of it sigma would trade places with the tail."""
    minuit = Minuit(objective, peak=median, sigma=width, start=TAIL_START[1], power=5.0)
    minuit.errordef = Minuit.LEAST_SQUARES  # of -2 ln L
    minuit.limits["peak"], minuit.limits["sigma"] = (median - span, median + span), (0.05 * width, 5.0 * width)
    minuit.limits["start"], minuit.limits["power"] = TAIL_START, TAIL_POWER
    minuit.fixed["start", "power"] = True
    minuit.migrad()
    gaussian, without = tuple(minuit.values), float(minuit.fval)
    minuit.values["start"] = 1.5
    minuit.fixed["start", "power"] = False
    minuit.migrad()
    if not minuit.valid or without - float(minuit.fval) < NEED_OF_TAIL:
        minuit.values = gaussian
        minuit.fixed["start", "power"] = True
        minuit.migrad()
    minuit.hesse()
    return minuit


def _no_fit(evis: Array, ratio: Array, limits_mev: tuple[float, float], reason: str) -> ResponseSlice:
    low_mev, high_mev = limits_mev
    none = math.nan
    return ResponseSlice(
        low_mev=low_mev, high_mev=high_mev, mean_energy_mev=float(evis.mean()) if len(evis) else none, n=len(ratio), peak=none, peak_error=none,
        sigma=none, sigma_error=none, tail_start=none, tail_power=none, median=none, half_width=none, half_width_error=none, edges=[], counts=[],
        expected=[], valid=False, reason=reason,
    )  # fmt: skip


def linearity(slices: list[ResponseSlice]) -> Curve:
    """Least squares of charge = a + b E + c E^2 through the peaks, each at its slice's mean energy."""
    energy = np.array([one.mean_energy_mev for one in slices])
    charge = energy * [one.peak for one in slices]
    error = energy * [one.peak_error for one in slices]
    design = np.stack([np.ones_like(energy), energy, energy**2], axis=1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    values = covariance @ design.T @ (charge / error)
    chi2 = float(np.sum((charge / error - design @ values) ** 2))
    units = {"a": "p.e.", "b": "p.e./MeV", "c": "p.e./MeV^2"}
    parameters = {name: Parameter(float(values[i]), float(np.sqrt(covariance[i, i])), unit=unit) for i, (name, unit) in enumerate(units.items())}
    return Curve(parameters, covariance.tolist(), chi2, len(slices) - 3)


def resolution(slices: list[ResponseSlice], width: str) -> Curve:
    """Least squares of width/peak = sqrt(S^2/E + C^2); ``width``: "sigma" (over the peak) or "half_width" (over the median)."""
    energy = np.array([one.mean_energy_mev for one in slices])
    centre = np.array([one.peak if width == "sigma" else one.median for one in slices])
    relative, error = (np.array([getattr(one, name) for one in slices]) / centre for name in (width, f"{width}_error"))

    def curve(e: Array, stochastic: float, constant: float) -> Array:
        return np.sqrt(stochastic**2 / e + constant**2)

    cost = LeastSquares(energy, relative, error, curve)
    minuit = Minuit(cost, stochastic=0.5, constant=0.03)
    minuit.limits = (0.0, None)
    minuit.migrad()
    minuit.hesse()
    units = {"stochastic": "sqrt(MeV)", "constant": ""}
    parameters = {
        name: Parameter(float(minuit.values[name]), float(minuit.errors[name]), unit=unit, at_bound=minuit.values[name] < 1e-4)
        for name, unit in units.items()
    }
    return Curve(parameters, np.array(minuit.covariance).tolist(), float(minuit.fval), len(slices) - 2)
