"""Event tables -> templates of groups of particles and data in the same bins, for fits of composition."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, TooFewEvents, nearest
from configs.iwcd import FractionChannel

Array = NDArray[np.float64]
Cells = NDArray[np.int64]
Columns = Mapping[str, ArrayLike]

OUTSIDE = -1
CHARGE_COLUMNS = frozenset(("charge", "max_charge", "mean_charge", "charge_per_hit"))  # proportional to the light yield
SMALLEST_EXPECTATION = 0.5  # events; bins below are merged
FEWEST_EVENTS = 0.5  # of a template in a bin, for its relative error; its content is not lifted: that would bias small groups
UNEXPLAINED = 0.05  # largest share of the data where no template has an event


@dataclass(frozen=True)
class Placed:
    """Events of a sample in the bins of the channels: name of each event's particle, number of its bin (nominal, charge scaled up and down)."""

    particle: NDArray[np.str_]
    nominal: Cells
    up: Cells | None = None
    down: Cells | None = None

    def take(self, rows: NDArray) -> Placed:
        """Some of the events."""
        up, down = (None if cells is None else cells[rows] for cells in (self.up, self.down))
        return Placed(self.particle[rows], self.nominal[rows], up, down)


@dataclass(frozen=True)
class Binned:
    """What is fitted. ``shapes`` (groups, bins) sum to one by group; ``events``: template events behind each; ``up``/``down``: shapes at 1 sigma."""

    groups: tuple[str, ...]
    labels: tuple[str, ...]
    counts: Array
    shapes: Array
    events: Array
    up: Array | None = None
    down: Array | None = None
    n_outside: int = 0
    merged: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def unit(self) -> float:
        """Events of a group whose parameter is 1."""
        return float(self.counts.sum()) / len(self.groups)

    @property
    def condition_number(self) -> float:
        """Of the matrix of shapes: how much it magnifies fluctuations of the data."""
        return float(np.linalg.cond(self.shapes))


def place(columns: Columns, channels: Sequence[FractionChannel], light_yield: float = 0.0) -> Placed:
    """Find the bin of every event; with ``light_yield`` also for charges scaled by 1 +- that, where an observable depends on charge.

    Raises InputError for observables that the table lacks, for edges that do not ascend, and for events that lie in two channels.
    """
    table = {name: np.asarray(values) for name, values in columns.items()}
    particle = table.get("particle", np.full(len(next(iter(table.values()))), ""))
    nominal = bin_numbers(table, channels)
    if not light_yield or not any(name in CHARGE_COLUMNS for channel in channels for name in channel.observables):
        return Placed(particle, nominal)
    varied = (bin_numbers(table, channels, 1.0 + sign * light_yield) for sign in (1.0, -1.0))
    return Placed(particle, nominal, *varied)


def bin_numbers(columns: Mapping[str, NDArray], channels: Sequence[FractionChannel], charge_scale: float = 1.0) -> Cells:
    """Flat number of each event's bin over all channels, -1 outside. The last bin of an observable includes its upper edge."""
    numbers: Cells | None = None
    offset = 0
    for place_of, channel in enumerate(channels):
        own = _in_channel(columns, channel, charge_scale, f"channels.{place_of}")
        if numbers is None:
            numbers = np.full(own.shape, OUTSIDE)
        if both := int(((own >= 0) & (numbers >= 0)).sum()):
            raise InputError(f"channels.{place_of}: {both} events lie in an earlier channel too and would count twice; make the channels disjoint")
        numbers = np.where(own >= 0, own + offset, numbers)
        offset += int(np.prod([len(edges) - 1 for edges in channel.edges]))
    if numbers is None:
        raise InputError("channels: none is given; name observables and edges")
    return numbers


def _in_channel(columns: Mapping[str, NDArray], channel: FractionChannel, charge_scale: float, where: str) -> Cells:
    if len(channel.edges) != len(channel.observables) or not channel.edges:
        raise InputError(f"{where}: {len(channel.observables)} observables and {len(channel.edges)} lists of edges; give one list for each")
    flat: Cells | None = None
    inside: NDArray[np.bool_] | None = None
    for name, edges in zip(channel.observables, channel.edges, strict=True):
        if name not in columns:
            advice = "; features need processor.features and a new run of the processor"
            raise InputError(f"{where}: the events have no column {name!r}{nearest(name, columns)}{advice}")
        if len(edges) < 2 or np.any(np.diff(edges) <= 0):
            raise InputError(f"{where}: edges of {name} do not ascend: {edges}")
        values = np.asarray(columns[name], float) * (charge_scale if name in CHARGE_COLUMNS else 1.0)
        number = np.searchsorted(edges, values, side="right") - 1
        number = np.where(values == edges[-1], len(edges) - 2, number)
        good = (number >= 0) & (number < len(edges) - 1)
        flat = number if flat is None else flat * (len(edges) - 1) + number
        inside = good if inside is None else inside & good
    assert flat is not None
    assert inside is not None
    return np.where(inside, flat, OUTSIDE)


def bin_labels(channels: Sequence[FractionChannel]) -> list[str]:
    """Ranges of the observables of every bin, in words, in the order of ``bin_numbers``."""
    labels = []
    for channel in channels:
        axes = zip(channel.observables, channel.edges, strict=True)
        ranges = [[f"{name} {a:g} to {b:g}" for a, b in itertools.pairwise(edges)] for name, edges in axes]
        labels += [", ".join(parts) for parts in itertools.product(*ranges)]
    return labels


