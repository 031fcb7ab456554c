"""Ours beside published: parameters of several fits, two likelihood surfaces, points in segments with their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, beside, page
from plotting.contour import LINES
from plotting.drawn import DrawnFigure
from plotting.legend import end_below, place_legend
from plotting.matrix import name_ticks
from plotting.style import BLACK, GREY, OTHER, OURS, Style

ROW_IN, LETTER_IN = 0.62, 0.125
REACH = 1.0  # of differences over errors, at least
MAP_REACH = 2.0  # Delta NLL at the ends of the colours
MARKERS = "os^D"
BAND, LINE = "#dddddd", "#555555"
DIFFERENCE = r"(ours $-$ published) / $\sigma$"
Interval = tuple[float, float, float]  # value, minus, plus
Contours = Mapping[str, Sequence[Sequence[tuple[float, float]]]]  # probability content -> polylines


@dataclass(frozen=True)
class Look:
    """How one of two measurements is drawn; they differ in width and form for a reader who prints grey."""

    colour: str
    width: float
    marker: str
    size: float
    face: str
    edge: float


WIDE, NARROW = Look(OURS, 3.0, "*", 13, OURS, 0.5), Look(OTHER, 1.5, "o", 16, "none", 1.8)


@dataclass(frozen=True)
class Compared:
    """One parameter: published value, minus, plus, and that of each fit (None: the fit does not have it), with the difference over errors."""

    label: str
    published: Interval
    ours: Sequence[Interval | None]
    difference: Sequence[float]


def parameters(fits: Sequence[str], compared: Sequence[Compared], source: str, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """A panel for each parameter with the published interval as a band and a point for each fit, and one of the differences over both errors."""
    rows = np.arange(len(fits))
    left = 0.4 + LETTER_IN * max(len("Published"), *map(len, fits))
    with style.context():
        sheet = page(style, caption, columns=len(compared) + 1, left_in=left, width_in=left + 3.7 * (len(compared) + 1),
                     height_in=max(3.0 + ROW_IN * (len(fits) + 1), 4.4))  # fmt: skip
        for axes, one in zip(sheet.panels, compared, strict=False):
            _draw_parameter(axes, one)
        last = sheet.panels[-1]
        zero = last.axvline(0.0, color=BLACK, linewidth=1.0)
        for marker, one in zip(MARKERS, compared, strict=False):
            last.plot(one.difference, rows, marker, color=OURS, markersize=8, markerfacecolor=OURS if marker == "o" else "white",
                      markeredgewidth=1.8, label=one.label.partition(" [")[0], gid=f"difference {one.label}")  # fmt: skip
        widest = float(np.nanmax(np.abs([value for one in compared for value in one.difference]), initial=0.0))
        apply_scale(last, Scale(DIFFERENCE, limits=(-max(REACH, 1.2 * widest), max(REACH, 1.2 * widest))))
        for axes in sheet.panels:
            axes.set_ylim(len(fits) + 0.6, -1.4)
            axes.xaxis.set_major_locator(MaxNLocator(5))
            name_ticks(axes, [*fits, "Published"] if axes is sheet.panels[0] else [""] * (len(fits) + 1), both=False)
        end_below(last, zero, place_legend(last, loc="upper right", columns=2))
        sheet.panels[0].text(0.03, 0.97, source, transform=sheet.panels[0].transAxes, ha="left", va="top", fontsize=13)
    numbers = {one.label: {"published": one.published, "ours": list(one.ours), "difference": list(one.difference)} for one in compared}
    return DrawnFigure(sheet.figure, {"fits": list(fits), "source": source, "parameters": numbers})


def _draw_parameter(axes: Axes, one: Compared) -> None:
    value, minus, plus = one.published
    axes.axvspan(value - minus, value + plus, color=BAND, linewidth=0.0, zorder=0, gid="published band")
    axes.axvline(value, color=GREY, linewidth=1.2, zorder=1)
    known = [(row, ours) for row, ours in enumerate(one.ours) if ours is not None]
    bars: dict[str, Any] = {"markersize": 8, "elinewidth": 2.2}
    at = np.array([ours for _, ours in known]).reshape(-1, 3)
    axes.errorbar(at[:, 0], [row for row, _ in known], xerr=np.nan_to_num(at[:, 1:].T), fmt="o", color=OURS, gid="ours", **bars)
    axes.errorbar([value], [len(one.ours)], xerr=[[minus], [plus]], fmt="s", color=BLACK, gid="published", **bars)
    ends = np.array([*(at[:, 0] - np.nan_to_num(at[:, 1])), *(at[:, 0] + np.nan_to_num(at[:, 2])), value - minus, value + plus])
    margin = 0.15 * float(np.ptp(ends))
    apply_scale(axes, Scale(one.label, limits=(float(ends.min()) - margin, float(ends.max()) + margin)))


def nuisances(labels: Sequence[str], ours: Array, errors: Array, published: Array, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Nuisance parameters in units of their priors: ours with errors, the published best fit as open diamonds."""
    rows = np.arange(len(labels))
    with style.context():
        sheet = page(style, caption, left_in=1.9, height_in=max(2.6 + 0.75 * len(labels), 4.0))
        axes = sheet.panels[0]
        axes.axvspan(-1.0, 1.0, color=BAND, linewidth=0.0, zorder=0, gid="prior 1 sigma")
        zero = axes.axvline(0.0, color=BLACK, linewidth=1.0, zorder=1)
        axes.errorbar(ours, rows - 0.12, xerr=errors, fmt="o", color=OURS, markersize=8, elinewidth=2.2, label="This fit", gid="ours")
        axes.plot(published, rows + 0.12, "D", color=BLACK, markerfacecolor="white", markersize=8, markeredgewidth=1.8, label="Published best fit",
                  gid="published")  # fmt: skip
        reach = max(1.6, 1.15 * float(np.nanmax([*(np.abs(ours) + errors), *np.abs(published)])))
        apply_scale(axes, Scale(r"(value $-$ prior) / $\sigma_\mathrm{prior}$", limits=(-reach, reach)))
        axes.set_ylim(len(labels) - 0.4, -1.5)
        name_ticks(axes, labels, both=False)
        end_below(axes, zero, place_legend(axes, loc="upper right", columns=2))
    return DrawnFigure(sheet.figure, {"parameters": list(labels), "ours": ours, "error": errors, "published": published})


