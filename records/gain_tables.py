"""The points of a photomultiplier as a table: Parquet, CSV and LaTeX in ``<output>/tables``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from records.gain import GainPoint, GainResult
from records.tables import ENDING, FOLDER, Table, save_table
from records.text_tables import Column, save_text_tables

NAN = float("nan")
NOMINAL = "nominal_hv"
ORDER = ("spe", "joint_photostatistics", "photostatistics", "saldanha")


def save_gain_tables(output: str | Path, results: Mapping[str, Any]) -> list[Path]:
    """Write ``tables/<pmt>`` (its points) and ``tables/nominal_hv`` as .parquet, .csv and .tex; tables of this kind from another run are removed."""
    found = {name: result for name, result in results.items() if isinstance(result, GainResult)}
    folder = Path(output) / FOLDER
    paths = []
    for name, result in found.items():
        paths += _save(folder, name, point_columns(result), f"Points of {name}: charge, gain and timing. Errors are standard deviations.")
    if found:
        paths += _save(folder, NOMINAL, nominal_columns(list(found.values())), "Voltages of nominal gains with statistical and scale errors.")
    for path in folder.glob("*"):
        if path.is_file() and path not in paths:
            path.unlink()
    return paths


def point_columns(result: GainResult) -> list[Column]:
    """One row for each point, in the order of voltages."""
    points = result.points
    best = [best_method(point, result.curve.method) for point in points]

    def column(name: str, of: Callable[[GainPoint], Any], unit: str = "", digits: int | None = 4, title: str = "", in_latex: bool = False) -> Column:
        return Column(name, [of(point) for point in points], unit, digits, title, in_latex)

    def of_gain(name: str, field: str, unit: str = "", digits: int | None = 3, title: str = "", in_latex: bool = False) -> Column:
        values = [NAN if method is None else getattr(point.gains[method], field) for point, method in zip(points, best, strict=True)]
        return Column(name, values, unit, digits, title, in_latex)

    return [
        column("hv_v", lambda one: one.hv_v, "V", 4, "HV", True),
        column("light", lambda one: one.light, digits=None, title="light", in_latex=True),
        column("n_read", lambda one: one.n_read),
        column("n_expected", lambda one: one.n_expected),
        column("n", lambda one: one.charge.n if one.charge else 0, digits=6, title="n", in_latex=True),
        column("efficiency", lambda one: _product(one)),
        column("mean_charge_pc", lambda one: _of(one.charge, "mean_pc"), "pC", 4, "mean charge", True),
        column("mean_charge_error_pc", lambda one: _of(one.charge, "mean_error_pc"), "pC", 2, "error", True),
        column("syst_uncorrelated_pc", lambda one: one.syst_uncorrelated_pc, "pC"),
        column("syst_scale_pc", lambda one: one.syst_scale_pc, "pC"),
        column("spread_pc", lambda one: _of(one.charge, "spread_pc"), "pC", 3, "spread", True),
        column("skewness", lambda one: _of(one.charge, "skewness")),
        column("selected_mean_charge_pc", lambda one: _of(one.selected, "mean_pc"), "pC"),
        column("selected_n", lambda one: one.selected.n if one.selected else 0),
        column("pedestal_kind", lambda one: one.pedestal.kind if one.pedestal else "none", digits=None, title="pedestal", in_latex=True),
        column("pedestal_mean_pc", lambda one: _of(one.pedestal, "mean_pc"), "pC"),
        column("pedestal_spread_pc", lambda one: _of(one.pedestal, "spread_pc"), "pC"),
        of_gain("photoelectrons", "photoelectrons", digits=3, title="p.e.", in_latex=True),
        of_gain("photoelectrons_error", "photoelectrons_error", digits=2, title="error", in_latex=True),
        of_gain("single_charge_pc", "charge_pc", "pC"),
        of_gain("single_charge_error_pc", "charge_error_pc", "pC"),
        of_gain("gain", "gain", digits=3, title="gain", in_latex=True),
        of_gain("gain_statistical", "statistical", digits=2, title="stat.", in_latex=True),
        of_gain("gain_systematic", "systematic", digits=2, title="syst.", in_latex=True),
        of_gain("gain_model", "model"),
        of_gain("delta", "delta"),
        Column("method", [method or "none" for method in best], title="method"),
        column("transit_time_ns", lambda one: _of(one.timing, "transit_time_ns"), "ns"),
        column("tts_sigma_ns", lambda one: _of(one.timing, "tts_sigma_ns"), "ns", 2, "TTS", True),
        column("tts_sigma_error_ns", lambda one: _of(one.timing, "tts_sigma_error_ns"), "ns"),
        column("fwhm_ns", lambda one: _of(one.timing, "fwhm_ns"), "ns"),
        column("late_rate", _late_rate),
        column("valid", lambda one: one.valid, digits=None),
        column("remarks", lambda one: "; ".join([*([one.reason] if one.reason else []), *one.flags]), digits=None),
    ]


def nominal_columns(results: Sequence[GainResult]) -> list[Column]:
    """One row for each photomultiplier and wanted gain."""
    rows = [(result, one) for result in results for one in result.curve.nominal]
    return [
        Column("pmt", [result.pmt for result, _ in rows], title="PMT"),
        Column("gain", [one.gain for _, one in rows], "", 3, "gain"),
        Column("hv_v", [one.hv_v for _, one in rows], "V", 5, "HV"),
        Column("error_v", [one.error_v for _, one in rows], "V", 2, "stat."),
        Column("scale_error_v", [one.scale_error_v for _, one in rows], "V", 2, "scale"),
        Column("extrapolated", [one.extrapolated for _, one in rows], in_latex=False),
        Column("remark", [one.reason or ("extrapolated" if one.extrapolated else "") for _, one in rows]),
    ]


def best_method(point: GainPoint, of_curve: str) -> str | None:
    """The method whose gain stands in the table: that of the curve where the point has it, else the best that is valid."""
    known = [method for method in (of_curve, *ORDER) if method in point.gains and point.gains[method].valid]
    return known[0] if known else None


def _save(folder: Path, name: str, columns: Sequence[Column], caption: str) -> list[Path]:
    path = folder / f"{name}{ENDING}"
    save_table(path, Table({column.name: _array(column.values) for column in columns}))
    return [path, *save_text_tables(folder, name, columns, caption)]


def _array(values: Sequence[Any]) -> np.ndarray:
    return np.array(values, dtype=np.str_) if values and isinstance(values[0], str) else np.asarray(values)


def _product(point: GainPoint) -> float:
    selected = point.efficiency.get("selected")
    return selected.passed / point.n_read if selected is not None and point.n_read else NAN


def _late_rate(point: GainPoint) -> float:
    return point.late.rate.value if point.late is not None and point.late.rate is not None else NAN


def _of(record: Any, field: str) -> float:
    return NAN if record is None else float(getattr(record, field))
