"""The triangle of three fractions: where its corners lie, what it says and keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from figure_content import texts_outside, words

from plotting.drawn import DrawnFigure
from plotting.style import style
from plotting.ternary import position, ternary

GRID = np.linspace(0.0, 1.0, 11)


def drawn() -> DrawnFigure:
    x, y = np.meshgrid(GRID, GRID, indexing="ij")
    height = np.where(x + y <= 1.0 + 1e-9, 30.0 * ((x - 0.3) ** 2 + (y - 0.3) ** 2), math.nan)
    contours = {"0.6827": [[(0.2, 0.3), (0.3, 0.4), (0.4, 0.3), (0.3, 0.2), (0.2, 0.3)]]}
    return ternary(
        ("A", "B", "C"), (GRID, height), contours, {"0.6827": 1.15}, (0.3, 0.3, 0.4), {"There": (0.5, 0.2, 0.3)}, style=style("dynode")
    )  # fmt: skip


def test_corners_and_centre() -> None:
    height = math.sqrt(3.0) / 2.0
    assert position(1.0, 0.0) == (1.0, 0.0)
    assert position(0.0, 1.0) == pytest.approx((0.5, height))
    assert position(1 / 3, 1 / 3) == pytest.approx((0.5, height / 3.0))


def test_what_is_drawn() -> None:
    figure = drawn()
    axes = figure.figure.axes[0]
    lines = {line.get_gid(): line for line in axes.lines if line.get_gid() and not str(line.get_gid()).startswith("_")}
    np.testing.assert_allclose(lines["best"].get_xydata()[0], position(0.3, 0.3))
    np.testing.assert_allclose(lines["point There"].get_xydata()[0], position(0.5, 0.2))
    np.testing.assert_allclose(lines["contour 0.6827"].get_xydata()[0], position(0.2, 0.3))
    assert axes.collections, "the region is shaded"
    text = words(figure.figure)
    for word in ("A", "B", "C", "68.27 %", "Best fit", "There"):
        assert word in text
    assert not texts_outside(figure.figure)


def test_numbers_are_kept() -> None:
    numbers = drawn().numbers
    assert numbers["best"] == (0.3, 0.3, 0.4)
    assert numbers["points"] == {"There": (0.5, 0.2, 0.3)}
    assert np.isnan(numbers["delta_nll"][10][10])
