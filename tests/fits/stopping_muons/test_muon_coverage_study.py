"""Pseudo-experiments through the analysis' own functions: coverage is right (G18), any split gives the same, the table has what was found."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from muon_hists import configuration, run_hists

from configs.errors import InputError
from fits.stopping_muons.closure import closure, modes_of
from fits.stopping_muons.coverage_study import LISTS, coverage_study
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import measurement
from fits.stopping_muons.targets import RANGE
from fits.unfolding.coverage import coverage, joined
from records.results import encode_result, load_results

RANGE_ONLY = {"unfold_energy": False, "reg_range": 1e-4}


def inputs(folder: Path, **sections) -> Inputs:
    hists, account = run_hists()
    return Inputs(configuration(folder, hists, **sections), hists, account)


def test_g18_coverage_of_ranges_without_prior(tmp_path: Path) -> None:
    """Small version of 300 toys on 4 M muons: counts alone, mean coverage 0.68, widths of pulls near 1."""
    found = inputs(tmp_path, options={"pseudo_livetime_s": 10.0})
    measured = measurement(found, RANGE)
    table = closure(found, measured, measured.problem, "response", 120)
    assert np.mean(table.coverage) == pytest.approx(0.68, abs=0.05)
    assert np.median(table.pull_width) == pytest.approx(1.0, abs=0.12)
    assert np.abs(table.median_bias[:7]).max() < 0.03


def test_any_split_gives_the_same(tmp_path: Path) -> None:
    problem = measurement(inputs(tmp_path), RANGE).problem.replace(tau=1e-4)
    whole = coverage(problem, 7, seed=3)
    parts = joined([coverage(problem, count, seed=3, first=first) for first, count in ((0, 1), (1, 4), (5, 2))])
    assert np.array_equal(whole.f, parts.f)
    assert np.array_equal(whole.error, parts.error)
    assert (parts.n_toys, parts.n_valid) == (7, 7)


def test_processes_do_not_matter(tmp_path: Path) -> None:
    """Blocks in reverse order."""
    found = inputs(tmp_path, unfolding=RANGE_ONLY)
    measured = measurement(found, RANGE)
    problem = measured.problem.replace(tau=1e-4)
    plain = closure(found, measured, problem, "bootstrap", 45)
    backwards = closure(found, measured, problem, "bootstrap", 45, execute=lambda task, tasks: [task(one) for one in list(tasks)[::-1]][::-1])
    assert encode_result(plain) == encode_result(backwards)


def test_study_of_every_mode(tmp_path: Path) -> None:
    """The first of three toys is sampled; the table holds every bin of every mode."""
    options = {"sample": True, "max_extend": 4}
    chains = {"n_used_steps": 1000, "n_burn_steps": 500}
    config = inputs(tmp_path, unfolding={**RANGE_ONLY, **chains}, options=options).config
    hists, account = run_hists()
    found = coverage_study(config, hists, account, 3)
    assert list(found) == [f"closure.range.{mode}" for mode in ("response", "independent", "bootstrap")]
    assert all(one.n_sampled == 1 for one in found.values())
    with (config.output / "coverage.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert {"target", "mode", "lower_edge", *LISTS} <= set(rows[0])
    assert float(rows[12]["coverage"]) == found["closure.range.independent"].coverage[2]
    assert load_results(config.output / "coverage.json")["closure.range.bootstrap"].coverage == found["closure.range.bootstrap"].coverage


def test_without_a_test_split_there_is_no_independent_mode(tmp_path: Path) -> None:
    found = inputs(tmp_path, unfolding={"is_sim": False})
    hists = {name: dict(one) for name, one in found.hists.items()}
    hists["mc_l2"]["pseudo_range"] = hists["mc_l2"]["pseudo_range"] * 0
    assert modes_of(measurement(Inputs(found.config, hists, found.account), RANGE)) == ("response", "bootstrap")


def test_statistics_of_the_test_split_widen_the_errors(tmp_path: Path) -> None:
    tables = []
    for counted in (False, True):
        found = inputs(tmp_path, options={"test_mc_stat": counted, "pseudo_livetime_s": 4.0})
        measured = measurement(found, RANGE)
        tables.append(closure(found, measured, measured.problem.replace(tau=1e-3), "independent", 30))
    assert np.mean(tables[1].pull_width) < np.mean(tables[0].pull_width)
    assert np.mean(tables[1].coverage) > np.mean(tables[0].coverage)


def test_nothing_to_study(tmp_path: Path) -> None:
    hists, account = run_hists()
    config = configuration(tmp_path, hists, unfolding={"unfold_range": False, "unfold_energy": False})
    with pytest.raises(InputError, match="unfold_range and unfold_energy are both false"):
        coverage_study(config, hists, account, 5)
    with pytest.raises(InputError, match="--coverage 1: at least 2"):
        coverage_study(config, hists, account, 1)


def test_test_split_has_its_own_response_and_the_spectrum_of_the_reference(tmp_path: Path) -> None:
    """No jumps from bin to bin that a prior would take away; sums of columns as in the split."""
    found = measurement(inputs(tmp_path), RANGE)
    truth, problem = found.test.of_spectrum(found.problem), found.problem
    assert np.array_equal(truth.f, problem.f_reference)
    assert truth.expected.sum() == pytest.approx(truth.f.sum())
    own = found.test.cells.W / found.test.cells.W.sum(axis=0)
    assert truth.expected == pytest.approx(own @ problem.f_reference)
    assert 1e-3 < np.abs(truth.expected - problem.A @ truth.f).max() / truth.expected.max() < 0.2
