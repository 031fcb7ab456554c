"""Golden numbers G1 to G5 of the specification: likelihood, gradient and most probable spectrum of the tiny problem."""

from __future__ import annotations

import numpy as np
import pytest
from golden_problem import SHAPE, golden

from fits.unfolding import NuisanceTemplate
from fits.unfolding.posterior import Posterior

THETA = np.log(SHAPE)


@pytest.mark.parametrize(("mc_stat", "value"), [("none", 25.191493), ("say", 24.953141), ("bb_lite", 23.141857)])
def test_g1_likelihood(mc_stat: str, value: float) -> None:
    assert Posterior(golden(mc_stat=mc_stat)).value(THETA) == pytest.approx(value, abs=1e-6)


def test_g1_derivatives() -> None:
    expansion = Posterior(golden()).expansion(THETA)
    assert expansion.gradient == pytest.approx([67.19814, 4.99752, -0.35955, -1.83611], abs=1e-5)
    assert expansion.hessian[0, :2] == pytest.approx([828.90975, 202.95923], abs=1e-5)
    assert Posterior(golden(mc_stat="say")).expansion(THETA).v[0] == pytest.approx(619.167375, abs=1e-6)


@pytest.mark.parametrize("solver", ["newton", "minuit"])
def test_g2_unregularised(solver: str) -> None:
    fit = golden().map(solver=solver)
    assert fit.valid
    assert fit.f == pytest.approx([959.566, 461.4125, 111.3602, 62.6613], rel=1e-5 if solver == "newton" else 1e-3)
    assert fit.error == pytest.approx([0.052364, 0.140207, 0.502353, 0.436494], rel=2e-5 if solver == "newton" else 1e-3)
    assert fit.global_correlation == pytest.approx([0.679755, 0.841082, 0.88716, 0.801081], rel=1e-5 if solver == "newton" else 1e-3)
    assert fit.value == pytest.approx(20.992712, abs=1e-5)
    assert fit.n_eff == pytest.approx(4.0, abs=1e-9)


def test_g3_log_ratio() -> None:
    fit = golden(tau=0.03).map()
    assert fit.f == pytest.approx([982.7399, 408.6125, 153.5126, 50.1350], rel=1e-5)
    assert fit.error == pytest.approx([0.045157, 0.096215, 0.123586, 0.230709], rel=2e-5)
    assert fit.value == pytest.approx(21.581088, abs=1e-5)
    assert fit.n_eff == pytest.approx(2.5256, abs=1e-4)
    assert golden(tau=0.003).map().f == pytest.approx([1008.0052, 383.2412, 152.5523, 51.2013], rel=1e-5)
    assert golden(tau=[0.03, 0.03, 0.003, 0.003]).map().f == pytest.approx([982.1448, 410.2394, 153.0444, 49.5713], rel=1e-5)


def test_g3_strongest_prior_keeps_the_shape_of_the_reference() -> None:
    fit = golden(tau=1e-8).map()
    assert fit.f / SHAPE == pytest.approx(np.full(4, 1595 / SHAPE.sum()), rel=1e-4)
    assert fit.f.sum() == pytest.approx(1595.0, rel=1e-6)
    assert fit.n_eff == pytest.approx(1.0, abs=1e-4)


def test_g4_other_spaces() -> None:
    fit = golden(tau=0.03, space="log_flux").map()
    assert fit.f == pytest.approx([942.3177, 451.9492, 126.6430, 74.0902], rel=1e-5)
    assert fit.value == pytest.approx(41.369530, abs=1e-5)
    with pytest.warns(UserWarning, match="log_ratio is the unbiased choice"):
        fit = golden(tau=1000.0, space="linear", normalise=False).map()
    assert fit.f == pytest.approx([915.4712, 512.7014, 92.5488, 65.0810], rel=1e-5)
    assert fit.value == pytest.approx(26.036925, abs=1e-5)


@pytest.mark.parametrize(
    ("mc_stat", "tau", "f", "value", "error"),
    [
        ("say", None, [957.4949, 457.6863, 112.9388, 62.2908], 22.484502, 0.069216),
        ("bb_lite", None, [959.4426, 462.4252, 109.9935, 63.3104], 20.825826, 0.069851),
        ("say", 0.03, [985.2187, 398.0188, 155.0282, 51.4218], 22.855399, None),
    ],
)
def test_g5_finite_simulation(mc_stat: str, tau: float | None, f: list[float], value: float, error: float | None) -> None:
    fit = golden(mc_stat=mc_stat, tau=tau).map()
    assert fit.f == pytest.approx(f, rel=1e-5)
    assert fit.value == pytest.approx(value, abs=1e-5)
    assert error is None or fit.error[0] == pytest.approx(error, rel=2e-5)


def test_g7_nuisance() -> None:
    template = NuisanceTemplate("shape", np.array([0.10, 0.05, 0, -0.05, -0.10, -0.15]), np.full(6, 0.01))
    fit = golden(tau=0.03, templates=(template,)).map()
    assert fit.f == pytest.approx([989.9470, 408.4116, 152.0345, 49.3645], rel=1e-6)
    assert fit.nuisances["shape"] == pytest.approx((-0.064885, 0.907281), abs=1e-6)


def test_g8_epsilon() -> None:
    """The reference program: 1.03 % for an uncertainty of 10 %, for it scales its argument in place."""
    fit = golden(epsilon=0.1).map()
    assert fit.f == pytest.approx(golden().map().f, rel=1e-6)
    assert np.sqrt(fit.covariance.sum()) / fit.f.sum() == pytest.approx(np.sqrt(0.1**2 + 1 / 1595), rel=1e-6)
    assert fit.epsilon == pytest.approx((1.0, 0.1), abs=1e-6)


def test_g9_posterior() -> None:
    """Means and standard deviations from quadrature."""
    found = golden(tau=0.03).sample(n_burn_steps=300, seed=4)
    mean, sd = np.array([983.20, 408.27, 155.13, 52.41]), np.array([44.28, 39.03, 18.97, 11.65])
    assert np.all(np.abs(found.mean - mean) < 0.1 * sd)
    assert found.sd / sd == pytest.approx(np.ones(4), abs=0.05)
    assert found.convergence.failures == []


def test_g10_iterative() -> None:
    four = golden().ibu(iterations=4)
    assert four.f == pytest.approx([998.8459, 396.9111, 147.3871, 51.8559], rel=1e-6)
    assert four.error == pytest.approx([35.4247, 20.7471, 11.9352, 8.0499], rel=1e-5)
    assert golden().ibu(iterations=1).f == pytest.approx([1032.8019, 375.0025, 140.3595, 46.8361], rel=1e-6)


def test_g11_singular_values() -> None:
    assert golden().tsvd(k=4).f == pytest.approx([959.5692, 461.3558, 111.8813, 61.3343], rel=1e-6)
    three = golden().tsvd(k=3)
    assert three.f == pytest.approx([961.3230, 430.1110, 173.8921, 27.1987], rel=1e-6)
    # the specification's values are of the reference as it stands, ours of the one scaled to the counts
    assert three.singular_values * SHAPE.sum() / 1595 == pytest.approx([30.8446, 8.82147, 3.82811, 1.44071], rel=1e-5)
