"""Studies of ``diffuse`` as tables for people and papers: shifts by choices of the surrogate, compositions by flavour."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from records.atomic import write_text
from records.diffuse import Composition, FlavourResult
from records.surrogate_study import SurrogateStudy
from records.text_tables import Column, TextTable, to_csv, to_latex

ENDINGS = ("csv", "tex")
FlavourRow = tuple[str, Composition, float, float, float]  # name, fractions, TS, asymptotic p, p from toys


def save_study_tables(directory: Path, results: Mapping[str, Any]) -> list[Path]:
    """Write ``<fit>.surrogate.csv`` and ``<fit>.flavour.csv`` of every study, with ``.tex``; those of earlier fits go. Returns the paths."""
    paths = []
    for name, result in results.items():
        if type(result) in TEXTS:
            paths += [_written(directory / f"{name}.{ending}", text) for ending, text in zip(ENDINGS, TEXTS[type(result)](result), strict=True)]
    for old in (one for kind in ("surrogate", "flavour") for ending in ENDINGS for one in directory.glob(f"*.{kind}.{ending}")):
        if old not in paths:
            old.unlink()
    return paths


def flavour_table(result: FlavourResult, *, grid: bool = False) -> TextTable:
    """The best composition and those of the sources with their TS and p-values; ``grid``: also every point of the scan."""
    rows: list[FlavourRow] = [("best fit", result.best, 0.0, 1.0, math.nan)]
    for name, fractions in result.sources.items():
        toys = result.toys.get(name)
        rows.append((name, fractions, result.ts[name], result.p_asymptotic(name), math.nan if toys is None else toys.p))
    if grid:
        rows += _grid_rows(result)
    columns = [Column("composition", [name for name, *_ in rows])]
    columns += [Column(f"fraction of {flavour}", [one[1][k] for one in rows], digits=2) for k, flavour in enumerate(("e", "mu", "tau"))]
    columns += [Column("TS", [one[2] for one in rows], digits=2), Column("p (chi2, 2 degrees)", [one[3] for one in rows], digits=3)]
    columns += [Column("p (toys)", [one[4] for one in rows], digits=3)] if result.toys else []
    return TextTable("Composition by flavour at Earth: twice the rise of -ln L above the best one, all other parameters profiled", tuple(columns))


def _grid_rows(result: FlavourResult) -> list[FlavourRow]:
    rows: list[FlavourRow] = []
    for i, e in enumerate(result.grid):
        for mu, delta in zip(result.grid[: len(result.grid) - i], result.delta_nll[i], strict=False):
            rows.append(("grid", (e, mu, max(1.0 - e - mu, 0.0)), 2.0 * delta, math.exp(-max(delta, 0.0)), math.nan))
    return rows


def surrogate_table(result: SurrogateStudy, *, reasons: bool = False) -> TextTable:
    """A row for each variation: shift of each parameter of interest, in its unit and over its error, its error then, change of -ln L.

    ``reasons``: also why the amount is what it is, and the recipe.
    """
    rows = result.variations
    columns = [
        Column("group", [one.group for one in rows]),
        Column("choice", [one.choice.replace("_", " ") for one in rows]),
        Column("variation", [one.change for one in rows]),
    ]
    for name, error in result.errors.items():
        columns += _moved(result, name, error)
    columns.append(Column("change of -ln L", [one.delta_nll for one in rows], digits=2))
    if result.composition is not None:
        columns += [_fraction(result, k, flavour) for k, flavour in enumerate(("e", "mu", "tau"))]
    if reasons:
        columns += _about(result)
    return TextTable("Shifts of the fit with other recipes of the surrogate response", tuple(columns))


def _moved(result: SurrogateStudy, name: str, error: float) -> list[Column]:
    shift = [one.shift[name] for one in result.variations]
    return [
        Column(f"shift of {name}", shift, digits=3),
        Column(f"shift of {name} / error", [one / error if error else math.nan for one in shift], digits=2),
        Column(f"error of {name}", [one.error[name] for one in result.variations], digits=3),
    ]


def _fraction(result: SurrogateStudy, k: int, flavour: str) -> Column:
    return Column(f"best fraction of {flavour}", [None if one.composition is None else one.composition[k] for one in result.variations], digits=2)


def _about(result: SurrogateStudy) -> list[Column]:
    return [
        Column("reason for the amount", [result.why[one.choice] for one in result.variations]),
        Column("recipe", [one.recipe for one in result.variations]),
        Column("failed", [one.reason for one in result.variations]),
    ]


def _written(path: Path, text: str) -> Path:
    write_text(path, text)
    return path


TEXTS: dict[type, Callable[[Any], tuple[str, str]]] = {
    SurrogateStudy: lambda one: (to_csv(surrogate_table(one, reasons=True)), to_latex(surrogate_table(one))),
    FlavourResult: lambda one: (to_csv(flavour_table(one, grid=True)), to_latex(flavour_table(one))),
}  # CSV, LaTeX
