"""What the figures of ``dark_matter`` need of a run: its events, a fit with its results, one channel and mass; words and colours of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import hist

from configs.dark_matter import Campaign
from configs.schema import DarkMatterConfig
from data_info.annihilation_spectra import SpectrumTable
from data_info.dwarf_galaxies import Source
from data_info.published_limits import PublishedLimit
from physics.annihilation_spectra import Spectrum
from plotting.canvas import Array, Caption
from plotting.style import BLACK, BLUE, GREEN, ORANGE, Component, Style
from records.dark_matter import CombinationResult
from records.tables import TablesByDataset

# Colours of specification 5; other channels take the remaining ones in order.
CHANNELS = {
    "b": Component(r"$b\bar{b}$", "mediumturquoise"),
    "Mu": Component(r"$\mu^+\mu^-$", "forestgreen"),
    "Tau": Component(r"$\tau^+\tau^-$", "dodgerblue"),
    "W": Component(r"$W^+W^-$", "darkmagenta"),
    "Nu": Component(r"$\nu\bar{\nu}$", "mediumvioletred"),
}
OTHER_COLOURS = ("#B8860B", "#D55E00", "#555555", "#7A9A01", "#8C564B")
FLAVOURS = {"e": Component(r"$\nu_e$", BLUE), "mu": Component(r"$\nu_\mu$", GREEN), "tau": Component(r"$\nu_\tau$", ORANGE)}
# Signal, background and scrambled signal: the same on all figures.
SIGNAL, BACKGROUND, SCRAMBLED = Component("Signal", "#D55E00"), Component("Background", BLACK), Component("Scrambled signal", "#0072B2")


@dataclass(frozen=True)
class RunView:
    """The events of a run: histograms and tables by data set and name, and the account of what was processed."""

    config: DarkMatterConfig
    style: Style
    hists: Mapping[str, Mapping[str, hist.Hist]]
    tables: TablesByDataset
    account: Mapping[str, Any]

    def of_kind(self, kind: str) -> list[str]:
        """Data sets of kind data or mc that have histograms, in the order of the configuration."""
        return [name for name, one in self.config.datasets.items() if one.kind == kind and "cutflow" in self.hists.get(name, {})]

    def summed(self, names: list[str], histogram: str) -> hist.Hist:
        """One histogram added up over data sets."""
        total = self.hists[names[0]][histogram].copy()
        for name in names[1:]:
            total = total + self.hists[name][histogram]
        return total

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Words on data that are not complete."""
        about = self.account["datasets"]
        partial = [f"{name}: {100 * one['fraction']:.1f} %" for name, one in about.items() if one["fraction"] < 1.0]
        return (f"Partial data: {', '.join(partial)} processed",) if partial else ()

    def caption(self, right: str = "", notes: tuple[str, ...] = (), *, of_data: bool = False) -> Caption:
        """Label of the configuration, what the figure is of, and at the foot what the reader must know; ``of_data``: tells blinded directions."""
        blind = ("Right ascensions of the data are scrambled",) if of_data and self.blind else ()
        return Caption(self.config.plots.label, right, (*notes, *blind), self.warnings)

    @property
    def blind(self) -> bool:
        """Whether right ascensions are scrambled."""
        return bool(getattr(self.config.processor, "blind", True))


@dataclass(frozen=True)
class FitView:
    """A fit: its results by ``<channel>_<mass>``, the sources that it is on, another table of spectra (null: none is there) and limits of others."""

    name: str
    first: bool
    run: RunView
    results: Mapping[str, CombinationResult]
    sources: Sequence[Source] = ()
    published: SpectrumTable | None = None
    published_limits: Sequence[PublishedLimit] = ()

    @property
    def options(self) -> Campaign:
        """Of the configuration."""
        return self.run.config.fits[self.name]

    @property
    def factor(self) -> str:
        """What a source's strength is called: J, of a decay D."""
        return factor_name(self.options.mode)

    def named(self, figure: str) -> str:
        """Name of a figure: plain for the first fit, else with the fit's before."""
        return figure if self.first else f"{self.name}.{figure}"


@dataclass(frozen=True)
class CombinationView:
    """One channel and mass of a fit: its result and its arrays of ``pdfs.h5`` (fits/dark_matter/shown.py says what they are)."""

    fit: FitView
    result: CombinationResult
    arrays: Mapping[str, Array]

    @property
    def style(self) -> Style:
        """Of the run."""
        return self.fit.run.style

    @property
    def look(self) -> Component:
        """Label and colour of the channel."""
        return channel_look(self.result.channel)

    @property
    def window(self) -> str:
        """Energy window in words."""
        low, high = self.result.window_gev
        return f"{low}-{high} GeV"

    @property
    def decay(self) -> bool:
        """Whether the particles decay."""
        return self.result.mode == "decay"

    @property
    def edge_gev(self) -> float:
        """Highest energy of a neutrino: the mass, of a decay half of it."""
        return self.result.mass_gev / 2.0 if self.decay else self.result.mass_gev

    def spectrum(self, where: Literal["source", "earth"]) -> Spectrum:
        """Spectra where they are made, or at Earth."""
        return Spectrum(self.edge_gev, self.arrays["log10_x"], self.arrays[f"{where}_left"], self.arrays[f"{where}_right"])

    def named(self, figure: str) -> str:
        """``<figure>_<channel>_<mass>``, with the fit's name before where it is not the first."""
        return self.fit.named(f"{figure}_{self.result.channel}_{self.result.mass_gev:g}")

    def caption(self, notes: tuple[str, ...] = (), *, of_data: bool = False) -> Caption:
        """Label, channel and mass above; notes at the foot."""
        return self.fit.run.caption(title(self.result.channel, self.result.mass_gev), notes, of_data=of_data)


def factor_name(mode: str) -> str:
    """What the strength of a source is called: annihilations see J (integral of the density squared), decays D (of the density).

    >>> factor_name("decay")
    'D'
    """
    return "D" if mode == "decay" else "J"


def channel_look(channel: str) -> Component:
    """Label and colour of a channel, the same on every figure.

    >>> channel_look("Tau").colour, channel_look("Zz").label
    ('dodgerblue', 'Zz')
    """
    return CHANNELS.get(channel) or Component(channel, OTHER_COLOURS[sum(channel.encode()) % len(OTHER_COLOURS)])


def title(channel: str, mass_gev: float) -> str:
    """Channel and mass as they stand above a figure.

    >>> title("Nu", 50.0)
    '$\\\\nu\\\\bar{\\\\nu}$, 50 GeV'
    """
    return f"{channel_look(channel).label}, {mass_gev:g} GeV"
