"""The response of simulated events: against per-event sums (G10), against hand-made events, bitwise independent of chunks, bounded in memory."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Mapping
from typing import Any

import hist
import numpy as np
import pytest
from diffuse_events import as_events, cut_flow, edges_of, process, release_sample, toy_sample
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.diffuse_per_event import LIVETIME_S, Point, expected
from reference.plain_folding import fold, variance

from configs.diffuse import Processor
from configs.errors import InputError
from physics.bin_search import bin_index
from physics.binning import MORPHOLOGY, binning, node_centres, true_energy_edges
from physics.constants import HESE_LIVETIME_S
from processors.diffuse import PAIR_QUANTUM, WEIGHT_QUANTUM, DiffuseProcessor
from processors.diffuse_layouts import LAYOUTS
from simulation.diffuse import SPECIES

RELEASE_ATMOSPHERE = ("pion", "kaon", "muon")


def folded(hists: Mapping[str, hist.Hist], point: Point) -> tuple[dict[Any, float], dict[Any, float]]:
    """mu and s2 of every bin by the plain formula from histograms."""
    mu, s2 = {}, {}
    for name in ("cascade", "track", "dcascade"):
        if f"response_{name}" not in hists:
            continue
        response = hists[f"response_{name}"]
        atmosphere = RELEASE_ATMOSPHERE if "pion" in response.axes["component"] else ("atmo",)
        total = fold(response, "astro", point.astro_gamma, point.astro_norm) + sum(point.atmos_norm * fold(response, one) for one in atmosphere)
        spread = variance(response, {"astro": (point.astro_norm, point.astro_gamma - 2.5), **dict.fromkeys(atmosphere, (point.atmos_norm, 0.0))})
        mu |= {(name, *where): total[where] for where in np.ndindex(total.shape)}
        s2 |= {(name, *where): spread[where] for where in np.ndindex(spread.shape)}
    return mu, s2


def compare(columns: Mapping[str, Any], choice: str, point: Point, tolerance: tuple[float, float]) -> None:
    """Every bin with mu > 1e-4 against the per-event reference; bins without events hold nothing."""
    mu, s2 = folded(process(columns, options={"binning": choice}), point)
    mu_events, s2_events = expected(columns, edges_of(choice), point)
    assert max((mu[where] for where in mu.keys() - mu_events.keys()), default=0.0) == 0.0
    for where, value in mu_events.items():
        if value > 1e-4:
            assert mu[where] == pytest.approx(value, rel=tolerance[0]), where
            assert s2[where] == pytest.approx(s2_events[where], rel=tolerance[1]), where


@pytest.mark.parametrize("gamma", [1.5, 2.0, 2.87375956, 3.5])
@pytest.mark.parametrize("choice", ["official", "bootcamp"])
def test_golden_10_release_response_against_per_event_sums(choice: str, gamma: float) -> None:
    """G10: |gamma - 2.5| <= 1, 20 nodes per decade: mu within 4e-5, s2 within 3e-4 (the bounds h^3 p^3 / 48)."""
    compare(release_sample(20_000, seed=5), choice, Point(6.365, gamma, 1.1), (4e-5, 3e-4))


@pytest.mark.parametrize("gamma", [1.5, 2.87375956, 3.5])
def test_golden_10_toy_response_against_per_event_sums(gamma: float) -> None:
    """G10 in the exercise's form and grid."""
    compare(toy_sample(20_000, seed=6), "bootcamp", Point(6.365, gamma, 1.1), (4e-5, 3e-4))


def test_response_is_exact_at_the_reference_index() -> None:
    compare(release_sample(5_000, seed=7), "official", Point(6.0, 2.5, 0.7), (1e-9, 1e-9))


@pytest.mark.slow
def test_golden_10_a_million_events_against_per_event_sums() -> None:
    """G10 and issue item 4: mu within 1e-5 for gamma 2.0 to 3.5, s2 within 1e-4."""
    columns = toy_sample(1_000_000, seed=8)
    for gamma in (2.0, 2.5, 3.0, 3.5):
        compare(columns, "bootcamp", Point(6.365, gamma, 1.0), (1e-5, 1e-4))


