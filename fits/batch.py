"""Fits as a batch: their trials and toys are done by jobs, the fits themselves where the command runs (``processors.batch.trial_runs``)."""

from __future__ import annotations

from functools import partial
from typing import Any

from configs.command_line import Progress
from fits import stage
from processors.batch import trial_runs
from processors.batch.commands import Kind
from processors.batch.folder import BatchPlan
from records.freshness import dependencies
from records.provenance import value_digest

COVERAGE = "coverage"


def kind(coverage: int | None = None) -> Kind:
    """The batch of the fits of a configuration, or that of a study of the coverage with so many pseudo-experiments: each has a folder of its own."""
    study, options = (trial_runs.FIT, "") if coverage is None else (COVERAGE, f"--coverage {coverage}")
    return Kind(
        trial_runs.DOOR, partial(trial_runs.folder, study=study), partial(trial_runs.journal, study=study), partial(plan, coverage=coverage),
        _finished, options,
    )  # fmt: skip


def plan(config: Any, jobs: int, *, coverage: int | None = None, fresh: bool = False, progress: Progress | None = None) -> BatchPlan | None:
    """Do the fits up to their trials and cut those into at most ``jobs`` jobs; nothing when none is missing."""
    if coverage is None:
        return trial_runs.plan(config, jobs, partial(stage.fit, config, progress), _depends(config), fresh=fresh)
    return trial_runs.plan(config, jobs, partial(stage.coverage, config, coverage, progress), _depends(config), study=COVERAGE, fresh=fresh)


def collect(config: Any, progress: Progress | None = None, *, coverage: int | None = None) -> dict[str, Any]:
    """Do the fits with the trials that came back, and save results as ``fit`` does. Raises ``trial_runs.Missing`` where some did not."""
    results: dict[str, Any] = (
        trial_runs.collect(config, partial(stage.fit, config, progress), _depends(config))
        if coverage is None
        else trial_runs.collect(config, partial(stage.coverage, config, coverage, progress), _depends(config), study=COVERAGE)
    )
    return results


def _depends(config: Any) -> str:
    """Digest of all that trials depend on besides what they are called with."""
    return value_digest(dict(dependencies("fit", config)))


def _finished(value: Any) -> bool:
    return value is not None
