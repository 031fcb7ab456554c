"""Figures of the studies that follow a ``diffuse`` fit: impacts, events, longer exposures, other models, the posterior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from plotting import study_panels
from plotting.diffuse_likelihood import MODELS
from plotting.diffuse_projections import TITLES
from plotting.drawn import DrawnFigure
from plotting.event_map import event_map
from plotting.fit_view import FitView
from plotting.symbols import axis_label, symbol
from records.diffuse_studies import AsimovStudy, EventTable, ImpactResult, ModelComparison, PosteriorResult
from records.value import Parameter

Draw = Callable[[], DrawnFigure]


def impacts(fit: FitView) -> dict[str, Draw]:
    """Shifts of each parameter of interest by the nuisance parameters; nothing where there is no nuisance parameter."""
    result = fit.others.get("impacts")
    if not isinstance(result, ImpactResult) or not result.impacts:
        return {}
    return {f"impacts_{name}": partial(_impacts, fit, result, name) for name in result.errors}


def events(fit: FitView) -> dict[str, Draw]:
    """Neutrino energies of the selected events; where each event is known, also where it was reconstructed."""
    result = fit.others.get("events")
    if not isinstance(result, EventTable):
        return {}
    figures: dict[str, Draw] = {"events": partial(_events, fit, result)}
    return {**figures, "events_map": partial(_event_map, fit, result)} if result.identified else figures


def exposures(fit: FitView) -> dict[str, Draw]:
    """Expected errors over exposure; nothing without a valid fit or a livetime."""
    result = fit.others.get("exposures")
    if not isinstance(result, AsimovStudy) or not np.isfinite(fit.inputs.livetime_s) or not any(one.valid for one in result.exposures):
        return {}
    return {"exposures": partial(_exposures, fit, result)}


def models(fit: FitView) -> dict[str, Draw]:
    """Wider spectra beside the power law, those that could be compared."""
    result = fit.others.get("models")
    if not isinstance(result, ModelComparison) or np.isnan([one.ts for one in result.models.values()]).all():
        return {}
    return {"models": partial(_models, fit, result)}


def posterior(fit: FitView) -> dict[str, Draw]:
    """Every pair of parameters of the posterior."""
    result = fit.others.get("posterior")
    return {"posterior": partial(_posterior, fit, result)} if isinstance(result, PosteriorResult) else {}


def _impacts(fit: FitView, result: ImpactResult, name: str) -> DrawnFigure:
    ranked = result.ranked(name)
    rows = [result.impacts[one] for one in ranked]
    pulls = np.array([np.nan if one.pull is None else one.pull for one in rows])
    return study_panels.impacts(
        [symbol(one) for one in ranked],
        np.array([one.shift_down[name] for one in rows]), np.array([one.shift_up[name] for one in rows]), pulls,
        np.array([one.constraint for one in rows]), symbol(name), result.errors[name], style=fit.style, caption=fit.caption,
    )  # fmt: skip


def _events(fit: FitView, result: EventTable) -> DrawnFigure:
    energy = [np.asarray(result.true_energy_gev[share]) for share in ("0.16", "0.5", "0.84")]
    middle = np.asarray(result.deposited_gev)
    order = np.lexsort((energy[1], middle))
    topology = [TITLES.get(result.channel[i], result.channel[i]) for i in order]
    low, median, high = (one[order] for one in energy)
    signalness = np.asarray(result.signalness)[order]
    deposited = "Deposited" if result.identified else "Deposited (bin)"
    return study_panels.events(
        low, median, high, signalness, middle[order], topology, list(TITLES.values()), deposited, style=fit.style, caption=fit.caption
    )


def _event_map(fit: FitView, result: EventTable) -> DrawnFigure:
    topology = [TITLES.get(name, name) for name in result.channel]
    energy_gev, coszen, signalness = (np.asarray(values) for values in (result.energy_gev, result.coszen, result.signalness))
    caption = replace(fit.caption, notes=("Numbers: entry in the input file, counted from 0", *fit.caption.notes))
    return event_map(energy_gev, coszen, signalness, result.entry, topology, list(TITLES.values()), style=fit.style, caption=caption)


def _exposures(fit: FitView, result: AsimovStudy) -> DrawnFigure:
    valid = sorted((one for one in result.exposures if one.valid), key=lambda one: one.factor)
    bounded = {name for one in valid for name, value in one.parameters.items() if value.at_bound}  # a relative error of 0 is none
    free = [name for name, one in valid[0].parameters.items() if not one.fixed and name not in bounded]
    names = [name for name in free if valid[0].parameters[name].minos is not None] or free
    years = np.array([one.livetime_s for one in valid]) / study_panels.YEAR_S
    widths = {symbol(name): np.array([_width(one.parameters[name]) / abs(one.parameters[name].value) for one in valid]) for name in names}
    return study_panels.exposures(years, widths, style=fit.style, caption=fit.caption)


def _width(one: Parameter) -> float:
    """Half the length of the interval of MINOS, else the error of the Hessian."""
    return one.error if one.minos is None else 0.5 * (one.minos[1] - one.minos[0])


def _models(fit: FitView, result: ModelComparison) -> DrawnFigure:
    wider = {MODELS.get(name, name): one for name, one in result.models.items() if not np.isnan(one.ts)}
    rows = list(wider.values())
    p_values = np.array([one.p_chi2 if np.isnan(one.p_toys) else one.p_toys for one in rows])
    delta_aic = np.array([one.aic - result.models[result.null].aic for one in rows])
    return study_panels.models(list(wider), np.array([one.ts for one in rows]), p_values, delta_aic, MODELS.get(result.null, result.null),
                               style=fit.style, caption=fit.caption)  # fmt: skip


def _posterior(fit: FitView, result: PosteriorResult) -> DrawnFigure:
    names = result.names
    samples = np.column_stack([result.samples[name] for name in names])
    return study_panels.corner(
        [axis_label(name) if len(names) == 1 else symbol(name) for name in names], samples, np.array([result.best[name] for name in names]),
        np.array([result.intervals["0.6827"][name] for name in names]), style=fit.style, caption=fit.caption,
    )  # fmt: skip