FINITE = {"allow_nan": False, "allow_infinity": False}
EVENT = st.fixed_dictionaries(
    {
        "recoDepositedEnergy": st.floats(5e4, 1.05e7) | st.sampled_from([6e4, 1e7]),
        "recoMorphology": st.sampled_from([0, 1, 2]),
        "recoLength": st.floats(5, 1200),
        "recoZenith": st.floats(0, math.pi) | st.sampled_from([0.0, math.pi, math.pi / 2]),
        "primaryEnergy": st.floats(4e4, 1e7, exclude_max=True),
        "primaryType": st.sampled_from(SPECIES.tolist()),
        "weightOverFluxOverLivetime": st.floats(1e6, 1e10),
        "pionFlux": st.floats(0, 1e-19),
        "kaonFlux": st.floats(0, 1e-18),
        "promptFlux": st.floats(0, 1e-19),
        "conventionalSelfVetoCorrection": st.floats(0, 1),
        "promptSelfVetoCorrection": st.floats(0, 1),
        "muonWeightOverLivetime": st.just(0.0),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=25), st.floats(1.5, 3.5), st.sampled_from(["official", "bootcamp"]))
def test_any_events_against_per_event_sums(events: list[dict[str, float]], gamma: float, choice: str) -> None:
    """Per event the truncated series is off by at most e^{|D| h / 2} |D|^3 (h/2)^3 / 6 < 4e-5 in mu, 3e-4 in s2."""
    columns = {name: np.array([event[name] for event in events]) for name in events[0]}
    point = Point(6.365, gamma, 1.0)
    mu, s2 = folded(process(columns, options={"binning": choice, "flavours": False}), point)
    mu_events, s2_events = expected(columns, edges_of(choice), point)
    for where in mu:
        assert mu[where] == pytest.approx(mu_events.get(where, 0.0), rel=4e-5, abs=30 * WEIGHT_QUANTUM)
        assert s2[where] == pytest.approx(s2_events.get(where, 0.0), rel=3e-4, abs=3000 * PAIR_QUANTUM)


HAND_MADE = """
 12  1.2e5 1.0e5 1.27 NaN 0 2.0e9 0       2.0e-21 1.1e-20 2.0e-19 1.0 1.0
-14  2.5e5 1.6e5 1.66 NaN 1 1.5e9 0       1.0e-20 4.0e-20 8.0e-21 1.0 1.0
 16  4.0e5 3.2e5 0.62 18. 2 3.0e9 0       0       0       1.0e-22 0.3 0.6
 14  9.0e4 6.5e4 0.85 NaN 0 8.0e8 0       3.0e-19 1.2e-18 2.5e-19 0.2 0.3
-12  6.4e6 5.9e6 1.22 NaN 0 5.0e9 0       1.0e-28 5.0e-28 1.0e-24 0.1 0.2
 13  5.0e5 7.0e4 0.41 NaN 1 0     3.0e-10 0       0       0       1.0 1.0
"""  # type, E_true, Edep, zenith, L, morphology, W, muW, pion, kaon, prompt, V_c, V_p: the six events of specification 8 (G6)


def hand_made() -> dict[str, np.ndarray]:
    names = [
        *("primaryType", "primaryEnergy", "recoDepositedEnergy", "recoZenith", "recoLength", "recoMorphology"),
        *("weightOverFluxOverLivetime", "muonWeightOverLivetime", "pionFlux", "kaonFlux", "promptFlux"),
        *("conventionalSelfVetoCorrection", "promptSelfVetoCorrection"),
    ]
    return dict(zip(names, np.array([line.split() for line in HAND_MADE.split("\n") if line], dtype=float).T, strict=True))


