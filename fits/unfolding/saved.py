"""Results of the library as the records that are saved: truth bins in range as lists, the others apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.unfolding.coverage import Closure
from fits.unfolding.flux import Flux
from fits.unfolding.iterative import IterativeFit
from fits.unfolding.map_fit import MapFit
from fits.unfolding.mcmc import Sample
from fits.unfolding.penalty import strengths
from fits.unfolding.problem import UnfoldingProblem
from fits.unfolding.regularisation import Scan
from fits.unfolding.tsvd import TruncatedFit
from records.unfolding import ChainConvergence, ClosureTable, FluxSpectrum, RegularisationScan, UnfoldedSpectrum, UnfoldingSettings
from records.value import Parameter

Array = NDArray[np.float64]
METHODS = {MapFit: "map", Sample: "mcmc", IterativeFit: "ibu", TruncatedFit: "tsvd"}


def settings(problem: UnfoldingProblem) -> UnfoldingSettings:
    """The choices of a problem."""
    tau = strengths(problem.tau, problem.n_inside)
    return UnfoldingSettings(None if tau is None else tau.tolist(), problem.space, problem.mc_stat, problem.epsilon, problem.compat)


def spectrum(problem: UnfoldingProblem, fit: MapFit | Sample | IterativeFit | TruncatedFit, *, notes: Sequence[str] = ()) -> UnfoldedSpectrum:
    """The record of a spectrum by any method."""
    inside, deviation = problem.inside, np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    if isinstance(fit, IterativeFit | TruncatedFit):
        lower, upper = fit.f - deviation, fit.f + deviation
        unconstrained, limit = np.zeros(problem.n, bool), np.full(problem.n, np.nan)
    else:
        lower, upper, unconstrained, limit = fit.lower, fit.upper, fit.unconstrained, fit.upper_limit
    return UnfoldedSpectrum(
        method=METHODS[type(fit)],
        valid=getattr(fit, "valid", True),
        reason=getattr(fit, "reason", ""),
        edges=_edges(problem),
        f=fit.f[inside].tolist(),
        lower=lower[inside].tolist(),
        upper=upper[inside].tolist(),
        covariance=fit.covariance[inside, inside].tolist(),
        unconstrained=unconstrained[inside].tolist(),
        upper_limit=limit[inside].tolist(),
        underflow=(float(fit.f[0]), float(deviation[0])) if problem.underflow else None,
        overflow=(float(fit.f[-1]), float(deviation[-1])) if problem.overflow else None,
        settings=settings(problem),
        n_observed=float(problem.g.sum()),
        notes=list(notes),
        **_own(fit),
    )


def _own(fit: MapFit | Sample | IterativeFit | TruncatedFit) -> dict[str, Any]:
    """What only some methods have."""
    if isinstance(fit, IterativeFit):
        return {"iterations": fit.iterations}
    if isinstance(fit, TruncatedFit):
        return {"singular_values": fit.singular_values.tolist()}
    best = fit if isinstance(fit, MapFit) else fit.map
    own: dict[str, Any] = {"global_correlation": best.global_correlation.tolist(), "n_eff": best.n_eff, "value": best.value}
    if isinstance(fit, Sample):
        parameters = {name: _sampled(*values, at_bound=name in best.at_bound) for name, values in fit.parameters.items()}
        convergence = ChainConvergence(**fit.convergence.as_dict(), seed=fit.options.seed)  # type: ignore[arg-type]
        epsilon = parameters.pop("epsilon", None)
        return own | {"nuisances": parameters, "epsilon": epsilon, "convergence": convergence}
    nuisances = {name: Parameter(d, error, pull=d, prior="N(0, 1)", at_bound=name in fit.at_bound) for name, (d, error) in fit.nuisances.items()}
    return own | {"nuisances": nuisances, "epsilon": None if fit.epsilon is None else Parameter(*fit.epsilon), "iterations": fit.iterations}


def _sampled(median: float, low: float, high: float, *, at_bound: bool) -> Parameter:
    return Parameter(median, 0.5 * (high - low), minos=(low - median, high - median), at_bound=at_bound)


def flux_record(problem: UnfoldingProblem, flux: Flux, unit: str) -> FluxSpectrum:
    """The record of a flux in ``unit``."""
    return FluxSpectrum(_edges(problem), flux.flux.tolist(), unit, {key: value.tolist() for key, value in flux.covariances.items()})


def scan_record(scan: Scan, rule: str = "auto") -> RegularisationScan:
    """The record of a scan with what ``rule`` chooses; a rule that finds nothing leaves its reason."""
    reason, chosen = "", float("nan")
    try:
        chosen = scan.choose(rule)  # type: ignore[arg-type]
    except InputError as error:
        reason = str(error).partition("\n")[0]
    by_spectrum = {key: np.moveaxis(getattr(scan, key), 1, 0) for key in ("coverage", "bias_over_sigma")}
    lists = {
        key: getattr(scan, key).tolist() for key in ("tau", "distance", "roughness", "curvature", "correlation", "n_eff", "squared_error", "allowed")
    }
    tables: dict[str, Any] = {
        key: {name: one.tolist() for name, one in zip(scan.spectra, values, strict=True)} for key, values in by_spectrum.items()
    }
    return RegularisationScan(**lists, **tables, rule=rule, chosen=chosen, reason=reason, n_toys=scan.n_toys, seed=scan.seed)


def closure_record(problem: UnfoldingProblem, closure: Closure) -> ClosureTable:
    """The record of pseudo-experiments."""
    keys = ("truth", "coverage", "coverage_error", "pull_mean", "pull_width", "median_bias", "bias_over_sigma")
    lists = {key: getattr(closure, key).tolist() for key in keys}
    return ClosureTable(
        mode=closure.mode,
        edges=_edges(problem),
        sampled_coverage=closure.sampled.tolist(),
        n_sampled=closure.n_sampled,
        n_toys=closure.n_toys,
        n_valid=closure.n_valid,
        failures=closure.failures,
        settings=settings(problem),
        seed=closure.seed,
        **lists,
    )


def _edges(problem: UnfoldingProblem) -> list[float]:
    return list(map(float, range(problem.n_inside + 1))) if problem.edges is None else problem.edges.tolist()
