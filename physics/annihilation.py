"""Neutrinos of dark matter that annihilates or decays far away: flux from cross-section or lifetime, and counts from flux.

J in GeV^2 cm^-5, D in GeV cm^-2, sigma-v in cm^3 s^-1, masses in GeV, lifetimes in s. Fluxes are of one type (neutrinos or antineutrinos alone) and
per energy where the spectrum dN/dE of one type is; the factor 2 for both types is that of the acceptance, which adds up both.
"""

from __future__ import annotations

import math

from configs.errors import InputError

DIRAC = 0.5  # particles meet antiparticles only: half as many pairs as of self-conjugate ones


def annihilation_flux_factor(sigma_v_cm3_s: float, mass_gev: float, *, dirac: bool = False) -> float:
    """Flux per J and per dN/dE: sigma-v / (8 pi m^2), halved for Dirac particles (Cirelli et al., arXiv:1012.4515, section 5).

    >>> round(annihilation_flux_factor(1e-24, 100.0) * 1e20 * 1e10, 6)  # J = 1e20, flux in 1e-10 cm^-2 s^-1
    3.978874
    """
    _positive(mass_gev=mass_gev)
    return sigma_v_cm3_s / (8.0 * math.pi * mass_gev**2) * (DIRAC if dirac else 1.0)


def decay_flux_factor(lifetime_s: float, mass_gev: float) -> float:
    """Flux per D and per dN/dE of one decay: 1 / (4 pi m tau). A decay of mass m has the spectrum of an annihilation at m / 2.

    >>> round(decay_flux_factor(1e26, 200.0) * 1e18 * 1e12, 6)
    3.978874
    """
    _positive(mass_gev=mass_gev, lifetime_s=lifetime_s)
    return 1.0 / (4.0 * math.pi * mass_gev * lifetime_s)


def sigma_v_per_event(mass_gev: float, livetime_s: float, sum_j_acceptance: float, *, dirac: bool = False) -> float:
    """sigma-v of one expected event; ``sum_j_acceptance``: sum over sources of J times acceptance (GeV^2 cm^-5 x cm^2), the analysis' window in it.

    >>> round(sigma_v_per_event(100.0, 1e8, 1e20 * 2e4) * 1e27, 7)  # A = 1 m^2 for the average of both types, so 2e4 cm^2 for their sum
    1.2566371
    """
    _positive(livetime_s=livetime_s, sum_j_acceptance=sum_j_acceptance)
    return 1.0 / (annihilation_flux_factor(1.0, mass_gev, dirac=dirac) * livetime_s * sum_j_acceptance)


def events_per_decay_rate(mass_gev: float, livetime_s: float, sum_d_acceptance: float) -> float:
    """Expected events times lifetime (s): the lifetime of n events is this over n. ``sum_d_acceptance`` in GeV cm^-2 x cm^2."""
    _positive(livetime_s=livetime_s, sum_d_acceptance=sum_d_acceptance)
    return decay_flux_factor(1.0, mass_gev) * livetime_s * sum_d_acceptance


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0.0 and math.isfinite(value)):
            raise InputError(f"{name} is {value!r}; it must be a positive number")
