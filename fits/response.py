"""The response: moments of the simulated weights in bins x true-energy nodes, built from the histograms of ``processors.diffuse``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import hist
import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError

Array = NDArray[np.float64]
Histograms = Mapping[str, Mapping[str, hist.Hist]]

CHANNELS = ("cascade", "track", "dcascade")  # order of the bins; other channels follow in alphabetical order
AXES = ("energy", "zenith", "topology")
THIRD_AXIS_WORDS = {"reco_coszen": "cos zenith", "reco_length": "length [m]"}
PAIR_SIGN = "*"


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
        'track, 6.000e+04..7.700e+04 GeV, cos zenith -1..-0.8'
        """
        words = [self.channel]
        if self.energy_gev is not None:
            words.append(f"{self.energy_gev[0]:.3e}..{self.energy_gev[1]:.3e} GeV")
        if self.third is not None and self.third_axis is not None:
            words.append(f"{THIRD_AXIS_WORDS.get(self.third_axis, self.third_axis)} {self.third[0]:g}..{self.third[1]:g}")
        return ", ".join(words)


@dataclass(frozen=True)
class Response:
    """Moments ``M_n[class, component][n, bin, node]`` and pair moments ``C_n[class, k, l]`` for the livetime of the data.

    ``ln_energy`` (nodes,): midpoints in ln(E / 1 GeV) of the true-energy nodes that hold simulation; ``width`` (nodes,): their widths in ln E.
    Weights are for unit norm and the reference spectrum ``(E / 100 TeV)^-reference_index``.
    """

    bins: tuple[Bin, ...]
    ln_energy: Array
    width: Array
    moments: Mapping[tuple[str, str], Array]
    pairs: Mapping[tuple[str, str, str], Array]
    reference_index: float = 2.5
    livetime_s: float | None = None

    @classmethod
    def from_hists(cls, hists: Histograms, account: Mapping[str, Any], *, reference_index: float = 2.5) -> Response:
        """Build the response for the livetime of the data.

        ``hists``: data set -> histogram name -> histogram; ``account``: the content of processing.json (kind, livetime, processed fraction of each data
        set). Simulated data sets are scaled by livetime(data) / livetime(simulation) / fraction(simulation) and added; livetime(data) is multiplied by the
        processed fraction of the data. Raises ``InputError`` when there is no simulation, a livetime is missing, or binnings differ (naming the axis).
        """
        datasets = account["datasets"]
        livetime_s = data_livetime_s(account)
        parts = []
        for name in [name for name, entry in datasets.items() if entry["kind"] == "mc" and name in hists]:
            scale = _exposure(name, datasets[name], livetime_s)
            parts.append((name, scale, _channels(hists[name], "response_")))
        if not parts or not any(channels for _, _, channels in parts):
            raise InputError("no response histograms: no data set of kind mc has a histogram response_<channel>; process simulation first")
        return _assemble(parts, reference_index, livetime_s)

    def groups(self, axes: Iterable[str]) -> tuple[NDArray[np.intp], tuple[Bin, ...]]:
        """Which bin of a projection each bin belongs to, and the bins of the projection.

        ``axes`` out of energy, zenith, topology; what is not named is summed over. The third axis of double cascades (length) goes with "zenith".
        """
        wanted = set(axes)
        unknown = wanted - set(AXES)
        if unknown or not wanted:
            raise InputError(f"axes {sorted(wanted)}: choose out of {', '.join(AXES)}")
        found: dict[Bin, int] = {}
        index = np.empty(len(self.bins), dtype=np.intp)
        for position, one in enumerate(self.bins):
            key = Bin(
                one.channel if "topology" in wanted else "all",
                one.energy_gev if "energy" in wanted else None,
                one.third_axis if "zenith" in wanted else None,
                one.third if "zenith" in wanted else None,
            )
            index[position] = found.setdefault(key, len(found))
        return index, tuple(found)

    def project(self, axes: Iterable[str]) -> Response:
        """The response in fewer axes, e.g. ``["energy"]``."""
        index, bins = self.groups(axes)
        return self.merged(index, bins)

    def project_counts(self, counts: ArrayLike, axes: Iterable[str]) -> Array:
        """Counts (or any additive quantity per bin) in the bins of ``project(axes)``."""
        index, bins = self.groups(axes)
        return np.bincount(index, weights=np.asarray(counts, dtype=float), minlength=len(bins))

    def merged(self, index: NDArray[np.intp], bins: tuple[Bin, ...]) -> Response:
        """Sum bins with the same ``index``."""
        sums = {key: _merge(array, index, len(bins)) for key, array in self.moments.items()}
        pairs = {key: _merge(array, index, len(bins)) for key, array in self.pairs.items()}
        return replace(self, bins=bins, moments=sums, pairs=pairs)

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


def data_livetime_s(account: Mapping[str, Any]) -> float | None:
    """Livetime of all data sets of kind data, each times its processed fraction; None when there is no data or no livetime is stated."""
    entries = {name: entry for name, entry in account["datasets"].items() if entry["kind"] == "data"}
    stated = {name: entry.get("livetime_s") for name, entry in entries.items()}
    if not entries or all(value is None for value in stated.values()):
        return None
    for name, value in stated.items():
        _check_livetime(name, value)
    return float(sum(stated[name] * entry["fraction"] for name, entry in entries.items()))


