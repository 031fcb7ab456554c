"""Counts that a fit predicts, as bands, with the data on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, PANEL_IN, SIDES_IN, WIDTH_IN, Array, Caption, Scale, apply_scale, page, share_y
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stack import centres_of
from plotting.style import BLACK, OURS, Style

BAND_95, BAND_68 = "#dddddd", "#b5b5b5"


@dataclass(frozen=True)
class PredictedPanel:
    """One projection: median expectation with its 68 % band, 68 and 95 % intervals of the counts (ends included), data or null."""

    title: str
    edges: Array
    median: Array
    expected: tuple[Array, Array]
    counts_68: tuple[Array, Array]
    counts_95: tuple[Array, Array]
    observed: Array | None
    p_value: float


def predicted_counts(panels: Sequence[PredictedPanel], x: Scale, y: Scale, source: str, quantity: str, *, style: Style,
                     caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Bands of the counts in grey, the expectation as a line with its band dashed. An interval that holds k counts spans k - 1/2 to k + 1/2.

    On a logarithmic axis bins without events have an open point at the foot.
    """
    with style.context():
        sheet = page(style, caption, columns=len(panels), width_in=WIDTH_IN if len(panels) == 1 else SIDES_IN + PANEL_IN * len(panels))
        for axes, panel in zip(sheet.panels, panels, strict=True):
            _draw_panel(axes, panel, x, y)
            apply_scale(axes, x, y)
        share_y(sheet.panels)
        for axes, panel in zip(sheet.panels, panels, strict=True):
            known = () if np.isnan(panel.p_value) else (f"p = {panel.p_value:.2f}",)
            text = (*((panel.title,) if panel.title else ()), *((source,) if axes is sheet.panels[0] else ()), *known)
            tops = [panel.counts_95[1] + 0.5] + ([] if panel.observed is None else [panel.observed])
            place_legend(axes, [(panel.edges, np.max(tops, axis=0))], text=text, title=bool(panel.title), entries=axes is sheet.panels[-1])
    numbers = [_numbers(panel, quantity) for panel in panels]
    return DrawnFigure(sheet.figure, numbers[0] if len(panels) == 1 else {"panels": numbers})


def _draw_panel(axes: Axes, panel: PredictedPanel, x: Scale, y: Scale) -> None:
    for (low, high), colour, name in ((panel.counts_95, BAND_95, "Counts, 95 %"), (panel.counts_68, BAND_68, "Counts, 68 %")):
        axes.stairs(high + 0.5, panel.edges, baseline=np.maximum(low - 0.5, 0.0), fill=True, color=colour, label=name, gid=name)
    axes.stairs(panel.median, panel.edges, baseline=None, color=OURS, linewidth=2.0, label="Expectation, 68 %", gid="median")
    for end, name in zip(panel.expected, ("low", "high"), strict=True):
        axes.stairs(end, panel.edges, baseline=None, color=OURS, linewidth=1.2, linestyle="--", gid=f"expected {name}")
    if panel.observed is not None:
        _draw_data(axes, centres_of(panel.edges, x.log), panel.observed, y)


def _draw_data(axes: Axes, centres: Array, observed: Array, y: Scale) -> None:
    """Points; on a logarithmic axis those of bins without events are open, at its foot."""
    assert y.limits is not None
    look: dict[str, Any] = {"color": BLACK, "markersize": 6.5, "clip_on": False, "zorder": 5}
    above = observed > 0.0 if y.log else np.ones(len(observed), dtype=bool)
    axes.plot(centres[above], observed[above], "o", label="Data", gid="data", **look)
    if not above.all():
        axes.plot(centres[~above], np.full(int((~above).sum()), y.limits[0]), "o", markerfacecolor="white", label="No events", gid="empty", **look)


def _numbers(panel: PredictedPanel, quantity: str) -> dict[str, Any]:
    numbers: dict[str, Any] = {"title": panel.title, f"{quantity}_edges": panel.edges, "median": panel.median, "p_value": panel.p_value}
    for name in ("expected", "counts_68", "counts_95"):
        low, high = getattr(panel, name)
        numbers |= {f"{name}_low": low, f"{name}_high": high}
    return numbers | ({} if panel.observed is None else {"observed": panel.observed})
