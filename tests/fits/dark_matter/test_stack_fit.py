import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference.stack_scan import integer_scan
from scipy.optimize import minimize_scalar

from fits.dark_matter.stack_fit import StackFit, best_share, fit, largest_share, log_likelihood, q

BACKGROUND, SIGNAL = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
RATIO = SIGNAL / BACKGROUND - 1.0


@pytest.mark.parametrize(
    ("counts", "n_hat", "ts"),
    [((380, 290, 215, 115), 59.69225, 4.0677429), ((370, 280, 210, 140), 125.68029, 17.9508103), ((420, 300, 190, 90), 0.0, 0.0)],
)
def test_golden_16_fits(counts: tuple[int, ...], n_hat: float, ts: float) -> None:
    found = fit(counts, RATIO)
    assert found.n_hat == pytest.approx(n_hat, abs=1e-5)
    assert found.ts == pytest.approx(ts, abs=1e-6)


def test_golden_16_tests_of_100_events_and_information() -> None:
    assert q((380, 290, 215, 115), RATIO, 100.0) == pytest.approx(1.6578630, abs=1e-6)
    assert q((420, 300, 190, 90), RATIO, 100.0) == pytest.approx(20.0627958, abs=1e-6)
    assert (BACKGROUND * RATIO**2).sum() == pytest.approx(1.2083333, abs=1e-6)
    assert integer_scan(np.array([380, 290, 215, 115]), RATIO, 200) == (60, pytest.approx(4.0676423, abs=1e-6))


@given(
    arrays(np.int64, 12, elements=st.integers(0, 400)).filter(lambda counts: counts.sum() > 50),
    arrays(np.float64, 12, elements=st.floats(-0.95, 30.0)).filter(lambda ratio: np.ptp(ratio) > 1e-3),
)
@example(np.array([0, 51]), np.array([1.0, 1e-228]))
@settings(max_examples=150, deadline=None)
def test_maximum_against_a_bounded_search(counts: np.ndarray, ratio: np.ndarray) -> None:
    """SciPy's bounded search never finds a higher likelihood inside the bounds."""
    top, total = largest_share(ratio), float(counts.sum())
    found = best_share(counts.astype(float), ratio, top, total)
    assert 0.0 <= found <= top
    other = minimize_scalar(
        lambda share: -log_likelihood(counts.astype(float), ratio, share), bounds=(0.0, top), method="bounded", options={"xatol": 1e-12}
    )
    best = max(0.0, -other.fun)
    assert log_likelihood(counts.astype(float), ratio, found) >= best - 1e-7 * max(1.0, best)


def test_golden_17_fit_against_the_scan_of_whole_numbers() -> None:
    """The best whole number is the floor or the ceiling of the fit, with the same test statistic to 1e-9."""
    generator = np.random.default_rng(5)
    background = generator.dirichlet(np.ones(36))
    signal = 0.5 * background + 0.5 * generator.dirichlet(np.ones(36))
    ratio = signal / background - 1.0
    for total, repeats, share in ((1000, 60, 1.0), (100_000, 6, 0.15)):  # scanned up to a share five times what is drawn, where events are many
        for _ in range(repeats):
            counts = generator.multinomial(total, 0.97 * background + 0.03 * signal)
            n, ts = integer_scan(counts, ratio, int(total * min(largest_share(ratio), share)))
            found = fit(counts, ratio).n_hat
            candidates = {whole: 2.0 * log_likelihood(counts.astype(float), ratio, whole / total) for whole in (math.floor(found), math.ceil(found))}
            best = max(candidates, key=lambda whole: candidates[whole])
            assert best == n
            assert candidates[best] == pytest.approx(ts, abs=1e-9)


def test_number_at_its_upper_bound() -> None:
    assert fit([0, 0, 0, 50], RATIO).n_hat == pytest.approx(50.0)
    ratio = np.array([-4.0, 1.0])
    assert fit([0, 80], ratio).n_hat == pytest.approx(80 * 0.999 / 4)


def test_empty_bins_count_for_nothing() -> None:
    assert fit([0, 10, 0, 3], [-1.0, -0.5, 2.0, 1.0]) == pytest.approx(fit([10, 3], [-0.5, 1.0]))
    assert fit([0, 0], [0.5, 1.0]) == StackFit(0.0, 0.0)


def test_tests_of_impossible_and_of_smaller_numbers() -> None:
    assert math.isinf(q([5, 1], [-1.0, 3.0], 6.0))
    assert q((370, 280, 210, 140), RATIO, 60.0, one_sided=True) == 0.0
    assert q((370, 280, 210, 140), RATIO, 200.0, one_sided=True) == q((370, 280, 210, 140), RATIO, 200.0) > 0.0


def test_doubling_the_data_doubles_number_and_statistic() -> None:
    once, twice = fit([380, 290, 215, 115], RATIO), fit([760, 580, 430, 230], RATIO)
    assert (twice.n_hat, twice.ts) == (pytest.approx(2 * once.n_hat, abs=1e-5), pytest.approx(2 * once.ts, rel=1e-9))
