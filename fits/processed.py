"""Histograms and account that a processor run left, and whether they are those of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configs.errors import InputError, command
from configs.schema import Config, as_json
from configs.stopping_muons import processed_options
from processors.account import load_account
from records.hists import digest, load_hists
from records.manifest import load_manifest


def read_processed(config: Config) -> tuple[dict[str, Any], Mapping[str, Any]]:
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


def _refuse_other_options(config: Config, again: str) -> None:
    """Histograms made with other cuts, bins or nodes than the configuration states now."""
    made_with = _processor_options(load_manifest(config.output).get("config", {}))
    wanted = _processor_options(as_json(config))
    if made_with is not None and wanted is not None and made_with != wanted:
        changed = sorted(key for key in {*made_with, *wanted} if made_with.get(key) != wanted.get(key))
        raise InputError(f"{config.output / 'hists.h5'} was made with other processor options ({', '.join(changed)}); run {again}")


def _processor_options(options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of a configuration as JSON."""
    return processed_options(options) if options.get("analysis") == "stopping_muons" else options.get("processor")
