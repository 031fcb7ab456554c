"""Spectra of several samples on one panel, and their ratio to one of them below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, Array, Caption, Page, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stack import centres_of
from plotting.style import BLACK, Style

FEW = 10  # a point made of fewer entries is hollow
RATIO_TOPS = (2.4, 3.4, 4.4, 6.4)
WIDE_GAP_IN = 0.9  # between panels that each have numbers on their y axis
SHIFT = 0.2  # of a bin, between the ratios of two samples
DECADES = 5.0  # of a logarithmic y axis, at most


@dataclass(frozen=True)
class Spectrum:
    """One sample: ``values`` per bin, ``bars`` (low and high end; null: none are known), ``entries`` per bin (null: points are never hollow)."""

    label: str
    colour: str
    values: Array
    bars: tuple[Array, Array] | None = None
    entries: Array | None = None


@dataclass(frozen=True)
class Ratio:
    """Samples over one of them: name -> (values, bars or null); ``label`` of the panel."""

    label: str
    reference: str
    ratios: Mapping[str, tuple[Array, tuple[Array, Array] | None]]


def overlay(edges: Array, spectra: Mapping[str, Spectrum], x: Scale, y: Scale, ratio: Ratio | None = None, *, text: Sequence[str] = (),
            style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw each sample as a step with its bars as a band, and below the ratios as points; points of fewer than ten entries are hollow.

    ``y.log``: zeros are left out. Ratios without a reference entry are left out, those beyond the panel are marked at its edge.
    """
    x = replace(x, limits=x.limits or filled_range(edges, list(spectra.values())))
    with style.context():
        sheet = page(style, caption, ratio=ratio is not None)
        axes = sheet.panels[0]
        for name, one in spectra.items():
            _draw_spectrum(axes, edges, name, one)
        apply_scale(axes, replace(x, label="") if ratio else x, replace(y, limits=y.limits or _range(list(spectra.values()), y.log)))
        if ratio is not None:
            axes.tick_params(labelbottom=False)
            _draw_ratios(sheet, edges, spectra, x, ratio)
        place_legend(axes, _tops(edges, spectra), text=text)
    numbers: dict[str, Any] = {"x": x.label, "y": y.label, "edges": edges, "samples": {name: _numbers(one) for name, one in spectra.items()}}
    if ratio is not None:
        numbers |= {"reference": ratio.reference, "ratios": {name: _pair(*both) for name, both in ratio.ratios.items()}}
    return DrawnFigure(sheet.figure, numbers)


