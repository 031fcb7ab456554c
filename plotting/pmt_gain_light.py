"""The light of ``pmt_gain``: photo-electrons against the voltage, and the variance of the charge against its mean."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import Array, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.pmt_gain_points import all_voltages, beside, draw_points, voltage_range
from plotting.pmt_gain_view import RunView
from plotting.style import GREY
from plotting.symbols import two_digits
from records.gain import GainEstimate, GainPoint, GainResult
from records.spe import JointPhotostatisticsResult, VarianceMeanResult

CURVE_POINTS = 200
OF_LIGHT = r"Lines: $v = m^2 (1 + \delta^2) / \lambda$ with the common light of all voltages."
OF_LEVELS = r"Open: light levels of one voltage, dashed: $v = Q_1 (1 + \delta^2) m + \nu^2 m^2$ through them."


def light(view: RunView) -> DrawnFigure:
    """Number of photo-electrons at each voltage from photostatistics, and the common one of the joint fit as a band."""
    numbers: dict[str, Any] = {}
    with view.style.context():
        notes = ("Error bars: statistics. Bands: common light of all voltages and its statistical error. The width of single photo-electrons moves "
                 "all points of a photomultiplier alike.",)  # fmt: skip
        sheet = page(view.style, view.caption(notes=notes))
        axes = sheet.panels[0]
        low, high = voltage_range(all_voltages(view))
        ends: list[float] = []
        for order, (pmt, result) in enumerate(view.measured.items()):
            found = lights_of(result.points)
            if not found:
                continue
            hv_v = np.array([point.hv_v for point, _ in found])
            value, error = (np.array([getattr(one, name) for _, one in found]) for name in ("photoelectrons", "photoelectrons_error"))
            words = _draw_common(axes, view, pmt, result.light)
            draw_points(axes, view, pmt, hv_v * beside(view, order), value, error, label=words)
            ends += [float(np.min(value - error)), float(np.max(value + error))]
            common = math.nan if result.light is None else result.light.lambda_pe
            numbers[pmt] = {"hv_v": hv_v, "photoelectrons": value, "error": error, "common": common}
        y = Scale("Photo-electrons per trigger", limits=(0.9 * min(ends), 1.05 * max(ends)))
        apply_scale(axes, Scale("High voltage [V]", limits=(low, high)), y)
        place_legend(axes, [(np.array([low, high]), np.array([max(ends)]))], fontsize=13)
    return DrawnFigure(sheet.figure, numbers)


def _draw_common(axes: Axes, view: RunView, pmt: str, common: JointPhotostatisticsResult | None) -> str:
    """The common light as a line with a band; returns what to say of it."""
    if common is None or not common.valid:
        return pmt
    colour, middle, error = view.looks[pmt].colour, common.lambda_pe, common.lambda_error
    axes.axhspan(middle - error, middle + error, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(middle, color=colour, linewidth=1.2, gid=f"common {pmt}")
    return f"{pmt}: {two_digits(middle, error)}, $\\chi^2$ = {common.chi2:.1f} / {common.degrees_of_freedom}"


def variance_mean(view: RunView) -> DrawnFigure:
    """Variance against mean of the charge above the pedestal: shared light with v = m^2 (1 + delta^2) / lambda, lines of light levels."""
    numbers: dict[str, Any] = {"levels": {}}
    lines = {name: (pmt, one) for pmt in view.measured for name, one in view.lines(pmt).items()}
    with view.style.context():
        sheet = page(view.style, view.caption(notes=(f"{OF_LIGHT} {OF_LEVELS}" if lines else OF_LIGHT,)), ratio=True, height_in=7.6)
        axes, below = sheet.panels[0], sheet.ratios[0]
        for pmt, result in view.measured.items():
            if found := [one for _, one in lights_of(result.points)]:
                numbers[pmt] = _draw_shared(axes, below, view, result, found)
        for name, (pmt, line) in lines.items():
            numbers["levels"][name] = _draw_levels(axes, below, view, pmt, name, line)
        drawn = [*(numbers[pmt] for pmt in view.measured if pmt in numbers), *numbers["levels"].values()]
        spans, heights = (np.concatenate([one[key] for one in drawn]) for key in ("mean_pc", "variance_pc2"))
        x = Scale("Mean charge above pedestal [pC]", True, (0.6 * float(spans.min()), 1.7 * float(spans.max())))
        apply_scale(axes, replace(x, label=""), Scale(r"Variance [pC$^2$]", True, (0.3 * float(heights.min()), 3.0 * float(heights.max()))))
        axes.tick_params(labelbottom=False)
        below.axhline(1.0, color=GREY, linewidth=1.2)
        apply_scale(below, x, Scale("Data / line", limits=(0.4, 1.6)))
        below.set_ylabel("Data / line", loc="center", fontsize=16)
        place_legend(axes, [], loc="upper left", fontsize=13)
    return DrawnFigure(sheet.figure, numbers)


def _draw_shared(axes: Axes, below: Axes, view: RunView, result: GainResult, found: list[GainEstimate]) -> dict[str, Any]:
    """Points of one photomultiplier under the shared light, and the parabola of that light."""
    pmt, common = result.pmt, result.light
    mean, variance, error = _variance(found)
    draw_points(axes, view, pmt, mean, variance, error, label=pmt)
    if common is not None and common.valid:
        at = np.geomspace(mean.min(), mean.max(), CURVE_POINTS)
        slope = (1.0 + common.delta**2) / common.lambda_pe
        axes.plot(at, slope * at**2, color=view.looks[pmt].colour, linewidth=1.4, gid=f"line {pmt}")
        draw_points(below, view, pmt, mean, variance / (slope * mean**2), error / (slope * mean**2), gid="ratio")
    return {"mean_pc": mean, "variance_pc2": variance, "variance_error_pc2": error}


def _draw_levels(axes: Axes, below: Axes, view: RunView, pmt: str, name: str, line: VarianceMeanResult) -> dict[str, Any]:
    """The light levels of one voltage and the line through them."""
    mean, variance, error = (np.array(column) for column in (line.mean_pc, line.variance_pc2, line.variance_error_pc2))
    at = np.geomspace(mean.min(), mean.max(), CURVE_POINTS)
    axes.plot(at, line.slope_pc * at + line.nu_squared * at**2, "--", color=view.looks[pmt].colour, linewidth=1.4, gid=f"levels {pmt}")
    flicker = f"{100 * line.nu:.1f} %" if math.isfinite(line.nu) else "not seen"
    words = f"{pmt}, {name.rpartition('.')[2].removesuffix('V')} V: {len(mean)} levels, $\\nu$ {'= ' if math.isfinite(line.nu) else ''}{flicker}"
    draw_points(axes, view, pmt, mean, variance, error, label=words, gid=f"levels of {name}", hollow=True)
    expected = line.slope_pc * mean + line.nu_squared * mean**2
    draw_points(below, view, pmt, mean, variance / expected, error / expected, gid=f"ratio of {name}", hollow=True)
    return {"mean_pc": mean, "variance_pc2": variance, "variance_error_pc2": error, "slope_pc": line.slope_pc, "nu_squared": line.nu_squared}


def lights_of(points: list[GainPoint]) -> list[tuple[GainPoint, GainEstimate]]:
    """Points of the shared light with photostatistics, in order of voltage."""
    found = [(point, point.gains["photostatistics"]) for point in points if "photostatistics" in point.gains and point.shared]
    return [(point, one) for point, one in found if one.valid]


def _variance(found: list[GainEstimate]) -> tuple[Array, Array, Array]:
    """Mean, variance and its error above the pedestal, from number and charge of the photo-electrons."""
    light, q1, width = (np.array(column) for column in zip(*((one.photoelectrons, one.charge_pc, one.delta) for one in found), strict=True))
    variance = light * q1**2 * (1.0 + width**2)
    relative = np.array([one.charge_error_pc / one.charge_pc for one in found])
    return light * q1, variance, variance * relative  # of one light level the error of Q1 is almost that of the variance
