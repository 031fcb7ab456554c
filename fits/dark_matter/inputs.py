"""What all combinations of channel and mass share: exposures, data, and the simulation's response with any spectrum folded in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from configs.schema import DarkMatterConfig
from fits.dark_matter.event_checks import refuse_repeated, warn_of_area, warn_of_runs
from physics.annihilation_spectra import Spectrum
from physics.oscillation import FLAVOURS
from records.tables import TablesByDataset

Array = NDArray[np.float64]
UNWEIGHTED = "reference_response"


@dataclass(frozen=True, eq=False)
class Weighted:
    """Sums of weights in bins, and of their squares."""

    value: Array
    variance: Array

    def __add__(self, other: Weighted) -> Weighted:
        return Weighted(self.value + other.value, self.variance + other.variance)

    def scaled(self, factor: float) -> Weighted:
        """Every weight multiplied by ``factor``."""
        return Weighted(factor * self.value, factor**2 * self.variance)


@dataclass(frozen=True, eq=False)
class Simulation:
    """One flavour, averaged over the seasons: response (bands, true energy, energy, psi) and acceptance (bands, true energy, energy).

    Weights ow in GeV cm^2 sr; energies in bins of 1 GeV, the last one everything above.
    """

    response: Weighted
    response_edges_gev: Array
    acceptance: Weighted
    acceptance_edges_gev: Array
    unweighted: Array | None = None  # numbers of events (true energy, energy, 36 bins of psi) for the comparison with the published program


@dataclass(frozen=True, eq=False)
class SkyEvents:
    """Data events: directions (rad; right ascensions scrambled while blind) and energies."""

    ra: Array
    sindec: Array
    energy_gev: Array


@dataclass(frozen=True, eq=False)
class Sample:
    """Everything that does not depend on channel and mass."""

    livetime_s: float
    counts: Array  # (sin dec, energy in 1-GeV bins without overflow)
    sky: SkyEvents
    simulation: Mapping[str, Simulation]  # by flavour
    psi_edges_rad: Array
    blind: bool


@dataclass(frozen=True, eq=False)
class Folded:
    """Signal per unit of flux factor: (bands, energies, psi) and (bands of true declination, energies), in cm^2 sr."""

    psf: Weighted
    acceptance: Weighted

    def __add__(self, other: Folded) -> Folded:
        return Folded(self.psf + other.psf, self.acceptance + other.acceptance)


def fold(simulation: Simulation, spectrum: Spectrum, flavour: str) -> Folded:
    """The spectrum's mean in every bin of true energy times the weights there."""
    number = FLAVOURS.index(flavour)
    of_response, of_acceptance = (spectrum.per_gev(edges)[number] for edges in (simulation.response_edges_gev, simulation.acceptance_edges_gev))
    return Folded(
        Weighted(
            np.einsum("t,btep->bep", of_response, simulation.response.value), np.einsum("t,btep->bep", of_response**2, simulation.response.variance)
        ),
        Weighted(
            np.einsum("t,bte->be", of_acceptance, simulation.acceptance.value),
            np.einsum("t,bte->be", of_acceptance**2, simulation.acceptance.variance),
        ),
    )


def sample(config: DarkMatterConfig, hists: Mapping[str, Mapping[str, hist.Hist]], tables: TablesByDataset, account: Mapping[str, Any]) -> Sample:
    """Add up seasons and simulations, each with the share of the livetime it stands for, corrected for entries that could not be processed.

    Raises ``InputError`` for events that are given twice and for seasons without exactly one simulation of every detected flavour.
    """
    data = [name for name, one in config.datasets.items() if one.kind == "data" and name in hists]
    if not data:
        raise InputError("no data could be processed: a limit needs events")
    about = account["datasets"]
    livetime_s = {about[name]["metadata"]["season"]: about[name]["livetime_s"] * about[name]["fraction"] for name in data}
    _check_events(data, hists, tables, about)
    counts = sum(hists[name]["exp_counts"].values(flow=False) for name in data)
    sky = SkyEvents(*(np.concatenate([tables[name]["events"][column] for name in data]) for column in ("ra", "sindec", "energy_gev")))
    flavours: list[str] = sorted({flavour for fit in config.fits.values() for flavour in fit.flavours})
    simulation = {flavour: _simulation(config, flavour, livetime_s, hists, about) for flavour in flavours}
    psi = next(iter(one for name, one in hists.items() if config.datasets[name].kind == "mc"))["response"].axes["psi"].edges
    return Sample(
        sum(livetime_s.values()), np.asarray(counts, dtype=np.float64), sky, simulation, np.radians(psi), getattr(config.processor, "blind", True)
    )


