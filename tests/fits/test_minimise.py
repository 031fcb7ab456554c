"""The driver: published errors, starts, bounds, failures, all through iminuit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from layout_case import account, events, response_hists
from surrogate_case import PUBLISHED, likelihood, toy_counts

from configs.errors import InputError
from fits.curvature import covariance, hessian
from fits.minimise import BOUND_TOLERANCE, minimise
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.parameters import FitParameter
from fits.response import Response
from physics.spectra import ExponentialCutoff, LogParabola, PowerLaw


@dataclass
class Formula:
    """Any function with a gradient as something to minimise; counts its evaluations."""

    function: object
    parameters: tuple[FitParameter, ...]
    seen: list[bytes] = field(default_factory=list)

    def value_and_gradient(self, theta):
        self.seen.append(np.asarray(theta).tobytes())
        return self.function(theta)


def parabola(theta):
    """Correlated: H = [[2, 1], [1, 3]], minimum 4 at (1, -2)."""
    h, d = np.array([[2.0, 1.0], [1.0, 3.0]]), theta - np.array([1.0, -2.0])
    return 4.0 + 0.5 * d @ h @ d, h @ d


def two_wells(theta):
    """x^4 - 2 x^2 + 0.2 x: minima near -1.024 (lower) and +0.974."""
    x = theta[0]
    return x**4 - 2 * x**2 + 0.2 * x, np.array([4 * x**3 - 4 * x + 0.2])


def test_golden_13_asimov_errors() -> None:
    """G13: errors of the Asimov set of the surrogate, hesse and MINOS, and correlations, to 1 %."""
    minimum = minimise(likelihood(), minos=["astro_norm", "astro_gamma", "atmos_norm"])
    assert minimum.valid
    for name, truth in PUBLISHED.items():
        assert minimum.values[name] == pytest.approx(truth, abs=1e-3 * minimum.errors[name])
    assert minimum.errors["astro_gamma"] == pytest.approx(0.1938, rel=0.01)
    assert minimum.errors["astro_norm"] == pytest.approx(1.311, rel=0.01)
    assert minimum.errors["atmos_norm"] == pytest.approx(0.335, rel=0.01)
    assert minimum.minos["astro_gamma"] == pytest.approx((-0.1877, 0.2013), rel=0.01)
    assert minimum.minos["astro_norm"] == pytest.approx((-1.241, 1.383), rel=0.01)
    assert minimum.correlation[0, 1] == pytest.approx(0.637, rel=0.01)
    assert minimum.correlation[2, 0] == pytest.approx(-0.311, rel=0.01)


def test_golden_13_test_statistic_of_no_astrophysical_flux() -> None:
    """G13: TS of norm = 0 is 122.9 with atmos_norm 2.816, to 1 %."""
    nll = likelihood()
    free, none = minimise(nll), minimise(nll, fixed={"astro_norm": 0.0})
    assert 2 * (none.nll - free.nll) == pytest.approx(122.9, rel=0.01)
    assert none.values["atmos_norm"] == pytest.approx(2.816, rel=0.01)
    assert none.errors["astro_norm"] == 0.0
    assert none.fixed == {"astro_norm"}


def test_covariance_is_the_inverse_of_the_fisher_information() -> None:
    """Asimov: H = sum dmu dmu / mu + 1/sigma^2 of the prior, in closed form."""
    nll = likelihood()
    minimum = minimise(nll)
    mu, dmu = nll.model.mu_and_gradient(list(PUBLISHED.values()))
    seen = mu > 0
    fisher = (dmu[:, seen] / mu[seen]) @ dmu[:, seen].T + np.diag([0, 0, 1 / 0.4**2])
    np.testing.assert_allclose(minimum.covariance, np.linalg.inv(fisher), rtol=2e-3)


def test_a_parabola_in_closed_form() -> None:
    objective = Formula(parabola, (FitParameter("a", (0.0,)), FitParameter("b", (0.0,))))
    minimum = minimise(objective, minos=["a"])
    inverse = np.linalg.inv([[2.0, 1.0], [1.0, 3.0]])
    np.testing.assert_allclose(minimum.theta, [1.0, -2.0], atol=1e-5)
    np.testing.assert_allclose(minimum.covariance, inverse, rtol=1e-8)
    assert minimum.minos["a"] == pytest.approx((-math.sqrt(inverse[0, 0]), math.sqrt(inverse[0, 0])), rel=1e-3)
    assert minimum.nll == pytest.approx(4.0, abs=1e-9)
    assert minimum.edm < 1e-6


def test_each_point_is_evaluated_once() -> None:
    objective = Formula(parabola, (FitParameter("a", (0.0,)), FitParameter("b", (0.0,))))
    minimum = minimise(objective)
    assert len(objective.seen) == minimum.calls
    assert all(one != other for one, other in zip(objective.seen, objective.seen[1:], strict=False))


def test_several_starts_find_both_minima_and_keep_the_better() -> None:
    """As in epsilon_dom of the official fit: bimodal, all minima recorded."""
    objective = Formula(two_wells, (FitParameter("x", (0.9, -0.9)),))
    minimum = minimise(objective)
    assert minimum.values["x"] == pytest.approx(-1.0241, abs=1e-3)
    assert sorted(round(float(theta[0]), 2) for theta, _ in minimum.minima) == [-1.02, 0.97]
    assert minimum.starts_tried == 2
    alone = minimise(objective, starts={"x": 0.9})
    assert alone.values["x"] == pytest.approx(0.9740, abs=1e-3)
    assert alone.starts_tried == 1


def test_a_parameter_at_its_bound_is_flagged_and_its_interval_ends_there() -> None:
    objective = Formula(parabola, (FitParameter("a", (2.0,), 1.5, 3.0), FitParameter("b", (0.0,))))
    minimum = minimise(objective, minos=["a", "b"])
    assert minimum.at_bound == ("a",)
    assert minimum.values["a"] == pytest.approx(1.5, abs=BOUND_TOLERANCE)
    down, up = minimum.minos["a"]
    assert down == pytest.approx(1.5 - minimum.values["a"], abs=1e-9)
    curvature = 3.0 - 1.0 / 3.0 - 1.0  # of the profile in a: 2 - 1/3
    rise = math.sqrt(0.25 + 2 * 0.5 / curvature) - 0.5
    assert up == pytest.approx(rise, rel=1e-2)


def test_errors_at_a_bound_are_those_with_the_parameter_held() -> None:
    """-ln L = 1.5 a^2 + ... still falls at a = 1.5: b's error is conditional, a's the rise of 0.5 with b held; its interval needs no asking."""
    objective = Formula(parabola, (FitParameter("a", (2.0,), 1.5, 3.0), FitParameter("b", (0.0,))))
    theta = np.array([1.5, minimise(objective).values["b"]])
    minimum = minimise(objective, minos=["b"])
    steps = np.array([[h, 0.0] for h in (0.0, 1e-3, 2e-3)])
    value = [objective.value_and_gradient(theta + step)[0] for step in steps]
    slope, curvature = (-3 * value[0] + 4 * value[1] - value[2]) / 2e-3, (value[0] - 2 * value[1] + value[2]) / 1e-6
    assert slope * minimum.errors["a"] + 0.5 * curvature * minimum.errors["a"] ** 2 == pytest.approx(0.5, rel=1e-3)
    along = [objective.value_and_gradient(theta + np.array([0.0, h]))[0] for h in (-1e-3, 0.0, 1e-3)]
    assert minimum.errors["b"] == pytest.approx(1e-3 / math.sqrt(along[0] - 2 * along[1] + along[2]), rel=1e-3)
    assert minimum.correlation[0, 1] == 0.0
    assert minimum.minos["a"][0] == pytest.approx(0.0, abs=BOUND_TOLERANCE)
    assert minimum.minos["a"][1] == pytest.approx(minimise(objective, minos=["a"]).minos["a"][1], rel=1e-6)
    assert minimise(objective).minos == {}


@pytest.mark.parametrize(("lower", "upper", "sign"), [(0.0, math.inf, 1.0), (-math.inf, 0.0, -1.0)])
def test_the_interval_of_a_count_of_zero_follows_the_profile(lower: float, upper: float, sign: float) -> None:
    """-ln L = 3 |x| has no curvature: errors and interval are 1/6 away from the bound."""
    objective = Formula(lambda t: (3.0 * sign * t[0], np.array([3.0 * sign])), (FitParameter("x", (sign,), lower, upper),))
    minimum = minimise(objective, minos=["x"])
    assert minimum.valid
    assert minimum.at_bound == ("x",)
    assert minimum.errors["x"] == pytest.approx(1.0 / 6.0, rel=1e-3)
    assert sorted(map(abs, minimum.minos["x"])) == pytest.approx([0.0, 1.0 / 6.0], abs=1e-3)


def test_a_background_of_zero_is_at_its_bound() -> None:
    counts = likelihood().model.components([6.0, 2.5, 1.0])["astro"]
    nll = likelihood(0.5 * counts, prior=False)
    minimum = minimise(nll, minos=["atmos_norm", "astro_norm"])
    assert minimum.valid
    assert minimum.at_bound == ("atmos_norm",)
    assert minimum.values["astro_norm"] == pytest.approx(3.0, rel=2e-3)
    assert np.all(np.isfinite(minimum.covariance))


def test_fits_of_toys_are_valid_and_finite() -> None:
    """Specification 9: the exercise's unbounded minimiser ran away (norms -2054, -785, index -199)."""
    for number in range(40):
        minimum = minimise(likelihood(toy_counts(number), prior=number % 2 == 0), hesse=False)
        assert minimum.valid, minimum.reason
        assert np.all(np.isfinite(minimum.theta))
        assert minimum.values["astro_norm"] >= 0.0
        assert minimum.values["atmos_norm"] >= 0.0


