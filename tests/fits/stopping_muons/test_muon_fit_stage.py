"""The stage of fits on histograms filled from the generator: fluxes agree with the truth, failures leave the rest, stored results are right."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from muon_hists import configuration, run_hists

from configs.errors import InputError
from fits.stopping_muons.flux import true_flux, with_data_based
from fits.stopping_muons.fluxes import truth_of
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.stage import fit_all
from fits.stopping_muons.targets import ENERGY, RANGE
from records.arrays import load_arrays
from records.failed_fit import FailedFit
from records.flux_table import write_flux
from records.results import encode_result, load_results, save_results
from records.stopping_muons import CHAINS

STRONG = {"reg_range": 1e-4, "reg_energy": 3e-4}
ICE = {"nuisances": {"ice_abs": {}}}
CHAINED = {"sample": True, "max_extend": 4}
SHORT = {"n_used_steps": 1200, "n_burn_steps": 600}  # about 50 autocorrelation times; extended where that is too few
RANGE_ONLY = {"unfold_energy": False}
NO_ENERGY = {"calculate_effective_area_energy": False}


def fitted(folder: Path, **sections):
    hists, account = run_hists()
    return fit_all(configuration(folder, hists, **sections), hists, account)


def write_truth(output: Path, **flux: float) -> Path:
    """What the generator leaves beside its data."""
    path = output / "example" / "data_l2" / "truth.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**flux, "a_gev_per_m": 0.24, "b_per_m": 3.3e-4}), encoding="utf-8")
    return path


def pull_chi2(flux, truth) -> float:
    covariance = np.sum([np.array(one) for one in flux.covariances.values()], axis=0) + np.diag(np.array(truth.error) ** 2)
    difference = np.array(flux.flux) - truth.flux
    return float(difference @ np.linalg.solve(covariance, difference))


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("complete")
    write_truth(folder / "run", norm=1.0, delta_gamma=0.0)
    unfolding = {**STRONG, **SHORT, "is_sim": False, "range_fit": True, "energy_fit": True, "evaluate_unfolding_range": True}
    return folder / "run", fitted(folder, unfolding=unfolding, options={**ICE, **CHAINED})


def test_fluxes_agree_with_the_truth(complete) -> None:
    """10 bins, generated data: chi-square below 25 (0.5 % of trials are above) with the full covariance, by chains and by the minimum."""
    _, results = complete
    for target in ("range", "energy"):
        for method in ("map", "mcmc"):
            assert pull_chi2(results[f"flux.{target}.{method}"], results[f"truth.{target}"]) < 25.2
        relative = np.array(results[f"flux.{target}"].flux) / results[f"truth.{target}"].flux
        assert np.max(np.abs(relative[:4] - 1)) < 0.2


def test_theory_is_the_truth_in_energy(complete) -> None:
    """The default theory is what the muons were drawn from."""
    _, results = complete
    truth, theory = results["truth.energy"], results["theory.energy"]
    assert np.max(np.abs(np.array(truth.flux) - theory.flux) / truth.error) < 4


def test_parameters_of_the_fluxes(complete) -> None:
    """Within four errors of the truth; direct and forward fit within one of each other; b below that of the losses."""
    _, results = complete
    direct, forward = results["energy_fit"], results["energy_fit.forward"]
    for name, truth in (("norm", 1.0), ("delta_gamma", 0.0)):
        one, other = direct.parameters[name], forward.parameters[name]
        assert abs(one.value - truth) < 4 * one.error
        assert abs(one.value - other.value) < max(one.error, other.error)
    assert results["range_fit"].valid
    assert abs(results["range_fit"].parameters["a"].value - 0.24) < 4 * results["range_fit"].parameters["a"].error


def test_flux_is_events_over_exposure(complete) -> None:
    _, results = complete
    area, events, flux = (results[name] for name in ("effective_area.range", "unfolded.range.mcmc", "flux.range"))
    exposure = np.array(area.area_m2) * 2.0 * 2 * np.pi * 0.9 * np.diff(area.edges)
    assert np.allclose(flux.flux, np.array(events.f) / exposure, rtol=1e-12)
    assert flux.method == "mcmc"
    assert flux.livetime_s == 2.0


def test_covariance_by_source(complete) -> None:
    """Sources of the fit add up to its covariance; the area's is relative to the flux; each is symmetric."""
    _, results = complete
    for name in ("map", "mcmc"):
        spectrum, flux = results[f"unfolded.range.{name}"], results[f"flux.range.{name}"]
        assert set(spectrum.sources) == {"statistical", "simulation", "nuisances"}
        total = np.sum([np.array(one) for one in spectrum.sources.values()], axis=0)
        assert np.allclose(np.diag(total), np.diag(np.array(spectrum.covariance)), rtol=1e-6)
        area = np.array(results["effective_area.range"].covariance)
        assert np.allclose(flux.covariances["area"], np.outer(flux.flux, flux.flux) * area)
        assert "area_systematic" not in flux.covariances  # ice_abs is a nuisance
        for one in flux.covariances.values():
            assert np.allclose(one, np.array(one).T)


