"""The fit stage: ``hists.h5`` and ``processing.json`` of an output directory -> ``results.json``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from configs.command_line import Progress
from configs.errors import InputError, command
from configs.schema import DiffuseConfig, as_json
from fits.diffuse import fit_all, prepare_all
from processors.account import load_account
from records.atomic import write_text
from records.hists import digest, load_hists
from records.manifest import load_manifest, update_manifest
from records.results import save_results


def fit(config: DiffuseConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Do every fit of a configuration on the histograms in its output directory; returns and saves result name -> result.

    Writes ``results.json``, ``workspace_<fit>.json`` where a fit asks for one, and the stage's part of ``manifest.json``. Raises InputError
    when the histograms are missing, stem from other processor options, or are not those of the account.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    hists, account = read_processed(config)
    results = fit_all(config, hists, account, progress)
    save_results(config.output / "results.json", config.analysis, config.name, results)
    for name, options in config.fits.items():
        if options.workspace:
            write_workspace(config.output / f"workspace_{name}.json", config, name, hists, account)
    entry = {"started": started.isoformat(timespec="seconds"), "seconds": round(time.perf_counter() - clock, 3), "fits": as_json(config)["fits"]}
    update_manifest(config.output, "fit", {**entry, "seed": config.seed, "histogram_digest": account["histogram_digest"]})
    return results


def read_processed(config: DiffuseConfig) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Histograms (data set -> name -> histogram) and account of a configuration's last processor run."""
    path, again = config.output / "hists.h5", command("run_processor.py", config.source)
    if not (config.output / "processing.json").exists():
        raise InputError(f"{config.output}: no histograms to fit (hists.h5 and processing.json); run {again}")
    account = load_account(config.output / "processing.json")
    if account.histogram_digest is None:
        missing = f"the last processor run was incomplete and left no histograms\n{account.describe()}"
        raise InputError(f"{config.output}: {missing}\nrepair the input, or run {again} --allow-partial")
    hists = load_hists(path)
    if digest(hists) != account.histogram_digest:
        raise InputError(f"{path} is not what processing.json describes; run {again} --fresh")
    _refuse_other_options(config, again)
    return hists, account.to_json()


def _refuse_other_options(config: DiffuseConfig, again: str) -> None:
    """Histograms made with other cuts, bins or nodes than the configuration states now."""
    made_with = load_manifest(config.output).get("config", {}).get("processor")
    wanted = as_json(config)["processor"]
    if made_with is not None and made_with != wanted:
        changed = sorted(key for key in {*made_with, *wanted} if made_with.get(key) != wanted.get(key))
        raise InputError(f"{config.output / 'hists.h5'} was made with other processor options ({', '.join(changed)}); run {again}")


def write_workspace(path: Path, config: DiffuseConfig, name: str, hists: Mapping[str, Any], account: Mapping[str, Any]) -> None:
    """Write the pyhf workspace of one fit as JSON that any HistFactory program reads."""
    from fits.frontends import pyhf

    write_text(path, pyhf.workspace_json(prepare_all(config, hists, account)[1][name].nll))
