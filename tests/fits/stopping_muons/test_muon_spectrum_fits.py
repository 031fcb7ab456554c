"""Fits of a, b and of norm and index to fluxes: closed forms, other programs, toys of known truth (bias, pulls, contours)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares

from configs.errors import InputError
from fits.curvature import hessian
from fits.intervals import delta_nll_level
from fits.parameters import FitParameter
from fits.stopping_muons import targets
from fits.stopping_muons.chi_square import Measured, fit
from fits.stopping_muons.energy_fit import differences, energy_fit
from fits.stopping_muons.range_fit import EFFECTIVE, range_fit
from fits.stopping_muons.spectrum_models import PowerLawModel, RangeModel, SpectrumModel, TiltedModel
from fits.stopping_muons.theory import BinNodes, Theory, default_theory, theory_spectrum
from physics.muon_range import EnergyLoss
from records.results import load_results, save_results

ENERGY, RANGE = BinNodes.of(np.geomspace(500.0, 12_000.0, 11)), BinNodes.of(np.geomspace(1600.0, 6000.0, 11))
THEORY = default_theory(0.1)
TRUE_LOSS = EnergyLoss(0.24, 3.3e-4)
RELATIVE = np.linspace(0.01, 0.05, 10)  # statistical errors
AREA = 0.02**2 * (0.5 * np.eye(10) + 0.5)


def range_flux(loss: EnergyLoss = TRUE_LOSS) -> np.ndarray:
    return np.array(theory_spectrum(THEORY, targets.RANGE, RANGE.edges, loss).flux)


def energy_flux(norm: float = 1.0, tilt: float = 0.0) -> np.ndarray:
    return TiltedModel(THEORY, ENERGY).average(np.array([norm, tilt]))[0]


def covariances(flux: np.ndarray, area: np.ndarray = AREA) -> dict[str, np.ndarray]:
    return {"statistical": np.diag((RELATIVE * flux) ** 2), "area": np.outer(flux, flux) * area}


def thrown(random: np.random.Generator, flux: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A measurement: counts (variance in proportion to the flux), an area that is off by factors; covariances at what was measured."""
    found = flux * (1 + RELATIVE * random.normal(size=10)) * (1 + np.linalg.cholesky(AREA) @ random.normal(size=10))
    return found, {"statistical": np.diag(RELATIVE**2 * flux * found), "area": np.outer(found, found) * AREA}


MODELS: dict[str, tuple[SpectrumModel, tuple[float, ...]]] = {
    "range": (RangeModel(THEORY, RANGE, 0.1, 0.05), (0.22, 3.9, 1.1, 0.04)),
    "tilt": (TiltedModel(THEORY, ENERGY), (1.2, -0.15)),
    "power law": (PowerLawModel(ENERGY, 2e-6), (0.7, 3.4)),
}


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_of_the_models_against_differences(name: str) -> None:
    model, point = MODELS[name]
    theta = np.array(point)
    _, slopes = model.average(theta)
    for i in range(theta.size):
        step = np.zeros(theta.size)
        step[i] = 1e-5 * max(abs(theta[i]), 0.1)
        difference = (model.average(theta + step)[0] - model.average(theta - step)[0]) / (2 * step[i])
        np.testing.assert_allclose(slopes[i], difference, rtol=1e-5, atol=1e-7 * np.abs(slopes[i]).max())


def test_a_power_law_over_a_bin_in_closed_form() -> None:
    low, high = ENERGY.edges[:-1], ENERGY.edges[1:]
    expected = 2e-6 * 0.7 * 1e3 * ((low / 1e3) ** -2.4 - (high / 1e3) ** -2.4) / 2.4 / (high - low)
    np.testing.assert_allclose(PowerLawModel(ENERGY, 2e-6).average(np.array([0.7, 3.4]))[0], expected, rtol=1e-10)