def test_other_methods_are_beside_the_result(complete) -> None:
    """In the first bins, which all of them know, within 25 % of the main one."""
    _, results = complete
    for name in ("ibu", "tsvd", "map"):
        assert np.max(np.abs(np.array(results[f"flux.range.{name}"].flux[:6]) / results["flux.range"].flux[:6] - 1)) < 0.25
    assert set(results["flux.range.ibu"].covariances) == {"statistical", "area"}


def test_closure_of_the_three_modes(complete) -> None:
    _, results = complete
    for mode in ("response", "independent", "bootstrap"):
        found = results[f"closure.range.{mode}"]
        assert found.n_valid == 20
        assert found.settings.mc_stat == ("none" if mode == "response" else "say")
    assert np.mean(results["closure.range.response"].coverage) > 0.55
    assert "closure.energy.response" not in results


def test_results_come_back_from_the_file(complete, tmp_path: Path) -> None:
    _, results = complete
    save_results(tmp_path / "results.json", "stopping_muons", "run", results)
    back = load_results(tmp_path / "results.json")
    assert list(back) == list(results)
    assert back["flux.range"].flux == results["flux.range"].flux
    assert back["unfolded.energy.mcmc"].convergence == results["unfolded.energy.mcmc"].convergence


def test_chains_are_kept(complete) -> None:
    output, results = complete
    arrays = load_arrays(output / CHAINS, "range")
    assert arrays["names"][-1] == "ice_abs"
    steps, walkers, parameters = arrays["chain"].shape
    assert (walkers, parameters) == (100, 13)
    assert steps > 100
    medians = np.median(np.exp(arrays["chain"].reshape(-1, 13)[:, 1:11]), axis=0)
    assert np.allclose(medians, results["unfolded.range.mcmc"].f, rtol=0.02)


def test_flux_table(complete) -> None:
    """Edges, flux, errors by source, total, and the correlation beneath; numbers as in the results."""
    output, results = complete
    flux = results["flux.energy"]
    lines = (output / "flux_energy.csv").read_text(encoding="utf-8").splitlines()
    table, matrix = lines[1:12], lines[13:]
    assert "GeV^-1 m^-2 s^-1 sr^-1" in lines[0]
    rows = list(csv.DictReader(table))
    assert [float(row["flux"]) for row in rows] == flux.flux
    assert [float(row["lower_edge"]) for row in rows] == flux.edges[:-1]
    total = np.sum([np.array(one) for one in flux.covariances.values()], axis=0)
    assert np.allclose([float(row["total_error"]) for row in rows], np.sqrt(np.diag(total)))
    parts = [np.array([float(row[name]) for row in rows]) ** 2 for name in ("stat_error", "mc_error", "effective_area_error", "syst_error")]
    assert np.allclose(np.sum(parts, axis=0), np.diag(total))
    correlation = np.array([[float(value) for value in line.split(",")] for line in matrix])
    assert np.allclose(np.diag(correlation), 1.0)
    assert np.allclose(correlation * np.sqrt(np.outer(np.diag(total), np.diag(total))), total)


def test_data_based_source_goes_into_the_systematic_error(complete, tmp_path: Path) -> None:
    _, results = complete
    flux = with_data_based(results["flux.range.map"], 0.1 * np.array(results["flux.range.map"].flux))
    write_flux(tmp_path / "flux.csv", flux)
    row = next(csv.DictReader((tmp_path / "flux.csv").read_text(encoding="utf-8").splitlines()[1:]))
    assert float(row["syst_error"]) > 0.1 * float(row["flux"])


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    found = fitted(tmp_path, unfolding={**STRONG, **RANGE_ONLY}, effective_area=NO_ENERGY)
    assert not [name for name in found if "energy" in name]
    assert found["flux.range"].method == "map"
    assert (tmp_path / "run" / "flux_range.csv").is_file()
    assert not (tmp_path / "run" / "flux_energy.csv").exists()


