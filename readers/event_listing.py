"""The first events of a file as rows to be read: single values as they are, of lists how many, of hits what an event display would say."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import awkward as ak
import numpy as np

from configs.iwcd import Processor
from readers.columns import ColumnSource
from readers.source import SourceError

Row = dict[str, Any]


def list_events(source: ColumnSource, count: int, notes: list[str]) -> tuple[Row, ...]:
    """One row for each of the first ``count`` events; a column that cannot be read is added to ``notes``.

    Events with a ``label`` get the name of their particle (usual label map); ``hits`` become nhits, charge (p.e.), max_charge, first_time and
    last_time (ns, as in the file).
    """
    entries = min(count, len(source))
    rows: list[Row] = [{} for _ in range(entries)]
    for name in source.columns if entries else ():
        try:
            column = source.events(0, entries)[name]
            for row, told in zip(rows, [_told(name, value) for value in column], strict=True):
                row.update(told)
        except SourceError as error:
            notes.append(str(error))
    return tuple(rows)


def _told(name: str, value: Any) -> Row:
    if not isinstance(value, ak.Array):
        plain = value.item() if isinstance(value, np.generic) else value
        if name == "label":
            return {"label": plain, "particle": Processor().labels.get(plain, "unknown")}
        return {name: PurePath(plain).name if name == "root_file" else plain}
    if not value.fields:
        return {name: f"{len(value)} values"}
    of_hits: Row = {f"n{name}": len(value)}
    if "charge" in value.fields:
        of_hits |= {"charge": float(ak.sum(value.charge)), "max_charge": ak.max(value.charge)}
    if "time" in value.fields:
        of_hits |= {"first_time": ak.min(value.time), "last_time": ak.max(value.time)}
    return {key: one.item() if isinstance(one, np.generic) else one for key, one in of_hits.items()}