def test_exact_data_give_the_truth_back() -> None:
    found = range_fit(RANGE.edges, range_flux(), covariances(range_flux()), THEORY, truth={"a": 0.24, "b": 3.3e-4})
    assert found.valid
    assert found.parameters["a"].value == pytest.approx(0.24, rel=1e-6)
    assert found.parameters["b"].value == pytest.approx(3.3e-4, rel=1e-6)
    assert (found.parameters["a"].unit, found.parameters["b"].unit) == ("GeV m^-1", "m^-1")
    assert (found.chi2, found.ndf) == (pytest.approx(0, abs=1e-6), 8)
    assert found.correlation < -0.3
    assert EFFECTIVE in found.notes
    np.testing.assert_allclose(found.model, range_flux(), rtol=1e-6)
    tilted = energy_fit(ENERGY.edges, energy_flux(1.1, 0.07), covariances(energy_flux()), THEORY)
    assert [tilted.parameters[name].value for name in ("norm", "delta_gamma")] == pytest.approx([1.1, 0.07], rel=1e-5)
    law = PowerLawModel(ENERGY, 2e-6).average(np.array([1.5, 3.3]))[0]
    power = energy_fit(ENERGY.edges, law, covariances(law), THEORY, form="power_law")
    assert [power.parameters[name].value for name in ("phi0", "gamma")] == pytest.approx([3e-6, 3.3], rel=1e-6)
    assert power.parameters["phi0"].unit == "GeV^-1 m^-2 s^-1 sr^-1"


def test_the_same_minimum_as_least_squares_of_scipy() -> None:
    """With both nuisances, whose constraints are two more residuals."""
    random = np.random.default_rng(3)
    flux = range_flux() * (1 + 0.03 * random.normal(size=10))
    parts = {"statistical": covariances(flux)["statistical"]}
    found = range_fit(RANGE.edges, flux, parts, THEORY, norm_error=0.1, delta_gamma_error=0.05)
    model, sigma = RangeModel(THEORY, RANGE), np.sqrt(np.diag(parts["statistical"]) * np.array(found.model) / flux)

    def residuals(theta: np.ndarray) -> np.ndarray:
        return np.concatenate([(model.average(theta)[0] - flux) / sigma, [(theta[2] - 1) / 0.1, theta[3] / 0.05]])

    other = least_squares(residuals, [0.25, 3.5, 1.0, 0.0], xtol=1e-14, ftol=1e-14, gtol=1e-14)
    names, units = ("a", "b", "norm", "delta_gamma"), np.array([1, 1e-4, 1, 1])
    assert [found.parameters[name].value for name in names] == pytest.approx(other.x * units, rel=1e-4, abs=1e-5)
    assert found.chi2 == pytest.approx(2 * other.cost, rel=1e-6)
    gauss_newton = np.sqrt(np.diag(np.linalg.inv(other.jac.T @ other.jac))) * units
    assert [found.parameters[name].error for name in names] == pytest.approx(gauss_newton, rel=0.05)
    assert found.parameters["norm"].prior == "normal 1 +- 0.1"
    assert found.parameters["norm"].pull == pytest.approx((other.x[2] - 1) / 0.1, abs=1e-3)


def test_counts_that_fluctuate_down_do_not_pull_the_fit_down() -> None:
    """The variance of a count is the model's: the fit of a constant is the mean of the counts; with measured variances it is the harmonic mean."""
    counts = np.random.default_rng(6).poisson(20.0, 100).astype(float)
    _, found = fit(Constant(BinNodes.of(np.arange(1.0, 102.0))), Measured.of(np.arange(1.0, 102.0), counts, {"statistical": np.diag(counts)}))
    assert found.values["norm"] == pytest.approx(counts.mean(), rel=1e-5)
    assert found.errors["norm"] == pytest.approx(np.sqrt(counts.mean() / 100), rel=1e-3)
    assert 1 / np.mean(1 / counts) < counts.mean() - 2 * found.errors["norm"]


