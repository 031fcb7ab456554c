"""Which figures a run of ``dark_matter`` leaves: histograms, tables, results and their arrays -> figures by name, each drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import hist

from configs.dark_matter import Figure
from configs.errors import command
from configs.schema import DarkMatterConfig
from data_info.annihilation_spectra import PPPC_FILES, SpectrumTable, embedded, pppc
from data_info.catalogue import data_dir
from data_info.dwarf_galaxies import select
from data_info.published_limits import PublishedLimit, published_limits
from fits.dark_matter.spectra import PPPC_FOLDER
from plotting import dark_matter_densities as densities
from plotting import dark_matter_events as events
from plotting import dark_matter_exposure as exposure
from plotting import dark_matter_limits as limits
from plotting import dark_matter_sky as sky
from plotting import dark_matter_sources as sources
from plotting import dark_matter_spectra as spectra
from plotting import dark_matter_trials as trials
from plotting import dark_matter_window as window
from plotting.canvas import Array
from plotting.dark_matter_view import CombinationView, FitView, RunView
from plotting.drawn import DrawnFigure, Plan
from plotting.style import style
from records.arrays import load_arrays
from records.dark_matter import CombinationResult
from records.tables import TablesByDataset

Figures = dict[str, Callable[[], DrawnFigure]]
Arrays = Mapping[str, Array]

ARRAYS = "pdfs.h5"
OF_RUN: dict[str, Callable[[RunView], Figures]] = {
    "variables": events.variables,
    "sindec_angular_error": events.sindec_angular_error,
    "resolution": events.resolution,
    "effective_area": exposure.effective_area,
    "livetime": exposure.livetime,
}
OF_FIT: dict[str, Callable[[FitView], Mapping[str, Callable[[], DrawnFigure]]]] = {"sources": sources.sources, "limits": limits.limits}
OF_COMBINATION: dict[str, Callable[[CombinationView], Mapping[str, Callable[[], DrawnFigure]]]] = {
    "spectra": spectra.spectra,
    "window": window.window,
    "sky": sky.sky,
    "acceptance": sources.acceptance,
    "densities": densities.densities,
    "ratio": densities.ratio,
    "trials": trials.trials,
    "injection": trials.injection,
    "passing": trials.passing,
}
WHY_NOT = {
    **dict.fromkeys(("variables", "sindec_angular_error", "livetime"), "no data could be processed by the analysis' own processor"),
    **dict.fromkeys(("resolution", "effective_area"), "no simulation was processed by the analysis' own processor"),
}


def plan(config: DarkMatterConfig, hists: Mapping[str, Mapping[str, hist.Hist]], tables: TablesByDataset, account: Mapping[str, Any],
         results: Mapping[str, Any]) -> Plan:  # fmt: skip
    """What to draw: figures of the run (``variables``), of a fit (``limits_b``), and of its chosen combinations (``sky_b_10``).

    Those of the first fit have plain names, those of others the fit's name before. What cannot be drawn is in ``skipped`` with the reason.
    """
    run = RunView(config, style(config.plots.style), hists, tables, account)
    kinds = list(get_args(Figure)) if config.plots.figures == "all" else list(config.plots.figures)
    figures: Figures = {}
    skipped: dict[str, str] = {}
    for kind in (one for one in kinds if one in OF_RUN):
        found = OF_RUN[kind](run)
        figures |= found
        if not found:
            skipped[kind] = WHY_NOT[kind]
    views = [_fit_view(run, name, number == 0, results, kinds, skipped) for number, name in enumerate(config.fits)]
    chosen = _chosen(config, views)
    for view in views:
        if not view.results:
            again = f"no results; run: {command('run_fit.py', config.source)}"
            if config.fits[view.name].likelihood.type == "reference":
                again = "likelihood.type: reference leaves numbers for comparison and no figures"
            skipped |= {view.named(kind): again for kind in kinds if kind in OF_COMBINATION or kind == "limits"}
        figures |= _of_fit(view, kinds, chosen[view.name], skipped)
    return Plan(figures, skipped, run.style)


def _of_fit(view: FitView, kinds: list[str], chosen: list[str], skipped: dict[str, str]) -> Figures:
    """Figures of one fit and of its chosen combinations."""
    figures: Figures = {}
    for kind in (one for one in kinds if one in OF_FIT):
        figures |= OF_FIT[kind](view)
    if "spectra" in kinds and view.published is None and view.results:
        skipped[view.named("spectra: PPPC4DMID")] = f"not in the data directory: {PPPC_FOLDER}/{PPPC_FILES[0]} and two others"
    of_combination = [kind for kind in kinds if kind in OF_COMBINATION]
    for name in chosen if of_combination else ():
        arrays = load_arrays(view.run.config.output / ARRAYS, f"{view.name}.{name}")
        combination = CombinationView(view, view.results[name], cast(Arrays, arrays))
        for kind in of_combination:
            figures |= OF_COMBINATION[kind](combination)
    return figures


def _fit_view(run: RunView, name: str, first: bool, results: Mapping[str, Any], kinds: list[str], skipped: dict[str, str]) -> FitView:
    start = f"{name}."
    own = {key.removeprefix(start): one for key, one in results.items() if key.startswith(start) and isinstance(one, CombinationResult)}
    options = run.config.fits[name]
    wanted = options.sources
    listed = select(wanted.catalogue, wanted.j_aperture, wanted.exclude, run.config.source) if "sources" in kinds else ()
    published = _published_spectra(own, Path(data_dir()) / PPPC_FOLDER) if "spectra" in kinds and own else None
    others: list[PublishedLimit] = []
    if "limits" in kinds and own and options.mode != "decay":
        others, notes = published_limits(options.compare, dict.fromkeys(one.channel for one in own.values()), run.config.source)
        if notes:
            skipped[f"{'' if first else start}limits: published"] = absent(notes)
    return FitView(name, first, run, own, listed, published, others)


def absent(notes: Sequence[str]) -> str:
    """Files of published limits that are not there, in one sentence.

    >>> absent(["a.csv: no such file; public ones are elsewhere", "b.csv: no such file"])
    'a.csv: no such file; nor are there b.csv'
    """
    others = ", ".join(note.partition(": ")[0] for note in notes[1:])
    return notes[0].partition("; public ones")[0] + (f"; nor are there {others}" if others else "")


def _published_spectra(results: Mapping[str, CombinationResult], folder: Path) -> SpectrumTable | None:
    """PPPC4DMID beside spectra of other origin, the embedded ones beside it; none where its files are not there."""
    if not next(iter(results.values())).spectra.startswith("PPPC4DMID"):
        return pppc(folder) if all((folder / name).is_file() for name in PPPC_FILES) else None
    return embedded()


def _chosen(config: DarkMatterConfig, views: list[FitView]) -> dict[str, list[str]]:
    """Names of the combinations with figures of their own, by fit."""
    wanted = config.plots.combinations
    if wanted is None:
        return {view.name: _first_masses(view) for view in views}
    if wanted == "all":
        return {view.name: list(view.results) for view in views}
    return {view.name: [name for name in wanted if name in view.results] for view in views}


def _first_masses(view: FitView) -> list[str]:
    """The first mass of every channel."""
    first: dict[str, str] = {}
    for name, one in view.results.items():
        first.setdefault(one.channel, name)
    return list(first.values())
