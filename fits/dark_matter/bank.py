"""The pseudo-experiments of one combination: drawn once, kept with their numbers, added to when more are wanted.

A stream is named by seed, channel, mass, kind and injected number, so that trials do not depend on what else is done, or in which order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.sky import RatioBins
from fits.dark_matter.trials import Engine, Hypotheses, Inject, Injection, Map, Sky, Trials, run_trials

Array = NDArray[np.float64]
Group = tuple[str, float]  # kind ("bkg", "sig") and injected events


@dataclass(frozen=True, eq=False)
class Stored:
    """Fitted numbers and TS of trials 0, 1, ... of a stream."""

    n_hat: Array
    ts: Array

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, eq=False)
class Uncertain:
    """How the strength of the signal differs from trial to trial: errors (J,) of log10 J of every source, or one spread for all."""

    spread: float = 0.0
    weight: Array = field(default_factory=lambda: np.zeros(0))
    plus: Array = field(default_factory=lambda: np.zeros(0))
    minus: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, eq=False)
class Bank:
    """Draws trials of one combination and keeps those without tested hypotheses by group in ``groups``."""

    bins: RatioBins
    seed: int
    channel: str
    mass_gev: float
    how: Inject
    engine: Engine
    execute: Map | None = None
    groups: dict[Group, Stored] = field(default_factory=dict)

    def stream(self, kind: str, injected: float) -> int:
        """The key of the random numbers of a group."""
        return stream_key(self.seed, self.channel, self.mass_gev, kind, injected)

    def background(self, count: int) -> Stored:
        """Trials without signal."""
        return self._kept(("bkg", 0.0), count, self.bins.sky(), Injection(0.0, self.how))

    def signal(self, injected: float, count: int, uncertain: Uncertain | None = None) -> Stored:
        """Trials with signal, fitted with r as measured with that signal in the data."""
        sky, injection = self._with_signal(injected, uncertain)
        return self._kept(("sig", injected), count, sky, injection)

    def tested_background(self, count: int, hypotheses: Hypotheses) -> Trials:
        """The background trials again, with q of the hypotheses: the same numbers, as a trial depends on its stream and number alone."""
        return run_trials(
            self.bins.sky(), Injection(0.0, self.how), self.stream("bkg", 0.0), count, tests=hypotheses, engine=self.engine, execute=self.execute
        )

    def tested_signal(self, injected: float, count: int, hypotheses: Hypotheses, uncertain: Uncertain) -> Trials:
        """Trials with signal and q of hypotheses; a stream of its own, as the strength varies in them."""
        sky, injection = self._with_signal(injected, uncertain)
        key = self.stream("lim", injected)
        return run_trials(sky, injection, key, count, tests=hypotheses, engine=self.engine, execute=self.execute)

    def _with_signal(self, injected: float, uncertain: Uncertain | None) -> tuple[Sky, Injection]:
        if uncertain is None or (uncertain.spread == 0.0 and not len(uncertain.weight)):
            return self.bins.with_signal(injected), Injection(injected, self.how)
        sky = self.bins.with_uncertain_signal(uncertain.weight, uncertain.plus, uncertain.minus)
        return sky, Injection(injected, self.how, uncertain.spread)

    def _kept(self, group: Group, count: int, sky: Sky, injection: Injection) -> Stored:
        """Trials of a group; those that are there are not drawn again."""
        present = self.groups.get(group)
        first = 0 if present is None else len(present)
        if count > first:
            new = run_trials(sky, injection, self.stream(*group), count - first, first=first, engine=self.engine, execute=self.execute)
            joined = Stored(new.n_hat, new.ts)
            if present is not None:
                joined = Stored(np.concatenate([present.n_hat, new.n_hat]), np.concatenate([present.ts, new.ts]))
            self.groups[group] = joined
        found = self.groups[group] if group in self.groups else Stored(np.zeros(0), np.zeros(0))
        return Stored(found.n_hat[:count], found.ts[:count])


def with_groups(bank: Bank, groups: Mapping[Group, Stored]) -> Bank:
    """The bank with trials of an earlier run in it."""
    bank.groups.update(groups)
    return bank
