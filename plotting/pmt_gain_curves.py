"""Figures of ``pmt_gain`` against the voltage: gain, mean charge, light, efficiencies, times; and the table of nominal voltages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from fits.gain_curve import predicted
from plotting import pmt_gain_light
from plotting.canvas import Array, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.pmt_gain_light import lights_of
from plotting.pmt_gain_points import all_voltages, beside, draw_points, voltage_range
from plotting.pmt_gain_view import RunView
from plotting.style import GREY
from plotting.symbols import two_digits
from records.gain import GainPoint, PowerLaw

Figures = dict[str, Callable[[], DrawnFigure]]

CURVE_POINTS = 200
BAND = 0.25
EFFICIENCY_GAP_IN = 0.95  # between panels, each with numbers on its own axis
STEP_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#F0E442")
WHOLE = "#000000"  # of the whole selection
UNINTERESTING = ("read", "units")  # steps that everything passes unless a file is broken
QUANTITY = {"gain": "Gain", "charge_pc": "Mean charge [pC]"}


def against_voltage(view: RunView) -> Figures:
    """Figures with one point for each voltage, of all photomultipliers together."""
    gains, charges = _laws(view)
    points = [point for result in view.measured.values() for point in result.points if point.shared]
    possible = {
        "gain_curve": (gains or charges, partial(curves, view, gains or charges)),
        "mean_charge": (gains and charges, partial(curves, view, charges)),
        "lambda_hv": (lights_of(points), partial(pmt_gain_light.light, view)),
        "variance_mean": (lights_of(points), partial(pmt_gain_light.variance_mean, view)),
        "efficiency_hv": (points, partial(efficiencies, view)),
        "timing_hv": ([one for one in points if one.timing and one.timing.valid], partial(times, view)),
        "nominal_hv_table": ([one for curve in gains.values() for one in curve.nominal if one.valid], partial(nominal_table, view, gains)),
    }
    return {name: draw for name, (something, draw) in possible.items() if something}


def _laws(view: RunView) -> tuple[dict[str, PowerLaw], dict[str, PowerLaw]]:
    """Valid power laws by photomultiplier: of the gain, and of the mean charge."""
    gains = {pmt: result.curve for pmt, result in view.measured.items() if result.curve.quantity == "gain" and result.curve.valid}
    return gains, {pmt: result.relative for pmt, result in view.measured.items() if result.relative.valid}


def curves(view: RunView, laws: Mapping[str, PowerLaw]) -> DrawnFigure:
    """Every photomultiplier with its power law and 68 % band, wanted gains as lines, and data over fit below."""
    low, high = voltage_range(np.concatenate([law.hv_v for law in laws.values()]))
    at = np.geomspace(low, high, CURVE_POINTS)
    quantity = next(iter(laws.values())).quantity
    numbers: dict[str, Any] = {}
    notes = ("Error bars: statistical and uncorrelated systematic errors; bands: 68 % of the fit. Errors of the scale are not drawn: "
             + ", ".join(f"{pmt} {100 * law.scale_error:.1f} %" for pmt, law in laws.items())
             + (". Faint bars: spread of single charges." if view.config.plots.spread else ""),)  # fmt: skip
    with view.style.context():
        sheet = page(view.style, view.caption(notes=notes), ratio=True, height_in=7.6)
        axes, below = sheet.panels[0], sheet.ratios[0]
        everything = np.concatenate([law.value for law in laws.values()])
        limits = (0.5 * float(everything.min()), 2.0 * float(everything.max()))
        for order, (pmt, law) in enumerate(laws.items()):
            _draw_law(axes, below, view, pmt, law, at, 0.004 * (order - 0.5 * (len(laws) - 1)))
            numbers[pmt] = _numbers(law, at) | (_draw_spread(axes, view, pmt, law) if view.config.plots.spread else {})
        low_light: dict[str, Any] = {}
        if quantity == "gain":
            _mark_nominal(axes, view, laws, limits, (low, high))
            low_light = _mark_low_light(axes, below, view, laws)
        apply_scale(axes, Scale("", True, (low, high)), Scale(QUANTITY[quantity], True, limits))
        axes.tick_params(labelbottom=False)
        below.axhline(1.0, color=GREY, linewidth=1.2)
        apply_scale(below, Scale("High voltage [V]", True, (low, high)), Scale("Data / fit", limits=_ratio_limits(laws)))
        below.set_ylabel("Data / fit", loc="center", fontsize=16)
        for panel in (axes, below):
            _voltage_ticks(panel, low, high)
        place_legend(axes, [], loc="upper left", fontsize=13)
        axes.set_ylim(limits[0], limits[1] * (limits[1] / limits[0]) ** (0.062 * (len(laws) + bool(low_light))))
    return DrawnFigure(sheet.figure, {"quantity": quantity, "photomultipliers": numbers, "low_light": low_light})


def efficiencies(view: RunView) -> DrawnFigure:
    """Share of the triggers that passes each step, with Wilson intervals, a panel for each photomultiplier."""
    names = list(view.measured)
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    steps = _steps(view)
    colours = dict(zip(steps, STEP_COLOURS * 2, strict=False)) | ({"selected": WHOLE} if "selected" in steps else {})
    numbers: dict[str, Any] = {}
    with view.style.context():
        notes = ("Each step counts the triggers that passed those before it. Intervals: Wilson, 68 %.",)
        sheet = page(
            view.style,
            view.caption(notes=notes),
            columns=columns,
            rows=rows,
            width_in=1.7 + 5.6 * columns,
            height_in=1.3 + 4.4 * rows,
            gap_in=EFFICIENCY_GAP_IN,
        )
        bright = [point for result in view.measured.values() for point in result.points if point.shared]
        lowest = min((rate.low for point in bright for step, rate in point.efficiency.items() if step in steps), default=0.0)
        bottom = max(0.0, 1.0 - 1.15 * (1.0 - lowest))
        for number, axes in enumerate(sheet.panels):
            if number >= len(names):
                axes.set_visible(False)
                continue
            found = _draw_efficiencies(axes, view, names[number], colours)
            numbers[names[number]] = found
            x = Scale("High voltage [V]" if number >= len(names) - columns else "", limits=voltage_range(all_voltages(view)))
            apply_scale(axes, x, Scale("Efficiency" if number % columns == 0 else "", limits=(bottom, 1.0 + 0.06 * (1.0 - bottom))))
            axes.axhline(1.0, color=GREY, linewidth=1.0, zorder=0)
            place_legend(axes, [], text=[names[number]], entries=number == 0, loc="lower left", fontsize=12)
    return DrawnFigure(sheet.figure, numbers)


def times(view: RunView) -> DrawnFigure:
    """Transit time and its spread (Gaussian core) against the voltage."""
    numbers: dict[str, Any] = {}
    low, high = voltage_range(all_voltages(view))
    with view.style.context():
        notes = ("20 % crossing after the trigger: LED width and trigger jitter are in the spread.",)
        sheet = page(view.style, view.caption(notes=notes), ratio=True, height_in=7.6)
        axes, below = sheet.panels[0], sheet.ratios[0]
        for order, (pmt, result) in enumerate(view.measured.items()):
            kept = [(point.hv_v, point.timing) for point in result.points if point.timing and point.timing.valid and point.shared]
            if not kept:
                continue
            hv_v = np.array([hv for hv, _ in kept])
            fields = ("core_ns", "core_error_ns", "tts_sigma_ns", "tts_sigma_error_ns")
            found = {name: np.array([getattr(one, name) for _, one in kept]) for name in fields}
            moved = hv_v * beside(view, order)
            draw_points(axes, view, pmt, moved, found["core_ns"], found["core_error_ns"], label=pmt)
            draw_points(below, view, pmt, moved, found["tts_sigma_ns"], found["tts_sigma_error_ns"], gid="spread")
            numbers[pmt] = {"hv_v": hv_v, **found}
        apply_scale(axes, Scale("", limits=(low, high)), Scale("Transit time [ns]"))
        axes.tick_params(labelbottom=False)
        below.set_ylim(bottom=0.0)
        apply_scale(below, Scale("High voltage [V]", limits=(low, high)), Scale("", limits=(0.0, 1.15 * below.get_ylim()[1])))
        below.set_ylabel(r"TTS $\sigma$ [ns]", loc="center", fontsize=16)
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + 0.12 * len(view.measured) * (top - bottom))
        place_legend(axes, [], loc="upper right")
    return DrawnFigure(sheet.figure, numbers)


def nominal_table(view: RunView, laws: Mapping[str, PowerLaw]) -> DrawnFigure:
    """Voltages of the wanted gains, with statistical and scale error, as a table."""
    wanted = [one.gain for one in next(iter(laws.values())).nominal]
    words = {pmt: [_cell(one.valid, one.hv_v, one.error_v, one.scale_error_v, one.extrapolated, one.reason) for one in law.nominal]
             for pmt, law in laws.items()}  # fmt: skip
    with view.style.context():
        notes = ("High voltage in V, statistical error, error of the scale (calibration, light, width of single photo-electrons). "
                 "*: outside the measured voltages, extrapolated.",)  # fmt: skip
        sheet = page(view.style, view.caption(notes=notes), width_in=2.4 + 2.9 * len(wanted), height_in=1.6 + 0.5 * (len(laws) + 1), bottom_in=0.25,
                     left_in=0.2, right_in=0.2)  # fmt: skip
        axes = sheet.panels[0]
        axes.set_axis_off()
        rows, width = len(laws) + 1, 1.0 / (len(wanted) + 0.6)
        for column, gain in enumerate(wanted):
            axes.text((0.6 + column + 0.5) * width, 1.0 - 0.5 / rows, f"Gain {_power(gain)}", ha="center", va="center", fontsize=16, weight="bold")
        for row, (pmt, cells) in enumerate(words.items(), start=1):
            height = 1.0 - (row + 0.5) / rows
            axes.text(0.02, height, pmt, ha="left", va="center", fontsize=16, color=view.looks[pmt].colour, weight="bold")
            axes.axhline(1.0 - row / rows, color=GREY, linewidth=1.0)
            for column, cell in enumerate(cells):
                axes.text((0.6 + column + 0.5) * width, height, cell, ha="center", va="center", fontsize=15, gid="cell")
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.0)
    return DrawnFigure(
        sheet.figure, {"gain": wanted, "cells": words, "nominal": {pmt: [vars(one) for one in law.nominal] for pmt, law in laws.items()}}
    )


def _draw_law(axes: Axes, below: Axes, view: RunView, pmt: str, law: PowerLaw, at: Array, shift: float) -> None:
    look = view.looks[pmt]
    value, error = predicted(law, at)
    inside = (at >= min(law.hv_v)) & (at <= max(law.hv_v))
    axes.plot(at[inside], value[inside], color=look.colour, linewidth=1.6, gid=f"curve {pmt}")
    axes.plot(at, value, ":", color=look.colour, linewidth=1.2, gid=f"beyond {pmt}")
    axes.fill_between(at, value - error, value + error, color=look.colour, alpha=BAND, linewidth=0.0, gid=f"band {pmt}")
    label = f"{pmt}: $\\beta$ = {two_digits(law.exponent, math.sqrt(law.covariance[1][1]))}, $\\chi^2$ = {law.chi2:.1f} / {law.degrees_of_freedom}"
    hv_v, value, error = (np.array(column) for column in (law.hv_v, law.value, law.error))
    draw_points(axes, view, pmt, hv_v, value, error, label=label)
    expected, _ = predicted(law, hv_v)
    draw_points(below, view, pmt, hv_v * (1.0 + shift), value / expected, error / expected, gid="ratio")


def _draw_spread(axes: Axes, view: RunView, pmt: str, law: PowerLaw) -> dict[str, Any]:
    """The relative spread of single charges as a faint bar: what one flash does, not an error of the point."""
    charges = {point.name: point.charge for point in view.measured[pmt].points if point.charge is not None}
    spread = np.array([charges[name].spread_pc / charges[name].mean_pc for name in law.used])
    hv_v, value = np.array(law.hv_v), np.array(law.value)
    axes.errorbar(hv_v, value, yerr=spread * value, fmt="none", ecolor=view.looks[pmt].colour, alpha=0.3, elinewidth=5.0, gid=f"spread {pmt}")
    return {"relative_spread": spread}


def _mark_nominal(axes: Axes, view: RunView, laws: Mapping[str, PowerLaw], limits: tuple[float, float], reach: tuple[float, float]) -> None:
    """Wanted gains as lines, the voltages that give them as open diamonds on the curves."""
    for gain in (one.gain for one in next(iter(laws.values())).nominal):
        if limits[0] < gain < limits[1]:
            axes.axhline(gain, color=GREY, linewidth=1.0, linestyle="--", zorder=0, gid=f"wanted {gain:g}")
            axes.text(reach[0] * 1.01, gain * 1.04, _power(gain), ha="left", va="bottom", fontsize=12, color="#555555")
    for pmt, law in laws.items():
        for one in law.nominal:
            if one.valid and reach[0] < one.hv_v < reach[1]:
                axes.plot(
                    [one.hv_v], [one.gain], "d", color=view.looks[pmt].colour, markersize=10, markerfacecolor="white", zorder=4, gid=f"nominal {pmt}"
                )


def _mark_low_light(axes: Axes, below: Axes, view: RunView, laws: Mapping[str, PowerLaw]) -> dict[str, Any]:
    """Gains of single photo-electrons at low light as stars, beside a curve of another method; what the scale of that may be combined with."""
    found: dict[str, Any] = {}
    for pmt, law in laws.items():
        points = [one for one in view.measured[pmt].points if "spe" in one.gains and one.gains["spe"].valid] if law.method != "spe" else []
        for point in points:
            one = point.gains["spe"]
            error = one.statistical if math.isnan(one.model) else math.hypot(one.statistical, one.model)
            expected = predicted(law, point.hv_v)[0]
            label = None if found else "Single photo-electrons"
            for panel, scale in ((axes, 1.0), (below, float(expected))):
                panel.errorbar([point.hv_v], [one.gain / scale], yerr=[error / scale], fmt="*", color=view.looks[pmt].colour, markersize=15,
                               markerfacecolor="white", elinewidth=1.6, zorder=5, label=label, gid=f"low light {point.name}")  # fmt: skip
            found[point.name] = {"hv_v": point.hv_v, "gain": one.gain, "error": error}
    return found


def _draw_efficiencies(axes: Axes, view: RunView, pmt: str, colours: Mapping[str, str]) -> dict[str, Any]:
    points = [point for point in view.measured[pmt].points if point.shared]
    found: dict[str, Any] = {"hv_v": [point.hv_v for point in points]}
    for step, colour in colours.items():
        rows = [(point.hv_v, point.efficiency[step]) for point in points if step in point.efficiency]
        if not rows:
            continue
        hv_v = np.array([hv for hv, _ in rows])
        value, low, high = (np.array([getattr(rate, end) for _, rate in rows]) for end in ("value", "low", "high"))
        last = step == "selected"
        axes.errorbar(hv_v, value, yerr=[value - low, high - value], fmt="-o" if last else "--o", color=colour, markersize=5.0,
                      linewidth=2.0 if last else 1.1, elinewidth=1.2, label=step.replace("_", " "), gid=f"step {step}")  # fmt: skip
        found[step] = {"value": value, "low": low, "high": high}
    return found


def _steps(view: RunView) -> list[str]:
    """Steps that are looked at, but those that everything passes unless files are broken; the whole selection last."""
    seen = dict.fromkeys(step for result in view.measured.values() for point in result.points for step in point.efficiency)
    dull = [step for step in UNINTERESTING if all(_passes(point, step) for result in view.measured.values() for point in result.points)]
    return [step for step in seen if step not in dull]


def _passes(point: GainPoint, step: str) -> bool:
    return step not in point.efficiency or point.efficiency[step].value == 1.0


def _numbers(law: PowerLaw, at: Array) -> dict[str, Any]:
    value, error = predicted(law, at)
    expected, _ = predicted(law, law.hv_v)
    return {
        "points": {"hv_v": law.hv_v, "value": law.value, "error": law.error}, "ratio": np.array(law.value) / expected,
        "curve": {"hv_v": at, "value": value, "error": error}, "excluded": dict(law.excluded), "method": law.method,
        "nominal": [{"gain": one.gain, "hv_v": one.hv_v, "error_v": one.error_v} for one in law.nominal],
    }  # fmt: skip


def _ratio_limits(laws: Mapping[str, PowerLaw]) -> tuple[float, float]:
    away = [abs(ratio - 1.0) + error / value for law in laws.values()
            for ratio, error, value in zip(np.array(law.value) / predicted(law, law.hv_v)[0], law.error, law.value, strict=True)]  # fmt: skip
    reach = min(max(1.2 * max(away), 0.02), 0.5)
    return 1.0 - reach, 1.0 + reach


def _voltage_ticks(axes: Axes, low: float, high: float) -> None:
    """Plain numbers of volts on a logarithmic axis."""
    axes.set_xscale("log")
    ticks = [tick for tick in MaxNLocator(nbins=8, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _power(gain: float) -> str:
    power = math.floor(math.log10(gain) + 1e-9)
    factor = f"{gain / 10.0**power:g}"
    return f"$10^{{{power}}}$" if factor == "1" else f"${factor}\\times10^{{{power}}}$"


def _cell(valid: bool, hv_v: float, error_v: float, scale_v: float, extrapolated: bool, reason: str) -> str:
    return f"{hv_v:.1f} ± {error_v:.1f} ± {scale_v:.1f}{' *' if extrapolated else ''}" if valid else reason[:28]
