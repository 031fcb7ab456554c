"""Whether the unfolding returns what was put in: bias, pulls and coverage of pseudo-experiments, correlations between bins."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fits.classifier.binomial import interval
from plotting.canvas import Array, Scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.matrix import correlation
from plotting.stopping_muons_systematics import main_spectrum
from plotting.stopping_muons_view import TARGETS, Found, RunView, Target, below, centres, scale_axes, shifted, target_scale
from plotting.style import BLUE, GREEN, GREY, SKY, VERMILLION
from plotting.symbols import MINUS
from records.unfolding import ClosureTable, UnfoldedSpectrum

NOMINAL = 0.6827
LEAST_SAMPLED = 10  # sampled pseudo-experiments, for their coverage to be drawn
HEIGHT_IN, RATIO_IN, PULL_IN = 8.4, 2.2, 3.0
EN_DASH = "\N{EN DASH}"
# Mode of the pseudo data: words, colour, marker.
MODES = {
    "response": ("Drawn from the response", BLUE, "o"),
    "independent": ("Drawn from the test sample", VERMILLION, "s"),
    "bootstrap": ("Response resampled", GREEN, "^"),
}
OF_TEST_SAMPLE = "The test sample's own fluctuation is common to all pseudo-experiments drawn from it; "
SHIFTS = {"response": -0.18, "independent": 0.0, "bootstrap": 0.18}


def closure(view: RunView) -> Found:
    """Median bias of each bin."""
    return _of_tables(view, "closure", _closure)


def pulls(view: RunView) -> Found:
    """Mean and width of the pulls of each bin."""
    return _of_tables(view, "pulls", _pulls)


def coverage(view: RunView) -> Found:
    """Share of intervals that hold the truth, of each bin."""
    return _of_tables(view, "coverage", _coverage)


def global_correlation(view: RunView) -> Found:
    """Global correlation of each bin, and the correlations between bins."""
    found: dict[str, partial[DrawnFigure] | str] = {}
    for name, target in TARGETS.items():
        spectrum = main_spectrum(view, name)
        for figure, draw in (("global_correlation", _global_correlation), ("correlation_matrix", _matrix)):
            missing = view.missing(f"unfolded.{name}.map", f"unfolding.evaluate_unfolding_{name}", f"unfolding.unfold_{name}")
            off = not getattr(view.config.unfolding, f"evaluate_unfolding_{name}")
            found[f"{figure}_{name}"] = missing if spectrum is None or off else partial(draw, view, target, spectrum)
    return found


Tables = Mapping[str, ClosureTable]


def _of_tables(view: RunView, figure: str, draw: Callable[[RunView, Target, Tables], DrawnFigure]) -> Found:
    found: dict[str, partial[DrawnFigure] | str] = {}
    for name, target in TARGETS.items():
        there = tables_of(view, name)
        studied = any(f"closure.{name}.{mode}" in view.coverage_study for mode in MODES)
        if not studied and not getattr(view.config.unfolding, f"evaluate_unfolding_{name}"):
            found[f"{figure}_{name}"] = f"unfolding.evaluate_unfolding_{name} is false"
        elif not there:
            found[f"{figure}_{name}"] = view.missing(f"closure.{name}.<mode>", f"unfolding.unfold_{name}")
        else:
            found[f"{figure}_{name}"] = partial(draw, view, target, there)
    return found


def tables_of(view: RunView, target: str) -> dict[str, ClosureTable]:
    """Pseudo-experiments of each mode, those of a study of the coverage beside those of the fits."""
    both = {mode: [one.get(f"closure.{target}.{mode}") for one in (view.results, view.coverage_study)] for mode in MODES}
    found = {mode: [one for one in pair if isinstance(one, ClosureTable)] for mode, pair in both.items()}
    return {mode: combined(*pair) for mode, pair in found.items() if pair}


def combined(own: ClosureTable, study: ClosureTable | None = None) -> ClosureTable:
    """The table with more pseudo-experiments, with the coverage of chains of the other if it has none; of a study of something else the own alone."""
    if study is None or study.settings != own.settings or study.edges != own.edges or not np.allclose(study.truth, own.truth, rtol=1e-6):
        return own
    more, fewer = (study, own) if study.n_toys >= own.n_toys else (own, study)
    if more.n_sampled or not fewer.n_sampled:
        return more
    return replace(more, sampled_coverage=fewer.sampled_coverage, n_sampled=fewer.n_sampled)


def binomial_band(n: int, level: float = NOMINAL) -> tuple[float, float]:
    """One standard deviation of a share of ``n`` toys around ``level``.

    >>> [round(end, 3) for end in binomial_band(300)]
    [0.656, 0.71]
    """
    sigma = math.sqrt(level * (1.0 - level) / max(n, 1))
    return level - sigma, level + sigma


def _toys(view: RunView, tables: Tables) -> tuple[str, ...]:
    counts = ", ".join(f"{one.n_valid} of {one.n_toys} {mode}" for mode, one in tables.items())
    counted = "it counts as an error" if view.config.options.test_mc_stat else "options.test_mc_stat: true counts it as an error"
    return (f"Valid pseudo-experiments: {counts}", *((OF_TEST_SAMPLE + counted,) if "independent" in tables else ()))


def _closure(view: RunView, target: Target, tables: Tables) -> DrawnFigure:
    edges = next(iter(tables.values())).edges
    bias = {mode: 100.0 * np.array(table.median_bias) for mode, table in tables.items()}
    sigma = {mode: np.array(table.bias_over_sigma) for mode, table in tables.items()}
    reach = max(1.27 * max(float(np.max(np.abs(values))) for values in bias.values()), 1.05)
    x = target_scale(target, edges)
    with view.style.context():
        sheet = page(view.style, view.caption(notes=_toys(view, tables), of="unfolded"), ratio=True, height_in=HEIGHT_IN, ratio_in=RATIO_IN)
        axes, lower = sheet.panels[0], sheet.ratios[0]
        axes.axhline(0.0, color=GREY, linewidth=1.4)
        lower.axhline(1.0, color=GREY, linestyle=":", linewidth=1.8, gid="level")
        for mode in tables:
            _points(axes, edges, mode, bias[mode])
            _points(lower, edges, mode, sigma[mode])
        scale_axes(axes, below(x), Scale("Median bias of the flux [%]", limits=(-reach, reach)))
        axes.tick_params(labelbottom=False)
        scale_axes(lower, x, Scale("", limits=(0.0, 1.15 * max(1.0, *(float(values.max()) for values in sigma.values())))))
        lower.set_ylabel(r"|Bias| / $\sigma$", loc="center", fontsize=17)
        place_legend(axes, [(np.array(edges), values) for values in bias.values()])
    return DrawnFigure(sheet.figure, {
        mode: {"edges": one.edges, "truth": one.truth, "median_bias": one.median_bias, "bias_over_sigma": one.bias_over_sigma, "toys": one.n_valid}
        for mode, one in tables.items()
    })  # fmt: skip


def _pulls(view: RunView, target: Target, tables: Tables) -> DrawnFigure:
    edges = next(iter(tables.values())).edges
    mean = {mode: np.array(one.pull_mean) for mode, one in tables.items()}
    width = {mode: np.array(one.pull_width) for mode, one in tables.items()}
    count = min(one.n_valid for one in tables.values())
    x = target_scale(target, edges)
    with view.style.context():
        notes = (*_toys(view, tables), "Pull: (ln f - ln truth) / error. Bands: one standard deviation of unit Gaussian pulls".replace("-", MINUS))
        sheet = page(view.style, view.caption(notes=notes, of="unfolded"), ratio=True, height_in=HEIGHT_IN, ratio_in=PULL_IN)
        axes, lower = sheet.panels[0], sheet.ratios[0]
        axes.axhspan(-1.0 / math.sqrt(count), 1.0 / math.sqrt(count), color=SKY, alpha=0.4, linewidth=0.0, gid="band mean")
        lower.axhspan(1.0 - 1.0 / math.sqrt(2.0 * count), 1.0 + 1.0 / math.sqrt(2.0 * count), color=SKY, alpha=0.4, linewidth=0.0, gid="band width")
        for panel, level in ((axes, 0.0), (lower, 1.0)):
            panel.axhline(level, color=GREY, linewidth=1.4)
        for mode, one in tables.items():
            _points(axes, edges, mode, mean[mode], np.array(one.pull_width) / math.sqrt(one.n_valid))
            _points(lower, edges, mode, width[mode], np.array(one.pull_width) / math.sqrt(2.0 * one.n_valid))
        reach = 1.3 * max(0.5, *(float(np.max(np.abs(values))) for values in mean.values()))
        scale_axes(axes, below(x), Scale("Mean of the pulls", limits=(-reach, reach)))
        axes.tick_params(labelbottom=False)
        spread = 1.3 * max(0.3, *(float(np.max(np.abs(values - 1.0))) for values in width.values()))
        scale_axes(lower, x, Scale("", limits=(max(1.0 - spread, 0.0), 1.0 + spread)))
        lower.set_ylabel("Width of the pulls", loc="center", fontsize=17)
        place_legend(axes, [(np.array(edges), values) for values in mean.values()])
    return DrawnFigure(sheet.figure, {
        mode: {"edges": one.edges, "mean": one.pull_mean, "width": one.pull_width, "toys": one.n_valid} for mode, one in tables.items()
    })  # fmt: skip


def _coverage(view: RunView, target: Target, tables: Tables) -> DrawnFigure:
    edges = next(iter(tables.values())).edges
    low, high = binomial_band(min(one.n_valid for one in tables.values()))
    with view.style.context():
        notes = (*_toys(view, tables), "Band: one binomial standard deviation around 68.3 %; bars: of each point", *_too_few(tables))
        sheet = page(view.style, view.caption(notes=notes, of="unfolded"))
        axes = sheet.panels[0]
        axes.axhspan(low, high, color=SKY, alpha=0.4, linewidth=0.0, gid="band")
        axes.axhline(NOMINAL, color=GREY, linewidth=1.4)
        for mode, one in tables.items():
            _points(axes, edges, mode, np.array(one.coverage), np.array(one.coverage_error))
            if one.n_sampled >= LEAST_SAMPLED:
                _draw_sampled(axes, edges, mode, one)
        scale_axes(axes, target_scale(target, edges), Scale("Coverage of 68 % intervals", limits=(0.0, 1.05)))
        place_legend(axes, [(np.array(edges), np.ones(len(edges) - 1))])
        axes.set_yticks(np.linspace(0.0, 1.0, 6))
    return DrawnFigure(sheet.figure, {"nominal": NOMINAL, "band": [low, high]} | {
        mode: {"edges": one.edges, "coverage": one.coverage, "error": one.coverage_error, "sampled": one.sampled_coverage, "toys": one.n_valid,
               "n_sampled": one.n_sampled} for mode, one in tables.items()
    })  # fmt: skip


def _draw_sampled(axes: Axes, edges: list[float], mode: str, one: ClosureTable) -> None:
    """Coverage of sampled intervals with Wilson's interval."""
    n, sampled = one.n_sampled, np.array(one.sampled_coverage, float)
    low, high = interval(np.round(sampled * n), n, method="wilson")
    bars = np.maximum([sampled - low, high - sampled], 0.0)
    look: dict[str, Any] = {"fmt": MODES[mode][2], "color": MODES[mode][1], "markerfacecolor": "white", "markersize": 8, "elinewidth": 1.2}
    axes.errorbar(shifted(edges, SHIFTS[mode] + 0.08), sampled, yerr=bars, label=f"The same, MCMC ({n})", gid=f"sampled {mode}", **look)


