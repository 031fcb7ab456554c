"""What the fits of a configuration ask, checked without events: a wrong channel or mass is not to be found out after the processing."""

from __future__ import annotations

import re
import warnings

from configs.dark_matter import Campaign
from configs.errors import InputError
from configs.schema import DarkMatterConfig
from data_info.dwarf_galaxies import select
from fits.dark_matter import windows
from fits.dark_matter.spectra import angles, spectra
from physics.annihilation_spectra import Spectra

J_CATALOGUES = ("29dg", "lvdb")  # hold J factors, and no D factors


def check(config: DarkMatterConfig) -> None:
    """Refuse fits that no events could answer. Raises ``InputError`` naming configuration and key.

    That is: channels, masses, spectra, sources, mixing angles, windows, flavours without simulation, and the reference likelihood without its counts.
    """
    for name, options in config.fits.items():
        try:
            _check_fit(config, options)
        except InputError as error:
            key = re.match(r"\w+", str(error))
            join = "." if key is not None and key[0] in Campaign.model_fields else ": "
            raise InputError(f"{config.source}: fits.{name}{join}{error}") from error


def refuse_decay_of_annihilation_factors(options: Campaign) -> None:
    """A decay needs D factors. Raises ``InputError``."""
    if options.mode == "decay" and options.sources.catalogue in J_CATALOGUES:
        raise InputError(
            f"mode: decay needs D factors, the catalogue {options.sources.catalogue} has J factors; give sources.catalogue: a CSV file with log10 D "
            "(GeV cm^-2) in its columns log10_j_..."
        )


def _check_fit(config: DarkMatterConfig, options: Campaign) -> None:
    refuse_decay_of_annihilation_factors(options)
    _check_flavours(config, options)
    if options.likelihood.type == "reference" and not getattr(config.processor, "reference", True):
        raise InputError("likelihood.type: reference needs simulated events without weights: processor.reference: true")
    with warnings.catch_warnings():  # the fit shows them
        warnings.simplefilter("ignore", UserWarning)
        select(options.sources.catalogue, options.sources.j_aperture, options.sources.exclude, config.source)
    angles(options.oscillation)
    windows.check_range(options.window.range)
    known = spectra(options, config.source)
    highest_gev = 10.0 ** getattr(config.processor, "true_energy_log10", (0.0, float("inf")))[1]
    for channel, masses in options.channels.items():
        for mass_gev in masses:
            try:
                _check_combination(options, known, channel, mass_gev, highest_gev)
            except InputError as error:
                raise InputError(f"channels: {channel} at {mass_gev:g} GeV: {error}") from error


def _check_flavours(config: DarkMatterConfig, options: Campaign) -> None:
    """Every detected flavour needs its simulation in every season."""
    seasons = {one.season: name for name, one in config.datasets.items() if one.kind == "data"}
    for flavour in options.flavours:
        simulated = [one for one in config.datasets.values() if one.flavour == flavour]
        for season, name in seasons.items():
            if not any(one.stands_for(season) for one in simulated):
                raise InputError(
                    f"flavours: {name} (season {season}) has no simulation of nu_{flavour}; add a data set of kind mc with flavour: {flavour}, or "
                    f"take {flavour} out of flavours"
                )


def _check_combination(options: Campaign, known: Spectra, channel: str, mass_gev: float, highest_gev: float) -> None:
    """Spectrum and window are there, and neutrinos of the highest energy are inside the histograms."""
    edge_gev = mass_gev / 2.0 if options.mode == "decay" else mass_gev
    known.at_source(channel, edge_gev)
    if edge_gev > highest_gev * (1.0 + 1e-9):
        raise InputError(
            f"neutrinos have up to {edge_gev:g} GeV, simulation is filled up to {highest_gev:.4g} GeV; widen processor.true_energy_log10 to what is "
            "simulated"
        )
    rule = options.window.rule
    if rule != "optimise":
        windows.given(rule, channel, edge_gev if rule == "reference" else mass_gev)
