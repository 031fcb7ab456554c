"""Events -> histograms: process the data sets of a configuration, show what a file holds, or convert files."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from configs import command_line
from configs.command_line import DONE, INCOMPLETE
from configs.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = command_line.parser(__doc__, inputs=True, config_required=False)
    look = options.add_argument_group("look at files (no configuration needed)")
    look.add_argument("--inspect", nargs="+", metavar="FILE", help="print entries, columns, types, units and attributes (several files: one sample)")
    look.add_argument("--convert", nargs="+", metavar=("IN", "OUT"), help="convert the files of one sample to Parquet, HDF5 or ROOT")
    look.add_argument("--format", help="format of the files, when their ending does not tell")
    look.add_argument("--tree", help="tree (ROOT) or group (HDF5) with the events")
    look.add_argument("--json", action="store_true", help="print the structure as JSON")
    look.add_argument("--show", type=command_line.positive, default=0, metavar="K", help="also print the first K entries")
    look.add_argument("--stats", action="store_true", help="also print minimum, maximum and mean of each column")
    return command_line.run(lambda parsed: _main(parsed, options), options, arguments)


def _main(arguments: argparse.Namespace, options: argparse.ArgumentParser) -> int:
    if arguments.inspect:
        return _inspect(arguments)
    if arguments.convert:
        return _convert(arguments, options)
    if arguments.config is None:
        options.error("give a configuration, e.g. configs/diffuse_example.yaml (or --inspect FILE, or --convert IN... OUT)")
    return run(command_line.read_config(arguments), arguments)


def run(config: Any, arguments: argparse.Namespace) -> int:
    """Process the data sets, record what that depended on, print the account; returns the exit status."""
    from processors.stage import process, written
    from records.freshness import dependencies, record
    from records.summary import account_table, show

    if not config.datasets:
        show(f"{config.source.name}: no data sets, so there is nothing to process; run_fit.py fits what the configuration names")
        return DONE
    depends = dependencies("process", config)
    with command_line.progress_bar() as progress:
        unblind = getattr(arguments, "unblind", False)
        outcome = process(config, fresh=arguments.fresh, allow_partial=arguments.allow_partial, unblind=unblind, progress=progress)
    account = outcome.account
    show(account_table(account.to_json()))
    if not account.complete:
        command_line.complain(f"INCOMPLETE\n{account.describe()}\nTracebacks: {config.output / 'processing.json'}")
        if not arguments.allow_partial:
            command_line.complain("Mend the files and repeat the command (finished work is kept), or accept the loss with --allow-partial.")
            return INCOMPLETE
    record(config.output, "process", depends, written(config), complete=account.complete)
    return DONE


def _inspect(arguments: argparse.Namespace) -> int:
    from readers.inspect import describe
    from records.summary import show

    with _options_named():
        structure = describe(arguments.inspect, arguments.format, tree=arguments.tree, show=arguments.show, statistics=arguments.stats)
    structure = replace(structure, notes=tuple(_with_options(note) for note in structure.notes))
    show(structure.to_json() if arguments.json else structure.table())
    return DONE


def _convert(arguments: argparse.Namespace, options: argparse.ArgumentParser) -> int:
    from readers.convert import convert
    from records.summary import show

    *inputs, output = arguments.convert
    if not inputs:
        options.error("--convert needs at least one input and an output")
    with _options_named(), command_line.progress_bar() as progress:
        entries = convert(inputs, output, format=arguments.format, tree=arguments.tree, progress=lambda done, total: progress("convert", done, total))
    show(f"{output}: {entries:,} entries")
    return DONE


@contextmanager
def _options_named() -> Iterator[None]:
    """Readers advise keys of a configuration; here the same words are options."""
    try:
        yield
    except InputError as error:
        raise InputError(_with_options(str(error))) from error


def _with_options(text: str) -> str:
    return re.sub(r"\b(tree|format): ", r"--\1 ", text)


if __name__ == "__main__":
    sys.exit(main())
