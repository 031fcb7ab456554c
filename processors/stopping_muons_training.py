"""First pass over the nominal simulation: how many events are selected, at which rate, and those that trees and figures are prepared with."""

from __future__ import annotations

from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea.processor import ProcessorABC
from numpy.typing import NDArray

from configs.errors import InputError
from processors.stopping_muons_columns import MuonColumns
from processors.stopping_muons_cuts import ALL, FINITE
from processors.stopping_muons_setup import TRUTH, MuonSetup
from processors.stopping_muons_showers import SAMPLE, SPLIT, uniform
from records.tables import Table

SHARES = 1 << 14  # of showers, that a split can be made of
LARGEST_TREE_SHARE = 0.25  # one in four of the training events, which are at most all
SAMPLE_SIZE = 5000
QUANTILE = 0.999
SPLIT_NUMBER, SAMPLE_ORDER, WEIGHT = "split_number", "sample_order", "weight"
MORE = ("cos_zenith", "stop_z", "zenith_reco", "stop_z_reco", "propagation_length_reco", "energy_surface_proxy")  # of figures


class TrainingEvents(ProcessorABC):
    """Leaves ``sums`` (events, weights and their squares, read and selected), ``shares`` (selected events by number of split), and table ``events``.

    The table has the selected events with a split number below ``LARGEST_TREE_SHARE`` or among the first of a weighted sample without replacement.
    """

    def __init__(self, setup: MuonSetup) -> None:
        self.setup = setup

    def process(self, events: ak.Array) -> dict[str, hist.Hist | Table]:
        """One chunk."""
        columns = MuonColumns(events, self.setup)
        kept = np.flatnonzero(columns.flow.kept)
        split = uniform(columns.showers[kept], SPLIT)
        shares = hist.Hist(hist.axis.Regular(SHARES, 0.0, 1.0, name="split", flow=False), storage=hist.storage.Int64()).fill(split)
        order = sample_order(columns, kept)
        first = np.argsort(order, kind="stable")[:SAMPLE_SIZE]
        taken = split < LARGEST_TREE_SHARE
        taken[first] = True
        chosen = kept[taken]
        names = [
            name
            for name in dict.fromkeys([*self.setup.observables, *(TRUTH[target] for target in self.setup.targets), *MORE])
            if self.setup.has(name)
        ]
        table = {name: columns[name][chosen] for name in names}
        table |= {SPLIT_NUMBER: split[taken], SAMPLE_ORDER: order[taken], WEIGHT: columns.weight_hz[chosen]}
        return {"sums": self._sums(columns, kept), "shares": shares, "not_finite": not_finite(columns), "events": Table(table)}

    def _sums(self, columns: MuonColumns, kept: NDArray[np.intp]) -> hist.Hist:
        filled: hist.Hist = hist.Hist(
            hist.axis.StrCategory([ALL, FINITE, "selected"], name="cut", overflow=False),
            hist.axis.StrCategory(["events", "weighted", "squared"], name="what", overflow=False),
        )
        finite = columns.reached & columns.flow.steps[FINITE]
        for place, mask in enumerate((columns.reached, finite, kept)):
            weight = columns.weight_hz[mask]
            filled.view()[place] = (len(weight), weight.sum(), np.square(weight).sum())
        return filled

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to do."""
        return accumulator


def sample_order(columns: MuonColumns, kept: NDArray[np.intp]) -> NDArray[np.float64]:
    """u / w of each event: those below 1 / w_max are a sample without weights, and without replacement (Ohlsson, J. Off. Stat. 14 (1998) 149)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(uniform(columns.showers[kept], SAMPLE) / columns.weight_hz[kept], nan=np.inf)


def sampled(events: Table) -> Table:
    """At most ``SAMPLE_SIZE`` events that are distributed as the weighted ones, each once.

    w_max is a high quantile of the weights: few events above it would leave little of the others.
    """
    largest = np.quantile(events[WEIGHT][events[SPLIT_NUMBER] < LARGEST_TREE_SHARE], QUANTILE)
    order = np.argsort(events[SAMPLE_ORDER], kind="stable")[:SAMPLE_SIZE]
    return events.select(order[events[SAMPLE_ORDER][order] * largest < 1.0])


def finite_axis(setup: MuonSetup) -> Any:
    """Columns whose values must be finite."""
    return hist.axis.StrCategory(setup.checked, name="column", label="Column", overflow=False)


def not_finite(columns: MuonColumns) -> hist.Hist:
    """Events that lack a finite value, by column."""
    filled = hist.Hist(finite_axis(columns.setup), storage=hist.storage.Int64())
    for place, number in enumerate(columns.not_finite().values()):
        filled.view()[place] = number
    return filled


def check_finite(name: str, setup: MuonSetup, reached: float, finite: float, columns: hist.Hist) -> None:
    """Refuse a data set of which more than one event in a hundred lacks a finite value. Raises ``InputError``."""
    if reached - finite > 0.01 * reached:
        found = dict(zip(columns.axes[0], columns.values().tolist(), strict=True))
        listed = ", ".join(f"{setup.stored(one)}: {int(number)}" for one, number in sorted(found.items(), key=lambda item: -item[1]) if number)
        raise InputError(
            f"data set {name}: {int(reached - finite)} of {int(reached)} events have no finite value in a column of cuts, proxies or truth "
            f"({listed}); at most 1 % may be left out: cut on what makes them missing, or use other columns"
        )
