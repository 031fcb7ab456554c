"""``run_fit.py CONFIG --coverage N``: N pseudo-experiments of every target and mode, on the configured executor or as jobs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from itertools import count
from typing import Any

import hist
import numpy as np

from configs.command_line import Progress
from configs.errors import InputError
from configs.schema import StoppingMuonsConfig
from fits.stopping_muons.closure import SAMPLE_EVERY, closures
from fits.stopping_muons.effective_area import effective_area
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import Measurement, measurement
from fits.stopping_muons.strength import strength
from fits.stopping_muons.targets import TARGETS, Target
from fits.unfolding.coverage import MODES
from processors.trials import Execute, each, opened_map
from records.atomic import write_text
from records.results import save_results
from records.stopping_muons import COVERAGE
from records.unfolding import ClosureTable

TABLE = "coverage.csv"
LISTS = ("truth", "coverage", "coverage_error", "pull_mean", "pull_width", "median_bias", "bias_over_sigma", "sampled_coverage")


def coverage_study(
    config: StoppingMuonsConfig,
    hists: Mapping[str, Mapping[str, hist.Hist]],
    account: Mapping[str, Any],
    n_toys: int,
    *,
    progress: Progress | None = None,
    execute: Execute | None = None,
) -> dict[str, ClosureTable]:
    """``closure.<t>.<mode>`` from ``n_toys`` each, every twentieth sampled too (with ``sample``). Writes ``coverage.json`` and ``coverage.csv``.

    Each toy has random numbers of its own, so it does not matter who draws it (``execute``: an ordered map; null: of the configured executor).
    InputError for fewer than two toys, and where no strength of the prior can be chosen.
    """
    if n_toys < 2:
        raise InputError(f"--coverage {n_toys}: at least 2 pseudo-experiments")
    inputs = Inputs(config, hists, account)
    wanted = [target for target in TARGETS if target.wanted(config)]
    if not wanted:
        raise InputError(f"{config.source}: unfold_range and unfold_energy are both false; there is nothing to study")
    found: dict[str, ClosureTable] = {}
    with nullcontext(execute) if execute else opened_map(config.executor) as mapped:
        for tables in each([partial(_study, inputs, target, n_toys, mapped, progress) for target in wanted]):
            found |= tables
    save_results(config.output / COVERAGE, config.analysis, config.name, found)
    write_text(config.output / TABLE, table(found))
    return found


def _study(inputs: Inputs, target: Target, n_toys: int, execute: Execute, progress: Progress | None) -> dict[str, ClosureTable]:
    """Every mode of one target."""
    measured = prepared(inputs, target)
    chosen = strength(inputs, measured)
    if chosen.failure:
        raise InputError(f"{target.name}: {chosen.failure}")
    every = SAMPLE_EVERY if inputs.config.options.sample else 0
    said = count(TARGETS.index(target) * len(MODES))

    def say(what: str) -> None:
        if progress is not None:
            progress(what, next(said), len(TARGETS) * len(MODES))

    return closures(inputs, measured, measured.problem.replace(tau=chosen.tau), n_toys, say, sample_every=every, execute=execute)


def prepared(inputs: Inputs, target: Target) -> Measurement:
    """The measurement as the fits have it."""
    wanted = target.option(inputs.config, "effective_area", "calculate_effective_area_{}")
    return measurement(inputs, target, area_m2=np.array(effective_area(inputs, target).area_m2) if wanted else None)


def table(found: Mapping[str, ClosureTable]) -> str:
    """One row for each target, mode and bin, as CSV; empty where nothing was sampled."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["target", "mode", "lower_edge", "upper_edge", *LISTS, "n_valid", "n_toys", "n_sampled"])
    for name, one in found.items():
        _, target, mode = name.split(".")
        for number, edges in enumerate(zip(one.edges[:-1], one.edges[1:], strict=True)):
            values = [getattr(one, key)[number] for key in LISTS]
            numbers = ["" if np.isnan(value) else repr(float(value)) for value in (*edges, *values)]
            writer.writerow([target, mode, *numbers, one.n_valid, one.n_toys, one.n_sampled])
    return text.getvalue()
