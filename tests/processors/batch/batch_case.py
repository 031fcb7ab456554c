"""A run of a user's own processor as jobs: files, processor, configuration, commands, and the run on this machine to compare with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from fake_batch import install

import run_processor

PROCESSOR = """
import os
import signal
from pathlib import Path

import hist
import numpy as np
from coffea.processor import ProcessorABC

import factors


class Sums(ProcessorABC):
    \"\"\"Sums that depend on the order of adding; at an energy of -1 something happens, once if there is a marker.\"\"\"

    def __init__(self, act=None, marker=None, bins=20):
        self.act, self.marker, self.bins = act, marker, bins

    def process(self, events):
        energy = np.asarray(events.energy)
        if (energy < 0).any() and self.act and not (self.marker and Path(self.marker).exists()):
            if self.marker:
                Path(self.marker).touch()
            self.misbehave()
        sums = hist.Hist.new.Reg(self.bins, 0, 10, name="energy").Double()
        sums.fill(energy, weight=factors.FACTOR * np.exp(energy) / 3)
        if self.bins > 1000:
            sums.view()[...] += 1.0  # large, packed or not
        counts = hist.Hist.new.StrCat([], growth=True, name="file").Int64()
        counts.fill([Path(events.metadata["filename"]).stem] * len(energy))
        return {"sums": sums, "counts": counts}

    def misbehave(self):
        if self.act == "raise":
            raise ValueError("negative energy")
        if self.act == "memory":
            return np.empty(1 << 29)  # 4 GiB that are asked for and never touched
        if self.act == "kill job":
            os.kill(int(os.environ["DYNODE_JOB"]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def postprocess(self, accumulator):
        return accumulator
"""


LOCAL: dict[tuple[object, ...], str] = {}


@dataclass(frozen=True)
class Case:
    """A configuration with its folder."""

    folder: Path
    config: Path
    numbers: tuple[object, ...]

    @property
    def output(self) -> Path:
        return self.folder / "outputs" / "sums"

    @property
    def batch(self) -> Path:
        return self.output / "batch"

    def call(self, *arguments: str) -> int:
        return run_processor.main([str(self.config), *arguments])

    def digest(self) -> str:
        account = json.loads((self.output / "processing.json").read_text())
        assert account["complete"]
        return str(account["histogram_digest"])

    def local(self) -> str:
        """The digest of the run on this machine, in an output directory of its own; the same for all cases with the same numbers."""
        if self.numbers not in LOCAL:
            assert self.call("--set", f"output_dir={self.folder / 'local'}", "--set", "executor.kind=iterative") == 0
            LOCAL[self.numbers] = str(json.loads((self.folder / "local" / "sums" / "processing.json").read_text())["histogram_digest"])
        return LOCAL[self.numbers]


def make_case(
    folder: Path, job: dict[str, Any] | None = None, *, kind: str = "htcondor", poison: bool = False, files: int = 3, **options: Any
) -> Case:
    """Files of 60 entries in chunks of 20, so three tasks for each file; ``poison`` puts an energy of -1 into the second file."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    for number in range(3):
        energy = rng.uniform(0, 10, 60)
        if poison and number == 1:
            energy[30] = -1.0
        (folder / f"night {number}").mkdir()
        pq.write_table(pa.table({"energy": energy}), folder / f"night {number}" / ("run.parquet" if number else "run_0.parquet"))
    (folder / "sums.py").write_text(PROCESSOR)
    (folder / "factors.py").write_text("FACTOR = 0.1\n")
    config = {
        "name": "sums", "analysis": "custom", "output_dir": str(folder / "outputs"),
        "datasets": {"mc": {"files": ["night*/*.parquet"], "kind": "mc"}},
        "processor": {"class": "sums.Sums", "options": options},
        "executor": {"kind": kind, "chunksize": 20, "job": job or {}},
    }  # fmt: skip
    path = folder / "sums.yaml"
    path.write_text(yaml.safe_dump(config))
    return Case(folder, path, (poison, options.get("bins")))


def fake_pool(folder: Path, monkeypatch: pytest.MonkeyPatch, *programs: str) -> Path:
    """Put fake batch systems first on PATH; returns the file in which a test says what goes wrong."""
    import os

    monkeypatch.setenv("PATH", f"{install(folder / 'pool', *programs)}{os.pathsep}{os.environ['PATH']}")
    rules = folder / "rules.json"
    monkeypatch.setenv("DYNODE_FAKE_RULES", str(rules))
    return rules


def calls(folder: Path) -> Sequence[str]:
    """What the batch systems were called with."""
    return (folder / "pool" / "calls").read_text().splitlines()
