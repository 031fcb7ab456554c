"""Spectra against their formulas differentiated in many digits, their limits, and each other."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import InputError
from physics.spectra import (
    BrokenPowerLaw,
    ExponentialCutoff,
    FreeBreak,
    LogParabola,
    PowerLaw,
    ShapeParameter,
    Spectrum,
    Table,
    flux_per_gev_cm2_s_sr,
    named,
)
from physics.user_spectra import NumericalSpectrum, from_user

X = np.array([-2.1, -0.4, 0.3, 1.7, 4.2])


def broken(x, g1, g2, x_break):
    def path(y):
        return -g1 * y if y < x_break else -g1 * x_break - g2 * (y - x_break)

    return path(x) - path(0)


def smooth_break(x, g1, g2, log10_break, width=0.06):
    x_break = log10_break * mpmath.log(10) - mpmath.log(mpmath.mpf(10) ** 5)

    def path(y):
        return -g1 * y - (g2 - g1) * mpmath.mpf(width) * mpmath.log(1 + mpmath.exp((y - x_break) / mpmath.mpf(width)))

    return path(x) - path(0)


CASES = {
    "power law": (PowerLaw(), (2.7,), lambda x, g: -g * x),
    "log-parabola": (LogParabola(), (2.6, 0.2), lambda x, g, b: -(g + b * x) * x),
    "cut-off": (ExponentialCutoff(), (2.3, 0.8), lambda x, g, c: -g * x - mpmath.exp(x) * c / 10),
    "cut-off, pivot 1 PeV": (ExponentialCutoff(1e6), (2.3, 0.8), lambda x, g, c: -g * x - mpmath.exp(x) * c),
    "break above the pivot": (BrokenPowerLaw(3e5), (2.2, 3.2), lambda x, a, b: broken(x, a, b, math.log(3))),
    "break below the pivot": (BrokenPowerLaw(4e4), (2.2, 3.2), lambda x, a, b: broken(x, a, b, math.log(0.4))),
    "free break": (FreeBreak(), (2.2, 3.2, 5.45), smooth_break),
    "free break below the pivot": (FreeBreak(), (2.2, 3.2, 4.83), smooth_break),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_shape_and_every_derivative_agree_with_the_formula_in_many_digits(case) -> None:
    spectrum, theta, formula = case
    shape = spectrum.evaluate(X, np.array(theta))
    with mpmath.workdps(40):
        for i, x in enumerate(X):
            given_at = (mpmath.mpf(float(x)), *(mpmath.mpf(one) for one in theta))
            orders = {"l": 0, "p": 1, "q": 2}
            for name, order in orders.items():
                ours = getattr(shape, name)[i]
                assert ours == pytest.approx(float(_derivative(formula, given_at, order)), rel=1e-10, abs=1e-10), name
                for j in range(len(theta)):
                    slope = getattr(shape, f"d{name}")[j, i]
                    assert slope == pytest.approx(float(_derivative(formula, given_at, order, j + 1)), rel=1e-10, abs=1e-10), (name, j)


def _derivative(formula, at, order_x: int, parameter: int | None = None):
    orders = [order_x, *(0 for _ in at[1:])]
    if parameter is not None:
        orders[parameter] = 1
    return mpmath.diff(formula, at, tuple(orders)) if any(orders) else formula(*at)


@given(gamma=st.floats(1.0, 5.0))
def test_the_power_law_is_nested_in_every_wider_model(gamma: float) -> None:
    straight = PowerLaw().evaluate(X, np.array([gamma])).l
    np.testing.assert_array_equal(LogParabola().evaluate(X, np.array([gamma, 0.0])).l, straight)
    np.testing.assert_array_equal(ExponentialCutoff().evaluate(X, np.array([gamma, 0.0])).l, straight)
    np.testing.assert_allclose(BrokenPowerLaw().evaluate(X, np.array([gamma, gamma])).l, straight, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(FreeBreak().evaluate(X, np.array([gamma, gamma, 5.3])).l, straight, rtol=1e-14, atol=1e-14)


def test_all_but_the_cutoff_are_one_at_the_pivot() -> None:
    at_pivot = np.zeros(1)
    for spectrum, theta, _ in CASES.values():
        if not isinstance(spectrum, ExponentialCutoff):
            assert spectrum.evaluate(at_pivot, np.array(theta)).l[0] == pytest.approx(0.0, abs=1e-15)
    assert ExponentialCutoff().evaluate(at_pivot, np.array([2.3, 1.0])).l[0] == pytest.approx(-0.1, rel=1e-15)  # E_c = 1 PeV


def test_broken_power_law_is_continuous_and_the_free_break_approaches_it() -> None:
    x_break = math.log(3.0)
    left, right = BrokenPowerLaw(3e5).evaluate(np.array([x_break - 1e-12, x_break + 1e-12]), np.array([2.2, 3.2])).l
    assert left == pytest.approx(right, abs=1e-11)
    sharp = BrokenPowerLaw(3e5).evaluate(X, np.array([2.2, 3.2])).l
    smooth = FreeBreak().evaluate(X, np.array([2.2, 3.2, math.log10(3e5)])).l
    np.testing.assert_allclose(smooth, sharp, atol=1e-5)  # ten widths away


def test_table_of_a_power_law_is_the_power_law() -> None:
    energy = np.geomspace(1e4, 1e7, 13)
    table = Table(tuple(energy), tuple(3e-18 * (energy / 1e5) ** -2.7))
    shape = table.evaluate(X, np.empty(0))
    np.testing.assert_allclose(shape.l, -2.7 * X, rtol=1e-12)
    np.testing.assert_allclose(shape.p, -2.7, rtol=1e-11)
    np.testing.assert_allclose(shape.q, 0.0, atol=1e-10)
    assert shape.dl.shape == (0, X.size)


def test_table_follows_a_smooth_spectrum() -> None:
    energy = np.geomspace(1e4, 1e7, 61)
    truth = LogParabola().evaluate(np.log(energy / 1e5), np.array([2.6, 0.2]))
    shape = Table(tuple(energy), tuple(np.exp(truth.l))).evaluate(X, np.empty(0))
    exact = LogParabola().evaluate(X, np.array([2.6, 0.2]))
    np.testing.assert_allclose(shape.l, exact.l, atol=1e-12)
    np.testing.assert_allclose(shape.q, exact.q, atol=1e-9)


@pytest.mark.parametrize(
    ("energy", "flux", "message"),
    [
        ((1e4, 1e5, 1e6), (1.0, 1.0, 1.0), r"at least 4 pairs of energy and flux, got 3 energies and 3 fluxes"),
        ((1e4, 1e5, 1e5, 1e6), (1.0, 1.0, 1.0, 1.0), r"positive energies in GeV in ascending order"),
        ((1e4, 1e5, 1e6, 1e7), (1.0, 0.0, 1.0, 1.0), r"row 1 has 0.0 at 100000 GeV"),
        ((2e5, 3e5, 1e6, 1e7), (1.0, 1.0, 1.0, 1.0), r"pivot 100000 GeV lies outside the tabulated spectrum \(.*\); change pivot_gev$"),
        ((10.0, 1e2, 1e3, 1e4), (1.0, 1.0, 1.0, 1.0), r"change pivot_gev, or multiply its energies by 1000 if they are in TeV"),
    ],
)
def test_bad_tables_are_refused(energy, flux, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Table(energy, flux)


def test_a_table_is_not_extrapolated() -> None:
    table = Table((1e4, 1e5, 1e6, 2e6), (4.0, 3.0, 2.0, 1.0))
    with pytest.raises(InputError, match=r"covers 10000..2e\+06 GeV, the simulation's nodes lie at .* GeV; extend the table$"):
        table.evaluate(X, np.empty(0))


def test_a_table_that_may_be_in_tev_is_asked_about() -> None:
    table = Table((10.0, 1e3, 1e4, 2e5), (4.0, 3.0, 2.0, 1.0))
    with pytest.raises(InputError, match=r"extend the table, or multiply its energies by 1000 if they are in TeV"):
        table.evaluate(X, np.empty(0))


class Bump:
    """A user's class: a log-parabola as a plain flux."""

    parameters = (ShapeParameter("astro_gamma", 2.5, 1.0, 5.0), ShapeParameter("beta", 0.0, -1.0, 1.0))

    def flux(self, energy_gev, theta):
        x = np.log(energy_gev / 1e5)
        return 7.0 * np.exp(-(theta[0] + theta[1] * x) * x)


