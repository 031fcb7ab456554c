"""Binomial intervals: coverage, independent programs, limits."""

from __future__ import annotations

import numpy as np
import pytest
from hist.intervals import clopper_pearson_interval
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from configs.errors import InputError
from fits.classifier.binomial import interval, rate, rates, weighted_rate


def test_no_interval_of_zero_length_at_the_ends() -> None:
    """The published framework gave sqrt(p(1-p)/n) = 0 for 0 of 10 and 10 of 10."""
    ends = [(one.low, one.high) for one in (rate(0, 10, 0.6827), rate(10, 10, 0.6827), rate(0, 10, 0.6827, "wilson"))]
    assert ends == [pytest.approx((0, 0.1682), abs=1e-4), pytest.approx((0.8318, 1), abs=1e-4), pytest.approx((0, 0.0909), abs=1e-4)]


@given(n=st.integers(1, 3000), share=st.floats(0, 1), level=st.sampled_from([0.5, 0.6827, 0.95]))
def test_equals_scipy(n: int, share: float, level: float) -> None:
    k = round(share * n)
    for method, theirs in (("clopper-pearson", "exact"), ("wilson", "wilson")):
        expected = binomtest(k, n).proportion_ci(level, method=theirs)
        assert [float(end) for end in interval(k, n, level, method)] == pytest.approx([expected.low, expected.high], rel=1e-9, abs=1e-12)


def test_equals_hist() -> None:
    k, n = np.arange(0, 21), np.full(21, 20)
    np.testing.assert_allclose(interval(k, n, 0.6827), clopper_pearson_interval(k, n, coverage=0.6827), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.5, 0.9])
def test_clopper_pearson_never_undercovers(p: float) -> None:
    k = np.arange(41)
    low, high = interval(k, 40, 0.6827)
    assert binom.pmf(k, 40, p)[(low <= p) & (p <= high)].sum() >= 0.6827


def test_success_and_failure_mirror_each_other() -> None:
    for method in ("clopper-pearson", "wilson"):
        low, high = interval([2, 18], 20, 0.9, method)
        assert (low[0], high[0]) == pytest.approx((1 - high[1], 1 - low[1]), rel=1e-12)


def test_nothing_counted_is_everything_possible() -> None:
    (empty,) = rates([0], [0])
    assert np.isnan(empty.value)
    assert (empty.low, empty.high, empty.total) == (0.0, 1.0, 0.0)


def test_equal_weights_are_counts_and_unequal_ones_widen() -> None:
    passed = np.arange(50) < 20
    plain, scaled = rate(20, 50, method="wilson"), weighted_rate(passed, np.full(50, 0.01))
    assert (scaled.value, scaled.low, scaled.high) == pytest.approx((plain.value, plain.low, plain.high), rel=1e-12)
    heavy = weighted_rate(passed, np.where(np.arange(50) % 5 == 0, 10.0, 1.0))
    assert heavy.high - heavy.low > plain.high - plain.low
    assert np.isnan(weighted_rate([], []).value)


def test_refusals() -> None:
    with pytest.raises(InputError, match="0 <= passed <= total"):
        interval(3, 2)
    with pytest.raises(InputError, match="level 1.0 is not between 0 and 1"):
        interval(1, 2, 1.0)
    with pytest.raises(InputError, match="unknown interval 'wilsn'; did you mean 'wilson'"):
        interval(1, 2, 0.9, "wilsn")
    with pytest.raises(InputError, match="negative weights"):
        weighted_rate([True], [-1.0])
