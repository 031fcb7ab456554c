"""The four doors as a user meets them: exit statuses, messages, tables, files; each run is a process of its own or a call of main."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import run_analysis
import run_fit
import run_plots
import run_processor
from records.hists import load_hist
from records.manifest import load_manifest
from records.results import load_results

ROOT = Path(run_analysis.__file__).parent
DOORS = {"run_processor": run_processor.main, "run_fit": run_fit.main, "run_plots": run_plots.main, "run_analysis": run_analysis.main}

PROCESSOR = '''
import hist
from coffea.processor import ProcessorABC


class Charges(ProcessorABC):
    """Charge spectrum above a threshold."""

    def __init__(self, threshold_pc=0.0):
        self.threshold_pc = threshold_pc

    def process(self, events):
        spectrum = hist.Hist(hist.axis.Regular(10, 0, 10, name="charge_pc"), storage=hist.storage.Int64())
        return {"charge": spectrum.fill(events.charge_pc[events.charge_pc > self.threshold_pc])}

    def postprocess(self, accumulator):
        return accumulator
'''
CUSTOM = """
name: own
analysis: custom
processor: {class: charges.Charges, options: {threshold_pc: 1.0}}
datasets:
  run: {files: [run_*.parquet], kind: data}
plots: {formats: [png]}
"""
DIFFUSE = """
name: small
analysis: diffuse
datasets:
  data: {example: {}, kind: data, format: hese_json, metadata: {livetime_s: 227708167.68}}
  mc: {kind: mc, format: surrogate, metadata: {livetime_s: 227708167.68}}
processor: {binning: surrogate}
fits:
  main: {axes: [energy], minos: [astro_gamma]}
