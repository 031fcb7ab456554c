"""The most probable spectrum: convergence, bounds, bins without constraint, profiles, and limits in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from golden_problem import W, golden
from scipy.optimize import brentq
from smeared_problem import smeared

from fits.unfolding import NuisanceTemplate, UnfoldingProblem, map_fit
from fits.unfolding.newton import NewtonMinimum, newton
from fits.unfolding.posterior import Posterior

DIAGONAL = np.eye(5) * 1000.0


def diagonal(g: list[float], **options: object) -> UnfoldingProblem:
    return UnfoldingProblem(DIAGONAL, 0.01 * DIAGONAL, np.array(g), mc_stat="none", **options)


def test_one_bin_each_is_counting() -> None:
    fit = diagonal([100.0, 50.0, 25.0, 10.0, 4.0]).map()
    assert fit.f == pytest.approx([100, 50, 25, 10, 4], rel=1e-8)
    assert fit.error == pytest.approx(1 / np.sqrt([100, 50, 25, 10, 4]), rel=1e-8)
    assert fit.lower == pytest.approx(fit.f * np.exp(-fit.error))
    assert not fit.unconstrained.any()


def test_bin_without_data_gets_the_poisson_limit() -> None:
    """Profile limit of no event at 90 %: the likelihood falls by 0.82 = 1.2816^2/2, so 0.82 events; no number with a huge error."""
    fit = diagonal([100.0, 50.0, 0.0, 10.0, 4.0]).map()
    assert fit.valid
    assert fit.unconstrained.tolist() == [False, False, True, False, False]
    assert fit.upper_limit[2] == pytest.approx(1.2815516**2 / 2, rel=1e-4)
    assert (fit.lower[2], fit.upper[2]) == (0.0, fit.upper_limit[2])
    assert np.isnan(fit.upper_limit[[0, 1, 3, 4]]).all()


@pytest.mark.parametrize("mc_stat", ["none", "say", "bb_lite"])
def test_newton_converges_with_nuisances(mc_stat: str) -> None:
    """The reference program's minimiser with numerical gradient ends at infinity here."""
    problem = smeared(nuisances=3, tau=3e-4, mc_stat=mc_stat)
    fit = problem.map()
    assert fit.valid
    assert fit.iterations < 20
    other = problem.map(solver="minuit")
    assert other.valid
    assert other.value == pytest.approx(fit.value, abs=1e-4)
    assert np.all(np.abs(np.log(other.f / fit.f)) < 0.01 * fit.error)


def test_result_is_the_same_every_time_and_from_elsewhere() -> None:
    problem = smeared(nuisances=2, tau=1e-3, mc_stat="say")
    fit = problem.map()
    assert np.array_equal(problem.map().theta, fit.theta)
    moved = problem.map(start=fit.theta + np.random.default_rng(0).normal(0, 0.3, fit.theta.size))
    assert moved.theta == pytest.approx(fit.theta, abs=1e-6)


def test_order_of_proxy_bins_does_not_matter() -> None:
    problem, order = golden(tau=0.03, mc_stat="say"), np.random.default_rng(1).permutation(6)
    shuffled = problem.replace(W=problem.W[order], S=problem.S[order], g=problem.g[order])
    assert shuffled.map().f == pytest.approx(problem.map().f, rel=1e-9)


def test_nuisance_stops_at_its_bounds() -> None:
    """Bounds are in units of the parameter: 0.95 to 1.05 at sigma 0.05 is +-1."""
    louder = NuisanceTemplate("eff", np.linspace(0.5, -0.5, 6), np.zeros(6), nominal=1.0, sigma=0.05, bounds=(0.95, 1.05))
    pulled = golden().g * np.exp(3.0 * np.linspace(0.5, -0.5, 6))
    fit = golden(tau=1e-6, templates=(louder,)).replace(g=pulled).map()
    assert fit.valid
    assert fit.nuisances["eff"] == (pytest.approx(1.0), 0.0)
    assert fit.at_bound == ("eff",)
    assert louder.value(1.0) == pytest.approx(1.05)


def test_efficiency_error_enters_the_flux_error() -> None:
    """A template common to all cells is an error of the normalisation: relative error of the sum as with epsilon."""
    scale = NuisanceTemplate("eff", np.full(6, 0.1), np.zeros(6))
    fit = golden(templates=(scale,)).map()
    assert np.sqrt(fit.covariance.sum()) / fit.f.sum() == pytest.approx(np.sqrt(0.1**2 + 1 / 1595), rel=1e-6)


