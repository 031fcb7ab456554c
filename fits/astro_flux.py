"""The astrophysical part of a model: its parameters in order, the spectrum at the nodes of a response, the events that it can make."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.parameters import FitParameter
from fits.response import Response
from physics.segmented_spectrum import Segmented, SegmentsAtNodes
from physics.spectra import Shape, Spectrum

Array = NDArray[np.float64]

NORM_UNIT = "1e-18 / (GeV cm2 s sr)"
ASTRO_NORM = FitParameter("astro_norm", (6.0,), 0.0, math.inf, NORM_UNIT)  # six species summed at the pivot


class AstroFlux:
    """A spectrum with its norm: the first ``parameters`` of a model are ``astro_norm`` and the spectrum's own, or the norms of segments.

    ``norms``: names of what must be 0 where there is no flux; ``shape``: place of the spectrum's own parameters in those of a model. Raises
    InputError when no simulation lies in a segment.
    """

    def __init__(self, spectrum: Spectrum, response: Response, pivot_gev: float) -> None:
        own = tuple(FitParameter(one.name, (one.start,), one.lower, one.upper, one.unit) for one in spectrum.parameters)
        segmented = isinstance(spectrum, Segmented)
        self.parameters: tuple[FitParameter, ...] = own if segmented else (ASTRO_NORM, *own)
        self.names = tuple(one.name for one in self.parameters)
        self.norms = self.names if segmented else self.names[:1]
        self.shape = slice(len(self.parameters) - len(own), len(self.parameters))
        self.x = response.ln_energy - math.log(pivot_gev)
        at_nodes = spectrum.at_nodes(response.ln_energy, response.width) if isinstance(spectrum, Segmented) else spectrum
        self._at_nodes: Spectrum = at_nodes
        self.n_shared = at_nodes.n_shared if isinstance(at_nodes, SegmentsAtNodes) else 0
        self.response = _inside(response, at_nodes) if isinstance(at_nodes, SegmentsAtNodes) else response

    def at(self, theta: Array, x: Array | None = None) -> Shape:
        """The spectrum at the nodes, or at one place ``x`` (nodes,) in each, for the parameters of a model."""
        return self._at_nodes.evaluate(self.x if x is None else x, theta[self.shape])

    def with_norm(self, theta: Array) -> Array:
        """``theta`` of a model with a norm before the spectrum's own parameters: 1 where the spectrum carries its norms itself."""
        return theta if self.shape.start else np.concatenate(([1.0], theta))

    def without_norm(self, gradient: Array) -> Array:
        """Rows of a gradient that belong to the model's parameters, from those of ``with_norm``."""
        return gradient if self.shape.start else gradient[1:]


def flux_names(spectrum: Spectrum) -> tuple[str, ...]:
    """Names of the parameters of a flux with this spectrum.

    >>> flux_names(Segmented((1e5, 1e6, 1e7)))
    ('phi_1', 'phi_2')
    """
    own = tuple(one.name for one in spectrum.parameters)
    return own if isinstance(spectrum, Segmented) else (ASTRO_NORM.name, *own)


def _inside(response: Response, at_nodes: SegmentsAtNodes) -> Response:
    """The response without astrophysical weights where there is no flux."""
    lit = at_nodes.overlap.any(axis=1)
    events = np.sum([array[0].sum(axis=0) for (_, component), array in response.moments.items() if component == "astro"], axis=0)
    edges = at_nodes.segments.edges_gev
    for low, high, found in zip(edges, edges[1:], np.atleast_1d(events @ at_nodes.overlap), strict=False):
        if not found > 0:
            energies = np.exp(response.ln_energy)
            raise InputError(
                f"segments: no simulation between {low:g} and {high:g} GeV (it lies at {energies[0]:g}..{energies[-1]:g} GeV); leave that segment out"
            )
    return replace(
        response,
        moments={key: array * lit if "astro" in key[1:] else array for key, array in response.moments.items()},
        pairs={key: array * lit if "astro" in key[1:] else array for key, array in response.pairs.items()},
    )
