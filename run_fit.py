"""Histograms -> results: every fit of a configuration, with its scans, intervals, limits and toys."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import run_plots
from configs import batch_options, command_line, fit_options
from configs.command_line import DONE, INCOMPLETE, Progress, require_fits, show


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = command_line.parser(__doc__)
    fit_options.add_options(options)
    batch_options.add_options(options)
    return command_line.run(_main, options, arguments)


def _main(arguments: argparse.Namespace) -> int:
    if arguments.shard:
        from processors.batch.commands import do_shard

        return do_shard(arguments)
    config = command_line.read_config(arguments)
    if arguments.export_response is not None:
        from fits.response_export import export_response

        show(str(export_response(config, arguments.export_response)))
        return DONE
    if arguments.command in (None, "collect"):
        return run(config, arguments)
    require_fits(config)
    from fits.batch import kind
    from processors.batch import commands

    return commands.run(kind(arguments.coverage), config, arguments)


def run(config: Any, arguments: argparse.Namespace) -> int:
    """Do the fits, or finish them with the trials that jobs did, record what they depended on, print the results.

    Returns the exit status, 3 where a fit failed or trials have not come back.
    """
    require_fits(config)
    from processors.batch.trial_runs import Missing
    from records.comparison_table import comparison_tables
    from records.freshness import dependencies, record
    from records.summary import results_table

    depends = dependencies("fit", config)
    try:
        with command_line.progress_bar() as progress:
            results = _results(config, arguments, progress)
    except Missing as error:
        command_line.complain(f"INCOMPLETE\n{error}")
        return INCOMPLETE
    if not _beside(arguments):
        record(config.output, "fit", depends, [config.output / "results.json"])
    show(results_table(results))
    for table in comparison_tables(results):
        show(table)
    if getattr(arguments, "coverage", None) is not None:
        run_plots.draw(config, ("closure", "pulls", "coverage"))
    return say_failures(results)


def _beside(arguments: argparse.Namespace) -> bool:
    """Whether a study is asked for that leaves the results of the configuration as they are."""
    return any(getattr(arguments, name, None) is not None for name in ("import_legacy_csv", "coverage"))


def _results(config: Any, arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from fits import batch, stage

    if getattr(arguments, "import_legacy_csv", None) is not None:
        from fits.pmt_legacy import import_legacy

        return dict(import_legacy(config, arguments.import_legacy_csv))
    coverage = getattr(arguments, "coverage", None)
    if getattr(arguments, "command", None) == "collect":
        return batch.collect(config, progress, coverage=coverage)
    return stage.fit(config, progress) if coverage is None else stage.coverage(config, coverage, progress)


def say_failures(results: Mapping[str, Any]) -> int:
    """Name the fits that failed on standard error; returns the exit status."""
    from records.results import failures

    failed = failures(results)
    for name, reason in failed.items():
        command_line.complain(f"fit {name} failed: {reason}")
    return INCOMPLETE if failed else DONE


if __name__ == "__main__":
    sys.exit(main())
