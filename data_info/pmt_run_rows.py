"""Tables of photomultiplier runs as CSV, or as columns of text in the way of the reference analysis."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from configs.errors import InputError, nearest
from data_info.pmt_point import AUTOSAVE, FILE_PATTERN, MOST_FILES, Point, beside, check_numbers, is_remote, refuse_pickle

CSV_REQUIRED = ("pmt", "hv_v", "url_or_dir")
CSV_COLUMNS = (*CSV_REQUIRED, "n_files", "cut_v", "noisy", "q_ref_pc", "source", "light", "level")
TEXT_COLUMNS = ("url_or_dir", "pmt", "hv_v", "n_files")
WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
SOURCES = {"led": "led", "off": "off"}
LIGHTS = {"bright": "bright", "low": "low"}


def rows_points(path: Path) -> list[Point]:
    """Points of a .csv (header: ``CSV_COLUMNS``), or of a text with ``dir_url pmt hv n_files`` in each line. Raises ``InputError`` with the line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable table of runs ({error})") from None
    rows = [(number, line) for number, line in enumerate(lines, start=1) if line.strip() and not line.lstrip().startswith("#")]
    named = _csv_rows(path, rows) if path.suffix.lower() == ".csv" else _text_rows(path, rows)
    return [_row_point(path, f"{path}:{number}", row) for number, row in named]


def folder_files(folder: str, n_files: int | None, where: str) -> tuple[str, ...]:
    """The files of a folder: numbered ones behind a URL, every .trc of a local folder, a single file or pattern as it is."""
    if folder.lower().endswith((".trc", ".parquet")) or any(mark in folder for mark in "*?["):
        return (folder,)
    if not is_remote(folder):
        return (f"{folder.rstrip('/')}/*.trc",)
    if n_files is None:
        raise InputError(f"{where}: n_files is needed: a web server does not tell how many files lie below {folder}")
    return tuple(f"{folder.rstrip('/')}/{FILE_PATTERN.format(i=number)}" for number in range(n_files))


def _csv_rows(path: Path, rows: list[tuple[int, str]]) -> Iterable[tuple[int, dict[str, str]]]:
    parsed = [[value.strip() for value in row] for row in csv.reader(line for _, line in rows)]
    header = parsed[0] if parsed else []
    for name in header:
        if name not in CSV_COLUMNS:
            raise InputError(f"{path}: unknown column {name!r}{nearest(name, CSV_COLUMNS)}")
    if missing := [name for name in CSV_REQUIRED if name not in header]:
        raise InputError(f"{path}: no column {missing[0]!r}; the first line must name the columns {', '.join(CSV_COLUMNS)}")
    for (number, _), values in zip(rows[1:], parsed[1:], strict=True):
        yield number, _named(f"{path}:{number}", header, values)


def _text_rows(path: Path, rows: list[tuple[int, str]]) -> Iterable[tuple[int, dict[str, str]]]:
    for number, line in rows:
        row = _named(f"{path}:{number}", TEXT_COLUMNS, line.split())
        yield number, {**row, "pmt": f"PMT_{row['pmt']}" if row["pmt"].isdigit() else row["pmt"]}


def _named(where: str, columns: Iterable[str], values: list[str]) -> dict[str, str]:
    names = list(columns)
    if len(values) != len(names):
        raise InputError(f"{where}: {len(values)} values, expected {len(names)}: {' '.join(names)}")
    return dict(zip(names, values, strict=True))


def _row_point(path: Path, where: str, row: Mapping[str, str]) -> Point:
    hv_v = _number(row["hv_v"], f"{where}: hv_v")
    n_files = _count(row.get("n_files", ""), f"{where}: n_files")
    cut_v, q_ref_pc = (_number(row[name], f"{where}: {name}") if row.get(name) else None for name in ("cut_v", "q_ref_pc"))
    check_numbers(hv_v, cut_v, q_ref_pc, lambda key: f"{where}: {key}")
    noisy = _word(row.get("noisy") or "false", WORDS, f"{where}: noisy")
    source = _word(row.get("source") or "led", SOURCES, f"{where}: source")
    light = _word(row.get("light") or "bright", LIGHTS, f"{where}: light")
    refuse_pickle(row["url_or_dir"], where)
    files = tuple(beside(path, name) for name in folder_files(row["url_or_dir"], n_files, where))
    folder, level = _copy_folder(row["url_or_dir"]), row.get("level") or ""
    return Point(row["pmt"], hv_v, n_files, cut_v, noisy, q_ref_pc, source, light, files, folder, level)


def _copy_folder(url: str) -> str | None:
    """``PMT_1_2/1400`` of ``https://.../PMT_1_2/1400/Autosave/``."""
    if not is_remote(url):
        return None
    parts = [part for part in PurePosixPath(re.sub(r"^\w+://[^/]*", "", url)).parts if part not in ("/", AUTOSAVE) and not part.endswith(".trc")]
    return "/".join(parts[-2:]) or None


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{where}: {text!r} is not a number") from None


def _count(text: str, where: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) <= MOST_FILES:
        raise InputError(f"{where}: {text!r} is not a number of files; give a whole number from 1 to {MOST_FILES}")
    return int(text)


def _word(text: str, known: Mapping[str, Any], where: str) -> Any:
    if text.lower() not in known:
        raise InputError(f"{where}: {text!r} is not possible{nearest(text, known)}")
    return known[text.lower()]
