"""J factors of the sources in every aperture, their sizes, acceptances and shares of the signal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from data_info.dwarf_galaxies import APERTURES_DEG, JFactor, Source
from plotting.canvas import Array, Caption, Page, Scale, apply_scale, page
from plotting.dark_matter_view import CombinationView, FitView
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, Style

ROW_IN, MARGINS_IN = 0.32, 1.65
NAMES_IN = 2.1
APERTURES = dict(zip(APERTURES_DEG, (PURPLE, GREEN, BLUE, ORANGE), strict=True))
LEGEND_ROWS, LEGEND_FROM = 3, 0.45  # rows that a legend lies on, and the share of the panel's width where it begins
SHIFT = 0.18  # of a row, between apertures


def sources(view: FitView) -> dict[str, partial[DrawnFigure]]:
    """J factors and sizes of a fit's sources."""
    return {view.named("sources"): partial(_sources, view)} if view.sources else {}


def acceptance(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """Acceptances and shares for one channel and mass."""
    return {view.named("acceptance"): partial(_acceptance, view)}


def _sources(view: FitView) -> DrawnFigure:
    listed = view.sources
    names = [source.name for source in listed]
    with view.run.style.context():
        sheet = _rows(view.run.style, view.run.caption(view.options.sources.catalogue, _citations(listed, view.factor)), names)
        first, second = sheet.panels
        _draw_factors(first, listed)
        unit = r"$\log_{10}(D\,/\,\mathrm{GeV\,cm^{-2}})$" if view.factor == "D" else r"$\log_{10}(J\,/\,\mathrm{GeV^2\,cm^{-5}})$"
        apply_scale(first, Scale(unit))
        first.legend(loc="lower left", bbox_to_anchor=(0.0, 0.0), fontsize=12.5)
        low, _ = first.get_xlim()
        first.set_xlim(low - 1.2)
        size = np.array([source.galaxy.rhalf_arcmin for source in listed]) / 60.0
        second.plot(size, np.arange(len(listed)), "D", color=BLACK, markersize=6, linestyle="none", gid="half-light radius")
        for aperture, colour in APERTURES.items():
            second.axvline(float(aperture), color=colour, linestyle="--", linewidth=1.6, gid=f"aperture {aperture}")
        apply_scale(second, Scale("Half-light radius [deg]", True, (0.01, 20.0)))
    numbers = {
        "sources": names, "chosen_aperture_deg": [source.aperture for source in listed],
        "log10_j": {
            one: [[source.galaxy.j[one].log10, source.galaxy.j[one].plus, source.galaxy.j[one].minus] if one in source.galaxy.j else None
                  for source in listed] for one in APERTURES
        },
        "half_light_radius_deg": size, "citations": [source.galaxy.citation for source in listed],
    }  # fmt: skip
    return DrawnFigure(sheet.figure, numbers)


def _draw_factors(axes: Axes, listed: Sequence[Source]) -> None:
    present = [one for one in APERTURES if any(one in source.galaxy.j for source in listed)]
    for order, aperture in enumerate(present):
        rows = [row for row, source in enumerate(listed) if aperture in source.galaxy.j]
        chosen = np.array([listed[row].aperture == aperture for row in rows])
        y = np.array(rows) + SHIFT * (order - 0.5 * (len(present) - 1))
        values, minus, plus = np.array([factor(listed[row].galaxy.j[aperture]) for row in rows]).T
        label: str | None = f"within {aperture}°"
        for used, which in ((True, chosen), (False, ~chosen)):
            if which.any():
                axes.errorbar(values[which], y[which], xerr=[minus[which], plus[which]], fmt="o", color=APERTURES[aperture], markersize=5,
                              elinewidth=1.3, markerfacecolor=APERTURES[aperture] if used else "white", label=label,
                              gid=f"aperture {aperture}{'' if used else ' not used'}")  # fmt: skip
                label = None
    axes.plot([], [], "o", color=GREY, label="filled: used")


def factor(j: JFactor) -> tuple[float, float, float]:
    """log10 of a J factor, errors down and up."""
    return j.log10, j.minus, j.plus


def _acceptance(view: CombinationView) -> DrawnFigure:
    names = [str(one) for one in view.arrays["source_name"]]
    rows = np.arange(len(names))
    area, share = view.arrays["source_area_cm2"], view.arrays["source_share"]
    error = area * view.arrays["source_area_error"]
    strength = 10.0 ** view.arrays["source_log10_j"]
    of_j = strength / strength.sum()
    colour = view.look.colour
    with view.style.context():
        sheet = _rows(view.style, view.caption((f"Window {view.window}; statistical errors of the simulation",)), names)
        first, second = sheet.panels
        first.errorbar(area, rows, xerr=error, fmt="o", color=colour, markersize=6, elinewidth=1.6, gid="acceptance")
        apply_scale(first, Scale(r"$A_j$ [cm$^2$], $\nu$ and $\bar{\nu}$ together", limits=(0.0, 1.25 * float((area + error).max()))))
        second.barh(rows, share, height=0.7, color=colour, alpha=0.75, label="Share of the signal $w_j$", gid="share")
        second.plot(
            of_j, rows, "|", color=BLACK, markersize=12, markeredgewidth=2.0, linestyle="none", label=f"Share of {view.fit.factor}", gid="share of J"
        )
        longest = np.maximum(share, of_j)
        apply_scale(second, Scale("Share", limits=(0.0, room_for_legend(longest))))
        second.legend(loc="upper right")
    numbers = {
        "sources": names, "acceptance_cm2": area, "acceptance_error_cm2": error, "share": share,
        "share_of_j": of_j, "sum_j_area": view.result.sum_j_area,
    }  # fmt: skip
    return DrawnFigure(sheet.figure, numbers)


def room_for_legend(longest: Array) -> float:
    """Right end of a panel of bars: those of the rows that the legend lies on end before it.

    >>> room_for_legend(np.array([0.1, 0.1, 0.1, 1.0])), room_for_legend(np.array([0.9, 0.1]))
    (1.12, 2.0)
    """
    return max(1.12 * float(longest.max()), float(longest[:LEGEND_ROWS].max()) / LEGEND_FROM)


def _rows(style: Style, caption: Caption, names: Sequence[str]) -> Page:
    """Two panels with a row for each source, their names on the left."""
    sheet = page(style, caption, columns=2, width_in=13.0, height_in=MARGINS_IN + ROW_IN * len(names), left_in=NAMES_IN)
    for number, axes in enumerate(sheet.panels):
        axes.set_yticks(np.arange(len(names)), names if number == 0 else [""] * len(names), fontsize=13)
        axes.tick_params(axis="y", which="both", length=0)
        axes.set_ylim(len(names) - 0.4, -0.6)
        for row in range(0, len(names), 2):
            axes.axhspan(row - 0.5, row + 0.5, color=GREY, alpha=0.12, linewidth=0.0, zorder=0)
    return sheet


def _citations(listed: Sequence[Source], factor: str) -> tuple[str, ...]:
    found = list(dict.fromkeys(source.galaxy.citation for source in listed))
    return (f"{factor} factors: {found[0] if len(found) == 1 else f'{len(found)} publications, named in the JSON file'}",)
