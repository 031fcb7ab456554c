"""Fit of norm and index straight to the counts, with the likelihood of the unfolding: no unfolded spectrum, hence no smoothness prior, in between.

The truth bins in range follow the parametrised flux times area, livetime, solid angle and width; those outside the range, the detector's nuisances
and epsilon are free as in the unfolding. Errors of area and livetime enter as displacements of ln f along the principal axes of their covariance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.minimise import minimise
from fits.parameters import FitParameter
from fits.stopping_muons.profile_contours import profile_contours
from fits.stopping_muons.spectrum_models import SpectrumModel, TiltedModel
from fits.stopping_muons.spectrum_result import correlation_of, p_value, parameters_of
from fits.stopping_muons.targets import ENERGY
from fits.stopping_muons.theory import BinNodes, Theory
from fits.unfolding.flux import Exposure
from fits.unfolding.map_fit import UNCONSTRAINED_ERROR
from fits.unfolding.posterior import Posterior
from records.stopping_muons import SpectrumFit

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

FLOW_REACH = 15.0  # a bin outside the range lies within e^+-15 of its reference
DISPLACEMENT = "displacement"
SMALLEST_AXIS = 1e-6  # relative error below which an axis of the area's covariance is left out


@dataclass(frozen=True, eq=False)
class Forward:
    """-ln of likelihood and priors in (norm, delta_gamma, ln f outside the range, nuisances d, eps, displacements z ~ N(0, 1))."""

    problem: UnfoldingProblem
    exposure: Exposure
    model: SpectrumModel

    @cached_property
    def posterior(self) -> Posterior:
        """The problem's, without smoothness prior."""
        return Posterior(self.problem.replace(tau=None))

    @cached_property
    def axes(self) -> Array:
        """Displacements of ln f (bins in range, axes) for one standard deviation each."""
        size = self.problem.n_inside
        covariance = np.zeros((size, size)) if self.exposure.area_covariance is None else np.asarray(self.exposure.area_covariance, float)
        covariance = covariance + (self.exposure.livetime_error_s / self.exposure.livetime_s) ** 2
        values, vectors = np.linalg.eigh(covariance)
        kept = values > SMALLEST_AXIS**2
        return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))

    @cached_property
    def _outside(self) -> NDArray[np.int64]:
        """Places in the posterior's theta that are parameters here too: all but the bins in range."""
        inside = np.zeros(self.posterior.size, bool)
        inside[self.problem.inside] = True
        return np.flatnonzero(~inside)

    @cached_property
    def parameters(self) -> tuple[FitParameter, ...]:
        """The model's, those of the unfolding outside the bins in range, displacements."""
        start, names = self.posterior.start, self.problem.names
        low, high = self.posterior.lower.copy(), self.posterior.upper.copy()
        n = self.problem.n
        low[:n], high[:n] = start[:n] - FLOW_REACH, start[:n] + FLOW_REACH
        others = [FitParameter(names[i], (float(start[i]),), float(low[i]), float(high[i])) for i in self._outside]
        displaced = [FitParameter(f"{DISPLACEMENT} {k}", (0.0,)) for k in range(self.axes.shape[1])]
        return (*self.model.parameters, *others, *displaced)

    def theta(self, values: Array) -> tuple[Array, Array]:
        """The posterior's theta at parameters ``values``, and the derivatives (parameters of the model, bins in range) of ln f."""
        own, split = len(self.model.parameters), len(self.model.parameters) + self._outside.size
        flux, slopes = self.model.average(values[:own])
        theta = np.empty(self.posterior.size)
        theta[self.problem.inside] = np.log(flux * self.exposure.events_per_flux) + self.axes @ values[split:]
        theta[self._outside] = values[own:split]
        return theta, slopes / flux

    def value_and_gradient(self, values: Array) -> tuple[float, Array]:
        """At ``values`` (parameters,)."""
        theta, slopes = self.theta(values)
        z = values[len(values) - self.axes.shape[1] :]
        here = self.posterior.expansion(theta)
        inside = here.gradient[self.problem.inside]
        gradient = np.concatenate([slopes @ inside, here.gradient[self._outside], self.axes.T @ inside + z])
        return here.value + 0.5 * float(z @ z), gradient


def forward_fit(problem: UnfoldingProblem, exposure: Exposure, theory: Theory, *, truth: Mapping[str, float] | None = None) -> SpectrumFit:
    """Fit N and dgamma of N Phi(E) (E/TeV)^-dgamma to the counts of ``problem``, whose truth is surface energy in GeV.

    ``exposure`` as for the flux; its errors count. ``chi2``: (counts - expected)^2 over their variance (with the simulation's) plus squared pulls.
    Bins outside the range are parameters (ln f) where the data constrain them. InputError where the problem has no edges or another number of
    bins, or the theory does not cover them.
    """
    if problem.edges is None or exposure.events_per_flux.shape != (problem.n_inside,):
        raise InputError(f"forward fit: a problem with edges and an exposure of its {problem.n_inside} bins are needed")
    model = TiltedModel(theory, BinNodes.of(problem.edges))
    forward = Forward(problem, exposure, model)
    minimum = minimise(forward, minos=[one.name for one in model.parameters])
    chi2, ndf = _chi2(forward, minimum.theta)
    outside = [problem.names[i] for i in forward._outside if i < problem.n]
    unknown = [name for name in outside if not minimum.errors[name] < UNCONSTRAINED_ERROR]
    shown = tuple(one for one in forward.parameters if not one.name.startswith(DISPLACEMENT) and one.name not in unknown)
    return SpectrumFit(
        parameters=parameters_of(minimum, shown, model.scales),
        correlation=correlation_of(minimum),
        chi2=chi2,
        ndf=ndf,
        p_value=p_value(chi2, ndf),
        edges=np.asarray(problem.edges, float).tolist(),
        model=model.average(minimum.theta[:2])[0].tolist(),
        contours=profile_contours(forward, minimum),
        truth=dict(truth or {}),
        notes=[
            *theory.notes,
            *(f"{name} is at its bound" for name in minimum.at_bound),
            *(f"the data do not constrain the bin {name}, which is left out of the parameters" for name in unknown),
        ],
        valid=minimum.valid,
        reason=minimum.reason,
        unit=ENERGY.flux_unit,
    )


def _chi2(forward: Forward, values: Array) -> tuple[float, int]:
    """Of counts and constraints; without simulation errors in the likelihood the variance is mu."""
    problem, posterior = forward.problem, forward.posterior
    theta, _ = forward.theta(values)
    mu, v = (one[0] for one in posterior.expected(theta[None]))
    _, d, eps = posterior.split(theta)
    pulls = float(d @ d) + (0.0 if problem.epsilon is None else float((eps[0] - 1) / problem.epsilon) ** 2)
    z = values[len(values) - forward.axes.shape[1] :]
    free = len(forward.model.parameters) + problem.n - problem.n_inside
    return float(np.sum((problem.g - mu) ** 2 / (mu + v))) + pulls + float(z @ z), int(problem.m) - free
