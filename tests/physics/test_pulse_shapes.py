"""Pulse shapes against derivatives by differences, integrals, limits and each other."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from physics.pulse_shapes import area_fraction, peak_time_ns, pulse, pulse_derivatives, rates_of, smeared_pulse, times_of

ETAS = [0.0, 1e-12, 1e-8, 1e-5, 1e-3, 0.0251, 0.302, 0.9, 0.9999]
TIMES = st.floats(0.1, 10.0)


def plain(u: float, rise: float, fall: float) -> mpmath.mpf:
    """The textbook form with 60 digits."""
    with mpmath.workdps(60):
        rise, fall, u = mpmath.mpf(rise), mpmath.mpf(fall), mpmath.mpf(u)
        return (mpmath.exp(-u / fall) - mpmath.exp(-u / rise)) / (fall - rise) if u > 0 else mpmath.mpf(0)


@given(TIMES, TIMES)
def test_times_and_rates_are_inverse(one: float, other: float) -> None:
    rise, fall = times_of(*rates_of(one, other))
    np.testing.assert_allclose([rise, fall], sorted([one, other]), rtol=1e-7)  # the square root of eta: half the digits where they meet


@pytest.mark.parametrize("times", [(0.93, 3.2), (1.999999, 2.0), (1.9, 2.0), (0.1, 10.0)])
def test_pulse_is_the_difference_of_exponentials(times: tuple[float, float]) -> None:
    beta, eta = rates_of(*times)
    u = np.array([-1.0, 0.0, 1e-6, 0.1, 1.62, 5.0, 30.0, 100.0])
    found = pulse(u, beta, eta)
    expected = np.array([float(plain(value, *times)) for value in u])
    np.testing.assert_allclose(found, expected, rtol=3e-13 * max(1, u.max() / min(times) / 10), atol=0)
    assert (found[:2] == 0).all()


def test_equal_times_have_their_limit() -> None:
    u, tau = np.linspace(0, 30, 61), 2.0
    np.testing.assert_allclose(pulse(u, 1 / tau, 0.0), u / tau**2 * np.exp(-u / tau), rtol=1e-14)
    np.testing.assert_allclose(area_fraction(u, 1 / tau, 0.0), 1 - np.exp(-u / tau) * (1 + u / tau), rtol=0, atol=1e-15)
    assert peak_time_ns(1 / tau, 0.0) == tau


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("beta", [0.06, 0.7, 11.0])
def test_derivatives_agree_with_differences(eta: float, beta: float) -> None:
    """To 4e-11 of the largest derivative, by central differences with 50 digits behind the closed form."""
    u = np.array([0.0, 0.01, 0.3, 1.0, 2.5, 8.0, 20.0]) / beta

    def exact(at: float, rate: mpmath.mpf, asymmetry: mpmath.mpf) -> mpmath.mpf:
        x = rate * at
        z = asymmetry * x * x
        h = mpmath.sinh(mpmath.sqrt(z)) / mpmath.sqrt(z) if z else mpmath.mpf(1)  # also right for z < 0
        return mpmath.re(rate * (1 - asymmetry) * x * mpmath.exp(-x) * h)

    with mpmath.workdps(50):
        step = mpmath.mpf("1e-12")
        b, e = mpmath.mpf(beta), mpmath.mpf(eta)
        expected = np.array([
            [float(-(exact(at + step, b, e) - exact(at - step, b, e)) / (2 * step)) for at in map(mpmath.mpf, u)],
            [float((exact(at, b + step, e) - exact(at, b - step, e)) / (2 * step)) for at in map(mpmath.mpf, u)],
            [float((exact(at, b, e + step) - exact(at, b, e - step)) / (2 * step)) for at in map(mpmath.mpf, u)],
        ])  # fmt: skip
    for found, wanted in zip(pulse_derivatives(u, beta, eta), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=4e-11 * np.abs(wanted).max())


def test_nothing_moves_before_the_onset() -> None:
    assert all((np.asarray(part) == 0).all() for part in pulse_derivatives(np.array([-5.0, -1e-9]), 0.7, 0.3))


@pytest.mark.parametrize("eta", ETAS)
def test_area_is_one_and_its_share_the_integral(eta: float) -> None:
    beta = 0.7
    _, fall = times_of(beta, eta)
    assert area_fraction(60 * fall, beta, eta) == pytest.approx(1.0, rel=1e-12)
    for upper in (0.3, 2.0, 22.0):
        integral = quad(lambda u: float(pulse(u, beta, eta)), 0, upper, epsabs=1e-15, epsrel=1e-13)[0]
        assert area_fraction(upper, beta, eta) == pytest.approx(integral, rel=1e-12)
    assert area_fraction(-1.0, beta, eta) == 0


def test_numbers_of_the_reference_pulse() -> None:
    """The times of the reference analysis' start: 1.62005 ns to the peak of 0.188357 / ns; 0.16 % of the charge later than 21.7 ns."""
    beta, eta = rates_of(0.93, 3.2)
    assert peak_time_ns(beta, eta) == pytest.approx(1.62005, rel=1e-5)
    assert pulse(peak_time_ns(beta, eta), beta, eta) == pytest.approx(0.188357, rel=1e-5)
    assert 1 - area_fraction(21.7, beta, eta) == pytest.approx(0.0016, rel=0.01)


