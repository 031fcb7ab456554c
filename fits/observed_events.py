"""The selected data events one by one, as the processor keeps them, and the bin of the response that each lies in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from configs.diffuse import CustomBinning
from configs.errors import InputError
from fits.exposure import Account, datasets_of
from physics.binning import binning, to_official_order
from processors.kept_events import EVENTS
from records.tables import Table, TablesByDataset, concatenate

ROW = "row"  # column added here: index into the bins of the response


def observed_events(tables: TablesByDataset, account: Account, choice: str | CustomBinning, counts: NDArray[np.int64]) -> Table | None:
    """The kept events of all data sets of kind data, with the column ``row``; None where they were not kept.

    ``counts`` (bins,): of the histograms. Raises ``InputError`` when the events are not those that the histograms count.
    """
    names = list(datasets_of(account, "data"))
    if not names or any(EVENTS not in tables.get(name, {}) for name in names):
        return None
    table = concatenate([tables[name][EVENTS] for name in names])
    row = own_order(choice)[table["bin"]]
    if not np.array_equal(np.bincount(row, minlength=len(counts)), counts):
        raise InputError(
            f"the table of events ({len(table)} rows) does not hold the events that the histograms count ({counts.sum()}); run run_processor.py again"
        )
    return Table({**table.columns, ROW: row})


def own_order(choice: str | CustomBinning) -> NDArray[np.intp]:
    """Official flat index -> index into ``Response.bins`` (channel outermost, then third axis ascending, then energy)."""
    channels, offset = binning(choice), 0
    numbers: dict[str, NDArray[np.intp]] = {}
    for name, channel in channels.items():
        n_energy, n_third = channel.shape
        numbers[name] = offset + np.arange(n_energy * n_third).reshape(n_third, n_energy).T
        offset += n_energy * n_third
    return to_official_order(channels, numbers).astype(np.intp)


def short_names(files: NDArray[np.str_]) -> list[str]:
    """The last parts of each path, as many as tell the files apart.

    >>> short_names(np.array(["/a/x/HESE.json", "/a/y/HESE.json", "/a/x/HESE.json"]))
    ['x/HESE.json', 'y/HESE.json', 'x/HESE.json']
    """
    different = sorted(set(files.tolist()))
    parts = {file: file.replace("\\", "/").split("/") for file in different}
    length = 1
    while len({tuple(one[-length:]) for one in parts.values()}) < len(different):
        length += 1
    names: Mapping[str, str] = {file: "/".join(one[-length:]) for file, one in parts.items()}
    return [names[file] for file in files.tolist()]
