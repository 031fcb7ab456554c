"""One event in the tank as seen from outside: hit photomultipliers in space, the true vertex, direction and Cherenkov ring."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from physics.tank import Tank
from physics.unrolled import on_wall, ring_on_wall, surface
from plotting.canvas import NO_CAPTION, Array, Caption
from plotting.drawn import DrawnFigure
from plotting.map_panels import number_bar
from plotting.style import GREY, VERMILLION, Style, experiment_label
from plotting.wall import COLOURS, RING_POINTS, SHARES, Track, WallPanel

SIZE_IN = (9.0, 8.2)
ELEVATION_DEG, AZIMUTH_DEG = 22.0, -60.0
CIRCLE_POINTS, EDGES = 121, 8  # of a cap's outline; lines along the barrel
HIT_POINTS2 = 9.0  # area of a hit's marker


def wall_3d(panel: WallPanel, position_cm: Array, tank: Tank, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Draw the hits of one event (``panel.values`` by photomultiplier, NaN: not hit) in space, y upwards.

    ``position_cm`` (n, 3). The numbers hold the hit photomultipliers and their values, as on the unrolled wall.
    """
    hit = np.flatnonzero(np.isfinite(panel.values))
    values = panel.values[hit]
    with style.context():
        figure = Figure(figsize=SIZE_IN)
        axes = figure.add_axes((0.0, 0.02, 0.88, 0.9), projection="3d")
        assert isinstance(axes, Axes3D)
        _outline(axes, tank)
        low, high = np.quantile(values, SHARES) if values.size else (0.0, 1.0)
        norm = LogNorm(max(low, 1e-6), max(high, 1.5 * max(low, 1e-6))) if panel.log else Normalize(low, max(high, low + 1e-9))
        x, y, z = position_cm[hit].T
        marks = axes.scatter(x, z, y, c=values, s=HIT_POINTS2, cmap=COLOURS, norm=norm, linewidths=0.0, depthshade=False, rasterized=True, gid="hits")
        if panel.track is not None:
            _track(axes, panel.track, tank)
        axes.set_axis_off()
        axes.set_box_aspect((2 * tank.radius_cm, 2 * tank.radius_cm, 2 * tank.half_height_cm), zoom=1.25)
        axes.view_init(ELEVATION_DEG, AZIMUTH_DEG)
        bar = figure.colorbar(marks, cax=figure.add_axes((0.87, 0.2, 0.025, 0.55)), label=panel.label)
        number_bar(bar, norm)
        frame = figure.add_axes((0.02, 0.02, 0.96, 0.91), frameon=False)
        frame.set_axis_off()
        experiment_label(frame, style, caption.label, caption.right)
        frame.text(0.01, 0.98, "\n".join(panel.text), transform=frame.transAxes, va="top", fontsize=15, gid="text")
        foot = "   ".join((*caption.warnings, *caption.notes))
        frame.text(0.0, 0.0, foot, transform=frame.transAxes, fontsize=11.5, color=VERMILLION, gid="foot")
    return DrawnFigure(figure, {"label": panel.label, "text": list(panel.text), "pmt": hit, "values": values})


def _outline(axes: Axes3D, tank: Tank) -> None:
    angle = np.linspace(0.0, 2.0 * math.pi, CIRCLE_POINTS)
    x, z = tank.radius_cm * np.cos(angle), tank.radius_cm * np.sin(angle)
    for height in (-tank.half_height_cm, tank.half_height_cm):
        axes.plot(x, z, np.full_like(x, height), color=GREY, linewidth=1.2, gid="cap")
    for number in range(EDGES):
        place = number * (CIRCLE_POINTS - 1) // EDGES
        axes.plot([x[place]] * 2, [z[place]] * 2, [-tank.half_height_cm, tank.half_height_cm], color=GREY, linewidth=0.5, gid="barrel")


def _track(axes: Axes3D, track: Track, tank: Tank) -> None:
    """Vertex, the way to where the direction meets the wall, and the ring, interrupted where it passes from one surface to another."""
    end = on_wall(track.vertex_cm, track.direction, tank)
    x, y, z = np.stack([track.vertex_cm, np.asarray(end, float).reshape(3)]).T
    axes.plot(x, z, y, color=VERMILLION, linewidth=1.8, gid="direction")
    axes.plot(x[:1], z[:1], y[:1], "o", color=VERMILLION, markersize=8, markerfacecolor="white", markeredgewidth=2.0, gid="vertex")
    if np.isfinite(track.angle):
        ring = ring_on_wall(track.vertex_cm, track.direction, track.angle, tank, RING_POINTS)
        breaks = np.flatnonzero(np.diff(surface(ring, tank)) != 0) + 1
        rx, ry, rz = np.insert(ring, breaks, np.nan, axis=0).T
        axes.plot(rx, rz, ry, color=VERMILLION, linewidth=1.2, gid="ring")
