"""What the figures of ``pmt_gain`` against the voltage have in common: points of one photomultiplier, ranges of voltage."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import Array
from plotting.pmt_gain_view import RunView

MARGIN = 0.04  # of ln V, beyond the points


def draw_points(
    axes: Axes, view: RunView, pmt: str, x: Array, y: Array, error: Array, *, label: str | None = None, gid: str = "points", hollow: bool = False
) -> None:
    """Points of a photomultiplier with errors, in its colour and marker; ``gid`` names them with the photomultiplier behind."""
    look = view.looks[pmt]
    axes.errorbar(
        x,
        y,
        yerr=error,
        fmt=look.marker,
        color=look.colour,
        markersize=7.0 if hollow else 6.0,
        markerfacecolor="white" if hollow else look.colour,
        elinewidth=1.6,
        label=label,
        gid=f"{gid} {pmt}",
    )


def beside(view: RunView, order: int) -> float:
    """A factor on the voltage that sets points of several photomultipliers beside each other."""
    return 1.0 + 0.006 * (order - 0.5 * (len(view.measured) - 1))


def voltage_range(hv_v: Array) -> tuple[float, float]:
    """Limits of an axis that holds voltages (V) with a margin that is the same on both sides of a logarithmic one."""
    low, high = math.log(float(np.min(hv_v))), math.log(float(np.max(hv_v)))
    return math.exp(low - MARGIN), math.exp(high + MARGIN)


def all_voltages(view: RunView) -> Array:
    """Voltages (points,) of every photomultiplier."""
    return np.array([point.hv_v for result in view.measured.values() for point in result.points])
