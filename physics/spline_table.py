"""Tensor-product B-splines as photospline tabulates them: S(x) = sum of c[i, j, ...] B_i(x_0) B_j(x_1) ... on knots that need not be uniform.

The polynomial of the last full interval would continue silently outside the knots, and a point on the upper edge belongs to no half-open interval:
coordinates are first moved to within the range of full support (C. de Boor, A Practical Guide to Splines, ch. IX and XVII).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline, NdBSpline

from configs.errors import InputError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

INSIDE = 1e-9  # distance kept from the ends of an axis


@dataclass(frozen=True, eq=False)
class SplineTable:
    """``coefficients`` of shape (n_0, n_1, ...), ``knots`` (n_i + order_i + 1,) and ``orders`` of each axis; ``name`` for messages.

    Raises ``InputError`` where these do not belong together.
    """

    coefficients: Array
    knots: tuple[Array, ...]
    orders: tuple[int, ...]
    name: str = "spline table"

    def __post_init__(self) -> None:
        rank = self.coefficients.ndim
        if not rank == len(self.knots) == len(self.orders):
            raise InputError(f"{self.name}: {rank} axes of coefficients, {len(self.knots)} of knots, {len(self.orders)} orders; they must be equal")
        for axis, (knots, order, n) in enumerate(zip(self.knots, self.orders, self.coefficients.shape, strict=True)):
            if not np.all(np.isfinite(knots)) or np.any(np.diff(knots) < 0):
                raise InputError(f"{self.name}: knots of axis {axis} are not ascending; the file is damaged, get it again")
            if n != len(knots) - order - 1:
                raise InputError(
                    f"{self.name}: axis {axis} has {n} coefficients, expected {len(knots) - order - 1} ({len(knots)} knots - order {order} - 1)"
                )
        if not np.all(np.isfinite(self.coefficients)):
            raise InputError(f"{self.name}: a coefficient is not finite; the file is damaged, get it again")

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Range of full support of each axis: t[order] to t[-order - 1]."""
        return tuple((float(knots[order]), float(knots[-order - 1])) for knots, order in zip(self.knots, self.orders, strict=True))

    @cached_property
    def _spline(self) -> NdBSpline:
        return NdBSpline(self.knots, self.coefficients, self.orders)

    def contains(self, *coordinates: ArrayLike) -> Mask:
        """(points,): whether a point lies within the ranges of the first axes (edges included); NaN lies outside."""
        inside = [(np.asarray(x) >= low) & (np.asarray(x) <= high) for x, (low, high) in zip(coordinates, self.ranges, strict=False)]
        return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*inside)))

    def clipped(self, coordinates: Sequence[ArrayLike]) -> list[Array]:
        """Coordinates of the first axes moved to the open range."""
        return [np.clip(np.asarray(x, float), low + INSIDE, high - INSIDE) for x, (low, high) in zip(coordinates, self.ranges, strict=False)]

    def evaluate(self, *coordinates: ArrayLike, derivative: int = 0) -> Array:
        """S (points,), or its ``derivative``-th derivative along the last axis, at coordinates clipped to the range."""
        points = np.stack(np.broadcast_arrays(*self.clipped(coordinates)), axis=-1)
        return np.asarray(self._spline(points, nu=(0,) * (len(self.orders) - 1) + (derivative,)))

    def last_axis_coefficients(self, *coordinates: ArrayLike) -> Array:
        """Coefficients (points, n_last) of the splines in the last axis that remain at points in the other axes (clipped to the range)."""
        places = self.clipped(coordinates)
        weights, starts = zip(*(_basis(x, knots, order) for x, knots, order in zip(places, self.knots, self.orders, strict=False)), strict=True)
        found = np.zeros((len(places[0]), self.coefficients.shape[-1]))
        for offset in np.ndindex(*(order + 1 for order in self.orders[:-1])):
            weight = np.prod([weights[axis][:, i] for axis, i in enumerate(offset)], axis=0)
            found += weight[:, None] * self.coefficients[tuple(starts[axis] + i for axis, i in enumerate(offset))]
        return found

    def last_axis_basis(self, values: ArrayLike) -> Array:
        """Basis functions of the last axis (n_last, values): ``last_axis_coefficients @ last_axis_basis`` is S (points, values)."""
        (clipped,) = SplineTable(self.coefficients[(0,) * (len(self.orders) - 1)], self.knots[-1:], self.orders[-1:]).clipped([values])
        return np.asarray(BSpline.design_matrix(clipped, self.knots[-1], self.orders[-1]).toarray().T)


def _basis(x: Array, knots: Array, order: int) -> tuple[Array, NDArray[np.intp]]:
    """The ``order`` + 1 basis functions that are not zero at each point, and the index of the first; Cox-de Boor recursion."""
    interval = np.clip(np.searchsorted(knots, x, side="right") - 1, order, len(knots) - order - 2)
    values = np.ones((len(x), 1))
    for degree in range(1, order + 1):
        raised = np.zeros((len(x), degree + 1))
        for i in range(degree):
            low, high = knots[interval + i + 1 - degree], knots[interval + i + 1]
            share = values[:, i] / (high - low)
            raised[:, i] += share * (high - x)
            raised[:, i + 1] += share * (x - low)
        values = raised
    return values, interval - order
