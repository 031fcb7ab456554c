"""What every result type is made of: a base with a short repr, and a fitted parameter."""

from __future__ import annotations

import dataclasses
import reprlib
from dataclasses import dataclass


class Value:
    """Base of the result types: equality and fields from ``dataclass``, a repr that stays short however long the arrays are."""

    def __repr__(self) -> str:
        short = reprlib.Repr()
        short.maxlist, short.maxdict, short.maxstring, short.maxother = 4, 12, 80, 400
        fields = ", ".join(f"{item.name}={short.repr(getattr(self, item.name))}" for item in dataclasses.fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({fields})"


@dataclass(frozen=True, repr=False)
class Parameter(Value):
    """One parameter of a fit. ``error`` is from the inverse Hessian; ``minos`` the interval's distances [down < 0, up > 0]."""

    value: float
    error: float
    minos: tuple[float, float] | None = None
    unit: str = ""
    fixed: bool = False
    at_bound: bool = False
    prior: str | None = None
    pull: float | None = None