def _too_few(tables: Tables) -> tuple[str, ...]:
    few = [one.n_sampled for one in tables.values() if 0 < one.n_sampled < LEAST_SAMPLED]
    return (f"Coverage of MCMC intervals, from {min(few)} of them, is in the numbers and not drawn",) if few else ()


def _points(axes: Axes, edges: list[float], mode: str, values: Array, errors: Array | None = None) -> None:
    words, colour, marker = MODES[mode]
    axes.errorbar(
        shifted(edges, SHIFTS[mode]), values, yerr=errors, fmt=marker, color=colour, markersize=8, elinewidth=1.8, label=words, gid=f"mode {mode}"
    )


def _global_correlation(view: RunView, target: Target, spectrum: UnfoldedSpectrum) -> DrawnFigure:
    values = np.array(spectrum.global_correlation)
    with view.style.context():
        sheet = page(view.style, view.caption(of="unfolded"))
        axes = sheet.panels[0]
        axes.stairs(values, spectrum.edges, fill=True, color=SKY, alpha=0.6, gid="global correlation")
        axes.plot(centres(spectrum.edges), values, "o", color=BLUE, markersize=8)
        axes.axhline(float(values.mean()), color=GREY, linestyle="--", linewidth=1.6, label=f"Mean {values.mean():.2f}", gid="mean")
        scale_axes(axes, target_scale(target, spectrum.edges), Scale("Global correlation", limits=(0.0, 1.0)))
        place_legend(axes, [(np.array(spectrum.edges), values)])
    return DrawnFigure(sheet.figure, {"edges": spectrum.edges, "global_correlation": values, "mean": values.mean()})


def _matrix(view: RunView, target: Target, spectrum: UnfoldedSpectrum) -> DrawnFigure:
    covariance = np.array(spectrum.covariance)
    sigma = np.sqrt(np.diag(covariance))
    matrix = covariance / np.outer(sigma, sigma)
    names = [f"{low:.0f}{EN_DASH}{high:.0f}" for low, high in zip(spectrum.edges[:-1], spectrum.edges[1:], strict=True)]
    caption = view.caption(f"{target.words} [{target.unit}]", of="unfolded")
    drawn = correlation(names, matrix, style=view.style, caption=caption)
    return DrawnFigure(drawn.figure, {"edges": spectrum.edges, "bins": names, "correlation": matrix})
