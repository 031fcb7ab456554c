"""Pseudo-experiments of the published program's likelihood: every source has its own events, the numbers of signal events are whole.

The scan of whole numbers is replaced by the better of the two next to the maximum, which is the same as the likelihood is concave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

from configs.dark_matter import Compatibility
from configs.errors import InputError
from fits.dark_matter.random_streams import add_multinomial, fill_state
from fits.dark_matter.reference import ReferenceModel
from fits.dark_matter.stack_fit import best_share, largest_share, log_likelihood

Array = NDArray[np.float64]
Map = Callable[[Callable[[tuple[int, int]], "ReferenceTrials"], Sequence[tuple[int, int]]], Iterable["ReferenceTrials"]]
SignalStatistic = Literal["reference", "consistent"]

BLOCK = 2_000  # trials of one piece of work: a fifth of a second
SHARED_TRIAL = np.uint64(0xFFFFFFFFFFFFFFFF)  # the number under which the background that trials share is drawn
SCAN = 100  # events for each whole number of the scan, which ends one below
DATA_SCAN = 0.1
SIGNAL_SCAN = 1.05  # of the injected events
GRID = (*range(1, 10), *range(10, 100, 10), *range(100, 1001, 30))
GRID_STEP = 30  # beyond
jit = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True, eq=False)
class ReferenceTrials:
    """Whole numbers of signal events and test statistics by number of the trial."""

    trial: NDArray[np.uint64]
    n_hat: NDArray[np.int64]
    ts: Array

    def __len__(self) -> int:
        return len(self.trial)


@dataclass(frozen=True)
class Rules:
    """``signal_ts``: the program's own statistic where signal is injected, or that of the background; whether trials share their background."""

    signal_ts: SignalStatistic = "consistent"
    shared: bool = False

    @classmethod
    def of(cls, options: Compatibility) -> Rules:
        """As a configuration's ``compat`` says."""
        return cls(options.signal_ts, options.background == "shared")


def run_reference_trials(
    model: ReferenceModel,
    stream: int,
    count: int,
    *,
    injected: float = 0.0,
    rules: Rules | None = None,
    first: int = 0,
    execute: Map | None = None,
) -> ReferenceTrials:
    """Trials ``first`` to ``first + count - 1`` of a stream, with round(``injected`` w_j) signal events in the sample of source j.

    Without injection the statistic is sum w_j TS_j. The numbers do not depend on the split; ``execute`` maps over pieces.
    """
    work = partial(_piece, model, stream, injected, rules or Rules())
    pieces = [(start, min(start + BLOCK, first + count)) for start in range(first, first + count, BLOCK)]
    parts = list((execute or map)(work, pieces))
    return ReferenceTrials(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("trial", "n_hat", "ts")))


def whole_injected(model: ReferenceModel, injected: float) -> NDArray[np.int64]:
    """Signal events of every source, rounded half to even: their sum is not ``injected``, and 0 for small ones."""
    return np.rint(injected * model.weight).astype(np.int64)


def fit_counts(model: ReferenceModel, counts: NDArray[np.int64], scan: float = DATA_SCAN) -> tuple[int, float]:
    """Number and statistic of the counts (J, 36) of data, scanned up to ``scan`` of the events of a source."""
    n_hat, ts = np.zeros(len(counts)), np.zeros(len(counts))
    for place, (of_source, ratio) in enumerate(zip(counts, model.ratio, strict=True)):
        total = int(of_source.sum())
        n_hat[place], ts[place] = best_whole(of_source, ratio, math.floor(total * scan + 1e-9) - 1, total)
    return int(np.rint(model.weight @ n_hat)), float(model.weight @ ts)


def drawn_counts(model: ReferenceModel, stream: int, trial: int, *, injected: float = 0.0, shared: bool = False) -> NDArray[np.int64]:
    """The counts (J, 36) of one trial, as ``run_reference_trials`` fits them."""
    state, counts = np.zeros(4, np.uint64), np.zeros(model.background.shape, np.int64)
    _draw(model.background, model.signal, model.n_events, whole_injected(model, injected), shared, np.uint64(stream), np.uint64(trial), state, counts)
    return counts