def test_nuisances_widen_the_errors_and_leave_exact_data_alone() -> None:
    flux = range_flux()
    plain, free = (
        range_fit(RANGE.edges, flux, covariances(flux), THEORY, **options) for options in ({}, {"norm_error": 0.1, "delta_gamma_error": 0.05})
    )
    assert "norm" not in plain.parameters
    assert free.parameters["b"].value == pytest.approx(3.3e-4, rel=1e-4)
    assert free.parameters["b"].error > 2 * plain.parameters["b"].error


@dataclass(frozen=True)
class Constant:
    """One number for all bins; a second parameter does nothing."""

    nodes: BinNodes
    parameters: tuple[FitParameter, ...] = (FitParameter("norm", (5.0,), 0.1, 100.0), FitParameter("unused", (0.0,), fixed=True))
    scales: dict[str, tuple[float, str]] = field(default_factory=dict)

    def average(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = len(self.nodes.edges) - 1
        return np.full(size, theta[0]), np.stack([np.ones(size), np.zeros(size)])


def test_a_common_scale_error_does_not_pull_the_fit_below_its_data() -> None:
    """D'Agostini, NIM A346 (1994) 306: 8.0 and 8.5 with 2 % each and 10 % in common average to 7.87 +- 0.81 if 10 % refer to what was measured."""
    values = np.array([8.0, 8.5])
    parts = {"statistical": np.diag((0.02 * values) ** 2), "scale": 0.01 * np.outer(values, values)}
    measured = Measured.of([1.0, 2.0, 3.0], values, parts)
    inverse = np.linalg.inv(measured.covariance())
    assert inverse.sum(axis=0) @ values / inverse.sum() == pytest.approx(7.87, abs=0.01)
    _, found = fit(Constant(BinNodes.of([1.0, 2.0, 3.0])), measured)
    mean = 2 / np.sum(1 / values)  # variances 0.02^2 v m: those of counts at the model m
    assert found.values["norm"] == pytest.approx(mean, rel=1e-5)
    assert found.errors["norm"] == pytest.approx(mean * np.hypot(0.02 / np.sqrt(2), 0.1), rel=2e-3)


def test_fluxes_and_errors_in_another_unit_give_the_same_ice() -> None:
    """cm^-2 for m^-2 on both sides: 1e4."""
    flux = range_flux() * (1 + 0.02 * np.random.default_rng(4).normal(size=10))
    one = range_fit(RANGE.edges, flux, covariances(flux), THEORY)
    in_cm = Theory("cm", THEORY.energy_gev, THEORY.flux * 1e-4)
    other = range_fit(RANGE.edges, flux * 1e-4, {key: value * 1e-8 for key, value in covariances(flux).items()}, in_cm)
    assert other.parameters["b"].value == pytest.approx(one.parameters["b"].value, rel=1e-6)
    assert other.chi2 == pytest.approx(one.chi2, rel=1e-6)
    wrong = energy_fit(ENERGY.edges, energy_flux() * 1e-4, {key: value * 1e-8 for key, value in covariances(energy_flux()).items()}, THEORY)
    assert wrong.parameters["norm"].at_bound  # 1e-4 is below its lower bound of 1e-3: said, not hidden
    assert "norm is at its bound" in wrong.notes


def toys(model: Callable[[], SpectrumModel], flux: np.ndarray, truth: tuple[float, float], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pulls (toys, 2) and the profile's rise at the truth (toys,)."""
    random = np.random.default_rng(8)
    pulls, rise = np.empty((count, 2)), np.empty(count)
    for i in range(count):
        values, parts = thrown(random, flux)
        objective, found = fit(model(), Measured.of(model().nodes.edges, values, parts), minos=False)
        errors = np.array([found.errors[name] for name in found.names[:2]])
        pulls[i] = (found.theta[:2] - truth) / errors
        at_truth = objective.value_and_gradient(np.concatenate([truth, found.theta[2:]]))[0]
        rise[i] = at_truth - found.nll
    return pulls, rise


@pytest.mark.parametrize(
    ("model", "flux", "truth"),
    [
        (lambda: RangeModel(THEORY, RANGE), range_flux(), (0.24, 3.3)),
        (lambda: TiltedModel(THEORY, ENERGY), energy_flux(1.1, 0.1), (1.1, 0.1)),
    ],
    ids=["a and b", "norm and index"],
)
def test_toys_have_no_bias_pulls_of_one_and_contours_that_cover(
    model: Callable[[], SpectrumModel], flux: np.ndarray, truth: tuple[float, float]
) -> None:
    count = 100
    pulls, rise = toys(model, flux, truth, count)
    assert np.all(np.abs(pulls.mean(axis=0)) < 3 * count**-0.5)
    assert np.all(np.abs(pulls.std(axis=0, ddof=1) - 1) < 3 * (2 * count) ** -0.5)
    for content in (0.68, 0.95):
        covered = np.mean(rise < delta_nll_level(content, 2))
        assert abs(covered - content) < 3 * np.sqrt(content * (1 - content) / count)


def area_of(polygon: list[tuple[float, float]]) -> float:
    x, y = np.array(polygon).T
    return 0.5 * abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1]))


