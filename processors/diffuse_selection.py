"""Which events the diffuse analysis takes, in which channel and bin; every drop is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import hist
import numpy as np
from numpy.typing import NDArray

from configs import diffuse
from configs.errors import InputError
from physics.binning import MORPHOLOGY, ChannelBinning
from processors import response_fill
from processors.diffuse_layouts import Layout, Reco, Release
from processors.event_columns import Place, refuse_events

# Entries left after each cut. channel: the topology has a channel; in_bins: neither under- nor overflow (flow bins are kept in the histograms).
CUTS = ("all", "edep_min", "edep_max", "length", "channel", "in_bins")


@dataclass(frozen=True)
class Selected:
    """Events of one channel: positions in the chunk, and flat indices into the (third axis, energy) bins, flow included."""

    positions: NDArray[np.intp]
    reco_index: NDArray[np.intp]

    def part(self, start: int, stop: int) -> Selected:
        """Some of the events."""
        return Selected(self.positions[start:stop], self.reco_index[start:stop])


def cut_axis() -> hist.axis.AxisProtocol:
    """The axis of the cut flow."""
    return response_fill.category("cut", CUTS, "Cut")


def select(
    reco: Reco, layout: Layout, cuts: diffuse.Selection, channels: Mapping[str, ChannelBinning], place: Place
) -> tuple[dict[str, Selected], hist.Hist]:
    """Return channel -> events, and the cut flow. Energy and length cuts include their limits.

    Without a channel for double cascades the release's ones count as cascades, as in the exercise; other topologies without a channel are
    dropped and counted. Raises ``InputError`` where double cascades lack the length that their channel is binned in.
    """
    masks, morphology = _masks(reco, cuts), morphologies(reco, layout, channels)
    selected = {}
    for name, channel in channels.items():
        taken = masks[-1] & (morphology == MORPHOLOGY[name])
        if channel.third_axis == "reco_length" and reco.length_m is None:
            refuse_events(
                taken, place, f"topology {MORPHOLOGY[name]} in a form without lengths, but {name}s are binned in length; use binning: bootcamp"
            )
        third = reco.coszen if channel.third_axis == "reco_coszen" or reco.length_m is None else reco.length_m
        positions = np.flatnonzero(taken)
        selected[name] = Selected(positions, response_fill.reco_index(channel, reco.energy_gev[positions], third[positions]))
    in_bins = sum(response_fill.count_in_bins(channels[name], events.reco_index) for name, events in selected.items())
    cutflow = hist.Hist(cut_axis(), storage=hist.storage.Int64())
    in_channels = sum(len(events.positions) for events in selected.values())
    cutflow.view()[...] = np.array([*(np.count_nonzero(mask) for mask in masks), in_channels, in_bins])
    return selected, cutflow


def morphologies(reco: Reco, layout: Layout, channels: Mapping[str, ChannelBinning]) -> NDArray[np.intp]:
    """Morphology of each event as it is taken: double cascades of the release are cascades where they have no channel."""
    if isinstance(layout, Release) and "dcascade" not in channels:
        return np.where(reco.morphology == MORPHOLOGY["dcascade"], MORPHOLOGY["cascade"], reco.morphology)
    return np.asarray(reco.morphology)


def _masks(reco: Reco, cuts: diffuse.Selection) -> list[NDArray[np.bool_]]:
    """Events left after no cut, edep_min, edep_max, length."""
    everything = np.ones(len(reco.morphology), dtype=bool)
    above = reco.energy_gev >= cuts.edep_min_gev
    between = above & (reco.energy_gev <= cuts.edep_max_gev)
    if reco.length_m is None:
        return [everything, above, between, between]
    contained = (reco.length_m >= cuts.length_min_m) & (reco.length_m <= cuts.length_max_m)
    return [everything, above, between, between & (contained | (reco.morphology != MORPHOLOGY["dcascade"]))]


def check_cuts(cuts: diffuse.Selection) -> None:
    """Refuse limits in the wrong order."""
    for low, high, name in ((cuts.edep_min_gev, cuts.edep_max_gev, "edep"), (cuts.length_min_m, cuts.length_max_m, "length")):
        if low >= high:
            raise InputError(f"processor.selection: {name} minimum {low:g} must be below its maximum {high:g}")


def check_not_empty(hists: Mapping[str, hist.Hist]) -> None:
    """Refuse a whole data set of which no event is left in the bins; the message holds its cut flow."""
    if "cutflow" not in hists:
        return
    left = dict(zip(CUTS, hists["cutflow"].view().tolist(), strict=True))
    if left["in_bins"] == 0:
        events = "data" if any(name.startswith("data_") for name in hists) else "simulated"
        flow = ", ".join(f"{cut} {count}" for cut, count in left.items())
        raise InputError(
            f"no {events} event is left after the selection (events left after each cut: {flow}); "
            "widen processor.selection or binning, or check units (GeV, rad, m)"
        )
