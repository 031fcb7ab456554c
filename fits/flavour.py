"""The composition by flavour at Earth: responses for any composition, and the profile of the likelihood over all of them.

The reference flux of a response holds equal parts of the three flavours. Flavour f with the fraction f_f of nu + nubar scales its astrophysical
weights by 3 f_f, products of two such weights by its square; the sum over flavours, ``astro_norm``, keeps its meaning (specification diffuse 4.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from configs.errors import InputError
from fits.amplitudes import FLAVOUR_OF_CLASS
from fits.conditional import valleys
from fits.flavour_ranges import SHOWN, fraction_ranges
from fits.flavour_toys import composition_toys
from fits.intervals import CONTENTS, delta_nll_level
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.response import Response
from fits.toys import Execute
from physics.oscillation import FLAVOURS, SOURCES, at_earth, mixing
from processors.trials import each
from records.diffuse import Composition, FlavourResult

Array = NDArray[np.float64]
Likelihoods = Callable[[Composition], NegativeLogLikelihood]

EQUAL: Composition = (1 / 3, 1 / 3, 1 / 3)
SUM_TOLERANCE = 1.0e-6
SMALLEST = 1.0e-9  # fraction in a scan: a bin that only an absent flavour reaches is very unlikely there, not refused
REFINED = 1.0e-4  # of the best fractions


def composition(given: Sequence[float]) -> Composition:
    """Fractions that sum to 1, from fractions or from multiples of equal parts (sum 3). Raises InputError for anything else.

    >>> composition([1, 1, 1]) == (1 / 3, 1 / 3, 1 / 3)
    True
    """
    total = math.fsum(given)
    if len(given) != 3 or not all(math.isfinite(one) and one >= 0.0 for one in given):
        raise InputError(f"flavour: {list(given)} are not three fractions >= 0 of e, mu, tau; give three that sum to 1 (or [1, 1, 1])")
    if min(abs(total - 1.0), abs(total - 3.0)) > SUM_TOLERANCE:
        raise InputError(f"flavour: {list(given)} sum to {total:g}; give fractions of e, mu, tau that sum to 1 (or [1, 1, 1] for equal parts)")
    e, mu, tau = (float(one) / total for one in given)
    return e, mu, tau


def with_composition(response: Response, fractions: Composition) -> Response:
    """The response for a composition at Earth. Raises InputError when it is not split by flavour and the composition is not equal."""
    if np.allclose(fractions, EQUAL, rtol=0, atol=1e-12):
        return response
    scale = {label: _scale(label, fractions) for label, component in response.moments if component == "astro"}
    moments = {key: array * scale[key[0]] if key[1] == "astro" else array for key, array in response.moments.items()}
    pairs = {key: array * scale.get(key[0], 1.0) ** key[1:].count("astro") for key, array in response.pairs.items()}
    return replace(response, moments=moments, pairs=pairs)


def check_flavours(response: Response, mixing_name: str) -> None:
    """Raises InputError for a response that is not split by flavour, and for mixing angles without such a name."""
    mixing(mixing_name)
    with_composition(response, (1.0, 0.0, 0.0))


def _scale(label: str, fractions: Composition) -> float:
    flavour = FLAVOUR_OF_CLASS.get(label, ("", 0))[0]
    if flavour not in FLAVOURS:
        raise InputError(
            f"flavour: the response is not split by flavour (its class is {label!r}); set processor.flavours: true, with a simulation that has them"
        )
    return 3.0 * fractions[FLAVOURS.index(flavour)]


@dataclass(frozen=True)
class _Profiled:
    """Best likelihood of each composition over all parameters."""

    likelihoods: Likelihoods
    start: Mapping[str, float]

    def __call__(self, fractions: Sequence[float], near: Mapping[str, float] | None = None) -> Minimum:
        floored = np.maximum(fractions, SMALLEST)
        e, mu, tau = (floored / floored.sum()).tolist()
        nll = self.likelihoods((e, mu, tau))
        found = minimise(nll, starts=valleys(nll, near or self.start), hesse=False)
        return found if found.valid else minimise(nll, hesse=False)


@dataclass(frozen=True)
class _Row:
    """-ln L along one row of the grid, f_e = ``grid[i]``, NaN where a fit fails; picklable. Each point starts at its neighbour of the same row."""

    profiled: _Profiled
    grid: Array

    def __call__(self, i: int) -> list[float]:
        near: Mapping[str, float] | None = None
        row = []
        for mu in self.grid[: len(self.grid) - i]:
            found = self.profiled((self.grid[i], mu, max(1.0 - self.grid[i] - mu, 0.0)), near)
            near = found.values if found.valid else None
            row.append(found.nll if found.valid else math.nan)
        return row


@dataclass(frozen=True)
class ToysOfSources:
    """Pseudo-experiments of each source's composition: how many, their seed, and who is told of each."""

    n: int
    seed: int | None
    progress: Callable[[int, int], None] | None = None


