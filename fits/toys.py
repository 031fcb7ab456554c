"""Pseudo-experiments: counts thrown at a truth, each fitted, each with its own random stream and its own status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.conditional import Minimiser, valleys
from fits.goodness import Projections, saturated_by_projection
from fits.minimise import minimise
from fits.nll import NegativeLogLikelihood
from records.results import ToysResult

Array = NDArray[np.float64]
Aux = Literal["thrown", "fixed"]
Progress = Callable[[int, int], None]  # done, all
Execute = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]  # map, or the ordered map of a pool

# Streams of random numbers: studies of one fit never share them.
STREAMS = {"toys": 0, "feldman_cousins": 1, "limit": 2, "test": 3, "posterior": 4, "predictive": 5, "flavour": 6}


def generator(seed: int | None, study: str, *key: int) -> np.random.Generator:
    """The random stream of one unit of work: a child of ``seed`` by study and number, whoever computes it and in whatever order."""
    if seed is None:
        raise InputError(f"{study}: toys need a seed; set 'seed' in the configuration")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS[study], *key)))


def throw(nll: NegativeLogLikelihood, truth: Mapping[str, float], random: np.random.Generator, aux: Aux = "thrown") -> NegativeLogLikelihood:
    """The likelihood of one pseudo-experiment: counts ~ Poisson(mu(truth)); centres of the priors thrown around the truth, or kept."""
    counts = random.poisson(nll.model.expected([truth[name] for name in nll.names]))
    means = {name: prior.throw(truth[name], random) for name, prior in nll.priors.items()} if aux == "thrown" else None
    return nll.with_counts(counts, prior_means=means)


@dataclass(frozen=True)
class ToyFit:
    """One pseudo-experiment: fitted values and errors in the order of the parameters, and whether they may be believed."""

    index: int
    valid: bool
    reason: str
    values: Array
    errors: Array
    at_bound: tuple[str, ...]
    minos: Mapping[str, tuple[float, float]]
    goodness: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ToyStudy:
    """Everything one pseudo-experiment needs but its number; picklable, so any pool may map it over ``range(n)``."""

    nll: NegativeLogLikelihood
    truth: Mapping[str, float]
    seed: int | None
    aux: Aux = "thrown"
    minos: tuple[str, ...] = ()
    projections: Projections = field(default_factory=dict)
    fit: Minimiser = minimise

    def __call__(self, index: int) -> ToyFit:
        """Throw and fit toy number ``index``; an invalid fit is tried again from the model's own starts."""
        toy = throw(self.nll, self.truth, generator(self.seed, "toys", index), self.aux)
        minimum = self.fit(toy, starts=valleys(toy, self.truth), minos=self.minos)
        if not minimum.valid:
            minimum = self.fit(toy, minos=self.minos)
        goodness = saturated_by_projection(toy.counts, toy.model.expected(minimum.theta), self.projections) if minimum.valid else {}
        errors = np.array([minimum.errors[name] for name in toy.names])
        return ToyFit(index, minimum.valid, minimum.reason, minimum.theta, errors, minimum.at_bound, minimum.minos, goodness)


def run_toys(study: ToyStudy, n: int, *, progress: Progress | None = None, execute: Execute = map) -> list[ToyFit]:
    """Fit toys 0 to n - 1. The outcome of a toy depends on the seed and its number alone, not on ``execute``."""
    return sorted(counted(execute(study, range(n)), n, progress), key=lambda fit: fit.index)


def counted(outcomes: Iterable[Any], total: int, progress: Progress | None) -> list[Any]:
    """Collect outcomes and report each to ``progress(done, total)``."""
    collected = []
    for outcome in outcomes:
        collected.append(outcome)
        if progress is not None:
            progress(len(collected), total)
    return collected


def summarise(study: ToyStudy, fits: list[ToyFit]) -> ToysResult:
    """Pulls (fitted - truth) / error of the valid toys with mean and width, failures by reason, fraction at a bound, MINOS coverage."""
    names, truth = study.nll.names, study.truth
    valid = [fit for fit in fits if fit.valid]
    values, errors = (_columns(names, [getattr(fit, what) for fit in valid]) for what in ("values", "errors"))
    means, widths = zip(*(_moments(values[name] - truth[name], errors[name]) for name in names), strict=True)
    return ToysResult(
        seed=_stated(study.seed),
        truth={name: float(truth[name]) for name in names},
        n_requested=len(fits),
        n_valid=len(valid),
        n_failed=len(fits) - len(valid),
        failures=dict(Counter(fit.reason for fit in fits if not fit.valid)),
        aux=study.aux,
        values=_lists(values),
        errors=_lists(errors),
        pull_mean=dict(zip(names, means, strict=True)),
        pull_width=dict(zip(names, widths, strict=True)),
        near_bound={name: _fraction(name in fit.at_bound for fit in valid) for name in names},
        coverage_68={name: _fraction(_covers(fit, name, names.index(name), truth[name]) for fit in valid) for name in study.minos},
    )


def _columns(names: tuple[str, ...], rows: list[Array]) -> dict[str, Array]:
    return dict(zip(names, np.array(rows).reshape(len(rows), len(names)).T, strict=True))


def _stated(seed: int | None) -> int:
    if seed is None:
        raise InputError("toys need a seed; set 'seed' in the configuration")
    return seed


def _lists(columns: Mapping[str, Array]) -> dict[str, list[float]]:
    return {name: column.tolist() for name, column in columns.items()}


def _moments(distance: Array, errors: Array) -> tuple[float, float]:
    """Mean and standard deviation of the pulls, distance / error; a fixed parameter has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = np.where(errors > 0, distance / errors, np.nan)
    finite = pulls[np.isfinite(pulls)]
    return float(finite.mean()) if finite.size else float("nan"), float(finite.std(ddof=1)) if finite.size > 1 else float("nan")


def _fraction(held: Iterable[bool]) -> float:
    answers = list(held)
    return sum(answers) / len(answers) if answers else float("nan")


def _covers(fit: ToyFit, name: str, position: int, truth: float) -> bool:
    """Whether the MINOS interval holds the truth; a toy without one does not cover."""
    down, up = fit.minos.get(name, (0.0, 0.0))
    return bool(down <= truth - fit.values[position] <= up)
