"""Unfolded fluxes: with errors by kind, the truth where it is known, theory and other methods."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from plotting.canvas import Array, Page, Scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stopping_muons_view import (
    MARKERS,
    METHODS,
    THEORY,
    TRUTH,
    Found,
    RunView,
    Target,
    below,
    centres,
    deviations,
    for_targets,
    scale_axes,
    shifted,
    target_scale,
)
from plotting.style import BLACK, GREY, SKY
from records.stopping_muons import TheorySpectrum
from records.unfolding import FluxSpectrum

HEIGHT_IN, RATIO_IN, LEFT_IN = 9.6, 3.0, 1.45
STATISTICAL = "statistical"
STEADY = "Theory by length: steady losses; fluctuations let more of the many muons of lower energy come far"
HATCH: dict[str, Any] = {"facecolor": "none", "edgecolor": "#303030", "linewidth": 0.0, "hatch": "\\\\\\\\"}
SHIFTS = {"map": -0.22, "ibu": 0.15, "tsvd": 0.29}  # of a bin
RATIO_REACHES = (0.11, 0.16, 0.22, 0.33, 0.55, 0.88)  # ends are clear of a number


@dataclass(frozen=True)
class Errors:
    """Standard deviations of a flux by bin: of counts alone, of everything else, and of all."""

    statistical: Array
    systematic: Array
    total: Array

    @classmethod
    def of(cls, found: FluxSpectrum) -> Errors:
        """From covariances by source."""
        covariances = {name: np.array(one) for name, one in found.covariances.items()}
        total = np.sum(list(covariances.values()), axis=0)
        statistical = covariances.get(STATISTICAL, np.zeros_like(total))
        return cls(deviations(statistical), deviations(total - statistical), deviations(total))


def unfolded(view: RunView) -> Found:
    """The flux of each target."""
    return for_targets(view, "unfolded", "flux.{}", ("unfolding.plot_results_{}", "unfolding.unfold_{}"), _unfolded)


def power_of(target: Target, edges: list[float]) -> Array:
    """What a flux is multiplied with at the middle of each bin."""
    return np.asarray(centres(edges) ** target.power)


def limits_of(found: FluxSpectrum) -> NDArray[np.bool_]:
    """Bins that have an upper limit in place of a value."""
    return np.isfinite(found.upper_limit) if found.upper_limit else np.zeros(len(found.flux), bool)


def flux_page(view: RunView, target: Target, notes: tuple[str, ...] = ()) -> Page:
    """A tall page with a ratio panel; call it inside ``style.context()``."""
    factor = (f"Flux times ({target.symbol}/{target.unit})$^{{{target.power:g}}}$ at the middle of each bin",) if target.power else ()
    return page(view.style, view.caption(notes=(*factor, *notes), of="unfolded"), ratio=True, height_in=HEIGHT_IN, ratio_in=RATIO_IN,
                left_in=LEFT_IN)  # fmt: skip


def draw_flux(axes: Axes, found: FluxSpectrum, factor: Array, label: str, *, boxes: bool = True) -> None:
    """Points with statistical bars; boxes of the total and the systematic error (else a thin bar for the total). ``factor`` multiplies all."""
    edges, errors, limit = np.array(found.edges), Errors.of(found), limits_of(found)
    flux = np.array(found.flux) * factor
    if boxes:
        for error, name, look in (
            (errors.total, "Total error", {"color": SKY, "alpha": 0.55, "linewidth": 0.0}),
            (errors.systematic, "Systematic error", HATCH),
        ):
            ends = np.where(limit, np.nan, flux + error * factor), np.where(limit, np.nan, flux - error * factor)
            draw_boxes(axes, edges, ends, name, look)
    else:
        axes.errorbar(centres(edges)[~limit], flux[~limit], yerr=(errors.total * factor)[~limit], fmt="none", ecolor=GREY, elinewidth=4.0, alpha=0.7,
                      label="Total error", gid="total")  # fmt: skip
    sides = np.array([centres(edges) - edges[:-1], edges[1:] - centres(edges)])
    if not boxes:
        axes.errorbar(centres(edges)[~limit], flux[~limit], xerr=sides[:, ~limit], fmt="none", ecolor=BLACK, elinewidth=1.8, gid="bins")
    axes.errorbar(centres(edges)[~limit], flux[~limit], yerr=(errors.statistical * factor)[~limit], fmt="o", color=BLACK, markersize=7,
                  elinewidth=2.2, capsize=4, label=label, gid="flux", zorder=5)  # fmt: skip
    if limit.any():
        tops = (np.array(found.upper_limit) * factor)[limit]
        axes.errorbar(centres(edges)[limit], tops, yerr=0.35 * tops, xerr=sides[:, limit], uplims=True, fmt="none", ecolor=BLACK, elinewidth=1.8,
                      capsize=4, label="90 % limit", gid="limits")  # fmt: skip


def draw_boxes(axes: Axes, edges: Array, ends: tuple[Array, Array], label: str, look: Mapping[str, Any]) -> None:
    """A box in each bin between two heights; none where they are NaN."""
    known = np.isfinite(ends[0])
    high, low = (np.where(known, one, 0.0) for one in ends)
    axes.stairs(np.where(known, high, np.nan), edges, baseline=low, fill=True, label=label, gid=label.lower(), **look)


def _unfolded(view: RunView, target: Target) -> DrawnFigure:
    found: FluxSpectrum = view.results[f"flux.{target.name}"]
    factor = power_of(target, found.edges)
    lines = reference_lines(view, target)
    others = _other_methods(view, target, found)
    reference = next((one for one in lines.values()), None)
    base = np.array(found.flux if reference is None else reference.flux)
    words = f"{view.unfolded_words}, {METHODS[found.method].label}" if found.method in METHODS else view.unfolded_words
    x = target_scale(target, found.edges)
    with view.style.context():
        steady = (STEADY,) if target.name == "range" and THEORY.label in lines else ()
        sheet = flux_page(view, target, (*steady, *_livetime(found)))
        axes, ratio = sheet.panels[0], sheet.ratios[0]
        for panel, scale in ((axes, factor), (ratio, 1.0 / base)):
            draw_flux(panel, found, scale, words)
            _draw_lines(panel, lines, scale)
            _draw_methods(panel, others, scale)
        scale_axes(axes, below(x), Scale(target.flux_label, True, _range(found, lines, factor)))
        axes.tick_params(labelbottom=False)
        reach = _reach(found, others, base)
        scale_axes(ratio, x, Scale("", limits=(1.0 - reach, 1.0 + reach)))
        _mark_beyond(ratio, others, base, reach)
        label = "result" if reference is None else next(iter(lines))
        ratio.set_ylabel(f"Ratio to {label.lower()}", loc="center", fontsize=17)
        place_legend(axes, [(np.array(found.edges), (np.array(found.flux) + Errors.of(found).total) * factor)], fontsize=14)
    return DrawnFigure(sheet.figure, _numbers(target, found, factor) | {
        "methods": {name: _numbers(target, one, factor) for name, one in others.items()},
        "lines": {
            name: {"name": one.name, "flux": one.flux, "error": one.error, "shown": np.array(one.flux) * factor} for name, one in lines.items()
        },
        "ratio": np.array(found.flux) / base, "ratio_to": label,
    })  # fmt: skip


def _livetime(found: FluxSpectrum) -> tuple[str, ...]:
    return (f"Livetime {found.livetime_s:.4g} s",) if math.isfinite(found.livetime_s) else ()


def reference_lines(view: RunView, target: Target) -> dict[str, TheorySpectrum]:
    """Truth and theory, as far as there are any."""
    both = {TRUTH.label: f"truth.{target.name}", THEORY.label: f"theory.{target.name}"}
    return {label: view.results[name] for label, name in both.items() if isinstance(view.results.get(name), TheorySpectrum)}


def _other_methods(view: RunView, target: Target, main: FluxSpectrum) -> dict[str, FluxSpectrum]:
    found = {name: view.results.get(f"flux.{target.name}.{name}") for name in SHIFTS if name != main.method}
    return {name: one for name, one in found.items() if isinstance(one, FluxSpectrum)}


def _label(label: str, one: TheorySpectrum) -> str:
    """A line in the legend: theories with their name."""
    return f"{label} ({one.name})" if label == THEORY.label and one.name else label


def _draw_lines(axes: Axes, lines: Mapping[str, TheorySpectrum], factor: Array) -> None:
    for label, one in lines.items():
        look = TRUTH if label == TRUTH.label else THEORY
        style = "-" if label == TRUTH.label else "--"
        drawn: dict[str, Any] = {"color": look.colour, "linestyle": style, "linewidth": 2.2}
        axes.stairs(np.array(one.flux) * factor, one.edges, baseline=None, label=_label(label, one), gid=label, **drawn)


def _draw_methods(axes: Axes, others: Mapping[str, FluxSpectrum], factor: Array) -> None:
    for name, one in others.items():
        error = deviations(one.covariances.get(STATISTICAL, next(iter(one.covariances.values()))))
        look: dict[str, Any] = {"fmt": MARKERS[name], "color": METHODS[name].colour, "markerfacecolor": "white", "markeredgewidth": 1.8}
        axes.errorbar(shifted(one.edges, SHIFTS[name]), np.array(one.flux) * factor, yerr=error * factor, markersize=7, elinewidth=1.6,
                      label=METHODS[name].label, gid=name, zorder=4, **look)  # fmt: skip


def _mark_beyond(axes: Axes, others: Mapping[str, FluxSpectrum], base: Array, reach: float) -> None:
    """A triangle at the edge of the ratio panel for each point of another method that lies outside."""
    for name, one in others.items():
        ratio, at = np.array(one.flux) / base, shifted(one.edges, SHIFTS[name])
        for beyond, edge, marker in ((ratio > 1.0 + reach, 0.96, "^"), (ratio < 1.0 - reach, 0.04, "v")):
            heights = np.full(int(beyond.sum()), edge)
            axes.plot(
                at[beyond], heights, marker, color=METHODS[name].colour, markersize=8, transform=axes.get_xaxis_transform(), gid=f"beyond {name}"
            )


def _range(found: FluxSpectrum, lines: Mapping[str, TheorySpectrum], factor: Array) -> tuple[float, float]:
    """From half of the least to twice the greatest value, without what a lower end of an error may reach."""
    limit = limits_of(found)
    values = np.where(limit, np.nan, np.array(found.flux)) * factor
    both = np.concatenate([values, *(np.array(one.flux) * factor for one in lines.values())])
    both = both[np.isfinite(both) & (both > 0.0)]
    return 0.5 * float(both.min()), 2.0 * float(both.max())


def _reach(found: FluxSpectrum, others: Mapping[str, FluxSpectrum], base: Array) -> float:
    values = np.where(limits_of(found), np.nan, np.abs(np.array(found.flux) / base - 1.0) + Errors.of(found).total / base)
    points = [np.abs(np.array(one.flux) / base - 1.0) for one in others.values()]
    wanted = 1.1 * float(np.nanquantile(np.concatenate([values, *points]), 0.95))
    return next((reach for reach in RATIO_REACHES if reach > wanted), RATIO_REACHES[-1])


def _numbers(target: Target, found: FluxSpectrum, factor: Array) -> dict[str, Any]:
    errors = Errors.of(found)
    return {
        "edges": found.edges, "unit": found.unit, "flux": found.flux, "statistical": errors.statistical, "systematic": errors.systematic,
        "total": errors.total, "power": target.power, "shown": np.array(found.flux) * factor, "upper_limit": found.upper_limit,
        "method": found.method,
    }  # fmt: skip
