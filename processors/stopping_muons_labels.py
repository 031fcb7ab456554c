"""Which events stop, and how many muons enter, from lists of the muons of each event (specification 2.4).

Used where files hold no such labels: ``muon_x, muon_y, muon_z, muon_zenith, muon_azimuth, muon_length`` are a point of each muon (detector
coordinates, m), the direction that it comes from and the way that is left to it, ``muon_energy`` (rule ``leading``) its energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physics.ice_geometry import DETECTOR, ConvexHull, Volume, enters, stopping_events, stops

Array = NDArray[np.float64]

TRACK = ("muon_x", "muon_y", "muon_z", "muon_zenith", "muon_azimuth", "muon_length")
ENERGY = "muon_energy"
SPACING_M = 125.0  # of strings on a triangular grid
# Row a of the grid -> its first and last string b, at x = 125 m (b + a/2), y = 125 m sqrt(3)/2 a (arXiv:2101.11589, section 3).
ROWS = {-4: (-1, 4), -3: (-2, 4), -2: (-3, 4), -1: (-4, 4), 0: (-5, 4), 1: (-5, 4), 2: (-5, 3), 3: (-5, 2), 4: (-5, 1), 5: (-5, -2)}

Rule = Literal["all_entering", "leading"]


def volume(name: Literal["cylinder", "convex_hull"]) -> Volume:
    """In which muons must stop: a cylinder of 500 m, or the hull of the array's outer strings on their ideal grid, |z| <= 500 m."""
    return DETECTOR if name == "cylinder" else ConvexHull.around(outer_strings_m())


def outer_strings_m() -> Array:
    """Both ends of the first and the last string of every row, (n, 3)."""
    ends = [(SPACING_M * (b + a / 2), SPACING_M * np.sqrt(3) / 2 * a, z) for a, row in ROWS.items() for b in row for z in (-500.0, 500.0)]
    return np.array(ends)


def labels(muons: Mapping[str, ak.Array], rule: Rule, inside: Volume) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(whether all muons that enter stop inside, and one does; number of muons that enter) by event; ``leading``: of the most energetic alone."""
    lists = {name: ak.fill_none(muons[name], [], axis=0) for name in TRACK}
    if rule == "leading":
        first = ak.argmax(ak.fill_none(muons[ENERGY], [], axis=0), axis=1, keepdims=True)
        lists = {name: ak.drop_none(values[first]) for name, values in lists.items()}
    number = np.asarray(ak.num(lists[TRACK[0]], axis=1))
    event = np.repeat(np.arange(len(number)), number)
    x, y, z, zenith, azimuth, length = (np.asarray(ak.flatten(lists[name]), dtype=float) for name in TRACK)
    origin = np.stack([np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)], axis=1)
    point = np.stack([x, y, z], axis=1)
    entering = enters(inside, point, -origin, length)
    found = stopping_events(entering, stops(inside, point, -origin, length), event, len(number))
    return found, np.bincount(event, weights=entering, minlength=len(number)).astype(np.int64)
