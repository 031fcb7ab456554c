"""Pseudo-experiments of a target: what share of the intervals holds the truth, with counts from the response, the test split, or a drawn response.

The truth is the simulated spectrum in all of them; of the test split the response alone counts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import Measurement
from fits.stopping_muons.seeds import seed_of
from fits.stopping_muons.strength import calibration
from fits.stopping_muons.unfold import chain_options
from fits.unfolding import UnfoldingProblem
from fits.unfolding.coverage import MODES, Closure, Mode, coverage, joined
from fits.unfolding.saved import closure_record
from processors.trials import Execute, each
from records.unfolding import ClosureTable

BLOCK = 20  # toys of one task
Say = Callable[[str], None]
SAMPLE_EVERY = 20  # toys of the long study of which one is sampled too


def modes_of(found: Measurement) -> tuple[Mode, ...]:
    """Modes that can be done: without a test split none of an independent sample."""
    return tuple(mode for mode in MODES if mode != "independent" or found.test is not None)


def toy_problem(inputs: Inputs, found: Measurement, problem: UnfoldingProblem, mode: Mode) -> UnfoldingProblem:
    """The problem with what the toys of a mode vary, and nothing else, in its intervals.

    ``response``: counts alone. ``bootstrap`` and ``independent``: the statistics of the simulation too, of the latter also that of the test split
    with ``test_mc_stat``. Nuisances are held: no toy moves them.
    """
    if mode == "response":
        return calibration(problem)
    held = problem.replace(templates=(), epsilon=None)
    if mode == "independent" and inputs.config.options.test_mc_stat and found.test is not None:
        return held.replace(extra_variance=found.test.variance)
    return held


def closure(
    inputs: Inputs, found: Measurement, problem: UnfoldingProblem, mode: Mode, n_toys: int, *, sample_every: int = 0, execute: Execute = map
) -> ClosureTable:
    """``n_toys`` pseudo-experiments of one mode. Toys have random numbers of their own: in blocks, the result is the same."""
    toys = toy_problem(inputs, found, problem, mode)
    options: dict[str, Any] = {"mode": mode, "seed": seed_of(inputs.config.seed, "closure", found.target.name, mode), "sample_every": sample_every}
    if mode == "independent" and found.test is not None:
        options["truth"] = found.test.of_spectrum(toys)
    if sample_every:
        options |= chain_options(inputs)
    tasks = [(first, min(BLOCK, n_toys - first)) for first in range(0, n_toys, BLOCK)]
    return closure_record(toys, joined(list(execute(partial(_block, toys, options), tasks))))


def closures(
    inputs: Inputs, found: Measurement, problem: UnfoldingProblem, n_toys: int, say: Say, *, sample_every: int = 0, execute: Execute = map
) -> dict[str, ClosureTable]:
    """``closure.<target>.<mode>`` of every mode that can be done. The toys of all modes are asked for before one waits for them (``Later``)."""

    def study(mode: Mode) -> ClosureTable:
        say(f"{found.target.name}: {n_toys} pseudo-experiments, {mode}")
        return closure(inputs, found, problem, mode, n_toys, sample_every=sample_every, execute=execute)

    modes = modes_of(found)
    tables = each([partial(study, mode) for mode in modes])
    return {f"closure.{found.target.name}.{mode}": table for mode, table in zip(modes, tables, strict=True)}


def _block(problem: UnfoldingProblem, options: dict[str, Any], task: tuple[int, int]) -> Closure:
    first, count = task
    return coverage(problem, count, first=first, **options)
