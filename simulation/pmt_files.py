"""Generated .trc trees in the layout of the reference runs, with their table of runs and their truth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from data_info.pmt_point import AUTOSAVE, FILE_PATTERN, MV_TO_V
from readers.trc_layout import TEMPLATES
from records.atomic import replacing, write_text
from simulation.pmt_faults import FAULTS, faulty
from simulation.pmt_gain import AMPLITUDE_LAW, DT_NS, KINDS, MAX_CODE, MIN_CODE, SAMPLES, T0_NS, PointTruth, Triggers, triggers

RUNS_FILE, TRUTH_FILE, POINTS_FILE = "runs.yaml", "truth.parquet", "truth_points.csv"
TEMPLATE = "LECROY_2_3"
BLOCK_HEADER = b"#9%09d"  # IEEE 488.2
SEGMENTS = 1000  # of a sequence file
FIRST_DAY = datetime(2024, 3, 1)  # invented; every point has its own minutes, so that no two files are equal
TRIGGER_PERIOD_S = 0.1
SEQUENCE_PERIOD_S = 1e-3
KIND_MINUTES = 4
SEQUENCE_PATTERN = "C1--sequence--{i:05d}.trc"
FOLDERS = {"led": AUTOSAVE, "off": "off", "low": "low", "low.off": "low_off"}
TIMEBASE_5_NS = 11  # code of 5 ns/div
ROWS = 1024  # traces held as bytes at a time


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
        return f"{self.directory}/{self.truth.hv_v:g}/{FOLDERS[self.truth.kind]}"

    @property
    def in_sequence(self) -> bool:
        """Whether many triggers share a file, as low light is taken."""
        return self.truth.kind.startswith("low")

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
        if truth.kind != "led":
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
    row |= {"light": "low"} if point.in_sequence else {"cut_mv": _cut_mv(truth)}
    return row | {"noisy": point.noisy, "n": point.n_files, "files": [f"{point.folder}/{point.pattern.split('{', maxsplit=1)[0]}*.trc"]}


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _cut_mv(truth: PointTruth) -> float:
    return round(truth.cut_v / MV_TO_V, 4)


def _write_point(folder: Path, point: PlannedPoint, made: Triggers) -> list[Path]:
    """Write the files of one point; files of an earlier, larger sample are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    contents = _sequences(point, made) if point.in_sequence else _traces(point, made)
    for number, good in enumerate(contents):
        content = faulty(FAULTS[number], good) if point.faults and number in FAULTS else good
        if content is not None:
            path = folder / point.pattern.format(i=number)
            path.write_bytes(content)
            written.append(path)
    for old in set(folder.glob("*.trc")) - set(written):
        old.unlink()
    return written


def _traces(point: PlannedPoint, made: Triggers) -> Iterator[bytes]:
    """One file for each trigger."""
    headers = _headers(point.truth, len(made), count=SAMPLES, segments=1)
    _set_times(headers, point.truth, TRIGGER_PERIOD_S * np.arange(len(made)))
    prefix = np.frombuffer(BLOCK_HEADER % (headers.itemsize + 2 * SAMPLES), np.uint8)
    for start in range(0, len(made), ROWS):
        head = headers[start : start + ROWS]
        parts = (np.broadcast_to(prefix, (len(head), len(prefix))), _bytes(head), _bytes(made.codes[start : start + ROWS].astype("<i2")))
        yield from (row.tobytes() for row in np.concatenate(parts, axis=1))


def _sequences(point: PlannedPoint, made: Triggers) -> Iterator[bytes]:
    """Up to 1000 triggers in each file, with the time of each and the offset of its first sample."""
    for start in range(0, len(made), SEGMENTS):
        codes, t0_ns = made.codes[start : start + SEGMENTS], made.t0_ns[start : start + SEGMENTS]
        header = _headers(point.truth, 1, count=codes.size, segments=len(codes))
        header["TRIGTIME_ARRAY"] = 16 * len(codes)
        header["HORIZ_OFFSET"] = t0_ns[0] * 1e-9
        _set_times(header, point.truth, np.array([SEQUENCE_PERIOD_S * start]))
        times = np.stack([SEQUENCE_PERIOD_S * np.arange(len(codes)), t0_ns * 1e-9], axis=1).astype("<f8")
        body = header.tobytes() + times.tobytes() + codes.astype("<i2").tobytes()
        yield BLOCK_HEADER % len(body) + body


