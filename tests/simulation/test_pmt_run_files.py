"""The generated tree of .trc files: what a reader finds in them, their table of runs, their truth, faults on request, and when they are kept."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from configs.errors import InputError
from configs.schema import PmtGainConfig, load_config
from data_info.pmt_files import locate
from data_info.pmt_runs import Runs, read_runs
from readers import open_source
from readers.trc_batch import read_batch
from simulation.pmt_gain import point_truth, triggers
from simulation.registry import generate

SEED = 4
SMALL = {"size": 12, "truth": {"off_triggers": 30, "low_triggers": 1100}}
CHOICE = {"pmts": ["PMT_1", "PMT_4"], "hv_v": [700, 1400]}


def configured(folder: Path, example: dict[str, Any] = SMALL, **dataset: Any) -> PmtGainConfig:
    options = {"name": "c", "analysis": "pmt_gain", "seed": SEED, "output_dir": str(folder / "out")}
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump({**options, "datasets": {"led": {"example": example, **CHOICE, **dataset}}}))
    return load_config(path)


def made(folder: Path, example: dict[str, Any] = SMALL, **dataset: Any) -> Runs:
    folder.mkdir(exist_ok=True)
    (table,) = generate(configured(folder, example, **dataset), "led", folder / "example")
    return read_runs(table)


def files_of(runs: Runs) -> dict[str, tuple[str, ...]]:
    return {point.name: locate(point, []).files for point in runs.points}


def digests(runs: Runs) -> dict[str, str]:
    root = runs.path.parent
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*.trc")}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return made(tmp_path_factory.mktemp("runs"))


def test_tree_has_the_names_of_the_reference(runs: Runs) -> None:
    names = files_of(runs)
    root = runs.path.parent
    assert names["PMT_4.1400V"] == tuple(str(root / f"PMT_3_881_2/1400/Autosave/C1--n16deg--{i:05d}.trc") for i in range(12))
    assert {Path(name).parent.relative_to(root).as_posix() for name in names["PMT_1.1400V.low.off"]} == {"PMT_1_2/1400/low_off"}
    assert list(names) == [
        *("PMT_1.700V", "PMT_1.1400V", "PMT_4.700V", "PMT_4.1400V"), *("PMT_1.700V.off", "PMT_1.1400V.off", "PMT_4.700V.off", "PMT_4.1400V.off"),
        *("PMT_1.1400V.low", "PMT_1.1400V.low.off"),
    ]  # fmt: skip


def test_table_has_the_thresholds_and_numbers_of_files(runs: Runs) -> None:
    found = {point.name: point for point in runs.points}
    assert found["PMT_1.1400V"].cut_v == pytest.approx(-46.23e-3 * 1.4**5.53, rel=1e-5)
    assert found["PMT_1.1400V"].q_ref_pc == pytest.approx(212.4 * 46.23e-3 * 1.4**5.53, rel=1e-5)
    assert (found["PMT_4.700V"].noisy, found["PMT_1.700V"].noisy) == (True, False)
    assert {point.name: point.n_files for point in runs.points if point.n_files != 12} == {
        **{f"{pmt}.{hv}V.off": 1 for pmt in ("PMT_1", "PMT_4") for hv in (700, 1400)}, "PMT_1.1400V.low": 2, "PMT_1.1400V.low.off": 2,
    }  # fmt: skip
    assert found["PMT_1.1400V.low"].cut_v is None


@pytest.mark.parametrize("name", ["PMT_1.700V", "PMT_4.1400V"])
def test_files_decode_to_the_codes_that_were_drawn(name: str, runs: Runs) -> None:
    pmt, hv, *_ = name.split(".")
    truth = point_truth(pmt, float(hv[:-1]), "led")
    (group,) = read_batch(files_of(runs)[name])
    drawn = triggers(truth, 12, SEED)
    assert (group.codes == drawn.codes).all()
    assert group.v_gain == pytest.approx(np.full(12, truth.volts_per_division / 8000), rel=1e-6)
    assert group.v_offset_v == pytest.approx(np.full(12, 2.5 * truth.volts_per_division), rel=1e-6)
    assert group.t0_ns == pytest.approx(np.full(12, 22.0), rel=1e-12)
    assert group.dt_ns == pytest.approx(np.full(12, 0.1), rel=1e-6)
    assert (group.coupling == 0).all()


def test_sequences_hold_a_thousand_triggers_with_their_own_offsets(runs: Runs) -> None:
    paths = files_of(runs)["PMT_1.1400V.low"]
    groups = [group for path in paths for group in read_batch([path])]
    assert [len(group) for group in groups] == [1000, 100]
    drawn = triggers(point_truth("PMT_1", 1400.0, "low"), 1100, SEED, jitter=True)
    assert (np.concatenate([group.codes for group in groups]) == drawn.codes).all()
    assert np.concatenate([group.t0_ns for group in groups]) == pytest.approx(drawn.t0_ns, rel=1e-12)
    assert np.diff(groups[0].trigger_time).astype(int) == pytest.approx(np.full(999, 1_000_000), abs=1)


def test_every_trigger_has_a_time_of_its_own(runs: Runs) -> None:
    times = [group.trigger_time for paths in files_of(runs).values() for group in read_batch(paths)]
    every = np.concatenate(times)
    assert len(np.unique(every)) == len(every) == 4 * (12 + 30) + 2 * 1100


def test_truth_lists_every_trigger_by_its_file(runs: Runs) -> None:
    table = pq.read_table(runs.path.parent / "truth.parquet").to_pydict()
    assert len(table["charge_pc"]) == 4 * (12 + 30) + 2 * 1100
    rows = [row for row, file in enumerate(table["file"]) if "PMT_3_881_2/1400/Autosave" in file]
    drawn = triggers(point_truth("PMT_4", 1400.0, "led"), 12, SEED)
    for name in ("n_pe", "charge_pc", "onset_ns", "tau_rise_ns", "tau_fall_ns", "baseline_v"):
        assert [table[name][row] for row in rows] == getattr(drawn, name).tolist()
    assert {table["pmt"][row] for row in rows} == {"PMT_4"}
    assert all((runs.path.parent / file).is_file() for file in set(table["file"]))
    low = [(table["file"][row], table["segment"][row]) for row, kind in enumerate(table["kind"]) if kind == "low"]
    assert low[1050] == ("PMT_1_2/1400/low/C1--sequence--00001.trc", 50)


def test_truth_of_points_is_a_readable_table(runs: Runs) -> None:
    with (runs.path.parent / "truth_points.csv").open() as file:
        rows = {(row["pmt"], row["hv_v"], row["kind"]): row for row in csv.DictReader(file)}
    truth = point_truth("PMT_4", 1400.0, "led")
    row = rows["PMT_4", "1400.0", "led"]
    assert (float(row["gain"]), float(row["photoelectrons"]), float(row["q1_pc"])) == (truth.gain, 30.0, truth.q1_pc)
    assert float(rows["PMT_1", "1400.0", "low"]["photoelectrons"]) == 1.2


def test_further_light_levels_have_their_own_light_range_and_led_off(runs: Runs, tmp_path: Path) -> None:
    example = {"size": 12, "truth": {"off_triggers": 30, "low_triggers": 0, "light_levels": 2, "level_triggers": 40, "led_spread": 0.05}}
    found = {point.name: point for point in made(tmp_path / "levels", example).points}
    assert [name for name in found if "level" in name] == [
        "PMT_1.1400V.level_1", "PMT_1.1400V.level_1.off", "PMT_1.1400V.level_2", "PMT_1.1400V.level_2.off"
    ]  # fmt: skip
    with (tmp_path / "levels" / "example" / "led" / "truth_points.csv").open() as file:
        truth = [row for row in csv.DictReader(file) if row["level"] != "0" and row["kind"] == "led"]
    assert [float(row["photoelectrons"]) for row in truth] == pytest.approx([10.0, 90.0])
    assert [float(row["volts_per_division"]) for row in truth] == [0.2, 1.0]
    with open_source([*locate(found["PMT_1.1400V.level_2"], []).files]) as source:
        assert len(source) == 40
    other = digests(made(tmp_path / "without", {**example, "truth": {**example["truth"], "light_levels": 0}}))
    assert other.items() <= digests(made(tmp_path / "levels", example)).items()


def test_same_seed_same_bytes_whatever_else_is_generated(runs: Runs, tmp_path: Path) -> None:
    alone = digests(made(tmp_path, pmts=["PMT_4"], hv_v=[1400]))
    all_of_them = digests(runs)
    shared = {name: digest for name, digest in alone.items() if "/low" not in name}
    assert len(shared) == 13
    assert shared.items() <= all_of_them.items()
    other = digests(made(tmp_path, {**SMALL, "seed": SEED + 1}, pmts=["PMT_4"], hv_v=[1400]))
    assert not set(other.values()) & set(alone.values())


def test_kept_when_the_options_are_the_same_and_cleared_when_not(tmp_path: Path) -> None:
    def times(runs: Runs) -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in runs.path.parent.rglob("*")}

    choice: dict[str, Any] = {"pmts": ["PMT_1"], "hv_v": [700]}
    first = made(tmp_path, **choice)
    before = times(first)
    assert times(made(tmp_path, **choice)) == before
    fewer = made(tmp_path, {**SMALL, "size": 5}, **choice)
    assert len(files_of(fewer)["PMT_1.700V"]) == 5
    assert len(list(fewer.path.parent.glob("PMT_1_2/700/Autosave/*.trc"))) == 5
    Path(files_of(fewer)["PMT_1.700V"][2]).write_bytes(b"damaged")
    again = made(tmp_path, {**SMALL, "size": 5}, **choice)
    assert len(open_source(list(files_of(again)["PMT_1.700V"]), "trc")) == 5


def test_size_not_given_is_that_of_the_example(tmp_path: Path) -> None:
    runs = made(tmp_path, {"truth": {"low_triggers": 0, "off_triggers": 0}}, pmts=["PMT_1"], hv_v=[700])
    assert [(point.name, point.n_files) for point in runs.points] == [("PMT_1.700V", 120)]


def test_faults_on_request_are_in_the_first_point(tmp_path: Path) -> None:
    example = {"size": 18, "truth": {"faults": 1, "low_triggers": 0, "off_triggers": 0}}
    runs = made(tmp_path, example, pmts=["PMT_1"], hv_v=[700, 750])
    first, second = (locate(point, []) for point in runs.points)
    assert [Path(name).name for name in first.missing] == ["C1--n16deg--00015.trc"]
    assert second.missing == ()
    source: Any = open_source(list(first.files), "trc")
    assert sorted(Path(name).name for name in source.refused) == ["C1--n16deg--00003.trc", "C1--n16deg--00005.trc"]
    events = source.events(0, len(source))
    by_file = dict(zip(np.asarray([Path(name).name for name in events.file.tolist()]), range(len(events)), strict=True))
    drawn = triggers(point_truth("PMT_1", 700.0, "led"), 18, SEED)
    truth = point_truth("PMT_1", 700.0, "led")
    for number in (0, 7, 9, 17):  # 7: big endian, 9: int8
        volts = np.asarray(events.waveform_v[by_file[f"C1--n16deg--{number:05d}.trc"]])
        assert volts == pytest.approx(truth.volts_per_code * drawn.codes[number] - truth.offset_v, rel=1e-6)
    saturated, other = by_file["C1--n16deg--00011.trc"], by_file["C1--n16deg--00013.trc"]
    assert int(events.n_sat_low[saturated]) > 0
    assert int(np.asarray(events.n_sat_low).sum()) == int(events.n_sat_low[saturated])
    assert events.coupling[other] == "DC1M"
    faults = pq.read_table(runs.path.parent / "truth.parquet").to_pydict()["fault"]
    assert [fault for fault in faults if fault] == ["truncated", "header only", "big endian", "int8", "saturated", "DC 1 Mohm", "missing"]


@pytest.mark.parametrize(
    ("example", "dataset", "message"),
    [
        ({"truth": {"lambda": 3.0}}, {}, r"datasets\.led\.example\.truth: 'lambda' is not a parameter of the generated runs"),
        ({"truth": {"photoelectron": 3.0}}, {}, r"did you mean 'photoelectrons'\?"),
        ({"truth": {"delta": 0.0}}, {}, r"datasets\.led\.example\.truth\.delta: 0 is not possible; give a number in 0\.01 \.\.\. 2"),
        ({"truth": {"off_triggers": 2.5}}, {}, r"truth\.off_triggers: 2\.5 is not possible; give a whole number"),
        ({"truth": {"low_triggers": 1e9}}, {}, r"truth\.low_triggers: 1e\+09 is not possible; give a number in 0 \.\.\. 1e\+06"),
        ({"size": 3}, {"pmts": ["PMT_7"]}, r"datasets\.led\.pmts: 'PMT_7' is not a tube of .*pmt_runs\.yaml; did you mean"),
        ({"size": 3}, {"hv_v": [710]}, r"datasets\.led\.hv_v: 710 V is no voltage of PMT_1, PMT_4; known: 700, 750"),
        ({"size": 3}, {"format": "root"}, r"datasets\.led\.format: no generated waveforms in the form 'root'; leave it out"),
    ],
)
def test_what_cannot_be_generated_is_refused_with_the_key(example: dict[str, Any], dataset: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        made(tmp_path, example, **dataset)