def scan_flavours(
    likelihoods: Likelihoods,
    start: Mapping[str, float],
    step: float,
    mixing_name: str,
    progress: Callable[[int, int], None] | None = None,
    *,
    toys: ToysOfSources | None = None,
    execute: Execute = map,
) -> FlavourResult:
    """Profile the likelihood over the simplex at a step of the fractions; ``likelihoods``: composition -> its likelihood.

    ``start``: parameters of a fit near by. The best composition is refined between the points. ``toys`` give p-values of the sources; rows of
    the grid and toys go through ``execute``, an ordered map.
    """
    profiled = _Profiled(likelihoods, start)
    sources = {name: _composition(at_earth(made, mixing(mixing_name))) for name, made in SOURCES.items()}
    grid = np.linspace(0.0, 1.0, round(1.0 / step) + 1)
    works: list[Callable[[], Any]] = [partial(_scanned, _Row(profiled, grid), progress, execute)]
    if toys is not None:
        works.append(partial(composition_toys, likelihoods, sources, start, toys.n, toys.seed, progress=toys.progress, execute=execute))
    nll, *drawn = each(works)  # both are asked for before any is waited for
    if not np.isfinite(nll).any():
        raise InputError("flavour_scan: the fit converged for no composition; give the parameters of the fit bounds or priors")
    best, minimum = _refined(profiled, grid, nll, step)
    fits = {name: profiled(fractions) for name, fractions in sources.items()}
    delta = nll - minimum.nll
    return FlavourResult(
        valid=minimum.valid,
        reason=minimum.reason,
        best=best,
        grid=grid.tolist(),
        delta_nll=delta.tolist(),
        contours=simplex_contours(grid, delta),
        sources=sources,
        ts={name: 2.0 * (fit.nll - minimum.nll) if fit.valid else math.nan for name, fit in fits.items()},
        mixing=mixing_name,
        parameters=dict(minimum.values),
        nll=minimum.nll,
        n_failed=len(grid) * (len(grid) + 1) // 2 - int(np.isfinite(nll).sum()),
        ranges=fraction_ranges(grid, delta, best),
        toys=drawn[0] if drawn else {},
        seed=None if toys is None else toys.seed,
    )


def _scanned(row: _Row, progress: Callable[[int, int], None] | None, execute: Execute) -> Array:
    """-ln L on the grid (f_e, f_mu), NaN outside the triangle."""
    points = len(row.grid)
    nll, done = np.full((points, points), math.nan), 0
    for i, values in enumerate(execute(row, range(points))):
        nll[i, : len(values)] = values
        done += len(values)
        if progress is not None:
            progress(done, points * (points + 1) // 2)
    return nll


def _refined(profiled: _Profiled, grid: Array, nll: Array, step: float) -> tuple[Composition, Minimum]:
    """The best composition, by the simplex method in stick-breaking coordinates from the lowest point of the grid."""
    i, j = np.unravel_index(int(np.nanargmin(nll)), nll.shape)
    first = to_sticks((float(grid[i]), float(grid[j]), max(float(1.0 - grid[i] - grid[j]), 0.0)))
    shifts = step * np.eye(2)
    corners = np.array([first, *(np.where(np.array(first) + shift <= 1.0, first + shift, first - shift) for shift in shifts)])

    def height(sticks: Array) -> float:
        found = profiled(from_sticks(*sticks))
        return found.nll if found.valid else math.inf

    options: dict[str, Any] = {"initial_simplex": corners, "xatol": REFINED, "fatol": 1e-7}
    found = minimize(height, first, method="Nelder-Mead", bounds=[(0.0, 1.0)] * 2, options=options)
    chosen = from_sticks(*(found.x if found.fun <= nll[i, j] else first))
    return chosen, profiled(chosen)


def from_sticks(u1: float, u2: float) -> Composition:
    """Composition of two numbers in [0, 1]; uniform on the simplex for uniform ones.

    >>> from_sticks(0.25, 0.5)
    (0.5, 0.25, 0.25)
    """
    root = math.sqrt(u1)
    return 1.0 - root, root * (1.0 - float(u2)), root * float(u2)


def to_sticks(fractions: Composition) -> tuple[float, float]:
    """Inverse of ``from_sticks``; u2 = 0.5 where there is nothing but e.

    >>> to_sticks((0.5, 0.25, 0.25))
    (0.25, 0.5)
    """
    rest = 1.0 - fractions[0]
    return rest**2, fractions[2] / rest if rest > 0.0 else 0.5


def simplex_contours(grid: Array, delta_nll: Array) -> dict[str, list[list[tuple[float, float]]]]:
    """Polylines of (f_e, f_mu) at the two-parameter levels of 68 and 95 %, linear between points; they end at the sides of the simplex."""
    import contourpy

    masked = np.ma.masked_invalid(delta_nll.T)
    generator: Any = contourpy.contour_generator(grid, grid, masked, corner_mask=True, line_type="Separate")
    levels = {label: delta_nll_level(CONTENTS[label], 2) for label in SHOWN}
    return {label: [[(float(a), float(b)) for a, b in line] for line in generator.lines(level)] for label, level in levels.items()}


def _composition(values: Array) -> Composition:
    e, mu, tau = (values / values.sum()).tolist()
    return e, mu, tau
