"""Kinds of figures that ``iwcd`` brought: maps with quantiles, spectra with ratios, rates, violins, the unrolled wall, ROC, points."""

from __future__ import annotations

import numpy as np
import pytest
from figure_content import legend_words, named, step_values, texts_outside, words

from fits.classifier.binomial import rates
from fits.classifier.confusion import confusion
from physics.tank import direction_from_angles, preset
from physics.tank_geometry import short_tank
from physics.unrolled import unroll
from plotting.binned_fit import binned_fit
from plotting.canvas import Scale
from plotting.map_panels import MapPanel, column_quantiles, maps
from plotting.overlay import Ratio, Spectrum, overlay
from plotting.points import Points, points_and_curves
from plotting.rates import RatePanel, confusion_matrix, rate_bars, rate_panels
from plotting.roc import Roc, roc
from plotting.style import BLUE, Component, looks, style
from plotting.violins import violins
from plotting.wall import Track, WallPanel, split_line, wall
from records.performance import RocCurve

STYLE = style("dynode")
TANK = preset("short")
X, Y = np.linspace(0.0, 10.0, 11), np.linspace(0.0, 100.0, 201)
LOOKS = {"a": Component("A", "#000000"), "b": Component("B", "#ff0000")}


def test_quantiles_of_columns_are_those_of_the_values() -> None:
    random = np.random.default_rng(2)
    x, y = random.uniform(0.0, 10.0, 20000), random.normal(50.0, 10.0, 20000)
    counts = np.histogram2d(x, y, bins=(X, np.concatenate([[-np.inf], Y, [np.inf]])))[0]
    found = column_quantiles(counts, X, Y, merge=5)
    np.testing.assert_array_equal(found.edges, [0.0, 5.0, 10.0])
    for row, kept in enumerate((x < 5.0, x >= 5.0)):
        expected = np.quantile(y[kept], [0.16, 0.5, 0.84])
        np.testing.assert_allclose([found.low[row], found.median[row], found.high[row]], expected, atol=0.3)  # a bin is 0.5 wide
        assert found.entries[row] == kept.sum()


def test_quantiles_in_the_flow_bins_have_no_position() -> None:
    counts = np.array([[9.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])  # nine of ten below the axis; an empty column
    found = column_quantiles(counts, np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]), merge=1)
    assert np.isnan([found.low[0], found.median[0], found.median[1]]).all()
    assert found.entries.tolist() == [10.0, 0.0]


def test_maps_share_one_colour_scale_and_leave_empty_bins_white() -> None:
    few = np.zeros((2, 2))
    few[0, 0] = 3.0
    many = np.full((2, 2), 300.0)
    quantiles = column_quantiles(np.pad(few, ((0, 0), (1, 1))), np.arange(3.0), np.arange(3.0), merge=1)
    panels = [MapPanel("few", few, quantiles), MapPanel("many", many)]
    drawn = maps(panels, (np.arange(3.0), np.arange(3.0)), Scale("x"), Scale("y"), "Events", style=STYLE)
    meshes = [named(axes, "map")[0] for axes in drawn.figure.axes[:2]]
    assert meshes[0].get_array().mask.sum() == 3
    assert {(mesh.norm.vmin, mesh.norm.vmax) for mesh in meshes} == {(3.0, 300.0)}
    hollow = drawn.figure.axes[0].containers[0][0]
    assert hollow.get_markerfacecolor() == "white"  # three entries
    assert not texts_outside(drawn.figure)


def spectra(values: np.ndarray, other: np.ndarray) -> dict[str, Spectrum]:
    return {name: Spectrum(name, "#000000", one, (one, one), one) for name, one in (("a", values), ("b", other))}


def test_ratios_are_hollow_where_few_and_marked_where_beyond() -> None:
    ours, theirs = np.array([40.0, 5.0, 90.0, 0.0]), np.array([20.0, 5.0, 1.0, 0.0])
    ratio = np.divide(ours, theirs, out=np.full(4, np.nan), where=theirs > 0)
    drawn = overlay(np.arange(5.0), spectra(ours, theirs), Scale("x"), Scale("y"), Ratio("a/b", "b", {"a": (ratio, None)}), style=STYLE)
    below = drawn.figure.axes[1]
    assert [line.get_ydata().tolist() for line in (below.containers[0][0], below.containers[1][0])] == [[2.0], [1.0]]
    assert [one[0].get_markerfacecolor() for one in below.containers] == ["#000000", "white"]
    (beyond,) = named(below, "beyond a")
    assert len(beyond.get_xdata()) == 1
    edges, values = step_values(drawn.figure.axes[0], "sample a")
    np.testing.assert_array_equal(edges, np.arange(5.0))
    np.testing.assert_array_equal(values, ours)


