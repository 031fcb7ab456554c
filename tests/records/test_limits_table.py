"""``limits.csv`` names what its columns hold."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from dark_matter_campaign import result, shared

from records.dark_matter import CombinationResult
from records.limits_table import columns, write_limits


@pytest.fixture(scope="module")
def found() -> CombinationResult:
    return result(shared(statistics={"discovery_sigma": [2.5, 5]}))


def as_decay(found: CombinationResult) -> CombinationResult:
    """The same numbers of events as a lifetime of 1e20 s times events."""
    band = {key: 1e20 / n for key, n in found.limit.band_n.items()}
    limit = replace(found.limit, band=band, n_low=0.5, n_up=4.0, low=1e20 / 0.5, up=1e20 / 4.0)
    return replace(found, mode="decay", unit="s", limit=limit)


def rows(path: Path, results: dict[str, CombinationResult]) -> list[dict[str, str]]:
    write_limits(path, results)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_named_by_quantity(tmp_path: Path, found: CombinationResult) -> None:
    """A table of lifetimes has no column of sigma-v, and of both modes each row fills its own."""
    (annihilation,) = rows(tmp_path / "a.csv", {"main.Nu_50": found})
    (decay,) = rows(tmp_path / "d.csv", {"main.Nu_50": as_decay(found)})
    assert not [name for name in annihilation if name.startswith("tau_")]
    assert not [name for name in decay if name.startswith("sv_")]
    both = rows(tmp_path / "b.csv", {"main.Nu_50": found, "decay.Nu_50": as_decay(found)})
    assert [(row["fit"], row["unit"], row["sv_med"] != "", row["tau_med"] != "") for row in both] == [
        ("main", "cm^3 s^-1", True, False),
        ("decay", "s", False, True),
    ]
    assert float(annihilation["sv_sens"]) == found.sensitivity.value
    assert float(annihilation["n_med"]) == found.limit.band_n["0"]


def test_bands_rise_in_the_quantity(tmp_path: Path, found: CombinationResult) -> None:
    """A lifetime falls with the number of events: its lower limit is that of the upper limit on events."""
    both = rows(tmp_path / "b.csv", {"main.Nu_50": found, "decay.Nu_50": as_decay(found)})
    for row, start in zip(both, ("sv", "tau"), strict=True):
        band = [float(row[f"{start}_{name}"]) for name in ("m2", "m1", "med", "p1", "p2")]
        assert band == sorted(band)
    assert (float(both[1]["tau_lo"]), float(both[1]["tau_up"])) == (1e20 / 4.0, 1e20 / 0.5)
    assert both[0]["sv_up"] == ""  # blind


def test_every_discovery_that_was_asked_for_has_its_columns(found: CombinationResult) -> None:
    names = columns({"main.Nu_50": found})
    assert [name for name in names if "disc" in name] == ["n_disc2.5", "n_disc5", "sv_disc2.5", "sv_disc5"]
    assert columns({})[:3] == ["fit", "channel", "mass"]  # no rows: only the header
