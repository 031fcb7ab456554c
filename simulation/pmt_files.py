"""Generated .trc trees in the layout of the reference runs, with their table of runs and their truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from data_info.pmt_point import AUTOSAVE, FILE_PATTERN, MV_PER_V
from records.atomic import replacing, write_text
from simulation.pmt_faults import FAULTS, faulty
from simulation.pmt_gain import AMPLITUDE_LAW, DT_NS, KINDS, SAMPLES, T0_NS, PointTruth, Triggers, triggers
from simulation.trc_writer import TrcSettings, trc_bytes

RUNS_FILE, TRUTH_FILE, POINTS_FILE = "runs.yaml", "truth.parquet", "truth_points.csv"
SEGMENTS = 1000  # of a sequence file
FIRST_DAY = datetime(2024, 3, 1)  # invented; every point has its own minutes, so that no two files are equal
TRIGGER_PERIOD_S = 0.1
SEQUENCE_PERIOD_S = 1e-3
KIND_MINUTES = 4
SEQUENCE_PATTERN = "C1--sequence--{i:05d}.trc"
FOLDERS = {"led": AUTOSAVE, "off": "off", "low": "low", "low.off": "low_off"}  # below the folder of the voltage
TIMEBASE_5_NS = 11  # code of 5 ns/div
NS_TO_S = 1e-9


@dataclass(frozen=True)
class PlannedPoint:
    """A point to be written: its truth, the folder of its tube, and how many files (or segments) it has."""

    truth: PointTruth
    directory: str
    count: int
    noisy: bool = False
    faults: bool = False

    @property
    def folder(self) -> str:
        """Below the folder of the data set."""
        level = f"level_{self.truth.level}/" if self.truth.level else ""
        return f"{self.directory}/{self.truth.hv_v:g}/{level}{FOLDERS[self.truth.kind]}"

    @property
    def in_sequence(self) -> bool:
        """Whether many triggers share a file, as low light, further levels and LED-off are taken."""
        return self.truth.kind != "led" or self.truth.level > 0

    @property
    def pattern(self) -> str:
        """Names of the files."""
        return SEQUENCE_PATTERN if self.in_sequence else FILE_PATTERN

    @property
    def n_files(self) -> int:
        """Files of the point."""
        return math.ceil(self.count / SEGMENTS) if self.in_sequence else self.count


def write_tree(folder: Path, points: Sequence[PlannedPoint], seed: int) -> tuple[Path, list[Path]]:
    """Write the files of all points, the table of runs and the truth; returns the table and everything else."""
    tables, files = [], []
    for point in points:
        made = triggers(point.truth, point.count, seed, jitter=point.in_sequence)
        files += _write_point(folder / point.folder, point, made)
        tables.append(_truth_table(point, made))
    runs = folder / RUNS_FILE
    write_text(runs, yaml.safe_dump(runs_table(points), sort_keys=False, default_flow_style=None, width=150))
    return runs, [*files, _write_truth(folder, tables), _write_points(folder, points)]


def runs_table(points: Iterable[PlannedPoint]) -> dict[str, Any]:
    """The table of runs of the points, in the form of ``data_info/pmt_runs.yaml``."""
    pmts: dict[str, Any] = {}
    others = []
    for point in points:
        truth = point.truth
        if point.in_sequence:
            others.append(_other_point(point))
            continue
        tube = pmts.setdefault(truth.pmt, {"dir": point.directory, "noisy": point.noisy, "hv": [], "n": [], "cut_mv": []})
        tube["hv"].append(_number(truth.hv_v))
        tube["n"].append(point.n_files)
        tube["cut_mv"].append(_cut_mv(truth))
    pattern = f"{{base}}/{{dir}}/{{hv}}/{AUTOSAVE}/{FILE_PATTERN}"
    return {"schema": 1, "base": ".", "pattern": pattern, "q_ref_pc_per_v": 212.4, "pmts": pmts, "points": others}


def _other_point(point: PlannedPoint) -> dict[str, Any]:
    truth = point.truth
    row: dict[str, Any] = {"pmt": truth.pmt, "hv": _number(truth.hv_v), "source": "off" if truth.kind.endswith("off") else "led"}
    if truth.level:
        row["level"] = str(truth.level)
    else:
        row |= {"light": "low"} if truth.kind.startswith("low") else {"cut_mv": _cut_mv(truth)}
    return row | {"noisy": point.noisy, "n": point.n_files, "files": [f"{point.folder}/{point.pattern.split('{', maxsplit=1)[0]}*.trc"]}


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _cut_mv(truth: PointTruth) -> float:
    return round(truth.cut_v * MV_PER_V, 4)


def _write_point(folder: Path, point: PlannedPoint, made: Triggers) -> list[Path]:
    """Write the files of one point; files of an earlier, larger sample are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, content in enumerate(_sequences(point, made) if point.in_sequence else _traces(point, made)):
        if content is not None:
            path = folder / point.pattern.format(i=number)
            path.write_bytes(content)
            written.append(path)
    for old in set(folder.glob("*.trc")) - set(written):
        old.unlink()
    return written


