"""What a reader of the numbers relies on: folded spectra, degrees of freedom behind chi-square, nuisances of theory, areas, sectors, limits."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from muon_hists import configuration, run_hists

from fits.stopping_muons.effective_area import effective_area
from fits.stopping_muons.flux import flux
from fits.stopping_muons.fluxes import disagreements, in_range, theory_of
from fits.stopping_muons.forward_fit import forward_fit
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import measurement
from fits.stopping_muons.parts import area_part
from fits.stopping_muons.sector_fluxes import sector_fluxes
from fits.stopping_muons.stage import fit_all
from fits.stopping_muons.targets import ENERGY, RANGE
from fits.stopping_muons.unfold import response_summary, with_sources
from fits.unfolding.flux import Exposure
from processors.stopping_muons_preparation import Preparation
from records.flux_table import write_flux

ICE = {"nuisances": {"ice_abs": {}}}
QUICK = {"is_sim": False, "reg_range": 1e-4, "reg_energy": 3e-4}


def inputs(folder: Path, **sections) -> Inputs:
    hists, account = run_hists()
    return Inputs(configuration(folder, hists, **sections), hists, account)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory):
    """Both targets with fits to their fluxes: by default, and with the theory's nuisances and a power law."""
    hists, account = run_hists()
    wide = {"range_fit_norm_error": 0.1, "range_fit_delta_gamma_error": 0.05, "energy_fit_form": "power_law"}
    unfolding = {**QUICK, "range_fit": True, "energy_fit": True}
    return [
        fit_all(configuration(tmp_path_factory.mktemp("fits"), hists, unfolding=unfolding, options=options), hists, account) for options in ({}, wide)
    ]


@pytest.mark.parametrize("target", ["range", "energy"])
def test_expected_counts_are_those_of_the_spectrum_folded(fitted, target: str) -> None:
    """Flow bins count; chi-square per bin of the counts is small, for the spectrum is fitted to them."""
    response, spectrum = fitted[0][f"response.{target}"], fitted[0][f"unfolded.{target}.map"]
    f = [spectrum.underflow[0], *spectrum.f, spectrum.overflow[0]]
    assert response.folded
    assert response.expected == pytest.approx(np.array(response.matrix) @ f, rel=1e-6)
    assert np.sum(response.expected) == pytest.approx(spectrum.n_observed, rel=0.02)


def test_nuisances_and_failed_fits_in_expected_counts(tmp_path: Path) -> None:
    found = measurement(inputs(tmp_path, options=ICE), RANGE)
    best = found.problem.replace(tau=1e-4).map()
    assert response_summary(found, best).expected == best.expected.tolist()
    assert np.max(np.abs(best.expected / (found.problem.A @ best.f) - 1)) > 1e-6  # the nuisance has moved
    for nothing in (None, replace(best, valid=False)):
        assert response_summary(found, nothing).expected == found.problem.W.sum(axis=1).tolist()
        assert not response_summary(found, nothing).folded


def test_chi_square_comes_with_what_the_prior_left_of_the_bins(fitted) -> None:
    """Trace of data over data and prior, of ten bins in range; without a prior all ten and no word."""
    for target in ("range", "energy"):
        n_eff = in_range(fitted[0][f"unfolded.{target}.map"])
        assert 1.0 < n_eff < 9.5
        assert any(f"leaves {n_eff:.1f} of 10 bins" in note for note in fitted[0][f"{target}_fit"].notes)


def test_n_eff_in_range_without_prior_is_the_number_of_bins(tmp_path: Path) -> None:
    problem = measurement(inputs(tmp_path), RANGE).problem.replace(tau=None)
    assert in_range(with_sources(problem, problem.map(), [])) == pytest.approx(10.0, abs=1e-6)


def test_nuisances_of_the_theory_widen_a_and_b(fitted) -> None:
    plain, wide = (results["range_fit"] for results in fitted)
    assert set(plain.parameters) == {"a", "b"}
    assert set(wide.parameters) == {"a", "b", "norm", "delta_gamma"}
    assert wide.parameters["norm"].prior == "normal 1 +- 0.1"
    assert wide.parameters["delta_gamma"].prior == "normal 0 +- 0.05"
    assert all(wide.parameters[name].error > 1.05 * plain.parameters[name].error for name in ("a", "b"))


def test_power_law_of_the_configuration(fitted) -> None:
    """Gaisser's flux between 0.5 and 12 TeV falls with an index near 3.5."""
    found = fitted[1]["energy_fit"]
    assert list(found.parameters) == ["phi0", "gamma"]
    assert 3.2 < found.parameters["gamma"].value < 3.9
    assert set(fitted[1]["energy_fit.forward"].parameters) >= {"norm", "delta_gamma"}


def test_fits_to_flux_and_counts_that_disagree_say_so(fitted) -> None:
    direct, forward = fitted[0]["energy_fit"], fitted[0]["energy_fit.forward"]
    assert disagreements(direct, forward) == []
    norm = forward.parameters["norm"]
    far = replace(forward, parameters={**forward.parameters, "norm": replace(norm, value=norm.value - 2.5 * norm.error)})
    assert [note[:40] for note in disagreements(direct, far)] == ["norm differs from the fit to the counts "]
    assert disagreements(direct, replace(far, valid=False)) == []


