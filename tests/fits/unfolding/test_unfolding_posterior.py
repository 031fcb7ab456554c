"""Exact derivatives against differences; one vector against many; arguments are never changed."""

from __future__ import annotations

import numpy as np
import pytest
from golden_problem import SHAPE, golden

from fits.unfolding import NuisanceTemplate, UnfoldingProblem
from fits.unfolding.posterior import Posterior

RANDOM = np.random.default_rng(3)
CELLS = NuisanceTemplate("efficiency", RANDOM.normal(0, 0.1, (6, 4)), RANDOM.normal(0, 0.02, (6, 4)), bounds=(-3, 3))
ROWS = NuisanceTemplate("scale", np.array([0.10, 0.05, 0, -0.05, -0.10, -0.15]), np.full(6, 0.01))
THETA = np.array([*(np.log(SHAPE) + np.array([0.05, -0.1, 0.2, -0.15])), 0.3, -0.5, 1.04])

ignore_linear = pytest.mark.filterwarnings("ignore:space")


def central(function, theta: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Derivative along each parameter, of fourth order in the step."""

    def along(k: int, h: float) -> np.ndarray:
        e = np.zeros(theta.size)
        e[k] = h
        return (np.asarray(function(theta + e)) - np.asarray(function(theta - e))) / (2 * h)

    return np.array([(4 * along(k, step) - along(k, 2 * step)) / 3 for k in range(theta.size)])


@ignore_linear
@pytest.mark.parametrize("mc_stat", ["none", "say", "bb_lite"])
@pytest.mark.parametrize("space", ["log_ratio", "log_flux", "linear"])
def test_gradient_and_hessian_are_exact(mc_stat: str, space: str) -> None:
    """The reference program: no Hessian in the linear space, the gradient of the logarithmic one 3 % off."""
    background = np.array([5.0, 4, 3, 2, 1, 1])
    problem = golden(
        mc_stat=mc_stat, space=space, tau=0.01, epsilon=0.1, templates=(CELLS, ROWS), background=background, background_variance=0.1 * background
    )
    posterior = Posterior(problem)
    expansion = posterior.expansion(THETA)
    assert expansion.gradient == pytest.approx(central(posterior.value, THETA, 1e-3), rel=1e-7, abs=2e-7)
    hessian = central(posterior.gradient, THETA)
    assert expansion.hessian == pytest.approx(hessian, rel=1e-7, abs=1e-7 * np.abs(hessian).max())


def test_compat_derivatives() -> None:
    """Row polynomials with renormalised columns, log10(f + 1)."""
    problem = golden(compat="funfolding", tau=0.1, epsilon=0.2, templates=(ROWS, NuisanceTemplate("b", ROWS.alpha[::-1, 0], ROWS.beta[:, 0])))
    posterior = Posterior(problem)
    expansion = posterior.expansion(THETA)
    assert problem.mc_stat == "none"
    assert expansion.gradient == pytest.approx(central(posterior.value, THETA, 1e-3), rel=1e-7, abs=2e-7)
    assert expansion.hessian == pytest.approx(central(posterior.gradient, THETA), rel=1e-7, abs=1e-5)
    assert expansion.mu.sum() == pytest.approx(1.04 * np.exp(THETA[:4]).sum())  # no efficiency is left


@pytest.mark.parametrize("mc_stat", ["none", "say", "bb_lite"])
@pytest.mark.parametrize("templates", [(), (ROWS,), (CELLS, ROWS)])
def test_many_vectors_equal_one_by_one(mc_stat: str, templates: tuple[NuisanceTemplate, ...]) -> None:
    posterior = Posterior(golden(mc_stat=mc_stat, tau=0.1, epsilon=0.1, templates=templates))
    thetas = posterior.start + RANDOM.normal(0, 0.1, (20, posterior.size))
    each = [posterior.expansion(theta) for theta in thetas]
    mu, v = posterior.expected(thetas)
    assert posterior.values(thetas) == pytest.approx([one.value for one in each], rel=1e-13)
    assert mu == pytest.approx(np.array([one.mu for one in each]), rel=1e-12)
    if mc_stat != "none":
        assert v == pytest.approx(np.array([one.v for one in each]), rel=1e-12)


def test_templates_of_cells_equal_those_of_rows() -> None:
    wide = NuisanceTemplate("scale", np.broadcast_to(ROWS.alpha, (6, 4)), np.broadcast_to(ROWS.beta, (6, 4)))
    thetas = THETA[:5] + RANDOM.normal(0, 0.1, (10, 5))
    assert Posterior(golden(templates=(wide,))).values(thetas) == pytest.approx(Posterior(golden(templates=(ROWS,))).values(thetas), rel=1e-13)


def test_arguments_stay_unchanged() -> None:
    """The reference program multiplies the caller's vector by eps: a normalisation known to 10 % came out with 1.03 %."""
    posterior = Posterior(golden(mc_stat="say", epsilon=0.1, templates=(CELLS, ROWS)))
    thetas = np.array([THETA, THETA + 0.1])
    before = thetas.copy()
    posterior.values(thetas)
    posterior.expansion(thetas[0])
    assert np.array_equal(thetas, before)


def test_outside_bounds_or_range_is_impossible_and_never_nan() -> None:
    posterior = Posterior(golden(mc_stat="say", epsilon=0.1, templates=(CELLS, ROWS)))
    thetas = np.repeat(THETA[None], 6, axis=0)
    thetas[0, 4] = 3.01  # beyond the bounds of the nuisance
    thetas[1, 6] = -0.1
    thetas[2, 0] = 800.0
    thetas[3, :4] = -800.0
    thetas[4, 5] = np.nan
    assert np.isfinite(posterior.values(thetas)).tolist() == [False] * 5 + [True]


def test_negative_nuisance_is_allowed() -> None:
    """The reference program forbids values below 0."""
    theta = THETA.copy()
    theta[4:6] = -0.5
    assert np.isfinite(Posterior(golden(epsilon=0.1, templates=(CELLS, ROWS))).value(theta))


def test_efficiency_shifts_the_sum() -> None:
    """Columns are not renormalised: a template that raises every cell raises the expectation."""
    louder = NuisanceTemplate("dom_eff", np.full((6, 4), 0.1), np.zeros((6, 4)))
    posterior = Posterior(golden(templates=(louder,)))
    mu, _ = posterior.expected(np.array([[*np.log(SHAPE), 0.0], [*np.log(SHAPE), 1.0]]))
    assert mu[1].sum() == pytest.approx(mu[0].sum() * np.exp(0.1))


def test_scaling_all_weights_changes_nothing() -> None:
    one = golden(mc_stat="say", tau=0.03)
    other = UnfoldingProblem(7.0 * one.W, 49.0 * one.S, one.g, reference=one.reference, mc_stat="say", tau=0.03)
    assert other.map().f == pytest.approx(one.map().f, rel=1e-10)
