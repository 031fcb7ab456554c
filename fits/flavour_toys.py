"""P-values of compositions by flavour from pseudo-experiments: TS against the best composition, its distribution where that composition is true."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from fits.free_composition import FreeComposition, as_start
from fits.goodness import p_value
from fits.hypothesis import FAILED_FIT
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.toys import Execute, Progress, counted, generator, throw
from processors.trials import each
from records.diffuse import Composition, CompositionToys


@dataclass(frozen=True)
class CompositionStudy:
    """TS of pseudo-experiments of one composition at its profiled parameters ``truth``; picklable, mapped over toy numbers.

    ``near``: where the fit of the data with a free composition ended, one more start; ``number``: of the composition, for its random stream.
    """

    held: NegativeLogLikelihood
    free: FreeComposition
    fractions: Composition
    truth: Mapping[str, float]
    near: Mapping[str, float]
    seed: int | None
    number: int

    def __call__(self, index: int) -> float:
        """TS of toy number ``index``; NaN when a fit failed."""
        toy = throw(self.held, self.truth, generator(self.seed, "flavour", self.number, index))
        return self.ts(toy, self.free.of_toy(toy))

    def ts(self, held: NegativeLogLikelihood, free: FreeComposition) -> float:
        """2 (NLL of the composition - NLL of the best one), at least 0 up to rounding; NaN when a fit failed.

        The free fit starts at the composition with its parameters, where it cannot end higher; where it fails there, at that of the data.
        """
        narrow = _held(held, self.truth)
        wide = minimise(free, starts=[as_start(narrow.values, self.fractions)], hesse=False)
        if not wide.valid or narrow.nll < wide.nll:
            wide = minimise(free, starts=[self.near], hesse=False)
        ts = 2.0 * (narrow.nll - wide.nll)
        return ts if narrow.valid and wide.valid and ts >= FAILED_FIT else math.nan


def composition_toys(
    likelihoods: Callable[[Composition], NegativeLogLikelihood],
    sources: Mapping[str, Composition],
    start: Mapping[str, float],
    n: int,
    seed: int | None,
    *,
    progress: Progress | None = None,
    execute: Execute = map,
) -> dict[str, CompositionToys]:
    """P-value of each composition of ``sources`` from ``n`` toys; ``start``: parameters of a fit near by.

    Each composition's toys have the parameters that the data prefer with it (profile construction) and thrown auxiliary measurements.
    """
    free = FreeComposition.made(likelihoods)
    best = minimise(free, starts=[as_start(start, fractions) for fractions in sources.values()], hesse=False)
    works = []
    for number, (name, fractions) in enumerate(sources.items()):
        held = likelihoods(fractions)
        study = CompositionStudy(held, free, fractions, _held(held, start).values, best.values, seed, number)
        works.append(partial(_of_source, name, study, n, progress, execute))
    return dict(each(works))


def _of_source(name: str, study: CompositionStudy, n: int, progress: Progress | None, execute: Execute) -> tuple[str, CompositionToys]:
    toys = np.array(counted(execute(study, range(n)), n, progress))
    valid = toys[~np.isnan(toys)]
    observed = study.ts(study.held, study.free)
    p, error = p_value(observed, valid) if valid.size else (math.nan, math.nan)
    return name, CompositionToys(observed, valid.tolist(), n - int(valid.size), p, error)


def _held(nll: NegativeLogLikelihood, near: Mapping[str, float]) -> Minimum:
    found = minimise(nll, starts=[near], hesse=False)
    return found if found.valid else minimise(nll, hesse=False)
