"""Options of the doors for whole folders of files."""

from __future__ import annotations

import argparse


def add_pack_options(options: argparse.ArgumentParser) -> None:
    """``--pack`` and ``--unpack``: a folder of small waveform files as one Parquet file, and back."""
    packs = options.add_argument_group("folders of waveform files (no configuration needed)")
    packs.add_argument("--pack", nargs=2, metavar=("FOLDER", "OUT"), help="write the .trc files of a folder to one Parquet file")
    packs.add_argument("--unpack", nargs=2, metavar=("PACK", "FOLDER"), help="restore the packed files, byte by byte")
