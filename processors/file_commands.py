"""What ``run_processor.py`` does with files alone: show what they hold, convert, pack and unpack them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial

from configs import command_line, file_tools
from configs.command_line import DONE, show


def run(arguments: argparse.Namespace) -> int:
    """Do what one of the options of ``configs.file_tools`` asks for; returns the exit status."""
    if arguments.inspect:
        return _inspect(arguments)
    return _convert(arguments) if arguments.convert else _pack(arguments)


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
