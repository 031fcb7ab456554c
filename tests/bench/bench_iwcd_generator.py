"""Speed of the water-Cherenkov generator: each particle, and the whole example with compilation (specification 11)."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from reference.iwcd_light_loops import expected_light as slow_light

from configs.iwcd import THRESHOLD_MEV
from physics.tank_geometry import short_tank
from simulation.iwcd import PARTICLES, Sample
from simulation.iwcd_tracks import joined, steps, tracks

ROOT = Path(__file__).parents[2]
EVENTS = 50
SLOW_EVENTS = 10


@pytest.mark.parametrize("particle", PARTICLES)
def test_events_of_a_particle(benchmark, particle: str) -> None:
    """A whole event, beside the expected light of one in NumPy. The target is 5 ms an event."""
    start = PARTICLES.index(particle) * EVENTS
    sample = Sample(EVENTS, 1)
    next(sample.events())  # compiled
    before = time.process_time()
    events = benchmark.pedantic(lambda: list(sample.events(start, start + EVENTS)), rounds=4)
    milliseconds = 1e3 * (time.process_time() - before) / (4 * EVENTS)
    assert [event.particle for event in events] == [particle] * EVENTS
    slow_ms = slow_light_ms(particle)
    benchmark.extra_info.update(cpu_ms_per_event=milliseconds, slow_light_ms_per_event=slow_ms)
    assert milliseconds < slow_ms


def slow_light_ms(particle: str) -> float:
    """CPU time in ms of the expected light of one event, step by step in NumPy; vertices near the middle of the tank."""
    rng, tank = np.random.default_rng(1), short_tank()
    shining = []
    for _ in range(SLOW_EVENTS):
        energy = THRESHOLD_MEV[particle] + 1000 * rng.uniform()
        axis = rng.normal(size=3)
        charged = tracks(rng, particle, energy, rng.uniform(-100, 100, 3), axis / np.linalg.norm(axis), "tuned")
        shining.append(joined([steps(rng, track) for track in charged]))
    before = time.process_time()
    light = [slow_light(part, tank.position_cm, tank.orientation)[0].sum() for part in shining]
    assert min(light) > 0
    return 1e3 * (time.process_time() - before) / SLOW_EVENTS


def test_example_with_compilation(benchmark, tmp_path: Path) -> None:
    """Four times 300 events in a new process with an empty compilation cache (target: 10 s), then with a full one: the same hits, sooner."""
    code = """
import sys, pathlib
from simulation.iwcd import Sample
from simulation.iwcd_files import hit_events
print(len(hit_events(Sample(300, 1), pathlib.Path(sys.argv[1])).hit_pmt))
"""

    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}

    def run() -> tuple[int, float]:
        """Hits, and CPU seconds, which other work on the machine hardly changes."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=True, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return int(done.stdout), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    hits, seconds = run()
    again, sooner = benchmark.pedantic(run, rounds=1)
    benchmark.extra_info.update(cpu_seconds_with_compilation=seconds, cpu_seconds_after_it=sooner)
    assert again == hits > 1200 * 600
    assert sooner < seconds