def _piece(model: ReferenceModel, stream: int, injected: float, rules: Rules, piece: tuple[int, int]) -> ReferenceTrials:
    count = piece[1] - piece[0]
    n_hat, ts = np.empty(count, np.int64), np.empty(count)
    _fill(
        model.background, model.signal, model.ratio, model.weight, model.n_events, whole_injected(model, injected), rules.shared,
        rules.signal_ts == "reference" and injected > 0.0, np.uint64(stream), np.uint64(piece[0]), n_hat, ts,
    )  # fmt: skip
    return ReferenceTrials(np.arange(*piece, dtype=np.uint64), n_hat, ts)


@jit
def _draw(background, signal, n_events, injected, shared, stream, trial, state, counts):  # type: ignore[no-untyped-def]
    """Overwrite ``counts`` (J, 36): a sample of background for every source, the signal events on top."""
    counts[:] = 0
    fill_state(stream, SHARED_TRIAL if shared else trial, state)
    for source in range(len(background)):
        add_multinomial(n_events, background[source], counts[source], state)
    if shared:
        fill_state(stream, trial, state)
    for source in range(len(background)):
        add_multinomial(injected[source], signal, counts[source], state)


@jit
def _fill(background, signal, ratio, weight, n_events, injected, shared, own_statistic, stream, first, n_hat, ts):  # type: ignore[no-untyped-def]
    """Draw and fit trials ``first`` ... into the last two arguments."""
    state, counts = np.zeros(4, np.uint64), np.zeros(background.shape, np.int64)
    for place in range(len(n_hat)):
        _draw(background, signal, n_events, injected, shared, stream, first + np.uint64(place), state, counts)
        number, statistic = 0.0, 0.0
        for source in range(len(background)):
            total = n_events + injected[source]
            if own_statistic:
                found, value = _published(counts[source], ratio[source], weight[source], injected[source], n_events, total)
            else:
                best, of_source = best_whole(counts[source], ratio[source], total // SCAN - 1, total)
                found, value = weight[source] * best, weight[source] * of_source
            number += found
            statistic += value
        n_hat[place], ts[place] = np.int64(np.rint(number)), statistic


@jit
def _published(counts, ratio, weight, injected, n_events, total):  # type: ignore[no-untyped-def]
    """Contribution of one source where signal is injected: unweighted and scanned to 1.05 times what was injected, or weighted where nothing was."""
    if injected > 0:
        return best_whole(counts, ratio, math.floor(SIGNAL_SCAN * injected) - 1, total)
    best, _ = best_whole(counts, ratio, n_events // SCAN - 1, total)
    rounded = np.rint(weight * best)
    return rounded, weight * 2.0 * log_likelihood(counts, ratio, rounded / total)


@jit
def best_whole(counts, ratio, highest, n_events):  # type: ignore[no-untyped-def]
    """The whole number from 0 to ``highest`` of the highest likelihood, the smaller of two equal ones, and 2 [ln L - ln L(0)]."""
    if highest <= 0:
        return 0.0, 0.0
    largest = min(largest_share(ratio), highest / n_events)
    below = math.floor(best_share(counts, ratio, largest, n_events) * n_events)
    best = log_likelihood(counts, ratio, below / n_events)
    if below + 1 <= highest:
        above = log_likelihood(counts, ratio, (below + 1) / n_events)
        if above > best:
            return below + 1.0, 2.0 * above
    return float(below), 2.0 * best


def sensitivity(model: ReferenceModel, stream: int, background_ts: Array, count: int, *, rules: Rules | None = None, share: float = 0.9) -> float:
    """Injected events at which ``share`` of the trials exceed the background's median: first points of the published grid, joined by lines.

    The line begins at 0 injected events, so that a first point above ``share`` is no failure. Raises ``InputError`` when no number up to all events
    is enough.
    """
    median = float(np.median(background_ts))
    before, passing = 0, float((background_ts > median).mean())
    if passing >= share:
        return 0.0
    for number in (*GRID, *range(GRID[-1] + GRID_STEP, model.n_events, GRID_STEP)):
        found = float((run_reference_trials(model, stream, count, injected=float(number), rules=rules).ts > median).mean())
        if found >= share:
            return before + (number - before) * (share - passing) / (found - passing)
        before, passing = number, found
    raise InputError(f"no number of injected events up to {model.n_events} is found in {share:.0%} of the trials; give more events in compat.n_trial")
