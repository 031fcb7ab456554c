"""Pseudo-experiments of whole events: signal put into generated data, the background measured anew from each of them, as an analyser would."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from dark_matter_case import declinations, measured, sample, simulated
from scipy import stats

from data_info.dwarf_galaxies import select
from fits.dark_matter.acceptance import acceptance
from fits.dark_matter.densities import densities
from fits.dark_matter.inputs import Folded, fold
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.sky import Grid, RatioBins, grid, ratio_bins
from fits.dark_matter.stack_fit import fit
from fits.dark_matter.trials import Injection, run_trials
from fits.dark_matter.windows import Window
from physics.annihilation_spectra import Spectrum, michel
from simulation.dark_matter import inject

MASS_GEV, WINDOW, SHAPE = 30.0, Window(3, 30), (100, 180)
SOURCES = select()
RA, DEC = np.array([source.galaxy.ra_rad for source in SOURCES]), declinations(SOURCES)


@functools.cache
def spectrum() -> Spectrum:
    return michel(MASS_GEV)


@functools.cache
def folded() -> Folded:
    return fold(sample().simulation["mu"], spectrum(), "mu")


@functools.cache
def share() -> np.ndarray:
    return acceptance(folded(), SOURCES, WINDOW, 0.1).share


@functools.cache
def cells() -> Grid:
    return grid(RA, DEC, sample().psi_edges_rad, SHAPE)


def in_window(events: np.ndarray) -> np.ndarray:
    energy = 10.0 ** events["logE"]
    return events[(energy >= WINDOW.low) & (energy < WINDOW.high)]


@functools.cache
def background_events() -> np.ndarray:
    return in_window(measured(2012, 12_000))


@functools.cache
def signal_events() -> tuple[np.ndarray, np.ndarray]:
    """Simulated events in the window with their weights ow dN/dE."""
    events = in_window(simulated(60_000))
    per_gev = spectrum().per_log10_x(np.log10(events["trueE"] / MASS_GEV))[1] / events["trueE"]
    return events[per_gev > 0.0], (events["ow"] * per_gev)[per_gev > 0.0]


def sky_with(injected: int, seed: int) -> np.ndarray:
    """Data with new right ascensions, ``injected`` of them replaced by signal."""
    generator = np.random.default_rng([seed, 77])
    events = background_events().copy()
    events["ra"] = generator.uniform(0.0, 2.0 * math.pi, len(events))
    signal, weight = signal_events()
    return inject(events, signal, weight, (RA, DEC, share()), injected, generator)


@dataclass(frozen=True)
class Analysed:
    bins: RatioBins
    counts: np.ndarray


def analysed(events: np.ndarray) -> Analysed:
    """What the analysis makes of a sky: the background from its own declinations, bins of r, counts in them."""
    sindec = np.sin(events["dec"])
    row_of_100 = np.minimum(((sindec + 1.0) * 50.0).astype(int), 99)
    counts = np.zeros_like(sample().counts)
    np.add.at(counts, (row_of_100, (10.0 ** events["logE"]).astype(int)), 1.0)
    one = sample().__class__(1.0, counts, sample().sky, sample().simulation, sample().psi_edges_rad, False)
    of_sky = densities(one, folded(), share(), WINDOW, np.array([WINDOW.low, WINDOW.high]), SHAPE[0], 1e-6)
    bins = ratio_bins(cells(), of_sky, max_loss=0.02)
    row = np.minimum(((sindec + 1.0) / 2.0 * SHAPE[0]).astype(int), SHAPE[0] - 1)
    column = np.minimum((events["ra"] / (2.0 * math.pi) * SHAPE[1]).astype(int), SHAPE[1] - 1)
    return Analysed(bins, np.bincount(bins.cell_bin[0][row, column], minlength=len(bins.ratio)).astype(float))


@functools.cache
def found(injected: int, repeats: int) -> np.ndarray:
    skies = [analysed(sky_with(injected, seed)) for seed in range(repeats)]
    return np.array([fit(one.counts, one.bins.ratio).n_hat for one in skies])


@functools.cache
def expected_bins() -> RatioBins:
    return analysed(background_events()).bins


def strong() -> int:
    """Injected events: six standard deviations."""
    return round(6.0 * expected_bins().sigma_n)


def test_injected_signal_is_recovered() -> None:
    """Without bias, although the background measured from the same events holds the signal (specification 4.4)."""
    numbers, sigma = found(strong(), 40), expected_bins().sigma_n
    assert numbers.mean() == pytest.approx(strong(), abs=4.0 * sigma / math.sqrt(40))
    assert 0.6 * sigma < numbers.std() < 1.5 * sigma


def test_without_subtraction_a_part_of_it_is_lost() -> None:
    """The published likelihood took the scrambled data for pure background."""
    plain = []
    for seed in range(15):
        one = analysed(sky_with(strong(), seed))
        plain.append(fit(one.counts, one.bins.signal / one.bins.background - 1.0).n_hat)
    assert np.mean(plain) < 0.8 * strong()


@pytest.mark.parametrize("of_sigma", [0.0, 6.0])
def test_trials_of_counts_are_those_of_events(of_sigma: float) -> None:
    """Counts drawn in bins of r and skies of whole events give the same numbers: the sources' events are one sample, used once."""
    injected = round(of_sigma * expected_bins().sigma_n)
    bins = expected_bins()
    drawn = run_trials(bins.with_signal(injected), Injection(float(injected), "fixed"), stream_key("events", of_sigma), 20_000).n_hat
    assert stats.ks_2samp(found(injected, 40), drawn).pvalue > 1e-3


def test_recovery_is_linear() -> None:
    """Half of the signal, half of the number."""
    half = strong() // 2
    assert found(half, 40).mean() == pytest.approx(half, abs=4.0 * expected_bins().sigma_n / math.sqrt(40))
