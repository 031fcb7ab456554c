"""Mean detector factors T(value) of every component, flavour and bin, from the cell averages of ``processors.detector_cells``.

ln T is tabulated at the knots of the parameter and, for splines of second order, at the midpoints: between knots the spline of a single event is a
parabola, so that the Lagrange polynomial through its three points is exact for one event and close for the mean of many (specification diffuse 4.3).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.bins import third_axis
from physics.detector_systematics import SYSTEMATICS

Array = NDArray[np.float64]
Key = tuple[str, str]  # component, flavour

NOMINAL = "nominal"
ROUNDED = 0.015  # of the distance of nodes: where lines are joined; ln T moves by at most 0.12 % of its change of slope times the distance


@dataclass(frozen=True)
class Cells:
    """Sums D of one channel: ``nominal`` (keys, bins) and, by parameter, ``sums`` (nodes, keys, bins) at ``nodes``; ``start``: first bin."""

    start: int
    nominal: Array
    nodes: Mapping[str, Array]
    sums: Mapping[str, Array]

    def ln_t(self, systematic: str) -> Array:
        """ln T (nodes, keys, bins); 0 in empty cells."""
        usable = (self.nominal > 0) & (self.sums[systematic] > 0)
        ratio = np.divide(self.sums[systematic], self.nominal, out=np.ones_like(self.sums[systematic]), where=usable)
        return np.log(ratio)


@dataclass(frozen=True)
class DetectorCells:
    """Cells of all channels, in the order of the response's bins; ``keys``: the (component, flavour) pairs that have any events."""

    keys: tuple[Key, ...]
    channels: tuple[Cells, ...]
    n_bins: int

    @property
    def systematics(self) -> tuple[str, ...]:
        """Parameters that are tabulated."""
        return tuple(self.channels[0].nodes)

    def range(self, systematic: str) -> tuple[float, float]:
        """Values that all channels have in their tables."""
        nodes = [one.nodes[systematic] for one in self.channels]
        return max(float(one[0]) for one in nodes), min(float(one[-1]) for one in nodes)

    @classmethod
    def from_hists(cls, parts: Sequence[tuple[float, Mapping[str, hist.Hist]]]) -> DetectorCells | None:
        """Sum data sets, each with its scale to the exposure of the data and its histograms by channel; None where one of them has no cells."""
        if not parts or any(not by_channel for _, by_channel in parts):
            return None
        keys = sorted({key for scale, by_channel in parts for one in by_channel.values() for key in _filled(one)})
        channels, start = [], 0
        for name, first in parts[0][1].items():
            labels = list(first.axes["node"])
            if any(list(by_channel[name].axes["node"]) != labels for _, by_channel in parts):
                raise InputError(f"cells of channel {name}: data sets were made with different detector tables; process them with one configuration")
            total = sum(scale * _sums(by_channel[name], keys) for scale, by_channel in parts)
            channels.append(_cells(start, labels, np.asarray(total)))
            start += channels[-1].nominal.shape[1]
        return cls(tuple(keys), tuple(channels), start)


class DetectorFactors:
    """T and its slopes for all keys and bins at any values of the parameters."""

    def __init__(self, cells: DetectorCells) -> None:
        self.cells = cells
        self.systematics = cells.systematics
        self._tables = [[_Table(channels, name) for channels in _alike(cells.channels, name)] for name in self.systematics]

    def ln_and_slopes(self, values: Sequence[float]) -> tuple[Array, Array]:
        """ln T (keys, bins), and its derivative in each parameter (parameters, keys, bins)."""
        slopes = np.empty((len(values), len(self.cells.keys), self.cells.n_bins))
        total = np.zeros(slopes.shape[1:])
        for row, (value, tables) in enumerate(zip(values, self._tables, strict=True)):
            for table in tables:
                ln_t, slope = table.at(value)
                total[:, table.place] += ln_t
                slopes[row][:, table.place] = slope
        return total, slopes


class _Table:
    """ln T of neighbouring channels with the same nodes in one parameter, T = 1 at the nominal value."""

    def __init__(self, channels: Sequence[Cells], systematic: str) -> None:
        self._order = SYSTEMATICS[systematic].order
        self._nodes = channels[0].nodes[systematic]
        self._shape = channels[0].nominal.shape[0], sum(one.nominal.shape[1] for one in channels)
        self.place = slice(channels[0].start, channels[0].start + self._shape[1])
        ln_t = np.concatenate([one.ln_t(systematic) for one in channels], axis=2).reshape(len(self._nodes), -1)
        first, weights = _lagrange(self._nodes, self._order, SYSTEMATICS[systematic].nominal)
        self._ln_t = ln_t - weights[0] @ ln_t[first : first + weights.shape[1]]

    def at(self, value: float) -> tuple[Array, Array]:
        """ln T (keys, bins), and its derivative."""
        first, weights = _lagrange(self._nodes, self._order, value)
        found = weights @ self._ln_t[first : first + weights.shape[1]]
        return found[0].reshape(self._shape), found[1].reshape(self._shape)


