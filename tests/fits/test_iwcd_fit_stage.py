"""The fit stage of ``iwcd``: real classifier outputs without events, every kind of fit on event tables, and what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import run_analysis
import run_fit
import run_processor
from configs.errors import InputError
from configs.schema import IwcdConfig, load_config
from data_info.catalogue import entries
from fits.iwcd import fit_all
from fits.stage import fit
from readers.source import SourceError
from records.failed_fit import FailedFit
from records.freshness import dependencies
from records.iwcd_fits import FractionsResult, ResponseResult, ScaleResult
from records.manifest import load_manifest
from records.performance import DiscriminantResult, PerformanceResult
from records.results import load_results
from records.summary import rows
from records.tables import Table, save_table, table_path

ROOT = Path(__file__).resolve().parents[2]
PARTICLES = ("gamma", "e-", "mu-", "pi0")
SHAPES = ("mean_angle", "rms_angle", "ring_fraction", "inner30", "outer50", "outer70", "beta1", "beta2", "q_rms_ratio", "maxq_fraction", "tres_rms")
EVERY_KIND: dict[str, Any] = {
    "own": {
        "kind": "performance", "outputs": "scores/tagger/e--mu-.logistic", "dataset": "mc", "classes": ["e-", "mu-"], "rejection": {"mu-": 0.9},
        "mirror": {"classes": ["e-", "mu-"]}, "permutations": 100,
    },
    "tagger": {"kind": "discriminant", "dataset": "mc", "pairs": [["e-", "mu-"]], "models": ["logistic"], "preselection": "nhits > 25"},
    "mixture": {"kind": "fractions", "templates": "mc", "data": "data", "crosscheck": ["pyhf"], "toys": 4},
    "halves": {"kind": "fractions", "templates": "mc", "data": "mc", "allow_same": True},
    "light": {"kind": "scale", "templates": "mc", "data": "data", "particle": "e-", "variable": "charge"},
    "linear": {"kind": "response", "dataset": "mc", "slice_mev": 200},
}  # fmt: skip


def event_table(size: int, seed: int, labelled: bool = True) -> Table:
    """An event table as the processor leaves it, without hits behind it: ``size`` events of each particle."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(4), size)
    n = label.size
    r, angle, y = 400 * np.sqrt(random.uniform(size=n)), random.uniform(-np.pi, np.pi, n), random.uniform(-300, 300, n)
    evis = random.uniform(0, 1000, n)
    charge = 6.2 * evis * random.normal(1, np.sqrt(0.3 / np.maximum(evis, 30) + 0.0013))
    columns = {
        "row": np.arange(n), "root_file": np.array([f"{PARTICLES[code]}_{i // 40}.root" for i, code in enumerate(label)]),
        "label": label if labelled else np.full(n, -1), "particle": np.array(PARTICLES)[label] if labelled else np.full(n, "unknown"),
        "energy": evis + 1, "evis": evis, "x": r * np.cos(angle), "y": y, "z": r * np.sin(angle), "r2": r**2, "cos_zenith": random.uniform(-1, 1, n),
        "azimuth": random.uniform(-np.pi, np.pi, n), "dwall": np.minimum(400 - r, 300 - np.abs(y)), "towall": random.uniform(0, 800, n),
        "nhits": (charge / 2).astype(int) + 1, "charge": charge, "charge_per_hit": np.full(n, 2.0) + 0.01 * random.normal(size=n),
        "tres_skew": random.normal(size=n), "time_rms": random.normal(20.0, 2.0, n), "selected": np.arange(n) % 10 != 0,
    }  # fmt: skip
    columns |= {name: random.normal(0.5, 0.1, n) + 0.15 * (label == 2) for name in SHAPES}
    columns["mean_angle"] = random.normal(np.array([46.0, 46.0, 37.0, 52.0])[label], 3.0)
    return Table(columns)


