"""Events -> histograms: process the data sets of a configuration, show what a file holds, or convert files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
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
    if arguments.inspect:
        return _inspect(arguments)
    if arguments.convert:
        return _convert(arguments)
    if arguments.pack or arguments.unpack:
        return _pack(arguments)
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


def _inspect(arguments: argparse.Namespace) -> int:
    from readers.inspect import describe

    with file_tools.options_named():
        shown = {"tree": arguments.tree, "show": arguments.show, "events": arguments.events, "statistics": arguments.stats}
        structure = describe(arguments.inspect, arguments.format, **shown)
    structure = replace(structure, notes=tuple(file_tools.with_options(note) for note in structure.notes))
    show(structure.to_json() if arguments.json else structure.table())
    return DONE


def _convert(arguments: argparse.Namespace) -> int:
    from processors.iwcd_expression import parse
    from readers.convert import convert
    from readers.digihit_merge import SELECTABLE

    *inputs, output = arguments.convert
    select = None if arguments.select is None else parse(arguments.select, SELECTABLE)
    with file_tools.options_named(), command_line.progress_bar() as progress:
        entries = convert(inputs, output, format=arguments.format, tree=arguments.tree, select=select, progress=partial(progress, "convert"))
    show(f"{output}: {entries:,} entries")
    return DONE


def _pack(arguments: argparse.Namespace) -> int:
    from readers.trc_pack import pack, unpack

    work, paths = (partial(pack, allow_partial=arguments.allow_partial), arguments.pack) if arguments.pack else (unpack, arguments.unpack)
    with command_line.progress_bar() as progress:
        count = work(*paths, progress=partial(progress, "files"))
    show(f"{paths[1]}: {count:,} files")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
