"""Tables of photomultiplier runs: which files belong to which tube, voltage, light source and light level (YAML, CSV or columns of text)."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from configs.document import Document, read_document
from configs.errors import InputError, nearest
from configs.strict import Strict
from data_info.pmt_point import FILE_PATTERN, MOST_FILES, MV_PER_V, Level, Light, Point, Source, beside, check_numbers, refuse_pickle
from data_info.pmt_run_rows import rows_points

RUNS = Path(__file__).with_name("pmt_runs.yaml")
PATTERN_FIELDS = ("base", "dir", "hv", "i")
KEYS = {"hv_v": "hv", "cut_v": "cut_mv", "q_ref_pc": "q_ref_pc"}  # of a number in the YAML form


@dataclass(frozen=True)
class Runs:
    """The points of one table, in its order."""

    path: Path
    points: tuple[Point, ...]

    @property
    def pmts(self) -> tuple[str, ...]:
        """Names of the tubes in the order of the table."""
        return tuple(dict.fromkeys(point.pmt for point in self.points))


def read_runs(path: str | Path) -> Runs:
    """Read a table of runs; the ending says the form: .yaml, .csv with a header, anything else ``dir_url pmt hv n_files`` in each line.

    Relative files are below the table's folder. Raises ``InputError`` naming line and key of what is wrong: unknown keys, lists of unequal
    length, voltages that are not positive or given twice, a pickle.
    """
    path = Path(path)
    refuse_pickle(str(path))
    if path.suffix.lower() in (".yaml", ".yml"):
        points = _from_yaml(path)
    else:
        points = rows_points(path)
    if not points:
        raise InputError(f"{path}: the table of runs has no point; give at least one tube with one voltage")
    _refuse_repeated(points, path)
    return Runs(path, tuple(points))


Count = Annotated[int, Field(gt=0, le=MOST_FILES)]


class _Tube(Strict):
    dir: str
    noisy: bool = False
    hv: list[float]
    n: list[Count]
    cut_mv: list[float] | None = None
    q_ref_pc: list[float] | None = None


class _Listed(Strict):
    """A point of its own: files of any name, LED off, low light, another light level."""

    pmt: str
    hv: float
    files: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)]
    n: Count | None = None
    cut_mv: float | None = None
    noisy: bool = False
    q_ref_pc: Annotated[float, Field(gt=0)] | None = None
    source: Source = "led"
    light: Light = "bright"
    level: Level = ""


class _Table(Strict):
    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    base: str = "."
    pattern: str = "{base}/{dir}/{hv}/" + FILE_PATTERN
    q_ref_pc_per_v: Annotated[float, Field(gt=0)] | None = None
    pmts: Annotated[dict[str, _Tube], Field(default_factory=dict)]
    points: Annotated[list[_Listed], Field(default_factory=list)]


def _from_yaml(path: Path) -> list[Point]:
    document = read_document(path, ())
    try:
        table = _Table.model_validate(document.data)
    except ValidationError as error:
        raise InputError("\n".join(_problem(document, problem) for problem in error.errors(include_url=False))) from None
    _check_pattern(document, table.pattern)
    points = [point for pmt, tube in table.pmts.items() for point in _tube_points(document, table, pmt, tube)]
    return points + [_listed_point(document, table, number, one) for number, one in enumerate(table.points)]


def _problem(document: Document, problem: Any) -> str:
    location = problem["loc"]
    if problem["type"] == "extra_forbidden":
        sections: dict[str, type[Strict]] = {"pmts": _Tube, "points": _Listed}
        model = sections.get(str(location[0]), _Table) if len(location) > 1 else _Table
        known = [field.alias or name for name, field in model.model_fields.items()]
        return document.say(location, f"unknown key{nearest(str(location[-1]), known)}")
    if problem["type"] == "missing":
        return document.say(location, "this key is required")
    return document.say(location, f"{problem['msg']} (given: {problem['input']!r})")


def _check_pattern(document: Document, pattern: str) -> None:
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
        unknown = next((name for name in fields if name not in PATTERN_FIELDS), None)
        if unknown is not None:
            raise InputError(document.say(("pattern",), f"unknown field {{{unknown}}}{nearest(unknown, PATTERN_FIELDS)}"))
        pattern.format(base="", dir="", hv="", i=0)
    except ValueError as error:
        raise InputError(document.say(("pattern",), f"{error}; expected e.g. {{base}}/{{dir}}/{{hv}}/{FILE_PATTERN}")) from None


def _tube_points(document: Document, table: _Table, pmt: str, tube: _Tube) -> list[Point]:
    for name in ("n", "cut_mv", "q_ref_pc"):
        values = getattr(tube, name)
        if values is not None and len(values) != len(tube.hv):
            raise InputError(document.say(("pmts", pmt, name), f"{len(values)} numbers for {len(tube.hv)} voltages in hv; give one for each"))
    return [_tube_point(document, table, pmt, tube, row) for row in range(len(tube.hv))]


def _tube_point(document: Document, table: _Table, pmt: str, tube: _Tube, row: int) -> Point:
    hv_v, n_files = tube.hv[row], tube.n[row]
    cut_v = None if tube.cut_mv is None else tube.cut_mv[row] / MV_PER_V
    q_ref_pc = tube.q_ref_pc[row] if tube.q_ref_pc else _scale(table, cut_v)
    check_numbers(hv_v, cut_v, q_ref_pc, lambda name: document.say(("pmts", pmt, KEYS[name], row), "").rstrip(": "))
    names = dict.fromkeys(table.pattern.format(base=table.base, dir=tube.dir, hv=f"{hv_v:g}", i=number) for number in range(n_files))
    files = tuple(beside(document.path, name) for name in names)
    return Point(pmt, hv_v, len(files), cut_v, tube.noisy, q_ref_pc, "led", "bright", files, f"{tube.dir}/{hv_v:g}")


def _listed_point(document: Document, table: _Table, number: int, one: _Listed) -> Point:
    cut_v = None if one.cut_mv is None else one.cut_mv / MV_PER_V
    q_ref_pc = one.q_ref_pc or _scale(table, cut_v)
    check_numbers(one.hv, cut_v, q_ref_pc, lambda name: document.say(("points", number, KEYS[name]), "").rstrip(": "))
    for name in one.files:
        refuse_pickle(name, document.say(("points", number, "files"), "").rstrip(": "))
    files = tuple(beside(document.path, name) for name in one.files)
    return Point(one.pmt, one.hv, one.n, cut_v, one.noisy, q_ref_pc, one.source, one.light, files, level=one.level)


def _scale(table: _Table, cut_v: float | None) -> float | None:
    return None if table.q_ref_pc_per_v is None or cut_v is None else table.q_ref_pc_per_v * abs(cut_v)


def _refuse_repeated(points: Iterable[Point], path: Path) -> None:
    repeated = [name for name, count in Counter(point.name for point in points).items() if count > 1]
    if repeated:
        raise InputError(
            f"{path}: {repeated[0]} is given twice; a tube has one point for each voltage, source and light level: correct the voltage, "
            f"label the light (level: 2), or give all files to one point"
        )
