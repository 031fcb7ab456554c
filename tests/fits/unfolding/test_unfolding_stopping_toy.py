"""G18, G19, G20 and G22 at full size on the toy of the stopping muons: slow; small versions stand in ``test_unfolding_toys``."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
from stopping_toy import problem_and_test, problem_of

from fits.unfolding.coverage import Truth

pytestmark = pytest.mark.slow


def test_g18_range() -> None:
    problem, spectra = problem_of("range")
    found = problem.coverage(300, truth=spectra["+0"], seed=1)
    assert 0.64 < found.coverage.mean() < 0.72
    assert found.coverage.min() > 0.58
    assert found.coverage.max() < 0.78
    assert found.pull_width.min() > 0.93
    assert found.pull_width.max() < 1.15
    assert np.abs(found.median_bias).max() < 0.025


def test_independent_range() -> None:
    """Counts from events that the response has not seen: pulls that are the same in all toys, coverage right on average over bins."""
    problem, w, s = problem_and_test("range", 12_000_000, 12_000_000, mc_stat="say")
    total = w.sum(axis=0)
    share = w / total
    own = ((1 - 2 * share) * s + share**2 * s.sum(axis=0)) / total**2
    truth = Truth(problem.f_reference, share @ problem.f_reference)
    found = {
        name: one.coverage(300, mode="independent", truth=truth, seed=4)
        for name, one in (("response alone", problem), ("both", problem.replace(extra_variance=own)))
    }
    assert 0.64 < found["response alone"].coverage.mean() < 0.75
    assert found["response alone"].coverage.mean() < found["both"].coverage.mean() < 0.80  # columns add up to 1, rows of the likelihood do not know
    assert min(one.coverage.min() for one in found.values()) > 0.55
    assert np.abs(found["both"].pull_mean).max() < 0.9


@pytest.mark.parametrize(("target", "low", "high"), [("energy", 1e-4, 1e-3), ("range", 2e-5, 1e-3)])
def test_g20_rule(target: str, low: float, high: float) -> None:
    problem, spectra = problem_of(target)
    scan = problem.scan(np.geomspace(1e-6, 1.0, 25), spectra=spectra, seed=2)
    assert 0.999 * low <= scan.choose() <= 1.001 * high, scan.table()
    place = int(np.argmin(np.abs(np.log(scan.tau / scan.choose()))))
    assert scan.coverage[place].min() >= 0.60 - np.sqrt(0.24 / scan.n_toys)  # the worst bin of indices -0.1, 0 and +0.1
    assert scan.bias_over_sigma[place].max() <= 1.0


def test_g19_finite_simulation() -> None:
    """Response of 100 k events behind 87 k counts, drawn anew for each toy: 0.631 without a term for it, 0.709 and 0.703 with one (+- 0.03)."""
    problem, spectra = problem_of("range", muons=6_000_000)
    found = {key: problem.replace(mc_stat=key).coverage(300, mode="bootstrap", truth=spectra["+0"], seed=4) for key in ("none", "say", "bb_lite")}
    assert found["none"].coverage.mean() == pytest.approx(0.631, abs=0.03)
    assert found["none"].pull_width.mean() > 1.08
    assert found["say"].coverage.mean() == pytest.approx(0.709, abs=0.03)
    assert found["bb_lite"].coverage.mean() == pytest.approx(0.703, abs=0.03)


def test_g22_iterative() -> None:
    problem, spectra = problem_of("energy")
    truth = spectra["+0"].f
    assert np.abs(problem.ibu().f / truth - 1)[1:-1].max() < 0.15
    with pytest.warns(UserWarning, match="flat start"):
        flat = problem.ibu(iterations=6, start="flat").f / truth
    assert flat[-4:-1].max() > 1.5
