"""Which figures ``diffuse`` leaves and what stands on them."""

from __future__ import annotations

import dataclasses

import diffuse_case
import hist
import numpy as np
import pytest
from figure_content import legend_words, named, texts_outside, words

from configs.errors import InputError
from plotting.diffuse import FIGURES, WHY_NOT, fit_views, plan
from plotting.diffuse_likelihood import pulls_of
from plotting.drawn import Plan

RESPONSE = "surrogate response, not a first-principles simulation"


def planned(results=None, fraction: float = 1.0, **plots) -> Plan:
    return plan(diffuse_case.config(**plots), diffuse_case.hists(), diffuse_case.account(fraction), results or diffuse_case.results(fraction))


def test_every_figure_of_the_configuration_is_known() -> None:
    assert set(diffuse_case.FIGURES) == set(WHY_NOT) == {*FIGURES, "spectrum"}


def test_names_of_the_figures() -> None:
    assert set(planned().figures) == {
        "energy", "energy_prefit", "energy_by_topology", "energy_by_topology_prefit", "zenith", "zenith_prefit", "zenith_by_topology",
        "zenith_by_topology_prefit", "contour", "profile_astro_gamma", "spectrum", "correlation", "pulls", "toys", "gof", "feldman_cousins", "test",
        "impacts_astro_norm", "impacts_astro_gamma", "events", "exposures", "models", "posterior", "flavour",
        "migration_cascade", "migration_track", "migration_dcascade", "effective_area", "purity",
        "predictive_energy", "predictive_energy_by_topology", "predictive_zenith", "predictive_zenith_by_topology",
        "energy_only.energy", "energy_only.spectrum", "energy_only.correlation", "energy_only.pulls", "compare_fit",
    }  # fmt: skip


def test_what_cannot_be_drawn_says_why() -> None:
    only = {name: result for name, result in diffuse_case.results().items() if name in ("main", "energy_only")}
    skipped = planned(only).skipped
    assert skipped["contour"] == "no fit has a scan; add fits.<name>.scan"
    assert skipped["length"] == "no topology is binned in length (binning: official)"
    assert {"profile", "toys", "gof", "feldman_cousins", "test", "impacts", "events", "exposures", "models", "posterior"} <= set(skipped)
    assert "energy" not in skipped
    assert skipped["compare_scan"] == "no scan has been compared with an external one; add fits.<name>.scan.compare"


@pytest.mark.parametrize("name", sorted(planned().figures))
def test_every_figure_names_its_origin_and_stays_on_the_page(name: str) -> None:
    drawn = planned().figures[name]()
    assert RESPONSE in words(drawn.figure)
    assert "2635 days" in words(drawn.figure)
    assert "Test" in words(drawn.figure)
    assert not texts_outside(drawn.figure)
    assert drawn.numbers
    for axes in drawn.figure.axes:
        assert axes.lines or axes.collections or axes.patches, "an empty panel"


def test_the_energy_figure_says_what_it_shows() -> None:
    drawn = planned().figures["energy"]()
    main, below = drawn.figure.axes
    assert main.get_ylabel() == "Events per 2635 days"  # 2635.51 days, as the publication counts them
    assert below.get_xlabel() == "Deposited energy [GeV]"
    assert main.get_xlim() == pytest.approx((6e4, 12857343.60672034))
    assert not named(main, "veil")  # the binning starts at the threshold
    data = sum(histogram.sum() for histogram in diffuse_case.hists()["data"].values())
    assert f"Data ({data:.0f})" in legend_words(main)
    assert any(line.startswith(r"$\gamma_\mathrm{astro}$ = $2.87^{+") for line in legend_words(main))
    assert drawn.numbers["counts"].sum() == data


def test_the_prefit_figure_is_at_the_start_values() -> None:
    drawn = planned().figures["energy_prefit"]()
    main, below = drawn.figure.axes
    assert below.get_ylabel() == "Data / prefit"
    assert {"Before the fit", r"$\Phi_\mathrm{astro}$ = 6", r"$\gamma_\mathrm{astro}$ = 2.5"} <= set(legend_words(main))
    assert drawn.numbers["components"]["astro"].sum() == pytest.approx(50.10 + 11.742 + 1.705, rel=3e-3)  # golden check G11 at (6, 2.5)
    assert "total_low" not in drawn.numbers  # a surrogate has no statistical error


