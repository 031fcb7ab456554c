"""Stacked projections: heights, both axes logarithmic, empty bins, ratio, veil, words clear of the data."""

from __future__ import annotations

import numpy as np
import pytest
from figure_content import legend_words, named, points_under_legends, step_values, texts_outside

from plotting.canvas import Caption, Scale
from plotting.projections import count_bars
from plotting.stack import Projection, Words, centres_of, ratio, stacked
from plotting.style import style

EDGES = np.geomspace(6e4, 1e7, 9)
ATMO = np.array([3.0, 2.0, 1.0, 0.5, 0.2, 0.0, 0.0, 0.0])
ASTRO = np.array([9.0, 7.0, 5.0, 3.0, 2.0, 1.0, 0.4, 0.0])
COUNTS = np.array([14.0, 7.0, 5.0, 6.0, 0.0, 2.0, 0.0, 0.0])
ENERGY = Scale("Deposited energy [GeV]", True, (6e4, 1e7))
EVENTS = Scale("Events per 2635 days", limits=(0.1, 40.0))
COSINE = Scale("cos(zenith)", limits=(-1.0, 1.0))
STYLE = style("dynode")


def projection(**changes) -> Projection:
    total = ATMO + ASTRO
    values = {
        "edges": EDGES,
        "components": {"astro": ASTRO, "atmo": ATMO},
        "counts": COUNTS,
        "bars": count_bars(COUNTS),
        "band": (0.8 * total, 1.2 * total),
    }
    return Projection(**(values | changes))


def test_components_are_stacked_bottom_up_in_fixed_order() -> None:
    (main, *_) = stacked([projection()], ENERGY, EVENTS, style=STYLE).figure.axes
    edges, atmo = step_values(main, "component atmo")
    _, astro = step_values(main, "component astro")
    _, total = step_values(main, "total")
    np.testing.assert_array_equal(edges, EDGES)
    np.testing.assert_array_equal(atmo, ATMO)
    np.testing.assert_array_equal(astro, ATMO + ASTRO)
    np.testing.assert_array_equal(total, ATMO + ASTRO)


@pytest.mark.parametrize(("x", "kind"), [(ENERGY, "log"), (COSINE, "linear")])
def test_both_axes_and_the_ratio_are_logarithmic_where_x_is(x: Scale, kind: str) -> None:
    edges = EDGES if x.log else np.linspace(-1.0, 1.0, 9)
    figure = stacked([projection(edges=edges)], x, EVENTS, style=STYLE).figure
    assert [(axes.get_xscale(), axes.get_yscale()) for axes in figure.axes] == [(kind, kind)] * 2


def test_a_bin_without_events_has_its_upper_bar_and_no_point() -> None:
    main, below = stacked([projection()], ENERGY, EVENTS, style=STYLE).figure.axes
    empty = np.flatnonzero(COUNTS == 0.0)
    (ends,) = named(main, "empty end")
    np.testing.assert_allclose(ends.get_xdata(), centres_of(EDGES, True)[empty])
    np.testing.assert_allclose(ends.get_ydata(), 1.2904, atol=2e-4)  # Feldman-Cousins, no event: PRD 57 (1998) 3873, table II at 68.27 %
    points = next(container for container in main.containers if container.get_label().startswith("Data"))
    np.testing.assert_allclose(points[0].get_ydata(), COUNTS[COUNTS > 0.0])
    np.testing.assert_allclose(below.containers[0][0].get_ydata(), COUNTS[COUNTS > 0.0] / (ATMO + ASTRO)[COUNTS > 0.0])


def test_bars_are_the_unified_intervals() -> None:
    main = stacked([projection()], ENERGY, EVENTS, style=STYLE).figure.axes[0]
    bars = main.containers[0][2][0].get_segments()
    low, high = count_bars(COUNTS[COUNTS > 0.0])
    np.testing.assert_allclose([segment[:, 1] for segment in bars], np.column_stack([low, high]))


def test_the_ratio_leaves_out_bins_without_expectation_and_useless_bars() -> None:
    values = ratio(projection())
    assert np.isnan(values["ratio"][-1])
    below = stacked([projection()], ENERGY, EVENTS, style=STYLE).figure.axes[1]
    shown = np.concatenate([line.get_ydata() for line in named(below, "empty end")])
    assert (shown < below.get_ylim()[1]).all()
    high = values["ratio_high"][(values["ratio"] == 0.0) & (values["ratio_high"] < below.get_ylim()[1])]
    np.testing.assert_allclose(shown, high)


