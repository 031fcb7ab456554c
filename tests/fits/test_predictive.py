"""Predicted counts: closed forms of mixtures of Poisson distributions, projections, p-values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import nbinom, poisson
from surrogate_case import PUBLISHED, counting_experiment, likelihood, surrogate_response, toy_counts

from configs.diffuse import Fit
from configs.errors import InputError
from fits.diffuse_inputs import Inputs
from fits.diffuse_studies import check
from fits.goodness import saturated
from fits.minimise import minimise
from fits.model import Model
from fits.predictive import MOST_SAMPLES, count_interval, p_value, predictive, projections, sampled
from fits.toys import ToyStudy, run_toys, summarise
from physics.spectra import PowerLaw
from records.results import decode_result, encode_result
from records.summary import rows

THETA = np.array(list(PUBLISHED.values()))


@pytest.mark.parametrize("mean", [0.05, 0.7, 3.0, 40.0])
@pytest.mark.parametrize("share", [0.6827, 0.9545])
def test_one_sample_has_the_quantiles_of_poisson(mean: float, share: float) -> None:
    low, high = count_interval(np.array([[mean, 2.0 * mean]]), share)
    assert low.tolist() == poisson.ppf(0.5 * (1.0 - share), [mean, 2.0 * mean]).tolist()
    assert high.tolist() == poisson.ppf(0.5 * (1.0 + share), [mean, 2.0 * mean]).tolist()


@pytest.mark.parametrize(("shape", "scale"), [(4.0, 2.0), (30.0, 0.5)])
def test_means_of_a_gamma_distribution_give_a_negative_binomial(shape: float, scale: float) -> None:
    """Poisson with a gamma-distributed mean; both ends, from the quantiles of the mean as samples."""
    mu = np.random.default_rng(1).gamma(shape, scale, (60_000, 1))
    for share in (0.6827, 0.9545):
        ends = [float(end[0]) for end in count_interval(mu, share)]
        assert ends == nbinom.ppf([0.5 * (1.0 - share), 0.5 * (1.0 + share)], shape, 1.0 / (1.0 + scale)).tolist()


def test_the_p_value_is_the_tail_of_the_statistic() -> None:
    """One bin, one mean: the sum of probabilities of all counts that lie no closer to it."""
    mean, observed = 7.0, 12.0
    numbers = np.arange(60)
    beyond = np.array([saturated([k], [mean]) >= saturated([observed], [mean]) for k in numbers])
    exact = poisson.pmf(numbers[beyond], mean).sum()
    n = 4000
    found = p_value(np.full((n, 1), mean), np.array([observed]), np.random.default_rng(2))
    assert found == pytest.approx(exact, abs=4.0 * np.sqrt(exact * (1.0 - exact) / n))
    assert p_value(np.full((50, 1), 6.0), np.array([6.0]), np.random.default_rng(3)) == 1.0


def test_projections_hold_every_event_once() -> None:
    response = surrogate_response()
    found = projections(response.bins, ["energy", "zenith", "topology"])
    assert list(found) == ["energy", "energy.cascade", "energy.track", "energy.dcascade", "reco_coszen", "reco_coszen.cascade", "reco_coszen.track"]
    counts = toy_counts(1)
    assert (found["energy"][3] @ counts).sum() == counts.sum()
    parts = sum(found[f"energy.{name}"][3] @ counts for name in ("cascade", "track", "dcascade"))
    np.testing.assert_array_equal(parts, found["energy"][3] @ counts)
    double = np.array([one.channel == "dcascade" for one in response.bins])
    assert (found["reco_coszen"][3] @ counts).sum() == counts[~double].sum()
    assert list(projections(response.bins, ["energy"])) == ["energy"]


def test_samples_stand_in_the_order_of_the_parameters_and_are_thinned() -> None:
    table = sampled(["a", "b", "c"], {"a": 1.0, "b": 2.0, "c": 3.0}, {"c": np.arange(2500.0), "a": np.zeros(2500)})
    assert table.shape == (834, 3)
    assert len(table) <= MOST_SAMPLES
    np.testing.assert_array_equal(table[:3], [[0.0, 2.0, 0.0], [0.0, 2.0, 3.0], [0.0, 2.0, 6.0]])


def test_toys_predict_the_expectation_that_they_were_thrown_from() -> None:
    """Bands around the truth; the data of the truth lie within them; the seed alone decides."""
    counts = toy_counts(5).astype(float)
    nll = likelihood(counts)
    minimum = minimise(nll)
    study = ToyStudy(nll, minimum.values, 4)
    toys = summarise(study, run_toys(study, 40))
    model = Model(surrogate_response(), PowerLaw())
    found, again = (predictive(model, minimum, toys, counts, ["energy", "zenith"], 9) for _ in range(2))
    assert found == again
    assert (found.source, found.n_samples) == ("toys", 40)
    energy = found.projections["energy"]
    expected = projections(model.response.bins, ["energy"])["energy"][3] @ model.expected(minimum.theta)
    low, high = np.array(energy.expected_low), np.array(energy.expected_high)
    assert ((low[:10] < expected[:10]) & (expected[:10] < high[:10])).all()
    assert sum(energy.observed) == counts.sum()
    assert energy.outside_95 <= 2
    assert decode_result(encode_result(found), "") == found
    assert rows(found)[0] == ("energy (toys)", f"{energy.outside_95} of 21 bins outside 95 %, p = {energy.p_value:.2f}", "")


def test_an_asimov_set_has_bands_and_no_p_value() -> None:
    nll = counting_experiment(9, 3.0)
    minimum = minimise(nll)
    study = ToyStudy(nll, minimum.values, 4)
    found = predictive(nll.model, minimum, summarise(study, run_toys(study, 20)), None, ["energy"], 1).projections["energy"]
    assert found.observed == []
    assert np.isnan(found.p_value)
    assert found.counts_95_low[0] < 9 < found.counts_95_high[0]


def test_bands_need_samples() -> None:
    inputs = Inputs(None, surrogate_response(), np.zeros(441, dtype=np.int64), 1.0, "", False, "")
    with pytest.raises(InputError, match="predictive: .* this fit has neither; add posterior: {} or toys"):
        check(Fit.model_validate({"predictive": True}), inputs)
    check(Fit.model_validate({"predictive": True, "toys": {"n": 10}}), inputs)
