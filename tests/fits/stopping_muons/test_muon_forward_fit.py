"""Norm and index from the counts: derivatives, closed forms, agreement with the fit to the unfolded flux, toys."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from configs.errors import InputError
from fits.minimise import minimise
from fits.stopping_muons.chi_square import Measured, fit
from fits.stopping_muons.energy_fit import differences, energy_fit
from fits.stopping_muons.forward_fit import Forward, forward_fit
from fits.stopping_muons.spectrum_models import TiltedModel
from fits.stopping_muons.theory import BinNodes, default_theory
from fits.unfolding import NuisanceTemplate, UnfoldingProblem
from fits.unfolding.flux import Exposure

EDGES = np.geomspace(500.0, 12_000.0, 11)
THEORY, NODES = default_theory(0.1), BinNodes.of(EDGES)
LIVETIME_S, SOLID_ANGLE_SR = 30.0, 5.65
AREA = np.array([6.87, 9.95, 9.55, 8.65, 7.78, 6.93, 6.28, 5.78, 5.39, 4.70]) * 1e4  # golden G17
COMMON = np.full((10, 10), 0.02**2)  # one axis: the fits of these tests stay fast


def exposure(**options: object) -> Exposure:
    return Exposure(AREA, np.diff(EDGES), LIVETIME_S, SOLID_ANGLE_SR, **options)  # type: ignore[arg-type]


def events(norm: float = 1.0, tilt: float = 0.0) -> np.ndarray:
    """Selected events by truth column; those outside the range as in the generator."""
    inside = TiltedModel(THEORY, NODES).average(np.array([norm, tilt]))[0] * exposure().events_per_flux
    return np.r_[4000.0, inside, 2.0]


def problem(norm: float = 1.0, tilt: float = 0.0, **options: object) -> UnfoldingProblem:
    """Energies smeared by 0.3 in ln E into 30 proxy bins; counts as expected."""
    centre = np.log(np.r_[400.0, np.sqrt(EDGES[:-1] * EDGES[1:]), 16_000.0])
    proxy = np.linspace(np.log(250.0), np.log(24_000.0), 30)
    smeared = np.exp(-0.5 * ((proxy[:, None] - centre) / 0.3) ** 2)
    w = smeared / smeared.sum(axis=0) * events()
    return UnfoldingProblem(
        w, 0.2 * w, w @ (events(norm, tilt) / events()), edges=EDGES, underflow=True, overflow=True, **{"mc_stat": "none", **options}
    )  # type: ignore[arg-type]


def with_nuisances(**options: object) -> UnfoldingProblem:
    slope = np.linspace(-0.1, 0.15, 30)
    return problem(mc_stat="say", epsilon=0.03, templates=(NuisanceTemplate("dom_eff", slope, 0.1 * slope, 1.0, 0.05, (0.8, 1.2)),), **options)


def values_and_errors(found: object) -> tuple[list[float], list[float]]:
    parameters = [found.parameters[name] for name in ("norm", "delta_gamma")]  # type: ignore[attr-defined]
    return [one.value for one in parameters], [one.error for one in parameters]


@pytest.mark.parametrize("mc_stat", ["none", "say", "bb_lite"])
def test_the_gradient_against_differences(mc_stat: str) -> None:
    forward = Forward(with_nuisances().replace(mc_stat=mc_stat), exposure(area_covariance=COMMON + 1e-4 * np.eye(10)), TiltedModel(THEORY, NODES))
    assert len(forward.parameters) == 2 + 2 + 1 + 1 + 10
    random = np.random.default_rng(1)
    values = np.array([one.start for one in forward.parameters]) + 0.05 * random.normal(size=len(forward.parameters))
    _, gradient = forward.value_and_gradient(values)
    for i in range(values.size):
        step = np.zeros(values.size)
        step[i] = 1e-5
        difference = (forward.value_and_gradient(values + step)[0] - forward.value_and_gradient(values - step)[0]) / 2e-5
        assert gradient[i] == pytest.approx(difference, rel=1e-5, abs=1e-4)


def test_expected_counts_give_the_truth_back() -> None:
    found = forward_fit(problem(1.07, -0.12), exposure(), THEORY, truth={"norm": 1.07, "delta_gamma": -0.12})
    assert found.valid
    assert values_and_errors(found)[0] == pytest.approx([1.07, -0.12], abs=1e-4)
    assert found.chi2 == pytest.approx(0, abs=1e-3)
    assert found.ndf == 30 - 4
    np.testing.assert_allclose(found.model, events(1.07, -0.12)[1:-1] / exposure().events_per_flux, rtol=1e-3)
    assert set(found.parameters) == {"norm", "delta_gamma", "underflow", "overflow"}
    assert found.parameters["underflow"].value == pytest.approx(np.log(4000), abs=1e-3)


def test_with_a_perfect_detector_it_is_a_poisson_fit_of_bins() -> None:
    """No smearing: the Fisher matrix of (N, dgamma) is J^T diag(1/mu) J of the counts themselves."""
    mu = events()[1:-1]
    sharp = UnfoldingProblem(np.diag(mu), 1e-9 * np.diag(mu), mu, edges=EDGES, mc_stat="none")
    found = forward_fit(sharp, exposure(), THEORY)
    slopes = TiltedModel(THEORY, NODES).average(np.array([1.0, 0.0]))[1] * exposure().events_per_flux
    covariance = np.linalg.inv(slopes @ np.diag(1 / mu) @ slopes.T)
    assert values_and_errors(found)[1] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-3)
    assert found.correlation == pytest.approx(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]), abs=1e-3)


def test_common_errors_add_in_quadrature_to_the_norm() -> None:
    """Area 4 % and livetime 3 % in common, epsilon 5 %: all move the norm alone."""
    plain = forward_fit(problem(), exposure(), THEORY)
    area = forward_fit(problem(), exposure(area_covariance=np.full((10, 10), 0.04**2), livetime_error_s=0.03 * LIVETIME_S), THEORY)
    factor = forward_fit(problem(epsilon=0.05), exposure(), THEORY)
    (norm, tilt), (with_area, tilt_area), (with_factor, tilt_factor) = (values_and_errors(one)[1] for one in (plain, area, factor))
    assert with_area == pytest.approx(np.sqrt(norm**2 + 0.05**2), rel=5e-3)
    assert with_factor == pytest.approx(np.sqrt(norm**2 + 0.05**2), rel=1e-2)
    assert (tilt_area, tilt_factor) == pytest.approx((tilt, tilt), rel=1e-2)


@pytest.mark.parametrize("case", ["Poisson", "simulation, nuisance and epsilon"])
@pytest.mark.parametrize("tau", [None, 1e-3])
def test_it_agrees_with_the_fit_to_the_unfolded_flux_within_one_error(case: str, tau: float | None) -> None:
    random = np.random.default_rng(2)
    one = problem(1.05, 0.08) if case == "Poisson" else with_nuisances(norm=1.05, tilt=0.08)
    one = one.replace(g=random.poisson(one.g).astype(float), tau=tau)
    conditions = exposure(area_covariance=COMMON)
    flux = one.to_flux(one.map(), conditions)
    unfolded = energy_fit(EDGES, flux.flux, flux.covariances, THEORY)
    forward = forward_fit(one, conditions, THEORY)
    assert forward.valid
    found = differences(unfolded, forward)
    assert set(found) == {"norm", "delta_gamma"}
    assert all(abs(value) < 0.7 for value in found.values()), found
    assert values_and_errors(unfolded)[1] == pytest.approx(values_and_errors(forward)[1], rel=0.2)
    pulls = np.subtract(values_and_errors(forward)[0], (1.05, 0.08)) / values_and_errors(forward)[1]
    assert np.all(np.abs(pulls) < 3)


def test_toys_have_no_bias_and_pulls_of_one_in_both_fits() -> None:
    truth, count = (1.05, 0.08), 40
    random, expected = np.random.default_rng(3), problem(*truth)
    model, pulls = TiltedModel(THEORY, NODES), {"flux": np.empty((count, 2)), "counts": np.empty((count, 2))}
    for i in range(count):
        toy = expected.replace(g=random.poisson(expected.g).astype(float), tau=1e-3)
        flux = toy.to_flux(toy.map(), exposure())
        minima = {
            "flux": fit(model, Measured.of(EDGES, flux.flux, flux.covariances), minos=False)[1],
            "counts": minimise(Forward(toy, exposure(), model)),
        }
        for name, found in minima.items():
            pulls[name][i] = [(found.values[one.name] - true) / found.errors[one.name] for one, true in zip(model.parameters, truth, strict=True)]
    for found in pulls.values():
        assert np.all(np.abs(found.mean(axis=0)) < 3.5 * count**-0.5)
        assert np.all(np.abs(found.std(axis=0, ddof=1) - 1) < 3 * (2 * count) ** -0.5)
    assert np.abs(pulls["flux"] - pulls["counts"]).max() < 1


def test_contours_are_where_the_profile_says() -> None:
    one, conditions = with_nuisances(), exposure(area_covariance=COMMON)
    found = forward_fit(one, conditions, THEORY)
    forward = Forward(one, conditions, TiltedModel(THEORY, NODES))
    lowest = minimise(forward).nll
    for label, level in (("0.68", 1.1394), ("0.95", 2.9957)):
        (polygon,) = found.contours[label]
        for norm, tilt in polygon[:: len(polygon) // 2]:
            held = minimise(forward, fixed={"norm": norm, "delta_gamma": tilt}, hesse=False)
            assert held.nll - lowest == pytest.approx(level, rel=0.02)


def test_an_exposure_of_other_bins_is_refused() -> None:
    other = Exposure(AREA[:-1], np.diff(EDGES)[:-1], LIVETIME_S, SOLID_ANGLE_SR)
    with pytest.raises(InputError, match="an exposure of its 10 bins are needed"):
        forward_fit(problem(), other, THEORY)
    with pytest.raises(InputError, match="a problem with edges"):
        forward_fit(dataclasses.replace(problem(), edges=None), exposure(), THEORY)
