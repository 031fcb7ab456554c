"""Fits of stopping muons, 40 x 10 bins with flow and one nuisance: from histograms to the flux. They see no events, so their time knows no number.

Targets: problem and minimum in 50 ms, 300 pseudo-experiments in 10 s, an effective area with 100 replicas in 1 s, a scan in 60 s.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fits" / "stopping_muons"))

from muon_hists import configuration, run_hists
from stopwatch import least_s

from fits.stopping_muons.closure import closure
from fits.stopping_muons.effective_area import effective_area
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import measurement
from fits.stopping_muons.strength import calibration
from fits.stopping_muons.targets import ENERGY, RANGE

NUISANCE = {"nuisances": {"ice_abs": {}}, "min_expected": 1.0}


def inputs(folder: Path, muons: int = 600_000, replicas: int = 100) -> Inputs:
    hists, account = run_hists(muons=muons, leaf_count=40, replicas=replicas)
    return Inputs(configuration(folder, hists, options=NUISANCE), hists, account)


@pytest.mark.parametrize("target", [RANGE, ENERGY], ids=lambda one: one.name)
def test_problem_and_minimum(benchmark, tmp_path: Path, target) -> None:
    found = inputs(tmp_path)
    assert benchmark(lambda: measurement(found, target).problem.replace(tau=3e-4).map()).valid


def test_effective_area_with_replicas(benchmark, tmp_path: Path) -> None:
    found = inputs(tmp_path)
    assert benchmark.pedantic(effective_area, (found, RANGE), rounds=3).area_m2


def test_time_knows_no_number_of_events(benchmark, tmp_path: Path) -> None:
    """Eight times the muons: no more than twice the time."""
    few, many = (inputs(tmp_path, muons, replicas=5) for muons in (150_000, 1_200_000))
    times = [least_s(lambda one=one: (effective_area(one, RANGE), measurement(one, RANGE).problem.replace(tau=1e-4).map()), 3) for one in (few, many)]
    benchmark.extra_info["ratio"] = times[1] / times[0]
    benchmark.pedantic(measurement, (many, RANGE), rounds=3)
    assert times[1] < 2 * times[0] + 0.02


def test_pseudo_experiments(benchmark, tmp_path: Path) -> None:
    found = inputs(tmp_path)
    measured = measurement(found, ENERGY)
    problem = measured.problem.replace(tau=3e-4)
    table = benchmark.pedantic(closure, (found, measured, problem, "bootstrap", 100), rounds=1)
    assert table.n_valid == 100


def test_scan(benchmark, tmp_path: Path) -> None:
    """A third of the toys of a full scan: 30 strengths, three spectra."""
    measured = measurement(inputs(tmp_path), RANGE)
    problem = calibration(measured.problem)
    scan = benchmark.pedantic(lambda: problem.scan(np.geomspace(1e-6, 1.0, 30), toys=20, spectra=measured.spectra), rounds=1)
    assert scan.tau.size == 30
