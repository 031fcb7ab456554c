"""The choice of the prior's strength: what each tau does to correlations, errors and coverage, and the L-curve."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from plotting.canvas import Array, Scale, apply_scale, page, short_number
from plotting.drawn import DrawnFigure
from plotting.legend import end_below, place_legend
from plotting.stopping_muons_view import COLOURS, Found, RunView, Target, for_targets
from plotting.style import BLACK, BLUE, GREEN, GREY, VERMILLION
from plotting.symbols import MINUS
from records.unfolding import RegularisationScan

FLAGS = ("unfolding.optimize_unfolding_{}",)
LEAST_COVERAGE, MOST_BIAS = 0.60, 1.0  # of the rule ``auto``, specification 4.8
NOMINAL = 0.6827
SPECTRA = {"reference": "Reference", "softer": "Index softer by 0.1", "harder": "Index harder by 0.1"}
MARKERS = "os^vDPX"


def scan(view: RunView) -> Found:
    """Correlation, errors, coverage and bias over tau."""
    return for_targets(view, "scan", "scan.{}", FLAGS, _scan)


def l_curve(view: RunView) -> Found:
    """Distance from the data against roughness."""
    return for_targets(view, "l_curve", "scan.{}", FLAGS, _l_curve)


def _scan(view: RunView, target: Target) -> DrawnFigure:
    found: RegularisationScan = view.results[f"scan.{target.name}"]
    tau = np.array(found.tau)
    worst = {name: np.array(values).min(axis=1) for name, values in found.coverage.items()}
    mean = {name: np.array(values).mean(axis=1) for name, values in found.coverage.items()}
    bias = {name: np.abs(np.array(values)).max(axis=1) for name, values in found.bias_over_sigma.items()}
    correlation, error = np.array(found.correlation), np.array(found.squared_error)
    x = Scale(r"Prior variance $\tau$ (smaller = stronger)", True, (0.7 * float(tau.min()), 1.4 * float(tau.max())))
    highest = max(1.25 * max(float(values.max()) for values in bias.values()), 1.5)
    panels: tuple[tuple[dict[str, Array], Scale, tuple[float, ...]], ...] = (
        ({"": correlation}, Scale("Mean global correlation", limits=(0.0, 1.0)), ()),
        ({"": error}, Scale("Mean squared relative error", True, (0.6 * float(error.min()), 1.8 * float(error.max()))), ()),
        (worst, Scale("Coverage of the worst bin", limits=(0.0, 1.0)), (NOMINAL, LEAST_COVERAGE)),
        (bias, Scale(r"Bias / $\sigma$ of the worst bin", limits=(0.0, highest)), (MOST_BIAS,)),
    )
    with view.style.context():
        caption = view.caption(target.words, _notes(found), of="unfolded")
        sheet = page(view.style, caption, columns=2, rows=2, width_in=13.6, height_in=11.6, gap_in=1.4)
        for axes, (curves, y, levels) in zip(sheet.panels, panels, strict=True):
            _draw_panel(axes, found, curves, (x, y), levels, first=axes is sheet.panels[0])
        sheet.panels[2].set_yticks(np.linspace(0.0, 1.0, 6))
    return DrawnFigure(sheet.figure, {
        "tau": tau, "mean_global_correlation": found.correlation, "squared_error": error, "worst_coverage": worst, "mean_coverage": mean,
        "worst_bias_over_sigma": bias, "n_eff": found.n_eff, "allowed": found.allowed, "chosen": found.chosen, "rule": found.rule,
        "reason": found.reason,
    })  # fmt: skip


def _notes(found: RegularisationScan) -> tuple[str, ...]:
    words = f"{found.n_toys} pseudo-experiments of each spectrum. Shaded: not allowed by the rule {found.rule}"
    return (f"{words} (worst bin covers at least {100 * LEAST_COVERAGE:.0f} %, bias below its error)", *((found.reason,) if found.reason else ()))


def _words(name: str) -> str | None:
    """A spectrum in words; none for a curve without name."""
    if not name:
        return None
    return SPECTRA.get(name, name.replace("-", MINUS))


def _draw_panel(axes: Axes, found: RegularisationScan, curves: dict[str, Array], scales: tuple[Scale, Scale], levels: tuple[float, ...], *,
                first: bool) -> None:  # fmt: skip
    """Curves over tau, grey where the rule does not allow it, a line at what is chosen; the legend above all of them."""
    tau = np.array(found.tau)
    for (name, values), colour, marker in zip(curves.items(), (BLUE, VERMILLION, GREEN, *COLOURS), MARKERS, strict=False):
        axes.plot(tau, values, f"{marker}-", color=colour, markersize=6, label=_words(name), gid=f"curve {name}")
    for level in levels:
        axes.axhline(level, color=GREY, linestyle="--" if level == NOMINAL else ":", linewidth=1.8, zorder=1, gid=f"level {level:g}")
    apply_scale(axes, *scales)
    ends = _ends(tau)
    for low, high, allowed in zip(ends[:-1], ends[1:], found.allowed, strict=True):
        if not allowed:
            axes.axvspan(low, high, color="#e4e4e4", linewidth=0.0, zorder=0, gid="not allowed")
    line = None
    if math.isfinite(found.chosen):
        label = rf"Chosen: $\tau$ = {_rounded(found.chosen, 2)}"
        line = axes.axvline(found.chosen, color=BLACK, linestyle="-.", linewidth=2.0, zorder=1, gid="chosen", label=label if first else None)
    legend = place_legend(axes, [(ends, values) for values in curves.values()], loc="upper left")
    if line is not None:
        end_below(axes, line, legend)


def _rounded(tau: float, digits: int) -> str:
    return short_number(float(f"{tau:.{digits}g}"))


def _ends(tau: Array) -> Array:
    """Limits around points on a logarithmic axis."""
    if len(tau) < 2:
        return np.array([0.5, 2.0]) * tau[0]
    inner = np.sqrt(tau[1:] * tau[:-1])
    return np.concatenate([[tau[0] ** 2 / inner[0]], inner, [tau[-1] ** 2 / inner[-1]]])


def _l_curve(view: RunView, target: Target) -> DrawnFigure:
    found: RegularisationScan = view.results[f"scan.{target.name}"]
    tau, roughness, distance = np.array(found.tau), np.array(found.roughness), np.array(found.distance)
    order = np.argsort(tau)
    positive = roughness > 0.0
    corner = int(np.nanargmax(found.curvature)) if np.isfinite(found.curvature).any() else None
    with view.style.context():
        sheet = page(view.style, view.caption(target.words, of="unfolded"))
        axes = sheet.panels[0]
        axes.plot(roughness[order], distance[order], "o-", color=BLUE, markersize=6, label=r"Scan of $\tau$", gid="l curve")
        for row in _labelled(tau, positive):
            words = rf"$\tau$ = {_rounded(tau[row], 1)}"
            axes.annotate(words, (roughness[row], distance[row]), xytext=(8, 8), textcoords="offset points", fontsize=13, color=BLUE)
        if corner is not None:
            label = rf"Largest curvature: $\tau$ = {_rounded(tau[corner], 2)}"
            axes.plot(
                roughness[corner],
                distance[corner],
                "s",
                color=GREEN,
                markersize=13,
                markerfacecolor="none",
                markeredgewidth=2.5,
                label=label,
                gid="corner",
            )
        if math.isfinite(found.chosen):
            near = int(np.argmin(np.abs(np.log(tau / found.chosen))))
            label = rf"Chosen: $\tau$ = {_rounded(found.chosen, 2)}"
            axes.plot(
                roughness[near], distance[near], "*", color=VERMILLION, markersize=19, markeredgecolor="white", label=label, gid="chosen", zorder=5
            )
        low, high = float(distance.min()), float(distance.max())
        margin = 0.08 * (high - low) or 1.0
        limits = 0.4 * float(roughness[positive].min()), 4.0 * float(roughness[positive].max())
        apply_scale(
            axes, Scale(r"Roughness (penalty at $\tau$ = 1)", True, limits), Scale(r"$-2\,\ln L$ of the data", limits=(low - margin, high + margin))
        )
        place_legend(axes, [])
    return DrawnFigure(sheet.figure, {"tau": tau, "roughness": roughness, "distance": distance, "curvature": found.curvature, "chosen": found.chosen})


def _labelled(tau: Array, drawn: NDArray[np.bool_]) -> list[int]:
    """The points nearest to every second power of ten."""
    powers = range(math.ceil(math.log10(tau.min()) - 1e-9), math.floor(math.log10(tau.max()) + 1e-9) + 1)
    chosen = [int(np.argmin(np.abs(np.log10(tau) - power))) for power in powers][::2]
    return [row for row in chosen if drawn[row]]
