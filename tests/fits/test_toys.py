"""Pseudo-experiments: pulls and coverage, independence of the order of work, nothing dropped in silence."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from surrogate_case import PUBLISHED, likelihood

from configs.errors import InputError
from fits.minimise import Minimum, minimise
from fits.toys import ToyStudy, generator, run_toys, summarise, throw

# Where a boundary is near (G15 uses the same truth): none of the three parameters is, at the published point.
STUDY = ToyStudy(likelihood(), PUBLISHED, seed=20201)


def test_pulls_of_500_toys() -> None:
    """Issue item 7: mean 0 +- 0.15, width 0.9 to 1.1, all fits valid, no boundary near at the published point."""
    result = summarise(STUDY, run_toys(STUDY, 500))
    assert (result.n_requested, result.n_valid, result.n_failed) == (500, 500, 0)
    for name in PUBLISHED:
        assert result.pull_mean[name] == pytest.approx(0.0, abs=0.15)
        assert 0.9 < result.pull_width[name] < 1.1
        assert result.near_bound[name] < 0.02


def check_gamma(n: int, coverage_tolerance: float) -> None:
    study = replace(STUDY, minos=("astro_gamma",), seed=7)
    result = summarise(study, run_toys(study, n))
    gamma = np.array(result.values["astro_gamma"])
    assert result.n_valid == n
    assert abs(gamma.mean() - PUBLISHED["astro_gamma"]) < 0.05
    assert 0.18 < gamma.std() < 0.26
    assert result.coverage_68["astro_gamma"] == pytest.approx(0.68, abs=coverage_tolerance)
    assert min(result.values["astro_norm"]) >= 0.0
    assert min(result.values["atmos_norm"]) >= 0.0


def test_coverage_of_200_toys_g15() -> None:
    check_gamma(200, 0.10)


@pytest.mark.slow
def test_coverage_of_1000_toys_g15() -> None:
    check_gamma(1000, 0.05)


def test_a_toy_depends_on_its_number_alone() -> None:
    one_way = run_toys(STUDY, 6)
    backwards = run_toys(STUDY, 6, execute=lambda study, numbers: map(study, reversed(list(numbers))))
    alone = pickle.loads(pickle.dumps(STUDY))(4)
    assert [fit.index for fit in backwards] == list(range(6))
    for a, b in zip(one_way, backwards, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(one_way[4].values, alone.values)
    np.testing.assert_array_equal(run_toys(STUDY, 3)[2].values, one_way[2].values)
    assert not np.array_equal(run_toys(replace(STUDY, seed=20202), 1)[0].values, one_way[0].values)


def test_studies_never_share_random_numbers() -> None:
    first = [generator(1, study, 0).random() for study in ("toys", "feldman_cousins", "limit", "test")]
    assert len(set(first)) == 4
    with pytest.raises(InputError, match="toys need a seed"):
        generator(None, "toys", 0)
    with pytest.raises(InputError, match="toys need a seed"):
        run_toys(replace(STUDY, seed=None), 1)


def test_counts_and_prior_centres_are_thrown_around_the_truth() -> None:
    nll = likelihood()
    truth = {**PUBLISHED, "atmos_norm": 1.3}
    toys = [throw(nll, truth, generator(3, "toys", i)) for i in range(400)]
    counts = np.array([toy.counts for toy in toys])
    expected = nll.model.expected([truth[name] for name in nll.names])
    assert counts.sum(axis=1).mean() == pytest.approx(expected.sum(), abs=5 * np.sqrt(expected.sum() / 400))
    assert counts.sum(axis=1).var() == pytest.approx(expected.sum(), rel=0.3)
    centres = np.array([toy.priors["atmos_norm"].centre for toy in toys])
    assert centres.mean() == pytest.approx(1.3, abs=0.1)
    assert centres.std() == pytest.approx(0.4, rel=0.15)
    kept = throw(nll, truth, generator(3, "toys", 0), aux="fixed")
    assert kept.priors["atmos_norm"].centre == 1.0


def test_fixed_centres_make_narrow_pulls() -> None:
    """With the auxiliary measurement kept, the fit is pulled to it and spreads less than its error: why ``thrown`` is the default."""
    fixed = replace(STUDY, aux="fixed")
    assert summarise(fixed, run_toys(fixed, 150)).pull_width["atmos_norm"] < 0.8


def test_a_near_boundary_is_reported() -> None:
    study = replace(STUDY, truth={**PUBLISHED, "astro_norm": 0.2}, seed=5)
    result = summarise(study, run_toys(study, 60))
    assert result.near_bound["astro_norm"] > 0.1
    assert result.n_valid + result.n_failed == 60


def test_failures_are_retried_counted_and_named() -> None:
    calls = []

    def fails_sometimes(nll, *, starts=None, minos=()) -> Minimum:
        found = minimise(nll, starts=starts, minos=minos)
        events = int(nll.counts.sum())
        calls.append(events)
        return replace(found, valid=False, reason="made to fail") if events % 2 else found

    study = replace(STUDY, fit=fails_sometimes)
    result = summarise(study, run_toys(study, 12))
    odd = len([events for events in calls if events % 2])
    assert result.n_failed == odd // 2 > 0  # each was tried twice
    assert result.failures == {"made to fail": result.n_failed}
    assert result.n_valid == 12 - result.n_failed == len(result.values["astro_gamma"])


def test_progress_counts_every_toy() -> None:
    seen = []
    run_toys(STUDY, 3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
