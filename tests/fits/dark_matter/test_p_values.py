import math

import numpy as np
import pytest
from dark_matter_stack import bank
from scipy import stats

from fits.dark_matter.p_values import global_p_values, local_p_values, p_value, scrambled_sky_ts
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.trials import Injection, Sky, run_trials

KEY = stream_key(1, "skies")


def test_p_values_are_never_zero_and_significances_never_infinite() -> None:
    background = np.array([0.0] * 500 + [1.0] * 499)
    largest, none = p_value(50.0, background), p_value(0.0, background)
    assert largest.p == 1.0 / 1000.0
    assert none.p == 1.0
    assert none.significance < 0.0
    assert math.isfinite(largest.significance)
    assert math.isfinite(none.significance)
    middle = p_value(1.0, background)
    assert (middle.p, middle.error) == pytest.approx((0.5, math.sqrt(0.25 / 1000.0)))
    assert p_value(9.0, background).asymptotic == pytest.approx(1.350e-3, rel=1e-3)


def test_p_values_of_background_are_uniform_where_a_signal_is_fitted() -> None:
    one = bank(5)
    background, other = one.background(20_000).ts, bank(6).background(5_000).ts
    p = local_p_values(other, background)
    assert stats.kstest(2.0 * p[other > 0.0], "uniform").pvalue > 1e-3
    assert (p[other == 0.0] == 1.0).all()
    assert p[0] == pytest.approx(p_value(float(other[0]), background).p)


def sky_of(columns: int = 360, rows: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bins of r of a strip of sky, and r: a source at the middle of the rows and columns."""
    x, y = np.linspace(-1.0, 1.0, columns), np.linspace(-1.0, 1.0, rows)
    density = np.exp(-8.0 * (x**2 + y[:, None] ** 2))
    excess = density - density.mean(axis=1, keepdims=True)
    edges = np.quantile(excess, np.linspace(0.0, 1.0, 33)[1:-1])
    cell_bin = np.searchsorted(edges, excess).astype(np.int16)
    ratio = np.bincount(cell_bin.ravel(), excess.ravel()) / np.bincount(cell_bin.ravel())
    return cell_bin, ratio - (ratio * np.bincount(cell_bin.ravel())).sum() / cell_bin.size, density


def test_scrambled_skies_are_background_trials() -> None:
    """Events kept with their rows, right ascensions drawn: the TS of the engine's counts (the published program averaged fits that share events)."""
    cell_bin, ratio, _ = sky_of()
    n_events = 4000
    row = np.random.default_rng(1).integers(0, len(cell_bin), n_events)
    ts = scrambled_sky_ts(KEY, 1500, np.arange(n_events), row, cell_bin, ratio)
    background = np.bincount(cell_bin[row].ravel(), minlength=len(ratio)) / (n_events * cell_bin.shape[1])
    drawn = run_trials(Sky(background, background, ratio, n_events), Injection(), 7, 20_000)
    assert stats.ks_2samp(ts, drawn.ts).pvalue > 1e-3


def test_combinations_share_their_skies() -> None:
    """An event has one right ascension in a sky, whatever other events are looked at beside it."""
    cell_bin, ratio, _ = sky_of()
    row = np.random.default_rng(2).integers(0, len(cell_bin), 3000)
    event = np.arange(3000)
    whole = scrambled_sky_ts(KEY, 300, event, row, cell_bin, ratio)
    again = scrambled_sky_ts(KEY, 300, event[::-1], row[::-1], cell_bin, ratio)
    np.testing.assert_allclose(again, whole, atol=1e-7)
    nearly = scrambled_sky_ts(KEY, 300, event[:2700], row[:2700], cell_bin, ratio)
    other = scrambled_sky_ts(stream_key(2, "skies"), 300, event, row, cell_bin, ratio)
    assert np.corrcoef(whole, nearly)[0, 1] > 0.7
    assert abs(np.corrcoef(whole, other)[0, 1]) < 0.25


def test_global_p_of_independent_and_of_equal_combinations() -> None:
    """1 - (1 - p)^C where they are independent, p itself where all are one."""
    generator = np.random.default_rng(3)
    of_skies = generator.uniform(size=(20_000, 10))
    p, error = global_p_values(np.array([0.01, 0.2]), of_skies)
    assert p == pytest.approx(1.0 - (1.0 - np.array([0.01, 0.2])) ** 10, abs=4 * error.max())
    same, _ = global_p_values(np.array([0.01]), np.repeat(of_skies[:, :1], 10, axis=1))
    assert same[0] == pytest.approx(0.01, abs=0.003)


def test_golden_20_background_of_the_stack() -> None:
    """A half at 0 and the quantiles of half a chi-square, 1e5 trials (those of a small TS are 0 only to the last digits of the fit)."""
    ts = bank(8).background(100_000).ts
    assert (ts == 0.0).mean() == pytest.approx(0.5, abs=0.006)
    for sigmas, tolerance in ((1, 0.05), (2, 0.05), (3, 0.08)):
        assert np.quantile(ts, stats.norm.cdf(sigmas)) == pytest.approx({1: 1.0, 2: 4.0, 3: 8.97}[sigmas], rel=tolerance)
