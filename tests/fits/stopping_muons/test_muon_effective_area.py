"""Effective area: published values of the toy (G17), errors against a sum over events and against the bootstrap (G24), detector parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from muon_hists import EDGES, LABELS, configuration, generated, run_hists, simulated

from configs.errors import InputError
from fits.stopping_muons.effective_area import effective_area, ratio_of_same, relative_covariances, systematic_shifts
from fits.stopping_muons.inputs import Cells, Inputs
from fits.stopping_muons.targets import ENERGY, RANGE, TARGETS
from simulation.stopping_muons import GENERATION

# Specification G17: score > 0.7, default bins, in 1e4 m^2, with statistical errors of 12 M muons in per cent.
G17 = {
    "energy": ([6.87, 9.95, 9.55, 8.65, 7.78, 6.93, 6.28, 5.78, 5.39, 4.70], [0.4, 0.4, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.6, 3.5]),
    "range": ([5.05, 9.48, 12.93, 14.41, 12.28, 10.40, 8.72, 7.48, 6.36, 5.28], [0.6, 0.5, 0.5, 0.5, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2]),
}


def inputs(folder: Path, sizes: dict | None = None, **sections) -> Inputs:
    hists, account = run_hists(**(sizes or {}))
    return Inputs(configuration(folder, hists, **sections), hists, account)


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_g17_published_areas(tmp_path: Path, target) -> None:
    found = effective_area(inputs(tmp_path), target)
    values, errors = np.array(G17[target.name][0]) * 1e4, np.array(G17[target.name][1]) / 100
    error = np.hypot(found.error_m2, values * errors)
    assert np.max(np.abs(found.area_m2 - values) / error) < 4.0
    assert np.all(np.array(found.error_m2) / values > errors)


def test_g24_bootstrap_against_analytic_errors(tmp_path: Path) -> None:
    """200 replicas: 5 % on a standard deviation, 0.85 to 1.15 in every bin."""
    found = effective_area(inputs(tmp_path, {"muons": 200_000, "replicas": 200, "knobs": (), "targets": ("energy",)}), ENERGY)
    bootstrap = np.sqrt(np.diag(found.covariance)) * found.area_m2
    assert np.all(np.abs(bootstrap / found.error_m2 - 1.0) < 0.15)
    low, median, high = np.array(found.bootstrap_m2).T
    assert np.all((low < median) & (median < high))
    assert np.median((high - low) / 2 / found.error_m2) == pytest.approx(1.0, abs=0.1)
    assert np.max(np.abs(median - found.area_m2) / found.error_m2) < 0.4


def test_same_showers_have_smaller_errors() -> None:
    """The sum over selected, generated and products of both equals the sum over all muons."""
    random = np.random.default_rng(1)
    w, area, selected = random.exponential(1.0, 5000), random.uniform(1e6, 3e6, 5000), random.random(5000) < 0.3
    n, d = w * selected, w / area
    found = ratio_of_same(
        Cells(np.array([n.sum()]), np.array([(n**2).sum()])), Cells(np.array([d.sum()]), np.array([(d**2).sum()])), np.array([(n * d).sum()])
    )
    ratio = n.sum() / d.sum()
    assert found.area[0] == pytest.approx(ratio)
    assert found.variance[0] == pytest.approx(((n - ratio * d) ** 2).sum() / d.sum() ** 2)
    draws = random.poisson(1.0, (400, 5000))
    assert np.std((draws @ n) / (draws @ d)) == pytest.approx(np.sqrt(found.variance[0]), rel=0.12)


def test_same_showers_in_the_configuration(tmp_path: Path) -> None:
    apart = effective_area(inputs(tmp_path), RANGE)
    same = effective_area(inputs(tmp_path, options={"same_showers": True}), RANGE)
    assert same.area_m2 == apart.area_m2
    assert np.all(np.array(same.error_m2) < apart.error_m2)
    assert np.allclose(np.sqrt(np.diag(same.covariance)) * same.area_m2, same.error_m2)


def test_area_is_that_of_the_events(tmp_path: Path) -> None:
    """Straight from the generated muons, without histograms."""
    found = effective_area(inputs(tmp_path), ENERGY)
    selected, made = simulated(1, 600_000), generated(2, 300_000)
    inside = [(one[LABELS["energy"]] >= EDGES["energy"][3]) & (one[LABELS["energy"]] < EDGES["energy"][4]) for one in (selected, made)]
    assert found.area_m2[3] == pytest.approx(selected["weight"][inside[0]].sum() / made["weight"][inside[1]].sum(), rel=1e-9)
    assert found.area_m2[3] < np.pi * GENERATION.radius_m**2


def test_tilt_and_impurity_are_small(tmp_path: Path) -> None:
    """Narrow bins: an index off by 0.1 changes the area by less than its error; hardly anything selected does not stop."""
    found = effective_area(inputs(tmp_path), ENERGY)
    for tilted in (found.softer, found.harder):
        assert np.max(np.abs(np.array(tilted) - 1.0)) < 0.01
    assert 0 < max(found.impurity) < 0.05
    stopping = effective_area(inputs(tmp_path), RANGE).impurity
    assert np.average(stopping, weights=found.area_m2) < 0.02


def test_systematic_shift_is_signed_and_fully_correlated(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    area = effective_area(found, RANGE)
    shift = systematic_shifts(found, RANGE)["ice_abs"]
    hists = run_hists()[0]
    low, nominal, high = (hists[name]["aeff_num_range"].values()[0, 0] for name in ("ice_abs_0.95", "mc_l2", "ice_abs_1.05"))
    assert np.allclose(shift, (high - low) / 2 / nominal)
    assert np.allclose(area.systematic["ice_abs"], np.outer(shift, shift))
    assert np.linalg.matrix_rank(np.array(area.systematic["ice_abs"]), tol=1e-10) == 1
    assert set(relative_covariances(area)) == {"area", "area_systematic"}


@pytest.mark.parametrize(
    ("sections", "left"),
    [
        ({"options": {"nuisances": {"ice_abs": {}}}}, []),
        ({"options": {"nuisances": {"ice_abs": {}}}, "unfolding": {"include_systematics": False}}, ["ice_abs"]),
        ({"effective_area": {"include_effective_area_syst_unc": False}}, []),
    ],
    ids=["a nuisance of the fit", "no nuisance after all", "switched off"],
)
def test_a_nuisance_of_the_fit_does_not_count_twice(tmp_path: Path, sections: dict, left: list[str]) -> None:
    assert list(effective_area(inputs(tmp_path, **sections), RANGE).systematic) == left


def test_configured_deviation_scales_the_shift(tmp_path: Path) -> None:
    """Sets at +-0.05, standard deviation 0.1: twice the half difference."""
    sections = {"options": {"nuisances": {"ice_abs": {"sigma": 0.1}}}, "unfolding": {"include_systematics": False}}
    assert np.allclose(systematic_shifts(inputs(tmp_path, **sections), RANGE)["ice_abs"], 2 * systematic_shifts(inputs(tmp_path), RANGE)["ice_abs"])


def test_sectors_have_areas_that_add_up(tmp_path: Path) -> None:
    found = effective_area(inputs(tmp_path, systematics={"data_based_systematics_range": True}), RANGE)
    total = np.sum(list(found.sectors.values()), axis=0)
    assert set(found.sectors) == {"upper", "lower"}
    assert np.all(total <= np.array(found.area_m2) * (1 + 1e-9))
    assert np.all(total > 0.9 * np.array(found.area_m2))


def test_bin_without_generated_muons_is_named(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    den = found.hists["mc_l0"]["aeff_den_range"].copy()
    den.view(flow=True)["value"][:, 3] = 0.0
    hists = {**found.hists, "mc_l0": {**found.hists["mc_l0"], "aeff_den_range": den}}
    with pytest.raises(InputError, match=r"ToyLabels.propagation_length of data set mc_l0 \(untriggered\) has no events in bin 2 \[2084"):
        effective_area(Inputs(found.config, hists, found.account), RANGE)
