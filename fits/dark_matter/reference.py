"""The likelihood of the published program, for the comparison with it and never for results.

Every source has its own angular distribution of background (all data around it) and its own sample of events; the signal's is that of simulated
events weighted with the mean spectrum of the three flavours as produced, without their weights ow. 36 bins of the angle, equal in angle.
(github priesbr1/Analysis-IC86-BSM-DarkMatter-DwarfGalaxy-LowMassWIMPs; its trials are in ``reference_trials``.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.dark_matter import Campaign
from configs.errors import InputError
from data_info.dwarf_galaxies import Source
from fits.dark_matter.inputs import Sample, Simulation, SkyEvents
from fits.dark_matter.source_arrays import strengths
from fits.dark_matter.windows import Window, given
from physics.annihilation_spectra import Spectra, Spectrum
from physics.sphere import angle, scrambled_cdf

Array = NDArray[np.float64]

PSI_BINS = 36
PSI_EDGES = np.linspace(0.0, math.pi, PSI_BINS + 1)
FEWEST_EVENTS = 100  # the scan goes to a hundredth of the events
ALL_SKY_DEG = 360.0


@dataclass(frozen=True, eq=False)
class ReferenceModel:
    """Probabilities of the bins: ``background`` (J, 36) around every source, ``signal`` (36,); shares ``weight`` (J,) of J, events of a sample."""

    background: Array
    signal: Array
    weight: Array
    n_events: int

    def __post_init__(self) -> None:
        if self.n_events < FEWEST_EVENTS:
            raise InputError(f"compat.n_trial: {self.n_events} events; the scan goes to a hundredth of them, give {FEWEST_EVENTS} or more")
        empty = (self.background <= 0.0) & (self.signal > 0.0)
        if empty.any():
            source, place = (int(index[0]) for index in np.nonzero(empty))
            low, high = np.degrees(PSI_EDGES[place : place + 2])
            raise InputError(f"no background between {low:g} and {high:g} degrees of source {source} (from 0): widen the window or compat.band_deg")

    @property
    def ratio(self) -> Array:
        """S / B - 1 (J, 36); -1 in bins that neither fills."""
        return np.divide(self.signal, self.background, out=np.zeros(self.background.shape), where=self.background > 0.0) - 1.0


def model(
    simulation: Simulation,
    sky: SkyEvents,
    spectrum: Spectrum,
    sources: Sequence[Source],
    window: Window,
    n_events: int,
    *,
    scrambles: Literal["exact"] | int = "exact",
    band_deg: float = ALL_SKY_DEG,
    generator: np.random.Generator | None = None,
) -> ReferenceModel:
    """The model of one channel and mass; ``spectrum`` as produced. ``scrambles`` right ascensions are drawn for every event, or none.

    Raises ``InputError`` for a window without signal or background, and without simulated events that were counted without weights.
    """
    strength = strengths(sources)
    signal = signal_shares(simulation, spectrum, window)
    background = background_shares(sky, window, sources, scrambles=scrambles, band_deg=band_deg, generator=generator)
    return ReferenceModel(background, signal, strength / strength.sum(), n_events)


def model_of(
    options: Campaign, sample: Sample, spectra: Spectra, sources: Sequence[Source], channel: str, mass_gev: float, seed: int = 1
) -> ReferenceModel:
    """The model of one channel and mass as ``options.compat`` says, in the published or a given window. Raises ``InputError`` as ``model``."""
    flavour, compat = options.flavours[0], options.compat
    return model(
        sample.simulation[flavour], sample.sky, spectra.at_source(channel, mass_gev), sources, window_of(options, channel, mass_gev),
        compat.n_trial, scrambles=compat.scrambles, band_deg=compat.band_deg, generator=np.random.default_rng(seed),
    )  # fmt: skip


def window_of(options: Campaign, channel: str, mass_gev: float) -> Window:
    """The published window, or the given one. Raises ``InputError`` for a rule that the published program does not have."""
    if options.window.rule == "optimise":
        raise InputError("window.rule: optimise is not a rule of the published program; take reference, or give the windows")
    return given(options.window.rule, channel, mass_gev)


def signal_shares(simulation: Simulation, spectrum: Spectrum, window: Window) -> Array:
    """Angles (36,) of simulated events in the window, each with the mean dN/dE of the three flavours at its true energy; sums to 1."""
    if simulation.unweighted is None:
        raise InputError("likelihood.type: reference needs simulated events without weights: processor.reference: true, and process again")
    of_energy = spectrum.per_gev(simulation.response_edges_gev).mean(axis=0)
    content = np.einsum("t,tep->p", of_energy, simulation.unweighted[:, window.bins])
    if not content.sum() > 0.0:
        raise InputError(f"no simulated signal in {window}; widen the window")
    return np.asarray(content / content.sum())


def background_shares(
    sky: SkyEvents,
    window: Window,
    sources: Sequence[Source],
    *,
    scrambles: Literal["exact"] | int = "exact",
    band_deg: float = ALL_SKY_DEG,
    generator: np.random.Generator | None = None,
) -> Array:
    """Angles (J, 36) of the data in the window to the sources when their right ascensions are random; each row sums to 1.

    ``band_deg``: full width of the band of declination around a source from which events are taken. Raises ``InputError`` where it is empty.
    """
    inside = (sky.energy_gev >= window.low) & (sky.energy_gev < window.high)
    dec = np.arcsin(np.clip(sky.sindec[inside], -1.0, 1.0))
    rows = []
    for source in sources:
        near = dec[np.abs(dec - source.galaxy.dec_rad) <= math.radians(band_deg) / 2.0]
        if not len(near):
            raise InputError(f"no data in {window} within {band_deg / 2.0:g} degrees in declination of {source.name}; widen compat.band_deg")
        rows.append(exact_counts(near, source) if scrambles == "exact" else scrambled_counts(near, source, scrambles, generator) / scrambles)
    found = np.stack(rows)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def exact_counts(dec: ArrayLike, source: Source) -> Array:
    """Expected numbers (36,) of the events in bins of the angle to the source."""
    below = [scrambled_cdf(psi, dec, source.galaxy.dec_rad).sum() for psi in PSI_EDGES]
    return np.diff(below)


def scrambled_counts(dec: Array, source: Source, scrambles: int, generator: np.random.Generator | None) -> Array:
    """Numbers (36,) for so many random right ascensions of every event."""
    if generator is None:
        raise InputError("compat.scrambles: drawing right ascensions needs a random generator")
    ra = generator.uniform(0.0, 2.0 * math.pi, (scrambles, len(dec)))
    psi = angle(source.galaxy.ra_rad, source.galaxy.dec_rad, ra, dec)
    return np.histogram(psi, PSI_EDGES)[0].astype(np.float64)
