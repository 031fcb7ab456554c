"""Limits of the stack against closed forms of the bounded Gaussian, and their coverage."""

import math

import numpy as np
import pytest
from dark_matter_stack import CERTAIN, bank, bins, calibrated, expected_counts, outcome_of
from scipy import stats

from fits.dark_matter.bands import band
from fits.dark_matter.bank import Bank, Uncertain
from fits.dark_matter.calibration import Strength
from fits.dark_matter.limits import AsymptoticTails, Outcomes, critical_values, limits, profile_limit
from fits.dark_matter.trials import Hypotheses

SIGMA = bins().sigma_n
CL = 0.9
TOTAL = Strength(Uncertain(0.455), 0.455, 0.455)


@pytest.mark.parametrize(("x", "low", "up"), [(0.0, 0.0, 1.64), (-1.0, 0.0, 0.81), (1.0, 0.0, 2.64), (2.0, 0.58, 3.64), (3.0, 1.37, 4.64)])
def test_golden_21_feldman_cousins(x: float, low: float, up: float) -> None:
    calibration = calibrated()
    observed = outcome_of(expected_counts(x * SIGMA), bins().ratio, calibration.n)
    found = limits("fc", calibration, observed, CL)
    assert found.low[0] / SIGMA == pytest.approx(low, abs=0.06)
    assert found.up[0] / SIGMA == pytest.approx(up, abs=0.06)


def test_golden_21_and_band_of_cls() -> None:
    """Median 1.645 standard deviations by trials and formulae; quantiles of CLs limits of a Gaussian: Phi^-1(1 - 0.1 Phi(z)) + z (Cowan, eq. 91)."""
    calibration = calibrated()
    for method, tolerance in (("cls", 0.04), ("cls_asymptotic", 0.02)):
        found = band(limits(method, calibration, calibration.background, CL).up)
        assert found["0"] / SIGMA == pytest.approx(1.645, abs=tolerance)
        for z in (-1, 1, 2):
            expected = stats.norm.ppf(1.0 - 0.1 * stats.norm.cdf(z)) + z
            assert found[str(z)] / SIGMA == pytest.approx(expected, abs=0.08)


def test_golden_22_critical_values() -> None:
    """Of a bounded Gaussian at n / sigma = 0.1, 0.5, 1, 1.5, 2, from trials at these numbers."""
    numbers = SIGMA * np.array([0.1, 0.5, 1.0, 1.5, 2.0])
    found = [np.quantile(bank().tested_signal(n, 40_000, Hypotheses((n,)), Uncertain()).q[:, 0], CL) for n in numbers.tolist()]
    np.testing.assert_allclose(found, [1.642, 1.898, 2.463, 2.695, 2.706], atol=0.055)
    interpolated = np.interp(numbers, calibrated().n, critical_values(calibrated(), CL))
    np.testing.assert_allclose(interpolated, found, atol=0.09)


def test_four_definitions_of_one_observation() -> None:
    """Three standard deviations of signal: the limits are the number plus 1.28 to 1.64 standard deviations."""
    calibration = calibrated()
    observed = outcome_of(expected_counts(3.0 * SIGMA), bins().ratio, calibration.n)
    for method, expected in (("profile", 4.28), ("neyman", 4.28), ("cls", 4.28), ("cls_asymptotic", 4.28), ("fc", 4.64)):
        assert limits(method, calibration, observed, CL).up[0] / SIGMA == pytest.approx(expected, abs=0.08)
    assert profile_limit(expected_counts(3.0 * SIGMA), bins().ratio, CL) / SIGMA == pytest.approx(4.28, abs=0.03)


def test_bands_of_neyman_collapse_and_are_not_used() -> None:
    """With a TS that is 0 for half of the trials the lower half of the band is one number."""
    calibration = calibrated()
    found = band(limits("neyman", calibration, calibration.background, CL).up)
    assert found["-2"] == found["-1"] == pytest.approx(found["0"], rel=5e-3)
    assert band(limits("cls", calibration, calibration.background, CL).up)["-1"] < 0.95 * found["-1"]


