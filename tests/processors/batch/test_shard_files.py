"""Shards and reports as files: whole or refused, split evenly, names that travel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from processors.batch.folder import transferred_names
from processors.batch.job import run_shard
from processors.batch.reports import Done, Report, load_report, load_results, save_report, save_results
from processors.batch.shards import Shard, Task, load_header, load_shard, save_shard, split
from processors.handshake import Environment, environment


def a_shard(**more: object) -> Shard:
    tasks = (Task("k0", "first", b"item 0", 3, ("/a/run.root",)), Task("k1", "second", b"item 1"))
    shard = Shard(1, 4, "plan", "hists", environment(), b"function", tasks, transferred={"/a/run.root": ("run.root", 17)})
    return replace(shard, **more)  # type: ignore[arg-type]


def test_a_shard_comes_back(tmp_path: Path) -> None:
    save_shard(tmp_path / "shard_1.bin", a_shard())
    assert load_shard(tmp_path / "shard_1.bin") == a_shard()
    assert load_header(tmp_path / "shard_1.bin") == a_shard(function=b"", tasks=())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-3], r"this shard is damaged \(cut off on its way\?\); submit again"),
        (lambda content: b"else" + content, r"not a shard of this version of dynode; run `plan` again"),
    ],
)
def test_a_damaged_shard_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    path = tmp_path / "shard_1.bin"
    save_shard(path, a_shard())
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        load_shard(path)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(1, 20))
def test_split_keeps_order_and_is_even(weights: list[int], jobs: int) -> None:
    tasks = [Task(f"{number}", "", b"", weight) for number, weight in enumerate(weights)]
    groups = split(tasks, jobs)
    assert [task for group in groups for task in group] == tasks
    assert all(groups)
    assert len(groups) <= jobs
    total = sum(max(weight, 1) for weight in weights)
    assert all(sum(max(task.entries, 1) for task in group) <= total / jobs + max(max(weights), 1) + 1e-6 * total for group in groups)


def test_reports_and_results_come_back_or_are_absent(tmp_path: Path) -> None:
    report = Report(0, 2, "plan", "trials", "incomplete", tasks=(Done("k", "a task", False, "why", "where"),), seconds=1.5)
    save_report(tmp_path / "outcome_0.json", report)
    assert load_report(tmp_path / "outcome_0.json") == report
    (tmp_path / "outcome_0.json").write_text("{")
    assert load_report(tmp_path / "outcome_0.json") is None
    save_results(tmp_path / "trials_0.h5", {"k0": b"abc", "k1": b""})
    assert load_results(tmp_path / "trials_0.h5", ["k0", "k1", "k2"]) == {"k0": b"abc", "k1": b""}
    (tmp_path / "trials_0.h5").write_bytes((tmp_path / "trials_0.h5").read_bytes()[:100])
    assert load_results(tmp_path / "trials_0.h5", ["k0"]) == {}
    assert load_results(tmp_path / "absent.h5", ["k0"]) == {}


def test_one_changed_byte_of_a_result_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "hists_0.h5"
    save_results(path, {"k0": b"0123456789" * 10, "k1": b"abcdefghij" * 10})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0123456789", b"0123456780", 1))
    assert load_results(path, ["k0", "k1"]) == {"k1": b"abcdefghij" * 10}


@given(st.lists(st.text(alphabet="ab/ ,$;", min_size=1, max_size=8), max_size=12))
def test_names_that_travel_are_plain_and_differ(paths: list[str]) -> None:
    paths = [f"/{path}x" for path in paths]
    names = transferred_names(paths, ["x"])
    assert set(names) == set(paths)
    assert len({*names.values(), "x"}) == len(names) + 1
    assert not any(set(name) & set("/ ,$;") for name in names.values())


# A job that cannot work says why, in its report ------------------------------------------------------------------------------------------


def report_of(tmp_path: Path, shard: Shard | None) -> Report:
    if shard is not None:
        save_shard(tmp_path / "shard_1.bin", shard)
    run_shard(1, 4, tmp_path, tmp_path)
    report = load_report(tmp_path / "outcome_1.json")
    assert report is not None
    assert report.status == "failed"
    assert (tmp_path / "hists_1.h5").exists()  # what file transfer waits for
    return report


def test_another_python_is_named(tmp_path: Path) -> None:
    other = Environment("3.9.1", {"hist": "1.0", "no-such-package": "7"})
    reason = report_of(tmp_path, a_shard(environment=other)).reason
    assert "cannot do this work: Python 3." in reason
    assert "there, 3.9.1 here; hist 2." in reason
    assert "no-such-package is not installed there, 7 here. Give jobs the same environment (executor.job.image, executor.job.prologue" in reason


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    assert "shard_1.bin: cannot read the work of this job (No such file or directory)" in report_of(tmp_path, None).reason


def test_the_wrong_shard_is_named(tmp_path: Path) -> None:
    assert "is shard 1/5, not 1/4; submit again" in report_of(tmp_path, a_shard(count=5)).reason


def test_a_file_that_did_not_travel_is_named(tmp_path: Path) -> None:
    assert "/a/run.root: run.root is not in the job's folder with its 17 bytes" in report_of(tmp_path, a_shard()).reason
