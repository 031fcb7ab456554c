"""Figures of a run of ``stopping_muons``: what is drawn is what was stored, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stopping_muons_case as case
from figure_content import Figures, legend_words, named, points_under_legends, step_values, texts_outside, words
from pydantic import ValidationError

from configs.errors import InputError
from configs.schema import StoppingMuonsConfig
from configs.stopping_muons import FIGURES
from plotting import stopping_muons
from plotting.drawn import Plan, plain
from plotting.stage import plot
from plotting.stopping_muons_chains import smallest_levels
from plotting.stopping_muons_closure import binomial_band, combined
from plotting.stopping_muons_correlations import column_normalised
from plotting.stopping_muons_flux import Errors
from plotting.stopping_muons_rates import bars_of
from records.failed_fit import FailedFit
from records.manifest import load_manifest
from records.results import save_results

TARGETS = ("range", "energy")
OF_TARGET = (
    "effective_area", "response", "singular_values", "proxy_bins", "systematics_dom_eff", "systematics_ice_abs", "nuisances", "impact", "scan",
    "l_curve", "unfolded", "closure", "pulls", "coverage", "global_correlation", "correlation_matrix", "corner", "trace", "sectors",
)  # fmt: skip
EVALUATED = (
    "response", "singular_values", "proxy_bins", "closure", "pulls", "coverage", "global_correlation", "correlation_matrix", "corner", "trace",
)  # fmt: skip
OF_RUN = {
    "score", "purity_efficiency", "roc", "multiplicity", "multiplicity_cut", "mutual_information", "range_fit", "range_contour", "energy_fit",
    "energy_contour", *(f"correlation_{name}" for name in case.CORRELATIONS), *(f"data_mc_{name}" for name in case.OBSERVABLES),
}  # fmt: skip
ALL = OF_RUN | {f"{name}_{target}" for name in OF_TARGET for target in TARGETS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stopping_muons")


@pytest.fixture(scope="module")
def config(folder: Path) -> StoppingMuonsConfig:
    return case.write(folder)


@pytest.fixture(scope="module")
def figures(config: StoppingMuonsConfig) -> Figures:
    return Figures(stopping_muons.plan(config, case.hists(), case.account(), case.results()))


def planned(
    config: StoppingMuonsConfig, *, results: Mapping[str, Any] | None = None, account: Mapping[str, Any] | None = None, **changes: Any
) -> Plan:
    """A plan with other results, account, or keys of sections (``section={key: value}``)."""
    for section, keys in changes.items():
        config = config.model_copy(update={section: getattr(config, section).model_copy(update=keys)})
    found = case.results() if results is None else results
    return stopping_muons.plan(config, case.hists(), case.account() if account is None else account, found)


def test_every_figure_of_the_table_of_the_specification_is_planned(figures: Figures) -> None:
    assert set(figures.todo.figures) == ALL
    assert figures.todo.skipped == {}


@pytest.mark.parametrize("name", sorted(OF_RUN | {f"{name}_range" for name in OF_TARGET if name not in ("corner", "trace")}))
def test_words_stay_on_the_page_and_numbers_can_be_written(figures: Figures, name: str) -> None:
    figures[name].figure.set_dpi(25)  # words take their share of the page at any resolution
    assert not texts_outside(figures[name].figure)
    json.dumps(plain(figures[name].numbers), allow_nan=False)


def test_a_run_leaves_images_numbers_and_in_the_manifest_what_was_skipped(config: StoppingMuonsConfig) -> None:
    chosen = config.model_copy(
        update={
            "plots": config.plots.model_copy(update={"figures": ["unfolded_energy", "roc", "range_fit", "multiplicity"]}),
            "unfolding": config.unfolding.model_copy(update={"plot_results_energy": False}),
        }
    )
    found = plot(chosen)
    assert {path.name for path in found} == {f"{name}.{kind}" for name in ("roc", "range_fit", "range_contour", "multiplicity", "multiplicity_cut")
                                             for kind in ("png", "json")}  # fmt: skip
    assert load_manifest(config.output)["stages"]["plot"]["skipped"] == {"unfolded_energy": "unfolding.plot_results_energy is false"}
    written = json.loads((config.output / "figures" / "roc.json").read_text())
    assert written["efficiency"] == case.results()["score"].efficiency


def test_without_fits_the_figures_of_events_are_drawn_and_the_others_name_the_command(config: StoppingMuonsConfig) -> None:
    todo = planned(config, results={})
    assert set(todo.figures) == {name for name in OF_RUN if name == "score" or name.startswith(("correlation_", "data_mc_"))} | {
        f"{name}_{target}" for name in ("corner", "trace") for target in TARGETS
    }
    assert todo.skipped["unfolded_range"].startswith("no result flux.range; run: python run_fit.py")
    assert todo.skipped["closure_energy"].startswith("no result closure.energy.<mode>; run: ")
    assert not any("None" in reason for reason in todo.skipped.values())


@pytest.mark.parametrize(
    ("section", "key", "names"),
    [
        ("reconstructions", "evaluate_score_distribution", {"score"}),
        ("reconstructions", "plot_correlations", {"correlations"}),
        ("reconstructions", "plot_data_mc_agreement", {"data_mc"}),
        ("unfolding", "plot_results_range", {"unfolded_range", "impact_range"}),
        ("unfolding", "evaluate_unfolding_energy", {f"{name}_energy" for name in EVALUATED}),
        ("unfolding", "plot_systematics", {"systematics_range", "systematics_energy"}),
    ],
)  # fmt: skip
def test_a_switch_that_is_off_is_the_reason(config: StoppingMuonsConfig, section: str, key: str, names: set[str]) -> None:
    assert planned(config, **{section: {key: False}}).skipped == dict.fromkeys(names, f"{section}.{key} is false")


def test_results_that_were_not_asked_for_and_fits_that_failed_say_so(config: StoppingMuonsConfig, tmp_path: Path) -> None:
    missing = {name: one for name, one in case.results().items() if not name.startswith(("scan", "sectors", "templates"))}
    off = planned(config, results=missing, unfolding={"optimize_unfolding_range": False}, options={"nuisances": {}})
    assert off.skipped["scan_range"] == off.skipped["l_curve_range"] == "unfolding.optimize_unfolding_range is false"
    assert off.skipped["systematics_range"] == "options.nuisances is empty"
    assert off.skipped["sectors_energy"].startswith("no result sectors.energy; run: ")
    failed = case.results() | {"unfolded.range.mcmc": FailedFit(False, "R-hat 1.2 of bin 3", "mcmc")}
    failed["range_fit"] = replace(failed["range_fit"], valid=False, reason="no minimum")
    elsewhere = planned(config.model_copy(update={"output_dir": str(tmp_path)}), results=failed)  # no chains.h5 there
    assert elsewhere.skipped["corner_range"] == "no chains: R-hat 1.2 of bin 3"
    assert elsewhere.skipped["range_contour"] == "the fit is not valid: no minimum"
    assert planned(config, options={"sample": False}).skipped == {}  # chains of an earlier run are still chains


def test_an_unknown_figure_is_refused_with_the_nearest(config: StoppingMuonsConfig) -> None:
    with pytest.raises(InputError, match=r"plots\.figures\.1: 'unfolded_rnge' is no figure.*unfolded_range"):
        planned(config, plots={"figures": ["score", "unfolded_rnge"]})


def test_the_configuration_knows_every_kind_and_refuses_others_before_anything_runs(config: StoppingMuonsConfig) -> None:
    assert set(stopping_muons.KINDS) < set(FIGURES)
    assert all(any(name == kind or name.startswith(f"{kind}_") for kind in FIGURES) for name in ALL)
    with pytest.raises(ValidationError, match=r"'unfoldet' is no figure.*'unfolded'"):
        case.config(Path(config.output_dir), plots={"figures": ["score", "unfoldet"]})


def test_rates_are_counts_over_the_livetime_of_what_was_processed(config: StoppingMuonsConfig, figures: Figures) -> None:
    counts = case.hists()["data_l2"]["score"][{"class": "data"}].values()
    np.testing.assert_allclose(figures["score"].numbers["data"], counts / case.LIVETIME_S, rtol=1e-12)
    account = case.account()
    account["datasets"]["mc_l2"] = {**account["datasets"]["mc_l2"], "fraction": 0.5}
    account["datasets"]["data_l2"] = {**account["datasets"]["data_l2"], "fraction": 0.5}
    half = planned(config, account=account).figures["score"]()
    np.testing.assert_allclose(half.numbers["data"], 2.0 * figures["score"].numbers["data"], rtol=1e-12)
    np.testing.assert_allclose(half.numbers["total"], 2.0 * figures["score"].numbers["total"], rtol=1e-12)
    np.testing.assert_allclose(half.numbers["ratio"], figures["score"].numbers["ratio"], rtol=1e-12)
    assert "Partial data: mc_l2: 50.0 %, data_l2: 50.0 % processed" in words(half.figure)


def test_classes_add_up_to_the_sum_and_its_error_is_that_of_the_weights(figures: Figures) -> None:
    numbers = figures["score"].numbers
    np.testing.assert_allclose(sum(numbers["simulation"].values()), numbers["total"], rtol=1e-12)
    np.testing.assert_allclose(numbers["total_error"] ** 2, 0.05 * numbers["total"], rtol=1e-9)  # all weights are 0.05
    _, drawn = step_values(figures["score"].figure.axes[0], "total")
    np.testing.assert_array_equal(drawn, numbers["total"])


def test_intervals_of_counts_go_over_into_their_square_root() -> None:
    low, high = bars_of(np.array([99.0, 100.0]))
    np.testing.assert_allclose(np.diff(high) / np.sqrt(100.0), 0.1, atol=0.07)  # one count more: no step beyond it
    np.testing.assert_allclose([100.0 - low[1], high[1] - 100.0], 10.0)


def test_agreement_of_data_and_simulation_stands_on_the_figure(figures: Figures) -> None:
    drawn = figures["data_mc_cos_zenith_reco"]
    assert [word.replace("$", "") for word in legend_words(drawn.figure.axes[0])][:2] == [r"\chi^2/ndf = 38.2/40, p = 0.55", "KS = 0.006, p = 0.21"]
    assert drawn.numbers["agreement"]["ks_p_value"] == 0.21


def test_shares_of_true_bins_add_up_to_one_and_empty_ones_are_unknown(figures: Figures) -> None:
    shares = figures["correlation_stop_z"].numbers["share"]
    sums = np.nansum(shares, axis=1)
    np.testing.assert_allclose(sums[sums > 0.0], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(np.isnan(column_normalised(np.array([[0.0, 0.0], [1.0, 0.0]]))), [[True, True], [False, False]])


def test_the_maps_are_logarithmic_where_their_bins_are(figures: Figures) -> None:
    scales = {name: figures[f"correlation_{name}"].figure.axes[0].get_xscale() for name in case.CORRELATIONS}
    assert scales == {"propagation_length": "log", "surface_energy": "log", "zenith": "linear", "stop_z": "linear"}


@pytest.mark.parametrize("target", TARGETS)
def test_the_flux_is_that_of_the_results_and_its_errors_add_in_quadrature(figures: Figures, target: str) -> None:
    stored, numbers = case.results()[f"flux.{target}"], figures[f"unfolded_{target}"].numbers
    assert numbers["flux"] == stored.flux
    total = np.sum([np.diag(one) for one in stored.covariances.values()], axis=0)
    np.testing.assert_allclose(numbers["total"] ** 2, total, rtol=1e-12)
    np.testing.assert_allclose(numbers["statistical"] ** 2 + numbers["systematic"] ** 2, total, rtol=1e-9)
    np.testing.assert_allclose(numbers["ratio"], np.array(stored.flux) / case.results()[f"truth.{target}"].flux, rtol=1e-12)
    middle = np.sqrt(np.array(stored.edges)[1:] * np.array(stored.edges)[:-1])
    np.testing.assert_allclose(numbers["shown"], np.array(stored.flux) * middle ** (2.7 if target == "energy" else 0.0), rtol=1e-12)


def test_the_flux_stands_over_truth_theory_and_every_method_and_legends_are_clear_of_it(figures: Figures) -> None:
    drawn = figures["unfolded_range"]
    axes = drawn.figure.axes[0]
    assert legend_words(axes) == ["Total error", "Systematic error", "Truth", "Theory (Gaisser)", "Pseudo data", "MAP", "Iterative Bayes", "TSVD"]
    stored = case.results()["flux.range"]
    edges = np.array(stored.edges)
    assert points_under_legends(axes, np.sqrt(edges[1:] * edges[:-1]), np.array(stored.flux)) == 0
    _, truth = step_values(axes, "Truth")
    np.testing.assert_array_equal(truth, case.results()["truth.range"].flux)


def test_points_of_other_methods_beyond_the_ratio_panel_are_marked(config: StoppingMuonsConfig) -> None:
    far = case.results()["flux.range.tsvd"]
    results = case.results() | {"flux.range.tsvd": replace(far, flux=[*far.flux[:-1], 3.0 * far.flux[-1]])}
    drawn = planned(config, results=results).figures["unfolded_range"]()
    assert any(len(line.get_xdata()) == 1 for line in named(drawn.figure.axes[1], "beyond tsvd"))


def test_a_bin_without_constraint_has_its_limit_and_no_point(config: StoppingMuonsConfig) -> None:
    stored = case.results()["flux.energy"]
    limit = [*np.full(9, np.nan), 5e-8]
    drawn = planned(config, results=case.results() | {"flux.energy": replace(stored, upper_limit=limit)}).figures["unfolded_energy"]()
    axes = drawn.figure.axes[0]
    assert "90 % limit" in legend_words(axes)
    points = [container for container in axes.containers if container.get_label() == "Pseudo data"]
    assert len(points[0].lines[0].get_xdata()) == 9
    assert drawn.numbers["upper_limit"][-1] == 5e-8


def test_generated_data_are_labelled_as_such_and_data_of_the_experiment_are_not(config: StoppingMuonsConfig, figures: Figures) -> None:
    assert "Pseudo data: events of the simulation that were kept apart" in words(figures["unfolded_range"].figure)
    assert "Data and simulation are generated examples" in words(figures["score"].figure)
    generated = planned(config, unfolding={"is_sim": False}).figures["unfolded_range"]()
    assert "Generated data" in legend_words(generated.figure.axes[0])
    files = {"files": ["*.hdf5"], "kind": "data", "livetime": case.LIVETIME_S}
    mc = {"files": ["*.hdf5"], "kind": "mc"}
    real = case.config(Path(config.output_dir), datasets={"data_l2": files, "mc_l2": mc, "mc_l0": {**mc, "level": 0}}, unfolding={"is_sim": False})
    drawn = planned(real).figures["score"]()
    assert "generated" not in words(drawn.figure).lower()
    assert "Data" in legend_words(drawn.figure.axes[0])


def test_errors_of_the_effective_area_are_those_stored(figures: Figures) -> None:
    stored, numbers = case.results()["effective_area.range"], figures["effective_area_range"].numbers
    errors = numbers["relative_errors"]
    np.testing.assert_allclose(errors["analytic"], np.linspace(0.01, 0.04, 10), rtol=1e-12)
    np.testing.assert_allclose(errors["bootstrap"], 1.05 * errors["analytic"], rtol=1e-12)
    np.testing.assert_allclose(errors["ice_abs"], np.abs(np.linspace(-0.02, 0.03, 10)), rtol=1e-12)
    assert numbers["sectors_m2"] == stored.sectors
    areas = figures["effective_area_range"].figure.axes[0]
    (points,) = [one for one in areas.containers if one.get_label() == "All"]
    np.testing.assert_allclose(points.lines[0].get_ydata(), np.array(stored.area_m2) / 1e4)


def test_sources_of_the_flux_error_are_drawn_largest_first_below_their_sum(figures: Figures) -> None:
    errors = figures["impact_range"].numbers["relative_errors"]
    names = [name for name in errors if name != "total"]
    means = [errors[name].mean() for name in names]
    assert means == sorted(means, reverse=True)
    np.testing.assert_allclose(errors["total"] ** 2, sum(errors[name] ** 2 for name in names), rtol=1e-9)
    stored = case.results()["flux.range"]
    np.testing.assert_allclose(errors["total"], Errors.of(stored).total / stored.flux, rtol=1e-12)


def test_each_proxy_bin_has_its_template_or_the_one_that_is_chosen(config: StoppingMuonsConfig, figures: Figures) -> None:
    stored, numbers = case.results()["templates.range"], figures["systematics_dom_eff_range"].numbers
    assert numbers["bins"] == list(range(case.PROXY_BINS))
    np.testing.assert_array_equal(numbers["ratios"].T, [one[1] for one in stored.points["dom_eff"]])
    one = planned(config, unfolding={"bin_index": 7}).figures["systematics_dom_eff_range"]()
    assert one.numbers["bins"] == [7]
    np.testing.assert_array_equal(one.numbers["curves"][0], numbers["curves"][7])
    assert "there are no sets at fixed values" in words(figures["systematics_ice_abs_range"].figure)


def test_a_set_that_lies_far_off_its_template_is_in_its_panel(config: StoppingMuonsConfig) -> None:
    """One proxy bin whose nominal simulation has fluctuated: both points 25 % high, with their errors inside the axes."""
    stored = case.results()["templates.range"]
    far = [(x, [1.25 if row == 3 else one for row, one in enumerate(ratios)], [0.05] * len(ratios)) for x, ratios, _ in stored.points["dom_eff"]]
    changed = case.results() | {"templates.range": replace(stored, points={"dom_eff": far})}
    axes = planned(config, results=changed).figures["systematics_dom_eff_range"]().figure.axes[3]
    assert axes.get_ylim()[1] > 1.30


def test_expected_counts_are_called_what_they_are(config: StoppingMuonsConfig) -> None:
    stored = case.results()["response.range"]
    for folded, words_of_it, ratio in ((False, "Simulation", "Data / sim."), (True, "Most probable spectrum, folded", "Data / fit")):
        drawn = planned(config, results=case.results() | {"response.range": replace(stored, folded=folded)}).figures["proxy_bins_range"]()
        assert words_of_it in legend_words(drawn.figure.axes[0])
        assert ratio in [axes.get_ylabel() for axes in drawn.figure.axes]


def test_the_distribution_of_muons_is_shown_for_the_cut_of_the_analysis(config: StoppingMuonsConfig) -> None:
    """Bug: of seven cuts the figure showed four, and the one that was used was not among them."""
    cuts = case.results()["multiplicity"].cut
    for used in cuts:
        drawn = planned(config, analysis_cuts={"cuts": {"stopping_score": float(used)}}).figures["multiplicity"]()
        assert used in drawn.numbers["cut"]
        assert len(drawn.numbers["cut"]) == len(set(drawn.numbers["cut"])) == min(4, len(cuts))


def test_notes_say_why_curves_miss_points_and_theory_misses_the_truth(figures: Figures) -> None:
    assert "share the fluctuation of the nominal simulation" in words(figures["systematics_dom_eff_range"].figure)
    assert "Theory by length: steady losses" in words(figures["unfolded_range"].figure)
    assert "steady losses" not in words(figures["unfolded_energy"].figure)


@pytest.mark.parametrize("target", TARGETS)
def test_bins_that_a_sector_does_not_see_are_in_the_caption(config: StoppingMuonsConfig, target: str) -> None:
    note = "sector lower does not see 1600 to 1826.09 m: there, no spread is known"
    stored = replace(case.results()[f"sectors.{target}"], notes=[note])
    drawn = planned(config, results=case.results() | {f"sectors.{target}": stored}).figures[f"sectors_{target}"]()
    assert "sector lower does not see 1600" in words(drawn.figure)


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_rule_does_not_allow_is_shaded_and_its_choice_is_a_line(figures: Figures, target: str) -> None:
    stored, drawn = case.results()[f"scan.{target}"], figures[f"scan_{target}"]
    axes = drawn.figure.axes[0]
    assert len(named(axes, "not allowed")) == stored.allowed.count(False)
    (line,) = named(axes, "chosen")
    assert line.get_xdata()[0] == stored.chosen  # type: ignore[attr-defined]
    for name, values in drawn.numbers["worst_coverage"].items():
        np.testing.assert_array_equal(values, np.array(stored.coverage[name]).min(axis=1))


def test_the_l_curve_marks_choice_and_corner(figures: Figures) -> None:
    stored, axes = case.results()["scan.range"], figures["l_curve_range"].figure.axes[0]
    (star,) = named(axes, "chosen")
    assert star.get_xdata()[0] == stored.roughness[stored.tau.index(stored.chosen)]  # type: ignore[attr-defined]
    (corner,) = named(axes, "corner")
    assert corner.get_ydata()[0] == stored.distance[int(np.nanargmax(stored.curvature))]  # type: ignore[attr-defined]


def test_coverage_has_the_binomial_band_of_its_toys(figures: Figures) -> None:
    low, high = binomial_band(40)
    assert (low + high) / 2.0 == pytest.approx(0.6827)
    assert (high - low) / 2.0 == pytest.approx(np.sqrt(0.6827 * 0.3173 / 40))
    numbers = figures["coverage_range"].numbers
    assert numbers["band"] == [low, high]
    assert numbers["response"]["coverage"] == case.results()["closure.range.response"].coverage


@pytest.mark.parametrize("counted", [True, False])
def test_what_the_fluctuation_of_the_test_sample_counts_as_is_told(config: StoppingMuonsConfig, counted: bool) -> None:
    stored = {"closure.range.independent": case.results()["closure.range.response"]}
    text = words(planned(config, results=stored, options={"test_mc_stat": counted}).figures["coverage_range"]().figure)
    assert "fluctuation" in text
    assert ("options.test_mc_stat:" in text) is not counted


def test_a_study_of_the_coverage_adds_chains_and_numbers_but_not_those_of_another_problem(config: StoppingMuonsConfig, tmp_path: Path) -> None:
    own = case.results()["closure.range.response"]
    sampled = np.linspace(0.5, 0.8, 10).tolist()
    study = replace(own, n_toys=20, sampled_coverage=sampled, n_sampled=5, coverage=[0.1] * 10)
    assert combined(own, study) == replace(own, sampled_coverage=sampled, n_sampled=5)
    larger = replace(study, n_toys=500, n_valid=500)
    assert combined(own, larger) == larger
    assert combined(own, replace(larger, truth=[2.0 * one for one in own.truth])) is own
    elsewhere = config.model_copy(update={"output_dir": str(tmp_path)})
    for sampled_toys, drawn_too in ((15, True), (5, False)):
        of_file = {"closure.range.response": replace(study, n_sampled=sampled_toys)}
        save_results(elsewhere.output / "coverage.json", "stopping_muons", "muons", of_file)
        drawn = planned(elsewhere).figures["coverage_range"]()
        assert ("The same, MCMC (15)" in legend_words(drawn.figure.axes[0])) == drawn_too
        assert ("Coverage of MCMC intervals, from 5 of them" in words(drawn.figure)) != drawn_too
        assert drawn.numbers["response"]["sampled"] == sampled


def test_pulls_and_bias_are_those_stored(figures: Figures) -> None:
    stored = case.results()["closure.energy.bootstrap"]
    assert figures["pulls_energy"].numbers["bootstrap"]["width"] == stored.pull_width
    assert figures["closure_energy"].numbers["bootstrap"]["median_bias"] == stored.median_bias


def test_a_singular_value_that_is_rounding_is_marked_and_does_not_stretch_the_axis(config: StoppingMuonsConfig) -> None:
    stored = case.results()["response.range"]
    deficient = replace(stored, singular_values=[*stored.singular_values[:-1], 1e-15], condition_number=2.92e16)
    drawn = planned(config, results=case.results() | {"response.range": deficient}).figures["singular_values_range"]()
    axes = drawn.figure.axes[0]
    assert len(named(axes, "zero")) == 1
    assert axes.get_ylim()[0] > 1e-3
    assert r"Condition number $2.92\times10^{16}$" in legend_words(axes)


def test_truth_bins_outside_the_range_are_named(figures: Figures) -> None:
    names = figures["response_range"].numbers["truth_bins"]
    assert (names[0], names[1], names[-1]) == ("< 1600", "1600–1826", "> 6000")
    assert len(names) == np.shape(figures["response_range"].numbers["matrix"])[1]


def test_contours_keep_their_order_whatever_the_order_of_the_parameters_is(config: StoppingMuonsConfig, figures: Figures) -> None:
    """Results that were read from a file with sorted keys had delta_gamma first, and the contours' coordinates the other way round."""
    fit = case.results()["energy_fit"]
    turned = replace(fit, parameters=dict(reversed(fit.parameters.items())))
    drawn = planned(config, results=case.results() | {"energy_fit": turned}).figures["energy_contour"]()
    assert drawn.numbers["ours"] == figures["energy_contour"].numbers["ours"]
    assert drawn.numbers["x_label"] == "$N$"


