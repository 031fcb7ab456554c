"""Labels from lists of muons: who enters, who stops, which rule; one muon at a time, drawn on paper."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from physics.ice_geometry import DETECTOR
from processors.stopping_muons_labels import labels, outer_strings_m, volume

DOWN = (0.0, 0.0, 1000.0, 0.0, 0.0)  # x, y, z, zenith, azimuth: straight down onto the top, 500 m above it
STOPS, PASSES, SHORT = (*DOWN, 900.0), (*DOWN, 1600.0), (*DOWN, 400.0)
BESIDE = (800.0, 0.0, 1000.0, 0.0, 0.0, 2000.0)
INSIDE = (0.0, 0.0, 0.0, 0.0, 0.0, 100.0)  # starts and stops inside
SIDEWAYS = (-900.0, 0.0, 0.0, np.pi / 2, np.pi, 700.0)  # comes from -x, so it goes to +x: stops at x = -200


def found(events: list[list[tuple[float, ...]]], rule: str = "all_entering", energies: list[list[float]] | None = None) -> tuple[list, list]:
    names = ("muon_x", "muon_y", "muon_z", "muon_zenith", "muon_azimuth", "muon_length")
    muons = {name: ak.values_astype(ak.Array([[muon[place] for muon in event] for event in events]), float) for place, name in enumerate(names)}
    muons["muon_energy"] = ak.Array(energies or [[1.0] * len(event) for event in events])
    stopping, number = labels(muons, rule, DETECTOR)
    return stopping.tolist(), number.tolist()


def test_all_that_enter_must_stop() -> None:
    events = [[STOPS], [PASSES], [STOPS, PASSES], [STOPS, STOPS], [STOPS, BESIDE, SHORT], [BESIDE], [SHORT], [INSIDE], [SIDEWAYS]]
    stopping, number = found(events)
    assert stopping == [True, False, False, True, True, False, False, True, True]
    assert number == [1, 1, 2, 2, 1, 0, 0, 1, 1]


def test_leading_muon_alone() -> None:
    events = [[STOPS, PASSES], [PASSES, STOPS], [BESIDE, STOPS]]
    assert found(events, "leading", [[2.0, 1.0], [2.0, 1.0], [5.0, 1.0]])[0] == [True, False, False]
    assert found(events)[0] == [False, False, True]


def test_missing_and_empty_lists_do_not_stop() -> None:
    names = ("muon_x", "muon_y", "muon_z", "muon_zenith", "muon_azimuth", "muon_length")
    muons = {name: ak.Array([None, [], [value]]) for name, value in zip(names, STOPS, strict=True)}
    stopping, number = labels(muons, "all_entering", DETECTOR)
    assert stopping.tolist() == [False, False, True]
    assert number.tolist() == [0, 0, 1]


def test_hull_of_the_outer_strings() -> None:
    """Ten strings in row 0 (b = -5 ... 4) are 1125 m apart from end to end; the hull is narrower along y."""
    points = outer_strings_m()
    assert np.ptp(points[:, 1]) == pytest.approx(9 * 125 * np.sqrt(3) / 2)
    hull = volume("convex_hull")
    first, last = hull.crossing([[-2000.0, 0.0, 0.0], [0.0, 0.0, 2000.0], [0.0, 800.0, 0.0]], [[1.0, 0, 0], [0, 0, -1.0], [1.0, 0, 0]])
    assert (last - first)[:2] == pytest.approx([1125.0, 1000.0])
    assert first[2] > last[2]
    assert volume("cylinder") is DETECTOR
