"""A figure together with the numbers drawn in it, and how both are written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from plotting.style import Style
from records.atomic import replacing, write_text

# No time stamps and no versions: the same numbers give the same bytes.
METADATA: dict[str, dict[str, Any]] = {"png": {"Software": "Dynode"}, "pdf": {"Creator": "Dynode", "Producer": "Dynode", "CreationDate": None}}
ENCODING: dict[str, dict[str, Any]] = {"png": {"pil_kwargs": {"compress_level": 3}}, "pdf": {}}  # level 6: twice the time for files 10 % smaller


@dataclass(frozen=True)
class DrawnFigure:
    """``numbers`` holds every curve, bar, band and point of ``figure`` under names that close with a unit where there is one."""

    figure: Figure
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """Figures by name, each drawn when it is called; what was asked for and cannot be drawn, and why; the style of all."""

    figures: Mapping[str, Callable[[], DrawnFigure]]
    skipped: Mapping[str, str]
    style: Style


def save_figure(drawn: DrawnFigure, directory: str | Path, name: str, formats: Sequence[str], style: Style) -> list[Path]:
    """Write ``<name>.<format>`` for each format and ``<name>.json`` into ``directory``, each file atomically; returns their paths.

    The bytes depend on the figure alone (no dates). ``style``: the one that the figure was drawn in, because some settings act on rendering.
    """
    paths = [Path(directory) / f"{name}.{suffix}" for suffix in formats]
    with style.context():
        FigureCanvasAgg(drawn.figure)
        for path, suffix in zip(paths, formats, strict=True):
            with replacing(path) as temporary:
                drawn.figure.savefig(temporary, format=suffix, metadata=METADATA[suffix], **ENCODING[suffix])
    numbers = Path(directory) / f"{name}.json"
    write_text(numbers, readable(plain(drawn.numbers)) + "\n")
    return [*paths, numbers]


def readable(value: Any, indent: str = "") -> str:
    """JSON with a line for each name and each list in one line: a list with a line for each number is long to read and slow to write.

    >>> print(readable({"x": [1, 2], "y": {"z": None}}))
    {
     "x": [1, 2],
     "y": {
      "z": null
     }
    }
    """
    if not isinstance(value, Mapping) or not value:
        return json.dumps(value, allow_nan=False)
    inner = indent + " "
    lines = (f"{inner}{json.dumps(key)}: {readable(item, inner)}" for key, item in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def plain(value: Any) -> Any:
    """``value`` in JSON's own types: arrays become lists, NaN ``null``, infinities ``"inf"`` and ``"-inf"`` (as in results.json).

    >>> plain({"x": np.array([1.0, np.nan, np.inf])})
    {'x': [1.0, None, 'inf']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist() if _known_to_json(value) else plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def _known_to_json(values: np.ndarray | np.generic) -> bool:
    """Whether every number of an array is one that JSON knows."""
    return values.dtype.kind in "biu" or (values.dtype.kind == "f" and bool(np.isfinite(values).all()))
