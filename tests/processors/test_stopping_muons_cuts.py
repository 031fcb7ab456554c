"""Cuts: their grammar, the order of the steps, efficiencies."""

from __future__ import annotations

import hist
import numpy as np
import pytest

from processors.stopping_muons_cuts import CutFlow, describe, efficiencies, passed, words

VALUES = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])


@pytest.mark.parametrize(
    ("cut", "kept", "text"),
    [
        (0.5, [0.5, 1, 2], "x >= 0.5"),
        ((0.0, 1.0), [0, 0.5], "0 <= x < 1"),
        (("<", 0.5), [-1, 0], "x < 0.5"),
        (("<=", 0.5), [-1, 0, 0.5], "x <= 0.5"),
        ((">", 0.5), [1, 2], "x > 0.5"),
        ((">=", 0.5), [0.5, 1, 2], "x >= 0.5"),
        (("==", 1.0), [1], "x == 1"),
        (("!=", 1.0), [-1, 0, 0.5, 2], "x != 1"),
    ],
)
def test_grammar(cut: object, kept: list[float], text: str) -> None:
    assert VALUES[passed(VALUES, cut)].tolist() == kept
    assert words("x", cut) == text


def test_not_a_number_passes_no_cut_but_unequal() -> None:
    assert not passed(np.array([np.nan]), 0.0).any()
    assert not passed(np.array([np.nan]), (-1e300, 1e300)).any()


def test_steps_one_after_the_other() -> None:
    flow = CutFlow({"filter": VALUES > -1, "x >= 0.5": VALUES >= 0.5, "x < 2": VALUES < 2})
    assert VALUES[flow.kept].tolist() == [0.5, 1.0]
    assert [int(mask.sum()) for mask in flow.cumulative().values()] == [4, 3, 2]
    assert VALUES[flow.without({"x < 2"})].tolist() == [0.5, 1.0, 2.0]


def test_efficiencies_of_weights_or_of_events() -> None:
    axes = (hist.axis.StrCategory(["all", "a", "b"], name="cut"), hist.axis.StrCategory(["events", "weighted"], name="what"))
    flow = hist.Hist(*axes, storage=hist.storage.Double())
    flow.view(flow=False)[:, :2] = [[100, 8.0], [50, 2.0], [10, 1.0]]
    weighted = efficiencies(flow[:, :])
    assert weighted[1:] == [("a", 50.0, 2.0, 0.25, 0.25), ("b", 10.0, 1.0, 0.5, 0.125)]
    data = hist.Hist(*axes, storage=hist.storage.Double())
    data.view(flow=False)[:, 0] = [100, 50, 10]
    assert efficiencies(data)[2][3:] == (0.2, 0.1)
    assert "b                                            10            1      0.5000      0.1250" in describe({"mc": flow})
