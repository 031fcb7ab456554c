"""Angle, kernel and smearing of the surrogate response: invariants, an independent Monte Carlo, and the numbers of the specification (G12)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from data_info.hese_tables import COSZEN_EDGES, NODE_CENTRES_GEV, TRUE_CENTRES_GEV, TRUE_EDGES_GEV, load_tables
from physics.binning import binning
from simulation.diffuse import smeared_coszen
from simulation.response_tables import (
    CASCADE_SMEARING_RAD,
    TRACK_Y_MAX,
    angular_shape,
    cascade_cdf,
    energy_kernel,
    topology_fractions,
    zenith_smearing,
)

TABLES = load_tables()
OFFICIAL = binning("official")["cascade"].energy_edges_gev


def test_topology_fractions_sum_to_one() -> None:
    np.testing.assert_allclose(sum(topology_fractions().values()), 1.0, rtol=1e-15)
    assert topology_fractions()["track"].tolist() == [0.02, 0.70, 0.10]


def test_angular_shape_has_mean_one_and_meets_the_table_at_its_centres() -> None:
    energies = np.geomspace(1e4, 1e7, 50)
    np.testing.assert_allclose(angular_shape(TABLES, energies).mean(axis=1), 1.0, rtol=1e-14)
    rows = TABLES.area_coszen_m2 / TABLES.area_coszen_m2.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(angular_shape(TABLES, TRUE_CENTRES_GEV[2:]), rows, rtol=1e-12)
    np.testing.assert_array_equal(angular_shape(TABLES, [1e3, TRUE_CENTRES_GEV[2]]), angular_shape(TABLES, [TRUE_CENTRES_GEV[2]] * 2))


def test_the_earth_shadows_up_going_neutrinos_more_at_high_energy() -> None:
    shape = angular_shape(TABLES, np.geomspace(5e4, 2e6, 20))
    up_over_down = shape[:, 0] / shape[:, -1]
    assert (np.diff(up_over_down[1:]) < 0.02).all()
    assert up_over_down[-1] < 0.1


@pytest.mark.parametrize("j", range(4, 20))
def test_cascade_distribution_reproduces_the_table(j: int) -> None:
    cdf = cascade_cdf(TABLES, j)
    row = TABLES.cascade_migration[j - 4]
    np.testing.assert_allclose(np.diff(cdf(np.log10(TRUE_EDGES_GEV / TRUE_CENTRES_GEV[j]))), row / row.sum(), atol=1e-14)
    fine = cdf(np.linspace(cdf.x[0], cdf.x[-1], 2000))
    assert (np.diff(fine) >= 0).all()


@pytest.mark.parametrize("channel", ["cascade", "track"])
@given(st.floats(4.8e4, 1e7), st.integers(2, 40))
def test_kernel_is_a_probability_over_all_deposited_energies(channel: str, energy: float, bins: int) -> None:
    """No loss: bins from far below to far above hold everything, however many there are."""
    kernel = energy_kernel(TABLES, channel, [energy], np.geomspace(1.0, 1e9, bins + 1))
    assert (kernel >= 0).all()
    assert kernel.sum() == pytest.approx(1.0, abs=1e-9)


def test_kernel_vanishes_below_the_first_tabulated_centre() -> None:
    kernel = energy_kernel(TABLES, "cascade", [4.7e4, 4.8e4], OFFICIAL)
    assert not kernel[0].any()
    assert kernel[1].any()


def test_track_kernel_is_the_truncated_gaussian_of_the_table() -> None:
    """Independent: the density integrated numerically at a tabulated centre."""
    j = 10
    bias, width = TABLES.track_bias[j - 2], TABLES.track_width[j - 2]
    edges = TRUE_CENTRES_GEV[j] * 10.0 ** np.array([-1.0, -0.5, -0.2, 0.0, TRACK_Y_MAX, 0.5])
    normalisation = quad(norm(bias, width).pdf, bias - 12 * width, TRACK_Y_MAX)[0]
    expected = [
        quad(norm(bias, width).pdf, low, min(high, TRACK_Y_MAX))[0] / normalisation for low, high in ((-1, -0.5), (-0.5, -0.2), (-0.2, 0), (0, 0.5))
    ]
    got = energy_kernel(TABLES, "track", [TRUE_CENTRES_GEV[j]], edges)[0]
    np.testing.assert_allclose([*got[:3], got[3] + got[4]], expected, rtol=1e-9)
    assert got[4] == 0.0  # nothing above y = 0.12


def test_golden_12_kernel_at_node_30() -> None:
    """G12: E_30 = 334965 GeV; numbers given to four decimals."""
    assert NODE_CENTRES_GEV[30] == pytest.approx(334965, abs=0.5)
    cascade = [0.0206, 0.0345, 0.0496, 0.0647, 0.0930, 0.1546, 0.3553, 0.1659, 0.0364, 0.0005]
    track = [0.0564, 0.1014, 0.1505, 0.1833, 0.1819, 0.1465, 0.0955, 0.0436]
    np.testing.assert_allclose(energy_kernel(TABLES, "cascade", NODE_CENTRES_GEV[30:31], OFFICIAL)[0, :10], cascade, atol=5.1e-5)
    np.testing.assert_allclose(energy_kernel(TABLES, "track", NODE_CENTRES_GEV[30:31], OFFICIAL)[0, :8], track, atol=5.1e-5)


def test_smearing_conserves_and_is_reversible() -> None:
    """On a uniformly lit sphere as many directions move from a to b as from b to a; bins of equal solid angle: R is symmetric."""
    matrix = zenith_smearing(COSZEN_EDGES)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(matrix, matrix.T, atol=3e-4)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-12)  # up and down alike


def test_smearing_matrix_against_monte_carlo() -> None:
    """The generator's own rotation of directions, 5e5 directions a bin, within five standard deviations."""
    rng = np.random.default_rng(20)
    n = 500_000
    matrix = zenith_smearing(COSZEN_EDGES)
    for a in (0, 2, 4):
        thrown = smeared_coszen(rng, rng.uniform(COSZEN_EDGES[a], COSZEN_EDGES[a + 1], n), CASCADE_SMEARING_RAD)
        fractions = np.histogram(thrown, COSZEN_EDGES)[0] / n
        np.testing.assert_allclose(fractions, matrix[a], atol=5 * np.sqrt(0.25 / n))


def test_golden_smearing() -> None:
    """Numbers of the recipe, given to three decimals from a Monte Carlo; the quadrature is exact to 1e-4."""
    matrix = zenith_smearing(COSZEN_EDGES)
    np.testing.assert_allclose([matrix[0, 0], matrix[0, 1], matrix[4, 4], matrix[4, 3], matrix[4, 5]], [0.833, 0.163, 0.497, 0.231, 0.231], atol=3e-3)
    np.testing.assert_allclose(zenith_smearing(COSZEN_EDGES, order=400), matrix, atol=2e-4)


def test_no_smearing_in_the_limit_of_perfect_resolution() -> None:
    np.testing.assert_allclose(zenith_smearing(COSZEN_EDGES, 1e-5), np.eye(10), atol=1e-3)
