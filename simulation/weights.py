"""Generated events with their expected numbers: the exercise's form of them, and what a given flux makes of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from physics.binning import MORPHOLOGY
from physics.constants import FLUX_UNIT_PER_GEV_CM2_S_SR, N_SPECIES, PIVOT_GEV
from simulation.diffuse import Events
from simulation.surrogate import REFERENCE_INDEX

Array = NDArray[np.float64]

TOY_COLUMNS = ("astroWeight", "atmoWeight", "energy", "primaryEnergy", "primaryZenith", "topology", "zenith")  # in the order of the known files
# The published best fit: Phys. Rev. D 104, 022002 and github icecube/HESE-7-year-data-release.
PUBLISHED = {"astro_norm": 6.36488608, "astro_gamma": 2.87375956, "atmos_norm": 1.0}


def astro_weight(events: Events, livetime_s: float) -> Array:
    """Expected astrophysical events at six-species norm 1e-18 at 100 TeV and index 2.5."""
    flux = FLUX_UNIT_PER_GEV_CM2_S_SR / N_SPECIES * (events["primaryEnergy"] / PIVOT_GEV) ** -REFERENCE_INDEX
    return np.asarray(livetime_s * events["weightOverFluxOverLivetime"] * flux)


def atmospheric_weight(events: Events, livetime_s: float) -> Array:
    """Expected conventional neutrinos and muons."""
    conventional = (events["pionFlux"] + events["kaonFlux"]) * events["conventionalSelfVetoCorrection"]
    return np.asarray(livetime_s * (events["weightOverFluxOverLivetime"] * conventional + events["muonWeightOverLivetime"]))


def as_toy(events: Events, livetime_s: float) -> Events:
    """The columns of the exercise; topology 1 for tracks, 0 for all others."""
    return {
        "astroWeight": astro_weight(events, livetime_s),
        "atmoWeight": atmospheric_weight(events, livetime_s),
        "energy": events["recoDepositedEnergy"],
        "primaryEnergy": events["primaryEnergy"],
        "primaryZenith": events["primaryZenith"],
        "topology": (events["recoMorphology"] == MORPHOLOGY["track"]).astype(np.int64),
        "zenith": events["recoZenith"],
    }


def truth_values(given: Mapping[str, float]) -> dict[str, float]:
    """The parameters that data are drawn at: the published best fit unless given. Raises ``InputError`` for unknown or impossible ones."""
    for name, value in given.items():
        if name not in PUBLISHED:
            raise InputError(f"example.truth: {name!r} is not a parameter of the generated data{nearest(name, PUBLISHED)}")
        if not np.isfinite(value) or (value < 0 and name.endswith("norm")):
            raise InputError(f"example.truth.{name}: {value:g} is not possible; norms are finite and not negative")
    return {**PUBLISHED, **given}


def expected(astro: Array, atmospheric: Array, energy_gev: Array, truth: Mapping[str, float]) -> Array:
    """Expected number of each event or cell at a power law (six-species norm at 100 TeV in 1e-18, index) plus atmosphere."""
    tilt = (energy_gev / PIVOT_GEV) ** -(truth["astro_gamma"] - REFERENCE_INDEX)
    return np.asarray(truth["astro_norm"] * astro * tilt + truth["atmos_norm"] * atmospheric)
