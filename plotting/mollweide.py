"""A map of the whole sky in equatorial coordinates: Mollweide's projection, right ascension rising to the left, 12 h in the centre."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plotting.canvas import Array, Caption, page
from plotting.style import Style

WIDTH_IN, HEIGHT_IN = 11.0, 7.1
MAP_BOX_IN = (0.75, 1.55, 9.5, 5.0)  # left, bottom (above the foot), width, height
HOURS = range(3, 24, 3)


def sky_page(style: Style, caption: Caption) -> tuple[Figure, Axes]:
    """A page with an empty map; call it inside ``style.context()``."""
    sheet = page(style, caption, width_in=WIDTH_IN, height_in=HEIGHT_IN)
    frame = sheet.panels[0]
    for spine in frame.spines.values():
        spine.set_visible(False)
    frame.patch.set_visible(False)
    frame.set_xticks([])
    frame.set_yticks([])
    frame.tick_params(which="both", length=0)
    width, height = sheet.figure.get_size_inches()
    left, bottom, across, up = MAP_BOX_IN
    bottom += height - HEIGHT_IN  # lines at the foot
    axes = sheet.figure.add_axes((left / width, bottom / height, across / width, up / height), projection="mollweide")
    axes.set_xticks([math.pi - hour * math.pi / 12.0 for hour in HOURS], [f"{hour} h" for hour in HOURS], fontsize=12, color="#444444")
    degrees = (-60, -30, 0, 30, 60)
    axes.set_yticks(np.radians(degrees), [f"{one}°".replace("-", "\N{MINUS SIGN}") for one in degrees], fontsize=13)
    axes.grid(True, color="#888888", linewidth=0.5, alpha=0.5)
    return sheet.figure, axes


def across(ra_rad: Array) -> Array:
    """Position of a right ascension on the map's axis: pi at 0 h, on the right, falling to -pi at 24 h.

    >>> across(np.array([0.0, math.pi])).tolist()
    [3.141592653589793, 0.0]
    """
    return np.asarray(math.pi - np.asarray(ra_rad))


def line_pieces(ra_rad: Array, dec_rad: Array) -> list[tuple[Array, Array]]:
    """A line on the sky as pieces that do not run through the map where it leaves at one side and comes back at the other."""
    x = across(ra_rad % (2.0 * math.pi))
    breaks = np.flatnonzero(np.abs(np.diff(x)) > math.pi) + 1
    return list(zip(np.split(x, breaks), np.split(np.asarray(dec_rad), breaks), strict=True))