def test_renormalised_columns_leave_the_efficiency_to_the_area(tmp_path: Path) -> None:
    """Option compat: the response has lost the change of efficiency, so that the area's error must have it; stored areas know."""
    both = [inputs(tmp_path, options={**ICE, "compat": compat}) for compat in (None, "funfolding")]
    assert [list(effective_area(one, RANGE).systematic) for one in both] == [[], ["ice_abs"]]
    assert len({area_part(one, RANGE).key for one in both}) == 2


def test_few_replicas_are_no_covariance(tmp_path: Path) -> None:
    """Below 20 of them the analytic errors are taken: three replicas in ten bins have no inverse and errors wrong by 40 %."""
    hists, account = run_hists(replicas=3)
    found = effective_area(Inputs(configuration(tmp_path, hists), hists, account), RANGE)
    assert len(found.bootstrap_m2) == 10  # shown all the same
    assert np.array(found.covariance) == pytest.approx(np.diag((np.array(found.error_m2) / found.area_m2) ** 2))
    assert np.count_nonzero(effective_area(inputs(tmp_path), RANGE).covariance) == 100


def test_more_pseudo_data_than_the_test_sample_is_worth_are_said_to_be(tmp_path: Path) -> None:
    for seconds, notes in ((0.5, 1), (50.0, 2)):
        found = measurement(inputs(tmp_path, options={"pseudo_livetime_s": seconds}), RANGE)
        assert len(found.notes) == notes
    assert found.notes[1].startswith("there are more counts than that")


def test_bins_that_a_sector_does_not_see_are_named(tmp_path: Path) -> None:
    """The lower half of the detector is 1950 m deep at least: the first bin of length is left out, with a note, and has no spread."""
    found = inputs(tmp_path, unfolding=QUICK, systematics={"data_based_systematics_range": True})
    Preparation("0", {}, {}, {}, {"stop_z_reco": np.zeros(1)}, 1, 0, 2890.0, (1.0, 1.0), {}).save(found.config.output)
    area = effective_area(found, RANGE)
    problem = measurement(found, RANGE).problem.replace(tau=1e-4)
    spectrum = with_sources(problem, problem.map(), [])
    compared = sector_fluxes(found, RANGE, area, spectrum, flux(found, RANGE, spectrum, area, found.livetime_s))
    assert compared.notes[0].startswith("sector lower does not see 1600 to 1826.09 m")
    assert np.isnan(compared.flux["lower"][0])
    assert compared.systematic[0] == 0.0
    assert np.isfinite(compared.flux["lower"][3])


def test_limits_of_unconstrained_bins_become_limits_of_the_flux(tmp_path: Path) -> None:
    """Counts without the last energies: their bins have 90 % limits, events over the same exposure as the others, and no fit uses them."""
    found = inputs(tmp_path, unfolding=QUICK)
    measured = measurement(found, ENERGY)
    truth = measured.problem.f_reference.copy()
    truth[-4:] = 0.0
    problem = measured.problem.replace(g=np.round(measured.problem.A @ truth), tau=None)
    spectrum = with_sources(problem, problem.map(), [])
    unconstrained = np.array(spectrum.unconstrained)
    assert unconstrained[-1]
    assert not unconstrained[:4].any()
    area = effective_area(found, ENERGY)
    record = flux(found, ENERGY, spectrum, area, found.livetime_s)
    assert np.array_equal(np.isfinite(record.upper_limit), unconstrained)
    per_event = np.array(record.flux[:4]) / spectrum.f[:4] * np.array(area.area_m2[:4]) * np.diff(area.edges)[:4]
    last = record.upper_limit[-1] / spectrum.upper_limit[-1] * area.area_m2[-1] * np.diff(area.edges)[-1]
    assert per_event == pytest.approx(np.full(4, last))
    assert spectrum.upper_limit[-1] < 100
    write_flux(tmp_path / "flux.csv", record)
    rows = list(csv.DictReader((tmp_path / "flux.csv").read_text(encoding="utf-8").splitlines()[1:12]))
    assert [float(row["upper_limit_90"]) for row in rows] == pytest.approx(record.upper_limit, nan_ok=True)
    assert [np.isnan(float(row["flux"])) for row in rows] == unconstrained.tolist()
    assert np.isnan(float(rows[-1]["total_error"]))


def test_flow_bins_without_events_are_no_parameters_of_the_forward_fit(tmp_path: Path) -> None:
    """The last proxy bins without counts: nothing tells how many muons lie above the range, and no number with a huge error is quoted."""
    found = inputs(tmp_path, unfolding=QUICK)
    problem = measurement(found, ENERGY).problem
    truth = problem.f_reference.copy()
    area = effective_area(found, ENERGY)
    exposure = Exposure(np.array(area.area_m2), np.diff(area.edges), found.livetime_s, 2 * np.pi * 0.9)
    theory = theory_of(found)
    for overflow, there in ((0.0, False), (50.0 * truth[-1], True)):
        counts = np.round(problem.A[:, :-1] @ truth[:-1] + problem.A[:, -1] * overflow)
        fit = forward_fit(problem.replace(g=counts, mc_stat="none"), exposure, theory)
        assert fit.valid
        assert ("overflow" in fit.parameters) == there
        assert any("do not constrain the bin overflow" in note for note in fit.notes) != there
        assert "underflow" in fit.parameters
