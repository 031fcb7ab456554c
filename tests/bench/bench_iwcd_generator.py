"""Speed of the water-Cherenkov generator: each particle, and the whole example with compilation (specification 11)."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulation.iwcd import PARTICLES, Sample

ROOT = Path(__file__).parents[2]
EVENTS = 50


@pytest.mark.parametrize("particle", PARTICLES)
def test_events_of_a_particle(benchmark, particle: str) -> None:
    """The target is 5 ms an event."""
    start = PARTICLES.index(particle) * EVENTS
    sample = Sample(EVENTS, 1)
    next(sample.events())  # compiled
    before = time.process_time()
    benchmark.pedantic(lambda: list(sample.events(start, start + EVENTS)), rounds=4)
    milliseconds = 1e3 * (time.process_time() - before) / (4 * EVENTS)
    benchmark.extra_info.update(cpu_ms_per_event=milliseconds)


def test_example_with_compilation(benchmark, capsys, tmp_path: Path) -> None:
    """Four times 300 events in a new process with an empty compilation cache; the target is 10 s."""
    code = """
import sys, pathlib
from simulation.iwcd import Sample
from simulation.iwcd_files import hit_events
print(len(hit_events(Sample(300, 1), pathlib.Path(sys.argv[1])).hit_pmt))
"""

    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}

    def run() -> float:
        """CPU seconds, which other work on the machine hardly changes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds, again = run(), run()
    with capsys.disabled():
        print(f"\n4 x 300 events: {seconds:.1f} s CPU with compilation, {again:.1f} s after it")
    benchmark.extra_info.update(seconds_with_compilation=seconds)
    benchmark.pedantic(run, rounds=1)