def test_hand_made_events_fall_where_they_must_with_their_weights() -> None:
    """Each of the six events of the specification: class, bin, node, and the reference weights of 3.2, component by component."""
    events = hand_made()
    hists = process(events)
    x = np.log(events["primaryEnergy"] / 1e5)
    edges = true_energy_edges(Processor().true_energy)
    for i, label in enumerate(["nue", "numubar", "nutau", "numu", "nuebar", "muon"]):
        name = {0: "cascade", 1: "track", 2: "dcascade"}[int(events["recoMorphology"][i])]
        response = hists[f"response_{name}"]
        channel = binning("official")[name]
        third = events["recoLength"][i] if name == "dcascade" else math.cos(events["recoZenith"][i])
        where = (bin_index(channel.energy_edges_gev, [events["recoDepositedEnergy"][i]])[0], bin_index(channel.third_edges, [third])[0])
        node = bin_index(edges, [events["primaryEnergy"][i]])[0] - 1
        cell = response.view(flow=True)[list(response.axes["class"]).index(label), :, :, where[0], where[1], node]
        exposure, veto = LIVETIME_S * events["weightOverFluxOverLivetime"][i], events["conventionalSelfVetoCorrection"][i]
        weights = [
            exposure * 1e-18 / 6 * (events["primaryEnergy"][i] / 1e5) ** -2.5,
            exposure * veto * events["pionFlux"][i],
            exposure * veto * events["kaonFlux"][i],
            exposure * events["promptSelfVetoCorrection"][i] * events["promptFlux"][i],
            LIVETIME_S * events["muonWeightOverLivetime"][i],
        ]
        d = x[i] - node_centres(edges)[node]
        for power in range(3):
            np.testing.assert_allclose(cell[:5, power], np.array(weights) * d**power, rtol=1e-8, atol=WEIGHT_QUANTUM)
        for position, pair in enumerate(list(response.axes["component"])[5:], start=5):
            first, second = (("astro", "pion", "kaon", "prompt", "muon").index(one) for one in pair.split("*"))
            np.testing.assert_allclose(cell[position], weights[first] * weights[second] * d ** np.arange(3), rtol=1e-8, atol=PAIR_QUANTUM)
    assert sum(np.count_nonzero(hists[f"response_{name}"].view(flow=True)[:, :, 0].any(axis=1)) for name in MORPHOLOGY) == 6


def test_weights_add_up_to_published_ones_without_nuisances() -> None:
    """The third event has no conventional flux: its weight at the published point A of G6, detector factors taken out, is astro alone."""
    events = hand_made()
    astro = LIVETIME_S * 3.0e9 * 6.36488608e-18 / 6 * 4.0**-2.87375956
    response = process({name: values[2:3] for name, values in events.items()})["response_dcascade"]
    assert fold(response, "astro", 2.87375956, 6.36488608).sum() == pytest.approx(astro, rel=4e-5)
    assert astro == pytest.approx(0.0130510469, rel=0.05)  # G6, point A, contains a detector factor of a few percent


def chunked(columns: Mapping[str, np.ndarray], size: int, options: Mapping[str, Any]) -> dict[str, hist.Hist]:
    """Histograms of chunks added in order, as the engine does."""
    processor = DiffuseProcessor(Processor.model_validate(options))
    total: dict[str, hist.Hist] = {}
    n = len(next(iter(columns.values())))
    for start in range(0, n, size):
        part = {name: values[start : start + size] for name, values in columns.items()}
        for name, histogram in processor.process(as_events(part, "mc", entrystart=start)).items():
            total[name] = total[name] + histogram if name in total else histogram
    return total


SMALL_GRID = {"energy_gev": [6e4, 2e5, 1e7], "coszen": [-1, 0, 1], "length_m": [10, 1000]}


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("form", ["release", "toy"])
def test_golden_10_any_chunking_is_bitwise_the_same(form: str, size: int) -> None:
    """Few bins, so that many events share a cell and their order would matter."""
    columns = release_sample(400, seed=9) if form == "release" else toy_sample(400, seed=9)
    binning = SMALL_GRID if form == "release" else {**SMALL_GRID, "length_m": None}
    options = {"binning": binning, "flavours": False, "true_energy": {"per_decade": 2}}
    whole, parts = process(columns, options=options), chunked(columns, size, options)
    for name, histogram in whole.items():
        assert parts[name].view(flow=True).tobytes() == histogram.view(flow=True).tobytes()


def test_permuted_events_are_bitwise_the_same() -> None:
    columns = release_sample(5000, seed=10)
    order = np.random.default_rng(1).permutation(len(columns["primaryType"]))
    shuffled = process({name: values[order] for name, values in columns.items()})
    for name, histogram in process(columns).items():
        assert shuffled[name].view(flow=True).tobytes() == histogram.view(flow=True).tobytes()


