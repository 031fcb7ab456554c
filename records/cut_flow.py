"""What each cut of a selection costs, from a histogram ``cutflow`` with the axes cut and what (events, weighted)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hist
import numpy as np

from records.summary import account_table

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

AXES = ("cut", "what")


@dataclass(frozen=True)
class Step:
    """One step: events and rate (Hz, of simulation) that are left, and the share that it keeps and that is left of all.

    Shares are of rates where there are weights, else of events.
    """

    name: str
    events: float
    rate_hz: float
    efficiency: float
    cumulative: float


def steps(cutflow: hist.Hist) -> list[Step]:
    """Every step in its order; an efficiency of nothing is 0."""
    events, weighted = np.asarray(cutflow.values()).T
    kept = weighted if weighted[:1].sum() > 0 else events
    before, total = np.concatenate([kept[:1], kept[:-1]]), np.full_like(kept, kept[:1].sum())
    step, cumulative = (np.divide(kept, of, out=np.zeros_like(kept), where=of > 0) for of in (before, total))
    rows = np.stack([events, weighted, step, cumulative], axis=1).tolist()
    return [Step(str(name), *row) for name, row in zip(cutflow.axes[0], rows, strict=True)]


def processing_tables(processing: Mapping[str, Any], hists: Mapping[str, Mapping[str, hist.Hist]]) -> Group:
    """The account of a run (content of ``processing.json``), and the cuts of its data sets where they are kept, for the terminal."""
    from rich.console import Group

    cuts = cut_table(hists)
    return Group(account_table(processing), *([] if cuts is None else [cuts]))


def cut_table(hists: Mapping[str, Mapping[str, hist.Hist]]) -> Table | None:
    """Cuts of every data set that has such a histogram as a table for the terminal; None where there is none."""
    from rich.box import SIMPLE
    from rich.table import Table

    flows = {name: found["cutflow"] for name, found in hists.items() if "cutflow" in found and found["cutflow"].axes.name == AXES}
    table = Table(box=SIMPLE)
    for column in ("data set", "cut", "events", "rate [Hz]", "efficiency", "cumulative"):
        table.add_column(column)
    for name, cutflow in flows.items():
        for step in steps(cutflow):
            rate = f"{step.rate_hz:.5g}" if step.rate_hz else ""
            table.add_row(name, step.name, f"{step.events:,.0f}", rate, f"{step.efficiency:.2%}", f"{step.cumulative:.2%}")
            name = ""
    return table if flows else None
