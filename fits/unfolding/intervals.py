"""Intervals and limits from samples of a posterior, along the first axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError

Array = NDArray[np.float64]

ONE_SIGMA = 0.6826894921370859


def central_interval(samples: ArrayLike, cl: float = ONE_SIGMA) -> tuple[Array, Array, Array]:
    """Median and the limits that leave (1 - ``cl``)/2 on each side: (median, lower, upper)."""
    _check(cl)
    low, median, high = np.quantile(np.asarray(samples, dtype=float), [(1 - cl) / 2, 0.5, (1 + cl) / 2], axis=0)
    return median, low, high


def shortest_interval(samples: ArrayLike, cl: float = ONE_SIGMA) -> tuple[Array, Array]:
    """The narrowest interval that holds ``cl`` of the samples: the most probable values where there is one maximum."""
    _check(cl)
    ordered = np.sort(np.asarray(samples, dtype=float), axis=0)
    count = max(1, round(cl * (ordered.shape[0] - 1)))
    widths = ordered[count:] - ordered[:-count]
    first = np.expand_dims(np.argmin(widths, axis=0), 0)
    low, high = (np.take_along_axis(ordered, first + step, axis=0)[0] for step in (0, count))
    return low, high


def upper_limit(samples: ArrayLike, cl: float = 0.90) -> Array:
    """The value below which ``cl`` (a probability, not a percentage) of the samples lie."""
    _check(cl)
    limit: Array = np.quantile(np.asarray(samples, dtype=float), cl, axis=0)
    return limit


def _check(cl: float) -> None:
    if not 0 < cl < 1:
        raise InputError(f"cl = {cl}: a probability between 0 and 1, not a percentage")
