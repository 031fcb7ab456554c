"""Events -> histograms: process the data sets of a configuration, show what a file holds, or convert files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from configs import batch_options, command_line, file_tools
from configs.command_line import DONE, INCOMPLETE, show


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = command_line.parser(__doc__, inputs=True, config_required=False)
    file_tools.add_options(options)
    batch_options.add_options(options)
    return command_line.run(lambda parsed: _main(parsed, options), options, arguments)


def _main(arguments: argparse.Namespace, options: argparse.ArgumentParser) -> int:
    if arguments.inspect or arguments.convert or arguments.pack or arguments.unpack:
        from processors import file_commands

        return file_commands.run(arguments)
    if arguments.shard:
        from processors.batch.commands import do_shard

        return do_shard(arguments)
    if arguments.config is None:
        options.error("give a configuration, e.g. configs/diffuse_example.yaml (or --inspect FILE, or --convert IN... OUT)")
    config = command_line.read_config(arguments)
    if arguments.command in (None, "collect"):
        return run(config, arguments)
    from processors.batch import commands
    from processors.batch.runs import KIND

    return commands.run(KIND, config, arguments)


def run(config: Any, arguments: argparse.Namespace) -> int:
    """Process the data sets, or collect what jobs did of it, record what that depended on, print the account; returns the exit status."""
    from fits import request
    from processors.batch.runs import collect
    from processors.stage import process, written
    from records.cut_flow import processing_tables
    from records.freshness import dependencies, record

    if not config.datasets:
        show(f"{config.source.name}: no data sets, so there is nothing to process; run_fit.py fits what the configuration names")
        return DONE
    collecting = getattr(arguments, "command", None) == "collect"
    depends = dependencies("process", request.checked(config))
    with command_line.progress_bar() as progress:
        options = {"allow_partial": arguments.allow_partial, "unblind": getattr(arguments, "unblind", False), "progress": progress}
        outcome = collect(config, **options) if collecting else process(config, fresh=arguments.fresh, **options)
    account = outcome.account
    show(processing_tables(account.to_json(), outcome.hists))
    if not account.complete:
        command_line.complain(f"INCOMPLETE\n{account.describe()}\nTracebacks: {config.output / 'processing.json'}")
        if not arguments.allow_partial:
            cure = "See `status`; `submit` again does what is missing" if collecting else "Mend the files and repeat the command"
            command_line.complain(f"{cure} (finished work is kept), or accept the loss with --allow-partial.")
            return INCOMPLETE
    record(config.output, "process", depends, written(config), complete=account.complete)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