def _alike(channels: Sequence[Cells], systematic: str) -> list[list[Cells]]:
    """Channels in their order, those beside each other that have the same nodes together."""
    found: list[list[Cells]] = []
    for one in channels:
        if found and np.array_equal(found[-1][0].nodes[systematic], one.nodes[systematic]):
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _lagrange(nodes: Array, order: int, value: float) -> tuple[int, Array]:
    """First node of the interval of ``value``, and the Lagrange polynomials of its order + 1 nodes there (row 0) with their derivatives (row 1).

    Abramowitz & Stegun 25.2.1. The weights sum to 1, so that a constant may be subtracted from the nodes. Corners of the first
    order are rounded.
    """
    interval = min(max(bisect_right(nodes[::order].tolist(), value) - 1, 0), (len(nodes) - 1) // order - 1)
    first = interval * order
    if order == 1:
        return _rounded(nodes, first, value)
    a, b, c = nodes[first : first + 3].tolist()
    below, middle, above = (a - b) * (a - c), (b - a) * (b - c), (c - a) * (c - b)
    weights = [(value - b) * (value - c) / below, (value - a) * (value - c) / middle, (value - a) * (value - b) / above]
    slopes = [(2.0 * value - b - c) / below, (2.0 * value - a - c) / middle, (2.0 * value - a - b) / above]
    return first, np.array([weights, slopes])


def _rounded(nodes: Array, interval: int, value: float) -> tuple[int, Array]:
    """``_lagrange`` of first order: straight lines, joined smoothly close to each inner node by cubics through the node.

    A corner of ln T is one of -ln L: minima like to lie there, where no gradient vanishes and no minimiser ends. On either side the cubic has the
    value of the node and the mean slope there, and those of the line at the distance ``reach``.
    """
    inner = interval if value - nodes[interval] < nodes[interval + 1] - value else interval + 1
    before, here, after = (float(nodes[min(max(inner + step, 0), len(nodes) - 1)]) for step in (-1, 0, 1))
    reach = ROUNDED * min(here - before, after - here)  # 0 at the ends, which have no corner
    if abs(value - here) < reach:
        x, u = value - here, abs(value - here) / reach
        half = 0.5 * np.array([x * (1.0 - u) ** 2, (1.0 - u) * (1.0 - 3.0 * u)])  # share of the other side's line: value and slope
        own = np.array([x, 1.0]) - half
        low, high = (own, half) if x < 0 else (half, own)  # of the slopes of the lines below and above
        below, above = low / (here - before), high / (after - here)
        return inner - 1, np.stack([-below, below - above, above], axis=1) + np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    a, b = nodes[interval : interval + 2].tolist()
    width = b - a
    return interval, np.array([[(b - value) / width, (value - a) / width], [-1.0 / width, 1.0 / width]])


def _ordered(histogram: hist.Hist) -> Array:
    """(component, flavour, node, bins), bins with the third axis outside and energy inside as in the response."""
    names = [axis.name for axis in histogram.axes]
    order = ["component", "flavour", "node", third_axis(histogram), "reco_energy"]
    values = np.asarray(histogram.view(flow=False)).transpose([names.index(name) for name in order])
    return values.reshape(*values.shape[:3], -1)


def _filled(histogram: hist.Hist) -> list[Key]:
    filled = _ordered(histogram)[:, :, 0].any(axis=-1)
    components, flavours = list(histogram.axes["component"]), list(histogram.axes["flavour"])
    return [(components[i], flavours[j]) for i, j in zip(*np.nonzero(filled), strict=True)]


def _sums(histogram: hist.Hist, keys: Sequence[Key]) -> Array:
    """(nodes, keys, bins)."""
    values, components, flavours = _ordered(histogram), list(histogram.axes["component"]), list(histogram.axes["flavour"])
    return np.stack([values[components.index(component), flavours.index(flavour)] for component, flavour in keys], axis=1)


def _cells(start: int, labels: Sequence[str], total: Array) -> Cells:
    named = [label.partition("=") for label in labels]
    names = dict.fromkeys(name for name, _, _ in named if name != NOMINAL)
    rows = {name: [i for i, one in enumerate(named) if one[0] == name] for name in names}
    return Cells(
        start,
        total[labels.index(NOMINAL)],
        {name: np.array([float(named[i][2]) for i in of]) for name, of in rows.items()},
        {name: total[of] for name, of in rows.items()},
    )
