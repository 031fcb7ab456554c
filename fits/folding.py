"""Folding a spectrum with moments: at each true-energy node e the ratio r(E) to the reference is a parabola in d = ln E - ln E_e,

    r(d) = r_e [1 + c1 d + c2 d^2],   c1 = p + (p^3 + 3 p q) h^2/32,   c2 = (p^2 + q)/2,

whose sums over events are r_e [M_0 + c1 M_1 + c2 M_2]: exact event by event up to the third order, at a cost that does not know how many events were
simulated. Beyond the Taylor terms of the specification (diffuse 3.2) c1 holds the best linear stand-in for the cubic term: within a node of width
h, u = 2d/h, u^3 = 3u/4 + T_3(u)/4 with |T_3| <= 1, so that what is neglected is at most |p|^3 h^3/192 instead of |p|^3 h^3/48 (economisation,
Abramowitz & Stegun 22.20). A folding is a matrix [M_0 | M_1 | M_2] of shape (rows, moments x nodes) times a vector of node weights. Gradients run
backwards (one more product with the matrix for any number of parameters) or forwards (a Jacobian with one column for each parameter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physics.spectra import Shape

Array = NDArray[np.float64]

STEEP = 0.3  # of p: a larger cubic correction (slopes above 27 at 20 nodes per decade, far beyond a cut-off) is left out; the parabola stays positive


@dataclass(frozen=True)
class Nodes:
    """The reference spectrum ``(E / 100 TeV)^-index`` and 3 h^2/32 at the nodes; ``n_moments`` stored (1, 2 or 3)."""

    index: float
    ln_inverse: Array  # index * ln(E / 100 TeV)
    cubic: Array  # 3 h^2/32
    n_moments: int


class NodeWeights(NamedTuple):
    """r and the coefficients of the parabola at the nodes, with what their derivatives need; r = shape.factor ``unit`` where there is a factor."""

    r: Array
    c1: Array
    c2: Array
    p: Array
    cubic: Array  # 3 h^2/32, or 0 where the cubic term is left out
    shape: Shape
    unit: Array


def node_weights(shape: Shape, nodes: Nodes) -> NodeWeights:
    """The ratio of a spectrum to the reference."""
    return _with_coefficients(np.exp(shape.l + nodes.ln_inverse), shape.p + nodes.index, shape, nodes)


def squared(weights: NodeWeights, nodes: Nodes) -> NodeWeights:
    """The same for r^2 (pairs of the component with itself): P = 2p, Q = 2q, and all derivatives doubled."""
    shape = weights.shape
    factor = shape.factor
    squares = (None, None) if factor is None or shape.dfactor is None else (factor**2, 2.0 * factor * shape.dfactor)
    doubled = Shape(shape.l, shape.p, 2.0 * shape.q, 2.0 * shape.dl, 2.0 * shape.dp, 2.0 * shape.dq, *squares)
    return _with_coefficients(weights.unit**2, 2.0 * weights.p, doubled, nodes)


def vector(weights: NodeWeights, n_moments: int) -> Array:
    """(n_moments * nodes,): what the matrix is multiplied with."""
    return np.concatenate((weights.r, weights.r * weights.c1, weights.r * weights.c2)[:n_moments])


def pull_back(weights: NodeWeights, slopes: Array, nodes: Nodes) -> Array:
    """Derivatives in the shape parameters (parameters,) from those in ``vector``, ``slopes`` (n_moments * nodes,)."""
    in_logarithm = _pull_back_logarithm(weights, slopes, nodes)
    if weights.shape.dfactor is None:
        return in_logarithm
    by_moment = slopes.reshape(nodes.n_moments, -1)
    in_factor = weights.unit * sum((g * c for g, c in zip(by_moment[1:], (weights.c1, weights.c2), strict=False)), by_moment[0])
    return in_logarithm + weights.shape.dfactor @ in_factor


def _pull_back_logarithm(weights: NodeWeights, slopes: Array, nodes: Nodes) -> Array:
    r, c1, c2, p, cubic, shape, _ = weights
    g = slopes.reshape(nodes.n_moments, -1) * r
    if nodes.n_moments == 1:
        return shape.dl @ g[0]
    if nodes.n_moments == 2:
        return shape.dl @ (g[0] + c1 * g[1]) + shape.dp @ g[1]
    third = cubic * g[1]
    in_p = g[1] + p * g[2] + 2.0 * c2 * third
    in_q = 0.5 * g[2] + p * third
    return shape.dl @ (g[0] + c1 * g[1] + c2 * g[2]) + shape.dp @ in_p + shape.dq @ in_q


def columns(weights: NodeWeights, nodes: Nodes) -> Array:
    """(n_moments * nodes, 1 + parameters): ``vector`` and its derivative in each shape parameter."""
    r, c1, c2, p, cubic, shape, unit = weights
    n = nodes.n_moments
    value = np.stack([np.ones_like(r), c1, c2])[:n]
    in_c1 = shape.dp + cubic * (2.0 * c2 * shape.dp + p * shape.dq) if n == 3 else shape.dp
    slopes = np.stack([np.zeros_like(shape.dp), in_c1, p * shape.dp + 0.5 * shape.dq])[:n]
    derivatives = value[:, None, :] * shape.dl + slopes
    stacked = np.concatenate([value[:, None, :], derivatives], axis=1) * r  # (moment, column, node)
    if shape.dfactor is not None:
        stacked[:, 1:] += value[:, None, :] * (unit * shape.dfactor)
    return stacked.transpose(0, 2, 1).reshape(n * r.size, -1)


def parabola_error(weights: NodeWeights, aside: Shape, shift: Array, nodes: Nodes) -> Array:
    """|r(d) - parabola(d)| / r_e at d = ``shift`` from the nodes; ``aside`` is the spectrum there. Shape (nodes,).

    Measured, not estimated: T_3 has its extremes a quarter and half of a node's width away, and a kink within the node shows there too.
    """
    exact = np.exp(aside.l - weights.shape.l + nodes.index * shift)
    parabola = 1.0 + (weights.c1 * shift if nodes.n_moments > 1 else 0.0) + (weights.c2 * shift**2 if nodes.n_moments > 2 else 0.0)
    return np.abs(exact - parabola)


def _with_coefficients(unit: Array, p: Array, shape: Shape, nodes: Nodes) -> NodeWeights:
    r, square = unit if shape.factor is None else unit * shape.factor, p * p
    if nodes.n_moments < 3:
        return NodeWeights(r, p, 0.5 * (square + shape.q), p, nodes.cubic, shape, unit)
    cubic, share = nodes.cubic, nodes.cubic * (square / 3.0 + shape.q)
    if np.maximum.reduce(share) > STEEP:
        cubic, share = np.where(share > STEEP, 0.0, cubic), np.where(share > STEEP, 0.0, share)
    return NodeWeights(r, p + p * share, 0.5 * (square + shape.q), p, cubic, shape, unit)
