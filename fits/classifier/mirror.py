"""The "mirror" question: where one class is recognised, is the other not?

If an output ignores the true class, recall_a(cell) = P(a) and recall_b(cell) = P(b), so the two recalls sum to about one in every cell and
anti-correlate. A mirror is therefore what no discrimination looks like, not a property of particles. Nested logit models of the response
"predicted as b" separate the three questions: M0 constant; M1 + class; M2 + class + cell; M3 + interaction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, xlogy

from configs.errors import TooFewEvents
from fits.classifier.binomial import ONE_SIGMA, Method, rates
from fits.classifier.multiple_tests import SIGNIFICANCE, detectable_difference, holm, permutation_p, permuted_counts
from fits.classifier.working_points import bin_number
from records.performance import LikelihoodRatio, Mirror

LOG_ODDS_REACH, BISECTIONS = 40.0, 60

MIRROR = "mirror"
CLASS_INFORMATION = "class information"
POSITION_DEPENDENT = "position-dependent discrimination"
NO_DISCRIMINATION = "no discrimination seen"


@dataclass(frozen=True)
class Cells:
    """A grid in r and y; cell = r bin * (y bins) + y bin, -1 outside."""

    r_edges_cm: Sequence[float] = (0.0, 230.0, 327.0, 400.0)
    y_edges_cm: Sequence[float] = (-300.0, -100.0, 100.0, 300.0)

    @property
    def count(self) -> int:
        """Number of cells."""
        return (len(self.r_edges_cm) - 1) * (len(self.y_edges_cm) - 1)

    def number(self, r_cm: ArrayLike, y_cm: ArrayLike) -> NDArray[np.int64]:
        """Cell of each vertex (n,)."""
        r, y = bin_number(r_cm, self.r_edges_cm), bin_number(y_cm, self.y_edges_cm)
        return np.where((r >= 0) & (y >= 0), r * (len(self.y_edges_cm) - 1) + y, -1)


def mirror_test(
    labels: ArrayLike,
    predictions: ArrayLike,
    cell: ArrayLike,
    pair: tuple[int, int],
    classes: Sequence[str],
    cells: Cells = Cells(),
    *,
    permutations: int = 10_000,
    seed: int = 0,
    level: float = ONE_SIGMA,
    method: Method = "clopper-pearson",
) -> Mirror:
    """Answer the mirror question for two classes.

    ``labels``, ``predictions`` (n,): positions in ``classes``; ``cell`` (n,): number of each event's cell, < 0 is left out; ``pair``: the two
    classes. Events predicted as a third class count as not predicted b. Raises TooFewEvents unless both classes have events inside.
    """
    truth, answer, place = np.asarray(labels), np.asarray(predictions), np.asarray(cell)
    events = counts_by_cell(truth, place, pair, cells.count)
    right = np.array([np.bincount(place[(truth == code) & (answer == code) & (place >= 0)], minlength=cells.count) for code in pair])
    response = counts_by_cell(truth[answer == pair[1]], place[answer == pair[1]], pair, cells.count)
    names = (classes[pair[0]], classes[pair[1]])
    if not events.sum(axis=1).all():
        raise TooFewEvents(
            f"the mirror test needs events of both classes {names[0]} and {names[1]} inside its cells; found {events.sum(axis=1).tolist()}"
        )
    tests = likelihood_ratios(response, events)
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(len(classes), *pair)))
    observed_r = float(recall_correlation(right, events))
    permuted_r = recall_correlation(_permuted(events, right, permutations, random), events)
    permuted_cell = nested_ratios(_permuted(events, response, permutations, random), events)[1]
    detectable = detectable_difference(float(response.sum() / events.sum()), int(events.sum()))
    verdict, sentence = judge(tests, names, detectable)
    flat = rates(right, events, level, method)
    return Mirror(
        classes=names,
        r_edges_cm=list(map(float, cells.r_edges_cm)),
        y_edges_cm=list(map(float, cells.y_edges_cm)),
        events=events.tolist(),
        recall=[flat[: cells.count], flat[cells.count :]],
        class_information=tests[0],
        cell_response=tests[1],
        interaction=tests[2],
        pearson_r=observed_r,
        pearson_p=permutation_p(abs(observed_r), np.abs(permuted_r)) if math.isfinite(observed_r) else math.nan,
        pearson_spread=float(np.nanstd(permuted_r)) if np.isfinite(permuted_r).any() else math.nan,
        permuted_r=np.nanquantile(permuted_r, np.linspace(0.0, 1.0, 101)).tolist() if np.isfinite(permuted_r).any() else [],
        p_cell_permutation=permutation_p(tests[1].ratio, permuted_cell),
        permutations=permutations,
        seed=seed,
        detectable_difference=detectable,
        verdict=verdict,
        sentence=sentence,
    )


def counts_by_cell(labels: NDArray, cell: NDArray, pair: tuple[int, int], count: int) -> NDArray[np.int64]:
    """Events of the two classes in each cell: (2, cells)."""
    return np.array([np.bincount(cell[(labels == code) & (cell >= 0)], minlength=count) for code in pair])


def _permuted(events: NDArray, marked: NDArray, permutations: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Marked events of each class shuffled over the cells: (permutations, 2, cells)."""
    return np.stack([permuted_counts(n, int(k.sum()), permutations, random) for n, k in zip(events, marked, strict=True)], axis=1)


