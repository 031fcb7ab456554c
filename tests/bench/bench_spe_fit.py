"""Spectra of single photo-electrons: the Fourier engine beside the series in direct space, the gradient beside differences, and whole fits."""

from __future__ import annotations

import numpy as np
import pytest
from bench.stopwatch import least_s
from reference.spe_series import gauss_bins
from spe_case import spectra

from fits.saldanha import saldanha
from fits.spe_fit import fit_spe
from fits.spe_likelihood import SpeLikelihood, SpeSpectra, start_values
from fits.spe_models import MODELS, spe_model

TRUTH = {"gamma": (2.1, 0.4), "gauss": (2.1, 0.3), "bellamy": (2.1, 0.3, 0.15, 1.2), "dossi": (0.15, 0.5, 2.2, 0.7)}


def likelihood(model: str, n: int = 10_000) -> SpeLikelihood:
    both = SpeSpectra.from_hists(*spectra(model, TRUTH[model], seed=1, n=n))
    return SpeLikelihood(spe_model(model), both, start_values(both))


@pytest.mark.parametrize("model", MODELS)
def test_likelihood_and_gradient(benchmark, model: str) -> None:
    nll = likelihood(model)
    theta = np.array([one.start for one in nll.parameters])
    value, _ = benchmark(nll.value_and_gradient, theta)
    assert np.isfinite(value)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("n", [1_000, 10_000, 1_000_000])
def test_fit(benchmark, model: str, n: int) -> None:
    """Target: 2 x 10,000 events in less than a second; the cost does not grow with the events."""
    both = spectra(model, TRUTH[model], seed=1, n=n)
    found = benchmark.pedantic(fit_spe, (*both, model), rounds=3)
    assert found.valid


def test_saldanha(benchmark) -> None:
    both = spectra("gauss", TRUTH["gauss"], seed=1)
    assert benchmark.pedantic(saldanha, both, rounds=3).valid


def test_engine_beats_the_series(benchmark) -> None:
    """Both spectra and all derivatives in one transform, against the values alone of one spectrum as a sum of 60 Gaussians."""
    nll = likelihood("gauss")
    theta = np.array([one.start for one in nll.parameters])
    edges = nll.spectra.edges_pc / nll.unit_pc
    ours = least_s(lambda: nll.value_and_gradient(theta))
    series = least_s(lambda: gauss_bins(edges, *theta))
    benchmark.extra_info["ratio"] = series / ours
    benchmark.pedantic(nll.value_and_gradient, (theta,), rounds=3)
    assert series > 2 * ours
