"""The surface flux at its golden points and in its limits."""

from __future__ import annotations

import numpy as np
import pytest

from physics.atmospheric_muons import effective_cosine, surface_flux


def test_the_flux_at_its_golden_points() -> None:
    np.testing.assert_allclose(surface_flux([1e3, 1e3, 1e4], [1.0, 0.2, 0.5]), [1.314328e-6, 4.069079e-6, 6.115764e-10], rtol=1e-6)


def test_the_spectrum_steepens_by_one_power_where_pions_interact() -> None:
    """Far below 115 GeV the primary's index 2.7, far above the critical energies 3.7."""
    for energy, index in ((1e-2, -2.7), (1e8, -3.7)):
        slope = np.log(surface_flux(energy * 1.01, 1.0) / surface_flux(energy, 1.0)) / np.log(1.01)
        assert slope == pytest.approx(index, abs=1e-3)


def test_the_effective_cosine_is_the_cosine_overhead_and_larger_at_the_horizon() -> None:
    cosine = np.linspace(0.05, 0.3, 20)
    assert effective_cosine(1.0) == pytest.approx(1.0, abs=1e-12)
    assert np.all(effective_cosine(cosine) > cosine)
    assert np.all(np.diff(effective_cosine(np.linspace(0, 1, 200))) > 0)
