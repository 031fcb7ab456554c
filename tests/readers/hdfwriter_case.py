"""A small file of hdfwriter tables: six events, an object missing in two of them, filters, pulses, a tree of particles, tables of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from simulation.hdfwriter_writer import EventKeys, TableContent, dom_table, write_hdfwriter

N = 6
ENERGY = np.array([1.5e3, 2e3, 0.0, 4e3, 5e3, 0.0])
HAS_RECO = np.array([True, True, False, True, True, False])
FILTERS = np.array([[1, 1], [1, 0], [0, 1], [0, 0], [1, 1], [1, 1]], np.uint8)
PULSES = [  # by event: (string, om, pmt), charges
    [((1, 5, 0), [1.0, 2.0]), ((36, 60, 0), [3.0])],
    [((36, 60, 0), [4.0, 5.0, 6.0])],  # the last photomultiplier of the event before
    [],
    [((36, 60, 1), [7.0]), ((36, 60, 0), [8.0])],
    [],  # no pulse map in this event at all
    [((86, 1, 0), [9.0, 10.0])],
]
HAS_PULSES = np.array([True, True, True, True, False, True])
MUONS = [[100.0], [20.0, 30.0], [], [5.0], [1.0, 2.0, 3.0], []]


def pulse_table() -> TableContent:
    doms = [dom for event in PULSES for dom, _ in event]
    charges = [charge for event in PULSES for _, listed in event for charge in listed]
    content = dom_table(
        [len(event) for event in PULSES],
        {name: np.array([dom[place] for dom in doms]) for place, name in enumerate(("string", "om", "pmt"))},
        [len(listed) for event in PULSES for _, listed in event],
        {"time": np.arange(len(charges)) * 10.0, "charge": np.array(charges)},
        units={"time": "ns", "charge": "PE"},
    )
    return TableContent(content.columns, content.counts, HAS_PULSES, content.units)


def contents(extra: float = 0.0) -> dict[str, TableContent]:
    seconds = np.arange(N, dtype=float) + extra
    return {
        "I3EventHeader": TableContent(
            {"time_start_mjd": 56000.0 + seconds}, units={"time_start_mjd": "days"}, meanings={"time_start_mjd": "start of event"}
        ),
        "Reco": TableContent({"energy": ENERGY + extra, "fit_status": np.arange(N, dtype=np.int32)}, exists=HAS_RECO, units={"energy": "GeV"}),
        "Offset": TableContent({"value": seconds}),
        "FilterMask": TableContent({"FSSFilter_13": FILTERS, "MuonFilter_13": FILTERS[::-1]}),
        "Pulses": pulse_table(),
        "Muons": TableContent({"energy": np.concatenate(MUONS), "pdg": np.full(7, 13, np.int32)}, counts=[len(event) for event in MUONS]),
    }


def write_case(path: Path, *, run: int = 2, stream: int = 3, extra: float = 0.0, livetime_s: float = 10.0) -> Path:
    per_file = {"ExpLivetime_livetime": TableContent({"value": np.array([livetime_s])}, units={"value": "s"})}
    keys = EventKeys.counted(N, run=run, stream=stream)
    keys.event[:] = [351, 351, 363, 364, 365, 366]  # one event in two sub-events
    keys.sub_event[1] = 1
    return write_hdfwriter(path, keys, contents(extra), per_file)


def changed(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replace_rows(file: h5py.File, name: str, rows: np.ndarray) -> None:
    """The same table with other rows."""
    attributes = dict(file[name].attrs)
    del file[name]
    file[name] = rows
    file[name].attrs.update(attributes)


def cut(name: str, count: int) -> Callable[[h5py.File], None]:
    """Keep the first ``count`` rows of a table."""
    return lambda file: replace_rows(file, name, file[name][:count])
