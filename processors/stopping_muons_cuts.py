"""Cuts on saved columns: their words, what they keep, and the order of the steps."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.stopping_muons import Cut

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
ALL, FILTER, FINITE = "all", "filter", "finite"  # steps before the cuts


def passed(values: Array, cut: Cut) -> Mask:
    """Which values a cut keeps: a number v is x >= v, (low, high) is low <= x < high, (operator, v) what it says.

    >>> passed(np.array([0.6, 0.7, 0.9]), 0.7).tolist(), passed(np.array([0.6, 0.7, 0.9]), (0.7, 0.9)).tolist()
    ([False, True, True], [False, True, False])
    """
    if not isinstance(cut, tuple):
        return np.asarray(values >= cut)
    first, second = cut
    if isinstance(first, str):
        return np.asarray(OPERATORS[first](values, second))
    return (values >= first) & (values < second)


def words(name: str, cut: Cut) -> str:
    """A cut as one reads it.

    >>> words("stopping_score", 0.7), words("stop_z_reco", (0.0, 500.0)), words("n_channels", ("<", 4))
    ('stopping_score >= 0.7', '0 <= stop_z_reco < 500', 'n_channels < 4')
    """
    if not isinstance(cut, tuple):
        return f"{name} >= {cut:g}"
    first, second = cut
    return f"{name} {first} {second:g}" if isinstance(first, str) else f"{first:g} <= {name} < {second:g}"


@dataclass(frozen=True)
class CutFlow:
    """The steps of a selection in their order, each with the events it keeps of those that came so far."""

    steps: dict[str, Mask]

    @property
    def kept(self) -> Mask:
        """Events that every step keeps."""
        return np.logical_and.reduce(list(self.steps.values()))

    def without(self, left_out: set[str]) -> Mask:
        """Events that every step but those of these names keeps."""
        return np.logical_and.reduce([mask for name, mask in self.steps.items() if name not in left_out])

    def cumulative(self) -> dict[str, Mask]:
        """Events that are left after each step."""
        left = np.logical_and.accumulate(list(self.steps.values()), axis=0)
        return dict(zip(self.steps, left, strict=True))
