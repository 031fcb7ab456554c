"""Options of the doors for batch systems: the four commands, and what a job is called with. Imports nothing heavy."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from configs.command_line import positive

COMMANDS = ("plan", "submit", "status", "collect")


def add_options(options: argparse.ArgumentParser) -> None:
    """``plan``, ``submit``, ``status``, ``collect`` behind the configuration, and ``--shard`` of a job."""
    options.add_argument("command", nargs="?", choices=COMMANDS, help="as jobs of HTCondor or Slurm: plan --jobs N, submit (again), status, collect")
    batch = options.add_argument_group("batch systems")
    batch.add_argument("--jobs", type=positive, metavar="N", help="plan: cut the work into at most N jobs")
    batch.add_argument("--shard", type=_shard, metavar="K/N", help="in a job: do shard K of N (from 0) and leave outcome_K.json and its results")
    batch.add_argument("--inbox", type=Path, default=Path(), metavar="DIR", help="where shard_K.bin lies (this folder)")
    batch.add_argument("--outbox", type=Path, default=Path(), metavar="DIR", help="where a job leaves what it did (this folder)")


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N with K from 0 to N - 1")
    return int(match[1]), int(match[2])
