"""The worked pages do what they say: their files are written, their commands run, in the order of the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fake_batch import install

from configs.schema import Executor

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(?P<language>[a-z]+)(?: (?P<name>[\w./-]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def run_page(page: Path, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Write every named block of a page as a file and run every bash block, as a reader would."""
    for door in ROOT.glob("run_*.py"):
        (folder / door.name).symlink_to(door)
    (folder / "configs").symlink_to(ROOT / "configs")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    blocks = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    for block in blocks:
        if block["name"]:
            (folder / block["name"]).write_text(block["text"], encoding="utf-8")
    return [
        subprocess.run(["bash", "-euc", block["text"]], cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
        for block in blocks
        if block["language"] == "bash"
    ]


def test_own_processor_page(tmp_path: Path) -> None:
    inspected, ran, looked = run_page(ROOT / "docs" / "own_processor.md", tmp_path)
    for finished in (inspected, ran, looked):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "charge_pc" in inspected.stdout
    assert "5000" in inspected.stdout
    kept = int(looked.stdout.split()[0])
    assert 14_000 < kept < 15_000  # of 15000 hits, those above threshold
    assert (tmp_path / "outputs" / "hit_charges" / "figures" / "laser.charge.png").stat().st_size > 5_000


def test_batch_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{install(tmp_path / 'pool')}{os.pathsep}{os.environ['PATH']}")
    laptop, pool = run_page(ROOT / "docs" / "batch.md", tmp_path)
    for finished in (laptop, pool):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    for said in ("2 jobs for 12 tasks", "when_to_transfer_output = ON_EXIT", "2 of 2 jobs submitted to htcondor", "2 done of 2 jobs"):
        assert said in pool.stdout
    assert pool.stdout.endswith("the same, bit by bit\n")
    for block in BLOCK.finditer((ROOT / "docs" / "batch.md").read_text(encoding="utf-8")):
        if block["language"] == "yaml":
            Executor.model_validate(yaml.safe_load(block["text"])["executor"])  # every section that is shown is one


@pytest.mark.public_data
def test_iwcd_page(tmp_path: Path, public_data: Path) -> None:
    example, calibration, own, counted, compared, real, joined, refused = run_page(ROOT / "docs" / "iwcd.md", tmp_path)
    for finished in (example, calibration, own, counted, compared, real, joined):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "4122609" in example.stdout
    assert "WARNING" not in example.stdout
    assert "1327 \u00b1 17" in calibration.stdout
    assert "e-: 1323 hits on average, 10 of 800 events without" in counted.stdout
    assert "nhits {'val': 0." in compared.stdout
    assert (tmp_path / "outputs/splits/nhits_evis.png").stat().st_size > 10_000
    assert "indices match split test_idxs (600/600)" in joined.stdout
    assert refused.returncode == 1  # test outputs on positions of the validation split
    assert "cannot pair outputs with events" in refused.stderr


def test_pmt_gain_page(tmp_path: Path) -> None:
    example, levels, gains, own, legacy = run_page(ROOT / "docs" / "pmt_gain.md", tmp_path)
    for finished in (example, levels, gains, own, legacy):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    page = (ROOT / "docs" / "pmt_gain.md").read_text(encoding="utf-8")
    for number in ("5.520 ± 0.034", "878.2 ± 1.6 ± 4.3 (scale) V", "5.359 ± 0.034"):  # the table is that of the run
        assert number in example.stdout
    assert "(1.299 ± 0.012) x 10^7" in page
    assert "gain                    1.299e+07 ± 1.2e+05" in example.stdout
    found = re.search(r"PMT_1\.1400V\.levels.*?instability of the light +(\d\.\d\d ± \d\.\d\d %)", levels.stdout, re.DOTALL)
    assert found is not None
    assert f"{found[1]} is found" in page
    assert "time axis one step too long" in levels.stdout
    assert len(list(tmp_path.glob("outputs/pmt_gain_example/example/**/*.trc"))) == 2924
    assert "after-pulses: nan because record ends 25 ns after the pulse" in gains.stdout
    assert "joint_photostatistics" in own.stdout
    assert (tmp_path / "outputs" / "mine" / "figures" / "gain_curve.png").stat().st_size > 20_000
    assert "mean charge [pC] at" in legacy.stdout
