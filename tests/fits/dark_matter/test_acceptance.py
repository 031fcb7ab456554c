"""Acceptances, shares of the sources, and the one factor between events and sigma-v."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from dark_matter_case import LIVETIME_S, as_simulation, process, sample, simulated

from configs.errors import InputError
from data_info.dwarf_galaxies import select
from fits.dark_matter.acceptance import Conversion, acceptance, conversion
from fits.dark_matter.inputs import Folded, Simulation, Weighted, fold
from fits.dark_matter.windows import Window
from physics.annihilation_spectra import Spectrum, line, michel
from physics.oscillation import mixing
from simulation.dark_matter import effective_area_cm2

SOURCES = select()
ALL = Window(0, 501)  # with everything above the last edge
BAND = 0.1


@functools.cache
def large() -> Simulation:
    """The 350,000 events of the specification's measurements; the angles do not matter here."""
    return as_simulation(process(simulated(350_000), psi_edges_deg=[0.0, 180.0]))


def events_of(spectrum: Spectrum, mass_gev: float, window: Window = ALL, sigma_v: float = 1e-24) -> float:
    found = acceptance(fold(large(), spectrum, "mu"), SOURCES, window, BAND)
    return sigma_v / conversion(found, mass_gev, LIVETIME_S, decay=False, dirac=False).per_event


def test_golden_10_events_of_a_line() -> None:
    assert events_of(line(50.0, 0.05), 50.0) == pytest.approx(0.31577, rel=0.04)


def test_golden_11_events_of_muon_pairs() -> None:
    angles = mixing("reference")
    assert events_of(michel(100.0).at_earth(angles), 100.0) == pytest.approx(0.10221, rel=0.015)


def test_golden_11_against_the_integral() -> None:
    """The published P is that of the second set of angles: the integral of A dN/dE with it, and the events."""
    angles, mass = mixing("nufit60_no"), 100.0
    energy = np.geomspace(10**0.3, 100.0, 4001)
    edges = np.sqrt(energy[1:] * energy[:-1])
    per_gev = michel(mass).at_earth(angles).per_gev(edges)[1]
    integral = float((2.0 * effective_area_cm2(energy[1:-1]) * per_gev * np.diff(edges)).sum())
    j = sum(10**source.j.log10 for source in SOURCES)
    expected = 1e-24 / (8 * math.pi * mass**2) * j * LIVETIME_S * integral
    assert events_of(michel(mass).at_earth(angles), mass) == pytest.approx(expected, rel=0.015)


def test_golden_12_shares_of_a_flat_acceptance_are_those_of_j() -> None:
    found = acceptance(fold(large(), michel(100.0), "mu"), SOURCES, ALL, BAND)
    j = 10.0 ** np.array([source.j.log10 for source in SOURCES])
    assert found.share.sum() == pytest.approx(1.0, rel=1e-14)
    np.testing.assert_allclose(found.share, j / j.sum(), rtol=4 * found.relative_error.max())
    largest = np.argsort(j)[-3:]
    np.testing.assert_allclose(found.share[largest], (j / j.sum())[largest], rtol=0.03)
    bands = fold(large(), michel(100.0), "mu").acceptance
    value, variance = bands.value.sum(axis=1), bands.variance.sum(axis=1)
    assert 0.6 < ((value - value.mean()) ** 2 / variance).mean() < 1.4  # 40 of them


def test_window_is_in_the_conversion() -> None:
    """The published limits counted in the window and converted without it, too strong by the share of the window."""
    spectrum, window = michel(100.0), Window(24, 107)
    folded = fold(large(), spectrum, "mu")
    share = folded.acceptance.value[:, window.bins].sum() / folded.acceptance.value.sum()
    assert 0.3 < share < 0.95
    assert events_of(spectrum, 100.0, window) / events_of(spectrum, 100.0) == pytest.approx(share, rel=0.02)


def test_sigma_v_does_not_depend_on_the_window() -> None:
    """As many events as a cross-section gives in a window give back this cross-section, in any window."""
    folded = fold(large(), michel(100.0), "mu")
    for window in (ALL, Window(24, 107), Window(0, 30)):
        found = acceptance(folded, SOURCES, window, BAND)
        expected = 1e-24 / (8 * math.pi * 100.0**2) * LIVETIME_S * sum(10**s.j.log10 * a for s, a in zip(SOURCES, found.area_cm2, strict=True))
        assert conversion(found, 100.0, LIVETIME_S, decay=False, dirac=False)(expected) == pytest.approx(1e-24, rel=1e-12)


def test_conversions_of_dirac_particles_and_of_decay() -> None:
    found = acceptance(fold(large(), michel(100.0), "mu"), SOURCES, ALL, BAND)
    majorana, dirac = (conversion(found, 100.0, LIVETIME_S, decay=False, dirac=one) for one in (False, True))
    assert dirac(7.0) == pytest.approx(2.0 * majorana(7.0))
    decay = conversion(found, 200.0, LIVETIME_S, decay=True, dirac=False)
    assert decay(10.0) == pytest.approx(LIVETIME_S * found.sum_j_area / (4 * math.pi * 200.0 * 10.0))
    assert decay(0.0) == math.inf
    assert Conversion(2.0)(0.0) == 0.0


def flat(bands: int = 40, energies: int = 501) -> Folded:
    """One unit of weight in every cell; nothing in psi."""
    ones = np.ones((bands, energies))
    return Folded(Weighted(ones[:, :, None], ones[:, :, None]), Weighted(ones, ones))


def test_bands_are_cut_off_at_the_poles() -> None:
    """A flat sky has the same acceptance at every declination, whatever the width of the band; weight / (2 pi d sin dec) by hand."""
    for band in (0.02, 0.1, 0.6, 2.0):
        found = acceptance(flat(), SOURCES, Window(0, 10), band)
        np.testing.assert_allclose(found.area_cm2, 40 * 10 / (4 * math.pi), rtol=1e-12)
    assert acceptance(flat(), SOURCES, Window(0, 10), 2.0).relative_error == pytest.approx(1 / math.sqrt(400))


def test_no_signal_at_a_declination() -> None:
    southern = flat()
    southern.acceptance.value[20:] = 0.0
    with pytest.raises(InputError, match="no simulated signal in 0-10 GeV at the declination of BootesI, CanesVenaticiI, .*; widen the window or"):
        acceptance(southern, SOURCES, Window(0, 10), BAND)


def test_small_sample_of_the_other_tests() -> None:
    folded = fold(sample().simulation["mu"], michel(100.0), "mu")
    assert acceptance(folded, SOURCES, ALL, BAND).relative_error.max() < 0.1
