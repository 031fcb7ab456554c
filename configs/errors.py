"""The one error a user is meant to read: what is wrong, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class InputError(Exception):
    """Wrong input or configuration; a door prints its message without traceback and exits with status 1."""


class TooFewEvents(InputError):
    """A configuration that could be right, with data that do not suffice: a run of several fits records this one as failed and goes on."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name is closest to a wrong one.

    Returns ``"; did you mean 'x'?"`` when one of ``known`` resembles ``name``, else ``"; known: a, b"``.

    >>> nearest("enrgy", ["energy", "zenith"])
    "; did you mean 'energy'?"
    >>> nearest("q", ["energy", "zenith"])
    '; known: energy, zenith'
    >>> nearest("mu", ["Mu", "Nu"])
    "; did you mean 'Mu'?"
    """
    candidates = sorted(known)
    close = [one for one in candidates if one.lower() == name.lower()] or difflib.get_close_matches(name, candidates, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(candidates)}"


def command(door: str, config_file: Path) -> str:
    """The command that runs a door on a configuration, as it can be typed in the working directory.

    >>> command("run_fit.py", Path.cwd() / "configs" / "diffuse.yaml")
    'python run_fit.py configs/diffuse.yaml'
    """
    here = Path.cwd()
    shown = config_file.relative_to(here) if config_file.is_relative_to(here) else config_file
    return f"python {door} {shown}"