def _bytes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)


def _headers(truth: PointTruth, traces: int, *, count: int, segments: int) -> NDArray[Any]:
    """Descriptors of ``traces`` files with ``count`` samples in ``segments`` segments each."""
    template = TEMPLATES[TEMPLATE]
    headers = np.zeros(traces, dtype=template.dtype("<"))
    values: dict[str, Any] = {
        "DESCRIPTOR_NAME": b"WAVEDESC", "TEMPLATE_NAME": TEMPLATE.encode(), "COMM_TYPE": 1, "COMM_ORDER": 1, "WAVE_DESCRIPTOR": template.size,
        "WAVE_ARRAY_1": 2 * count, "INSTRUMENT_NAME": b"DYNODE EXAMPLE", "WAVE_ARRAY_COUNT": count, "PNTS_PER_SCREEN": SAMPLES - 2,
        "LAST_VALID_PNT": count - 1, "SPARSING_FACTOR": 1, "SUBARRAY_COUNT": segments, "SWEEPS_PER_ACQ": 1, "VERTICAL_GAIN": truth.volts_per_code,
        "VERTICAL_OFFSET": truth.offset_v, "MAX_VALUE": MAX_CODE, "MIN_VALUE": MIN_CODE, "NOMINAL_BITS": 8, "NOM_SUBARRAY_COUNT": segments,
        "HORIZ_INTERVAL": DT_NS * 1e-9, "HORIZ_OFFSET": T0_NS * 1e-9, "VERTUNIT": b"V", "HORUNIT": b"S", "HORIZ_UNCERTAINTY": 1e-12,
        "TIMEBASE": TIMEBASE_5_NS, "PROBE_ATT": 1.0, "FIXED_VERT_GAIN": _gain_code(truth.volts_per_division), "VERTICAL_VERNIER": 1.0,
    }  # fmt: skip
    for name, value in values.items():
        headers[name] = value
    return headers


def _gain_code(volts_per_division: float) -> int:
    """Number of a step in the sequence 1, 2, 5 that begins with 1 uV/div."""
    digit, exponent = f"{volts_per_division:e}".split("e")
    return 3 * (int(exponent) + 6) + {"1": 0, "2": 1, "5": 2}[digit[0]]


def _set_times(headers: NDArray[Any], truth: PointTruth, seconds: NDArray[np.floating]) -> None:
    """Trigger times: a day for each tube, a minute for each volt, four minutes for each kind."""
    tube = list(AMPLITUDE_LAW).index(truth.pmt)
    began = FIRST_DAY + timedelta(
        days=10 * KINDS.index(truth.kind) // 2 + tube, minutes=truth.hv_v, seconds=60 * KIND_MINUTES * KINDS.index(truth.kind)
    )
    minutes, headers["TRIGGER_SECOND"] = np.divmod(began.second + seconds, 60.0)
    for minute in np.unique(minutes):
        moment, rows = began + timedelta(minutes=float(minute)), minutes == minute
        for name, value in (("MINUTE", moment.minute), ("HOUR", moment.hour), ("DAY", moment.day), ("MONTH", moment.month), ("YEAR", moment.year)):
            headers[f"TRIGGER_{name}"][rows] = value


def _truth_table(point: PlannedPoint, made: Triggers) -> Any:
    import pyarrow as pa

    numbers = np.arange(len(made))
    file, segment = np.divmod(numbers, SEGMENTS) if point.in_sequence else (numbers, np.zeros_like(numbers))
    truth = point.truth
    names = [f"{point.folder}/{point.pattern.format(i=number)}" for number in range(point.n_files)]
    columns = {
        "pmt": pa.DictionaryArray.from_arrays(np.zeros(len(made), np.int32), [truth.pmt]), "hv_v": np.full(len(made), truth.hv_v),
        "kind": pa.DictionaryArray.from_arrays(np.zeros(len(made), np.int32), [truth.kind]),
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
    names = ("pmt", "hv_v", "kind", "photoelectrons", "q1_pc", "gain", "delta", "spread", "cut_v", "volts_per_division", "noise_v")
    rows = [",".join(str(getattr(point.truth, name)) for name in names) for point in points]
    path = folder / POINTS_FILE
    write_text(path, "\n".join([",".join(names), *rows]) + "\n")
    return path
