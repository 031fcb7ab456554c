"""Which events the histograms show: cuts one after another, each counted for each particle."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs import iwcd
from configs.errors import InputError
from processors.event_columns import Place
from processors.iwcd_columns import Columns
from processors.iwcd_expression import Expression, parse
from processors.response_fill import category

Mask = NDArray[np.bool_]

# Events left after each cut. finite: all numbers are (see on_nan); a cut that is not asked for keeps everything.
CUTS = ("all", "finite", "min_hits", "veto", "contained", "dwall", "towall", "expression")


def parsed(options: iwcd.Selection, known: Collection[str]) -> Expression | None:
    """The selection's expression, checked against the names of columns."""
    return None if options.expression is None else parse(options.expression, known)


def passed(columns: Columns, options: iwcd.Selection, expression: Expression | None, place: Place) -> dict[str, Mask]:
    """Events left after each cut from ``min_hits`` on. Raises ``InputError`` for a cut on a flag that the file does not have."""
    every = np.ones(len(columns["nhits"]), dtype=bool)
    cuts: Mapping[str, Any] = {
        "min_hits": columns["nhits"] > options.min_hits,
        "veto": every if options.veto is None else _flag(columns, "veto", place) == options.veto,
        "contained": every if options.contained is None else _flag(columns, "contained", place) == options.contained,
        "dwall": every if options.dwall_cm is None else columns["dwall"] > options.dwall_cm,
        "towall": every if options.towall_cm is None else columns["towall"] > options.towall_cm,
        "expression": every if expression is None else expression.mask(columns),
    }
    left, kept = every, {}
    for name, cut in cuts.items():
        left = left & cut
        kept[name] = left
    return kept


def _flag(columns: Columns, name: str, place: Place) -> Mask:
    if name not in columns:
        raise InputError(f"{place.filename}: no dataset for {name!r}, which processor.selection.{name} asks for; set it to null")
    return columns[name]


def cut_axis() -> hist.axis.AxisProtocol:
    """The axis of the cut flow."""
    return category("cut", CUTS, "Cut")


def count(cutflow: hist.Hist, particles: Sequence[str], names: NDArray[np.str_], cuts: Mapping[str, Mask]) -> None:
    """Set the entries of cuts: events of each particle left after each."""
    for cut, kept in cuts.items():
        cutflow.view()[:, CUTS.index(cut)] = [np.count_nonzero(kept & (names == particle)) for particle in particles]


def refuse_empty(cutflow: hist.Hist, name: str) -> None:
    """Refuse a selection that leaves none of a data set's events, with the cut flow."""
    left = dict(zip(CUTS, cutflow.values().sum(axis=0).astype(int).tolist(), strict=True))
    if left["all"] and not left["expression"]:
        flow = ", ".join(f"{cut} {number}" for cut, number in left.items())
        raise InputError(f"data set {name!r}: selection keeps 0 of {left['all']} events (cut flow: {flow}); loosen processor.selection")
