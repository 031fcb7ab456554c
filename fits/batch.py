"""Fits as a batch: their trials and toys are done by jobs, the fits themselves where the command runs (``processors.batch.trial_runs``)."""

from __future__ import annotations

from functools import partial
from typing import Any

from configs.command_line import Progress
from fits.stage import fit
from processors.batch import trial_runs
from processors.batch.commands import Kind
from processors.batch.folder import BatchPlan
from records.freshness import dependencies
from records.provenance import value_digest


def plan(config: Any, jobs: int, *, fresh: bool = False, progress: Progress | None = None) -> BatchPlan | None:
    """Do the fits up to their trials and cut those into at most ``jobs`` jobs; nothing when none is missing."""
    return trial_runs.plan(config, jobs, partial(fit, config, progress), _depends(config), fresh=fresh)


def collect(config: Any, progress: Progress | None = None) -> dict[str, Any]:
    """Do the fits with the trials that came back, and save results as ``fit`` does. Raises ``trial_runs.Missing`` where some did not."""
    results: dict[str, Any] = trial_runs.collect(config, partial(fit, config, progress), _depends(config))
    return results


def _depends(config: Any) -> str:
    """Digest of all that trials depend on besides what they are called with."""
    return value_digest(dict(dependencies("fit", config)))


def _finished(value: Any) -> bool:
    return value is not None


KIND = Kind(trial_runs.DOOR, trial_runs.folder, trial_runs.journal, plan, _finished)