def test_post_fit_expectation_is_that_of_the_results() -> None:
    drawn = planned().figures["energy"]()
    assert drawn.numbers["total"].sum() == pytest.approx(sum(diffuse_case.results()["main"].expected["total"].values()), rel=1e-9)
    assert (drawn.numbers["total_high"] > drawn.numbers["total"]).all()


def test_zenith_says_which_topologies_it_shows() -> None:
    drawn = planned().figures["zenith"]()
    assert "Cascades and tracks" in legend_words(drawn.figure.axes[0])
    assert drawn.figure.axes[1].get_xlabel() == "cos(zenith)"


def test_contour_names_the_published_value() -> None:
    drawn = planned().figures["contour"]()
    axes = drawn.figure.axes[0]
    assert axes.get_xlim() == (1.7, 3.8)
    assert "10$^{-18}$ GeV$^{-1}$ cm$^{-2}$ s$^{-1}$ sr$^{-1}$" in axes.get_ylabel()
    assert "Published value, 68 % errors" in legend_words(axes)
    scan = diffuse_case.results()["main.scan"]
    np.testing.assert_array_equal(named(axes, "This fit 0.6827")[0].get_xydata(), scan.contours["0.6827"][0])


def test_an_external_scan_and_points_are_drawn_with_their_paper() -> None:
    scan = diffuse_case.results()["main.scan"]
    external = {"contours": scan.contours, "contour_points": [[2.7, 5.0], [3.0, 8.0]], "source": "somewhere.txt"}
    drawn = planned({**diffuse_case.results(), "main.scan": dataclasses.replace(scan, external=external)}).figures["contour"]()
    words_of_legend = legend_words(drawn.figure.axes[0])
    assert "Scan, somewhere.txt, 68.27 %" in words_of_legend
    assert "Published 68 %, external" in words_of_legend
    assert drawn.numbers["points"][0]["x"].tolist() == [2.7, 3.0]


def test_partial_data_stands_on_every_figure_of_the_fit() -> None:
    for name in ("energy", "contour", "energy_only.energy"):
        figure = planned(fraction=0.83).figures[name]().figure
        assert "Partial data: 83.0 % of data processed, exposures scaled" in words(figure)


def test_a_fit_that_failed_says_so_and_has_no_band() -> None:
    broken = dataclasses.replace(diffuse_case.results()["main"], valid=False, reason="call limit reached")
    todo = planned({"main": broken, "energy_only": broken})
    drawn = todo.figures["energy"]()
    assert "The fit main did not converge: call limit reached" in words(drawn.figure).replace("\n", " ")
    assert "total_low" not in drawn.numbers
    assert todo.skipped["spectrum"] == "the fit main did not converge; the fit energy_only did not converge"


def test_a_missing_fit_and_other_histograms_are_refused() -> None:
    with pytest.raises(InputError, match=r"no result of the fit 'energy_only'; run: python run_fit.py .*config.yaml"):
        planned({"main": diffuse_case.results()["main"]})
    other = dataclasses.replace(diffuse_case.results()["main"], input_digest="0" * 64)
    with pytest.raises(InputError, match="the fit 'main' was made from other histograms than hists.h5 holds now"):
        planned({"main": other, "energy_only": other})


def test_a_catalogue_file_that_cannot_be_had_is_left_out_with_its_reason(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path))
    todo = planned(compare_spectrum="hese/icecube_segmentedfit_hese.json")
    assert "github.com/KM3NeT" in todo.skipped["spectrum: published segments"]  # where to get it by hand
    assert [one["label"] for one in todo.figures["spectrum"]().numbers["segments"]] == ["This fit, segments"]


def test_a_file_of_the_user_s_own_must_be_there() -> None:
    with pytest.raises(InputError, match=r"no_such_file.json: no such file; looked for"):
        planned(compare_spectrum="no_such_file.json")


def test_a_contour_without_its_published_scan_says_why() -> None:
    scan = dataclasses.replace(diffuse_case.results()["main.scan"], not_compared=["hese/astro_scan_data.txt: no network"])
    todo = planned({**diffuse_case.results(), "main.scan": scan})
    assert todo.skipped["main: published contour"] == "hese/astro_scan_data.txt: no network"
    assert "contour" in todo.figures


@pytest.mark.public_data
def test_published_segments_are_drawn_from_the_data_directory(public_data) -> None:
    todo = planned(compare_spectrum="hese/icecube_segmentedfit_hese.json")
    drawn = todo.figures["spectrum"]()
    assert "Published segments, Phys. Rev. D 104, 022002 (2021)" in legend_words(drawn.figure.axes[0])
    assert len(drawn.numbers["segments"][0]["e2_flux"]) == 7


