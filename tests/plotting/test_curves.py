"""Profiles and Feldman-Cousins curves."""

from __future__ import annotations

import numpy as np
import pytest
from figure_content import legend_words, named, texts_outside, words

from plotting.canvas import Scale
from plotting.curves import Critical, Published, feldman_cousins, profile
from plotting.style import style

STYLE = style("dynode")
X = np.linspace(2.0, 4.0, 81)
PARABOLA = 0.5 * ((X - 2.9) / 0.2) ** 2


def test_the_curve_is_twice_delta_nll_and_ends_at_nine() -> None:
    drawn = profile(Scale("gamma"), X, PARABOLA, style=STYLE)
    axes = drawn.figure.axes[0]
    np.testing.assert_allclose(drawn.numbers["two_delta_nll"], ((X - 2.9) / 0.2) ** 2)
    (line,) = named(axes, "profile")
    shown = line.get_xydata()[np.isfinite(line.get_ydata())]
    np.testing.assert_allclose(shown[:, 1], ((shown[:, 0] - 2.9) / 0.2) ** 2, atol=0.02)
    np.testing.assert_allclose([shown[0], shown[-1]], [[2.3, 9.0], [3.5, 9.0]], atol=0.005)
    assert axes.get_ylabel() == r"$-2\,\Delta\ln L$"


def test_lines_at_one_and_four_meet_the_curve_at_one_and_two_standard_deviations() -> None:
    axes = profile(Scale("gamma"), X, PARABOLA, intervals=[(2.7, 3.1), (2.5, 3.3)], style=STYLE).figure.axes[0]
    for level, words_of_level in ((1.0, "68.27 %"), (4.0, "95.45 %")):
        (line,) = named(axes, f"level {level:g}")
        assert set(line.get_ydata()) == {level}
        assert words_of_level in words(axes.figure)
    for area, level in zip(named(axes, "interval"), (1.0, 4.0), strict=True):
        assert area.get_paths()[0].get_extents().ymax == pytest.approx(level, rel=0.02)


def test_a_published_value_stands_clear_of_the_minimum_with_its_errors() -> None:
    drawn = profile(Scale("gamma"), X, PARABOLA, published=Published(2.87, 0.19, 0.20, "Published (paper)"), style=STYLE)
    container = drawn.figure.axes[0].containers[0]
    np.testing.assert_allclose(container[2][0].get_segments()[0], [[2.68, 0.5], [3.07, 0.5]])
    assert "Published (paper)" in legend_words(drawn.figure.axes[0])
    assert drawn.numbers["published"] == {"label": "Published (paper)", "value": 2.87, "minus": 0.19, "plus": 0.2}


@pytest.mark.parametrize("interval", [(-np.inf, 3.1), (2.7, np.inf)])
def test_an_open_interval_is_shaded_to_the_end_of_the_grid(interval: tuple[float, float]) -> None:
    axes = profile(Scale("gamma"), X, PARABOLA, intervals=[interval], style=STYLE).figure.axes[0]
    (area,) = named(axes, "interval")
    ends = area.get_paths()[0].get_extents()
    assert (ends.xmin, ends.xmax) == (max(interval[0], 2.0), min(interval[1], 4.0))


def test_failed_points_of_a_profile_are_gaps() -> None:
    holes = np.where(np.arange(81) == 30, np.nan, PARABOLA)
    drawn = profile(Scale("gamma"), X, holes, intervals=[(2.7, 3.1)], style=STYLE)
    (line,) = named(drawn.figure.axes[0], "profile")
    assert np.isnan(line.get_ydata()[line.get_xdata() == X[30]]).all()


def test_feldman_cousins_shows_data_below_the_critical_value_inside_the_interval() -> None:
    grid = np.linspace(2.4, 3.4, 11)
    critical = [
        Critical(0.6827, grid, np.full(11, 1.0), np.full(11, 0.1), (2.7, 3.1)),
        Critical(0.9, grid, np.full(11, 2.7), np.full(11, 0.2), (2.57, 3.23)),
    ]
    data = ((grid - 2.9) / 0.2) ** 2
    drawn = feldman_cousins(Scale("gamma"), data, critical, text=["1000 toys at each point"], style=STYLE)
    axes = drawn.figure.axes[0]
    np.testing.assert_array_equal(named(axes, "data")[0].get_ydata(), data)
    ends = [segment for artist in named(axes, "interval 0.6827") for segment in artist.get_segments()]
    np.testing.assert_allclose(sorted(float(end[0, 0]) for end in ends), [2.7, 3.1])
    assert legend_words(axes) == ["1000 toys at each point", "Data", "Feldman-Cousins, 68.27 %", "Feldman-Cousins, 90 %"]
    assert drawn.numbers["critical"][1]["interval"] == (2.57, 3.23)
    assert not texts_outside(drawn.figure)