def test_profile_is_the_likelihood_in_closed_form() -> None:
    found = diagonal([100.0, 50.0, 25.0, 10.0, 4.0]).profile(3, x=[5.0, 10.0, 20.0])
    exact = [x - 10.0 - 10.0 * np.log(x / 10.0) for x in (5.0, 10.0, 20.0)]
    assert found.delta == pytest.approx(exact, abs=1e-8)
    ends = [brentq(lambda x: x - 10.0 - 10.0 * np.log(x / 10.0) - 0.5, *bracket) for bracket in ((1, 10), (10, 30))]
    assert found.interval == pytest.approx(ends, rel=1e-4)


def test_profile_of_a_nuisance_is_its_prior_where_data_say_nothing() -> None:
    found = golden(templates=(NuisanceTemplate("idle", np.zeros(6), np.zeros(6)),)).profile("idle")
    assert found.delta == pytest.approx(0.5 * found.x**2, abs=1e-8)
    assert found.interval == pytest.approx((-1.0, 1.0), abs=1e-4)


def test_stronger_prior_means_fewer_effective_parameters() -> None:
    found = [golden(tau=tau).map().n_eff for tau in (1e-5, 1e-3, 1e-1, 10.0, 1e4)]
    assert np.all(np.diff(found) > 0)
    assert found[0] == pytest.approx(1.0, abs=0.05)
    assert found[-1] == pytest.approx(4.0, abs=0.01)


def test_newton_leaves_a_saddle() -> None:
    """x^4/4 - x^2/2 + y^2/2 starts where its Hessian is not positive."""

    class Quartic:
        def __init__(self, theta: np.ndarray) -> None:
            x, y = theta
            self.value = x**4 / 4 - x**2 / 2 + y**2 / 2
            self.gradient = np.array([x**3 - x, y])
            self.hessian = np.diag([3 * x**2 - 1, 1.0])

    found = newton(Quartic, lambda theta: Quartic(theta).value, np.array([0.1, 1.0]), lower=np.full(2, -np.inf), upper=np.full(2, np.inf))
    assert found.converged
    assert found.theta == pytest.approx([1.0, 0.0], abs=1e-6)


def test_failure_is_a_result_with_its_reason() -> None:
    fit = golden().map(start=np.full(4, 800.0))
    assert not fit.valid
    assert "not finite at the start" in fit.reason


def test_a_saddle_is_no_result_and_its_bins_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second and third bin share the counts of the first, moving one against the other lowers the objective."""
    problem = golden(tau=1e6)
    at = np.log([900.0, 1.0, 1.0, 60.0])
    stopped = NewtonMinimum(at, True, "", 0.0, 1, np.ones(4, bool))
    monkeypatch.setitem(map_fit.SOLVERS, "newton", lambda posterior, start: stopped)
    lowest = np.linalg.eigh(Posterior(problem).expansion(at).hessian)
    assert lowest.eigenvalues[0] < -1.0
    fit = problem.map()
    assert not fit.valid
    named = [problem.bin_labels[j] for j in np.flatnonzero(np.abs(lowest.eigenvectors[:, 0]) > 0.3)]
    assert fit.reason == f"the Hessian is not positive definite (tau 1000000.0, bins {', '.join(named)}): merge them or use a smaller tau"


def test_extra_variance_widens() -> None:
    """Fluctuations of the sample behind pseudo data are added to those of the response."""
    plain = golden(mc_stat="say", tau=0.1)
    doubled = plain.replace(extra_variance=plain.T)
    assert np.all(doubled.map().error > plain.map().error)
    assert pytest.approx(2 * plain.T) == doubled.T


def test_generated_events_turn_counts_into_all_events() -> None:
    """With an efficiency of one half in every bin twice as many events are unfolded, with the same relative errors."""
    seen, all_of_them = golden(), golden(generated=2 * W.sum(axis=0))
    assert all_of_them.map().f == pytest.approx(2 * seen.map().f, rel=1e-6)
    assert all_of_them.map().error == pytest.approx(seen.map().error, rel=1e-6)


def test_background_is_subtracted() -> None:
    b = np.array([30.0, 20, 10, 5, 3, 2])
    with_background = golden(background=b).replace(g=golden().g + b)
    asimov = golden().expected(golden().map().f)
    assert with_background.replace(g=asimov + b).map().f == pytest.approx(golden().replace(g=asimov).map().f, rel=1e-6)
    assert np.all(with_background.map().error > golden().map().error)
