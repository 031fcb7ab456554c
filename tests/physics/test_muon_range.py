"""Ranges and track lengths: closed forms, inverses, the differential equation, and golden numbers G15 (continuous) and G23."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from physics.muon_range import DETECTOR_DEPTH_M, EARTH_RADIUS_M, ICE, TOY_ICE, EnergyLoss, propagation_length_m, track_length_m


def test_golden_g15_continuous_ranges() -> None:
    np.testing.assert_allclose(TOY_ICE.range_m([500, 1000, 3000, 10000]), [1586, 2621, 4952, 8155], atol=0.5)


def test_constants_of_ice_per_metre() -> None:
    """Chirkin and Rhode: 0.259 GeV/mwe and 3.63e-4 /mwe, 0.917 mwe in a metre of ice."""
    assert ICE.a_gev_per_m == pytest.approx(0.2375, abs=1e-4)
    assert ICE.b_per_m == pytest.approx(3.329e-4, abs=1e-7)
    assert pytest.approx(1948.07, abs=0.005) == DETECTOR_DEPTH_M


@given(st.floats(1e-3, 1e7), st.floats(0.1, 0.5), st.floats(1e-5, 1e-3))
def test_energy_and_range_are_inverse(energy: float, a: float, b: float) -> None:
    loss = EnergyLoss(a, b)
    assert float(loss.energy_gev(loss.range_m(energy))) == pytest.approx(energy, rel=1e-9)
    assert float(loss.after(energy, loss.range_m(energy))) == pytest.approx(0.0, abs=1e-8 * (energy + a / b))


def test_without_radiation_the_range_is_energy_over_a() -> None:
    assert float(EnergyLoss(0.24, 1e-15).range_m(100.0)) == pytest.approx(100 / 0.24, rel=1e-9)


def test_the_loss_equation() -> None:
    solved = solve_ivp(lambda _, e: -(TOY_ICE.a_gev_per_m + TOY_ICE.b_per_m * e), (0, 1500), [1000.0], rtol=1e-10, atol=1e-9)
    assert float(TOY_ICE.after(1000.0, 1500.0)) == pytest.approx(solved.y[0, -1], rel=1e-8)
    assert float(TOY_ICE.after(1000.0, 4000.0)) == 0.0


def test_derivative_along_the_range() -> None:
    length, step = np.array([100.0, 2000.0, 6000.0]), 1e-3
    slope = (TOY_ICE.energy_gev(length + step) - TOY_ICE.energy_gev(length - step)) / (2 * step)
    np.testing.assert_allclose(TOY_ICE.gev_per_m(length), slope, rtol=1e-6)


def test_golden_g23_curvature() -> None:
    np.testing.assert_allclose(track_length_m(1948, [0.1, 0.05, 0.5]), [19193.77, 36835.56, 3894.21], atol=0.005)


@pytest.mark.parametrize(("cosine", "shorter"), [(0.5, 0.0005), (0.15, 0.0066), (0.10, 0.015), (0.05, 0.055)])
def test_flat_ice_is_longer(cosine: float, shorter: float) -> None:
    curved, flat = (float(track_length_m(1948, cosine, flat=flat)) for flat in (False, True))
    assert 1 - curved / flat == pytest.approx(shorter, rel=0.1)


@given(st.floats(1.0, 5000.0), st.floats(-1.0, 1.0))
def test_the_track_ends_on_the_sphere(depth: float, cosine: float) -> None:
    """The point and the surface at distance L in the direction of the zenith angle: law of cosines, with 50 digits."""
    length = float(track_length_m(depth, cosine))
    with mpmath.workdps(50):
        inside = mpmath.mpf(EARTH_RADIUS_M) - mpmath.mpf(depth)
        exact = -inside * cosine + mpmath.sqrt((inside * cosine) ** 2 + 2 * mpmath.mpf(EARTH_RADIUS_M) * depth - mpmath.mpf(depth) ** 2)
    assert length == pytest.approx(float(exact), rel=1e-9, abs=1e-6)


def test_vertical_tracks_and_points_above_the_surface() -> None:
    assert float(track_length_m(1948.0, 1.0)) == pytest.approx(1948.0, abs=1e-6)
    assert float(propagation_length_m(-100.0, 1.0)) == pytest.approx(DETECTOR_DEPTH_M + 100, abs=1e-6)
    assert float(propagation_length_m(0.0, 0.5, flat=True, centre_depth_m=1950.0)) == 3900.0
    assert np.isnan(track_length_m([-1.0, 100.0], [0.5, -0.5], flat=True)).all()
    assert np.isnan(float(track_length_m(-1.0, 0.5)))
