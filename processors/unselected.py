"""Data events below the selection's lowest energy: counted for the eye, in no fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs import diffuse
from physics.bin_search import bin_index
from physics.binning import MORPHOLOGY, SAME_EDGE, ChannelBinning
from processors.diffuse_layouts import Reco
from processors.response_fill import AXIS_LABELS, category

NAME = "below_selection"
LOWEST_GEV = 1.0e4  # events are shown down to here


def below_axes(channels: Mapping[str, ChannelBinning], cuts: diffuse.Selection) -> tuple[hist.axis.AxisProtocol, ...]:
    """Axes topology and reco_energy, in steps of the first analysis bin; none where the analysis bins do not begin at the selection's energy."""
    edges = next(iter(channels.values())).energy_edges_gev
    lower = lower_edges(edges)
    if abs(cuts.edep_min_gev / edges[0] - 1.0) > SAME_EDGE or len(lower) < 2:
        return ()
    energy = hist.axis.Variable(lower, name="reco_energy", label=AXIS_LABELS["reco_energy"], overflow=False)
    return category("topology", tuple(channels), "Topology"), energy


def lower_edges(edges_gev: Sequence[float]) -> list[float]:
    """Edges below the first of ``edges_gev``, which is the last of them, in its bin's ratio down to ``LOWEST_GEV``.

    >>> [round(edge) for edge in lower_edges([40_000.0, 80_000.0])]
    [10000, 20000, 40000]
    """
    ratio, found = edges_gev[1] / edges_gev[0], [float(edges_gev[0])]
    while found[0] / ratio >= LOWEST_GEV * (1.0 - SAME_EDGE):
        found.insert(0, found[0] / ratio)
    return found


def count_below(axes: tuple[Any, ...], reco: Reco, morphology: NDArray[np.intp]) -> hist.Hist:
    """The histogram (storage Int64) of one chunk; ``morphology`` as the selection takes it."""
    counts = hist.Hist(*axes, storage=hist.storage.Int64())
    view = counts.view(flow=True)
    edges = np.asarray(axes[1].edges)
    taken = np.flatnonzero(reco.energy_gev < edges[-1])
    energy = bin_index(edges, reco.energy_gev[taken])
    for number, name in enumerate(axes[0]):
        own = energy[morphology[taken] == MORPHOLOGY[name]]
        view[number] += np.bincount(own, minlength=view.shape[1])[: view.shape[1]]
    return counts
