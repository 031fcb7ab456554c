"""Does the fit of composition tell the truth: pseudo-experiments at the fitted point, and closure on events that are not in the templates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator, SeedSequence

from configs.errors import InputError
from fits.composition import LIGHT_YIELD, Composition, lowest
from fits.fractions import yields
from fits.minimise import Minimum
from fits.templates import Placed, binned
from records.iwcd_fits import FractionsResult, PseudoExperiments

CLOSURE_STREAM = 1  # first entry of a spawn key: closure never repeats the numbers of pseudo-experiments
Report = Callable[[int, int], None]  # done, total


@dataclass(frozen=True)
class Outcome:
    """One pseudo-experiment: events of each group, their errors, -2 ln L against the saturated model."""

    values: dict[str, float]
    errors: dict[str, float]
    statistic: float
    at_bound: tuple[str, ...]


def with_toys(result: FractionsResult, likelihood: Composition, minimum: Minimum, n: int, seed: int, report: Report | None = None) -> FractionsResult:
    """The result with n parametric pseudo-experiments at the minimum: p-value of its goodness, and pulls.

    Counts, template counts (means at the fitted factors) and the measurement of the light yield fluctuate.
    """
    bins, _, _ = likelihood.at(minimum.theta)
    alpha = minimum.values.get(LIGHT_YIELD, 0.0)
    outcomes = []
    for number in range(n):
        rng = np.random.default_rng(SeedSequence(seed, spawn_key=(number,)))
        observed = rng.poisson(likelihood.binned.events * bins.gamma).astype(float) if likelihood.template_errors else None
        toy = likelihood.with_counts(rng.poisson(bins.expected).astype(float), observed, rng.normal(alpha))
        outcomes.append(_outcome(toy, seed))
        if report is not None:
            report(number + 1, n)
    good = [one for one in outcomes if one is not None]
    values, _ = yields(likelihood, minimum)
    truth = dict(zip(likelihood.binned.groups, values.tolist(), strict=True))
    exceeding = sum(one.statistic >= result.goodness.statistic for one in good)
    goodness = replace(result.goodness, p_toys=exceeding / len(good) if good else math.nan, n_toys=len(good), n_failed=n - len(good))
    return replace(result, goodness=goodness, toys=summary(outcomes, truth))


def closure(
    sample: Placed, groups: Mapping[str, Sequence[str]], labels: Sequence[str], expected: Mapping[str, float], n: int, seed: int
) -> PseudoExperiments:
    """Fits of pseudo-data of a known mixture, the events of each particle halved at random into templates and pool every time.

    ``expected``: events of each particle in the bins, Poisson means; they are drawn from the pool, so no event is in template and data.
    Raises InputError where half of the events are fewer than are expected.
    """
    inside = sample.take(sample.nominal >= 0)
    for name, mean in expected.items():
        if (there := int((inside.particle == name).sum()) // 2) < mean:
            raise InputError(f"closure: {mean:g} {name} are asked for, half of the sample has {there}; give more events or expect fewer")
    outcomes = [_closure_outcome(inside, groups, labels, expected, SeedSequence(seed, spawn_key=(CLOSURE_STREAM, i)), seed) for i in range(n)]
    return summary(outcomes, {group: sum(expected.get(name, 0.0) for name in names) for group, names in groups.items()})


def _closure_outcome(
    sample: Placed, groups: Mapping[str, Sequence[str]], labels: Sequence[str], expected: Mapping[str, float], seeds: SeedSequence, seed: int
) -> Outcome | None:
    rng = np.random.default_rng(seeds)
    template, data = [], []
    for name in [name for names in groups.values() for name in names]:
        rows = rng.permutation(np.flatnonzero(sample.particle == name))
        half = len(rows) // 2
        template.append(rows[:half])
        data.append(_drawn(rng, rows[half:], expected.get(name, 0.0)))
    made = binned(sample.take(np.concatenate(template)), sample.nominal[np.concatenate(data)], groups, labels)
    return _outcome(Composition(made), seed)


def _drawn(rng: Generator, pool: np.ndarray, mean: float) -> np.ndarray:
    return pool[: rng.poisson(mean)]  # the pool is in random order; it is larger than the mean, a rare upward fluctuation ends at its size


def _outcome(likelihood: Composition, seed: int) -> Outcome | None:
    minimum = lowest(likelihood, seed)
    if not minimum.valid:
        return None
    values, covariance = yields(likelihood, minimum)
    groups = likelihood.binned.groups
    errors = np.sqrt(np.diag(covariance))
    bound = tuple(name for name in groups if name in minimum.at_bound)
    return Outcome(dict(zip(groups, values.tolist(), strict=True)), dict(zip(groups, errors.tolist(), strict=True)), 2.0 * minimum.nll, bound)


def summary(outcomes: Sequence[Outcome | None], truth: Mapping[str, float]) -> PseudoExperiments:
    """Pulls of the valid fits; those at a bound have no meaningful error and are counted, not pulled."""
    good = [one for one in outcomes if one is not None]
    pulls = {name: _pulls(good, name, true) for name, true in truth.items()}
    return PseudoExperiments(
        truth=dict(truth),
        n_requested=len(outcomes),
        n_valid=len(good),
        pull_mean={name: _mean(values) for name, values in pulls.items()},
        pull_width={name: float(np.std(values, ddof=1)) if len(values) > 1 else math.nan for name, values in pulls.items()},
        mean_error={name: _mean([one.errors[name] for one in good]) for name in truth},
        near_bound={name: _mean([float(name in one.at_bound) for one in good]) for name in truth},
        pulls=pulls,
    )


def _pulls(outcomes: Sequence[Outcome], name: str, true: float) -> list[float]:
    return [(one.values[name] - true) / one.errors[name] for one in outcomes if not one.at_bound and one.errors[name] > 0]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
