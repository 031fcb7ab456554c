"""A stage is redone exactly when something that it depends on has changed, and the reason is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.schema import load_config
from records import freshness, provenance
from records.manifest import load_manifest, update_manifest

CONFIG = """
name: n
analysis: diffuse
datasets:
  mc: {kind: mc, format: surrogate}
  data: {files: events_*.json, kind: data, format: hese_json}
fits:
  main: {scan: {compare: scan.txt}}
"""


class Case:
    """A configuration with its files in a folder of their own, and stages that only write their outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "c.yaml").write_text(CONFIG)
        (folder / "events_1.json").write_text("{}")
        (folder / "scan.txt").write_text("1 2 3")

    def config(self, *overrides: str) -> Any:
        return load_config(self.folder / "c.yaml", [f"output_dir={self.folder}", *overrides])

    def run(self, stage: str, content: str = "x", complete: bool = True) -> None:
        config = self.config()
        depends = freshness.dependencies(stage, config)
        names = {"process": ["hists.h5", "processing.json"], "fit": ["results.json"], "plot": ["figures/energy.png"]}[stage]
        for name in names:
            (config.output / name).parent.mkdir(parents=True, exist_ok=True)
            (config.output / name).write_text(content)
        freshness.record(config.output, stage, depends, [config.output / name for name in names], complete=complete)

    def stale(self, *overrides: str) -> dict[str, str | None]:
        config = self.config(*overrides)
        return {stage: freshness.why_stale(config.output, stage, freshness.dependencies(stage, config)) for stage in ("process", "fit", "plot")}


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(freshness, "source_digest", lambda packages: "code")  # an editor may be at work on the real one
    made = Case(tmp_path)
    for stage in ("process", "fit", "plot"):
        made.run(stage)
    return made


def test_nothing_runs_twice(case: Case) -> None:
    assert case.stale() == {"process": None, "fit": None, "plot": None}


def test_everything_runs_first(tmp_path: Path) -> None:
    assert set(Case(tmp_path).stale().values()) == {"it has not run yet"}


def test_configuration_concerns_its_own_stages(case: Case) -> None:
    changed = "its part of the configuration changed"
    assert case.stale("processor.reference_index=2.7") == {"process": changed, "fit": changed, "plot": changed}
    assert case.stale("fits.main.likelihood=say") == {"process": None, "fit": changed, "plot": changed}
    assert case.stale("plots.label=x") == {"process": None, "fit": None, "plot": changed}
    assert case.stale("executor.workers=7", "executor.kind=futures") == {"process": None, "fit": None, "plot": None}


def test_inputs_concern_the_first_stage(case: Case) -> None:
    (case.folder / "events_2.json").write_text("{}")
    assert case.stale()["process"] == "its input files changed"
    (case.folder / "events_2.json").unlink()
    assert case.stale()["process"] is None
    (case.folder / "events_1.json").write_text("{ }")
    assert case.stale()["process"] == "its input files changed"
    (case.folder / "events_1.json").unlink()
    assert case.stale()["process"] == "its input files changed"


def test_upstream_passes_on(case: Case) -> None:
    case.run("process", "new histograms")
    assert case.stale() == {"process": None, "fit": "the stage before it left something new", "plot": "the stage before it left something new"}
    case.run("fit")
    case.run("process", "x")
    assert case.stale()["plot"] is None  # the old histograms again: the figures are those of these inputs


def test_outputs_must_be_there_and_untouched(case: Case) -> None:
    (case.folder / "n" / "figures" / "energy.png").unlink()
    assert case.stale()["plot"] == "figures/energy.png is missing"
    (case.folder / "n" / "results.json").write_text("by hand")
    assert case.stale()["fit"] == "results.json is not what it left"


def test_named_files_count(case: Case) -> None:
    (case.folder / "scan.txt").write_text("1 2 4")
    assert case.stale()["fit"] == "a file that the configuration names changed"
    assert case.stale()["process"] is None


def test_a_class_of_the_users_own_counts(case: Case) -> None:
    (case.folder / "mine.py").write_text("A = 1\n")
    assert case.stale()["fit"] is None  # nothing names a class
    override = "fits.main.model={astro: class, class: mine.Spectrum}"
    config = case.config(override)
    before = freshness.dependencies("fit", config)
    (case.folder / "mine.py").write_text("A = 2\n")
    after = freshness.dependencies("fit", config)
    assert {name for name in before if before[name] != after[name]} == {"files"}


def test_incomplete_run_is_repeated(case: Case) -> None:
    case.run("process", complete=False)
    assert case.stale()["process"] == "its last run was incomplete"


def test_killed_run_is_told_from_none(tmp_path: Path) -> None:
    case = Case(tmp_path)
    (case.folder / "n" / "journal").mkdir(parents=True)
    assert case.stale() == {"process": "its last run did not finish", "fit": "it has not run yet", "plot": "it has not run yet"}


def test_code_and_packages_count(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(packages: tuple[str, ...]) -> str:
        return "changed" if "fits" in packages else "code"

    with monkeypatch.context() as patch:
        patch.setattr(freshness, "source_digest", changed)
        assert case.stale() == {"process": None, "fit": "its code changed", "plot": "its code changed"}  # figures evaluate the model
    monkeypatch.setattr(freshness, "package_versions", lambda: {"numpy": "99"})
    assert set(case.stale().values()) == {"versions of packages changed"}


def test_record_keeps_what_the_stage_wrote(case: Case) -> None:
    update_manifest(case.folder / "n", "fit", {"started": "2026-01-01", "seconds": 2.0})
    assert case.stale()["fit"] == "it has not run yet"  # the stage ran outside the doors: what it depended on is not known
    case.run("fit")
    entry = load_manifest(case.folder / "n")["stages"]["fit"]
    assert entry["seconds"] == 2.0
    assert entry["key"] == provenance.value_digest(entry["depends"])
    assert case.stale()["fit"] is None
