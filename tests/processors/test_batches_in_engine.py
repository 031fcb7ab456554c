"""Batches of small files in a run: every refused file is named and counted, the others are used, nothing shifts, resuming sees every change."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
from coffea.processor import ProcessorABC
from engine_case import raw

from configs.schema import Dataset, Executor
from processors import engine
from processors.chunks import DatasetInput, EventFile
from processors.content import stat_identity
from processors.inputs import event_files
from processors.work import process_chunk
from readers import trc_files
from simulation.trc_writer import TrcSettings, trc_bytes


class CodeCounts(ProcessorABC):
    """Counts the triggers by the code of their first sample."""

    def process(self, events: Any) -> dict[str, hist.Hist]:
        counts = hist.Hist.new.Reg(200, 0, 200, name="code").Int64()
        counts.fill(np.asarray(events.code)[:, 0])
        return {"counts": counts}

    def postprocess(self, accumulator: Any) -> Any:
        return accumulator


def write_batch(folder: Path, count: int, *, segments: int = 1) -> list[Path]:
    """Files whose triggers carry the number of their file in every sample."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"C1--{number:05d}.trc" for number in range(count)]
    for number, path in enumerate(paths):
        codes = np.full((segments, 20), number, np.int16)
        path.write_bytes(trc_bytes(codes, TrcSettings(), np.zeros((segments, 2)) if segments > 1 else None) if segments > 1 else trc_bytes(codes[0]))
    return paths


def run(paths: list[Path], journal: Path | None = None, **more: Any) -> engine.RunOutcome:
    inputs = DatasetInput("led", "data", (EventFile(tuple(map(str, paths)), "trc"),), CodeCounts())
    return engine.run([inputs], Executor(**{"kind": "iterative", "backoff_s": 0.0, **more}), journal=journal)


def counted(outcome: engine.RunOutcome) -> list[int]:
    return outcome.hists["led"]["counts"].values().astype(int)[:12].tolist()


@pytest.mark.parametrize("chunksize", [None, 3])
def test_every_refused_file_of_a_batch_is_named_and_the_others_count(tmp_path: Path, chunksize: int | None) -> None:
    paths = write_batch(tmp_path / "led", 12, segments=2)
    paths[2].write_bytes(paths[2].read_bytes()[:-10])
    paths[5].unlink()
    paths[7].write_bytes(b"<html><body>Log in</body></html>")
    outcome = run(paths, chunksize=chunksize)
    account = outcome.account.datasets["led"]
    assert not outcome.complete
    assert {Path(failure.file).name: failure.stage for failure in account.failed} == dict.fromkeys(
        ["C1--00002.trc", "C1--00005.trc", "C1--00007.trc"], "open"
    )
    assert (account.files, account.unopened, account.expected, account.processed) == (12, 3, 18, 18)
    assert account.fraction == pytest.approx(9 / 12)
    assert counted(outcome) == [0 if number in (2, 5, 7) else 2 for number in range(12)]
    told = outcome.account.describe()
    assert "18 of 18 entries processed, and 3 of 12 files could not be opened" in told
    for words in ("C1--00002.trc: open: block header (byte 0): found", "C1--00005.trc: open: no such file", "a login or error page was saved"):
        assert words in told


def test_a_file_that_the_disk_fails_to_give_is_a_failure_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_batch(tmp_path / "led", 12)
    plain = os.open

    def failing(path: str, *flags: int, **options: Any) -> int:
        if path == str(paths[4]):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return plain(path, *flags, **options)

    monkeypatch.setattr(trc_files.os, "open", failing)
    monkeypatch.setattr(trc_files.time, "sleep", lambda seconds: None)
    outcome = run(paths)
    assert not outcome.complete
    assert counted(outcome) == [0 if number == 4 else 1 for number in range(12)]
    (failure,) = outcome.account.datasets["led"].failed
    assert failure.file == str(paths[4])
    assert "Input/output error" in failure.reason


def test_a_batch_without_a_single_good_file_names_them_all(tmp_path: Path) -> None:
    paths = write_batch(tmp_path / "led", 4)
    for path in paths:
        path.write_bytes(b"not a waveform")
    account = run(paths).account.datasets["led"]
    assert [failure.file for failure in account.failed] == list(map(str, paths))
    assert (account.files, account.unopened, account.fraction) == (4, 4, 0.0)


