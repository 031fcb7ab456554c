"""The page that every figure is drawn on: panels of fixed size, the experiment's label, the words at its foot, room for the legend."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import AutoMinorLocator, FuncFormatter, LogFormatterSciNotation, LogLocator, MultipleLocator, NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from plotting.style import VERMILLION, Style, experiment_label
from plotting.ticks import small_ticks

Array = NDArray[np.float64]

WIDTH_IN, HEIGHT_IN = 8.0, 6.8
LEFT, RIGHT, TOP, BOTTOM = 1.15, 0.3, 0.5, 0.85  # margins in inches: fixed, so that figures of one analysis lie on top of each other
PANEL_IN, SIDES_IN = 4.6, 1.55  # width of one panel of several, and of what stands beside them
RATIO_IN, GAP_IN = 1.5, 0.12
COLUMN_GAP_IN = 0.55  # between panels side by side: room for the tick labels at their ends
ROW_GAP_IN = 1.0  # between rows of panels: room for tick labels and label
FOOT_LINE_IN = 0.2
FOOT_LETTERS_PER_INCH = 13.5
EXPERIMENT_LETTER_IN, LABEL_LETTER_IN = 0.16, 0.115  # mean width of a letter above the panels


@dataclass(frozen=True)
class Caption:
    """Words that stand on every figure of one result.

    ``label`` follows the experiment's name, ``right`` stands above the upper right corner, ``notes`` (where the response came from) and
    ``warnings`` (partial data) stand at the foot, word for word.
    """

    label: str = ""
    right: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


NO_CAPTION = Caption()


@dataclass(frozen=True)
class Scale:
    """One axis of a panel: its label with unit, whether it is logarithmic, and its range (null: from what is drawn)."""

    label: str
    log: bool = False
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Page:
    """A figure and its panels; ``ratios[i]`` lies below ``panels[i]``."""

    figure: Figure
    panels: tuple[Axes, ...]
    ratios: tuple[Axes, ...] = ()


def page(style: Style, caption: Caption, *, columns: int = 1, rows: int = 1, ratio: bool = False, width_in: float = WIDTH_IN,
         height_in: float = HEIGHT_IN, left_in: float = LEFT, right_in: float = RIGHT, bottom_in: float = BOTTOM,
         gap_in: float = COLUMN_GAP_IN, row_gap_in: float = ROW_GAP_IN, ratio_in: float = RATIO_IN) -> Page:  # fmt: skip
    """An empty page of ``rows`` x ``columns`` panels (row by row), each with a ratio panel below if wanted; call it inside ``style.context()``.

    ``width_in`` and ``height_in`` are those of the whole page; lines at the foot make it taller. ``gap_in``: between panels side by side,
    ``row_gap_in``: between rows; ``ratio_in``: height of a ratio panel.
    """
    caption = _fitted(caption, style, width_in - left_in - right_in)
    lines = _foot_lines(caption, width_in)
    foot_in = FOOT_LINE_IN * len(lines)
    figure = Figure(figsize=(width_in, height_in + foot_in))
    column_in = (width_in - left_in - right_in - gap_in * (columns - 1)) / columns
    row_in = (height_in - TOP - bottom_in - row_gap_in * (rows - 1)) / rows
    panels: list[Axes] = []
    ratios: list[Axes] = []
    for row in range(rows):
        for column in range(columns):
            x = left_in + column * (column_in + gap_in)
            y = foot_in + bottom_in + (rows - 1 - row) * (row_in + row_gap_in)
            low_in = ratio_in + GAP_IN if ratio else 0.0
            panels.append(_axes(figure, x, y + low_in, column_in, row_in - low_in))
            if ratio:
                ratios.append(_axes(figure, x, y, column_in, ratio_in))
    experiment_label(panels[0], style, caption.label, caption.right if columns == 1 else "")
    if columns > 1 and caption.right:
        panels[columns - 1].text(1.0, 1.01, caption.right, transform=panels[columns - 1].transAxes, ha="right", va="bottom", fontsize=16)
    for row, (text, colour, weight) in enumerate(reversed(lines)):
        figure.text(0.1 / width_in, (0.06 + FOOT_LINE_IN * row) / (height_in + foot_in), text, fontsize=11.5, color=colour, weight=weight, gid="foot")
    return Page(figure, tuple(panels), tuple(ratios))


def beside(panels: Sequence[Axes]) -> Axes:
    """Axes for a colour bar at the right of one or more panels of a page, as high as these are."""
    figure = panels[0].get_figure(root=True)
    assert figure is not None
    boxes, width = [axes.get_position() for axes in panels], figure.get_size_inches()[0]
    right, low, high = max(box.x1 for box in boxes), min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    return figure.add_axes((right + 0.15 / width, low, 0.3 / width, high - low))


def share_y(panels: Sequence[Axes]) -> None:
    """Give panels side by side one y axis: same range, numbers and label at the first only."""
    for axes in panels[1:]:
        axes.sharey(panels[0])
        axes.tick_params(labelleft=False)
        axes.set_ylabel("")


def apply_scale(axes: Axes, x: Scale | None = None, y: Scale | None = None) -> None:
    """Set labels, scales and ranges of both axes; logarithmic axes get a tick per decade and small ones between."""
    if x is not None:
        axes.set_xlabel(x.label)
        axes.set_xscale("log" if x.log else "linear")
        axes.set_xlim(x.limits)
        _set_ticks(axes.xaxis, x)
    if y is not None:
        axes.set_ylabel(y.label)
        axes.set_yscale("log" if y.log else "linear")
        axes.set_ylim(y.limits)
        _set_ticks(axes.yaxis, y)


def _set_ticks(axis: Axis, scale: Scale) -> None:
    if scale.log:
        labelled = labelled_ticks(scale.limits)
        axis.set_major_locator(LogLocator(subs=labelled, numticks=12))
        axis.set_major_formatter(LogFormatterSciNotation() if labelled == (1.0,) else FuncFormatter(short_number))
        small_ticks(axis, LogLocator(subs=tuple(range(2, 10)), numticks=12))
        axis.set_minor_formatter(NullFormatter())
        return
    small_ticks(axis, AutoMinorLocator())
    if isinstance(axis.get_major_formatter(), ScalarFormatter):
        axis.set_major_formatter(PlainNumbers())
    if scale.limits == (-1.0, 1.0):
        axis.set_major_locator(MultipleLocator(0.5))


class PlainNumbers(ScalarFormatter):
    """Numbers at ticks as plain text; the power of ten at the end of an axis stays mathematics."""

    def __init__(self) -> None:
        super().__init__(useOffset=False, useMathText=False)

    def get_offset(self) -> str:
        """The power of ten, as mathematics."""
        self._useMathText = True
        try:
            return super().get_offset()
        finally:
            self._useMathText = False


def labelled_ticks(limits: tuple[float, float] | None) -> tuple[float, ...]:
    """Which multiples of powers of ten are labelled on a logarithmic axis: 1, 2 and 5 where there would be fewer than two numbers.

    On axes of very large or small numbers one power of ten is enough: numbers between have long names.

    >>> labelled_ticks((0.2, 7.0)), labelled_ticks((2e4, 3e5)), labelled_ticks((1e-1, 1e2))
    ((1.0, 2.0, 5.0), (1.0,), (1.0,))
    """
    if limits is None or limits[0] <= 0.0:
        return (1.0,)
    powers = math.floor(math.log10(limits[1])) - math.ceil(math.log10(limits[0])) + 1
    short = limits[0] > 1e-3 and limits[1] < 1e4
    return (1.0, 2.0, 5.0) if powers < (2 if short else 1) else (1.0,)


def short_number(value: float, _: float | None = None) -> str:
    """A tick's number without needless digits: as it is between 0.001 and 9999, else with a power of ten.

    >>> short_number(0.5), short_number(2e5)
    ('0.5', '$2\\\\times10^{5}$')
    """
    if value == 0.0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:g}"
    power = math.floor(math.log10(abs(value)) + 1e-9)
    factor = f"{value / 10.0**power:g}"
    return f"$10^{{{power}}}$" if factor == "1" else f"${factor}\\times10^{{{power}}}$"


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    full_width, full_height = figure.get_size_inches()
    return figure.add_axes((left / full_width, bottom / full_height, width / full_width, height / full_height))


def _fitted(caption: Caption, style: Style, width_in: float) -> Caption:
    """The caption with the words that do not fit above the panels at the foot."""
    free = width_in - EXPERIMENT_LETTER_IN * (len(style.experiment) + 1)
    if LABEL_LETTER_IN * len(caption.label) > free:
        return replace(caption, label="", right="", notes=(", ".join(word for word in (caption.label, caption.right) if word), *caption.notes))
    if LABEL_LETTER_IN * (len(caption.label) + 2 + len(caption.right)) > free:
        return replace(caption, right="", notes=(caption.right, *caption.notes))
    return caption


def _foot_lines(caption: Caption, width_in: float) -> list[tuple[str, str, str]]:
    letters = int(width_in * FOOT_LETTERS_PER_INCH)
    lines = [(line, VERMILLION, "bold") for text in caption.warnings for line in textwrap.wrap(text, letters)]
    return lines + [(line, "#555555", "normal") for text in caption.notes for line in textwrap.wrap(text, letters)]
