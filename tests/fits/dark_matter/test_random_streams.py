import numpy as np
import pytest
from scipy import stats

from fits.dark_matter.random_streams import add_multinomial, binomial, fill_state, next_word, normal, stream_key, uniform


def state_of(stream: int, trial: int) -> np.ndarray:
    state = np.zeros(4, np.uint64)
    fill_state(np.uint64(stream), np.uint64(trial), state)
    return state


def test_golden_18_first_words() -> None:
    state = state_of(1, 0)
    assert [f"{int(next_word(state)):016x}" for _ in range(3)] == ["becb8b8a43d741a3", "721ab7a6a86ca540", "7063f19cfed6ef95"]
    assert f"{int(next_word(state_of(1, 1))):016x}" == "fa5725b0e2321090"
    assert uniform(state_of(1, 0)) == pytest.approx(0.745293351417641, abs=1e-15)


def test_streams_are_named_by_their_parts() -> None:
    """Processes that shared one stream made half of the published program's trials copies."""
    keys = {
        stream_key(seed, channel, mass, kind, n) for seed in (1, 2) for channel in "ab" for mass in (5, 10) for kind in ("bkg", "sig") for n in (0, 3)
    }
    assert len(keys) == 32
    assert stream_key(1, "ab", "c") != stream_key(1, "a", "bc")


@pytest.mark.parametrize(("n", "p"), [(50, 0.02), (1000, 0.0099), (40, 0.3), (32_600, 0.01), (1000, 0.5), (300, 0.97), (7, 1.0), (0, 0.4), (9, 0.0)])
def test_binomial_numbers_follow_their_distribution(n: int, p: float) -> None:
    """Both methods, and the reflection above one half, against SciPy's probabilities."""
    state = state_of(7, n)
    drawn = np.array([binomial(n, p, state) for _ in range(40_000)])
    values = np.arange(n + 1)
    expected = len(drawn) * stats.binom.pmf(values, n, p)
    filled = expected > 5
    observed = np.bincount(drawn, minlength=n + 1)
    chi2 = ((observed[filled] - expected[filled]) ** 2 / expected[filled]).sum()
    assert stats.chi2.sf(chi2, max(filled.sum() - 1, 1)) > 1e-4
    assert drawn.mean() == pytest.approx(n * p, abs=5 * np.sqrt(n * p * (1 - p) / len(drawn)) + 1e-12)


def test_multinomial_counts_keep_their_total_and_covariance() -> None:
    p = np.array([0.5, 0.3, 0.0, 0.15, 0.05])
    state, counts = state_of(3, 1), np.zeros((20_000, 5), np.int64)
    for row in counts:
        add_multinomial(500, p, row, state)
    assert (counts.sum(axis=1) == 500).all()
    assert (counts[:, 2] == 0).all()
    expected = 500 * (np.diag(p) - np.outer(p, p))
    np.testing.assert_allclose(counts.mean(axis=0), 500 * p, atol=0.4)
    np.testing.assert_allclose(np.cov(counts.T), expected, atol=4.0)


def test_normal_numbers() -> None:
    state = state_of(11, 0)
    drawn = np.array([normal(state) for _ in range(50_000)])
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
