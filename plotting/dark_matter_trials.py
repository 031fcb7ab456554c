"""Pseudo-experiments of one channel and mass: background alone, injected and fitted signal, and how often a signal is seen."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from scipy.special import ndtr
from scipy.stats import norm

from fits.dark_matter.sensitivity import fitted_points
from plotting.canvas import Array, Scale, apply_scale, page
from plotting.dark_matter_view import CombinationView
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, BLUE, GREEN, GREY, OTHER, SKY, VERMILLION
from records.dark_matter import Reach

Z_LINES = (1.0, 2.0, 3.0, 5.0)
CURVE_POINTS = 200
CHERNOFF = r"$\frac{1}{2}\delta(0)+\frac{1}{2}\chi^2_1$"
REACH_COLOURS = (BLUE, GREEN, VERMILLION, BLACK)


def trials(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """Fitted numbers and test statistics of background trials."""
    return {view.named("trials"): partial(_trials, view)}


def injection(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """Fitted against injected numbers of events."""
    return {view.named("injection"): partial(_injection, view)}


def passing(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """Shares of trials above the thresholds of sensitivity and discovery, over injected events."""
    return {view.named("passing"): partial(_passing, view)}


def half_normal(edges: Array, sigma: float, total: int) -> Array:
    """Expected trials in bins of n_hat: half of them at 0, in the first bin, half a Gaussian above (asymptotic).

    >>> half_normal(np.array([0.0, 1e9]), 1.0, 100).tolist()
    [100.0]
    """
    expected = total * np.diff(ndtr(edges / sigma))
    expected[0] += 0.5 * total
    return np.asarray(expected)


def half_chi2(edges: Array, total: int) -> Array:
    """Expected trials in bins of TS of half a delta function at 0 and half a chi-square of one degree (Chernoff 1954).

    >>> half_chi2(np.array([0.0, 1e9]), 100).tolist()
    [100.0]
    """
    return half_normal(np.sqrt(edges), 1.0, total)


def _trials(view: CombinationView) -> DrawnFigure:
    found, sigma, total = view.result.background, view.result.sigma_n, view.result.background.n_trials
    n_edges, n_counts = np.array(found.n_hat_edges), np.array(found.n_hat_counts, float)
    ts_edges, ts_counts = np.array(found.ts_edges), np.array(found.ts_counts, float)
    of_n, of_ts = half_normal(n_edges, sigma, total), half_chi2(ts_edges, total)
    observed = view.result.observation
    last = ts_edges[min(int(np.flatnonzero(ts_counts).max(initial=0)) + 4, len(ts_edges) - 1)]
    last = max(last, 1.1 * (observed.ts if observed is not None else 0.0), 10.5)
    with view.style.context():
        sheet = page(
            view.style, view.caption((f"Window {view.window}, {view.result.n_events} events a trial",)), columns=2, width_in=14.4, gap_in=1.2
        )
        first, second = sheet.panels
        _draw_trials(first, n_edges, n_counts, of_n, r"Gaussian, $\sigma_n$, cut at 0", Scale(r"Fitted events $\hat{n}$", limits=(0.0, n_edges[-1])))
        _draw_trials(second, ts_edges, ts_counts, of_ts, CHERNOFF, Scale("Test statistic TS", limits=(0.0, last)))
        if observed is not None:
            for axes, value in ((first, observed.n_hat), (second, observed.ts)):
                axes.axvline(value, ymax=0.6, color=BLACK, linewidth=2.6, label=f"Data ({value:.3g})", gid="observed")
        for z in (one for one in Z_LINES if one**2 < last):
            second.axvline(z**2, color=GREY, linestyle="--", linewidth=1.3, ymax=0.62, gid=f"Z {z:g}")
            second.text(z**2, 0.63, rf"{z:g}$\sigma$", transform=second.get_xaxis_transform(), ha="center", va="bottom", fontsize=13, color="#555555")
        words = (f"$\\hat{{n}}$ = 0 in {100.0 * found.zero_fraction:.1f} %", f"$\\sigma_n$ = {sigma:.4g}")
        place_legend(first, [(n_edges, np.maximum(n_counts, of_n))], text=words)
        place_legend(second, [(ts_edges, np.maximum(ts_counts, of_ts))])
        top = max(axes.get_ylim()[1] for axes in sheet.panels)  # both histograms hold the same trials
        for axes in sheet.panels:
            axes.set_ylim(top=top)
    numbers = {
        "trials": total, "zero_fraction": found.zero_fraction, "sigma_n": sigma, "n_hat_edges": n_edges, "n_hat_counts": n_counts,
        "n_hat_asymptotic": of_n, "ts_edges": ts_edges, "ts_counts": ts_counts, "ts_asymptotic": of_ts,
        "ts_quantiles": dict(found.ts_quantiles), "z_lines_ts": {f"{z:g}": z**2 for z in Z_LINES},
    }  # fmt: skip
    return DrawnFigure(sheet.figure, numbers | ({} if observed is None else {"observed_n_hat": observed.n_hat, "observed_ts": observed.ts}))


def _draw_trials(axes: Axes, edges: Array, counts: Array, expected: Array, words: str, x: Scale) -> None:
    assert x.limits is not None
    axes.stairs(counts, edges, fill=True, color=SKY, label=f"Background trials ({counts.sum():.0f})", gid="trials")
    axes.stairs(expected, edges, baseline=None, color=OTHER, linewidth=2.2, label=words, gid="asymptotic")
    top = float(max(counts.max(), expected.max()))
    apply_scale(axes, replace(x, limits=(-0.02 * x.limits[1], x.limits[1])), Scale("Trials / bin", True, (0.3, 3.0 * top)))


def expected_mean(injected: Array, sigma: float) -> Array:
    """Mean of a Gaussian estimate around ``injected`` that is cut at 0.

    >>> round(float(expected_mean(np.array([0.0]), 1.0)[0]), 4)
    0.3989
    """
    x = injected / sigma
    return np.asarray(sigma * (norm.pdf(x) + x * norm.cdf(x)))


def _injection(view: CombinationView) -> DrawnFigure:
    check, sigma = view.result.injection, view.result.sigma_n
    injected, mean, error, low, median, high = (
        np.array(getattr(check, name)) for name in ("injected", "mean", "mean_error", "low", "median", "high")
    )
    end = float(injected[-1])
    cut = expected_mean(injected, sigma)
    drawn = view.result.j_nuisance == "marginal"
    notes = ("J factors are drawn anew in every trial: injected is the number for their central values",) if drawn else ()
    with view.style.context():
        sheet = page(view.style, view.caption(notes), ratio=True)
        axes, below = sheet.panels[0], sheet.ratios[0]
        axes.fill_between(injected, low, high, color=SKY, alpha=0.5, linewidth=0.0, label="16-84 % of the trials", gid="band")
        axes.plot([0.0, end], [0.0, end], color=GREY, linestyle="--", linewidth=1.6, label="Fitted = injected", gid="diagonal")
        axes.plot(injected, median, color=BLUE, label="Median", gid="median")
        axes.errorbar(injected, mean, yerr=error, fmt=".", color=BLACK, markersize=7, label="Mean", gid="mean")
        apply_scale(axes, Scale("", limits=(0.0, end)), Scale(r"Fitted events $\hat{n}$", limits=(0.0, 1.05 * float(high.max()))))
        axes.tick_params(labelbottom=False)
        below.axhline(0.0, color=GREY, linewidth=1.2)
        below.plot(injected, (median - injected) / sigma, color=BLUE, gid="median bias")
        below.errorbar(injected, (mean - injected) / sigma, yerr=error / sigma, fmt=".", color=BLACK, markersize=7, gid="mean bias")
        if not drawn:
            below.plot(injected, (cut - injected) / sigma, color=OTHER, linestyle=":", label="Gaussian cut at 0", gid="cut at zero")
            below.legend(loc="upper right", fontsize=12)
        reach = 1.25 * float((np.concatenate([mean, median]) - np.tile(injected, 2)).max()) / sigma
        apply_scale(below, Scale("Injected events", limits=(0.0, end)), Scale("", limits=(-0.7, max(reach, 0.7))))
        below.set_ylabel(r"Bias [$\sigma_n$]", loc="center", fontsize=16)
        axes.legend(loc="upper left")
    return DrawnFigure(sheet.figure, {
        "injected": injected, "mean": mean, "mean_error": error, "low": low, "median": median, "high": high, "sigma_n": sigma,
        "j_factors_drawn": drawn, "mean_of_gaussian_cut_at_zero": cut,
    })  # fmt: skip


def _passing(view: CombinationView) -> DrawnFigure:
    result = view.result
    reaches = {f"Sensitivity, {100.0 * result.sensitivity.target:g} %": result.sensitivity}
    reaches |= {f"Discovery, {key}$\\sigma$": one for key, one in result.discovery.items()}
    finite = [one.n for one in reaches.values() if math.isfinite(one.n)]
    end = 1.5 * max(finite, default=max(max(one.points) for one in reaches.values()))
    curves: dict[str, tuple[Array, Array]] = {}
    note = "curves: $\\Phi(a + bn + cn^2)$ of the highest binomial likelihood of the filled points"
    with view.style.context():
        sheet = page(view.style, view.caption((f"Window {view.window}; {note}",)))
        axes = sheet.panels[0]
        for (name, one), colour in zip(reaches.items(), REACH_COLOURS, strict=False):
            share, trials = np.array(one.fraction), np.array(one.trials, float)
            error = np.sqrt(np.maximum(share * (1.0 - share), 1.0 / trials) / trials)
            points, used = np.array(one.points), fitted_points(one.points, one.fraction, one.target)
            for which, face, gid in ((used, colour, "points"), (~used, "white", "points not fitted")):
                axes.errorbar(points[which], share[which], yerr=error[which], fmt="o", color=colour, markerfacecolor=face, markersize=5,
                              elinewidth=1.3, gid=f"{gid} {name}")  # fmt: skip
            at = np.linspace(points[used].min(), points[used].max(), CURVE_POINTS) if used.any() else np.zeros(0)
            curves[name] = at, _curve(one, at)
            axes.plot(*curves[name], color=colour, gid=f"curve {name}", label=_words(name, one))
            if math.isfinite(one.n):
                axes.plot([0.0, one.n, one.n], [one.target, one.target, 0.0], color=colour, linestyle=":", linewidth=1.4, gid=f"crossing {name}")
        apply_scale(axes, Scale("Injected events", limits=(0.0, end)), Scale("Share of trials above the threshold", limits=(0.0, 1.0)))
        tops = [(np.append(at, 1.01 * at[-1]), curve) for at, curve in curves.values() if at.size]
        place_legend(axes, tops, loc="upper left", fontsize=13)
        axes.set_yticks(np.linspace(0.0, 1.0, 6))
    numbers = {
        name: {"points": one.points, "fraction": one.fraction, "trials": one.trials, "curve": list(one.curve), "n": one.n,
               "fitted": fitted_points(one.points, one.fraction, one.target), "n_error": one.n_error,
               "target": one.target, "threshold_ts": one.threshold_ts, "threshold_origin": one.threshold_origin} for name, one in reaches.items()
    }  # fmt: skip
    return DrawnFigure(sheet.figure, numbers)


def _curve(one: Reach, at: Array) -> Array:
    a, b, c = one.curve
    return np.asarray(ndtr(a + b * at + c * at**2))


def _words(name: str, one: Reach) -> str:
    origin = "" if one.threshold_origin == "trials" else ", fitted tail"
    n = f"n = {one.n:.4g} ± {one.n_error:.2g}" if math.isfinite(one.n) else "no number of events is enough"
    return f"{name}: TS > {one.threshold_ts:.3g}{origin}; {n}"
