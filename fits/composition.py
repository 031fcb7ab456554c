"""The likelihood of a sample's composition: nu_b = sum_g mu_g N_g T_gb(alpha) gamma_gb (specification 4.5, F1).

T are shapes of groups of particles from labelled events; gamma_gb are factors of every sample and bin, held by the template's statistics
(HistFactory's ``shapesys``; minimised in closed form, ``fits.barlow_beeston``); alpha is the light yield in standard deviations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fits import barlow_beeston
from fits.barlow_beeston import Profiled
from fits.minimise import Minimum, minimise
from fits.parameters import FitParameter
from fits.templates import Binned

Array = NDArray[np.float64]

LIGHT_YIELD = "light_yield"
LARGEST = 10.0  # of mu
VALLEYS = (-1.0, 1.0)  # of the light yield: shapes vary by the events that cross edges, so the likelihood may have a minimum on either side
SMALLEST_SHAPE = 1e-12


@dataclass(frozen=True)
class Composition:
    """The likelihood: an objective of ``fits.minimise``. Parameters: mu of each group, then ``light_yield`` where templates vary with it.

    ``observed`` and ``light_yield_measured``: the auxiliary measurements, which pseudo-experiments vary. ``template_errors=False``: all factors
    1 and no systematics. Its value is half of -2 ln of the ratio to the saturated model.
    """

    binned: Binned
    template_errors: bool = True
    observed: Array | None = None
    light_yield_measured: float = 0.0

    @property
    def varies(self) -> bool:
        """Whether the light yield is a parameter."""
        return self.template_errors and self.binned.up is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Groups, then systematics."""
        return (*self.binned.groups, LIGHT_YIELD) if self.varies else self.binned.groups

    @cached_property
    def parameters(self) -> tuple[FitParameter, ...]:
        """Starts and limits in the order of ``names``."""
        norms = tuple(FitParameter(name, (1.0,), 0.0, LARGEST) for name in self.binned.groups)
        return (*norms, FitParameter(LIGHT_YIELD, (0.0,), -5.0, 5.0)) if self.varies else norms

    def at(self, theta: Array) -> tuple[Profiled, Array, Array]:
        """Bins at a point, with the expectation at factors 1 and mu 1 (groups, bins) and its derivative by alpha."""
        norms = theta[: len(self.binned.groups), None]
        shapes, slope = self._shapes(float(theta[-1])) if self.varies else (self.binned.shapes, np.zeros_like(self.binned.shapes))
        unit, slope = self.binned.unit * shapes, self.binned.unit * slope
        if not self.template_errors:
            return barlow_beeston.exact(self.binned.counts, norms * unit), unit, slope
        return barlow_beeston.profiled(self.binned.counts, norms * unit, self.binned.events, self.observed), unit, slope

    def value(self, theta: Array) -> float:
        """Minimum over the factors at a point."""
        return self.value_and_gradient(theta)[0]

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Minimum over the factors at a point, and its gradient (envelope theorem: factors stay where they are)."""
        bins, unit, slope = self.at(theta)
        by_expectation = bins.slope
        gradient = (by_expectation * unit).sum(axis=1)
        value = float(bins.nll.sum())
        if self.varies:
            pull = float(theta[-1]) - self.light_yield_measured
            value += 0.5 * pull**2
            by_alpha = (by_expectation * theta[: len(self.binned.groups), None] * slope).sum() + pull
            gradient = np.append(gradient, by_alpha)
        return value, gradient

    def with_counts(self, counts: Array, observed: Array | None = None, light_yield_measured: float = 0.0) -> Composition:
        """The same templates with other data; the meaning of mu = 1 stays."""
        return replace(self, binned=_Rescaled(**{**vars(self.binned), "counts": counts}, fixed_unit=self.binned.unit), observed=observed,
                       light_yield_measured=light_yield_measured)  # fmt: skip

    def _shapes(self, alpha: float) -> tuple[Array, Array]:
        """Shapes at alpha and their derivative: linear beyond 1 sigma, a smooth polynomial within (HistFactory's interpolation code 4p)."""
        assert self.binned.up is not None
        assert self.binned.down is not None
        up, down = self.binned.up - self.binned.shapes, self.binned.shapes - self.binned.down
        if abs(alpha) >= 1.0:
            slope = up if alpha > 0 else down
            shift = alpha * slope
        else:
            odd, even = 0.5 * (up + down), (up - down) / 16.0
            shift = alpha * (odd + alpha * even * (15.0 + alpha**2 * (3.0 * alpha**2 - 10.0)))
            slope = odd + even * alpha * (30.0 + alpha**2 * (18.0 * alpha**2 - 40.0))
        shapes = self.binned.shapes + shift
        positive = shapes > SMALLEST_SHAPE
        return np.where(positive, shapes, SMALLEST_SHAPE), np.where(positive, slope, 0.0)


@dataclass(frozen=True)
class _Rescaled(Binned):
    """Other data in the bins of a fit, with its unit."""

    fixed_unit: float = 1.0

    @property
    def unit(self) -> float:
        """Events of a group whose parameter is 1, as in the fit of the data."""
        return self.fixed_unit


def lowest(likelihood: Composition, seed: int = 0) -> Minimum:
    """The lower of the minima that are found from the start and from the other side of the light yield."""
    first = minimise(likelihood, seed=seed)
    if not likelihood.varies or not first.valid:
        return first
    other = [start for start in VALLEYS if start * first.values[LIGHT_YIELD] <= 0.0]
    found = [first, *(minimise(likelihood, starts={**first.values, LIGHT_YIELD: start}, seed=seed) for start in other)]
    return min(found, key=lambda one: (not one.valid, one.nll))
