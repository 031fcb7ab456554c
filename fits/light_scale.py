"""Light-yield scale between two electron-like samples: t, hits or charge over what the energy lets expect, is alpha times the template's.

The template is smoothed with a narrow kernel and scaled event by event, so the expectation is a smooth function of alpha and no events jump
between bins. Its statistics enter by one factor for each bin (J. Conway, arXiv:1103.0354).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from iminuit import Minuit
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, xlogy
from scipy.stats import chi2

from configs.errors import InputError, TooFewEvents, nearest
from configs.iwcd import Scale
from fits.intervals import curve_interval
from records.iwcd_fits import ProfileCurve, Saturated, ScaleResult
from records.value import Parameter

Array = NDArray[np.float64]

NAMES = ("scale", "resolution", "norm")
LIMITS = {"scale": (0.7, 1.5), "resolution": (0.0, 0.3), "norm": (1e-6, None)}
RESOLUTION_START = 0.03
SMALLEST = 1e-9  # events expected in a bin
LEVEL_68, LEVEL_95 = 0.5, 1.92  # Delta NLL
PROFILE_POINTS, PROFILE_REACH = 25, 4.0  # the reach in errors
FINE = 50  # steps of a kernel's width into which large template samples are gathered
LARGE = 20_000  # events


@dataclass(frozen=True)
class ScaleLikelihood:
    """-2 ln L of counts (bins,) in ``edges`` for template values t (events,) with weights; kernel: standard deviation that is always there."""

    counts: Array
    edges: Array
    values: Array
    weights: Array
    kernel: float

    def template(self, scale: float, resolution: float) -> Array:
        """Template events in each bin (smoothed, scaled)."""
        width = math.hypot(self.kernel, resolution)
        cumulative = ndtr((self.edges[:, None] / scale - self.values) / width) @ self.weights
        return np.maximum(np.diff(cumulative), SMALLEST)

    def __call__(self, scale: float, resolution: float, norm: float) -> float:
        """-2 ln of the likelihood's ratio to the saturated model, the factors of the bins at their best."""
        beta, mean = self.factors(scale, resolution, norm)
        variance = norm / mean  # relative, of the template's count mean/norm
        fitted = beta * mean
        poisson = fitted - self.counts + xlogy(self.counts, self.counts) - xlogy(self.counts, fitted)
        return float(np.sum(2.0 * poisson + (beta - 1.0) ** 2 / variance))

    def factors(self, scale: float, resolution: float, norm: float) -> tuple[Array, Array]:
        """Factor of each bin that minimises -2 ln L (arXiv:1103.0354, equation 12) and the expectation without it."""
        mean = norm * self.template(scale, resolution)
        # relative variance norm/mean: mean * variance = norm
        beta = 0.5 * (1.0 - norm + np.sqrt((norm - 1.0) ** 2 + 4.0 * self.counts * norm / mean))
        return beta, mean


def fit_scale(template: Mapping[str, ArrayLike], data: Mapping[str, ArrayLike], options: Scale) -> ScaleResult:
    """Fit the scale of ``data`` against ``template``, both event columns (energy, and nhits or charge with evis).

    Events with E <= min_mev or without hits are left out. Raises InputError for missing columns, TooFewEvents for samples that keep too few.
    """
    values, measured = normalised(template, options), normalised(data, options)
    low, high = options.range
    if not low < high:
        raise InputError(f"range: {options.range} is not ascending; give [low, high] of t")
    edges = np.linspace(low, high, options.bins + 1)
    counts = np.histogram(measured, edges)[0].astype(float)
    if len(values) < 2 or counts.sum() == 0:
        raise TooFewEvents(
            f"scale: {len(values)} template events and {counts.sum():g} data events in range after E > {options.min_mev:g} MeV and nhits > 0; "
            "at least 2 and 1 are needed"
        )
    kept, weights = _gathered(values, options.kernel)
    likelihood = ScaleLikelihood(counts, edges, kept, weights, options.kernel)
    minuit = _minimised(likelihood, len(measured) / len(values), options.fit_resolution)
    return _result(likelihood, minuit, options, len(values), len(measured))


