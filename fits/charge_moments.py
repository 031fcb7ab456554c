"""Moments of the charge from the sums that the processor kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from records.gain import Charge, Pedestal

NAN = float("nan")


@dataclass(frozen=True)
class Moments:
    """Number, mean (pC), unbiased variance (pC^2, ddof 1), third and fourth central moment (pC^3, pC^4); NaN where too few triggers define one."""

    n: int
    mean: float
    variance: float
    third: float
    fourth: float

    @property
    def spread(self) -> float:
        """Standard deviation of single triggers, pC."""
        return math.sqrt(self.variance) if self.variance >= 0.0 else NAN

    @property
    def mean_error(self) -> float:
        """Standard error of the mean, pC."""
        return self.spread / math.sqrt(self.n) if self.n > 1 else NAN

    @property
    def skewness(self) -> float:
        """Third standardised moment."""
        return self.third / self.variance**1.5 if self.variance > 0.0 else NAN


NOTHING = Moments(0, NAN, NAN, NAN, NAN)


def moments(sums: ArrayLike, scale_pc: float) -> Moments:
    """Moments from ``sums[k]`` = sum of (q / scale_pc)^k over triggers, k = 0..4.

    >>> found = moments([3.0, 6.0, 14.0, 36.0, 98.0], 2.0)  # charges 2, 4, 6 pC
    >>> found.n, found.mean, found.variance
    (3, 4.0, 4.0)
    """
    total = np.asarray(sums, float)
    n = round(float(total[0]))
    if n == 0:
        return NOTHING
    m1, m2, m3, m4 = total[1:] / n
    second = m2 - m1**2
    third = m3 - 3.0 * m1 * m2 + 2.0 * m1**3
    fourth = m4 - 4.0 * m1 * m3 + 6.0 * m1**2 * m2 - 3.0 * m1**4
    variance = max(second, 0.0) * n / (n - 1) if n > 1 else NAN
    return Moments(n, m1 * scale_pc, variance * scale_pc**2, third * scale_pc**3, fourth * scale_pc**4)


def charge(found: Moments, pedestal: Pedestal | None) -> Charge:
    """Charge of a sample with the mean of the pedestal subtracted; the spread is that of the triggers as they are."""
    offset, error = (pedestal.mean_pc, pedestal.mean_error_pc) if pedestal is not None else (0.0, 0.0)
    return Charge(found.n, found.mean - offset, math.hypot(found.mean_error, error), found.spread, found.skewness)
