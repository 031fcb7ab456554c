"""Formulas as spectra: equal to the spectra that are built in, and nothing but arithmetic is ever accepted."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from configs.errors import InputError
from physics.expression_spectra import ExpressionFlux, parse
from physics.spectra import ExponentialCutoff, LogParabola, ShapeParameter
from physics.user_spectra import from_user

X = np.linspace(-2.3, 4.6, 40)
GAMMA = ShapeParameter("astro_gamma", 2.5, 1.0, 5.0)
BETA = ShapeParameter("beta", 0.0, -1.0, 1.0)
INVERSE = ShapeParameter("inverse", 0.1, 0.0, 100.0)
FORMULAS = {
    "log-parabola": ("(E / 1e5)**-(astro_gamma + beta * log(E / 1e5))", (GAMMA, BETA), LogParabola(), [2.6, 0.2]),
    "cut-off": ("(E / 1e5)**-astro_gamma * exp(-E / 1e6 * inverse)", (GAMMA, INVERSE), ExponentialCutoff(), [2.3, 1.0]),
}


@pytest.mark.parametrize("case", FORMULAS)
def test_a_formula_is_the_spectrum_that_is_built_in(case: str) -> None:
    """Shape, slope, curvature and their derivatives; a formula is 1 at the pivot, which takes a constant off the cut-off's l."""
    text, parameters, built_in, theta = FORMULAS[case]
    ours = from_user(parse(text, parameters)).evaluate(X, np.array(theta))
    exact = built_in.evaluate(X, np.array(theta))
    at_pivot = built_in.evaluate(np.zeros(1), np.array(theta))
    np.testing.assert_allclose(ours.l, exact.l - at_pivot.l, atol=1e-9)
    np.testing.assert_allclose(ours.p, exact.p, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.q, exact.q, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.dl, exact.dl - at_pivot.dl, rtol=1e-5, atol=1e-6)


def test_precedence_is_that_of_mathematics() -> None:
    flux = parse("2 * E**-g + sqrt(abs(-E)) / 4 - +1", [ShapeParameter("g", 2.0, 1.0, 5.0)])
    assert flux.flux(np.array([4.0]), np.array([2.0]))[0] == pytest.approx(2.0 / 16.0 + 0.5 - 1.0)


def test_a_flux_survives_the_way_to_a_worker() -> None:
    text, parameters, _, theta = FORMULAS["cut-off"]
    flux = parse(text, parameters)
    there: ExpressionFlux = pickle.loads(pickle.dumps(flux))
    np.testing.assert_array_equal(there.flux(np.array([1e5, 1e6]), np.array(theta)), flux.flux(np.array([1e5, 1e6]), np.array(theta)))


def test_numbers_never_grow_without_end() -> None:
    """9**9**9**9 of whole numbers would fill the memory; of floats it is infinite."""
    assert np.isinf(parse("E**0 * 9**9**9**9", []).flux(np.array([1e5]), np.empty(0))[0])


REFUSED = {
    "an attribute": ("E.__class__", r"'E.__class__' is not allowed"),
    "a call of anything": ("__import__('os').system('ls') * E", r"is not allowed|no function"),
    "a call by name": ("eval(E)", r"no function 'eval'"),
    "a function misspelt": ("expp(E)", r"no function 'expp'; did you mean 'exp'"),
    "a function of two": ("exp(E, 2)", r"'exp\(E, 2\)' is not allowed"),
    "a keyword": ("exp(E, out=E)", r"is not allowed"),
    "text": ("'E' * 3", r"\"'E'\" is not allowed"),
    "a truth value": ("True * E", r"'True' is not allowed"),
    "a complex number": ("1j * E", r"'1j' is not allowed"),
    "an index": ("E[0]", r"'E\[0\]' is not allowed"),
    "a list": ("[E for E in E]", r"is not allowed"),
    "a lambda": ("(lambda: E)()", r"is not allowed"),
    "a comparison": ("E > 1", r"'E > 1' is not allowed"),
    "an assignment": ("(a := E)", r"is not allowed"),
    "two lines": ("E; E", r"not a formula"),
    "nothing": ("", r"not a formula"),
    "an open bracket": ("exp(-E", r"not a formula \('\(' was never closed\); write a flux"),
    "a name misspelt": ("E**-gama", r"'gama' is neither E nor a parameter .*'gamma'"),
    "no energy": ("gamma", r"the energy E does not occur"),
    "an idle parameter": ("E**-2", r"the parameter 'gamma' does not occur"),
    "too long": ("E**-gamma" + " + E**-gamma" * 60, r"letters: at most 500"),
    "too deep": ("-" * 80 + "E**-gamma", r"nested more than 60 deep"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_but_arithmetic_is_refused(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        parse(text, [ShapeParameter("gamma", 2.5, 1.0, 5.0)])


@pytest.mark.parametrize("name", ["E", "exp", "my gamma"])
def test_names_that_a_parameter_cannot_have(name: str) -> None:
    with pytest.raises(InputError, match="a parameter cannot be called"):
        parse("E**-2", [ShapeParameter(name, 2.5, 1.0, 5.0)])


def test_a_flux_that_is_not_positive_says_where() -> None:
    spectrum = from_user(parse("g - E", [ShapeParameter("g", 2.5, 1.0, 5.0)]))
    with pytest.raises(InputError, match="ExpressionFlux.flux is .* must be positive"):
        spectrum.evaluate(X, np.array([2.5]))