def normalised(columns: Mapping[str, ArrayLike], options: Scale) -> Array:
    """t of the selected events: nhits / (norm (E/E_ref)^power), E the total energy; or charge / (norm_pe_per_mev E_vis)."""
    needed = ("energy", "nhits") if options.variable == "nhits" else ("energy", "nhits", "charge", "evis")
    for name in needed:
        if name not in columns:
            raise InputError(f"scale: the events have no column {name!r}{nearest(name, columns)}")
    table = {name: np.asarray(columns[name], float) for name in needed}
    keep = (table["energy"] > options.min_mev) & (table["nhits"] > 0)
    if options.variable == "nhits":
        return table["nhits"][keep] / (options.norm_hits * (table["energy"][keep] / options.reference_mev) ** options.power)
    return table["charge"][keep] / (options.norm_pe_per_mev * table["evis"][keep])


def _gathered(values: Array, kernel: float) -> tuple[Array, Array]:
    """Values and weights; a large sample on a grid much finer than the kernel."""
    if len(values) <= LARGE:
        return values, np.ones(len(values))
    step = kernel / FINE
    number, weights = np.unique(np.rint(values / step), return_counts=True)
    return number * step, weights.astype(float)


def _minimised(likelihood: ScaleLikelihood, norm: float, fit_resolution: bool) -> Minuit:
    minuit = Minuit(likelihood, scale=1.0, resolution=RESOLUTION_START if fit_resolution else 0.0, norm=norm)
    minuit.errordef = Minuit.LEAST_SQUARES  # of -2 ln L
    for name, limits in LIMITS.items():
        minuit.limits[name] = limits
    minuit.errors["norm"] = 0.05 * norm
    minuit.fixed["resolution"] = not fit_resolution
    minuit.migrad()
    if not minuit.valid:
        minuit.simplex().migrad()
    minuit.hesse()
    return minuit


def _result(likelihood: ScaleLikelihood, minuit: Minuit, options: Scale, n_template: int, n_data: int) -> ScaleResult:
    beta, mean = likelihood.factors(*minuit.values)
    norm = minuit.values["norm"]
    degrees = options.bins - minuit.nfit
    covariance = np.array(minuit.covariance)
    sigma = np.sqrt(np.diag(covariance))
    outer = np.outer(sigma, sigma)
    valid = bool(minuit.valid)
    return ScaleResult(
        valid=valid,
        reason="" if valid else "migrad did not converge",
        parameters={name: _parameter(minuit, name) for name in NAMES},
        correlation=np.divide(covariance, outer, out=np.zeros_like(outer), where=outer > 0).tolist(),
        goodness=Saturated(float(minuit.fval), degrees, float(chi2.sf(minuit.fval, degrees)) if degrees > 0 else math.nan),
        variable=options.variable,
        edges=likelihood.edges.tolist(),
        data=likelihood.counts.tolist(),
        expected=mean.tolist(),
        fitted=(beta * mean).tolist(),
        expected_error=np.sqrt(mean * norm).tolist(),
        profile=_profile(minuit),
        n_template=n_template,
        n_data=n_data,
        n_outside=n_data - int(likelihood.counts.sum()),
    )


def _parameter(minuit: Minuit, name: str) -> Parameter:
    value, fixed = float(minuit.values[name]), bool(minuit.fixed[name])
    low, high = LIMITS[name]
    near = [bound for bound in (low, high) if bound is not None and abs(value - bound) < 1e-4]
    return Parameter(value, 0.0 if fixed else float(minuit.errors[name]), fixed=fixed, at_bound=bool(near) and not fixed)


def _profile(minuit: Minuit) -> ProfileCurve:
    """-ln L along the scale; an end that the limits cut off stays open."""
    best, fval = minuit.values["scale"], float(minuit.fval)
    reach = PROFILE_REACH * minuit.errors["scale"]
    low, high = LIMITS["scale"]
    x = np.linspace(max(low, best - reach), min(float(high or math.inf), best + reach), PROFILE_POINTS)
    values, heights, valid = minuit.mnprofile("scale", grid=x)
    delta = np.where(valid, 0.5 * (heights - fval), math.nan)
    intervals = [curve_interval(values, delta, level, reference=0.0) for level in (LEVEL_68, LEVEL_95)]
    return ProfileCurve(values.tolist(), delta.tolist(), intervals[0], intervals[1])
