"""P-values of an observed test statistic: of one combination, and of the largest excess among all combinations on skies scrambled in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from fits.dark_matter.random_streams import TO_UNIT, fill_state, next_word
from fits.dark_matter.stack_fit import best_share, largest_share, log_likelihood
from fits.intervals import half_chi2_p_value

Array = NDArray[np.float64]
jit = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True)
class PValue:
    """(1 + trials as extreme) / (1 + trials) with its binomial error; ``significance`` one-sided, negative for p above one half."""

    p: float
    error: float
    significance: float
    asymptotic: float


def p_value(ts: float, background: ArrayLike) -> PValue:
    """Of an observed ``ts`` among those of background trials; never 0, beside half a chi-square of one degree."""
    values = np.asarray(background, dtype=np.float64)
    p = (1.0 + float((values >= ts).sum())) / (1.0 + len(values))
    largest = len(values) / (1.0 + len(values))  # a finite significance where no trial is below
    return PValue(p, math.sqrt(p * (1.0 - p) / (1.0 + len(values))), float(-ndtri(min(p, largest))), half_chi2_p_value(ts))


def scrambled_sky_ts(key: int, skies: int, event: NDArray[np.int64], row: NDArray[np.int64], cell_bin: NDArray[np.int16], ratio: Array) -> Array:
    """TS (skies,) of the data with random right ascensions.

    ``event`` (N,): numbers of the events among all data, ``row`` (N,): their rows in ``cell_bin`` (rows of all energies, columns), the bins of r.
    The right ascension of an event in a sky depends on ``key``, sky and number of the event alone: combinations share their skies.
    """
    ts = np.empty(skies)
    _fill_skies(np.uint64(key), event, row, cell_bin, np.ascontiguousarray(ratio), ts)
    return ts


@jit
def _fill_skies(key, event, row, cell_bin, ratio, ts):  # type: ignore[no-untyped-def]
    state = np.zeros(4, np.uint64)
    counts = np.zeros(len(ratio))
    columns = cell_bin.shape[1]
    largest = largest_share(ratio)
    for sky in range(len(ts)):
        counts[:] = 0.0
        fill_state(key, np.uint64(sky), state)
        of_sky = next_word(state)
        for number in range(len(event)):
            fill_state(of_sky, np.uint64(event[number]), state)
            column = int(float(next_word(state) >> np.uint64(11)) * TO_UNIT * columns)
            counts[cell_bin[row[number], column]] += 1.0
        share = best_share(counts, ratio, largest, float(len(event)))
        ts[sky] = 2.0 * log_likelihood(counts, ratio, share)


def global_p_values(local: Array, of_skies: Array) -> tuple[Array, Array]:
    """Probability that scrambled skies have a smaller smallest p-value than each of ``local`` (C,), and its error; ``of_skies`` (skies, C)."""
    smallest = np.sort(of_skies.min(axis=1))
    p = np.asarray((1.0 + np.searchsorted(smallest, local, side="right")) / (1.0 + len(smallest)), dtype=np.float64)
    return p, np.sqrt(p * (1.0 - p) / (1.0 + len(smallest)))


def local_p_values(ts: ArrayLike, background: ArrayLike) -> Array:
    """P-value of every ``ts`` among those of background trials."""
    ordered = np.sort(np.asarray(background, dtype=np.float64))
    above = len(ordered) - np.searchsorted(ordered, np.asarray(ts, dtype=np.float64), side="left")
    return np.asarray((1.0 + above) / (1.0 + len(ordered)))
