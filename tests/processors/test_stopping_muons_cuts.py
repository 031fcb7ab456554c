"""Cuts: their grammar, the order of the steps."""

from __future__ import annotations

import numpy as np
import pytest

from processors.stopping_muons_cuts import CutFlow, passed, words

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
