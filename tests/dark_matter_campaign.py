"""A small campaign on generated events, without files: coarse sky, few trials."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from dark_matter_case import sample

from configs.dark_matter import Campaign
from data_info.annihilation_spectra import embedded
from data_info.dwarf_galaxies import Source, select
from fits.dark_matter.bank import Bank
from fits.dark_matter.case import Case, Shared, prepare
from fits.dark_matter.combination import evaluate
from fits.dark_matter.sky import Grid, grid
from physics.annihilation_spectra import Spectra
from physics.oscillation import mixing
from records.dark_matter import CombinationResult

FEW = {"background": 600, "per_limit_point": 300, "signal_per_point": 500, "points": 7}
DEFAULTS: dict[str, Any] = {
    "channels": {"Nu": [50], "Mu": [100]}, "trials": FEW, "pdf": {"grid": (60, 120)}, "likelihood": {"max_info_loss": 0.02},
    "statistics": {"target_error": 0.1, "discovery_sigma": [3]},
}  # fmt: skip


@functools.cache
def coarse_grid() -> Grid:
    return grid_of(tuple(select()))


def grid_of(sources: tuple[Source, ...]) -> Grid:
    ra, dec = ([getattr(source.galaxy, key) for source in sources] for key in ("ra_rad", "dec_rad"))
    return grid(ra, dec, sample().psi_edges_rad, (60, 120))


def shared(*, blind: bool = True, seed: int = 1, mixtures: dict[str, dict[str, float]] | None = None, **options: Any) -> Shared:
    """Everything that combinations share; ``options`` replace whole sections of the small defaults, dictionaries are joined to theirs."""
    joined = {key: {**DEFAULTS.get(key, {}), **value} if isinstance(value, dict) and key != "channels" else value for key, value in options.items()}
    campaign = Campaign.model_validate({**DEFAULTS, **joined})
    events = replace(sample(), blind=blind)
    return Shared(campaign, seed, events, select(), coarse_grid(), Spectra(embedded(), mixtures=mixtures), mixing("nufit60_no"))


def bank_of(case: Case, common: Shared, **options: Any) -> Bank:
    return Bank(case.bins, common.seed, case.channel, case.mass_gev, common.options.trials.inject, common.options.trials.engine, **options)


def result(common: Shared, channel: str = "Nu", mass_gev: float = 50.0) -> CombinationResult:
    case = prepare(common, channel, mass_gev)
    return evaluate(case, common, bank_of(case, common))
