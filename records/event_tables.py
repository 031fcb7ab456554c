"""Event tables as files: every column as CSV, and the few that a paper prints as LaTeX."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from records.atomic import write_text
from records.diffuse_studies import EventTable
from records.text_tables import Column, TextTable, to_csv, to_latex

CAPTION = "Selected events: share of astrophysical events in the bin, quantiles of the neutrino energy if astrophysical"
MEDIAN, LOW, HIGH = "0.5", "0.16", "0.84"


def save_event_tables(directory: Path, results: Mapping[str, Any]) -> list[Path]:
    """Write every event table as ``<fit>.events.csv`` and ``.tex``; those of earlier fits are removed."""
    paths = []
    for name, result in results.items():
        if isinstance(result, EventTable):
            for ending, text in (("csv", to_csv(full_table(result))), ("tex", to_latex(printed_table(result)))):
                paths.append(directory / f"{name}.{ending}")
                write_text(paths[-1], text)
    for old in [*directory.glob("*.events.csv"), *directory.glob("*.events.tex")]:
        if old not in paths:
            old.unlink()
    return paths


def full_table(result: EventTable) -> TextTable:
    """Everything that is known of each event."""
    columns = [*_identity(result), Column("topology", result.channel)]
    if result.identified:
        columns += [Column("deposited energy", result.energy_gev, "GeV"), Column("cos zenith", result.coszen),
                    Column("zenith", zenith_deg(result), "deg"), Column("length", result.length_m, "m"), Column("bin", result.bin)]  # fmt: skip
    columns += [
        Column("lowest deposited energy", result.energy_low_gev, "GeV", 0),
        Column("highest deposited energy", result.energy_high_gev, "GeV", 0),
        Column("third axis", result.third_axis),
        Column("lowest of third axis", result.third_low, digits=2),
        Column("highest of third axis", result.third_high, digits=2),
        Column("expected in the bin", result.expected, digits=3),
        Column("signalness", result.signalness, digits=3),
    ]
    columns += [Column(f"share of {name}", values, digits=3) for name, values in result.shares.items() if name != "astro"]
    columns += [Column(f"{float(share):.0%} true energy", values, "GeV", 0) for share, values in result.true_energy_gev.items()]
    return TextTable(CAPTION, tuple(columns))


def printed_table(result: EventTable) -> TextTable:
    """The columns of a paper: event, topology, what was reconstructed, signalness, neutrino energy with its 68 % interval."""
    median, low, high = (result.true_energy_gev[share] for share in (MEDIAN, LOW, HIGH))
    errors = [((one - below) / 1e3, (above - one) / 1e3) for one, below, above in zip(median, low, high, strict=True)]
    columns = [
        *_identity(result),
        Column("topology", result.channel),
        Column("deposited energy", [one / 1e3 for one in result.deposited_gev], "TeV", 1),
        *([Column("zenith", zenith_deg(result), "deg", 1)] if result.identified else []),
        Column("signalness", result.signalness, digits=2),
        Column("neutrino energy", [one / 1e3 for one in median], "TeV", errors=errors),
    ]
    return TextTable(CAPTION, tuple(columns))


def zenith_deg(result: EventTable) -> list[float]:
    """Zenith angles in degrees."""
    return [math.degrees(math.acos(one)) for one in result.coszen]


def _identity(result: EventTable) -> list[Column]:
    """Index of each event in its file, and the file where there is more than one."""
    if not result.identified:
        return []
    files = [Column("file", result.file)] if len(set(result.file)) > 1 else []
    return [*files, Column("entry", result.entry)]
