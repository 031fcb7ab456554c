"""Options for files without a configuration, and messages in their words."""

from __future__ import annotations

import argparse

import pytest

from configs import file_tools
from configs.command_line import parser
from configs.errors import InputError


@pytest.fixture
def options() -> argparse.ArgumentParser:
    found = parser("text", inputs=True, config_required=False)
    file_tools.add_options(found)
    return found


def test_conversion_takes_inputs_and_one_output(options: argparse.ArgumentParser) -> None:
    assert options.parse_args(["--convert", "a.h5", "b.h5", "out.h5"]).convert == ["a.h5", "b.h5", "out.h5"]
    assert options.parse_args([]).convert is None


def test_output_without_input_is_wrong_usage(options: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        options.parse_args(["--convert", "out.h5"])
    assert "--convert needs at least one input and an output" in capsys.readouterr().err


def test_listing_of_events_has_a_number_of_its_own(options: argparse.ArgumentParser) -> None:
    assert [options.parse_args(words).events for words in ([], ["--events"], ["--events", "3"])] == [0, 10, 3]


def test_errors_speak_of_options() -> None:
    with pytest.raises(InputError, match=r"^a\.h5: choose one with --tree NAME, or give --format trc$"), file_tools.options_named():
        raise InputError("a.h5: choose one with tree: NAME, or give format: trc")