def small(panels: Sequence[tuple[Array, Mapping[str, Spectrum], Scale, Sequence[str]]], y: Scale, *, columns: int = 4, style: Style,
          caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Many spectra on one page: (edges, samples, x, words) for each panel; the legend stands in the first."""
    rows = -(-len(panels) // columns)
    with style.context():
        sheet = page(style, caption, columns=columns, rows=rows, width_in=1.4 + 4.6 * columns, height_in=1.3 + 4.2 * rows, gap_in=WIDE_GAP_IN)
        for axes in sheet.panels[len(panels) :]:
            axes.set_visible(False)
        for number, (axes, panel) in enumerate(zip(sheet.panels, panels, strict=False)):
            _draw_small(axes, panel, replace(y, label=y.label if number % columns == 0 else ""), first=number == 0)
    labels = [x.label for _, _, x, _ in panels]
    keys = [label if labels.count(label) == 1 else f"{label}: {text[0]}" for label, (*_, text) in zip(labels, panels, strict=True)]
    drawn = {
        key: {"edges": edges, "samples": {name: _numbers(one) for name, one in spectra.items()}}
        for key, (edges, spectra, _, _) in zip(keys, panels, strict=True)
    }
    return DrawnFigure(sheet.figure, {"y": y.label, "panels": drawn})


def _draw_small(axes: Axes, panel: tuple[Array, Mapping[str, Spectrum], Scale, Sequence[str]], y: Scale, *, first: bool) -> None:
    edges, spectra, x, text = panel
    for name, one in spectra.items():
        _draw_spectrum(axes, edges, name, one)
    samples = list(spectra.values())
    apply_scale(axes, replace(x, limits=x.limits or filled_range(edges, samples)), replace(y, limits=y.limits or _range(samples, y.log)))
    if first or text:
        place_legend(axes, _tops(edges, spectra), text=text, entries=first)


def filled_range(edges: Array, spectra: Sequence[Spectrum]) -> tuple[float, float]:
    """The bins from the first to the last with entries, one empty bin beyond; all where nothing is filled.

    >>> filled_range(np.arange(6.0), [Spectrum("", "", np.array([0.0, 0.0, 3.0, 0.0, 0.0]))])
    (1.0, 4.0)
    """
    filled = np.flatnonzero(np.any([one.values > 0.0 for one in spectra], axis=0))
    if not filled.size:
        return float(edges[0]), float(edges[-1])
    return float(edges[max(filled[0] - 1, 0)]), float(edges[min(filled[-1] + 2, len(edges) - 1)])


def _tops(edges: Array, spectra: Mapping[str, Spectrum]) -> list[tuple[Array, Array]]:
    """Bins and upper ends of everything that is drawn, for the legend to keep clear of."""
    return [(edges, np.nan_to_num(one.values if one.bars is None else one.bars[1])) for one in spectra.values()]


def _draw_spectrum(axes: Axes, edges: Array, name: str, one: Spectrum) -> None:
    axes.stairs(one.values, edges, color=one.colour, linewidth=2.0, label=one.label, gid=f"sample {name}", baseline=None)
    if one.bars is not None:
        axes.stairs(one.bars[1], edges, baseline=one.bars[0], fill=True, color=one.colour, alpha=0.18, linewidth=0.0, gid=f"band {name}")


def _draw_ratios(sheet: Page, edges: Array, spectra: Mapping[str, Spectrum], x: Scale, ratio: Ratio) -> None:
    axes = sheet.ratios[0]
    top = _ratio_top([values for values, _ in ratio.ratios.values()])
    middle = centres_of(edges, x.log)
    axes.axhline(1.0, color=BLACK, linewidth=1.2)
    for order, (name, (values, bars)) in enumerate(ratio.ratios.items()):
        one = spectra[name]
        centres = middle + SHIFT * np.diff(edges) * (order - 0.5 * (len(ratio.ratios) - 1))
        known = np.isfinite(values)
        few = np.zeros(len(values), bool) if one.entries is None else np.minimum(one.entries, _entries(spectra[ratio.reference])) < FEW
        for hollow in (False, True):
            rows = known & (few == hollow) & (values <= top)
            errors = None if bars is None else [(values - bars[0])[rows], (bars[1] - values)[rows]]
            if rows.any():
                axes.errorbar(centres[rows], values[rows], yerr=errors, fmt="o", color=one.colour, markersize=4.5, elinewidth=1.1,
                              markerfacecolor="white" if hollow else one.colour, gid=f"ratio {name}{' of few' if hollow else ''}")  # fmt: skip
        beyond = known & (values > top)
        axes.plot(centres[beyond], np.full(int(beyond.sum()), 0.93), "^", color=one.colour, markersize=6, transform=axes.get_xaxis_transform(),
                  gid=f"beyond {name}")  # fmt: skip
    apply_scale(axes, x, Scale(ratio.label, limits=(0.0, top)))
    axes.set_ylabel(ratio.label, loc="center", fontsize=16)


def _entries(one: Spectrum) -> Array:
    return np.full(len(one.values), np.inf) if one.entries is None else one.entries


def _range(spectra: Sequence[Spectrum], log: bool) -> tuple[float, float]:
    values = np.concatenate([one.values if one.bars is None else one.bars[1] for one in spectra])
    high = float(np.nanmax(values, initial=0.0)) or 1.0
    if not log:
        return 0.0, 1.12 * high
    positive = np.concatenate([one.values[one.values > 0.0] for one in spectra])
    return max(0.5 * float(positive.min(initial=high)), high * 10.0**-DECADES), 2.0 * high


def _ratio_top(ratios: Sequence[Array]) -> float:
    """The end of the ratio panel: nine tenths of the points lie inside."""
    known = np.concatenate([values[np.isfinite(values)] for values in ratios]) if ratios else np.empty(0)
    wanted = 1.1 * float(np.quantile(known, 0.9)) if known.size else 1.0
    return next((top for top in RATIO_TOPS if top > wanted), RATIO_TOPS[-1])


def _numbers(one: Spectrum) -> dict[str, Any]:
    return _pair(one.values, one.bars) | ({} if one.entries is None else {"entries": one.entries})


def _pair(values: Array, bars: tuple[Array, Array] | None) -> dict[str, Any]:
    return {"values": values} | ({} if bars is None else {"low": bars[0], "high": bars[1]})
