"""Limits over mass: bands, curves, the room that the legend takes."""

from __future__ import annotations

import numpy as np
from figure_content import legend_words, named, points_under_legends, texts_outside

from plotting.brazil import Curve, Expected, brazil, mass_range, together
from plotting.canvas import Scale
from plotting.style import style

STYLE = style("dynode")
MASS = np.array([5.0, 20.0, 100.0, 300.0])
MEDIAN = np.array([3e-20, 4e-21, 9e-22, 2e-21])
EXPECTED = Expected(MASS, MEDIAN, (0.7 * MEDIAN, 1.5 * MEDIAN), (0.5 * MEDIAN, 2.2 * MEDIAN), "Median expected", 1.1 * MEDIAN)
OTHER = Curve("Others, 95 % CL", np.array([2.0, 40.0, 1000.0]), np.array([1e-26, 1e-25, 1e-24]), "#123456", ":")
Y = Scale("Limit [cm^3/s]")


def test_everything_lies_on_the_page_and_clear_of_the_legend() -> None:
    drawn = brazil(EXPECTED, [OTHER], Y, style=STYLE)
    axes = drawn.figure.axes[0]
    assert legend_words(axes) == [r"$\pm2\sigma$ expected", r"$\pm1\sigma$ expected", "Median expected", "Observed limit", "Others, 95 % CL"]
    for values in (MEDIAN, 2.2 * MEDIAN, 1.1 * MEDIAN):
        assert points_under_legends(axes, MASS, values) == 0
    assert not texts_outside(drawn.figure)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    np.testing.assert_array_equal(drawn.numbers["plus_2"], 2.2 * MEDIAN)


def test_blind_limits_have_no_observed_line() -> None:
    blind = Expected(MASS, MEDIAN, (0.7 * MEDIAN, 1.5 * MEDIAN), (0.5 * MEDIAN, 2.2 * MEDIAN), "Median expected")
    drawn = brazil(blind, [], Y, style=STYLE)
    assert "observed" not in drawn.numbers
    assert not named(drawn.figure.axes[0], "observed")


def test_a_single_mass_is_a_box_around_it() -> None:
    one = Expected(MASS[:1], MEDIAN[:1], (0.7 * MEDIAN[:1], 1.5 * MEDIAN[:1]), (0.5 * MEDIAN[:1], 2.2 * MEDIAN[:1]), "Median expected")
    (band,) = named(brazil(one, [], Y, style=STYLE).figure.axes[0], r"$\pm2\sigma$ expected")
    corners = band.get_paths()[0].vertices
    assert corners[:, 0].min() < 5.0 < corners[:, 0].max()
    assert (corners[:, 1].min(), corners[:, 1].max()) == (0.5 * MEDIAN[0], 2.2 * MEDIAN[0])


def test_an_open_end_of_the_band_is_left_out() -> None:
    upper = np.where(MASS > 200.0, np.nan, 2.2 * MEDIAN)
    drawn = brazil(Expected(MASS, MEDIAN, (0.7 * MEDIAN, 1.5 * MEDIAN), (0.5 * MEDIAN, upper), "Median expected"), [], Y, style=STYLE)
    (band,) = named(drawn.figure.axes[0], r"$\pm2\sigma$ expected")
    assert band.get_paths()[0].vertices[:, 0].max() == 100.0


def test_limits_that_begin_above_our_masses_are_brought_in() -> None:
    beyond = Curve("Heavier", np.array([330.0, 5000.0]), np.array([1e-20, 1e-22]))
    low, high = mass_range(np.array([10.0, 100.0]), [beyond])
    assert low < 10.0
    assert high == 3.0 * 330.0
    assert mass_range(np.array([10.0, 100.0]), [OTHER])[1] < 150.0  # it lies within as it is
    far = Curve("Far", np.array([1e5, 1e6]), np.array([1e-20, 1e-22]))
    assert mass_range(np.array([10.0, 100.0]), [far])[1] < 150.0


def test_channels_are_told_by_colour_and_kinds_by_line() -> None:
    groups = {
        "b": ("mediumturquoise", [Curve("median", MASS, MEDIAN, line="--"), OTHER]),
        "Tau": ("dodgerblue", [Curve("median", MASS, 0.1 * MEDIAN)]),
    }
    drawn = together(groups, Y, {"Median expected": "--", "Others, 95 % CL": ":"}, style=STYLE)
    axes = drawn.figure.axes[0]
    assert legend_words(axes) == ["b", "Tau", "Median expected", "Others, 95 % CL"]
    (line,) = named(axes, "b: Others, 95 % CL")
    assert (line.get_color(), line.get_linestyle()) == ("mediumturquoise", ":")
    assert points_under_legends(axes, MASS, MEDIAN) == 0
    np.testing.assert_array_equal(drawn.numbers["channels"]["Tau"]["median"]["value"], 0.1 * MEDIAN)
