"""Random numbers of pseudo-experiments: a fresh generator for every trial, from the stream's key and the trial's number.

A trial is therefore the same whatever trials run before it, beside it, or on how many workers. Generator: xoshiro256++ (Blackman and Vigna, ACM
Trans. Math. Softw. 47 (2021) 36), its state filled by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
"""

from __future__ import annotations

import hashlib
import math

import numba
import numpy as np
from numpy.typing import NDArray

State = NDArray[np.uint64]

STREAM_FACTOR, TRIAL_FACTOR = np.uint64(0xD1342543DE82EF95), np.uint64(0x2545F4914F6CDD1D)
GAMMA, MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
TO_UNIT = 2.0**-53
BTRS_MIN_MEAN = 10.0  # smaller means are drawn by waiting times
jit = numba.njit(cache=True, nogil=True)


def stream_key(*parts: str | float) -> int:
    """The 64-bit key of the pseudo-experiments named by ``parts`` (seed, channel, mass, kind, injected events): equal parts, equal trials.

    >>> stream_key(1, "b", 100.0, "background", 0.0) == stream_key(1, "b", 100, "background", 0)
    True
    """
    text = "\x1f".join(format(float(part), ".17g") if isinstance(part, int | float) else part for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@jit
def _rotated(x: np.uint64, by: np.uint64) -> np.uint64:
    return (x << by) | (x >> (np.uint64(64) - by))


@jit
def fill_state(stream: np.uint64, trial: np.uint64, state: State) -> None:
    """Begin the generator of one trial: ``state`` (4,) is overwritten."""
    x = stream * STREAM_FACTOR + trial * TRIAL_FACTOR
    for word in range(4):
        x += GAMMA
        z = (x ^ (x >> np.uint64(30))) * MIX_1
        z = (z ^ (z >> np.uint64(27))) * MIX_2
        state[word] = z ^ (z >> np.uint64(31))


@jit
def next_word(state: State) -> np.uint64:
    """The next 64 random bits; ``state`` moves on."""
    word = _rotated(state[0] + state[3], np.uint64(23)) + state[0]
    shifted = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = _rotated(state[3], np.uint64(45))
    return word


@jit
def uniform(state: State) -> float:
    """A number above 0 and below 1."""
    return (float(next_word(state) >> np.uint64(11)) + 0.5) * TO_UNIT


@jit
def normal(state: State) -> float:
    """A number of the unit Gaussian (Box and Muller, Ann. Math. Stat. 29 (1958) 610)."""
    return math.sqrt(-2.0 * math.log(uniform(state))) * math.cos(2.0 * math.pi * uniform(state))


@jit
def binomial(n: int, p: float, state: State) -> int:
    """Successes of ``n`` tries with probability ``p``; outside [0, 1] ``p`` counts as its nearest end."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    if p > 0.5:
        return n - _binomial(n, 1.0 - p, state)
    return _binomial(n, p, state)


@jit
def _binomial(n: int, p: float, state: State) -> int:
    if n * p < BTRS_MIN_MEAN:
        return _by_waiting(n, p, state)
    return _by_rejection(n, p, state)


@jit
def _by_waiting(n: int, p: float, state: State) -> int:
    """Count geometric gaps until they fill ``n`` tries."""
    per_gap = math.log1p(-p)
    used, found = 0.0, -1
    while used <= n:
        used += math.floor(math.log(uniform(state)) / per_gap) + 1.0
        found += 1
    return found


@jit
def _by_rejection(n: int, p: float, state: State) -> int:
    """Transformed rejection BTRS (Hoermann, J. Stat. Comput. Simul. 46 (1993) 101); p at most 1/2, n p at least 10."""
    spread = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = n * p + 0.5
    inside = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    log_odds = math.log(p / (1.0 - p))
    mode = math.floor((n + 1) * p)
    while True:
        u = uniform(state) - 0.5
        v = uniform(state)
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + centre)
        if us >= 0.07 and v <= inside:
            return int(k)
        if k < 0 or k > n:
            continue
        height = math.lgamma(mode + 1.0) + math.lgamma(n - mode + 1.0)  # here, as most numbers are accepted before
        if math.log(v * alpha / (a / (us * us) + b)) <= height - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0) + (k - mode) * log_odds:
            return int(k)


@jit
def add_multinomial(n: int, probabilities: NDArray[np.float64], counts: NDArray[np.int64], state: State) -> None:
    """Add to ``counts`` (K,) how ``n`` events fall into bins of ``probabilities`` (K,; they sum to 1), by conditional binomials."""
    left, rest = n, 1.0
    last = len(probabilities) - 1
    for k in range(last):
        if left == 0:
            return
        drawn = binomial(left, probabilities[k] / rest if rest > 0.0 else 1.0, state)
        counts[k] += drawn
        left -= drawn
        rest -= probabilities[k]
    counts[last] += left
