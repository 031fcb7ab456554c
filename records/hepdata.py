"""Limits as a submission to HEPData: one YAML table for each fit and channel, and ``submission.yaml`` that says what they are.

The form is that of HEPData's schemas 1.1.1 (hepdata-submission.readthedocs.io; Maguire, Heinrich, Watt, J. Phys. Conf. Ser. 898 (2017) 102006).
A number that there is not (a limit above all tested numbers of events) is "-"; an end of a band that there is not is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from records.atomic import write_text
from records.dark_matter import CombinationResult

ABSENT = "-"
QUANTITIES = {"annihilation": ("$\\langle\\sigma v\\rangle$", "upper"), "decay": ("$\\tau$", "lower")}  # and the side of its limits
UNITS = {"cm^3 s^-1": "cm$^3$ s$^{-1}$", "s": "s"}
FINAL_STATES = {"b": "b bbar", "Mu": "mu+ mu-", "Tau": "tau+ tau-", "W": "W+ W-", "Nu": "nu nubar"}
BANDS = {"1 sigma": ("-1", "1"), "2 sigma": ("-2", "2")}
Entry = dict[str, Any]  # a number with its errors


@dataclass(frozen=True)
class Column:
    """A dependent variable: what it is, its values in the order of the masses, and what they hold for."""

    words: str
    values: list[Entry]
    qualifiers: Mapping[str, str | float]


def write_hepdata(folder: str | Path, results: Mapping[str, CombinationResult]) -> list[Path]:
    """Write results named ``<fit>.<channel>_<mass>``: ``<fit>_<channel>.yaml`` and ``submission.yaml``. Returns the paths; none without results."""
    tables: dict[tuple[str, str], list[CombinationResult]] = {}
    for name, result in results.items():
        tables.setdefault((name.partition(".")[0], result.channel), []).append(result)
    paths: list[Path] = []
    documents: list[Entry] = []
    for (fit, channel), found in tables.items():
        rows = sorted(found, key=lambda one: one.mass_gev)
        paths.append(Path(folder) / f"{fit}_{channel}.yaml")
        write_text(paths[-1], yaml.safe_dump(table(rows), sort_keys=False))
        documents.append(about(f"{fit} {channel}", rows, paths[-1].name))
    if documents:
        paths.append(Path(folder) / "submission.yaml")
        comment = {"comment": "Dark matter in dwarf galaxies. Fill in: publication, collaboration, licence."}
        write_text(paths[-1], yaml.safe_dump_all([comment, *documents], sort_keys=False))
    return paths


def table(rows: Sequence[CombinationResult]) -> Entry:
    """Limits of one channel over mass: expected with its band, observed (unless blind), sensitivity and discovery potentials."""
    first = rows[0]
    quantity, side = QUANTITIES[first.mode]
    header = {"units": UNITS[first.unit]}
    mass = {"header": {"name": "$m_\\chi$", "units": "GeV"}, "values": [{"value": float(one.mass_gev)} for one in rows]}
    return {
        "independent_variables": [mass],
        "dependent_variables": [
            {
                "header": {"name": f"{quantity}, {one.words.format(side=side)}", **header},
                "qualifiers": [{"name": name, "value": value} for name, value in one.qualifiers.items()],
                "values": one.values,
            }
            for one in _columns(rows)
        ],
    }


def about(name: str, rows: Sequence[CombinationResult], data_file: str) -> Entry:
    """What ``submission.yaml`` says of a table."""
    first = rows[0]
    blind = " No data were looked at: there are expected values alone." if first.blind else ""
    words = (
        f"Dark matter: {first.mode} into {FINAL_STATES.get(first.channel, first.channel)}, {first.livetime_s / 86400.0:.1f} days of livetime. "
        f"Galaxies: {first.catalogue}. Spectra: {first.spectra}. Likelihood: {first.likelihood}.{blind}"
    )
    keywords = [{"name": "phrases", "values": ["Dark matter", "Dwarf galaxies", "Neutrinos"]}]
    return {"name": name[:64], "description": words, "keywords": keywords, "data_file": data_file}


def _columns(rows: Sequence[CombinationResult]) -> list[Column]:
    first = rows[0]
    limit, factor = first.limit, "D" if first.mode == "decay" else "J"
    common: dict[str, str | float] = {"Final state": FINAL_STATES.get(first.channel, first.channel), f"Uncertainty of {factor}": first.j_nuisance}
    at_cl: dict[str, str | float] = {**common, "Confidence level": limit.cl}
    columns = [Column("median expected {side} limit", [_expected(one) for one in rows], {**at_cl, "Method": limit.band_method})]
    if not any(one.blind for one in rows):
        columns.append(Column("observed {side} limit", [_entry(one.limit.up) for one in rows], {**at_cl, "Method": limit.method}))
    if not first.blind and limit.method == "fc":
        columns.append(Column("other end of the observed interval", [_entry(one.limit.low) for one in rows], {**at_cl, "Method": limit.method}))
    columns.append(Column("sensitivity", [_entry(one.sensitivity.value) for one in rows], at_cl))
    for key in first.discovery:
        of_rows = [_entry(one.discovery[key].value) for one in rows]
        columns.append(Column("discovery potential", of_rows, {**common, "Standard deviations": float(key)}))
    return columns


def _expected(result: CombinationResult) -> Entry:
    """The median and the ends of its bands relative to it."""
    band = result.limit.band
    middle = band["0"]
    errors = []
    for label, ends in BANDS.items():
        low, high = sorted(band[end] for end in ends)
        if math.isfinite(middle) and math.isfinite(low) and math.isfinite(high):
            errors.append({"asymerror": {"minus": float(low - middle), "plus": float(high - middle)}, "label": label})
    return {**_entry(middle), **({"errors": errors} if errors else {})}


def _entry(value: float) -> Entry:
    return {"value": float(value) if math.isfinite(value) else ABSENT}
