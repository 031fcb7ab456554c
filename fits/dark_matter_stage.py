"""The fits of the dark-matter analysis: histograms, tables and account of a run -> results, with the files that they leave besides."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hist

from configs.command_line import Progress
from configs.schema import DarkMatterConfig
from fits.dark_matter.campaign import Campaigner, shared_by_all
from fits.dark_matter.case import Case, Shared
from fits.dark_matter.inputs import sample
from fits.dark_matter.processed import refuse_other_datasets
from fits.dark_matter.reference_campaign import reference_results
from fits.dark_matter.shown import PDFS, arrays
from fits.dark_matter.source_arrays import errors_dex
from fits.dark_matter.trials import Map
from processors.trials import Execute, opened_map
from records.arrays import save_arrays
from records.dark_matter import CombinationResult, Interval, ReferenceModeResult
from records.hepdata import write_hepdata
from records.limits_table import write_limits
from records.tables import TablesByDataset

if TYPE_CHECKING:
    from fits.frontends.pyhf_stack import JErrors

WORKSPACES = "workspaces"  # folder: the likelihoods in HistFactory's JSON
HEPDATA = "hepdata"  # folder: limits as tables in YAML
TRIALS = "trials"  # folder of the output directory: trials and result of every combination


def fit_all(
    config: DarkMatterConfig, hists: Mapping[str, Mapping[str, hist.Hist]], tables: TablesByDataset, account: Mapping[str, Any],
    progress: Progress | None = None, execute: Execute | None = None,
) -> dict[str, CombinationResult | ReferenceModeResult]:  # fmt: skip
    """Every combination of every fit: ``<fit>.<channel>_<mass>`` -> result. A fit with the reference likelihood leaves its result alone.

    ``execute``: an ordered map over whole combinations (null: on workers elsewhere where the executor has such, else one after the other here).

    Writes ``limits.csv``, ``pdfs.h5``, ``trials/<fit>/<channel>_<mass>.h5``, ``workspaces/<fit>/<channel>_<mass>.json`` and ``hepdata/``.
    """
    refuse_other_datasets(config, account)
    events = sample(config, hists, tables, account)
    results: dict[str, CombinationResult] = {}
    compared: dict[str, ReferenceModeResult] = {}
    shown: dict[str, dict[str, Any]] = {}
    with _workers(config, execute) as (threads, spread):
        for name in config.fits:
            shared = shared_by_all(config, name, events)
            report = None if progress is None else lambda done, total, name=name: progress(f"{name}: channels and masses", done, total)
            if shared.options.likelihood.type == "reference":
                checks = reference_results(shared, report)
                compared |= {f"{name}.{key}": replace(one, partial=not account["complete"]) for key, one in checks.items()}
                continue
            campaign = Campaigner(shared, config.output / TRIALS / name, threads, spread)
            cases = campaign.cases()
            found = campaign.run(cases, report)
            if shared.options.workspaces or shared.options.pyhf_limits:
                found = _with_workspaces(config.output / WORKSPACES / name, shared, cases, found)
            results |= {f"{name}.{key}": replace(one, partial=not account["complete"]) for key, one in found.items()}
            shown |= {f"{name}.{key}": arrays(case, shared) for key, case in cases.items()}
    save_arrays(config.output / PDFS, shown)
    write_limits(config.output / "limits.csv", results)
    write_hepdata(config.output / HEPDATA, {name: one for name, one in results.items() if config.fits[name.partition(".")[0]].hepdata})
    return {**results, **compared}


def _with_workspaces(
    folder: Path, shared: Shared, cases: Mapping[str, Case], results: Mapping[str, CombinationResult]
) -> dict[str, CombinationResult]:
    """Write the likelihood of every combination for pyhf, mu = 1 at its sensitivity (counts of scrambled data while blind); with pyhf's limits."""
    if find_spec("pyhf") is None:
        warnings.warn(
            "no workspaces are written: pyhf is not installed (pip install 'dynode[pyhf]', or workspaces: false)", UserWarning, stacklevel=2
        )
        return dict(results)
    from fits.frontends.pyhf_stack import write_workspace

    found = dict(results)
    for name, case in cases.items():
        n_reference = results[name].sensitivity.n
        at_one = n_reference if math.isfinite(n_reference) else case.bins.sigma_n
        path = write_workspace(folder / f"{name}.json", case.bins, case.counts, at_one, _j_errors(shared, case, results[name].spread))
        if shared.options.pyhf_limits:
            found[name] = replace(results[name], pyhf_limit=_pyhf_limit(path, at_one, case, shared))
    return found


def _pyhf_limit(workspace: Path, n_reference: float, case: Case, shared: Shared) -> Interval:
    """Band and observed limit of pyhf; the latter not while blind."""
    from fits.frontends.pyhf_stack import upper_limits

    cl, value = shared.options.statistics.cl, case.conversion
    found = upper_limits(json.loads(workspace.read_text()), n_reference, cl)
    n_low, n_up = (math.nan, math.nan) if shared.sample.blind else (0.0, found.observed)
    low, up = (math.nan if math.isnan(n) else value(n) for n in (n_low, n_up))
    return Interval("cls_pyhf", cl, "cls_pyhf", found.band, {key: value(n) for key, n in found.band.items()}, n_low, n_up, low, up)


def _j_errors(shared: Shared, case: Case, spread: float) -> JErrors | None:
    """Of every source where they are apart, else one for all."""
    from fits.frontends.pyhf_stack import JErrors

    if shared.options.j_nuisance in ("per_source", "marginal"):
        return JErrors(tuple(source.name for source in shared.sources), *errors_dex(shared.sources), case.acceptance.share)
    return JErrors.of_total(spread) if spread > 0.0 else None


@contextmanager
def _workers(config: DarkMatterConfig, execute: Execute | None) -> Iterator[tuple[Map | None, Execute | None]]:
    """Maps over the trials of a combination and over combinations. Trials go to threads with ``futures``: they run outside Python's lock."""
    if execute is not None:
        yield None, execute
    elif config.executor.kind == "iterative":
        yield None, None
    elif config.executor.kind == "futures":
        with ThreadPoolExecutor(config.executor.workers) as pool:
            yield pool.map, None
    else:
        with opened_map(config.executor) as mapped:
            yield None, mapped
