"""The tank's wall laid flat: photomultipliers as circles, coloured by charge or time, with what is known of the track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from physics.tank import Tank
from physics.unrolled import on_wall, ring_on_wall, surface, unroll
from plotting.canvas import COLUMN_GAP_IN, NO_CAPTION, TOP, Array, Caption, page, short_number
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, GREY, VERMILLION, Style

PMT_DIAMETER_CM = 8.0  # 3-inch photomultipliers; their neighbours are 8.5 cm away
PANEL_IN = 9.0
BAR = (0.02, 0.085, 0.27, 0.022)  # the colour bar in the free lower left corner of a panel
MARGIN_CM = 60.0
COLOURS = "cividis_r"  # much is dark
SHARES = (0.01, 0.99)  # of the values: where colours begin and end
RING_POINTS = 720
NARROW = 8.0  # largest over smallest value of a logarithmic colour scale with few numbers


@dataclass(frozen=True)
class Track:
    """The true particle: vertex in cm, unit direction, half opening of its Cherenkov cone in rad (NaN: no single ring)."""

    vertex_cm: Array
    direction: Array
    angle: float


@dataclass(frozen=True)
class WallPanel:
    """``values`` (one per photomultiplier, NaN: not hit) with the label of their colours; ``text`` stands in the upper left corner."""

    values: Array
    label: str
    log: bool = False
    text: tuple[str, ...] = ()
    track: Track | None = None


def wall(
    panels: Sequence[WallPanel], position_cm: Array, tank: Tank, *, columns: int = 2, style: Style, caption: Caption = NO_CAPTION
) -> DrawnFigure:
    """Draw the panels in rows of ``columns``; ``position_cm`` (photomultipliers, 3). Photomultipliers without a hit are pale dots."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    u, v = unroll(position_cm, tank)
    reach = np.pi * tank.radius_cm + MARGIN_CM, tank.half_height_cm + 2.0 * tank.radius_cm + MARGIN_CM
    panel_height_in = PANEL_IN * reach[1] / reach[0]
    with style.context():
        width_in = 0.6 + PANEL_IN * columns + COLUMN_GAP_IN * (columns - 1)
        sheet = page(style, caption, columns=columns, rows=rows, width_in=width_in, left_in=0.3, right_in=0.3,
                     height_in=panel_height_in * rows + (rows - 1) + TOP + 0.3, bottom_in=0.3)  # fmt: skip
        for axes, panel in zip(sheet.panels, panels, strict=False):
            _outline(axes, tank, reach)
            mesh = _draw_values(axes, u, v, panel)
            if panel.track is not None:
                _draw_track(axes, panel.track, tank)
            axes.text(0.01, 0.99, "\n".join(panel.text), transform=axes.transAxes, va="top", fontsize=15, gid="text")
            bar = sheet.figure.colorbar(mesh, cax=axes.inset_axes(BAR), orientation="horizontal")
            bar.set_label(panel.label, fontsize=14, loc="center")
            bar.ax.tick_params(labelsize=13)
            if panel.log:
                narrow = mesh.norm.vmax < NARROW * mesh.norm.vmin
                bar.ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]) if narrow else LogLocator(subs=(1.0, 2.0, 5.0)))
            bar.ax.xaxis.set_major_formatter(FuncFormatter(short_number))
            bar.ax.xaxis.set_minor_formatter(NullFormatter())
        for axes in sheet.panels[len(panels) :]:
            axes.set_visible(False)
    drawn = [{"label": panel.label, "text": list(panel.text), **_hit(panel.values)} for panel in panels]
    return DrawnFigure(sheet.figure, {"panels": drawn})


def split_line(points_cm: Array, tank: Tank) -> tuple[Array, Array]:
    """A line on the wall as flat coordinates, interrupted by NaN where it passes from one surface to another or around the back of the barrel."""
    u, v = unroll(points_cm, tank)
    side = surface(points_cm, tank)
    breaks = np.flatnonzero((np.diff(side) != 0) | (np.abs(np.diff(u)) > tank.radius_cm)) + 1
    return np.insert(u, breaks, np.nan), np.insert(v, breaks, np.nan)


def _outline(axes: Axes, tank: Tank, reach: tuple[float, float]) -> None:
    line: dict[str, Any] = {"facecolor": "none", "edgecolor": GREY, "linewidth": 1.2}
    half = np.pi * tank.radius_cm
    axes.add_patch(Rectangle((-half, -tank.half_height_cm), 2.0 * half, 2.0 * tank.half_height_cm, **line))
    for side in (1, -1):
        axes.add_patch(Circle((0.0, side * (tank.half_height_cm + tank.radius_cm)), tank.radius_cm, **line))
    axes.set_xlim(-reach[0], reach[0])
    axes.set_ylim(-reach[1], reach[1])
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.plot([0.62 * half, 0.62 * half + 200.0], [-reach[1] + 30.0] * 2, color=BLACK, linewidth=2.5, gid="scale")
    axes.text(0.62 * half + 100.0, -reach[1] + 45.0, "2 m", ha="center", va="bottom", fontsize=14)


def _draw_values(axes: Axes, u: Array, v: Array, panel: WallPanel) -> Any:
    hit = np.isfinite(panel.values)
    axes.plot(u[~hit], v[~hit], ",", color="#d8d8d8", rasterized=True, gid="not hit")
    values = panel.values[hit]
    low, high = np.quantile(values, SHARES) if values.size else (0.0, 1.0)
    low = max(low, 1e-6) if panel.log else low
    high = max(high, low + 1e-9 if not panel.log else 1.5 * low)
    norm = LogNorm(low, high) if panel.log else Normalize(low, high)
    order = np.argsort(values, kind="stable")
    size = np.full(len(values), PMT_DIAMETER_CM)
    circles = EllipseCollection(
        size, size, np.zeros(len(values)), units="xy", offsets=np.column_stack([u[hit], v[hit]])[order], offset_transform=axes.transData,
        array=values[order], cmap=COLOURS, norm=norm, linewidths=0.0, rasterized=True, gid="hits",
    )  # fmt: skip
    axes.add_collection(circles)
    return circles


def _draw_track(axes: Axes, track: Track, tank: Tank) -> None:
    """Vertex (open circle, projected from the axis to the barrel), where the direction meets the wall (cross), ring (line)."""
    x, y, z = track.vertex_cm
    axes.plot(
        [tank.radius_cm * np.arctan2(z, x)], [y], "o", color=VERMILLION, markersize=10, markerfacecolor="none", markeredgewidth=2.2, gid="vertex"
    )
    u, v = unroll(on_wall(track.vertex_cm, track.direction, tank), tank)
    axes.plot([float(u)], [float(v)], "x", color=VERMILLION, markersize=11, markeredgewidth=2.6, gid="direction")
    if np.isfinite(track.angle):
        axes.plot(*split_line(ring_on_wall(track.vertex_cm, track.direction, track.angle, tank, RING_POINTS), tank), color=VERMILLION, linewidth=1.4,
                  gid="ring")  # fmt: skip


def _hit(values: Array) -> dict[str, Any]:
    rows = np.flatnonzero(np.isfinite(values))
    return {"pmt": rows, "values": values[rows]}
