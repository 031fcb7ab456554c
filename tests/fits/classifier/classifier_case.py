"""Classifier outputs for tests: the real ones, and generated ones with a known answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from configs import iwcd
from fits.classifier.event_table import with_vertex_variables
from physics.tank import preset
from readers.classifier_outputs import ClassifierOutputs, read_classifier_outputs, read_positions, read_splits

CLASSES = ["gamma", "e-", "mu-"]
TANK = preset("short")


@dataclass(frozen=True)
class Arrays:
    indices: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray | None = None
    softmax: np.ndarray | None = None
    predicted: dict[str, np.ndarray] = field(default_factory=dict)


def real_outputs(data: Path) -> ClassifierOutputs:
    return read_classifier_outputs(data / "iwcd/train_out")


def real_splits(data: Path) -> dict[str, np.ndarray]:
    return read_splits(data / "iwcd/train_out/IWCD_mPMT_Short_1000_evts_gme.npz")


def real_positions(data: Path) -> dict[str, np.ndarray]:
    """Rows, labels and vertices of the validation split."""
    return with_vertex_variables(read_positions(data / "iwcd/val_positions.npz"), TANK)


def options(**changes: object) -> iwcd.Performance:
    given = {"kind": "performance", "outputs": "train_out", "classes": CLASSES, "permutations": 2000, **changes}
    return iwcd.Performance.model_validate(given)


def generated(n: int = 900, seed: int = 1, separation: float = 1.5) -> tuple[Arrays, dict[str, np.ndarray]]:
    """Three classes in equal numbers with Gaussian logits, in shuffled order, and the events of the file in which they are every second row."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    logits = random.normal(size=(n, 3)) + separation * (labels[:, None] == np.arange(3))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    r, phi = 400.0 * np.sqrt(random.uniform(size=2 * n)), random.uniform(-np.pi, np.pi, 2 * n)
    events = {
        "row": np.arange(2 * n),
        "label": np.repeat(labels, 2),
        "r2": r**2,
        "x": r * np.cos(phi),
        "y": random.uniform(-300.0, 300.0, 2 * n),
        "z": r * np.sin(phi),
        "cos_zenith": random.uniform(-1.0, 1.0, 2 * n),
        "azimuth": random.uniform(-np.pi, np.pi, 2 * n),
        "evis": random.uniform(0.0, 1000.0, 2 * n),
        "nhits": random.poisson(30.0, 2 * n),
    }
    events["dwall"] = np.minimum(400.0 - r, 300.0 - np.abs(events["y"]))
    events["energy"] = events["evis"] + 1.0
    order = random.permutation(n)
    return Arrays(2 * order, labels[order], None, softmax[order]), events
