"""One-dimensional profiles: closed forms of a count, the two-dimensional scan, MINOS."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from counting_case import Count, exact_fit
from scipy.optimize import brentq
from surrogate_case import likelihood, toy_counts

from configs.errors import InputError
from fits.minimise import minimise
from fits.parameters import FitParameter
from fits.profiles import profile
from fits.scans import scan_linear


def test_profile_of_a_count_is_its_likelihood() -> None:
    nll = Count(7.0)
    result = profile(nll, exact_fit(nll), "signal", (1.0, 20.0, 39), fit=exact_fit)
    x = np.array(result.x)
    np.testing.assert_allclose(result.delta_nll, x - 7.0 - 7.0 * np.log(x / 7.0), atol=1e-12)
    for level, interval in ((0.5, result.interval_68), (2.0, result.interval_95)):
        ends = [brentq(lambda s, level=level: s - 7.0 - 7.0 * math.log(s / 7.0) - level, *span) for span in ((0.5, 7.0), (7.0, 30.0))]
        assert interval == pytest.approx(ends, abs=2e-3)


def test_a_profile_ends_at_the_bound_or_is_open() -> None:
    nll = Count(1.0, background=0.8)
    result = profile(nll, exact_fit(nll), "signal", (0.0, 3.0, 31), fit=exact_fit)
    assert result.interval_68[0] == 0.0
    assert result.interval_68[1] == pytest.approx(brentq(lambda s: s - 0.2 - math.log(s + 0.8) - 0.5, 0.2, 5.0), abs=1e-3)
    assert result.interval_95 == (0.0, math.inf)


def test_profile_agrees_with_minos_and_with_the_scan() -> None:
    nll = likelihood(toy_counts(1))
    best = minimise(nll, minos=["astro_gamma"])
    result = profile(nll, best, "astro_gamma", (2.2, 3.8, 33))
    down, up = best.minos["astro_gamma"]
    assert result.interval_68 == pytest.approx((best.values["astro_gamma"] + down, best.values["astro_gamma"] + up), abs=1e-3)
    norms = np.linspace(2.0, 14.0, 121)
    scanned = scan_linear(nll, "astro_gamma", "astro_norm", np.array(result.x), norms)[0].min(axis=1) - best.nll
    np.testing.assert_allclose(result.delta_nll, scanned, atol=5e-3)
    assert (np.array(result.delta_nll) <= scanned + 1e-7).all()
    assert set(result.nuisances) == {"astro_norm", "atmos_norm"}


def test_a_norm_of_zero_has_a_profile_though_the_index_has_no_effect_there() -> None:
    nll = likelihood(toy_counts(1))
    best = minimise(nll)
    result = profile(nll, best, "astro_norm", (0.0, 12.0, 7))
    assert np.isfinite(result.delta_nll).all()
    background_only = minimise(nll, fixed={"astro_norm": 0.0, "astro_gamma": 2.5})
    assert result.delta_nll[0] == pytest.approx(background_only.nll - best.nll, abs=1e-6)


class TwoValleys:
    """0.1 x^2 + 5 (y^2 - 1)^2 + 0.3 x y + 0.1 y: below x = -0.3 the valley of y = +1 is the lower one; that of y = -1 ends at x = -26."""

    parameters = (FitParameter("x", (1.0,), -40.0, 40.0), FitParameter("y", (-1.0, 1.0), -3.0, 3.0))
    model = SimpleNamespace(flux=SimpleNamespace(norms=(), names=()))
    names = ("x", "y")

    def value_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = theta
        value = 0.1 * x**2 + 5 * (y**2 - 1) ** 2 + 0.3 * x * y + 0.1 * y
        return value, np.array([0.2 * x + 0.3 * y, 20 * y * (y**2 - 1) + 0.3 * x + 0.1])


def test_a_profile_finds_the_lower_of_two_valleys() -> None:
    nll = TwoValleys()
    best = minimise(nll)
    result = profile(nll, best, "x", (-32.0, 4.0, 37), fit=lambda *given, **options: minimise(*given, **options))
    y = np.linspace(-2, 2, 400_001)
    lowest = [(0.1 * x**2 + 5 * (y**2 - 1) ** 2 + 0.3 * x * y + 0.1 * y).min() for x in result.x]
    assert np.array(result.delta_nll) + best.nll == pytest.approx(np.array(lowest), abs=1e-3)


def test_unknown_parameters_are_refused() -> None:
    nll = likelihood(toy_counts(1))
    with pytest.raises(InputError, match="did you mean 'atmos_norm'"):
        profile(nll, minimise(nll), "atm_norm", (0.0, 2.0, 5))
