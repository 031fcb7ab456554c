"""Spectra whose logarithm is linear in their parameters, as matrices: the common ground of the front ends.

Power law, log-parabola, exponential cut-off and broken power law with a fixed break have ln f = l0 + theta . dl at every node, and likewise
slope and curvature. Such a spectrum can be written down in another program's language without calling back into ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.model import REFERENCE_ENERGY_GEV, Model
from fits.nll import NegativeLogLikelihood
from fits.official_model import OfficialModel
from physics.spectra import ShapeParameter

Array = NDArray[np.float64]
LINEAR_TOLERANCE = 1e-9


@dataclass(frozen=True)
class LinearShape:
    """ln r = ``l0`` + theta . ``dl`` at the nodes, r the ratio to the reference spectrum; ``p`` its slope and ``q`` its curvature in x.

    ``l0, p0, q0``: (nodes,); ``dl, dp, dq``: (shape parameters, nodes).
    """

    l0: Array
    dl: Array
    p0: Array
    dp: Array
    q0: Array
    dq: Array


def plain_model(nll: NegativeLogLikelihood, engine: str) -> Model:
    """The model of a likelihood with one norm of the atmosphere; InputError for any other."""
    if not isinstance(nll.model, Model):
        raise InputError(f"engine {engine}: the expectation of a {type(nll.model).__name__} cannot be written so; use engine: native")
    _one_norm(nll.model, engine)
    return nll.model


def _one_norm(model: Model | OfficialModel, engine: str) -> None:
    if not model.flux.shape.start:
        raise InputError(f"engine {engine}: a flux in segments has no common norm, which the front ends need; use engine: native")


def linear_shape(model: Model | OfficialModel, engine: str) -> LinearShape:
    """The matrices of a model's spectrum; InputError when its logarithm is not linear in the parameters."""
    _one_norm(model, engine)
    x = model.response.ln_energy - math.log(model.pivot_gev)
    reference_index = model.response.reference_index
    reference = reference_index * (model.response.ln_energy - math.log(REFERENCE_ENERGY_GEV))
    parameters = model.spectrum.parameters
    first, second = np.array([one.start for one in parameters]), np.array([_other(one) for one in parameters])
    here, there = model.spectrum.evaluate(x, first), model.spectrum.evaluate(x, second)
    expected = here.l + (second - first) @ here.dl
    if not np.allclose(there.l, expected, rtol=LINEAR_TOLERANCE, atol=LINEAR_TOLERANCE):
        raise InputError(f"engine {engine}: the logarithm of this spectrum is not linear in its parameters; use engine: native")
    return LinearShape(
        here.l - first @ here.dl + reference,
        here.dl,
        here.p - first @ here.dp + reference_index,
        here.dp,
        here.q - first @ here.dq,
        here.dq,
    )


def _other(one: ShapeParameter) -> float:
    """A second value of a shape parameter, away from its start but inside its limits."""
    if not math.isfinite(one.upper - one.lower):
        return one.start + 0.3
    return one.start + 0.3 * (one.upper - one.start if one.upper - one.start > one.start - one.lower else one.lower - one.start)