def test_rates_have_exact_intervals_and_none_where_nothing_was_counted() -> None:
    found = rates([79, 0, 2, 0], [200, 10, 4, 0])
    drawn = rate_panels([RatePanel(Scale("x"), np.arange(5.0), {"a": found})], LOOKS, "Recall", style=STYLE)
    axes = drawn.figure.axes[0]
    full, few = axes.containers
    assert full[0].get_ydata().tolist() == [0.395, 0.0]
    assert few[0].get_ydata().tolist() == [0.5]
    assert few[0].get_markerfacecolor() == "white"
    ends = [segment[:, 1].tolist() for segment in full[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[0.3586, 0.4325], [0.0, 0.1682]], atol=1e-4)  # specification G3, G5


def test_the_published_confusion_matrix_is_written_with_its_intervals() -> None:
    counts = [[79, 105, 16], [57, 118, 25], [15, 40, 145]]  # specification G2
    found = confusion(np.array(counts), ["gamma", "e-", "mu-"], 0.6827, "clopper-pearson")
    drawn = confusion_matrix([one.label for one in looks(found.classes).values()], counts, found.recall_matrix, label="Fraction", style=STYLE)
    written = words(drawn.figure)
    assert "$39.5^{+3.8}_{-3.6}$ %" in written
    assert "$72.5^{+3.3}_{-3.5}$ %" in written
    assert "Predicted class" in written
    assert "True class" in written
    (mesh,) = named(drawn.figure.axes[0], "confusion")
    np.testing.assert_allclose(mesh.get_array(), np.array(counts) / 200.0)
    assert not texts_outside(drawn.figure)


def test_bars_of_recall_carry_intervals_also_at_one() -> None:
    drawn = rate_bars(["a", "b"], {"Recall": rates([10, 5], [10, 10])}, (BLUE,), style=STYLE)
    segments = [segment[:, 1].tolist() for segment in drawn.figure.axes[0].collections[0].get_segments()]
    np.testing.assert_allclose(segments[0], [0.8318, 1.0], atol=1e-4)  # sqrt(p(1-p)/n) would be zero


def test_violins_show_quartiles_and_single_entries_of_small_samples() -> None:
    values = np.random.default_rng(4).uniform(0.0, 100.0, 500)
    drawn = violins({"a": values, "b": values[:4]}, LOOKS, np.linspace(0.0, 100.0, 11), Scale("Energy [MeV]"), style=STYLE)
    axes = drawn.figure.axes[0]
    box = named(axes, "box a")[0]
    np.testing.assert_allclose([box.get_y(), box.get_y() + box.get_height()], np.quantile(values, [0.25, 0.75]))
    (points,) = named(axes, "entries b")
    assert sorted(points.get_ydata()) == sorted(values[:4])
    assert "500 events" in words(drawn.figure)
    assert drawn.numbers["samples"]["a"]["counts"].sum() == 500


def test_circles_of_the_wall_stand_where_the_photomultipliers_are() -> None:
    geometry = short_tank()
    values = np.full(len(geometry), np.nan)
    hit = np.array([5, 300, 6080, 10183])
    values[hit] = [3.0, 1.0, 2.0, 8.0]
    drawn = wall([WallPanel(values, "Hit charge [p.e.]", True)], geometry.position_cm, TANK, style=STYLE)
    (circles,) = named(drawn.figure.axes[0], "hits")
    u, v = unroll(geometry.position_cm[hit], TANK)
    order = np.argsort(values[hit])
    np.testing.assert_allclose(circles.get_offsets(), np.column_stack([u, v])[order])
    np.testing.assert_array_equal(circles.get_array(), np.sort(values[hit]))
    (rest,) = named(drawn.figure.axes[0], "not hit")
    assert len(rest.get_xdata()) == len(geometry) - 4
    assert not texts_outside(drawn.figure)