def test_rounding_to_the_grid_changes_the_expectation_by_less_than_1e_9() -> None:
    """Total of every bin against ``math.fsum`` of the unrounded weights of its 2e5 generated events."""
    columns = release_sample(200_000, seed=3)
    hists = process(columns)
    exposure = LIVETIME_S * columns["weightOverFluxOverLivetime"]
    conventional = (columns["pionFlux"] + columns["kaonFlux"]) * columns["conventionalSelfVetoCorrection"]
    astro = 1e-18 / 6 * (columns["primaryEnergy"] / 1e5) ** -2.5
    weights = exposure * (astro + conventional) + LIVETIME_S * columns["muonWeightOverLivetime"]
    worst = 0.0
    for name, channel in binning("official").items():
        energy, third = columns["recoDepositedEnergy"], np.cos(columns["recoZenith"]) if name != "dcascade" else columns["recoLength"]
        taken = (columns["recoMorphology"] == MORPHOLOGY[name]) & (energy >= 6e4) & (energy <= 1e7)
        where = bin_index(channel.energy_edges_gev, energy) * 100 + bin_index(channel.third_edges, third)
        response = hists[f"response_{name}"]
        mu = sum(fold(response, component) for component in ("astro", *RELEASE_ATMOSPHERE))
        for first, second in np.ndindex(mu.shape):
            here = weights[taken & (where == (first + 1) * 100 + second + 1)]
            if len(here):
                worst = max(worst, abs(mu[first, second] / math.fsum(here) - 1))
    assert 0 < worst < 1e-9


def test_scaling_all_weights_scales_the_response() -> None:
    """By a power of two exactly: the grid is binary, and a livetime of twice the length doubles mu and quadruples s2."""
    columns = toy_sample(3000)
    doubled = {**columns, "astroWeight": 2 * columns["astroWeight"], "atmoWeight": 2 * columns["atmoWeight"]}
    one, two = (process(one, options={"binning": "bootcamp"})["response_track"] for one in (columns, doubled))
    np.testing.assert_allclose(two.view()[:, :2], 2 * one.view()[:, :2], rtol=1e-6, atol=400 * WEIGHT_QUANTUM)
    np.testing.assert_allclose(two.view()[:, 2:], 4 * one.view()[:, 2:], rtol=1e-6, atol=400 * PAIR_QUANTUM)


def test_release_weights_are_proportional_to_livetime() -> None:
    columns = release_sample(1000)
    one, two = (process(columns, livetime_s=livetime)["response_cascade"] for livetime in (1e8, 2e8))
    np.testing.assert_allclose(two.view()[:, :5], 2 * one.view()[:, :5], atol=400 * WEIGHT_QUANTUM)


@pytest.mark.parametrize("shorter", [2.0**-28, 2.0**-3, 2.0**12])
def test_no_digit_is_lost_in_a_short_livetime(shorter: float) -> None:
    """Weights stated as rates (a livetime near one second) keep their squares: the effective likelihood needs them."""
    columns = release_sample(2000)
    one, two = (process(columns, livetime_s=livetime)["response_track"].view() for livetime in (HESE_LIVETIME_S, shorter * HESE_LIVETIME_S))
    singles = len(LAYOUTS["release"].components)
    np.testing.assert_array_equal(two[:, :singles], shorter * one[:, :singles])
    np.testing.assert_array_equal(two[:, singles:], shorter**2 * one[:, singles:])
    assert two[:, singles:].any()


def test_classes_add_up_to_the_flavourless_response() -> None:
    """Different classes never share events, so pairs add up too."""
    columns = release_sample(4000, seed=2)
    apart, together = (process(columns, options={"flavours": flavours}) for flavours in (True, False))
    for name in ("response_cascade", "response_track", "response_dcascade"):
        assert list(together[name].axes["class"]) == ["all"]
        np.testing.assert_array_equal(apart[name].view(flow=True).sum(axis=0), together[name].view(flow=True)[0])


def test_muons_fill_their_own_class_and_component_only() -> None:
    response = process(release_sample(5000))["response_track"]
    muon = response[{"class": "muon"}]
    assert muon[{"component": "muon"}].view(flow=True)[0].sum() > 0
    assert not response[{"class": "muon"}].view(flow=True)[[0, 1, 2, 3]].any()
    assert not response[{"component": "muon"}].view(flow=True)[:-1].any()