def binned(template: Placed, data: Cells, groups: Mapping[str, Sequence[str]], labels: Sequence[str]) -> Binned:
    """Templates of the groups and the data, with bins of small expectation merged into one.

    Particles of a group have equal weight whatever their numbers. Raises InputError for
    groups without template or with fewer than 2 events, for particles in two groups, and for data that lie outside all template bins.
    """
    weights, members = _weights(template, groups)
    n_bins = len(labels)
    counts = _filled(data, np.ones(len(data)), n_bins)
    if counts.sum() == 0:
        raise InputError(f"none of the {len(data)} data events lies in the bins of the channels; check the edges, or the selection of the data")
    sums = np.stack([_filled(template.nominal[mine], weights[mine], n_bins) for mine in members])
    squares = np.stack([_filled(template.nominal[mine], weights[mine] ** 2, n_bins) for mine in members])
    for name, mine in zip(groups, members, strict=True):
        if (inside := int((template.nominal[mine] >= 0).sum())) < 2:
            raise TooFewEvents(f"groups.{name}: {inside} template events in the bins of the channels, at least 2 are needed")
    notes = _refuse_unexplained(counts, sums)
    shapes = sums / sums.sum(axis=1, keepdims=True)
    matrix, kept, merged = _merging(shapes.sum(axis=0) * counts.sum() / len(groups), labels)
    sums, squares, counts = sums @ matrix, squares @ matrix, counts @ matrix
    events = np.divide(sums**2, squares, out=np.zeros_like(sums), where=squares > 0)
    up, down = (_varied(cells, weights, members, matrix, sums) for cells in (template.up, template.down))
    return Binned(
        groups=tuple(groups),
        labels=kept,
        counts=counts,
        shapes=sums / sums.sum(axis=1, keepdims=True),
        events=np.maximum(events, FEWEST_EVENTS),
        up=up,
        down=down,
        n_outside=int((data < 0).sum()),
        merged=merged,
        notes=notes,
    )


def _weights(template: Placed, groups: Mapping[str, Sequence[str]]) -> tuple[Array, list[NDArray[np.bool_]]]:
    """Weight of each template event, and which events are of each group."""
    _refuse_twice(groups)
    present = {str(name): int(number) for name, number in zip(*np.unique(template.particle, return_counts=True), strict=True)}
    weights, members = np.zeros(len(template.particle)), []
    for group, names in groups.items():
        missing = [name for name in names if name not in present]
        if missing or not names:
            found = ", ".join(present) or "none"
            raise InputError(f"groups.{group}: no template for {', '.join(missing) or 'this group'} (particles of the template sample: {found})")
        for name in names:
            weights[template.particle == name] = 1.0 / (present[name] * len(names))
        members.append(np.isin(template.particle, list(names)))
    return weights, members


def _refuse_twice(groups: Mapping[str, Sequence[str]]) -> None:
    listed = [name for names in groups.values() for name in names]
    if twice := sorted({name for name in listed if listed.count(name) > 1}):
        raise InputError(f"groups: {', '.join(twice)} stands in more than one place; a particle belongs to one group")


def _filled(cells: Cells, weights: Array, n_bins: int) -> Array:
    inside = cells >= 0
    return np.bincount(cells[inside], weights=weights[inside], minlength=n_bins).astype(float)


def _refuse_unexplained(counts: Array, sums: Array) -> tuple[str, ...]:
    """Data events in bins where no template has any: a few fluctuate there, many mean that the samples do not belong together."""
    lost = float(counts[sums.sum(axis=0) == 0].sum())
    if lost > UNEXPLAINED * counts.sum():
        raise InputError(
            f"{lost:g} of {counts.sum():g} data events lie outside all template bins (no template event of any group there); "
            "the groups lack a particle, or templates and data were selected differently"
        )
    return (f"{lost:g} data events lie in bins where no template has an event",) if lost else ()


def _merging(expectation: Array, labels: Sequence[str]) -> tuple[Array, tuple[str, ...], tuple[str, ...]]:
    """Matrix (bins, kept bins) that merges bins of small expectation into one last bin, or into the smallest other where that stays small."""
    small = expectation < SMALLEST_EXPECTATION
    target = np.cumsum(~small) - 1
    n_kept = int((~small).sum())
    if n_kept == 0:
        return np.ones((len(labels), 1)), ("all bins",), tuple(labels)
    own = bool(expectation[small].sum() >= SMALLEST_EXPECTATION)
    target[small] = n_kept if own else int(np.argmin(expectation[~small]))
    matrix = np.zeros((len(labels), n_kept + own))
    matrix[np.arange(len(labels)), target] = 1.0
    kept = [label for label, merged in zip(labels, small, strict=True) if not merged]
    names = [*kept, f"{int(small.sum())} bins of small expectation"] if own else kept
    return matrix, tuple(names), tuple(label for label, merged in zip(labels, small, strict=True) if merged)


def _varied(cells: Cells | None, weights: Array, members: Sequence[NDArray[np.bool_]], matrix: Array, nominal: Array) -> Array | None:
    """Shapes of a varied sample, bins that are empty before or after left as they are. Only the shape varies: yields count events in the bins."""
    if cells is None:
        return None
    sums = np.stack([_filled(cells[mine], weights[mine], len(matrix)) for mine in members]) @ matrix
    filled = np.where((sums > 0) & (nominal > 0), sums, nominal)
    return filled / filled.sum(axis=1, keepdims=True)
