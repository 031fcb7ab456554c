"""Data sets of pmt_gain as inputs of the engine: points, batches, plans, and what is refused before a run (specification 10)."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.errors import InputError
from configs.schema import PmtGainConfig, load_config
from data_info.remote_cache import Failed
from processors import pmt_inputs
from processors.chunks import DatasetInput
from processors.inputs import dataset_inputs
from processors.stage import process
from simulation.registry import generate

EXAMPLE = {"size": 12, "truth": {"off_triggers": 20, "low_triggers": 200}}
CHOICE = {"pmts": ["PMT_1", "PMT_2"], "hv_v": [1100, 1400]}
POINTS = ["PMT_1.1100V", "PMT_1.1400V", "PMT_2.1100V", "PMT_2.1400V"]
TUBE = "PMT_1_2/1100/Autosave"


def configured(folder: Path, datasets: dict[str, Any], **options: Any) -> PmtGainConfig:
    executor = {"kind": "iterative", "retries": 0}
    path = folder / "c.yaml"
    path.write_text(
        yaml.safe_dump(
            {"name": "c", "analysis": "pmt_gain", "output_dir": str(folder / "out"), "executor": executor, "datasets": datasets, **options}
        )
    )
    return load_config(path)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    generate(configured(folder, {"led": {"example": EXAMPLE, **CHOICE}}), "led", folder)
    return folder / "led"


@pytest.fixture
def tree(generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the generated tree that a test may spoil."""
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path / "data"))
    return Path(shutil.copytree(generated, tmp_path / "tree"))


def of_tree(tree: Path, **dataset: Any) -> PmtGainConfig:
    return configured(tree.parent, {"led": {"runs": str(tree / "runs.yaml"), **dataset}})


def edited(tree: Path, change: Any) -> None:
    table = yaml.safe_load((tree / "runs.yaml").read_text())
    change(table)
    (tree / "runs.yaml").write_text(yaml.safe_dump(table))


def test_one_data_set_for_each_point_with_its_metadata(tree: Path) -> None:
    inputs = {one.name: one for one in dataset_inputs(of_tree(tree))}
    assert list(inputs) == [*POINTS, *(f"{name}.off" for name in POINTS), "PMT_1.1400V.low", "PMT_1.1400V.low.off"]
    told = inputs["PMT_2.1100V.off"].metadata
    assert (told["pmt"], told["hv_v"], told["source"], told["light"], told["noisy"], told["runs"]) == ("PMT_2", 1100.0, "off", "bright", True, "led")
    assert inputs["PMT_1.1400V"].metadata["q_ref_pc"] == pytest.approx(212.4 * 46.23e-3 * 1.4**5.53, rel=1e-5)
    assert {one.kind for one in inputs.values()} == {"data"}


def test_files_are_read_in_batches_in_the_order_of_the_table(tree: Path) -> None:
    (one,) = dataset_inputs(of_tree(tree, pmts="PMT_1", hv_v=1100, files_per_chunk=5))[:1]
    assert [(len(file.paths), file.format) for file in one.files] == [(5, "trc"), (5, "trc"), (2, "trc")]
    assert [Path(path).name for file in one.files for path in file.paths] == [f"C1--n16deg--{i:05d}.trc" for i in range(12)]


def test_processed_traces_are_read_when_allowed(tree: Path) -> None:
    config = configured(tree.parent, {"led": {"runs": str(tree / "runs.yaml"), "hv_v": 1100}}, processor={"allow_processed": True})
    assert {file.format for one in dataset_inputs(config) for file in one.files} == {"trc_processed"}


def plans(inputs: list[DatasetInput]) -> dict[str, Any]:
    return {one.name: one.options["plan"] for one in inputs}


def test_led_off_points_share_the_plan_of_their_led_point(tree: Path) -> None:
    found = plans(dataset_inputs(of_tree(tree)))
    for name in (*POINTS, "PMT_1.1400V.low"):
        assert found[f"{name}.off"] == found[name]
    assert len({json.dumps(plan, sort_keys=True) for plan in found.values()}) == len(POINTS) + 1
    assert found["PMT_1.1100V"]["onset_ns"] == pytest.approx(47.3, abs=0.5)


def test_led_off_point_alone_is_refused(tree: Path) -> None:
    edited(tree, lambda table: table.update(pmts={}, points=[point for point in table["points"] if point.get("light") != "low"]))
    with pytest.raises(InputError, match=r"datasets\.led: PMT_1\.1100V\.off has no LED point PMT_1\.1100V, whose gate it would take; add that point"):
        dataset_inputs(of_tree(tree))


