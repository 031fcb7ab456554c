"""Bins of the diffuse analysis: edges per channel, the rule which bin an event falls in, and the flat order of the published fit.

Inside the project the angular axis is the cosine of the zenith angle in ascending order: -1 (straight up-going) to 1 (straight down-going).
The official analysis and the exercise count zenith bins from 0 = down-going; ``to_official_order`` and ``flat_index`` translate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.diffuse import CustomBinning, TrueEnergy
from configs.errors import InputError
from physics.constants import PIVOT_GEV

Channel = Literal["cascade", "track", "dcascade"]
ThirdAxis = Literal["reco_coszen", "reco_length"]

MORPHOLOGY: dict[str, int] = {"cascade": 0, "track": 1, "dcascade": 2}  # recoMorphology of the HESE release; topology 0 and 1 of the exercise
FIRST_EDGE_GEV = 6.0e4
OFFICIAL_STEP_DEX = 0.111
OFFICIAL_N_ENERGY = 21
BOOTCAMP_N_ENERGY = 20
BOOTCAMP_LAST_EDGE_GEV = 1.0e7
N_COSZEN = 10
COSZEN_EDGES = tuple(np.linspace(-1.0, 1.0, N_COSZEN + 1).tolist())
LENGTH_EDGES_M = tuple((10.0 ** (1.0 + 0.1 * np.arange(21))).tolist())
SAME_EDGE = 1e-9  # relative distance below which two edges are one


@dataclass(frozen=True)
class ChannelBinning:
    """Bin edges of one channel: deposited energy in GeV, and cos(zenith) or the length of a double cascade in m."""

    channel: Channel
    energy_edges_gev: tuple[float, ...]
    third_axis: ThirdAxis
    third_edges: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of bins (energy, third axis), without under- and overflow."""
        return len(self.energy_edges_gev) - 1, len(self.third_edges) - 1


def binning(choice: str | CustomBinning) -> dict[str, ChannelBinning]:
    """Return channel -> edges, channels in the official order (specification 3.1).

    ``official``: 21 energy bins of 0.111 decades, 10 in cos zenith, double cascades in 20 length bins; ``surrogate``: the same with one
    single angular bin for double cascades; ``bootcamp``: 20 energy bins to 1e7 GeV, cascades and tracks only; or one's own edges (without
    ``length_m``: cascades and tracks only). Where there is no channel for double cascades the processor counts them as cascades.
    Raises ``InputError`` for edges that do not increase or lie outside what is possible.
    """
    if isinstance(choice, CustomBinning):
        return _custom(choice)
    if choice == "bootcamp":
        energy = np.logspace(np.log10(FIRST_EDGE_GEV), np.log10(BOOTCAMP_LAST_EDGE_GEV), BOOTCAMP_N_ENERGY + 1)
        return _channels(_exact_ends(energy, FIRST_EDGE_GEV, BOOTCAMP_LAST_EDGE_GEV), COSZEN_EDGES)
    energy = 10.0 ** (np.log10(FIRST_EDGE_GEV) + OFFICIAL_STEP_DEX * np.arange(OFFICIAL_N_ENERGY + 1))
    edges = _exact_ends(energy, FIRST_EDGE_GEV, float(energy[-1]))
    if choice == "surrogate":
        return _channels(edges, COSZEN_EDGES, dcascade=("reco_coszen", (-1.0, 1.0)))
    if choice == "official":
        return _channels(edges, COSZEN_EDGES, dcascade=("reco_length", LENGTH_EDGES_M))
    raise InputError(f"binning {choice!r} is none of official, bootcamp, surrogate; give one of them or energy_gev, coszen (and length_m) edges")


def _exact_ends(edges: NDArray[np.float64], first: float, last: float) -> tuple[float, ...]:
    """10^log10(6e4) may round above 6e4 and lose the event that sits on the edge."""
    return (first, *edges[1:-1].tolist(), last)


def _channels(
    energy: tuple[float, ...], coszen: tuple[float, ...], dcascade: tuple[ThirdAxis, tuple[float, ...]] | None = None
) -> dict[str, ChannelBinning]:
    channels = {
        "cascade": ChannelBinning("cascade", energy, "reco_coszen", coszen),
        "track": ChannelBinning("track", energy, "reco_coszen", coszen),
    }
    if dcascade is not None:
        channels["dcascade"] = ChannelBinning("dcascade", energy, *dcascade)
    return channels


