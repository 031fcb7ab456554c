"""The same model in zfit: our likelihood as a loss with its own gradient, or a binned pdf in TensorFlow operations.

zfit is imported when a function is called (some 17 s). Known traps of zfit 0.28: its ln k! is Stirling's approximation, so only differences
of its NLL mean anything; its default tolerance stops percents of an error away from the minimum, hence ``TOLERANCE``; every data set is a new
loss and a new graph (0.3 s), so toys stay with the native engine.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.frontends.linear_shape import LinearShape, linear_shape, plain_model
from fits.frontends.outcome import failed, minimum_of
from fits.minimise import Minimum
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.priors import Flat, Gaussian

Array = NDArray[np.float64]
TOLERANCE = 1e-5
Result = TypeVar("Result")


def quiet(function: Callable[..., Result]) -> Callable[..., Result]:
    """Silence what zfit and TensorFlow say about their own deprecated calls."""

    @functools.wraps(function)
    def silenced(*arguments: Any, **options: Any) -> Result:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments, **options)

    return silenced


@quiet
def parameters(nll: NegativeLogLikelihood) -> list[Any]:
    """A ``zfit.Parameter`` for each of ours, with its start and limits."""
    zfit = import_zfit()
    made = []
    for one in nll.parameters:
        lower, upper = (value if np.isfinite(value) else None for value in (one.lower, one.upper))
        step = one.prior.sigma if isinstance(one.prior, Gaussian) else 0.1 * max(abs(one.start), 0.1)
        made.append(zfit.Parameter(one.name, one.start, lower, upper, stepsize=step, floating=not one.fixed))
    return made


@quiet
def simple_loss(nll: NegativeLogLikelihood) -> Any:
    """Our likelihood, of any kind, as a ``zfit.loss.SimpleLoss`` with the analytic gradient: for zfit's minimisers and for hepstats."""
    zfit = import_zfit()
    own = parameters(nll)
    names = [parameter.name for parameter in own]

    def value(params: Sequence[Any]) -> float:
        return nll.value([float(parameter.value()) for parameter in params])

    def gradient(params: Sequence[Any]) -> Array:
        slope = nll.value_and_gradient([float(parameter.value()) for parameter in own])[1]
        return slope[[names.index(parameter.name) for parameter in params]]

    return zfit.loss.SimpleLoss(value, params=own, errordef=0.5, gradient=gradient, jit=False)


@quiet
def binned_loss(nll: NegativeLogLikelihood) -> Any:
    """The model written in TensorFlow: one extended binned pdf over all bins, with Gaussian constraints for the priors.

    Bins that cannot have an expectation are left out. InputError for another likelihood than Poisson, for spectra that are not linear in
    ln f, and for priors that are neither Gaussian nor flat.
    """
    if nll.likelihood != "poisson" or (nll.empty_bins == "floor" and nll.dropped_bins):
        raise InputError("engine zfit: its binned likelihood is Poisson without floored bins; use zfit's simple_loss, or engine: native")
    for one in nll.parameters:
        if not (one.prior is None or isinstance(one.prior, Gaussian | Flat)):
            raise InputError(
                f"engine zfit: the prior of {one.name} is {type(one.prior).__name__}; only gaussian and flat are known; use engine: native"
            )
    zfit = import_zfit()
    own = parameters(nll)
    kept = nll.model.reachable
    space = zfit.Space("bin", binning=zfit.binned.RegularBinning(int(kept.sum()), 0, float(kept.sum()), name="bin"))
    pdf = _pdf(nll, linear_shape(plain_model(nll, "zfit"), "zfit"), own, kept, space)
    constraints = [
        zfit.constraint.GaussianConstraint(parameter, observation=one.prior.mean, sigma=one.prior.sigma)
        for parameter, one in zip(own, nll.parameters, strict=True)
        if isinstance(one.prior, Gaussian)
    ]
    data = zfit.data.BinnedData.from_tensor(space, values=nll.counts[kept])
    return zfit.loss.ExtendedBinnedNLL(pdf, data, constraints=constraints or None)


