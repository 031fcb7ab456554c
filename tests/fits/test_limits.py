"""Upper limits: closed forms of a count, the profile, what is expected without signal."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from counting_case import Count, exact_fit
from scipy.optimize import brentq
from scipy.stats import poisson
from surrogate_case import likelihood, toy_counts

from configs.errors import InputError
from fits.intervals import one_sided_level
from fits.limits import limit, upper_limit
from fits.minimise import minimise
from fits.parameters import FitParameter


@pytest.mark.parametrize("cl", [0.68, 0.90, 0.95])
def test_limit_of_a_count(cl: float) -> None:
    level = one_sided_level(cl)
    for k in (0.0, 1.0, 6.0):
        nll = Count(k)
        exact = level if k == 0 else brentq(lambda s, k=k: s - k - k * math.log(s / k) - level, k, k + 30.0)
        assert upper_limit(nll, exact_fit(nll), "signal", cl, fit=exact_fit) == pytest.approx(exact, rel=2e-3)


def test_a_deficit_is_treated_at_the_boundary() -> None:
    """No event over a background: the best fit is 0, and the limit is where s alone has risen by z^2 / 2, whatever the background."""
    nll = Count(0.0, background=3.0)
    assert upper_limit(nll, exact_fit(nll), "signal", 0.9, fit=exact_fit) == pytest.approx(one_sided_level(0.9), rel=2e-3)


def test_limit_on_the_norm_is_where_its_profile_says() -> None:
    nll = likelihood(toy_counts(1))
    best = minimise(nll)
    found = upper_limit(nll, best, "astro_norm", 0.90)
    held = minimise(nll, fixed={"astro_norm": found})
    assert held.nll - best.nll == pytest.approx(one_sided_level(0.90), abs=2e-3)
    assert found > best.values["astro_norm"]
    assert upper_limit(nll, best, "astro_norm", 0.95) > found


def test_a_limit_beyond_the_bound_is_infinite() -> None:
    nll = replace(Count(2.0), parameters=(FitParameter("signal", (1.0,), 0.0, 2.5),))
    assert upper_limit(nll, exact_fit(nll), "signal", 0.9, fit=exact_fit) == math.inf


def test_expected_limit_is_the_quantiles_over_counts_without_signal() -> None:
    nll = Count(5.0, background=3.0)
    result = limit(nll, exact_fit(nll), "signal", 0.9, expected_toys=2000, seed=8, fit=exact_fit)
    assert result.expected is not None
    counts = np.arange(30)
    by_count = [upper_limit(Count(float(k), 3.0), exact_fit(Count(float(k), 3.0)), "signal", 0.9, fit=exact_fit) for k in counts]
    for band, quantile in (("-1", 0.1587), ("0", 0.5), ("1", 0.8413)):
        assert result.expected[band] == pytest.approx(by_count[int(poisson.ppf(quantile, 3.0))], rel=1e-3)
    assert list(result.expected.values()) == sorted(result.expected.values())
    assert (result.method, result.cl) == ("profile", 0.9)
    assert result.observed > result.expected["0"]


def test_expected_limit_of_the_asimov_set() -> None:
    """Counts of the background alone, b = 3: s - b ln(1 + s / b) has risen by z^2 / 2. Cowan et al., EPJC 71 (2011) 1554, section 4.3."""
    nll = Count(5.0, background=3.0)
    result = limit(nll, exact_fit(nll), "signal", 0.9, asimov=True, fit=exact_fit)
    exact = brentq(lambda s: s - 3.0 * math.log1p(s / 3.0) - one_sided_level(0.9), 1e-6, 30.0)
    assert result.expected == {"0": pytest.approx(exact, rel=1e-3)}
    assert result.observed == limit(nll, exact_fit(nll), "signal", 0.9, fit=exact_fit).observed


def test_expected_limit_on_the_flux_without_a_flux() -> None:
    nll = likelihood(toy_counts(1))
    best = minimise(nll)
    result = limit(nll, best, "astro_norm", 0.9, expected_toys=15, seed=8)
    assert result.expected is not None
    assert 0.0 < result.expected["-2"] < result.expected["0"] < result.expected["2"] < result.observed
    assert limit(nll, best, "astro_norm", 0.9).expected is None


def test_wrong_requests_are_refused() -> None:
    nll = Count(2.0)
    with pytest.raises(InputError, match="did you mean 'signal'"):
        limit(nll, exact_fit(nll), "sigal", 0.9, fit=exact_fit)
    with pytest.raises(InputError, match="toys need a seed"):
        limit(nll, exact_fit(nll), "signal", 0.9, expected_toys=3, fit=exact_fit)
    with pytest.raises(InputError, match=r"between 0\.5 and 1"):
        limit(nll, exact_fit(nll), "signal", 0.3, fit=exact_fit)


def test_toys_without_a_limit_leave_the_observed_one() -> None:
    def lost(target: Count, *, fixed=None, **options):
        return replace(exact_fit(target, fixed=fixed, **options), valid=target.k == 2.0 and fixed is not None)

    nll = Count(2.0)
    found = limit(nll, exact_fit(nll), "signal", 0.9, expected_toys=4, seed=1, fit=lost)
    assert found.observed == pytest.approx(limit(nll, exact_fit(nll), "signal", 0.9, fit=exact_fit).observed)
    assert (found.expected, found.n_failed, found.valid) == (None, 4, False)
    assert found.reason == "only 0 of 4 toys gave a limit; give signal bounds or a prior"


def stuck_above(value: float):
    """A minimiser whose fits do not converge once the signal is held above ``value``: its NLL is then far too high."""

    def fit(nll, *, fixed=None, **options):
        found = exact_fit(nll, fixed=fixed, **options)
        lost = fixed is not None and fixed.get("signal", 0.0) > value
        return replace(found, valid=False, reason="stuck", nll=found.nll + 100.0) if lost else found

    return fit


def test_a_fit_that_does_not_converge_gives_no_limit_rather_than_a_low_one() -> None:
    nll = Count(6.0)
    assert math.isnan(upper_limit(nll, exact_fit(nll), "signal", 0.9, fit=stuck_above(7.0)))
    assert math.isfinite(upper_limit(nll, exact_fit(nll), "signal", 0.9, fit=stuck_above(70.0)))
