"""Generated triggers as events, as a source, and as files, for the tests of the processor of pmt_gain."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from configs.pmt_gain import Processor
from processors.pmt_gain import PmtGainProcessor
from processors.pmt_plan import PointPlan, plan_point
from readers.events import with_metadata
from simulation.pmt_gain import Kind, Light, PointTruth, Triggers, point_truth, triggers
from simulation.trc_writer import TrcSettings, write_trc

START = np.datetime64("2024-03-01T00:00:00", "ns")
NO_FIT = Processor(fit={"enabled": False})


class Made:
    """Triggers of one generated point with their truth; a ``Source`` as far as plans need one."""

    def __init__(self, truth: PointTruth, made: Triggers, columns: dict[str, Any] | None = None) -> None:
        self.truth, self.made = truth, made
        n = len(made)
        self.columns = {
            "code": made.codes, "v_gain": np.full(n, truth.volts_per_code), "v_offset_v": np.full(n, truth.offset_v), "dt_ns": np.full(n, 0.1),
            "t0_ns": made.t0_ns, "n_sat_low": (made.codes <= -32768).sum(axis=1), "n_sat_high": (made.codes >= 32512).sum(axis=1),
            "trigger_time": START + np.arange(n) * np.timedelta64(100, "ms"), "segment": np.arange(n), **(columns or {}),
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.made)

    def events(self, start: int, stop: int) -> ak.Array:
        rows = {name: values[start:stop] for name, values in self.columns.items()}
        strings = {"coupling": ["DC50"] * (stop - start), "file": [f"C1--{row:05d}.trc" for row in range(start, stop)]}
        arrays = {
            name: ak.Array(values) if isinstance(values, list) else ak.from_numpy(np.asarray(values)) for name, values in {**strings, **rows}.items()
        }
        return with_metadata(ak.Array(ak.zip(arrays, depth_limit=1).layout), {"filename": "made"})

    @property
    def metadata(self) -> dict[str, Any]:
        truth = self.truth
        return {"pmt": truth.pmt, "hv_v": truth.hv_v, "light": "low" if truth.kind.startswith("low") else "bright", "noisy": False, "q_ref_pc": None,
                "cut_v": None if truth.kind.startswith("low") else truth.cut_v}  # fmt: skip

    def plan(self, options: Processor | None = None, **metadata: Any) -> PointPlan:
        return plan_point(self, options or Processor(), {**self.metadata, **metadata})

    def processed(self, options: Processor | None = None, plan: PointPlan | None = None, edges: list[int] | None = None) -> Any:
        """What the processor makes of all triggers; with ``edges`` of the triggers between them one part after another, histograms added up."""
        options = options or Processor()
        processor = PmtGainProcessor(options, plan or self.plan(options))
        if edges is None:
            return processor.process(self.events(0, len(self)))
        parts = [processor.process(self.events(start, stop)) for start, stop in pairwise(edges)]
        return {name: sum(part[name] for part in parts[1:]) + parts[0][name] for name in parts[0]}


def made(
    count: int = 300, kind: Kind = "led", *, pmt: str = "PMT_1", hv_v: float = 1000.0, seed: int = 7, jitter: bool = False, light: Light | None = None
) -> Made:
    truth = point_truth(pmt, hv_v, kind, light or Light())
    return Made(truth, triggers(truth, count, seed, jitter=jitter))


def volts(point: Made) -> np.ndarray:
    return point.made.codes * point.truth.volts_per_code - point.truth.offset_v


def with_volts(point: Made, waveform_v: np.ndarray, **columns: Any) -> Made:
    """The same triggers with other waveforms, as voltages without codes."""
    other = Made(point.truth, replace(point.made, codes=np.zeros(waveform_v.shape, np.int16), t0_ns=point.made.t0_ns[: len(waveform_v)]))
    rows = {name: values[: len(waveform_v)] for name, values in point.columns.items() if name not in ("code", "v_gain", "v_offset_v")}
    other.columns = {**rows, "waveform_v": waveform_v, **columns}
    return other


def write_files(folder: Path, point: Made, *, segments: int = 1) -> list[Path]:
    """Files of one trigger each, or sequences."""
    fields = {"VERTICAL_GAIN": point.truth.volts_per_code, "VERTICAL_OFFSET": point.truth.offset_v, "HORIZ_INTERVAL": 1e-10}
    paths = []
    for number, start in enumerate(range(0, len(point), segments)):
        codes, t0_s = point.made.codes[start : start + segments], point.made.t0_ns[start : start + segments] * 1e-9
        path = folder / f"C1--{number:05d}.trc"
        if segments == 1:
            settings = TrcSettings(fields={**fields, "HORIZ_OFFSET": t0_s[0], "TRIGGER_SECOND": number % 60, "TRIGGER_MINUTE": number // 60})
            write_trc(path, codes[0], settings)
        else:
            write_trc(path, codes, TrcSettings(fields=fields), np.stack([1e-3 * np.arange(len(codes)), t0_s], axis=1))
        paths.append(path)
    return paths
