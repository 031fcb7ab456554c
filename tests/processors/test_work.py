"""What a worker does: it never raises, and refuses to compute with other code than the run was planned with."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from engine_case import Misbehaving, Spectrum, write_events

from processors import source_code, work
from processors.chunks import Chunk, EventFile, Span
from processors.work import DatasetWork, Work, inspect, process_chunk, trial


def work_of(processor: Any, **more: Any) -> Work:
    return Work({"mc": DatasetWork("mc", {}, cloudpickle.dumps(processor))}, backoff_s=0.0, **more)


def span_of(path: Path, stop: int, **more: Any) -> Span:
    return Span(EventFile((str(path),)), 0, stop, **more)


def test_a_worker_with_other_source_code_refuses(tmp_path: Path) -> None:
    chunk = Chunk("mc", (span_of(write_events(tmp_path / "a.parquet", 5), 5),))
    names = ("processors/work.py", "processors/packing.py")
    right = source_code.digest([source_code.PROJECT / name for name in names])
    assert process_chunk(work_of(Spectrum(), project_files=names, project_digest=right), chunk).entries == 5
    outcome = process_chunk(work_of(Spectrum(), project_files=names, project_digest="other"), chunk)
    assert (outcome.entries, outcome.failures[0].stage) == (0, "worker")
    assert "this worker has other source code than the run was planned with; install the same version there" in outcome.failures[0].reason
    missing = process_chunk(work_of(Spectrum(), project_files=("processors/newer.py",), project_digest=right), chunk)
    assert "newer.py" in missing.failures[0].reason


def test_a_processor_that_cannot_be_loaded_is_a_failure(tmp_path: Path) -> None:
    chunk = Chunk("mc", (span_of(write_events(tmp_path / "a.parquet", 5), 5),))
    broken = Work({"mc": DatasetWork("mc", {}, b"cno_such_module\nProcessor\n.")})
    (failure,) = process_chunk(broken, chunk).failures
    assert (failure.stage, failure.reason) == ("process", "ModuleNotFoundError: No module named 'no_such_module'")


def test_a_file_that_lost_entries_since_the_plan_is_a_failure(tmp_path: Path) -> None:
    (failure,) = process_chunk(work_of(Spectrum()), Chunk("mc", (span_of(write_events(tmp_path / "a.parquet", 5), 9),))).failures
    assert failure.stage == "read"
    assert "5 entries, fewer than when the run was planned" in failure.reason


def test_inspection_tells_entries_and_identity(tmp_path: Path) -> None:
    path = write_events(tmp_path / "a.parquet", 12)
    by_stat, by_digest = (inspect(work_of(Spectrum(), identity=by), EventFile((str(path),))) for by in ("stat", "digest"))
    assert by_stat.entries == by_digest.entries == 12
    assert by_stat.identity == by_stat.unchanged == by_digest.unchanged == f"{path.stat().st_size} bytes, {path.stat().st_mtime_ns} ns"
    assert len(by_digest.identity) == 64


def test_the_trial_measures_what_an_entry_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock of our own: opening takes 3 s, an entry 1 ms."""
    clock = {"now": 0.0}
    monkeypatch.setattr(work.time, "perf_counter", lambda: clock["now"])

    def slow_open(file: EventFile) -> Any:
        clock["now"] += 3.0
        return work.open_file(file)

    path = write_events(tmp_path / "a.parquet", 5000)
    fill = work._fill

    def slow_fill(*arguments: Any) -> Any:
        clock["now"] += 1e-3 * arguments[-1].entries
        return fill(*arguments)

    monkeypatch.setattr(work, "_fill", slow_fill)
    opening_s, per_entry_s = trial(work_of(Spectrum(), open_file=slow_open), ("mc", span_of(path, 5000)))
    assert opening_s == pytest.approx(3.0)
    assert per_entry_s == pytest.approx(1e-3)


def test_the_trial_tells_what_every_chunk_costs_from_what_an_entry_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large histograms cost the same in every chunk; counted with the entries they made chunks small, and runs slow."""
    clock = {"now": 0.0}
    monkeypatch.setattr(work.time, "perf_counter", lambda: clock["now"])
    path = write_events(tmp_path / "a.parquet", 20_000)
    fill = work._fill

    def slow_fill(*arguments: Any) -> Any:
        clock["now"] += 0.2 + 1e-5 * arguments[-1].entries
        return fill(*arguments)

    monkeypatch.setattr(work, "_fill", slow_fill)
    fixed_s, per_entry_s = trial(work_of(Spectrum()), ("mc", span_of(path, 20_000)))
    assert fixed_s == pytest.approx(0.2)
    assert per_entry_s == pytest.approx(1e-5)


def test_a_trial_that_fails_tells_nothing(tmp_path: Path) -> None:
    path = write_events(tmp_path / "a.parquet", 300, poison_at=3)
    assert trial(work_of(Misbehaving("raise")), ("mc", span_of(path, 300))) is None
    assert trial(work_of(Misbehaving("sys.exit")), ("mc", span_of(path, 300))) is None
    assert trial(work_of(Spectrum()), ("mc", span_of(tmp_path / "missing.parquet", 300))) is None


def test_pauses_between_retries_double(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(work.time, "sleep", pauses.append)
    attempts = iter([True, True, True, False])

    def attempt() -> str:
        if next(attempts):
            raise work._SpanError("read", OSError("network"), retry=True)
        return "done"

    assert work._retried(work_of(Spectrum(), retries=3), functools.partial(attempt)) == "done"
    assert pauses == [0.0, 0.0, 0.0]
    pauses.clear()
    attempts = iter([True, True, False])
    patient = Work({}, retries=2, backoff_s=0.25)
    assert work._retried(patient, attempt) == "done"
    assert pauses == [0.25, 0.5]