@pytest.mark.parametrize(("spectrum", "name", "value"), [(LogParabola(), "beta", 0.0), (ExponentialCutoff(), "inverse_cutoff_per_pev", 0.0)])
def test_wider_models_find_the_power_law_in_its_asimov_set(spectrum, name: str, value: float) -> None:
    minimum = minimise(likelihood(spectrum=spectrum))
    assert minimum.valid
    assert minimum.values[name] == pytest.approx(value, abs=0.02 * minimum.errors[name])
    assert minimum.nll == pytest.approx(minimise(likelihood()).nll, abs=1e-4)


def test_a_small_simulation_widens_the_errors() -> None:
    """Effective likelihood: with many simulated events Poisson's errors, with few larger ones (arXiv:1901.04645, section 5)."""
    truth = [6.0, 2.5, 1.0]
    errors = {}
    for n in (300, 30_000):
        response = Response.from_hists({"mc": response_hists(events(n))}, account(mc=("mc", 1.0, 1.0)))
        model = Model(response, PowerLaw())
        for name in ("poisson", "say", "bb_lite"):
            minimum = minimise(NegativeLogLikelihood(model, model.expected(truth), name), fixed={"atmos_norm": 1.0})
            assert minimum.valid
            errors[name, n] = minimum.errors["astro_norm"]
    assert errors["say", 300] > 1.1 * errors["poisson", 300]
    assert errors["bb_lite", 300] > 1.1 * errors["poisson", 300]
    assert errors["say", 30_000] == pytest.approx(errors["poisson", 30_000], rel=0.02)
    assert errors["bb_lite", 30_000] == pytest.approx(errors["poisson", 30_000], rel=0.02)


