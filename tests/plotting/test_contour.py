"""Contours: lines drawn are lines given, ranges hold everything, each source is named."""

from __future__ import annotations

import numpy as np
import pytest
from figure_content import legend_words, named, points_under_legends, texts_outside

from fits.comparison import read_contour, read_scan
from fits.contours import Surface, contours
from plotting.canvas import Scale
from plotting.contour import Points, Region, contour
from plotting.style import style

STYLE = style("dynode")
TURN = np.linspace(0.0, 2.0 * np.pi, 60)
X, Y = Scale("gamma", limits=(1.7, 3.8)), Scale("norm", limits=(0.0, 15.0))


def ellipse(scale: float, x: float = 2.87, y: float = 6.37) -> list[tuple[float, float]]:
    return [(x + 0.2 * scale * np.cos(t), y + 1.4 * scale * np.sin(t)) for t in TURN]


OURS = Region("This fit", {"0.6827": [ellipse(1.5)], "0.9545": [ellipse(2.5)]}, (2.87, 6.37))


def test_lines_best_fit_and_areas() -> None:
    drawn = contour(OURS, X, Y, style=STYLE)
    axes = drawn.figure.axes[0]
    for level, polylines in OURS.contours.items():
        (line,) = named(axes, f"This fit {level}")
        np.testing.assert_array_equal(np.column_stack(line.get_data()), polylines[0])
        assert named(axes, f"area {level}")
    (best,) = named(axes, "This fit best")
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (2.87, 6.37)
    assert drawn.numbers["ours"]["contours"]["0.6827"] == OURS.contours["0.6827"]
    assert (axes.get_xlim(), axes.get_ylim()[0]) == ((1.7, 3.8), 0.0)


def test_68_and_95_per_cent_differ_in_their_lines() -> None:
    axes = contour(OURS, X, Y, style=STYLE).figure.axes[0]
    assert [named(axes, f"This fit {level}")[0].get_linestyle() for level in OURS.contours] == ["-", "--"]


def test_every_source_is_named_in_the_legend() -> None:
    published = Region("Published value", {}, (2.87, 6.37), ((0.19, 0.2), (1.62, 1.46)))
    scan = Region("Release scan", {"0.6827": [ellipse(1.4)]})
    points = Points("Published 68 %", *np.array(ellipse(1.45)).T)
    drawn = contour(OURS, X, Y, others=[scan, published], points=[points], style=STYLE)
    axes = drawn.figure.axes[0]
    words = legend_words(axes)
    assert words == ["This fit, 68.27 %", "This fit, 95.45 %", "This fit, best fit", "Release scan, 68.27 %", "Published 68 %", "Published value"]
    (dots,) = named(axes, "points Published 68 %")
    np.testing.assert_array_equal(dots.get_xdata(), points.x)
    everything = np.array(ellipse(2.5) + ellipse(1.45))
    assert points_under_legends(axes, *everything.T) == 0
    assert drawn.numbers["others"][1]["errors"] == ((0.19, 0.2), (1.62, 1.46))
    assert not texts_outside(drawn.figure)


def test_a_contour_beyond_the_usual_range_widens_it() -> None:
    far = Region("This fit", {"0.6827": [ellipse(2.0, x=3.7, y=14.0)]}, (3.7, 14.0))
    axes = contour(far, X, Y, style=STYLE).figure.axes[0]
    assert axes.get_xlim()[0] == 1.7
    assert axes.get_xlim()[1] > 4.1
    assert axes.get_ylim()[1] > 16.8


@pytest.mark.public_data
def test_the_published_points_lie_on_the_published_scan_s_contour(public_data) -> None:
    scan = read_scan(public_data / "hese" / "astro_scan_data.txt")
    lines = contours(Surface(scan.x, scan.y, scan.delta_nll))
    points = read_contour(public_data / "hese" / "icecube_spl_hese_contour1sigma.json")
    drawn = contour(Region("Release scan", {"0.6827": lines["0.6827"]}), X, Y, points=[Points("Published", *points.T)], style=STYLE)
    line = named(drawn.figure.axes[0], "Release scan 0.6827")[0].get_xydata()
    shown = named(drawn.figure.axes[0], "points Published")[0].get_xydata()
    distance = np.linalg.norm((shown[:, None] - line[None]) / [0.2, 1.5], axis=2).min(axis=1)  # in standard deviations
    assert distance.max() < 0.1
