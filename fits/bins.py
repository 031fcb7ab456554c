"""Analysis bins and how the histograms of ``processors.diffuse`` are cut into them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError

CHANNELS = ("cascade", "track", "dcascade")  # order of the bins; other channels follow in alphabetical order
THIRD_AXES = {"reco_coszen": "cos zenith", "reco_length": "length [m]"}  # name of the axis -> words
NOWHERE = (math.nan, math.nan)
EDGE_TOLERANCE = 1.0e-12  # relative difference between edges that are the same


@dataclass(frozen=True)
class Bin:
    """One analysis bin. ``None`` (and channel "all") where a projection has summed over an axis."""

    channel: str
    energy_gev: tuple[float, float] | None
    third_axis: str | None
    third: tuple[float, float] | None

    @property
    def label(self) -> str:
        """The bin in words.

        >>> Bin("track", (6e4, 7.7e4), "reco_coszen", (-1.0, -0.8)).label
        'track, 60..77 TeV, cos zenith -1..-0.8'
        """
        words = [self.channel]
        if self.energy_gev is not None:
            words.append(f"{self.energy_gev[0] / 1e3:.4g}..{self.energy_gev[1] / 1e3:.4g} TeV")
        if self.third is not None and self.third_axis is not None:
            words.append(f"{THIRD_AXES.get(self.third_axis, self.third_axis)} {self.third[0]:.4g}..{self.third[1]:.4g}")
        return ", ".join(words)


def ends_of(bins: Sequence[Bin]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends (bins, 2) in deposited energy (GeV) and along the third axis; NaN where a projection has summed over an axis."""
    energy, third = (np.array([getattr(one, axis) or NOWHERE for one in bins], dtype=float).reshape(-1, 2) for axis in ("energy_gev", "third"))
    return energy, third


def channels(hists: Mapping[str, hist.Hist], prefix: str) -> dict[str, hist.Hist]:
    """Histograms ``<prefix><channel>`` of one data set by channel, in the order of the bins."""
    found = {name.removeprefix(prefix): histogram for name, histogram in hists.items() if name.startswith(prefix)}
    order = [*(channel for channel in CHANNELS if channel in found), *sorted(set(found) - set(CHANNELS))]
    return {channel: found[channel] for channel in order}


def third_axis(histogram: hist.Hist) -> str:
    """Name of the axis beside energy. Raises ``InputError`` when there is none."""
    for axis in histogram.axes:
        if axis.name in THIRD_AXES:
            return str(axis.name)
    raise InputError(f"a histogram has axes {', '.join(axis.name for axis in histogram.axes)}; one of {', '.join(THIRD_AXES)} is needed")


def bins_of(by_channel: Mapping[str, hist.Hist]) -> tuple[Bin, ...]:
    """All bins: channel outermost, then third axis, then energy."""
    found = []
    for channel, histogram in by_channel.items():
        third = third_axis(histogram)
        energies = [(float(low), float(high)) for low, high in itertools.pairwise(histogram.axes["reco_energy"].edges)]
        for low, high in itertools.pairwise(histogram.axes[third].edges):
            found += [Bin(channel, energy, third, (float(low), float(high))) for energy in energies]
    return tuple(found)


def check_same_axes(name: str, ours: Mapping[str, hist.Hist], other: str, theirs: Mapping[str, hist.Hist]) -> None:
    """Refuse two data sets whose histograms differ in channels or in an axis that both have; the message names it."""
    if list(ours) != list(theirs):
        raise InputError(
            f"data sets {name} and {other} have different channels ({', '.join(ours)} and {', '.join(theirs)}); process them with one configuration"
        )
    for channel, histogram in ours.items():
        mine = {axis.name: axis for axis in histogram.axes}
        for axis in theirs[channel].axes:
            if axis.name in mine and not _same(mine[axis.name], axis):
                raise InputError(
                    f"data sets {name} and {other} have different binning in axis {axis.name} of channel {channel} ({len(mine[axis.name])} and "
                    f"{len(axis)} bins); process them with one configuration"
                )
        if third_axis(histogram) != third_axis(theirs[channel]):
            raise InputError(
                f"data sets {name} and {other}: channel {channel} has axis {third_axis(histogram)} in one and "
                f"{third_axis(theirs[channel])} in the other; process them with one configuration"
            )


def _same(one: hist.axis.AxesMixin, other: hist.axis.AxesMixin) -> bool:
    if isinstance(one, hist.axis.StrCategory):
        return True  # classes and components may differ from data set to data set
    if isinstance(one, hist.axis.IntCategory):
        return list(one) == list(other)  # type: ignore[call-overload]
    first, second = np.asarray(one.edges), np.asarray(other.edges)  # type: ignore[attr-defined]
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=EDGE_TOLERANCE, atol=0))
