"""The two longest worked pages, apart from the others: a run of the tests on two cores begins with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_docs import ROOT, run_page

from records.results import load_results


def test_dark_matter_page(tmp_path: Path) -> None:
    example, looked, own, limits = run_page(ROOT / "docs" / "dark_matter.md", tmp_path)
    for finished in (example, looked, own, limits):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    rows = " ".join(example.stdout.split())
    assert "31-129 GeV, 3158 events" in rows
    assert "251.7 ± 4.8 events" in rows
    assert "0 events, TS 0.000, p = 1.000" in " ".join(looked.stdout.split())
    sensitivity = [float(value) for value in re.findall(r"sensitivity\s+([\d.e-]+) cm", own.stdout)]
    assert sensitivity[1] < sensitivity[0]  # the energy helps
    ours, asymptotic, theirs = (float(value) for value in re.findall(r"([\d.]+)(?: events)?(?: from| asymptotic)", limits.stdout))
    assert asymptotic == pytest.approx(theirs, rel=0.01)
    assert ours == pytest.approx(theirs, rel=0.1)


def test_stopping_muons_page(tmp_path: Path) -> None:
    example, inspected, own, coverage, looked = run_page(ROOT / "docs" / "stopping_muons.md", tmp_path)
    for finished in (example, inspected, own, coverage, looked):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    page = (ROOT / "docs" / "stopping_muons.md").read_text(encoding="utf-8")
    cuts = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert cuts is not None
    for row in cuts[1].splitlines():  # the cut flow is that of the run
        assert " ".join(row.split()) in " ".join(example.stdout.split())
    patterns = {"norm": r"energy spectrum \| ([\d.]+) ±", "delta_gamma": r"its index \| ([\d.]+) ±", "a": r"a, effective \| ([\d.]+) ±"}
    table = {name: float(number) for name, pattern in patterns.items() for number in re.findall(pattern, page)}
    fits = load_results(tmp_path / "outputs" / "stopping_muons_example" / "results.json")
    for name, fit in (("norm", "energy_fit"), ("delta_gamma", "energy_fit"), ("a", "range_fit")):
        found = fits[fit].parameters[name]
        assert f"{found.value:.4g}" in example.stdout
        assert table[name] == pytest.approx(found.value, abs=0.1 * found.error)
        truth = {"norm": 1.0, "delta_gamma": 0.0, "a": 0.24}[name]
        assert abs(found.value - truth) < 3 * found.error
    assert 0.8 < fits["range_fit"].parameters["b"].value / 3.30e-4 < 0.97  # effective: about a tenth lower
    assert "ToyReco.score" in inspected.stdout
    assert (tmp_path / "outputs" / "mine" / "coverage.csv").is_file()
    assert "closure.range.bootstrap" in coverage.stdout
    assert re.search(r"29047(\.0)? events in 40 proxy bins", looked.stdout)
