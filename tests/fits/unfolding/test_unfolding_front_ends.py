"""G6: pyhf and zfit find what the native minimisation finds."""

from __future__ import annotations

import numpy as np
import pytest
from golden_problem import SHAPE, golden

from configs.errors import InputError
from fits.frontends.pyhf_unfolding import GAUSSIAN_CONSTANT
from fits.unfolding import NuisanceTemplate

pytest.importorskip("pyhf")


def test_histfactory_likelihood_is_ours() -> None:
    """-ln p at all factors 1 with f = SHAPE is the number G1."""
    front = golden().to_pyhf()
    factors = np.array(SHAPE / golden().f_reference)
    assert front.value(factors) == pytest.approx(25.191493, abs=1e-6)
    assert front.f(factors) == pytest.approx(SHAPE)


def test_every_constraint_adds_its_constant() -> None:
    template = NuisanceTemplate("shape", np.array([0.10, 0.05, 0, -0.05, -0.10, -0.15]), np.full(6, 0.01))
    front = golden(templates=(template,)).to_pyhf()
    start = np.array(front.model.config.suggested_init())
    start[[front.model.config.par_slice(f"truth_{j}").start for j in range(4)]] = SHAPE / golden().f_reference
    assert front.value(start) == pytest.approx(25.191493 + GAUSSIAN_CONSTANT, abs=1e-6)
    assert pytest.approx(0.918939, abs=1e-6) == GAUSSIAN_CONSTANT


@pytest.mark.parametrize("tau", [None, 0.03])
def test_pyhf_finds_the_native_minimum(tau: float | None) -> None:
    problem = golden(tau=tau)
    native = problem.map()
    f, covariance, valid = problem.to_pyhf(penalty="external").minimise()
    assert valid
    sigma = np.sqrt(np.diag(native.covariance))
    assert np.all(np.abs(f - native.f) < 0.01 * sigma)
    if tau is None:  # in f the Hessian has a gradient term less than in ln f, which vanishes at a minimum without prior
        assert np.sqrt(np.diag(covariance)) == pytest.approx(sigma, rel=0.02)


def test_pyhf_with_nuisance_and_epsilon() -> None:
    """Interpolation between r(-1), 1 and r(+1) is not exactly ours: within 2 % of an error."""
    template = NuisanceTemplate("shape", np.array([0.10, 0.05, 0, -0.05, -0.10, -0.15]), np.full(6, 0.01))
    problem = golden(tau=0.03, templates=(template,), epsilon=0.1)
    native = problem.map()
    f, _, valid = problem.to_pyhf(penalty="external").minimise()
    assert valid
    assert np.all(np.abs(f - native.f) < 0.02 * np.sqrt(np.diag(native.covariance)))


def test_staterror_is_barlow_beeston() -> None:
    """HistFactory's constraint is evaluated at the reference, ours at the fitted f: errors agree to 3 %."""
    problem = golden(mc_stat="bb_lite", tau=0.03)
    native = problem.map()
    f, covariance, valid = problem.to_pyhf(penalty="external").minimise()
    assert valid
    sigma = np.sqrt(np.diag(native.covariance))
    assert np.all(np.abs(f - native.f) < 0.1 * sigma)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(sigma, rel=0.06)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"tau": 0.03}, "no curvature penalty"), ({"mc_stat": "say"}, "no effective likelihood"), ({"compat": "funfolding"}, "renormalises columns")],
)
def test_what_histfactory_cannot_express_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        golden(**changes).to_pyhf()


@pytest.mark.zfit
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("tau", [pytest.param(None, marks=pytest.mark.slow), 0.03])
def test_zfit_finds_the_native_minimum(tau: float | None) -> None:
    from fits.frontends.zfit_unfolding import minimise

    problem = golden(tau=tau, mc_stat="say", epsilon=0.1)
    native = problem.map()
    f, covariance, valid = minimise(problem)
    assert valid
    assert np.all(np.abs(f - native.f) < 0.01 * np.sqrt(np.diag(native.covariance)))
    assert covariance == pytest.approx(native.covariance_theta, rel=0.01, abs=1e-5)