def _traces(point: PlannedPoint, made: Triggers) -> Iterator[bytes | None]:
    """One file for each trigger; faults where the point has them."""
    settings = _settings(point.truth)
    settings = replace(settings, fields={**settings.fields, "HORIZ_OFFSET": T0_NS * NS_TO_S})
    for number, (codes, time) in enumerate(zip(made.codes, _times(point.truth, TRIGGER_PERIOD_S, len(made)), strict=True)):
        fault = FAULTS.get(number) if point.faults else None
        yield trc_bytes(codes, settings, **time) if fault is None else faulty(fault, codes, settings, time)


def _sequences(point: PlannedPoint, made: Triggers) -> Iterator[bytes]:
    """Up to 1000 triggers in each file, with the time of each and the offset of its first sample."""
    settings = _settings(point.truth)
    for start, time in zip(range(0, len(made), SEGMENTS), _times(point.truth, SEGMENTS * SEQUENCE_PERIOD_S, point.n_files), strict=True):
        codes, t0_ns = made.codes[start : start + SEGMENTS], made.t0_ns[start : start + SEGMENTS]
        yield trc_bytes(codes, settings, np.stack([SEQUENCE_PERIOD_S * np.arange(len(codes)), t0_ns * NS_TO_S], axis=1), **time)


def _settings(truth: PointTruth) -> TrcSettings:
    fields = {
        "INSTRUMENT_NAME": b"DYNODE EXAMPLE", "VERTICAL_GAIN": truth.volts_per_code, "VERTICAL_OFFSET": truth.offset_v,
        "HORIZ_INTERVAL": DT_NS * NS_TO_S, "PNTS_PER_SCREEN": SAMPLES - 2, "TIMEBASE": TIMEBASE_5_NS,
        "FIXED_VERT_GAIN": gain_code(truth.volts_per_division),
    }  # fmt: skip
    return TrcSettings(fields=fields)


def gain_code(volts_per_division: float) -> int:
    """FIXED_VERT_GAIN of a step in the sequence 1, 2, 5 that begins with 0 for 1 uV/div.

    >>> gain_code(1e-6), gain_code(0.05)
    (0, 14)
    """
    digit, exponent = f"{volts_per_division:e}".split("e")
    return 3 * (int(exponent) + 6) + {"1": 0, "2": 1, "5": 2}[digit[0]]


def _times(truth: PointTruth, period_s: float, count: int) -> Iterator[dict[str, Any]]:
    """Trigger times of files as header fields: a day for each tube, a minute for each volt, four minutes for each kind and level."""
    day, kind = list(AMPLITUDE_LAW).index(truth.pmt), KINDS.index(truth.kind) + len(KINDS) * truth.level
    began = FIRST_DAY + timedelta(days=day, minutes=truth.hv_v + KIND_MINUTES * kind)
    for number in range(count):
        moment = began + timedelta(seconds=period_s * number)
        yield {
            "TRIGGER_SECOND": moment.second + moment.microsecond * 1e-6, "TRIGGER_MINUTE": moment.minute, "TRIGGER_HOUR": moment.hour,
            "TRIGGER_DAY": moment.day, "TRIGGER_MONTH": moment.month, "TRIGGER_YEAR": moment.year,
        }  # fmt: skip


def _truth_table(point: PlannedPoint, made: Triggers) -> Any:
    import pyarrow as pa

    numbers = np.arange(len(made))
    file, segment = np.divmod(numbers, SEGMENTS) if point.in_sequence else (numbers, np.zeros_like(numbers))
    truth = point.truth
    names = [f"{point.folder}/{point.pattern.format(i=number)}" for number in range(point.n_files)]
    columns = {
        "pmt": pa.DictionaryArray.from_arrays(np.zeros(len(made), np.int32), [truth.pmt]), "hv_v": np.full(len(made), truth.hv_v),
        "kind": pa.DictionaryArray.from_arrays(np.zeros(len(made), np.int32), [truth.kind]), "level": np.full(len(made), truth.level),
        "file": pa.DictionaryArray.from_arrays(file.astype(np.int32), names), "segment": segment, "n_pe": made.n_pe, "charge_pc": made.charge_pc,
        "onset_ns": made.onset_ns, "tau_rise_ns": made.tau_rise_ns, "tau_fall_ns": made.tau_fall_ns, "baseline_v": made.baseline_v,
        "fault": [FAULTS.get(int(number), "") if point.faults else "" for number in numbers],
    }  # fmt: skip
    return pa.table(columns)


def _write_truth(folder: Path, tables: list[Any]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / TRUTH_FILE
    with replacing(path) as temporary:
        pq.write_table(pa.concat_tables(tables).unify_dictionaries(), temporary)
    return path


def _write_points(folder: Path, points: Sequence[PlannedPoint]) -> Path:
    names = ("pmt", "hv_v", "kind", "level", "photoelectrons", "q1_pc", "gain", "delta", "spread", "cut_v", "volts_per_division", "noise_v")
    rows = [",".join(str(getattr(point.truth, name)) for name in names) for point in points]
    path = folder / POINTS_FILE
    write_text(path, "\n".join([",".join(names), *rows]) + "\n")
    return path