def test_the_message_of_many_files_is_short(tmp_path: Path) -> None:
    file = EventFile(tuple(f"/data/{number:05d}.trc" for number in range(500)), "trc")
    assert file.name == "/data/00000.trc and 499 more"
    assert (file.count, EventFile(("a.json", "b.json"), "hese_json").count) == (500, 1)


def test_a_mended_file_is_seen_and_only_then_is_the_work_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = []
    monkeypatch.setattr(engine, "process_chunk", lambda *asked: chunks.append(asked) or process_chunk(*asked))
    paths, journal = write_batch(tmp_path / "led", 6), tmp_path / "journal"
    good = paths[3].read_bytes()
    paths[3].write_bytes(good[:100])
    assert not run(paths, journal).complete
    paths[3].write_bytes(good)
    mended = run(paths, journal)
    assert mended.complete
    assert counted(mended)[:6] == [1] * 6
    assert len(chunks) == 2
    again = run(paths, journal)
    assert len(chunks) == 2  # all from the journal
    assert raw(again.hists["led"]) == raw(mended.hists["led"])


def test_identity_of_a_batch_sees_every_file(tmp_path: Path) -> None:
    paths = write_batch(tmp_path / "led", 5)
    names = tuple(map(str, paths))
    before = stat_identity(names)
    assert before.startswith("5 files, ")
    content = paths[4].read_bytes()
    paths[4].unlink()
    missing = stat_identity(names)
    paths[4].write_bytes(content + b"\n")
    assert len({before, missing, stat_identity(names)}) == 3


def test_a_file_that_is_refused_only_while_the_run_is_on_shifts_no_other(tmp_path: Path) -> None:
    """Entries of a batch follow each other: with one file less all behind it would be taken for others."""
    import cloudpickle

    from processors.chunks import Chunk, Span
    from processors.work import DatasetWork, Work

    paths = write_batch(tmp_path / "led", 6)
    paths[0].unlink()
    file = EventFile(tuple(map(str, paths)), "trc")
    work = Work({"led": DatasetWork("data", {}, cloudpickle.dumps(CodeCounts()))}, backoff_s=0.0)
    outcome = process_chunk(work, Chunk("led", (Span(file, 0, 3, of_entries=6),)))
    assert outcome.entries == 0
    assert "5 entries, not the 6 there were when the run was planned; run the command again" in outcome.failures[0].reason


def test_the_result_does_not_depend_on_the_cut_into_batches(tmp_path: Path) -> None:
    paths = write_batch(tmp_path / "led", 12)
    whole = run(paths)
    parts = tuple(EventFile(tuple(map(str, paths[start : start + 5])), "trc") for start in range(0, 12, 5))
    cut = engine.run([DatasetInput("led", "data", parts, CodeCounts())], Executor(kind="iterative", chunksize=2))
    assert raw(cut.hists["led"]) == raw(whole.hists["led"])
    assert cut.complete


def test_an_incomplete_sequence_is_kept_and_told(tmp_path: Path) -> None:
    path = tmp_path / "short.trc"
    path.write_bytes(trc_bytes(np.zeros((3, 20), np.int16), TrcSettings(fields={"NOM_SUBARRAY_COUNT": 10}), np.zeros((3, 2))))
    with pytest.warns(UserWarning, match=r"short\.trc: incomplete sequence: SUBARRAY_COUNT 3 of 10 segments"):
        outcome = run([path])
    assert outcome.complete
    assert outcome.account.datasets["led"].processed == 3
    assert "incomplete sequence" in outcome.account.to_json()["datasets"]["led"]["remarks"][0]


def test_files_of_a_data_set_are_batched_and_folders_expanded(tmp_path: Path) -> None:
    paths = [str(path) for path in write_batch(tmp_path / "led", 7)]
    assert [file.paths for file in event_files(paths, Dataset(files=paths, kind="data"))] == [tuple(paths)]
    (batch,) = event_files([str(tmp_path / "led")], Dataset(files=["led"], kind="data", format="trc"))
    assert (batch.paths, batch.format) == (tuple(paths), "trc")


def test_a_file_given_twice_is_refused_also_through_links(tmp_path: Path) -> None:
    from configs.errors import InputError

    paths = write_batch(tmp_path / "led", 3)
    (tmp_path / "link").symlink_to(tmp_path / "led")
    (tmp_path / "led" / "same.trc").symlink_to(paths[1])
    for other in (tmp_path / "link" / paths[0].name, tmp_path / "led" / "same.trc"):
        with pytest.raises(InputError, match=r"C1--0000\d\.trc is given more than once"):
            run([*paths, other])
