"""Exposure: livetimes and processed fractions of data sets, from the account of a run (``processing.json``)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from configs.errors import InputError

Account = Mapping[str, Any]


def datasets_of(account: Account, kind: str) -> dict[str, Mapping[str, Any]]:
    """Entries of the account of one kind (data or mc)."""
    return {name: entry for name, entry in account["datasets"].items() if entry["kind"] == kind}


def data_livetime_s(account: Account) -> float | None:
    """Livetime of all data sets of kind data, each times its processed fraction; None when there are none or no livetime is stated anywhere.

    Raises ``InputError`` when some state one and others do not, or one is not positive.
    """
    entries = datasets_of(account, "data")
    if not entries or all(entry.get("livetime_s") is None for entry in entries.values()):
        return None
    return sum(_livetime(name, entry) * entry["fraction"] for name, entry in entries.items())


def simulation_scale(name: str, entry: Mapping[str, Any], livetime_s: float | None) -> float:
    """Factor from a simulated data set's weights to the exposure of the data.

    ``livetime(data) / livetime(simulation) / fraction(simulation)``; without a livetime of the data (none stated, or no data), weights are taken
    to be for the exposure that is wanted, as in the exercise's files.
    """
    fraction = entry["fraction"]
    if not 0 < fraction <= 1:
        raise InputError(f"data set {name}: processed fraction is {fraction}; nothing can be scaled by it, process the data set again")
    return 1.0 / fraction if livetime_s is None else livetime_s / _livetime(name, entry) / fraction


def _livetime(name: str, entry: Mapping[str, Any]) -> float:
    value = entry.get("livetime_s")
    if value is None or not math.isfinite(value) or value <= 0:
        raise InputError(f"data set {name}: livetime_s is {value}; state a positive livetime as datasets.{name}.metadata.livetime_s")
    return float(value)
