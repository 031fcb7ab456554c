"""Spectra of neutrinos of one annihilation, by flavour: where they are made and at Earth, beside another table of spectra."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from configs.errors import InputError
from data_info.annihilation_spectra import SpectrumTable
from fits.dark_matter.spectra import angles
from physics.annihilation_spectra import Spectra, Spectrum
from plotting.canvas import Array, Scale, apply_scale, page
from plotting.dark_matter_view import FLAVOURS, CombinationView
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, GREY

LOWEST_X, DECADES = 1e-4, 4.0
STEP_LOG10 = 0.05
COMPARED_STEP_LOG10 = 0.1
RATIO_LIMITS = (0.45, 1.55)
NARROW_LOG10 = 0.2  # spectra that cover less are lines: smeared in the tables, so that a ratio says nothing


def spectra(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """The figure of one channel and mass."""
    return {view.named("spectra"): partial(_spectra, view)}


def _spectra(view: CombinationView) -> DrawnFigure:
    source, earth, mass_gev = view.spectrum("source"), view.spectrum("earth"), view.edge_gev
    other = published_spectrum(view.fit.published, view.result.channel, mass_gev)
    other_at_earth = None if other is None else other.at_earth(angles(view.fit.options.oscillation))
    is_line = source.log10_x[0] > -NARROW_LOG10
    compared = None if other is None or other_at_earth is None or is_line else (other, other_at_earth)
    edges = np.linspace(np.log10(LOWEST_X), 0.0, round(-np.log10(LOWEST_X) / STEP_LOG10) + 1)
    notes = (f"One type (neutrinos or antineutrinos) per {'decay' if view.decay else 'annihilation'}: {view.result.spectra}",)
    if other is not None and is_line:
        notes += ("Lines are drawn as boxes; the published table smears them by 0.049 in log10 x",)
    with view.style.context():
        sheet = page(view.style, view.caption(notes), columns=2, ratio=compared is not None, width_in=14.6, gap_in=1.25)
        drawn = [_per_log10_x(source, edges), _per_gev(earth, edges, mass_gev)]
        at_earth = _per_log10_x(earth, edges)
        theirs = None if other is None or other_at_earth is None else [_per_log10_x(other, edges), _per_gev(other_at_earth, edges, mass_gev)]
        x, energy = 10.0**edges, mass_gev * 10.0**edges
        for number, (axes, ends) in enumerate(zip(sheet.panels, (x, energy), strict=True)):
            for row, look in enumerate(FLAVOURS.values()):
                if number == 0:
                    axes.stairs(_shown(drawn[0][row]), ends, baseline=None, color=look.colour, linestyle=(0, (4, 1.5)), gid=f"source {row}")
                    axes.stairs(_shown(at_earth[row]), ends, baseline=None, color=look.colour, gid=f"earth {row}")
                else:
                    axes.stairs(_shown(drawn[1][row]), ends, baseline=None, color=look.colour, gid=f"earth per GeV {row}")
                if theirs is not None:
                    axes.plot(np.sqrt(ends[1:] * ends[:-1]), _shown(theirs[number][row]), ".", color=look.colour, markersize=4.5,
                              gid=f"published {row}")  # fmt: skip
        ratios = [] if compared is None else [_ratio(source, compared[0]), _ratio(earth, compared[1])]
        for number, axes in enumerate(sheet.ratios):
            _draw_ratio(axes, ratios[number], 1.0 if number == 0 else mass_gev)
        _finish(view, list(sheet.panels), list(sheet.ratios), mass_gev, np.concatenate([drawn[0], at_earth]), drawn[1])
        _legend(sheet.panels[0], other is not None)
    numbers = {
        "log10_x_edges": edges, "mass_gev": mass_gev, "flavours": list(FLAVOURS), "source_per_log10_x": drawn[0], "earth_per_log10_x": at_earth,
        "earth_per_gev": drawn[1], "number_at_source": source.number, "number_at_earth": earth.number,
    }  # fmt: skip
    if theirs is not None:
        numbers |= {"published_source_per_log10_x": theirs[0], "published_earth_per_gev": theirs[1]}
    if ratios:
        numbers |= {"ratio_log10_x_edges": _ratio_edges(), "ratio_source": ratios[0], "ratio_earth": ratios[1]}
    return DrawnFigure(sheet.figure, numbers)


def published_spectrum(table: SpectrumTable | None, channel: str, mass_gev: float) -> Spectrum | None:
    """The spectrum in a table to compare with; none where it has neither channel nor mass."""
    if table is None or channel not in table.channels:
        return None
    try:
        return Spectra(table).at_source(channel, mass_gev)
    except InputError:
        return None


def _per_log10_x(spectrum: Spectrum, edges: Array) -> Array:
    return np.asarray(np.diff(spectrum.below(edges), axis=1) / np.diff(edges))


def _per_gev(spectrum: Spectrum, edges: Array, mass_gev: float) -> Array:
    return spectrum.per_gev(mass_gev * 10.0**edges)


def _ratio_edges() -> Array:
    return np.linspace(np.log10(LOWEST_X), 0.0, round(-np.log10(LOWEST_X) / COMPARED_STEP_LOG10) + 1)


def _ratio(ours: Spectrum, theirs: Spectrum) -> Array:
    """Of the numbers in wider bins; NaN without theirs, or with hardly any."""
    own, other = (np.diff(one.below(_ratio_edges()), axis=1) for one in (ours, theirs))
    enough = other > 1e-4 * other.max()
    return np.divide(own, other, out=np.full(own.shape, np.nan), where=enough)


def _shown(values: Array) -> Array:
    return np.where(values > 0.0, values, np.nan)


def _draw_ratio(axes: Axes, ratio: Array, scale: float) -> None:
    edges = scale * 10.0 ** _ratio_edges()
    axes.axhline(1.0, color=GREY, linewidth=1.2)
    axes.axhspan(0.9, 1.1, color=GREY, alpha=0.2, linewidth=0.0, gid="ten percent")
    for row, look in enumerate(FLAVOURS.values()):
        axes.stairs(np.clip(ratio[row], *RATIO_LIMITS), edges, baseline=None, color=look.colour, linewidth=1.8, gid=f"ratio {row}")


def _finish(view: CombinationView, panels: list[Axes], ratios: list[Axes], mass_gev: float, of_x: Array, of_energy: Array) -> None:
    x, energy = Scale("$x = E/m$", True, (LOWEST_X, 1.3)), Scale("Energy at Earth [GeV]", True, (LOWEST_X * mass_gev, 1.3 * mass_gev))
    if view.decay:
        x = replace(x, label="$x = 2E/m$")
    ys = (Scale(r"$dN/d\log_{10}x$", True, _range(of_x)), Scale(r"$dN/dE$ at Earth [GeV$^{-1}$]", True, _range(of_energy)))
    for number, (axes, across, up) in enumerate(zip(panels, (x, energy), ys, strict=True)):
        apply_scale(axes, replace(across, label="") if ratios else across, up)
        if ratios:
            axes.tick_params(labelbottom=False)
            apply_scale(ratios[number], across, Scale("", limits=RATIO_LIMITS))
            ratios[number].set_ylabel("Ours / PPPC", loc="center", fontsize=16)


def _range(values: Array) -> tuple[float, float]:
    high = float(values.max())
    low = float(values[values > 0.0].min())
    return max(0.5 * low, high * 10.0**-DECADES), 30.0 * high


def _legend(axes: Axes, published: bool) -> None:
    flavours = [Line2D([], [], color=look.colour, label=look.label) for look in FLAVOURS.values()]
    kinds = [Line2D([], [], color=BLACK, linestyle=(0, (4, 1.5)), label="At the source"), Line2D([], [], color=BLACK, label="At Earth")]
    if published:
        kinds.append(Line2D([], [], color=BLACK, linestyle="none", marker=".", label="PPPC4DMID"))
    axes.legend(handles=[*flavours, *kinds], loc="upper left", ncols=2, columnspacing=1.2)
