"""The response: moments of the simulated weights in bins x true-energy nodes, built from the histograms of ``processors.diffuse``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import hist
import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from fits.bins import Bin, bins_of, channels, check_same_axes, third_axis
from fits.detector_factors import DetectorCells
from fits.exposure import Account, data_livetime_s, datasets_of, simulation_scale

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Histograms = Mapping[str, Mapping[str, hist.Hist]]

AXES = ("energy", "zenith", "topology")
PAIR_SIGN = "*"  # component "astro*pion": sum of products of two weights


@dataclass(frozen=True)
class Response:
    """Moments ``M_n[class, component][n, bin, node]`` and pair moments ``C_n[class, k, l][n, bin, node]``, k <= l, for the livetime of the data.

    ``ln_energy`` (nodes,): midpoints in ln(E / 1 GeV) of the true-energy nodes that hold simulation; ``width`` (nodes,): their widths in ln E.
    Weights are for unit norm and the reference spectrum ``(E / 100 TeV)^-reference_index``. No ``pairs``: there is no variance of the simulation.
    """

    bins: tuple[Bin, ...]
    ln_energy: Array
    width: Array
    moments: Mapping[tuple[str, str], Array]
    pairs: Mapping[tuple[str, str, str], Array]
    reference_index: float = 2.5
    livetime_s: float | None = None
    cells: DetectorCells | None = None  # of the response in all its bins; a projection has none

    @classmethod
    def from_hists(cls, hists: Histograms, account: Account, *, reference_index: float = 2.5) -> Response:
        """Build the response for the livetime of the data.

        ``hists``: data set -> name -> histogram; ``account``: the content of processing.json. Simulated data sets are scaled by livetime(data) /
        livetime(simulation) / fraction(simulation), pair moments by its square, and added; livetime(data) is multiplied by the processed
        fraction. Raises ``InputError`` when there is no simulation, a livetime is missing, or binnings differ (naming the axis).
        """
        livetime_s = data_livetime_s(account)
        parts = [
            _Part(name, simulation_scale(name, entry, livetime_s), channels(hists[name], "response_"))
            for name, entry in datasets_of(account, "mc").items()
            if name in hists
        ]
        if not parts or not parts[0].channels:
            raise InputError("no response: no data set of kind mc has histograms response_<channel>; process simulated events first")
        for part in parts[1:]:
            check_same_axes(parts[0].name, parts[0].channels, part.name, part.channels)
        cells = DetectorCells.from_hists([(part.scale, channels(hists[part.name], "cells_")) for part in parts])
        return replace(_assemble(parts, reference_index, livetime_s), cells=cells)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the flux components with simulation."""
        return tuple(dict.fromkeys(component for _, component in self.moments))

    @property
    def simulated(self) -> NDArray[np.bool_]:
        """(bins,): whether any simulated event lies in the bin."""
        filled = np.zeros(len(self.bins), dtype=bool)
        for array in self.moments.values():
            filled |= (array[0] != 0).any(axis=1)
        return filled

    def total(self, component: str) -> Array | None:
        """Moments (n, bins, nodes) of one component summed over classes; None when it has none."""
        arrays = [array for (_, name), array in self.moments.items() if name == component]
        return np.sum(arrays, axis=0) if arrays else None

    def groups(self, axes: Iterable[str]) -> tuple[Index, tuple[Bin, ...]]:
        """Which bin of a projection each bin belongs to, and the bins of the projection.

        ``axes`` out of energy, zenith, topology; what is not named is summed over. The third axis of double cascades (length) goes with zenith.
        """
        wanted = list(axes)
        for axis in wanted:
            if axis not in AXES:
                raise InputError(f"axes: {axis!r} is not an axis of this analysis{nearest(axis, AXES)}")
        if not wanted:
            raise InputError(f"axes: none given; choose out of {', '.join(AXES)}")
        found: dict[Bin, int] = {}
        index = np.array([found.setdefault(_projected(one, wanted), len(found)) for one in self.bins], dtype=np.intp)
        return index, tuple(found)

    def project(self, axes: Iterable[str]) -> Response:
        """The response in fewer axes, e.g. ``["energy"]``."""
        index, bins = self.groups(axes)
        moments = {key: _merged(array, index, len(bins)) for key, array in self.moments.items()}
        pairs = {key: _merged(array, index, len(bins)) for key, array in self.pairs.items()}
        return replace(self, bins=bins, moments=moments, pairs=pairs, cells=None)

    def project_counts(self, counts: ArrayLike, axes: Iterable[str]) -> Array:
        """Counts (or any additive quantity per bin) in the bins of ``project(axes)``."""
        index, bins = self.groups(axes)
        return np.bincount(index, weights=np.asarray(counts, dtype=float), minlength=len(bins)).astype(np.float64)


