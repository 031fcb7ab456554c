"""Figures beside a publication: what is drawn is what is compared, both by form and by colour."""

from __future__ import annotations

import dataclasses

import diffuse_case
import numpy as np
import pytest
from figure_content import legend_words, named, points_under_legends, texts_outside, words

from configs.schema import DiffuseConfig
from fits.comparison import ExternalScan, compare_scans, external_json, sided_difference
from fits.contours import Surface
from plotting import compare_panels
from plotting.canvas import Scale
from plotting.compare_panels import Compared, Surfaces
from plotting.diffuse import plan
from plotting.drawn import DrawnFigure
from plotting.style import style

STYLE = style("dynode")
FITS = ["main", "with_systematics", "energy_only"]
NORM = Compared("norm [unit]", (6.37, 1.62, 1.46), [(6.2, 1.2, 1.4), None, (6.5, 1.4, 1.5)], [-0.09, np.nan, 0.04])
GAMMA = Compared("gamma", (2.87, 0.19, 0.20), [(2.88, 0.19, 0.21), (2.87, 0.19, 0.21), (2.91, np.nan, np.nan)], [0.03, 0.01, 0.15])


def test_parameters_of_all_fits_beside_the_published_interval() -> None:
    drawn = compare_panels.parameters(FITS, [NORM, GAMMA], "a paper", style=STYLE)
    left, middle, right = drawn.figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [*FITS, "Published"]
    assert "a paper" in words(drawn.figure)
    (band,) = named(left, "published band")
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((6.37 - 1.62, 6.37 + 1.46))
    for axes, one in ((left, NORM), (middle, GAMMA)):
        (points,) = [line for line in axes.lines if line.get_marker() == "o"]
        known = [(ours[0], row) for row, ours in enumerate(one.ours) if ours is not None]
        np.testing.assert_allclose(points.get_xydata(), known)
        low, high = axes.get_xlim()
        assert low < one.published[0] - one.published[1]
        assert high > one.published[0] + one.published[2]
    (differences,) = named(right, "difference norm [unit]")
    np.testing.assert_array_equal(differences.get_xdata(), NORM.difference)
    assert legend_words(right) == ["norm", "gamma"]
    assert drawn.numbers["parameters"]["gamma"]["ours"] == GAMMA.ours
    assert not texts_outside(drawn.figure)


def test_two_parameters_differ_in_form_for_a_reader_who_prints_grey() -> None:
    right = compare_panels.parameters(FITS, [NORM, GAMMA], "", style=STYLE).figure.axes[-1]
    assert [named(right, f"difference {one.label}")[0].get_marker() for one in (NORM, GAMMA)] == ["o", "s"]


def test_nuisance_parameters_beside_the_published_best_fit() -> None:
    ours, errors, published = np.array([-0.2, 0.3]), np.array([0.9, 0.5]), np.array([-0.06, 2.4])
    drawn = compare_panels.nuisances(["a", "b"], ours, errors, published, style=STYLE)
    (axes,) = drawn.figure.axes
    (diamonds,) = named(axes, "published")
    np.testing.assert_array_equal(diamonds.get_xdata(), published)
    assert axes.get_xlim()[1] > 2.4
    assert points_under_legends(axes, np.concatenate([ours, published]), np.array([0.0, 1.0, 0.0, 1.0])) == 0
    assert set(legend_words(axes)) == {"This fit", "Published best fit"}


