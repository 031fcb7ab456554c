"""ROC curves: signal efficiency against mis-identification, and rejection against efficiency."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, GREY, Component, Style
from records.performance import RocCurve, WorkingPoint

CURVE_POINTS = 600  # drawn, at most; the numbers are those drawn
ABOVE_ONE = 1.03  # where axes of efficiencies end, clear of the frame


@dataclass(frozen=True)
class Roc:
    """One curve with its look; ``published``: classifier -> AUC of the same pair, for the legend."""

    curve: RocCurve
    look: Component
    published: Mapping[str, float] | None = None


def roc(curves: Mapping[str, Roc], points: Sequence[WorkingPoint] = (), *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Left: efficiency against mis-identification with pointwise bands. Right: rejection 1/mis-identification on a logarithmic axis; where no
    background event passes, the limit from the upper end of the interval is a dotted line. Working points are stars with both intervals.
    """
    with style.context():
        sheet = page(style, caption, columns=2, width_in=14.6, gap_in=1.35)
        left, right = sheet.panels
        for name, one in curves.items():
            rows = thinned(one.curve)
            _draw_curve(left, name, one, rows)
            _draw_rejection(right, name, one, rows)
        left.plot([0.0, 1.0], [0.0, 1.0], color=GREY, linestyle=":", linewidth=1.4, label="No discrimination", gid="diagonal")
        for point in points:
            _draw_point(left, right, point)
        apply_scale(left, Scale("Background mis-identification", limits=(0.0, 1.0)), Scale("Signal efficiency", limits=(0.0, ABOVE_ONE)))
        apply_scale(
            right,
            Scale("Signal efficiency", limits=(0.0, ABOVE_ONE)),
            Scale("Background rejection (1 / mis-identification)", True, (0.9, _highest(curves))),
        )
        left.legend(loc="lower right", fontsize=13)
        text = [f"{key} AUC {value:.4g} (published)" for one in curves.values() for key, value in (one.published or {}).items()]
        place_legend(right, [], text=text, entries=False)
    drawn = {name: _numbers(one.curve, thinned(one.curve)) for name, one in curves.items()}
    return DrawnFigure(sheet.figure, {"curves": drawn, "working_points": [_point_numbers(point) for point in points]})


def thinned(curve: RocCurve) -> Array:
    """Rows of a curve that are drawn: all, or evenly spaced ones with both ends.

    >>> thinned(RocCurve(["e-"], "mu-", 1, 1, 0.5, 0.1, [0.0, 1.0], *[[0.0, 1.0]] * 6, 0.1, 0.1, 0.2)).tolist()
    [0, 1]
    """
    return np.unique(np.linspace(0, len(curve.cut) - 1, min(len(curve.cut), CURVE_POINTS)).astype(int))


def area(auc: float, error: float) -> str:
    """An AUC with its error: three decimals, more where the error is below one in a thousand.

    >>> area(0.7015, 0.0303), area(0.99987, 0.00012)
    ('0.702 ± 0.030', '0.99987 ± 0.00012')
    """
    digits = 3 if not 0.0 < error < 1e-3 else 1 - math.floor(math.log10(error))
    return f"{auc:.{digits}f} ± {error:.{digits}f}"


def _draw_curve(axes: Axes, name: str, one: Roc, rows: Array) -> None:
    efficiency, misidentification = np.array(one.curve.efficiency)[rows], np.array(one.curve.misidentification)[rows]
    low, high = np.array(one.curve.efficiency_low)[rows], np.array(one.curve.efficiency_high)[rows]
    label = f"{one.look.label}: AUC {area(one.curve.auc, one.curve.auc_error)}"
    axes.plot(misidentification, efficiency, color=one.look.colour, label=label, drawstyle="steps-post", gid=f"roc {name}")
    axes.fill_between(misidentification, low, high, step="post", color=one.look.colour, alpha=0.2, linewidth=0.0, gid=f"band {name}")


def _draw_rejection(axes: Axes, name: str, one: Roc, rows: Array) -> None:
    efficiency, misidentification = np.array(one.curve.efficiency)[rows], np.array(one.curve.misidentification)[rows]
    low, high = np.array(one.curve.misidentification_low)[rows], np.array(one.curve.misidentification_high)[rows]
    some = misidentification > 0.0
    axes.plot(efficiency[some], 1.0 / misidentification[some], color=one.look.colour, gid=f"rejection {name}")
    with np.errstate(divide="ignore"):
        ends = 1.0 / high[some], np.where(low[some] > 0.0, 1.0 / np.maximum(low[some], 1e-300), np.nan)
    axes.fill_between(efficiency[some], *ends, color=one.look.colour, alpha=0.2, linewidth=0.0)
    none = ~some & (efficiency > 0.0)
    if none.any():
        axes.plot(efficiency[none], 1.0 / high[none], color=one.look.colour, linestyle=":", gid=f"limit {name}")


def _draw_point(left: Axes, right: Axes, point: WorkingPoint) -> None:
    e, m = point.efficiency, point.misidentification
    bars: dict[str, Any] = {"fmt": "*", "color": BLACK, "markersize": 13, "elinewidth": 1.8, "zorder": 6, "gid": f"point {point.background}"}
    left.errorbar([m.value], [e.value], xerr=[[m.value - m.low], [m.high - m.value]], yerr=[[e.value - e.low], [e.high - e.value]], **bars)
    if m.value > 0.0:
        ends = 1.0 / m.high, 1.0 / m.low if m.low > 0.0 else math.inf
        up = min(ends[1] - 1.0 / m.value, 1e6)
        right.errorbar([e.value], [1.0 / m.value], xerr=[[e.value - e.low], [e.high - e.value]], yerr=[[1.0 / m.value - ends[0]], [up]], **bars)


def _highest(curves: Mapping[str, Roc]) -> float:
    """Where the axis of rejections ends: above the least rate that any curve resolves."""
    return 3.0 * max(max(one.curve.n_background for one in curves.values()), 10)


def _numbers(curve: RocCurve, rows: Array) -> dict[str, object]:
    names = ("cut", "efficiency", "efficiency_low", "efficiency_high", "misidentification", "misidentification_low", "misidentification_high")
    drawn: dict[str, object] = {name: np.array(getattr(curve, name))[rows] for name in names}
    return drawn | {"auc": curve.auc, "auc_error": curve.auc_error, "n_signal": curve.n_signal, "n_background": curve.n_background}


def _point_numbers(point: WorkingPoint) -> dict[str, object]:
    e, m = point.efficiency, point.misidentification
    return {
        "background": point.background, "rejection": point.rejection, "cut": point.cut, "efficiency": [e.value, e.low, e.high],
        "misidentification": [m.value, m.low, m.high],
    }  # fmt: skip
