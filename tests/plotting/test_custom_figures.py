"""Figures of histograms that a user's own processor filled."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from figure_content import legend_words, named, step_values, texts_outside, words

from configs.schema import CustomConfig
from plotting.canvas import Caption
from plotting.custom import draw, is_geometric, plan
from plotting.projections import count_bars
from plotting.style import style

STYLE = style("hyperk")
RANDOM = np.random.default_rng(2)
CONFIG = CustomConfig.model_validate(
    {
        "name": "own",
        "analysis": "custom",
        "datasets": {"mc": {"files": "a.root", "kind": "mc"}},
        "processor": {"class": "mine.Mine"},
        "plots": {"label": "Test"},
    }
)


def hits() -> hist.Hist:
    made = hist.Hist(hist.axis.Regular(25, 0, 50, name="hits", label="Hits"), storage=hist.storage.Int64())
    return made.fill(np.append(RANDOM.poisson(12, 300), [60, 70]))


def test_every_histogram_of_one_or_two_axes_is_drawn_and_the_others_are_named() -> None:
    two = hist.Hist.new.Reg(3, 0, 1, name="x").Reg(3, 0, 1, name="y").Double()
    three = hist.Hist.new.Reg(3, 0, 1, name="x").Reg(3, 0, 1, name="y").Reg(2, 0, 1, name="z").Double()
    todo = plan(CONFIG, {"mc": {"hits": hits(), "xy": two, "xyz": three}}, {"datasets": {"mc": {"fraction": 0.5}}})
    assert set(todo.figures) == {"mc.hits", "mc.xy"}
    assert todo.skipped == {"mc.xyz": "it has 3 axes; figures are drawn for one or two"}
    written = words(todo.figures["mc.hits"]().figure)
    for part in ("Hyper" if STYLE is todo.style else "Dynode", "Test", "mc: hits", "Partial data: 50.0 % of mc processed"):
        assert part in written


def test_counts_have_unified_intervals_and_the_entries_outside_in_words() -> None:
    counts = hits()
    drawn = draw(counts, STYLE, Caption())
    axes = drawn.figure.axes[0]
    np.testing.assert_array_equal(step_values(axes, "values")[1], counts.values())
    np.testing.assert_array_equal(drawn.numbers["value_high"], count_bars(counts.values())[1])
    np.testing.assert_array_equal(drawn.numbers["hits_edges"], counts.axes[0].edges)
    assert legend_words(axes) == ["entries 300", "outside 2"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Hits", "Entries")
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    empty = counts.values() == 0.0
    np.testing.assert_allclose(named(axes, "empty end")[0].get_ydata(), np.full(int(empty.sum()), 1.2904), atol=2e-4)
    assert not texts_outside(drawn.figure)


def test_weights_have_the_root_of_the_sum_of_squares() -> None:
    weighted = hist.Hist(hist.axis.Regular(4, 0, 4, name="x"), storage=hist.storage.Weight()).fill([0.5, 0.5, 1.5], weight=[2.0, 1.0, -0.5])
    numbers = draw(weighted, STYLE, Caption()).numbers
    np.testing.assert_allclose(numbers["value_high"] - numbers["values"], [np.sqrt(5.0), 0.5, 0.0, 0.0])
    assert draw(weighted, STYLE, Caption()).figure.axes[0].get_ylim()[0] < -1.0  # a negative bin is visible


def test_an_axis_with_equal_ratios_is_logarithmic_and_so_is_y() -> None:
    energy = hist.Hist(hist.axis.Variable(np.geomspace(1.0, 1e4, 9), name="energy", label="Energy [GeV]")).fill(10.0 ** RANDOM.uniform(0, 3, 100))
    axes = draw(energy, STYLE, Caption()).figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert is_geometric(np.geomspace(6e4, 1e7, 21))
    assert not is_geometric(np.linspace(0.0, 1.0, 5))


def test_a_cut_flow_has_one_named_bar_per_cut() -> None:
    flow = hist.Hist(hist.axis.StrCategory(["all events", "edep_min", "selected"], name="cut"), storage=hist.storage.Int64())
    flow.fill(["all events"] * 102 + ["selected"] * 60)
    drawn = draw(flow, STYLE, Caption())
    axes = drawn.figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [102.0, 0.0, 60.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["all events", "edep_min", "selected"]
    assert {"102", "0", "60"} <= {text.get_text() for text in axes.texts}
    assert drawn.numbers["categories"] == ["all events", "edep_min", "selected"]
    assert not texts_outside(drawn.figure)


def test_a_map_shows_x_across_and_leaves_empty_bins_white() -> None:
    two = hist.Hist.new.Reg(3, 0, 3, name="x", label="X [m]").StrCat(["a", "b"], name="kind").Double()
    two.fill(np.array([0.5, 2.5, 2.5]), ["a", "b", "b"])
    drawn = draw(two, STYLE, Caption())
    axes = drawn.figure.axes[0]
    (mesh,) = named(axes, "map")
    shown = mesh.get_array()
    np.testing.assert_array_equal(np.ma.filled(shown, 0.0), two.values().T)
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), two.values().T == 0.0)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.get_xlabel() == "X [m]"
    np.testing.assert_array_equal(drawn.numbers["values"], two.values())


@pytest.mark.parametrize("storage", [hist.storage.Int64(), hist.storage.Weight(), hist.storage.Mean()])
def test_an_empty_histogram_is_a_figure_without_warnings(storage) -> None:
    axes = draw(hist.Hist(hist.axis.Regular(4, 0, 4, name="x"), storage=storage), STYLE, Caption()).figure.axes[0]
    assert axes.get_xlim() == (0.0, 4.0)
    assert axes.get_ylim()[1] > 0.0
    if not isinstance(storage, hist.storage.Mean):
        two = hist.Hist(hist.axis.Regular(4, 0, 4, name="x"), hist.axis.Regular(4, 0, 4, name="y"), storage=storage)
        (mesh,) = named(draw(two, STYLE, Caption()).figure.axes[0], "map")
        assert np.ma.getmaskarray(mesh.get_array()).all()
