"""Data sets of a dark-matter analysis: seasons, livetimes and simulations; the whole stage on small generated files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from dark_matter_case import measured, simulated

from configs.errors import InputError
from configs.schema import ANALYSES, load_config
from physics.constants import DAY_S
from processors.dark_matter_checks import check_dataset, season_metadata
from processors.stage import process
from records.hists import digest, load_hists
from records.tables import load_tables
from simulation.dark_matter import good_runs

DATA = {"kind": "data", "files": ["exp.npy"], "season": 2012, "livetime_days": 300.0}
MC = {"kind": "mc", "files": ["mc.npy"]}


def configuration(**datasets: Any) -> Any:
    return ANALYSES["dark_matter"].model_validate({"name": "test", "analysis": "dark_matter", "datasets": datasets})


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no season": ("a", {"a": {**DATA, "season": None}, "mc": MC}, "datasets.a.season: give the season of these data.* not taken from names of files"),
    "no livetime": ("a", {"a": {**DATA, "livetime_days": None}, "mc": MC}, r"datasets.a: give either grl \(a good run list\) or livetime_days"),
    "two livetimes": ("a", {"a": {**DATA, "grl": "grl.npy"}, "mc": MC}, "datasets.a: give either grl"),
    "season twice": ("b", {"a": DATA, "b": {**DATA, "files": ["other.npy"]}, "mc": MC}, "datasets.b.season: 2012 is also that of a; put the files"),
    "season without simulation": ("a", {"a": DATA, "mc": {**MC, "seasons": [2013]}}, "datasets.a: no simulation for season 2012; add a data set"),
    "simulation twice": (
        "m2",
        {"a": DATA, "m1": MC, "m2": {**MC, "files": ["n.npy"], "seasons": [2012]}},
        "m1 simulates the same flavour for the same",
    ),
    "one file for two flavours": (
        "e",
        {"a": DATA, "mu": MC, "e": {**MC, "flavour": "e"}},
        "datasets.e: mc.npy is also in mu, as another flavour of the same seasons; its events would count twice",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_sets(name: str) -> None:
    dataset, datasets, message = BAD[name]
    with pytest.raises(InputError, match=message):
        check_dataset(configuration(**datasets), dataset)


def test_good_data_sets() -> None:
    several = {"a": DATA, "b": {**DATA, "season": 2013}, "m1": {**MC, "seasons": [2012]}, "m2": {**MC, "seasons": [2013]}}
    for name in several:
        check_dataset(configuration(**several), name)


def test_livetime_in_days_becomes_seconds_once() -> None:
    assert season_metadata(configuration(a=DATA, mc=MC), "a", ["exp.npy"]) == {"season": 2012, "livetime_s": 300.0 * DAY_S}
    with pytest.raises(ValueError, match=r"livetime_days\n  Input should be a finite number"):
        configuration(a={**DATA, "livetime_days": float("inf")}, mc=MC)


CONFIG = """
name: small
analysis: dark_matter
seed: 7
datasets:
  exp_2013: {example: {size: 300}, kind: data, season: 2013}
  exp_2016: {example: {size: 200}, kind: data, season: 2016}
  mc: {example: {size: 500}, kind: mc}
processor: {psi_edges_deg: [0.0, 20.0, 180.0]}
"""


def test_stage_leaves_no_true_right_ascension(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    runs = {}
    for size, kind in ((1000, "iterative"), (151, "futures")):
        config = load_config(tmp_path / "c.yaml", [f"output_dir={tmp_path}/out_{size}", f"executor.chunksize={size}", f"executor.kind={kind}"])
        process(config)
        runs[size] = config.output
    whole, pieces = (load_tables(output) for output in runs.values())
    for name, size in (("exp_2013", 300), ("exp_2016", 200)):
        true = np.load(next(runs[1000].glob(f"example/**/{name}/**/exp.npy")))
        assert len(whole[name]["events"]) == size
        assert not np.isin(whole[name]["events"]["ra"], true["ra"]).any()
        assert pieces[name]["events"] == whole[name]["events"]
    one, other = (load_hists(output / "hists.h5") for output in runs.values())
    for name, hists in one.items():
        for histogram, content in hists.items():
            assert np.asarray(content.view(flow=True)).tobytes() == np.asarray(other[name][histogram].view(flow=True)).tobytes()
    about = json.loads((runs[151] / "processing.json").read_text())["datasets"]
    assert about["exp_2013"]["livetime_s"] == pytest.approx(330 * DAY_S)  # a run stands in the list twice
    assert about["exp_2016"]["metadata"]["runs"] == [[115000, 115329]]
    assert about["exp_2016"]["metadata"]["events_of_runs"] == 200


def write(path: Path, events: np.ndarray) -> None:
    """The same events in the form that the name asks for."""
    columns = {name: np.ascontiguousarray(events[name]) for name in events.dtype.names}
    if path.suffix == ".npy":
        np.save(path, events)
    elif path.suffix == ".parquet":
        pq.write_table(pa.table(dict(reversed(columns.items()))), path)
    elif path.suffix == ".root":
        with uproot.recreate(path) as file:
            file["events"] = columns
    else:
        with h5py.File(path, "w") as file:
            for name, values in columns.items():
                file[name] = values


def test_files_of_any_form_give_the_same(tmp_path: Path) -> None:
    """Any order of the fields, and the good run list from a file of its own."""
    data, mc = measured(2013, 200), simulated(300)
    np.save(tmp_path / "runs.npy", good_runs(2013, data))
    contents = []
    for ending in ("npy", "parquet", "root", "h5"):
        write(tmp_path / f"exp.{ending}", data)
        write(tmp_path / f"mc.{ending}", mc)
        (tmp_path / "c.yaml").write_text(
            f"name: {ending}\nanalysis: dark_matter\noutput_dir: {tmp_path}/out\nprocessor: {{psi_edges_deg: [0.0, 20.0, 180.0]}}\n"
            "executor: {kind: iterative}\ndatasets:\n"
            f"  exp: {{files: exp.{ending}, kind: data, season: 2013, grl: runs.npy}}\n  mc: {{files: mc.{ending}, kind: mc}}\n"
        )
        outcome = process(load_config(tmp_path / "c.yaml"))
        assert outcome.account.datasets["exp"].metadata["livetime_s"] == pytest.approx(330 * DAY_S)
        assert outcome.tables["exp"]["events"]["run"].tolist() == data["run"].tolist()
        contents.append(digest(outcome.hists))
    assert len(set(contents)) == 1


def test_good_run_list_that_is_not_there(tmp_path: Path) -> None:
    np.save(tmp_path / "exp.npy", measured(2013, 20))
    np.save(tmp_path / "mc.npy", simulated(50))
    (tmp_path / "c.yaml").write_text(
        f"name: absent\nanalysis: dark_matter\noutput_dir: {tmp_path}/out\ndatasets:\n"
        "  exp: {files: exp.npy, kind: data, season: 2013, grl: nowhere.npy}\n  mc: {files: mc.npy, kind: mc}\n"
    )
    with pytest.raises(InputError, match=r"nowhere\.npy: no such file; looked for"):
        process(load_config(tmp_path / "c.yaml"))
