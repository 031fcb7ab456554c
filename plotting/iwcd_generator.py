"""Generated events beside real ones: hits against energy with their ratio, and the distribution of hits in slices of energy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import Array, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.iwcd_view import ResultView
from plotting.overlay import Spectrum, small
from plotting.projections import count_bars
from plotting.style import BLACK, GREY, Component, looks
from records.generator import GeneratorResult, HitsComparison, ShapeTest

Figures = dict[str, Callable[[], DrawnFigure]]

ENERGY = Scale("Energy above the smallest [MeV]", limits=(0.0, 1000.0))
WIDTH_IN, HEIGHT_IN = 13.2, 13.0
RATIO = (0.7, 1.3)
AGREED = 0.2  # of a slice's mean: what the generator is meant to keep


def generator(view: ResultView) -> Figures:
    """Hits against energy of all particles; for particles with real events the distributions in all slices."""
    result: GeneratorResult = view.result
    figures: Figures = {"generator": partial(_hits_energy, view)}
    figures |= {f"generator_shape_{name}": partial(_shapes, view, name) for name, one in result.particles.items() if one.shape is not None}
    return {view.named(name): draw for name, draw in figures.items()}


def _hits_energy(view: ResultView) -> DrawnFigure:
    """One panel for each particle: mean, median and 95 % quantile in slices of energy; below the ratio of the means."""
    particles = view.result.particles
    columns = min(2, len(particles))
    rows = -(-len(particles) // columns)
    top = 1.25 * max(max(one.q95_real + one.q95) for one in particles.values())
    with view.style.context():
        sheet = page(view.style, view.caption, columns=columns, rows=rows, ratio=True, width_in=1.45 + 5.9 * columns, height_in=0.8 + 6.3 * rows)
        for number, axes in enumerate(sheet.panels):
            if number >= len(particles):
                axes.set_visible(False)
                sheet.ratios[number].set_visible(False)
                continue
            name, one = list(particles.items())[number]
            left = number % columns == 0
            _draw_particle(axes, one, looks([name])[name])
            apply_scale(axes, Scale("", limits=ENERGY.limits), Scale("Number of hits" if left else "", limits=(0.0, top)))
            _draw_ratio(sheet.ratios[number], one, looks([name])[name])
            apply_scale(sheet.ratios[number], ENERGY, Scale("", limits=RATIO))
            sheet.ratios[number].set_ylabel("Ratio of means" if left else "", loc="center", fontsize=16)
            for panel in (axes, sheet.ratios[number]):
                panel.tick_params(labelleft=left)
            axes.tick_params(labelbottom=False)
            _words(axes, one, looks([name])[name])
    return DrawnFigure(
        sheet.figure, {"x": ENERGY.label, "particles": {name: vars(one) | {"shapes": [], "shape": None} for name, one in particles.items()}}
    )


def _draw_particle(axes: Axes, one: HitsComparison, look: Component) -> None:
    edges, middle = _edges(one), _middle(one)
    mean, error = np.array(one.mean), np.array(one.mean_error)
    axes.stairs(
        mean + error, edges, baseline=mean - error, fill=True, color=look.colour, alpha=0.55, linewidth=0.0, label="Mean, generated", gid="mean"
    )
    axes.stairs(one.median, edges, color=look.colour, baseline=None, linestyle="--", label="Median, generated", gid="median")
    axes.stairs(one.q95, edges, color=look.colour, baseline=None, linestyle=":", label="95 %, generated", gid="q95")
    axes.errorbar(middle, one.mean_real, yerr=one.mean_real_error, fmt="o", color=BLACK, markersize=6, elinewidth=1.6, label="real", gid="mean real")
    axes.plot(middle, one.median_real, "s", color=BLACK, markerfacecolor="white", markersize=5.5, label="real", gid="median real")
    axes.plot(middle, one.q95_real, "v", color=BLACK, markersize=6, label="real", gid="q95 real")


def _draw_ratio(axes: Axes, one: HitsComparison, look: Component) -> None:
    edges = _edges(one)
    axes.axhspan(1.0 - AGREED, 1.0 + AGREED, color=GREY, alpha=0.15, linewidth=0.0, gid="agreed")
    axes.axhline(1.0, color=GREY, linewidth=1.2)
    axes.errorbar(_middle(one), one.ratio, xerr=0.5 * np.diff(edges), yerr=one.ratio_error, fmt="o", color=look.colour, markersize=5.5, gid="ratio")


def _words(axes: Axes, one: HitsComparison, look: Component) -> None:
    text = [
        f"{look.label}: mean {one.total_mean:.0f} ± {one.total_mean_error:.0f}",
        f"real {one.total_mean_real:.0f} ± {one.total_mean_real_error:.0f}",
        f"slices: $\\chi^2$ = {one.chi2:.1f} / {len(one.n)}, p = {one.chi2_p:.2g}",
    ]
    handles, _ = axes.get_legend_handles_labels()
    order = [next(handle for handle in handles if _gid(handle) == name) for name in ("mean", "mean real", "median", "median real", "q95", "q95 real")]
    labels = ["Mean, generated", "real", "Median, generated", "real", "95 %, generated", "real"]
    axes.legend(order, labels, loc="upper left", fontsize=12, title="\n".join(text), title_fontsize=13, alignment="left")


def _gid(handle: object) -> str | None:
    artist = handle[0] if isinstance(handle, tuple) else handle
    found = getattr(artist, "get_gid", lambda: None)() or getattr(handle, "_gid", None)
    return found if isinstance(found, str) else None


def _shapes(view: ResultView, name: str) -> DrawnFigure:
    """Number of hits of real and generated events: all energies, then every slice; events above zero hits in bins of equal real content."""
    one: HitsComparison = view.result.particles[name]
    assert one.shape is not None
    colour = looks([name])[name].colour
    titles = ["All energies", *(f"{low:g}–{high:g} MeV" for low, high in zip(one.low_mev, one.high_mev, strict=True))]
    panels = [_shape_panel(test, title, colour) for test, title in zip([one.shape, *one.shapes], titles, strict=True)]
    return small(panels, Scale("Fraction of events / 100 hits"), columns=4, style=view.style, caption=view.caption)


def _shape_panel(test: ShapeTest, title: str, colour: str) -> tuple[Array, dict[str, Spectrum], Scale, tuple[str, ...]]:
    edges = np.array(test.edges)
    spectra = {}
    for label, counts, shade in (("Real", np.array(test.real), BLACK), ("Generated", np.array(test.generated), colour)):
        scale = 100.0 / (counts.sum() * np.diff(edges))
        low, high = count_bars(counts)
        spectra[label] = Spectrum(f"{label} ({counts.sum():.0f})", shade, counts * scale, (low * scale, high * scale), counts)
    words = (
        title,
        f"KS {test.ks_distance:.3f}, p = {test.ks_p:.2g}",
        f"$\\chi^2$ = {test.chi2:.1f} / {test.degrees_of_freedom}, p = {test.chi2_p:.2g}",
    )
    return edges, spectra, Scale("Number of hits"), words


def _edges(one: HitsComparison) -> Array:
    return np.append(one.low_mev, one.high_mev[-1])


def _middle(one: HitsComparison) -> Array:
    return 0.5 * (np.array(one.low_mev) + np.array(one.high_mev))
