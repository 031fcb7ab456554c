"""Mean charges of the reference analysis as a table of text: columns mean_charge, std_dev_charge (pC), hv (V), pmt, and n where it is known."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from configs.errors import InputError, nearest
from data_info.pmt_point import refuse_pickle

REQUIRED = ("mean_charge", "std_dev_charge", "hv", "pmt")
COLUMNS = (*REQUIRED, "n")


@dataclass(frozen=True)
class LegacyCharge:
    """One point: mean charge without its sign, what the reference calls its standard deviation, and the number of waveforms where known."""

    pmt: str
    hv_v: float
    mean_pc: float
    spread_pc: float
    n: int | None


def read_legacy_charges(path: str | Path) -> list[LegacyCharge]:
    """Read the table that ``to_csv`` wrote of the reference's frames, with a column ``pmt`` added. Other columns (an index) are passed over.

    Raises ``InputError`` naming line and column of what is missing or no number, for a voltage given twice, and for a pickle.
    """
    path = Path(path)
    refuse_pickle(str(path), str(path))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            known = [name.strip() for name in reader.fieldnames or ()]
            missing = [name for name in REQUIRED if name not in known]
            if missing:
                raise InputError(f"{path}: no column {missing[0]!r}{nearest(missing[0], known)}; expected {', '.join(COLUMNS)} (n may be left out)")
            reader.fieldnames = known
            charges = [_charge(row, f"{path}: line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a readable table ({error}); expected text with the columns {', '.join(COLUMNS)}") from None
    if not charges:
        raise InputError(f"{path}: no rows; expected one for each photomultiplier and voltage")
    seen: set[tuple[str, float]] = set()
    for one in charges:
        if (one.pmt, one.hv_v) in seen:
            raise InputError(f"{path}: {one.pmt} at {one.hv_v:g} V is given twice; keep one row for each voltage")
        seen.add((one.pmt, one.hv_v))
    return charges


def _charge(row: dict[str, str | None], where: str) -> LegacyCharge:
    pmt = (row["pmt"] or "").strip()
    if not pmt:
        raise InputError(f"{where}: pmt is empty; name the photomultiplier, e.g. PMT_1")
    hv_v, mean, spread = (_number(row, name, where) for name in ("hv", "mean_charge", "std_dev_charge"))
    if not hv_v > 0.0:
        raise InputError(f"{where}: hv is {hv_v:g} V; give the magnitude of the voltage, above 0")
    return LegacyCharge(pmt, hv_v, abs(mean), abs(spread), _waveforms(row, where))


def _waveforms(row: dict[str, str | None], where: str) -> int | None:
    if not (row.get("n") or "").strip():
        return None
    n = _number(row, "n", where)
    if n < 2 or n != int(n):
        raise InputError(f"{where}: n is {n:g}; a mean with an error needs a whole number from 2 on, leave n empty where it is not known")
    return int(n)


def _number(row: dict[str, str | None], name: str, where: str) -> float:
    text = (row.get(name) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {name} is {text!r}, expected a number")
    return value
