"""The files of a data set: where they are looked up, in which order, and what is said when they are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from configs.errors import InputError
from configs.schema import Dataset
from data_info import files


class Places:
    """The three places where relative paths are looked up."""

    def __init__(self, root: Path) -> None:
        self.config, self.here, self.data = root / "config", root / "here", root / "data"
        for folder in (self.config, self.here, self.data):
            folder.mkdir()

    def find(self, **options: Any) -> list[str]:
        return files.find_files("mc", Dataset(kind="mc", **options), self.config / "c.yaml")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    made = Places(tmp_path)
    monkeypatch.chdir(made.here)
    monkeypatch.setenv("DYNODE_DATA", str(made.data))
    return made


def touch(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [str(folder / name) for name in names]


def test_the_first_place_with_a_match_counts(places: Places) -> None:
    (in_data,) = touch(places.data, "a.root")
    assert places.find(files="a.root") == [in_data]
    (here,) = touch(places.here, "a.root")
    assert places.find(files="a.root") == [here]
    (beside,) = touch(places.config, "a.root")
    assert places.find(files="a.root") == [beside]


def test_patterns_come_sorted_and_do_not_mix_places(places: Places) -> None:
    expected = touch(places.here, "run_1.root", "run_10.root", "run_2.root")
    touch(places.data, "run_3.root")
    assert places.find(files="run_*.root") == expected
    deep = touch(places.config, "x/1/a.parquet", "x/2/a.parquet")
    assert places.find(files=["x/**/*.parquet", "run_2.root"]) == [*deep, expected[2]]


def test_names_that_look_like_patterns_are_names_first(places: Places) -> None:
    (literal,) = touch(places.here, "a[1].root")
    touch(places.here, "a1.root")
    assert places.find(files="a[1].root") == [literal]


def test_remote_files_are_left_as_they_are(places: Places) -> None:
    urls = ["https://host/a.root?signature=*", "root://host//b.root", "simplecache::s3://bucket/c.root"]
    assert places.find(files=urls) == urls


def test_patterns_in_urls_are_listed(places: Places) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({f"/found/{name}": b"" for name in ("b.root", "a.root", "c.h5")})
    assert places.find(files="memory://found/*.root") == ["memory://found/a.root", "memory://found/b.root"]
    (places.config / "list.txt").write_text("memory://found/*.h5\n")
    assert places.find(filelist="list.txt") == ["memory://found/c.h5"]
    with pytest.raises(InputError, match=r"datasets\.mc\.files: no file matches 'memory://found/\*\.npz' on the server"):
        places.find(files="memory://found/*.npz")
    with pytest.raises(InputError, match="a file list lies on this machine; its lines may be URLs"):
        places.find(filelist="https://host/list.txt")


def test_no_match_names_the_places(places: Places) -> None:
    message = rf"datasets\.mc\.files: no file matches 'run_\*\.root'; looked in {places.config}, {places.here}, {places.data}; .*DYNODE_DATA"
    with pytest.raises(InputError, match=message):
        places.find(files="run_*.root")
    with pytest.raises(InputError, match=r"no file matches '/nowhere/x\.root'; looked in /nowhere;"):
        places.find(files="/nowhere/x.root")


def test_missing_file_among_others_is_left_to_the_run(places: Places) -> None:
    """The run names it as failed, processes the rest and ends with status 3; a pattern without a match is a mistake."""
    (there,) = touch(places.here, "a.root")
    assert places.find(files=["a.root", "b.root"]) == [there, "b.root"]
    with pytest.raises(InputError, match=r"no file matches 'c\*\.root'"):
        places.find(files=["a.root", "c*.root"])


def test_same_file_twice_would_count_twice(places: Places) -> None:
    touch(places.here, "a.root", "b.root")
    with pytest.raises(InputError, match=r"datasets\.mc: .*a\.root is given more than once; its events would count twice"):
        places.find(files=["*.root", "./a.root"])


def test_filelist_with_comments_relative_to_itself(places: Places) -> None:
    beside_list = touch(places.data, "lists/a.root", "lists/b#1.root")
    (here,) = touch(places.here, "c.root")
    (places.data / "lists" / "good.txt").write_text("# runs of May\na.root  # fine\n\nb#1.root\nc.root\nhttps://host/d.root\n")
    assert places.find(filelist="lists/good.txt") == [*beside_list, here, "https://host/d.root"]


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_empty_filelist_is_refused(text: str, places: Places) -> None:
    (places.here / "list.txt").write_text(text)
    with pytest.raises(InputError, match=r"list\.txt: the file list names no file"):
        places.find(filelist="list.txt")


def test_wrong_filelist_is_refused(places: Places) -> None:
    with pytest.raises(InputError, match=r"datasets\.mc\.filelist: no file matches 'list\.txt'"):
        places.find(filelist="list.txt")
    (places.here / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"list\.txt: not a readable file list"):
        places.find(filelist="list.txt")


def test_generated_data_set_has_no_files(places: Places) -> None:
    assert places.find(format="surrogate") == []
    assert places.find(example={"size": 10}) == []


def test_catalogue_id_is_resolved(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "resolve", lambda name: places.data / name)
    assert places.find(catalogue="hese/HESE_data.json") == [str(places.data / "hese" / "HESE_data.json")]
