"""Small ticks of an axis as one artist: matplotlib makes five objects for each of them, half of the time of a page with many panels."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT, TICKRIGHT, TICKUP
from matplotlib.ticker import Locator

ZORDER = 2.01  # of ticks
INWARD: dict[str, tuple[Any, Any]] = {"x": (TICKUP, TICKDOWN), "y": (TICKRIGHT, TICKLEFT)}  # markers at the lower or left side and at the other
SIDES = {"x": ("bottom", "top"), "y": ("left", "right")}


class Quiet(Locator):
    """Says of no tick, so that the axis makes none, and keeps the locator that knows them. Another locator in its place ends the small ticks."""

    def __init__(self, inner: Locator) -> None:
        self.inner = inner

    def set_axis(self, axis: Any) -> None:
        """The axis whose range decides."""
        super().set_axis(axis)
        self.inner.set_axis(axis)

    def __call__(self) -> Any:  # noqa: D102 - of Locator
        return []

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """None."""
        return []


class SmallTicks(Artist):
    """Draws the small ticks of an axis in one stroke for each side, in the style of the moment when it is made."""

    def __init__(self, axis: Axis) -> None:
        super().__init__()
        self.axis, self.name = axis, name_of(axis)
        style: Any = matplotlib.rcParams
        settings = {key: style[f"{self.name}tick.{key}"] for key in ("direction", "minor.size", "minor.width", "color")}
        self.look = {"markersize": settings["minor.size"], "markeredgewidth": settings["minor.width"], "color": settings["color"]}
        self.outward = settings["direction"] == "out"
        shown = [style[f"{self.name}tick.{side}"] and style[f"{self.name}tick.minor.{side}"] for side in SIDES[self.name]]
        self.sides = [side for side, there in enumerate(shown) if there]
        self.set_zorder(ZORDER)
        self.set_gid(f"small ticks {self.name}")

    def draw(self, renderer: RendererBase) -> None:
        """Draw them where the axis is visible and nothing has taken the place of its locator."""
        locator, axes = self.axis.get_minor_locator(), self.axis.axes
        if not (isinstance(locator, Quiet) and self.axis.get_visible() and axes.axison):
            return
        at = np.asarray(locator.inner(), float)
        low, high = sorted(self.axis.get_view_interval())
        at = at[(at >= low) & (at <= high)]
        transform = axes.get_xaxis_transform() if self.name == "x" else axes.get_yaxis_transform()
        for side in self.sides:
            across = np.full(len(at), float(side))
            marker = INWARD[self.name][side if not self.outward else 1 - side]
            x, y = (at, across) if self.name == "x" else (across, at)
            line = Line2D(x, y, linestyle="None", marker=marker, transform=transform, clip_on=False, **self.look)
            line.axes = axes
            figure = axes.get_figure(root=True)
            assert figure is not None
            line.set_figure(figure)
            line.draw(renderer)


def name_of(axis: Axis) -> str:
    """``x`` or ``y``."""
    return "x" if axis is axis.axes.xaxis else "y"


def small_ticks(axis: Axis, locator: Locator) -> None:
    """Give an axis small ticks where ``locator`` says; none where the style has none."""
    style: Any = matplotlib.rcParams
    if not style[f"{name_of(axis)}tick.minor.visible"]:
        return
    axis.set_minor_locator(Quiet(locator))
    if not any(isinstance(one, SmallTicks) and one.axis is axis for one in axis.axes.artists):
        axis.axes.add_artist(SmallTicks(axis))
