"""Spectra of neutrinos of one annihilation, by flavour: where they are made and at Earth, beside another table of spectra."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from configs.errors import InputError
from data_info.annihilation_spectra import PPPC_ABOUT, SpectrumTable
from fits.dark_matter.spectra import angles
from physics.annihilation_spectra import Spectra, Spectrum
from plotting.canvas import Array, Page, Scale, apply_scale, page
from plotting.dark_matter_view import FLAVOURS, CombinationView
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, GREY

LOWEST_X, LOWEST_X_OF_LINES, DECADES = 1e-4, 0.3, 4.0
STEP_LOG10 = 0.05
COMPARED_STEP_LOG10 = 0.1
RATIO_LIMITS = (0.45, 1.55)
ENOUGH = 1e-4  # of the highest number in a bin of the other table, to divide by
NARROW_LOG10 = 0.2  # spectra that cover less are lines: smeared in the tables, so that a ratio says nothing


@dataclass(frozen=True, eq=False)
class _Compared:
    """Spectra at the source and at Earth, of another table too (null: it has none), and what one line looks like."""

    source: Spectrum
    earth: Spectrum
    others: tuple[Spectrum, Spectrum] | None

    @property
    def is_line(self) -> bool:
        """Whether all neutrinos have nearly one energy."""
        return bool(self.source.log10_x[0] > -NARROW_LOG10)

    @property
    def lowest_x(self) -> float:
        """Where the axes begin."""
        return LOWEST_X_OF_LINES if self.is_line else LOWEST_X

    @property
    def ratios(self) -> tuple[Array, Array] | None:
        """Ours over theirs, at the source and at Earth; none for lines."""
        if self.others is None or self.is_line:
            return None
        return _ratio(self.source, self.others[0]), _ratio(self.earth, self.others[1])


def spectra(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """The figure of one channel and mass."""
    return {view.named("spectra"): partial(_spectra, view)}


def _spectra(view: CombinationView) -> DrawnFigure:
    found = _compared(view)
    mass_gev, ratios = view.edge_gev, found.ratios
    edges, name = _edges(STEP_LOG10), published_name(view.fit.published)
    at_source, at_earth = (_per_log10_x(one, edges) for one in (found.source, found.earth))
    per_gev = found.earth.per_gev(mass_gev * 10.0**edges)
    with view.style.context():
        sheet = page(view.style, view.caption(_notes(view, found)), columns=2, ratio=ratios is not None, width_in=14.6, gap_in=1.25)
        first, second = sheet.panels
        _draw(first, 10.0**edges, at_source, "source", (0, (4, 1.5)))
        _draw(first, 10.0**edges, at_earth, "earth")
        _draw(second, mass_gev * 10.0**edges, per_gev, "earth per GeV")
        published = {}
        if found.others is not None:
            published = {
                "published_source_per_log10_x": _per_log10_x(found.others[0], edges),
                "published_earth_per_gev": found.others[1].per_gev(mass_gev * 10.0**edges),
            }
            for axes, unit, values in zip((first, second), (1.0, mass_gev), published.values(), strict=True):
                _draw_points(axes, unit * 10.0**edges, values)
        if ratios is not None:
            for axes, unit, ratio in zip(sheet.ratios, (1.0, mass_gev), ratios, strict=True):
                _draw_ratio(axes, ratio, unit)
        _finish(view, sheet, name, found.lowest_x, (np.concatenate([at_source, at_earth]), per_gev))
        _legend(first, None if found.others is None else name)
    numbers = {
        "log10_x_edges": edges, "mass_gev": mass_gev, "flavours": list(FLAVOURS), "source_per_log10_x": at_source, "earth_per_log10_x": at_earth,
        "earth_per_gev": per_gev, "number_at_source": found.source.number, "number_at_earth": found.earth.number, **published,
    }  # fmt: skip
    if ratios is not None:
        numbers |= {"ratio_log10_x_edges": _edges(COMPARED_STEP_LOG10), "ratio_source": ratios[0], "ratio_earth": ratios[1]}
    return DrawnFigure(sheet.figure, numbers)


def _compared(view: CombinationView) -> _Compared:
    other = published_spectrum(view.fit.published, view.result.channel, view.edge_gev)
    others = None if other is None else (other, other.at_earth(angles(view.fit.options.oscillation)))
    return _Compared(view.spectrum("source"), view.spectrum("earth"), others)


def _notes(view: CombinationView, found: _Compared) -> tuple[str, ...]:
    first = f"One type (neutrinos or antineutrinos) per {'decay' if view.decay else 'annihilation'}: {view.result.spectra}"
    smeared = ("Lines are drawn as boxes; the published table smears them by 0.049 in log10 x",) if found.is_line and found.others else ()
    return (first, *smeared)


def published_name(table: SpectrumTable | None) -> str:
    """How the other table is called on figures."""
    return "" if table is None else "PPPC4DMID" if table.about == PPPC_ABOUT else "embedded"


def published_spectrum(table: SpectrumTable | None, channel: str, mass_gev: float) -> Spectrum | None:
    """The spectrum in a table to compare with; none where it has neither channel nor mass."""
    if table is None or channel not in table.channels:
        return None
    try:
        return Spectra(table).at_source(channel, mass_gev)
    except InputError:
        return None


def _edges(step_log10: float) -> Array:
    return np.linspace(np.log10(LOWEST_X), 0.0, round(-np.log10(LOWEST_X) / step_log10) + 1)


def _per_log10_x(spectrum: Spectrum, edges: Array) -> Array:
    return np.asarray(np.diff(spectrum.below(edges), axis=1) / np.diff(edges))


def _ratio(ours: Spectrum, theirs: Spectrum) -> Array:
    """Of the numbers in wider bins; NaN without theirs, or with hardly any."""
    own, other = (np.diff(one.below(_edges(COMPARED_STEP_LOG10)), axis=1) for one in (ours, theirs))
    return np.divide(own, other, out=np.full(own.shape, np.nan), where=other > ENOUGH * other.max())


def _shown(values: Array) -> Array:
    return np.where(values > 0.0, values, np.nan)


def _draw(axes: Axes, ends: Array, values: Array, name: str, line: Any = "-") -> None:
    for row, (flavour, look) in enumerate(FLAVOURS.items()):
        axes.stairs(_shown(values[row]), ends, baseline=None, color=look.colour, linewidth=1.8, linestyle=line, gid=f"{name} {flavour}")


def _draw_points(axes: Axes, ends: Array, values: Array) -> None:
    for row, (flavour, look) in enumerate(FLAVOURS.items()):
        axes.plot(np.sqrt(ends[1:] * ends[:-1]), _shown(values[row]), ".", color=look.colour, markersize=4.5, gid=f"published {flavour}")


def _draw_ratio(axes: Axes, ratio: Array, unit: float) -> None:
    edges = unit * 10.0 ** _edges(COMPARED_STEP_LOG10)
    axes.axhline(1.0, color=GREY, linewidth=1.2)
    axes.axhspan(0.9, 1.1, color=GREY, alpha=0.2, linewidth=0.0, gid="ten percent")
    for row, (flavour, look) in enumerate(FLAVOURS.items()):
        axes.stairs(np.clip(ratio[row], *RATIO_LIMITS), edges, baseline=None, color=look.colour, linewidth=1.8, gid=f"ratio {flavour}")


def _finish(view: CombinationView, sheet: Page, name: str, lowest_x: float, values: tuple[Array, Array]) -> None:
    words = ("$x = 2E/m$" if view.decay else "$x = E/m$", "Energy at Earth [GeV]")
    heights = (r"$dN/d\log_{10}x$", r"$dN/dE$ at Earth [GeV$^{-1}$]")
    for number, (axes, unit) in enumerate(zip(sheet.panels, (1.0, view.edge_gev), strict=True)):
        across = Scale(words[number], True, (lowest_x * unit, 1.3 * unit))
        apply_scale(axes, replace(across, label="") if sheet.ratios else across, Scale(heights[number], True, _range(values[number])))
        if sheet.ratios:
            axes.tick_params(labelbottom=False)
            apply_scale(sheet.ratios[number], across, Scale("", limits=RATIO_LIMITS))
            sheet.ratios[number].set_ylabel(f"Ours / {name}", loc="center", fontsize=16)


def _range(values: Array) -> tuple[float, float]:
    high = float(values.max())
    low = float(values[values > 0.0].min())
    return max(0.5 * low, high * 10.0**-DECADES), 30.0 * high


def _legend(axes: Axes, published: str | None) -> None:
    flavours = [Line2D([], [], color=look.colour, label=look.label) for look in FLAVOURS.values()]
    kinds = [Line2D([], [], color=BLACK, linestyle=(0, (4, 1.5)), label="At the source"), Line2D([], [], color=BLACK, label="At Earth")]
    if published:
        kinds.append(Line2D([], [], color=BLACK, linestyle="none", marker=".", label=published))
    axes.legend(handles=[*flavours, *kinds], loc="upper left", ncols=2, columnspacing=1.2)
