"""The stage ``process`` of an analysis: configuration -> hists.h5, tables, processing.json, and its part of manifest.json."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from configs.command_line import Progress
from configs.schema import Config
from processors import engine
from processors.engine import RunOutcome
from processors.executors import Executor
from processors.inputs import dataset_inputs
from records.atomic import write_text
from records.hists import digest, save_hists
from records.manifest import update_manifest
from records.provenance import input_identities
from records.tables import remove_tables, save_tables, table_paths

HISTS = "hists.h5"
ACCOUNT = "processing.json"
JOURNAL = "journal"


def process(
    config: Config,
    *,
    fresh: bool = False,
    allow_partial: bool = False,
    unblind: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> RunOutcome:
    """Run the configured processor over all data sets and write what the run leaves behind into ``config.output``.

    ``fresh`` discards the journal; ``unblind`` (the option of the command) is recorded; ``executor``: one in place of the configured one. An
    incomplete run writes its account, and histograms and tables only with ``allow_partial``; without it those of an earlier run are removed, as
    they do not belong to the account.
    The caller looks at ``outcome.complete`` and shows ``outcome.account.describe()``. Raises ``InputError`` for wrong input.
    """
    started = time.perf_counter()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    datasets = dataset_inputs(config, progress)
    outcome = engine.run(datasets, config.executor, journal=config.output / JOURNAL, fresh=fresh, progress=progress, executor=executor)
    outcome = _write(config.output, outcome, keep=outcome.complete or allow_partial)
    entry = {
        "key": outcome.digest, "started": began, "seconds": round(time.perf_counter() - started, 3), "complete": outcome.complete,
        "executor": config.executor.kind, "allow_partial": allow_partial,
        **({"unblind": True} if unblind else {}),
    }  # fmt: skip
    paths = [path for dataset in datasets for file in dataset.files for path in file.paths]
    entry["data"] = sorted(path for dataset in datasets if dataset.kind == "data" for file in dataset.files for path in file.paths)
    update_manifest(config.output, "process", entry, config=config, inputs=input_identities(paths))
    return outcome


def written(config: Config) -> list[Path]:
    """What the stage leaves behind for the others."""
    return [config.output / HISTS, config.output / ACCOUNT, *table_paths(config.output)]


def _write(output: Path, outcome: RunOutcome, *, keep: bool) -> RunOutcome:
    if keep:
        save_hists(output / HISTS, outcome.hists)
        save_tables(output, outcome.tables)
    else:
        (output / HISTS).unlink(missing_ok=True)
        remove_tables(output)
    account = replace(outcome.account, histogram_digest=digest(outcome.hists) if keep else None)
    write_text(output / ACCOUNT, json.dumps(account.to_json(), indent=1, default=str) + "\n")
    return replace(outcome, account=account)
