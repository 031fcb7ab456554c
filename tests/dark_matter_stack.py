"""A stacking likelihood with many events, where asymptotic formulae hold: for tests of statistics that need no sky."""

from __future__ import annotations

import functools

import numpy as np

from fits.dark_matter.bank import Bank
from fits.dark_matter.calibration import Strength, calibrate
from fits.dark_matter.limits import Calibration, Outcomes
from fits.dark_matter.nuisance import q_values
from fits.dark_matter.sky import RatioBins
from fits.dark_matter.stack_fit import fit

MANY = 1_000_000  # events: a standard deviation of the fit is 0.4 % of them
CERTAIN = Strength()


@functools.cache
def bins(n_events: int = MANY, *, known: bool = False) -> RatioBins:
    """Two sources with broad densities in 48 bins; background falling, scrambled signal between signal and background."""
    x = np.linspace(0.0, 1.0, 48)
    background = np.exp(-3.0 * x)
    background /= background.sum()
    by_source = np.stack([background * (1.0 + x), background * (1.0 + 4.0 * x**2)])
    by_source /= by_source.sum(axis=1, keepdims=True)
    signal = np.array([0.6, 0.4]) @ by_source
    scrambled = background if known else 0.8 * background + 0.2 * signal
    ratio = (signal - scrambled) / background
    information = float((background * ratio**2).sum())
    return RatioBins(np.zeros(47), background, signal, scrambled, by_source, ratio, n_events, information, 0.0, np.zeros((1, 1, 1), np.int16), known)


def bank(seed: int = 1, *, n_events: int = MANY, **options: object) -> Bank:
    return Bank(bins(n_events), seed, "b", 10.0, "poisson", "numba", **options)  # type: ignore[arg-type]


@functools.cache
def calibrated(per_point: int = 8_000, background: int = 8_000, strength: Strength = CERTAIN, extended: bool = False, seed: int = 1) -> Calibration:
    return calibrate(bank(seed), per_point, background, strength, extended=extended)


def outcome_of(counts: np.ndarray, ratio: np.ndarray, numbers: np.ndarray, spread: float = 0.0) -> Outcomes:
    """What an observation of ``counts`` gives."""
    best = fit(counts, ratio)
    return Outcomes(np.array([best.n_hat]), np.array([best.ts]), q_values(counts, ratio, numbers, spread=spread)[None])


def expected_counts(signal_events: float) -> np.ndarray:
    """Counts without noise of so many signal events, also negative, with the background as it was measured."""
    one = bins()
    return one.n_events * (one.background + signal_events / one.n_events * (one.signal - one.scrambled))
