"""Goodness of fit: the saturated statistic in closed form, its distribution, p-values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson
from surrogate_case import PUBLISHED, likelihood, observed_counts, surrogate_response

from configs.errors import InputError
from fits.goodness import goodness_of_fit, p_value, project, saturated, saturated_by_projection
from fits.minimise import minimise
from fits.toys import ToyStudy, run_toys


def test_saturated_statistic_is_twice_the_difference_of_likelihoods() -> None:
    k, mu = np.array([0.0, 1.0, 4.0, 9.0]), np.array([0.3, 1.0, 2.5, 11.0])
    own = poisson.logpmf(k, np.where(k > 0, k, 1e-300)).sum()
    assert saturated(k, mu) == pytest.approx(2 * (own - poisson.logpmf(k, mu).sum()), rel=1e-12)
    assert saturated(k, k) == 0.0
    assert saturated([0.0], [0.7]) == pytest.approx(1.4)
    assert saturated([1.0], [0.0]) == np.inf
    assert saturated([0.0], [0.0]) == 0.0


def test_many_events_give_a_chi_square() -> None:
    mu = np.full(50, 400.0)
    values = [saturated(row, mu) for row in np.random.default_rng(1).poisson(mu, (400, 50))]
    assert np.mean(values) == pytest.approx(50.0, abs=2.0)
    assert np.var(values) == pytest.approx(100.0, rel=0.25)


def test_projection_sums_bins_and_leaves_some_out() -> None:
    groups = np.array([0, 1, -1, 0])
    np.testing.assert_array_equal(project([1.0, 2.0, 3.0, 4.0], groups), [5.0, 2.0])
    by_name = saturated_by_projection([1, 2, 3, 4], [2.0, 2.0, 2.0, 2.0], {"letters": groups})
    assert by_name["letters"] == pytest.approx(saturated([5, 2], [4.0, 2.0]))


def test_p_value_counts_the_data_as_one_of_the_toys() -> None:
    assert p_value(2.5, [1.0, 2.0, 3.0, 4.0]) == (pytest.approx(3 / 5), pytest.approx(np.sqrt(0.6 * 0.4 / 4)))
    assert p_value(9.0, np.ones(99))[0] == pytest.approx(0.01)
    assert p_value(9.0, np.ones(99))[1] == pytest.approx(0.01)
    assert p_value(0.0, np.ones(99)) == (1.0, pytest.approx(0.01))  # the same error at either end, never 0
    assert np.isnan(p_value(np.nan, np.ones(99))).all()  # a failed fit is no small p-value
    with pytest.raises(InputError, match="none converged"):
        p_value(1.0, [])


def test_p_values_are_uniform_when_the_model_is_true() -> None:
    groups = {"all": np.arange(441), "energy": surrogate_response().groups(["energy"])[0]}
    toys = run_toys(ToyStudy(likelihood(), PUBLISHED, seed=2, projections=groups), 80)
    for name in groups:
        values = [toy.goodness[name] for toy in toys]
        p = [p_value(value, values[:i] + values[i + 1 :])[0] for i, value in enumerate(values)]
        assert np.mean(p) == pytest.approx(0.5, abs=0.02)
        assert np.std(p) == pytest.approx(np.sqrt(1 / 12), abs=0.02)


def test_a_wrong_model_is_noticed() -> None:
    """All events at one energy: the energy projection of a power law cannot hold that."""
    nll = likelihood()
    groups = {"energy": surrogate_response().groups(["energy"])[0]}
    strange = np.where(groups["energy"] == 6, 3.0, 0.0)
    observed = nll.with_counts(strange)
    found = saturated_by_projection(strange, nll.model.expected(minimise(observed).theta), groups)
    toys = run_toys(ToyStudy(observed, PUBLISHED, seed=2, projections=groups), 30)
    result = goodness_of_fit(found, [toy.goodness for toy in toys], seed=2, n_failed=0)
    assert result.p_value["energy"] == pytest.approx(1 / 31)
    assert (result.n_toys, result.n_failed) == (30, 0)


@pytest.mark.public_data
def test_real_events_fit_well(public_data) -> None:
    nll = likelihood(observed_counts(public_data))
    best = minimise(nll)
    groups = {axis: surrogate_response().groups([axis])[0] for axis in ("energy", "zenith", "topology")}
    toys = run_toys(ToyStudy(nll, best.values, seed=3, projections=groups), 100)
    observed = saturated_by_projection(nll.counts, nll.model.expected(best.theta), groups)
    result = goodness_of_fit(observed, [toy.goodness for toy in toys if toy.valid], seed=3, n_failed=0)
    assert min(result.p_value.values()) > 0.05
