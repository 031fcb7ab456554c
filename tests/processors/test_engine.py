"""The engine: the same histograms however the work is done, and an account that names everything that is missing."""

from __future__ import annotations

import errno
import os
import re
import signal
import tracemalloc
from pathlib import Path
from typing import Any

import boost_histogram as bh
import hist
import numpy as np
import pyarrow.parquet as pq
import pytest
from coffea.processor import ProcessorABC
from engine_case import GRID, Misbehaving, Spectrum, dataset, raw, write_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs import schema
from configs.errors import InputError
from processors import engine
from processors.chunks import EventFile
from processors.executors import Executor, Stalled, create
from processors.work import open_file
from readers.source import ReadError

KINDS = ["iterative", "futures", "dask"]
EXACT = ["counts", "exact", "sparse"]  # sums without rounding


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_events(tmp_path / f"run_{number}.parquet", entries, number) for number, entries in enumerate([40, 3, 0, 21, 1])]


def options(**more: Any) -> schema.Executor:
    return schema.Executor(**{"backoff_s": 0.01, "workers": 2, **more})


def in_one_go(files: list[Path]) -> dict[str, bytes]:
    """The histograms filled once with all events, without the engine: the independent reference."""
    tables = [pq.read_table(path) for path in files]
    energy, weight = (np.concatenate([table[column].to_numpy() for table in tables]) for column in ("energy", "weight"))
    counts = hist.Hist.new.Reg(20, 0, 10, name="energy").Int64().fill(energy)
    exact = hist.Hist.new.Reg(20, 0, 10, name="energy").Weight().fill(energy, weight=weight)
    sparse = hist.Hist.new.Reg(500, 0, 10, name="energy").Reg(20, -1, 1, name="other").Double().fill(energy, 0 * energy, weight=weight)
    return raw({"counts": counts, "exact": exact, "sparse": sparse})


# The same result however the work is done ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunksize", [1, 7, 1000, None])
@pytest.mark.parametrize("kind", KINDS)
def test_exact_sums_are_bitwise_equal_for_all_executors_and_chunk_sizes(
    files: list[Path], opened: dict[str, Executor], kind: str, chunksize: int | None
) -> None:
    outcome = engine.run([dataset(files)], options(chunksize=chunksize), executor=opened[kind])
    assert outcome.complete
    assert raw(outcome.hists["mc"], EXACT) == in_one_go(files)


def test_general_sums_are_bitwise_equal_for_equal_chunks(files: list[Path], opened: dict[str, Executor]) -> None:
    sums = {kind: raw(engine.run([dataset(files)], options(chunksize=4), executor=opened[kind]).hists["mc"]) for kind in KINDS}
    assert sums["iterative"] == sums["futures"] == sums["dask"]
    with create(options(kind="futures", workers=3)) as other:
        assert raw(engine.run([dataset(files)], options(chunksize=4), executor=other).hists["mc"]) == sums["iterative"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(0, 30), min_size=1, max_size=5), chunksize=st.integers(1, 40))
def test_any_files_in_any_chunks_give_the_sum_over_all_events(tmp_path: Path, lengths: list[int], chunksize: int) -> None:
    files = [write_events(tmp_path / f"part_{number}.parquet", entries, number) for number, entries in enumerate(lengths)]
    outcome = engine.run([dataset(files)], options(chunksize=chunksize))
    assert raw(outcome.hists["mc"], EXACT) == in_one_go(files)
    assert outcome.account.datasets["mc"].processed == sum(lengths)


def test_the_trial_chooses_the_chunks_and_changes_nothing(tmp_path: Path) -> None:
    files = [write_events(tmp_path / "large.parquet", 5000)]
    log = tmp_path / "calls.txt"
    outcome = engine.run([dataset(files, Spectrum(log=str(log), sleep_s=0.01))], options())
    assert raw(outcome.hists["mc"], EXACT) == in_one_go(files)
    assert outcome.account.datasets["mc"].expected == 5000
    assert len(log.read_text().splitlines()) <= 5  # trial spans and one or two chunks: 5000 entries in 0.01 s are not worth more


