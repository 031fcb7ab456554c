"""Data over stacked components, with a band and a ratio panel: one panel for all events or one for each topology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, PANEL_IN, SIDES_IN, WIDTH_IN, Array, Caption, Page, Scale, apply_scale, labelled_ticks, page, share_y
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, COMPONENTS, GREY, Style

RATIO_AT_LEAST = (0.25, 4.0)  # range of a logarithmic ratio panel: wide enough for its points, not narrower than this
RATIO_AT_MOST = (0.03, 30.0)  # nor wider than this
CLEAR_OF_TICK = 1.5  # how far above its highest number a logarithmic ratio panel ends
LINEAR_RATIO_TOPS = (2.4, 3.4, 4.4, 5.4)  # clear of a labelled tick at the top, where the panel above has its lowest
BAND: dict[str, Any] = {"facecolor": "none", "edgecolor": "#303030", "linewidth": 0.0, "hatch": "//////"}


@dataclass(frozen=True)
class Projection:
    """Expectation and data along one axis: ``n`` bins between ``n + 1`` edges.

    ``components``: group name of ``style.COMPONENTS`` -> events per bin. ``band``: low and high end of the total. ``counts`` with
    ``bars`` (low and high end of each count's interval). ``title`` names the panel. ``below``: edges and counts of data
    under the threshold, which are in no fit.
    """

    edges: Array
    components: Mapping[str, Array]
    counts: Array | None = None
    bars: tuple[Array, Array] | None = None
    band: tuple[Array, Array] | None = None
    title: str = ""
    below: tuple[Array, Array] | None = None

    @property
    def total(self) -> Array:
        """Sum of the components in each bin."""
        return np.sum([np.zeros(len(self.edges) - 1), *self.components.values()], axis=0)


@dataclass(frozen=True)
class Words:
    """What the figure says beside its axes: lines above the legend's entries, names of band and ratio, the edges' name in the numbers."""

    text: tuple[str, ...] = ()
    band: str = "Uncertainty"
    ratio: str = "Data / fit"
    quantity: str = "x"


NO_WORDS = Words()


def stacked(projections: Sequence[Projection], x: Scale, y: Scale, *, style: Style, caption: Caption = NO_CAPTION, words: Words = NO_WORDS,
            threshold: float | None = None) -> DrawnFigure:  # fmt: skip
    """Stack the components of each projection below its data, with the ratio of data and total in a panel below.

    Both axes, and the ratio, are logarithmic where ``x`` is. Bins without events keep the upper bar of their interval and have no point; in
    the ratio, bins without expectation are left out. A veil and a dashed line mark what lies below ``threshold``.
    """
    columns = len(projections)
    y = replace(y, log=x.log)
    ratios = [ratio(projection) for projection in projections]
    ratio_scale = Scale(words.ratio, x.log, _ratio_range(ratios, x.log))
    with style.context():
        sheet = page(style, caption, columns=columns, ratio=True, width_in=WIDTH_IN if columns == 1 else SIDES_IN + PANEL_IN * columns)
        for projection, values, axes, below in zip(projections, ratios, sheet.panels, sheet.ratios, strict=True):
            _draw_stack(axes, projection, x.log, words.band, sums=columns == 1)
            apply_scale(axes, replace(x, label=""), y)
            axes.tick_params(labelbottom=False)
            _draw_ratio(below, projection, values, x.log, ratio_scale)
            apply_scale(below, x, ratio_scale)
        sheet.ratios[0].set_ylabel(words.ratio, loc="center")
        share_y(sheet.panels)
        share_y(sheet.ratios)
        _mark_threshold(sheet, threshold)
        _place_legends(sheet, projections, words)
    numbers = [numbers_of(projection, words.quantity) for projection in projections]
    return DrawnFigure(sheet.figure, numbers[0] if columns == 1 else {"panels": numbers})


def ratio(projection: Projection) -> dict[str, Array]:
    """Data over total, its bars and the band; bins without expectation are NaN."""
    total = np.where(projection.total > 0.0, projection.total, np.nan)
    values: dict[str, Array] = {}
    if projection.counts is not None:
        values["ratio"] = projection.counts / total
    if projection.bars is not None:
        values |= {"ratio_low": projection.bars[0] / total, "ratio_high": projection.bars[1] / total}
    if projection.band is not None:
        values |= {"band_ratio_low": projection.band[0] / total, "band_ratio_high": projection.band[1] / total}
    return values


def numbers_of(projection: Projection, quantity: str) -> dict[str, Any]:
    """Everything that a panel shows, as arrays by name."""
    numbers: dict[str, Any] = {"title": projection.title, f"{quantity}_edges": projection.edges}
    numbers |= {"components": dict(projection.components), "total": projection.total}
    for name, pair in (("total", projection.band), ("count", projection.bars)):
        if pair is not None:
            numbers |= {f"{name}_low": pair[0], f"{name}_high": pair[1]}
    if projection.below is not None:
        numbers |= {f"below_{quantity}_edges": projection.below[0], "below_counts": projection.below[1]}
    return numbers | ({} if projection.counts is None else {"counts": projection.counts}) | ratio(projection)


def draw_counts(axes: Axes, edges: Array, values: Array, bars: tuple[Array, Array], geometric: bool, label: str = "") -> None:
    """Points with bars where there are events; where there are none (value 0) the upper bar alone, closed by a dash. NaN bins are left out."""
    centres = centres_of(edges, geometric)
    filled, empty = values > 0.0, (values == 0.0) & (bars[1] > 0.0)
    errors = np.array([values - bars[0], bars[1] - values])
    line: dict[str, Any] = {"elinewidth": 1.6, "ecolor": BLACK, "zorder": 5}
    axes.errorbar(centres[filled], values[filled], errors[:, filled], fmt="o", color=BLACK, markersize=6.5, label=label or None, gid="data", **line)
    if empty.any():
        axes.errorbar(centres[empty], values[empty], errors[:, empty], fmt="none", gid="empty", **line)
        axes.plot(centres[empty], bars[1][empty], "_", color=BLACK, markersize=8, markeredgewidth=1.6, zorder=5, gid="empty end")


def centres_of(edges: Array, geometric: bool) -> Array:
    """Where the points of a histogram stand: geometric centres of the bins on a logarithmic axis, else their middles."""
    return np.sqrt(edges[1:] * edges[:-1]) if geometric else 0.5 * (edges[1:] + edges[:-1])


def _draw_stack(axes: Axes, projection: Projection, geometric: bool, band_label: str, sums: bool) -> None:
    bottom = np.zeros(len(projection.edges) - 1)
    for name, component in COMPONENTS.items():
        if name in projection.components:
            values = projection.components[name]
            label = f"{component.label} ({values.sum():.3g})" if sums else component.label
            axes.stairs(bottom + values, projection.edges, baseline=bottom, fill=True, color=component.colour, label=label, gid=f"component {name}")
            axes.stairs(bottom + values, projection.edges, baseline=None, color=BLACK, linewidth=0.7, gid=f"edge {name}")  # told apart in grey
            bottom = bottom + values
    axes.stairs(bottom, projection.edges, color=BLACK, linewidth=1.4, gid="total")
    if projection.band is not None:
        axes.stairs(projection.band[1], projection.edges, baseline=projection.band[0], fill=True, label=band_label, gid="band", **BAND)
    if projection.counts is not None:
        bars = projection.bars or (projection.counts, projection.counts)
        draw_counts(axes, projection.edges, projection.counts, bars, geometric, f"Data ({projection.counts.sum():.0f})" if sums else "Data")
    if projection.below is not None:
        edges, counts = projection.below
        label = f"Not fitted ({counts.sum():.0f})" if sums else "Not fitted"
        look: dict[str, Any] = {"color": GREY, "markerfacecolor": "white", "markersize": 6.5, "markeredgewidth": 1.4, "zorder": 7}
        axes.plot(centres_of(edges, geometric)[counts > 0], counts[counts > 0], "o", label=label, gid="below", **look)


def _draw_ratio(axes: Axes, projection: Projection, values: Mapping[str, Array], geometric: bool, scale: Scale) -> None:
    axes.axhline(1.0, color=BLACK, linewidth=1.2)
    if "band_ratio_low" in values:
        known = np.isfinite(values["band_ratio_low"])
        low, high = (np.where(known, values[name], 1.0) for name in ("band_ratio_low", "band_ratio_high"))
        axes.stairs(high, projection.edges, baseline=low, fill=True, gid="band", **BAND)
    if "ratio" in values:
        assert scale.limits is not None
        points = values["ratio"]
        low, high = values.get("ratio_low", points), values.get("ratio_high", points)
        out_of_reach = (points == 0.0) & ~(high < scale.limits[1])  # an upper bar that leaves the panel says nothing
        draw_counts(axes, projection.edges, np.where(out_of_reach, np.nan, points), (low, high), geometric)
        _mark_beyond(axes, centres_of(projection.edges, geometric), points, scale.limits)


def _mark_beyond(axes: Axes, centres: Array, points: Array, limits: tuple[float, float]) -> None:
    """A triangle at the edge of a ratio panel for each point with events that lies outside."""
    for beyond, edge, marker in ((points > limits[1], 0.93, "^"), ((points > 0.0) & (points < limits[0]), 0.07, "v")):
        if beyond.any():
            height = np.full(int(beyond.sum()), edge)
            axes.plot(centres[beyond], height, marker, color=BLACK, markersize=8, transform=axes.get_xaxis_transform(), zorder=5, gid="beyond")


def _ratio_range(ratios: Sequence[Mapping[str, Array]], log: bool) -> tuple[float, float]:
    """One range for all ratio panels that holds every point with events."""
    points = np.concatenate([[1.0], *(values["ratio"] for values in ratios if "ratio" in values)])
    points = points[np.isfinite(points) & (points > 0.0)]
    if not log:
        highest = 1.1 * points.max()
        return 0.0, next((top for top in LINEAR_RATIO_TOPS if top > highest), LINEAR_RATIO_TOPS[-1])
    low, high = max(0.7 * points.min(), RATIO_AT_MOST[0]), min(1.4 * points.max(), RATIO_AT_MOST[1])
    low, high = float(min(low, RATIO_AT_LEAST[0])), float(max(high, RATIO_AT_LEAST[1]))
    steps = [step * 10.0**power for power in range(-2, 3) for step in labelled_ticks((low, high))]
    highest_tick = max(step for step in steps if step <= high)
    return low, max(high, CLEAR_OF_TICK * highest_tick)


def _mark_threshold(sheet: Page, threshold: float | None) -> None:
    """A veil over everything below the threshold, and a dashed line at it."""
    if threshold is None:
        return
    for axes in (*sheet.panels, *sheet.ratios):
        left = axes.get_xlim()[0]
        if left < threshold:
            for spine in axes.spines.values():
                spine.set_zorder(8)
            axes.axvspan(left, threshold, color="white", alpha=0.65, zorder=6, linewidth=0.0, gid="veil")
            axes.axvline(threshold, color=GREY, linestyle="--", linewidth=1.6, zorder=7, gid="threshold")
            axes.set_xlim(left=left)


def _place_legends(sheet: Page, projections: Sequence[Projection], words: Words) -> None:
    if len(projections) > 1:
        _place_panel_legends(sheet, projections, words)
        return
    axes, heights = sheet.panels[0], _heights(projections[0])
    text = (*((projections[0].title,) if projections[0].title else ()), *words.text)
    if text:
        left = place_legend(axes, heights, text=text, entries=False, loc="upper left")
        assert left is not None
        axes.add_artist(left).set_zorder(9)  # above the veil
    place_legend(axes, heights)


def _place_panel_legends(sheet: Page, projections: Sequence[Projection], words: Words) -> None:
    """Title and sums in every panel, the fit's numbers in the first, the legend in the last."""
    for column, (axes, projection) in enumerate(zip(sheet.panels, projections, strict=True)):
        sums = f"expected {projection.total.sum():.3g}" + ("" if projection.counts is None else f", data {projection.counts.sum():.0f}")
        text = (projection.title, sums, *(words.text if column == 0 else ()))
        place_legend(axes, _heights(projection), text=text, entries=axes is sheet.panels[-1], title=True)


def _heights(projection: Projection) -> list[tuple[Array, Array]]:
    tops = [projection.total] + [pair[1] for pair in (projection.band, projection.bars) if pair is not None]
    return [(projection.edges, np.max(tops, axis=0)), *([] if projection.below is None else [projection.below])]