def gaussian(shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = np.linspace(2.0, 4.0, 21), np.linspace(0.0, 12.0, 25)
    u, v = np.meshgrid((x - 2.9) / 0.2, (y - 6.0 - shift) / 1.4, indexing="ij")
    return x, y, 0.5 * (u**2 + v**2)


def surfaces() -> DrawnFigure:
    x, y, ours = gaussian(0.7)
    published = gaussian(0.0)[2]
    turn = np.linspace(0.0, 2 * np.pi, 50)
    both = {
        name: {"0.6827": [list(zip(2.9 + 0.3 * np.cos(turn), y0 + 2.1 * np.sin(turn), strict=True))]}
        for name, y0 in (("This fit", 6.7), ("Published", 6.0))
    }
    best = {"This fit": (2.9, 6.7), "Published": (2.9, 6.0)}
    scales = (Scale("gamma", limits=(2.2, 3.6)), Scale("norm", limits=(1.0, 12.0)))
    return compare_panels.surfaces(Surfaces(x, y, ours, published, both, best), *scales, 4.0, ("IoU",), style=STYLE)


def test_difference_of_two_surfaces_where_one_of_them_is_near() -> None:
    drawn = surfaces()
    difference = np.asarray(drawn.numbers["difference"])
    ours, published = (np.asarray(drawn.numbers[f"delta_nll_{name}"]) for name in ("ours", "published"))
    near = np.minimum(ours, published) < 4.0
    np.testing.assert_allclose(difference[near], (ours - published)[near])
    assert np.isnan(difference[~near]).all()
    y = np.asarray(drawn.numbers["y"])
    np.testing.assert_allclose(difference[10][near[10]], (0.125 - 0.5 * (y - 6.0) / 1.4)[near[10]], atol=1e-12)  # linear: half an error apart


def test_the_map_names_both_and_its_legend_lies_on_neither() -> None:
    drawn = surfaces()
    axes, bar = drawn.figure.axes
    assert legend_words(axes) == ["IoU", "This fit, 68.27 %", "This fit, best fit", "Published, 68.27 %", "Published, best fit"]
    assert "published" in bar.get_ylabel()
    x, y = np.meshgrid(drawn.numbers["x"], drawn.numbers["y"], indexing="ij")
    shown = np.isfinite(np.asarray(drawn.numbers["difference"]))
    assert points_under_legends(axes, x[shown], y[shown]) == 0
    assert not texts_outside(drawn.figure)


def test_segments_side_by_side_with_their_differences_below() -> None:
    edges = np.array([4.2e4, 8.83e4, 1.86e5])
    ours, published = np.array([[2.0, 0.4, 0.3], [0.0, 0.0, 0.08]]), np.array([[3.0, 0.4, 9.0], [0.06, 0.06, 0.0]])
    difference = np.array([sided_difference(tuple(a), tuple(b)) for a, b in zip(ours, published, strict=True)])
    drawn = compare_panels.segments(edges, ours, published, difference, "unit", "Published, a paper", style=STYLE)
    main, below = drawn.figure.axes
    (points,) = named(below, "difference")
    np.testing.assert_allclose(points.get_ydata(), [-2.0, -0.6])
    assert below.get_ylim() == pytest.approx((-2.4, 2.4))
    assert "Published, a paper" in legend_words(main)
    drawn_at = [line.get_xdata() for line in main.lines if line.get_marker() in ("o", "s")]
    assert ((drawn_at[0] > edges[:-1]) & (drawn_at[0] < drawn_at[1]) & (drawn_at[1] < edges[1:])).all()
    assert main.get_ylim()[1] > 12.0
    assert not texts_outside(drawn.figure)


def compared_results() -> dict:
    """The results of the case with a published scan half a standard deviation away and published segments."""
    found = dict(diffuse_case.results())
    scan, segments = found["main.scan"], found["main.segments"]
    ours = Surface(scan.x, scan.y, scan.delta_nll)
    external = ExternalScan(ours.x, ours.y, np.roll(ours.delta_nll, 1, axis=0), "hese/astro_scan_data.txt")
    found["main.scan"] = dataclasses.replace(scan, external=external_json(external, None), comparison=compare_scans(ours, external))
    rows = [(value * 1.1, 0.2e-8, 0.3e-8) for value in segments.e2_flux]
    found["main.segments"] = dataclasses.replace(segments, published=rows, published_source="hese/icecube_segmentedfit_hese.json")
    return found


def test_a_run_leaves_the_figures_of_everything_that_was_compared() -> None:
    todo = plan(diffuse_case.config(), diffuse_case.hists(), diffuse_case.account(), compared_results())
    assert {"compare_fit", "compare_scan", "compare_segments"} <= set(todo.figures)
    drawn = todo.figures["compare_fit"]()
    assert drawn.numbers["fits"] == ["main"]  # the other fit of the case has nothing published
    scan = todo.figures["compare_scan"]()
    assert any(one.startswith("IoU 68 %: 0.") for one in legend_words(scan.figure.axes[0]))
    segments = todo.figures["compare_segments"]()
    assert "Published, Phys. Rev. D 104, 022002 (2021)" in legend_words(segments.figure.axes[0])
    for one in (drawn, scan, segments):
        assert "surrogate response, not a first-principles simulation" in words(one.figure)
        assert not texts_outside(one.figure)


def test_a_publication_named_by_hand_is_the_source_on_the_figure() -> None:
    content = diffuse_case.config().model_dump(by_alias=True, exclude={"source"})
    named_by_hand = DiffuseConfig.model_validate({**content, "compare": "hese75", "plots": {"figures": ["compare_fit"], "label": "Test"}})
    todo = plan(named_by_hand, diffuse_case.hists(), diffuse_case.account(), diffuse_case.results())
    assert set(todo.figures) == {"compare_fit"}  # atmos_norm is none of the published eleven
    assert todo.figures["compare_fit"]().numbers["source"] == "Phys. Rev. D 104, 022002 (2021)"
