import math

import numpy as np
import pytest
from scipy import stats

from configs.errors import InputError
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.sky import Densities, Grid, RatioBins, grid, ratio_bins
from fits.dark_matter.stack_fit import fit
from fits.dark_matter.trials import Injection, run_trials

SHAPE = (100, 180)
PSI_EDGES = np.radians(np.concatenate([np.arange(0, 10, 1), np.arange(10, 30, 2), np.arange(30, 90, 5), np.arange(90, 181, 10)]))
RA, DEC = np.radians([132.9, 162.3, 43.9, 186.7, 53.9]), np.radians([63.1, 51.1, -54.1, 23.9, -54.1])
WEIGHT = np.array([0.4, 0.25, 0.15, 0.1, 0.1])
N_EVENTS = 32_600


def psf(width_deg: float) -> np.ndarray:
    """Density per sr of a Rayleigh-distributed angle with that median."""
    sigma = math.radians(width_deg) / 1.18
    below = 1.0 - np.exp(-(PSI_EDGES**2) / (2.0 * sigma**2))
    density = np.diff(below / below[-1]) / (-2.0 * math.pi * np.diff(np.cos(PSI_EDGES)))
    return (1.0 - 1e-6) * density + 1e-6 / (4.0 * math.pi)


@pytest.fixture(scope="module")
def cells() -> Grid:
    return grid(RA, DEC, PSI_EDGES, SHAPE)


def densities(width_deg: float, energies: int = 1) -> Densities:
    sin_dec = (np.arange(SHAPE[0]) + 0.5) * 2.0 / SHAPE[0] - 1.0
    background = np.outer(np.linspace(1.0, 2.0, energies), 1.0 - 0.35 * sin_dec)
    shape = np.stack([psf(width_deg * (1.0 + 0.5 * energy)) for energy in range(energies)])
    return Densities(WEIGHT, shape[None] / energies, background / background.sum(), N_EVENTS)


def assert_probabilities(bins: RatioBins) -> None:
    for one in (bins.background, bins.signal, bins.scrambled, *bins.by_source):
        assert one.sum() == pytest.approx(1.0, abs=1e-12)
        assert (one >= 0.0).all()


@pytest.mark.parametrize("width_deg", [49.0, 5.0])
@pytest.mark.parametrize("energies", [1, 3])
def test_golden_23_injected_signal_comes_back_exactly(cells: Grid, width_deg: float, energies: int) -> None:
    """Expected counts of n events in place of data: the fit gives n, whatever n, although the background holds the scrambled signal."""
    for injected in (1.0, 100.0, 3000.0):
        bins = ratio_bins(cells, densities(width_deg, energies), injected=injected)
        assert_probabilities(bins)
        share = injected / N_EVENTS
        expected = N_EVENTS * ((1.0 - share) * bins.background + share * bins.signal)
        assert fit(expected, bins.ratio).n_hat == pytest.approx(injected, abs=1e-5)


def test_golden_23_without_subtraction_only_a_part_comes_back(cells: Grid) -> None:
    """The published likelihood: background measured with the signal in it, signal over background minus one in the fit."""
    injected = 1000.0
    known = ratio_bins(cells, densities(49.0), background="mc")
    share = injected / N_EVENTS
    measured = (1.0 - share) * known.background + share * known.scrambled
    ratio = known.signal / measured - 1.0
    expected = N_EVENTS * ((1.0 - share) * known.background + share * known.signal)
    assert fit(expected, ratio).n_hat / injected < 0.6


def test_information_lost_by_the_bins(cells: Grid) -> None:
    """K = 64 loses less than half a per cent, four times as many bins a tenth of that; bins of equal probability lose far more."""
    for width_deg in (49.0, 10.0):
        few, many = ratio_bins(cells, densities(width_deg)), ratio_bins(cells, densities(width_deg), bins=256)
        assert 0.0 < many.information_loss < few.information_loss / 4 < 0.005 / 4
        assert many.information == pytest.approx(few.information)


def test_more_bins_where_a_few_lose_too_much(cells: Grid) -> None:
    assert len(ratio_bins(cells, densities(5.0), bins=8, max_loss=0.005).ratio) >= 32
    with pytest.raises(InputError, match="512 bins of the likelihood ratio lose .* max_info_loss = 0.00%"):
        ratio_bins(cells, densities(5.0), max_loss=1e-9)


def test_width_of_the_fit_is_that_of_the_information(cells: Grid) -> None:
    bins = ratio_bins(cells, densities(20.0))
    injected = 4.0 * bins.sigma_n
    one = ratio_bins(cells, densities(20.0), injected=injected)
    found = run_trials(one.sky(), Injection(injected, "fixed"), stream_key("width"), 20_000)
    assert found.n_hat.std() == pytest.approx(bins.sigma_n, rel=0.05)


def test_events_in_cells_follow_the_bins(cells: Grid) -> None:
    """Event-level pseudo-experiments on the cells, their background scrambled, give the fits that the counts in bins give."""
    bins = ratio_bins(cells, densities(20.0))
    generator = np.random.default_rng(2)
    of_row = densities(20.0).background[0]
    rows = generator.choice(SHAPE[0], size=(300, 2000), p=of_row / of_row.sum())
    columns = generator.integers(SHAPE[1], size=rows.shape)
    few = [fit(np.bincount(one, minlength=len(bins.ratio)), bins.ratio).ts for one in bins.cell_bin[0][rows, columns]]
    drawn = run_trials(bins.sky().__class__(bins.background, bins.signal, bins.ratio, 2000), Injection(), stream_key("cells"), 20_000)
    assert stats.ks_2samp(few, drawn.ts).pvalue > 1e-3


def test_sensitivity_goes_with_the_root_of_the_events(cells: Grid) -> None:
    """The published program fixed the number of events of a trial, so that its thresholds were for another exposure."""
    one = densities(20.0)
    four = Densities(one.weight, one.psf_per_sr, one.background, 4 * one.n_events)
    assert ratio_bins(cells, four).sigma_n == pytest.approx(2.0 * ratio_bins(cells, one).sigma_n)


def test_psf_of_every_source(cells: Grid) -> None:
    """Five equal densities given one by one are the one density given once."""
    once, each = densities(20.0), densities(20.0)
    each = Densities(each.weight, np.repeat(each.psf_per_sr, 5, axis=0), each.background, each.n_events)
    np.testing.assert_allclose(ratio_bins(cells, each).by_source, ratio_bins(cells, once).by_source, rtol=1e-12)


def test_background_must_be_positive(cells: Grid) -> None:
    hole = densities(20.0)
    hole.background[0, 10] = 0.0
    with pytest.raises(InputError, match=r"background density is not positive at sin dec -0.790 \(energy bin 0\)"):
        ratio_bins(cells, hole)
