"""Composition fits: golden numbers of real classifier outputs, closed forms, honest intervals where groups look alike, closure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from composition_case import LIGHT, SHOWERS, SPECIES, gaussian, generated, origin, real
from numpy.testing import assert_allclose

from configs.errors import InputError
from fits.composition import LIGHT_YIELD, Composition, lowest
from fits.composition_profile import crossings
from fits.fraction_studies import closure, with_toys
from fits.fractions import fit_composition, yields
from fits.minimise import minimise
from fits.templates import Binned, bin_labels

GROUPS = {"shower": ["e-", "gamma"], "mu": ["mu-"], "pi0": ["pi0"]}
MIXTURE = {"e-": 350, "gamma": 350, "mu-": 200, "pi0": 100}


@pytest.mark.public_data
def test_degenerate_classes_get_intervals_and_no_symmetric_errors(public_data: Path) -> None:
    # Golden check G20: the published classifier cannot split gamma from e with 300 events.
    likelihood = real(public_data, SPECIES)
    found = fit_composition(likelihood, origin(SPECIES))
    inverse = np.linalg.solve(likelihood.binned.shapes.T, likelihood.binned.counts)
    assert_allclose(inverse, [247.83, -80.75, 132.91], atol=0.01)
    assert found.condition_number == pytest.approx(38.5, abs=0.1)
    assert found.valid
    assert "e- at its bound" in found.errors_withheld
    assert all(np.isnan(one.error) for one in found.yields.values())
    assert_allclose([one.value for one in found.yields.values()], [171.5, 0.0, 128.5], atol=0.1)
    assert_allclose([found.profiles[name].interval_68 for name in SPECIES], [(0, 200), (0, 205), (102, 152)], atol=5)
    assert_allclose([found.profiles[name].interval_95 for name in SPECIES], [(0, 230), (0, 242), (78, 182)], atol=5)


@pytest.mark.public_data
def test_showers_and_muons_can_be_told_apart(public_data: Path) -> None:
    # Golden check G21.
    exact = fit_composition(real(public_data, SHOWERS, template_errors=False), origin(SHOWERS))
    assert_allclose([one.value for one in exact.yields.values()], [176.209, 123.791], atol=1e-3)
    assert_allclose([one.error for one in exact.yields.values()], [17.412, 15.835], atol=2e-3)
    found = fit_composition(real(public_data, SHOWERS), origin(SHOWERS))
    assert_allclose([one.value for one in found.yields.values()], [176.2, 123.8], atol=0.1)
    assert_allclose([one.error for one in found.yields.values()], [24.5, 23.3], atol=0.1)
    assert found.correlation[0][1] == pytest.approx(-0.47, abs=0.01)
    assert found.errors_withheld == ""


def counting(counts: list[float], shapes: list[list[float]], events: float = 1e9) -> Composition:
    names = tuple("abc"[: len(shapes)])
    array = np.array(shapes)
    return Composition(Binned(names, tuple(map(str, range(len(counts)))), np.array(counts, float), array, np.full(array.shape, events)))


def test_separate_groups_are_counted() -> None:
    found = fit_composition(counting([90, 10], [[1, 0], [0, 1]]), origin({"a": ["a"], "b": ["b"]}))
    assert_allclose([one.value for one in found.yields.values()], [90, 10], rtol=5e-4)  # Minuit stops within 5e-4 of an error
    assert_allclose([one.error for one in found.yields.values()], [90**0.5, 10**0.5], rtol=1e-3)
    assert_allclose([one.error for one in found.fractions.values()], (0.9 * 0.1 / 100) ** 0.5, rtol=1e-3)  # binomial
    low, high = found.profiles["b"].interval_68
    assert_allclose([low - 10, high - 10], [-2.9, 3.5], atol=0.1)  # Delta NLL = 1/2 of a Poisson count of 10


def test_templates_as_small_as_the_data_double_the_variance() -> None:
    # One sample of n template events and d data: the relative variance is 1/d + 1/n only where the shape matters; here two groups and two bins.
    wide = fit_composition(counting([60, 40], [[0.8, 0.2], [0.2, 0.8]], events=50.0), origin({"a": ["a"], "b": ["b"]}))
    narrow = fit_composition(counting([60, 40], [[0.8, 0.2], [0.2, 0.8]]), origin({"a": ["a"], "b": ["b"]}))
    assert wide.yields["a"].value == pytest.approx(narrow.yields["a"].value, rel=1e-3)
    assert wide.yields["a"].error > 1.1 * narrow.yields["a"].error


def test_gradient_is_that_of_the_value() -> None:
    likelihood = generated(GROUPS, MIXTURE)
    for alpha in (-1.7, -0.6, 0.3, 2.1):
        theta = np.array([1.9, 0.7, 0.4, alpha])
        numerical = [(likelihood.value(theta + step) - likelihood.value(theta - step)) / 2e-5 for step in 1e-5 * np.eye(4)]
        assert_allclose(likelihood.value_and_gradient(theta)[1], numerical, rtol=1e-4, atol=1e-3)


def test_light_yield_of_the_data_is_found() -> None:
    groups = {"mu": ["mu-"], "pi0": ["pi0"]}
    template = generated(groups, {"mu-": 3000, "pi0": 3000}, templates=20_000, light_yield=0.05)
    up = template.binned.up
    assert up is not None
    data = template.with_counts(2000.0 * up.sum(axis=0))
    minimum = minimise(data)
    assert minimum.values[LIGHT_YIELD] == pytest.approx(1.0, abs=0.15)  # the constraint pulls to 0
    assert_allclose(yields(data, minimum)[0], [2000, 2000], rtol=0.02)


def test_the_lower_of_two_valleys_of_the_light_yield_is_found() -> None:
    """Shapes that change from bin to bin in either direction give the likelihood two minima; from the start Minuit may end in the higher one."""
    names, shapes = ("a", "b"), np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    up, down = shapes + np.array([0.08, -0.08, 0.04, -0.04]), shapes + np.array([0.06, -0.06, 0.02, -0.02])
    for truth in (down, up):
        counts = 4000.0 * truth.sum(axis=0)
        likelihood = Composition(Binned(names, tuple("1234"), counts, shapes, np.full(shapes.shape, 1e9), up, down))
        found = lowest(likelihood)
        scan = [minimise(likelihood, fixed={LIGHT_YIELD: alpha}).nll for alpha in np.linspace(-3, 3, 25)]
        assert found.nll <= min(scan) + 1e-3


def test_mixture_is_recovered_with_its_errors() -> None:
    found = fit_composition(generated(GROUPS, MIXTURE), origin(GROUPS))
    pulls = [(found.yields[group].value - true) / found.yields[group].error for group, true in {"shower": 700, "mu": 200, "pi0": 100}.items()]
    assert np.abs(pulls).max() < 3
    assert sum(one.value for one in found.yields.values()) == pytest.approx(found.n_observed, rel=0.02)
    assert sum(one.value for one in found.fractions.values()) == pytest.approx(1)
    assert found.goodness.p_asymptotic > 1e-3
    assert_allclose(np.sum(list(found.bins.expected.values()), axis=0).sum(), found.n_observed, rtol=0.02)


def test_events_of_a_wrong_mixture_spoil_the_goodness() -> None:
    found = fit_composition(generated({"e": ["e-"], "gamma": ["gamma"]}, {"mu-": 1000, "pi0": 1000}), origin({}))
    assert found.goodness.p_asymptotic < 1e-6


def test_pseudo_experiments_have_unit_pulls_and_the_goodness_is_theirs() -> None:
    groups = {"mu": ["mu-"], "pi0": ["pi0"]}
    likelihood = generated(groups, {"mu-": 300, "pi0": 300})
    minimum = minimise(likelihood)
    result = with_toys(fit_composition(likelihood, origin(groups)), likelihood, minimum, 60, seed=4)
    assert result.toys is not None
    assert result.goodness.n_toys == 60
    assert result.goodness.p_toys == pytest.approx(result.goodness.p_asymptotic, abs=0.25)
    for group in groups:
        assert abs(result.toys.pull_mean[group]) < 0.45
        assert 0.7 < result.toys.pull_width[group] < 1.3
    again = with_toys(fit_composition(likelihood, origin(groups)), likelihood, minimum, 60, seed=4)
    assert again.toys == result.toys


def test_a_profile_that_rises_like_a_wall_keeps_its_interval() -> None:
    """Data in a bin that one group alone can fill forbid its yield to be 0; a spline through that wall once left the best value out."""
    x = np.array([0.0, 13.1, 26.3, 39.4, 52.5, 65.7, 74.9, 78.8, 91.9, 105.1, 118.2, 131.3, 144.5, 157.6, 210.2])
    delta = np.array([37.185, 1.905, 0.84, 0.36, 0.121, 0.018, 0.0, 0.003, 0.05, 0.144, 0.277, 0.441, 0.633, 0.849, 1.917])
    assert_allclose(crossings(x, delta, 74.9, 0.5), [35.2, 135.6], atol=0.5)
    assert_allclose(crossings(x, delta, 74.9, 1.92), [13.1, 210.2], atol=0.5)
    only = counting([30, 3], [[0.9, 0.1], [1.0, 0.0]])  # the second bin is filled by the first group alone
    found = fit_composition(only, origin({"a": ["a"], "b": ["b"]}))
    low, high = found.profiles["a"].interval_68
    assert 0 < low < found.yields["a"].value < high
    assert max(found.profiles["a"].delta_nll) < 4


def test_closure_on_events_that_are_not_in_the_templates() -> None:
    sample = gaussian(dict.fromkeys(MIXTURE, 1600), 5)
    study = closure(sample, GROUPS, bin_labels(LIGHT), MIXTURE, 40, seed=3)
    assert study.n_valid == 40
    assert study.truth == {"shower": 700, "mu": 200, "pi0": 100}
    for group in GROUPS:
        assert abs(study.pull_mean[group]) < 0.5
        assert 0.6 < study.pull_width[group] < 1.4


def test_closure_needs_enough_events() -> None:
    with pytest.raises(InputError, match=r"closure: 350 e- are asked for, half of the sample has (4\d|50)"):
        closure(gaussian(dict.fromkeys(MIXTURE, 100), 5), GROUPS, bin_labels(LIGHT), MIXTURE, 2, seed=3)
