"""Mutual information: golden G21, weights, errors, what sampling with replacement would do."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_regression

from configs.errors import InputError
from fits.stopping_muons.mutual_information import mutual_information
from processors.stopping_muons_training import SAMPLE_ORDER, SPLIT_NUMBER, WEIGHT, sampled
from records.tables import Table

RHO, TRUTH = 0.8, -0.5 * np.log(1 - 0.8**2)  # 0.511 nats


def pair(count: int, seed: int = 1) -> dict[str, np.ndarray]:
    x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, RHO], [RHO, 1]], count).T
    return {"proxy": x, "noise": np.random.default_rng(seed + 100).normal(size=count), "energy": 10**y}


def test_golden_g21_a_normal_pair() -> None:
    found = mutual_information(pair(5000), ["proxy", "noise"], {"energy": "energy"}, replicas=8)
    assert found.nats["energy"]["proxy"] == pytest.approx(0.511, abs=0.03)
    assert found.normalised["energy"]["proxy"] == pytest.approx(RHO, abs=0.02)
    assert found.nats["energy"]["noise"] == pytest.approx(0.0, abs=0.03)
    assert 0.005 < found.error["energy"]["proxy"] < 0.03
    assert found.events == 5000


def test_golden_g21_weighted_input_is_unchanged() -> None:
    """A normal pair out of a uniform one by weights, sampled as the processor does; with replacement the estimator sees duplicates and is far off."""
    random = np.random.default_rng(3)
    x, y, split, uniform = random.uniform([[-4], [-4], [0], [0]], [[4], [4], [1], [1]], (4, 200_000))
    weight = np.exp(-(x**2 - 2 * RHO * x * y + y**2) / 2 / (1 - RHO**2))
    sample = sampled(Table({"proxy": x, "energy": 10**y, WEIGHT: weight, SPLIT_NUMBER: split, SAMPLE_ORDER: uniform / weight})).columns
    found = mutual_information(sample, ["proxy"], {"energy": "energy"}, replicas=2)
    assert found.events == len(set(sample["proxy"])) == 5000
    assert found.nats["energy"]["proxy"] == pytest.approx(0.511, abs=0.03)
    few = slice(0, 20_000)
    repeated = random.choice(20_000, 5000, p=weight[few] / weight[few].sum())
    assert mutual_info_regression(x[repeated, None], y[repeated], random_state=0)[0] > 0.7


def test_errors_are_the_spread_of_samples() -> None:
    found = [mutual_information(pair(400, seed), ["proxy"], {"energy": "energy"}, replicas=8, seed=seed) for seed in range(40)]
    spread = np.std([one.nats["energy"]["proxy"] for one in found], ddof=1)
    assert np.mean([one.error["energy"]["proxy"] for one in found]) == pytest.approx(spread, rel=0.3)
    assert np.mean([one.nats["energy"]["proxy"] for one in found]) == pytest.approx(TRUTH, abs=0.03)


def test_the_same_seed_gives_the_same_result() -> None:
    results = [mutual_information(pair(300), ["proxy", "noise"], {"energy": "energy"}, replicas=3, seed=seed) for seed in (1, 1, 2)]
    assert results[0] == results[1]
    assert results[0].error != results[2].error


def test_samples_that_are_refused() -> None:
    with pytest.raises(InputError, match=r"no column 'proxi' in the sample; did you mean 'proxy'\?"):
        mutual_information(pair(100), ["proxi"], {"energy": "energy"})
    with pytest.raises(InputError, match="20 events are too few, 50 needed"):
        mutual_information(pair(20), ["proxy"], {"energy": "energy"})
    with pytest.raises(InputError, match="energy must be positive, its logarithm is used"):
        mutual_information({**pair(100), "energy": np.full(100, -1.0)}, ["proxy"], {"energy": "energy"})
