"""Published numbers of the water-Cherenkov analysis: hits of the real samples in slices of energy (``data_info/iwcd/hits_by_energy.csv``)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).parent / "iwcd" / "hits_by_energy.csv"
SOURCE = "3000 real events each, read off public figures (github aaronvegu/WatChMaL_Research)"
# Of the whole samples: mean number of hits and its error (specification of the analysis, section 7).
MEAN_HITS: dict[str, tuple[float, float]] = {"e-": (1281.0, 17.0), "gamma": (1381.0, 18.0), "mu-": (950.0, 15.0), "pi0": (1528.0, 19.0)}


@dataclass(frozen=True)
class HitsByEnergy:
    """Number of hits of one particle in slices of total energy above the sample's smallest; arrays have one entry for each slice."""

    low_mev: NDArray[np.float64]
    high_mev: NDArray[np.float64]
    events: NDArray[np.float64]
    mean: NDArray[np.float64]
    median: NDArray[np.float64]
    q95: NDArray[np.float64]


def hits_by_energy() -> dict[str, HitsByEnergy]:
    """The table by particle.

    >>> hits_by_energy()["mu-"].mean[:2].tolist()
    [115.0, 375.0]
    """
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    columns = [name for name in rows[0] if name != "particle"]
    particles = dict.fromkeys(row["particle"] for row in rows)
    return {
        name: HitsByEnergy(*(np.array([float(row[column]) for row in rows if row["particle"] == name]) for column in columns)) for name in particles
    }
