"""Building the response beside one bincount pass of all its columns (specification 11: below five times)."""

from __future__ import annotations

import time
from collections.abc import Callable

import awkward as ak
import numpy as np
import pytest
from stopwatch import least_s

from configs.diffuse import Processor
from physics.constants import HESE_LIVETIME_S
from processors.diffuse import DiffuseProcessor
from readers.events import with_metadata
from simulation.diffuse import Sample
from simulation.weights import as_toy

OPTIONS = {"release": Processor(), "toy": Processor(binning="bootcamp")}
N_SUMS = {"release": (4 + 10) * 3 + 2 * 3, "toy": (2 + 3) * 3}  # components and pairs times moments
N_CELLS = {"release": 7 * 60 * (2 * 23 * 12 + 23 * 22), "toy": 60 * 2 * 22 * 12}  # classes, nodes, reconstructed bins of all channels


def sample(form: str, size: int) -> dict[str, np.ndarray]:
    """Generated simulation."""
    blocks = [block if form == "release" else as_toy(block, HESE_LIVETIME_S) for block in Sample(size, 1, HESE_LIVETIME_S).blocks()]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


@pytest.mark.parametrize("size", [100_000, 1_000_000])
@pytest.mark.parametrize("form", ["release", "toy"])
def test_build_response(benchmark, form: str, size: int) -> None:
    """The processor on one chunk of events in memory."""
    benchmark.group = f"response, {form}, {size:.0e} events"
    processor = DiffuseProcessor(OPTIONS[form])
    events = with_metadata(ak.Array(sample(form, size)), {"kind": "mc", "filename": "mc", "livetime_s": HESE_LIVETIME_S})
    hists = benchmark.pedantic(processor.process, (events,), rounds=3, warmup_rounds=1)
    assert hists["cutflow"]["in_bins"] > 0.8 * size


def bincount_pass(form: str, size: int) -> Callable[[], float]:
    """Every sum of the response filled by one bincount at random cells: the least that any filling costs."""
    rng = np.random.default_rng(1)
    index, weights = rng.integers(0, N_CELLS[form], size), rng.random(size)
    return lambda: sum(np.bincount(index, weights=weights, minlength=N_CELLS[form])[0] for _ in range(N_SUMS[form]))


@pytest.mark.parametrize("size", [100_000, 1_000_000])
@pytest.mark.parametrize("form", ["release", "toy"])
def test_bincount_pass(benchmark, form: str, size: int) -> None:
    benchmark.group = f"response, {form}, {size:.0e} events"
    assert benchmark.pedantic(bincount_pass(form, size), rounds=3, warmup_rounds=1) >= 0


@pytest.mark.parametrize("form", ["release", "toy"])
def test_target(benchmark, capsys, form: str) -> None:
    """Less than five passes, at 1e6 events, both in one run and in times of the processor."""
    size, processor = 1_000_000, DiffuseProcessor(OPTIONS[form])
    events = with_metadata(ak.Array(sample(form, size)), {"kind": "mc", "filename": "mc", "livetime_s": HESE_LIVETIME_S})
    ours = least_s(lambda: processor.process(events), 3, time.process_time)
    least = least_s(bincount_pass(form, size), 3, time.process_time)
    with capsys.disabled():
        print(f"\nresponse of 1e6 events, {form}: {ours:.2f} s, bincount pass {least:.2f} s: ratio {ours / least:.2f}")
    benchmark.extra_info.update(ratio=ours / least)
    benchmark.pedantic(processor.process, (events,), rounds=1)
    assert ours / least < 5
