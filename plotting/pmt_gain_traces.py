"""Waveforms of ``pmt_gain``: one with its fit, the mean pulse with its shape, the density of all."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from fits.pmt_mean_pulse import fitted_curve, mean_waveform, single_waveform
from fits.pmt_points import Point
from plotting.canvas import Array, Page, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.map_panels import number_bar
from plotting.pmt_gain_view import RunView, columns_of, title
from plotting.style import BLACK, BLUE, GREY, SKY, VERMILLION
from records.gain import MeanPulse

PANEL_IN = 5.4
MV = 1e3  # per V
SHOWN_NS = (8.0, 6.0)  # before and behind the gate


def no_trace(chosen: list[Point]) -> str:
    """Why no single waveform can be drawn; empty if one can."""
    return "" if _typical(chosen) else "no single waveform was kept: triggers have no times"


def _typical(chosen: list[Point]) -> list[Point]:
    """Points that kept a single waveform, that of the middle voltage first."""
    kept = [point for point in chosen if single_waveform(point) is not None]
    return sorted(kept, key=lambda point: (point.light != "bright", abs(kept.index(point) - len(kept) // 2)))


def trace(view: RunView, pmt: str) -> DrawnFigure:
    """One waveform with its fit and what is left, in units of voltage."""
    point = _typical(view.chosen(pmt))[0]
    found = single_waveform(point)
    assert found is not None
    measured = view.points(pmt)
    result = measured[point.name].trace if point.name in measured else None
    with view.style.context():
        notes = ("The waveform of middle charge among the first of this voltage. Grey: charge gate. Lines below: noise of the baselines.",)
        sheet = page(view.style, view.caption(pmt, notes), ratio=True, height_in=7.6)
        axes, below = sheet.panels[0], sheet.ratios[0]
        low, high = _shown(point)
        rows = (found.time_ns > low) & (found.time_ns < high)
        axes.plot(found.time_ns[rows], -MV * found.mean_v[rows], ".", color=BLACK, markersize=4.0, label="Samples", gid="samples")
        words = _draw_shape(axes, below, found.time_ns, found.mean_v, result, (low, high))
        if result is not None and result.degrees_of_freedom:
            words.append(f"$\\chi^2$ = {result.chi2:.0f} / {result.degrees_of_freedom}")
        for noise_v in (found.spread_v[0], -found.spread_v[0]):
            below.axhline(MV * noise_v, color=GREY, linewidth=1.0, linestyle="--", gid="noise")
        _mark_gate((axes, below), point)
        apply_scale(axes, Scale("", limits=(low, high)), Scale("Voltage [mV]"))
        axes.tick_params(labelbottom=False)
        apply_scale(below, Scale("Time [ns]", limits=(low, high)), Scale("Residual [mV]"))
        below.set_ylabel("Residual [mV]", loc="center", fontsize=15)
        place_legend(axes, [], text=[title(point), *words], loc="lower right", fontsize=14)
    return DrawnFigure(sheet.figure, {"point": point.name, "time_ns": found.time_ns, "voltage_v": -found.mean_v, "noise_v": found.spread_v[0]})


def waveforms(view: RunView, pmt: str) -> DrawnFigure:
    """Mean pulses with the spread of single ones, the shape through them and what is left, one panel for each point."""
    chosen, measured = view.chosen(pmt), view.points(pmt)
    numbers: dict[str, Any] = {}
    with view.style.context():
        notes = ("Mean of the waveforms aligned at their 20 % time, band: standard deviation of single ones, grey: charge gate.",)
        sheet = panels_of(view, pmt, len(chosen), notes, ratio=True)
        for number, point in enumerate(chosen):
            found = mean_waveform(point)
            if found is None:
                continue
            axes, below = sheet.panels[number], sheet.ratios[number]
            low, high = _shown(point)
            axes.fill_between(
                found.time_ns, -MV * (found.mean_v - found.spread_v), -MV * (found.mean_v + found.spread_v), color=SKY, alpha=0.35, linewidth=0
            )
            axes.plot(found.time_ns, -MV * found.mean_v, color=BLUE, linewidth=2.2, label=f"Mean of {found.n}", gid="mean")
            result = measured[point.name].pulse if point.name in measured else None
            words = _draw_shape(axes, below, found.time_ns, found.mean_v, result, (low, high))
            _mark_gate((axes, below), point)
            bottom = -1.1 * MV * float((found.mean_v + found.spread_v).max())
            apply_scale(
                axes,
                Scale("", limits=(low, high)),
                Scale("Voltage [mV]" if number % columns_of(len(chosen)) == 0 else "", limits=(bottom, -0.08 * bottom)),
            )
            axes.tick_params(labelbottom=False)
            apply_scale(below, Scale("Time [ns]", limits=(low, high)), Scale("Residual [mV]" if number % columns_of(len(chosen)) == 0 else ""))
            below.set_ylabel("Residual [mV]" if number % columns_of(len(chosen)) == 0 else "", loc="center", fontsize=15)
            place_legend(axes, [], text=[title(point), *words], loc="lower right", fontsize=12.5)
            numbers[point.name] = {"time_ns": found.time_ns, "mean_v": -found.mean_v, "spread_v": found.spread_v, "n": found.n}
    return DrawnFigure(sheet.figure, numbers)


def _draw_shape(axes: Axes, below: Axes, time_ns: Array, mean_v: Array, result: MeanPulse | None, shown: tuple[float, float]) -> list[str]:
    """The fitted shape and what is left; returns what to say of it."""
    below.axhline(0.0, color=VERMILLION, linewidth=1.2)
    if result is None or not result.valid:
        return [] if result is None else ["No fit of the shape"]
    curve = fitted_curve(result, time_ns)
    rows = (time_ns > shown[0]) & (time_ns < shown[1])
    axes.plot(time_ns, -MV * curve, "--", color=VERMILLION, linewidth=1.8, label="Two exponentials", gid="shape")
    below.plot(time_ns[rows], MV * (curve - mean_v)[rows], color=BLUE, linewidth=1.2, gid="residual")
    return [f"$\\tau_r$ = {result.tau_rise_ns:.2f} ns, $\\tau_f$ = {result.tau_fall_ns:.2f} ns", f"Behind the gate: {100 * result.gate_loss:.2f} %"]


def persistence(view: RunView, pmt: str) -> DrawnFigure:
    """How often waveforms pass each voltage at each time, with mean and shape, one panel for each point."""
    chosen, measured = view.chosen(pmt), view.points(pmt)
    numbers: dict[str, Any] = {}
    with view.style.context():
        sheet = panels_of(view, pmt, len(chosen), (), bar=True)
        norm = LogNorm(1e-3, 1.0)
        for number, point in enumerate(chosen):
            axes, filled = sheet.panels[number], point.hists["waveform_2d"]
            counts = np.asarray(filled.values(flow=True), float)[1:-1]
            total = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
            share = counts[:, 1:-1] / total
            time_ns, height = (np.asarray(axis.edges) for axis in filled.axes)
            reference_v = float(point.metadata["amplitude_ref_v"])
            mesh = axes.pcolormesh(time_ns, -MV * reference_v * height, np.ma.masked_equal(share, 0.0).T, norm=norm, rasterized=True, gid="map")
            found = mean_waveform(point)
            if found is not None:
                axes.plot(found.time_ns, -MV * found.mean_v, color=VERMILLION, linewidth=1.6, label="Mean", gid="mean")
            result = measured[point.name].pulse if point.name in measured else None
            if result is not None and result.valid and found is not None:
                axes.plot(
                    found.time_ns, -MV * fitted_curve(result, found.time_ns), ":", color=BLACK, linewidth=1.6, label="Fitted shape", gid="shape"
                )
            rows = np.flatnonzero(counts[:, 1:-1].sum(axis=0))
            limits = tuple(sorted(-MV * reference_v * height[[rows[0], rows[-1] + 1]])) if rows.size else (-1.0, 1.0)
            room = 0.05 * (limits[1] - limits[0])
            y = Scale("Voltage [mV]" if number % columns_of(len(chosen)) == 0 else "", limits=(limits[0] - room, limits[1] + room))
            apply_scale(axes, Scale("Time [ns]", limits=_shown(point)), y)
            place_legend(axes, [], text=[title(point)], entries=number == 0, loc="lower right", fontsize=13)
            numbers[point.name] = {"time_edges_ns": time_ns, "voltage_edges_mv": -MV * reference_v * height, "share": share}
        _bar(sheet, mesh, norm)
    return DrawnFigure(sheet.figure, numbers)


def panels_of(view: RunView, pmt: str, count: int, notes: tuple[str, ...], *, ratio: bool = False, bar: bool = False) -> Page:
    """Panels, each with numbers on its own y axis; those beyond ``count`` are hidden."""
    right, columns = (1.85 if bar else 0.3), columns_of(count)
    rows = -(-count // columns)
    sheet = page(view.style, view.caption(pmt, notes), columns=columns, rows=rows, ratio=ratio, width_in=1.15 + right + PANEL_IN * columns,
                 height_in=1.35 + (5.6 if ratio else 4.6) * rows, right_in=right, gap_in=0.95)  # fmt: skip
    for axes in (*sheet.panels[count:], *sheet.ratios[count:]):
        axes.set_visible(False)
    return sheet


def _shown(point: Point) -> tuple[float, float]:
    """The surroundings of the gate inside the record, ns."""
    gate = point.metadata["gate_ns"]
    edges = point.hists["waveform_mean"].axes["time"].edges
    return max(float(gate[0]) - SHOWN_NS[0], float(edges[0])), min(float(gate[1]) + SHOWN_NS[1], float(edges[-1]))


def _mark_gate(panels: tuple[Axes, ...], point: Point) -> None:
    gate = point.metadata["gate_ns"]
    for axes in panels:
        axes.axvspan(gate[0], gate[1], color=GREY, alpha=0.13, linewidth=0, zorder=0, gid="gate")


def _bar(sheet: Page, mesh: Any, norm: LogNorm) -> None:
    boxes = [axes.get_position() for axes in sheet.panels]
    right, low, high = max(box.x1 for box in boxes), min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    width = sheet.figure.get_size_inches()[0]
    bar = sheet.figure.colorbar(mesh, cax=sheet.figure.add_axes((right + 0.15 / width, low, 0.3 / width, high - low)), label="Share of waveforms")
    number_bar(bar, norm)
