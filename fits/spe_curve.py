"""The fitted charge spectrum as a curve: total, parts by number of photo-electrons, and its peak-to-valley ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.compound_poisson import PEDESTAL_REACH, SIGNAL_REACH, Grid, bin_probabilities, component_probabilities, density
from fits.spe_likelihood import NEGATIVE_REACH, SpeLikelihood
from fits.spe_models import spe_model
from records.spe import SpeResult

Array = NDArray[np.float64]
FIRST_PEAK = 2.0  # pedestal widths above the pedestal: the charge from which a peak counts as that of photo-electrons


@dataclass(frozen=True)
class SpeCurve:
    """Expected events by bin (bins,): with light, of the pedestal run, and the parts of the former with 0, 1, 2... photo-electrons."""

    centres_pc: Array
    led: Array
    pedestal: Array
    parts: tuple[Array, ...]


def spe_curve(result: SpeResult, edges_pc: ArrayLike, *, parts: int = 4) -> SpeCurve:
    """Curve of a fit in equal bins ``edges_pc``, those of the fit or finer ones of the same range (events by bin scale with the width).

    Raises InputError for a result without parameters.
    """
    if not result.parameters:
        raise InputError(f"the fit of {result.model} has no curve: {result.reason}")
    model, edges = spe_model(result.model), np.asarray(edges_pc, float)
    theta = [one.value for one in result.parameters.values()]
    q0, s0, mu = theta[:3]
    mean, variance = model.moments(theta[3:])
    high = q0 + mu * mean + SIGNAL_REACH * math.sqrt(s0**2 + mu * (variance + mean**2))
    grid = Grid.covering(edges, s0, q0 - PEDESTAL_REACH * s0 - NEGATIVE_REACH * mean, high)
    led, pedestal = (bin_probabilities(grid, model, theta, light=light)[0][1:-1] for light in (True, False))
    pieces = tuple(result.n_led * component_probabilities(grid, model, theta, n) for n in range(parts))
    return SpeCurve(0.5 * (edges[1:] + edges[:-1]), result.n_led * led, result.n_pedestal * pedestal, pieces)


def peak_to_valley(likelihood: SpeLikelihood, theta: Array) -> float | None:
    """Height of the first peak above the pedestal over the lowest point before it, of the density with light; None without a valley."""
    charge, height = density(likelihood.grid, likelihood.model, list(theta), light=True)
    from_here = int(np.searchsorted(charge, theta[0] + FIRST_PEAK * theta[1]))
    tail = height[from_here : int(np.searchsorted(charge, charge[-1] - PEDESTAL_REACH * theta[1]))]
    rising = np.flatnonzero(np.diff(tail) > 1e-9 * height.max())
    if rising.size == 0:
        return None
    valley = int(rising[0])
    falling = np.flatnonzero(np.diff(tail[valley + 1 :]) <= 0)
    if valley == 0 or falling.size == 0:
        return None
    peak = valley + 1 + int(falling[0])
    return float(_vertex(tail, peak) / _vertex(tail, valley))


def _vertex(y: Array, i: int) -> float:
    """Extreme of the parabola through the points around i."""
    left, middle, right = y[i - 1], y[i], y[i + 1]
    bend = left - 2.0 * middle + right
    return float(middle - (right - left) ** 2 / (8.0 * bend)) if bend != 0 else float(middle)