def test_order_of_tubes_in_the_table_changes_no_label(tree: Path) -> None:
    def files(inputs: list[DatasetInput]) -> dict[str, list[tuple[str, ...]]]:
        return {one.name: [file.paths for file in one.files] for one in inputs}

    before = files(dataset_inputs(of_tree(tree)))
    edited(tree, lambda table: table.update(pmts=dict(reversed(table["pmts"].items())), points=table["points"][::-1]))
    assert files(dataset_inputs(of_tree(tree))) == before


def test_example_is_generated_and_read_like_any_other_table(tree: Path, tmp_path: Path) -> None:
    ours = dataset_inputs(configured(tmp_path, {"led": {"example": EXAMPLE, **CHOICE}}))
    theirs = dataset_inputs(of_tree(tree))
    assert plans(ours) == plans(theirs)
    assert [one.metadata for one in ours] == [one.metadata for one in theirs]


def test_files_with_metadata_are_one_point(tree: Path) -> None:
    config = configured(
        tree.parent, {"mine": {"files": f"{tree}/{TUBE}/*.trc", "metadata": {"pmt": "A", "hv_v": 1100}}, "led": {"runs": str(tree / "runs.yaml")}}
    )
    with pytest.raises(InputError, match=r"A\.1100V: .*00000\.trc is the same file as .*00000\.trc of PMT_1\.1100V; its triggers would count twice"):
        dataset_inputs(config)
    alone = configured(tree.parent, {"mine": {"files": f"{tree}/{TUBE}/*.trc", "metadata": {"pmt": "A", "hv_v": 1100}}})
    (one,) = dataset_inputs(alone)
    assert (one.name, len(one.files[0].paths), one.metadata["cut_v"]) == ("A.1100V", 12, None)


def test_point_in_two_data_sets_is_refused(tree: Path) -> None:
    runs = {"runs": str(tree / "runs.yaml"), "pmts": "PMT_1"}
    with pytest.raises(InputError, match=r"datasets\.b: the point PMT_1\.1100V is also in datasets\.a; leave it out of one by pmts or hv_v"):
        dataset_inputs(configured(tree.parent, {"a": runs, "b": runs}))


def test_copied_file_is_refused(tree: Path) -> None:
    shutil.copy(tree / TUBE / "C1--n16deg--00002.trc", tree / TUBE / "C1--n16deg--00007.trc")
    with pytest.raises(InputError, match=r"PMT_1\.1100V: .*00007\.trc is the same file as .*00002\.trc; its triggers would count twice: remove one"):
        dataset_inputs(of_tree(tree))


def test_missing_files_are_named_and_counted(tree: Path) -> None:
    for number in (2, 3, 5, 8):
        (tree / TUBE / f"C1--n16deg--{number:05d}.trc").unlink()
    (tree / "PMT_2_2/1400/Autosave/C1--n16deg--00000.trc").unlink()
    with pytest.raises(InputError, match="files are missing") as raised:
        dataset_inputs(of_tree(tree))
    where, first, second, cure = str(raised.value).splitlines()
    assert where.endswith("c.yaml: files are missing")
    folder = f"{tree}/{TUBE}"
    names = f"{folder}/C1--n16deg--00002.trc, C1--n16deg--00003.trc, C1--n16deg--00005.trc and 1 more (no such file)"
    assert first == f"datasets.led: PMT_1.1100V: 4 of 12 files are missing: {names}; max_missing_fraction is 0"
    assert "PMT_2.1400V: 1 of 12 files are missing" in second
    assert cure.startswith("bring the files (root: names the folder of a copy), raise max_missing_fraction")


def test_missing_files_within_the_limit_are_told_and_stay_in_the_account(tree: Path) -> None:
    (tree / TUBE / "C1--n16deg--00002.trc").unlink()
    with pytest.warns(UserWarning, match=r"PMT_1\.1100V: 1 of 12 files are missing: .*00002\.trc \(no such file\)"):
        inputs = dataset_inputs(of_tree(tree, hv_v=1100, max_missing_fraction=0.1))
    assert len(inputs[0].files[0].paths) == 11
    assert [Path(name).name for name in inputs[0].metadata["missing_files"]] == ["C1--n16deg--00002.trc"]
    assert "missing_files" not in inputs[1].metadata


def test_more_files_than_the_table_says_are_refused(tree: Path) -> None:
    edited(tree, lambda table: table["pmts"]["PMT_1"].update(n=[11, 12]))
    with pytest.raises(
        InputError, match=r"PMT_1\.1100V: .*Autosave has 1 files more than the 11 of the table of runs \(first: C1--n16deg--00011\.trc\)"
    ):
        dataset_inputs(of_tree(tree))


