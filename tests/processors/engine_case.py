"""Files, processors and comparisons that the tests of the engine share."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from coffea.processor import ProcessorABC

from processors.chunks import DatasetInput, EventFile

POISON = -1.0  # an energy that makes a processor misbehave
GRID = 1 / 1024  # weights that are multiples of it add without rounding


def write_events(path: Path, entries: int, seed: int = 0, *, poison_at: int | None = None) -> Path:
    """A Parquet file with columns ``energy`` (0 to 10) and ``weight`` (multiples of 1/1024)."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(0, 10, entries)
    if poison_at is not None:
        energy[poison_at] = POISON
    pq.write_table(pa.table({"energy": energy, "weight": rng.integers(-3000, 3000, entries) * GRID}), path, row_group_size=64)
    return path


class Spectrum(ProcessorABC):
    """Counts, exact weights and general weights, dense and mostly empty."""

    def __init__(self, bins: int = 20, log: str | None = None, sleep_s: float = 0.0) -> None:
        self.bins, self.log, self.sleep_s = bins, log, sleep_s

    def process(self, events: Any) -> dict[str, hist.Hist]:
        energy, weight = np.asarray(events.energy), np.asarray(events.weight)
        self.note(f"{events.metadata['dataset']} {events.metadata['entrystart']} {events.metadata['entrystop']}")
        time.sleep(self.sleep_s)
        counts = hist.Hist.new.Reg(self.bins, 0, 10, name="energy").Int64()
        exact = hist.Hist.new.Reg(self.bins, 0, 10, name="energy").Weight()
        sparse = hist.Hist.new.Reg(500, 0, 10, name="energy").Reg(20, -1, 1, name="other").Double()
        rounding = hist.Hist.new.Reg(self.bins, 0, 10, name="energy").Double()
        counts.fill(energy)
        exact.fill(energy, weight=weight)
        sparse.fill(energy, np.zeros(len(energy)), weight=weight)
        rounding.fill(energy, weight=np.exp(energy) / 3)
        return {"counts": counts, "exact": exact, "sparse": sparse, "rounding": rounding}

    def postprocess(self, accumulator: Any) -> Any:
        return accumulator

    def note(self, text: str) -> None:
        if self.log:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write(text + "\n")


class Misbehaving(Spectrum):
    """Does ``act`` when a span holds the poison."""

    def __init__(self, act: str, log: str | None = None) -> None:
        super().__init__(log=log)
        self.act = act

    def process(self, events: Any) -> dict[str, hist.Hist]:
        if np.any(np.asarray(events.energy) == POISON):
            ACTS[self.act](events)
        return super().process(events)


def _open_missing(events: Any) -> None:
    Path("calibration_of_mine.txt").read_text()


def _raise(events: Any) -> None:
    raise ValueError("negative energy")


ACTS = {
    "sigkill": lambda events: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda events: os._exit(3),
    "sys.exit": lambda events: (_ for _ in ()).throw(SystemExit("bye")),
    "oserror": _open_missing,
    "raise": _raise,
    "hang": lambda events: time.sleep(600),
}


def dataset(files: Sequence[Path], processor: ProcessorABC | None = None, name: str = "mc", **more: Any) -> DatasetInput:
    sources = tuple(EventFile((str(path),)) for path in files)
    return DatasetInput(name, more.pop("kind", "mc"), sources, processor or Spectrum(), **more)


def raw(hists: Mapping[str, hist.Hist], names: Sequence[str] | None = None) -> dict[str, bytes]:
    """The content of histograms, bit by bit."""
    return {name: np.asarray(hists[name].view(flow=True)).tobytes() for name in names or hists}
