"""Figures of merit of selection and reconstruction, against closed forms of the generator, scikit-learn and scipy."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, chi2, ks_2samp, pearsonr, spearmanr
from sklearn.metrics import roc_auc_score

from configs.errors import InputError
from fits.stopping_muons.correlation import correlation_summary
from fits.stopping_muons.data_mc import data_mc_agreement
from fits.stopping_muons.reconstruction import multiplicity, score_performance

CLASSES = ["stopping", "other", "data"]
CUTS = [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0]


def score_hist(stopping: np.ndarray, other: np.ndarray, w: np.ndarray | float = 1.0, v: np.ndarray | float = 1.0, flow: bool = False) -> hist.Hist:
    axes = hist.axis.Regular(50, 0, 1, name="score", flow=flow), hist.axis.StrCategory(CLASSES, name="class", overflow=False)
    filled = hist.Hist(*axes, storage=hist.storage.Weight())
    for name, values, weight in (("stopping", stopping, w), ("other", other, v)):
        filled.fill(score=values, **{"class": name}, weight=weight)
    return filled


def generated(count: int = 200_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.beta(6, 1.2, count), random.beta(1.2, 7, count)


def test_the_generators_score_in_closed_form() -> None:
    """Efficiency above 0.7 is .8449 (golden G14); area = P(Beta(6, 1.2) > Beta(1.2, 7))."""
    found = score_performance(score_hist(*generated()))
    at = found.cut.index(pytest.approx(0.7))
    assert found.efficiency[at] == pytest.approx(0.8449, abs=4 * found.efficiency_error[at])
    assert found.efficiency_error[at] == pytest.approx(np.sqrt(0.8449 * 0.1551 / 200_000), rel=0.02)
    passed = [law.sf(0.7) for law in (beta(6, 1.2), beta(1.2, 7))]
    assert found.false_positive_rate[at] == pytest.approx(passed[1], rel=0.2)
    assert found.purity[at] == pytest.approx(passed[0] / sum(passed), abs=4 * found.purity_error[at])
    area = quad(lambda x: beta.pdf(x, 6, 1.2) * beta.cdf(x, 1.2, 7), 0, 1)[0]
    assert found.auc == pytest.approx(area, abs=max(4 * found.auc_error, 2e-5))
    best = max(np.linspace(0, 0.98, 50), key=lambda c: beta.sf(c, 6, 1.2) ** 2 / (beta.sf(c, 6, 1.2) + beta.sf(c, 1.2, 7)))
    assert abs(found.suggested_cut - best) <= 0.04


def test_the_area_is_that_of_scikit_learn_for_weighted_binned_scores() -> None:
    random = np.random.default_rng(4)
    stopping, other = random.beta(3, 2, 3000), random.beta(2, 3, 4000)
    w, v = random.exponential(size=3000), random.exponential(size=4000)
    binned = np.floor(np.r_[stopping, other] * 50)
    expected = roc_auc_score(np.r_[np.ones(3000), np.zeros(4000)], binned, sample_weight=np.r_[w, v])
    assert score_performance(score_hist(stopping, other, w, v)).auc == pytest.approx(expected, rel=1e-10)


def test_errors_are_the_spread_of_samples() -> None:
    """Weighted events: the error of purity, efficiency and area against 200 independent samples."""
    random, rows = np.random.default_rng(5), []
    for _ in range(200):
        numbers = random.poisson((600, 900))
        samples = random.beta(4, 2, numbers[0]), random.beta(2, 3, numbers[1])
        weights = random.exponential(size=numbers[0]), random.exponential(size=numbers[1])
        one = score_performance(score_hist(*samples, *weights))
        rows.append([one.purity[30], one.efficiency[30], one.auc, one.purity_error[30], one.efficiency_error[30], one.auc_error])
    table = np.array(rows)
    np.testing.assert_allclose(table[:, 3:].mean(axis=0), table[:, :3].std(axis=0, ddof=1), rtol=0.17)


def test_weights_in_another_unit_change_nothing() -> None:
    samples = generated(3000)
    one, other = (score_performance(score_hist(*samples, scale, scale)) for scale in (1.0, 1e-6))
    for name in ("purity", "purity_error", "efficiency", "efficiency_error", "auc", "auc_error", "suggested_cut"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)


def test_a_score_of_exactly_one_passes_every_cut() -> None:
    stopping, other = np.array([1.0, 1.0, 0.5]), np.array([0.1, 0.2, 0.3])
    found = score_performance(score_hist(stopping, other, flow=True))
    assert found.efficiency[-1] == pytest.approx(2 / 3)
    assert (found.purity[-1], found.auc) == (1.0, 1.0)


def test_a_score_of_one_class_alone_is_refused() -> None:
    with pytest.raises(InputError, match="simulated events that stop and others are both needed"):
        score_performance(score_hist(np.array([0.5]), np.array([])))


def test_shares_of_muons_by_score_cut() -> None:
    random = np.random.default_rng(6)
    score, muons, weight = random.random(5000), random.integers(1, 14, 5000), random.exponential(size=5000)
    axes = hist.axis.Integer(1, 11, name="muons", underflow=False), hist.axis.Variable(CUTS, name="score_cut", flow=False)
    found = multiplicity(hist.Hist(*axes, storage=hist.storage.Weight()).fill(muons, score, weight=weight))
    assert found.cut == CUTS[:-1]
    np.testing.assert_allclose(np.sum(found.share, axis=1), 1.0, rtol=1e-12)
    for cut, share, error in zip(found.cut, found.share, found.share_error, strict=True):
        chosen, single = score >= cut, muons == 1
        total = weight[chosen].sum()
        assert share[0] == pytest.approx(weight[chosen & single].sum() / total, rel=1e-10)
        assert share[-1] == pytest.approx(weight[chosen & (muons > 10)].sum() / total, rel=1e-10)
        assert error[0] == pytest.approx(np.sqrt(np.sum((weight * (single - share[0]))[chosen] ** 2)) / total, rel=1e-9)


def correlated(rho: float, count: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], count).T
    return x, y


def test_correlations_of_a_normal_pair() -> None:
    """Pearson rho, Spearman (6/pi) asin(rho/2); the median of y is rho x, its 68 % half width sqrt(1 - rho^2)."""
    rho = 0.8
    x, y = correlated(rho, 300_000)
    axes = (hist.axis.Regular(60, -3.5, 3.5, name=name) for name in ("true", "reco"))
    found = correlation_summary(hist.Hist(*axes, storage=hist.storage.Weight()).fill(x, y))
    assert found.pearson == pytest.approx(pearsonr(x, y).statistic, abs=2e-3)
    assert found.spearman == pytest.approx(spearmanr(x, y).statistic, abs=1e-3)
    assert found.spearman == pytest.approx(6 / np.pi * np.arcsin(rho / 2), abs=5e-3)
    middle = slice(20, 40)
    centres = np.array(found.centres)[middle]
    np.testing.assert_allclose(np.array(found.median)[middle], rho * centres, atol=0.03)
    np.testing.assert_allclose(np.array(found.resolution)[middle], 0.9945 * np.sqrt(1 - rho**2), rtol=0.03)
    np.testing.assert_allclose(np.array(found.bias)[middle], (rho - 1) * centres, atol=0.03)


def test_logarithmic_bins_are_correlated_in_the_logarithm_and_weights_count() -> None:
    x, y = correlated(0.7, 200_000)
    random = np.random.default_rng(8)
    number = random.integers(0, 3, x.size)  # as weights and as repetitions
    axes = [hist.axis.Variable(np.geomspace(30.0, 3e4, 61), name=name) for name in ("true", "reco")]
    weighted = hist.Hist(*axes, storage=hist.storage.Weight()).fill(1e3 * np.exp(x), 1e3 * np.exp(y), weight=number)
    found = correlation_summary(weighted)
    assert found.pearson == pytest.approx(0.7, abs=0.005)
    repeated = hist.Hist(*axes, storage=hist.storage.Weight()).fill(np.repeat(1e3 * np.exp(x), number), np.repeat(1e3 * np.exp(y), number))
    assert correlation_summary(repeated).spearman == pytest.approx(found.spearman, rel=1e-12)
    assert found.centres[0] == pytest.approx(30.0 * 1000 ** (0.5 / 60), rel=1e-9)


def test_quantiles_of_a_row_and_what_lies_beyond_the_axis() -> None:
    axes = [hist.axis.Regular(4, 0.0, 4.0, name=name) for name in ("true", "reco")]
    filled = hist.Hist(*axes, storage=hist.storage.Weight())
    filled.fill(0.5, np.linspace(0, 4, 10_001)[:-1])  # uniform: quantiles are linear
    filled.fill(1.5, np.r_[np.full(30, -1.0), np.full(50, 2.5), np.full(20, 9.0)])
    found = correlation_summary(filled)
    assert (found.low[0], found.median[0], found.high[0]) == pytest.approx((0.64, 2.0, 3.36), abs=1e-3)
    assert np.isnan([found.low[1], found.high[1]]).all()
    assert found.median[1] == pytest.approx(2.4)
    assert np.isnan(found.median[2:]).all()
    with pytest.raises(InputError, match="no event inside the axes"):
        correlation_summary(hist.Hist(*axes, storage=hist.storage.Weight()))


def observable(values: np.ndarray, edges: np.ndarray, weight: np.ndarray | float = 1.0) -> hist.Hist:
    return hist.Hist(hist.axis.Variable(edges, name="value"), storage=hist.storage.Weight()).fill(values, weight=weight)


def test_ks_is_that_of_scipy_where_every_value_has_its_bin() -> None:
    random = np.random.default_rng(9)
    data, simulated = random.integers(0, 60, 800), np.floor(random.normal(32, 17, 3000).clip(0, 59))
    edges = np.arange(-0.5, 60.5)
    found = data_mc_agreement(observable(data, edges), observable(simulated, edges, 0.01), 10.0)
    expected = ks_2samp(data, simulated, method="asymp")
    assert found.ks == pytest.approx(expected.statistic, rel=1e-12)
    assert found.ks_p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert (found.rate_data_hz, found.rate_mc_hz) == pytest.approx((80.0, 30.0))


def test_chi_square_of_toys_follows_its_distribution() -> None:
    random = np.random.default_rng(10)
    edges, values = np.linspace(0, 1, 41), []
    for i in range(150):
        simulated, weight = random.random(8000), random.exponential(size=8000)
        data = random.random(random.poisson(4000))
        found = data_mc_agreement(observable(data, edges), observable(simulated, edges, weight / 8000 * 400), 10.0, area_normalised=bool(i % 2))
        assert found.ndf == 40 - i % 2
        values.append(found.p_value)
    assert 0.4 < np.mean(values) < 0.6
    assert np.std(values) == pytest.approx(12**-0.5, abs=0.06)


def test_area_normalisation_forgives_a_wrong_rate_and_only_that() -> None:
    random = np.random.default_rng(11)
    edges, data, simulated = np.linspace(0, 1, 21), random.random(5000), random.random(50_000)
    twice = observable(simulated, edges, 2 * 500 / 50_000)
    plain, normalised = (data_mc_agreement(observable(data, edges), twice, 10.0, area_normalised=flag) for flag in (False, True))
    assert plain.p_value < 1e-10
    assert normalised.p_value > 1e-3
    assert (plain.ks, plain.ks_p_value) == (normalised.ks, normalised.ks_p_value)
    bent = data_mc_agreement(observable(data**1.2, edges), twice, 10.0, area_normalised=True)
    assert bent.p_value < 1e-6
    assert bent.ks_p_value < 1e-6


def test_bins_without_data_count_with_their_expectation() -> None:
    """Nothing seen where 4 are expected: chi-square 4^2/(4 + s_m^2); a bin without either does not count."""
    edges = np.arange(4.0)
    data, simulated = observable(np.full(100, 0.5), edges), observable(np.r_[np.full(100, 0.5), np.full(4, 1.5)], edges)
    found = data_mc_agreement(data, simulated, 1.0)
    assert found.chi2 == pytest.approx(16 / (4 + 4))
    assert found.ndf == 2
    assert found.p_value == pytest.approx(chi2.sf(2.0, 2))


def test_histograms_that_cannot_be_compared() -> None:
    one, other = observable(np.array([0.5]), np.arange(3.0)), observable(np.array([0.5]), np.arange(4.0))
    with pytest.raises(InputError, match="other bins: 2 and 3"):
        data_mc_agreement(one, other, 1.0)
    with pytest.raises(InputError, match="livetime 0.0 s must be positive"):
        data_mc_agreement(one, one, 0.0)
    with pytest.raises(InputError, match="0 events and 1 Hz in value; check the cuts"):
        data_mc_agreement(observable(np.array([]), np.arange(3.0)), one, 1.0)
