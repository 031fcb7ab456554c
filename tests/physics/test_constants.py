"""Conventions of the published flux: one species a sixth, one flavour a third; the livetime in days."""

from __future__ import annotations

import math

import pytest

from physics import constants


def test_livetime_of_the_release_in_days() -> None:
    """PRD 104 022002: 2635 days; the release's scripts: 227708167.68 s."""
    assert pytest.approx(2635.51, abs=0.005) == constants.HESE_LIVETIME_S / constants.DAY_S


def test_published_norm_per_flavour_and_per_species() -> None:
    """6.37 for six species is 2.12 per flavour (nu + nubar), as both are quoted."""
    assert pytest.approx(2.12, abs=0.005) == 6.37 / constants.N_FLAVOURS
    assert constants.N_SPECIES == 2 * constants.N_FLAVOURS


def test_solid_angle_and_areas() -> None:
    assert pytest.approx(4 * math.pi) == constants.FULL_SKY_SR
    assert constants.M2_TO_CM2 == 100.0**2
