"""Waveform files as a user meets them: a bad file among good ones ends in status 3, and is accepted only when asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import run_processor
from configs.command_line import DONE, INCOMPLETE
from records.hists import load_hist
from simulation.trc_writer import trc_bytes

PROCESSOR = """
import hist
import numpy as np
from coffea.processor import ProcessorABC


class Lowest(ProcessorABC):
    def process(self, events):
        counts = hist.Hist(hist.axis.Regular(10, -1, 1, name="lowest_v"), storage=hist.storage.Int64())
        return {"lowest": counts.fill(np.asarray(events.waveform_v).min(axis=1))}

    def postprocess(self, accumulator):
        return accumulator
"""
CONFIG = """
name: led
analysis: custom
processor: {class: lowest.Lowest}
datasets:
  led: {files: ["led/*.trc"], kind: data}
plots: {formats: [png]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "led").mkdir()
    for number in range(6):
        (tmp_path / "led" / f"{number}.trc").write_bytes(trc_bytes(np.full(30, -1000 * number, np.int16)))
    (tmp_path / "lowest.py").write_text(PROCESSOR)
    (tmp_path / "led.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def account(folder: Path) -> dict:
    (path,) = folder.rglob("processing.json")
    return json.loads(path.read_text())


def test_a_bad_file_makes_the_run_incomplete(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_processor.main(["led.yaml"]) == DONE
    assert account(folder)["complete"]
    (folder / "led" / "3.trc").write_bytes(trc_bytes(np.zeros(30, np.int16))[:-4])
    assert run_processor.main(["led.yaml"]) == INCOMPLETE
    told = capsys.readouterr().err
    assert "led: 5 of 5 entries processed, and 1 of 6 files could not be opened" in told
    assert "3.trc: open: block header (byte 0): found" in told
    assert "accept the loss with --allow-partial" in told
    assert run_processor.main(["led.yaml", "--allow-partial"]) == DONE
    led = account(folder)["datasets"]["led"]
    assert (led["files"], led["unopened"], led["expected"], led["processed"], led["fraction"]) == (6, 1, 5, 5, pytest.approx(5 / 6))
    (hists,) = folder.rglob("hists.h5")
    assert load_hist(hists, "led", "lowest").sum() == 5


def test_a_pack_in_place_of_the_files_gives_the_same_histograms(folder: Path) -> None:
    assert run_processor.main(["led.yaml"]) == DONE
    (hists,) = folder.rglob("hists.h5")
    loose = load_hist(hists, "led", "lowest")
    assert run_processor.main(["--pack", "led", "led.parquet"]) == DONE
    assert run_processor.main(["led.yaml", "--files", "led.parquet"]) == DONE
    assert np.array_equal(load_hist(hists, "led", "lowest").values(flow=True), loose.values(flow=True))
    led = account(folder)["datasets"]["led"]
    assert (led["files"], led["processed"]) == (6, 6)
