"""Figures of pseudo-experiments: areas, lines, counts of what is not shown."""

from __future__ import annotations

import numpy as np
import pytest
from figure_content import legend_words, named, step_values, texts_outside
from scipy.stats import chi2

from plotting.style import style
from plotting.toys import PULL_CURVE, PULL_EDGES, Goodness, PullSet, goodness, likelihood_ratio, toy_pulls

STYLE = style("dynode")
RANDOM = np.random.default_rng(7)


def test_the_unit_gaussian_has_the_area_of_the_toys() -> None:
    pulls = RANDOM.normal(size=400)
    drawn = toy_pulls([PullSet("gamma", pulls, 0.01, 1.02)], style=STYLE)
    (gaussian,) = named(drawn.figure.axes[0], "gaussian")
    area = np.trapezoid(gaussian.get_ydata(), PULL_CURVE) / (PULL_EDGES[1] - PULL_EDGES[0])
    assert area == pytest.approx(400, rel=1e-3)
    edges, counts = step_values(drawn.figure.axes[0], "toys")
    np.testing.assert_array_equal(counts, np.histogram(pulls, PULL_EDGES)[0])
    np.testing.assert_array_equal(drawn.numbers["parameters"]["gamma"]["counts"], counts)
    np.testing.assert_array_equal(edges, PULL_EDGES)


def test_pulls_outside_the_panel_are_counted_in_words() -> None:
    drawn = toy_pulls([PullSet("a", np.array([0.0, 0.1, 9.0, np.nan]), -0.04, 1.0), PullSet("b", RANDOM.normal(size=9), 0.0, 1.0)], style=STYLE)
    assert legend_words(drawn.figure.axes[0]) == ["a", "mean −0.04, width 1.00", "1 beyond ±4"]
    assert legend_words(drawn.figure.axes[1])[-2:] == ["Toys", "Unit Gaussian"]
    assert drawn.numbers["parameters"]["a"]["outside"] == 1


def test_a_near_bound_is_said_in_the_panel_of_its_parameter() -> None:
    pulls = np.linspace(-1.0, 1.0, 9)
    drawn = toy_pulls([PullSet("a", pulls, 0.0, 0.9, at_bound=0.22), PullSet("b", pulls, 0.0, 0.9)], style=STYLE)
    assert legend_words(drawn.figure.axes[0]) == ["a", "mean 0.00, width 0.90", "22.0% at a bound"]
    assert not any("bound" in word for word in legend_words(drawn.figure.axes[1]))
    assert drawn.numbers["parameters"]["a"]["at_bound"] == 0.22


def test_goodness_of_fit_has_the_data_line_and_the_stated_p_value() -> None:
    toys = RANDOM.chisquare(20, 300)
    sets = [Goodness("All bins", 17.0, toys, 0.6512, 0.0275), Goodness("Energy", 60.0, toys, 0.003, 0.002)]
    drawn = goodness(sets, "Saturated Poisson statistic", style=STYLE)
    for axes, one, words in zip(drawn.figure.axes, sets, ("p = 0.65 ± 0.03", "p = 0.003 ± 0.002"), strict=True):
        (line,) = named(axes, "observed")
        assert set(line.get_xdata()) == {one.observed}
        assert axes.get_xlim()[0] < one.observed < axes.get_xlim()[1]
        assert words in legend_words(axes)
        assert step_values(axes, "toys")[1].sum() == 300
    assert not texts_outside(drawn.figure)


def test_a_goodness_of_fit_begins_at_zero_at_the_lowest() -> None:
    toys = np.append(RANDOM.chisquare(2, 299), -1e-13)
    (axes,) = goodness([Goodness("Topology", 0.4, toys, 0.8, 0.02)], "Saturated Poisson statistic", style=STYLE).figure.axes
    assert axes.get_xlim()[0] == 0.0
    assert step_values(axes, "toys")[1].sum() == 300


def test_the_data_line_ends_below_the_legend_it_would_cross() -> None:
    toys = RANDOM.chisquare(20, 300)
    drawn = goodness([Goodness("All bins", float(np.max(toys)), toys, 0.0, 0.0)], "Statistic", style=STYLE)
    (line,) = named(drawn.figure.axes[0], "observed")
    assert line.get_ydata()[1] < 0.9


def test_the_test_statistic_has_chi_square_of_the_same_number_of_toys() -> None:
    ts = np.append(RANDOM.chisquare(1, 499), -1e-8)
    drawn = likelihood_ratio(ts, 2.7, 1, text=("log-parabola",), style=STYLE)
    axes = drawn.figure.axes[0]
    edges, expected = step_values(axes, "chi2")
    np.testing.assert_allclose(expected.sum(), 500 * chi2.cdf(edges[-1], 1))
    assert step_values(axes, "toys")[1].sum() == 500
    assert axes.get_yscale() == "log"
    assert "Data (2.70)" in legend_words(axes)
    assert axes.get_xlim()[0] < 0.0  # a statistic of 0 is visible beside the frame
