"""Figures of a ``dark_matter`` run: what is drawn is what was stored, and obeys the physics that it shows."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dark_matter_run import config, run
from figure_content import Figures, legend_words, named, texts_outside, words

from configs.errors import InputError
from configs.schema import DarkMatterConfig, load_config
from data_info.annihilation_spectra import embedded
from data_info.dwarf_galaxies import select
from physics.annihilation_spectra import Spectra
from plotting import dark_matter as figures_of
from plotting import dark_matter_events, dark_matter_limits, dark_matter_sources, dark_matter_spectra, dark_matter_trials
from plotting.dark_matter_densities import around_sources
from plotting.dark_matter_events import contained_angle
from plotting.dark_matter_sky import contour_levels, joined, smooth_stack
from plotting.dark_matter_view import CombinationView, FitView, RunView
from plotting.drawn import Plan
from plotting.stage import planned, plot
from plotting.style import style
from records.arrays import load_arrays
from records.dark_matter import CombinationResult
from records.hists import load_hists
from records.manifest import load_manifest
from records.results import load_results
from records.tables import load_tables
from simulation.dark_matter import effective_area_cm2

STYLE = style("dynode")
OF_EVENTS = {"variables", "sindec_angular_error", "resolution", "effective_area", "livetime"}
OF_COMBINATION = ("spectra", "window", "sky", "acceptance", "densities", "ratio", "trials", "injection", "passing")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DarkMatterConfig:
    return run(tmp_path_factory.mktemp("dark_matter"))


@pytest.fixture(scope="module")
def results(small: DarkMatterConfig) -> dict[str, CombinationResult]:
    return load_results(small.output / "results.json")


@pytest.fixture(scope="module")
def todo(small: DarkMatterConfig) -> Plan:
    return planned(small)


@pytest.fixture(scope="module")
def figures(todo: Plan) -> Figures:
    return Figures(todo)


@pytest.fixture(scope="module")
def run_view(small: DarkMatterConfig) -> RunView:
    account = json.loads((small.output / "processing.json").read_text())
    return RunView(small, STYLE, load_hists(small.output / "hists.h5"), load_tables(small.output), account)


@pytest.fixture(scope="module")
def view(small: DarkMatterConfig, run_view: RunView, results: dict[str, CombinationResult]) -> CombinationView:
    own = {name.removeprefix("main."): one for name, one in results.items() if name.startswith("main.")}
    fit = FitView("main", True, run_view, own, select(), embedded())
    return CombinationView(fit, own["b_100"], load_arrays(small.output / "pdfs.h5", "main.b_100"))  # type: ignore[arg-type]


def test_every_figure_of_the_table_of_the_specification_is_there_and_stays_on_its_page(figures: Figures) -> None:
    expected = OF_EVENTS | {"sources", "limits", "limits_b", "limits_Nu", "other.sources", "other.limits_Nu"}
    expected |= {f"{kind}_{name}" for kind in OF_COMBINATION for name in ("Nu_30", "b_100")}
    expected |= {f"other.{kind}_Nu_50" for kind in OF_COMBINATION}
    assert set(figures.todo.figures) == expected
    for name in (one for one in expected if "Nu" not in one and "other" not in one):
        figures[name].figure.set_dpi(30)  # words take their share of the page at any resolution
        assert not texts_outside(figures[name].figure), name


def test_numbers_of_all_figures_can_be_written_and_the_manifest_tells_what_was_skipped(small: DarkMatterConfig, tmp_path: Path) -> None:
    chosen = small.model_copy(update={"plots": small.plots.model_copy(update={"figures": ["limits", "livetime"]})})
    found = plot(chosen)
    assert {path.stem for path in found if path.suffix == ".json"} == {
        "limits", "limits_b", "limits_Nu", "other.limits_Nu", "livetime",
    }  # fmt: skip
    skipped = load_manifest(small.output)["stages"]["plot"]["skipped"]
    assert skipped["limits: published"] == "absent_NuNu.csv: no such file, nothing is drawn for it; nor are there mine_bb.csv, absent_bb.csv"
    assert set(skipped) == {"limits: published", "other.limits: published"}


def test_a_line_is_a_third_of_a_neutrino_in_each_flavour_at_the_source_and_at_earth(figures: Figures) -> None:
    numbers = figures["spectra_Nu_30"].numbers
    np.testing.assert_allclose([numbers["number_at_source"], numbers["number_at_earth"]], 1.0 / 3.0, rtol=1e-12)
    per_gev, edges = numbers["earth_per_gev"], 30.0 * 10.0 ** numbers["log10_x_edges"]
    np.testing.assert_allclose((per_gev * np.diff(edges)).sum(axis=1), 1.0 / 3.0, rtol=1e-9)


def test_mixing_keeps_the_number_of_neutrinos_and_a_table_compared_with_itself_is_one(view: CombinationView) -> None:
    drawn = dark_matter_spectra.spectra(view)["spectra_b_100"]()
    numbers = drawn.numbers
    assert numbers["number_at_earth"].sum() == pytest.approx(numbers["number_at_source"].sum(), rel=1e-12)
    for ratio in (numbers["ratio_source"], numbers["ratio_earth"]):
        np.testing.assert_allclose(ratio[np.isfinite(ratio)], 1.0, rtol=1e-12)
    assert "Ours / embedded" in words(drawn.figure)
    np.testing.assert_allclose(numbers["number_at_source"], Spectra(embedded()).at_source("b", 100.0).number, rtol=1e-12)


def test_spectra_without_another_table_have_no_ratio(view: CombinationView) -> None:
    drawn = dark_matter_spectra.spectra(replace(view, fit=replace(view.fit, published=None)))["spectra_b_100"]()
    assert "ratio_source" not in drawn.numbers
    assert len(drawn.figure.axes) == 2


def test_the_best_window_is_marked_and_is_the_best(figures: Figures) -> None:
    numbers = figures["window_b_100"].numbers
    marks = numbers["marks"]
    assert marks["Best"]["merit"] == pytest.approx(1.0, abs=1e-6)
    assert (marks["Published"]["low_gev"], marks["Published"]["high_gev"]) == (0, 73)
    assert np.nanmax(numbers["relative_merit"]) <= 1.0 + 1e-6
    below = np.subtract.outer(numbers["cuts_gev"], numbers["cuts_gev"]) >= 0
    assert np.isnan(numbers["relative_merit"][below]).all()
    assert any(line.startswith("Fewer than 20 events") for line in legend_words(figures["window_b_100"].figure.axes[0]))


def test_the_sky_holds_the_events_of_the_window(figures: Figures, results: dict[str, CombinationResult]) -> None:
    numbers = figures["sky_b_100"].numbers
    cells = numbers["data_per_sr"].size
    assert (numbers["data_per_sr"] * 4.0 * math.pi / cells).sum() == pytest.approx(results["main.b_100"].n_events, rel=1e-12)
    assert numbers["share"].sum() == pytest.approx(1.0, rel=1e-12)
    assert "scrambled" not in words(figures["sky_b_100"].figure)  # this run was unblinded


def test_contours_hold_their_share_and_the_stack_is_normalised(view: CombinationView) -> None:
    stack = smooth_stack(view)
    assert (stack * 4.0 * math.pi / stack.size).sum() == pytest.approx(1.0, rel=1e-12)
    for share, level in zip((0.8, 0.5, 0.2), contour_levels(stack), strict=True):
        assert stack[stack >= level].sum() / stack.sum() == pytest.approx(share, abs=0.01)
    stored = np.asarray(view.arrays["stack"], float)
    coarse = stack.reshape(30, 3, 60, 3).mean(axis=(1, 3)).ravel()
    assert np.corrcoef(coarse, stored.reshape(30, 2, 60, 2).mean(axis=(1, 3)).ravel())[0, 1] > 0.99  # smooth, and the same


def test_joined_bins_of_an_isotropic_density_are_isotropic() -> None:
    edges, density = joined(np.radians([0.0, 1.0, 5.0, 30.0, 90.0, 180.0]), np.full((1, 5), 1.0 / (4.0 * math.pi)))
    np.testing.assert_allclose(edges, np.radians([0.0, 30.0, 180.0]))
    np.testing.assert_allclose(density, 1.0 / (4.0 * math.pi))


def test_sources_show_the_catalogue(figures: Figures) -> None:
    numbers = figures["sources"].numbers
    assert len(numbers["sources"]) == 29
    by_name = dict(zip(numbers["sources"], numbers["log10_j"]["10"], strict=True))
    assert by_name["Draco"] == [18.96, 0.20, 0.16]  # value, up, down
    assert by_name["LeoIV"] is None
    assert dict(zip(numbers["sources"], numbers["chosen_aperture_deg"], strict=True))["LeoIV"] == "0.5"
    axes = figures["sources"].figure.axes[0]
    assert named(axes, "aperture 0.1 not used")
    assert not named(axes, "aperture 0.1")  # the largest aperture is used


def test_shares_are_j_times_acceptance(figures: Figures) -> None:
    numbers = figures["acceptance_b_100"].numbers
    product = numbers["share_of_j"] * numbers["acceptance_cm2"]
    np.testing.assert_allclose(numbers["share"], product / product.sum(), rtol=1e-9)
    assert (numbers["acceptance_error_cm2"] > 0.0).all()


@pytest.mark.parametrize("name", ["densities_b_100", "densities_Nu_30"])
def test_densities_are_probabilities_around_every_source(figures: Figures, name: str) -> None:
    found = figures[name].numbers["densities"]
    for label in ("Signal", "Background", "Scrambled signal"):
        assert found[label]["per_bin"].sum() == pytest.approx(1.0, rel=1e-9), label
    for label in ("Background", "Scrambled signal"):
        np.testing.assert_allclose(found[label]["per_bin_by_source"].sum(axis=1), 1.0, rtol=1e-9)


def test_events_uniform_on_the_sky_are_uniform_around_a_source() -> None:
    edges = np.radians([0.0, 10.0, 60.0, 90.0, 180.0])
    found = around_sources(np.ones(2000), edges, np.radians([0.0, 57.9, -79.3]))
    np.testing.assert_allclose(found, np.tile(-0.5 * np.diff(np.cos(edges)), (3, 1)), rtol=4e-3)


def test_bins_of_the_likelihood_ratio(figures: Figures, results: dict[str, CombinationResult]) -> None:
    numbers = figures["ratio_b_100"].numbers
    for name in ("background", "signal", "scrambled_signal"):
        assert numbers[name].sum() == pytest.approx(1.0, rel=1e-9)
    assert numbers["data"].sum() == results["main.b_100"].n_events
    excess = numbers["signal"] - numbers["scrambled_signal"]
    np.testing.assert_allclose(numbers["ratio"] * numbers["background"], excess, atol=1e-9)
    assert (np.diff(numbers["ratio_edges"]) > 0.0).all()
    assert ((numbers["ratio"][1:-1] > numbers["ratio_edges"][1:-2]) & (numbers["ratio"][1:-1] < numbers["ratio_edges"][2:-1])).all()


def test_trials_stand_beside_the_mixture_of_chernoff(figures: Figures, results: dict[str, CombinationResult]) -> None:
    numbers = figures["trials_b_100"].numbers
    assert numbers["ts_counts"].sum() == numbers["n_hat_counts"].sum() == numbers["trials"] == 400
    assert numbers["ts_asymptotic"].sum() == pytest.approx(400.0, rel=1e-3)
    filled = numbers["ts_asymptotic"] > 5.0
    chi2 = ((numbers["ts_counts"] - numbers["ts_asymptotic"])[filled] ** 2 / numbers["ts_asymptotic"][filled]).sum()
    assert chi2 < filled.sum() + 4.0 * math.sqrt(2.0 * filled.sum())
    assert numbers["observed_ts"] == results["main.b_100"].observation.ts
    first, second = figures["trials_b_100"].figure.axes[:2]
    assert len(named(first, "observed")) == len(named(second, "observed")) == 1
    assert named(second, "Z 3")


def test_half_a_chi_square_at_its_quantiles() -> None:
    """TS exceeds Z^2 with the probability of Z standard deviations."""
    expected = dark_matter_trials.half_chi2(np.array([0.0, 1.0, 4.0, 9.0, 1e9]), 1_000_000)
    np.testing.assert_allclose(expected[::-1].cumsum()[::-1][1:], [158_655.25, 22_750.13, 1_349.898], rtol=1e-6)


def test_mean_of_an_estimate_that_is_cut_at_zero() -> None:
    found = dark_matter_trials.expected_mean(np.array([0.0, 100.0]), 2.0)
    np.testing.assert_allclose(found, [2.0 / math.sqrt(2.0 * math.pi), 100.0], rtol=1e-12)
    generator = np.random.default_rng(1)
    assert np.maximum(generator.normal(1.0, 2.0, 200_000), 0.0).mean() == pytest.approx(
        dark_matter_trials.expected_mean(np.array([1.0]), 2.0)[0], abs=0.015
    )  # fmt: skip


def test_injected_and_fitted_numbers_agree(figures: Figures) -> None:
    numbers = figures["injection_b_100"].numbers
    pull = (numbers["mean"] - numbers["mean_of_gaussian_cut_at_zero"]) / numbers["mean_error"]
    assert np.abs(pull).max() < 5.0
    assert (numbers["low"] <= numbers["median"]).all()
    assert (numbers["median"] <= numbers["high"]).all()
    assert "drawn anew" not in words(figures["injection_b_100"].figure)
    assert "drawn anew" in words(figures["other.injection_Nu_50"].figure)


def test_curves_of_passing_trials_cross_their_targets(figures: Figures) -> None:
    for name, one in figures["passing_b_100"].numbers.items():
        a, b, c = one["curve"]
        n = one["n"]
        share = 0.5 * math.erfc(-(a + b * n + c * n**2) / math.sqrt(2.0))
        assert share == pytest.approx(one["target"], abs=1e-6), name
        assert f"n = {n:.4g}" in " ".join(legend_words(figures["passing_b_100"].figure.axes[0]))


def test_curves_of_passing_trials_stand_where_they_were_fitted(view: CombinationView) -> None:
    """A parabola of few points turns back beyond them: a sensitivity seemed to be lost again with more signal."""
    reach = replace(view.result.sensitivity, points=[2.0, 10.0, 20.0, 60.0], fraction=[0.55, 0.8, 0.95, 1.0], trials=[100] * 4, target=0.9, n=15.0,
                    curve=(0.0, 0.1, -0.002))  # fmt: skip
    drawn = dark_matter_trials.passing(replace(view, result=replace(view.result, sensitivity=reach, discovery={})))["passing_b_100"]()
    (name,) = drawn.numbers
    np.testing.assert_array_equal(drawn.numbers[name]["fitted"], [False, True, True, False])
    (curve,) = named(drawn.figure.axes[0], f"curve {name}")
    assert (curve.get_xdata().min(), curve.get_xdata().max()) == (10.0, 20.0)


def test_limits_with_their_band_and_those_of_others(figures: Figures, results: dict[str, CombinationResult]) -> None:
    numbers = figures["limits_Nu"].numbers
    np.testing.assert_array_equal(numbers["mass_gev"], [30.0, 50.0])
    np.testing.assert_array_equal(numbers["observed"], [results["main.Nu_30"].limit.up, results["main.Nu_50"].limit.up])
    for below, above in (("minus_2", "minus_1"), ("minus_1", "median"), ("median", "plus_1"), ("plus_1", "plus_2")):
        assert (np.nan_to_num(numbers[below]) <= np.nan_to_num(numbers[above], nan=np.inf)).all()
    np.testing.assert_array_equal(numbers["curves"]["A guess (68 % CL)"]["value"], [1e-22, 4e-22])
    lines = legend_words(figures["limits_Nu"].figure.axes[0])
    assert "Median expected, 90 % CL, CLs" in lines
    assert "A guess (68 % CL)" in lines
    assert "Uncertainty of J: total; sources: 29dg, aperture max" in words(figures["limits_Nu"].figure)
    assert len(figures["limits"].numbers["channels"]) == 2


def test_an_open_band_is_said_and_not_drawn(view: CombinationView) -> None:
    limit = view.result.limit
    wide = replace(view.result, limit=replace(limit, band={**limit.band, "2": math.inf}, up=math.inf))
    drawn = dark_matter_limits.limits(replace(view.fit, results={"b_100": wide}))["limits_b"]()
    assert np.isnan(drawn.numbers["plus_2"]).all()
    assert "observed" not in drawn.numbers
    assert "Bands are open" in words(drawn.figure)


def test_lifetimes_are_lower_limits_and_have_no_published_cross_sections(view: CombinationView) -> None:
    decay = {"b_100": replace(view.result, mode="decay", unit="s")}
    options = view.fit.run.config.model_copy(update={"fits": {"main": view.fit.options.model_copy(update={"mode": "decay"})}})
    drawn = dark_matter_limits.limits(replace(view.fit, results=decay, run=replace(view.fit.run, config=options)))["limits_b"]()
    assert drawn.numbers["y"] == r"$\tau$ [s] (lower limit)"
    assert "Uncertainty of D: total" in words(drawn.figure)
    combination = replace(view, result=decay["b_100"])
    assert (combination.edge_gev, combination.decay) == (50.0, True)


def test_bars_of_equal_sources_end_before_the_legend(view: CombinationView) -> None:
    """Shares of a few galaxies of one strength lay under the legend; a decay has D factors."""
    few = {key: one[:4] if key.startswith("source_") else one for key, one in view.arrays.items()}
    arrays = {**few, "source_share": np.full(4, 0.25), "source_log10_j": np.full(4, 18.0)}
    config = view.fit.run.config.model_copy(update={"fits": {"main": view.fit.options.model_copy(update={"mode": "decay"})}})
    drawn = dark_matter_sources.acceptance(replace(view, arrays=arrays, fit=replace(view.fit, run=replace(view.fit.run, config=config))))
    figure = drawn["acceptance_b_100"]().figure
    axes = figure.axes[1]
    assert "Share of D" in legend_words(axes)
    left = axes.get_legend().get_window_extent().x0
    assert axes.transData.transform((0.25, 0.0))[0] < left


def test_effective_area_is_that_of_the_generator(figures: Figures) -> None:
    numbers = figures["effective_area"].numbers
    edges, area, error = numbers["energy_edges_gev"], numbers["area_cm2"], numbers["area_error_cm2"]
    inside = (edges[:-1] > 2.1) & (edges[1:] < 390.0)
    fine = np.geomspace(edges[:-1], edges[1:], 41)  # the mean over the bin in energy
    truth = np.trapezoid(effective_area_cm2(fine), fine, axis=0) / np.diff(edges)
    pull = (area - truth)[:, inside] / error[:, inside]
    assert 0.6 < (pull**2).mean() < 1.5
    assert (error[:, inside] / area[:, inside] < 0.2).all()


def test_resolution_follows_its_definition(figures: Figures) -> None:
    numbers = figures["resolution"].numbers
    filled = np.isfinite(numbers["median deg"])
    assert (numbers["median deg"][filled] < numbers["68 % deg"][filled]).all()
    sums = (numbers["share_per_deg"] * np.diff(numbers["psi_edges_deg"])).sum(axis=1)
    np.testing.assert_allclose(sums[filled], 1.0, rtol=1e-9)
    weights = np.exp(-0.5 * (np.arange(180) + 0.5) ** 2 / 20.0**2) * (np.arange(180) + 0.5)  # Rayleigh: median 1.1774 sigma
    assert contained_angle(weights, np.arange(181.0), 0.5) == pytest.approx(1.17741 * 20.0, rel=1e-3)


def test_livetimes_and_rates_of_seasons(figures: Figures) -> None:
    numbers = figures["livetime"].numbers
    assert numbers["seasons"] == ["2011", "2012"]
    np.testing.assert_array_equal(numbers["events"], [2500, 1500])
    np.testing.assert_allclose(numbers["livetime_days"], [330.0, 330.0])
    np.testing.assert_allclose(numbers["rate_mhz"], 1e3 * numbers["events"] / (330.0 * 86400.0))
    assert sum(one.sum() for one in numbers["events_by_season"].values()) == 4000


def test_variables_of_data_and_simulation_in_the_order_of_the_fields(figures: Figures) -> None:
    panels = figures["variables"].numbers["panels"]
    assert next(iter(panels)) == "Right ascension [rad]"
    assert set(panels["Time [MJD]"]["samples"]) == {"data"}  # generated simulation has one time
    assert set(panels["True energy [GeV]"]["samples"]) == {"mc"}
    for samples in (panels["Declination [rad]"]["samples"], panels["Zenith [rad]"]["samples"]):
        assert [one["values"].sum() for one in samples.values()] == pytest.approx([1.0, 1.0])


def test_numbers_of_runs_and_events_are_those_of_the_data(figures: Figures, run_view: RunView) -> None:
    panels = figures["variables"].numbers["panels"]
    runs = np.concatenate([run_view.tables[name]["events"]["run"] for name in run_view.of_kind("data")])
    numbers = panels["Run number"]
    assert set(numbers["samples"]) == {"data"}
    assert numbers["edges"][0] < runs.min()
    assert numbers["edges"][-1] > runs.max()
    assert numbers["samples"]["data"]["values"].sum() == pytest.approx(1.0)
    assert panels["Number of the event in its run"]["samples"]["data"]["values"].sum() == pytest.approx(1.0)


def test_values_outside_a_panel_are_told(run_view: RunView) -> None:
    """Weights above the axis were in no bin and in no word."""
    hists = {name: dict(one) for name, one in run_view.hists.items()}
    high = hists["mc"]["variable_ow"].copy()
    high.reset()
    high.fill([0.5, 0.5, 0.5, 40.0])
    hists["mc"]["variable_ow"] = high
    drawn = dark_matter_events.variables(replace(run_view, hists=hists))["variables"]()
    assert "25 % outside" in words(drawn.figure)


def test_figures_of_blinded_data_say_so(run_view: RunView, view: CombinationView) -> None:
    blind = run_view.config.model_copy(update={"processor": run_view.config.processor.model_copy(update={"blind": True})})
    seen = replace(view, fit=replace(view.fit, run=replace(run_view, config=blind)))
    assert "Right ascensions of the data are scrambled" in seen.caption(of_data=True).notes
    assert view.caption(of_data=True).notes == ()


def test_without_results_the_events_are_drawn_and_the_reason_is_given(small: DarkMatterConfig, run_view: RunView) -> None:
    found = figures_of.plan(small, run_view.hists, run_view.tables, run_view.account, {})
    assert set(found.figures) == OF_EVENTS | {"sources", "other.sources"}
    assert found.skipped["limits"].startswith("no results; run: python run_fit.py")
    assert set(found.skipped) >= {"limits", "other.limits", "sky", "other.sky"}


def test_chosen_combinations(small: DarkMatterConfig, run_view: RunView, results: dict[str, CombinationResult]) -> None:
    def names(combinations: object) -> set[str]:
        plots = small.plots.model_copy(update={"combinations": combinations, "figures": ["trials"]})
        planned_for = small.model_copy(update={"plots": plots})
        return set(figures_of.plan(planned_for, run_view.hists, run_view.tables, run_view.account, results).figures)

    assert names("all") == {"trials_Nu_30", "trials_Nu_50", "trials_b_100", "other.trials_Nu_50"}
    assert names(["Nu_50"]) == {"trials_Nu_50", "other.trials_Nu_50"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("plots.figures=[skye]", r"plots.figures.*'sky'.*\(given: 'skye'\)"),
        ("plots.combinations=[b_10, Mu_10]", r"plots.combinations: no fit has 'Mu_10' \(<channel>_<mass>\); did you mean 'Mu_100'\?"),
    ],
)
def test_unknown_figures_and_combinations_are_refused_before_any_work(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(Path(__file__).parents[2] / "configs" / "dark_matter_example.yaml", [override])


def test_data_processed_in_part_are_named_on_every_figure(run_view: RunView) -> None:
    account = json.loads(json.dumps(run_view.account))
    account["datasets"]["exp_2011"]["fraction"] = 0.5
    partial = replace(run_view, account=account)
    assert partial.caption().warnings == ("Partial data: exp_2011: 50.0 % processed",)


def test_small_configuration_is_valid(tmp_path: Path) -> None:
    assert config(tmp_path).plots.combinations is None