@quiet
def minimise(nll: NegativeLogLikelihood, *, minos: Iterable[str] = (), loss: Any = None) -> Minimum:
    """Fit with zfit from every start; the result's ``nll`` is our likelihood there.

    The loss is the binned pdf for a Poisson likelihood of the plain model, ours with its gradient for any other (``loss`` gives another one).
    """
    if loss is None:
        loss = binned_loss(nll) if nll.likelihood == "poisson" and isinstance(nll.model, Model) else simple_loss(nll)
    tried = [_tried(nll, loss, start) for start in itertools.product(*((one.start,) if one.fixed else one.starts for one in nll.parameters))]
    found = [result for result in tried if result.valid and result.converged]
    if not found:
        return failed(nll, f"zfit: {tried[-1].message or 'no convergence'}")
    best = min(found, key=lambda result: float(result.fmin))
    best.update_params()
    return replace(_read(nll, best, minos), starts_tried=len(tried))


def _tried(nll: NegativeLogLikelihood, loss: Any, start: Sequence[float]) -> Any:
    """zfit's result from one start."""
    own = {parameter.name: parameter for parameter in loss.get_params(floating=True)}
    for name, value in zip(nll.names, start, strict=True):
        if name in own:
            own[name].set_value(value)
    return import_zfit().minimize.Minuit(tol=TOLERANCE, gradient="zfit").minimize(loss)


def _read(nll: NegativeLogLikelihood, result: Any, minos: Iterable[str]) -> Minimum:
    """Values, covariance and intervals of a converged zfit result in the order of our parameters."""
    free = {parameter.name: parameter for parameter in sorted(result.params, key=lambda parameter: nll.names.index(parameter.name))}
    places = [nll.names.index(name) for name in free]
    theta = np.array([one.start for one in nll.parameters])
    theta[places] = [float(result.params[parameter]["value"]) for parameter in free.values()]
    covariance = np.zeros((theta.size, theta.size))
    # Minuit's own covariance is 1 % off where parameters correlate.
    covariance[np.ix_(places, places)] = result.covariance(params=list(free.values()), method="hesse_np")
    wanted = [free[name] for name in minos if name in free]
    errors = result.errors(wanted, method="minuit_minos", cl=None)[0] if wanted else {}
    intervals = {parameter.name: (float(errors[parameter]["lower"]), float(errors[parameter]["upper"])) for parameter in wanted}
    return minimum_of(nll, theta, covariance, intervals, valid=True, edm=float(result.edm))


def _pdf(nll: NegativeLogLikelihood, shape: LinearShape, own: Sequence[Any], kept: NDArray[np.bool_], space: Any) -> Any:
    """The extended pdf: expectation = norm sum_e r [M_0 + p M_1 + (p^2 + q)/2 M_2] + atmos_norm B, as in ``fits.folding``."""
    zfit = import_zfit()
    znp = zfit.z.numpy
    model = plain_model(nll, "zfit")
    matrix, background, n_moments = model.matrix[kept], model.background[kept], model.n_moments

    def counts(values: Sequence[Any]) -> Any:
        norm, *theta, atmos = values
        l, p, q = (  # noqa: E741
            base + sum((value * slope for value, slope in zip(theta, slopes, strict=True)), znp.zeros_like(base))
            for base, slopes in ((shape.l0, shape.dl), (shape.p0, shape.dp), (shape.q0, shape.dq))
        )
        weights = znp.concatenate([znp.exp(l) * moment for moment in (znp.ones_like(l), p, 0.5 * (p * p + q))[:n_moments]], axis=0)
        return norm * znp.sum(matrix * weights, axis=1) + atmos * background

    class FoldedSpectrum(zfit.pdf.BaseBinnedPDF):  # type: ignore[name-defined]
        """Counts in every bin from the response."""

        def _values(self) -> list[Any]:
            return [self.params[f"p{i}"].value() for i in range(len(own))]

        def _counts(self, x: Any, norm: Any = None) -> Any:
            return counts(self._values())

        def _rel_counts(self, x: Any, norm: Any = None) -> Any:
            expected = counts(self._values())
            return expected / znp.sum(expected)

    named = {f"p{i}": parameter for i, parameter in enumerate(own)}
    total = zfit.ComposedParameter("total", lambda params: znp.sum(counts([params[key] for key in named])), params=named)
    return FoldedSpectrum(obs=space, extended=total, params=named, name="folded_spectrum")


def import_zfit() -> Any:
    """zfit, or InputError that names the extra to install."""
    try:
        import zfit
    except ImportError:
        raise InputError("engine zfit: zfit is not installed; install the extra: pip install 'dynode[zfit]'") from None
    return zfit
