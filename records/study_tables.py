"""Studies of ``diffuse`` as tables for people and papers: shifts by choices of the surrogate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from records.atomic import write_text
from records.surrogate_study import SurrogateStudy
from records.text_tables import Column, TextTable, to_csv, to_latex

ENDINGS = ("csv", "tex")


def save_study_tables(directory: Path, results: Mapping[str, Any]) -> list[Path]:
    """Write ``<fit>.surrogate.csv`` and ``.tex`` of every study; those of earlier fits are removed. Returns the paths."""
    paths = []
    for name, result in results.items():
        if isinstance(result, SurrogateStudy):
            texts = to_csv(surrogate_table(result, reasons=True)), to_latex(surrogate_table(result))
            paths += [_written(directory / f"{name}.{ending}", text) for ending, text in zip(ENDINGS, texts, strict=True)]
    for old in (one for ending in ENDINGS for one in directory.glob(f"*.surrogate.{ending}")):
        if old not in paths:
            old.unlink()
    return paths


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


def _about(result: SurrogateStudy) -> list[Column]:
    return [
        Column("reason for the amount", [result.why[one.choice] for one in result.variations]),
        Column("recipe", [one.recipe for one in result.variations]),
        Column("failed", [one.reason for one in result.variations]),
    ]


def _written(path: Path, text: str) -> Path:
    write_text(path, text)
    return path