def counts_from_hists(hists: Histograms, account: Account, response: Response) -> NDArray[np.int64]:
    """Observed counts (bins,) of all data sets of kind data, in the order of ``response.bins``; the response must not be projected.

    Raises ``InputError`` when there are no data or their bins are not those of the response.
    """
    names = [name for name in datasets_of(account, "data") if name in hists]
    if not names:
        raise InputError("no data: no data set of kind data has histograms data_<channel>; add one, or fit the Asimov set (data: asimov)")
    total = np.zeros(len(response.bins), dtype=np.int64)
    for name in names:
        by_channel = channels(hists[name], "data_")
        bins = bins_of(by_channel)
        if bins != response.bins:
            different = next((ours.label for ours, theirs in zip(bins, response.bins, strict=False) if ours != theirs), f"{len(bins)} bins")
            raise InputError(f"data set {name} has other bins than the response (first difference: {different}); process both with one configuration")
        total += np.concatenate([_counts(histogram) for histogram in by_channel.values()])
    return total


class _Part(NamedTuple):
    """Histograms of one simulated data set and the factor to the exposure of the data."""

    name: str
    scale: float
    channels: Mapping[str, hist.Hist]


def _projected(one: Bin, axes: Sequence[str]) -> Bin:
    return Bin(
        one.channel if "topology" in axes else "all",
        one.energy_gev if "energy" in axes else None,
        one.third_axis if "zenith" in axes else None,
        one.third if "zenith" in axes else None,
    )


def _assemble(parts: Sequence[_Part], reference_index: float, livetime_s: float | None) -> Response:
    """Scale, add and trim to nodes with simulation."""
    moments: dict[tuple[str, str], Array] = {}
    pairs: dict[tuple[str, str, str], Array] = {}
    for part in parts:
        blocks = [_block(histogram) for histogram in part.channels.values()]
        for label, component in blocks[0]:
            array = np.concatenate([block[label, component] for block in blocks], axis=1)
            if not array.any():
                continue
            left, is_pair, right = component.partition(PAIR_SIGN)
            if is_pair:
                pairs[label, left, right] = pairs.get((label, left, right), 0.0) + part.scale**2 * array
            else:
                moments[label, component] = moments.get((label, component), 0.0) + part.scale * array
    if not moments:
        raise InputError(
            f"the response is empty: no simulated event of {', '.join(part.name for part in parts)} passed the selection (see its cut flow)"
        )
    first = parts[0].channels
    ln_edges = np.log(np.asarray(next(iter(first.values())).axes["true_energy"].edges))
    filled = np.any([array[0].any(axis=0) for array in moments.values()], axis=0)
    return Response(
        bins_of(first),
        0.5 * (ln_edges[1:] + ln_edges[:-1])[filled],
        np.diff(ln_edges)[filled],
        {key: array[..., filled] for key, array in moments.items()},
        {key: array[..., filled] for key, array in pairs.items()},
        reference_index,
        livetime_s,
    )


def _block(histogram: hist.Hist) -> dict[tuple[str, str], Array]:
    """(class, component or pair) -> (moments, bins, nodes) of one channel, bins with the third axis outside and energy inside."""
    names = [axis.name for axis in histogram.axes]
    order = ["class", "component", "moment", third_axis(histogram), "reco_energy", "true_energy"]
    values = np.asarray(histogram.view(flow=False)).transpose([names.index(name) for name in order])
    flat = values.reshape(*values.shape[:3], -1, values.shape[-1])
    return {
        (label, component): flat[i, j] for i, label in enumerate(histogram.axes["class"]) for j, component in enumerate(histogram.axes["component"])
    }


def _counts(histogram: hist.Hist) -> NDArray[np.int64]:
    """Counts of one channel, third axis outside and energy inside."""
    names = [axis.name for axis in histogram.axes]
    values = np.asarray(histogram.view(flow=False)).transpose([names.index(third_axis(histogram)), names.index("reco_energy")])
    return values.reshape(-1).astype(np.int64)


def _merged(array: Array, index: Index, n: int) -> Array:
    """Sum over bins with the same index."""
    out = np.zeros((array.shape[0], n, array.shape[2]))
    for moment in range(array.shape[0]):
        np.add.at(out[moment], index, array[moment])
    return out
