"""Detector parameters: what each does to the proxy bins, and what each source of error does to the flux."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from plotting.canvas import Array, Page, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.matrix import pulls
from plotting.stopping_muons_view import COLOURS, TARGETS, Found, RunView, Target, deviations, for_targets, scale_axes, target_scale
from plotting.style import BLACK, BLUE, GREY
from records.stopping_muons import TemplateSummary
from records.unfolding import FluxSpectrum, UnfoldedSpectrum

SHARED = "Templates are 1 at the nominal value; points of a bin share the fluctuation of the nominal simulation and may lie above or below together"
VARIED = "Slope from a simulation in which the parameter varies from event to event; there are no sets at fixed values"
COLUMNS = 8
ROOM = 1.4  # above and below what is drawn
COLUMN_IN, ROW_IN = 1.9, 1.75
NAMES = {"statistical": "Statistics of data", "simulation": "Size of simulation", "nuisances": "Detector, in the fit",
         "area": "Effective area, statistics", "area_systematic": "Effective area, detector", "livetime": "Livetime",
         "data_based": "Sectors of the data"}  # fmt: skip


def systematics(view: RunView) -> Found:
    """Templates of each parameter and target, a panel for each proxy bin, or for the one that ``bin_index`` chooses."""
    found: dict[str, partial[DrawnFigure] | str] = {}
    for name, target in TARGETS.items():
        summary = view.results.get(f"templates.{name}")
        if not view.config.unfolding.plot_systematics:
            found[f"systematics_{name}"] = "unfolding.plot_systematics is false"
        elif not isinstance(summary, TemplateSummary) or not summary.curves:
            found[f"systematics_{name}"] = _why_none(view, name)
        else:
            found |= {f"systematics_{parameter}_{name}": partial(_templates, view, target, parameter) for parameter in summary.curves}
    return found


def impact(view: RunView) -> Found:
    """Relative error of the flux by source."""
    return for_targets(view, "impact", "flux.{}", ("unfolding.plot_results_{}", "unfolding.unfold_{}"), _impact)


def nuisances(view: RunView) -> Found:
    """Pulls of the detector parameters in the unfolding of each target."""
    found: dict[str, partial[DrawnFigure] | str] = {}
    for name, target in TARGETS.items():
        spectrum = main_spectrum(view, name)
        if spectrum is None:
            found[f"nuisances_{name}"] = view.missing(f"unfolded.{name}.map", f"unfolding.unfold_{name}")
        elif not spectrum.nuisances:
            found[f"nuisances_{name}"] = _why_none(view, name)
        else:
            found[f"nuisances_{name}"] = partial(_pulls, view, target, spectrum)
    return found


def main_spectrum(view: RunView, target: str) -> UnfoldedSpectrum | None:
    """The sampled spectrum of a target, else the most probable one; null: none is there."""
    both = (view.results.get(f"unfolded.{target}.{method}") for method in ("mcmc", "map"))
    return next((one for one in both if isinstance(one, UnfoldedSpectrum) and one.valid), None)


def _why_none(view: RunView, target: str) -> str:
    if not view.config.unfolding.include_systematics:
        return "unfolding.include_systematics is false"
    if not view.config.options.nuisances:
        return "options.nuisances is empty"
    return view.missing(f"templates.{target}", f"unfolding.unfold_{target}")


def _templates(view: RunView, target: Target, parameter: str) -> DrawnFigure:
    found: TemplateSummary = view.results[f"templates.{target.name}"]
    curve_x, curves = np.array([x for x, _ in found.curves[parameter]]), np.array([ratios for _, ratios in found.curves[parameter]])
    points = found.points.get(parameter, [])
    x = np.array([one[0] for one in points], float)
    ratios, errors = (np.array([one[part] for one in points], float).reshape(len(points), curves.shape[1]) for part in (1, 2))
    chosen = view.config.unfolding.bin_index
    bins = list(range(curves.shape[1])) if chosen is None or chosen >= curves.shape[1] else [chosen]
    reach = ROOM * _largest_change(curve_x, curves[:, bins], x, np.abs(ratios - 1.0)[:, bins] + errors[:, bins])
    span = float(np.ptp(curve_x))
    scales = Scale("", limits=(curve_x.min() - 0.08 * span, curve_x.max() + 0.08 * span)), Scale("", limits=(1.0 - reach, 1.0 + reach))
    with view.style.context():
        notes = (SHARED,) if points else (VARIED,)
        sheet = _grid(view, len(bins), f"{parameter}, {target.words.lower()}", notes)
        columns = _columns(len(bins))
        for number, (axes, row) in enumerate(zip(sheet.panels, bins, strict=False)):
            axes.axhline(1.0, color=GREY, linewidth=1.0)
            axes.plot(curve_x, curves[:, row], color=BLUE, linewidth=2.0, label="Template", gid=f"curve {row}")
            bars: dict[str, Any] = {"fmt": "o", "color": BLACK, "markersize": 6, "elinewidth": 1.5, "zorder": 4}
            if points:
                axes.errorbar(x, ratios[:, row], yerr=errors[:, row], label="Simulated sets", gid=f"points {row}", **bars)
            apply_scale(axes, *scales)
            axes.text(0.5, 0.95, f"bin {row}", transform=axes.transAxes, va="top", ha="center", fontsize=13)
            axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 5, 10]))
            axes.yaxis.set_major_locator(MaxNLocator(4, prune="both"))
            axes.tick_params(labelbottom=number + columns >= len(bins), labelleft=number % columns == 0, labelsize=13)
        _label_grid(sheet, len(bins), parameter)
    return DrawnFigure(sheet.figure, {
        "parameter": parameter, "bins": bins, "curve_x": curve_x, "curves": curves[:, bins].T, "x": x, "ratios": ratios[:, bins].T,
        "errors": errors[:, bins].T,
    })  # fmt: skip


def _largest_change(curve_x: Array, curves: Array, x: Array, points: Array) -> float:
    """What the panels must hold: all points with their errors and (nearly all of) the curves between them; without points the curves."""
    between = (curve_x >= x.min()) & (curve_x <= x.max()) if x.size else np.ones(len(curve_x), bool)
    curved = float(np.nanquantile(np.abs(curves - 1.0)[between], 0.995))
    return max(curved, float(np.nanmax(points)) if x.size else 0.0) or 0.1


def _columns(panels: int) -> int:
    return min(COLUMNS, panels)


def _grid(view: RunView, panels: int, title: str, notes: tuple[str, ...]) -> Page:
    """A page of small panels without room between them; one alone has the usual size."""
    caption = view.caption(title, notes, of="mc")
    if panels == 1:
        return page(view.style, caption)
    columns = _columns(panels)
    rows = -(-panels // columns)
    width_in, height_in = 1.5 + COLUMN_IN * columns, 1.4 + ROW_IN * rows
    sheet = page(view.style, caption, columns=columns, rows=rows, width_in=width_in, height_in=height_in, gap_in=0.1, row_gap_in=0.1)
    for axes in sheet.panels[panels:]:
        axes.set_visible(False)
    return sheet


def _label_grid(sheet: Page, panels: int, parameter: str) -> None:
    """Words at the sides of the whole page, the legend in the first panel or in the first empty one."""
    first = sheet.panels[0]
    if panels == 1:
        apply_scale(first, Scale(parameter, limits=first.get_xlim()), Scale("Ratio to nominal", limits=first.get_ylim()))
        first.legend(loc="lower right")
        return
    width, height = sheet.figure.get_size_inches()
    bottom = sheet.panels[-1].get_position().y0
    sheet.figure.text(0.5, bottom - 0.55 / height, parameter, ha="center", va="center", fontsize=20)
    sheet.figure.text(0.28 / width, 0.5 * (1.0 + bottom), "Ratio to nominal", ha="center", va="center", rotation=90, fontsize=20)
    sheet.figure.legend(*first.get_legend_handles_labels(), loc="center right", bbox_to_anchor=(0.98, bottom - 0.55 / height), ncols=2, fontsize=15)


def relative_errors(found: FluxSpectrum) -> dict[str, Array]:
    """Relative errors of the flux by source and of all together, largest source first."""
    flux = np.array(found.flux)
    sources = {name: deviations(covariance) / flux for name, covariance in found.covariances.items()}
    total = np.sqrt(np.sum([one**2 for one in sources.values()], axis=0))
    order = sorted(sources, key=lambda name: -float(np.nanmean(sources[name])))
    return {"total": total} | {name: sources[name] for name in order if sources[name].any()}


def _impact(view: RunView, target: Target) -> DrawnFigure:
    found: FluxSpectrum = view.results[f"flux.{target.name}"]
    errors = relative_errors(found)
    edges = np.array(found.edges)
    lines = ("-", "--", "-.", ":")
    with view.style.context():
        sheet = page(view.style, view.caption(of="unfolded"))
        axes = sheet.panels[0]
        for order, (name, values) in enumerate(errors.items()):
            colour, line = (BLACK, "-") if name == "total" else (COLOURS[(order - 1) % len(COLOURS)], lines[(order - 1) % len(lines)])
            label = "Total" if name == "total" else NAMES.get(name, name.replace("_", " "))
            axes.stairs(100.0 * values, edges, baseline=None, color=colour, linestyle=line, linewidth=2.4, label=label, gid=f"source {name}")
        y = Scale("Relative error of the flux [%]", limits=(0.0, 112.0 * float(errors["total"].max())))
        scale_axes(axes, target_scale(target, found.edges), y)
        place_legend(axes, [(edges, 100.0 * errors["total"])])
    return DrawnFigure(sheet.figure, {"edges": edges, "unit": target.unit, "relative_errors": errors})


def _pulls(view: RunView, target: Target, spectrum: UnfoldedSpectrum) -> DrawnFigure:
    names = list(spectrum.nuisances)
    values = np.array([spectrum.nuisances[name].value for name in names])
    errors = np.array([spectrum.nuisances[name].error for name in names])
    return pulls(names, values, errors, style=view.style, caption=view.caption(target.words, of="unfolded"))
