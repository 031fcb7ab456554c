"""Events -> histograms -> results -> figures: all stages of a configuration, redoing only what is out of date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import run_fit
import run_plots
import run_processor
from configs import command_line
from configs.command_line import DONE, INCOMPLETE, has_fits, show

STAGES = {"process": run_processor.run, "fit": run_fit.run, "plot": run_plots.run}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = command_line.parser(__doc__, inputs=True)
    return command_line.run(lambda parsed: run(command_line.read_config(parsed), parsed), options, arguments)


def run(config: Any, arguments: argparse.Namespace) -> int:
    """Run each stage that is out of date, saying why, up to the first that cannot be done; returns its exit status.

    A fit that failed (status 3) leaves its reason as its result: figures of the others are drawn.
    """
    from records.freshness import dependencies, why_stale

    fitted: int | None = None
    for stage, run_stage in STAGES.items():
        if (stage == "fit" and not has_fits(config)) or (stage == "process" and not config.datasets):
            continue
        reason = _asked(stage, arguments) or why_stale(config.output, stage, dependencies(stage, config))
        if reason is None:
            show(f"{stage}: up to date")
            continue
        show(f"{stage}: runs ({reason})")
        status = run_stage(config, arguments)
        fitted = status if stage == "fit" else fitted
        if status and (stage, status) != ("fit", INCOMPLETE):
            return status
    show(f"Results and figures: {config.output}")
    return failed_before(config) if fitted is None else fitted


def failed_before(config: Any) -> int:
    """Status of fits that were not repeated: 3 where one of them failed."""
    from records.results import load_results

    return run_fit.say_failures(load_results(config.output / "results.json")) if has_fits(config) else DONE


def _asked(stage: str, arguments: argparse.Namespace) -> str | None:
    """The option that makes a stage run whatever it left before."""
    if arguments.fresh:
        return "--fresh"
    return "--refresh" if arguments.refresh and stage == "process" else None


if __name__ == "__main__":
    sys.exit(main())
