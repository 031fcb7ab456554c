"""Efficiencies of cuts, of weights or of events, and their table."""

from __future__ import annotations

import io

import hist
import numpy as np
import pytest
from rich.console import Console

from records.cut_flow import cut_table, steps


def cutflow(rows: list[list[float]]) -> hist.Hist:
    axes = (
        hist.axis.StrCategory(["all", "a", "b"], name="cut", overflow=False),
        hist.axis.StrCategory(["events", "weighted"], name="what", overflow=False),
    )
    flow = hist.Hist(*axes, storage=hist.storage.Double())
    flow.view()[...] = rows
    return flow


def test_shares_are_of_rates_where_there_are_weights() -> None:
    found = steps(cutflow([[100, 8.0], [50, 2.0], [10, 1.0]]))
    assert [(one.name, one.events, one.rate_hz) for one in found] == [("all", 100, 8.0), ("a", 50, 2.0), ("b", 10, 1.0)]
    assert [one.efficiency for one in found] == [1.0, 0.25, 0.5]
    assert [one.cumulative for one in found] == [1.0, 0.25, 0.125]
    assert np.prod([one.efficiency for one in found]) == pytest.approx(found[-1].cumulative)


def test_shares_of_data_are_of_events() -> None:
    found = steps(cutflow([[100, 0], [50, 0], [10, 0]]))
    assert [one.efficiency for one in found] == [1.0, 0.5, 0.2]


def test_nothing_is_left_of_nothing() -> None:
    assert [one.efficiency for one in steps(cutflow([[5, 0], [0, 0], [0, 0]]))] == [1.0, 0.0, 0.0]


def test_table_of_all_data_sets() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    table = cut_table({"mc": {"cutflow": cutflow([[100, 8.0], [50, 2.0], [10, 1.0]])}, "other": {"score": cutflow([[1, 1]] * 3)}})
    assert table is not None
    console.print(table)
    rows = [line.split() for line in console.export_text().splitlines()]
    assert ["mc", "all", "100", "8", "100.00%", "100.00%"] in rows
    assert ["b", "10", "1", "50.00%", "12.50%"] in rows
    one_axis = hist.Hist(hist.axis.StrCategory(["all"], name="cut"), storage=hist.storage.Int64())
    assert cut_table({"data": {"cutflow": one_axis}}) is None