def counts_from_hists(hists: Histograms, account: Mapping[str, Any], response: Response) -> NDArray[np.int64]:
    """Observed counts (bins,) of all data sets of kind data, in the order of ``response.bins``; the response must not be projected."""
    total = np.zeros(len(response.bins), dtype=np.int64)
    names = [name for name, entry in account["datasets"].items() if entry["kind"] == "data" and name in hists]
    if not names:
        raise InputError("no data: no data set of kind data has histograms; add one, or fit the Asimov set (data: asimov)")
    for name in names:
        channels = _channels(hists[name], "data_")
        bins = tuple(one for channel, histogram in channels.items() for one in _bins(channel, histogram))
        if bins != response.bins:
            raise InputError(f"data set {name}: its histograms have other bins than the response; process data and simulation with one binning")
        total += np.concatenate([np.asarray(histogram.view(flow=False)).reshape(-1) for histogram in channels.values()]).astype(np.int64)
    return total


def _check_livetime(name: str, value: float | None) -> None:
    if value is None or not np.isfinite(value) or value <= 0:
        raise InputError(f"data set {name}: livetime_s is {value!r}; state a positive livetime under datasets.{name}.metadata.livetime_s")


def _exposure(name: str, entry: Mapping[str, Any], livetime_s: float | None) -> float:
    """Factor from a simulated data set's weights to the data's livetime."""
    fraction = entry["fraction"]
    if not fraction > 0:
        raise InputError(f"data set {name}: nothing of it was processed (fraction {fraction}); process it again")
    if livetime_s is None:
        return 1.0 / fraction
    if entry.get("livetime_s") is None:
        raise InputError(
            f"data set {name}: livetime_s is None but the data state one; give datasets.{name}.metadata.livetime_s, the livetime of its weights"
        )
    _check_livetime(name, entry["livetime_s"])
    return livetime_s / entry["livetime_s"] / fraction


def _channels(hists: Mapping[str, hist.Hist], prefix: str) -> dict[str, hist.Hist]:
    """Histograms ``<prefix><channel>`` by channel in the order of the bins."""
    found = {name.removeprefix(prefix): histogram for name, histogram in hists.items() if name.startswith(prefix)}
    order = [*(channel for channel in CHANNELS if channel in found), *sorted(set(found) - set(CHANNELS))]
    return {channel: found[channel] for channel in order}


def _intervals(edges: Array) -> list[tuple[float, float]]:
    return [(float(low), float(high)) for low, high in zip(edges[:-1], edges[1:], strict=True)]


def _bins(channel: str, histogram: hist.Hist) -> list[Bin]:
    """Bins of a channel: third axis outer, energy inner."""
    energies = _intervals(histogram.axes["reco_energy"].edges)
    third = _third_axis(histogram)
    return [Bin(channel, energy, third, interval) for interval in _intervals(histogram.axes[third].edges) for energy in energies]


def _third_axis(histogram: hist.Hist) -> str:
    return next(axis.name for axis in histogram.axes if axis.name in THIRD_AXIS_WORDS)


def _assemble(parts: Sequence[tuple[str, float, Mapping[str, hist.Hist]]], reference_index: float, livetime_s: float | None) -> Response:
    """Scale, add and trim the histograms of all simulated data sets."""
    first = parts[0][2]
    edges = np.asarray(next(iter(first.values())).axes["true_energy"].edges)
    bins = tuple(one for channel, histogram in first.items() for one in _bins(channel, histogram))
    moments: dict[tuple[str, str], Array] = {}
    pairs: dict[tuple[str, str, str], Array] = {}
    for _, scale, channels in parts:
        blocks = [_block(histogram) for histogram in channels.values()]
        for key in blocks[0]:
            array = np.concatenate([block[key] for block in blocks], axis=1)
            if PAIR_SIGN in key[1]:
                left, right = key[1].split(PAIR_SIGN)
                pairs[key[0], left, right] = pairs.get((key[0], left, right), 0.0) + scale**2 * array
            else:
                moments[key] = moments.get(key, 0.0) + scale * array
    moments = {key: array for key, array in moments.items() if array.any()}
    pairs = {key: array for key, array in pairs.items() if array.any()}
    filled = np.any([array[0].any(axis=0) for array in moments.values()], axis=0)
    ln_edges = np.log(edges)
    return Response(
        bins,
        0.5 * (ln_edges[1:] + ln_edges[:-1])[filled],
        np.diff(ln_edges)[filled],
        {key: np.ascontiguousarray(array[..., filled]) for key, array in moments.items()},
        {key: np.ascontiguousarray(array[..., filled]) for key, array in pairs.items()},
        reference_index,
        livetime_s,
    )


def _block(histogram: hist.Hist) -> dict[tuple[str, str], Array]:
    """(class, component or pair) -> (moments, bins, nodes) of one channel, bins with the third axis outer and energy inner."""
    wanted = ["class", "component", "moment", _third_axis(histogram), "reco_energy", "true_energy"]
    names = [axis.name for axis in histogram.axes]
    values = np.asarray(histogram.view(flow=False)).transpose([names.index(name) for name in wanted])
    shape = values.shape
    flat = values.reshape(*shape[:3], shape[3] * shape[4], shape[5])
    return {(one, component): flat[i, j] for i, one in enumerate(histogram.axes["class"]) for j, component in enumerate(histogram.axes["component"])}


def _merge(array: Array, index: NDArray[np.intp], n: int) -> Array:
    out = np.zeros((array.shape[0], n, array.shape[2]))
    np.add.at(out, (slice(None), index), array)
    return out
