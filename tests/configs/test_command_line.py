"""What the doors share: options that replace files, exit statuses and messages, the progress bar."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs import command_line
from configs.errors import InputError

TWO = """\
name: two
analysis: diffuse
datasets:
  data: {catalogue: hese/HESE_data.json, kind: data, format: hese_json, metadata: {livetime_s: 5.0}}
  mc: {kind: mc, format: surrogate}
"""
ONE = "name: one\nanalysis: custom\nprocessor: {class: a.B}\ndatasets: {only: {files: old.root, kind: data}}\n"


def read(folder: Path, text: str, *arguments: str) -> Any:
    (folder / "c.yaml").write_text(text)
    options = command_line.parser("text", inputs=True)
    return command_line.read_config(options.parse_args([str(folder / "c.yaml"), *arguments]))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.root", "b.root", "run=3.root", "list.txt"):
        (tmp_path / name).touch()
    return tmp_path


def test_files_replace_one_data_set_and_leave_the_rest(here: Path) -> None:
    config = read(here, TWO, "--files", "data=*.root")
    assert config.datasets["data"].files == [f"{here}/*.root"]
    assert config.datasets["data"].catalogue is None
    assert (config.datasets["data"].format, config.datasets["data"].metadata) == ("hese_json", {"livetime_s": 5.0})
    assert config.datasets["mc"] == read(here, TWO).datasets["mc"]


def test_names_hold_for_the_files_that_follow(here: Path) -> None:
    """A shell expands data=*.root to nothing, but a list may be written out."""
    config = read(here, TWO, "--files", "data=a.root", "b.root", "mc=elsewhere/*.parquet", "--set", "seed=3")
    assert config.datasets["data"].files == [f"{here}/a.root", f"{here}/b.root"]
    assert config.datasets["mc"].files == ["elsewhere/*.parquet"]  # not in the working directory: looked up like the configuration's own
    assert config.seed == 3


def test_real_files_replace_the_surrogate(here: Path) -> None:
    assert read(here, TWO, "--files", "mc=a.root").datasets["mc"].format is None


def test_a_single_data_set_needs_no_name(here: Path) -> None:
    assert read(here, ONE, "--files", "a.root", "--files", "b.root").datasets["only"].files == [f"{here}/a.root", f"{here}/b.root"]
    assert read(here, ONE, "--files", "run=3.root").datasets["only"].files == [f"{here}/run=3.root"]
    assert read(here, ONE, "--files", "https://host/x=1.root", "/abs/x=2.root").datasets["only"].files == ["https://host/x=1.root", "/abs/x=2.root"]
    assert read(here, ONE, "--filelist", "list.txt").datasets["only"].filelist == f"{here}/list.txt"
    assert read(here, ONE, "--filelist", "list.txt").datasets["only"].files is None


MISTAKES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "which": (TWO, ("--files", "a.root"), r"--files a\.root: which data set\? Write --files DATASET=a\.root with one of data, mc"),
    "unknown": (TWO, ("--files", "dat=a.root"), r"--files dat=a\.root: no data set 'dat' in the configuration; did you mean 'data'\?"),
    "unknown list": (ONE, ("--filelist", "x=list.txt"), r"--filelist x=list\.txt: no data set 'x' in the configuration; known: only"),
    "both": (ONE, ("--files", "a.root", "--filelist", "list.txt"), "--files and --filelist both name the data set 'only'; give one"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_wrong_replacements_are_named(case: str, here: Path) -> None:
    text, arguments, message = MISTAKES[case]
    with pytest.raises(InputError, match=message):
        read(here, text, *arguments)


def test_executor_options(here: Path) -> None:
    before, after = read(here, ONE).executor, read(here, ONE, "--executor", "futures", "--workers", "7", "--chunksize", "10").executor
    assert (after.kind, after.workers, after.chunksize, after.retries) == ("futures", 7, 10, before.retries)
    assert read(here, ONE, "--chunksize", "3").executor == before.model_copy(update={"chunksize": 3})
    with pytest.raises(InputError, match="--workers 3 has no effect with the executor iterative; add --executor futures"):
        read(here, ONE, "--workers", "3")


@pytest.mark.parametrize("arguments", [["--workers", "0"], ["--chunksize", "-1"], ["--executor", "magic"], ["--workers", "two"], []])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = command_line.parser("text", inputs=True)
    with pytest.raises(SystemExit, match="2"):
        command_line.run(lambda parsed: 0, options, [*arguments, *(["c.yaml"] if arguments else [])])
    assert "usage:" in capsys.readouterr().err


def raising(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def door(arguments: argparse.Namespace) -> int:
        raise error

    return door


OUTCOMES = {
    "wrong input": (InputError("a.root: truncated; copy it again"), 1, "error: a.root: truncated; copy it again\n"),
    "file system": (FileNotFoundError(2, "No such file or directory", "x"), 1, "error: [Errno 2] No such file or directory: 'x'\n"),
    "bug": (KeyError("norm"), 1, "fault in the program: KeyError: 'norm'\nRepeat with --debug for the traceback and report it.\n"),
    "interrupt": (KeyboardInterrupt(), 130, "interrupted; the same command goes on where it stopped\n"),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_one_message_and_a_status(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    error, status, message = OUTCOMES[case]
    assert command_line.run(raising(error), command_line.parser("text"), ["c.yaml"]) == status
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("error", [InputError("what"), ValueError("what")])
def test_debug_shows_the_traceback(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(raising(error), command_line.parser("text"), ["--debug", "c.yaml"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert "raise error" in shown


def test_warnings_are_shown_without_the_line_of_source(capsys: pytest.CaptureFixture[str]) -> None:
    def door(arguments: argparse.Namespace) -> int:
        warnings.simplefilter("always")
        warnings.warn("2 events are left out", stacklevel=1)
        warnings.warn("divide by zero", RuntimeWarning, stacklevel=1)
        return 0

    with pytest.warns(RuntimeWarning, match="divide by zero"):  # of a library: shown with its place, as Python does
        assert command_line.run(door, command_line.parser("text"), ["c.yaml"]) == 0
    assert capsys.readouterr().err == "warning: 2 events are left out\n"


def test_the_doors_status_is_the_programs(here: Path) -> None:
    assert [command_line.run(lambda parsed, status=status: status, command_line.parser("text"), ["c.yaml"]) for status in (0, 3)] == [0, 3]


def test_progress_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with command_line.progress_bar() as progress:
        for done in range(5):
            progress("process", done, 4)
    assert capfd.readouterr() == ("", "")


def test_progress_draws_after_a_second_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(command_line, "time", type("Clock", (), {"monotonic": staticmethod(lambda: clock[0])}))
    with command_line.progress_bar() as progress:
        progress("process", 1, 4)
        assert capsys.readouterr().err == ""
        clock[0] = 1.5
        progress("process", 3, 4)
    shown = capsys.readouterr().err
    assert "process" in shown
    assert "3/4" in shown
