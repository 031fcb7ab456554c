"""Pseudo-experiments: what fraction of the intervals holds the truth, and how far off the unfolded spectrum is on average."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.unfolding.map_fit import MapFit, map_fit

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]
Mode = Literal["response", "independent", "bootstrap"]
MODES: tuple[Mode, ...] = ("response", "independent", "bootstrap")
NOT_SAMPLED = "chains not converged"


@dataclass(frozen=True)
class Truth:
    """A spectrum to draw pseudo data from: events ``f`` by truth bin (those outside the range included), expected counts by proxy bin."""

    f: Array
    expected: Array


class Resample(Protocol):
    """Another response of the same size: sums of weights and of squared weights (proxy bins, truth bins)."""

    def __call__(self, generator: np.random.Generator) -> tuple[Array, Array]:
        """(W, S)."""
        ...


@dataclass(frozen=True, repr=False)
class Closure:
    """Results of ``n_valid`` of ``n_toys`` pseudo-experiments by bin in range; ``f`` and ``error`` (of ln f) have the shape (toys, bins).

    ``sampled``: coverage of the sampled intervals of ``n_sampled`` of the toys (NaN without).
    """

    mode: str
    seed: int
    truth: Array
    f: Array
    error: Array
    n_toys: int
    failures: dict[str, int]
    sampled: Array
    n_sampled: int
    pulls: Array = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pulls", (np.log(self.f) - np.log(self.truth)) / self.error)

    @property
    def n_valid(self) -> int:
        """Toys with a valid minimum."""
        return int(self.f.shape[0])

    @property
    def coverage(self) -> Array:
        """Fraction of the 68 % intervals that hold the truth."""
        return np.asarray((np.abs(self.pulls) < 1.0).mean(axis=0))

    @property
    def coverage_error(self) -> Array:
        """Its binomial error."""
        return np.asarray(np.sqrt(self.coverage * (1.0 - self.coverage) / self.n_valid))

    @property
    def pull_mean(self) -> Array:
        """Mean of (ln f - ln truth)/error."""
        return np.asarray(self.pulls.mean(axis=0))

    @property
    def pull_width(self) -> Array:
        """Standard deviation of the pulls."""
        return np.asarray(self.pulls.std(axis=0, ddof=1))

    @property
    def median_bias(self) -> Array:
        """Median of f/truth - 1."""
        return np.asarray(np.median(self.f / self.truth, axis=0) - 1.0)

    @property
    def bias_over_sigma(self) -> Array:
        """|mean of f/truth - 1| over the standard deviation of f/truth among toys."""
        ratio = self.f / self.truth
        return np.asarray(np.abs(ratio.mean(axis=0) - 1.0) / ratio.std(axis=0, ddof=1))

    @property
    def squared_error(self) -> float:
        """Mean of (f/truth - 1)^2 over bins and toys."""
        return float(np.mean((self.f / self.truth - 1.0) ** 2))

    def __repr__(self) -> str:
        return (
            f"Closure({self.mode}, {self.n_valid} of {self.n_toys} toys: coverage {self.coverage.mean():.3f}, lowest {self.coverage.min():.3f}, "
            f"pull width {self.pull_width.mean():.3f}, median bias up to {np.abs(self.median_bias).max():.1%})"
        )


def coverage(
    problem: UnfoldingProblem,
    n_toys: int,
    *,
    mode: Mode = "response",
    truth: Truth | None = None,
    seed: int = 0,
    resample: Resample | None = None,
    sample_every: int = 0,
    first: int = 0,
    **chains: Any,
) -> Closure:
    """Unfold ``n_toys`` sets of pseudo data with the choices of ``problem``.

    ``response``: counts from the response itself. ``independent``: counts from ``truth.expected`` of another sample. ``bootstrap``: the response
    is drawn anew for each toy (``resample``, default: each cell Poisson with its effective number of events), the counts come from the given one.
    ``truth`` default: the reference. ``sample_every``: every so many toys is sampled too, with options ``chains``. Each toy has random numbers of its
    own: those from ``first`` on are the same as in one long run, and ``joined`` puts parts together.
    """
    truth = _check(problem, n_toys, mode, truth)
    draw = (resample or cell_bootstrap(problem)) if mode == "bootstrap" else None
    fits: list[MapFit] = []
    inside: list[NDArray[np.bool_]] = []
    failures: dict[str, int] = {}
    for number, toy in enumerate(_toys(problem, truth, range(first, first + n_toys), seed, draw), start=first):
        fit = map_fit(toy, limits=False)
        if not fit.valid:
            failures[fit.reason] = failures.get(fit.reason, 0) + 1
            continue
        fits.append(fit)
        if sample_every and number % sample_every == 0:
            held = _held(toy, truth, chains)
            if held is None:
                failures[NOT_SAMPLED] = failures.get(NOT_SAMPLED, 0) + 1
            else:
                inside.append(held)
    if not fits:
        raise InputError(f"{n_toys} of {n_toys} pseudo-experiments have no valid minimum: {failures}")
    kept = problem.inside
    return Closure(
        mode=mode,
        seed=seed,
        truth=truth.f[kept],
        f=np.array([fit.f[kept] for fit in fits]),
        error=np.array([fit.error[kept] for fit in fits]),
        n_toys=n_toys,
        failures=failures,
        sampled=np.mean(inside, axis=0)[kept] if inside else np.full(problem.n_inside, np.nan),
        n_sampled=len(inside),
    )


def _held(toy: UnfoldingProblem, truth: Truth, chains: dict[str, Any]) -> NDArray[np.bool_] | None:
    """Whether the sampled intervals hold the truth (truth bins,); None where the chains do not converge."""
    from fits.ensembles import ConvergenceError

    try:
        sampled = toy.sample(**chains)
    except ConvergenceError:
        return None
    return np.asarray((sampled.lower <= truth.f) & (truth.f <= sampled.upper))


def joined(parts: Sequence[Closure]) -> Closure:
    """Pseudo-experiments of several runs that differ in ``first`` only, as one."""
    failures: dict[str, int] = {}
    for reason, count in (item for part in parts for item in part.failures.items()):
        failures[reason] = failures.get(reason, 0) + count
    n_sampled = sum(part.n_sampled for part in parts)
    held = [part.sampled * part.n_sampled for part in parts if part.n_sampled]
    return replace(
        parts[0],
        f=np.concatenate([part.f for part in parts]),
        error=np.concatenate([part.error for part in parts]),
        n_toys=sum(part.n_toys for part in parts),
        failures=failures,
        sampled=np.sum(held, axis=0) / n_sampled if n_sampled else parts[0].sampled,
        n_sampled=n_sampled,
    )


def _check(problem: UnfoldingProblem, n_toys: int, mode: str, truth: Truth | None) -> Truth:
    """The truth to use; InputError for what cannot be done."""
    if mode not in MODES:
        raise InputError(f"mode {mode!r} does not exist{nearest(mode, MODES)}")
    if mode == "independent" and truth is None:
        raise InputError("mode independent needs truth: the spectrum and the expected counts of the other sample")
    if n_toys < 1:
        raise InputError(f"n_toys = {n_toys}: at least 1 (2 for a width of pulls)")
    return truth or reference_truth(problem)


def _toys(problem: UnfoldingProblem, truth: Truth, numbers: range, seed: int, resample: Resample | None) -> Iterator[UnfoldingProblem]:
    for number in numbers:
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        counts = generator.poisson(truth.expected).astype(float)
        if resample is None:
            yield problem.replace(g=counts)
        else:
            w, s = resample(generator)
            yield problem.replace(g=counts, W=w, S=s)


def reference_truth(problem: UnfoldingProblem) -> Truth:
    """The reference spectrum of a problem, scaled to its counts."""
    return Truth(problem.f_reference, problem.expected(problem.f_reference))


def tilted_truth(problem: UnfoldingProblem, power: float) -> Truth:
    """The reference times x^``power`` (x: geometric mean of the bin, the edge for bins outside the range), scaled to the counts.

    Bins keep the response that they have: for a tilt inside wide bins, build the ``Truth`` from reweighted events.
    """
    if problem.edges is None or problem.edges[0] <= 0:
        raise InputError("a tilted spectrum needs positive edges of the truth bins; give the spectra instead")
    edges = problem.edges
    centre = np.sqrt(edges[1:] * edges[:-1])
    x = np.concatenate([edges[:1][: int(problem.underflow)], centre, edges[-1:][: int(problem.overflow)]])
    f = problem.f_reference * (x / centre[centre.size // 2]) ** power
    f = f * (problem.A @ problem.f_reference).sum() / (problem.A @ f).sum()
    return Truth(f, problem.expected(f))


def cell_bootstrap(problem: UnfoldingProblem) -> Resample:
    """Responses whose cells are Poisson with as many events as the given ones are worth: W S/W drawn, mean weight S/W."""
    weight = np.divide(problem.S, problem.W, out=np.zeros_like(problem.W), where=problem.W > 0)
    events = problem.effective_events

    def draw(generator: np.random.Generator) -> tuple[Array, Array]:
        counts = generator.poisson(events)
        return weight * counts, weight**2 * counts

    return draw
