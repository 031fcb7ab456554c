"""The page docs/event_files.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from readers.registry import ENDINGS, formats

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "event_files.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(tmp_path / "events.h5", "w") as file:
        file["energy"] = np.array([1.5, 2.5, 3.5])
        file["energy"].attrs["unit"] = "GeV"
        file["hit_time"], file["hit_time_offsets"] = np.arange(4.0), np.array([0, 1, 1, 4])
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(example, "docs/event_files.md", "exec"), {})
    first, second = capsys.readouterr().out.splitlines()
    assert first == "3 {'energy': ('float64', 'GeV'), 'hit_time': ('var * float64', '')}"
    assert second == "[1.5, 2.5]"


def test_the_table_names_every_format_and_ending() -> None:
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE)}
    assert set(rows) == set(formats())
    for ending, name in ENDINGS.items():
        assert f"`{ending}`" in rows[name]
