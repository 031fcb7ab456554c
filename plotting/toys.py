"""Pseudo-experiments: pulls beside the unit Gaussian, goodness of fit, test statistic beside chi-square."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import chi2, norm

from plotting.canvas import NO_CAPTION, PANEL_IN, SIDES_IN, Array, Caption, Page, Scale, apply_scale, page, share_y
from plotting.drawn import DrawnFigure
from plotting.legend import end_below, place_legend
from plotting.style import BLACK, OTHER, SKY, Style
from plotting.symbols import MINUS, with_error

PULL_EDGES = np.linspace(-4.0, 4.0, 33)
PULL_CURVE = np.linspace(-4.0, 4.0, 161)
ROW_IN = 5.4  # height of a page with one row of panels
WIDEST, ACROSS = 5, 4  # more panels than the first come in rows of the second
GOODNESS_BINS, TS_BINS = 30, 40


@dataclass(frozen=True)
class PullSet:
    """Pulls (fit - truth) / error of one parameter over toys, with the mean and width that results.json states.

    ``at_bound``: fraction of toys that end at a bound of the parameter; there pulls are no longer unit Gaussian.
    """

    label: str
    pulls: Array
    mean: float
    width: float
    at_bound: float = 0.0


@dataclass(frozen=True)
class Goodness:
    """Statistic of the data and of toys for one projection; ``p_value`` and its error as results.json states them."""

    title: str
    observed: float
    toys: Array
    p_value: float
    p_error: float


def toy_pulls(sets: Sequence[PullSet], *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """One panel per parameter: histogram of the pulls and the unit Gaussian of the same area; pulls beyond +-4 are counted in words."""
    step = PULL_EDGES[1] - PULL_EDGES[0]
    finite = [one.pulls[np.isfinite(one.pulls)] for one in sets]
    counts = [np.histogram(pulls, PULL_EDGES)[0] for pulls in finite]
    gaussians = [pulls.size * step * norm.pdf(PULL_CURVE) for pulls in finite]
    outside = [int(pulls.size - heights.sum()) for pulls, heights in zip(finite, counts, strict=True)]
    with style.context():
        sheet = _row(style, caption, len(sets))
        top = 1.1 * max(float(heights.max()) for heights in (*counts, *gaussians))
        for axes, heights, gaussian in zip(sheet.panels, counts, gaussians, strict=True):
            _toys(axes, PULL_EDGES, heights, "Toys")
            axes.plot(PULL_CURVE, gaussian, color=OTHER, label="Unit Gaussian", gid="gaussian")
            apply_scale(axes, Scale("Pull", limits=(-4.0, 4.0)), Scale(f"Toys per {step:g}", limits=(0.0, top)))
        for row in _rows(sheet.panels):
            share_y(row)
        for index, (axes, one) in enumerate(zip(sheet.panels, sets, strict=True)):
            beyond = (f"{outside[index]} beyond ±4",) if outside[index] else ()
            bound = (f"{one.at_bound:.1%} at a bound",) if one.at_bound else ()
            text = (one.label, f"mean {one.mean:.2f}, width {one.width:.2f}".replace("-", MINUS), *beyond, *bound)
            tops = [(PULL_EDGES, counts[index]), (np.append(PULL_CURVE, 4.1), gaussians[index])]
            place_legend(axes, tops, text=text, entries=axes is sheet.panels[-1], loc="upper left")
    drawn = {
        one.label: {
            "counts": counts[index],
            "outside": outside[index],
            "mean": one.mean,
            "width": one.width,
            "at_bound": one.at_bound,
            "gaussian": gaussians[index],
        }
        for index, one in enumerate(sets)
    }
    return DrawnFigure(sheet.figure, {"pull_edges": PULL_EDGES, "gaussian_x": PULL_CURVE, "parameters": drawn})


def goodness(sets: Sequence[Goodness], statistic: str, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """One panel per projection: the statistic in toys, a line at the data's, the p-value with its error."""
    edges = [np.linspace(*_span([*one.toys, one.observed]), GOODNESS_BINS + 1) for one in sets]
    counts = [np.histogram(np.maximum(one.toys, bins[0]), bins)[0] for one, bins in zip(sets, edges, strict=True)]  # -1e-13 is 0
    with style.context():
        sheet = _row(style, caption, len(sets))
        top = 1.1 * max(heights.max() for heights in counts)
        for axes, one, bins, heights in zip(sheet.panels, sets, edges, counts, strict=True):
            _toys(axes, bins, heights, f"Toys ({len(one.toys)})")
            apply_scale(axes, Scale(statistic, limits=(bins[0], bins[-1])), Scale("Toys per bin", limits=(0.0, top)))
        share_y(sheet.panels)
        for axes, one, bins, heights in zip(sheet.panels, sets, edges, counts, strict=True):
            line = axes.axvline(one.observed, color=BLACK, linewidth=2.6, label="Data", gid="observed")
            words = (one.title, f"p = {with_error(one.p_value, one.p_error)}")
            end_below(axes, line, place_legend(axes, [(bins, heights)], text=words, title=True))
    drawn = {
        one.title: {"edges": bins, "counts": heights, "observed": one.observed, "p_value": one.p_value, "p_error": one.p_error}
        for one, bins, heights in zip(sets, edges, counts, strict=True)
    }
    return DrawnFigure(sheet.figure, {"statistic": statistic, "projections": drawn})