@pytest.mark.parametrize(("angle", "lines"), [(np.arccos(1 / 1.333), 1), (np.nan, 0)])
def test_a_track_has_vertex_direction_and_a_ring_where_there_is_one(angle: float, lines: int) -> None:
    geometry = short_tank()
    track = Track(np.array([100.0, 20.0, 0.0]), direction_from_angles(np.pi / 2, 0.0), angle)
    drawn = wall([WallPanel(np.ones(len(geometry)), "Charge", track=track)], geometry.position_cm, TANK, style=STYLE)
    axes = drawn.figure.axes[0]
    (cross,) = named(axes, "direction")
    np.testing.assert_allclose([*cross.get_xdata(), *cross.get_ydata()], [0.0, 20.0], atol=1e-9)  # along x: phi = 0
    assert len(named(axes, "ring")) == lines


def test_a_line_around_the_back_of_the_barrel_is_interrupted() -> None:
    phi = np.linspace(0.9 * np.pi, 1.1 * np.pi, 40)
    u, v = split_line(np.column_stack([400.0 * np.cos(phi), np.zeros(40), 400.0 * np.sin(phi)]), TANK)
    assert np.isnan(u).sum() == np.isnan(v).sum() == 1
    steps = np.abs(np.diff(u))
    assert np.nanmax(steps) < 10.0  # no line across the whole page


def curve(efficiency: list[float], misidentification: list[float]) -> RocCurve:
    n = len(efficiency)
    high = [min(value + 0.1, 1.0) for value in misidentification]
    return RocCurve(["e-"], "mu-", 100, 100, 0.9, 0.02, [float(-row) for row in range(n)], efficiency, misidentification,
                    [max(value - 0.1, 0.0) for value in efficiency], [min(value + 0.1, 1.0) for value in efficiency],
                    [max(value - 0.1, 0.0) for value in misidentification], high, 0.1, 0.1, 0.5)  # fmt: skip


def test_rejection_without_any_background_left_is_a_limit() -> None:
    drawn = roc({"mu-": Roc(curve([0.0, 0.4, 0.8, 1.0], [0.0, 0.0, 0.5, 1.0]), LOOKS["a"])}, style=STYLE)
    right = drawn.figure.axes[1]
    (limit,) = named(right, "limit mu-")
    np.testing.assert_allclose([*limit.get_xdata(), *limit.get_ydata()], [0.4, 10.0])  # upper end of the rate is 0.1
    (known,) = named(right, "rejection mu-")
    np.testing.assert_allclose(known.get_ydata(), [2.0, 1.0])
    assert any("AUC 0.900 ± 0.020" in line for line in legend_words(drawn.figure.axes[0]))
    assert not texts_outside(drawn.figure)


def test_pulls_of_a_binned_fit_include_the_templates_errors() -> None:
    counts, expected = np.array([16.0, 4.0, 0.0]), np.array([9.0, 4.0, 0.0])
    drawn = binned_fit(np.arange(4.0), counts, {"a": expected}, LOOKS, Scale("x"), Scale("Events"), errors=np.array([4.0, 0.0, 0.0]), style=STYLE)
    np.testing.assert_allclose(drawn.numbers["pull"], [7.0 / 5.0, 0.0, np.nan])  # sqrt(9 + 16) = 5; nothing expected: no pull
    _, stacked = step_values(drawn.figure.axes[0], "total")
    np.testing.assert_array_equal(stacked, expected)
    assert any("Data (20)" in line for line in legend_words(drawn.figure.axes[0]))


def test_points_of_few_events_are_hollow_and_failed_ones_are_left_out() -> None:
    y = np.array([1.0, np.nan, 3.0])
    points = Points(np.arange(3.0), None, y, np.full(3, 0.1), BLUE, np.array([False, False, True]))
    drawn = points_and_curves({"data": points}, {}, Scale("x", limits=(-1.0, 3.0)), Scale("y", limits=(0.0, 4.0)), style=STYLE)
    full, few = drawn.figure.axes[0].containers
    assert full[0].get_xdata().tolist() == [0.0]
    assert few[0].get_xdata().tolist() == [2.0]
    assert few[0].get_markerfacecolor() == "white"
