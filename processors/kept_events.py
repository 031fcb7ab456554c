"""The table of selected data events of the diffuse analysis: which entry of which file each is, and what was reconstructed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from configs.errors import InputError
from physics.binning import ChannelBinning, flat_index
from processors import response_fill
from processors.diffuse_layouts import Reco
from processors.diffuse_selection import Selected
from processors.event_columns import Place
from records.tables import Table

EVENTS = "events"  # name of the table
MOST_EVENTS = 100_000  # of a data set; a list of more is read by nobody


def kept_events(reco: Reco, selected: Mapping[str, Selected], channels: Mapping[str, ChannelBinning], place: Place) -> Table:
    """One row per event in the bins of a chunk, in the order of the file.

    Columns: ``file``; ``entry`` (from 0 in the file); ``channel``; ``energy_gev`` (deposited); ``coszen``; ``length_m`` (NaN where there is none);
    ``bin``, the flat index in the official order (``physics.binning.flat_index``). Raises ``InputError`` for more than ``MOST_EVENTS``.
    """
    where, names, flat = [], [], []
    for name, taken in selected.items():
        third, energy = np.divmod(taken.reco_index, channels[name].shape[0] + 2)
        inside = response_fill.in_bins(channels[name], taken.reco_index)
        where.append(taken.positions[inside])
        names.append(np.full(int(inside.sum()), name, dtype="<U8"))
        flat.append(flat_index(channels, name, energy[inside] - 1, third[inside] - 1))
    check_number(sum(map(len, where)), place.filename)
    at = np.concatenate(where).astype(np.int64)
    order = np.argsort(at)
    at = at[order]
    length_m = np.full(len(reco.morphology), np.nan) if reco.length_m is None else reco.length_m
    return Table(
        {
            "file": np.full(len(at), place.filename),
            "entry": at + place.entrystart,
            "channel": np.concatenate(names)[order],
            "energy_gev": np.asarray(reco.energy_gev, np.float64)[at],
            "coszen": np.asarray(reco.coszen, np.float64)[at],
            "length_m": np.asarray(length_m, np.float64)[at],
            "bin": np.concatenate(flat)[order].astype(np.int64),
        }
    )


def check_number(n_events: int, where: str) -> None:
    """Refuse to keep more events than anybody reads."""
    if n_events > MOST_EVENTS:
        raise InputError(
            f"{where}: {n_events} selected data events, more than the {MOST_EVENTS} that are kept one by one; set processor.keep_events: false "
            "(histograms and fits need no table of events)"
        )
