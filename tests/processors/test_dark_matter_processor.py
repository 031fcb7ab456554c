"""Events -> histograms of the dark-matter analysis: weights, angles, energies, blindness."""

from __future__ import annotations

import math
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from dark_matter_case import added, as_events, measured, process, processor, simulated
from hypothesis import given, settings
from hypothesis import strategies as st

from physics.sphere import angle
from processors.dark_matter import PSI_EDGES_DEG, WEIGHT_QUANTUM

MC, DATA = simulated(3000), measured(2016, 2000)
FEW = {"psi_edges_deg": [0.0, 10.0, 40.0, 180.0]}  # of the bins, where many histograms are made


def raw(hists: dict[str, Any]) -> dict[str, bytes]:
    return {name: np.asarray(one.view(flow=True)).tobytes() for name, one in hists.items() if name != "events"}


@given(st.lists(st.integers(0, 3000), max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_any_chunks_in_any_order_give_the_same_bits(cuts: list[int], random: Any) -> None:
    edges = sorted({0, 3000, *cuts})
    pieces = [MC[a:b] for a, b in pairwise(edges)]
    random.shuffle(pieces)
    assert raw(added([process(piece, **FEW) for piece in pieces])) == raw(process(MC, **FEW))


def test_data_in_any_chunks() -> None:
    whole, parts = process(DATA, "data", 2016), [process(DATA[cut], "data", 2016) for cut in (slice(1500, None), slice(0, 7), slice(7, 1500))]
    assert raw(added(parts)) == raw(whole)
    ra = {(row["run"], row["event"]): row["ra"] for part in parts for row in rows(part["events"])}
    assert ra == {(row["run"], row["event"]): row["ra"] for row in rows(whole["events"])}


def rows(table: Any) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, values, strict=True)) for values in zip(*table.columns.values(), strict=True)]


def test_response_against_a_plain_histogram() -> None:
    psi = np.degrees(angle(MC["ra"], MC["dec"], MC["trueRa"], MC["trueDec"]))
    assert len(PSI_EDGES_DEG) == 42
    found = process(MC)["response"]
    expected, _ = np.histogramdd(
        (np.log10(MC["trueE"]), np.minimum(10.0 ** MC["logE"], 500.5), psi),
        (found.axes[1].edges, np.arange(502.0), np.array(PSI_EDGES_DEG, float)),
        weights=MC["ow"],
    )
    cells = np.count_nonzero(expected)
    assert cells > 2000
    assert np.abs(found.view(flow=True)["value"][0] - expected).max() < 10 * WEIGHT_QUANTUM
    assert found.view(flow=True)["value"].sum() == pytest.approx(MC["ow"].sum(), abs=3000 * WEIGHT_QUANTUM)
    assert found.view(flow=True)["variance"].sum() == pytest.approx((MC["ow"] ** 2).sum(), rel=1e-12)


def test_every_weight_is_in_response_acceptance_and_resolution() -> None:
    hists = process(MC)
    total = hists["response"].view(flow=True)["value"].sum()
    for name in ("acceptance", "resolution"):
        assert hists[name].view(flow=True)["value"].sum() == total


def test_signal_depends_on_the_weights_of_far_events() -> None:
    """The published program left the weights out of its angular distribution."""
    psi = angle(MC["ra"], MC["dec"], MC["trueRa"], MC["trueDec"])
    heavier = MC.copy()
    heavier["ow"][psi > 0.5] *= 2.0
    of_psi = [one["response"].values(flow=True).sum(axis=(0, 1, 2)) for one in (process(MC), process(heavier))]
    near, far = slice(0, 19), slice(20, None)  # up to 28 degrees; above 30
    np.testing.assert_array_equal(of_psi[1][near], of_psi[0][near])
    np.testing.assert_allclose(of_psi[1][far], 2.0 * of_psi[0][far], rtol=1e-4)


def test_conventions_of_weights() -> None:
    """nu_plus_nubar doubles, the published program's 2 / f halves; the factor occurs once and in both sums."""
    sums = {name: process(MC, ow_convention=name, **FEW)["acceptance"].view(flow=True) for name in ("per_type", "nu_plus_nubar", "reference")}
    for name, factor in (("nu_plus_nubar", 2.0), ("reference", 0.5)):
        assert sums[name]["value"].sum() == pytest.approx(factor * sums["per_type"]["value"].sum(), rel=1e-5)
        assert sums[name]["variance"].sum() == pytest.approx(factor**2 * sums["per_type"]["variance"].sum(), rel=1e-5)


def test_antineutrinos_count_as_neutrinos() -> None:
    """The published program's weight was that of neutrinos, and antineutrinos were never added."""
    both = process(MC, **FEW)["response"].values(flow=True).sum()
    each = [process(MC[MC["pdg"] == code], **FEW)["response"].values(flow=True).sum() for code in (14, -14)]
    assert sum(each) == both
    assert each[0] == pytest.approx(each[1], rel=0.1)


