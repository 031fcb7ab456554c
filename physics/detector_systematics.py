"""The three detector parameters of the HESE release and the tables that say what they do (github icecube/HESE-7-year-data-release).

A table holds S = log10 of an expected event density over reconstructed quantities and one parameter. Only differences in the parameter have a
meaning: an event's weight is multiplied by 10^(S(reco, value) - S(reco, nominal)).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Coordinate = Literal["log10_energy", "coszen", "log10_length"]

FLAVOURS = ("e", "mu", "tau")
MORPHOLOGIES = MappingProxyType({"cascade": "shower", "track": "track", "dcascade": "doublebang"})  # channel -> the tables' word
TABLE_COMPONENTS = (*(f"diffuseAstro_{flavour}" for flavour in FLAVOURS), "atmConv", "atmPrompt")
CONVENTIONAL, PROMPT = TABLE_COMPONENTS[-2:]


@dataclass(frozen=True)
class Systematic:
    """One parameter: value at which the simulation was made, order of the splines in it, its tables, their coordinates, and limits of their use."""

    name: str
    nominal: float
    order: int
    folder: str
    prefix: str
    coordinates: tuple[Coordinate, ...]
    of_double_cascades: tuple[Coordinate, ...]
    log10_length_max: float | None = None

    def axes(self, channel: str) -> tuple[Coordinate, ...]:
        """Coordinates of a channel's table before the parameter itself."""
        return self.of_double_cascades if channel == "dcascade" else self.coordinates

    def file(self, component: str, channel: str) -> str:
        """Path of a table below the folder of all tables.

        >>> SYSTEMATICS["epsilon_dom"].file("atmConv", "track")
        'DOMEffSplines/domefficiency_atmConv_track.fits'
        """
        return f"{self.folder}/{self.prefix}_{component}_{MORPHOLOGIES[channel]}.fits"


SYSTEMATICS = MappingProxyType(
    {
        one.name: one
        for one in (
            Systematic("epsilon_dom", 0.99, 2, "DOMEffSplines", "domefficiency", ("log10_energy", "coszen"), ("log10_energy", "coszen")),
            Systematic("epsilon_head_on", 0.0, 2, "HoleIceSplines", "holeice", ("log10_energy", "coszen"), ("log10_energy", "log10_length")),
            Systematic("anisotropy_scale", 1.0, 1, "AnisotropySplines", "tauanisotropy", ("log10_energy",), ("log10_length",), log10_length_max=2.3),
        )
    }
)


def table_component(component: str, flavour: str) -> str:
    """Which table holds for a flux component and a flavour: astro by flavour, pion, kaon and atmo as conventional, prompt.

    >>> table_component("astro", "tau"), table_component("kaon", "mu")
    ('diffuseAstro_tau', 'atmConv')
    """
    if component == "astro":
        return f"diffuseAstro_{flavour}"
    return PROMPT if component == "prompt" else CONVENTIONAL


def files() -> list[str]:
    """The 45 files, below the folder of all tables."""
    return [one.file(component, channel) for one in SYSTEMATICS.values() for component in TABLE_COMPONENTS for channel in MORPHOLOGIES]
