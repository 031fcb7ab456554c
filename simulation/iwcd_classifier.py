"""Classifier outputs with a known answer, in the layout of real ones: rows in random order, identified by their index only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, softmax

from physics.tank import Tank
from records.atomic import replacing
from records.scores import Scores

Array = NDArray[np.float64]

N_CLASSES = 4
OTHER_LOGIT = 5.0  # by which the classes 2, 3 ... are told from the rest
SPLIT_SHARES = {"test_idxs": 0.5, "val_idxs": 0.1}  # train_idxs: the rest


@dataclass(frozen=True)
class ToyClassifier:
    """Separation of class 1 from class 0. ``auc``: area under the ROC curve of an event in the middle of the tank's volume.

    ``position_slope``: relative change of the separation from the axis (- slope) to the barrel (+ slope), linear in r^2; keeps the mean separation.
    ``mirror``: the logit moves by ``mirror`` from axis to barrel for both classes alike; with ``auc`` 0.5 the output ignores the class.
    """

    auc: float = 0.7
    position_slope: float = 0.0
    mirror: float = 0.0

    def logit(self, rng: Generator, label: ArrayLike, position_cm: Array, tank: Tank) -> Array:
        """Logit of class 1 against class 0: N(-d/2, 1) and N(d/2, 1) with d = sqrt(2) Phi^-1(AUC)."""
        outwards = 2.0 * (position_cm[:, 0] ** 2 + position_cm[:, 2] ** 2) / tank.radius_cm**2 - 1.0
        separation = np.sqrt(2.0) * ndtri(self.auc) * (1.0 + self.position_slope * outwards)
        sign = np.where(np.asarray(label) == 1, 0.5, -0.5)
        return rng.normal(sign * separation + self.mirror * outwards, 1.0)


def toy_softmax(rng: Generator, label: ArrayLike, logit: Array, n_classes: int = N_CLASSES) -> Array:
    """Softmax rows (n, ``n_classes``) in which the odds of class 1 against 0 are exactly exp(``logit``); other classes are told well from both."""
    label = np.asarray(label)
    scores = rng.normal(0.0, 1.0, (len(label), n_classes))
    pair = label < 2
    scores[pair, 2:] -= OTHER_LOGIT
    scores[~pair, label[~pair]] += OTHER_LOGIT
    scores[:, 0], scores[:, 1] = -0.5 * logit, 0.5 * logit
    return np.asarray(softmax(scores, axis=1))


def split_rows(rng: Generator, label: ArrayLike) -> dict[str, NDArray[np.int64]]:
    """Rows of test, validation and training, disjoint and sorted, each class divided alike."""
    parts: dict[str, list[NDArray[np.int64]]] = {"test_idxs": [], "val_idxs": [], "train_idxs": []}
    label = np.asarray(label)
    for code in np.unique(label):
        rows = rng.permutation(np.flatnonzero(label == code))
        ends = np.rint(np.cumsum(list(SPLIT_SHARES.values())) * len(rows)).astype(int)
        for name, chosen in zip(parts, np.split(rows, ends), strict=True):
            parts[name].append(chosen)
    return {name: np.sort(np.concatenate(chosen)).astype(np.int64) for name, chosen in parts.items()}


def write_split(path: Path, parts: dict[str, NDArray[np.int64]]) -> Path:
    """Write the rows of each split as .npz."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **parts)  # type: ignore[arg-type]
    return path


def shuffled_scores(rng: Generator, indices: NDArray[np.int64], label: NDArray[np.int64], probabilities: Array, classes: Sequence[str]) -> Scores:
    """Scores in the order of a sampler, single precision as networks leave them; arguments belong to each other row by row."""
    order = rng.permutation(len(indices))
    softmax_rows = probabilities[order].astype(np.float32)
    return Scores(tuple(classes), indices[order].astype(np.int64), label[order].astype(np.int64), softmax_rows)