def nowhere(theta):
    return math.inf, np.full(theta.size, -1.0)


def test_a_fit_that_cannot_work_says_why() -> None:
    """Simplex, strategy 2 and three jittered starts are tried before giving up: never a silent number."""
    minimum = minimise(Formula(nowhere, (FitParameter("a", (1.0,), 0.0, 2.0),)), minos=["a"])
    assert not minimum.valid
    assert minimum.reason == "the likelihood is zero (data in a bin without expectation)"
    assert minimum.minos == {}
    assert minimum.minima == ()
    assert minimum.starts_tried == 1 + 1 + 3


def cliff(theta):
    """A minimum at 1.3 beyond a forbidden region (likelihood zero) that holds the start: nothing there points anywhere."""
    x = theta[0]
    if x < 0.1:
        return math.inf, np.zeros(1)
    return (x - 1.3) ** 2, np.array([2 * (x - 1.3)])


def test_a_jittered_start_rescues_one_in_a_forbidden_region() -> None:
    objective = Formula(cliff, (FitParameter("x", (0.0,), -5.0, 5.0),))
    minimum = minimise(objective, steps={"x": 1e-6})
    assert minimum.valid
    assert minimum.values["x"] == pytest.approx(1.3, abs=1e-3)
    assert minimum.starts_tried == 1 + 1 + 3


