"""Figures of classifiers and fits of ``iwcd``: what they show is what the results say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figure_content import legend_words, named, texts_outside, words
from iwcd_run import config

from configs import iwcd
from fits.classifier.binomial import rate, rates, weighted_rates
from fits.classifier.performance import Context, performance
from fits.energy_response import fit_response
from fits.light_scale import fit_scale
from physics.tank import preset
from plotting import iwcd_fits, iwcd_performance
from plotting.drawn import DrawnFigure
from plotting.iwcd_view import ResultView
from plotting.style import style
from readers.classifier_outputs import ClassifierOutputs, read_classifier_outputs
from records.iwcd_fits import FittedBins, FractionsResult, ProfileCurve, PseudoExperiments, Saturated
from records.performance import DiscriminantModel, DiscriminantResult, Importance, PerformanceResult, RatesByBin
from records.value import Parameter

CLASSES = ["gamma", "e-", "mu-"]
N = 600


def shown(result: object, draw, tmp_path: Path) -> dict[str, DrawnFigure]:
    view = ResultView("one", result, config(tmp_path), style("dynode"), preset("short"))
    return {name.removeprefix("one."): make() for name, make in draw(view).items()}


def measured(hard: bool = False, permutations: int = 200) -> PerformanceResult:
    """Three classes in equal numbers with Gaussian logits, uniform in the tank."""
    random = np.random.default_rng(6)
    labels = np.arange(N) % 3
    logits = random.normal(size=(N, 3)) + 1.5 * (labels[:, None] == np.arange(3))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    r, y = 400.0 * np.sqrt(random.uniform(size=N)), random.uniform(-300.0, 300.0, N)
    events = {
        "row": np.arange(N), "label": labels, "r2": r**2, "x": r, "y": y, "z": np.zeros(N), "dwall": np.minimum(400.0 - r, 300.0 - np.abs(y)),
        "evis": random.uniform(0.0, 1000.0, N),
    }  # fmt: skip
    outputs = ClassifierOutputs("net", np.arange(N), labels, softmax.argmax(axis=1) if hard else None, None if hard else softmax)
    options = iwcd.Performance(kind="performance", outputs="net", classes=CLASSES, permutations=permutations)
    return performance(outputs, events, options, Context(seed=1))


@pytest.fixture(scope="module")
def result() -> PerformanceResult:
    return measured()


@pytest.fixture(scope="module")
def figures(result: PerformanceResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, DrawnFigure]:
    return shown(result, iwcd_performance.performance, tmp_path_factory.mktemp("performance"))


def test_scores_and_vertices_bring_all_figures(figures: dict[str, DrawnFigure]) -> None:
    expected = {"confusion", "recall", "roc", "working_point_gamma", "working_point_mu-", "calibration", "position", "recall_map", "mirror"}
    assert set(figures) == expected
    for name, drawn in figures.items():
        assert not texts_outside(drawn.figure), name


def test_hard_labels_have_no_curves(tmp_path: Path) -> None:
    assert set(shown(measured(hard=True), iwcd_performance.performance, tmp_path)) == {"confusion", "recall", "position", "recall_map", "mirror"}


def test_roc_curves_carry_area_and_error(figures: dict[str, DrawnFigure], result: PerformanceResult) -> None:
    drawn = figures["roc"]
    for one in result.roc:
        assert any(f"AUC {one.auc:.3f} ± {one.auc_error:.3f}" in line for line in legend_words(drawn.figure.axes[0]))
        (line,) = named(drawn.figure.axes[0], f"roc {one.background}")
        np.testing.assert_array_equal(line.get_ydata(), one.efficiency)
        curve = drawn.numbers["curves"][one.background]
        # the area under the drawn steps is the AUC, up to half of the ties
        np.testing.assert_allclose(np.trapezoid(curve["efficiency"], curve["misidentification"]), one.auc, atol=0.005)


def test_the_working_point_lies_on_its_curve(figures: dict[str, DrawnFigure], result: PerformanceResult) -> None:
    point = result.working_points[0]
    curve = figures["roc"].numbers["curves"][point.background]
    at = np.searchsorted(curve["misidentification"], point.misidentification.value, side="right") - 1
    assert curve["efficiency"][at] == pytest.approx(point.efficiency.value, abs=1e-9)


def test_recall_by_variable_names_every_corrected_p_value(figures: dict[str, DrawnFigure], result: PerformanceResult) -> None:
    assert result.position is not None
    tests = [test for test in result.position.tests if test.variable == "r2"]
    first = figures["position"].figure.axes[0]
    assert [line.split("Holm")[0].strip() for line in legend_words(first)] == [r"$\gamma$:", r"$e^-$:", r"$\mu^-$:"]
    assert all(f"Holm p = {test.p_permutation_holm:.2g}" in " ".join(legend_words(first)) for test in tests)
    assert 0.0 <= first.get_xlim()[0] < first.get_xlim()[1] <= 1.0  # r²/R²


def test_the_recall_map_has_the_cells_of_the_mirror_test(figures: dict[str, DrawnFigure], result: PerformanceResult) -> None:
    assert result.mirror is not None
    numbers = figures["recall_map"].numbers
    np.testing.assert_allclose(numbers["x_edges"], (np.array(result.mirror.r_edges_cm) / 400.0) ** 2)
    for values, recall in zip((one["values"] for one in numbers["panels"].values()), result.mirror.recall, strict=True):
        np.testing.assert_array_equal(values.ravel(), [one.value for one in recall])
    cells = [text.get_text() for text in named(figures["recall_map"].figure.axes[0], "cell")]
    assert sum(int(text.split("\n")[1].split()[0]) for text in cells) == sum(result.mirror.events[0])


def test_the_mirror_panel_states_tests_and_verdict(figures: dict[str, DrawnFigure], result: PerformanceResult) -> None:
    assert result.mirror is not None
    left = figures["mirror"].figure.axes[0]
    (line,) = named(left, "sum is one")
    np.testing.assert_allclose(np.add(line.get_xdata(), line.get_ydata()), 1.0)
    points = [one[0].get_xydata()[0] for one in left.containers]
    np.testing.assert_allclose(points, [(a.value, b.value) for a, b in zip(*result.mirror.recall, strict=True)])
    written = " ".join(words(figures["mirror"].figure).split())
    assert " ".join(result.mirror.sentence.split()) in written
    assert f"class information: p = {result.mirror.class_information.p:.2g}" in written


@pytest.mark.public_data
def test_the_real_classifier_is_drawn_with_the_published_numbers(public_data: Path, tmp_path: Path) -> None:
    outputs = read_classifier_outputs(public_data / "iwcd/train_out")
    found = performance(outputs, None, iwcd.Performance(kind="performance", outputs="train_out", classes=CLASSES))
    drawn = shown(found, iwcd_performance.performance, tmp_path)
    assert set(drawn) == {"confusion", "recall"}  # no scores, no vertices
    assert drawn["confusion"].numbers["counts"] == [[79, 105, 16], [57, 118, 25], [15, 40, 145]]  # specification G2
    assert "$39.5^{+3.8}_{-3.6}$ %" in words(drawn["confusion"].figure)  # G3
    assert "$57.0^{+2.1}_{-2.1}$ %" in words(drawn["recall"].figure)


def test_discriminants_stand_beside_published_areas(result: PerformanceResult, tmp_path: Path) -> None:
    assert result.scores is not None
    importance = [Importance("ring_fraction", 0.02, 0.01), Importance("outer50", 0.3, 0.02)]
    model = DiscriminantModel(
        ("e-", "gamma"),
        "gbdt",
        200,
        200,
        0.57,
        0.01,
        [0.57],
        importance,
        result.roc[0],
        result.scores.calibration[1],
        "outer50",
        0.54,
        {"fiTQun": 0.5418},
    )
    drawn = shown(DiscriminantResult(["ring_fraction", "outer50"], 4, "event", "", 400, 600, [model]), iwcd_performance.discriminant, tmp_path)
    assert set(drawn) == {"roc_e-_gamma", "importance_e-_gamma_gbdt", "calibration_e-_gamma"}
    assert "fiTQun AUC 0.5418 (published)" in words(drawn["roc_e-_gamma"].figure)
    assert drawn["importance_e-_gamma_gbdt"].numbers["names"] == ["outer50", "ring_fraction"]  # largest first
    assert not texts_outside(drawn["importance_e-_gamma_gbdt"].figure)


def composition() -> FractionsResult:
    curve = ProfileCurve([0.0, 50.0, 100.0, 150.0], [2.0, 0.4, 0.0, 0.6], (45.0, 145.0), (2.0, 190.0))
    bins = FittedBins(["low", "high"], [60.0, 140.0], {"shower": [50.0, 50.0], "mu": [8.0, 92.0]}, [0.26, -0.17])
    yields = {"shower": Parameter(100.0, 48.0, (-50.0, 46.0)), "mu": Parameter(100.0, 17.0)}
    return FractionsResult(
        True, "", {"shower": ["e-", "gamma"], "mu": ["mu-"]}, yields, yields, {"light_yield": Parameter(0.4, 0.9)}, ["shower", "mu", "light_yield"],
        [[1.0, -0.6, 0.1], [-0.6, 1.0, 0.0], [0.1, 0.0, 1.0]], {"shower": curve}, "mu at its bound", 4.0, Saturated(3.2, 2, 0.2), bins,
        {"shower": 400.0, "mu": 200.0}, 200, 0, "native", True,
    )  # fmt: skip


def test_composition_shows_stack_pulls_correlation_and_profiles(tmp_path: Path) -> None:
    drawn = shown(composition(), iwcd_fits.fractions, tmp_path)
    assert set(drawn) == {"bins", "correlation", "pulls", "profile_shower"}
    numbers = drawn["bins"].numbers
    assert numbers["bins"] == ["low", "high"]
    np.testing.assert_array_equal(numbers["pull"], [0.26, -0.17])
    written = words(drawn["bins"].figure)
    assert "shower ($e^-$+$\\gamma$) (100)" in written
    assert "Symmetric errors withheld" in written
    assert "68 %: 45 to 145" in words(drawn["profile_shower"].figure)
    np.testing.assert_array_equal(drawn["profile_shower"].numbers["two_delta_nll"], [4.0, 0.8, 0.0, 1.2])
    for one in drawn.values():
        assert not texts_outside(one.figure)


def test_a_failed_fit_says_so_on_its_figure(tmp_path: Path) -> None:
    drawn = shown(replace(composition(), valid=False, reason="edm above maximum"), iwcd_fits.fractions, tmp_path)
    assert "correlation" not in drawn
    assert "did not converge: edm above maximum" in words(drawn["bins"].figure)


def test_scale_and_response_show_points_curves_and_numbers(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    energy = random.uniform(60.0, 1000.0, 1500)
    charge = 6.2 * energy * (1.0 + random.normal(size=1500) * np.sqrt(0.54**2 / energy + 0.036**2))
    columns = {"energy": energy, "evis": energy, "charge": charge, "nhits": 1091.0 * (energy / 150.0) ** 0.669 * random.beta(3.0, 1.5, 1500),
               "dwall": np.full(1500, 200.0), "towall": np.full(1500, 900.0), "particle": np.full(1500, "e-")}  # fmt: skip
    halves = [{name: values[start::2] for name, values in columns.items()} for start in (0, 1)]
    scale = fit_scale(*halves, iwcd.Scale(kind="scale", templates="a", data="b"))
    drawn = shown(scale, iwcd_fits.scale, tmp_path)
    assert set(drawn) == {"t", "profile_scale"}
    np.testing.assert_allclose(drawn["t"].numbers["counts"], scale.data)
    assert any(r"$\alpha$ = " in line for line in legend_words(drawn["t"].figure.axes[0]))
    response = fit_response(columns, iwcd.Response(kind="response", dataset="mc", slice_mev=200.0))
    curves = shown(response, iwcd_fits.response, tmp_path)
    assert set(curves) == {"linearity", "resolution", "slices"}
    points = curves["linearity"].numbers["points"]["Peak, $e^-$"]
    np.testing.assert_array_equal(points["y"], [one.peak for one in response.slices])
    (line,) = [values for name, values in curves["resolution"].numbers["curves"].items() if "S = 0.5" in name and values[1][-1] < 4.5][-1:]
    s, c = (response.resolution_from_width.parameters[name].value for name in ("stochastic", "constant"))
    np.testing.assert_allclose(line[1], 100.0 * np.sqrt(s**2 / line[0] + c**2))
    for one in (*drawn.values(), *curves.values()):
        assert not texts_outside(one.figure)


def test_pulls_of_pseudo_experiments_are_drawn_with_their_numbers(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    pulls = {"shower": random.normal(0.0, 1.0, 200).tolist(), "mu": random.normal(1.0, 0.5, 150).tolist()}
    toys = PseudoExperiments(
        truth={"shower": 100.0, "mu": 20.0}, n_requested=200, n_valid=200, pull_mean={"shower": 0.0, "mu": 1.0},
        pull_width={"shower": 1.0, "mu": 0.5}, mean_error={"shower": 10.0, "mu": 5.0}, near_bound={"shower": 0.0, "mu": 0.25}, pulls=pulls,
    )  # fmt: skip
    drawn = shown(replace(composition(), toys=toys), iwcd_fits.fractions, tmp_path)["toys"]
    muon = drawn.numbers["parameters"][r"$\mu^-$"]
    assert (int(muon["counts"].sum()) + muon["outside"], muon["mean"], muon["at_bound"]) == (150, 1.0, 0.25)
    assert "25.0% at a bound" in words(drawn.figure)
    assert "toys" not in shown(composition(), iwcd_fits.fractions, tmp_path)


def test_bins_of_a_working_point_hold_ten_events_each() -> None:
    """At few events most of the bins asked for are empty, and their intervals cover the page."""
    few = [rate(1, 3), rate(2, 4), rate(0, 0), rate(5, 8), rate(3, 3), rate(0, 0)]
    background = [rate(0, 5), rate(1, 6), rate(0, 0), rate(1, 9), rate(0, 4), rate(0, 0)]
    edges, both = iwcd_performance.joined(RatesByBin("evis", list(range(7)), [0.0] * 6, few, background), 0.6827, "clopper-pearson")
    assert edges.tolist() == [0, 5]  # the second group is too small and joins the first, the empty bin at the end is left out
    assert [(one.passed, one.total) for one in both["efficiency"]] == [(11, 18)]
    many = [rate(10, 20)] * 6
    edges, both = iwcd_performance.joined(RatesByBin("evis", list(range(7)), [0.0] * 6, many, many), 0.6827, "clopper-pearson")
    assert edges.tolist() == list(range(7))
    assert [(one.passed, one.total) for one in both["misidentification"]] == [(10, 20)] * 6


@pytest.mark.parametrize("weight", [1e-3, 1.0, 500.0])
def test_bins_of_a_working_point_hold_ten_events_whatever_their_weight(weight: float) -> None:
    """Sums of weights were taken for numbers of events: everything in one bin for small weights, bars too short for large ones."""
    group, passed = np.repeat(np.arange(6), 20), np.tile(np.arange(20) < 5, 6)
    weighted = weighted_rates(passed, np.full(120, weight), group, 6)
    edges, both = iwcd_performance.joined(RatesByBin("evis", list(range(7)), [0.0] * 6, weighted, weighted), 0.6827, "wilson")
    assert edges.tolist() == list(range(7))
    (expected,) = rates([5], [20], 0.6827, "wilson")
    assert [both["efficiency"][2].low, both["efficiency"][2].high] == pytest.approx([expected.low, expected.high], rel=1e-9)