def _check_events(
    data: Sequence[str], hists: Mapping[str, Mapping[str, hist.Hist]], tables: TablesByDataset, about: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse repeated events; warn where those of a season processed as a whole are not those of its good run list."""
    refuse_repeated({name: tables[name]["events"] for name in data})
    for name in (one for one in data if about[one]["fraction"] == 1.0):
        read, kept = hists[name]["cutflow"].values().astype(int)
        warn_of_runs(name, tables[name]["events"], about[name]["metadata"], read - kept)
    for name in (one for one in hists if "acceptance" in hists[one]):
        warn_of_area(name, hists[name]["acceptance"])


def _simulation(
    config: DarkMatterConfig, flavour: str, livetime_s: Mapping[int, float], hists: Mapping[str, Mapping[str, hist.Hist]], about: Mapping[str, Any]
) -> Simulation:
    """The simulations of a flavour, each weighted with the share of the livetime of its seasons."""
    simulated = {name: one for name, one in config.datasets.items() if one.flavour == flavour and name in hists}
    of_season = {season: [name for name, one in simulated.items() if one.stands_for(season)] for season in livetime_s}
    for season, names in of_season.items():
        if len(names) != 1:
            found = " and ".join(names) or "none"
            raise InputError(f"season {season} needs one simulation of nu_{flavour}; found {found}")
    total = sum(livetime_s.values())
    shares: dict[str, float] = {}
    for season, (name,) in of_season.items():
        shares[name] = shares.get(name, 0.0) + livetime_s[season] / total
    parts = {name: share / about[name]["fraction"] for name, share in shares.items()}
    first = hists[next(iter(parts))]
    return Simulation(
        _added(hists, parts, "response"), 10.0 ** first["response"].axes["true_log_energy"].edges,
        _added(hists, parts, "acceptance"), 10.0 ** first["acceptance"].axes["true_log_energy"].edges,
        _unweighted(hists, parts),
    )  # fmt: skip


def _added(hists: Mapping[str, Mapping[str, hist.Hist]], parts: Mapping[str, float], histogram: str) -> Weighted:
    """Weighted sum of one histogram over simulations, the overflow in energy kept as the last bin."""
    total: Weighted | None = None
    for name, factor in parts.items():
        one = hists[name][histogram]
        filled: Any = one.view(flow=True)
        scaled = Weighted(filled["value"], filled["variance"]).scaled(factor)
        total = scaled if total is None else total + scaled
    assert total is not None  # every flavour has a simulation
    return total


def _unweighted(hists: Mapping[str, Mapping[str, hist.Hist]], names: Iterable[str]) -> Array | None:
    """Numbers of events of all simulations, where they were counted."""
    found = [hists[name][UNWEIGHTED].values(flow=True) for name in names if UNWEIGHTED in hists[name]]
    return np.sum(found, axis=0, dtype=np.float64) if found else None


def energy_bins(counts: Array, low: int, high: int, bins: int) -> NDArray[np.intp]:
    """Edges (whole GeV) that cut the window [low, high) into at most ``bins`` parts with equal numbers of data events."""
    inside = counts.sum(axis=0)[low:high]
    share = np.concatenate([[0.0], np.cumsum(inside)]) / max(inside.sum(), 1.0)
    wanted = np.searchsorted(share, np.arange(1, bins) / bins, side="left")
    return np.unique(np.concatenate([[low], np.minimum(low + wanted, high), [high]])).astype(np.intp)
