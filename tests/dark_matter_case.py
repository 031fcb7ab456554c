"""Generated events of the dark-matter analysis, as the engine hands them over and as the fits see them, without files."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np

from configs.dark_matter import Processor
from data_info.dwarf_galaxies import Source, select
from fits.dark_matter.acceptance import acceptance
from fits.dark_matter.densities import densities
from fits.dark_matter.inputs import Sample, Simulation, SkyEvents, Weighted, fold
from fits.dark_matter.sky import RatioBins, grid, ratio_bins
from fits.dark_matter.windows import Window
from physics.annihilation_spectra import michel
from physics.constants import DAY_S
from processors.dark_matter import DarkMatterProcessor
from readers.events import with_metadata
from simulation import dark_matter

LIVETIME_S = 7 * 330 * DAY_S


def as_events(columns: np.ndarray | Mapping[str, Any], kind: str = "mc", **metadata: Any) -> ak.Array:
    """A structured array, or columns, as the engine hands them to a processor."""
    names = columns.dtype.names if isinstance(columns, np.ndarray) else list(columns)
    about = {"dataset": "sample", "kind": kind, "filename": "events.npy", "entrystart": 0, **metadata}
    return with_metadata(ak.Array({name: np.ascontiguousarray(columns[name]) for name in names}), about)


def processor(kind: str = "mc", season: int | None = None, seed: int = 1, **options: Any) -> DarkMatterProcessor:
    return DarkMatterProcessor(Processor.model_validate(options), kind=kind, season=season, seed=seed)


def process(columns: Any, kind: str = "mc", season: int | None = None, seed: int = 1, **options: Any) -> dict[str, Any]:
    """Histograms (and the table) of one chunk."""
    return processor(kind, season, seed, **options).process(as_events(columns, kind))


def added(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The histograms of several chunks, summed in their order."""
    return {name: sum((part[name] for part in parts[1:]), parts[0][name]) for name in parts[0] if name != "events"}


@functools.cache
def simulated(size: int, seed: int = 3) -> np.ndarray:
    return dark_matter.simulation(size, np.random.default_rng(seed))


@functools.cache
def measured(season: int, size: int, seed: int = 4) -> np.ndarray:
    return dark_matter.data(season, size, np.random.default_rng([seed, season]))


@functools.cache
def sample(simulation_size: int = 60_000, data_size: int = 2000, psf_sindec_bins: int = 1) -> Sample:
    """Two seasons of data with the whole livetime, and one simulation."""
    hists = process(simulated(simulation_size), psf_sindec_bins=psf_sindec_bins)
    data = {season: process(measured(season, data_size), "data", season) for season in (2011, 2016)}
    tables = [one["events"] for one in data.values()]
    sky = SkyEvents(*(np.concatenate([table[column] for table in tables]) for column in ("ra", "sindec", "energy_gev")))
    counts = sum(one["exp_counts"].values() for one in data.values())
    psi = np.radians(hists["response"].axes["psi"].edges)
    return Sample(LIVETIME_S, np.asarray(counts, float), sky, {"mu": as_simulation(hists)}, psi, True)


def as_simulation(hists: Mapping[str, Any]) -> Simulation:
    return Simulation(
        Weighted(*(hists["response"].view(flow=True)[name] for name in ("value", "variance"))),
        10.0 ** hists["response"].axes["true_log_energy"].edges,
        Weighted(*(hists["acceptance"].view(flow=True)[name] for name in ("value", "variance"))),
        10.0 ** hists["acceptance"].axes["true_log_energy"].edges,
    )


@functools.cache
def stacked(mass_gev: float = 100.0, low: int = 24, high: int = 107, *, background: str = "scrambled", bins: int = 64) -> RatioBins:
    """Bins of r for muon pairs and all 29 galaxies, on a coarse grid."""
    window, sources = Window(low, high), select()
    folded = fold(sample().simulation["mu"], michel(mass_gev), "mu")
    share = acceptance(folded, sources, window, 0.1).share
    of_sky = densities(sample(), folded, share, window, np.array([low, high]), 100, 1e-6)
    cells = grid([source.galaxy.ra_rad for source in sources], declinations(sources), sample().psi_edges_rad, (100, 180))
    return ratio_bins(cells, of_sky, bins=bins, max_loss=0.02, background=background)


@functools.cache
def shares(mass_gev: float = 100.0, low: int = 24, high: int = 107) -> np.ndarray:
    return acceptance(fold(sample().simulation["mu"], michel(mass_gev), "mu"), select(), Window(low, high), 0.1).share


def declinations(sources: Sequence[Source]) -> np.ndarray:
    return np.array([source.galaxy.dec_rad for source in sources])
