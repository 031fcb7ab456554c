import math

import numpy as np
import pytest
from dark_matter_stack import bins, expected_counts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from data_info.dwarf_galaxies import select
from fits.dark_matter.nuisance import common_spread, profiled, q_values
from fits.dark_matter.stack_fit import fit, log_likelihood

LN10 = math.log(10.0)


def counts_of(signal: float, seed: int) -> np.ndarray:
    one = bins()
    share = signal / one.n_events
    return np.random.default_rng(seed).multinomial(one.n_events, (1.0 - share) * one.background + share * one.signal).astype(float)


@settings(max_examples=60, deadline=None)
@example(3.0, 0.0625, 1.0, 1)  # two maxima: a strength near the nominal one, and the higher one near the fit
@given(st.floats(0.0, 6.0), st.floats(0.02, 9.0), st.floats(0.05, 1.5), st.integers(0, 1000))
def test_profile_against_a_search_on_a_grid(true_sigmas: float, sigmas: float, spread: float, seed: int) -> None:
    """The best strength of SciPy's search from the best of a fine grid."""
    one = bins()
    counts, n = counts_of(true_sigmas * one.sigma_n, seed), sigmas * one.sigma_n

    def minus(z: float) -> float:
        return -(log_likelihood(counts, one.ratio, n * math.exp(spread * z) / one.n_events) - 0.5 * z**2)

    grid = np.linspace(-6.0, 6.0, 241)
    values = np.array([minus(z) for z in grid])
    start = grid[int(np.argmin(values))]
    best = minimize_scalar(minus, bounds=(start - 0.05, start + 0.05), method="bounded", options={"xatol": 1e-10})
    found = profiled(counts, one.ratio, float(one.n_events), n, spread, False)
    assert found == pytest.approx(-min(best.fun, values.min()), abs=1e-7)
    assert found >= log_likelihood(counts, one.ratio, n / one.n_events) - 1e-9


def test_strength_does_not_change_the_fit() -> None:
    """The smallest q is 0 at the fitted number, and q of no events is TS, whatever the spread."""
    one = bins()
    counts = counts_of(3.0 * one.sigma_n, 2)
    best = fit(counts, one.ratio)
    q = q_values(counts, one.ratio, [0.0, best.n_hat], spread=0.455)
    assert q[0] == pytest.approx(best.ts, abs=1e-9)
    assert q[1] == pytest.approx(0.0, abs=1e-6)
    numbers = best.n_hat * np.array([0.3, 2.0, 4.0])
    assert (q_values(counts, one.ratio, numbers, spread=0.455) < q_values(counts, one.ratio, numbers)).all()


def test_free_total_against_two_parameters() -> None:
    """The extended likelihood maximised over the background's mean by SciPy; close to that of fixed total (1e-3 relative)."""
    one = bins()
    counts = counts_of(2.0 * one.sigma_n, 7)
    n = 4.0 * one.sigma_n

    def minus(total: float, events: float) -> float:
        expected = total * one.background + events * (one.signal - one.scrambled)
        return float(expected.sum() - (counts * np.log(expected)).sum())

    fixed = minimize_scalar(lambda total: minus(total, n), bounds=(0.8 * one.n_events, 1.2 * one.n_events), method="bounded", options={"xatol": 1e-7})
    free = minimize(
        lambda p: minus(p[0] * one.n_events, p[1] * one.sigma_n), [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10}
    )
    extended = q_values(counts, one.ratio, [n], extended=True)[0]
    assert extended == pytest.approx(2.0 * (fixed.fun - free.fun), abs=1e-5)
    assert free.x[1] * one.sigma_n == pytest.approx(fit(counts, one.ratio).n_hat, rel=1e-4)
    assert extended == pytest.approx(q_values(counts, one.ratio, [n])[0], rel=5e-3)
    assert q_values(counts, one.ratio, [0.0], extended=True)[0] == pytest.approx(fit(counts, one.ratio).ts, abs=1e-9)


def test_impossible_numbers_are_infinitely_unlikely() -> None:
    """More events than the background leaves room for; with a spread the strength gives way."""
    one = bins()
    counts = expected_counts(0.0)
    ratio = one.ratio * 3.0
    beyond = one.n_events / -ratio.min() * 1.05
    assert q_values(counts, ratio, [beyond])[0] == math.inf
    assert math.isfinite(q_values(counts, ratio, [beyond], spread=0.5)[0])


def test_spread_of_all_sources() -> None:
    """0.455 for the 29 galaxies with the shares of their J factors (specification 4.8); the acceptance in quadrature."""
    sources = select()
    j = 10.0 ** np.array([source.j.log10 for source in sources])
    assert common_spread("total", j / j.sum(), sources) == pytest.approx(0.455, abs=0.001)
    assert common_spread("total", j / j.sum(), sources, 0.3) == pytest.approx(math.hypot(0.455, 0.3), abs=0.001)
    assert common_spread("none", j / j.sum(), sources, 0.3) == common_spread("marginal", j / j.sum(), sources, 0.3) == 0.3
    assert common_spread("none", j / j.sum(), sources) == 0.0


def test_golden_28_sum_of_j_under_its_errors() -> None:
    """Split log-normals: the median of the sum is twice the sum of the medians; errors of J were read and dropped in the published program."""
    sources = select()
    log10_j, plus, minus = (np.array([getattr(source.j, name) for source in sources]) for name in ("log10", "plus", "minus"))
    z = np.random.default_rng(1).standard_normal((300_000, len(sources)))
    total = (10.0 ** (log10_j + z * np.where(z > 0.0, plus, minus))).sum(axis=1) / (10.0**log10_j).sum()
    assert np.quantile(total, [0.16, 0.5, 0.84]) == pytest.approx([1.26, 2.19, 4.41], abs=0.02)
