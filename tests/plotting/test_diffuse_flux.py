"""The flux figure against closed forms: units, band at the pivot, central energies."""

from __future__ import annotations

import diffuse_case
import numpy as np
import pytest

from fits.diffuse import prepare_all
from plotting.diffuse_flux import central_energies, flux_band
from plotting.projections import covariance


@pytest.fixture(scope="module")
def model():
    return prepare_all(diffuse_case.config(), diffuse_case.hists(), diffuse_case.account())[1]["main"].whole


def test_one_flavour_is_a_third_of_the_six_species_norm(model) -> None:
    energy = np.array([1e5, 1e6])
    band = flux_band(model, [6.37, 2.87, 1.0], np.zeros((3, 3)), energy, "")
    np.testing.assert_allclose(band.flux, [1e10 * 6.37e-18 / 3, 1e12 * 6.37e-18 / 3 * 10**-2.87], rtol=1e-12)
    np.testing.assert_array_equal(band.low, band.high)


def test_the_band_follows_from_norm_and_index_alone(model) -> None:
    norm, gamma, s_norm, s_gamma, rho = 6.0, 2.9, 1.2, 0.2, 0.6
    errors = np.zeros((3, 3))
    errors[:2, :2] = [[s_norm**2, rho * s_norm * s_gamma], [rho * s_norm * s_gamma, s_gamma**2]]
    errors[2, 2] = 100.0  # the atmosphere does not enter
    energy = np.geomspace(3e4, 3e6, 21)
    x = np.log(energy / 1e5)
    sigma = np.sqrt((s_norm / norm) ** 2 - 2 * rho * s_norm / norm * s_gamma * x + (s_gamma * x) ** 2)
    band = flux_band(model, [norm, gamma, 1.0], errors, energy, "")
    np.testing.assert_allclose(np.log(band.high / band.flux), sigma, rtol=1e-10)
    np.testing.assert_allclose(np.log(band.flux / band.low), sigma, rtol=1e-10)


@pytest.mark.parametrize("gamma", [2.2, 2.87, 3.4])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_central_share_of_events_has_true_energies_in_the_range(model, gamma: float, share: float) -> None:
    low, high = central_energies(model, [6.0, gamma, 1.0], share)
    response = model.response
    expected = sum(array[0].sum(axis=0) for (_, component), array in response.moments.items() if component == "astro")
    expected = expected * np.exp(-(gamma - 2.5) * (response.ln_energy - np.log(1e5)))
    nodes = np.exp(response.ln_energy)
    inside = expected[(nodes > low) & (nodes < high)].sum() / expected.sum()
    assert inside == pytest.approx(share, abs=1.5 * (expected / expected.sum()).max())


def test_a_softer_spectrum_is_measured_at_lower_energies(model) -> None:
    hard, soft = (central_energies(model, [6.0, gamma, 1.0]) for gamma in (2.2, 3.2))
    assert soft[0] < hard[0]
    assert soft[1] < hard[1]


def test_errors_of_the_fit_give_the_relative_band_at_the_pivot(model) -> None:
    fit = diffuse_case.results()["main"]
    band = flux_band(model, [one.value for one in fit.parameters.values()], covariance(fit), np.array([1e5]), "")
    norm = fit.parameters["astro_norm"]
    assert np.log(band.high[0] / band.flux[0]) == pytest.approx(norm.error / norm.value, rel=1e-9)