def _custom(edges: CustomBinning) -> dict[str, ChannelBinning]:
    energy = _increasing("energy_gev", edges.energy_gev, above=0.0)
    coszen = _increasing("coszen", edges.coszen)
    if coszen[0] < -1.0 or coszen[-1] > 1.0:
        raise InputError(
            f"processor.binning.coszen: edges {coszen[0]:g} to {coszen[-1]:g} leave the range -1 to 1 of a cosine; give cosines, not angles"
        )
    if edges.length_m is None:
        return _channels(energy, coszen)
    return _channels(energy, coszen, dcascade=("reco_length", _increasing("length_m", edges.length_m, above=0.0)))


def _increasing(name: str, edges: Sequence[float], above: float | None = None) -> tuple[float, ...]:
    if len(edges) < 2:
        raise InputError(f"processor.binning.{name}: {len(edges)} edge(s) make no bin; give at least two")
    if not np.all(np.isfinite(edges)) or np.any(np.diff(edges) <= 0):
        raise InputError(f"processor.binning.{name}: edges must be finite and increase strictly; sort them and remove doubles (given: {list(edges)})")
    if above is not None and edges[0] <= above:
        raise InputError(f"processor.binning.{name}: the first edge {edges[0]:g} must be above {above:g}")
    return tuple(float(edge) for edge in edges)


def true_energy_edges(options: TrueEnergy) -> NDArray[np.float64]:
    """Edges in GeV of the true-energy nodes, uniform in ln E, with ``breakpoints`` as extra edges.

    Raises ``InputError`` for a breakpoint outside the axis. A breakpoint that is an edge already changes nothing.
    """
    low, high = options.min_gev, options.max_gev
    if not low < high:
        raise InputError(f"processor.true_energy: min_gev {low:g} must be below max_gev {high:g}")
    outside = [point for point in options.breakpoints if not low <= point <= high]
    if outside:
        raise InputError(
            f"processor.true_energy.breakpoints: {', '.join(f'{point:g}' for point in outside)} GeV outside the axis, {low:g} to {high:g} GeV; "
            "widen min_gev/max_gev or remove them"
        )
    n = max(1, int(np.ceil(np.log10(high / low) * options.per_decade - SAME_EDGE)))
    edges = np.logspace(np.log10(low), np.log10(high), n + 1)
    edges[0], edges[-1] = low, high
    extra = [point for point in options.breakpoints if np.min(np.abs(edges / point - 1.0)) > SAME_EDGE]
    return np.unique(np.concatenate([edges, extra]))


def node_centres(edges_gev: ArrayLike) -> NDArray[np.float64]:
    """Node centres x_e = ln(E / 100 TeV) at the midpoints in ln E; shape (nodes,)."""
    x = np.log(np.asarray(edges_gev, dtype=np.float64) / PIVOT_GEV)
    return 0.5 * (x[:-1] + x[1:])


def to_official_order(channels: Mapping[str, ChannelBinning], values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """Flatten channel -> array (..., energy, third axis) to (..., bins) in the order of the published fit and of the exercise.

    Channels one after the other; inside a channel z * n_energy + e with zenith bin z = 0 down-going, or l * n_energy + e for lengths.
    """
    return np.concatenate([_flattened(channel, np.asarray(values[name])) for name, channel in channels.items()], axis=-1)


def _flattened(channel: ChannelBinning, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if values.shape[-2:] != channel.shape:
        raise ValueError(f"channel {channel.channel}: array of shape {values.shape}, binning {channel.shape}")
    if channel.third_axis == "reco_coszen":
        values = values[..., ::-1]
    return np.swapaxes(values, -1, -2).reshape(*values.shape[:-2], -1)


def flat_index(channels: Mapping[str, ChannelBinning], channel: str, energy_bin: ArrayLike, third_bin: ArrayLike) -> NDArray[np.intp]:
    """Index in the official order of bins given by our own numbering (from 0, cos zenith ascending, no flow)."""
    offset = 0
    for name, bins in channels.items():
        n_energy, n_third = bins.shape
        if name == channel:
            third = np.asarray(third_bin)
            if bins.third_axis == "reco_coszen":
                third = n_third - 1 - third
            return offset + third * n_energy + np.asarray(energy_bin)
        offset += n_energy * n_third
    raise KeyError(channel)
