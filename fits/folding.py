"""Folding a spectrum with moments: sums over true-energy nodes e of r_e [M_0 + p_e M_1 + (p_e^2 + q_e)/2 M_2], and their derivatives.

M_n holds sums of weights times d^n, d = distance in ln E from the node's centre: the bracket is the expansion of r(E)/r_e to second order, event by
event (specification diffuse 3.2). A folding is a matrix [M_0 | M_1 | M_2] of shape (rows, moments x nodes) times a vector of node weights: its cost
does not know how many events were simulated. Gradients run backwards (one more product with the matrix, for any number of parameters) or forwards (a
Jacobian with one column for each parameter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physics.spectra import Shape

Array = NDArray[np.float64]


class NodeWeights(NamedTuple):
    """r, p and (p^2 + q)/2 at the nodes, with the shape they come from."""

    r: Array
    p: Array
    half: Array
    shape: Shape


@dataclass(frozen=True)
class Reference:
    """The spectrum of the response's weights, ``(E / 100 TeV)^-index``, at the nodes: r = f / reference."""

    index: float
    ln_inverse: Array  # index * ln(E / 100 TeV)


def node_weights(shape: Shape, reference: Reference) -> NodeWeights:
    """r, p, (p^2 + q)/2 of the ratio of a spectrum to the reference."""
    p = shape.p + reference.index
    return NodeWeights(np.exp(shape.l + reference.ln_inverse), p, 0.5 * (p * p + shape.q), shape)


def squared(weights: NodeWeights) -> NodeWeights:
    """The same for r^2 (pairs of the component with itself): P = 2p, Q = 2q, and all derivatives doubled."""
    shape = weights.shape
    doubled = Shape(shape.l, shape.p, 2.0 * shape.q, 2.0 * shape.dl, 2.0 * shape.dp, 2.0 * shape.dq)
    p = 2.0 * weights.p
    return NodeWeights(weights.r**2, p, 0.5 * (p * p + doubled.q), doubled)


def vector(weights: NodeWeights, n_moments: int) -> Array:
    """(n_moments * nodes,): what the matrix is multiplied with."""
    parts = (weights.r, weights.r * weights.p, weights.r * weights.half)
    return np.concatenate(parts[:n_moments])


def pull_back(weights: NodeWeights, slopes: Array, n_moments: int) -> Array:
    """Derivatives in the shape parameters (parameters,) from those in ``vector``, ``slopes`` (n_moments * nodes,)."""
    r, p, half, shape = weights
    g = slopes.reshape(n_moments, -1) * r
    if n_moments == 1:
        return shape.dl @ g[0]
    if n_moments == 2:
        return shape.dl @ (g[0] + p * g[1]) + shape.dp @ g[1]
    return shape.dl @ (g[0] + p * g[1] + half * g[2]) + shape.dp @ (g[1] + p * g[2]) + 0.5 * (shape.dq @ g[2])


def columns(weights: NodeWeights, n_moments: int) -> Array:
    """(n_moments * nodes, 1 + parameters): ``vector`` and its derivative in each shape parameter."""
    r, p, half, shape = weights
    value = np.stack([np.ones_like(r), p, half])[:n_moments]
    slopes = np.stack([np.zeros_like(shape.dp), shape.dp, p * shape.dp + 0.5 * shape.dq])[:n_moments]
    derivatives = value[:, None, :] * shape.dl + slopes
    stacked = np.concatenate([value[:, None, :], derivatives], axis=1) * r  # (moment, column, node)
    return stacked.transpose(0, 2, 1).reshape(n_moments * r.size, -1)


def truncation(weights: NodeWeights, x: Array, width: Array, n_moments: int) -> Array:
    """Estimate at each node of the first neglected term of the expansion, relative to r (M_0 if order 0, M_1 ...): shape (nodes,).

    It multiplies the *last stored even moment*: |d^3| <= (h/2) d^2, so the third-order term is at most |r'''/r|/6 (h/2) M_2, which is the
    |p|^3 h^3/48 of the specification where events fill a node of width h up to its edges, and zero for a response whose nodes are points.
    r'''/r = p^3 + 3 p q + dq/dx. With fewer moments the bound is |p| h/2 (order 0) or |p^2 + q| h^2/8 (order 1), times M_0.
    """
    p, q = weights.p, weights.shape.q
    if n_moments == 1:
        return np.abs(p) * width / 2.0
    if n_moments == 2:
        return np.abs(p * p + q) * width**2 / 8.0
    bend = np.gradient(q, x) if x.size > 1 else np.zeros_like(q)
    return np.abs(p**3 + 3.0 * p * q + bend) * width / 12.0
