"""Neutrinos of one annihilation at any mass: interpolated tables, lines, mixtures of channels, and what of them arrives at Earth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from configs.errors import InputError, nearest
from data_info.annihilation_spectra import ChannelTable, SpectrumTable, mean_x
from physics.oscillation import Mixing, at_earth

Array = NDArray[np.float64]

LINE = "Nu"  # into the three neutrino flavours alike; a line unless a table has the channel
PPPC_WIDTH_LOG10 = 0.049  # by which PPPC4DMID smears lines and end points, measured on its nu_mu line
MICHEL_STEP_LOG10 = 0.01


@dataclass(frozen=True, eq=False)
class Spectrum:
    """dN/dlog10 x of one type (3 flavours, intervals), linear from ``left`` to ``right`` between the ``log10_x``; none outside."""

    mass_gev: float
    log10_x: Array
    left: Array
    right: Array

    def below(self, log10_x: ArrayLike) -> Array:
        """Number of neutrinos (3, ...) with log10 x below the given values."""
        wanted = np.clip(np.asarray(log10_x, dtype=np.float64), self.log10_x[0], self.log10_x[-1])
        widths = np.diff(self.log10_x)
        cumulated = np.concatenate([np.zeros((3, 1)), np.cumsum(0.5 * (self.left + self.right) * widths, axis=1)], axis=1)
        place = np.clip(np.searchsorted(self.log10_x, wanted, side="right") - 1, 0, len(widths) - 1)
        inside = wanted - self.log10_x[place]
        slope = (self.right[:, place] - self.left[:, place]) / widths[place]
        return np.asarray(cumulated[:, place] + inside * (self.left[:, place] + 0.5 * slope * inside))

    def per_gev(self, energy_edges_gev: ArrayLike) -> Array:
        """dN/dE (3, bins) in 1/GeV, averaged over bins of energy: the number in the bin over its width."""
        edges = np.asarray(energy_edges_gev, dtype=np.float64)
        number: Array = np.diff(self.below(np.log10(edges / self.mass_gev)), axis=1)
        return number / np.diff(edges)

    def per_log10_x(self, log10_x: ArrayLike) -> Array:
        """dN/dlog10 x (3, ...) at points; 0 outside the table."""
        wanted = np.asarray(log10_x, dtype=np.float64)
        place = np.clip(np.searchsorted(self.log10_x, wanted, side="right") - 1, 0, len(self.log10_x) - 2)
        part = (wanted - self.log10_x[place]) / np.diff(self.log10_x)[place]
        value = self.left[:, place] * (1.0 - part) + self.right[:, place] * part
        return np.asarray(np.where((wanted < self.log10_x[0]) | (wanted > self.log10_x[-1]), 0.0, value))

    @property
    def number(self) -> Array:
        """Neutrinos of one type per annihilation, (3,)."""
        return self.below(self.log10_x[-1])

    @property
    def carried(self) -> Array:
        """Sum of x over the neutrinos of one type, (3,)."""
        return mean_x(self.log10_x, self.left, self.right)

    def at_earth(self, angles: Mixing | None) -> Spectrum:
        """The flavours that arrive (None: as produced)."""
        return Spectrum(self.mass_gev, self.log10_x, at_earth(self.left, angles), at_earth(self.right, angles))

    def smeared(self, width_log10: float) -> Spectrum:
        """Folded with a Gaussian in log10 x, reflected at x = 1; numbers are kept. The result is constant in each interval."""
        edges = self.log10_x
        content = 0.5 * (self.left + self.right) * np.diff(edges)
        centres = 0.5 * (edges[1:] + edges[:-1])
        below = ndtr((edges[:, None] - centres) / width_log10) - ndtr((2.0 * edges[-1] - edges[:, None] - centres) / width_log10) + 1.0
        share = np.diff(np.minimum(below, 1.0), axis=0)
        share /= share.sum(axis=0)
        density = content @ share.T / np.diff(edges)
        return Spectrum(self.mass_gev, edges, density, density)


@dataclass(frozen=True, eq=False)
class Spectra:
    """Spectra at the source of every channel at any mass."""

    table: SpectrumTable
    line_width_log10: float = 0.05
    smear_log10: float = 0.0  # of the tables' spectra, not of lines
    mixtures: Mapping[str, Mapping[str, float]] | None = None  # name -> shares of channels

    def at_source(self, channel: str, mass_gev: float) -> Spectrum:
        """The spectrum of an annihilation of that mass; of a decay take half the mass.

        Raises ``InputError`` for unknown channels and for masses outside the table or below the channel's threshold.
        """
        if self.mixtures and channel in self.mixtures:
            return self._mixture(self.mixtures[channel], mass_gev)
        if channel == LINE and channel not in self.table.channels:
            return line(mass_gev, self.line_width_log10)
        if channel not in self.table.channels:
            known = sorted({*self.table.channels, LINE, *(self.mixtures or {})})
            raise InputError(f"channel {channel!r} is not in {self.table.about}{nearest(channel, known)}")
        found = interpolated(self.table.channels[channel], mass_gev, f"channel {channel} of {self.table.about}")
        return found.smeared(self.smear_log10) if self.smear_log10 else found

    def _mixture(self, shares: Mapping[str, float], mass_gev: float) -> Spectrum:
        parts = [(share, self.at_source(name, mass_gev)) for name, share in shares.items()]
        edges = np.unique(np.concatenate([part.log10_x for _, part in parts]))
        edges = edges[np.concatenate([[True], np.diff(edges) > 1e-9])]
        density = sum(share * np.diff(part.below(edges), axis=1) / np.diff(edges) for share, part in parts)
        return Spectrum(mass_gev, edges, np.asarray(density), np.asarray(density))


def interpolated(channel: ChannelTable, mass_gev: float, what: str) -> Spectrum:
    """The spectrum between the masses of a table: at fixed x, linear in ln m. Raises ``InputError`` outside the masses that have one."""
    open_ = channel.masses_gev[(channel.left + channel.right).sum(axis=(1, 2)) > 0.0]
    if not len(open_) or not open_[0] <= mass_gev <= open_[-1]:
        shown = f"{open_[0]:g} to {open_[-1]:g} GeV" if len(open_) else "no mass"
        raise InputError(f"{what} has spectra for {shown}; {mass_gev:g} GeV is outside")
    upper = int(np.clip(np.searchsorted(channel.masses_gev, mass_gev), 1, max(len(channel.masses_gev) - 1, 1)))
    low, high = channel.masses_gev[upper - 1], channel.masses_gev[min(upper, len(channel.masses_gev) - 1)]
    part = math.log(mass_gev / low) / math.log(high / low) if high > low else 0.0
    sides = ((1.0 - part) * side[upper - 1] + part * side[min(upper, len(side) - 1)] for side in (channel.left, channel.right))
    return Spectrum(mass_gev, channel.log10_x, *sides)


def line(mass_gev: float, width_log10: float) -> Spectrum:
    """Neutrinos of the full energy: a third of a pair in each flavour, in a box of ``width_log10`` below x = 1."""
    density = np.full((3, 1), 1.0 / 3.0 / width_log10)
    return Spectrum(mass_gev, np.array([-width_log10, 0.0]), density, density)


def michel(mass_gev: float) -> Spectrum:
    """Muon pairs by their decay alone, unpolarised and without radiation: nu_mu 5/3 - 3 x^2 + 4/3 x^3, nu_e 2 - 6 x^2 + 4 x^3 per x."""
    edges = np.linspace(-6.0, 0.0, round(6.0 / MICHEL_STEP_LOG10) + 1)
    x = 10.0**edges
    below = np.stack([2.0 * x - 2.0 * x**3 + x**4, 5.0 / 3.0 * x - x**3 + x**4 / 3.0, np.zeros_like(x)])
    density = np.diff(below, axis=1) / np.diff(edges)
    return Spectrum(mass_gev, edges, density, density)