def test_two_data_sets_may_share_a_file_and_stay_apart(files: list[Path]) -> None:
    inputs = [dataset(files, name="mc"), dataset(files[:1], name="control", kind="data", metadata={"livetime_s": 7.0})]
    outcome = engine.run(inputs, options(chunksize=10))
    assert raw(outcome.hists["mc"], EXACT) == in_one_go(files)
    assert raw(outcome.hists["control"], EXACT) == in_one_go(files[:1])
    assert outcome.account.datasets["control"].livetime_s == 7.0


def test_a_data_set_without_events_has_empty_histograms(tmp_path: Path) -> None:
    outcome = engine.run([dataset([write_events(tmp_path / "none.parquet", 0)])], options())
    assert outcome.complete
    assert outcome.hists["mc"]["counts"].sum(flow=True) == 0


class Dense(Spectrum):
    """A histogram of 4 MB with every bin filled."""

    def process(self, events: Any) -> dict[str, hist.Hist]:
        h = hist.Hist.new.Reg(500_000, 0, 1, flow=False).Double()
        h.view()[:] = len(events)
        return {"dense": h}


def test_merging_holds_one_chunk_at_a_time(tmp_path: Path) -> None:
    path = write_events(tmp_path / "events.parquet", 24)
    tracemalloc.start()
    outcome = engine.run([dataset([path], Dense())], options(chunksize=1))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.hists["mc"]["dense"].sum() == 24 * 500_000
    assert peak_bytes < 8 * 4e6  # 24 chunks of 4 MB


class Metadata(Spectrum):
    """Fills what events.metadata says."""

    def process(self, events: Any) -> dict[str, hist.Hist]:
        about = events.metadata
        words = hist.Hist(hist.axis.StrCategory([], growth=True, name="said"), storage=hist.storage.Int64())
        words.fill([f"{key}={about[key]}" for key in ("dataset", "kind", "livetime_s", "entrystop")] + [Path(about["filename"]).name])
        return {"said": words}


def test_events_know_their_data_set(tmp_path: Path) -> None:
    path = write_events(tmp_path / "one.parquet", 5)
    outcome = engine.run([dataset([path], Metadata(), name="signal", metadata={"livetime_s": 3.5, "dataset": "wrong"})], options(chunksize=3))
    said = outcome.hists["signal"]["said"]
    assert {word: said[hist.loc(word)] for word in said.axes[0]} == {
        "dataset=signal": 2, "kind=mc": 2, "livetime_s=3.5": 2, "entrystop=2": 1, "entrystop=5": 1, "one.parquet": 2,
    }  # fmt: skip


