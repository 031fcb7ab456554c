"""Options of ``run_fit.py`` that belong to one analysis: studies beside the fits of a configuration, and what others are given."""

from __future__ import annotations

import argparse
from pathlib import Path

from configs.command_line import positive


def add_options(options: argparse.ArgumentParser) -> None:
    """``--import-legacy-csv``, ``--coverage``, ``--export-response``: each instead of the fits."""
    legacy = "pmt_gain: fit mean charges of another analysis, into <output>/legacy"
    options.add_argument("--import-legacy-csv", type=Path, metavar="FILE", help=legacy)
    coverage = "stopping_muons: N pseudo-experiments of each target and mode: table, figures"
    options.add_argument("--coverage", type=positive, metavar="N", help=coverage)
    options.add_argument("--export-response", type=Path, metavar="FILE", help="diffuse: write the response as HDF5 for others; no fit is done")
