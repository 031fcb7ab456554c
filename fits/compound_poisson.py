"""Probabilities of histogram bins from a characteristic function, by one fast Fourier transform.

With grid points q_k at the centres of the bins, p_k = (1/N) sum_j phi(omega_j) exp(-i omega_j q_k) sin(omega_j dq/2)/(omega_j dq/2): the sum over
all numbers of photo-electrons is exact, and the width dq of the bins is in it. The Gaussian noise ends phi, so the sum over frequencies is too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.spe_models import SpeModel, trigger

Array = NDArray[np.float64]
STEPS_PER_SIGMA = 3.0  # grid step at most a third of the pedestal's width: what is left out is below exp(-(3 pi)^2/2) = 5e-20
PEDESTAL_REACH, SIGNAL_REACH = 8.0, 10.0  # of the grid: pedestal widths below, standard deviations of the whole above
LAST_FREQUENCY = 9.6  # in 1/s0: the Gaussian noise has brought phi to 1e-20
EVEN = 1e-6  # relative spread of bin widths that counts as equal


@dataclass(frozen=True)
class Grid:
    """Periodic grid of ``n`` points from ``first`` by ``step``; bin k of the histogram sits at point ``offset + stride k``."""

    n: int
    step: float
    first: float
    offset: int
    stride: int
    bins: int

    @classmethod
    def covering(cls, edges: ArrayLike, sigma: float, low: float, high: float) -> Grid:
        """Grid for equal bins ``edges`` that reaches from ``low`` to ``high`` at least, fine enough for noise of width ``sigma``.

        Raises InputError for bins of unequal width.
        """
        edges = np.asarray(edges, float)
        width = float(edges[-1] - edges[0]) / (edges.size - 1)
        if not (width > 0 and np.allclose(np.diff(edges), width, rtol=EVEN, atol=0.0)):
            raise InputError("the charge histogram of a spectrum fit needs bins of equal width; use the histogram 'charge', not 'charge_log'")
        stride = max(1, math.ceil(width * STEPS_PER_SIGMA / sigma))
        step = width / stride
        below = stride * math.ceil(max(edges[0] - low, 0.0) / width + 1)
        above = math.ceil(max(high - edges[-1], 0.0) / step)
        n = 1 << math.ceil(math.log2(below + stride * (edges.size - 1) + above))
        return cls(n, step, float(edges[0]) + 0.5 * width - below * step, below, stride, edges.size - 1)

    def frequencies(self, s0: float) -> Array:
        """Angular frequencies from 0 to where the noise has ended phi, or to the grid's last one."""
        spacing = 2.0 * math.pi / (self.n * self.step)
        return spacing * np.arange(min(self.n // 2, math.ceil(LAST_FREQUENCY / s0 / spacing)) + 1, dtype=np.float64)

    def kernel(self, omega: Array) -> NDArray[np.complex128]:
        """What phi(-omega) is multiplied with before the transform: shift to the first point, width of the bins."""
        half = 0.5 * omega * self.step * self.stride
        return np.asarray(np.exp(1j * omega * self.first) * np.sinc(half / math.pi) * self.stride)


def bin_probabilities(grid: Grid, model: SpeModel, theta: Sequence[float], *, light: bool) -> tuple[Array, Array]:
    """Probabilities (bins + 2,) with under- and overflow, and their derivatives (parameters, bins + 2) by (Q0, s0, mu, model's own...)."""
    omega = grid.frequencies(theta[1])
    phi, slopes = trigger(model, omega, theta, light=light)
    rows = np.conj(np.concatenate([phi[None], slopes])) * grid.kernel(omega)
    moving = rows.any(axis=1)  # without light most derivatives are zero
    points = np.zeros((len(rows), grid.n))
    points[moving] = np.fft.irfft(rows[moving], grid.n, axis=1)
    stop = grid.offset + grid.stride * grid.bins
    inside = points[:, grid.offset : stop : grid.stride]
    under = points[:, grid.offset % grid.stride : grid.offset : grid.stride].sum(axis=1, keepdims=True)
    total = np.zeros_like(under)
    total[0] = 1.0
    every = np.concatenate([under, inside, total - under - inside.sum(axis=1, keepdims=True)], axis=1)
    return every[0], every[1:]


def component_probabilities(grid: Grid, model: SpeModel, theta: Sequence[float], count: int) -> Array:
    """Probability (bins,) of ``count`` photo-electrons and a charge in each bin: the term mu^n exp(-mu)/n! phi1^n of the series."""
    _, s0, mu, *own = theta
    omega = grid.frequencies(s0)
    dark, _ = trigger(model, omega, theta, light=False)
    one, _ = model.photoelectron(omega, own)
    weight = math.exp(count * math.log(mu) - mu - math.lgamma(count + 1))
    points = np.fft.irfft(np.conj(dark * weight * one**count) * grid.kernel(omega), grid.n)
    return points[grid.offset : grid.offset + grid.stride * grid.bins : grid.stride]


def density(grid: Grid, model: SpeModel, theta: Sequence[float], *, light: bool) -> tuple[Array, Array]:
    """Charges (points,) of the grid and the density there, in bins of the grid's step."""
    fine = Grid(grid.n, grid.step, grid.first, 0, 1, grid.n)
    probability, _ = bin_probabilities(fine, model, theta, light=light)
    return grid.first + grid.step * np.arange(grid.n, dtype=np.float64), probability[1:-1] / grid.step
