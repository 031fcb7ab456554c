"""Following imports through the source: what a processor relies on is in its digest, what it does not is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from processors import source_code
from processors.source_code import PROJECT, closure, digest, imported_packages, relied_on, versions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "package").mkdir()
    sources = {
        "mine.py": "import numpy as np\nimport helper\nfrom package.inner import value\nfrom physics import binning\n",
        "helper.py": "def f():\n    import late\n",
        "late.py": "import mine\n",
        "unused.py": "",
        "package/__init__.py": "",
        "package/inner.py": "from . import beside\nfrom .beside import value\n",
        "package/beside.py": "value = 1\n",
        "package/unused.py": "",
    }
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    return tmp_path.resolve()


def below(folder: Path, files: list[Path]) -> set[str]:
    return {str(path.relative_to(folder)) for path in files if path.is_relative_to(folder)}


def test_imports_are_followed_at_any_depth_and_in_circles(folder: Path) -> None:
    assert below(folder, closure([folder / "mine.py"], folder)) == {
        "mine.py", "helper.py", "late.py", "package/__init__.py", "package/inner.py", "package/beside.py",
    }  # fmt: skip


def test_project_modules_are_followed_too(folder: Path) -> None:
    assert PROJECT / "physics" / "binning.py" in closure([folder / "mine.py"], folder)
    assert PROJECT / "fits" not in {path.parent for path in closure([folder / "mine.py"], folder)}


def test_without_a_folder_only_the_project_is_followed(folder: Path) -> None:
    assert below(folder, closure([folder / "mine.py"])) == {"mine.py"} | below(folder, [])


def test_every_result_relies_on_the_work_and_on_all_readers() -> None:
    names = {str(path.relative_to(PROJECT)) for path in relied_on(None)}
    assert {"processors/work.py", "processors/packing.py", "readers/registry.py", "readers/parquet.py", "readers/source.py"} <= names
    assert not {name for name in names if name.startswith(("configs/", "fits/", "plotting/"))}


def test_tables_count_as_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path.resolve()
    (project / "data_info" / "sub").mkdir(parents=True)
    (project / "data_info" / "tables.py").write_text("")
    (project / "data_info" / "sub" / "numbers.csv").write_text("1,2")
    (project / "data_info" / "catalogue.yaml").write_text("")
    (project / "mine.py").write_text("from data_info import tables")
    monkeypatch.setattr(source_code, "PROJECT", project)
    assert below(project, closure([project / "mine.py"])) == {"mine.py", "data_info/tables.py", "data_info/sub/numbers.csv"}


def test_the_digest_sees_every_byte_and_every_name(folder: Path) -> None:
    files = [folder / "helper.py", folder / "late.py"]
    before = digest(files)
    assert digest(files) == before
    (folder / "late.py").write_text("import mine\n\n")
    after = digest(files)
    assert len({before, after, digest(files[:1]), digest([folder / "unused.py"])}) == 4
    (folder / "late.py").write_text("import mine\n")
    assert digest(files) == before


def test_a_module_that_does_not_parse_is_listed_and_not_followed(folder: Path) -> None:
    (folder / "helper.py").write_text("import late; def broken(")
    assert below(folder, closure([folder / "helper.py"], folder)) == {"helper.py"}


def test_versions_are_those_of_the_packages_that_matter(folder: Path) -> None:
    import awkward
    import numpy

    found = versions(imported_packages([folder / "mine.py"]) | {"no-such-package"})
    assert (found["numpy"], found["awkward"]) == (numpy.__version__, awkward.__version__)
    assert {"boost-histogram", "hist", "dynode", "python"} <= set(found)
    assert "no-such-package" not in found