def test_moments_that_are_not_asked_for_are_not_made() -> None:
    columns = toy_sample(500)
    none = process(columns, options={"binning": "bootcamp", "moments": 0, "pair_moments": None})["response_cascade"]
    assert list(none.axes["moment"]) == [0]
    assert list(none.axes["component"]) == ["astro", "atmo"]
    mixed = process(columns, options={"binning": "bootcamp", "moments": 2, "pair_moments": 0})["response_cascade"]
    assert mixed[{"component": "astro", "moment": 2}].view(flow=True).any()
    assert not mixed[{"component": hist.loc("astro*astro"), "moment": 1}].view(flow=True).any()


def test_breakpoints_make_a_broken_spectrum_exact() -> None:
    """Nothing between two sides of a node: events above and below the break are in different nodes."""
    columns = toy_sample(2000)
    plain = process(columns, options={"binning": "bootcamp"})["response_track"]
    split = process(columns, options={"binning": "bootcamp", "true_energy": {"breakpoints": [3e5]}})["response_track"]
    assert 3e5 in split.axes["true_energy"].edges
    above = split[{"component": "astro", "moment": 0}].project("true_energy")
    track = (columns["topology"] == 1) & (columns["energy"] >= 6e4) & (columns["energy"] <= 1e7) & (columns["primaryEnergy"] >= 3e5)
    assert above.view()[above.axes[0].edges[:-1] >= 3e5].sum() == pytest.approx(columns["astroWeight"][track].sum(), rel=1e-9)
    assert plain.view(flow=True)[:, 0, 0].sum() == pytest.approx(split.view(flow=True)[:, 0, 0].sum(), rel=1e-12)


def test_atmosphere_beyond_the_nodes_goes_to_the_last_one() -> None:
    """Muons carry the energy of their parent, ten times the deposited one; no model changes their spectrum."""
    columns = hand_made()
    columns["primaryEnergy"][5] = 3e8
    muon = process(columns)["response_track"][{"class": "muon", "component": "muon"}].view(flow=True)
    assert muon[0, ..., -1].sum() == pytest.approx(LIVETIME_S * 3e-10)
    assert not muon[1:].any()


def test_an_energy_on_the_last_node_edge_counts() -> None:
    columns = hand_made()
    columns["primaryEnergy"][4] = 1e7
    response = process(columns)["response_cascade"]
    assert response[{"class": "nuebar", "component": "astro"}].view(flow=True)[0, ..., -1].sum() > 0


@pytest.mark.parametrize("form", ["release", "toy"])
def test_peak_memory_is_below_three_times_the_columns(form: str) -> None:
    """Beside the histograms that are returned."""
    columns = release_sample(200_000) if form == "release" else toy_sample(200_000)
    events = as_events(columns, "mc")
    processor = DiffuseProcessor(Processor(binning="official" if form == "release" else "bootcamp"))
    processor.process(events[:10])
    unused = {"primaryZenith"}
    read = sum(values.nbytes for name, values in columns.items() if name not in unused)
    tracemalloc.start()
    hists = processor.process(events)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    returned = sum(histogram.view(flow=True).nbytes for histogram in hists.values())
    assert peak - returned < 3 * read
    assert cut_flow(hists)["in_bins"] > 150_000


def test_blocks_inside_a_chunk_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are added in blocks to bound the memory; the true energies of every block are checked."""
    columns = toy_sample(3000, seed=4)
    whole = process(columns, options={"binning": "bootcamp"})
    monkeypatch.setattr("processors.diffuse.BLOCK", 100)
    for name, histogram in process(columns, options={"binning": "bootcamp"}).items():
        assert histogram.view(flow=True).tobytes() == whole[name].view(flow=True).tobytes()
    last = np.flatnonzero((columns["topology"] == 0) & (columns["energy"] >= 6e4) & (columns["energy"] <= 1e7) & (columns["astroWeight"] > 0))[-1]
    columns["primaryEnergy"][last] = 1e8
    with pytest.raises(InputError, match=rf"1 selected event\(s\) with true energies outside the nodes.* first at entry {last};"):
        process(columns, options={"binning": "bootcamp"})
