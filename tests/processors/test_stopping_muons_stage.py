"""From generated files to hists.h5: golden numbers through the processor's histograms, several files, chunks, resuming, what is kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from muon_case import config_of, raw

from processors import engine
from processors.inputs import dataset_inputs
from processors.stage import process
from processors.stopping_muons_preparation import FILE, load
from records.cut_flow import steps
from records.hists import load_hists
from simulation.stopping_muons import BLOCK

SIZE, UNTRIGGERED, REPLICAS = 1_000_000, 300_000, 200
AREA_1E4_M2 = {  # golden numbers G17 and their statistical errors in percent for 12 M muons
    "energy": ([6.87, 9.95, 9.55, 8.65, 7.78, 6.93, 6.28, 5.78, 5.39, 4.70], [0.4, 0.4, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.6, 3.5]),
    "range": ([5.05, 9.48, 12.93, 14.41, 12.28, 10.40, 8.72, 7.48, 6.36, 5.28], [0.6, 0.5, 0.5, 0.5, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2]),
}


def changes(**more: Any) -> dict[str, Any]:
    inputs = {
        "mc_l2": {"example": {"size": SIZE}, "type": "mc", "level": 2}, "mc_l0": {"example": {"size": UNTRIGGERED}, "type": "mc", "level": 0},
        "low": None, "snow": None,
    }  # fmt: skip
    bins = {"n_range_bins": 10, "n_energy_bins": 10, "n_proxy_bins": 20, "energy_max": 12000.0}
    areas = {"effective_area_iteration_number": REPLICAS}
    return {"inputs": inputs, "Binning": bins, "Effective_area": areas, "Unfolding": {"train_size": 18_000, "test_size": 3000}, **more}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("muons")
    process(config_of(folder, **changes()))
    return folder


@pytest.fixture(scope="module")
def hists(folder: Path) -> Any:
    return load_hists(folder / "outputs" / "muons" / "hists.h5")


def test_golden_g14_rates_purity_and_efficiency(hists: Any) -> None:
    nominal = hists["mc_l2"]
    rates = {step.name: step.rate_hz for step in steps(nominal["cutflow"])}
    assert rates["all"] == pytest.approx(15.4e3, rel=0.02)
    assert rates["stopping_score >= 0.7"] == pytest.approx(2.89e3, rel=0.02)
    assert hists["mc_l0"]["cutflow"].values()[0, 1] == pytest.approx(301.6e3, rel=0.02)
    impurity = nominal["impurity_range"].view(flow=True)["value"].sum(axis=1)
    assert impurity[1] / impurity.sum() == pytest.approx(0.9985, abs=0.001)
    score = nominal["score"].values()[:, 0]  # of events that stop, after the filter at score 0.02, which they all pass
    assert score[35:].sum() / score.sum() == pytest.approx(0.8449, abs=0.01)


def test_golden_g14_single_muons(hists: Any) -> None:
    found = hists["mc_l2"]["multiplicity"].values(flow=True)
    cuts = hists["mc_l2"]["multiplicity"].axes["score_cut"].edges
    above = np.cumsum(found[:, ::-1], axis=1)[:, ::-1]
    for cut, single in ((0.7, 0.918), (0.9, 0.955)):
        place = int(np.searchsorted(cuts, cut))
        assert above[0, place] / above[:, place].sum() == pytest.approx(single, abs=0.01)


def test_golden_g16_correlation_of_lengths(hists: Any) -> None:
    """From the map of true and reconstructed lengths, as far as its bins resolve them."""

    found = hists["mc_l2"]["corr_propagation_length"]
    true, reco = (one.centers for one in found.axes)
    share = found.values() / found.values().sum()
    mean = share.sum(1) @ true, share.sum(0) @ reco
    widths = np.sqrt(share.sum(1) @ (true - mean[0]) ** 2), np.sqrt(share.sum(0) @ (reco - mean[1]) ** 2)
    assert (true - mean[0]) @ share @ (reco - mean[1]) / np.prod(widths) == pytest.approx(0.992, abs=0.005)


@pytest.mark.parametrize("target", ["range", "energy"])
def test_golden_g17_and_g24_effective_area(hists: Any, target: str) -> None:
    above, below = (hists[name][f"aeff_{part}_{target}"].view() for name, part in (("mc_l2", "num"), ("mc_l0", "den")))
    above = above[0]  # all sectors
    area = above["value"] / below["value"]
    analytic = np.sqrt(above["variance"][0] / below["value"][0] ** 2 + area[0] ** 2 * below["variance"][0] / below["value"][0] ** 2)
    golden, percent = (np.array(one) for one in AREA_1E4_M2[target])
    assert np.all(np.abs(area[0] / 1e4 - golden) < 4 * np.hypot(analytic / 1e4, golden * percent / 100))
    bootstrap = area[1:].std(axis=0, ddof=1)
    assert np.all(np.abs(bootstrap / analytic - 1) < 0.15 + 3 / np.sqrt(2 * REPLICAS) * (np.arange(len(area[0])) > 7)), bootstrap / analytic
    assert np.mean(bootstrap / analytic) == pytest.approx(1.0, abs=0.05)


def test_rows_of_all_files_are_counted_once(folder: Path, hists: Any) -> None:
    from readers import open_source

    example = folder / "outputs" / "muons" / "example"
    for name, files in (("mc_l2", SIZE // BLOCK), ("mc_l0", UNTRIGGERED // BLOCK + 1), ("data", 1)):
        paths = sorted((example / name).glob("*.hdf5"))
        assert len(paths) == files
        rows = 0
        for path in paths:
            with open_source(str(path), "hdfwriter") as source:
                rows += len(source)
        assert hists[name]["cutflow"].values()[0, 0] == rows


def test_chunks_change_no_bit(folder: Path, hists: Any, tmp_path: Path) -> None:
    """Of files in smaller chunks, with a journal of their own: an output keeps the chunks of its last run alone. Those of 1 k events in memory are in
    test_stopping_muons_processor."""
    shutil.copytree(folder / "outputs" / "muons" / "example", tmp_path / "outputs" / "muons" / "example")
    config = config_of(tmp_path, **changes(executor={"chunksize": 9000}))
    inputs = [one for one in dataset_inputs(config) if one.name in ("mc_l2", "data")]
    here, there = load(config.output), load(folder / "outputs" / "muons")
    assert {name: tree.to_json() for name, tree in here.trees.items()} == {name: tree.to_json() for name, tree in there.trees.items()}
    assert (here.fractions, here.bounds, here.axes, here.quanta) == (there.fractions, there.bounds, there.axes, there.quanta)
    assert {name: values.tolist() for name, values in here.sample.items()} == {name: values.tolist() for name, values in there.sample.items()}
    for name, found in engine.run(inputs, config.executor).hists.items():
        assert raw(found) == raw(hists[name]), name


def test_another_run_takes_what_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preparation is not made again, and no chunk is processed again; another training needs both."""
    config = config_of(folder, **changes(executor={"chunksize": 262_144}))  # not the timed one: another size needs its own chunks once
    process(config)  # a complete run keeps its own chunks alone, and the test before had others
    before = (config.output / FILE).stat().st_mtime_ns

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("worked again")

    monkeypatch.setattr("processors.stopping_muons_preparation.trained", refuse)
    monkeypatch.setattr("processors.work.process_chunk", refuse)
    monkeypatch.setattr("processors.engine.process_chunk", refuse)
    process(config)
    assert (config.output / FILE).stat().st_mtime_ns == before
    other = config_of(folder, **changes(Options={"earth": "flat", "tree_weights": "flat"}, executor={"chunksize": 262_144}))
    with pytest.raises(AssertionError, match="worked again"):
        process(other)


def test_where_the_files_lie_makes_no_difference(folder: Path, hists: Any, tmp_path: Path) -> None:
    """Splits and replicas depend on the names of the files, not on their folder."""
    shutil.copytree(folder / "outputs" / "muons" / "example" / "mc_l2", tmp_path / "elsewhere")
    from configs.stopping_muons import TOY_KEYS

    keys = {kind: {sub: list(pair) for sub, pair in one.items()} for kind, one in TOY_KEYS.items()}
    sets = {**changes()["inputs"], "mc_l2": {"path": str(tmp_path / "elsewhere" / "*.hdf5"), "type": "mc", "level": 2}, "mc_l0": None, "data": None}
    areas = {"calculate_effective_area_range": False, "calculate_effective_area_energy": False, "effective_area_iteration_number": REPLICAS}
    more = {"inputs": sets, "Effective_area": areas, "Data": {"keys": keys}, "Loading_data": {"cut_exceptions": []}}
    config = config_of(tmp_path, **{**changes(), **more})
    found = engine.run(dataset_inputs(config), config.executor).hists["mc_l2"]
    assert raw(found) == raw(hists["mc_l2"])
