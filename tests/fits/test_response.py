"""The response from histograms: order, scaling, adding, projecting, refusing."""

from __future__ import annotations

import numpy as np
import pytest
from layout_case import COSINE, ENERGY, NODES, account, data_hists, events, response_hists

from configs.errors import InputError
from fits.bins import Bin
from fits.exposure import data_livetime_s
from fits.response import Response, counts_from_hists

SAMPLE = events()
MC = account(mc=("mc", 100.0, 1.0))


def build(**changes) -> Response:
    return Response.from_hists({"mc": response_hists(SAMPLE, **changes)}, MC)


def test_bins_are_in_the_order_channel_angle_energy_and_say_what_they_are() -> None:
    response = build()
    assert len(response.bins) == 12
    assert response.bins[0] == Bin("cascade", (6e4, 2e5), "reco_coszen", (-1.0, 0.0))
    assert response.bins[1].energy_gev == (2e5, 6e5)
    assert response.bins[3].third == (0.0, 1.0)
    assert response.bins[6].channel == "track"
    assert response.bins[7].label == "track, 200..600 TeV, cos zenith -1..0"


def test_moments_are_sums_over_events_and_only_nodes_with_simulation_are_kept() -> None:
    response = build()
    node = np.digitize(SAMPLE.energy, NODES) - 1
    assert response.ln_energy.size == np.unique(node).size < 60
    np.testing.assert_allclose(response.width, np.log(10) / 20, rtol=1e-9)
    here = (SAMPLE.channel == "track") & (SAMPLE.edep >= 2e5) & (SAMPLE.edep < 6e5) & (SAMPLE.cosine < 0)
    d = np.log(SAMPLE.energy) - 0.5 * (np.log(NODES)[node] + np.log(NODES)[node + 1])
    for n in range(3):
        assert response.moments["all", "astro"][n, 7].sum() == pytest.approx((SAMPLE.astro * d**n)[here].sum(), rel=1e-12)
        assert response.pairs["all", "astro", "atmo"][n, 7].sum() == pytest.approx((SAMPLE.astro * SAMPLE.atmo * d**n)[here].sum(), rel=1e-12)


def test_simulation_is_scaled_to_the_processed_livetime_of_the_data() -> None:
    hists = {"mc": response_hists(SAMPLE), "data": data_hists([])}
    plain = build()
    scaled = Response.from_hists(hists, account(mc=("mc", 100.0, 0.5), data=("data", 300.0, 0.8)))
    assert scaled.livetime_s == pytest.approx(240.0)
    factor = 300.0 * 0.8 / 100.0 / 0.5
    for key, array in plain.moments.items():
        np.testing.assert_allclose(scaled.moments[key], factor * array, rtol=1e-14)
    for pair, array in plain.pairs.items():
        np.testing.assert_allclose(scaled.pairs[pair], factor**2 * array, rtol=1e-14)


def test_simulations_in_several_data_sets_add_up_after_scaling() -> None:
    half = len(SAMPLE.energy) // 2
    first, second = (type(SAMPLE)(*(column[part] for column in SAMPLE)) for part in (slice(half), slice(half, None)))
    together = Response.from_hists(
        {"a": response_hists(first), "b": response_hists(second), "data": data_hists([])},
        account(a=("mc", 100.0, 1.0), b=("mc", 200.0, 1.0), data=("data", 100.0, 1.0)),
    )
    for key in together.moments:
        one = Response.from_hists({"a": response_hists(first)}, account(a=("mc", 100.0, 1.0))).total(key[1])
        other = Response.from_hists({"b": response_hists(second)}, account(b=("mc", 100.0, 1.0))).total(key[1])
        np.testing.assert_allclose(together.moments[key][0].sum(), one[0].sum() + 0.5 * other[0].sum(), rtol=1e-12)


def test_weights_without_any_livetime_are_for_the_exposure_of_the_data() -> None:
    hists = {"mc": response_hists(SAMPLE), "data": data_hists([])}
    response = Response.from_hists(hists, account(mc=("mc", None, 0.5), data=("data", None, 1.0)))
    assert response.livetime_s is None
    np.testing.assert_allclose(response.moments["all", "astro"], 2.0 * build().moments["all", "astro"], rtol=1e-14)


@pytest.mark.parametrize(
    ("axes", "n"), [(["energy"], 3), (["zenith"], 2), (["topology"], 2), (["energy", "topology"], 6), (["energy", "zenith", "topology"], 12)]
)
def test_projections_conserve_events(axes: list[str], n: int) -> None:
    response = build()
    small = response.project(axes)
    assert len(small.bins) == n
    for moments, whole in ((small.moments, response.moments), (small.pairs, response.pairs)):
        for key, array in moments.items():
            np.testing.assert_allclose(array.sum(axis=1), whole[key].sum(axis=1), rtol=1e-12, atol=1e-18)
    counts = np.arange(12.0)
    assert response.project_counts(counts, axes).sum() == counts.sum()


