"""Nested models: TS of made-up and real data, its toys, failures counted."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from surrogate_case import PUBLISHED, likelihood, observed_counts, toy_counts

from configs.errors import InputError
from fits.hypothesis import ComparisonStudy, compare, free_parameters, hypothesis_test
from fits.intervals import half_chi2_p_value
from fits.minimise import minimise
from fits.spectrum_choice import Embedding
from physics.spectra import BrokenPowerLaw, ExponentialCutoff, LogParabola, PowerLaw

WIDER = {"log_parabola": LogParabola(), "cutoff": ExponentialCutoff(), "broken_power_law": BrokenPowerLaw()}


def study(kind: str, counts=None, seed: int = 4) -> ComparisonStudy:
    counts = toy_counts(1) if counts is None else counts
    return ComparisonStudy(likelihood(counts), likelihood(counts, spectrum=WIDER[kind]), PUBLISHED, Embedding(kind), seed)


@pytest.mark.parametrize("kind", WIDER)
def test_an_embedded_power_law_is_the_same_flux(kind: str) -> None:
    wide = likelihood(toy_counts(1), spectrum=WIDER[kind])
    values = Embedding(kind)(PUBLISHED)
    assert wide.value([values[name] for name in wide.names]) == pytest.approx(likelihood(toy_counts(1)).value(list(PUBLISHED.values())), rel=1e-12)


@pytest.mark.parametrize("kind", WIDER)
def test_the_wider_model_is_never_worse(kind: str) -> None:
    one = study(kind)
    values = [one(i) for i in range(12)]
    assert min(values) >= -1e-6
    assert pickle.loads(pickle.dumps(one))(5) == values[5]
    found = compare(one.null, one.alternative, embed=one.embed)
    assert found.ts == pytest.approx(2 * (found.null.nll - found.alternative.nll))


def test_an_alternative_that_misses_is_repeated_and_never_floored() -> None:
    """Specification 9: a negative TS set to 0 makes p-values too large. From a wrong minimum: found again, or no number at all."""
    one = study("log_parabola")

    def stuck(nll, *, starts=None, **options):
        far = "beta" in nll.names and starts is None
        return minimise(nll, starts=starts, fixed={"astro_norm": 30.0} if far else None, **options)

    def always_stuck(nll, *, starts=None, **options):
        return minimise(nll, starts=starts, fixed={"astro_norm": 30.0} if "beta" in nll.names else None, **options)

    honest = compare(one.null, one.alternative, embed=one.embed)
    assert compare(one.null, one.alternative, embed=one.embed, fit=stuck).ts == pytest.approx(honest.ts, abs=1e-4)
    missed = compare(one.null, one.alternative, embed=one.embed, fit=always_stuck)
    assert missed.alternative.nll > missed.null.nll
    assert math.isnan(missed.ts)


def test_a_curved_spectrum_is_found_in_its_asimov_set() -> None:
    curved = likelihood(spectrum=LogParabola())
    truth = {"astro_norm": 6.0, "astro_gamma": 2.6, "beta": 0.4, "atmos_norm": 1.0}
    counts = 20.0 * curved.model.expected(list(truth.values()))
    found = compare(likelihood(counts, prior=False), likelihood(counts, spectrum=LogParabola(), prior=False), embed=Embedding("log_parabola"))
    assert found.ts > 20.0
    assert found.alternative.values["beta"] == pytest.approx(0.4, abs=0.01)
    assert found.alternative.values["astro_norm"] == pytest.approx(120.0, rel=0.01)


def test_ts_of_true_nulls_follows_chi_square() -> None:
    one = study("log_parabola")
    outcome = hypothesis_test(one, compare(one.null, one.alternative, embed=one.embed), 80)
    ts = np.array(outcome.ts_toys)
    assert outcome.n_failed == 80 - ts.size == 0
    assert ts.mean() == pytest.approx(1.0, abs=0.45)
    assert outcome.degrees_of_freedom == 1
    assert outcome.p_toys == pytest.approx((1 + (ts >= outcome.ts).sum()) / 81)
    assert abs(outcome.p_toys - outcome.p_chi2) < 4 * outcome.p_toys_error + 0.05


def test_a_null_on_the_boundary_has_half_a_chi_square() -> None:
    one = study("cutoff")
    outcome = hypothesis_test(one, compare(one.null, one.alternative, embed=one.embed), 60, boundary=True)
    on_boundary = np.mean(np.array(outcome.ts_toys) < 1e-3)
    assert 0.25 < on_boundary < 0.75
    assert outcome.p_chi2 == pytest.approx(half_chi2_p_value(outcome.ts))


def test_failed_comparisons_are_counted() -> None:
    def fails_on_odd(nll, **options):
        found = minimise(nll, **options)
        return replace(found, valid=False) if int(nll.counts.sum()) % 2 and "beta" in nll.names else found

    one = replace(study("log_parabola"), fit=fails_on_odd)
    data = compare(one.null, one.alternative, embed=one.embed)
    outcome = hypothesis_test(one, data, 12)
    assert outcome.n_failed > 0
    assert len(outcome.ts_toys) + outcome.n_failed == 12
    assert not any(math.isnan(ts) for ts in outcome.ts_toys)


def test_models_of_the_same_size_are_not_nested() -> None:
    same = ComparisonStudy(likelihood(toy_counts(1)), likelihood(toy_counts(1), spectrum=PowerLaw()), PUBLISHED, Embedding("power_law"), 1)
    assert free_parameters(same.null) == 3
    with pytest.raises(InputError, match="no more free parameters"):
        hypothesis_test(same, compare(same.null, same.alternative, embed=same.embed), 3)


@pytest.mark.public_data
def test_the_real_events_ask_for_no_curvature(public_data) -> None:
    """arXiv:2011.03545 finds none of them preferred to the power law either."""
    counts = observed_counts(public_data)
    for kind in WIDER:
        one = study(kind, counts)
        assert 0.0 <= compare(one.null, one.alternative, embed=one.embed).ts < 2.7
