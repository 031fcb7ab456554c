"""The objective of an unfolding problem in zfit: a ``SimpleLoss`` over u = ln f, nuisances and epsilon, for zfit's minimisers and hepstats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fits.frontends.zfit import TOLERANCE, import_zfit, quiet
from fits.unfolding.posterior import Posterior

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]


@quiet
def to_zfit(problem: UnfoldingProblem) -> Any:
    """The loss, prior included, with the analytic gradient; its parameters are named ``u_0`` ... by truth bin, then as the nuisances."""
    zfit = import_zfit()
    posterior = Posterior(problem)
    names = [*(f"u_{j}" for j in range(problem.n)), *problem.names[problem.n :]]
    steps = np.where(np.arange(posterior.size) < problem.n, 0.05, 0.1)
    own = [
        zfit.Parameter(name, start, *(value if np.isfinite(value) else None for value in limits), stepsize=step)
        for name, start, *limits, step in zip(names, posterior.start, posterior.lower, posterior.upper, steps, strict=True)
    ]

    def theta() -> Array:
        return np.array([float(parameter.value()) for parameter in own])

    def value(params: Sequence[Any]) -> float:
        return posterior.value(theta())

    def gradient(params: Sequence[Any]) -> Array:
        return posterior.gradient(theta())[[names.index(parameter.name) for parameter in params]]

    return zfit.loss.SimpleLoss(value, params=own, errordef=0.5, gradient=gradient, jit=False)


@quiet
def minimise(problem: UnfoldingProblem) -> tuple[Array, Array, bool]:
    """(f, covariance of theta, valid) of the minimum that zfit's Minuit finds."""
    zfit = import_zfit()
    loss = to_zfit(problem)
    own = sorted(loss.get_params(), key=lambda one: _order(problem, one.name))
    result = zfit.minimize.Minuit(tol=TOLERANCE, gradient="zfit").minimize(loss)
    theta = np.array([float(result.params[one]["value"]) for one in own])
    covariance = np.asarray(result.covariance(params=own, method="hesse_np"), dtype=float)
    return np.exp(theta[: problem.n]), covariance, bool(result.valid and result.converged)


def _order(problem: UnfoldingProblem, name: str) -> int:
    return int(name[2:]) if name.startswith("u_") and name[2:].isdigit() else problem.names.index(name)
