"""Pseudo-experiments of the stacking likelihood: counts in bins of r, drawn and fitted a quarter of a million times a second.

The numbers of a trial depend on its stream and its own number alone: equal for any split, order and number of workers. The NumPy engine draws
other numbers of the same distribution; a result says which engine made it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.dark_matter.nuisance import fill_q, q_values
from fits.dark_matter.random_streams import add_multinomial, binomial, fill_state, normal
from fits.dark_matter.stack_fit import best_share, largest_share, log_likelihood

Array = NDArray[np.float64]
Engine = Literal["numba", "numpy"]
Inject = Literal["poisson", "fixed"]
Map = Callable[[Callable[[tuple[int, int]], "Trials"], Sequence[tuple[int, int]]], Iterable["Trials"]]

BLOCK = 2_500  # trials of one piece of work: ten milliseconds and more
LN10 = math.log(10.0)
jit = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True)
class Sky:
    """What a trial is drawn from and fitted with: probabilities (K,) of background and signal, and r (K,) as the analyser would have measured it.

    ``by_source`` (J, K): probabilities of the signal of each source; with ``weight`` (J,) its share of the signal and ``plus``, ``minus`` (J,) the
    errors of its log10 J they make every trial draw its own J factors, which change shape and number of the signal. ``excess`` (K,) s - s_scr and
    ``scrambled`` (K,) make every trial measure its own r = excess / [(1 - f) b + f s_scr], f the share of signal that it drew.
    """

    background: Array
    signal: Array
    ratio: Array
    n_events: int
    by_source: Array = field(default_factory=lambda: np.zeros((0, 0)))
    weight: Array = field(default_factory=lambda: np.zeros(0))
    plus: Array = field(default_factory=lambda: np.zeros(0))
    minus: Array = field(default_factory=lambda: np.zeros(0))
    excess: Array = field(default_factory=lambda: np.zeros(0))
    scrambled: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for name in ("background", "signal"):
            probability = getattr(self, name)
            if (probability < 0.0).any() or not math.isclose(probability.sum(), 1.0, rel_tol=1e-9):
                raise InputError(
                    f"the {name} of a trial has probabilities from {probability.min():.3g} that sum to {probability.sum():.9g}, not to 1"
                )
        if (self.signal[self.background <= 0.0] > 0.0).any():
            raise InputError("a bin has signal and no background: its ratio is not defined; widen the bins or raise pdf.floor")


@dataclass(frozen=True)
class Trials:
    """Fitted numbers of signal events, test statistics and q at the tested number, by number of the trial."""

    trial: NDArray[np.uint64]
    injected: NDArray[np.int64]  # signal events of each trial
    n_hat: Array
    ts: Array
    q: Array  # (trials, tests): 2 [ln L(n_hat) - ln L(n)] of every tested n
    engine: Engine

    def __len__(self) -> int:
        return len(self.trial)


@dataclass(frozen=True)
class Injection:
    """Mean number of injected events, whether it fluctuates, and the spread of a factor exp(spread z) on it that every trial draws."""

    mean: float = 0.0
    how: Inject = "poisson"
    spread: float = 0.0


@dataclass(frozen=True)
class Hypotheses:
    """Numbers of events that q tests in every trial; with what of ``nuisance.profiled``."""

    numbers: tuple[float, ...] = ()
    spread: float = 0.0
    extended: bool = False


NO_HYPOTHESES = Hypotheses()


def run_trials(
    sky: Sky, injection: Injection, stream: int, count: int, *, tests: Hypotheses = NO_HYPOTHESES, first: int = 0, engine: Engine = "numba",
    execute: Map | None = None,
) -> Trials:  # fmt: skip
    """Trials ``first`` to ``first + count - 1`` of a stream (see ``random_streams.stream_key``).

    ``execute(function, pieces)`` maps over pieces of the range in order (an executor's map); without it they are computed here. Raises
    ``InputError`` for more injected than existing events.
    """
    if not 0.0 <= injection.mean <= sky.n_events:
        raise InputError(f"{injection.mean:g} events cannot be injected among {sky.n_events}")
    pieces = [(start, min(start + BLOCK, first + count)) for start in range(first, first + count, BLOCK)]
    work = partial(_piece, sky, injection, tests, stream, engine)
    return concatenate(list((execute or map)(work, pieces)), engine)


def concatenate(parts: Sequence[Trials], engine: Engine) -> Trials:
    """Trials of several pieces, in order."""
    if not parts:
        return Trials(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros((0, 0)), engine)
    trial, injected, n_hat, ts, q = (np.concatenate([getattr(part, name) for part in parts]) for name in ("trial", "injected", "n_hat", "ts", "q"))
    return Trials(trial, injected, n_hat, ts, q, engine)


def _piece(sky: Sky, injection: Injection, tests: Hypotheses, stream: int, engine: Engine, piece: tuple[int, int]) -> Trials:
    return (_with_numba if engine == "numba" else _with_numpy)(sky, injection, tests, stream, piece)


def _with_numba(sky: Sky, injection: Injection, tests: Hypotheses, stream: int, piece: tuple[int, int]) -> Trials:
    count = piece[1] - piece[0]
    numbers = np.array(tests.numbers, dtype=np.float64)
    injected, n_hat, ts, q = np.zeros(count, np.int64), np.empty(count), np.empty(count), np.empty((count, len(numbers)))
    _fill(
        sky.background, sky.signal, sky.ratio, sky.n_events, injection.mean, injection.how == "poisson", injection.spread,
        sky.by_source, sky.weight, LN10 * sky.plus, LN10 * sky.minus, sky.excess, sky.scrambled, numbers, tests.spread, tests.extended,
        np.uint64(stream), np.uint64(piece[0]), injected, n_hat, ts, q,
    )  # fmt: skip
    return Trials(np.arange(*piece, dtype=np.uint64), injected, n_hat, ts, q, "numba")


@jit
def _fill(  # type: ignore[no-untyped-def]
    background, signal, nominal, n_events, mean, poisson, spread, by_source, weight, plus, minus, excess, scrambled, numbers, test_spread, extended,
    stream, first, injected, n_hat, ts, q,
):  # fmt: skip
    """Draw and fit trials ``first`` ... into the last four arguments."""
    state = np.zeros(4, np.uint64)
    counts, drawn, filled, ratio = np.zeros(len(background), np.int64), signal.copy(), np.zeros(len(background)), nominal.copy()
    largest = largest_share(ratio)
    for place in range(len(n_hat)):
        fill_state(stream, first + np.uint64(place), state)
        expected = mean
        if len(weight):
            expected *= _draw_sources(by_source, weight, plus, minus, drawn, state)
        if spread > 0.0:
            expected *= math.exp(spread * normal(state))
        expected = min(expected, float(n_events))
        if len(excess):
            share = expected / n_events
            for k in range(len(ratio)):
                ratio[k] = excess[k] / ((1.0 - share) * background[k] + share * scrambled[k])
            largest = largest_share(ratio)
        m = binomial(n_events, expected / n_events, state) if poisson else round(expected)
        counts[:] = 0
        add_multinomial(n_events - m, background, counts, state)
        add_multinomial(m, drawn, counts, state)
        filled[:] = counts
        share = best_share(filled, ratio, largest, n_events)
        best = log_likelihood(filled, ratio, share)
        injected[place], n_hat[place], ts[place] = m, share * n_events, 2.0 * best
        fill_q(filled, ratio, float(n_events), best, numbers, test_spread, extended, q[place])


@jit
def _draw_sources(by_source, weight, plus, minus, drawn, state):  # type: ignore[no-untyped-def]
    """Overwrite ``drawn`` (K,) by the signal's probabilities for one draw of all J factors; returns the factor on the number of events."""
    drawn[:] = 0.0
    total = 0.0
    for j in range(len(weight)):
        z = normal(state)
        share = weight[j] * math.exp(z * (plus[j] if z > 0.0 else minus[j]))
        total += share
        for k in range(len(drawn)):
            drawn[k] += share * by_source[j, k]
    drawn /= total
    return total


def _with_numpy(sky: Sky, injection: Injection, tests: Hypotheses, stream: int, piece: tuple[int, int]) -> Trials:
    """The same by NumPy's Philox generator, keyed by stream and trial."""
    drawn = [_draw(sky, injection, np.random.Generator(np.random.Philox(key=[stream, trial]))) for trial in range(*piece)]
    injected = np.array([m for m, _, _ in drawn], dtype=np.int64)
    n_hat, ts, q = np.empty(len(drawn)), np.empty(len(drawn)), np.empty((len(drawn), len(tests.numbers)))
    for place, (_, counts, ratio) in enumerate(drawn):
        share = best_share(counts, ratio, largest_share(ratio), sky.n_events)
        n_hat[place], ts[place] = share * sky.n_events, 2.0 * log_likelihood(counts, ratio, share)
        q[place] = q_values(counts, ratio, tests.numbers, spread=tests.spread, extended=tests.extended)
    return Trials(np.arange(*piece, dtype=np.uint64), injected, n_hat, ts, q, "numpy")


def _draw(sky: Sky, injection: Injection, generator: np.random.Generator) -> tuple[int, Array, Array]:
    """Number of injected events, counts and r of one trial."""
    expected, signal = injection.mean, sky.signal
    if len(sky.weight):
        z = generator.standard_normal(len(sky.weight))
        share = sky.weight * np.exp(LN10 * z * np.where(z > 0.0, sky.plus, sky.minus))
        expected, signal = expected * share.sum(), share @ sky.by_source / share.sum()
    if injection.spread > 0.0:
        expected *= math.exp(injection.spread * generator.standard_normal())
    expected = min(expected, float(sky.n_events))
    ratio, injected_share = sky.ratio, expected / sky.n_events
    if len(sky.excess):
        ratio = sky.excess / ((1.0 - injected_share) * sky.background + injected_share * sky.scrambled)
    m = int(generator.binomial(sky.n_events, expected / sky.n_events)) if injection.how == "poisson" else round(expected)
    return m, (generator.multinomial(sky.n_events - m, sky.background) + generator.multinomial(m, signal)).astype(np.float64), ratio
