"""The figure of merit of every window of reconstructed energy, with the best one, the published one and the one that is used."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import numpy as np

from configs.errors import InputError
from fits.dark_matter import windows
from fits.dark_matter.windows import Window
from plotting.canvas import Array, Scale, apply_scale, beside, page
from plotting.dark_matter_view import CombinationView
from plotting.drawn import DrawnFigure
from plotting.histograms import BAR_IN
from plotting.style import BLACK, GREY, VERMILLION

MOST_CELLS = 100  # of an axis: beyond, only every second, third, ... GeV is drawn
INTERESTING = 0.5  # of the highest merit: the axes show at least all windows of so much
LEVELS = (0.8, 0.9, 0.95, 0.99)
WORDS = {"fisher": r"$\sqrt{\Sigma_\psi\, S_\psi^2/B_\psi}$ / highest", "s_over_sqrt_b": r"$S/\sqrt{B}$ / highest"}


def window(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """The figure of one channel and mass."""
    return {view.named("window"): partial(_window, view)}


def _window(view: CombinationView) -> DrawnFigure:
    options = view.fit.options.window
    merit = np.asarray(view.arrays["merit"], float)
    merit = merit / np.nanmax(merit)
    marks = marked(view, merit)
    last = _last(merit, list(marks.values()))
    step = -(-last // MOST_CELLS)
    cuts = np.arange(0, last + 1, step)
    shown = merit[np.ix_(cuts, cuts)]
    edges: Array = np.append(cuts, cuts[-1] + step) - 0.5 * step
    low, high = np.meshgrid(cuts, cuts, indexing="ij")
    few = (high > low) & ~np.isfinite(shown)
    notes = () if step == 1 else (f"Every {step} GeV of all whole GeV is drawn",)
    with view.style.context():
        sheet = page(view.style, view.caption(notes), width_in=8.0 + BAR_IN, right_in=0.3 + BAR_IN)
        axes = sheet.panels[0]
        axes.pcolormesh(edges, edges, np.ma.masked_where(~few, np.full(shown.shape, 0.25)).T, cmap="Greys", vmin=0.0, vmax=1.0, rasterized=True,
                        gid="too few")  # fmt: skip
        mesh = axes.pcolormesh(edges, edges, np.ma.masked_invalid(shown).T, vmin=0.0, vmax=1.0, rasterized=True, gid="map")
        lines = axes.contour(cuts, cuts, np.ma.masked_invalid(shown).T, levels=LEVELS, colors="white", linewidths=1.0)
        axes.clabel(lines, fmt="%g", fontsize=11)
        for (name, one), (marker, colour, size) in zip(marks.items(), (("*", VERMILLION, 18), ("o", "white", 10), ("s", "none", 15)), strict=False):
            axes.plot([one.low], [one.high], marker, color=colour, markeredgecolor=BLACK, markersize=size, linestyle="none", label=f"{name}: {one}",
                      gid=f"mark {name}")  # fmt: skip
        if few.any():
            axes.fill([], [], color=GREY, alpha=0.5, label=f"Fewer than {windows.FEWEST_EVENTS:.0f} events")
        span = (float(edges[0]), float(edges[-1]))
        apply_scale(axes, Scale("Lower cut [GeV]", limits=span), Scale("Upper cut [GeV]", limits=span))
        axes.legend(loc="lower right")
        sheet.figure.colorbar(mesh, cax=beside(sheet.panels), label=WORDS[options.fom])
    of_marks = {name: {"low_gev": one.low, "high_gev": one.high, "merit": merit[one.low, one.high]} for name, one in marks.items()}
    return DrawnFigure(sheet.figure, {"figure_of_merit": options.fom, "cuts_gev": cuts, "relative_merit": shown, "marks": of_marks})


def marked(view: CombinationView, merit: Array) -> dict[str, Window]:
    """The best window, the published one where there is one, and the one that is used where it is neither."""
    used = Window(*view.result.window_gev)
    found = {"Best": windows.best(merit, view.fit.options.window.range)}
    with suppress(InputError):
        found["Published"] = windows.given("reference", view.result.channel, view.edge_gev)
    if used not in found.values():
        found["Used"] = used
    return found


def _last(merit: Array, marks: list[Window]) -> int:
    """Where the axes end: beyond all marks and all windows of interest."""
    _, high = np.nonzero(np.nan_to_num(merit) > INTERESTING)
    typical = int(np.quantile(high, 0.5)) if len(high) else 0
    return int(min(max(1.6 * max(one.high for one in marks), min(typical, 2.5 * max(one.high for one in marks))), len(merit) - 1))
