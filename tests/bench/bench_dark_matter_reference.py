"""Background trials of the published likelihood, 29 sources: the engine beside the scan of whole numbers (``make bench``).

Target: 10,000 trials per CPU second (issue 5, specification 11). Times are of the processor, so that neighbours do not count.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from reference.reference_mode_scan import background_statistic

from data_info.dwarf_galaxies import select
from fits.dark_matter.inputs import SkyEvents
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.reference import PSI_EDGES, ReferenceModel, background_shares
from fits.dark_matter.reference_trials import drawn_counts, run_reference_trials
from fits.dark_matter.windows import Window

pytestmark = pytest.mark.benchmark(timer=time.process_time)

TRIALS, KEY = 2000, stream_key("bench", 1)
TARGET_PER_S = 10_000


def model(n_events: int, width_rad: float = 0.3) -> ReferenceModel:
    """All 29 galaxies, data falling with sin dec, a Rayleigh-distributed signal."""
    generator = np.random.default_rng(1)
    sindec = (1.0 - np.sqrt(1.35**2 - 1.4 * generator.uniform(size=5000))) / 0.35
    sources = select()
    background = background_shares(SkyEvents(np.zeros(5000), sindec, np.full(5000, 5.0)), Window(0, 12), sources)
    signal = -np.diff(np.exp(-(PSI_EDGES**2) / (2.0 * width_rad**2)))
    strength = 10.0 ** np.array([source.j.log10 for source in sources])
    return ReferenceModel(background, signal / signal.sum(), strength / strength.sum(), n_events)


@pytest.mark.parametrize("n_events", [1000, 100_000])
def test_background_trials(benchmark, n_events: int) -> None:
    benchmark.group = f"background trials of {n_events} events, 29 sources"
    one = model(n_events)
    run_reference_trials(one, KEY, 2)  # compiled
    benchmark.pedantic(run_reference_trials, (one, KEY, TRIALS), rounds=3)
    per_s = TRIALS / benchmark.stats.stats.min
    benchmark.extra_info["trials per CPU second"] = round(per_s)
    assert per_s > TARGET_PER_S


@pytest.mark.parametrize("n_events", [1000, 100_000])
def test_scan_of_whole_numbers(benchmark, n_events: int) -> None:
    benchmark.group = f"background trials of {n_events} events, 29 sources"
    one = model(n_events)
    trials = 100 if n_events == 1000 else 5
    counts = [drawn_counts(one, KEY, trial) for trial in range(trials)]
    slow = benchmark.pedantic(lambda: [background_statistic(one_, one.signal, one.background, one.weight) for one_ in counts], rounds=1)
    fast = run_reference_trials(one, KEY, trials)
    assert fast.n_hat.tolist() == [n for n, _ in slow]
    start = time.process_time()
    run_reference_trials(one, KEY, TRIALS)
    fast_s = (time.process_time() - start) / TRIALS
    benchmark.extra_info["scan / engine, each trial"] = round(benchmark.stats.stats.min / trials / fast_s, 1)
