"""``limits.csv``: one row for each combination of channel and mass."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from records.atomic import write_text
from records.dark_matter import CombinationResult

COLUMNS = (
    "fit", "channel", "mass", "unit", "n_events", "sigma_n", "n_sens", "n_disc3", "n_disc5", "sv_sens", "sv_disc3", "sv_disc5", "n_hat", "TS", "p",
    "p_global", "n_up", "n_lo", "sv_med", "sv_m2", "sv_m1", "sv_p1", "sv_p2", "sv_up", "sv_lo", "cl", "method", "band_method", "j_nuisance",
    "window_low", "window_high",
)  # fmt: skip


def write_limits(path: str | Path, results: Mapping[str, CombinationResult]) -> None:
    """Write the table of results named ``<fit>.<channel>_<mass>``; empty cells where there is no number (blind, not asked for)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name, result in results.items():
        writer.writerow({"fit": name.partition(".")[0], **_row(result)})
    write_text(path, text.getvalue())


def _row(result: CombinationResult) -> dict[str, Any]:
    """Values as shortest text that reads back the same; sv_ columns are lifetimes for decays (see ``unit``)."""
    observed, discovery, limit = result.observation, result.discovery, result.limit
    numbers: dict[str, float | None] = {
        "sigma_n": result.sigma_n, "n_sens": result.sensitivity.n, "sv_sens": result.sensitivity.value,
        **{f"n_disc{key}": one.n for key, one in discovery.items() if key in ("3", "5")},
        **{f"sv_disc{key}": one.value for key, one in discovery.items() if key in ("3", "5")},
        **{f"sv_{name}": limit.band[key] for name, key in (("med", "0"), ("m2", "-2"), ("m1", "-1"), ("p1", "1"), ("p2", "2"))},
        "n_up": limit.n_up, "n_lo": limit.n_low, "sv_up": limit.up, "sv_lo": limit.low,
    }  # fmt: skip
    if observed is not None:
        numbers |= {"n_hat": observed.n_hat, "TS": observed.ts, "p": observed.p, "p_global": observed.p_global}
    shown = {key: repr(float(value)) for key, value in numbers.items() if value is not None and value == value}
    about = {
        "channel": result.channel, "mass": f"{result.mass_gev:g}", "unit": result.unit, "n_events": result.n_events, "cl": limit.cl,
        "method": limit.method, "band_method": limit.band_method, "j_nuisance": result.j_nuisance, "window_low": result.window_gev[0],
        "window_high": result.window_gev[1],
    }  # fmt: skip
    return {**about, **shown}
