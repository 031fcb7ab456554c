"""Correlation matrices and pulls."""

from __future__ import annotations

import numpy as np
import pytest
from figure_content import named, texts_outside, words

from plotting.matrix import correlation, pulls
from plotting.style import style

STYLE = style("dynode")


def test_each_cell_shows_its_number_on_the_right_side_of_the_diagonal() -> None:
    table = np.array([[1.0, 0.64, -0.31], [0.64, 1.0, -0.12], [-0.31, -0.12, 1.0]])
    drawn = correlation(["norm", "gamma", "atm"], table, style=STYLE)
    axes = drawn.figure.axes[0]
    cells = {(text.get_position()[1] - 0.5, text.get_position()[0] - 0.5): text.get_text() for text in axes.texts if text.get_ha() == "center"}
    assert cells[(0, 2)] == cells[(2, 0)] == "−0.31"
    assert cells[(1, 1)] == "1.00"
    (mesh,) = named(axes, "correlation")
    np.testing.assert_array_equal(np.asarray(mesh.get_array()), table)
    assert mesh.get_clim() == (-1.0, 1.0)
    assert axes.yaxis_inverted()  # the first parameter is on top, so that the diagonal falls
    assert [label.get_text() for label in axes.get_yticklabels()] == ["norm", "gamma", "atm"]


@pytest.mark.parametrize("size", [1, 2, 11])
def test_matrices_of_any_size_stay_on_the_page(size: int) -> None:
    labels = [f"a_parameter_with_number_{index}" for index in range(size)]
    assert not texts_outside(correlation(labels, np.eye(size), style=STYLE).figure)


def test_pulls_and_their_bands() -> None:
    drawn = pulls(["epsilon_dom", "kpi_ratio"], [-0.4, 3.0], [0.5, 1.0], style=STYLE)
    axes = drawn.figure.axes[0]
    points = axes.containers[0][0]
    np.testing.assert_array_equal(points.get_xydata(), [[-0.4, 0.0], [3.0, 1.0]])
    assert axes.get_xlim()[1] >= 4.0  # the bar's end is inside
    assert [(band.get_x(), band.get_x() + band.get_width()) for width in (2, 1) for band in named(axes, f"prior {width} sigma")] == [(-2, 2), (-1, 1)]
    assert "epsilon_dom" in words(drawn.figure)
    assert drawn.numbers["error_over_prior_sigma"].tolist() == [0.5, 1.0]
    assert not texts_outside(drawn.figure)


def test_a_pull_without_error_has_no_bar() -> None:
    drawn = pulls(["flat"], [0.3], [np.nan], style=STYLE)
    assert np.isnan(drawn.numbers["error_over_prior_sigma"]).all()
    assert np.isfinite(drawn.figure.axes[0].get_xlim()).all()