def test_power_constraint() -> None:
    """A TS below the median counts as the median: the limit is the sensitivity."""
    calibration = calibrated()
    deficit = outcome_of(expected_counts(-2.0 * SIGMA), bins().ratio, calibration.n)
    free = limits("neyman", calibration, Outcomes(deficit.n_hat, np.array([-1.0]), deficit.q), CL).up[0]
    assert free == 0.0
    constrained = limits("neyman", calibration, Outcomes(deficit.n_hat, np.array([-1.0]), deficit.q), CL, at_least=0.0).up[0]
    assert constrained / SIGMA == pytest.approx(1.29, abs=0.05)


def test_uncertain_strength_weakens_limits() -> None:
    """The errors of J change limits; they were read and dropped in the published program."""
    without, total = calibrated(), calibrated(strength=TOTAL)
    for method in ("cls", "cls_asymptotic", "fc"):
        plain = band(limits(method, without, without.background, CL).up)
        wider = band(limits(method, total, total.background, CL).up)
        assert 1.1 < wider["0"] / plain["0"] < 1.5
        assert wider["2"] > 1.2 * plain["2"]


def test_tails_meet_the_formulae() -> None:
    """P(q~ >= q) on signal is Phi(-sqrt q) below q_A; on background at q = q_A it is one half."""
    tails = AsymptoticTails(4.0)
    np.testing.assert_allclose(np.exp(tails.with_signal(np.array([0.0, 1.0, 4.0]))), stats.norm.sf([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(np.exp(tails.without_signal(np.array([4.0, 1.0]))), [0.5, stats.norm.cdf(1.0)])
    assert np.exp(tails.with_signal(np.array([8.0])))[0] == pytest.approx(stats.norm.sf(3.0))


def test_numbers_that_are_not_excluded_have_no_limit() -> None:
    calibration = calibrated()
    observed = outcome_of(expected_counts(9.0 * SIGMA), bins().ratio, calibration.n)
    for method in ("cls", "cls_asymptotic", "neyman", "profile"):
        assert limits(method, calibration, observed, CL).up[0] == math.inf


def coverage(method: str, sigmas: float, experiments: int, strength: Strength, calibration_seed: int = 1) -> float:
    """Share of pseudo-experiments whose interval holds the true number; their trials are none of the calibration's."""
    calibration = calibrated(strength=strength, seed=calibration_seed)
    other = Bank(bins(), 99, "b", 10.0, "poisson", "numba")
    true_n = sigmas * SIGMA
    hypotheses = Hypotheses(tuple(calibration.n.tolist()), strength.profiled)
    trials = other.tested_signal(true_n, experiments, hypotheses, strength.drawn)
    found = limits(method, calibration, Outcomes(trials.n_hat, trials.ts, trials.q), CL)
    return float(((found.low <= true_n) & (true_n <= found.up)).mean())


@pytest.mark.parametrize("sigmas", [0.5, 1.5, 3.0])
def test_golden_24_coverage(sigmas: float) -> None:
    """500 pseudo-experiments at three strengths: Feldman-Cousins covers 90 %, CLs no less (binomial error 1.3 %)."""
    assert coverage("fc", sigmas, 500, CERTAIN) == pytest.approx(CL, abs=0.04)
    assert coverage("cls", sigmas, 500, CERTAIN) > CL - 0.03
    assert coverage("neyman", sigmas, 500, CERTAIN) > CL - 0.03


@pytest.mark.slow
@pytest.mark.parametrize("strength", [CERTAIN, TOTAL], ids=["none", "total"])
@pytest.mark.parametrize("sigmas", [0.5, 1.5, 3.0])
def test_golden_24_coverage_full(sigmas: float, strength: Strength) -> None:
    """20,000 pseudo-experiments: Feldman-Cousins 90 +- 1 %, CLs at least 90 % but for the error of the calibration."""
    assert coverage("fc", sigmas, 20_000, strength) == pytest.approx(CL, abs=0.01)
    assert coverage("cls", sigmas, 20_000, strength) > CL - 0.01
