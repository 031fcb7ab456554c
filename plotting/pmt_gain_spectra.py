"""Charge spectra of ``pmt_gain``: all voltages of a photomultiplier, single points with their pedestal, fits of single photo-electrons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import hist
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from fits.pmt_gain import wanted_pedestal
from fits.pmt_low_light import spectrum_and_pedestal
from fits.pmt_points import Point, shared_light
from fits.spe_curve import SpeCurve, spe_curve
from plotting.canvas import Array, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.overlay import Spectrum, filled_range, small
from plotting.pmt_gain_view import RunView, columns_of, title
from plotting.projections import count_bars
from plotting.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from plotting.symbols import two_digits
from records.gain import GainPoint
from records.spe import ModelChoice, SpeResult

Figures = dict[str, Callable[[], DrawnFigure]]

FEWEST_BINS, MOST_BINS = 24, 80  # of a spectrum, at least, between the first and the last entry: by the number of its entries
FINE_BINS = 160  # of a spectrum with a fit
LOG_MERGE = 4  # of the 100 bins of a decade
PARTS = 6  # numbers of photo-electrons drawn singly
PART_COLOURS = (GREY, BLUE, GREEN, PURPLE, SKY, ORANGE)
BESIDE_IN = 3.3  # room at the right for what a fit says
PARTS_SHOWN = 1e-3  # share of the events below which a part is left out
LOWEST = 0.4  # of a logarithmic axis of counts


def of_tube(view: RunView, pmt: str) -> tuple[Figures, dict[str, str]]:
    """Spectra of one photomultiplier, and why some cannot be drawn."""
    filled = [point for point in view.tubes[pmt].points if point.n_read]
    if not filled:
        return {}, {f"charge.{pmt}": "no triggers"}
    figures: Figures = {f"charge_spectra.{pmt}": partial(_all_voltages, view, pmt), f"charge.{pmt}": partial(_single, view, pmt)}
    skipped = {}
    low = [point for point in filled if point.light == "low"]
    if not low and pmt == next(iter(view.tubes)) and not any(point.light == "low" for tube in view.tubes.values() for point in tube.points):
        skipped["spe_fit"] = "no point with light: low"
    for point in low:
        name, best = f"spe_fit.{point.name}", _best(view, point)
        if best is None:
            skipped[name] = "no valid fit of its spectrum"
        else:
            figures[name] = partial(_fit, view, point, best)
    return figures, skipped


def _all_voltages(view: RunView, pmt: str) -> DrawnFigure:
    points = list(shared_light(point for point in view.tubes[pmt].points if point.n_read).values())
    colours = colormaps["viridis"](np.linspace(0.0, 0.92, len(points)))
    numbers: dict[str, Any] = {}
    with view.style.context():
        sheet = page(view.style, view.caption(pmt))
        axes = sheet.panels[0]
        tops = []
        for point, colour in zip(points, colours, strict=True):
            one: hist.Hist = point.hists["charge_log"]["gate", "all", :]  # type: ignore[assignment]
            counts = np.add.reduceat(np.asarray(one.values(), float), np.arange(0, one.axes[0].size, LOG_MERGE))
            edges = np.asarray(one.axes[0].edges)[::LOG_MERGE]
            axes.stairs(counts, edges, color=colour, linewidth=1.6, label=f"{point.hv_v:g} V", gid=f"sample {point.name}")
            axes.stairs(counts, edges, color=colour, alpha=0.18, fill=True, linewidth=0.0)
            tops.append((edges, counts))
            numbers[point.name] = {"edges_pc": edges, "counts": counts}
        total = Spectrum("", "", np.sum([counts for _, counts in tops], axis=0))
        x = Scale("Charge [pC]", True, filled_range(tops[0][0], [total]))
        apply_scale(axes, x, Scale("Triggers / bin", limits=(0.0, 1.08 * max(float(counts.max()) for _, counts in tops))))
        columns = 1 if len(points) <= 6 else 3
        legend = axes.legend(ncols=columns, fontsize=11 if columns > 1 else 14, loc="upper left")
        if legend is not None:
            rows = -(-len(points) // columns)
            axes.set_ylim(top=axes.get_ylim()[1] * (1.0 + (0.05 * rows if columns > 1 else 0.062 * rows)))
    return DrawnFigure(sheet.figure, numbers)


def _single(view: RunView, pmt: str) -> DrawnFigure:
    measured = view.points(pmt)
    panels = []
    for point in view.chosen(pmt):
        counts, edges = point.spectrum("gate")
        selected = point.spectrum("gate", "selected")[0]
        merge = merged(counts[1:-1], int(np.clip(2.0 * np.sqrt(counts.sum()), FEWEST_BINS, MOST_BINS)))
        dark = view.tubes[pmt].off.get(point.name)
        found = {} if dark is None else _dark(dark, counts, merge)
        if selected.sum() < counts.sum():
            found["selected"] = _spectrum("Selected", ORANGE, selected, merge, bars=False)
        found["all"] = _spectrum("All triggers", BLUE, counts, merge)  # on top: what is not selected alone shows the colour beneath
        words = _words(point, measured.get(point.name), selected.sum() / max(counts.sum(), 1.0))
        panels.append((*where_filled(edges[::merge], found), Scale("Charge [pC]"), words))
    return small(panels, Scale("Triggers / bin", log=True), columns=columns_of(len(panels)), style=view.style, caption=view.caption(pmt))


def _dark(dark: Point, counts: Array, merge: int) -> dict[str, Spectrum]:
    """The spectrum with the LED off, scaled to as many triggers, where it has the same bins."""
    off = dark.spectrum("gate")[0]
    if len(off) != len(counts) or not off.sum():
        return {}
    return {"off": _spectrum("LED off (scaled)", GREY, off, merge, scale=float(counts.sum() / off.sum()), bars=False)}


def _words(point: Point, measured: GainPoint | None, selected: float) -> tuple[str, ...]:
    gate = point.metadata.get("gate_ns")
    cut_v = point.metadata.get("cut_v")
    lines = [title(point)]
    if measured is not None and measured.charge is not None:
        lines.append(f"Mean {two_digits(measured.charge.mean_pc, measured.charge.mean_error_pc)} pC")
    if gate is not None:
        lines.append(f"Gate {gate[0]:.1f} to {gate[1]:.1f} ns")
    if cut_v is not None:
        lines.append(f"Cut {1e3 * cut_v:.3g} mV")
    return (*lines, f"Selected {100.0 * selected:.1f} %")


def _fit(view: RunView, point: Point, result: SpeResult) -> DrawnFigure:
    led, _, kind = spectrum_and_pedestal(view.tubes[point.pmt], point, wanted_pedestal(view.config))
    counts, edges = np.asarray(led.values(), float), np.asarray(led.axes[0].edges)
    merge = merged(counts, FINE_BINS)
    curve = spe_curve(result, edges, parts=PARTS)
    data, expected = _merge(counts, merge), _merge(curve.led, merge)
    pull = np.divide(data - expected, np.sqrt(np.maximum(expected, 0.0)), out=np.full(len(data), np.nan), where=expected > 1.0)
    edges = edges[::merge]
    text = _fit_words(view, point, result)
    with view.style.context():
        caption = view.caption(f"{point.pmt}, {title(point)}")
        sheet = page(view.style, caption, ratio=True, width_in=8.0 + BESIDE_IN, height_in=7.0, right_in=0.3 + BESIDE_IN)
        axes, below = sheet.panels[0], sheet.ratios[0]
        _draw_fit(axes, edges, data, expected, curve, merge)
        middle = 0.5 * (edges[1:] + edges[:-1])
        rows = np.isfinite(pull)
        below.axhline(0.0, color=VERMILLION, linewidth=1.2)
        below.errorbar(middle[rows], pull[rows], yerr=1.0, fmt="o", color=BLACK, markersize=3.0, elinewidth=0.8, gid="pulls")
        reach = max(3.5, 1.1 * float(np.nanmax(np.abs(pull), initial=0.0)))
        limits = filled_range(edges, [Spectrum("", "", data)])
        apply_scale(axes, Scale("", limits=limits), Scale("Triggers / bin", True, (LOWEST, 2.0 * float(data.max()))))
        axes.tick_params(labelbottom=False)
        apply_scale(below, Scale("Charge [pC]", limits=limits), Scale("Pull", limits=(-reach, reach)))
        below.set_ylabel("Pull", loc="center", fontsize=16)
        place_legend(axes, [], text=text, loc="upper left", fontsize=13)
        legend = axes.get_legend()
        assert legend is not None
        legend.set_bbox_to_anchor((1.01, 1.02))  # beside the panel: a spectrum fills it
    numbers = {"edges_pc": edges, "counts": data, "expected": expected, "pull": pull, "parts": [_merge(part, merge) for part in curve.parts],
               "model": result.model, "pedestal": kind}  # fmt: skip
    return DrawnFigure(sheet.figure, numbers)


def _draw_fit(axes: Axes, edges: Array, data: Array, expected: Array, curve: SpeCurve, merge: int) -> None:
    bars = count_bars(data)
    rows = data > 0.0
    middle = 0.5 * (edges[1:] + edges[:-1])
    errors, label = [(data - bars[0])[rows], (bars[1] - data)[rows]], f"Data ({data.sum():.0f})"
    axes.errorbar(middle[rows], data[rows], yerr=errors, fmt="o", color=BLACK, markersize=3.5, elinewidth=1.0, label=label, gid="data", zorder=2)
    shown = [n for n, part in enumerate(curve.parts) if part.sum() > PARTS_SHOWN * curve.led.sum()]
    for n in shown:
        label = "Pedestal" if n == 0 else f"{n} p.e."
        axes.plot(middle, _merge(curve.parts[n], merge), "--", color=PART_COLOURS[n], linewidth=1.5, label=label, gid=f"part {n}", zorder=3)
    axes.plot(middle, expected, color=VERMILLION, linewidth=2.0, label="Fit", gid="fit", zorder=4)


def _fit_words(view: RunView, point: Point, result: SpeResult) -> list[str]:
    goodness = result.goodness
    words = [
        f"Model: {result.model}", f"$\\lambda$ = {two_digits(result.lambda_pe, result.lambda_error)}",
        f"$Q_1$ = {two_digits(result.q1_pc, result.q1_error_pc)} pC", f"Gain = {_scientific(result.gain, result.gain_error)}",
        f"Resolution {two_digits(result.resolution, result.resolution_error)}",
    ]  # fmt: skip
    if result.peak_to_valley is not None and result.peak_to_valley_error is not None:
        words.append(f"P/V = {two_digits(result.peak_to_valley, result.peak_to_valley_error)}")
    words.append(f"$\\chi^2$ = {goodness.chi2:.0f} / {goodness.degrees_of_freedom}")
    choice = view.results.get(f"{point.name}.spe")
    if isinstance(choice, ModelChoice) and len(choice.gain) > 1:
        words += [f"$\\Delta$AIC of {name}: {value:.0f}" for name, value in choice.delta_aic.items() if name != choice.best]
    return words


def _best(view: RunView, point: Point) -> SpeResult | None:
    """The model chosen for a point; null where no fit of it is valid."""
    choice = view.results.get(f"{point.name}.spe")
    best = view.results.get(f"{point.name}.spe.{choice.best}") if isinstance(choice, ModelChoice) and choice.best else None
    return best if isinstance(best, SpeResult) and best.valid else None


def merged(counts: Array, wanted: int) -> int:
    """How many bins to draw as one, so that at least ``wanted`` lie between the first and last entry: a divisor of their number.

    >>> merged(np.concatenate([np.zeros(600), np.ones(300), np.zeros(300)]), 60)
    5
    """
    filled = np.flatnonzero(counts)
    span = int(filled[-1] - filled[0]) + 1 if filled.size else len(counts)
    return max((step for step in range(1, max(span // wanted, 1) + 1) if len(counts) % step == 0), default=1)


def where_filled(edges: Array, spectra: Mapping[str, Spectrum]) -> tuple[Array, dict[str, Spectrum]]:
    """The bins from the first to the last with entries and two beyond: a thousand empty ones take longer to draw than the others.

    >>> edges, found = where_filled(np.arange(11.0), {"all": Spectrum("", "", np.array([0.0] * 4 + [3.0, 1.0] + [0.0] * 4))})
    >>> edges.tolist(), found["all"].values.tolist()
    ([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [0.0, 0.0, 3.0, 1.0, 0.0, 0.0])
    """
    filled = np.flatnonzero(np.any([np.nan_to_num(one.values) > 0.0 for one in spectra.values()], axis=0))
    if not filled.size:
        return edges, dict(spectra)
    rows = slice(max(int(filled[0]) - 2, 0), int(filled[-1]) + 3)
    cut = {
        name: replace(one, values=one.values[rows], bars=None if one.bars is None else (one.bars[0][rows], one.bars[1][rows]))
        for name, one in spectra.items()
    }
    return edges[rows.start : min(rows.stop, len(edges) - 1) + 1], cut


def _merge(values: Array, step: int) -> Array:
    return np.asarray(values, float).reshape(-1, step).sum(axis=1)


def _spectrum(label: str, colour: str, counts: Array, merge: int, *, scale: float = 1.0, bars: bool = True) -> Spectrum:
    values = _merge(counts[1:-1], merge)
    low, high = count_bars(values)
    filled = values > 0.0
    shown = (np.where(filled, low, np.nan), np.where(filled, high, np.nan)) if bars else None  # a band below every empty bin would hide the rest
    return Spectrum(label, colour, scale * values, shown)


def _scientific(value: float, error: float) -> str:
    power = int(np.floor(np.log10(value)))
    return f"({two_digits(value / 10.0**power, error / 10.0**power)})$\\times10^{{{power}}}$"
