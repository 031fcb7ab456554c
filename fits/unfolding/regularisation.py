"""The strength of the prior: what each tau does to bias, coverage and correlation, and the rule that chooses one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.unfolding.coverage import Truth, reference_truth, tilted_truth
from fits.unfolding.map_fit import MapFit, map_fit

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

LOWEST_COVERAGE = 0.60  # of the 68 % intervals in the worst bin
LARGEST_BIAS = 1.0  # over the standard deviation, in the worst bin
TILT = 0.1  # of the spectral index: the prior must not decide between spectra that close
RULES = ("auto", "l_curve", "correlation")


@dataclass(frozen=True, repr=False)
class Scan:
    """By tau, rising: numbers of the fit to the data, and of toys of each spectrum. Arrays (taus,), toys' ones (taus, spectra, bins in range).

    ``distance``: -2 ln L of the data alone; ``roughness``: penalty at tau = 1; ``squared_error``: mean of (f/truth - 1)^2 over bins, toys, spectra.
    """

    tau: Array
    distance: Array
    roughness: Array
    correlation: Array
    n_eff: Array
    spectra: tuple[str, ...]
    squared_error: Array
    coverage: Array
    bias_over_sigma: Array
    n_toys: int
    seed: int

    @property
    def curvature(self) -> Array:
        """Of the L-curve (distance, log10 roughness) along ln tau, both scaled to their range; NaN at the ends."""
        x, y = self.distance, np.log10(np.maximum(self.roughness, 1e-300))
        steps = np.log(self.tau)
        x, y = (value / max(float(np.ptp(value)), 1e-300) for value in (x, y))
        dx, dy = np.gradient(x, steps), np.gradient(y, steps)
        with np.errstate(invalid="ignore", divide="ignore"):
            bend = (dx * np.gradient(dy, steps) - dy * np.gradient(dx, steps)) / (dx**2 + dy**2) ** 1.5
        return np.concatenate([[np.nan], np.abs(bend[1:-1]), [np.nan]])

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """tau whose worst bin covers (minus one binomial error of the toys) and is not biased by more than its error, in all spectra."""
        worst = self.coverage.min(axis=(1, 2))
        slack = np.sqrt(LOWEST_COVERAGE * (1.0 - LOWEST_COVERAGE) / self.n_toys)
        return np.asarray((worst >= LOWEST_COVERAGE - slack) & (self.bias_over_sigma.max(axis=(1, 2)) <= LARGEST_BIAS))

    def choose(self, rule: Literal["auto", "l_curve", "correlation"] = "auto") -> float:
        """tau by a rule. ``auto``: the smallest squared error among ``allowed``; InputError with the table if there is none.

        ``l_curve``: largest curvature; ``correlation``: smallest mean global correlation, which knows nothing of bias.
        """
        if rule not in RULES:
            raise InputError(f"rule {rule!r} does not exist{nearest(rule, RULES)}")
        if rule == "l_curve":
            return float(self.tau[np.nanargmax(self.curvature)])
        if rule == "correlation":
            return float(self.tau[np.argmin(self.correlation)])
        if not self.allowed.any():
            raise InputError(f"no tau covers the truth in all spectra; widen the grid or merge bins\n{self.table()}")
        return float(self.tau[np.argmin(np.where(self.allowed, self.squared_error, np.inf))])

    def table(self) -> str:
        """One line for each tau."""
        head = f"{'tau':>10} {'sq. error':>10} {'coverage':>9} {'worst':>6} {'bias/sigma':>10} {'rho':>6} {'n_eff':>6} allowed"
        lines = [
            f"{self.tau[t]:10.3g} {self.squared_error[t]:10.3g} {self.coverage[t].mean():9.3f} {self.coverage[t].min():6.3f} "
            f"{self.bias_over_sigma[t].max():10.2f} {self.correlation[t]:6.3f} {self.n_eff[t]:6.2f} {'yes' if self.allowed[t] else 'no'}"
            for t in range(self.tau.size)
        ]
        return "\n".join([head, *lines])


def scan(
    problem: UnfoldingProblem, tau: Array, *, toys: int = 60, spectra: Mapping[str, Truth] | None = None, tilt: float = TILT, seed: int = 0
) -> Scan:
    """Fit the data and ``toys`` pseudo-experiments of each spectrum at every ``tau``; the same toys at each, so the curves are smooth.

    ``spectra`` default: the reference, and it times x^-``tilt`` and x^+``tilt``. InputError if a fit fails: no point is ever left out.
    """
    taus = np.sort(np.atleast_1d(np.asarray(tau, dtype=float)))
    if taus.size < 3 or not taus[0] > 0:
        raise InputError(f"a scan needs at least 3 positive values of tau, found {taus.tolist()}; tau is a variance, smaller = stronger")
    if toys < 2:
        raise InputError(f"toys = {toys}: at least 2")
    if spectra is None:
        spectra = {"reference": reference_truth(problem), f"-{tilt:g}": tilted_truth(problem, -tilt), f"+{tilt:g}": tilted_truth(problem, tilt)}
    data = list(_fits(problem, taus))
    results = np.array([_toys(problem, taus, truth, toys, seed + k) for k, truth in enumerate(spectra.values())])  # (spectra, 3, taus, bins)
    inside = problem.inside
    return Scan(
        tau=taus,
        distance=np.array([2.0 * (fit.value - _prior(problem.replace(tau=value), fit)) for value, fit in zip(taus, data, strict=True)]),
        roughness=np.array([problem.penalty.roughness(fit.theta[: problem.n]) for fit in data]),
        correlation=np.array([fit.global_correlation.mean() for fit in data]),
        n_eff=np.array([fit.n_eff - (problem.n - (inside.stop - inside.start)) for fit in data]),
        spectra=tuple(spectra),
        squared_error=results[:, 0].mean(axis=(0, 2)),
        coverage=np.moveaxis(results[:, 1], 0, 1),
        bias_over_sigma=np.moveaxis(results[:, 2], 0, 1),
        n_toys=toys,
        seed=seed,
    )


def _prior(problem: UnfoldingProblem, fit: MapFit) -> float:
    """Part of the objective that is not the likelihood of the data."""
    prior = float(problem.penalty.value(fit.theta[: problem.n])) + 0.5 * sum(d * d for d, _ in fit.nuisances.values())
    if fit.epsilon is not None and problem.epsilon is not None:
        prior += 0.5 * ((fit.epsilon[0] - 1.0) / problem.epsilon) ** 2
    return prior


def _fits(problem: UnfoldingProblem, taus: Array) -> list[MapFit]:
    """Fits at every tau, each from the last."""
    found: list[MapFit] = []
    for tau in taus:
        fit = map_fit(problem.replace(tau=float(tau)), start=found[-1].theta if found else None, limits=False)
        if not fit.valid:
            raise InputError(f"tau = {tau:g}: {fit.reason}; leave this tau out of the scan, or merge bins")
        found.append(fit)
    return found


def _toys(problem: UnfoldingProblem, taus: Array, truth: Truth, toys: int, seed: int) -> Array:
    """Squared error, coverage and bias over standard deviation (3, taus, bins in range) of one spectrum."""
    inside = problem.inside
    ratios, pulls = [], []
    for generator in np.random.default_rng(seed).spawn(toys):
        fits = _fits(problem.replace(g=generator.poisson(truth.expected).astype(float)), taus)
        ratio = np.array([fit.f[inside] for fit in fits]) / truth.f[inside]
        ratios.append(ratio)
        pulls.append(np.log(ratio) / np.array([fit.error[inside] for fit in fits]))
    ratio, pull = np.array(ratios), np.array(pulls)  # (toys, taus, bins)
    bias = np.abs(ratio.mean(axis=0) - 1.0) / ratio.std(axis=0, ddof=1)
    return np.array([((ratio - 1.0) ** 2).mean(axis=0), (np.abs(pull) < 1.0).mean(axis=0), bias])
