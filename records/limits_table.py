"""``limits.csv``: one row for each combination of channel and mass.

Columns begin with the quantity that they hold: ``n_`` events, ``sv_`` sigma-v in cm^3 s^-1 (annihilation), ``tau_`` lifetimes in s (decay); those of
a mode that no row has are left out, as are ``med_pyhf`` and ``up_pyhf`` where no row has limits by pyhf. ``sens``: sensitivity; ``disc3``: discovery
at 3 standard deviations; ``med``: median expected limit, and ``m2`` to ``p2`` its band from the lowest to the highest value of the quantity; ``lo``
and ``up``: observed ends. A lifetime falls as events grow: ``tau_lo`` is that of ``n_up``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from records.atomic import write_text
from records.dark_matter import CombinationResult, Interval

QUANTITY = {"annihilation": "sv", "decay": "tau"}
BAND = {"m2": "-2", "m1": "-1", "med": "0", "p1": "1", "p2": "2"}
FIRST = ("fit", "channel", "mass", "mode", "unit", "n_events", "sigma_n")
PYHF = ("med_pyhf", "up_pyhf")
OBSERVED = ("n_hat", "TS", "p", "p_global")
LAST = ("cl", "method", "band_method", "j_nuisance", "window_low", "window_high")


def write_limits(path: str | Path, results: Mapping[str, CombinationResult]) -> None:
    """Write the table of results named ``<fit>.<channel>_<mass>``; empty cells where there is no number (blind, not asked for)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(results), lineterminator="\n")
    writer.writeheader()
    for name, result in results.items():
        writer.writerow({"fit": name.partition(".")[0], **_row(result)})
    write_text(path, text.getvalue())


def columns(results: Mapping[str, CombinationResult]) -> list[str]:
    """Names of the columns: those of annihilations unless all rows are decays."""
    modes = {one.mode for one in results.values()} or {"annihilation"}
    sigmas = sorted({key for one in results.values() for key in one.discovery}, key=float)
    reaches = ["sens", *(f"disc{key}" for key in sigmas)]
    of_pyhf = PYHF if any(one.pyhf_limit is not None for one in results.values()) else ()
    of_mode = [f"{start}_{name}" for mode, start in QUANTITY.items() if mode in modes for name in (*reaches, *BAND, "lo", "up", *of_pyhf)]
    return [*FIRST, *(f"n_{name}" for name in (*reaches, "med", "lo", "up")), *OBSERVED, *of_mode, *LAST]


def _row(result: CombinationResult) -> dict[str, Any]:
    """Numbers as shortest text that reads back the same."""
    observed, limit = result.observation, result.limit
    reaches = {"sens": result.sensitivity, **{f"disc{key}": one for key, one in result.discovery.items()}}
    numbers: dict[str, float | None] = {"sigma_n": result.sigma_n, "n_med": limit.band_n["0"], "n_lo": limit.n_low, "n_up": limit.n_up}
    numbers |= {f"n_{name}": one.n for name, one in reaches.items()}
    values = {**{name: one.value for name, one in reaches.items()}, **_limits(limit, falling=result.mode == "decay")}
    if result.pyhf_limit is not None:
        values |= dict(zip(PYHF, (result.pyhf_limit.band["0"], result.pyhf_limit.up), strict=True))
    numbers |= {f"{QUANTITY[result.mode]}_{name}": value for name, value in values.items()}
    if observed is not None:
        numbers |= {"n_hat": observed.n_hat, "TS": observed.ts, "p": observed.p, "p_global": observed.p_global}
    shown = {key: repr(float(value)) for key, value in numbers.items() if value is not None and value == value}
    about = {
        "channel": result.channel, "mass": f"{result.mass_gev:g}", "mode": result.mode, "unit": result.unit, "n_events": result.n_events,
        "cl": limit.cl, "method": limit.method, "band_method": limit.band_method, "j_nuisance": result.j_nuisance,
        "window_low": result.window_gev[0], "window_high": result.window_gev[1],
    }  # fmt: skip
    return {**about, **shown}


def _limits(limit: Interval, *, falling: bool) -> dict[str, float]:
    """Band and observed ends, rising in the quantity: of one that falls with the number of events they change places."""
    turned = {"m2": "p2", "m1": "p1", "p1": "m1", "p2": "m2", "lo": "up", "up": "lo"} if falling else {}
    found = {**{name: limit.band[key] for name, key in BAND.items()}, "lo": limit.low, "up": limit.up}
    return {name: found[turned.get(name, name)] for name in found}
