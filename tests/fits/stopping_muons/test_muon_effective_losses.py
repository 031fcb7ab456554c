"""What a and b of the range fit mean: fluctuating losses of the generator, fitted with a model that has none."""

from __future__ import annotations

import numpy as np
import pytest

from fits.stopping_muons import targets
from fits.stopping_muons.range_fit import range_fit
from fits.stopping_muons.theory import default_theory, theory_spectrum
from physics.muon_range import TOY_ICE
from simulation.stopping_muons import ENERGY_RANGE_GEV, propagate, stream

EDGES = np.geomspace(1600.0, 6000.0, 11)
THEORY = default_theory(0.1)


def flux_by_length(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Flux by true length and its covariance, from muons generated flat in ln E and followed from the surface."""
    random = stream(3, count)
    energy = np.exp(random.uniform(*np.log(ENERGY_RANGE_GEV), count))
    weight = THEORY.at(energy) * energy * np.log(ENERGY_RANGE_GEV[1] / ENERGY_RANGE_GEV[0]) / count
    length, width = propagate(random, energy), np.diff(EDGES)
    rate, squares = (np.histogram(length, EDGES, weights=weight**power)[0] for power in (1, 2))
    return rate / width, np.diag(squares / width**2)


@pytest.mark.parametrize("count", [500_000, pytest.param(4_000_000, marks=pytest.mark.slow)])
def test_the_effective_b_is_about_a_tenth_below_that_of_the_losses(count: int) -> None:
    """Fluctuations bring muons of lower mean range further: more of them at large lengths, as a smaller b would; the model then fits well."""
    flux, covariance = flux_by_length(count)
    continuous = np.array(theory_spectrum(THEORY, targets.RANGE, EDGES, TOY_ICE).flux)
    assert flux[-1] / continuous[-1] > 1.2
    assert flux[0] / continuous[0] == pytest.approx(1.02, abs=0.03)
    found = range_fit(EDGES, flux, {"simulation": covariance}, THEORY)
    a, b = found.parameters["a"], found.parameters["b"]
    assert b.error < 0.02 * b.value
    assert 0.85 < b.value / TOY_ICE.b_per_m < 0.92
    assert 1.0 < a.value / TOY_ICE.a_gev_per_m < 1.04
    assert found.p_value > 0.01
