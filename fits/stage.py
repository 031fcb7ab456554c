"""The fit stage: ``hists.h5``, tables and ``processing.json`` of an output directory -> ``results.json``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.command_line import Progress
from configs.errors import InputError
from configs.schema import DarkMatterConfig, DiffuseConfig, IwcdConfig, PmtGainConfig, StoppingMuonsConfig, as_json
from data_info.joint_samples import joined_files
from fits import request
from fits.processed import read_processed
from records.atomic import write_text
from records.comparison_table import save_comparison
from records.event_tables import save_event_tables
from records.gain_tables import save_gain_tables
from records.manifest import update_manifest
from records.provenance import input_identities
from records.result_tables import save_result_tables
from records.results import save_results
from records.study_tables import save_study_tables
from records.tables import FOLDER, load_tables

if TYPE_CHECKING:
    from processors.trials import Execute

FittedConfig = DiffuseConfig | IwcdConfig | PmtGainConfig | DarkMatterConfig | StoppingMuonsConfig


def fit(config: FittedConfig, progress: Progress | None = None, execute: Execute | None = None) -> dict[str, Any]:
    """Do every fit of a configuration on what the processor left in its output directory; returns and saves result name -> result.

    ``execute``: an ordered map for trials and toys (null: of the configured executor).
    Writes ``results.json``, what the fits of the analysis leave besides (workspaces, scores, tables of gains), and the stage's part of
    ``manifest.json``. Raises InputError when histograms are missing, stem from other processor options, or are not those of the account.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    fits = _fits(request.checked(config), progress, execute)
    save_results(config.output / "results.json", config.analysis, config.name, fits.results)
    entry = {"started": started.isoformat(timespec="seconds"), "seconds": round(time.perf_counter() - clock, 3), "fits": as_json(config).get("fits")}
    entry |= {"seed": config.seed, "histogram_digest": fits.histogram_digest}
    update_manifest(config.output, "fit", entry, config=None if config.datasets else config, inputs=input_identities(map(str, fits.inputs)))
    return fits.results


@dataclass(frozen=True)
class _Fits:
    """Results, the digest of the histograms they rest on, and files that they read besides."""

    results: dict[str, Any]
    histogram_digest: str | None
    inputs: list[Path] = field(default_factory=list)


def _fits(config: FittedConfig, progress: Progress | None, execute: Execute | None) -> _Fits:
    match config:
        case IwcdConfig():
            return _iwcd(config, progress)
        case PmtGainConfig():
            return _pmt_gain(config, progress)
        case DarkMatterConfig():
            return _dark_matter(config, progress, execute)
        case StoppingMuonsConfig():
            return _stopping_muons(config, progress, execute)
        case DiffuseConfig():
            return _diffuse(config, progress, execute)


def _diffuse(config: DiffuseConfig, progress: Progress | None, execute: Execute | None) -> _Fits:
    from fits import diffuse  # brings scipy.stats: imported for this analysis only
    from processors.trials import opened_map  # brings coffea

    hists, account = read_processed(config) if config.datasets else ({}, {})
    with nullcontext(execute) if execute else opened_map(config.executor) as mapped:
        results = diffuse.fit_all(config, hists, account, progress, mapped, load_tables(config.output))
    save_event_tables(config.output / FOLDER, results)
    save_study_tables(config.output / FOLDER, results)
    save_comparison(config.output / FOLDER, results)
    for name, options in config.fits.items():
        if options.workspace:
            write_workspace(config.output / f"workspace_{name}.json", config, name, hists, account)
    return _Fits(results, account.get("histogram_digest"), joined_files(config))


def _iwcd(config: IwcdConfig, progress: Progress | None) -> _Fits:
    """Fits on event tables and classifier outputs; a configuration without data sets has only the latter."""
    from fits import iwcd

    hists, account = read_processed(config) if config.datasets else ({}, None)
    results, inputs = iwcd.fit_all(config, account, progress)
    results |= iwcd.summaries(config, hists, account)
    save_result_tables(config.output / FOLDER, results)
    return _Fits(results, None if account is None else account["histogram_digest"], inputs)


def _pmt_gain(config: PmtGainConfig, progress: Progress | None) -> _Fits:
    from fits import pmt_gain
    from fits.pmt_reference import differences
    from records.gain import GainResult

    hists, account = read_processed(config)
    results = pmt_gain.fit_all(config, hists, account, progress)
    results |= differences(config.output, [point.name for tube in results.values() if isinstance(tube, GainResult) for point in tube.points])
    save_gain_tables(config.output, results)
    return _Fits(results, account["histogram_digest"])


def _dark_matter(config: DarkMatterConfig, progress: Progress | None, execute: Execute | None) -> _Fits:
    """Every channel and mass of every fit."""
    from fits import dark_matter_stage  # brings compiled code: imported for this analysis only

    hists, account = read_processed(config)
    results = dark_matter_stage.fit_all(config, hists, load_tables(config.output), account, progress, execute)
    return _Fits(results, account["histogram_digest"])


def _stopping_muons(config: StoppingMuonsConfig, progress: Progress | None, execute: Execute | None) -> _Fits:
    """Effective areas, spectra, fluxes, and fits to these."""
    from fits.stopping_muons import stage
    from processors.trials import opened_map

    hists, account = read_processed(config)
    with nullcontext(execute) if execute else opened_map(config.executor) as mapped:
        return _Fits(stage.fit_all(config, hists, account, progress, mapped), account["histogram_digest"])


def coverage(config: FittedConfig, n_toys: int, progress: Progress | None = None, execute: Execute | None = None) -> dict[str, Any]:
    """Pseudo-experiments on what the processor left (``fits.stopping_muons.coverage_study``); the results of the fits stay as they are.

    ``execute`` as in ``fit``. Raises InputError for other analyses, and as ``fit``.
    """
    if not isinstance(config, StoppingMuonsConfig):
        raise InputError(f"{config.source}: --coverage is for analysis 'stopping_muons', this is {config.analysis!r} (fits.<name>.toys has theirs)")
    from fits.stopping_muons.coverage_study import coverage_study

    hists, account = read_processed(config)
    return dict(coverage_study(config, hists, account, n_toys, progress=progress, execute=execute))


def write_workspace(path: Path, config: DiffuseConfig, name: str, hists: Mapping[str, Any], account: Mapping[str, Any]) -> None:
    """Write the pyhf workspace of one fit as JSON that any HistFactory program reads."""
    from fits.diffuse import prepare_all
    from fits.frontends import pyhf

    write_text(path, pyhf.workspace_json(prepare_all(config, hists, account)[1][name].nll))
