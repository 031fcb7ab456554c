"""Hits of a chunk of events as flat arrays that share one array of offsets."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from processors.event_columns import Place
from readers.truehit import digitise


@dataclass(frozen=True, eq=False)
class Hits:
    """Event i has the hits ``offsets[i]`` to ``offsets[i + 1]``; times are the file's. ``pmt`` or ``time_ns`` is null where a file has none."""

    offsets: NDArray[np.int64]
    charge: NDArray[np.float32]
    pmt: NDArray[np.int32] | None
    time_ns: NDArray[np.float32] | None

    def __post_init__(self) -> None:
        """All arrays become read-only views, as memory maps are: compiled code exists once, not for each kind of array."""
        for name, values in list(vars(self).items()):
            if values is not None:
                view = np.require(values, requirements=["A", "C"]).view(np.ndarray)
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Hits of each event."""
        return np.diff(self.offsets)

    def event_of_hit(self) -> NDArray[np.int64]:
        """Position of the event of each hit."""
        return np.repeat(np.arange(len(self)), self.counts)


def flat_hits(events: ak.Array, smear_ns: float, place: Place) -> Hits:
    """The hits of events; single photons (hits without charge, but with ``parent``) are digitised first, times smeared by ``smear_ns``.

    Hits that lie in one piece of a file stay there: nothing is copied. Raises ``InputError`` for hits without charge.
    """
    hits = events["hits"]
    if "charge" not in hits.fields:
        if "parent" not in hits.fields:
            raise InputError(f"{place.filename}: hits have no charge (they have {', '.join(hits.fields)}); expected the fields pmt, charge, time")
        hits = digitise(hits, events["row"], smear_ns=smear_ns, seed=zlib.crc32(PurePath(place.filename).name.encode()))
    layout = ak.to_layout(hits)
    if not isinstance(layout, ak.contents.ListOffsetArray) or not isinstance(layout.content, ak.contents.RecordArray):
        layout = ak.to_packed(layout, highlevel=False)
        layout = layout if isinstance(layout, ak.contents.ListOffsetArray) else layout.to_ListOffsetArray64(True)
    offsets = np.asarray(layout.offsets.data).astype(np.int64, copy=False)
    first, last = int(offsets[0]), int(offsets[-1])

    def field(name: str, dtype: type) -> NDArray[Any]:
        return np.ascontiguousarray(ak.to_numpy(layout.content[name])[first:last], dtype=dtype)

    pmt = field("pmt", np.int32) if "pmt" in hits.fields else None
    return Hits(offsets - first, field("charge", np.float32), pmt, field("time", np.float32) if "time" in hits.fields else None)
