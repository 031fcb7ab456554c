"""The house itself: imports point down, versions agree, the lock holds no index, doors stay light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ["configs", "data_info", "physics", "records", "readers", "simulation", "processors", "fits", "plotting"]
# (module, imported package) -> reason. An exception needs one.
ALLOWED_UPWARD: dict[tuple[str, str], str] = {}


def imported_packages(path: Path) -> set[str]:
    packages = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            packages.add(node.module.split(".")[0])
    return packages


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_point_only_down(floor: str) -> None:
    allowed = set(FLOORS[: FLOORS.index(floor) + 1])
    upward = {
        (str(path.relative_to(ROOT)), package)
        for path in (ROOT / floor).rglob("*.py")
        for package in imported_packages(path) & (set(FLOORS) | {"tests"})
        if package not in allowed
    }
    assert upward - ALLOWED_UPWARD.keys() == set()


def test_packages_of_the_build_are_the_floors() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name.split(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    assert packages == set(FLOORS)
    doors = {path.stem for path in ROOT.glob("run_*.py")}
    assert set(project["tool"]["setuptools"]["py-modules"]) == doors


def locked_versions() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [line.removesuffix("\\").strip() for line in lines if re.match(r"[A-Za-z0-9_.-]+==", line)]


def test_every_benchmark_is_collected() -> None:
    """``make bench`` collects test_* of bench_*.py: a function of another name would never run."""
    missed = [
        f"{path.name}: {node.name}"
        for path in sorted((ROOT / "tests" / "bench").glob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and any(argument.arg == "benchmark" for argument in node.args.args)
        if not (node.name.startswith("test_") and path.name.startswith("bench_"))
    ]
    assert missed == []


def test_no_two_test_modules_share_a_name() -> None:
    """Test folders are no packages, so two files of one name stop the collection of every test; alone each of them passes."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []


def test_environment_agrees_with_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert sorted(pip) == sorted(locked_versions())


def test_lock_covers_the_project_and_holds_hashes_and_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert text.count("--hash=sha256:") >= len(locked_versions())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    names = {re.split(r"[<>=!~; \[]", requirement)[0].lower() for requirement in wanted}
    locked = {line.split("==")[0].lower() for line in locked_versions()}
    assert names - locked == set()


def test_the_lock_is_of_current_numpy_and_needs_no_photospline() -> None:
    """Specification 9 of diffuse: ragged arrays and newshape= do not run on numpy 2; photospline is not on the package index."""
    versions = dict(line.split(" ")[0].split("==") for line in locked_versions())
    assert int(versions["numpy"].split(".")[0]) >= 2
    assert not [name for name in versions if "photospline" in name]


HEAVY = ("tensorflow", "zfit", "pyhf", "matplotlib", "awkward", "numba", "dask")


@pytest.mark.parametrize("door", ["run_processor", "run_fit", "run_plots", "run_analysis"])
def test_help_imports_nothing_heavy(door: str) -> None:
    code = f"""
import sys
sys.argv = ["{door}.py", "--help"]
try:
    import {door}
    {door}.main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("HEAVY:", sorted(set(sys.modules) & set({HEAVY!r})))
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    assert "usage:" in finished.stdout
    assert "HEAVY: []" in finished.stdout


@pytest.mark.parametrize(
    ("stage", "heavy"), [("fits.stage", (*HEAVY, "scipy", "coffea")), ("plotting.stage", ("numba", "awkward", "scipy", "coffea"))]
)
def test_a_stage_imports_nothing_of_an_analysis_before_it_is_known(stage: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {stage}; print(sorted(set(sys.modules) & set({heavy!r})))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    assert finished.stdout.strip() == "[]"
