"""What the four doors share: options, exit statuses, messages, the progress bar. It stands on the lowest floor and imports nothing heavy.

Exit status: 0 done, 1 wrong input or configuration (or a fault of the program), 2 wrong usage, 3 incomplete (input left out, or a fit failed).
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.errors import InputError, nearest

if TYPE_CHECKING:
    from rich.console import RenderableType

DONE, WRONG_INPUT, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130
QUIET_S = 1.0  # a task shorter than this shows no bar
WIDE = 200  # columns of a table written into a file or pipe
Progress = Callable[[str, int, int], None]  # (what, done, total)


def parser(description: str, *, inputs: bool = False, config_required: bool = True) -> argparse.ArgumentParser:
    """The options of every door; ``inputs`` adds those on files, executors and partial runs."""
    options = argparse.ArgumentParser(description=description, epilog="Exit status: 0 done, 1 wrong input, 2 wrong usage, 3 incomplete.")
    options.add_argument("config", type=Path, nargs=None if config_required else "?", help="configuration, e.g. configs/diffuse_example.yaml")
    options.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY.PATH=VALUE", help="change one key of the configuration")
    options.add_argument("--debug", action="store_true", help="show the traceback of an error")
    if inputs:
        _add_input_options(options)
    return options


def _add_input_options(options: argparse.ArgumentParser) -> None:
    files = options.add_argument_group("input files")
    files.add_argument("--files", nargs="+", action="append", default=[], metavar="[DATASET=]GLOB", help="replace the files of a data set")
    files.add_argument("--filelist", action="append", default=[], metavar="[DATASET=]FILE", help="replace them by the paths in a text file")
    files.add_argument("--refresh", action="store_true", help="fetch files behind URLs again that the cache has")
    files.add_argument("--unblind", action="store_true", help="allow processor.blind: false on data that are not generated")
    work = options.add_argument_group("work")
    work.add_argument("--executor", choices=["iterative", "futures", "dask", "slurm", "htcondor"], help="how chunks are computed")
    work.add_argument("--workers", type=positive, metavar="N", help="number of worker processes")
    work.add_argument("--chunksize", type=positive, metavar="N", help="entries in a chunk")
    work.add_argument("--fresh", action="store_true", help="forget earlier work and compute everything again")
    work.add_argument("--allow-partial", action="store_true", help="go on when files or entries fail; exposures are scaled, every figure says so")


def has_fits(config: Any) -> bool:
    """Whether an analysis has a stage of fits: all but one with a processor of one's own."""
    return bool(config.analysis != "custom")


def require_fits(config: Any) -> None:
    """Refuse an analysis without a stage of fits."""
    if not has_fits(config):
        raise InputError(
            f"{config.source}: analysis {config.analysis!r} has no fits; use its histograms ({config.output / 'hists.h5'}) or run_plots.py"
        )


def positive(text: str) -> int:
    """An option that must be a whole number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a positive number")
    return number


def run(door: Callable[[argparse.Namespace], int], options: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> int:
    """Parse, call ``door(arguments)`` and turn what it raises into one message and an exit status."""
    parsed = options.parse_intermixed_args(arguments)  # a command may stand behind options
    try:
        with _warnings_as_messages():
            return door(parsed)
    except KeyboardInterrupt:
        complain("interrupted; the same command goes on where it stopped")
        return INTERRUPTED
    except Exception as error:
        if parsed.debug:
            traceback.print_exc()
        elif isinstance(error, (InputError, OSError)):  # wrong input, or a file system or network in trouble
            complain(f"error: {error}")
        else:
            complain(f"fault in the program: {type(error).__name__}: {error}\nRepeat with --debug for the traceback and report it.")
        return WRONG_INPUT


@contextmanager
def _warnings_as_messages() -> Iterator[None]:
    """Show what the program warns of as it shows errors, without the line of source; warnings of libraries stay as they are."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def showwarning(
            message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
        ) -> None:
            if category is UserWarning and file is None:
                complain(f"warning: {message}")
            else:
                show(message, category, filename, lineno, file, line)

        warnings.showwarning = showwarning
        yield


def complain(text: str) -> None:
    """Write a message to standard error."""
    sys.stderr.write(f"{text}\n")


def show(table: RenderableType) -> None:
    """Write a table, or text as it is, to standard output; a table keeps its width where the output is no terminal."""
    from rich.console import Console

    console = Console(soft_wrap=isinstance(table, str))
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(table, markup=False, highlight=False)