def likelihood_ratio(toys: Array, observed: float, degrees_of_freedom: int, *, text: Sequence[str] = (), style: Style,
                   caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw the test statistic of toys of the null hypothesis, chi-square of the same area, and the data's value; counts are logarithmic."""
    toys = np.asarray(toys, float)
    toys = toys[np.isfinite(toys)]
    edges = np.linspace(0.0, 1.1 * max(float(toys.max()), observed, 5.0), TS_BINS + 1)
    counts = np.histogram(np.maximum(toys, 0.0), edges)[0]  # a fit that stops 1e-7 above the other belongs to the first bin
    expected = len(toys) * np.diff(chi2.cdf(edges, degrees_of_freedom))
    label = rf"$\chi^2$({degrees_of_freedom})"
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        _toys(axes, edges, counts, f"Toys of the null hypothesis ({len(toys)})")
        axes.stairs(expected, edges, baseline=None, color=OTHER, linewidth=2.4, label=label, gid="chi2")
        line = axes.axvline(observed, color=BLACK, linewidth=2.6, label=f"Data ({observed:.2f})", gid="observed")
        apply_scale(
            axes,
            Scale("Test statistic", limits=(-0.02 * edges[-1], edges[-1])),
            Scale(f"Toys per {edges[1]:.2g}", True, (0.5, 2.0 * max(counts.max(), expected.max()))),
        )
        end_below(axes, line, place_legend(axes, [(edges, np.maximum(counts, expected))], text=text))
    return DrawnFigure(sheet.figure, {"edges": edges, "counts": counts, label.strip("$"): expected, "observed": observed})


def _row(style: Style, caption: Caption, panels: int) -> Page:
    """Panels side by side; more than five in rows of four."""
    columns = panels if panels <= WIDEST else ACROSS
    rows = math.ceil(panels / columns)
    width_in, height_in = max(8.0, SIDES_IN + PANEL_IN * columns), ROW_IN + (ROW_IN + 0.4) * (rows - 1)
    sheet = page(style, caption, columns=columns, rows=rows, width_in=width_in, height_in=height_in)
    for axes in sheet.panels[panels:]:
        axes.remove()
    return replace(sheet, panels=sheet.panels[:panels])


def _rows(panels: Sequence[Axes]) -> list[Sequence[Axes]]:
    """The panels of each row."""
    columns = len(panels) if len(panels) <= WIDEST else ACROSS
    return [panels[start : start + columns] for start in range(0, len(panels), columns)]


def _toys(axes: Axes, edges: Array, counts: Array, label: str) -> None:
    axes.stairs(counts, edges, fill=True, color=SKY, label=label, gid="toys")
    axes.stairs(counts, edges, color=BLACK, linewidth=1.0)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the values take, and nothing below 0, where a saturated statistic begins."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.05 * (high - low) or 1.0
    return max(low - margin, 0.0), high + margin
