"""The flux of each sector of the data over the full result: what differs between them beyond statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import Array, Scale
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stopping_muons_flux import HATCH, Errors, draw_boxes, flux_page, power_of
from plotting.stopping_muons_view import COLOURS, Found, RunView, Target, below, for_targets, scale_axes, shifted, target_scale
from plotting.style import BLACK, SKY
from records.stopping_muons import SectorComparison
from records.unfolding import FluxSpectrum


def sectors(view: RunView) -> Found:
    """Fluxes of the sectors of each target."""
    return for_targets(view, "sectors", "sectors.{}", ("systematics.data_based_systematics_{}",), _sectors)


def _sectors(view: RunView, target: Target) -> DrawnFigure:
    found: SectorComparison = view.results[f"sectors.{target.name}"]
    full = view.results.get(f"flux.{target.name}")
    base = np.array(full.flux if isinstance(full, FluxSpectrum) else found.mean)
    factor, edges = power_of(target, found.edges), np.array(found.edges)
    x = target_scale(target, found.edges)
    syst = np.array(found.systematic)
    with view.style.context():
        sheet = flux_page(view, target, (*_overlap(found), *found.notes))
        axes, ratio = sheet.panels[0], sheet.ratios[0]
        for panel, scale in ((axes, factor), (ratio, 1.0 / base)):
            label = "Full result" if isinstance(full, FluxSpectrum) else "Mean of the sectors"
            panel.stairs(base * scale, edges, baseline=None, color=BLACK, linewidth=2.2, label=label, gid="full")
            if isinstance(full, FluxSpectrum):
                total = Errors.of(full).total
                draw_boxes(
                    panel, edges, ((base + total) * scale, (base - total) * scale), "Its total error", {"color": SKY, "alpha": 0.5, "linewidth": 0.0}
                )
            draw_boxes(panel, edges, ((base + syst) * scale, (base - syst) * scale), "Not explained by statistics", HATCH)
            _draw_sectors(panel, found, scale)
        fluxes = np.concatenate([base * factor, *(np.array(one) * factor for one in found.flux.values())])
        scale_axes(axes, below(x), Scale(target.flux_label, True, (0.5 * float(fluxes[fluxes > 0.0].min()), 2.0 * float(fluxes.max()))))
        axes.tick_params(labelbottom=False)
        reach = 1.15 * max(
            float(np.nanmax(np.abs(np.array(one) / base - 1.0) + np.array(found.statistical[name]) / base)) for name, one in found.flux.items()
        )
        scale_axes(ratio, x, Scale("", limits=(max(1.0 - reach, 0.0), 1.0 + reach)))
        ratio.set_ylabel("Ratio to full result", loc="center", fontsize=17)
        tops = [(edges, fluxes.reshape(-1, len(base)).max(axis=0))]
        chi2, ndf = np.nansum(found.chi2), (len(found.flux) - 1) * int(np.isfinite(found.chi2).sum())
        place_legend(axes, tops, text=(rf"$\chi^2$/ndf of the sectors = {chi2:.1f}/{ndf}",))
    return DrawnFigure(sheet.figure, {
        "edges": edges, "flux": found.flux, "statistical": found.statistical, "mean": found.mean, "systematic": found.systematic, "full": base,
        "chi2": found.chi2, "overlap": found.overlap, "power": target.power,
    })  # fmt: skip


def _overlap(found: SectorComparison) -> tuple[str, ...]:
    if math.isnan(found.overlap):
        return ("Sectors may share events; how many is not known",)
    return (f"Overlap of the sectors: {100.0 * found.overlap:.1f} %",) if found.overlap else ()


def _draw_sectors(axes: Axes, found: SectorComparison, factor: Array) -> None:
    for order, (name, flux) in enumerate(found.flux.items()):
        at = shifted(found.edges, 0.2 * (order - 0.5 * (len(found.flux) - 1)))
        look: dict[str, Any] = {"fmt": "s^vDPX"[order % 6], "color": COLOURS[order % len(COLOURS)], "markersize": 7, "elinewidth": 1.8}
        error = np.array(found.statistical[name]) * factor
        axes.errorbar(at, np.array(flux) * factor, yerr=error, label=f"Sector {name}", gid=f"sector {name}", zorder=4, **look)
