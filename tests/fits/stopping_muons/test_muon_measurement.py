"""The problem that is unfolded: merged proxy bins, pseudo data of the test split, spectra that test it, templates of detector parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from muon_hists import configuration, run_hists

from configs.errors import InputError
from fits.stopping_muons import nuisances
from fits.stopping_muons.inputs import ALL, Inputs
from fits.stopping_muons.measurement import livetime_of, measurement
from fits.stopping_muons.targets import ENERGY, RANGE, TARGETS

ICE = {"nuisances": {"ice_abs": {}}}
WIDE = {"nuisances": {"ice_abs": {"bounds": (0.7, 1.3)}}}
FAR = {"knobs": (("ice_abs", 0.8), ("ice_abs", 1.2))}  # four standard deviations: small samples see the change
VARIED = {"knobs": (), "snowstorm": "ice_abs"}


def inputs(folder: Path, hists_of: dict | None = None, **sections) -> Inputs:
    hists, account = run_hists(**(hists_of or {}))
    return Inputs(configuration(folder, hists, **sections), hists, account)


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_pseudo_data_are_drawn_from_the_test_split(tmp_path: Path, target) -> None:
    """The same for a seed, Poisson around the split's rate times the livetime."""
    found = inputs(tmp_path, options={"pseudo_livetime_s": 2.0})
    one, same = measurement(found, target), measurement(found, target)
    other = measurement(inputs(tmp_path, options={"pseudo_livetime_s": 2.0}, general={"seed": 43}), target)
    assert np.array_equal(one.problem.g, same.problem.g)
    assert not np.array_equal(one.problem.g, other.problem.g)
    expected = one.test.truth.expected
    assert expected.sum() == pytest.approx(2.0 * 2890, rel=0.05)  # G14: 2.89 kHz
    assert np.sum((one.problem.g - expected) ** 2 / expected) / expected.size < 2.5
    assert one.test.truth.f.sum() == pytest.approx(expected.sum())
    assert "drawn from a test sample" in one.notes[0]


def test_pseudo_livetime_expects_the_test_size_unless_the_sample_is_smaller(tmp_path: Path) -> None:
    rate = inputs(tmp_path).cells("mc_l2", "pseudo_range", sector=ALL).W.sum()
    assert livetime_of(inputs(tmp_path, unfolding={"test_size": 500})) * rate == pytest.approx(500)
    cells = inputs(tmp_path).cells("mc_l2", "pseudo_range", sector=ALL)
    assert livetime_of(inputs(tmp_path)) * rate == pytest.approx(cells.W.sum() ** 2 / cells.S.sum())


def test_data_are_counted(tmp_path: Path) -> None:
    hists, _ = run_hists()
    found = measurement(inputs(tmp_path, unfolding={"is_sim": False}), RANGE)
    assert found.problem.g.sum() == hists["data_l2"]["counts_range"].values()[0].sum()
    assert found.notes == []


def test_sparse_bins_are_merged_with_neighbours(tmp_path: Path) -> None:
    """All bins are in one group each, groups hold neighbours, and every one expects enough."""
    found = measurement(inputs(tmp_path, options={"min_expected": 60.0, "pseudo_livetime_s": 1.0}), RANGE)
    assert [bin_ for group in found.layout.groups for bin_ in group] == list(range(20))
    assert len(found.layout.groups) < 20
    assert found.problem.W.sum(axis=1).min() >= 60.0


def test_spectra_of_the_scan_have_the_counts_and_the_tilt(tmp_path: Path) -> None:
    found = measurement(inputs(tmp_path), ENERGY)
    softer, reference, harder = (found.spectra[name] for name in ("softer", "reference", "harder"))
    for one in (softer, reference, harder):
        assert one.expected.sum() == pytest.approx(found.problem.g.sum())
    centre = np.sqrt(found.problem.edges[1:] * found.problem.edges[:-1]) / 1e3
    for one, power in ((softer, -0.1), (harder, 0.1)):
        ratio = (one.f / reference.f)[1:-1]
        assert np.polyfit(np.log(centre), np.log(ratio), 1)[0] == pytest.approx(power, abs=0.005)


