"""The flux of neutrinos: E^2 Phi per flavour with its band, published segments beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, OURS, PURPLE, Style
from plotting.symbols import E2_FLUX_UNIT

LABEL = rf"$E^2\,\Phi_{{\nu+\bar\nu}}$ per flavour [{E2_FLUX_UNIT}]"
COLOURS = (BLACK, PURPLE)
BESIDE = 0.1  # distance of points of two sets, in widths of a segment
DECADES = 3.0  # shown below the highest point
ARROWS = "Arrows: upper ends of 68 % intervals that reach 0"


@dataclass(frozen=True)
class Band:
    """A fitted spectrum: E^2 Phi per flavour in GeV cm^-2 s^-1 sr^-1 with its 68 % band at ``energy_gev``."""

    energy_gev: Array
    flux: Array
    low: Array
    high: Array
    label: str


@dataclass(frozen=True)
class Segments:
    """A piecewise spectrum: E^2 Phi in each segment; where ``low`` is 0 the upper end is a limit."""

    edges_gev: Array
    flux: Array
    low: Array
    high: Array
    label: str


def spectrum(
    bands: Sequence[Band], segments: Sequence[Segments] = (), *, text: Sequence[str] = (), style: Style, caption: Caption = NO_CAPTION
) -> DrawnFigure:
    """Draw fitted spectra over the energies that they were measured at, and segments as points with bars (limits as arrows, with a note)."""
    if any(bool((one.low <= 0.0).any()) for one in segments):
        caption = replace(caption, notes=(ARROWS, *caption.notes))
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        for one, colour in zip(bands, (OURS, *COLOURS), strict=False):
            axes.fill_between(one.energy_gev, one.low, one.high, color=colour, alpha=0.3, linewidth=0.0, gid="band")
            axes.plot(one.energy_gev, one.flux, color=colour, linewidth=2.6, label=one.label, gid="flux")
        for number, (one_set, colour) in enumerate(zip(segments, COLOURS, strict=False)):
            _draw_segments(axes, one_set, colour, number - 0.5 * (min(len(segments), len(COLOURS)) - 1))
        low, high = _range(bands, segments)
        apply_scale(axes, Scale(r"$E_\nu$ [GeV]", True, _energies(bands, segments)), Scale(LABEL, True, (low, high)))
        heights = [(np.append(one.energy_gev, one.energy_gev[-1] * 1.01), one.high) for one in bands] + [
            (one.edges_gev, one.high) for one in segments
        ]
        if text:
            corner = place_legend(axes, text=text, entries=False, loc="lower left")
            assert corner is not None
            axes.add_artist(corner)
        place_legend(axes, heights)
    return DrawnFigure(
        sheet.figure,
        {
            "unit": "GeV cm^-2 s^-1 sr^-1 per flavour, nu + nubar",
            "bands": [_band(one) for one in bands],
            "segments": [_segments(one) for one in segments],
        },
    )


def _draw_segments(axes: Axes, segments: Segments, colour: str, place: float) -> None:
    centre = np.sqrt(segments.edges_gev[1:] * segments.edges_gev[:-1])
    centre = centre * (segments.edges_gev[1:] / segments.edges_gev[:-1]) ** (place * BESIDE)
    sides = np.array([centre - segments.edges_gev[:-1], segments.edges_gev[1:] - centre])
    limit = segments.low <= 0.0
    heights = np.where(limit, segments.high, segments.flux)
    bars = np.array([np.where(limit, 0.4 * segments.high, segments.flux - segments.low), np.where(limit, 0.0, segments.high - segments.flux)])
    line: dict[str, Any] = {"color": colour, "elinewidth": 1.8, "capsize": 0}
    axes.errorbar(
        centre[~limit], heights[~limit], bars[:, ~limit], sides[:, ~limit], fmt="o", markersize=7, label=segments.label, gid="segments", **line
    )
    if limit.any():
        axes.errorbar(centre[limit], heights[limit], bars[:, limit], sides[:, limit], fmt="none", uplims=True, gid="limits", **line)


def _range(bands: Sequence[Band], segments: Sequence[Segments]) -> tuple[float, float]:
    values = np.concatenate([*(np.concatenate([one.low, one.high]) for one in bands), *(np.concatenate([one.low, one.high]) for one in segments)])
    positive = values[values > 0.0]
    high = 2.0 * float(positive.max())
    low = max(0.4 * float(positive.min()), high * 10.0**-DECADES)
    return min(low, 0.9 * 10.0 ** math.floor(math.log10(high) - 1.0)), high  # two numbers on the axis


def _energies(bands: Sequence[Band], segments: Sequence[Segments]) -> tuple[float, float]:
    ends = np.concatenate([*(one.energy_gev for one in bands), *(one.edges_gev for one in segments)])
    return float(ends.min() / 1.5), float(ends.max() * 1.5)


def _band(one: Band) -> dict[str, Any]:
    return {"label": one.label, "energy_gev": one.energy_gev, "e2_flux": one.flux, "e2_flux_low": one.low, "e2_flux_high": one.high}


def _segments(one: Segments) -> dict[str, Any]:
    return {"label": one.label, "edges_gev": one.edges_gev, "e2_flux": one.flux, "e2_flux_low": one.low, "e2_flux_high": one.high}
