from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats

from configs.errors import InputError
from fits.dark_matter import trials as trials_module
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.trials import Hypotheses, Injection, Sky, Trials, run_trials

N_EVENTS = 32_600
KEY = stream_key(1, "b", 10, "bkg", 0.0)


def sky(**kwargs: np.ndarray) -> Sky:
    x = np.linspace(0.0, 1.0, 64)
    background = np.exp(-4.0 * x)
    background /= background.sum()
    signal = 0.2 * np.full(64, 1 / 64) + 0.8 * background
    return Sky(background, signal, signal / background - 1.0, N_EVENTS, **kwargs)


def sigma_n(one: Sky) -> float:
    return float(np.sqrt(one.n_events / (one.background * one.ratio**2).sum()))


def assert_same(left: Trials, right: Trials) -> None:
    for name in ("trial", "injected", "n_hat", "ts", "q"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_golden_19_any_split_and_any_number_of_workers(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials_module, "BLOCK", 150)
    injection, tests = Injection(200.0, spread=0.3), Hypotheses((150.0, 400.0), spread=0.3)
    whole = run_trials(sky(), injection, KEY, 1000, engine=engine, tests=tests)
    parts = [run_trials(sky(), injection, KEY, size, engine=engine, tests=tests, first=first) for first, size in ((0, 100), (100, 900))]
    assert_same(whole, trials_module.concatenate(parts, engine))
    for workers in (1, 2, 4):
        with ThreadPoolExecutor(workers) as pool:
            assert_same(whole, run_trials(sky(), injection, KEY, 1000, engine=engine, tests=tests, execute=pool.map))


def test_no_trial_is_a_copy_of_another() -> None:
    numbers = run_trials(sky(), Injection(500.0), KEY, 5000).n_hat
    other = run_trials(sky(), Injection(500.0), stream_key(2, "b", 10, "bkg", 0.0), 5000).n_hat
    inside = np.concatenate([numbers, other])
    inside = inside[inside > 0]
    assert len(np.unique(inside)) == len(inside)


def test_golden_20_background_follows_the_mixture() -> None:
    """Half of the statistics at zero, the others a chi-square of one degree of freedom."""
    ts = run_trials(sky(), Injection(), KEY, 100_000).ts
    assert (ts == 0.0).mean() == pytest.approx(0.5, abs=0.006)
    for sigmas, expected, tolerance in ((1, 1.0, 0.05), (2, 4.0, 0.05), (3, 9.0, 0.08)):
        assert np.quantile(ts, stats.norm.cdf(sigmas)) == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("how", ["poisson", "fixed"])
def test_golden_24_injected_events_come_back(how: str) -> None:
    """Beyond two sigma the mean of the fit is the injected number within 2 %."""
    injected = 3.0 * sigma_n(sky())
    found = run_trials(sky(), Injection(injected, how), stream_key(1, "b", 10, "sig", injected), 20_000)
    assert found.n_hat.mean() == pytest.approx(injected, rel=0.02)
    assert found.injected.mean() == pytest.approx(injected, rel=2e-3)
    assert found.injected.std() == pytest.approx(0.0 if how == "fixed" else np.sqrt(injected), rel=0.03)


def test_every_injected_event_is_there() -> None:
    """Rounding by source lost events: of 5 injected ones 2 were there, of 1 none."""
    for events in (1.0, 5.0):
        assert (run_trials(sky(), Injection(events, "fixed"), KEY, 50).injected == events).all()


def test_trials_without_injection_are_background_trials() -> None:
    """The published program had two statistics, one for background and another for signal."""
    background = run_trials(sky(), Injection(0.0, "fixed"), KEY, 20_000)
    signal = run_trials(sky(), Injection(0.0), stream_key(1, "b", 10, "sig", 0.0), 20_000, tests=Hypotheses((10.0,)))
    assert stats.ks_2samp(background.ts, signal.ts).pvalue > 1e-3


def test_engines_agree_in_distribution() -> None:
    injection, tests = Injection(400.0), Hypotheses((400.0,))
    one, other = (run_trials(sky(), injection, KEY, count, tests=tests, engine=name) for count, name in ((10_000, "numba"), (4_000, "numpy")))
    assert (one.engine, other.engine) == ("numba", "numpy")
    for name in ("injected", "n_hat", "ts", "q"):
        assert stats.ks_2samp(getattr(one, name).ravel(), getattr(other, name).ravel()).pvalue > 1e-3


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_sources_of_uncertain_strength(engine: str) -> None:
    """Mean of a factor 10^(z s) with two half-widths, by quadrature; without errors nothing changes."""
    shapes = np.stack([sky().signal, sky().background, 0.5 * (sky().signal + sky().background)])
    weight, plus, minus = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.2, 0.4]), np.array([0.2, 0.3, 0.1])
    one = Sky(sky().background, weight @ shapes, sky().ratio, N_EVENTS, shapes, weight, plus, minus)
    count = 20_000 if engine == "numba" else 4_000
    z = np.linspace(-8.0, 8.0, 4001)
    factor = np.exp(np.log(10.0) * z[:, None] * np.where(z[:, None] > 0, plus, minus))
    mean = np.trapezoid(stats.norm.pdf(z)[:, None] * factor, z, axis=0) @ weight
    found = run_trials(one, Injection(500.0), KEY, count, engine=engine)
    assert found.injected.mean() == pytest.approx(500.0 * mean, rel=0.03)
    certain = Sky(sky().background, weight @ shapes, sky().ratio, N_EVENTS, shapes, weight, 0 * plus, 0 * minus)
    assert run_trials(certain, Injection(500.0), KEY, count, engine=engine).injected.mean() == pytest.approx(500.0, rel=5e-3)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match="32601 events cannot be injected among 32600"):
        run_trials(sky(), Injection(N_EVENTS + 1.0), KEY, 1)
    half = sky().background / 2
    with pytest.raises(InputError, match="the background of a trial has probabilities .* that sum to 0.5, not to 1"):
        Sky(half, sky().signal, sky().ratio, N_EVENTS)
    hole = np.array([0.0, 1.0])
    with pytest.raises(InputError, match="a bin has signal and no background"):
        Sky(hole, np.array([0.5, 0.5]), np.array([0.0, -0.5]), N_EVENTS)
    assert len(run_trials(sky(), Injection(), KEY, 0)) == 0