def test_a_ratio_beyond_the_panel_is_marked() -> None:
    counts = np.where(np.arange(8) == 6, 40.0, COUNTS)
    below = stacked([projection(counts=counts, bars=count_bars(counts))], ENERGY, EVENTS, style=STYLE).figure.axes[1]
    (marker,) = named(below, "beyond")
    np.testing.assert_allclose(marker.get_xdata(), centres_of(EDGES, True)[6])


def test_the_numbers_are_what_is_drawn() -> None:
    drawn = stacked([projection()], ENERGY, EVENTS, style=STYLE, words=Words(quantity="reco_energy_gev"))
    numbers, main = drawn.numbers, drawn.figure.axes[0]
    edges, total = step_values(main, "total")
    np.testing.assert_array_equal(numbers["reco_energy_gev_edges"], edges)
    np.testing.assert_array_equal(numbers["total"], total)
    np.testing.assert_array_equal(numbers["components"]["astro"] + numbers["components"]["atmo"], total)
    band = next(artist for artist in named(main, "band"))
    np.testing.assert_array_equal(band.get_data().values, numbers["total_high"])
    np.testing.assert_array_equal(band.get_data().baseline, numbers["total_low"])
    np.testing.assert_array_equal(numbers["counts"], COUNTS)


def test_labels_legend_and_sums() -> None:
    words = Words(("gamma = 2.9",), "Fit uncertainty")
    main, below = stacked([projection()], ENERGY, EVENTS, style=STYLE, words=words, caption=Caption("", "2635 days")).figure.axes
    assert (main.get_ylabel(), below.get_xlabel(), below.get_ylabel()) == ("Events per 2635 days", "Deposited energy [GeV]", "Data / fit")
    sums = ["Atmospheric background (6.7)", "Astrophysical neutrinos (27.4)", "Fit uncertainty", "Data (34)"]
    assert sorted(legend_words(main)) == sorted([*sums, "gamma = 2.9"])


def test_a_veil_and_a_dashed_line_mark_what_lies_below_the_threshold() -> None:
    edges = np.geomspace(1e4, 1e7, 9)
    figure = stacked([projection(edges=edges)], Scale("E", True, (1e4, 1e7)), EVENTS, style=STYLE, threshold=6e4).figure
    for axes in figure.axes:
        (line,) = named(axes, "threshold")
        assert line.get_xdata()[0] == 6e4
        assert line.get_linestyle() == "--"
        (veil,) = named(axes, "veil")
        assert (veil.get_x(), veil.get_x() + veil.get_width()) == (1e4, 6e4)
        assert axes.get_xlim() == (1e4, 1e7)
    without = stacked([projection()], ENERGY, EVENTS, style=STYLE, threshold=6e4).figure
    assert not named(without.axes[0], "veil")


def test_panels_share_one_event_axis() -> None:
    three = [
        projection(title=title, counts=counts, bars=count_bars(counts))
        for title, counts in (("Cascades", COUNTS), ("Tracks", 3 * COUNTS), ("Double", 0 * COUNTS))
    ]
    drawn = stacked(three, ENERGY, EVENTS, style=STYLE)
    panels = drawn.figure.axes[::2]
    assert len({axes.get_ylim() for axes in panels}) == 1
    assert [legend_words(axes)[0] for axes in panels] == ["Cascades", "Tracks", "Double"]
    assert [panel["title"] for panel in drawn.numbers["panels"]] == ["Cascades", "Tracks", "Double"]


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(("lines", "scale"), [(0, 1), (2, 5), (3, 20), (4, 60)])
def test_no_legend_lies_on_the_data(log: bool, lines: int, scale: int) -> None:
    k = np.random.default_rng(lines).integers(0, scale, 8).astype(float)
    edges = EDGES if log else np.linspace(-1.0, 1.0, 9)
    words = Words(tuple(f"parameter {number} = 1.23 +- 0.45" for number in range(lines)))
    one = projection(edges=edges, counts=k, bars=count_bars(k), components={"astro": ASTRO, "conventional": ATMO, "muon": 0.1 * ATMO})
    figure = stacked([one], ENERGY if log else COSINE, Scale("Events", limits=(0.1 if log else 0.0, 5.0)), style=STYLE, words=words).figure
    main = figure.axes[0]
    x = np.concatenate([centres_of(edges, log)] * 2)
    assert points_under_legends(main, x, np.concatenate([count_bars(k)[1], one.total])) == 0
    assert not texts_outside(figure)


def test_no_data_no_band_still_a_figure() -> None:
    drawn = stacked([projection(counts=None, bars=None, band=None)], ENERGY, EVENTS, style=STYLE)
    assert "counts" not in drawn.numbers
    assert "Data" not in " ".join(legend_words(drawn.figure.axes[0]))
