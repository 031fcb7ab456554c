"""What the file tells of each event, as columns: names, energies, vertex, direction, distances to the wall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from configs import iwcd
from configs.errors import InputError, nearest
from physics.particles import MASS_MEV, UNKNOWN, momentum, particle_names, visible_energy
from physics.tank import Tank, angles_from_direction, direction_from_angles, dwall, preset, towall
from processors.event_columns import Place

Array = NDArray[Any]
Columns = dict[str, Array]

FLOATS = ("energy", "x", "y", "z", "theta", "phi")
REQUIRED = ("row", "label", "event_id", *FLOATS, "hits")
FLAGS = {"veto": "veto", "veto2": "veto2", "contained": "fully_contained"}  # our name -> the file's; columns only where the file has them
RECO = {name: f"reco_{name}" for name in ("x", "y", "z", "theta", "phi")}  # of the feature set "reco"


@dataclass(frozen=True)
class Truth:
    """What a configuration says of particles: names of class codes, the particle of files without labels, energies at which light begins (MeV)."""

    labels: Mapping[int, str]
    thresholds_mev: Mapping[str, float]
    particle: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that an event can have: those of the label map in its order, and ``unknown``."""
        return tuple(dict.fromkeys([*self.labels.values(), UNKNOWN]))

    def check(self) -> None:
        """Refuse names without a threshold and a particle that is no label with ``InputError``."""
        for code, name in self.labels.items():
            if name != UNKNOWN and name not in self.thresholds_mev:
                raise InputError(
                    f"processor.labels: {code}: {name!r} has no threshold{nearest(name, self.thresholds_mev)}; add it to processor.thresholds_mev"
                )
        if self.particle is not None and self.particle not in self.labels.values():
            raise InputError(f"metadata.particle: {self.particle!r} is not in processor.labels{nearest(str(self.particle), self.labels.values())}")

    def particles(self, label: Array) -> NDArray[np.str_]:
        """Name of each event's particle; events with an unknown label are what ``particle`` says. ``InputError`` where labels say otherwise."""
        names = particle_names(label, self.labels)
        if self.particle is None:
            return names
        others = np.unique(names[(names != UNKNOWN) & (names != self.particle)])
        if len(others):
            raise InputError(f"metadata.particle is {self.particle!r}, but there are labels of {', '.join(others)}; leave particle out for this file")
        return np.where(names == UNKNOWN, self.particle, names)


def tank_of(options: iwcd.Tank) -> Tank:
    """The tank of a configuration: a preset, of which either length may be replaced, or both lengths. Raises ``InputError`` when one is missing."""
    given = preset(options.preset) if options.preset else None
    radius_cm = options.radius_cm or (given.radius_cm if given else None)
    half_height_cm = options.half_height_cm or (given.half_height_cm if given else None)
    if radius_cm is None or half_height_cm is None:
        raise InputError("processor.tank: no preset, so give radius_cm and half_height_cm")
    return Tank(radius_cm, half_height_cm)


def numbers(events: ak.Array, names: Sequence[str]) -> Columns:
    """Columns of numbers as arrays."""
    return {name: np.asarray(ak.to_numpy(events[name])) for name in names}


def weights(events: ak.Array, name: str, place: Place) -> NDArray[np.float64]:
    """The column of weights ``name``, one number for each event. Raises ``InputError`` for anything else."""
    values = np.asarray(ak.to_numpy(events[name]))
    if values.size != len(events) or values.dtype.kind not in "iuf":
        raise InputError(f"{place.filename}: metadata.weight: column {name!r} holds {events[name].type}, not one number for each event")
    return values.reshape(len(events)).astype(np.float64)


def event_columns(events: ak.Array, particle: NDArray[np.str_], truth: Truth, tank: Tank, place: Place) -> Columns:
    """The columns of the event table that need no hits; energies in MeV, lengths in cm, angles in rad. Flags that the file lacks are absent."""
    file = numbers(events, ("row", "label", "event_id", *FLOATS))
    position, direction = vertices(file)
    names = list(truth.names)
    threshold = by_name(particle, {name: truth.thresholds_mev.get(name, np.nan) for name in names})
    mass = by_name(particle, {name: MASS_MEV.get(name, np.nan) for name in names})
    flags = {ours: np.asarray(events[theirs]).astype(bool) for ours, theirs in FLAGS.items() if theirs in events.fields}
    return {
        "row": file["row"].astype(np.int64), "file": np.full(len(events), place.filename), "root_file": _root_files(events),
        "event_id": file["event_id"].astype(np.int64), "label": file["label"].astype(np.int64), "particle": particle,
        "energy": file["energy"].astype(np.float64), "evis": visible_energy(file["energy"], threshold),
        "momentum": momentum(file["energy"], mass), "x": position[:, 0], "y": position[:, 1], "z": position[:, 2],
        "r2": position[:, 0] ** 2 + position[:, 2] ** 2, "cos_zenith": direction[:, 1], "azimuth": angles_from_direction(direction)[1],
        "dwall": dwall(position, tank), "towall": towall(position, direction, tank), **flags,
    }  # fmt: skip


def vertices(columns: Mapping[str, Array]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vertex (n, 3) in cm and unit direction (n, 3) from x, y, z and the angles theta to the y axis and phi = atan2(d_z, d_x)."""
    position = np.stack([columns[name].astype(np.float64) for name in ("x", "y", "z")], axis=1)
    return position, direction_from_angles(columns["theta"], columns["phi"])


def by_name(particle: NDArray[np.str_], values: Mapping[str, float]) -> NDArray[np.float64]:
    """The value of each event's particle, NaN for names without one."""
    found = np.full(particle.shape, np.nan)
    for name, value in values.items():
        found[particle == name] = value
    return found


def _root_files(events: ak.Array) -> NDArray[np.str_]:
    """Names of the simulation's files without folders (with event_id the key of an event); empty where the file does not tell."""
    if "root_file" not in events.fields:
        return np.full(len(events), "")
    paths, places = np.unique(np.array(ak.to_list(events["root_file"]), dtype=np.str_), return_inverse=True)
    return np.array([PurePath(str(path)).name for path in paths] or [""])[places.reshape(-1)]
