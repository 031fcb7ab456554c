"""Times of work that benchmarks compare with what they time."""

from __future__ import annotations

import time
from collections.abc import Callable


def least_s(work: Callable[[], object], rounds: int = 5, clock: Callable[[], float] = time.perf_counter) -> float:
    """Shortest time in s of some rounds, at least two so that nothing is counted that happens once; ``clock``: of the wall or the processor."""
    taken = []
    for _ in range(rounds):
        began = clock()
        work()
        taken.append(clock() - began)
    return min(taken)
