"""Results -> figures: PNG and PDF with the drawn numbers in JSON beside them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from configs import command_line
from configs.command_line import DONE, show

if TYPE_CHECKING:
    from plotting.stage import Figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = command_line.parser(__doc__)
    return command_line.run(lambda parsed: run(command_line.read_config(parsed), parsed), options, arguments)


def run(config: Any, arguments: argparse.Namespace) -> int:
    """Draw the figures, record what they depended on, print their paths; returns the exit status."""
    from plotting.stage import plot
    from records.freshness import dependencies, record

    depends = dependencies("plot", config)
    with command_line.progress_bar() as progress:
        figures = plot(config, progress=progress)
    record(config.output, "plot", depends, figures)
    return _say(figures)


def draw(config: Any, kinds: Sequence[str]) -> int:
    """Draw the figures of some kinds alone, beside those that are there, and print their paths; returns the exit status."""
    from plotting.stage import plot_kinds

    with command_line.progress_bar() as progress:
        figures = plot_kinds(config, kinds, progress)
    return _say(figures)


def _say(figures: Figures) -> int:
    """Name the images that were drawn, and on standard error those that were not, with the reason."""
    show("\n".join(str(path) for path in figures if path.suffix != ".json"))
    for name, reason in figures.skipped.items():
        command_line.complain(f"not drawn: {name}: {reason}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
