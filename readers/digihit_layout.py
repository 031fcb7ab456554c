"""Names, types and meanings in the HDF5 files of the water-Cherenkov samples, and which of their layouts a file has.

[P] WatChMaL/DataTools (np_to_digihit_array_hdf5.py, np_to_truehit..., np_to_grid_hdf5.py), WatChMaL/WatChMaL (h5_dataset.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import h5py

from readers.files import reading
from readers.hdf5 import children
from readers.source import SourceError

EVENT_DATASETS = ("labels", "event_ids", "energies", "positions", "angles")
INDEX = "event_hits_index"
GRID = "event_data"
REQUIRED = {
    "digihit": (*EVENT_DATASETS, INDEX, "hit_pmt", "hit_charge", "hit_time"),
    "truehit": (*EVENT_DATASETS, INDEX, "hit_pmt", "hit_time", "hit_parent"),
    "dense": (*EVENT_DATASETS, GRID),
}
OPTIONAL = ("root_files", "veto", "veto2", "fully_contained")
FORMATS = tuple(REQUIRED)


@dataclass(frozen=True)
class EventColumn:
    """A column of events: entry ``place`` of each row (flattened) of a dataset."""

    dataset: str
    place: int | None  # None: the row is one value
    width: int  # values of a row
    dtype: str
    unit: str
    meaning: str


# Floats are given in double precision, so that what is computed from them does not lose what float32 leaves.
COLUMNS = {
    "label": EventColumn("labels", None, 1, "int32", "", "class code; -1: not known to the file's writer"),
    "event_id": EventColumn("event_ids", None, 1, "int32", "", "entry in root_file"),
    "energy": EventColumn("energies", 0, 1, "float64", "MeV", "total energy of the primary"),
    "x": EventColumn("positions", 0, 3, "float64", "cm", "vertex"),
    "y": EventColumn("positions", 1, 3, "float64", "cm", "vertex; y is vertical"),
    "z": EventColumn("positions", 2, 3, "float64", "cm", "vertex"),
    "theta": EventColumn("angles", 0, 2, "float64", "rad", "polar angle of the direction to y"),
    "phi": EventColumn("angles", 1, 2, "float64", "rad", "azimuth of the direction, atan2(d_z, d_x)"),
    "veto": EventColumn("veto", None, 1, "bool", "", "a track ends outside the tank"),
    "veto2": EventColumn("veto2", None, 1, "bool", "", "as veto, with the energy left after 2 MeV/cm"),
    "fully_contained": EventColumn("fully_contained", None, 1, "bool", "", "nothing above threshold crosses the wall"),
}
HIT_MEANINGS = "pmt (from 0), charge (photo-electrons), time (ns as in the file), parent (track, -1: dark noise)"


def recognised(names: Collection[str]) -> str | None:
    """The format whose datasets ``names`` look like; None for none of them."""
    if GRID in names and "labels" in names:
        return "dense"
    if INDEX not in names or not any(name.startswith("hit_") for name in names):
        return None
    return "truehit" if "hit_parent" in names and "hit_charge" not in names else "digihit"


def datasets(path: str, file: h5py.File, format_name: str) -> dict[str, h5py.Dataset]:
    """The datasets at the root. Raises ``SourceError`` naming those that the format needs and the file lacks."""
    with reading(path):
        found = {name: child for name, child in children(file).items() if isinstance(child, h5py.Dataset)}
    missing = [name for name in REQUIRED[format_name] if name not in found]
    if missing:
        looks = recognised(found)
        hint = f"{looks}, give format: {looks}" if looks and looks != format_name else f"{looks} that is not complete" if looks else "unknown"
        raise SourceError(f"{path}: missing dataset(s) {', '.join(missing)}; found: {', '.join(found) or 'none'}; looks like {hint}")
    return found
