"""Which figures a run of ``stopping_muons`` leaves: histograms and results -> figures by name, each drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hist

from configs.errors import InputError, nearest
from configs.schema import StoppingMuonsConfig
from plotting import stopping_muons_chains as chains
from plotting import stopping_muons_closure as closure
from plotting import stopping_muons_correlations as correlations
from plotting import stopping_muons_flux as flux
from plotting import stopping_muons_rates as rates
from plotting import stopping_muons_response as response
from plotting import stopping_muons_scan as scan
from plotting import stopping_muons_score as score
from plotting import stopping_muons_sectors as sectors
from plotting import stopping_muons_spectra as spectra
from plotting import stopping_muons_systematics as systematics
from plotting.drawn import DrawnFigure, Plan
from plotting.stopping_muons_area import effective_area
from plotting.stopping_muons_view import Found, RunView
from plotting.style import style

# What ``plots.figures`` can name besides single figures: all of a kind.
KINDS: dict[str, Callable[[RunView], Found]] = {
    "score": rates.score,
    "purity_efficiency": score.purity_efficiency,
    "roc": score.roc,
    "multiplicity": score.multiplicity,
    "correlations": correlations.correlations,
    "data_mc": rates.data_mc,
    "mutual_information": correlations.mutual_information,
    "effective_area": effective_area,
    "response": response.response,
    "singular_values": response.singular_values,
    "proxy_bins": response.proxy_bins,
    "systematics": systematics.systematics,
    "nuisances": systematics.nuisances,
    "impact": systematics.impact,
    "scan": scan.scan,
    "l_curve": scan.l_curve,
    "unfolded": flux.unfolded,
    "closure": closure.closure,
    "pulls": closure.pulls,
    "coverage": closure.coverage,
    "global_correlation": closure.global_correlation,
    "corner": chains.corner,
    "trace": chains.trace,
    "range_fit": spectra.range_fit,
    "energy_fit": spectra.energy_fit,
    "sectors": sectors.sectors,
}


def plan(config: StoppingMuonsConfig, hists: Mapping[str, Mapping[str, hist.Hist]], account: Mapping[str, Any], results: Mapping[str, Any]) -> Plan:
    """What to draw: ``plots.figures`` names kinds (``unfolded``) or single figures (``unfolded_range``).

    What cannot be drawn is in ``skipped`` with the reason. Raises ``InputError`` for a name that is neither.
    """
    view = RunView(config, style(config.plots.style), hists, account, results)
    found = {kind: dict(make(view)) for kind, make in KINDS.items()}
    wanted = _wanted(config, found)
    figures: dict[str, Callable[[], DrawnFigure]] = {}
    skipped: dict[str, str] = {}
    for name, one in ((name, one) for of_kind in found.values() for name, one in of_kind.items() if name in wanted):
        if isinstance(one, str):
            skipped[name] = one
        else:
            figures[name] = one
    return Plan(figures, skipped, view.style)


def _wanted(config: StoppingMuonsConfig, found: Mapping[str, Found]) -> set[str]:
    """Names of figures that the configuration asks for."""
    every = {name for of_kind in found.values() for name in of_kind}
    if config.plots.figures == "all":
        return every
    wanted: set[str] = set()
    for number, name in enumerate(config.plots.figures):
        if name not in every and name not in found:
            raise InputError(f"{config.source.name}: plots.figures.{number}: {name!r} is no figure{nearest(name, [*found, *sorted(every)])}")
        wanted |= set(found.get(name, {})) or {name}
        wanted |= {name} & every
    return wanted
