"""The points of a photomultiplier as a table: Parquet, CSV and LaTeX in ``<output>/tables``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from records.atomic import write_text
from records.gain import GainPoint, GainResult
from records.tables import ENDING, FOLDER, Table, save_table
from records.text_tables import Column, Error, TextTable, to_csv, to_latex

NAN = float("nan")
NOMINAL = "nominal_hv"
ORDER = ("spe", "joint_photostatistics", "photostatistics", "saldanha")


def save_gain_tables(output: str | Path, results: Mapping[str, Any]) -> list[Path]:
    """Write ``tables/<pmt>`` (its points) and ``tables/nominal_hv`` as .parquet, .csv and .tex; tables of this kind from another run are removed."""
    found = {name: result for name, result in results.items() if isinstance(result, GainResult)}
    folder = Path(output) / FOLDER
    paths = []
    for name, result in found.items():
        paths += _save(folder, name, point_columns(result), printed_points(result))
    if found:
        every = list(found.values())
        paths += _save(folder, NOMINAL, nominal_columns(every), printed_nominal(every))
    for path in folder.glob("*"):
        if path.is_file() and path not in paths:
            path.unlink()
    return paths


def point_columns(result: GainResult) -> dict[str, Sequence[Any]]:
    """One row for each point, in the order of voltages; units close the names."""
    points = result.points
    best = [best_method(point, result.curve.method) for point in points]

    def of_gain(field: str) -> list[float]:
        return [NAN if method is None else getattr(point.gains[method], field) for point, method in zip(points, best, strict=True)]

    return {
        "hv_v": [one.hv_v for one in points],
        "light": [one.light for one in points],
        "n_read": [one.n_read for one in points],
        "n_expected": [one.n_expected for one in points],
        "n": [one.charge.n if one.charge else 0 for one in points],
        "efficiency": [_product(one) for one in points],
        "mean_charge_pc": [_of(one.charge, "mean_pc") for one in points],
        "mean_charge_error_pc": [_of(one.charge, "mean_error_pc") for one in points],
        "syst_uncorrelated_pc": [one.syst_uncorrelated_pc for one in points],
        "syst_scale_pc": [one.syst_scale_pc for one in points],
        "spread_pc": [_of(one.charge, "spread_pc") for one in points],
        "skewness": [_of(one.charge, "skewness") for one in points],
        "selected_mean_charge_pc": [_of(one.selected, "mean_pc") for one in points],
        "selected_n": [one.selected.n if one.selected else 0 for one in points],
        "pedestal_kind": [one.pedestal.kind if one.pedestal else "none" for one in points],
        "pedestal_mean_pc": [_of(one.pedestal, "mean_pc") for one in points],
        "pedestal_spread_pc": [_of(one.pedestal, "spread_pc") for one in points],
        "photoelectrons": of_gain("photoelectrons"),
        "photoelectrons_error": of_gain("photoelectrons_error"),
        "single_charge_pc": of_gain("charge_pc"),
        "single_charge_error_pc": of_gain("charge_error_pc"),
        "gain": of_gain("gain"),
        "gain_statistical": of_gain("statistical"),
        "gain_systematic": of_gain("systematic"),
        "gain_model": of_gain("model"),
        "delta": of_gain("delta"),
        "method": [method or "none" for method in best],
        "transit_time_ns": [_of(one.timing, "transit_time_ns") for one in points],
        "tts_sigma_ns": [_of(one.timing, "tts_sigma_ns") for one in points],
        "tts_sigma_error_ns": [_of(one.timing, "tts_sigma_error_ns") for one in points],
        "fwhm_ns": [_of(one.timing, "fwhm_ns") for one in points],
        "late_rate": [one.late.rate.value if one.late and one.late.rate else NAN for one in points],
        "valid": [one.valid for one in points],
        "remarks": ["; ".join([*([one.reason] if one.reason else []), *one.flags]) for one in points],
    }


def printed_points(result: GainResult) -> TextTable:
    """What of the points goes on paper: values with their errors."""
    every = point_columns(result)

    def with_error(name: str, error: str, heading: str) -> Column:
        return Column(name, every[name], errors=cast("Sequence[Error]", every[error]), latex=heading)

    return TextTable(
        f"Points of {result.pmt}: charge, gain and timing. Errors are standard deviations; those of the gain are statistical.",
        (
            Column("hv_v", every["hv_v"], digits=0, latex="HV [V]"),
            Column("light", every["light"]),
            Column("n", every["n"]),
            with_error("mean_charge_pc", "mean_charge_error_pc", "mean charge [pC]"),
            Column("spread_pc", every["spread_pc"], digits=3, latex="spread [pC]"),
            Column("pedestal_kind", every["pedestal_kind"], latex="pedestal"),
            with_error("photoelectrons", "photoelectrons_error", "p.e."),
            with_error("gain", "gain_statistical", "gain"),
            Column("method", [name.replace("_", " ") for name in every["method"]]),
            with_error("tts_sigma_ns", "tts_sigma_error_ns", "TTS [ns]"),
        ),
    )


def nominal_columns(results: Sequence[GainResult]) -> dict[str, Sequence[Any]]:
    """One row for each photomultiplier and wanted gain."""
    rows = [(result, one) for result in results for one in result.curve.nominal]
    return {
        "pmt": [result.pmt for result, _ in rows],
        "gain": [one.gain for _, one in rows],
        "hv_v": [one.hv_v for _, one in rows],
        "error_v": [one.error_v for _, one in rows],
        "scale_error_v": [one.scale_error_v for _, one in rows],
        "extrapolated": [one.extrapolated for _, one in rows],
        "remark": [one.reason or ("extrapolated" if one.extrapolated else "") for _, one in rows],
    }


def printed_nominal(results: Sequence[GainResult]) -> TextTable:
    """The nominal voltages on paper."""
    every = nominal_columns(results)
    return TextTable(
        "Voltages of nominal gains with statistical errors; the scale error is common to all.",
        (
            Column("pmt", every["pmt"], latex="PMT"),
            Column("gain", every["gain"]),
            Column("hv_v", every["hv_v"], errors=cast("Sequence[Error]", every["error_v"]), latex="HV [V]"),
            Column("scale_error_v", every["scale_error_v"], digits=1, latex="scale error [V]"),
            Column("remark", every["remark"]),
        ),
    )


def best_method(point: GainPoint, of_curve: str) -> str | None:
    """The method whose gain stands in the table: that of the curve where the point has it, else the best that is valid."""
    known = [method for method in (of_curve, *ORDER) if method in point.gains and point.gains[method].valid]
    return known[0] if known else None


def _save(folder: Path, name: str, columns: Mapping[str, Sequence[Any]], printed: TextTable) -> list[Path]:
    parquet, plain, paper = (folder / f"{name}{ending}" for ending in (ENDING, ".csv", ".tex"))
    save_table(parquet, Table({heading: _array(values) for heading, values in columns.items()}))
    write_text(plain, to_csv(TextTable(printed.caption, tuple(Column(heading, values) for heading, values in columns.items()))))
    write_text(paper, to_latex(printed))
    return [parquet, plain, paper]


def _array(values: Sequence[Any]) -> np.ndarray:
    return np.array(values, dtype=np.str_) if values and isinstance(values[0], str) else np.asarray(values)


def _product(point: GainPoint) -> float:
    selected = point.efficiency.get("selected")
    return selected.passed / point.n_read if selected is not None and point.n_read else NAN


def _of(record: Any, field: str) -> float:
    return NAN if record is None else float(getattr(record, field))
