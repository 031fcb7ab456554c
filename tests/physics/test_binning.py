"""Edges, the edge rules and the flat order of the published fit (specification 3.1, G1, G2)."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.diffuse import CustomBinning, TrueEnergy
from configs.errors import InputError
from physics.bin_search import bin_index
from physics.binning import MORPHOLOGY, ChannelBinning, binning, flat_index, node_centres, to_official_order, true_energy_edges


def shapes(choice: str) -> dict[str, tuple[int, int]]:
    return {name: channel.shape for name, channel in binning(choice).items()}


def test_golden_1_official_edges() -> None:
    """G1: numbers of the release's fit."""
    energy = np.array(binning("official")["cascade"].energy_edges_gev)
    assert len(energy) == 22
    assert energy[0] == 6.0e4
    np.testing.assert_allclose(energy[[1, 20, 21]], [77473.15641681, 9957521.44462538, 12857343.60672034], rtol=1e-12)
    np.testing.assert_allclose(np.diff(np.log10(energy)), 0.111, atol=1e-10)
    np.testing.assert_allclose(np.diff(binning("official")["track"].third_edges), 0.2, atol=1e-15)
    length = np.array(binning("official")["dcascade"].third_edges)
    assert len(length) == 21
    assert (length[0], length[-1]) == (10.0, 1000.0)


def test_golden_1_numbers_of_bins() -> None:
    assert shapes("official") == {"cascade": (21, 10), "track": (21, 10), "dcascade": (21, 20)}
    assert shapes("surrogate") == {"cascade": (21, 10), "track": (21, 10), "dcascade": (21, 1)}
    assert shapes("bootcamp") == {"cascade": (20, 10), "track": (20, 10)}
    assert sum(e * t for e, t in shapes("official").values()) == 840
    assert sum(e * t for e, t in shapes("surrogate").values()) == 441
    assert sum(e * t for e, t in shapes("bootcamp").values()) == 400


def test_bootcamp_edges_end_exactly() -> None:
    energy = binning("bootcamp")["track"].energy_edges_gev
    assert (energy[0], energy[-1]) == (6.0e4, 1.0e7)
    np.testing.assert_allclose(energy, np.logspace(math.log10(6e4), 7, 21), rtol=1e-15)


@pytest.mark.parametrize(("energy_gev", "length_m", "flat"), [(1799984.125, 16.2374, 475), (88021.875, 16.6021, 463)])
def test_golden_1_double_cascades_of_the_data_fall_in_their_official_bins(energy_gev: float, length_m: float, flat: int) -> None:
    """G1."""
    channels = binning("official")
    bins = channels["dcascade"]
    energy_bin = bin_index(bins.energy_edges_gev, [energy_gev]) - 1
    length_bin = bin_index(bins.third_edges, [length_m]) - 1
    assert flat_index(channels, "dcascade", energy_bin, length_bin).tolist() == [flat]


def test_zenith_bin_zero_is_down_going() -> None:
    """(t * 10 + z) * 20 + e of the exercise, z * 21 + e of the release."""
    bootcamp, official = binning("bootcamp"), binning("official")
    assert flat_index(bootcamp, "cascade", 0, 9) == 0
    assert flat_index(bootcamp, "track", 3, 9 - 4) == (1 * 10 + 4) * 20 + 3
    assert flat_index(official, "cascade", 2, 9 - 1) == 1 * 21 + 2
    assert flat_index(official, "track", 0, 0) == 210 + 9 * 21
    with pytest.raises(KeyError, match="dcascade"):
        flat_index(bootcamp, "dcascade", 0, 0)


@pytest.mark.parametrize("choice", ["official", "surrogate", "bootcamp"])
def test_official_order_agrees_with_the_flat_index(choice: str) -> None:
    """Every cell of our arrays lands at the position that flat_index says, and every position is taken once."""
    channels = binning(choice)
    labels = {name: np.zeros(channel.shape) for name, channel in channels.items()}
    for name, array in labels.items():
        for energy, third in np.ndindex(array.shape):
            array[energy, third] = flat_index(channels, name, energy, third)
    flat = to_official_order(channels, labels)
    assert flat.tolist() == list(range(len(flat)))


def test_official_order_keeps_leading_axes_and_refuses_other_shapes() -> None:
    channels = binning("bootcamp")
    stacked = {name: np.ones((3, *channel.shape)) for name, channel in channels.items()}
    assert to_official_order(channels, stacked).shape == (3, 400)
    with pytest.raises(ValueError, match=r"channel cascade: array of shape \(2, 2\), binning \(20, 10\)"):
        to_official_order(channels, {"cascade": np.ones((2, 2)), "track": np.ones((20, 10))})


