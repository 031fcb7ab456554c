"""Effective areas of the simulation as the processor left them, of all simulated data sets together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import hist
import numpy as np
from numpy.typing import NDArray

from fits.exposure import Account, datasets_of
from processors.effective_area import NAME, REJECTED

Array = NDArray[np.float64]
FLAVOURS = {"e": ("nue", "nuebar"), "mu": ("numu", "numubar"), "tau": ("nutau", "nutaubar")}  # classes of nu + nubar


@dataclass(frozen=True)
class Areas:
    """Areas in m^2, averaged over the sky: ``area_m2`` (classes, interactions, topologies, nodes), nodes between ``edges_gev``.

    A class that holds nu and nubar has the sum of their areas. The last topology is ``rejected``: events in no analysis bin.
    """

    edges_gev: Array
    classes: tuple[str, ...]
    interactions: tuple[str, ...]
    topologies: tuple[str, ...]
    area_m2: Array

    def of(self, classes: Iterable[str] | None = None, *, interaction: str | None = None, topologies: Iterable[str] | None = None) -> Array:
        """Sum over the classes, interactions and topologies that are named (null: all; of the topologies, all that were selected): (nodes,)."""
        names = [one for one in self.topologies if one != REJECTED] if topologies is None else list(topologies)
        rows = [i for i, one in enumerate(self.classes) if classes is None or one in set(classes)]
        kinds = [i for i, one in enumerate(self.interactions) if interaction in (None, one)]
        return np.asarray(self.area_m2[np.ix_(rows, kinds, [self.topologies.index(one) for one in names])].sum(axis=(0, 1, 2)))

    @property
    def flavours(self) -> dict[str, tuple[str, ...]]:
        """Flavour -> its classes; where flavours were not kept apart, all of them as one."""
        found = {name: tuple(one for one in both if one in self.classes) for name, both in FLAVOURS.items()}
        return {name: both for name, both in found.items() if both} or {"all": self.classes}

    @property
    def knows_rejected(self) -> bool:
        """Whether the simulation holds events that were not selected, so that efficiencies are known."""
        return bool(self.of(topologies=[REJECTED]).any())

    @property
    def knows_interactions(self) -> bool:
        """Whether the simulation says which interaction each event is."""
        return any(self.of(interaction=name).any() for name in self.interactions if name != "unknown")

    @property
    def knows_antineutrinos(self) -> bool:
        """Whether neutrinos and antineutrinos are kept apart."""
        return any(len(both) == 2 for both in self.flavours.values())


def effective_areas(hists: Mapping[str, Mapping[str, hist.Hist]], account: Account) -> Areas | None:
    """Areas of all simulated data sets, each over its processed fraction; None where one of them left none (no livetime was stated)."""
    entries = datasets_of(account, "mc")
    if not entries or any(name not in hists or NAME not in hists[name] for name in entries):
        return None
    found = [hists[name][NAME] for name in entries]
    total = np.sum([one.values() / entry["fraction"] for one, entry in zip(found, entries.values(), strict=True)], axis=0)
    axes = found[0].axes
    classes, interactions, topologies = (tuple(str(one) for one in axes[name]) for name in ("class", "interaction", "topology"))
    return Areas(np.asarray(axes["true_energy"].edges), classes, interactions, topologies, total)
