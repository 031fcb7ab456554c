"""Points of a data set: which ones, which files, and where copies of files behind URLs are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.errors import InputError
from configs.schema import PmtGainConfig, load_config
from data_info.pmt_files import copy_roots, locate
from data_info.pmt_point import Point
from data_info.pmt_points import points

TABLE = {
    "base": "https://example.org/store/GIN",
    "pattern": "{base}/{dir}/{hv}/Autosave/C1--{i:05d}.trc",
    "pmts": {"A": {"dir": "first", "hv": [700, 900], "n": [3, 3]}, "B": {"dir": "second", "hv": [700, 950], "n": [3, 3]}},
    "points": [{"pmt": "A", "hv": 900, "source": "off", "files": "dark_*.trc"}],
}


def configured(folder: Path, **dataset: Any) -> PmtGainConfig:
    (folder / "runs.yaml").write_text(yaml.safe_dump(TABLE))
    (folder / "c.yaml").write_text(yaml.safe_dump({"name": "c", "analysis": "pmt_gain", "datasets": {"led": dataset or {"runs": "runs.yaml"}}}))
    return load_config(folder / "c.yaml")


def chosen(folder: Path, **options: Any) -> list[str]:
    return [point.name for point in points(configured(folder, runs="runs.yaml", **options), "led")]


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["A.700V", "A.900V", "B.700V", "B.950V", "A.900V.off"]),
        ({"pmts": "all", "hv_v": "all"}, ["A.700V", "A.900V", "B.700V", "B.950V", "A.900V.off"]),
        ({"pmts": "B"}, ["B.700V", "B.950V"]),
        ({"pmts": ["B", "A"]}, ["A.700V", "A.900V", "B.700V", "B.950V", "A.900V.off"]),
        ({"hv_v": 700}, ["A.700V", "B.700V"]),
        ({"pmts": ["A"], "hv_v": [900]}, ["A.900V", "A.900V.off"]),
    ],
)
def test_tubes_and_voltages_choose_points_in_the_order_of_the_table(options: dict[str, Any], names: list[str], tmp_path: Path) -> None:
    assert chosen(tmp_path, **options) == names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pmts": ["PMT_A"]}, r"c\.yaml: datasets\.led\.pmts: 'PMT_A' is not a tube of .*runs\.yaml; known: A, B"),
        ({"hv_v": [900, 1000]}, r"datasets\.led\.hv_v: 1000 V is no voltage of A, B; known: 700, 900, 950"),
        ({"pmts": ["B"], "hv_v": [900]}, r"datasets\.led\.hv_v: 900 V is no voltage of B; known: 700, 950"),
        ({"hv_v": [-900]}, r"datasets\.led\.hv_v\.0: Input should be greater than 0"),
        ({"root": "x", "rot": "y"}, r"datasets\.led\.rot: unknown key; did you mean 'root'\?"),
    ],
)
def test_wrong_choices_are_refused_with_the_key(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        chosen(tmp_path, **options)


def test_real_tube_names_have_a_nearest_match(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'PMT1' is not a tube of .*pmt_runs\.yaml; did you mean 'PMT_1'\?"):
        points(configured(tmp_path, runs="pmt_runs.yaml", pmts=["PMT1"]), "led")


def test_table_of_the_package_is_found_by_its_name_and_others_are_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(points(configured(tmp_path, runs="data_info/pmt_runs.yaml"), "led")) == 69
    with pytest.raises(
        InputError, match=r"c\.yaml: datasets\.led\.runs: no file 'none\.yaml'; looked for .*none\.yaml; pmt_runs\.yaml is the table of Dynode"
    ):
        points(configured(tmp_path, runs="none.yaml"), "led")
    with pytest.raises(InputError, match=r"datasets\.led\.runs: pmt_cuts\.pkl: pickles are not read"):
        points(configured(tmp_path, runs="pmt_cuts.pkl"), "led")


def test_files_of_one_point(tmp_path: Path) -> None:
    touch(tmp_path / "run", "b.trc", "a.trc")
    metadata = {"pmt": "A", "hv_v": 1400, "source": False, "light": "low", "cut_v": -0.1, "n_files": 2}
    (point,) = points(configured(tmp_path, files="run/*.trc", metadata=metadata), "led")
    assert (point.name, point.cut_v, point.n_files) == ("A.1400V.low.off", -0.1, 2)
    assert [Path(name).name for name in point.files] == ["a.trc", "b.trc"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"pmt": "A"}, r"datasets\.led\.metadata: hv_v is missing; files of one point need metadata: \{pmt: NAME, hv_v: 1400\}"),
        ({"pmt": "A", "hv_v": 0}, r"datasets\.led\.metadata\.hv_v: 0 V is not possible"),
        ({"pmt": "A", "hv_v": "high"}, r"datasets\.led\.metadata\.hv_v: 'high' is not a number"),
        ({"pmt": "A", "hv_v": 700, "cut_v": 0.1}, r"datasets\.led\.metadata\.cut_v: 0\.1 V is not possible"),
        ({"pmt": "A", "hv_v": 700, "hv": 700}, r"datasets\.led\.metadata\.hv: unknown key; did you mean 'hv_v'\?"),
        ({"pmt": "A", "hv_v": 700, "source": "lamp"}, r"datasets\.led\.metadata\.source: 'lamp' is not possible"),
        ({"pmt": "A", "hv_v": 700, "n_files": -1}, r"datasets\.led\.metadata\.n_files: -1 is not a number of files"),
    ],
)
def test_metadata_that_make_no_point_are_refused(metadata: dict[str, Any], message: str, tmp_path: Path) -> None:
    touch(tmp_path, "a.trc")
    with pytest.raises(InputError, match=message):
        points(configured(tmp_path, files="a.trc", metadata=metadata), "led")


def of_table(folder: Path, **dataset: Any) -> tuple[list[Point], list[Path]]:
    config = configured(folder, runs="runs.yaml", **dataset)
    found = points(config, "led")
    return found, copy_roots(config.datasets["led"], found, config.source)


NAMES = [f"C1--{number:05d}.trc" for number in range(3)]


def test_without_a_copy_files_are_urls(tmp_path: Path) -> None:
    found, roots = of_table(tmp_path)
    located = locate(found[0], roots)
    assert located.urls == located.files == tuple(f"https://example.org/store/GIN/first/700/Autosave/{name}" for name in NAMES)


@pytest.mark.parametrize("folder", ["data/first/700", "data/GIN/first/700", "data/GIN/first/700/Autosave"])
def test_copy_in_the_data_directory_is_used(folder: str, tmp_path: Path) -> None:
    touch(tmp_path / folder, *NAMES, "notes.txt", "C2--00000.trc")
    found, roots = of_table(tmp_path)
    located = locate(found[0], roots)
    assert located.files == tuple(str(tmp_path / folder / name) for name in NAMES)
    assert (located.urls, located.missing) == ((), ())
    assert locate(found[1], roots).urls  # the other voltage has no copy


def test_copy_at_a_root_of_ones_own(tmp_path: Path) -> None:
    touch(tmp_path / "disk" / "first" / "700", *NAMES)
    found, roots = of_table(tmp_path, root="disk")
    assert locate(found[0], roots).files[0] == str(tmp_path / "disk" / "first" / "700" / NAMES[0])


def test_gap_in_a_copy_is_a_missing_file(tmp_path: Path, data: Path) -> None:
    touch(data / "first" / "700", NAMES[0], NAMES[2])
    found, roots = of_table(tmp_path)
    located = locate(found[0], roots)
    assert located.missing == (str(data / "first" / "700" / NAMES[1]),)
    assert len(located.files) == 2


def test_more_files_than_the_table_says_are_refused(tmp_path: Path, data: Path) -> None:
    touch(data / "first" / "700", *NAMES, "C1--00003.trc", "C1--00004.trc")
    found, roots = of_table(tmp_path)
    with pytest.raises(
        InputError, match=r"A\.700V: .*700 has 2 files more than the 3 of the table of runs \(first: C1--00003\.trc\); correct the number"
    ):
        locate(found[0], roots)


def point(*files: str, n_files: int | None = None) -> Point:
    return Point("A", 700.0, n_files, None, False, None, "led", "bright", files)


def test_patterns_and_folders_are_expanded_in_order(tmp_path: Path) -> None:
    touch(tmp_path / "run" / "deep", "b.trc", "a.trc", "notes.txt")
    touch(tmp_path, "z.trc", "y.trc")
    located = locate(point(str(tmp_path / "run"), str(tmp_path / "*.trc"), n_files=4), [])
    assert [Path(name).name for name in located.files] == ["a.trc", "b.trc", "y.trc", "z.trc"]


@pytest.mark.parametrize("n_files", [1, 3])
def test_pattern_with_another_number_of_files_is_refused(n_files: int, tmp_path: Path) -> None:
    touch(tmp_path, "z.trc", "y.trc")
    with pytest.raises(InputError, match=rf"A\.700V: 2 files match, the table of runs says {n_files}; correct the number there"):
        locate(point(str(tmp_path / "*.trc"), n_files=n_files), [])


def test_pattern_without_a_match_and_pickles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"A\.700V: no file matches '.*\*\.trc'"):
        locate(point(str(tmp_path / "*.trc")), [])
    with pytest.raises(InputError, match=r"A\.700V: .*frame\.pkl: pickles are not read"):
        locate(point(str(tmp_path / "frame.pkl")), [])
