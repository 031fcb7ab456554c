"""Tables beside histograms: whatever the chunks, workers and interruptions, the rows of every entry once and in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
from coffea.processor import ProcessorABC
from engine_case import dataset, write_events

from configs.errors import InputError
from configs.schema import Executor, load_config
from processors.engine import run
from processors.stage import process, written
from records.freshness import dependencies
from records.tables import Table, load_tables, table_path


class Rows(ProcessorABC):
    """Every event as a row, and a count. ``odd`` misbehaves for files whose name ends in it."""

    def __init__(self, odd: str = "", log: str | None = None) -> None:
        self.odd, self.log = odd, log

    def process(self, events: Any) -> dict[str, Any]:
        if self.log:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write("called\n")
        energy = np.asarray(events.energy)
        count = hist.Hist.new.Reg(4, 0, 10, name="energy").Int64().fill(energy)
        rows = events.metadata["entrystart"] + np.arange(len(energy))
        name = np.full(len(energy), Path(events.metadata["filename"]).stem)
        columns = {"row": rows, "file": name, "energy": energy}
        if self.odd == "columns" and events.metadata["filename"].endswith("1.parquet"):
            columns.pop("row")
        if self.odd == "kind" and events.metadata["filename"].endswith("1.parquet"):
            return {"events": count, "count": count}
        return {"count": count, "events": Table(columns)}

    def postprocess(self, accumulator: Any) -> Any:
        return accumulator


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_events(tmp_path / f"run_{number}.parquet", entries, number) for number, entries in enumerate((120, 7, 300))]


@pytest.mark.parametrize(("kind", "chunksize"), [("iterative", 1000), ("iterative", 17), ("futures", 50)])
def test_every_entry_is_one_row_in_the_order_of_files(files: list[Path], kind: Any, chunksize: int) -> None:
    outcome = run([dataset(files, Rows())], Executor(kind=kind, chunksize=chunksize))
    table = outcome.tables["mc"]["events"]
    assert table["row"].tolist() == [*range(120), *range(7), *range(300)]
    assert table["file"].tolist() == ["run_0"] * 120 + ["run_1"] * 7 + ["run_2"] * 300
    counts, _ = np.histogram(table["energy"], np.linspace(0, 10, 5))
    assert counts.tolist() == outcome.hists["mc"]["count"].values().tolist()
    assert outcome.account.datasets["mc"].processed == 427


def test_tables_of_finished_chunks_are_taken_over(files: list[Path], tmp_path: Path) -> None:
    log = tmp_path / "calls"
    first = run([dataset(files, Rows(log=str(log)))], Executor(chunksize=100), journal=tmp_path / "journal")
    calls = len(log.read_text().splitlines())
    second = run([dataset(files, Rows(log=str(log)))], Executor(chunksize=100), journal=tmp_path / "journal")
    assert len(log.read_text().splitlines()) == calls
    assert second.tables["mc"]["events"] == first.tables["mc"]["events"]


def test_a_failed_file_misses_its_rows_only(files: list[Path]) -> None:
    files[1].write_bytes(b"PAR1 damaged")
    outcome = run([dataset(files, Rows())], Executor(chunksize=64))
    assert not outcome.complete
    assert set(outcome.tables["mc"]["events"]["file"]) == {"run_0", "run_2"}
    assert len(outcome.tables["mc"]["events"]) == outcome.account.datasets["mc"].processed == 420


def test_no_entries_give_a_table_without_rows(tmp_path: Path) -> None:
    outcome = run([dataset([write_events(tmp_path / "empty.parquet", 0)], Rows())])
    assert len(outcome.tables["mc"]["events"]) == 0
    assert list(outcome.tables["mc"]["events"].columns) == ["row", "file", "energy"]


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ("columns", "parts of the table 'events' differ .*row: int64 and absent.*; a processor must return the same columns whatever the events"),
        ("kind", "'events' is a histogram in one chunk and a table in another"),
    ],
)
@pytest.mark.parametrize("chunksize", [1000, 100])  # met inside a chunk, and between chunks
def test_a_processor_returns_the_same_whatever_the_events(files: list[Path], odd: str, message: str, chunksize: int) -> None:
    with pytest.raises(InputError, match=rf"mc: \S*run_1.parquet \[0, 7\): .*{message}"):
        run([dataset(files, Rows(odd))], Executor(chunksize=chunksize))


def test_the_stage_writes_tables_whatever_the_chunks(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        f"name: c\nanalysis: custom\noutput_dir: {tmp_path}/out\nprocessor: {{class: test_tables_in_engine.Rows}}\n"
        "datasets:\n  mc: {files: run_*.parquet, kind: mc}\n  data: {files: run_1.parquet, kind: data}\n"
    )
    config = load_config(tmp_path / "c.yaml", ["executor.chunksize=13"])
    process(config)
    path = table_path(config.output, "mc", "events")
    before, state = path.read_bytes(), dependencies("fit", config)["upstream"]
    assert {name: len(tables["events"]) for name, tables in load_tables(config.output).items()} == {"mc": 427, "data": 7}
    assert path in written(config)
    process(load_config(tmp_path / "c.yaml", ["executor.chunksize=1000"]), fresh=True)
    assert path.read_bytes() == before
    assert dependencies("fit", config)["upstream"] == state
    path.unlink()
    assert dependencies("fit", config)["upstream"] != state


def test_an_incomplete_run_leaves_no_tables(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        f"name: c\nanalysis: custom\noutput_dir: {tmp_path}/out\nprocessor: {{class: test_tables_in_engine.Rows}}\n"
        "datasets:\n  mc: {files: run_*.parquet, kind: mc}\n"
    )
    config = load_config(tmp_path / "c.yaml")
    process(config)
    files[1].write_bytes(b"PAR1 damaged")
    assert not process(config).complete
    assert load_tables(config.output) == {}
    process(config, allow_partial=True)
    assert len(load_tables(config.output)["mc"]["events"]) == 420