@pytest.mark.public_data
@pytest.mark.parametrize("choice", ["official", "surrogate", "bootcamp"])
def test_no_public_event_sits_on_an_inner_edge(public_data: Path, choice: str) -> None:
    """So the direction of the half-open bins (cos zenith against zenith) cannot move an event."""
    events = json.loads((public_data / "hese" / "HESE_data.json").read_text())
    inner = np.array(binning(choice)["cascade"].third_edges[1:-1])
    assert np.abs(np.cos(events["recoZenith"])[:, None] - inner).min() > 1e-6


def test_last_bin_includes_its_upper_edge() -> None:
    """An event at exactly cos zenith = +-1, and one at exactly 1e7 GeV in the exercise's grid, must not disappear."""
    channel = binning("bootcamp")["cascade"]
    assert bin_index(channel.third_edges, [-1.0, 1.0]).tolist() == [1, 10]
    assert bin_index(channel.energy_edges_gev, [6.0e4, 1.0e7, np.nextafter(6e4, 0), np.nextafter(1e7, 2e7)]).tolist() == [1, 20, 0, 21]


def test_custom_binning_without_length_has_no_double_cascades() -> None:
    edges = CustomBinning(energy_gev=[1e4, 1e5, 1e6], coszen=[-1, 0, 1])
    assert binning(edges) == {
        "cascade": ChannelBinning("cascade", (1e4, 1e5, 1e6), "reco_coszen", (-1.0, 0.0, 1.0)),
        "track": ChannelBinning("track", (1e4, 1e5, 1e6), "reco_coszen", (-1.0, 0.0, 1.0)),
    }
    with_length = binning(edges.model_copy(update={"length_m": [10.0, 100.0]}))
    assert with_length["dcascade"].third_axis == "reco_length"
    assert list(MORPHOLOGY) == list(with_length)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy_gev": [1e5]}, r"binning.energy_gev: 1 edge\(s\) make no bin"),
        ({"energy_gev": [1e5, 1e4]}, r"binning.energy_gev: edges must be finite and increase strictly"),
        ({"energy_gev": [0.0, 1e4]}, r"binning.energy_gev: the first edge 0 must be above 0"),
        ({"energy_gev": [1e4, math.nan]}, r"binning.energy_gev: edges must be finite"),
        ({"coszen": [-1.0, -1.0, 1.0]}, r"binning.coszen: edges must be finite and increase strictly"),
        ({"coszen": [0.0, 3.14]}, r"binning.coszen: edges 0 to 3.14 leave the range -1 to 1 of a cosine"),
        ({"length_m": [-1.0, 4.0]}, r"binning.length_m: the first edge -1 must be above 0"),
    ],
)
def test_impossible_edges_are_refused(change: dict[str, list[float]], message: str) -> None:
    edges = CustomBinning(energy_gev=[1e4, 1e5], coszen=[-1.0, 1.0]).model_copy(update=change)
    with pytest.raises(InputError, match=message):
        binning(edges)


def test_unknown_binning_is_refused() -> None:
    with pytest.raises(InputError, match="binning 'offical' is none of official, bootcamp, surrogate"):
        binning("offical")


def test_default_nodes() -> None:
    edges = true_energy_edges(TrueEnergy())
    assert len(edges) == 61
    assert (edges[0], edges[-1]) == (1e4, 1e7)
    np.testing.assert_allclose(np.diff(np.log10(edges)), 0.05, rtol=1e-12)
    centres = node_centres(edges)
    assert np.exp(centres[30]) * 1e5 == pytest.approx(10**5.525, rel=1e-12)  # the surrogate's node 30


@given(st.lists(st.floats(1e4, 1e7), max_size=5), st.integers(1, 40))
def test_breakpoints_become_edges_and_leave_the_others(points: list[float], per_decade: int) -> None:
    plain = true_energy_edges(TrueEnergy(per_decade=per_decade))
    edges = true_energy_edges(TrueEnergy(per_decade=per_decade, breakpoints=points))
    assert (np.diff(edges) > 0).all()
    assert set(plain) <= set(edges)
    for point in points:
        assert np.min(np.abs(edges / point - 1)) <= 1e-9


def test_a_part_of_a_decade_gets_at_least_the_asked_density() -> None:
    edges = true_energy_edges(TrueEnergy(min_gev=4e4, max_gev=1e7, per_decade=20))
    assert np.diff(np.log10(edges)).max() <= 0.05 + 1e-12
    assert len(edges) - 1 == math.ceil(20 * math.log10(250))


def test_breakpoint_outside_the_axis_is_refused() -> None:
    with pytest.raises(InputError, match=r"breakpoints: 42, 2e\+07 GeV outside the axis, 10000 to 1e\+07 GeV; widen min_gev/max_gev"):
        true_energy_edges(TrueEnergy(breakpoints=[42.0, 1e5, 2e7]))
    with pytest.raises(InputError, match="min_gev 1e\\+07 must be below max_gev 10000"):
        true_energy_edges(TrueEnergy(min_gev=1e7, max_gev=1e4))
