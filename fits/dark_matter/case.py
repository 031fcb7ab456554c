"""One channel and mass made ready: window, acceptance, densities, bins of r, and where the data fall in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.dark_matter import Campaign
from configs.errors import InputError
from data_info.dwarf_galaxies import Source
from fits.dark_matter import windows
from fits.dark_matter.acceptance import Acceptance, Conversion, acceptance, conversion
from fits.dark_matter.densities import background_around_sources, densities, events_in
from fits.dark_matter.inputs import Folded, Sample, energy_bins, fold
from fits.dark_matter.sky import Densities, Grid, RatioBins, ratio_bins
from fits.dark_matter.source_arrays import directions
from fits.dark_matter.windows import Window
from physics.annihilation_spectra import Spectra, Spectrum
from physics.oscillation import Mixing

Array = NDArray[np.float64]

EVERYTHING = Window(0, windows.HIGHEST_GEV)


@dataclass(frozen=True, eq=False)
class Shared:
    """What all combinations of a campaign have in common."""

    options: Campaign
    seed: int
    sample: Sample
    sources: Sequence[Source]
    cells: Grid
    spectra: Spectra
    angles: Mixing | None


@dataclass(frozen=True, eq=False)
class Case:
    """One combination. ``event`` (N,) and ``row`` (N,): numbers among all data, and rows of cells of all energy bins, of the events in the window."""

    channel: str
    mass_gev: float
    window: Window
    source_spectrum: Spectrum
    earth_spectrum: Spectrum
    folded: Folded
    acceptance: Acceptance
    conversion: Conversion
    energy_edges: NDArray[np.intp]
    densities: Densities
    bins: RatioBins
    counts: Array  # (K,) of the data, right ascensions as they were given to us
    event: NDArray[np.int64]
    row: NDArray[np.int64]

    @property
    def name(self) -> str:
        """``<channel>_<mass>``."""
        return combination_name(self.channel, self.mass_gev)


def prepare(shared: Shared, channel: str, mass_gev: float) -> Case:
    """Make a combination ready. Raises ``InputError`` for what cannot be asked (mass, window, number of events), naming the combination."""
    with naming(channel, mass_gev):
        return _prepared(shared, channel, mass_gev)


def combination_name(channel: str, mass_gev: float) -> str:
    """How results and files of a combination are called.

    >>> combination_name("b", 100.0)
    'b_100'
    """
    return f"{channel}_{mass_gev:g}"


@contextmanager
def naming(channel: str, mass_gev: float) -> Iterator[None]:
    """Messages of ``InputError`` inside begin with the combination."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{channel} at {mass_gev:g} GeV: {error}") from error


def _prepared(shared: Shared, channel: str, mass_gev: float) -> Case:
    options, sample = shared.options, shared.sample
    decay = options.mode == "decay"
    at_source = shared.spectra.at_source(channel, mass_gev / 2.0 if decay else mass_gev)
    at_earth = at_source.at_earth(shared.angles)
    parts = [fold(sample.simulation[flavour], at_earth, flavour) for flavour in options.flavours]
    folded = parts[0]
    for part in parts[1:]:
        folded = folded + part
    window = _window(shared, folded, channel, mass_gev)
    events_in(sample, folded, window)
    found = acceptance(folded, shared.sources, window, options.pdf.acceptance_band)
    edges = energy_bins(sample.counts, window.low, window.high, options.pdf.energy_bins)
    _, dec = directions(shared.sources)
    of_sky = densities(sample, folded, found.share, window, edges, options.pdf.grid[0], options.pdf.floor, dec)
    wanted = options.trials.n_events
    if wanted != "data" and wanted != of_sky.n_events:
        raise InputError(
            f"trials.n_events is {wanted}, the window {window} holds {of_sky.n_events} data events; take data "
            "(compat.n_trial is that of likelihood.type: reference)"
        )
    likelihood = options.likelihood
    bins = ratio_bins(shared.cells, of_sky, bins=likelihood.ratio_bins, max_loss=likelihood.max_info_loss, background=likelihood.background)
    counts, event, row = _data(sample, window, edges, bins)
    factor = conversion(found, mass_gev, sample.livetime_s, decay=decay, dirac=options.dirac)
    return Case(channel, mass_gev, window, at_source, at_earth, folded, found, factor, edges, of_sky, bins, counts, event, row)


def _window(shared: Shared, folded: Folded, channel: str, mass_gev: float) -> Window:
    """Of the configuration, or the best of all pairs on scrambled data. A decay has the published window of an annihilation at half the mass."""
    rule = shared.options.window.rule
    if rule != "optimise":
        published_for = mass_gev / 2.0 if shared.options.mode == "decay" and rule == "reference" else mass_gev
        return windows.given(rule, channel, published_for)
    return windows.best(window_merits(shared, folded), shared.options.window.range)


def window_merits(shared: Shared, folded: Folded) -> Array:
    """Figure of merit of all windows, for the sources' shares without one."""
    share = acceptance(folded, shared.sources, EVERYTHING, shared.options.pdf.acceptance_band).share
    _, dec = directions(shared.sources)
    background = background_around_sources(shared.sample, dec, share)
    signal = folded.psf.value.sum(axis=0)[: len(background)]
    return windows.merits(signal, background, shared.options.window.fom)


def _data(sample: Sample, window: Window, edges: NDArray[np.intp], bins: RatioBins) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Counts in the bins of r, and numbers and rows of the data events in the window."""
    sky = sample.sky
    event = np.flatnonzero((sky.energy_gev >= window.low) & (sky.energy_gev < window.high))
    rows = bins.cell_bin.shape[1]
    of_sindec = np.clip(((sky.sindec[event] + 1.0) / 2.0 * rows).astype(int), 0, rows - 1)
    row = (np.searchsorted(edges, sky.energy_gev[event], side="right") - 1) * rows + of_sindec
    return bins.counts(row, sky.ra[event]), event, row


def trials_digest(case: Case, shared: Shared) -> str:
    """What trials of a combination depend on besides their number: trials of different digests must not be mixed."""
    options = shared.options.trials
    bins = case.bins
    told = [shared.seed if options.seed is None else options.seed, case.channel, case.mass_gev, options.inject, options.engine, bins.n_events]
    total = hashlib.sha256(json.dumps([*told, shared.options.j_nuisance, shared.options.acceptance_syst, bins.known]).encode())
    for one in (bins.background, bins.signal, bins.scrambled, bins.by_source):
        total.update(np.ascontiguousarray(one).tobytes())
    return total.hexdigest()[:16]