def test_detector_parameter_changes_the_efficiency(tmp_path: Path) -> None:
    """Chapter 9: columns are not renormalised, so the change of the rate is in the template."""
    found = measurement(inputs(tmp_path, FAR, options=WIDE), RANGE)
    (one,) = found.problem.templates
    nominal, hists = found.problem.W, run_hists(**FAR)[0]
    rates = []
    for x in (0.8, 1.2):
        d = (x - 1.0) / 0.05
        rate = hists[f"ice_abs_{x}"]["response_range"].values()[0].sum() / hists["mc_l2"]["response_range"].values()[0].sum()
        template = (nominal * np.exp(one.alpha * d + one.beta * d * d))[:, 1:-1].sum() / nominal[:, 1:-1].sum()
        assert template == pytest.approx(rate, abs=0.02)
        rates.append(template)
    assert rates[0] - rates[1] > 0.04


def test_varied_set_agrees_with_discrete_sets(tmp_path: Path) -> None:
    """Row by row, within errors (3.5 of them in the worst of 20)."""
    discrete = measurement(inputs(tmp_path, FAR, options=WIDE), RANGE)
    varied = measurement(inputs(tmp_path, VARIED, options=ICE), RANGE)
    assert np.array_equal(discrete.problem.W, varied.problem.W)
    weight = discrete.problem.W
    rows = [(weight * found.problem.templates[0].alpha).sum(axis=1) / weight.sum(axis=1) for found in (discrete, varied)]
    error = np.sqrt(2.0 * discrete.problem.S.sum(axis=1)) / weight.sum(axis=1)
    assert np.max(np.abs(rows[0] - rows[1]) / error) < 3.5
    total = weight.sum(axis=1)
    assert np.average(rows[0], weights=total) == pytest.approx(np.average(rows[1], weights=total), abs=0.03)  # n_eff of the varied set: 3000


def test_generated_moments_may_be_given(tmp_path: Path) -> None:
    """Uniform in 1 +- 0.1: standard deviation 0.0577."""
    guessed, given = (
        measurement(inputs(tmp_path, VARIED, options={"nuisances": {"ice_abs": options}}), RANGE).problem.templates[0].alpha
        for options in ({}, {"generated_mean": 1.0, "generated_sd": 0.2 / np.sqrt(12) * np.sqrt(0.99)})  # ten values, not a continuum
    )
    assert np.allclose(guessed, given, rtol=0.05, atol=1e-3)


def test_without_systematics_there_are_no_nuisances(tmp_path: Path) -> None:
    found = measurement(inputs(tmp_path, options=ICE, unfolding={"include_systematics": False}), RANGE)
    assert found.problem.templates == ()


def test_nuisance_without_a_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nuisances.ice_abs: no simulation knows it; add a data set with systematic"):
        measurement(inputs(tmp_path, {"knobs": ()}, options=ICE), RANGE)


def test_summary_shows_sets_and_curves(tmp_path: Path) -> None:
    found = inputs(tmp_path, options=ICE)
    measured = measurement(found, RANGE)
    shown = nuisances.summary(found, RANGE, measured.problem.templates, measured.layout)
    assert [value for value, _, _ in shown.points["ice_abs"]] == [0.95, 1.05]
    middle = min(shown.curves["ice_abs"], key=lambda point: abs(point[0] - 1.0))
    assert np.allclose(middle[1], 1.0)
    for x, ratios, errors in shown.points["ice_abs"]:
        curve = min(shown.curves["ice_abs"], key=lambda point: abs(point[0] - x))[1]
        pulls = (np.array(curve) - ratios) / errors
        assert np.sqrt(np.mean(pulls**2)) < 2.0


def test_common_curvature_keeps_errors_of_a_nuisance_honest(tmp_path: Path) -> None:
    """A curvature that is an error of the nominal set gives the nuisance an error that is too small: with it shrunk, as if there were none."""
    errors = {}
    for degree in (1, 2):
        problem = measurement(inputs(tmp_path, options={"nuisances": {"ice_abs": {"degree": degree}}}), RANGE).problem.replace(tau=1e-4)
        errors[degree] = problem.map().nuisances["ice_abs"][1]
    assert errors[2] == pytest.approx(errors[1], rel=0.1)


def test_compatible_problem_has_whole_rows(tmp_path: Path) -> None:
    found = measurement(inputs(tmp_path, options={**ICE, "compat": "funfolding"}), ENERGY)
    assert found.problem.templates[0].row_only
    assert found.problem.replace(tau=1.0).map().valid