@dataclass(frozen=True)
class Surfaces:
    """Two surfaces of Delta NLL on the published grid (``ours`` NaN where it is not covered) with contours and best fits of both."""

    x: Array
    y: Array
    ours: Array
    published: Array
    contours: Mapping[str, Contours]  # by label, ours first
    best: Mapping[str, tuple[float, float]]


def surfaces(both: Surfaces, x: Scale, y: Scale, near: float, text: Sequence[str], *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """The difference ours - published as colours with its own lines, where either is below ``near``; contours and best fits of both on it."""
    difference = np.where(np.minimum(both.ours, both.published) < near, both.ours - both.published, np.nan)
    with style.context():
        sheet = page(style, caption, width_in=9.6, right_in=1.9)
        axes = sheet.panels[0]
        mesh = axes.pcolormesh(both.x, both.y, difference.T, cmap="RdBu_r", vmin=-MAP_REACH, vmax=MAP_REACH, shading="nearest", alpha=0.55,
                               linewidth=0.0, rasterized=True, gid="difference")  # fmt: skip
        lines = axes.contour(both.x, both.y, difference.T, levels=[-1.0, -0.5, 0.0, 0.5, 1.0, 2.0], colors=LINE, linewidths=0.9, linestyles="-")
        axes.clabel(lines, fontsize=11, fmt=lambda value: f"{value:+.1f}" if value else "0")
        for (label, by_content), look in zip(both.contours.items(), (WIDE, NARROW), strict=False):
            _draw_measurement(axes, label, by_content, both.best[label], look)
        apply_scale(axes, x, y)
        place_legend(axes, _tops(both, difference), text=text, fontsize=13)
        bar = sheet.figure.colorbar(mesh, cax=beside([axes]), extend="both")
        bar.set_label(r"$\Delta(-\ln L)$, ours $-$ published")
    return DrawnFigure(
        sheet.figure,
        {"x": both.x, "y": both.y, "delta_nll_ours": both.ours, "delta_nll_published": both.published, "difference": difference,
         "contours": {label: {content: list(lines) for content, lines in found.items()} for label, found in both.contours.items()},
         "best": dict(both.best)},
    )  # fmt: skip


def _draw_measurement(axes: Axes, label: str, contours: Contours, best: tuple[float, float], look: Look) -> None:
    for content, polylines in contours.items():
        for number, line in enumerate(polylines):
            name = f"{label}, {100 * float(content):.4g} %" if number == 0 else None
            axes.plot(*np.asarray(line).T, LINES.get(content, "-."), color=look.colour, linewidth=look.width, label=name, gid=f"{label} {content}")
    axes.plot(*best, look.marker, color=look.colour, markersize=look.size, markerfacecolor=look.face, markeredgewidth=look.edge, linestyle="none",
              zorder=5, label=f"{label}, best fit", gid=f"{label} best")  # fmt: skip


def _tops(both: Surfaces, difference: Array) -> list[tuple[Array, Array]]:
    """The highest coloured point of each column of the map, for the legend to keep clear of."""
    step = float(both.y[1] - both.y[0])
    top = np.max(np.where(np.isfinite(difference), both.y[None, :] + 0.5 * step, -np.inf), axis=1)
    width = 0.5 * float(both.x[1] - both.x[0])
    return [(np.append(both.x - width, both.x[-1] + width), top)]


def segments(edges_gev: Array, ours: Array, published: Array, difference: Array, unit: str, source: str, *, style: Style,
             caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Value, minus, plus (segments, 3) of both with bars, and below the difference over both errors."""
    centre, ratio = np.sqrt(edges_gev[1:] * edges_gev[:-1]), edges_gev[1:] / edges_gev[:-1]
    x = (float(edges_gev[0] / 1.3), float(edges_gev[-1] * 1.3))
    with style.context():
        sheet = page(style, caption, ratio=True, height_in=7.4)
        axes, below = sheet.panels[0], sheet.ratios[0]
        for number, (label, colour, values) in enumerate((("This fit", OURS, ours), (source, OTHER, published))):
            at = centre * ratio ** (0.12 * (2 * number - 1))
            across = np.array([at - edges_gev[:-1], edges_gev[1:] - at])
            axes.errorbar(at, values[:, 0], values[:, 1:].T, across, fmt="os"[number], color=colour, markersize=8, elinewidth=2.0,
                          markerfacecolor=(colour, "white")[number], markeredgewidth=1.8, label=label, gid=f"segments {label}")  # fmt: skip
        top = np.maximum(ours[:, 0] + ours[:, 2], published[:, 0] + published[:, 2])
        apply_scale(axes, Scale("", True, x), Scale(rf"$E^2\Phi$ [{unit}]", limits=(-0.03 * float(top.max()), 1.1 * float(top.max()))))
        axes.tick_params(labelbottom=False)
        below.axhline(0.0, color=BLACK, linewidth=1.0)
        below.plot(centre, difference, "o", color=BLACK, markersize=7, gid="difference")
        reach = max(REACH, 1.2 * float(np.nanmax(np.abs(difference), initial=0.0)))
        apply_scale(below, Scale(r"$E_\nu$ [GeV]", True, x), Scale(DIFFERENCE, limits=(-reach, reach)))
        below.set_ylabel("Difference / $\\sigma$", loc="center", fontsize=16)
        place_legend(axes, [(edges_gev, top)], text=(r"one flavour, $\nu + \bar\nu$",))
    return DrawnFigure(
        sheet.figure, {"edges_gev": edges_gev, "unit": unit, "ours": ours, "published": published, "difference": difference, "source": source}
    )
