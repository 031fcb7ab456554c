"""Tensor-product splines: closed forms, both ways of evaluation, edges, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from configs.errors import InputError
from physics.spline_table import SplineTable

KNOTS = (np.array([-2.0, -1.0, 0.0, 1.0, 3.0, 4.0, 6.0, 7.0]), np.array([0.0, 1.0, 2.0, 2.5, 4.0, 5.0]))
TABLE = SplineTable(np.random.default_rng(1).normal(size=(5, 3)), KNOTS, (2, 2))


@given(st.floats(0.0, 4.0), st.floats(2.0, 2.5))
def test_contraction_and_de_boor_agree_with_a_product_of_splines(x: float, y: float) -> None:
    along_y = BSpline(KNOTS[1], np.eye(3), 2)(np.clip(y, 2.0 + 1e-9, 2.5 - 1e-9))
    along_x = BSpline(KNOTS[0], np.eye(5), 2)(np.clip(x, 1e-9, 4.0 - 1e-9))
    expected = along_x @ TABLE.coefficients @ along_y
    assert TABLE.evaluate(x, y) == pytest.approx(expected, rel=1e-12, abs=1e-13)
    assert TABLE.last_axis_coefficients(np.array([x])) @ TABLE.last_axis_basis([y]) == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_constant_coefficients_are_a_constant_with_slope_zero() -> None:
    """B-splines are a partition of unity over the range of full support."""
    table = SplineTable(np.full((5, 3), 7.0), KNOTS, (2, 2))
    x, y = np.linspace(0, 4, 9), np.linspace(2, 2.5, 9)
    assert table.evaluate(x, y) == pytest.approx(7.0, rel=1e-14)
    assert table.evaluate(x, y, derivative=1) == pytest.approx(0.0, abs=1e-12)


def test_slope_is_that_of_the_last_axis() -> None:
    step = 1e-6
    difference = (TABLE.evaluate(1.3, 2.2 + step) - TABLE.evaluate(1.3, 2.2 - step)) / (2 * step)
    assert TABLE.evaluate(1.3, 2.2, derivative=1) == pytest.approx(difference, rel=1e-7)


def test_beyond_the_range_the_edge_holds_and_is_no_number_less() -> None:
    """The upper edge itself would be NaN in SciPy without extrapolation, and a polynomial without end with it."""
    assert TABLE.ranges == ((0.0, 4.0), (2.0, 2.5))
    inside = float(TABLE.evaluate(4.0 - 1e-9, 2.2))
    assert TABLE.evaluate([4.0, 99.0], [2.2, 2.2]) == pytest.approx(np.full(2, inside), rel=1e-12)
    assert TABLE.contains([0.0, 4.0, 4.1, np.nan], [2.0, 2.5, 2.2, 2.2]).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("coefficients", "knots", "orders", "message"),
    [
        (np.ones((5, 4)), KNOTS, (2, 2), r"axis 1 has 4 coefficients, expected 3 \(6 knots - order 2 - 1\)"),
        (np.ones((5, 3)), (KNOTS[0][::-1], KNOTS[1]), (2, 2), "knots of axis 0 are not ascending"),
        (np.ones(5), KNOTS, (2, 2), "1 axes of coefficients, 2 of knots, 2 orders"),
        (np.full((5, 3), np.nan), KNOTS, (2, 2), "a coefficient is not finite"),
    ],
)
def test_parts_that_do_not_belong_together(coefficients: np.ndarray, knots: tuple, orders: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SplineTable(coefficients, knots, orders)
