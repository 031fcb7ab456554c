"""Resuming: a run that was killed and goes on gives bitwise the same; whatever changed is computed again, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_case import Misbehaving, Spectrum, dataset, raw, write_events

from configs import schema
from configs.errors import InputError
from processors import engine
from processors.chunks import DatasetInput
from processors.engine import RunOutcome
from processors.journal import ENTRY
from processors.source_code import relied_on
from processors.user_code import import_afresh

CHUNK = 5
OPTIONS = schema.Executor(chunksize=CHUNK, backoff_s=0.01)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_events(tmp_path / f"run_{number}.parquet", 10 * number + 15, number) for number in range(3)]  # 15, 25, 35: 15 chunks


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "calls.txt"


def go(inputs: list[DatasetInput], log: Path, **more: object) -> tuple[RunOutcome, list[str]]:
    """Run with the journal beside the log; also the calls of ``process`` that it took."""
    log.unlink(missing_ok=True)
    options = OPTIONS.model_copy(update={"identity": more.pop("identity", "stat")})
    outcome = engine.run(inputs, options, journal=log.parent / "journal", **more)  # type: ignore[arg-type]
    return outcome, sorted(log.read_text().splitlines()) if log.exists() else []


def test_a_finished_run_is_not_done_again(files: list[Path], log: Path) -> None:
    processor = Spectrum(log=str(log))
    first, calls = go([dataset(files, processor)], log)
    again, none = go([dataset(files, processor)], log)
    fresh, all_of_them = go([dataset(files, processor)], log, fresh=True)
    assert (len(calls), none, all_of_them) == (15, [], calls)
    assert raw(first.hists["mc"]) == raw(again.hists["mc"]) == raw(fresh.hists["mc"])
    assert first.account == again.account
    assert first.digest == again.digest


# What changed is computed again, and nothing else ---------------------------------------------------------------------------------------


def change_content(files: list[Path]) -> None:
    write_events(files[1], 25, seed=99)


def change_time(files: list[Path]) -> None:
    os.utime(files[1], ns=(1, 1))


@pytest.mark.parametrize(
    ("change", "identity", "expected"),
    [(change_content, "stat", 5), (change_time, "stat", 5), (change_time, "digest", 0), (change_content, "digest", 5)],
)
def test_a_changed_file_is_processed_again_alone(
    files: list[Path], log: Path, change: Callable[[list[Path]], None], identity: str, expected: int
) -> None:
    processor = Spectrum(log=str(log))
    go([dataset(files, processor)], log, identity=identity)
    change(files)
    outcome, calls = go([dataset(files, processor)], log, identity=identity)
    assert len(calls) == expected
    assert raw(outcome.hists["mc"]) == raw(engine.run([dataset(files)], OPTIONS).hists["mc"])


def test_a_new_file_leaves_the_chunks_of_the_others_alone(files: list[Path], log: Path) -> None:
    processor = Spectrum(log=str(log))
    go([dataset(files[:2], processor)], log)
    outcome, calls = go([dataset(files, processor)], log)
    assert (len(calls), outcome.account.datasets["mc"].processed) == (7, 75)


@pytest.mark.parametrize(
    "changed",
    [
        lambda files, log: dataset(files, Spectrum(bins=21, log=str(log))),
        lambda files, log: dataset(files, Spectrum(log=str(log)), metadata={"livetime_s": 2.0}),
        lambda files, log: dataset(files, Spectrum(log=str(log)), name="other"),
        lambda files, log: dataset(files, Spectrum(log=str(log)), kind="data"),
        lambda files, log: dataset(files, Spectrum(log=str(log)), options={"cut": 4}),
    ],
    ids=["bins", "metadata", "name", "kind", "options"],
)
def test_a_changed_option_computes_again(files: list[Path], log: Path, changed: Callable[[list[Path], Path], DatasetInput]) -> None:
    before, _ = go([dataset(files, Spectrum(log=str(log)))], log)
    after, calls = go([changed(files, log)], log)
    assert len(calls) == 15
    assert after.digest != before.digest


SOURCE = """
from engine_case import Spectrum
import scale

class Scaled(Spectrum):
    def process(self, events):
        return {name: h * scale.FACTOR for name, h in super().process(events).items()}