def test_projection_on_energy_adds_channels_and_angles() -> None:
    response = build()
    counts = response.project_counts(np.arange(12), ["energy"])
    np.testing.assert_array_equal(counts, [0 + 3 + 6 + 9, 1 + 4 + 7 + 10, 2 + 5 + 8 + 11])
    assert response.project(["energy"]).bins[1] == Bin("all", (2e5, 6e5), None, None)
    assert response.project(["topology"]).bins[1].label == "track"


def test_counts_are_in_the_order_of_the_bins() -> None:
    response = build()
    seen = [("cascade", 7e4, -0.5), ("cascade", 3e5, 0.5), ("track", 3e5, -0.5), ("track", 3e5, -0.5)]
    counts = counts_from_hists({"mc": {}, "data": data_hists(seen)}, account(data=("data", 1.0, 1.0)), response)
    assert counts.dtype == np.int64
    assert {i: int(k) for i, k in enumerate(counts) if k} == {0: 1, 4: 1, 7: 2}


def test_several_seasons_of_data_add_up() -> None:
    both = account(one=("data", 100.0, 1.0), two=("data", 50.0, 0.5))
    hists = {"one": data_hists([("track", 7e4, 0.5)]), "two": data_hists([("track", 7e4, 0.5)])}
    assert counts_from_hists(hists, both, build()).sum() == 2
    assert data_livetime_s(both) == pytest.approx(125.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": (6e4, 3e5, 6e5, 1e7)}, r"data sets mc and other have different binning in axis reco_energy of channel cascade \(3 and 3 bins\)"),
        ({"cosine": (-1.0, 0.1, 1.0)}, r"different binning in axis reco_coszen of channel cascade"),
        ({"nodes": tuple(np.geomspace(1e4, 1e7, 31))}, r"different binning in axis true_energy of channel cascade \(60 and 30 bins\)"),
        ({"moments": 1}, r"different binning in axis moment of channel cascade"),
    ],
)
def test_responses_of_different_binning_are_not_merged(changes, message: str) -> None:
    hists = {"mc": response_hists(SAMPLE), "other": response_hists(SAMPLE, **changes)}
    with pytest.raises(InputError, match=message):
        Response.from_hists(hists, account(mc=("mc", 1.0, 1.0), other=("mc", 1.0, 1.0)))


def test_responses_of_different_channels_are_not_merged() -> None:
    other = {"response_track": response_hists(SAMPLE)["response_track"]}
    with pytest.raises(InputError, match=r"mc and other have different channels \(cascade, track and track\)"):
        Response.from_hists({"mc": response_hists(SAMPLE), "other": other}, account(mc=("mc", 1.0, 1.0), other=("mc", 1.0, 1.0)))


def test_data_in_other_bins_than_the_response_are_refused() -> None:
    data = data_hists([], energy=(6e4, 2e5, 7e5, 1e7))
    with pytest.raises(InputError, match=r"data set data has other bins than the response \(first difference: cascade, 200..700 TeV"):
        counts_from_hists({"data": data}, account(data=("data", 1.0, 1.0)), build())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (account(data=("data", 1.0, 1.0)), r"no response: no data set of kind mc has histograms response_<channel>"),
        (account(mc=("mc", None, 1.0), data=("data", 1.0, 1.0)), r"data set mc: livetime_s is None; state a positive livetime"),
        (account(mc=("mc", 1.0, 1.0), data=("data", -5.0, 1.0)), r"data set data: livetime_s is -5.0"),
        (account(mc=("mc", 1.0, 1.0), data=("data", 1.0, 1.0), more=("data", None, 1.0)), r"data set more: livetime_s is None"),
        (account(mc=("mc", 1.0, 0.0)), r"data set mc: processed fraction is 0.0"),
    ],
)
def test_missing_simulation_and_livetimes_are_refused(given, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Response.from_hists({"mc": response_hists(SAMPLE), "data": data_hists([])}, given)


def test_no_data_and_no_selected_simulation_are_refused() -> None:
    with pytest.raises(InputError, match=r"no data: no data set of kind data"):
        counts_from_hists({"mc": {}}, MC, build())
    nothing = {name: histogram * 0.0 for name, histogram in response_hists(SAMPLE).items()}
    with pytest.raises(InputError, match=r"the response is empty: no simulated event of mc passed the selection"):
        Response.from_hists({"mc": nothing}, MC)


def test_unknown_axes_are_refused() -> None:
    with pytest.raises(InputError, match=r"'enrgy' is not an axis of this analysis; did you mean 'energy'"):
        build().project(["enrgy"])
    with pytest.raises(InputError, match=r"axes: none given"):
        build().project([])


def test_the_axes_of_the_layout_are_those_assumed_here() -> None:
    assert ENERGY[0] == 6e4
    assert COSINE[0] == -1.0
    assert build().components == ("astro", "atmo")
    assert build().simulated.all()