plots: {formats: [png], figures: [correlation]}
"""
CHARGES_PC = np.linspace(0.05, 9.95, 100)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a processor, its configuration and two files of 50 events."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "charges.py").write_text(PROCESSOR)
    (tmp_path / "own.yaml").write_text(CUSTOM)
    for number, part in enumerate(np.split(CHARGES_PC, 2)):
        pq.write_table(pa.table({"charge_pc": part}), tmp_path / f"run_{number}.parquet")
    return tmp_path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(DIFFUSE)
    return tmp_path


def charge_sum(folder: Path) -> int:
    return int(load_hist(folder / "outputs" / "own" / "hists.h5", "run", "charge").sum(flow=True))


@pytest.mark.parametrize("door", DOORS)
def test_help_comes_at_once(door: str, tmp_path: Path) -> None:
    started = time.monotonic()
    finished = subprocess.run([sys.executable, ROOT / f"{door}.py", "--help"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert time.monotonic() - started < 2.0
    assert "Exit status: 0 done, 1 wrong input, 2 wrong usage, 3 incomplete." in finished.stdout
    assert finished.stderr == ""


@pytest.mark.parametrize("door", DOORS)
def test_wrong_configuration_is_one_message(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert DOORS[door](["none.yaml"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: none.yaml: cannot read the configuration (No such file or directory)")
    (tmp_path / "small.yaml").write_text(DIFFUSE)
    assert DOORS[door](["small.yaml", "--set", "fits.main.likelyhood=say"]) == 1
    assert capsys.readouterr().err == "error: --set fits.main.likelyhood=say: unknown key; did you mean 'likelihood'?\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]


@pytest.mark.parametrize("door", DOORS)
def test_wrong_usage_is_2(door: str, tmp_path: Path) -> None:
    for arguments in ([], ["c.yaml", "--no-such-option"]):
        finished = subprocess.run([sys.executable, ROOT / f"{door}.py", *arguments], capture_output=True, text=True, cwd=tmp_path)
        assert finished.returncode == 2
        assert "usage:" in finished.stderr


def test_stages_ask_for_the_one_before(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_fit.main(["small.yaml"]) == 1
    assert "run_processor.py" in capsys.readouterr().err
    assert run_plots.main(["small.yaml"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_own_processor_on_own_files(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_processor.main(["own.yaml"]) == 0
    assert ["run", "data", "2", "100", "all"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert charge_sum(own) == np.count_nonzero(CHARGES_PC > 1.0)
    manifest = load_manifest(own / "outputs" / "own")
    assert [Path(path).name for path in manifest["inputs"]] == ["run_0.parquet", "run_1.parquet"]
    assert manifest["stages"]["process"]["outputs"].keys() == {"hists.h5", "processing.json"}


def test_command_line_replaces_files_and_options(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_processor.main(["own.yaml", "--files", "run_0.parquet", "--set", "processor.options.threshold_pc=2", "--chunksize", "7"]) == 0
    assert charge_sum(own) == np.count_nonzero(CHARGES_PC[:50] > 2.0)
    (own / "runs.txt").write_text("run_1.parquet\n")
    assert run_processor.main(["own.yaml", "--filelist", "run=runs.txt"]) == 0
    assert charge_sum(own) == 50
    assert run_processor.main(["own.yaml", "--files", "none_*.parquet"]) == 1
    assert "datasets.run.files: no file matches 'none_*.parquet'; looked in" in capsys.readouterr().err


def test_incomplete_run_is_3_until_it_is_allowed(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "run_2.parquet").write_bytes(b"garbage, no Parquet file")
    assert run_processor.main(["own.yaml"]) == 3
    shown = capsys.readouterr().err
    assert shown.startswith("INCOMPLETE\nrun: 100 of 100 entries processed, and 1 of 3 files could not be opened\n")
    assert "run_2.parquet" in shown
    assert "--allow-partial" in shown
    assert not (own / "outputs" / "own" / "hists.h5").exists()
    assert run_processor.main(["own.yaml", "--allow-partial"]) == 0
    assert capsys.readouterr().err.startswith("INCOMPLETE\n")
    assert charge_sum(own) == np.count_nonzero(CHARGES_PC > 1.0)
    assert run_analysis.main(["own.yaml"]) == 3
    assert "process: runs (its last run was incomplete)" in capsys.readouterr().out


def test_fault_in_a_users_code_is_named(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "charges.py").write_text(PROCESSOR.replace("events.charge_pc >", "1 / 0 + events.charge_pc >"))
    assert run_processor.main(["own.yaml"]) == 3
    shown = capsys.readouterr().err
    assert "ZeroDivisionError" in shown
    assert "entries [0, 50)" in shown


def test_custom_analysis_has_figures_and_no_fit(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_analysis.main(["own.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(("process:", "fit:", "plot:"))] == [
        "process: runs (it has not run yet)",
        "plot: runs (it has not run yet)",
    ]
    assert list((own / "outputs" / "own" / "figures").glob("*.png"))
    assert run_fit.main(["own.yaml"]) == 1
    assert "analysis 'custom' has no fits" in capsys.readouterr().err


def stages_run(small: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    capsys.readouterr()
    assert run_analysis.main(["small.yaml", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    return {stage: text for stage, _, text in (line.partition(": ") for line in lines) if stage in run_analysis.STAGES}


def test_analysis_redoes_what_is_out_of_date(small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.freshness.source_digest", lambda packages: "code")
    first = stages_run(small, capsys)
    assert set(first.values()) == {"runs (it has not run yet)"}
    output = small / "outputs" / "small"
    result = load_results(output / "results.json")["main"]
    assert result.valid
    assert (output / "figures" / "correlation.png").exists()

    assert set(stages_run(small, capsys).values()) == {"up to date"}

    changed = stages_run(small, capsys, "--set", "plots.label=More")
    assert changed == {"process": "up to date", "fit": "up to date", "plot": "runs (its part of the configuration changed)"}

    changed = stages_run(small, capsys, "--set", "fits.main.minos=[astro_norm]")
    assert (changed["process"], changed["fit"]) == ("up to date", "runs (its part of the configuration changed)")
    assert "the stage before it left something new" in changed["plot"]
    assert load_results(output / "results.json")["main"].parameters["astro_norm"].minos is not None

    (output / "hists.h5").write_bytes(b"")
    changed = stages_run(small, capsys)
    assert changed["process"] == "runs (hists.h5 is not what it left)"
    assert changed["fit"].startswith("runs (")  # the configuration is the first one again

    assert set(stages_run(small, capsys, "--fresh").values()) == {"runs (--fresh)"}
    assert load_results(output / "results.json")["main"] == result


def test_results_are_shown_as_a_table(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_processor.main(["small.yaml"]) == 0
    assert run_fit.main(["small.yaml", "--set", "fits.main.published={astro_gamma: [2.87, 0.19, 0.2]}"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "astro_gamma" in line)
    assert row.rstrip().endswith("2.87 -0.19 +0.20")


def test_inspect_prints_a_table_or_json(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_processor.main(["--inspect", "run_0.parquet", "--show", "1", "--stats"]) == 0
    text = capsys.readouterr().out
    assert "50 entries" in text
    assert "charge_pc" in text
    assert "0.05" in text
    assert run_processor.main(["--inspect", "run_0.parquet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 50
    assert run_processor.main(["--inspect", "none.parquet"]) == 1
    assert capsys.readouterr().err.startswith("error: none.parquet: no such file")


def test_looking_at_files_speaks_of_its_options(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File("two.h5", "w") as file:
        file["hits/charge_pc"], file["noise/charge_pc"] = CHARGES_PC, CHARGES_PC
    assert run_processor.main(["--inspect", "two.h5"]) == 0
    assert "several groups or tables hold columns: /hits, /noise; choose one with --tree NAME" in " ".join(capsys.readouterr().out.split())
    assert run_processor.main(["--inspect", "two.h5", "--tree", "hit"]) == 1
    assert capsys.readouterr().err == "error: two.h5: no group or dataset 'hit'; did you mean '/hits'?\n"
    assert run_processor.main(["--convert", "two.h5", "one.parquet"]) == 1
    assert "choose one with --tree NAME" in capsys.readouterr().err
    Path("table.csv").write_text("charge_pc\n1.0\n")
    assert run_processor.main(["--inspect", "table.csv"]) == 1
    shown = capsys.readouterr().err
    assert "nothing here reads the ending '.csv'" in shown
    assert "convert it to Parquet, HDF5, ROOT or npz with the program that wrote it, or give --format one of root, " in shown
    assert run_processor.main(["--convert", "run_0.parquet", "table.csv"]) == 1
    assert "table.csv: nothing here writes the ending '.csv'; its ending chooses" in capsys.readouterr().err


def test_convert_keeps_every_value(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_processor.main(["--convert", "run_0.parquet", "copy.root"]) == 0
    assert capsys.readouterr().out == "copy.root: 50 entries\n"
    assert run_processor.main(["own.yaml", "--files", "copy.root", "run_1.parquet"]) == 0
    assert charge_sum(own) == np.count_nonzero(CHARGES_PC > 1.0)
    with pytest.raises(SystemExit, match="2"):
        run_processor.main(["--convert", "run_0.parquet"])
    assert "--convert needs at least one input and an output" in capsys.readouterr().err
