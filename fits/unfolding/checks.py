"""What an unfolding problem must satisfy, checked when it is built; every message names the bin and the cure."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.unfolding.likelihood import STATISTICS
from fits.unfolding.penalty import check_space, strengths

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]
FEWEST_TRUTH_BINS = 3


def check(problem: UnfoldingProblem) -> None:
    """InputError for the first thing that is wrong; warns about choices that are allowed and rarely wanted."""
    _shapes(problem)
    _values(problem)
    _columns(problem)
    _rows(problem)
    _choices(problem)
    _templates(problem)


def _shapes(problem: UnfoldingProblem) -> None:
    if problem.W.ndim != 2:
        raise InputError(f"W has the shape {problem.W.shape}: expected (proxy bins, truth bins)")
    m, n, inside = problem.m, problem.n, problem.n_inside
    expected = {
        "S": (m, n),
        "g": (m,),
        "background": (m,),
        "background_variance": (m,),
        "edges": (inside + 1,),
        "reference": (n,),
        "flux_factor": (inside,),
        "generated": (n,),
        "generated_variance": (n,),
        "extra_variance": (m, n),
    }
    for key, shape in expected.items():
        value = getattr(problem, key)
        if value is not None and value.shape != shape:
            raise InputError(f"{key} has the shape {value.shape}, expected {shape}: W has {m} proxy bins and {n} truth bins ({inside} in range)")
    if inside < FEWEST_TRUTH_BINS:
        raise InputError(f"{inside} truth bins in range: at least {FEWEST_TRUTH_BINS} are needed")
    if m < n:
        raise InputError(f"{m} proxy bins cannot tell {n} truth bins apart: use more proxy bins or fewer truth bins")


def _values(problem: UnfoldingProblem) -> None:
    for key in ("W", "S", "g", "background", "background_variance", "extra_variance", "generated", "generated_variance", "reference"):
        value = getattr(problem, key)
        if value is None:
            continue
        bad = ~np.isfinite(value) | (value < 0)
        if bad.any():
            place = tuple(int(k) for k in np.argwhere(bad)[0])
            raise InputError(f"{key}: {int(bad.sum())} values are negative or not finite, the first is {value[place]} at {place}; check the weights")
    if problem.g.sum() <= 0:
        raise InputError("g: the data are empty (no counts in any proxy bin)")
    if problem.edges is not None and not np.all(np.diff(problem.edges) > 0):
        raise InputError(f"edges must rise: {problem.edges.tolist()}")
    if problem.flux_factor is not None and not (np.all(np.isfinite(problem.flux_factor)) and np.all(problem.flux_factor > 0)):
        raise InputError(f"flux_factor must be positive in every bin: {problem.flux_factor.tolist()}")


def _columns(problem: UnfoldingProblem) -> None:
    empty = [label for label, total in zip(problem.bin_labels, problem.W.sum(axis=0), strict=True) if total <= 0]
    if empty:
        raise InputError(f"no simulated event in truth {', '.join(empty)}: merge it with a neighbour, or narrow the range")
    if problem.generated is not None and np.any(problem.generated < problem.W.sum(axis=0) * (1.0 - 1e-9)):
        raise InputError("generated: fewer events than the response holds in some truth bin; it counts all of them, before any is lost")
    populated = int(np.count_nonzero(problem.W.sum(axis=1) > 0))
    if populated < problem.n:
        without = np.flatnonzero(problem.W.sum(axis=1) <= 0).tolist()
        raise InputError(f"only {populated} proxy bins hold simulated events (none in {without}) for {problem.n} truth bins: use fewer truth bins")


def _rows(problem: UnfoldingProblem) -> None:
    impossible = np.flatnonzero((problem.W.sum(axis=1) + problem.b <= 0) & (problem.g > 0))
    if impossible.size:
        counts = ", ".join(f"{i} ({problem.g[i]:g})" for i in impossible[:5])
        raise InputError(f"data in proxy bins without simulation or background: bin (counts) {counts}; merge them with a neighbour")


def _choices(problem: UnfoldingProblem) -> None:
    check_space(problem.space)
    strengths(problem.tau, problem.n_inside)
    if problem.mc_stat not in STATISTICS:
        raise InputError(f"mc_stat {problem.mc_stat!r} does not exist{nearest(problem.mc_stat, STATISTICS)}")
    if problem.epsilon is not None and not 0 < problem.epsilon < 1:
        raise InputError(f"epsilon = {problem.epsilon}: a relative error of the normalisation, between 0 and 1 (None: no such parameter)")
    if problem.space == "linear" and problem.tau is not None:
        warnings.warn("space: linear smooths a steep spectrum only where it is large; log_ratio is the unbiased choice", stacklevel=5)


def _templates(problem: UnfoldingProblem) -> None:
    _unique([one.name for one in problem.templates])
    for one in problem.templates:
        for key in ("alpha", "beta"):
            shape = getattr(one, key).shape
            if shape not in ((problem.m, problem.n), (problem.m, 1)):
                raise InputError(
                    f"nuisance {one.name!r}: {key} has the shape {shape}, expected ({problem.m}, {problem.n}) or ({problem.m},) for whole rows"
                )


def _unique(names: Sequence[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"nuisances named twice: {', '.join(sorted(twice))}")