def test_without_effective_area_there_are_events_and_no_flux(tmp_path: Path) -> None:
    areas = {"calculate_effective_area_range": False, "calculate_effective_area_energy": False}
    found = fitted(tmp_path, unfolding={**STRONG, **RANGE_ONLY}, effective_area=areas)
    assert "unfolded.range.map" in found
    assert not [name for name in found if name.startswith("flux")]


def test_chains_that_do_not_converge_leave_the_rest(tmp_path: Path) -> None:
    """Chapter 9: no result of them, the numbers and the cure in the reason; minimum and cross-checks stay; no table of a flux."""
    unfolding = {**STRONG, **RANGE_ONLY, "n_used_steps": 20, "n_burn_steps": 0, "range_fit": True}
    found = fitted(tmp_path, unfolding=unfolding, options={"sample": True, "max_extend": 1}, effective_area=NO_ENERGY)
    failed = found["unfolded.range.mcmc"]
    assert isinstance(failed, FailedFit)
    assert "not converged" in failed.reason
    assert "autocorrelation times" in failed.reason
    assert {"unfolded.range.map", "flux.range.map", "flux.range.ibu"} <= set(found)
    assert "flux.range" not in found
    assert isinstance(found["range_fit"], FailedFit)
    assert not (tmp_path / "run" / "flux_range.csv").exists()


def test_auto_strength_is_allowed_and_recorded(tmp_path: Path) -> None:
    unfolding = {**RANGE_ONLY, "reg_range": "auto", "reg_min": 1e-5, "reg_max": 1e-2, "n_steps": 7}
    found = fitted(tmp_path, unfolding=unfolding, options={"scan_toys": 30}, effective_area=NO_ENERGY)
    scan = found["scan.range"]
    assert scan.allowed[scan.tau.index(scan.chosen)]
    assert found["unfolded.range.map"].settings.tau == [scan.chosen] * 10
    assert set(scan.coverage) == {"reference", "softer", "harder"}


def test_no_strength_is_a_failure_with_the_table(tmp_path: Path) -> None:
    unfolding = {**RANGE_ONLY, "reg_range": "auto", "reg_min": 1e-9, "reg_max": 1e-8, "n_steps": 3}
    found = fitted(tmp_path, unfolding=unfolding, options={"scan_toys": 20, "sample": True}, effective_area=NO_ENERGY)
    assert "no tau covers the truth" in found["unfolded.range.map"].reason
    assert "bias/sigma" in found["unfolded.range.map"].reason
    assert found["scan.range"].reason
    assert "flux.range" not in found


def test_a_scan_beside_a_given_strength(tmp_path: Path) -> None:
    unfolding = {**RANGE_ONLY, "reg_range": [1e-4] * 10, "optimize_unfolding_range": True, "n_steps": 3}
    found = fitted(tmp_path, unfolding=unfolding, effective_area=NO_ENERGY)
    assert found["unfolded.range.map"].settings.tau == [1e-4] * 10
    assert len(found["scan.range"].tau) == 3


def test_no_prior_and_minuit(tmp_path: Path) -> None:
    unfolding = {**RANGE_ONLY, "reg_range": None}
    newton = fitted(tmp_path, unfolding=unfolding, effective_area=NO_ENERGY)["unfolded.range.map"]
    minuit = fitted(tmp_path, unfolding=unfolding, options={"solver": "minuit"}, effective_area=NO_ENERGY)["unfolded.range.map"]
    assert newton.settings.tau is None
    error = np.sqrt(np.diag(np.array(newton.covariance)))
    assert np.max(np.abs(np.array(newton.f) - minuit.f) / error) < 0.05


# -- what is stored ---------------------------------------------------------------------------------------------------------------------------------

LOADED = {"load_unfolding_range_results": True}


def test_stored_results_are_taken_where_nothing_changed(tmp_path: Path) -> None:
    """They are what stands in the file: an entry that was altered there comes back altered."""
    unfolding = {**STRONG, **RANGE_ONLY}
    first = fitted(tmp_path, unfolding=unfolding, effective_area=NO_ENERGY)
    path = tmp_path / "run" / "stored" / "unfolding.range.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["results"]["unfolded.range.map"]["n_observed"] = -1.0
    path.write_text(json.dumps(content), encoding="utf-8")
    again = fitted(tmp_path, unfolding={**unfolding, **LOADED}, effective_area={**NO_ENERGY, "load_effective_area_range": True})
    assert again["unfolded.range.map"].n_observed == -1.0
    assert encode_result(again["flux.range"]) == encode_result(first["flux.range"])
    assert fitted(tmp_path, unfolding=unfolding, effective_area=NO_ENERGY)["unfolded.range.map"].n_observed > 0


