"""What limits background alone is expected to give."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

SIGMAS = (-2, -1, 0, 1, 2)


def band(limits: ArrayLike) -> dict[str, float]:
    """Quantiles of the limits of background trials at -2 ... 2 standard deviations, by name; infinite where limits are open there."""
    ordered = np.sort(np.asarray(limits, dtype=np.float64))
    place = np.clip((ndtr(np.array(SIGMAS, dtype=np.float64)) * len(ordered)).astype(int), 0, len(ordered) - 1)
    return {str(sigma): float(value) for sigma, value in zip(SIGMAS, ordered[place], strict=True)}
