"""The effective area of each target: sectors over the whole, and its relative errors below."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import Array, Scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stopping_muons_view import COLOURS, Found, RunView, Target, below, centres, deviations, for_targets, scale_axes, shifted, target_scale
from plotting.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from records.stopping_muons import EffectiveArea

HEIGHT_IN, ERRORS_IN = 9.0, 3.0
SCALE_M2 = 1e4  # unit of the axis
PARAMETER_COLOURS = (ORANGE, PURPLE, SKY, GREY)


def effective_area(view: RunView) -> Found:
    """One figure for each target."""
    return for_targets(view, "effective_area", "effective_area.{}", ("effective_area.calculate_effective_area_{}",), _area)


def relative_errors(found: EffectiveArea) -> dict[str, Array]:
    """Relative errors by bin: analytic, bootstrap (half of 16 to 84 %), of each parameter and of all parameters."""
    area = np.array(found.area_m2)
    errors = {"analytic": np.array(found.error_m2) / area}
    if found.bootstrap_m2:
        quantiles = np.array(found.bootstrap_m2)
        errors["bootstrap"] = 0.5 * (quantiles[:, 2] - quantiles[:, 0]) / area
    parameters = {name: deviations(covariance) for name, covariance in found.systematic.items()}
    errors |= parameters
    if len(parameters) > 1:
        errors["systematic"] = np.sqrt(np.sum([one**2 for one in parameters.values()], axis=0))
    return errors


def _area(view: RunView, target: Target) -> DrawnFigure:
    found: EffectiveArea = view.results[f"effective_area.{target.name}"]
    errors = relative_errors(found)
    x = target_scale(target, found.edges)
    with view.style.context():
        sheet = page(view.style, view.caption(of="mc"), ratio=True, height_in=HEIGHT_IN, ratio_in=ERRORS_IN)
        tops = _draw_areas(sheet.panels[0], found)
        limits = -1e-3, 1.08 * max(float(top.max()) for _, top in tops)
        scale_axes(sheet.panels[0], below(x), Scale(r"Effective area [10$^4$ m$^2$]", limits=limits))
        sheet.panels[0].tick_params(labelbottom=False)
        place_legend(sheet.panels[0], tops)
        _draw_errors(sheet.ratios[0], found, errors, x)
    numbers: dict[str, Any] = {"edges": found.edges, "unit": target.unit, "area_m2": found.area_m2, "error_m2": found.error_m2}
    numbers |= {"bootstrap_m2": found.bootstrap_m2, "impurity": found.impurity, "softer": found.softer, "harder": found.harder}
    numbers |= {"sectors_m2": found.sectors, "sector_errors_m2": found.sector_errors}
    return DrawnFigure(sheet.figure, {**numbers, "relative_errors": errors})


def _draw_areas(axes: Axes, found: EffectiveArea) -> list[tuple[Array, Array]]:
    edges, area, error = np.array(found.edges), np.array(found.area_m2) / SCALE_M2, np.array(found.error_m2) / SCALE_M2
    sides = np.array([centres(edges) - edges[:-1], edges[1:] - centres(edges)])
    axes.errorbar(centres(edges), area, yerr=error, xerr=sides, fmt="o", color=BLACK, markersize=7, elinewidth=1.8, label="All", gid="area", zorder=5)
    tops = [(edges, area + error)]
    for order, (name, values) in enumerate(found.sectors.items()):
        sector, errors = np.array(values) / SCALE_M2, np.array(found.sector_errors.get(name, np.zeros(len(area)))) / SCALE_M2
        at = shifted(edges, 0.16 * (order - 0.5 * (len(found.sectors) - 1)))
        axes.errorbar(at, sector, yerr=errors, fmt="s^vDPX"[order % 6], color=COLOURS[order % len(COLOURS)], markersize=7, elinewidth=1.6,
                      label=f"Sector {name}", gid=f"sector {name}")  # fmt: skip
        tops.append((edges, sector + errors))
    return tops


def _draw_errors(axes: Axes, found: EffectiveArea, errors: dict[str, Array], x: Scale) -> None:
    edges = np.array(found.edges)
    looks = {"analytic": ("Statistical, analytic", BLACK, "-"), "bootstrap": ("Statistical, bootstrap", BLUE, "--"),
             "systematic": ("All parameters", VERMILLION, "-")}  # fmt: skip
    for name, values in errors.items():
        label, colour, line = looks.get(name, (name, PARAMETER_COLOURS[(list(errors).index(name) - 2) % len(PARAMETER_COLOURS)], "-."))
        axes.stairs(100.0 * values, edges, baseline=None, color=colour, linestyle=line, linewidth=2.2, label=label, gid=f"error {name}")
    change = np.max(np.abs([np.array(found.softer) - 1.0, np.array(found.harder) - 1.0]), axis=0) if found.softer and found.harder else None
    if change is not None:
        axes.stairs(100.0 * change, edges, baseline=None, color=GREEN, linestyle=":", linewidth=2.4, label=r"Index $\pm$0.1", gid="error index")
    highest = max(float(np.nanmax(100.0 * values)) for values in errors.values())
    scale_axes(axes, x, Scale("", limits=(0.0, 1.1 * highest)))
    axes.set_ylabel("Relative error [%]", loc="center", fontsize=17)
    tops = [(edges, 100.0 * values) for values in (*errors.values(), *(() if change is None else (change,)))]
    place_legend(axes, tops, fontsize=12.5)
