"""Options of ``run_processor.py`` that need no configuration: look at files, convert them, pack folders of them; messages in words of options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from configs.command_line import positive
from configs.errors import InputError

LISTED_EVENTS = 10


class InputsAndOutput(argparse.Action):
    """At least two paths: inputs, and the output behind them."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        """Store the paths; one alone is wrong usage."""
        paths: Sequence[str] = values
        if len(paths) < 2:
            parser.error(f"{option_string} needs at least one input and an output")
        setattr(namespace, self.dest, paths)


def add_options(options: argparse.ArgumentParser) -> None:
    """``--inspect``, ``--convert``, ``--pack``, ``--unpack`` and what belongs to them."""
    look = options.add_argument_group("look at files (no configuration needed)")
    look.add_argument("--inspect", nargs="+", metavar="FILE", help="print entries, columns, types, units and attributes (several files: one sample)")
    look.add_argument("--json", action="store_true", help="print the structure as JSON")
    look.add_argument("--show", type=positive, default=0, metavar="K", help="also print the first K entries")
    look.add_argument("--events", type=positive, nargs="?", const=LISTED_EVENTS, default=0, metavar="K", help="also list the first K events (10)")
    look.add_argument("--stats", action="store_true", help="also print minimum, maximum and mean of each column")
    convert = "convert the files of one sample to Parquet, HDF5 or ROOT; join hit files"
    look.add_argument("--convert", nargs="+", action=InputsAndOutput, metavar=("IN", "OUT"), help=convert)
    look.add_argument("--select", metavar="EXPRESSION", help='convert only such events of hit files, e.g. "label == 1 and nhits > 25"')
    look.add_argument("--format", help="format of the files, when their ending does not tell")
    look.add_argument("--tree", help="tree (ROOT) or group (HDF5) with the events")
    packs = options.add_argument_group("folders of waveform files (no configuration needed)")
    packs.add_argument("--pack", nargs=2, metavar=("FOLDER", "OUT"), help="write the .trc files of a folder to one Parquet file")
    packs.add_argument("--unpack", nargs=2, metavar=("PACK", "FOLDER"), help="restore the packed files, byte by byte")


@contextmanager
def options_named() -> Iterator[None]:
    """Readers advise keys of a configuration; here the same words are options."""
    try:
        yield
    except InputError as error:
        raise InputError(with_options(str(error))) from error


def with_options(text: str) -> str:
    """A message of the readers with options in place of keys of a configuration.

    >>> with_options("choose one with tree: NAME")
    'choose one with --tree NAME'
    """
    return re.sub(r"\b(tree|format): ", r"--\1 ", text)
