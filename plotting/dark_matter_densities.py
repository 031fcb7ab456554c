"""Densities of signal and background in the angle to a source, and the bins of the likelihood ratio."""

from __future__ import annotations

from functools import partial

import numpy as np

from physics.sphere import ring_sr, scrambled_cdf
from plotting.canvas import Array, Scale, apply_scale, page
from plotting.dark_matter_view import BACKGROUND, SCRAMBLED, SIGNAL, CombinationView
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.projections import count_bars
from plotting.style import GREY

LOWEST_SHARE = 2e-5  # of the highest density: where logarithmic axes end


def densities(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """Densities in the angle to a source."""
    return {view.named("densities"): partial(_densities, view)}


def ratio(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """The likelihood ratio of cells in its bins."""
    return {view.named("ratio"): partial(_ratio, view)}


def around_sources(of_rows: Array, psi_edges_rad: Array, source_dec: Array) -> Array:
    """Probability of bins of the angle to each source (sources, psi) of a density in ``of_rows`` bins of sin dec, right ascension uniform."""
    sindec = (np.arange(len(of_rows)) + 0.5) * 2.0 / len(of_rows) - 1.0
    below = scrambled_cdf(psi_edges_rad[:, None, None], np.arcsin(sindec), source_dec[:, None])
    return np.asarray(np.einsum("pjd,d->jp", np.diff(below, axis=0), of_rows / of_rows.sum()))


def _densities(view: CombinationView) -> DrawnFigure:
    edges, share, dec = (view.arrays[name] for name in ("psi_edges_rad", "source_share", "source_dec_rad"))
    ring = ring_sr(edges)
    psf = view.arrays["signal_per_sr"].sum(axis=1)
    signal = (share @ psf if len(psf) > 1 else psf[0]) * ring
    background = around_sources(view.arrays["background_rows"], edges, dec)
    scrambled = around_sources(view.arrays["scrambled_stack"], edges, dec)
    degrees = np.degrees(edges)
    looks = {SIGNAL: (signal, None), BACKGROUND: (share @ background, background), SCRAMBLED: (share @ scrambled, scrambled)}
    notes = (f"Window {view.window}; scrambled: right ascension uniform. Lines: mean of the sources with their shares, bands: all sources",)
    with view.style.context():
        sheet = page(view.style, view.caption(notes), columns=2, width_in=14.2, gap_in=1.3)
        for axes, divide, label in zip(sheet.panels, (ring, np.ones(len(ring))), ("Probability / sr", "Probability / bin"), strict=True):
            for look, (mean, each) in looks.items():
                axes.stairs(mean / divide, degrees, baseline=None, color=look.colour, linewidth=2.0, label=look.label, gid=look.label)
                if each is not None:
                    axes.stairs(each.max(axis=0) / divide, degrees, baseline=each.min(axis=0) / divide, fill=True, color=look.colour, alpha=0.15,
                                linewidth=0.0, gid=f"{look.label}, all sources")  # fmt: skip
            highest = max(float((one / divide).max()) for one, _ in looks.values())
            lowest = min(float((each / divide)[each > 0.0].min()) for _, each in looks.values() if each is not None)
            apply_scale(axes, Scale(r"Angle to the source $\psi$ [deg]", limits=(0.0, 180.0)),
                        Scale(label, True, (max(0.3 * lowest, LOWEST_SHARE * highest), 2.0 * highest)))  # fmt: skip
        tops = [(degrees, mean / ring) for mean, _ in looks.values()]
        place_legend(sheet.panels[0], tops)
    drawn = {look.label: {"per_bin": mean} | ({} if each is None else {"per_bin_by_source": each}) for look, (mean, each) in looks.items()}
    sources = [str(one) for one in view.arrays["source_name"]]
    return DrawnFigure(sheet.figure, {"psi_edges_deg": degrees, "ring_sr": ring, "sources": sources, "share": share, "densities": drawn})


def _ratio(view: CombinationView) -> DrawnFigure:
    result = view.result
    mean, background, signal, scrambled = (view.arrays[f"ratio{name}"] for name in ("", "_background", "_signal", "_scrambled"))
    edges, counts = closed_edges(view.arrays["ratio_edges"], mean), np.asarray(view.arrays["ratio_counts"], float)
    low, high = count_bars(counts)
    total = counts.sum()
    words = "Data, scrambled" if view.fit.run.blind else "Data"
    text = (
        f"{len(mean)} bins, {result.n_events} events",
        f"$\\sigma_n$ = {result.sigma_n:.4g}",
        f"information lost {100.0 * result.information_loss:.2f} %",
    )
    with view.style.context():
        sheet = page(view.style, view.caption((f"Window {view.window}",), of_data=True), ratio=True)
        axes, below = sheet.panels[0], sheet.ratios[0]
        for look, values in ((BACKGROUND, background), (SIGNAL, signal), (SCRAMBLED, scrambled)):
            axes.stairs(values, edges, baseline=None, color=look.colour, linewidth=1.8, label=look.label, gid=look.label)
        centres = 0.5 * (edges[1:] + edges[:-1])
        errors = [(counts - low) / total, (high - counts) / total]
        axes.errorbar(centres, counts / total, yerr=errors, fmt=".", color=GREY, markersize=6, elinewidth=1.0, label=words, zorder=1,
                      gid="data")  # fmt: skip
        values = np.concatenate([background, signal])
        span = (float(edges[0]), float(edges[-1]))
        apply_scale(axes, Scale("", limits=span), Scale("Probability / bin", True, (max(0.5 * values[values > 0].min(), 1e-6), 2.0 * values.max())))
        axes.tick_params(labelbottom=False)
        pull = (counts - total * background) / np.sqrt(total * background)
        below.axhline(0.0, color=GREY, linewidth=1.2)
        below.plot(centres, pull, ".", color=GREY, markersize=7, gid="pull")
        name = r"$r = s/b - 1$" if view.fit.options.likelihood.background == "mc" else r"$r = (s - s_\mathrm{scr})/b$"
        reach = max(3.5, 1.1 * float(np.abs(pull).max()))
        apply_scale(below, Scale(f"Likelihood ratio {name}", limits=span), Scale("", limits=(-reach, reach)))
        below.set_ylabel("Pull of data", loc="center", fontsize=16)
        place_legend(axes, [(edges, np.maximum(background, signal))], text=text)
    return DrawnFigure(sheet.figure, {
        "ratio_edges": edges, "ratio": mean, "background": background, "signal": signal, "scrambled_signal": scrambled,
        "data": counts, "data_scrambled": view.fit.run.blind, "pull": pull, "sigma_n": result.sigma_n, "information_loss": result.information_loss,
    })  # fmt: skip


def closed_edges(inner: Array, mean: Array) -> Array:
    """All edges of bins whose outer ones are open: these end as far beyond their mean as the inner edge lies before it.

    >>> closed_edges(np.array([1.0, 2.0]), np.array([0.5, 1.4, 2.5])).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    if not len(inner):
        return np.array([mean[0] - 0.5, mean[0] + 0.5])
    return np.concatenate([[2.0 * mean[0] - inner[0]], inner, [2.0 * mean[-1] - inner[-1]]])
