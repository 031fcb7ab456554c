"""Small histograms in the layout of ``processors.diffuse``, filled by hand in plain doubles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import hist
import numpy as np
from hist import axis

ENERGY = (6e4, 2e5, 6e5, 1e7)
COSINE = (-1.0, 0.0, 1.0)
NODES = tuple(np.geomspace(1e4, 1e7, 61))


class Events(NamedTuple):
    """Columns of a few toy events: channel, reconstructed energy and cosine, true energy, weights."""

    channel: np.ndarray
    edep: np.ndarray
    cosine: np.ndarray
    energy: np.ndarray
    astro: np.ndarray
    atmo: np.ndarray


def events(n: int = 3000, seed: int = 1) -> Events:
    """About 15 astrophysical and 10 atmospheric events; true energies down the middle of the nodes' range."""
    random = np.random.default_rng(seed)
    energy = 10 ** random.uniform(4.9, 6.9, n)
    edep = np.clip(energy * 10 ** random.uniform(-0.6, 0.0, n), 6e4, 9.9e6)
    astro, atmo = energy**-1.5, energy**-2.6
    channel = np.where(random.random(n) < 0.7, "cascade", "track")
    return Events(channel, edep, random.uniform(-1, 1, n), energy, astro * 15 / astro.sum(), atmo * 10 / atmo.sum())


def response_hists(
    sample: Events,
    *,
    energy: Sequence[float] = ENERGY,
    cosine: Sequence[float] = COSINE,
    nodes: Sequence[float] = NODES,
    pairs: bool = True,
    moments: int = 2,
) -> dict[str, hist.Hist]:
    """``response_<channel>`` of the toy form."""
    centre = 0.5 * (np.log(nodes[1:]) + np.log(nodes[:-1]))
    d = np.log(sample.energy) - centre[np.digitize(sample.energy, nodes) - 1]
    contributions = {"astro": sample.astro, "atmo": sample.atmo}
    if pairs:
        contributions |= {"astro*astro": sample.astro**2, "astro*atmo": sample.astro * sample.atmo, "atmo*atmo": sample.atmo**2}
    made = {}
    for channel in ("cascade", "track"):
        here = sample.channel == channel
        one = hist.Hist(
            axis.StrCategory(["all"], name="class"),
            axis.StrCategory(list(contributions), name="component"),
            axis.IntCategory(list(range(moments + 1)), name="moment"),
            axis.Variable(energy, name="reco_energy"),
            axis.Variable(cosine, name="reco_coszen"),
            axis.Variable(nodes, name="true_energy", flow=False),
        )
        for component, weight in contributions.items():
            for n in range(moments + 1):
                one.fill("all", component, n, sample.edep[here], sample.cosine[here], sample.energy[here], weight=(weight * d**n)[here])
        made[f"response_{channel}"] = one
    return made


def data_hists(
    counts: Sequence[tuple[str, float, float]], *, energy: Sequence[float] = ENERGY, cosine: Sequence[float] = COSINE
) -> dict[str, hist.Hist]:
    """``data_<channel>`` with one event for each (channel, energy, cosine)."""
    made = {}
    for channel in ("cascade", "track"):
        one = hist.Hist(axis.Variable(energy, name="reco_energy"), axis.Variable(cosine, name="reco_coszen"), storage=hist.storage.Int64())
        for name, e, c in counts:
            if name == channel:
                one.fill(e, c)
        made[f"data_{channel}"] = one
    return made


def account(**datasets: tuple[str, float | None, float]) -> dict[str, Any]:
    """processing.json of data sets given as name=(kind, livetime_s, fraction)."""
    return {
        "complete": True,
        "datasets": {name: {"kind": kind, "livetime_s": livetime, "fraction": fraction} for name, (kind, livetime, fraction) in datasets.items()},
    }
