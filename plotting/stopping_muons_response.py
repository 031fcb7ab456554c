"""The response of each target: its matrix, its singular values, and the counts in proxy bins that it is held against."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from plotting.canvas import LEFT, Scale, apply_scale, page, short_number
from plotting.drawn import DrawnFigure
from plotting.histograms import BAR_IN
from plotting.legend import place_legend
from plotting.stopping_muons_rates import Rates, bars_of, drawn_rates
from plotting.stopping_muons_view import Found, RunView, Target, for_targets
from plotting.style import BLUE, SKY, VERMILLION, Component
from records.stopping_muons import ResponseSummary

FLAGS = ("unfolding.unfold_{}", "unfolding.evaluate_unfolding_{}")
EN_DASH = "\N{EN DASH}"
ZERO = 1e-12  # of the largest singular value: below it nothing is left but rounding
LABEL_PAD = 14.0  # points, between long names of bins and the label of their axis
LOWEST = 1e-4  # probability where colours begin


def response(view: RunView) -> Found:
    """The matrix of each target."""
    return for_targets(view, "response", "response.{}", FLAGS, _matrix)


def singular_values(view: RunView) -> Found:
    """Singular values of each target."""
    return for_targets(view, "singular_values", "response.{}", FLAGS, _singular_values)


def proxy_bins(view: RunView) -> Found:
    """Observed and expected counts in the proxy bins of each target."""
    return for_targets(view, "proxy_bins", "response.{}", FLAGS, _proxy_bins)


def bin_names(edges: list[float], underflow: bool, overflow: bool) -> list[str]:
    """Truth bins in words, with those outside the range that the response has.

    >>> bin_names([1000.0, 2000.0, 12000.0], True, True)
    ['< 1000', '1000–2000', '2000–12000', '> 12000']
    """
    inside = [f"{low:.0f}{EN_DASH}{high:.0f}" for low, high in pairwise(edges)]
    return [*([f"< {edges[0]:.0f}"] if underflow else []), *inside, *([f"> {edges[-1]:.0f}"] if overflow else [])]


def _outside(view: RunView, target: Target, columns: int) -> tuple[bool, bool]:
    """Whether the response has a column below the range and one above it: both, none, or the one that was unfolded."""
    if columns != 1:
        return columns == 2, columns == 2
    unfolded = view.results.get(f"unfolded.{target.name}.map")
    below = getattr(unfolded, "underflow", None) is not None
    return below, not below


def _matrix(view: RunView, target: Target) -> DrawnFigure:
    found: ResponseSummary = view.results[f"response.{target.name}"]
    matrix = np.array(found.matrix, float)
    names = bin_names(found.edges, *_outside(view, target, matrix.shape[1] - len(found.edges) + 1))
    shown = np.ma.masked_where(~(matrix > 0.0), matrix)
    with view.style.context():
        notes = (f"Condition number {_condition(found)}; each row of the map adds up to 1",)
        sheet = page(
            view.style, view.caption(notes=notes, of="mc"), width_in=9.25 + BAR_IN, height_in=7.6, left_in=LEFT + 1.35, right_in=0.3 + BAR_IN
        )
        axes = sheet.panels[0]
        norm = LogNorm(max(float(shown.min()), LOWEST), float(shown.max()), clip=True)
        mesh = axes.pcolormesh(np.arange(matrix.shape[0] + 1) - 0.5, np.arange(len(names) + 1), shown.T, norm=norm, rasterized=True, gid="response")
        apply_scale(
            axes, Scale("Proxy bin", limits=(-0.5, matrix.shape[0] - 0.5)), Scale(f"{target.words} [{target.unit}]", limits=(0.0, len(names)))
        )
        axes.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=min(17.0, 210.0 / len(names)))
        axes.tick_params(axis="y", which="both", length=0)
        axes.yaxis.labelpad = LABEL_PAD
        axes.tick_params(axis="x", which="minor", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        box, width = axes.get_position(), sheet.figure.get_size_inches()[0]
        bar = sheet.figure.add_axes((box.x1 + 0.15 / width, box.y0, 0.3 / width, box.height))
        sheet.figure.colorbar(mesh, cax=bar, label="Probability of the proxy bin")
    return DrawnFigure(sheet.figure, {
        "truth_bins": names, "edges": found.edges, "matrix": matrix, "effective_events": found.effective_events,
        "condition_number": found.condition_number,
    })  # fmt: skip


def _condition(found: ResponseSummary) -> str:
    return short_number(float(f"{found.condition_number:.3g}"))


def _singular_values(view: RunView, target: Target) -> DrawnFigure:
    found: ResponseSummary = view.results[f"response.{target.name}"]
    values = np.array(found.singular_values, float)
    index = np.arange(1, len(values) + 1)
    with view.style.context():
        sheet = page(view.style, view.caption(target.words, of="mc"))
        axes = sheet.panels[0]
        nothing = values < ZERO * values.max()
        axes.plot(index[~nothing], values[~nothing], "o-", color=BLUE, markersize=9, gid="singular values")
        limits = float(10.0 ** math.floor(math.log10(values[~nothing].min()))), 2.0 * float(values.max())
        if nothing.any():
            axes.plot(index[nothing], np.full(int(nothing.sum()), 0.04), "v", color=VERMILLION, markersize=11, transform=axes.get_xaxis_transform(),
                      label="0 within rounding", gid="zero")  # fmt: skip
        apply_scale(axes, Scale("Index k", limits=(0.5, len(values) + 0.5)), Scale("Singular value $s_k$", True, limits))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(axis="x", which="minor", length=0)
        place_legend(axes, [(np.append(index - 0.5, index[-1] + 0.5), values)], text=(f"Condition number {_condition(found)}",))
    return DrawnFigure(sheet.figure, {"index": index, "singular_values": values, "condition_number": found.condition_number})


def _proxy_bins(view: RunView, target: Target) -> DrawnFigure:
    found: ResponseSummary = view.results[f"response.{target.name}"]
    observed, expected = np.asarray(found.observed, np.float64), np.asarray(found.expected, np.float64)
    edges = np.arange(len(observed) + 1, dtype=np.float64) - 0.5
    what = "Most probable spectrum, folded" if found.folded else "Simulation"
    rates = Rates(edges, {Component(what, SKY): expected}, np.zeros(len(expected)), observed, bars_of(observed),
                  view.unfolded_words, label="Events per proxy bin", unit="events",
                  ratio_label="Data / fit" if found.folded else "Data / sim.")  # fmt: skip
    x = Scale("Proxy bin", limits=(edges[0], edges[-1]))
    drawn = drawn_rates(rates, x, log=False, text=(target.words,), style=view.style, caption=view.caption(of="unfolded"))
    return DrawnFigure(drawn.figure, {"expected": expected, "observed": observed, "merged": found.merged})