def test_changed_seed_is_not_reused(tmp_path: Path) -> None:
    """Chapter 9: the reference took stale results."""
    first = fitted(tmp_path, unfolding={**STRONG, **RANGE_ONLY}, effective_area=NO_ENERGY)
    second = fitted(tmp_path, unfolding={**STRONG, **RANGE_ONLY, **LOADED}, effective_area=NO_ENERGY, general={"seed": 43})
    assert second["unfolded.range.map"].f != first["unfolded.range.map"].f


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"general": {"seed": 43}}, "seed"),
        ({"unfolding": {"reg_range": 1e-3}}, "unfolding.reg_range"),
        ({"options": {"mc_stat": "none"}}, "options.mc_stat"),
    ],
    ids=["seed", "strength", "statistic"],
)
def test_nothing_stored_that_matches_and_nothing_to_compute(tmp_path: Path, changed: dict, named: str) -> None:
    fitted(tmp_path, unfolding={**STRONG, **RANGE_ONLY}, effective_area=NO_ENERGY)
    unfolding = {**STRONG, **RANGE_ONLY, **LOADED, "unfold_range": False, **changed.get("unfolding", {})}
    with pytest.raises(
        InputError, match=rf"load_unfolding_range_results asks for what is stored, but changed since: {named}; set unfold_range: true"
    ):
        fitted(tmp_path, effective_area=NO_ENERGY, **{**changed, "unfolding": unfolding})


def test_nothing_stored_at_all(tmp_path: Path) -> None:
    areas = {**NO_ENERGY, "calculate_effective_area_range": False, "load_effective_area_range": True}
    with pytest.raises(
        InputError, match="load_effective_area_range asks for what is stored, but nothing is stored; set calculate_effective_area_range"
    ):
        fitted(tmp_path, unfolding={**STRONG, **RANGE_ONLY}, effective_area=areas)


def test_other_histograms_are_named(tmp_path: Path) -> None:
    hists, account = run_hists()
    first = configuration(tmp_path, hists, unfolding={**STRONG, **RANGE_ONLY}, effective_area=NO_ENERGY)
    fit_all(first, hists, account)
    more = {name: dict(one) for name, one in hists.items()}
    more["mc_l2"]["response_range"] = more["mc_l2"]["response_range"] * 1.01
    second = configuration(tmp_path, hists, unfolding={**STRONG, **RANGE_ONLY, **LOADED, "unfold_range": False}, effective_area=NO_ENERGY)
    with pytest.raises(InputError, match="changed since: histograms of mc_l2; set"):
        fit_all(second, more, account)


# -- truth ------------------------------------------------------------------------------------------------------------------------------------------


def test_truth_of_generated_data(tmp_path: Path) -> None:
    """norm and index are those of the file beside the data, a tilt interpolated from three spectra."""
    hists, account = run_hists()
    config = configuration(tmp_path, hists, unfolding={"is_sim": False})
    found = Inputs(config, hists, account)
    assert truth_of(found) is None  # the file is not there
    path = write_truth(config.output, norm=1.2, delta_gamma=0.05)
    values = truth_of(found)
    assert values == {"norm": 1.2, "delta_gamma": 0.05, "a": 0.24, "b": 3.3e-4}
    plain, tilted = true_flux(found, ENERGY, {"norm": 1.0, "delta_gamma": 0.0}), true_flux(found, ENERGY, values)
    centre = np.sqrt(np.array(plain.edges[1:]) * plain.edges[:-1]) / 1e3
    assert np.allclose(np.array(tilted.flux) / plain.flux, 1.2 * centre**-0.05, rtol=2e-3)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="not the truth of generated data"):
        truth_of(found)


def test_truth_of_ranges_is_the_simulated_one(tmp_path: Path) -> None:
    hists, account = run_hists()
    found = Inputs(configuration(tmp_path, hists), hists, account)
    values = true_flux(found, RANGE, {"norm": 1.0, "delta_gamma": 0.0})
    rate = hists["mc_l0"]["aeff_den_range"].values()[0]
    assert np.allclose(values.flux, rate / np.diff(values.edges) / (2 * np.pi * 0.9))
