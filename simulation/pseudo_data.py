"""Pseudo data: a Poisson draw of a simulation's own expectation in analysis bins, spread uniformly inside each bin.

Data fall only in bins that the simulation fills, and share no coordinate with its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import ArrayLike, NDArray

from configs.diffuse import Selection
from physics.bin_search import bin_index
from physics.binning import MORPHOLOGY, ChannelBinning
from simulation.diffuse import LENGTH_DECADES, Events, Sample
from simulation.surrogate import cells
from simulation.weights import astro_weight, atmospheric_weight, expected

Array = NDArray[np.float64]

COUNT_STREAM, PLACE_STREAM = 3, 4


class Expectation(NamedTuple):
    """Events or cells with their expected numbers at the reference flux."""

    energy_gev: NDArray[Any]
    coszen: NDArray[Any]
    morphology: NDArray[Any]
    length_m: NDArray[Any]
    true_energy_gev: NDArray[Any]
    astro: NDArray[Any]
    atmospheric: NDArray[Any]


def of_sample(sample: Sample, livetime_s: float) -> Iterator[Expectation]:
    """Expectation of a generated sample in a livetime, block by block."""
    for events in sample.blocks():
        yield Expectation(
            events["recoDepositedEnergy"],
            np.cos(events["recoZenith"]),
            events["recoMorphology"],
            events["recoLength"],
            events["primaryEnergy"],
            astro_weight(events, livetime_s),
            atmospheric_weight(events, livetime_s),
        )


def of_surrogate(livetime_s: float) -> Iterator[Expectation]:
    """Expectation of the surrogate response in a livetime."""
    table = cells(livetime_s)
    yield Expectation(
        table["recoDepositedEnergy"],
        table["recoCosZenith"],
        table["recoMorphology"],
        np.full(len(table["flavour"]), np.nan),
        table["primaryEnergy"],
        table["astroWeight"],
        table["atmoWeight"],
    )


def draw(
    blocks: Iterable[Expectation], truth: Mapping[str, float], channels: Mapping[str, ChannelBinning], selection: Selection, seed: int
) -> Events:
    """Data events (columns of the release's data file) at ``truth``.

    Each event's or cell's count is Poisson; every data event then gets a place in its analysis bin: uniform in ln E, in cos zenith and in the
    logarithm of the length. Without a channel for double cascades they are cascades. Only the selected range is populated.
    """
    parts = []
    for number, block in enumerate(blocks):
        rng = np.random.default_rng(SeedSequence(seed, spawn_key=(COUNT_STREAM, number)))
        counts = rng.poisson(expected(block.astro, block.atmospheric, block.true_energy_gev, truth))
        chosen = np.repeat(np.arange(len(counts)), counts)
        parts.append(Expectation(*(column[chosen] for column in block)))
    everything = Expectation(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    rng = np.random.default_rng(SeedSequence(seed, spawn_key=(PLACE_STREAM,)))
    placed = [_placed(rng, everything, channel, "dcascade" in channels, selection) for channel in channels.values()]
    order = rng.permutation(sum(len(part["recoZenith"]) for part in placed))
    return {name: np.concatenate([part[name] for part in placed])[order] for name in placed[0]}


def _placed(rng: Generator, drawn: Expectation, channel: ChannelBinning, doubles_apart: bool, selection: Selection) -> Events:
    """Places of the events of one channel."""
    morphology = drawn.morphology if doubles_apart else np.where(drawn.morphology == MORPHOLOGY["dcascade"], MORPHOLOGY["cascade"], drawn.morphology)
    energy_bin = bin_index(channel.energy_edges_gev, drawn.energy_gev)
    third = drawn.coszen if channel.third_axis == "reco_coszen" else drawn.length_m
    third_bin = bin_index(channel.third_edges, third)
    selected = (drawn.energy_gev >= selection.edep_min_gev) & (drawn.energy_gev <= selection.edep_max_gev)
    inside = selected & (energy_bin >= 1) & (energy_bin <= channel.shape[0]) & (third_bin >= 1) & (third_bin <= channel.shape[1])
    chosen = np.flatnonzero(inside & (morphology == MORPHOLOGY[channel.channel]))
    energy_edges = np.clip(channel.energy_edges_gev, selection.edep_min_gev, selection.edep_max_gev)
    energy = np.exp(_uniform_in_bin(rng, np.log(energy_edges), energy_bin[chosen]))
    coszen, length = drawn.coszen[chosen], np.full(len(chosen), np.nan)
    if channel.third_axis == "reco_coszen":
        coszen = _uniform_in_bin(rng, channel.third_edges, third_bin[chosen])
    else:
        length = np.exp(_uniform_in_bin(rng, np.log(channel.third_edges), third_bin[chosen]))
    if channel.channel == "dcascade" and channel.third_axis == "reco_coszen":
        length = 10.0 ** rng.uniform(*LENGTH_DECADES, len(chosen))
    return {"recoDepositedEnergy": energy, "recoMorphology": morphology[chosen], "recoZenith": np.arccos(coszen), "recoLength": length}


def _uniform_in_bin(rng: Generator, edges: ArrayLike, index: NDArray[np.intp]) -> Array:
    """A uniform number in bins numbered from 1, kept off the edges (rounding of exp and arccos must not move it to the next bin)."""
    low, high = np.asarray(edges)[index - 1], np.asarray(edges)[index]
    return np.asarray(low + (high - low) * rng.uniform(1e-9, 1.0 - 1e-9, len(index)))
