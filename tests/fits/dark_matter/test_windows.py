import numpy as np
import pytest

from configs.dark_matter import Campaign
from configs.errors import InputError
from fits.dark_matter.windows import Window, best, given, merits, published


def test_published_windows_are_those_of_the_default_campaign() -> None:
    channels = Campaign().channels
    assert sum(len(masses) for masses in channels.values()) == 44
    for channel, masses in channels.items():
        assert list(published()[channel]) == masses
    assert given("reference", "b", 10) == Window(0, 12)
    assert given("reference", "Nu", 300) == Window(234, 441)


def test_golden_29_prefix_sums_are_the_double_loop() -> None:
    """All 124,750 pairs have a merit; for 200 events those of every seventh lower cut, against counting the events of the window."""
    generator = np.random.default_rng(4)
    energy, psi = generator.exponential(60.0, 200), generator.integers(3, size=200)
    kept = energy < 500
    signal_of = generator.uniform(0.5, 2.0, 200)
    edges = (np.arange(501), np.arange(4))
    signal = np.histogram2d(energy[kept], psi[kept], edges, weights=signal_of[kept])[0]
    background = np.histogram2d(energy[kept], psi[kept], edges)[0]
    fisher, simple = merits(signal, background, fewest=0.0), merits(signal, background, "s_over_sqrt_b", fewest=0.0)
    assert fisher.shape == (500, 500)
    assert np.isfinite(merits(np.ones((500, 1)), np.ones((500, 1)), fewest=0.0)).sum() == 124_750
    for low in range(0, 499, 7):
        for high in range(low + 1, 500):
            inside = kept & (energy >= low) & (energy < high)
            s, b = signal_of[inside].sum(), inside.sum()
            if not b:
                assert np.isnan(fisher[low, high])
                assert np.isnan(simple[low, high])
                continue
            assert simple[low, high] == pytest.approx(s / np.sqrt(b), rel=1e-12)
            per_psi = [(signal_of[inside & (psi == k)].sum(), (inside & (psi == k)).sum()) for k in range(3)]
            assert fisher[low, high] == pytest.approx(np.sqrt(sum(one**2 / other for one, other in per_psi if other)), rel=1e-12)
    assert np.isnan(fisher[np.tril_indices(500)]).all()


def test_information_grows_with_the_window() -> None:
    """The Fisher merit of bins kept apart would grow; summed over energy it is monotone only where signal and background have one shape."""
    shape = np.random.default_rng(1).uniform(0.1, 1.0, 40)[:, None]
    merit = merits(3.0 * shape, 10.0 * shape, fewest=0.0)
    assert best(merit, (0, 39)) == Window(0, 39)
    assert (np.diff(merit[0, 1:]) > 0).all()


def test_of_equal_windows_the_widest() -> None:
    signal, background = np.zeros((20, 1)), np.zeros((20, 1))
    signal[5], background[5] = 4.0, 2.0
    assert best(merits(signal, background, fewest=0.0), (0, 19)) == Window(0, 19)
    assert best(merits(signal, background, fewest=0.0), (3, 9)) == Window(3, 9)


def test_windows_without_background_are_not_the_best() -> None:
    """Skipping them without a mark shifted the published map."""
    signal, background = np.ones((10, 1)), np.zeros((10, 1))
    background[7] = 1.0
    merit = merits(signal, background, fewest=0.0)
    assert np.isnan(merit[0, 5])
    assert best(merit, (0, 9)).high > 7
    with pytest.raises(InputError, match="no window between 0 and 6 GeV has background"):
        best(merit, (0, 6))


def test_holes_in_the_data_are_no_windows() -> None:
    """Where the data thin out a window with one event would have the highest ratio."""
    energy = np.arange(200.0)[:, None]
    background = np.random.default_rng(2).poisson(200.0 * np.exp(-energy / 20.0)).astype(float)
    signal = np.exp(-(((energy - 140.0) / 30.0) ** 2))
    assert np.nanmax(merits(signal, background, fewest=0.0)) > np.nanmax(merits(signal, background))
    window = best(merits(signal, background), (0, 199))
    assert background[window.bins].sum() >= 20.0


def test_missing_and_empty_windows_are_named() -> None:
    with pytest.raises(InputError, match=r"no window for b at 12 GeV: the published windows have masses 10, 20, .*window.rule: optimise"):
        given("reference", "b", 12)
    with pytest.raises(InputError, match=r"no window for Z at 100 GeV: window.rule has channels b"):
        given({"b": {10: (0, 12)}}, "Z", 100)
    with pytest.raises(InputError, match=r"window.rule.b.10: 12-12 GeV is empty"):
        given({"b": {10: (12, 12)}}, "b", 10)