@pytest.mark.parametrize(
    "spoil", [lambda path: path.write_text("<html>Please log in</html>"), lambda path: path.write_bytes(path.read_bytes()[:200])]
)
def test_plan_is_made_of_the_files_that_can_be_read(spoil: Any, tree: Path) -> None:
    whole = plans(dataset_inputs(of_tree(tree, pmts="PMT_2", hv_v=1100)))["PMT_2.1100V"]
    for number in range(12):
        path = tree / f"PMT_2_2/1100/Autosave/C1--n16deg--{number:05d}.trc"
        if number == 0:
            spoil(path)
            found = plans(dataset_inputs(of_tree(tree, pmts="PMT_2", hv_v=1100)))["PMT_2.1100V"]
            assert found["onset_ns"] == pytest.approx(whole["onset_ns"], abs=0.1)
        path.write_bytes(bytes([number]) + path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"PMT_2\.1100V: none of its 12 files can be read; the first: "):
        dataset_inputs(of_tree(tree, pmts="PMT_2", hv_v=1100))


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The folder on loopback; gives the base address and the paths asked for."""
    asked: list[str] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_runs_behind_urls_are_fetched_once_and_then_offline(tree: Path, no_proxy: None) -> None:
    with served(tree) as (base, asked):
        table = tree.parent / "web.yaml"
        runs = yaml.safe_load((tree / "runs.yaml").read_text())
        table.write_text(yaml.safe_dump({**runs, "base": base, "points": []}))
        web = configured(tree.parent, {"led": {"runs": "web.yaml", "pmts": "PMT_1"}})
        inputs = dataset_inputs(web)
        assert len(asked) == 24
    again = dataset_inputs(web)  # the server is gone
    assert [one.files for one in again] == [one.files for one in inputs]
    cache = tree.parent / "data" / "cache" / "http"
    assert Path(inputs[0].files[0].paths[0]).is_relative_to(cache)
    assert {one.name: plan for one, plan in zip(inputs, plans(inputs).values(), strict=True)} == {
        name: plan for name, plan in plans(dataset_inputs(of_tree(tree, pmts="PMT_1"))).items() if name in POINTS
    }


def test_files_missing_on_the_server_are_named_with_its_answer(tree: Path, no_proxy: None) -> None:
    (tree / TUBE / "C1--n16deg--00004.trc").unlink()
    with served(tree) as (base, _):
        runs = yaml.safe_load((tree / "runs.yaml").read_text())
        (tree.parent / "web.yaml").write_text(yaml.safe_dump({**runs, "base": base, "points": []}))
        web = configured(tree.parent, {"led": {"runs": "web.yaml", "pmts": "PMT_1"}})
        with pytest.raises(
            InputError, match=r"PMT_1\.1100V: 1 of 12 files are missing: http://.*00004\.trc \(the server answers 404 File not found\)"
        ):
            dataset_inputs(web)


def test_whole_stage_runs_and_the_account_knows_the_points(tree: Path) -> None:
    outcome = process(of_tree(tree, pmts="PMT_1"))
    assert outcome.complete
    account = json.loads((tree.parent / "out" / "c" / "processing.json").read_text())["datasets"]
    assert {name: about["processed"] for name, about in account.items()} == {
        "PMT_1.1100V": 12, "PMT_1.1400V": 12, "PMT_1.1100V.off": 20, "PMT_1.1400V.off": 20, "PMT_1.1400V.low": 200, "PMT_1.1400V.low.off": 200,
    }  # fmt: skip
    assert account["PMT_1.1400V.low"]["metadata"]["light"] == "low"
    assert account["PMT_1.1400V"]["metadata"]["hv_v"] == 1400.0


def test_public_address_that_does_not_answer_tells_where_the_files_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: None) -> None:
    """The real table, its server not to be reached: the message is short, and the catalogue says whom to ask."""
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path))
    monkeypatch.setattr(pmt_inputs, "fetch_all", lambda urls, *_: dict.fromkeys(urls, Failed("no connection; is there a network? (6 attempts)")))
    with pytest.raises(InputError, match="files are missing") as raised:
        dataset_inputs(configured(tmp_path, {"gin": {"runs": "pmt_runs.yaml"}}))
    lines = str(raised.value).splitlines()
    assert "PMT_1.700V: 527 of 527 files are missing: https://s3.cloud.infn.it/" in lines[1]
    assert "C1--n16deg--00002.trc and 524 more (no connection; is there a network? (6 attempts))" in lines[1]
    assert lines[6] == "... and 64 more points"
    assert "are known from https://github.com/waifuumcleaner/SC_exam; the CYGNO experiment's store has moved" in lines[8]
    assert len(lines) == 9
