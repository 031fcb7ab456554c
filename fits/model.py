"""The expectation in every bin as a function of the parameters: one astrophysical spectrum folded with the response, plus atmosphere.

``mu_b = astro_norm sum_e r_e [M_0 + p M_1 + (p^2 + q)/2 M_2] + atmos_norm B_b`` with r, p, q from the spectrum at node e (specification diffuse 3.2, 4.1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.parameters import FitParameter
from fits.response import Response
from physics.spectra import Shape, Spectrum

Array = NDArray[np.float64]

REFERENCE_ENERGY_GEV = 1.0e5  # where the reference spectrum of the response is normalised
NORM_UNIT = "1e-18 / (GeV cm2 s sr)"
ATMOSPHERE = {"atmo": "atmo", "pion": "conventional", "kaon": "conventional", "muon": "muon"}  # response component -> component of results


class Model:
    """Expected counts of one response for one spectrum.

    Parameters in order: ``astro_norm`` (six species summed at the pivot, 1e-18 GeV^-1 cm^-2 s^-1 sr^-1), the spectrum's own, ``atmos_norm``
    (scales ``atmo``, or pion + kaon + muon of a response from the official simulation).
    """

    def __init__(self, response: Response, spectrum: Spectrum, *, pivot_gev: float = REFERENCE_ENERGY_GEV) -> None:
        self.response = response
        self.spectrum = spectrum
        self.pivot_gev = pivot_gev
        shape = [FitParameter(one.name, (one.start,), one.lower, one.upper, one.unit) for one in spectrum.parameters]
        self.parameters: tuple[FitParameter, ...] = (
            FitParameter("astro_norm", (6.0,), 0.0, math.inf, NORM_UNIT),
            *shape,
            FitParameter("atmos_norm", (1.0,), 0.0, math.inf),
        )
        self.names = tuple(parameter.name for parameter in self.parameters)
        astro = [array for (_, component), array in response.moments.items() if component == "astro"]
        if not astro:
            raise InputError(f"the response has no component astro (present: {', '.join(response.components)})")
        total = np.sum(astro, axis=0)
        self._n_moments = total.shape[0]
        self._matrix = np.ascontiguousarray(np.concatenate(list(total), axis=1))
        self._atmosphere = _atmosphere(response)
        self._background = sum(self._atmosphere.values(), np.zeros(len(response.bins)))
        self._x = response.ln_energy - math.log(pivot_gev)
        self._reference = response.reference_index * (response.ln_energy - math.log(REFERENCE_ENERGY_GEV))

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.response.bins)

    def expected(self, theta: ArrayLike) -> Array:
        """Expected counts (bins,)."""
        theta = np.asarray(theta, dtype=float)
        return theta[0] * self._fold(theta)[:, 0] + theta[-1] * self._background

    def mu_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Expected counts (bins,) and their derivatives (parameters, bins)."""
        theta = np.asarray(theta, dtype=float)
        folded = self._fold(theta)
        mu = theta[0] * folded[:, 0] + theta[-1] * self._background
        gradient = np.empty((theta.size, mu.size))
        gradient[0] = folded[:, 0]
        gradient[1:-1] = theta[0] * folded[:, 1:].T
        gradient[-1] = self._background
        return mu, gradient

    def components(self, theta: ArrayLike) -> Mapping[str, Array]:
        """Expected counts (bins,) of each component."""
        theta = np.asarray(theta, dtype=float)
        return {"astro": theta[0] * self._fold(theta)[:, 0], **{name: theta[-1] * values for name, values in self._atmosphere.items()}}

    def _fold(self, theta: Array) -> Array:
        """(bins, 1 + shape parameters): astrophysical expectation at unit norm and its derivatives in the shape parameters."""
        shape = self.spectrum.evaluate(self._x, theta[1:-1])
        return self._matrix @ weights(shape, self._reference, self.response.reference_index, self._n_moments)


def weights(shape: Shape, reference: Array, reference_index: float, n_moments: int) -> Array:
    """(n_moments * nodes, 1 + parameters): what multiplies [M_0 | M_1 | M_2] for the value and for each derivative."""
    r = np.exp(shape.l + reference)
    p = shape.p + reference_index
    half = 0.5 * (p * p + shape.q)
    value = np.stack([np.ones_like(r), p, half])[:n_moments]
    slopes = np.stack([np.zeros_like(shape.dp), shape.dp, p * shape.dp + 0.5 * shape.dq])[:n_moments]
    derivatives = value[:, None, :] * shape.dl[None] + slopes
    columns = np.concatenate([value[:, None, :], derivatives], axis=1) * r  # (moment, column, node)
    return columns.transpose(0, 2, 1).reshape(n_moments * r.size, -1)


def _atmosphere(response: Response) -> dict[str, Array]:
    sums: dict[str, Array] = {}
    for (_, component), array in response.moments.items():
        if component in ATMOSPHERE:
            name = ATMOSPHERE[component]
            sums[name] = sums.get(name, np.zeros(len(response.bins))) + array[0].sum(axis=1)
    return sums
