"""Statistics of numbers that come block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from readers.structure import Statistics


class RunningStatistics:
    """Minimum, maximum, mean of the finite numbers, and how many are not finite; ``add`` blocks, then ask for ``result``."""

    def __init__(self) -> None:
        self._minimum, self._maximum, self._total, self._count, self._nan = np.inf, -np.inf, 0.0, 0, 0

    def add(self, numbers: NDArray[Any]) -> None:
        """Take a block of numbers of any shape in."""
        finite = numbers[np.isfinite(numbers)]
        self._nan += numbers.size - finite.size
        if finite.size:
            self._minimum, self._maximum = min(self._minimum, float(finite.min())), max(self._maximum, float(finite.max()))
            self._total, self._count = self._total + float(finite.sum(dtype=np.float64)), self._count + finite.size

    def result(self) -> Statistics:
        """The statistics so far; without any finite number only the count of the others."""
        if self._count == 0:
            return Statistics(None, None, None, self._nan)
        return Statistics(self._minimum, self._maximum, self._total / self._count, self._nan)