"""


@pytest.mark.parametrize(
    ("file", "text"), [("scaled.py", SOURCE + "# a remark\n"), ("scale.py", "FACTOR = 3\n")], ids=["module", "module it imports"]
)
def test_changed_source_of_a_processor_computes_again(files: list[Path], log: Path, tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "scaled.py").write_text(SOURCE)
    (tmp_path / "scale.py").write_text("FACTOR = 2\n")

    def run() -> tuple[RunOutcome, list[str]]:
        module = import_afresh("scaled", tmp_path / "scaled.py", tmp_path)
        built = dataset(files, module.Scaled(log=str(log)), source_files=relied_on(str(tmp_path / "scaled.py"), tmp_path), folder=tmp_path)
        return go([built], log)

    plain = engine.run([dataset(files)], OPTIONS).hists["mc"]["counts"]
    assert run()[0].hists["mc"]["counts"] == plain * 2
    assert run()[1] == []
    (tmp_path / file).write_text(text)
    outcome, calls = run()
    assert len(calls) == 15
    assert outcome.hists["mc"]["counts"] == plain * (3 if file == "scale.py" else 2)


def test_a_new_version_of_a_package_computes_again(files: list[Path], log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processor = Spectrum(log=str(log))
    go([dataset(files, processor)], log)
    monkeypatch.setattr("processors.source_code.versions", lambda more=(): {"numpy": "99"})
    assert len(go([dataset(files, processor)], log)[1]) == 15


def test_source_edited_under_a_running_python_is_not_trusted_later(files: list[Path], log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processor = Spectrum(log=str(log))
    monkeypatch.setattr("processors.keys.STARTED_NS", 1)  # all source is younger than this process: it does not run what the disk says
    assert len(go([dataset(files, processor)], log)[1]) == 15
    monkeypatch.setattr("processors.keys.STARTED_NS", time.time_ns())  # another Python, with the source of the disk
    assert len(go([dataset(files, processor)], log)[1]) == 15


# What is broken is done again -----------------------------------------------------------------------------------------------------------


def entries(log: Path) -> list[Path]:
    return sorted((log.parent / "journal").glob(f"*/*{ENTRY}"))


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1], lambda content: content[: len(content) // 2], lambda content: b"", lambda content: b"x" * len(content)]
)
def test_damaged_entries_are_done_again(files: list[Path], log: Path, damage: Callable[[bytes], bytes]) -> None:
    processor = Spectrum(log=str(log))
    first, _ = go([dataset(files, processor)], log)
    for path in entries(log)[::2]:
        path.write_bytes(damage(path.read_bytes()))
    again, calls = go([dataset(files, processor)], log)
    assert 0 < len(calls) < 15
    assert raw(again.hists["mc"]) == raw(first.hists["mc"])
    assert again.complete


def test_entries_that_rot_before_they_are_merged_are_named_and_done_again(files: list[Path], log: Path) -> None:
    def rot(what: str, done: int, total: int) -> None:
        if what == "processing" and done == total:
            for path in entries(log):
                path.write_bytes(b"")

    outcome, _ = go([dataset(files)], log, progress=rot)
    account = outcome.account.datasets["mc"]
    assert {failure.stage for failure in account.failed} == {"journal"}
    assert (account.processed, account.expected, len(account.failed)) == (0, 75, 15)
    assert "run the command again" in account.failed[0].reason
    assert go([dataset(files)], log)[0].complete


def test_failures_are_tried_again_and_successes_are_not(tmp_path: Path, log: Path) -> None:
    path = write_events(tmp_path / "poisoned.parquet", 30, poison_at=12)
    processor = Misbehaving("raise", str(log))
    first, calls = go([dataset([path], processor)], log)
    again, same_failure = go([dataset([path], processor)], log)
    assert (len(calls), same_failure) == (5, [])  # the log is written after the poison is looked for
    assert first.account == again.account
    assert not again.complete


def test_a_full_disk_keeps_what_was_finished(files: list[Path], log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, calls = os.fsync, {"left": 8}

    def filling(descriptor: int) -> None:
        calls["left"] -= 1
        if calls["left"] < 0:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    processor = Spectrum(log=str(log))
    monkeypatch.setattr(os, "fsync", filling)
    with pytest.raises(InputError, match=r"cannot write the journal \(No space left on device\); make room"):
        go([dataset(files, processor)], log)
    monkeypatch.setattr(os, "fsync", fsync)
    outcome, done = go([dataset(files, processor)], log)
    assert len(done) == 15 - (8 - len(files))  # eight entries were written: three inspected files and five chunks
    assert raw(outcome.hists["mc"]) == raw(engine.run([dataset(files)], OPTIONS).hists["mc"])


# Killed at any moment -------------------------------------------------------------------------------------------------------------------


def slowly(files: list[Path], journal: Path) -> None:
    """The run that is going to be killed."""
    engine.run([dataset(files, Spectrum(sleep_s=0.01))], OPTIONS, journal=journal)


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_run_that_goes_on_gives_bitwise_the_same(files: list[Path], tmp_path: Path, seed: int) -> None:
    """SIGKILL at seeded moments, several times over the same journal, until it is through."""
    rng = random.Random(seed)
    journal = tmp_path / "journal"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["processors.work", "readers"])
    for _ in range(3):
        process = context.Process(target=slowly, args=(files, journal))
        process.start()
        process.join(rng.uniform(0.05, 0.6))
        process.kill()
        process.join()
    outcome = engine.run([dataset(files, Spectrum(sleep_s=0.01))], OPTIONS, journal=journal)
    assert outcome.complete
    assert raw(outcome.hists["mc"]) == raw(engine.run([dataset(files)], OPTIONS).hists["mc"])


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
from engine_case import Spectrum, dataset
from configs import schema
from processors import engine

if __name__ == "__main__":
    options = schema.Executor(kind="futures", workers=2, chunksize=5)
    engine.run([dataset([Path(path) for path in sys.argv[2:]], Spectrum(sleep_s=0.05))], options, journal=Path(sys.argv[1]))
"""


def heed_ctrl_c() -> None:
    """A shell's background job ignores Ctrl-C, and so do its children unless told otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_pool_that_is_stopped_leaves_a_journal_to_go_on_with(files: list[Path], tmp_path: Path, stop: signal.Signals) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.format(here=str(Path(__file__).parent)))
    journal = tmp_path / "journal"
    arguments = [sys.executable, str(tmp_path / "script.py"), str(journal), *map(str, files)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c) as process:
        deadline = time.monotonic() + 30
        while len(list(journal.glob(f"*/*{ENTRY}"))) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(stop)
        process.communicate(timeout=30)
    assert process.returncode != 0
    written = len(list(journal.glob(f"*/*{ENTRY}")))
    assert 6 <= written < 18
    steps: list[tuple[int, int]] = []
    outcome = engine.run(
        [dataset(files, Spectrum(sleep_s=0.05))],
        OPTIONS,
        journal=journal,
        progress=lambda what, done, total: steps.append((done, total)) if what == "processing" else None,
    )
    assert steps[0] == (written - len(files), 15)
    assert raw(outcome.hists["mc"]) == raw(engine.run([dataset(files)], OPTIONS).hists["mc"])
