"""Panels side by side with one y axis: curves over energy, and shares that add up to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plotting.canvas import NO_CAPTION, PANEL_IN, SIDES_IN, WIDTH_IN, Array, Caption, Page, Scale, apply_scale, page, share_y
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, BLUE, GREEN, GREY, OTHER, PURPLE, SKY, Style

COLOURS = (BLUE, OTHER, GREEN, BLACK, PURPLE, SKY)
DASHES = ("-", "--", "-.", ":")  # told apart in print without colours too
FILLS = (BLUE, OTHER, GREEN, GREY)
HATCHES = ("", "...", "", "///")
ROOM = 1.38  # upper end of an axis of shares: titles and legend stand above 1


@dataclass(frozen=True)
class Panel:
    """Curves (bins,) by name below a title."""

    title: str
    curves: Mapping[str, Array]


def step_curves(edges: Array, panels: Sequence[Panel], x: Scale, y: Scale, *, pairs: bool = False, style: Style,
                caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Steps between ``edges``; zeros are left out. ``pairs``: two curves after each other share a colour, the second is dashed."""
    with style.context():
        sheet = _sheet(panels, style, caption)
        for axes, panel in zip(sheet.panels, panels, strict=True):
            for i, (name, values) in enumerate(panel.curves.items()):
                look = (COLOURS[i // 2], DASHES[i % 2]) if pairs else (COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)])
                axes.stairs(np.where(values > 0.0, values, np.nan), edges, baseline=None, color=look[0], linestyle=look[1], linewidth=2.0,
                            label=name, gid=name)  # fmt: skip
            apply_scale(axes, x, y)
        share_y(sheet.panels)
        for axes, panel in zip(sheet.panels, panels, strict=True):
            text = (panel.title,) if panel.title else ()
            place_legend(axes, _heights(edges, panel), text=text, loc="upper left", title=bool(text), entries=axes is sheet.panels[0])
    return DrawnFigure(sheet.figure, {"energy_gev_edges": edges, "panels": [{"title": one.title, "curves": dict(one.curves)} for one in panels]})


def stacked_shares(edges: Array, panels: Sequence[Panel], x: Scale, label: str, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Shares stacked to one in each bin, the first name lowest; bins without any (NaN) stay white. The legend stands above."""
    with style.context():
        sheet = _sheet(panels, style, caption)
        for axes, panel in zip(sheet.panels, panels, strict=True):
            bottom = np.zeros(len(edges) - 1)
            for (name, values), colour, hatch in zip(panel.curves.items(), FILLS, HATCHES, strict=False):
                top = bottom + np.nan_to_num(values)
                axes.stairs(top, edges, baseline=bottom, fill=True, facecolor=colour, alpha=0.75, hatch=hatch, edgecolor=BLACK, linewidth=0.5,
                            label=name, gid=name)  # fmt: skip
                bottom = top
            axes.axhline(1.0, color=BLACK, linewidth=1.0)
            apply_scale(axes, x, Scale(label, limits=(0.0, 1.0)))
            axes.set_ylim(0.0, ROOM)
            axes.set_yticks(np.linspace(0.0, 1.0, 6))
            axes.text(0.04, 0.965, panel.title, transform=axes.transAxes, fontsize=16, weight="bold", va="top")
        share_y(sheet.panels)
        place_legend(sheet.panels[-1], loc=(0.01, 1.02 / ROOM), columns=2)
    return DrawnFigure(sheet.figure, {"energy_gev_edges": edges, "panels": [{"title": one.title, "shares": dict(one.curves)} for one in panels]})


def _sheet(panels: Sequence[Panel], style: Style, caption: Caption) -> Page:
    return page(style, caption, columns=len(panels), width_in=WIDTH_IN if len(panels) == 1 else SIDES_IN + PANEL_IN * len(panels))


def _heights(edges: Array, panel: Panel) -> list[tuple[Array, Array]]:
    return [(edges, np.max([np.nan_to_num(one) for one in panel.curves.values()], axis=0))]
