"""Our results beside published ones: one row for each quantity, and what could not be compared."""

from __future__ import annotations

from dataclasses import dataclass

from records.value import Value

PARTS = ("parameters", "best fit", "likelihood", "scan", "contour", "segments", "goodness")


@dataclass(frozen=True, repr=False)
class ComparedQuantity(Value):
    """One number of ours beside the published one; what is not known is NaN.

    Errors are distances to the ends of the 68 % intervals, both positive. ``difference``: ours - published in units of both errors in
    quadrature, each on the side of the other value. Both come from the same events, so it is no pull: most differences are far below 1.
    """

    part: str  # one of PARTS
    fit: str
    quantity: str
    unit: str
    ours: float
    ours_minus: float
    ours_plus: float
    published: float
    published_minus: float
    published_plus: float
    difference: float


@dataclass(frozen=True, repr=False)
class ComparisonReport(Value):
    """All rows of one configuration; ``left_out`` says of everything that is missing why."""

    rows: list[ComparedQuantity]
    left_out: list[str]
    source: str  # of the published numbers