def configured(folder: Path, fits: dict[str, Any], datasets: dict[str, Any] | None = None) -> IwcdConfig:
    content = {
        "name": "small",
        "analysis": "iwcd",
        "seed": 5,
        "output_dir": str(folder / "out"),
        "datasets": datasets or {},
        "fits": copy.deepcopy(fits),
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return load_config(folder / "config.yaml")


def account(*names: str, complete: bool = True) -> dict[str, Any]:
    return {"complete": complete, "histogram_digest": "0", "datasets": {name: {"files": 1, "expected": 1} for name in names}}


@pytest.fixture
def tables(tmp_path: Path) -> Callable[[dict[str, Any]], IwcdConfig]:
    """A configuration of two data sets whose tables are there."""
    datasets = {name: {"files": "none.h5", "kind": kind} for name, kind in (("mc", "mc"), ("data", "data"))}

    def build(fits: dict[str, Any]) -> IwcdConfig:
        config = configured(tmp_path, fits, datasets)
        save_table(table_path(config.output, "mc", "events"), event_table(500, 1))
        save_table(table_path(config.output, "data", "events"), event_table(100, 2, labelled=False))
        return config

    return build


def test_every_kind_of_fit_on_event_tables(tables: Callable[[dict[str, Any]], IwcdConfig]) -> None:
    config = tables(EVERY_KIND)
    results, used = fit_all(config, account("mc", "data"))
    kinds = [PerformanceResult, DiscriminantResult, FractionsResult, FractionsResult, ScaleResult, ResponseResult]
    assert list(results) == list(EVERY_KIND)
    assert [type(one) for one in results.values()] == kinds
    assert table_path(config.output, "mc", "events") in used
    assert all(len(one.input_digest) == 64 and not one.partial and rows(one) for one in results.values())
    tagger, own = results["tagger"], results["own"]
    assert tagger.outputs == {"e--mu-.logistic": "scores/tagger/e--mu-.logistic"}
    assert own.roc[0].auc == pytest.approx(tagger.models[0].auc)  # the same scores, read back
    assert own.join.rows_without_event == 0
    for fitted, truth in ((results["mixture"], None), (results["halves"], results["halves"].truth)):
        assert fitted.valid
        true = truth or {"shower": 180 * 0.97, "mu": 90, "pi0": 90}  # nine of ten events are selected
        assert all(abs(fitted.yields[name].value - true[name]) < 4 * fitted.yields[name].error + 10 for name in true)
    assert results["halves"].truth["shower"] > 400
    assert results["mixture"].truth == {}
    assert results["mixture"].crosschecks["pyhf"].difference < 0.02
    assert results["light"].parameters["scale"].value == pytest.approx(1, abs=0.05)
    assert results["linear"].linearity.parameters["b"].value == pytest.approx(6.2, rel=0.1)


def test_a_fit_without_enough_events_fails_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It leaves its reason as its result, the others of the run are done, and the doors say so with status 3."""
    write_outputs(tmp_path / "outs")
    np.savez(tmp_path / "few.npz", energy=np.full(4, 500.0), nhits=np.full(4, 10))
    light = {"kind": "scale", "templates": "few.npz", "data": "few.npz", "allow_same": True}
    config = configured(tmp_path, {"light": light, "net": {"kind": "performance", "outputs": "outs", "classes": ["gamma", "e-", "mu-"]}})
    assert run_fit.main([str(config.source)]) == 3
    out, err = capsys.readouterr()
    assert "FAILED" in out
    assert "fit light failed: scale: 2 template events and 0 data events in range" in err
    saved = load_results(config.output / "results.json")
    assert (saved["light"].valid, saved["light"].kind_of_fit) == (False, "scale")
    assert saved["net"].n_events == 600
    for expected in ("not drawn: light: the fit failed: scale", "fit light failed: scale"):  # the stages run again, then nothing is out of date
        assert run_analysis.main([str(config.source)]) == 3
        assert expected in capsys.readouterr().err


def test_small_samples_fail_where_they_do_not_suffice(tables: Callable[[dict[str, Any]], IwcdConfig]) -> None:
    config = tables({name: EVERY_KIND[name] for name in ("own", "tagger", "linear", "light")})
    few = event_table(3, 1)
    save_table(table_path(config.output, "mc", "events"), Table({**few.columns, "selected": np.ones(12, bool)}))
    results, _ = fit_all(config, account("mc", "data"))
    reasons = {name: result.reason for name, result in results.items() if isinstance(result, FailedFit)}
    assert set(reasons) == {"own", "tagger", "linear"}
    assert "of 3 events are contained" in reasons["linear"]
    assert "4 folds need at least 4 events of each class" in reasons["tagger"]
    assert "was not made, because its discriminant failed" in reasons["own"]
    assert isinstance(results["light"], ScaleResult)


def test_incomplete_runs_mark_every_result(tables: Callable[[dict[str, Any]], IwcdConfig]) -> None:
    config = tables({"linear": EVERY_KIND["linear"]})
    results, _ = fit_all(config, account("mc", complete=False))
    assert results["linear"].partial


@pytest.mark.parametrize(
    ("fit_options", "message"),
    [
        ({"kind": "response", "dataset": "ms"}, r"fits\.one\.dataset: 'ms' is not a data set of the configuration.*mc"),
        ({"kind": "fractions", "templates": "mc", "data": "mc"}, r"fits\.one: 'mc' is both template and data; set allow_same: true"),
        ({"kind": "scale", "templates": "data", "data": "data"}, r"fits\.one: 'data' is both template and data"),
        ({"kind": "scale", "templates": "mc", "data": "none.npz"}, r"none\.npz: no such file"),
        ({"kind": "fractions", "templates": "outs", "data": "outs", "allow_same": True}, r"fits\.one\.templates: no directory 'outs'"),
        ({"kind": "performance", "outputs": "outs"}, r"fits\.one\.outputs: no directory 'outs'; looked for"),
        ({"kind": "discriminant", "dataset": "mc", "preselection": "nhits > 1e9"}, r"fits\.one\.preselection: 'nhits > 1e9' keeps 0 of 1800 events"),
        ({"kind": "discriminant", "dataset": "mc", "preselection": "nhit > 1"}, "no event column 'nhit'.*nhits"),
        ({"kind": "scale", "templates": "mc", "data": "data", "particle": "pi+"}, r"fits\.one\.particle: no 'pi\+' in .*found e-, gamma, mu-, pi0"),
    ],
)
def test_impossible_fits_are_refused(tables: Callable[[dict[str, Any]], IwcdConfig], fit_options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_all(tables({"one": fit_options}), account("mc", "data"))


def test_dataset_and_positions_exclude_each_other(tables: Callable[[dict[str, Any]], IwcdConfig], tmp_path: Path) -> None:
    (tmp_path / "outs").mkdir()
    np.savez(tmp_path / "p.npz", index=[0])
    config = tables({"one": {"kind": "performance", "outputs": "outs", "dataset": "mc", "positions": "p.npz"}})
    with pytest.raises(InputError, match=r"fits\.one: dataset and positions both say where the events were"):
        fit_all(config, account("mc"))


def test_nothing_selected_is_refused(tables: Callable[[dict[str, Any]], IwcdConfig]) -> None:
    config = tables({"linear": EVERY_KIND["linear"]})
    table = event_table(5, 1)
    save_table(table_path(config.output, "mc", "events"), Table({**table.columns, "selected": np.zeros(20, bool)}))
    with pytest.raises(InputError, match=r"the selection keeps 0 of 20 events of 'mc'"):
        fit_all(config, account("mc"))


def write_outputs(folder: Path) -> None:
    random = np.random.default_rng(2)
    labels = np.arange(600) % 3
    folder.mkdir(parents=True)
    np.save(folder / "indices.npy", random.permutation(600))
    np.save(folder / "labels.npy", labels)
    np.save(folder / "predictions.npy", np.where(random.uniform(size=600) < 0.7, labels, random.integers(0, 3, 600)))


def test_outputs_alone_need_no_event_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_outputs(tmp_path / "outs")
    composition = {"kind": "fractions", "templates": "outs", "data": "outs", "allow_same": True, "classes": ["gamma", "e-", "mu-"], "light_yield": 0}
    performance = {"kind": "performance", "outputs": "outs", "classes": ["gamma", "e-", "mu-"]}
    groups = {"gamma": ["gamma"], "e-": ["e-"], "mu-": ["mu-"]}
    config = configured(tmp_path, {"net": performance, "mix": {**composition, "groups": groups}})
    assert run_processor.main([str(config.source)]) == 0
    assert "no data sets, so there is nothing to process" in capsys.readouterr().out
    assert run_fit.main([str(config.source)]) == 0
    saved = load_results(config.output / "results.json")
    assert saved["net"].n_events == 600
    assert saved["mix"].n_observed == 300
    assert sum(saved["mix"].truth.values()) == 300
    assert (config.output / "tables/net.confusion.csv").read_text().splitlines()[0] == "true,as gamma,as e-,as mu-"
    assert "mix.yields.tex" in {path.name for path in (config.output / "tables").iterdir()}
    manifest = load_manifest(config.output)
    assert manifest["config"]["name"] == "small"
    assert {Path(path).name for path in manifest["inputs"]} == {"indices.npy", "labels.npy", "predictions.npy"}


def test_changed_outputs_make_the_fit_stale(tmp_path: Path) -> None:
    write_outputs(tmp_path / "outs")
    config = configured(tmp_path, {"net": {"kind": "performance", "outputs": "outs", "classes": ["gamma", "e-", "mu-"]}})
    before = dependencies("fit", config)
    np.save(tmp_path / "outs/predictions.npy", np.zeros(600, int))
    after = dependencies("fit", config)
    assert {name for name in before if before[name] != after[name]} == {"files"}


def test_analysis_without_data_sets_starts_with_the_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_outputs(tmp_path / "outs")
    config = configured(tmp_path, {"net": {"kind": "performance", "outputs": "outs", "classes": ["gamma", "e-", "mu-"]}})
    run_analysis.main([str(config.source)])  # figures are for plotting to judge
    assert capsys.readouterr().out.startswith("fit: runs (it has not run yet)")


@pytest.mark.public_data
def test_published_classifier_by_its_configuration(public_data: Path, tmp_path: Path) -> None:
    config = load_config(ROOT / "configs/iwcd_classifier.yaml", [f"output_dir={tmp_path}", "fits.showers.toys=10"])
    results = fit(config)
    saved = load_results(config.output / "results.json")
    assert all(saved[name] == results[name] for name in ("network", "showers", "electrons"))
    assert saved["composition"].profiles == results["composition"].profiles  # its errors are NaN and never equal
    assert results["network"].confusion.counts == [[79, 105, 16], [57, 118, 25], [15, 40, 145]]
    assert results["network"].join.proof == "indices match split test_idxs (600/600)"
    assert "at its bound" in results["composition"].errors_withheld
    assert results["composition"].profiles["e-"].interval_68 == pytest.approx((0, 205), abs=5)
    assert results["showers"].yields["shower"].error == pytest.approx(24.5, abs=0.1)
    assert results["electrons"].parameters["scale"].value == pytest.approx(0.9992, abs=0.001)
    assert all(check.difference < 0.02 for name in ("composition", "showers") for check in results[name].crosschecks.values())
    assert "gamma,79,105,16" in (config.output / "tables/network.confusion.csv").read_text()
    assert r"recall gamma & $0.395^{+0.038}_{-0.036}$ & $79$ & $200$ \\" in (config.output / "tables/network.rates.tex").read_text()
    assert json.loads((config.output / "results.json").read_text())["analysis"] == "iwcd"


@pytest.mark.public_data
def test_positions_of_another_split_are_refused(public_data: Path, tmp_path: Path) -> None:
    # Golden check G9 through the configuration.
    changed = "fits.network.positions=iwcd/val_positions.npz"
    config = load_config(ROOT / "configs/iwcd_classifier.yaml", [f"output_dir={tmp_path}", changed])
    with pytest.raises(InputError, match=r"test_idxs.*600/600.*val_idxs"):
        fit(config)


def test_files_without_columns_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", energy=np.ones(3), nhits=np.ones(4))
    config = configured(tmp_path, {"one": {"kind": "scale", "templates": "e.npz", "data": "e.npz", "allow_same": True}})
    with pytest.raises(InputError, match=r"fits\.one\.templates: .*e\.npz has no columns of one length \(energy, nhits\)"):
        fit_all(config, None)
    (tmp_path / "e.npz").write_bytes(b"not an archive")
    with pytest.raises(SourceError, match=r"e\.npz"):
        fit_all(config, None)


def test_catalogue_has_what_the_configuration_names() -> None:
    config = load_config(ROOT / "configs/iwcd_classifier.yaml")
    named = {config.fits["network"].split_file, config.fits["electrons"].data, *(f"iwcd/train_out/{name}.npy" for name in ("indices", "labels"))}
    assert named <= set(entries())