def test_contours_of_a_fit_that_is_linear_are_ellipses() -> None:
    """Area pi c sqrt(det V) with c = -2 ln(1 - p); the tilt is linear to 1 % at these errors."""
    flux = energy_flux()
    found = energy_fit(ENERGY.edges, flux, {"statistical": covariances(flux)["statistical"]}, THEORY)
    norm, tilt = (found.parameters[name].error for name in ("norm", "delta_gamma"))
    determinant = norm * tilt * np.sqrt(1 - found.correlation**2)
    for label, content in (("0.68", 0.68), ("0.95", 0.95)):
        (polygon,) = found.contours[label]
        assert polygon[0] == pytest.approx(polygon[-1])
        assert area_of(polygon) == pytest.approx(-2 * np.log(1 - content) * np.pi * determinant, rel=0.01)


def test_points_of_a_contour_lie_at_its_level_when_nuisances_are_profiled() -> None:
    flux = range_flux()
    parts = {"statistical": covariances(flux)["statistical"]}
    found = range_fit(RANGE.edges, flux, parts, THEORY, norm_error=0.1, delta_gamma_error=0.05)
    model, sigma = RangeModel(THEORY, RANGE), np.sqrt(np.diag(parts["statistical"]))
    for label, content in (("0.68", 0.68), ("0.95", 0.95)):
        (polygon,) = found.contours[label]
        for a, b in polygon[:: len(polygon) // 8]:

            def residuals(nuisance: np.ndarray, a: float = a, b: float = b) -> np.ndarray:
                mean = model.average(np.array([a, b * 1e4, *nuisance]))[0]
                return np.concatenate([(mean - flux) / sigma, [(nuisance[0] - 1) / 0.1, nuisance[1] / 0.05]])

            assert least_squares(residuals, [1.0, 0.0]).cost == pytest.approx(delta_nll_level(content, 2), rel=0.01)


def test_contours_end_at_the_bounds() -> None:
    flux = range_flux(EnergyLoss(0.105, 4e-4))
    found = range_fit(RANGE.edges, flux, {"statistical": np.diag((0.2 * flux) ** 2)}, THEORY)
    points = np.array(found.contours["0.95"][0])
    assert points[:, 0].min() == pytest.approx(0.1, abs=1e-12)
    assert np.all(points >= [0.1, 1e-4])
    assert np.all(points <= [0.5, 1e-3])


def test_errors_are_the_curvature_of_chi_square() -> None:
    flux = energy_flux()
    measured = Measured.of(ENERGY.edges, flux, covariances(flux))
    objective, found = fit(TiltedModel(THEORY, ENERGY), measured)
    second = hessian(lambda t: objective.value_and_gradient(t)[1], found.theta, np.full(2, 1e-2), np.full(2, -9.0), np.full(2, 9.0), np.ones(2, bool))
    np.testing.assert_allclose(np.linalg.inv(second), found.covariance, rtol=1e-3)
    slopes = TiltedModel(THEORY, ENERGY).average(found.theta)[1]
    np.testing.assert_allclose(slopes @ np.linalg.inv(measured.covariance()) @ slopes.T, second, rtol=1e-3)


def test_bins_that_are_left_out_have_no_say() -> None:
    flux = energy_flux()
    used = [True] * 9 + [False]
    spoilt = flux.copy()
    spoilt[-1] *= 5
    found = energy_fit(ENERGY.edges, spoilt, covariances(flux), THEORY, used=used)
    assert found.parameters["norm"].value == pytest.approx(1, rel=1e-6)
    assert (found.ndf, found.used) == (7, used)


def test_what_a_reader_of_chi_square_must_know_is_noted() -> None:
    flux = energy_flux()
    parts = {"statistical": np.diag((np.r_[RELATIVE[:8], 0.7, 0.8] * flux) ** 2)}
    found = energy_fit(ENERGY.edges, flux, parts, THEORY, n_eff=4.21)
    assert "the smoothness prior leaves 4.2 of 10 bins: chi-square is expected near 2.2, and p-values are too large" in found.notes
    assert any(note.startswith("errors above 50 % in bins 8, 9") for note in found.notes)
    assert energy_fit(ENERGY.edges, flux, covariances(flux), THEORY).notes == []


def test_differences_are_in_units_of_the_larger_error() -> None:
    flux = energy_flux()
    one = energy_fit(ENERGY.edges, flux, covariances(flux), THEORY)
    other = energy_fit(ENERGY.edges, flux * 1.01, covariances(flux), THEORY)
    larger = max(one.parameters["norm"].error, other.parameters["norm"].error)
    assert differences(other, one) == {"norm": pytest.approx(0.01 / larger, rel=1e-2), "delta_gamma": pytest.approx(0, abs=0.01)}


def test_a_theory_that_does_not_reach_where_a_and_b_may_go_is_refused() -> None:
    cut = Theory("short", THEORY.energy_gev[200:400], THEORY.flux[200:400])
    with pytest.raises(InputError, match=r"short: column energy covers .* needed are 173.5\d* \.\.\. 201214"):
        range_fit(RANGE.edges, range_flux(), covariances(range_flux()), cut)


@pytest.mark.parametrize(
    ("flux", "parts", "used", "message"),
    [
        (np.ones(10), {}, None, "covariances"),
        (np.ones(10), {"statistical": np.eye(9)}, None, r"covariances \['statistical'\] of another size"),
        (np.ones(9), {"statistical": np.eye(9)}, None, "flux of 9 bins: 11 edges"),
        (np.r_[np.ones(9), 0.0], {"statistical": np.eye(10)}, None, r"bins \[9\] have no positive flux with an error: leave them out"),
        (np.ones(10), {"statistical": np.ones((10, 10))}, None, "covariance of the flux is not positive definite"),
    ],
)
def test_fluxes_that_are_refused(flux: np.ndarray, parts: dict[str, np.ndarray], used: list[bool] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        energy_fit(ENERGY.edges, flux, parts, THEORY, used=used)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(InputError, match=r"form 'tilted' does not exist; did you mean 'tilt'\?"):
        energy_fit(ENERGY.edges, energy_flux(), covariances(energy_flux()), THEORY, form="tilted")  # type: ignore[arg-type]


def test_a_result_survives_the_file(tmp_path: Path) -> None:
    found = energy_fit(ENERGY.edges, energy_flux(), covariances(energy_flux()), THEORY, truth={"norm": 1.0, "delta_gamma": 0.0})
    save_results(tmp_path / "results.json", "stopping_muons", "test", {"energy_fit": found})
    again = load_results(tmp_path / "results.json")["energy_fit"]
    assert again == found
