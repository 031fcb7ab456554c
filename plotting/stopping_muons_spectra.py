"""Parametrised spectra fitted to the unfolded fluxes: data with fit, and the contour of the two parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from plotting.canvas import Scale
from plotting.contour import Points, Region, contour
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stopping_muons_flux import Errors, draw_flux, flux_page, limits_of, power_of
from plotting.stopping_muons_view import TARGETS, Found, RunView, below, scale_axes, target_scale
from plotting.style import VERMILLION
from plotting.symbols import MINUS, two_digits
from records.stopping_muons import SpectrumFit
from records.unfolding import FluxSpectrum

TARGET_OF = {"range_fit": "range", "energy_fit": "energy"}
# Symbol, unit on axes, and what a value is divided by there.
PARAMETERS: Mapping[str, tuple[str, str, float]] = {
    "a": ("$a$", "GeV m$^{-1}$", 1.0),
    "b": ("$b$", "10$^{-4}$ m$^{-1}$", 1e-4),
    "norm": ("$N$", "", 1.0),
    "delta_gamma": (r"$\Delta\gamma$", "", 1.0),
    "phi0": (r"$\Phi_0$", "", 1.0),
    "gamma": (r"$\gamma$", "", 1.0),
}
PAIRS = (("a", "b"), ("norm", "delta_gamma"), ("phi0", "gamma"))  # first and second parameter of contours
WORDS = {"range_fit": "Fit of a and b", "energy_fit": "Fit to the flux"}
FORWARD = "Fit to the counts"


def range_fit(view: RunView) -> Found:
    """Effective a and b of the energy loss."""
    return _fit(view, "range_fit")


def energy_fit(view: RunView) -> Found:
    """Norm and index of the surface flux."""
    return _fit(view, "energy_fit")


def _fit(view: RunView, name: str) -> Found:
    found, flux = view.results.get(name), view.results.get(f"flux.{TARGET_OF[name]}")
    names = {name: partial(_data_and_fit, view, name), name.replace("fit", "contour"): partial(_contour, view, name)}
    if isinstance(found, SpectrumFit) and not found.valid:
        return dict.fromkeys(names, f"the fit is not valid: {found.reason}")
    if isinstance(found, SpectrumFit) and isinstance(flux, FluxSpectrum):
        reasons = {f"{name.replace('fit', 'contour')}": "the fit has no contours"} if not any(found.contours.values()) else {}
        return {**names, **reasons}
    return dict.fromkeys(names, view.missing(name, f"unfolding.{name}", f"unfolding.unfold_{TARGET_OF[name]}"))


def in_words(name: str, value: float, error: float) -> str:
    """A parameter as it stands in a legend.

    >>> in_words("b", 2.98e-4, 0.12e-4)
    '$b$ = (2.98 ± 0.12) $\\\\times$ 10$^{-4}$ m$^{-1}$'
    """
    symbol, unit, scale = PARAMETERS.get(name, (name, "", 1.0))
    both = two_digits(value / scale, error / scale)
    if scale != 1.0:
        return rf"{symbol} = ({both}) $\times$ {unit}"
    return f"{symbol} = ({both}) {unit}" if unit else f"{symbol} = {both}"


def _parameters(found: SpectrumFit) -> list[str]:
    """The parameters in words, those of the contours first."""
    order = sorted(found.parameters, key=lambda name: (*axes_of(found), name).index(name))
    return [in_words(name, found.parameters[name].value, found.parameters[name].error) for name in order]


def _words(found: SpectrumFit) -> tuple[str, ...]:
    return (*_parameters(found), rf"$\chi^2$/ndf = {found.chi2:.1f}/{found.ndf}, p = {found.p_value:.2g}")


def _data_and_fit(view: RunView, name: str) -> DrawnFigure:
    found: SpectrumFit = view.results[name]
    target = TARGETS[TARGET_OF[name]]
    flux: FluxSpectrum = view.results[f"flux.{target.name}"]
    factor, model = power_of(target, flux.edges), np.array(found.model)
    x = target_scale(target, flux.edges)
    total = Errors.of(flux).total
    known = ~limits_of(flux)
    with view.style.context():
        sheet = flux_page(view, target, tuple(found.notes))
        axes, ratio = sheet.panels[0], sheet.ratios[0]
        for panel, scale in ((axes, factor), (ratio, 1.0 / model)):
            draw_flux(panel, flux, scale, view.unfolded_words, boxes=False)
            panel.stairs(model * scale, found.edges, baseline=None, color=VERMILLION, linewidth=2.4, label=WORDS[name], gid="model")
        values = np.concatenate([(np.array(flux.flux) * factor)[known], model * factor])
        scale_axes(axes, below(x), Scale(target.flux_label, True, (0.5 * float(values.min()), 2.0 * float(values.max()))))
        axes.tick_params(labelbottom=False)
        reach = 1.15 * float(np.max((np.abs(np.array(flux.flux) / model - 1.0) + total / model)[known]))
        scale_axes(ratio, x, Scale("", limits=(1.0 - reach, 1.0 + reach)))
        ratio.set_ylabel("Flux / fit", loc="center", fontsize=17)
        place_legend(axes, [(np.array(flux.edges), np.maximum((np.array(flux.flux) + total), model) * factor)], text=_words(found))
    numbers: dict[str, Any] = {
        "edges": flux.edges, "flux": flux.flux, "total": total, "model": model, "ratio": np.array(flux.flux) / model, "chi2": found.chi2,
        "ndf": found.ndf, "p_value": found.p_value, "parameters": {key: [one.value, one.error] for key, one in found.parameters.items()},
    }  # fmt: skip
    return DrawnFigure(sheet.figure, numbers)


def _contour(view: RunView, name: str) -> DrawnFigure:
    found: SpectrumFit = view.results[name]
    first, second = axes_of(found)
    forward = view.results.get(f"{name}.forward")
    others = []
    if isinstance(forward, SpectrumFit) and forward.valid and {first, second} <= set(forward.parameters):
        others = [_region(forward, FORWARD, first, second)]
    points = []
    if first in found.truth and second in found.truth:
        at = [np.array([found.truth[key] / _scale(key)]) for key in (first, second)]
        points = [Points("Generated", *at)]
    text = (*_parameters(found), f"Correlation {found.correlation:.2f}".replace("-", MINUS))
    caption = view.caption(notes=tuple(found.notes), of="unfolded")
    ours = _region(found, WORDS[name], first, second)
    return contour(ours, _axis(first), _axis(second), others=others, points=points, text=text, style=view.style, caption=caption)


def axes_of(found: SpectrumFit) -> tuple[str, str]:
    """The two parameters of the contours in their order, whatever the order of the parameters is."""
    known = next((pair for pair in PAIRS if set(pair) <= set(found.parameters)), None)
    first, second = known or tuple(found.parameters)[:2]
    return first, second


def _scale(name: str) -> float:
    return PARAMETERS.get(name, ("", "", 1.0))[2]


def _axis(name: str) -> Scale:
    symbol, unit, _ = PARAMETERS.get(name, (name, "", 1.0))
    return Scale(f"{symbol} [{unit}]" if unit else symbol)


def _region(found: SpectrumFit, label: str, first: str, second: str) -> Region:
    lines = {content: [[(x / _scale(first), y / _scale(second)) for x, y in line] for line in many] for content, many in found.contours.items()}
    best = (found.parameters[first].value / _scale(first), found.parameters[second].value / _scale(second))
    return Region(label, lines, best)
