"""The points of a photomultiplier as a table: Parquet, CSV and LaTeX in ``<output>/tables``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import numpy as np

from records.atomic import write_text
from records.gain import GainPoint, GainResult
from records.tables import ENDING, FOLDER, Table, save_table
from records.text_tables import Column, Error, TextTable, to_csv, to_latex

NAN = float("nan")
NOMINAL = "nominal_hv"
ENDINGS = (ENDING, ".csv", ".tex")
ORDER = ("spe", "variance_mean", "anchored_photostatistics", "joint_photostatistics", "photostatistics", "saldanha")
OfPoint = Callable[[GainPoint], Any]


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
        if path.suffix in ENDINGS and path.is_file() and path not in paths:
            path.unlink()
    return paths


def point_columns(result: GainResult) -> dict[str, Sequence[Any]]:
    """One row for each point, in the order of voltages; units close the names."""
    points = result.points
    best = [best_method(point, result.curve.method) for point in points]
    gains = [None if method is None else point.gains[method] for point, method in zip(points, best, strict=True)]
    return {
        **{name: [of_point(one) for one in points] for name, of_point in CHARGE_COLUMNS.items()},
        **{name: [_number(one, field) for one in gains] for name, field in GAIN_COLUMNS.items()},
        "method": [method or "none" for method in best],
        **{name: [of_point(one) for one in points] for name, of_point in OTHER_COLUMNS.items()},
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
    parquet, plain, paper = (folder / f"{name}{ending}" for ending in ENDINGS)
    save_table(parquet, Table({heading: _array(values) for heading, values in columns.items()}))
    write_text(plain, to_csv(TextTable(printed.caption, tuple(Column(heading, values) for heading, values in columns.items()))))
    write_text(paper, to_latex(printed))
    return [parquet, plain, paper]


def _array(values: Sequence[Any]) -> np.ndarray:
    return np.array(values, dtype=np.str_) if values and isinstance(values[0], str) else np.asarray(values)


def _number(record: Any, field: str) -> float:
    return NAN if record is None else float(getattr(record, field))


def _of(part: str, field: str) -> OfPoint:
    """A number of a part of the point; NaN where the point lacks the part."""
    return lambda point: _number(getattr(point, part), field)


def _used(part: str) -> OfPoint:
    """Triggers of a sample of charges."""
    return lambda point: sample.n if (sample := getattr(point, part)) is not None else 0


def _efficiency(point: GainPoint) -> float:
    """Share of the triggers read that pass every step."""
    selected = point.efficiency.get("selected")
    return selected.passed / point.n_read if selected is not None and point.n_read else NAN


def _late_rate(point: GainPoint) -> float:
    return NAN if point.late is None or point.late.rate is None else point.late.rate.value


def _remarks(point: GainPoint) -> str:
    return "; ".join([*([point.reason] if point.reason else []), *point.flags])


CHARGE_COLUMNS: dict[str, OfPoint] = {
    "hv_v": attrgetter("hv_v"),
    "light": attrgetter("light"),
    "level": attrgetter("level"),
    "n_read": attrgetter("n_read"),
    "n_expected": attrgetter("n_expected"),
    "n": _used("charge"),
    "efficiency": _efficiency,
    "mean_charge_pc": _of("charge", "mean_pc"),
    "mean_charge_error_pc": _of("charge", "mean_error_pc"),
    "syst_uncorrelated_pc": attrgetter("syst_uncorrelated_pc"),
    "syst_scale_pc": attrgetter("syst_scale_pc"),
    "spread_pc": _of("charge", "spread_pc"),
    "skewness": _of("charge", "skewness"),
    "selected_mean_charge_pc": _of("selected", "mean_pc"),
    "selected_n": _used("selected"),
    "pedestal_kind": lambda point: "none" if point.pedestal is None else point.pedestal.kind,
    "pedestal_mean_pc": _of("pedestal", "mean_pc"),
    "pedestal_spread_pc": _of("pedestal", "spread_pc"),
}
GAIN_COLUMNS = {  # name -> field of the estimate by the best method
    "photoelectrons": "photoelectrons",
    "photoelectrons_error": "photoelectrons_error",
    "single_charge_pc": "charge_pc",
    "single_charge_error_pc": "charge_error_pc",
    "gain": "gain",
    "gain_statistical": "statistical",
    "gain_systematic": "systematic",
    "gain_model": "model",
    "delta": "delta",
}
OTHER_COLUMNS: dict[str, OfPoint] = {
    "transit_time_ns": _of("timing", "transit_time_ns"),
    "tts_sigma_ns": _of("timing", "tts_sigma_ns"),
    "tts_sigma_error_ns": _of("timing", "tts_sigma_error_ns"),
    "fwhm_ns": _of("timing", "fwhm_ns"),
    "late_rate": _late_rate,
    "valid": attrgetter("valid"),
    "remarks": _remarks,
}
