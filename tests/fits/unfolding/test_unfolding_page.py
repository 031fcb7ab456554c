"""The page docs/unfolding.md: its blocks are written as files and run as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^```(?P<language>[a-z]+)(?: (?P<name>[\w./-]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_page(tmp_path: Path) -> None:
    blocks = list(BLOCK.finditer((ROOT / "docs" / "unfolding.md").read_text(encoding="utf-8")))
    for block in blocks:
        if block["name"]:
            (tmp_path / block["name"]).write_text(block["text"], encoding="utf-8")
    example = next(block["text"] for block in blocks if block["name"] == "unfold.py")
    assert sum(bool(line.strip()) for line in example.splitlines()) <= 11  # ten lines and what prints
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    unfolded, chosen = [
        subprocess.run(["bash", "-euc", block["text"]], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=True).stdout
        for block in blocks
        if block["language"] == "bash"
    ]
    assert "[" in unfolded
    first = float(re.findall(r"\d+\.", unfolded)[0])
    expected = 20_000 * (1 - 2.718281828 ** (-1 / 1.8))
    assert abs(first / expected - 1) < 0.03
    tau = float(re.search(r"^tau (\S+)$", chosen, re.MULTILINE)[1])  # type: ignore[index]
    assert 1e-6 < tau <= 10.0
