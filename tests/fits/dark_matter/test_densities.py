"""Densities of signal and background: normalisation, smoothing, declination, exact scrambling."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from dark_matter_case import declinations, sample

from configs.errors import InputError
from data_info.dwarf_galaxies import select
from fits.dark_matter.densities import background, background_around_sources, densities, psf_per_sr
from fits.dark_matter.inputs import Folded, Weighted, energy_bins, fold
from fits.dark_matter.windows import Window
from physics.annihilation_spectra import michel
from physics.sphere import ring_sr, scrambled_cdf

SOURCES = select()
DEC, SHARE = declinations(SOURCES), np.full(len(SOURCES), 1.0 / len(SOURCES))
WINDOW = Window(0, 60)


def folded(bands: int = 1) -> Folded:
    return fold(sample(psf_sindec_bins=bands).simulation["mu"], michel(100.0), "mu")


@pytest.mark.parametrize("bins", [1, 8])
def test_densities_sum_to_one_over_sky_and_energies(bins: int) -> None:
    edges = energy_bins(sample().counts, WINDOW.low, WINDOW.high, bins)
    found = densities(sample(), folded(), SHARE, WINDOW, edges, 200, 1e-6)
    assert found.psf_per_sr.shape == (1, bins, 41)
    assert (found.psf_per_sr * ring_sr(sample().psi_edges_rad)).sum() == pytest.approx(1.0, rel=1e-12)
    assert found.background.sum() == pytest.approx(1.0, rel=1e-12)
    assert (found.background > 0.0).all()
    assert (found.psf_per_sr > 0.0).all()
    assert found.n_events == sample().counts[:, WINDOW.bins].sum()
    np.testing.assert_allclose(found.background.sum(axis=1), 1.0 / bins, atol=0.05)


def test_floor_is_isotropic_and_keeps_the_sum() -> None:
    narrow = np.zeros((1, 501, 41))
    narrow[0, :60, 0] = 1.0
    only_near = Folded(Weighted(narrow, narrow), folded().acceptance)
    found = psf_per_sr(only_near, sample().psi_edges_rad, np.array([0, 60]), 0.01)
    assert found[0, 0, 1:] == pytest.approx(0.01 / (4 * math.pi))
    assert (found * ring_sr(sample().psi_edges_rad)).sum() == pytest.approx(1.0)


def test_bands_of_declination_give_every_source_its_own_density() -> None:
    edges = np.array([0, 60])
    each = psf_per_sr(folded(4), sample(psf_sindec_bins=4).psi_edges_rad, edges, 1e-6, DEC)
    rings = ring_sr(sample().psi_edges_rad)
    assert each.shape == (len(SOURCES), 1, 41)
    np.testing.assert_allclose((each * rings).sum(axis=(1, 2)), 1.0, rtol=1e-12)
    band = ((np.sin(DEC) + 1) * 2).astype(int)
    for one in range(4):
        members = each[band == one]
        content = folded(4).psf.value[one, :60].sum(axis=0)
        np.testing.assert_allclose(members[0, 0] * rings, (1 - 1e-6) * content / content.sum() + 1e-6 * rings / (4 * math.pi), rtol=1e-12)
        assert (members == members[0]).all()
    with pytest.raises(InputError, match="psf_sindec_bins.* needs the declinations of the sources"):
        psf_per_sr(folded(4), sample().psi_edges_rad, edges, 1e-6)


def test_a_band_without_signal() -> None:
    hole = np.ones((4, 501, 41))
    hole[2] = 0.0
    with pytest.raises(InputError, match="a source's band of declination holds no simulated signal in the window"):
        psf_per_sr(Folded(Weighted(hole, hole), folded().acceptance), sample().psi_edges_rad, np.array([0, 60]), 1e-6, DEC)


def test_windows_without_data_or_signal_tell_both_counts() -> None:
    with pytest.raises(InputError, match="the window 495-500 GeV holds 0 data events and a signal of .* cm.2 sr; both are needed"):
        densities(sample(), folded(), SHARE, Window(495, 500), np.array([495, 500]), 200, 1e-6)
    nothing = dataclasses.replace(folded(), psf=folded().psf.scaled(0.0))
    with pytest.raises(InputError, match=r"the window 0-60 GeV holds \d+ data events and a signal of 0 cm"):
        densities(sample(), nothing, SHARE, WINDOW, np.array([0, 60]), 200, 1e-6)


def test_background_is_the_true_one_within_errors() -> None:
    """Density 1 - 0.35 sin dec of the generator: the smoothed one is closer than the counts are."""
    found = background(sample().counts, np.array([0, 500]), 100)[0]
    x = 2 * (np.arange(100) + 0.5) / 100 - 1
    true = (1 - 0.35 * x) / 100
    error = np.sqrt(true / sample().counts.sum())
    assert (((found - true) / error) ** 2).mean() < 0.3
    assert found[-1] == pytest.approx(true[-1], rel=0.2)


def test_background_of_exact_exponentials_is_kept() -> None:
    x = 2 * (np.arange(100) + 0.5) / 100 - 1
    counts = 1e5 * np.exp(0.7 * x - 0.4 * x**2)
    found = background(counts[:, None], np.array([0, 1]), 100)[0]
    np.testing.assert_allclose(found, counts / counts.sum(), rtol=1e-8)


def test_background_without_events_somewhere_stays_positive() -> None:
    counts = np.zeros((100, 1))
    counts[:40, 0] = 30.0
    assert (background(counts, np.array([0, 1]), 200) > 0.0).all()
    few = np.zeros((100, 1))
    few[[3, 50, 77]] = 1.0
    np.testing.assert_allclose(background(few, np.array([0, 1]), 200), 1.0 / 200)


def test_scrambled_background_around_sources_needs_no_drawing() -> None:
    """Against the distribution averaged over the events at their own declinations, not their bins'."""
    one, counts = SOURCES[8].galaxy, sample().counts
    found = background_around_sources(sample(), np.array([one.dec_rad]), np.array([1.0]))
    assert found.shape == (500, 41)
    np.testing.assert_allclose(found.sum(axis=1), counts.sum(axis=0), rtol=1e-12)
    dec = np.arcsin(sample().sky.sindec[sample().sky.energy_gev < 500.0])
    exact = np.diff(scrambled_cdf(sample().psi_edges_rad[:, None], dec, one.dec_rad).sum(axis=1))
    np.testing.assert_allclose(found.sum(axis=0)[15:], exact[15:], rtol=0.06)  # from 20 degrees on
    assert found[:, :15].sum() == pytest.approx(exact[:15].sum(), rel=0.02)


def test_scrambled_background_is_averaged_with_the_shares() -> None:
    two = background_around_sources(sample(), DEC[:2], np.array([0.25, 0.75]))
    each = [background_around_sources(sample(), DEC[place : place + 1], np.array([1.0])) for place in (0, 1)]
    np.testing.assert_allclose(two, 0.25 * each[0] + 0.75 * each[1], atol=1e-12)
