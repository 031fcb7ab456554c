"""Limits over mass with the bands expected of background alone, beside limits of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, Style

ONE_SIGMA, TWO_SIGMA = "#6BC46D", "#FFE07A"
SHOWN_BEYOND, FAR = 3.0, 10.0  # of a curve that begins beyond our masses so much is shown, unless it begins further away than so many times ours
BOX = 1.06  # half width of the band at a single mass, as a factor
LINES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
OTHERS = ("#7F3C8D", "#E68310", "#3969AC", "#80604D", "#A5AA99")  # limits of others


@dataclass(frozen=True)
class Curve:
    """A limit over mass (rising) under a name."""

    label: str
    mass_gev: Array
    value: Array
    colour: str = BLACK
    line: Any = "-"


@dataclass(frozen=True)
class Expected:
    """Limits expected of background: median, and ends of the bands of one and two standard deviations, at ``mass_gev``; NaN where they are open."""

    mass_gev: Array
    median: Array
    one_sigma: tuple[Array, Array]
    two_sigma: tuple[Array, Array]
    label: str
    observed: Array = field(default_factory=lambda: np.zeros(0))


def brazil(expected: Expected, curves: Sequence[Curve], y: Scale, *, text: Sequence[str] = (), style: Style,
           caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw the bands, the median (dashed), the observed limit (line with points) where there is one, and other ``curves``; both axes logarithmic."""
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        for (low, high), colour, name in (
            (expected.two_sigma, TWO_SIGMA, r"$\pm2\sigma$ expected"),
            (expected.one_sigma, ONE_SIGMA, r"$\pm1\sigma$ expected"),
        ):
            mass, lower, upper = _widened(expected.mass_gev, low, high)
            axes.fill_between(mass, lower, upper, color=colour, linewidth=0.0, label=name, gid=name)
        mass, median, _ = _widened(expected.mass_gev, expected.median, expected.median)
        axes.plot(mass, median, "--", color=BLACK, linewidth=1.8, label=expected.label, gid="median")
        if expected.observed.size:
            axes.plot(expected.mass_gev, expected.observed, "o-", color=BLACK, markersize=6, label="Observed limit", gid="observed")
        for curve in curves:
            _draw(axes, curve)
        span = mass_range(expected.mass_gev, curves)
        masses, values = _all(expected, curves, span)
        apply_scale(axes, Scale(r"$m_\chi$ [GeV]", True, span), Scale(y.label, True, (0.3 * values.min(), 3.0 * values.max())))
        place_legend(axes, [(np.geomspace(*span, 60), _tops(masses, values, np.geomspace(*span, 60)))], text=text, fontsize=12.5)
    numbers: dict[str, Any] = {
        "mass_gev": expected.mass_gev, "median": expected.median, "minus_1": expected.one_sigma[0], "plus_1": expected.one_sigma[1],
        "minus_2": expected.two_sigma[0], "plus_2": expected.two_sigma[1], "expected": expected.label, "y": y.label,
        "curves": {curve.label: {"mass_gev": curve.mass_gev, "value": curve.value} for curve in curves},
    }  # fmt: skip
    return DrawnFigure(sheet.figure, numbers | ({"observed": expected.observed} if expected.observed.size else {}))


def mass_range(mass_gev: Array, others: Sequence[Curve] = ()) -> tuple[float, float]:
    """The x axis of limits: somewhat more than our masses, and the beginning of other curves that begin above them, not too far away.

    >>> low, high = mass_range(np.array([10.0, 300.0]))
    >>> round(low, 2), round(high, 1)
    (7.69, 390.0)
    """
    low, high = float(np.min(mass_gev)) / 1.3, 1.3 * float(np.max(mass_gev))
    if high < 4.0 * low:
        low, high = low / 1.7, 1.7 * high
    starts = [float(curve.mass_gev[0]) for curve in others if curve.mass_gev[0] > 0.5 * high]
    return low, max([high, *(SHOWN_BEYOND * one for one in starts if one < FAR * high)])


def _draw(axes: Axes, curve: Curve) -> None:
    marker = "D" if len(curve.mass_gev) == 1 else None
    axes.plot(curve.mass_gev, curve.value, linestyle=curve.line, marker=marker, color=curve.colour, linewidth=1.8, markersize=6, label=curve.label,
              gid=f"curve {curve.label}")  # fmt: skip


def _widened(mass: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
    """A single mass becomes a box."""
    if len(mass) > 1:
        return mass, low, high
    return np.array([mass[0] / BOX, mass[0] * BOX]), np.repeat(low, 2), np.repeat(high, 2)


def _all(expected: Expected, curves: Sequence[Curve], span: tuple[float, float]) -> tuple[Array, Array]:
    """Masses and values of all that is drawn inside the axes."""
    low, high = span
    parts = [(expected.mass_gev, one) for one in (expected.median, *expected.one_sigma, *expected.two_sigma)]
    parts += [(expected.mass_gev, expected.observed)] if expected.observed.size else []
    for curve in curves:
        inside = (curve.mass_gev >= low) & (curve.mass_gev <= high)
        parts.append((curve.mass_gev[inside], curve.value[inside]))
    mass, value = (np.concatenate(one) for one in zip(*parts, strict=True))
    finite = np.isfinite(value) & (value > 0.0)
    return mass[finite], value[finite]


def _tops(mass: Array, value: Array, edges: Array) -> Array:
    """The highest value near each of the bins between ``edges``."""
    reach = 1.15
    return np.array([max(value[(mass > low / reach) & (mass < high * reach)], default=0.0) for low, high in pairwise(edges)])


def together(groups: Mapping[str, tuple[str, Sequence[Curve]]], y: Scale, styles: Mapping[str, Any], *, style: Style,
             caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Curves of several channels on one panel: group -> (colour, curves); the colour tells the channel, the line (``styles``) what a curve is."""
    span = mass_range(np.concatenate([curves[0].mass_gev for _, curves in groups.values()]), [one for _, curves in groups.values() for one in curves])
    with style.context():
        sheet = page(style, caption, width_in=9.6)
        axes = sheet.panels[0]
        values = []
        for name, (colour, curves) in groups.items():
            for curve in curves:
                marker = "o" if len(curve.mass_gev) == 1 or curve.line == "-" else None
                axes.plot(curve.mass_gev, curve.value, linestyle=curve.line, color=colour, marker=marker, markersize=5, linewidth=1.9,
                          gid=f"{name}: {curve.label}")  # fmt: skip
                inside = (curve.mass_gev >= span[0]) & (curve.mass_gev <= span[1]) & np.isfinite(curve.value)
                values.append(curve.value[inside])
        drawn = np.concatenate(values)
        apply_scale(axes, Scale(r"$m_\chi$ [GeV]", True, span), Scale(y.label, True, (0.3 * drawn.min(), 3.0 * drawn.max())))
        handles = [Line2D([], [], color=colour, linewidth=3.0, label=name) for name, (colour, _) in groups.items()]
        handles += [Line2D([], [], color=BLACK, linestyle=line, label=label, linewidth=1.9) for label, line in styles.items()]
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top * (top / bottom) ** 0.32)
        axes.legend(handles=handles, loc="upper center", ncols=2, fontsize=12.5)
    numbers = {name: {curve.label: {"mass_gev": curve.mass_gev, "value": curve.value} for curve in curves} for name, (_, curves) in groups.items()}
    return DrawnFigure(sheet.figure, {"y": y.label, "channels": numbers})