def test_energy_scale_is_applied_once_to_every_use_of_the_energy() -> None:
    scaled, plain = process(DATA, "data", 2016), process(DATA, "data", 2015)
    np.testing.assert_allclose(scaled["events"]["energy_gev"], 1.04 * 10.0 ** DATA["logE"], rtol=1e-14)
    np.testing.assert_allclose(plain["events"]["energy_gev"], 10.0 ** DATA["logE"], rtol=1e-14)
    expected, _ = np.histogram(scaled["events"]["energy_gev"], np.arange(501.0))
    np.testing.assert_array_equal(scaled["exp_counts"].values().sum(axis=0), expected)
    edges = scaled["variable_logE"].axes[0].edges
    np.testing.assert_array_equal(scaled["variable_logE"].values(), np.histogram(DATA["logE"] + math.log10(1.04), edges)[0])
    assert process(DATA, "data", 2016, energy_scale={})["variable_logE"] == plain["variable_logE"]


def test_simulation_is_never_scaled() -> None:
    assert raw(process(MC, season=2016, **FEW)) == raw(process(MC, **FEW))


def test_share_of_low_energies_of_the_generated_data() -> None:
    """29.1 % of the events of the seven seasons lie in 0 to 12 GeV after the energy scale (specification 7)."""
    counts = sum(process(measured(season, 8000), "data", season)["exp_counts"].values(flow=True) for season in range(2011, 2018))
    low = counts[1:-1, :12].sum()
    assert low / counts.sum() == pytest.approx(0.291, abs=3 * math.sqrt(0.291 * 0.709 / counts.sum()))


def test_no_true_right_ascension_while_blind() -> None:
    """Whatever a blind run leaves behind stays the same when the true right ascensions are others."""
    elsewhere = DATA.copy()
    elsewhere["ra"] = np.random.default_rng(9).permutation(DATA["ra"])
    one, other = (processor("data", 2016).process(as_events(columns, "data")) for columns in (DATA, elsewhere))
    assert pickle.dumps(one) == pickle.dumps(other)
    assert not np.isin(one["events"]["ra"], DATA["ra"]).any()
    open_ = process(DATA, "data", 2016, blind=False)
    np.testing.assert_array_equal(open_["events"]["ra"], DATA["ra"])
    assert open_["variable_ra"] != one["variable_ra"]


def test_events_without_energy_are_left_out_when_asked() -> None:
    some = DATA.copy()
    some["logE"][[3, 70]] = -np.inf
    found = process(some, "data", 2016, drop_zero_energy=True)
    assert found["cutflow"].values().tolist() == [2000, 1998]
    assert len(found["events"]) == found["exp_counts"].sum(flow=True) == 1998
    assert raw(added([found])) == raw({**process(np.delete(DATA, [3, 70]), "data", 2016), "cutflow": found["cutflow"]})


def test_poles_and_edges_belong_to_the_last_bins() -> None:
    events = MC[:4].copy()
    events["dec"] = events["trueDec"] = [math.pi / 2, -math.pi / 2, math.pi / 2, -math.pi / 2]
    events["dec"][2] = -math.pi / 2  # opposite: 180 degrees
    events["trueE"] = [1.0, 10.0**2.7, 5.0, 5.0]
    hists = process(events)
    assert hists["response"].values(flow=True).sum() == pytest.approx(events["ow"].sum(), abs=4e-9)
    assert hists["response"].values(flow=True).sum(axis=(0, 1, 2))[-1] == pytest.approx(events["ow"][2], abs=1e-9)
    data = DATA[:2].copy()
    data["dec"] = [math.pi / 2, -math.pi / 2]
    assert process(data, "data", 2016)["exp_counts"].values(flow=False).sum() == 2


def test_bands_of_declination_and_edges_are_options() -> None:
    hists = process(MC, psf_sindec_bins=4, psi_edges_deg=[0.0, 30.0, 180.0])
    assert hists["response"].axes.extent == (4, 270, 501, 2)
    assert hists["response"].values(flow=True).sum() == process(MC)["response"].values(flow=True).sum()
    axes = processor(psf_sindec_bins=4, psi_edges_deg=[0.0, 30.0, 180.0]).axes()
    assert {name: tuple(axis.size for axis in of) for name, of in axes.items()} == {name: hists[name].axes.size for name in hists}


def test_unweighted_events_for_the_comparison_with_the_published_program() -> None:
    assert "reference_response" not in process(MC)
    found = process(MC, reference=True)["reference_response"]
    assert found.axes[2].size == 36
    assert found.sum(flow=True) == 3000
    psi = np.degrees(angle(MC["ra"], MC["dec"], MC["trueRa"], MC["trueDec"]))
    np.testing.assert_array_equal(found.values(flow=True).sum(axis=(0, 1)), np.histogram(psi, np.linspace(0.0, 180.0, 37))[0])


def test_weights_of_any_size_are_in_their_histogram() -> None:
    """On a linear axis a third of the weights of a small simulation was beyond the end."""
    for factor in (1e-4, 1.0, 1e2):
        scaled = MC.copy()
        scaled["ow"] *= factor
        found = process(scaled)["variable_ow"]
        assert found.values().sum() == len(MC)
        np.testing.assert_array_equal(found.values(), np.histogram(np.log10(scaled["ow"]), found.axes[0].edges)[0])