def test_pulls_are_in_units_of_the_prior() -> None:
    parameter = diffuse_case.results()["main"].parameters["atmos_norm"]
    numbers = planned().figures["pulls"]().numbers
    assert numbers["pull"][0] == pytest.approx((parameter.value - 1.0) / 0.4)
    assert numbers["error_over_prior_sigma"][0] == pytest.approx(parameter.error / 0.4)


def test_toy_pulls_reproduce_the_stated_mean_and_width() -> None:
    toys = diffuse_case.results()["main.toys"]
    for name in toys.pull_mean:
        pulls = pulls_of(toys, name)
        assert np.nanmean(pulls) == pytest.approx(toys.pull_mean[name], abs=1e-9)
        assert np.nanstd(pulls, ddof=1) == pytest.approx(toys.pull_width[name], rel=0.06)


def test_the_width_of_a_prior_where_the_fit_ended() -> None:
    from fits.priors import Asymmetric, Flat, Gaussian, LogNormal, prior_sigma

    assert prior_sigma(Gaussian(1.0, 0.4), 2.0) == 0.4
    assert prior_sigma(LogNormal(1.0, 0.1), 2.0) == pytest.approx(0.2)
    assert [prior_sigma(Asymmetric(1.0, 0.1, 0.3), value) for value in (0.9, 1.1)] == [0.1, 0.3]
    assert np.isnan(prior_sigma(Flat(0.0, 1.0), 0.5))


def test_bins_below_the_selection_are_veiled() -> None:
    views = fit_views(diffuse_case.config(), diffuse_case.hists(), diffuse_case.account(), diffuse_case.results())
    from plotting import diffuse_projections

    raised = views[0].config.model_copy(
        update={
            "processor": views[0].config.processor.model_copy(
                update={"selection": views[0].config.processor.selection.model_copy(update={"edep_min_gev": 1e5})}
            )
        }
    )
    drawn = diffuse_projections.energy(dataclasses.replace(views[0], config=raised))["energy"]()
    assert named(drawn.figure.axes[0], "threshold")[0].get_xdata()[0] == 1e5


def test_the_impacts_are_in_units_of_the_error_and_beside_their_pulls() -> None:
    drawn = planned().figures["impacts_astro_norm"]()
    result = diffuse_case.results()["main.impacts"]
    assert drawn.numbers["shift_up"].tolist() == [result.impacts["atmos_norm"].shift_up["astro_norm"]]
    (bar,) = [container[0] for container in drawn.figure.axes[1].containers if container.get_label() == r"$+1\,\sigma$"]
    assert bar.get_width() == pytest.approx(drawn.numbers["shift_up"][0] / diffuse_case.results()["main"].parameters["astro_norm"].error)
    assert drawn.numbers["pull"].tolist() == [diffuse_case.results()["main"].parameters["atmos_norm"].pull]


def test_the_events_are_ordered_by_their_deposited_energies() -> None:
    drawn = planned().figures["events"]()
    result = diffuse_case.results()["main.events"]
    assert (np.diff(drawn.numbers["deposited_gev"]) >= 0).all()
    assert sorted(drawn.numbers["median_gev"]) == sorted(result.true_energy_gev["0.5"])
    assert legend_words(drawn.figure.axes[0])[:1] == ["Cascades"]


def test_data_below_the_selection_stand_behind_a_veil() -> None:
    """Open points to the left of the dashed line at 60 TeV, in no sum and no ratio."""
    counts = np.array([[0, 1, 3], [2, 0, 1], [0, 0, 1]])
    lower = hist.axis.Variable([1.5e4, 2.5e4, 4e4, 6e4], name="reco_energy", overflow=False)
    below = hist.Hist(hist.axis.StrCategory(["cascade", "track", "dcascade"], name="topology", overflow=False), lower, storage=hist.storage.Int64())
    below.view(flow=True)[:, 1:] = counts
    hists = {name: dict(found) for name, found in diffuse_case.hists().items()}
    hists["data"]["below_selection"] = below
    figures = plan(diffuse_case.config(), hists, diffuse_case.account(), diffuse_case.results()).figures
    drawn = figures["energy"]()
    axes = drawn.figure.axes[0]
    (points,) = named(axes, "below")
    np.testing.assert_allclose(points.get_ydata(), [2.0, 1.0, 5.0])
    assert (np.asarray(points.get_xdata()) < 6e4).all()
    assert axes.get_xlim()[0] == pytest.approx(1.5e4)
    (veil,), (line,) = named(axes, "veil"), named(axes, "threshold")
    assert line.get_xdata()[0] == 6e4
    assert (veil.get_x(), veil.get_x() + veil.get_width()) == (pytest.approx(1.5e4), pytest.approx(6e4))
    assert "Not fitted (8)" in legend_words(axes)
    assert drawn.numbers["below_counts"].tolist() == [2.0, 1.0, 5.0]
    assert len(drawn.numbers["counts"]) == len(planned().figures["energy"]().numbers["counts"])
    panels = figures["energy_by_topology"]().numbers["panels"]
    assert [one["below_counts"].tolist() for one in panels] == counts.tolist()
    assert not named(figures["zenith"]().figure.axes[0], "below")
    below.reset()
    without = plan(diffuse_case.config(), hists, diffuse_case.account(), diffuse_case.results()).figures["energy"]()
    assert without.figure.axes[0].get_xlim()[0] == pytest.approx(6e4)  # nothing there: no empty room


