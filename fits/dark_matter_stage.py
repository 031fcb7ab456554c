"""The fits of the dark-matter analysis: histograms, tables and account of a run -> results, with the files that they leave besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import hist

from configs.command_line import Progress
from configs.schema import DarkMatterConfig
from fits.dark_matter.campaign import Campaigner, shared_by_all
from fits.dark_matter.inputs import sample
from fits.dark_matter.shown import arrays
from fits.dark_matter.trials import Map
from records.arrays import save_arrays
from records.dark_matter import CombinationResult
from records.limits_table import write_limits
from records.tables import TablesByDataset

PDFS = "pdfs.h5"  # arrays for figures, one group for each result
TRIALS = "trials"  # folder of the output directory: trials and result of every combination


def fit_all(
    config: DarkMatterConfig, hists: Mapping[str, Mapping[str, hist.Hist]], tables: TablesByDataset, account: Mapping[str, Any],
    progress: Progress | None = None,
) -> dict[str, CombinationResult]:  # fmt: skip
    """Every combination of every fit: ``<fit>.<channel>_<mass>`` -> result.

    Writes ``limits.csv``, ``pdfs.h5`` and ``trials/<fit>/<channel>_<mass>.h5``.
    """
    events = sample(config, hists, tables, account)
    results: dict[str, CombinationResult] = {}
    shown: dict[str, dict[str, Any]] = {}
    with _workers(config) as execute:
        for name in config.fits:
            shared = shared_by_all(config, name, events)
            campaign = Campaigner(shared, config.output / TRIALS / name, execute)
            report = None if progress is None else lambda done, total, name=name: progress(f"{name}: channels and masses", done, total)
            cases = campaign.cases()
            found = campaign.run(cases, report)
            results |= {f"{name}.{key}": replace(one, partial=not account["complete"]) for key, one in found.items()}
            shown |= {f"{name}.{key}": arrays(case, shared) for key, case in cases.items()}
    save_arrays(config.output / PDFS, shown)
    write_limits(config.output / "limits.csv", results)
    return results


@contextmanager
def _workers(config: DarkMatterConfig) -> Iterator[Map | None]:
    """A map over threads (the trials run outside Python's lock), or none for the executor ``iterative``."""
    if config.executor.kind == "iterative":
        yield None
        return
    with ThreadPoolExecutor(config.executor.workers) as pool:
        yield pool.map
