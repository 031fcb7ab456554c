"""What the engine costs beside the processor's own work: a chunk, a resumed run, a large sparse histogram (``make bench``).

A chunk is sized to take 0.25 s or more; the overhead of one must stay small beside that for every executor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hist
import pytest
from engine_case import Spectrum, dataset, write_events

from configs import schema
from processors import engine
from processors.executors import Executor, create
from processors.packing import add, pack

CHUNKS = 100
SMALLEST_CHUNK_S = 0.25


class Nothing(Spectrum):
    """A processor that touches no column: all that a chunk takes is overhead."""

    def process(self, events: Any) -> dict[str, hist.Hist]:
        return {"entries": hist.Hist.new.Reg(1, 0, 1, name="x").Int64().fill([0.5] * len(events))}


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Executor]]:
    kinds = {kind: create(schema.Executor(kind=kind, workers=2)) for kind in ("iterative", "futures", "dask")}
    with kinds["iterative"], kinds["futures"], kinds["dask"]:
        yield kinds


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_events(tmp_path_factory.mktemp("bench") / "events.parquet", 10 * CHUNKS)


@pytest.mark.benchmark(group="100 chunks without work, 2 workers")
@pytest.mark.parametrize("kind", ["iterative", "futures", "dask"])
def test_overhead_of_chunks(benchmark: Any, opened: dict[str, Executor], path: Path, kind: str) -> None:
    options = schema.Executor(chunksize=10)
    engine.run([dataset([path], Nothing())], options, executor=opened[kind])  # workers start and import
    outcome = benchmark.pedantic(lambda: engine.run([dataset([path], Nothing())], options, executor=opened[kind]), rounds=5)
    assert outcome.hists["mc"]["entries"].sum() == 10 * CHUNKS
    benchmark.extra_info["overhead / smallest chunk"] = round(benchmark.stats.stats.min / CHUNKS / SMALLEST_CHUNK_S, 3)


@pytest.mark.benchmark(group="100 chunks from the journal")
def test_resuming_a_finished_run(benchmark: Any, path: Path, tmp_path: Path) -> None:
    options = schema.Executor(chunksize=10)
    run = lambda: engine.run([dataset([path])], options, journal=tmp_path / "journal")  # noqa: E731
    first = run()
    assert benchmark.pedantic(run, rounds=5).account == first.account
    benchmark.extra_info["resuming / smallest chunk"] = round(benchmark.stats.stats.min / CHUNKS / SMALLEST_CHUNK_S, 4)


@pytest.mark.benchmark(group="start of the workers")
def test_start_of_the_pool(benchmark: Any) -> None:
    def start() -> None:
        done: list[int] = []
        with create(schema.Executor(kind="futures", workers=2)) as executor:
            executor.map(abs, [-1, -2], lambda index, result: done.append(result))
        assert sorted(done) == [1, 2]

    start()  # the fork server imports once for all pools of this process
    benchmark.pedantic(start, rounds=3)


@pytest.mark.benchmark(group="merging one chunk into a response of 64 MB")
@pytest.mark.parametrize("filled", [1_000, 8_000_000])
def test_merging_a_large_histogram(benchmark: Any, filled: int) -> None:
    import numpy as np

    h = hist.Hist.new.Reg(8_000_000, 0, 1, flow=False).Double()
    h.view()[:: 8_000_000 // filled] = 1.0
    packed, total = pack(h), {"response": h.copy()}
    benchmark(add, total, "response", packed)
    assert np.asarray(total["response"].view()).max() >= 2.0
