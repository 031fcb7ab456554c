"""Figures of a custom analysis: every histogram of one or two dimensions, one figure each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import hist
import numpy as np

from configs.schema import CustomConfig
from plotting.canvas import Array, Caption, Scale
from plotting.drawn import DrawnFigure, Plan
from plotting.histograms import categories, histogram, map_2d
from plotting.projections import count_bars
from plotting.style import Style, style

GEOMETRIC = 1.0e-6  # relative: edges whose ratios agree so far are drawn on a logarithmic axis
DRAWN_DIMENSIONS = (1, 2)


def plan(config: CustomConfig, hists: Mapping[str, Mapping[str, hist.Hist]], account: Mapping[str, Any]) -> Plan:
    """One figure ``<data set>.<histogram>`` for each histogram that has one or two axes; the others are named with the reason."""
    preset = style(config.plots.style)
    figures: dict[str, Callable[[], DrawnFigure]] = {}
    skipped: dict[str, str] = {}
    for dataset, by_name in hists.items():
        fraction = account["datasets"].get(dataset, {}).get("fraction", 1.0)
        warnings = (f"Partial data: {100 * fraction:.1f} % of {dataset} processed",) if fraction < 1.0 else ()
        for name, one in by_name.items():
            if one.ndim in DRAWN_DIMENSIONS:
                caption = Caption(config.plots.label, f"{dataset}: {name}", (), warnings)
                figures[f"{dataset}.{name}"] = partial(draw, one, preset, caption)
            else:
                skipped[f"{dataset}.{name}"] = f"it has {one.ndim} axes; figures are drawn for one or two"
    return Plan(figures, skipped, preset)


def draw(one: hist.Hist, preset: Style, caption: Caption) -> DrawnFigure:
    """Draw a histogram of one axis (bars: Feldman-Cousins for counts, else the root of the variance) or of two (a colour map)."""
    values = np.asarray(one.values(), float)
    unit = one.label or ("Mean" if one.kind == "MEAN" else "Entries")
    if one.ndim == 2:
        (x_edges, x), (y_edges, y) = (_axis(axis) for axis in one.axes)
        x_names, y_names = (_names(axis) for axis in one.axes)
        return map_2d(x_edges, y_edges, values, x, y, unit, x_names=x_names, y_names=y_names, style=preset, caption=caption)
    bars = _bars(one, values)
    if names := _names(one.axes[0]):
        return categories(names, values, bars, Scale(unit), style=preset, caption=caption)
    edges, x = _axis(one.axes[0])
    return histogram(edges, values, bars, x, Scale(unit), text=_entries(one), style=preset, caption=caption, quantity=one.axes[0].name or "x")


def _axis(axis: Any) -> tuple[Array, Scale]:
    edges = np.asarray(axis.edges, float)
    label = axis.label or axis.name or "bin"
    return edges, Scale(label, is_geometric(edges), (float(edges[0]), float(edges[-1])))


def is_geometric(edges: Array) -> bool:
    """Whether edges grow by a constant factor (over more than a factor 3 in all).

    >>> is_geometric(np.geomspace(1.0, 1e3, 7)), is_geometric(np.linspace(1.0, 2.0, 5))
    (True, False)
    """
    if edges[0] <= 0.0 or edges[-1] < 3.0 * edges[0]:
        return False
    steps = np.log(edges[1:] / edges[:-1])
    return bool(len(steps) > 1 and np.allclose(steps, steps[0], rtol=GEOMETRIC))


def _names(axis: Any) -> tuple[str, ...]:
    """Names of the bins of a category axis; of others nothing."""
    return tuple(str(word) for word in axis) if isinstance(axis, hist.axis.StrCategory | hist.axis.IntCategory) else ()


def _bars(one: hist.Hist, values: Array) -> tuple[Array, Array]:
    counts = one.kind == "COUNT" and np.all(values >= 0.0) and np.array_equal(values, np.round(values))
    if counts:
        return count_bars(values)
    variances = one.variances()
    sigma = np.zeros_like(values) if variances is None else np.sqrt(np.nan_to_num(np.asarray(variances, float)))
    return values - sigma, values + sigma


def _entries(one: hist.Hist) -> tuple[str, ...]:
    """Sum of the bins and of what lies outside the axis, in words."""
    if one.kind != "COUNT":
        return ()
    total, inside = float(np.sum(one.values(flow=True))), float(np.sum(one.values()))
    return (f"entries {inside:.6g}", *((f"outside {total - inside:.4g}",) if total != inside else ()))
