"""Events of known composition: the real outputs of a classifier, and Gaussian samples in one and two observables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from configs.iwcd import FractionChannel
from fits.composition import Composition
from fits.fractions import Origin
from fits.templates import Placed, bin_labels, binned, place
from readers.classifier_outputs import read_classifier_outputs

PREDICTED = [FractionChannel(observables=["predicted"], edges=[[-0.5, 0.5, 1.5, 2.5]])]
SPECIES = {"gamma": ["gamma"], "e-": ["e-"], "mu-": ["mu-"]}
SHOWERS = {"shower": ["gamma", "e-"], "mu-": ["mu-"]}
LIGHT = [FractionChannel(observables=["mean_angle", "charge"], edges=[[30, 36, 40, 44, 50], [0, 900, 1100, 5000]])]
CENTRES = {"gamma": (41.0, 1000.0), "e-": (40.0, 1000.0), "mu-": (36.0, 1100.0), "pi0": (45.0, 950.0)}


def origin(groups: dict[str, list[str]]) -> Origin:
    return Origin(groups, {}, {}, seed=1)


def real(data: Path, groups: dict[str, list[str]], *, template_errors: bool = True) -> Composition:
    """Predicted classes of 600 real events: even rows are templates, odd rows data."""
    outputs = read_classifier_outputs(data / "iwcd/train_out")
    assert outputs.predictions is not None
    columns = {"predicted": outputs.predictions, "particle": np.array(["gamma", "e-", "mu-"])[outputs.labels]}
    placed, even = place(columns, PREDICTED), np.arange(600) % 2 == 0
    return Composition(binned(placed.take(even), placed.take(~even).nominal, groups, bin_labels(PREDICTED)), template_errors)


def gaussian_columns(sizes: dict[str, int], seed: int) -> dict[str, np.ndarray]:
    """Angles and charges of each particle around its own centres."""
    random = np.random.default_rng(seed)
    particle = np.repeat(list(sizes), list(sizes.values()))
    centre = np.array([CENTRES[name] for name in particle])
    return {"particle": particle, "mean_angle": random.normal(centre[:, 0], 3.0), "charge": random.normal(centre[:, 1], 150.0)}


def gaussian(sizes: dict[str, int], seed: int, light_yield: float = 0.02) -> Placed:
    return place(gaussian_columns(sizes, seed), LIGHT, light_yield)


def generated(groups: dict[str, list[str]], mixture: dict[str, int], templates: int = 800, light_yield: float = 0.02) -> Composition:
    """Templates of equal size for every particle of the groups, and data of a given mixture."""
    template = gaussian({name: templates for names in groups.values() for name in names}, 1, light_yield)
    return Composition(binned(template, gaussian(mixture, 2, 0.0).nominal, groups, bin_labels(LIGHT)))
