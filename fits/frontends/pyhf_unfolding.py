"""An unfolding problem as a HistFactory model: one sample for each truth bin, whose normfactor is f over the reference.

Nuisance templates are ``histosys`` with r(+-1) (interpolation code4p), the simulation's own error is ``staterror`` with sqrt(sum_j T_ij f_j^2),
epsilon a ``lumi``. HistFactory knows no curvature penalty: a regularised problem is refused, unless the penalty stays outside of its model and
our minimiser adds it (``penalty="external"``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.frontends.pyhf import numpy_backend

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

CHANNEL = "proxy"
LARGEST = 50.0  # of a normfactor
INTERPOLATION = {"histosys": {"interpcode": "code4p"}}
MEASUREMENT = "unfolding histosys=code4p"
GAUSSIAN_CONSTANT = 0.5 * math.log(2.0 * math.pi)  # of every constraint, in pyhf's -ln p
LOWEST = 1e-6  # of a normfactor: ln f stays finite


@dataclass(frozen=True)
class PyhfUnfolding:
    """A ``pyhf.Model`` with its data; ``problem`` gives the penalty where there is one."""

    problem: UnfoldingProblem
    model: Any
    data: Array

    def value(self, parameters: Array) -> float:
        """-ln p of the HistFactory model (all constraints included) plus the penalty."""
        with numpy_backend():
            found = -float(np.asarray(self.model.logpdf(parameters, self.data)).item())
        return found + float(self.problem.penalty.value(np.log(np.maximum(self.f(parameters), 1e-300))))

    def f(self, parameters: Array) -> Array:
        """f (truth bins,) of HistFactory's parameters."""
        places = [self.model.config.par_slice(f"truth_{j}").start for j in range(self.problem.n)]
        factors: Array = np.asarray(parameters, dtype=float)[places]
        return factors * self.problem.f_reference

    def minimise(self) -> tuple[Array, Array, bool]:
        """f (truth bins,) and its covariance at the minimum of ``value`` by Minuit, and whether it is valid."""
        from iminuit import Minuit

        config = self.model.config
        minuit = Minuit(self.value, np.array(config.suggested_init(), dtype=float), name=list(config.par_names))
        bounds = [
            (low + LOWEST * name.startswith("truth_"), high) for (low, high), name in zip(config.suggested_bounds(), config.par_names, strict=True)
        ]
        minuit.limits, minuit.errordef, minuit.strategy, minuit.tol = bounds, Minuit.LIKELIHOOD, 1, 1e-3
        for name, fixed in zip(config.par_names, config.suggested_fixed(), strict=True):
            minuit.fixed[name] = fixed
        minuit.migrad(ncall=200_000)
        minuit.hesse()
        names = [f"truth_{j}" for j in range(self.problem.n)]
        reference = self.problem.f_reference
        factors = np.array([minuit.values[name] for name in names])
        covariance = np.array([[minuit.covariance[one, other] for other in names] for one in names])
        return factors * reference, covariance * np.outer(reference, reference), bool(minuit.valid)


def to_pyhf(problem: UnfoldingProblem, *, penalty: Literal["external"] | None = None) -> PyhfUnfolding:
    """The HistFactory model of a problem. InputError for what it cannot express: the likelihood ``say``, a penalty unless it is ``external``."""
    _check(problem, penalty)
    with numpy_backend() as pyhf:
        model = pyhf.Workspace(workspace(problem)).model(modifier_settings=INTERPOLATION)
        return PyhfUnfolding(problem, model, np.concatenate([problem.g, model.config.auxdata]))


def _check(problem: UnfoldingProblem, penalty: str | None) -> None:
    if penalty not in (None, "external"):
        raise InputError(f"penalty {penalty!r}: None, or 'external'")
    if problem.tau is not None and penalty is None:
        raise InputError("HistFactory has no curvature penalty: set tau to None, or ask for penalty='external' (our minimiser adds it)")
    if problem.mc_stat == "say":
        raise InputError("HistFactory has no effective likelihood (mc_stat: say); use mc_stat: bb_lite, which is its staterror, or none")
    if problem.compat:
        raise InputError("compat: funfolding renormalises columns, which HistFactory cannot express")


def workspace(problem: UnfoldingProblem) -> dict[str, Any]:
    """The workspace (JSON schema 1.0.0)."""
    samples = [_sample(problem, j) for j in range(problem.n)]
    if problem.background is not None:
        modifiers = []
        if problem.mc_stat == "bb_lite":
            variance = np.zeros(problem.m) if problem.background_variance is None else problem.background_variance
            modifiers.append(_staterror(np.sqrt(variance)))
        samples.append({"name": "background", "data": problem.b.tolist(), "modifiers": modifiers})
    settings: list[dict[str, Any]] = [{"name": f"truth_{j}", "inits": [1.0], "bounds": [[0.0, LARGEST]]} for j in range(problem.n)]
    settings += [{"name": one.name, "bounds": [[max(one.d_bounds[0], -5.0), min(one.d_bounds[1], 5.0)]]} for one in problem.templates]
    if problem.epsilon is not None:
        settings.append(
            {"name": "lumi", "auxdata": [1.0], "sigmas": [problem.epsilon], "inits": [1.0], "bounds": [[0.0, 1.0 + 10 * problem.epsilon]]}
        )
    return {
        "channels": [{"name": CHANNEL, "samples": samples}],
        "observations": [{"name": CHANNEL, "data": problem.g.tolist()}],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": "truth_0", "parameters": settings}}],
        "version": "1.0.0",
    }


def _sample(problem: UnfoldingProblem, j: int) -> dict[str, Any]:
    """Truth bin j at the reference."""
    events = problem.A[:, j] * problem.f_reference[j]
    modifiers: list[dict[str, Any]] = [{"name": f"truth_{j}", "type": "normfactor", "data": None}]
    for one in problem.templates:
        alpha, beta = (np.broadcast_to(array, (problem.m, problem.n))[:, j] for array in (one.alpha, one.beta))
        varied = {key: (events * np.exp(sign * alpha + beta)).tolist() for key, sign in (("hi_data", 1.0), ("lo_data", -1.0))}
        modifiers.append({"name": one.name, "type": "histosys", "data": varied})
    if problem.epsilon is not None:
        modifiers.append({"name": "lumi", "type": "lumi", "data": None})
    if problem.mc_stat == "bb_lite":
        modifiers.append(_staterror(np.sqrt(problem.T[:, j]) * problem.f_reference[j]))
    return {"name": f"bin_{j}", "data": events.tolist(), "modifiers": modifiers}


def _staterror(error: Array) -> dict[str, Any]:
    return {"name": "simulation", "type": "staterror", "data": error.tolist()}