@settings(max_examples=30, deadline=None)
@given(gamma=st.floats(1.5, 4.0), beta=st.floats(-0.5, 0.5))
def test_numerical_derivatives_of_a_users_flux(gamma: float, beta: float) -> None:
    theta = np.array([gamma, beta])
    ours, user = LogParabola().evaluate(X, theta), from_user(Bump()).evaluate(X, theta)
    for name in ("l", "p", "q", "dl", "dp", "dq"):
        np.testing.assert_allclose(getattr(user, name), getattr(ours, name), rtol=1e-6, atol=1e-6)


def test_a_complete_user_class_is_used_as_it_is() -> None:
    own = LogParabola()
    assert from_user(own) is own
    assert isinstance(own, Spectrum)
    assert isinstance(from_user(Bump()), NumericalSpectrum)


def _with(**attributes):
    return type("Mine", (), attributes)()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (_with(), r"spectrum Mine: 'parameters' must be a tuple"),
        (_with(parameters=("gamma",)), r"spectrum Mine: 'parameters' must be a tuple"),
        (_with(parameters=()), r"spectrum Mine: give it a method flux"),
        (_with(parameters=(ShapeParameter("astro_norm", 1.0, 0.0, 2.0),), flux=lambda e, t: e), r"the name 'astro_norm' belongs to the model"),
    ],
)
def test_incomplete_user_classes_are_refused(source, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_user(source)


def test_a_users_flux_that_is_not_positive_or_has_the_wrong_shape_is_refused() -> None:
    negative = from_user(_with(parameters=(), flux=lambda self, e, t: 1.0 - e / 2e5))
    with pytest.raises(InputError, match=r"Mine.flux is -.* it must be positive"):
        negative.evaluate(X, np.empty(0))
    scalar = from_user(_with(parameters=(), flux=lambda self, e, t: 1.0))
    with pytest.raises(InputError, match=r"Mine.flux returned shape \(\) for energies of shape"):
        scalar.evaluate(X, np.empty(0))


def test_published_units() -> None:
    """Six species at 100 TeV in 1e-18 GeV^-1 cm^-2 s^-1 sr^-1; E^2 Phi at norm 6.37 is 6.37e-8 GeV cm^-2 s^-1 sr^-1."""
    flux = flux_per_gev_cm2_s_sr(PowerLaw(), np.array([1e5, 1e6]), 6.37, [2.87])
    np.testing.assert_allclose(flux, [6.37e-18, 6.37e-18 * 10**-2.87], rtol=1e-13)
    assert flux[0] * 1e5**2 == pytest.approx(6.37e-8)


def test_names_of_the_configuration() -> None:
    assert named("cutoff", pivot_gev=2e5) == ExponentialCutoff(2e5)
    assert named("broken_power_law", break_gev=2e5) == BrokenPowerLaw(2e5)
    with pytest.raises(InputError, match=r"'powerlaw' is not a spectrum; did you mean 'power_law'"):
        named("powerlaw")