@pytest.mark.parametrize("eta", ETAS[:-1])
def test_peak_is_where_the_slope_vanishes(eta: float) -> None:
    peak = peak_time_ns(0.7, eta)
    slope = pulse_derivatives(peak, 0.7, eta)[0]
    assert slope == pytest.approx(0.0, abs=1e-9)
    assert pulse(peak, 0.7, eta) >= pulse(peak + np.linspace(-0.2, 0.2, 41), 0.7, eta).max()


@pytest.mark.parametrize("eta", [0.0, 1e-8, 9e-7, 1.1e-6, 0.01, 0.302, 0.8])
@pytest.mark.parametrize("sigma", [0.05, 0.4, 2.0])
def test_smeared_pulse_has_the_moments_of_a_sum(eta: float, sigma: float) -> None:
    """Area 1, mean tau_r + tau_f, variance tau_r^2 + tau_f^2 + sigma^2 (independent delays add)."""
    beta = 0.7
    rise, fall = times_of(beta, eta)
    step = min(sigma, float(rise)) / 8
    u = np.arange(-10 * sigma, 45 * fall, step)  # the trapezoidal rule is exact for smooth functions
    density = smeared_pulse(u, beta, eta, sigma) * step
    assert density.sum() == pytest.approx(1, rel=1e-11)
    mean = density @ u
    assert mean == pytest.approx(float(rise + fall), rel=1e-11)
    assert density @ (u - mean) ** 2 == pytest.approx(float(rise**2 + fall**2 + sigma**2), rel=1e-10)


def test_smeared_pulse_is_the_convolution_and_becomes_sharp() -> None:
    beta, eta, sigma = 0.7, 0.3, 0.4
    for u in (-1.0, 0.0, 0.7, 3.0, 12.0):
        nodes = np.linspace(max(u - 10 * sigma, 0), u + 10 * sigma, 20001)
        weights = np.exp(-0.5 * ((u - nodes) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        expected = np.trapezoid(pulse(nodes, beta, eta) * weights, nodes)
        assert smeared_pulse(u, beta, eta, sigma) == pytest.approx(expected, rel=2e-6)
    late = np.array([0.5, 2.0, 10.0])
    np.testing.assert_allclose(smeared_pulse(late, beta, eta, 1e-4), pulse(late, beta, eta), rtol=1e-7)
    far = smeared_pulse(np.array([-400.0, -50.0, 1e3, 1e5]), beta, eta, sigma)
    assert np.isfinite(far).all()
    assert (far >= 0).all()