class KeepsState(Spectrum):
    """A processor that breaks the rule and remembers earlier chunks."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def process(self, events: Any) -> dict[str, hist.Hist]:
        self.calls += 1
        return {"calls": hist.Hist.new.Reg(5, 0, 5, name="calls").Int64().fill([self.calls])}


def test_every_chunk_starts_from_a_fresh_processor(files: list[Path], opened: dict[str, Executor]) -> None:
    counted = [engine.run([dataset(files, KeepsState())], options(chunksize=5), executor=opened[kind]).hists["mc"]["calls"] for kind in KINDS]
    assert [h[1] for h in counted] == [h.sum() for h in counted]


class Doubles(Spectrum):
    def postprocess(self, accumulator: Any) -> Any:
        return {name: h * 2 for name, h in accumulator.items()}


class ReturnsNothing(Spectrum):
    def postprocess(self, accumulator: Any) -> Any:
        return None


def test_postprocess_acts_once_on_the_sums(files: list[Path]) -> None:
    plain, doubled, kept = (
        engine.run([dataset(files, each)], options(chunksize=9)).hists["mc"] for each in (Spectrum(), Doubles(), ReturnsNothing())
    )
    assert doubled["counts"] == plain["counts"] * 2
    assert kept["counts"] == plain["counts"]


# What fails is named ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "act"), [("futures", "sigkill"), ("futures", "exit"), ("dask", "sigkill")])
def test_a_killed_worker_loses_its_chunk_alone(tmp_path: Path, opened: dict[str, Executor], kind: str, act: str) -> None:
    files = [write_events(tmp_path / "good.parquet", 30, 1), write_events(tmp_path / "poisoned.parquet", 30, 2, poison_at=17)]
    outcome = engine.run([dataset(files, Misbehaving(act))], options(chunksize=10), executor=opened[kind])
    account = outcome.account.datasets["mc"]
    (failure,) = account.failed
    assert (failure.file, failure.start, failure.stop, failure.stage) == (str(files[1]), 10, 20, "worker")
    assert "died" in failure.reason
    assert (account.expected, account.processed, account.fraction) == (60, 50, 50 / 60)
    assert not outcome.complete
    assert outcome.hists["mc"]["counts"].sum(flow=True) == 50


class Crashes:
    """A reader that takes its process down on one file, as a crash in compiled code does."""

    def __call__(self, file: EventFile) -> Any:
        if Path(file.name).stem == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        return open_file(file)


def test_a_file_that_crashes_its_reader_is_named(tmp_path: Path, opened: dict[str, Executor]) -> None:
    files = [write_events(tmp_path / f"{name}.parquet", 10) for name in ("a", "crash", "z")]
    outcome = engine.run([dataset(files)], options(), executor=opened["futures"], open_source=Crashes())
    (failure,) = outcome.account.datasets["mc"].failed
    assert (failure.file, failure.stage) == (str(files[1]), "open")
    assert "died of SIGSEGV" in failure.reason
    assert raw(outcome.hists["mc"], EXACT) == in_one_go([files[0], files[2]])


def test_every_broken_file_is_named_and_the_others_count(tmp_path: Path) -> None:
    good = write_events(tmp_path / "good.parquet", 25)
    truncated = tmp_path / "truncated.parquet"
    truncated.write_bytes(good.read_bytes()[:-200])
    (tmp_path / "garbage.parquet").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "empty.parquet").touch()
    broken = [truncated, tmp_path / "garbage.parquet", tmp_path / "empty.parquet", tmp_path / "missing.parquet", tmp_path]
    outcome = engine.run([dataset([good, *broken])], options())
    account = outcome.account.datasets["mc"]
    assert {failure.file: failure.stage for failure in account.failed} == {str(path): "open" for path in broken}
    assert all(failure.reason for failure in account.failed)
    assert (account.files, account.unopened, account.expected, account.processed) == (6, 5, 25, 25)
    assert account.fraction == pytest.approx(1 / 6)
    assert raw(outcome.hists["mc"], EXACT) == in_one_go([good])
    for path in broken:
        assert str(path) in outcome.account.describe()


def test_content_that_is_broken_inside_is_named_with_its_entries(tmp_path: Path) -> None:
    path = write_events(tmp_path / "damaged.parquet", 1000)
    group = pq.ParquetFile(path).metadata.row_group(7).column(0)
    content = bytearray(path.read_bytes())
    at = group.data_page_offset
    content[at : at + 200] = bytes(200)
    path.write_bytes(content)
    outcome = engine.run([dataset([path])], options(chunksize=64))
    account = outcome.account.datasets["mc"]
    assert {failure.stage for failure in account.failed} == {"read"}
    assert account.processed == 1000 - sum(failure.stop - failure.start for failure in account.failed)
    assert all(failure.start < 512 and failure.stop > 448 for failure in account.failed)  # the damaged row group
    assert "column 'energy'" in account.failed[0].reason


def test_all_files_broken_gives_an_account_without_histograms(tmp_path: Path) -> None:
    outcome = engine.run([dataset([tmp_path / "missing.parquet"])], options())
    assert (outcome.complete, outcome.hists["mc"], outcome.account.datasets["mc"].fraction) == (False, {}, 0.0)


@pytest.mark.parametrize(
    ("act", "reason"),
    [("oserror", "FileNotFoundError: .*calibration_of_mine.txt"), ("raise", "ValueError: negative energy"), ("sys.exit", "SystemExit: bye")],
)
def test_an_error_of_the_processor_is_reported_once_and_not_retried(tmp_path: Path, act: str, reason: str) -> None:
    path, log = write_events(tmp_path / "poisoned.parquet", 30, poison_at=4), tmp_path / "log.txt"
    outcome = engine.run([dataset([path], CountedBefore(act, str(log)))], options(chunksize=10))
    (failure,) = outcome.account.datasets["mc"].failed
    assert (failure.stage, failure.start, failure.stop) == ("process", 0, 10)
    assert re.search(reason, failure.reason)
    assert "engine_case.py" in failure.traceback
    assert log.read_text().splitlines() == ["0", "10", "20"]


class CountedBefore(Misbehaving):
    """Notes the attempt before it misbehaves."""

    def process(self, events: Any) -> dict[str, hist.Hist]:
        self.note(str(events.metadata["entrystart"]))
        inner = Misbehaving(self.act)
        return inner.process(events)


def test_one_bad_file_in_a_shared_chunk_loses_itself_alone(tmp_path: Path) -> None:
    files = [write_events(tmp_path / f"small_{number}.parquet", 5, number, poison_at=2 if number == 3 else None) for number in range(6)]
    outcome = engine.run([dataset(files, Misbehaving("raise"))], options(chunksize=1000))
    (failure,) = outcome.account.datasets["mc"].failed
    assert (failure.file, failure.start, failure.stop) == (str(files[3]), 0, 5)
    assert raw(outcome.hists["mc"], EXACT) == in_one_go([path for path in files if path != files[3]])


# I/O errors ---------------------------------------------------------------------------------------------------------------------------


class Flaky:
    """Opens files through the readers; the first ``failures`` attempts of a stage fail as a network does."""

    def __init__(self, folder: Path, stage: str, failures: int, error: type[OSError] = ReadError) -> None:
        self.counter, self.stage, self.failures, self.error = folder / "attempts", stage, failures, error

    def fail(self) -> None:
        attempts = len(self.counter.read_text()) if self.counter.exists() else 0
        self.counter.write_text("x" * (attempts + 1))
        if attempts < self.failures:
            raise self.error(errno.EIO, "Input/output error")

    def __call__(self, file: EventFile) -> Any:
        if self.stage == "open":
            self.fail()
        return FlakySource(open_file(file), self)


class FlakySource:
    def __init__(self, source: Any, flaky: Flaky) -> None:
        self.source, self.flaky = source, flaky
        self.columns = source.columns

    def __len__(self) -> int:
        return len(self.source)

    def events(self, start: int, stop: int) -> Any:
        events = self.source.events(start, stop)
        return lazily(events, self.flaky) if self.flaky.stage == "column" else events

    def __enter__(self) -> Any:
        self.source.__enter__()
        return self

    def __exit__(self, *about: Any) -> None:
        self.source.__exit__(*about)


def lazily(events: Any, flaky: Flaky) -> Any:
    """The same events with a column ``energy`` that reads through the flaky network."""
    import awkward as ak

    def load() -> Any:
        flaky.fail()
        return np.asarray(events.energy)

    form = ak.forms.RecordForm(
        [ak.forms.NumpyForm("float64", form_key="energy"), ak.forms.NumpyForm("float64", form_key="weight")], ["energy", "weight"]
    )
    return ak.from_buffers(form, len(events), {"energy-data": load, "weight-data": np.asarray(events.weight)})


@pytest.mark.parametrize("stage", ["open", "column"])
def test_a_network_that_recovers_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    path, pauses = write_events(tmp_path / "remote.parquet", 20), []
    monkeypatch.setattr("processors.work.time.sleep", pauses.append)
    outcome = engine.run([dataset([path])], options(retries=2, backoff_s=0.5), open_source=Flaky(tmp_path, stage, failures=2))
    assert outcome.complete
    assert raw(outcome.hists["mc"], EXACT) == in_one_go([path])
    assert [pause for pause in pauses if pause] == [0.5, 1.0]


@pytest.mark.parametrize(("stage", "named"), [("open", "open"), ("column", "read")])
def test_a_network_that_stays_down_is_named_after_the_retries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, named: str) -> None:
    path = write_events(tmp_path / "remote.parquet", 20)
    monkeypatch.setattr("processors.work.time.sleep", lambda pause: None)
    outcome = engine.run([dataset([path])], options(retries=3), open_source=Flaky(tmp_path, stage, failures=99))
    (failure,) = outcome.account.datasets["mc"].failed
    assert (failure.stage, failure.reason) == (named, "ReadError: [Errno 5] Input/output error")
    assert len((tmp_path / "attempts").read_text()) == 4


def test_an_operating_system_error_while_opening_is_retried(tmp_path: Path) -> None:
    path = write_events(tmp_path / "remote.parquet", 20)
    assert engine.run([dataset([path])], options(retries=1), open_source=Flaky(tmp_path, "open", 1, OSError)).complete


def test_a_missing_file_is_not_retried(tmp_path: Path) -> None:
    path = write_events(tmp_path / "local.parquet", 20)
    outcome = engine.run([dataset([path])], options(retries=5), open_source=Flaky(tmp_path, "open", 99, FileNotFoundError))
    assert (len(outcome.account.datasets["mc"].failed), (tmp_path / "attempts").read_text()) == (1, "x")


class Touches(Spectrum):
    """Rewrites its own input while it runs."""

    def process(self, events: Any) -> dict[str, hist.Hist]:
        write_events(Path(events.metadata["filename"]), 20, seed=99)
        return super().process(events)


def test_a_file_that_changes_during_the_run_is_not_counted(tmp_path: Path) -> None:
    outcome = engine.run([dataset([write_events(tmp_path / "growing.parquet", 20)], Touches())], options())
    (failure,) = outcome.account.datasets["mc"].failed
    assert (failure.stage, failure.start, failure.stop) == ("read", 0, 20)
    assert "the file changed while it was processed; run the command again" in failure.reason


# What no run can process is refused ---------------------------------------------------------------------------------------------------


class Returns(Spectrum):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def process(self, events: Any) -> Any:
        return self.value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3.0, r"Returns.process returned float; process\(events\) must return \{name: hist.Hist or Table\}"),
        ({"n": 3}, r"Returns.process returned int under 'n'; .*\(a sum is a histogram with one bin\)"),
        ({"mc": {"h": bh.Histogram(bh.axis.Regular(2, 0, 1))}}, "Returns.process returned dict under 'mc'"),
        (None, "Returns.process returned NoneType"),
    ],
)
@pytest.mark.parametrize("kind", ["iterative", "futures"])
def test_a_processor_returns_histograms_only(files: list[Path], opened: dict[str, Executor], kind: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        engine.run([dataset(files, Returns(value))], options(), executor=opened[kind])


class Announces(Spectrum):
    def axes(self) -> dict[str, tuple[Any, ...]]:
        return {"response": (hist.axis.Regular(3000, 0, 1, name="reco_energy"), hist.axis.Regular(2998, 0, 1, name="true_energy"))}


def test_an_announced_histogram_above_the_limit_is_refused_before_any_work(tmp_path: Path) -> None:
    message = (
        r"data set 'mc': histogram 'response' takes 72.05 MB, more than executor.max_histogram_mb = 50: "
        r"reco_energy \(3002 bins\) x true_energy \(3000 bins\); use fewer bins or raise the limit"
    )
    with pytest.raises(InputError, match=message):
        engine.run([dataset([tmp_path / "not even looked at"], Announces())], options(max_histogram_mb=50))


def test_a_histogram_that_was_not_announced_is_checked_at_the_first_result(files: list[Path]) -> None:
    with pytest.raises(
        InputError, match=r"histogram 'sparse' takes 0.08835 MB, more than executor.max_histogram_mb = 0.05: energy \(502 bins\) x other"
    ):
        engine.run([dataset(files)], options(max_histogram_mb=0.05))


class Wanders(Spectrum):
    """Other axes in each chunk."""

    def process(self, events: Any) -> dict[str, hist.Hist]:
        return {"h": hist.Hist.new.Reg(2 + events.metadata["entrystart"], 0, 1, name="x").Double()}


def test_axes_that_depend_on_the_events_are_refused(files: list[Path]) -> None:
    with pytest.raises(InputError, match="'h' does not have the same axes and storage in every chunk"):
        engine.run([dataset(files[:1], Wanders())], options(chunksize=10))


def test_a_file_given_twice_is_refused_by_name(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "link.parquet").symlink_to(files[0])
    with pytest.raises(InputError, match=r"data set 'mc': .*run_0.parquet is given more than once; its events would count twice"):
        engine.run([dataset([files[0], files[1], tmp_path / "link.parquet"])], options())
    with pytest.raises(InputError, match="data set 'mc' is given 2 times"):
        engine.run([dataset(files), dataset(files)], options())


def test_events_of_one_file_are_data_once(tmp_path: Path) -> None:
    path = write_events(tmp_path / "run_0.parquet", 10)
    twice = [dataset([path], name="a", kind="data"), dataset([path], name="b", kind="data")]
    with pytest.raises(InputError, match=r"data sets 'a' and 'b', both of kind data: .*run_0.parquet is in each; its events would count twice"):
        engine.run(twice)
    engine.run([twice[0], dataset([path], name="mc")])  # data may stand for simulation too


class HoldsAFile(ProcessorABC):
    def __init__(self, path: Path) -> None:
        self.file = path.open("w")

    def process(self, events: Any) -> Any: ...

    def postprocess(self, accumulator: Any) -> Any: ...


def test_a_processor_that_cannot_be_sent_to_workers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open.txt").touch()
    processor = HoldsAFile(tmp_path / "open.txt")
    with processor.file, pytest.raises(InputError, match=r"the processor HoldsAFile cannot be sent to workers .*no open files, locks"):
        engine.run([dataset([tmp_path / "any.parquet"], processor)], options())


def test_a_chunk_that_hangs_is_ended_by_the_watchdog(tmp_path: Path) -> None:
    path = write_events(tmp_path / "poisoned.parquet", 30, poison_at=25)
    with pytest.raises(Stalled, match=r"unfinished: mc: .*poisoned.parquet \[20, 30\); what is finished stays in the journal"):
        engine.run([dataset([path], Misbehaving("hang"))], options(kind="futures", chunksize=10, stall_timeout_s=3.0), journal=tmp_path / "journal")
    log = tmp_path / "log.txt"
    outcome = engine.run([dataset([path], Misbehaving("raise", str(log)))], options(chunksize=10), journal=tmp_path / "journal")
    assert len(outcome.account.datasets["mc"].failed) == 1


def test_progress_ends_with_everything_done(files: list[Path]) -> None:
    said: dict[str, list[tuple[int, int]]] = {}
    engine.run([dataset(files)], options(chunksize=10), progress=lambda what, done, total: said.setdefault(what, []).append((done, total)))
    assert list(said) == ["opening files", "processing", "merging"]
    assert {what: steps[-1] for what, steps in said.items()} == {"opening files": (5, 5), "processing": (9, 9), "merging": (9, 9)}
    assert all(steps == sorted(steps) for steps in said.values())


def test_the_weights_of_these_tests_are_on_the_grid(files: list[Path]) -> None:
    weight = pq.read_table(files[0])["weight"].to_numpy()
    assert np.all(weight / GRID == np.round(weight / GRID))