def test_the_same_seed_gives_the_same_rescue() -> None:
    objective = Formula(cliff, (FitParameter("x", (0.0,), -5.0, 5.0),))
    assert minimise(objective, seed=3).values == minimise(objective, seed=3).values


def test_everything_fixed_is_an_evaluation() -> None:
    nll = likelihood()
    minimum = minimise(nll, fixed=PUBLISHED)
    assert minimum.valid
    assert minimum.values == PUBLISHED
    assert minimum.nll == nll.value(list(PUBLISHED.values()))
    assert not minimum.covariance.any()


def test_steps_and_warm_starts_give_the_same_minimum() -> None:
    nll = likelihood(toy_counts(4))
    cold = minimise(nll)
    warm = minimise(nll, starts=cold.values, steps=cold.errors, hesse=False)
    for name, value in cold.values.items():
        assert warm.values[name] == pytest.approx(value, abs=2e-3 * cold.errors[name])
    assert warm.calls < cold.calls


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minos": ["gamma"]}, r"'gamma' is not a parameter of this fit; did you mean 'astro_gamma'"),
        ({"fixed": {"norm": 1.0}}, r"'norm' is not a parameter of this fit"),
        ({"starts": {"astro_gama": 1.0}}, r"'astro_gama' is not a parameter of this fit; did you mean 'astro_gamma'"),
        ({"starts": [{"astro_gamma": 0.5}]}, r"parameter astro_gamma: start 0.5 lies outside its bounds \[1.0, 5.0\]"),
        ({"fixed": {"astro_norm": -1.0}}, r"parameter astro_norm: start -1.0 lies outside its bounds \[0.0, inf\]"),
    ],
)
def test_unknown_names_and_starts_outside_bounds_are_refused(arguments, message: str) -> None:
    with pytest.raises(InputError, match=message):
        minimise(likelihood(), **arguments)


def test_hessian_at_a_bound_is_one_sided_and_an_indefinite_one_has_no_inverse() -> None:
    free = np.array([True, True])
    gradient = lambda theta: parabola(theta)[1]  # noqa: E731
    ours = hessian(gradient, np.array([1.0, -2.0]), np.array([0.5, math.nan]), np.array([1.0, -9.0]), np.array([9.0, 9.0]), free)
    np.testing.assert_allclose(ours, [[2.0, 1.0], [1.0, 3.0]], rtol=1e-9)
    assert covariance(np.array([[1.0, 2.0], [2.0, 1.0]]), free) is None
    held = covariance(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([True, False]))
    assert held is not None
    np.testing.assert_allclose(held, [[0.5, 0.0], [0.0, 0.0]])