def recall_correlation(right: NDArray, events: NDArray) -> NDArray[np.float64]:
    """Pearson's r over cells of the two recalls; (..., 2, cells) -> (...); NaN where a recall is the same everywhere or < 3 cells are filled."""
    used = events.min(axis=0) > 0
    if used.sum() < 3:
        return np.full(right.shape[:-2], math.nan)
    recall = right[..., used] / events[:, used]
    centred = recall - recall.mean(axis=-1, keepdims=True)
    power = (centred**2).sum(axis=-1).prod(axis=-1)
    flat = power < 1e-24
    return np.where(flat, math.nan, centred.prod(axis=-2).sum(axis=-1) / np.sqrt(np.where(flat, 1.0, power)))


def nested_ratios(response: NDArray, events: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Twice the gains M1-M0, M2-M1, M3-M2 of the nested logit models for many tables at once.

    ``response`` (..., 2, cells) of ``events`` (2, cells) answered yes. Returns three arrays (...).
    """
    k, n = np.asarray(response, float), np.asarray(events, float)
    constant = _log_likelihood(k, n, k.sum(axis=(-2, -1), keepdims=True) / n.sum())
    by_class = _log_likelihood(k, n, k.sum(axis=-1, keepdims=True) / n.sum(axis=-1, keepdims=True))
    additive = _log_likelihood(k, n, additive_probabilities(k, n))
    saturated = _log_likelihood(k, n, k / np.maximum(n, 1.0))
    gains = (by_class - constant, additive - by_class, saturated - additive)
    return tuple(np.maximum(2.0 * gain, 0.0) for gain in gains)  # type: ignore[return-value]


def likelihood_ratios(response: NDArray, events: NDArray) -> tuple[LikelihoodRatio, LikelihoodRatio, LikelihoodRatio]:
    """The three tests of one table with asymptotic p-values, Holm-corrected over the three. Empty cells have no degree of freedom."""
    ratios = [float(value) for value in nested_ratios(response, events)]
    degrees = [1, max(int((events.sum(axis=0) > 0).sum()) - 1, 0), max(int((events.min(axis=0) > 0).sum()) - 1, 0)]
    p = [float(chdtrc(d, ratio)) if d else 1.0 for d, ratio in zip(degrees, ratios, strict=True)]
    first, second, third = (LikelihoodRatio(*row) for row in zip(ratios, degrees, p, holm(p).tolist(), strict=True))
    return first, second, third


def _log_likelihood(k: NDArray, n: NDArray, p: NDArray) -> NDArray[np.float64]:
    return (xlogy(k, p) + xlogy(n - k, 1.0 - p)).sum(axis=(-2, -1))


def additive_probabilities(k: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fitted response of the model class + cell: one odds ratio between the classes in every cell; (..., 2, cells).

    With the answers of a cell fixed, its expectation is the root of a quadratic in the odds ratio (J. Cornfield, Proc. 3rd Berkeley Symp. 4
    (1956) 135); the odds ratio is where the expectations of the second class sum to its answers, found by bisection. Cells without
    answers of one kind, and odds ratios of zero or infinity, are limits of the same formula.
    """
    answers, wanted = k.sum(axis=-2), k[..., 1, :].sum(axis=-1)
    low, high = np.full(wanted.shape, -LOG_ODDS_REACH), np.full(wanted.shape, LOG_ODDS_REACH)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        above = _second_class(np.exp(middle)[..., None], answers, n).sum(axis=-1) > wanted
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    second = _second_class(np.exp(0.5 * (low + high))[..., None], answers, n)
    fitted = np.stack([answers - second, second], axis=-2) / np.maximum(n, 1.0)
    return np.clip(fitted, 0.0, 1.0)


def _second_class(odds_ratio: NDArray, answers: NDArray, n: NDArray) -> NDArray[np.float64]:
    """Expected answers of the second class in each cell: x (n1 - t + x) = psi (n2 - x)(t - x), in the form without cancellation."""
    b = n[0] - answers + odds_ratio * (n[1] + answers)
    product = odds_ratio * n[1] * answers
    root = np.sqrt(np.maximum(b**2 + 4.0 * (1.0 - odds_ratio) * product, 0.0))
    positive = b >= 0
    denominator = np.where(positive, b + root, 2.0 * (1.0 - odds_ratio))
    numerator = np.where(positive, 2.0 * product, root - b)
    return np.divide(numerator, denominator, out=np.zeros(np.broadcast(numerator, denominator).shape), where=denominator != 0)


def judge(tests: Sequence[LikelihoodRatio], names: tuple[str, str], detectable: float) -> tuple[str, str]:
    """Verdict and sentence that the three corrected p-values support.

    Mirror only if the response varies with the cell and neither class information nor its interaction with the cell is seen.
    """
    class_seen, cell_seen, interaction_seen = (test.p_holm < SIGNIFICANCE for test in tests)
    numbers = "corrected p: class {:.2g}, cell {:.2g}, interaction {:.2g}".format(*(test.p_holm for test in tests))
    pair = f"{names[0]} and {names[1]}"
    if interaction_seen:
        return POSITION_DEPENDENT, f"{POSITION_DEPENDENT}: how well {pair} are told apart varies with the vertex ({numbers})"
    if cell_seen and not class_seen:
        meaning = f"the response varies with the vertex but not with the class, which is what no discrimination between {pair} looks like"
        return MIRROR, f"{MIRROR}: {meaning} ({numbers})"
    verdict = CLASS_INFORMATION if class_seen else NO_DISCRIMINATION
    where = (
        "the response varies with the vertex in the same way for both"
        if cell_seen
        else f"no position dependence seen (detectable effect >= {detectable:.2f})"
    )
    return verdict, f"{verdict} between {pair}; {where} ({numbers})"
