"""The catalogue is whole, finds local files, refuses altered ones, and says where to get what is missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from configs.errors import InputError
from data_info import catalogue
from data_info.catalogue import Entry


def item(**changes: object) -> Entry:
    content = b"forty-two"
    values = {
        "id": "hese/one.txt", "url": None, "home": "https://example.org/home", "by_hand": "folder data", "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "licence": "CC0-1.0", "citation": "nobody", "format": "text", "meaning": "a number",
    }  # fmt: skip
    return Entry(**(values | changes))  # type: ignore[arg-type]


def test_every_entry_is_complete() -> None:
    entries = catalogue.entries()
    for name, entry in entries.items():
        assert entry.id == name
        assert entry.licence, name
        assert entry.citation, name
        assert entry.format, name
        assert entry.meaning, name
        assert entry.home.startswith("https://"), name
        assert entry.url or entry.by_hand, name
        assert entry.size > 0, name


def test_addresses_name_a_commit() -> None:
    """A branch moves, a commit does not: 40 hexadecimal digits after owner and repository."""
    for entry in catalogue.entries().values():
        if entry.url is not None and "raw.githubusercontent.com" in entry.url:
            commit = entry.url.split("/")[5]
            assert len(commit) == 40, entry.id
            int(commit, 16)


def test_all_45_spline_tables_are_there() -> None:
    """Three sets x five components x three morphologies (specification 2.3)."""
    splines = [name.split("/")[2:] for name in catalogue.entries() if name.startswith("hese/splines/")]
    prefix = {"AnisotropySplines": "tauanisotropy", "DOMEffSplines": "domefficiency", "HoleIceSplines": "holeice"}
    components = ("diffuseAstro_e", "diffuseAstro_mu", "diffuseAstro_tau", "atmConv", "atmPrompt")
    shapes = ("shower", "track", "doublebang")
    expected = {(folder, f"{start}_{component}_{shape}.fits") for folder, start in prefix.items() for component in components for shape in shapes}
    assert {tuple(part) for part in splines} == expected


def test_doublebang_tables_of_the_module_efficiency_equal_those_of_showers() -> None:
    """As measured in specification 2.3."""
    entries = catalogue.entries()
    names = [name for name in entries if name.startswith("hese/splines/DOMEffSplines/") and name.endswith("_doublebang.fits")]
    assert len(names) == 5
    assert all(entries[name].sha256 == entries[name.replace("doublebang", "shower")].sha256 for name in names)
    others = Counter(entry.sha256 for name, entry in entries.items() if name not in names)
    assert max(others.values()) == 1


@pytest.mark.public_data
def test_real_files_are_those_of_the_catalogue(public_data: Path) -> None:
    present = [entry for entry in catalogue.entries().values() if (public_data / entry.id).exists()]
    if not present:
        pytest.skip(f"{public_data} holds no file of the catalogue")
    assert [catalogue.obtain(entry, public_data) for entry in present] == [public_data / entry.id for entry in present]


def test_unknown_entry_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'hese/HESE_dat\.json' is not in the catalogue of public data; did you mean 'hese/HESE_data\.json'\?"):
        catalogue.resolve("hese/HESE_dat.json")


def test_data_directory_is_the_environments_or_beside_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNODE_DATA", "elsewhere")
    assert catalogue.data_dir() == Path("elsewhere")
    for empty in ("", None):
        if empty is None:
            monkeypatch.delenv("DYNODE_DATA")
        else:
            monkeypatch.setenv("DYNODE_DATA", empty)
        assert catalogue.data_dir() == Path("data")


def test_resolve_looks_into_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path))
    monkeypatch.setattr(catalogue, "entries", lambda: {"hese/one.txt": item()})
    (tmp_path / "hese").mkdir()
    (tmp_path / "hese" / "one.txt").write_bytes(b"forty-two")
    assert catalogue.resolve("hese/one.txt") == tmp_path / "hese" / "one.txt"


@pytest.mark.parametrize(("content", "difference"), [(b"forty-six", "sha256 [0-9a-f]{64}, expected [0-9a-f]{64}"), (b"42", "2 bytes, expected 9")])
def test_altered_local_file_is_refused_and_left_alone(content: bytes, difference: str, tmp_path: Path) -> None:
    path = tmp_path / "hese" / "one.txt"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"one\.txt: not the file of the catalogue \({difference}\); move it away"):
        catalogue.obtain(replace(item(), url="http://127.0.0.1:9/one.txt"), tmp_path)
    assert path.read_bytes() == content


def test_file_without_address_tells_where_to_look_and_where_to_put_it(tmp_path: Path) -> None:
    message = rf"get it from https://example\.org/home \(folder data\) and put it at {tmp_path}/hese/one\.txt"
    with pytest.raises(InputError, match=message):
        catalogue.obtain(item(), tmp_path)


def written(path: Path, **changes: object) -> Path:
    collection = {"folder": "a", "base_url": "https://x/y", "home": "https://x", "licence": "l", "citation": "c"} | changes
    lines = "".join(f"    {key}: {value}\n" for key, value in collection.items() if key != "files")
    files = changes.get("files", f"{{one.txt: {{size: 1, sha256: {'a' * 64}}}}}")
    path.write_text(f"schema: 1\ncollections:\n  -\n{lines}    files: {files}\n")
    return path


def test_texts_and_addresses_are_put_together(tmp_path: Path) -> None:
    files = f"{{one.txt: {{size: 1, sha256: {'a' * 64}}}, two.txt: {{remote: deep/2.txt, size: 2, sha256: {'b' * 64}, format: own}}}}"
    entries = catalogue.entries(written(tmp_path / "c.yaml", files=files, format="text"))
    assert {name: (entry.url, entry.format) for name, entry in entries.items()} == {
        "a/one.txt": ("https://x/y/one.txt", "text"),
        "a/two.txt": ("https://x/y/deep/2.txt", "own"),
    }


BAD = {
    "not https": ({"base_url": "http://x"}, r"collections\.0\.base_url: String should match"),
    "no way to get it": ({"base_url": "null"}, "say in by_hand where the files can be found"),
    "digest": ({"files": "{one.txt: {size: 1, sha256: abc}}"}, r"collections\.0\.files\.one\.txt\.sha256: String should match"),
    "upwards": ({"folder": "a/../.."}, r"leaves the data directory"),
    "absolute": ({"folder": "/etc"}, r"/etc/one\.txt leaves the data directory"),
    "unknown key": ({"licens": "x"}, r"collections\.0\.licens: Extra inputs are not permitted"),
    "no files": ({"files": "{}"}, r"collections\.0\.files: Dictionary should have at least 1 item"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_catalogue_is_refused_with_the_key(case: str, tmp_path: Path) -> None:
    changes, message = BAD[case]
    with pytest.raises(InputError, match=rf"c\.yaml: .*{message}"):
        catalogue.entries(written(tmp_path / "c.yaml", **changes))


def test_unreadable_catalogue_and_doubled_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("schema: [")
    with pytest.raises(InputError, match="not a readable catalogue"):
        catalogue.entries(tmp_path / "broken.yaml")
    one = written(tmp_path / "c.yaml").read_text()
    (tmp_path / "twice.yaml").write_text(one + one.partition("collections:\n")[2])
    with pytest.raises(InputError, match=r"a/one\.txt is listed twice"):
        catalogue.entries(tmp_path / "twice.yaml")
