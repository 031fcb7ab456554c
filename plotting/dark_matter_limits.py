"""Limits over mass: one figure for each channel with its bands, and one for all channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from data_info.published_limits import PublishedLimit
from plotting.brazil import LINES, OTHERS, Curve, Expected, brazil, together
from plotting.canvas import Array, Scale
from plotting.dark_matter_view import FitView, channel_look, factor_name
from plotting.drawn import DrawnFigure
from plotting.style import BLUE
from records.dark_matter import CombinationResult


def limits(view: FitView) -> dict[str, partial[DrawnFigure]]:
    """Figures of a fit with results."""
    of_channel = by_channel(view)
    figures = {view.named(f"limits_{channel}"): partial(_channel, view, channel, found) for channel, found in of_channel.items()}
    if len(of_channel) > 1:
        figures[view.named("limits")] = partial(_all, view, of_channel)
    return figures


def by_channel(view: FitView) -> dict[str, list[CombinationResult]]:
    """Results of each channel, masses rising."""
    channels = dict.fromkeys(result.channel for result in view.results.values())
    return {name: sorted((one for one in view.results.values() if one.channel == name), key=lambda one: one.mass_gev) for name in channels}


def _published(view: FitView, channel: str) -> list[PublishedLimit]:
    """Limits of others, in the order of the configuration; published are cross-sections, no lifetimes."""
    return [] if view.options.mode == "decay" else [one for one in view.published_limits if one.channel == channel]


def _channel(view: FitView, channel: str, results: Sequence[CombinationResult]) -> DrawnFigure:
    first = results[0]
    mass = np.array([one.mass_gev for one in results])
    observed = np.array([finite(one.limit.up) for one in results])
    expected = Expected(
        mass, _band(results, "0"), (_band(results, "-1"), _band(results, "1")), (_band(results, "-2"), _band(results, "2")),
        _median_words(first), observed if np.isfinite(observed).any() else np.zeros(0),
    )  # fmt: skip
    reach = np.array([finite(one.sensitivity.value) for one in results])
    curves = [Curve(f"Sensitivity ({percent(first.sensitivity.target)} of trials above the median)", mass, reach, BLUE, (0, (3, 1.5)))]
    for number, one in enumerate(_published(view, channel)):
        curves.append(Curve(one.legend, one.mass_gev, one.sigma_v_cm3_s, OTHERS[number % len(OTHERS)], LINES[number % len(LINES)]))
    caption = view.run.caption(channel_look(channel).label, notes(results))
    return brazil(expected, curves, _y(first), style=view.run.style, caption=caption)


def _all(view: FitView, of_channel: dict[str, list[CombinationResult]]) -> DrawnFigure:
    groups: dict[str, tuple[str, list[Curve]]] = {}
    styles: dict[str, object] = {}
    for channel, results in of_channel.items():
        mass = np.array([one.mass_gev for one in results])
        first, look = results[0], channel_look(channel)
        curves = [Curve("median expected", mass, _band(results, "0"), look.colour, (0, (4, 1.5)))]
        styles[_median_words(first)] = (0, (4, 1.5))
        observed = np.array([finite(one.limit.up) for one in results])
        if np.isfinite(observed).any():
            curves.append(Curve("observed", mass, observed, look.colour, "-"))
            styles[f"Observed, {percent(first.limit.cl)} CL, {method_name(first.limit.method)}"] = "-"
        for one in _published(view, channel):
            line = styles.get(one.legend, (":", "-.", *LINES[3:])[(len(styles) - 1) % 4])
            curves.append(Curve(one.legend, one.mass_gev, one.sigma_v_cm3_s, look.colour, line))
            styles[one.legend] = line
        groups[look.label] = (look.colour, curves)
    every = [one for found in of_channel.values() for one in found]
    return together(groups, _y(every[0]), styles, style=view.run.style, caption=view.run.caption("", notes(every)))


def method_name(method: str) -> str:
    """How a method of limits is called.

    >>> method_name("cls")
    'CLs'
    """
    return {"cls": "CLs", "cls_asymptotic": "CLs (asymptotic)", "fc": "Feldman-Cousins", "neyman": "Neyman", "profile": "profile"}.get(method, method)


def notes(results: Sequence[CombinationResult]) -> tuple[str, ...]:
    """What every figure of limits says: treatment of J (or D), spectra, sources, open ends, blindness."""
    first = results[0]
    strengths = f"Uncertainty of {factor_name(first.mode)}: {first.j_nuisance}; sources: {first.catalogue}"
    found = [f"{strengths}; {first.likelihood}", f"Spectra: {first.spectra}"]
    open_ended = [f"{one.channel} {one.mass_gev:g} GeV" for one in results if not all(map(math.isfinite, one.limit.band.values()))]
    if open_ended:
        found.append(f"Bands are open (no upper end within the tested numbers of events): {', '.join(open_ended)}")
    return tuple(found)


def percent(share: float) -> str:
    """A share in per cent.

    >>> percent(0.9)
    '90 %'
    """
    return f"{100.0 * share:g} %"


def finite(value: float) -> float:
    """The value, NaN for an open end."""
    return value if math.isfinite(value) else math.nan


def _band(results: Sequence[CombinationResult], key: str) -> Array:
    """Limits at so many standard deviations of what is drawn: those of a lifetime fall as the limits on events rise."""
    turned = str(-int(key))
    return np.array([finite(one.limit.band[turned if one.mode == "decay" else key]) for one in results])


def _median_words(result: CombinationResult) -> str:
    return f"Median expected, {percent(result.limit.cl)} CL, {method_name(result.limit.band_method)}"


def _y(result: CombinationResult) -> Scale:
    return Scale(r"$\tau$ [s] (lower limit)" if result.mode == "decay" else r"$\langle\sigma v\rangle$ [cm$^3$ s$^{-1}$]")