def test_predicted_counts_stand_behind_the_data() -> None:
    """Bands end half a count beyond the intervals; bins without events are open points at the foot."""
    drawn = planned().figures["predictive_energy"]()
    result = diffuse_case.results()["main.predictive"].projections["energy"]
    axes = drawn.figure.axes[0]
    (wide,), (open_points,) = named(axes, "Counts, 95 %"), named(axes, "empty")
    np.testing.assert_allclose(wide.get_data().values, np.array(result.counts_95_high) + 0.5)
    np.testing.assert_allclose(wide.get_data().baseline, np.maximum(np.array(result.counts_95_low) - 0.5, 0.0))
    assert len(open_points.get_xdata()) == sum(count == 0 for count in result.observed)
    assert sum(drawn.numbers["observed"]) == sum(diffuse_case.hists()["data"][f"data_{name}"].sum() for name in ("cascade", "track", "dcascade"))
    assert legend_words(axes)[:2] == ["Posterior predictive", f"p = {result.p_value:.2f}"]
    panels = planned().figures["predictive_zenith_by_topology"]().numbers["panels"]
    assert [one["title"] for one in panels] == ["Cascades", "Tracks"]


def test_the_corner_has_a_panel_for_every_pair() -> None:
    drawn = planned().figures["posterior"]()
    assert len(drawn.figure.axes) == 6
    result = diffuse_case.results()["main.posterior"]
    assert sum(drawn.numbers["counts"][0]) == pytest.approx(len(result.samples["astro_norm"]), rel=0.01)


def _without_minos() -> dict:
    """The results of a fit with ``minos: []``."""
    results = dict(diffuse_case.results())
    study = results["main.exposures"]
    exposures = [
        dataclasses.replace(one, parameters={name: dataclasses.replace(value, minos=None) for name, value in one.parameters.items()})
        for one in study.exposures
    ]
    return {**results, "main.exposures": dataclasses.replace(study, exposures=exposures)}


def test_longer_exposures_and_models_show_what_the_results_say() -> None:
    figures = planned().figures
    errors = figures["exposures"]().numbers
    assert errors["livetime_years"][1] == pytest.approx(10.0 * errors["livetime_years"][0])
    assert all(values[1] < 0.4 * values[0] for values in errors["relative_error"].values())
    figure = planned(_without_minos()).figures["exposures"]()
    assert len(figure.numbers["relative_error"]) == 3  # every free parameter, with the error of the Hessian
    models = figures["models"]().numbers
    assert models["models"] == ["log-parabola", "power law with cut-off"]
    compared = diffuse_case.results()["main.models"].models
    assert models["ts"].tolist() == [compared[name].ts for name in ("log_parabola", "cutoff")]


def test_the_segments_of_a_fit_stand_beside_its_band() -> None:
    drawn = planned().figures["spectrum"]()
    (ours,) = drawn.numbers["segments"]
    result = diffuse_case.results()["main.segments"]
    assert ours["e2_flux"].tolist() == result.e2_flux
    assert ours["e2_flux_high"].tolist() == result.high
    assert "This fit, segments" in legend_words(drawn.figure.axes[0])
    assert planned().figures["energy_only.spectrum"]().numbers["segments"] == []


def test_the_triangle_holds_the_best_composition_and_three_sources() -> None:
    drawn = planned().figures["flavour"]()
    result = diffuse_case.results()["main.flavour"]
    assert drawn.numbers["best"] == result.best
    assert set(drawn.numbers["points"]) == {"Pion decay", "Damped muons", "Neutron decay"}
    assert named(drawn.figure.axes[0], "best")
