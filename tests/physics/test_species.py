"""One, two or six species: the conversions of the units page, of the published files and of what the fits draw are the same numbers."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fits.comparison import PER_FLAVOUR_TO_SIX_SPECIES, read_contour
from physics.constants import FLUX_UNIT_PER_GEV_CM2_S_SR, N_FLAVOURS, N_SPECIES, PIVOT_GEV
from physics.segmented_spectrum import UNIT_GEV_CM2_S_SR

PAGE = Path(__file__).resolve().parents[2] / "docs" / "units.md"
SPECIES = {"six species": N_SPECIES, "one flavour": N_SPECIES // N_FLAVOURS, "one species": 1}
ROW = re.compile(r"^\| (six species|one flavour|one species)[^|]*\| ([\d/]+) \| ([\d/]+) \| ([\d/]+) \|$", re.MULTILINE)


def test_the_table_of_the_units_page_is_the_ratio_of_species() -> None:
    rows = {name: [Fraction(one) for one in factors] for name, *factors in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert set(rows) == set(SPECIES)
    for name, factors in rows.items():
        assert factors == [Fraction(to, SPECIES[name]) for to in SPECIES.values()]
    assert rows["six species"] == [1, Fraction(1, 3), Fraction(1, 6)]


def test_the_published_contour_is_per_flavour(tmp_path: Path) -> None:
    """2.12e-18 GeV^-1 cm^-2 s^-1 sr^-1 of one flavour is 6.36 of six species in 1e-18: the factor 3e18, whatever the key's name says."""
    assert pytest.approx(3.0e18) == PER_FLAVOUR_TO_SIX_SPECIES
    path = tmp_path / "contour.json"
    path.write_text(json.dumps({"SpectralIndex": {"0": 2.87}, "FluxNorm at 100 TeV [GeV.cm^-2.s.sr]": {"0": 2.12e-18}}))
    np.testing.assert_allclose(read_contour(path), [[2.87, 6.36]])


def test_the_unit_of_segments_at_100_tev_is_that_of_one_flavour() -> None:
    """E^2 Phi = 1e-8 at 1e5 GeV is Phi = 1e-18 per flavour, a third of astro_norm = 3."""
    assert pytest.approx(FLUX_UNIT_PER_GEV_CM2_S_SR) == UNIT_GEV_CM2_S_SR / PIVOT_GEV**2
    assert pytest.approx(N_FLAVOURS) == UNIT_GEV_CM2_S_SR / PIVOT_GEV**2 * PER_FLAVOUR_TO_SIX_SPECIES


@pytest.mark.public_data
def test_published_files_agree_in_their_species(public_data: Path) -> None:
    """The centre of the published contour, converted, is the published norm of six species."""
    points = read_contour(public_data / "hese" / "icecube_spl_hese_contour1sigma.json")
    assert points[:, 1].mean() == pytest.approx(6.37, rel=0.05)
    assert points[:, 0].mean() == pytest.approx(2.87, abs=0.05)