def test_the_contour_of_b_is_in_the_unit_of_its_axis_and_holds_the_best_fit(figures: Figures) -> None:
    numbers = figures["range_contour"].numbers
    assert numbers["y_label"] == "$b$ [10$^{-4}$ m$^{-1}$]"
    np.testing.assert_allclose(numbers["ours"]["best"], [0.262, 2.96], rtol=1e-12)
    line = np.array(numbers["ours"]["contours"]["0.68"][0])
    np.testing.assert_allclose((line.min(axis=0) + line.max(axis=0)) / 2.0, [0.262, 2.96], rtol=1e-2)
    np.testing.assert_allclose([numbers["points"][0]["x"], numbers["points"][0]["y"]], [[0.24], [3.3]])


def test_the_fit_is_drawn_over_the_flux_it_was_made_of(figures: Figures) -> None:
    numbers, fit = figures["energy_fit"].numbers, case.results()["energy_fit"]
    np.testing.assert_allclose(numbers["ratio"], np.array(case.results()["flux.energy"].flux) / fit.model, rtol=1e-12)
    assert "$N$ = 1.020 ± 0.030" in legend_words(figures["energy_fit"].figure.axes[0])


def test_contours_of_a_gaussian_hold_what_they_say() -> None:
    x = np.linspace(-4.0, 4.0, 201)
    heights = np.exp(-0.5 * (x[:, None] ** 2 + x**2))
    np.testing.assert_allclose(smallest_levels(heights, (0.95, 0.68)), [0.05, 0.32], rtol=0.02)  # content of height h: 1 - h


def test_corner_and_trace_say_what_the_chains_hold(figures: Figures) -> None:
    chain = case.chain("range")
    numbers = figures["corner_range"].numbers
    assert numbers["parameters"] == chain["names"].tolist()
    np.testing.assert_allclose(numbers["median"], np.median(chain["chain"].reshape(-1, len(chain["names"])), axis=0), rtol=1e-12)
    assert (figures["trace_range"].numbers["steps"], figures["trace_range"].numbers["walkers"]) == chain["chain"].shape[:2]
    figures["trace_range"].figure.set_dpi(20)
    assert not texts_outside(figures["trace_range"].figure)


def test_sectors_stand_beside_the_full_result_with_their_agreement(figures: Figures) -> None:
    drawn, stored = figures["sectors_range"], case.results()["sectors.range"]
    assert drawn.numbers["flux"] == stored.flux
    assert rf"$\chi^2$/ndf of the sectors = {sum(stored.chi2):.1f}/10" in legend_words(drawn.figure.axes[0])
