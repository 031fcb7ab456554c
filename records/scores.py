"""Scores of a classifier of our own in the layout that networks leave: indices, labels, predictions and softmax as .npy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from records.atomic import replacing


@dataclass(frozen=True, eq=False)
class Scores:
    """One row for each event: its row number, its class and the probabilities (n, classes) in the order of ``classes``."""

    classes: tuple[str, ...]
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    softmax: NDArray[np.floating]

    @property
    def predictions(self) -> NDArray[np.int64]:
        """Class of the largest probability."""
        return np.argmax(self.softmax, axis=1)


def save_scores(directory: str | Path, scores: Scores) -> list[Path]:
    """Write ``indices.npy, labels.npy, predictions.npy, softmax.npy``; labels and columns follow ``scores.classes``. Returns the paths."""
    paths = []
    for name in ("indices", "labels", "predictions", "softmax"):
        paths.append(Path(directory) / f"{name}.npy")
        with replacing(paths[-1]) as temporary, temporary.open("wb") as file:
            np.save(file, getattr(scores, name), allow_pickle=False)
    return paths
