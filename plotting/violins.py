"""Distributions of one quantity for several samples beside each other: the shape as a violin, quartiles as a box, median as a line."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, page
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, Component, Style

FEW = 10  # a sample of fewer entries is shown as its entries
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
HALF_WIDTH = 0.4


def violins(samples: Mapping[str, Array], looks: Mapping[str, Component], edges: Array, y: Scale, *, note: str = "", style: Style,
            caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """One column per sample: its histogram in ``edges`` mirrored, box from 25 to 75 %, whiskers to 5 and 95 %, white line at the median.

    Below each name stands the number of entries; a sample of fewer than ten is shown as points, an empty one stays empty.
    """
    drawn = {}
    with style.context():
        sheet = page(style, caption, width_in=max(8.0, 1.6 + 1.7 * len(samples)), bottom_in=1.0)
        axes = sheet.panels[0]
        for place, (name, values) in enumerate(samples.items()):
            values = values[np.isfinite(values)]
            colour = looks[name].colour
            counts = np.histogram(values, edges)[0]
            if len(values) >= FEW:
                half = HALF_WIDTH * counts / max(counts.max(), 1)
                steps, heights = np.repeat(half, 2), np.repeat(edges, 2)[1:-1]
                axes.fill_betweenx(heights, place - steps, place + steps, color=colour, alpha=0.45, linewidth=0.0, gid=f"violin {name}")
                low, first, median, third, high = np.quantile(values, SHARES)
                axes.vlines(place, low, high, color=BLACK, linewidth=1.6, gid=f"whiskers {name}")
                axes.bar(place, third - first, 0.14, bottom=first, color=colour, edgecolor=BLACK, linewidth=1.4, zorder=3, gid=f"box {name}")
                axes.hlines(median, place - 0.07, place + 0.07, color="white", linewidth=3.0, zorder=4, gid=f"median {name}")
                quantiles = dict(zip(("q05", "q25", "median", "q75", "q95"), (low, first, median, third, high), strict=True))
            else:
                axes.plot(np.full(len(values), place), values, "o", color=colour, markerfacecolor="white", gid=f"entries {name}")
                quantiles = {}
            drawn[name] = {"entries": len(values), "counts": counts, **quantiles}
        axes.set_xticks(np.arange(len(samples)), [f"{looks[name].label}\n{drawn[name]['entries']} events" for name in samples])
        axes.tick_params(axis="x", which="both", length=0)
        axes.set_xlim(-0.6, len(samples) - 0.4)
        axes.set_ylim(y.limits or (edges[0], edges[-1] + 0.08 * (edges[-1] - edges[0])))
        axes.set_ylabel(y.label)
        axes.text(0.02, 0.98, note, transform=axes.transAxes, va="top", fontsize=13, gid="note")
    return DrawnFigure(sheet.figure, {"y": y.label, "note": note, "edges": edges, "samples": drawn})
