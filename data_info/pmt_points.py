"""The points of a data set: chosen from a table of runs by tube and voltage, or one point with files of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.errors import InputError, nearest
from configs.schema import PmtDataset, PmtGainConfig
from data_info.files import find_files, search_roots
from data_info.pmt_point import Point, check_numbers, refuse_pickle
from data_info.pmt_runs import RUNS, Runs, read_runs

METADATA = ("pmt", "hv_v", "n_files", "cut_v", "noisy", "q_ref_pc", "source", "light", "level")  # of a data set with files of its own
SOURCES, LIGHTS = ("led", "off"), ("bright", "low")


def points(config: PmtGainConfig, dataset_name: str, table: Path | None = None) -> list[Point]:
    """The points of a data set, in the order of its table; ``table``: of a generated data set, whose own entry names none.

    Raises ``InputError`` with the key path for tubes and voltages that the table does not have, and for metadata that make no point.
    """
    dataset = config.datasets[dataset_name]
    where = f"{config.source}: datasets.{dataset_name}"
    if table is None and dataset.runs is None:
        return [_single(config, dataset_name, dataset, where)]
    return choose(read_runs(table or find_runs(dataset.runs or "", config.source, where)), dataset.pmts, dataset.hv_v, where)


def find_runs(name: str, config_file: Path, where: str) -> Path:
    """A table of runs beside the configuration, in the working or data directory, or the table of this package by its name."""
    refuse_pickle(name, f"{where}.runs")
    places = [root / Path(name).expanduser() for root in search_roots(config_file)]
    if Path(name).name == RUNS.name:
        places.append(RUNS)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise InputError(
            f"{where}.runs: no file {name!r}; looked for {', '.join(map(str, dict.fromkeys(places)))}; {RUNS.name} is the table of Dynode"
        )
    return found


def choose(runs: Runs, pmts: Sequence[str] | None, hv_v: Sequence[float] | None, where: str) -> list[Point]:
    """Points of the tubes and voltages wanted (null: all), in the order of the table; off and low-light points come with their voltage."""
    unknown = sorted(set(pmts or ()) - set(runs.pmts))
    if unknown:
        raise InputError(f"{where}.pmts: {unknown[0]!r} is not a tube of {runs.path}{nearest(unknown[0], runs.pmts)}")
    of_tubes = [point for point in runs.points if pmts is None or point.pmt in pmts]
    known = {point.hv_v for point in of_tubes}
    absent = sorted(set(hv_v or ()) - known)
    if absent:
        have = ", ".join(f"{value:g}" for value in sorted(known))
        raise InputError(f"{where}.hv_v: {absent[0]:g} V is no voltage of {', '.join(pmts or runs.pmts)}; known: {have}")
    return [point for point in of_tubes if hv_v is None or point.hv_v in hv_v]


def _single(config: PmtGainConfig, name: str, dataset: PmtDataset, where: str) -> Point:
    """The point of a data set with files of its own, from its metadata."""
    told: dict[str, Any] = dict(dataset.metadata)
    _check_keys(told, where)
    source = _one_of(SOURCES, "off" if told.get("source") is False else told.get("source", "led"), f"{where}.metadata.source")
    light = _one_of(LIGHTS, told.get("light", "bright"), f"{where}.metadata.light")
    n_files = told.get("n_files")
    if n_files is not None and (not isinstance(n_files, int) or isinstance(n_files, bool) or n_files <= 0):
        raise InputError(f"{where}.metadata.n_files: {n_files!r} is not a number of files; give a whole number above 0")
    hv_v, cut_v, q_ref_pc = (_float(told.get(key), f"{where}.metadata.{key}") for key in ("hv_v", "cut_v", "q_ref_pc"))
    check_numbers(hv_v or 0.0, cut_v, q_ref_pc, lambda key: f"{where}.metadata.{key}")
    files = tuple(find_files(name, dataset, config.source))
    level = told.get("level", "")
    if not isinstance(level, str | int) or isinstance(level, bool):
        raise InputError(f"{where}.metadata.level: {level!r} is not a label of a light level; give a word or a whole number")
    return Point(str(told["pmt"]), hv_v or 0.0, n_files, cut_v, bool(told.get("noisy")), q_ref_pc, source, light, files, level=str(level))


def _check_keys(told: Mapping[str, Any], where: str) -> None:
    for key in ("pmt", "hv_v"):
        if key not in told:
            raise InputError(f"{where}.metadata: {key} is missing; files of one point need metadata: {{pmt: NAME, hv_v: 1400}}")
    unknown = [key for key in told if key not in METADATA]
    if unknown:
        raise InputError(f"{where}.metadata.{unknown[0]}: unknown key{nearest(unknown[0], METADATA)}")


def _one_of(known: Sequence[str], value: Any, where: str) -> Any:
    if value not in known:
        raise InputError(f"{where}: {value!r} is not possible{nearest(str(value), known)}")
    return value


def _float(value: Any, where: str) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return None if value is None else float(value)
    raise InputError(f"{where}: {value!r} is not a number")
