"""Events -> histograms of stopping muons: any chunks the same bits, sums against loops, the split, sectors, other spectra, bootstrap."""

from __future__ import annotations

import pickle
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from muon_case import FILE, as_events, changed, config_of, prepared, process, raw, setup_of, simulated, untriggered

sys.path.insert(0, str(Path(__file__).parents[1]))
from reference import muon_response_loop as loops

from physics.ice_geometry import Cylinder
from physics.muon_range import TOY_ICE
from processors.stopping_muons import StoppingMuonsProcessor
from processors.stopping_muons_columns import MuonColumns
from processors.stopping_muons_preparation import Preparation
from processors.stopping_muons_showers import SPLIT, shower_keys, uniform
from processors.stopping_muons_training import TrainingEvents

MC, GENERATED = simulated(), untriggered()
N = len(MC["Event"])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return config_of(tmp_path_factory.mktemp("muons"))


@pytest.fixture(scope="module")
def preparation(config: Any) -> Preparation:
    return prepared(config)


@pytest.fixture(scope="module")
def nominal(config: Any, preparation: Preparation) -> dict[str, Any]:
    return process(config, preparation, "mc_l2", MC)


@given(st.lists(st.integers(0, N), max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None)
@pytest.mark.parametrize("name", ["mc_l2", "snow", "data"])
def test_any_chunks_in_any_order_give_the_same_bits(config: Any, preparation: Preparation, name: str, cuts: list[int], random: Any) -> None:
    parts = [slice(a, b) for a, b in pairwise(sorted({0, N, *cuts}))]
    random.shuffle(parts)
    assert raw(process(config, preparation, name, MC, parts)) == raw(process(config, preparation, name, MC))


def test_untriggered_in_chunks_of_1000_and_at_once(config: Any, preparation: Preparation) -> None:
    """Golden G24, second half: sums and bootstrap of small chunks and of large ones."""
    parts = [slice(a, a + 1000) for a in range(0, len(GENERATED["Event"]), 1000)]
    assert raw(process(config, preparation, "mc_l0", GENERATED, parts)) == raw(process(config, preparation, "mc_l0", GENERATED))


def test_training_events_in_chunks(config: Any) -> None:
    one = TrainingEvents(setup_of(config))
    whole = one.process(as_events(MC))
    parts = [one.process(as_events(MC, a, b)) for a, b in ((0, 7), (7, 9000), (9000, N))]
    assert np.array_equal(sum(part["shares"] for part in parts).view(), whole["shares"].view())
    order = np.sort(np.concatenate([part["events"]["sample_order"] for part in parts]))[:5000]
    assert np.array_equal(order, np.sort(whole["events"]["sample_order"])[:5000])


def test_response_against_a_plain_loop(config: Any, preparation: Preparation, nominal: dict[str, Any]) -> None:
    kept = loops.selected(MC, 0.7)
    split = uniform(shower_keys(FILE, MC["Run"], MC["Event"], 42), SPLIT)
    low, high = preparation.bounds["response"]
    kept = [k for k in kept if low <= split[k] < high]
    cosine = np.cos(MC["zenith_reco"])
    length = (1948.07 - MC["stop_z_reco"]) / cosine
    columns = {**MC, "cos_zenith_reco": cosine, "propagation_length_reco": length, "energy_surface_proxy": TOY_ICE.energy_gev(length)}
    for target, truth in (("range", "propagation_length"), ("energy", "surface_energy")):
        tree = preparation.trees[target]
        proxy = tree.apply({name: columns[name][kept] for name in tree.observables})
        found = nominal[f"response_{target}"]
        weight = MC["GaisserToy"][kept] / preparation.fractions["response"]
        expected = loops.matrix(proxy, MC[truth][kept], weight, found.axes["truth"].edges, tree.count)
        view = found.view(flow=True)[0]
        assert view["value"] == pytest.approx(expected[0], rel=1e-6, abs=1e-7)
        assert view["variance"] == pytest.approx(expected[1], rel=1e-6, abs=1e-7)
        assert view["value"].sum() > 1000.0


def test_no_event_is_lost(config: Any, preparation: Preparation, nominal: dict[str, Any]) -> None:
    flow = nominal["cutflow"].values()
    kept = loops.selected(MC, 0.7)
    assert flow[:, 0].tolist() == [N, (MC["fss_filter"].all(axis=1)).sum(), MC["fss_filter"].all(axis=1).sum(), len(kept)]
    rate = MC["GaisserToy"][kept].sum()
    assert flow[-1, 1] == pytest.approx(rate, rel=1e-9)
    assert preparation.rate_hz == pytest.approx(rate, rel=1e-9)
    assert preparation.selected == len(kept)
    for target in ("range", "energy"):
        assert nominal[f"aeff_num_{target}"].view(flow=True)["value"][0, 0].sum() == pytest.approx(rate, rel=1e-9)
        assert nominal[f"impurity_{target}"].view(flow=True)["value"].sum() == pytest.approx(rate, rel=1e-9)
    for observable in ("stopping_score", "energy_entry_reco"):
        assert nominal[f"datamc_{observable}"].view(flow=True)["value"].sum() == pytest.approx(rate, rel=1e-9)
    filtered = MC["fss_filter"].all(axis=1)
    assert nominal["score"].view(flow=True)["value"].sum() == pytest.approx(MC["GaisserToy"][filtered].sum(), rel=1e-9)
    assert nominal["multiplicity"].view(flow=True)["value"].sum() == pytest.approx(MC["GaisserToy"][filtered].sum(), rel=1e-9)
    good = [k for k in kept if MC["is_stopping"][k]]
    assert nominal["corr_stop_z"].view(flow=True)["value"].sum() == pytest.approx(MC["GaisserToy"][good].sum(), rel=1e-9)


def test_response_and_pseudo_data_stand_for_all_selected_events(preparation: Preparation, nominal: dict[str, Any]) -> None:
    """Weights are rescaled by the sampling fraction: both estimate the whole rate, within what their samples allow."""
    for name in ("response_energy", "pseudo_energy"):
        view = nominal[name].view(flow=True)[0]
        assert abs(view["value"].sum() - preparation.rate_hz) < 4 * np.sqrt(view["variance"].sum())


def test_split_is_disjoint_and_of_the_size_that_is_asked_for(config: Any, preparation: Preparation) -> None:
    bounds = preparation.bounds
    assert bounds["tree"][0] == 0.0
    assert bounds["tree"][1] == bounds["response"][0]
    assert bounds["response"][1] == bounds["test"][0]
    kept = loops.selected(MC, 0.7)
    split = uniform(shower_keys(FILE, MC["Run"][kept], MC["Event"][kept], 42), SPLIT)
    sizes = {name: int(np.count_nonzero((split >= low) & (split < high))) for name, (low, high) in bounds.items()}
    assert {name: preparation.fractions[name] * len(kept) for name in sizes} == pytest.approx(sizes)
    assert sizes["tree"] + sizes["response"] == pytest.approx(5600, abs=4 * 75)
    assert 3 * sizes["tree"] == pytest.approx(sizes["response"], rel=0.15)
    assert sizes["test"] == pytest.approx(800, abs=4 * 30)


def test_another_seed_is_another_split(tmp_path: Path, preparation: Preparation) -> None:
    config = config_of(tmp_path, General={"seed": 43})
    other = TrainingEvents(setup_of(config)).process(as_events(MC))
    assert not np.array_equal(other["shares"].view(), TrainingEvents(setup_of(config_of(tmp_path / "b"))).process(as_events(MC))["shares"].view())


def test_a_shower_stays_together(config: Any) -> None:
    """Two sub-events of one event, and the same event of another file."""
    two = changed(MC, Event=MC["Event"] // 2, SubEvent=(MC["Event"] % 2).astype(np.uint32))
    keys = MuonColumns(as_events(two, 0, 1000), setup_of(config)).showers
    assert np.array_equal(keys[::2], keys[1::2])
    assert len(np.unique(keys)) == 500
    assert not np.isin(MuonColumns(as_events(two, 0, 1000, filename="other.hdf5"), setup_of(config)).showers, keys).any()


def test_too_few_events_split_80_to_20_and_say_so(tmp_path: Path) -> None:
    config = config_of(tmp_path, Unfolding={"train_size": 1_000_000, "test_size": 100_000})
    with pytest.warns(UserWarning, match=r"train_size 1000000 and test_size 100000 are more than the \d+ selected events .* 80 % train, 20 % test"):
        preparation = prepared(config)
    assert preparation.fractions == pytest.approx({"tree": 0.2, "response": 0.6, "test": 0.2}, abs=0.03)
    assert sum(preparation.fractions.values()) == 1.0


def test_sectors_and_all(config: Any, preparation: Preparation, nominal: dict[str, Any]) -> None:
    found = process(config, preparation, "data", MC)["counts_range"]
    kept = np.array(loops.selected(MC, 0.7))
    z = MC["stop_z_reco"][kept]
    expected = {"all": len(kept), "upper": np.count_nonzero((z >= 0) & (z < 500)), "lower": np.count_nonzero((z >= -500) & (z < 0))}
    assert {name: found[name, :].values().sum() for name in found.axes["sector"]} == expected
    areas = nominal["aeff_num_range"].view(flow=True)["value"]
    assert areas[1, 0].sum() == pytest.approx(MC["GaisserToy"][kept[(z >= 0) & (z < 500)]].sum(), rel=1e-9)


def test_other_spectra(config: Any, preparation: Preparation, nominal: dict[str, Any]) -> None:
    kept = loops.selected(MC, 0.7)
    tev = MC["surface_energy"][kept] / 1e3
    values = nominal["aeff_tilted_num_energy"].view(flow=True)["value"].sum(axis=1)
    assert values == pytest.approx([(MC["GaisserToy"][kept] * tev**index).sum() for index in (-0.1, 0.1)], rel=1e-9)
    response, tilted = (nominal[name].view(flow=True)["value"] for name in ("response_energy", "tilted_energy"))
    centres = np.sqrt(np.multiply(*(nominal["response_energy"].axes["truth"].edges[cut] for cut in (slice(1, None), slice(None, -1))))) / 1e3
    ratio = tilted.sum(axis=1)[:, 1:-1] / response[0].sum(axis=0)[1:-1]
    assert ratio == pytest.approx(np.stack([centres**-0.1, centres**0.1]), rel=0.06)


def test_snowstorm_moments(config: Any, preparation: Preparation) -> None:
    hists = process(config, preparation, "snow", MC)
    found, response = hists["snowstorm_energy"].view(flow=True), hists["response_energy"].view(flow=True)
    assert found["value"][0, 0] == pytest.approx(response["value"][0], abs=1e-12)
    kept = loops.selected(MC, 0.7)
    weight, x = MC["GaisserToy"][kept], MC["snowstorm_ice_abs"][kept]
    assert found["value"][0].sum(axis=(1, 2)) == pytest.approx([(weight * x**moment).sum() for moment in (0, 1, 2)], rel=1e-9)
    assert found["variance"][0, 1].sum() == pytest.approx(((weight * x) ** 2).sum(), rel=1e-6)


def test_bootstrap_against_a_plain_loop(config: Any, nominal: dict[str, Any]) -> None:
    kept = loops.selected(MC, 0.7)
    found = nominal["aeff_num_range"]
    keys = shower_keys(FILE, MC["Run"][kept], MC["Event"][kept], 42)
    expected = loops.bootstrap(keys, MC["propagation_length"][kept], MC["GaisserToy"][kept], found.axes["truth"].edges, 5)
    assert found.view(flow=True)["value"][0] == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_denominators_over_the_generation_area(config: Any, preparation: Preparation) -> None:
    found = process(config, preparation, "mc_l0", GENERATED)
    area = Cylinder(800.0, 800.0).projected_area_m2(GENERATED["cos_zenith"])
    edges = found["aeff_den_energy"].axes["truth"].edges
    expected = np.histogram(GENERATED["surface_energy"], edges, weights=GENERATED["GaisserToy"] / area)[0]
    squares = np.histogram(GENERATED["surface_energy"], edges, weights=(GENERATED["GaisserToy"] / area) ** 2)[0]
    view = found["aeff_den_energy"].view()
    assert view["value"][0] == pytest.approx(expected, rel=1e-6)
    assert view["variance"][0] == pytest.approx(squares, rel=1e-5)
    assert "response_range" not in found


def test_lists_of_untriggered_muons_belong_to_one_shower(config: Any, preparation: Preparation) -> None:
    """The muons of three showers in lists give what the same muons give alone, and share the factor of the bootstrap."""
    counts = np.array([2, 0, 3])
    lists = {name: ak.unflatten(GENERATED[name][:5], counts) for name in ("surface_energy", "propagation_length", "cos_zenith")}
    shower = {"Run": np.ones(3, np.uint32), "Event": np.arange(3, dtype=np.uint32), "GaisserToy": np.array([0.5, 9.0, 0.25]), **lists}
    alone = {name: GENERATED[name][:5] for name in ("surface_energy", "propagation_length", "cos_zenith")}
    alone |= {"Run": np.ones(5, np.uint32), "Event": np.array([0, 0, 2, 2, 2], np.uint32), "GaisserToy": np.array([0.5, 0.5, 0.25, 0.25, 0.25])}
    assert raw(process(config, preparation, "mc_l0", shower)) == raw(process(config, preparation, "mc_l0", alone))


def test_files_of_a_set_share_the_weights(tmp_path: Path, preparation: Preparation) -> None:
    """``nfiles``: weights that are normalised to one file of several."""
    nfiles = {"mc_l0": {"example": {"size": 40_000}, "type": "mc", "level": 0, "nfiles": 4}}
    found, whole = (process(config_of(tmp_path, inputs=one), preparation, "mc_l0", GENERATED)["cutflow"].values() for one in (nfiles, {}))
    assert found[0].tolist() == pytest.approx([whole[0, 0], whole[0, 1] / 4])


def test_exempt_data_sets_are_not_cut(tmp_path: Path, preparation: Preparation) -> None:
    config = config_of(tmp_path, **{"Loading_data": {"cut_exceptions": ["mc_l0", "low"]}})
    found = process(config, preparation, "low", MC)["cutflow"]
    assert list(found.axes["cut"]) == ["all", "finite"]
    assert found.values()[:, 0].tolist() == [N, N]


def test_missing_objects_are_left_out_and_counted(config: Any, preparation: Preparation) -> None:
    zenith = ak.mask(ak.Array(MC["zenith_reco"]), np.arange(N) % 500 != 3)
    found = process(config, preparation, "data", changed(MC, zenith_reco=zenith, stop_z_reco={7: np.inf}))
    missing = sum(bool(MC["fss_filter"][k].all()) for k in range(3, N, 500))
    flow = dict(zip(found["cutflow"].axes["cut"], found["cutflow"].values()[:, 0], strict=True))
    assert flow["filter"] - flow["finite"] == missing + bool(MC["fss_filter"][7].all())
    lost = dict(zip(found["not_finite"].axes["column"], found["not_finite"].values(), strict=True))
    assert lost["cos_zenith_reco"] == missing
    assert lost["propagation_length_reco"] == missing + 1
    assert lost["energy_entry_reco"] == 0


def test_labels_from_lists_of_muons(tmp_path: Path, preparation: Preparation) -> None:
    """Where no label is saved it follows from the muons: generated ones are single and begin on the cylinder of generation."""
    tracks = {"muon_x": 0.0, "muon_y": 0.0, "muon_z": 800.0, "muon_zenith": 0.0, "muon_azimuth": 0.0}
    lists = {name: ak.unflatten(np.full(N, value), 1) for name, value in tracks.items()}
    lists["muon_length"] = ak.unflatten(np.where(MC["is_stopping"] > 0, 800.0, 2000.0), 1)
    columns = {**{name: values for name, values in MC.items() if name not in ("is_stopping", "num_muons_at_entry")}, **lists}
    keys = {
        "mc": {name: [name, f"ToyLabels.{name}"] for name in columns if name not in ("Run", "Event", "SubEvent")},
        "data": {name: [name, f"ToyReco.{name}"] for name in ("fss_filter", "stopping_score", "zenith_reco", "stop_z_reco", "energy_entry_reco")},
    }
    config = config_of(
        tmp_path,
        Data={"keys": keys},
        Loading_data={"cut_exceptions": []},
        inputs={"mc_l0": None, "low": None, "snow": None},
        Effective_area={"calculate_effective_area_range": False, "calculate_effective_area_energy": False},
    )
    found, expected = process(config, preparation, "mc_l2", columns), process(config_of(tmp_path / "b"), preparation, "mc_l2", MC)
    for name in ("score", "impurity_range", "corr_zenith"):
        assert np.array_equal(found[name].view(flow=True), expected[name].view(flow=True))
    assert found["multiplicity"].view(flow=True)["value"][1:].sum() == 0.0


def test_grid_in_place_of_trees(tmp_path: Path) -> None:
    grid = {"propagation_length_reco": [2000.0, 3000.0, 4000.0, 5000.0], "energy_entry_reco": [100.0]}
    config = config_of(tmp_path, Options={"binning": "grid", "grid": grid}, Binning={"n_proxy_bins": 10})
    preparation = prepared(config)
    assert preparation.trees == {}
    found = process(config, preparation, "mc_l2", MC)["response_range"]
    assert found.shape[1] == 10
    kept = loops.selected(MC, 0.7)
    length = (1948.07 - MC["stop_z_reco"][kept]) / np.cos(MC["zenith_reco"][kept])
    entry = MC["energy_entry_reco"][kept]
    expected, *_ = np.histogram2d(length, entry, [[-np.inf, 2000, 3000, 4000, 5000, np.inf], [-np.inf, 100, np.inf]])
    counted = process(config, preparation, "data", MC)["counts_range"]["all", :].values()
    assert counted.reshape(5, 2).tolist() == expected.tolist()


def test_preparation_is_saved_and_read_back(tmp_path: Path, preparation: Preparation) -> None:
    from processors.stopping_muons_preparation import load

    preparation.save(tmp_path)
    again = load(tmp_path)
    assert again.key == preparation.key
    assert again.fractions == preparation.fractions
    assert again.bounds == preparation.bounds
    assert again.quanta == preparation.quanta
    assert {name: values.tolist() for name, values in again.sample.items()} == {name: values.tolist() for name, values in preparation.sample.items()}
    for target, tree in preparation.trees.items():
        columns = {name: preparation.sample[name] for name in tree.observables}
        assert np.array_equal(again.bins(target).apply(columns), tree.apply(columns))


def test_sample_is_drawn_by_weight_and_without_replacement(preparation: Preparation) -> None:
    """Distributed as the weighted events (two-sample test against their cumulative weights), no event twice."""
    kept = loops.selected(MC, 0.7)
    found = preparation.sample["surface_energy"]
    assert 500 < len(found) == len(np.unique(found)) < len(kept)
    order = np.argsort(MC["surface_energy"][kept])
    energy, share = MC["surface_energy"][kept][order], np.cumsum(MC["GaisserToy"][kept][order]) / MC["GaisserToy"][kept].sum()
    distance = np.abs(np.arange(1, len(found) + 1) / len(found) - np.interp(np.sort(found), energy, share)).max()
    assert distance < 1.95 / np.sqrt(len(found))  # Kolmogorov and Smirnov, 0.1 %
    assert np.median(MC["surface_energy"][kept]) > 1.15 * np.median(found)


def test_processors_travel_to_workers(config: Any, preparation: Preparation) -> None:
    one = StoppingMuonsProcessor(setup_of(config), preparation)
    again = pickle.loads(pickle.dumps(one))
    assert raw(again.process(as_events(MC, 0, 2000))) == raw(one.process(as_events(MC, 0, 2000)))


def test_every_histogram_is_announced(config: Any, preparation: Preparation) -> None:
    for name, columns in (("mc_l2", MC), ("mc_l0", GENERATED), ("low", MC), ("snow", MC), ("data", MC)):
        one = StoppingMuonsProcessor(setup_of(config, name), preparation)
        found = one.process(as_events(columns, 0, 3000))
        assert {key: tuple(hist.axes) for key, hist in found.items()} == {key: tuple(axes) for key, axes in one.axes().items()}
