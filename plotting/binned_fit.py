"""Binned data over stacked templates of any names, with the pulls below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.projections import count_bars
from plotting.stack import BAND, draw_counts
from plotting.style import BLACK, OURS, Component, Style

PULL_RANGE = 3.5  # shown, at least
PULL = r"Pull"


def binned_fit(edges: Array, counts: Array, expected: Mapping[str, Array], looks: Mapping[str, Component], x: Scale, y: Scale, *,
               errors: Array | None = None, text: Sequence[str] = (), pull: Array | None = None, numbered: bool = False, style: Style,
               caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Stack ``expected`` (name -> events per bin) below the counts. ``errors``: of the sum, drawn as a band and added in quadrature to the pull.

    ``pull``: as the fit states it; null: (data - expected) / sqrt(expected + error^2). Bins without expectation have none.
    ``numbered``: bins have numbers, not values.
    """
    total = np.sum(list(expected.values()), axis=0)
    variance = total + (0.0 if errors is None else errors**2)
    pulls = np.divide(counts - total, np.sqrt(variance), out=np.full(len(counts), np.nan), where=variance > 0.0) if pull is None else pull
    bars = count_bars(counts)
    high = float(np.max([total + (0.0 if errors is None else errors), bars[1]]))
    with style.context():
        sheet = page(style, caption, ratio=True, width_in=8.0 if len(counts) <= 40 else 13.0)
        axes, below = sheet.panels[0], sheet.ratios[0]
        bottom = np.zeros(len(counts))
        for name, values in expected.items():
            axes.stairs(bottom + values, edges, baseline=bottom, fill=True, color=looks[name].colour,
                        label=f"{looks[name].label} ({np.round(np.sum(values), 3):.4g})", gid=f"template {name}")  # fmt: skip
            bottom = bottom + values
        axes.stairs(total, edges, color=BLACK, linewidth=1.2, gid="total")
        if errors is not None:
            axes.stairs(total + errors, edges, baseline=np.maximum(total - errors, 0.0), fill=True, label="Template statistics", gid="band", **BAND)
        draw_counts(axes, edges, counts, bars, False, f"Data ({counts.sum():.0f})")
        apply_scale(axes, replace(x, label="", limits=(float(edges[0]), float(edges[-1]))), replace(y, limits=(0.0, 1.1 * high)))
        axes.tick_params(labelbottom=False)
        below.axhline(0.0, color=BLACK, linewidth=1.0)
        below.bar(0.5 * (edges[1:] + edges[:-1]), np.nan_to_num(pulls), np.diff(edges), color=OURS, alpha=0.6, gid="pulls")
        reach = max(PULL_RANGE, 1.1 * float(np.nanmax(np.abs(pulls), initial=0.0)))
        apply_scale(below, replace(x, limits=(float(edges[0]), float(edges[-1]))), Scale(PULL, limits=(-reach, reach)))
        below.set_ylabel(PULL, loc="center")
        if numbered:
            for panel in (axes, below):
                panel.xaxis.set_major_locator(MaxNLocator(integer=True))
                panel.xaxis.set_minor_locator(NullLocator())
        place_legend(axes, [(edges, np.maximum(total, bars[1]))], text=text)
    numbers = {"edges": edges, "counts": counts, "count_low": bars[0], "count_high": bars[1], "expected": dict(expected), "pull": pulls}
    return DrawnFigure(sheet.figure, numbers | ({} if errors is None else {"expected_error": errors}))
