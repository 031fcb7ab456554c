"""Ensembles of chains: widths of a Gaussian in one and four dimensions, and the message of those that have not converged."""

from __future__ import annotations

import numpy as np
import pytest

from fits.ensembles import ENSEMBLES, ConvergenceError, Ensembles, walkers_of_each


def ensembles(covariance: np.ndarray, seed: int) -> Ensembles:
    """Of a Gaussian around 0, from starts half as wide."""
    inverse, size = np.linalg.inv(covariance), covariance.shape[0]
    generators = np.random.default_rng(seed).spawn(ENSEMBLES)
    starts = [0.5 * one.standard_normal((walkers_of_each(32, size), size)) * np.sqrt(np.diag(covariance)) for one in generators]
    return Ensembles(lambda points: -0.5 * ((points @ inverse) * points).sum(axis=1), [f"x{i}" for i in range(size)], starts, generators)


@pytest.mark.parametrize("size", [1, 4])
def test_widths_of_a_correlated_gaussian(size: int) -> None:
    """emcee's snooker move makes the standard deviations of four dimensions 14 % too small; it is not among ours."""
    covariance = np.where(np.eye(size) == 1.0, 1.0, 0.6) * np.outer(np.arange(1, size + 1), np.arange(1, size + 1))
    found = ensembles(covariance, 3)
    found.burn(300)
    convergence = found.until_converged(1500, 4.0, str)
    flat = found.chains.reshape(-1, size)
    n = convergence.effective_samples
    np.testing.assert_allclose(flat.std(axis=0), np.sqrt(np.diag(covariance)), rtol=5.0 / np.sqrt(2.0 * n))
    np.testing.assert_allclose(flat.mean(axis=0) / np.sqrt(np.diag(covariance)), 0.0, atol=5.0 / np.sqrt(n))


def test_chains_that_cannot_converge_end_with_their_numbers() -> None:
    found = ensembles(np.eye(2), 1)
    with pytest.raises(ConvergenceError, match="said of 20 steps") as caught:
        found.until_converged(20, 1.0, lambda convergence: f"said of {convergence.steps} steps")
    assert caught.value.convergence.failures


def test_ensembles_have_an_even_number_of_walkers_and_enough_of_them() -> None:
    assert [walkers_of_each(*one) for one in ((64, 3), (65, 3), (8, 11))] == [32, 34, 22]