def read_config(arguments: argparse.Namespace) -> Any:
    """The configuration with ``--set``, ``--files``, ``--filelist`` and the options of the executor applied. Raises ``InputError``."""
    from configs.schema import load_config

    config = load_config(arguments.config, arguments.overrides)
    if not hasattr(arguments, "files"):
        return config
    _refuse_unblinding(config, arguments)
    options = {"kind": arguments.executor, "workers": arguments.workers, "chunksize": arguments.chunksize}
    executor = config.executor.model_copy(update={key: value for key, value in options.items() if value is not None})
    if arguments.workers is not None and executor.kind == "iterative":
        raise InputError(f"--workers {arguments.workers} has no effect with the executor iterative; add --executor futures")
    datasets = _replaced(config.datasets, arguments)
    return config.model_copy(update={"executor": executor, "datasets": _refreshed(datasets) if arguments.refresh else datasets})


def _refuse_unblinding(config: Any, arguments: argparse.Namespace) -> None:
    """Right ascensions of measured data are looked at only when both the configuration and the command say so; generated data are exempt."""
    if getattr(getattr(config, "processor", None), "blind", True) or getattr(arguments, "unblind", False):
        return
    given = bool(arguments.files or arguments.filelist)
    if measured := [name for name, one in config.datasets.items() if one.kind == "data" and (one.example is None or given)]:
        raise InputError(
            f"{config.source}: processor.blind: false would show where the events of {measured[0]} come from; add --unblind to the command if "
            "that is decided, or remove the key (generated data need no --unblind)"
        )


def _replaced(datasets: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """The data sets with their files replaced as the command line says."""
    files: dict[str, list[str]] = {}
    for group in arguments.files:
        name: str | None = None
        for text in group:
            name, path = _split(text, datasets, name, "--files")
            files.setdefault(name, []).append(_from_here(path))
    lists = dict(_split(text, datasets, None, "--filelist") for text in arguments.filelist)
    if both := sorted(files.keys() & lists):
        raise InputError(f"--files and --filelist both name the data set {both[0]!r}; give one")
    changes = {name: {"files": paths} for name, paths in files.items()} | {name: {"filelist": _from_here(path)} for name, path in lists.items()}
    return {name: _with_source(dataset, changes[name]) if name in changes else dataset for name, dataset in datasets.items()}


def _refreshed(datasets: dict[str, Any]) -> dict[str, Any]:
    """The data sets told to fetch files behind URLs again."""
    if not any(_may_name_urls(dataset) for dataset in datasets.values()):
        raise InputError("--refresh has no effect: no data set of this configuration has files behind URLs; leave it out")
    return {name: dataset.model_copy(update={"remote": dataset.remote.model_copy(update={"refresh": True})}) for name, dataset in datasets.items()}


def _may_name_urls(dataset: Any) -> bool:
    lists = (dataset.filelist, getattr(dataset, "runs", None))
    return any("://" in name for name in dataset.files or ()) or any(name is not None for name in lists)


def _with_source(dataset: Any, source: dict[str, Any]) -> Any:
    generated = {"format": None} if dataset.format == "surrogate" else {}
    return dataset.model_copy(update={**dict.fromkeys(type(dataset).sources), **generated, **source})


def _split(text: str, datasets: dict[str, Any], current: str | None, option: str) -> tuple[str, str]:
    """Data set and path of ``[DATASET=]PATH``; without a name the one before it in the same option, or the only data set."""
    match = re.match(r"([^/=*?]+)=(.+)", text)
    if match and (match[1] in datasets or not Path(text).exists()):
        if match[1] not in datasets:
            raise InputError(f"{option} {text}: no data set {match[1]!r} in the configuration{nearest(match[1], datasets)}")
        return match[1], match[2]
    if current is None and len(datasets) > 1:
        raise InputError(f"{option} {text}: which data set? Write {option} DATASET={text} with one of {', '.join(datasets)}")
    return current or next(iter(datasets)), text


def _from_here(path: str) -> str:
    """A path of the command line means the working directory first, then the places where the configuration's paths are looked up."""
    if "://" in path or Path(path).is_absolute():
        return path
    return str(Path.cwd() / path) if Path(path).exists() or any(Path.cwd().glob(path)) else path


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Give ``progress(what, done, total)``, which draws a bar on a terminal's stderr once a task has taken longer than a second."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    bar = Bar(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    began, tasks = time.monotonic(), {}

    def progress(what: str, done: int, total: int) -> None:
        if time.monotonic() - began > QUIET_S:
            bar.start()
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    try:
        yield progress
    finally:
        bar.stop()
