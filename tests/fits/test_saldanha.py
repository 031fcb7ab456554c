"""Occupancy without a model of the charge: toys of the specification, leakage, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from spe_case import histogram, saldanha_spectra, spectra

from configs.errors import InputError
from fits.saldanha import saldanha
from fits.sample_moments import ChargeMoments
from physics.constants import ELEMENTARY_CHARGE_PC

MEAN = 1.6003  # of the Gaussian (1.6, 0.45) cut at zero


def test_toys_of_the_specification() -> None:
    """lambda 1.201 with sd 0.0227 (formula 0.0230), mean 1.6006 with sd 0.028 at a cut of -0.1 pC; here 60 toys."""
    toys = [saldanha(*saldanha_spectra(seed), qc_pc=-0.1, bootstrap=100, seed=seed) for seed in range(60)]
    light, mean, formula, light_error, mean_error = (
        np.array([getattr(toy, name) for toy in toys]) for name in ("lambda_pe", "q1_pc", "lambda_formula_error", "lambda_error", "q1_error_pc")
    )
    assert light.mean() == pytest.approx(1.2, abs=3.5 * 0.0227 / math.sqrt(60))
    assert mean.mean() == pytest.approx(MEAN, abs=3.5 * 0.028 / math.sqrt(60))
    assert light.std(ddof=1) == pytest.approx(0.0227, rel=0.3)
    assert mean.std(ddof=1) == pytest.approx(0.028, rel=0.3)
    assert formula.mean() == pytest.approx(0.0230, rel=0.03)
    assert light_error.mean() == pytest.approx(formula.mean(), rel=0.05)
    assert mean_error.mean() == pytest.approx(0.028, rel=0.1)
    assert ((mean - MEAN) / mean_error).std(ddof=1) == pytest.approx(1.0, abs=0.3)


@pytest.mark.slow
def test_toys_of_the_specification_at_full_size() -> None:
    toys = [saldanha(*saldanha_spectra(seed), qc_pc=-0.1, bootstrap=1000, seed=seed) for seed in range(200)]
    light, mean, error = (np.array([getattr(toy, name) for toy in toys]) for name in ("lambda_pe", "q1_pc", "q1_error_pc"))
    assert light.mean() == pytest.approx(1.2, abs=3 * 0.0227 / math.sqrt(200))
    assert mean.mean() == pytest.approx(MEAN, abs=3 * 0.028 / math.sqrt(200))
    assert light.std(ddof=1) == pytest.approx(0.0227, rel=0.16)
    assert mean.std(ddof=1) == pytest.approx(0.028, rel=0.16)
    assert ((mean - MEAN) / error).std(ddof=1) == pytest.approx(1.0, abs=0.16)


def test_scan_covers_truth_with_statistics_and_leakage() -> None:
    toys = [saldanha(*saldanha_spectra(seed), bootstrap=100, seed=seed) for seed in range(30)]
    pull = [(toy.q1_pc - MEAN) / math.hypot(toy.q1_error_pc, toy.leakage_pc) for toy in toys]
    assert abs(np.mean(pull)) < 0.9
    assert np.std(pull) < 1.3
    assert np.mean([toy.q1_error_pc for toy in toys]) < 0.02  # half of that at -0.1 pC
    for toy in toys:
        assert toy.scan_error_pc[toy.scan_qc_pc.index(toy.qc_pc)] == min(toy.scan_error_pc)
        assert toy.scan_qc_pc[0] >= -0.25 * 1.1
        assert toy.scan_qc_pc[-1] <= 1.5 * 0.25 * 1.1


def test_leakage_grows_where_small_charges_are_common() -> None:
    """Exponential photo-electrons fall below any cut; the estimate sees the slope and the cut moves down."""
    clean, leaking = (saldanha(*spectra("dossi", (share, 0.3, 1.6, 0.45), seed=4, s0=0.25, n=40_000), bootstrap=100) for share in (0.0, 0.5))
    at_zero = [np.interp(0.2, one.scan_qc_pc, np.gradient(one.scan_q1_pc, one.scan_qc_pc)) for one in (clean, leaking)]
    assert at_zero[1] > 3 * abs(at_zero[0])
    assert leaking.leakage_pc > clean.leakage_pc
    assert leaking.gain_model_error == pytest.approx(leaking.leakage_pc / ELEMENTARY_CHARGE_PC, rel=1e-12)


def test_variance_is_that_of_one_photoelectron() -> None:
    found = saldanha(*spectra("gauss", (2.1, 0.3), seed=1, s0=0.1, n=100_000), bootstrap=200, qc_pc=0.2)
    assert found.variance_pc2 == pytest.approx(0.63**2, abs=4 * found.variance_error_pc2)
    assert found.gain == pytest.approx(found.q1_pc / ELEMENTARY_CHARGE_PC, rel=1e-12)
    correlation = np.array(found.correlation)
    assert np.diag(correlation) == pytest.approx(np.ones(3))
    assert correlation[0, 1] < -0.5  # E1 = m / lambda


def test_seed_decides_the_errors_alone() -> None:
    both = saldanha_spectra(3)
    one, again, other = (saldanha(*both, bootstrap=50, qc_pc=0.0, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.q1_pc == other.q1_pc
    assert one.q1_error_pc != other.q1_error_pc


def test_exact_moments_replace_those_of_the_bins() -> None:
    """Charges in the overflow are missing from the mean of the bins; exact moments hold them."""
    random = np.random.default_rng(1)
    led, off = random.poisson(1.2, 50_000) * 2.1 + random.normal(0, 0.1, 50_000), random.normal(0, 0.1, 50_000)
    both = histogram(led, 1.0), histogram(off, 1.0)  # ends at 5 pC
    bins = saldanha(*both, bootstrap=50, qc_pc=0.5)
    exact = saldanha(*both, bootstrap=50, qc_pc=0.5, moments=(ChargeMoments.from_charges(led), ChargeMoments.from_charges(off)))
    assert bins.n_outside > 1000
    assert bins.q1_pc < 1.9
    assert exact.q1_pc == pytest.approx(2.1, abs=0.02)
    assert exact.lambda_pe == bins.lambda_pe


def test_moments_of_bins_are_those_of_the_charges() -> None:
    both = saldanha_spectra(3)
    found = saldanha(*both, bootstrap=20, qc_pc=-0.1)
    led, off = (one.values() for one in both)
    q = both[0].axes[0].centers
    cut = int(np.argmin(np.abs(both[0].axes[0].edges + 0.1)))
    light = math.log(off[:cut].sum() / off.sum() / (led[:cut].sum() / led.sum()))
    assert found.lambda_pe == pytest.approx(light, rel=1e-12)
    assert found.q1_pc == pytest.approx((np.average(q, weights=led) - np.average(q, weights=off)) / light, rel=1e-12)


class TestRefusals:
    def test_no_zero_peak_above_five(self) -> None:
        found = saldanha(*saldanha_spectra(1, mu=5.6, n=60_000), bootstrap=20)
        assert not found.valid
        assert "no zero peak: lambda = 5." in found.reason
        assert math.isnan(found.gain)

    def test_no_zero_peak_at_bright_light(self) -> None:
        found = saldanha(*saldanha_spectra(1, mu=30.0), bootstrap=20)
        assert not found.valid
        assert "no zero peak: 0 events" in found.reason

    def test_no_light(self) -> None:
        _, off = saldanha_spectra(1)
        found = saldanha(off, off, bootstrap=20)
        assert not found.valid
        assert found.reason.startswith("no light")

    def test_no_pedestal(self) -> None:
        with pytest.raises(InputError, match="no pedestal"):
            saldanha(saldanha_spectra(1)[0], None)
