"""Distributions of the statistics for a range of numbers of signal events, from trials: what limits and bands are read from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fits.dark_matter.bank import Bank, Uncertain
from fits.dark_matter.limits import Calibration, Outcomes
from fits.dark_matter.nuisance import q_values
from fits.dark_matter.trials import Hypotheses

Array = NDArray[np.float64]

TESTED = np.array([*np.arange(0.0, 3.3, 0.2), 3.6, 4.0, 4.5, 5.0, 6.0])  # numbers of events, in units of the fit's standard deviation
WIDER = 1.28  # standard deviations of the strength by which they are stretched
LARGEST_SHARE = 0.9  # of all events


@dataclass(frozen=True, eq=False)
class Strength:
    """How the strength of the signal is uncertain: ``drawn`` in trials, the spread ``profiled`` in q, the spread ``wide`` of the tested range."""

    drawn: Uncertain = field(default_factory=Uncertain)
    profiled: float = 0.0
    wide: float = 0.0

    @property
    def continuous(self) -> bool:
        """Whether asymptotic formulae describe the tails: not where every source's strength is drawn and none is profiled."""
        return not len(self.drawn.weight)


def tested_numbers(sigma_n: float, n_events: int, strength: Strength) -> Array:
    """From 0 to six standard deviations, further where the strength is uncertain, below the number of events."""
    return np.unique(np.minimum(TESTED * sigma_n * math.exp(WIDER * strength.wide), LARGEST_SHARE * n_events))


def calibrate(bank: Bank, per_point: int, background: int, strength: Strength, *, extended: bool = False) -> Calibration:
    """``per_point`` trials with signal at every tested number, and the ``background`` trials tested at all of them."""
    bins = bank.bins
    n = tested_numbers(bins.sigma_n, bins.n_events, strength)
    at_n = [bank.tested_signal(one, per_point, Hypotheses((one,), strength.profiled, extended), strength.drawn) for one in n.tolist()]
    fitted, ts, q = (np.array([getattr(one, name) for one in at_n]) for name in ("n_hat", "ts", "q"))
    alone = bank.tested_background(background, Hypotheses(tuple(n.tolist()), strength.profiled, extended))
    expected = q_values(bins.n_events * bins.background, bins.ratio, n, spread=strength.profiled, extended=extended)
    one_sided = np.where(fitted <= n[:, None], q[:, :, 0], 0.0)
    return Calibration(n, fitted, ts, q[:, :, 0], one_sided, Outcomes(alone.n_hat, alone.ts, alone.q), expected, tails=strength.continuous)
