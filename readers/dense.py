"""Dense images of events: ``event_data`` in place of lists of hits; a hit is a charge above 0.

The shape tells the layout: (16, 40, 38) barrel of the tall tank; (40, 40, 38) with caps; (29, 40, 19 or 38) short tank; (75, 75, 2) 20-inch PMTs;
(27, 27, 38) multi-PMT modules of the far detector; (n, 8) points q, t, x, y, z, dx, dy, dz padded with zeros. Which PMT a cell holds is known for
(16, 40); for other grids of modules a file ``mpmt_image_positions.npz`` beside the data gives it (row and column of each module). Without it hits
have charge and time but no ``pmt``: sums over events work, maps of the tank do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
from numpy.typing import NDArray

from readers.columns import ColumnSource
from readers.dense_grid import DENSE_CHANNELS, DENSE_PLACES, MAPPED_GRID, mapped_modules, modules_of_cells
from readers.digihit import event_columns, event_count, file_attributes, refuse_tree
from readers.digihit_layout import GRID, datasets
from readers.events import LazyColumn
from readers.files import is_url
from readers.hdf5 import check_filled, open_file
from readers.source import SourceError
from readers.time_origin import time_origin

POSITIONS_FILE = "mpmt_image_positions.npz"
BLOCK_EVENTS = 256  # images in memory at a time (25 MB of the barrel's)
SAMPLE_EVENTS = BLOCK_EVENTS  # that tell the time convention
POINT_FIELDS = ("charge", "time", "x", "y", "z", "dx", "dy", "dz")
GRIDS = {(40, 40): "tall tank with caps", (29, 40): "short tank", (75, 75): "20-inch PMTs", (27, 27): "multi-PMT modules", MAPPED_GRID: "barrel"}
CHANNELS = {(75, 75): (2,), (29, 40): (DENSE_PLACES, DENSE_CHANNELS)}


@dataclass(frozen=True)
class Image:
    """How the image of an event holds charges, times and PMTs. ``modules`` of each cell (-1: none), null where unknown."""

    dataset: h5py.Dataset
    fields: tuple[str, ...]
    modules: NDArray[np.int64] | None = None

    @property
    def form(self) -> ak.forms.Form:
        """Lists of hits with the fields that the image holds."""
        contents = [ak.forms.NumpyForm("int32" if name == "pmt" else "float32") for name in self.fields]
        return ak.forms.ListOffsetForm("i64", ak.forms.RecordForm(contents, list(self.fields)))


def open_dense(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a file of dense images. The columns are those of digihit files (no veto), hits in the order of PMTs or cells.

    Raises ``SourceError`` for a shape of ``event_data`` that is none of the known layouts.
    """
    (path,) = paths
    refuse_tree(path, tree, "dense")
    with ExitStack() as stack:
        file = stack.enter_context(open_file(path))
        found = datasets(path, file, "dense")
        events = event_count(path, found)
        image, unreadable = _image(path, found[GRID], events)
        columns, others = event_columns(path, found, events)
        hits = LazyColumn("hits", image.form, partial(_hits, path, image), meaning="hits of the image: charge above 0")
        columns.append(hits)
        if "time" in image.fields:
            load = partial(_time_zero, path, hits, events)
            columns.append(LazyColumn("time_zero", ak.forms.NumpyForm("float64"), load, unit="ns", meaning="what to subtract from hit times"))
        attributes = file_attributes(file)
        return ColumnSource(path, events, columns, attributes=attributes, unreadable=others | unreadable, close=stack.pop_all().close)


def _image(path: str, dataset: h5py.Dataset, events: int) -> tuple[Image, dict[str, str]]:
    shape = dataset.shape
    if shape[0] != events:
        raise SourceError(f"{path}: labels has {events} rows, {GRID} {shape[0]}; all have one for each event: write the file again")
    if len(shape) == 3 and shape[2] == len(POINT_FIELDS):
        return Image(dataset, POINT_FIELDS), {"hits.pmt": "points have places in the tank, but no PMT numbers"}
    grid, channels = shape[1:3], shape[-1]
    if len(shape) != 4 or grid not in GRIDS or channels not in CHANNELS.get(grid, (DENSE_CHANNELS,)):
        known = "; ".join(f"(N, {rows}, {columns}, {CHANNELS.get((rows, columns), (DENSE_CHANNELS,))[-1]})" for rows, columns in GRIDS)
        raise SourceError(f"{path}: {GRID} of shape {shape} is none of the known layouts: {known}; (N, n, {len(POINT_FIELDS)})")
    fields = ("charge",) if channels == DENSE_PLACES else ("charge", "time")
    if channels == 2:
        return Image(dataset, fields), {"hits.pmt": f"the {GRIDS[grid]} of a grid {grid} are not numbered; sums over events work"}
    modules = mapped_modules() if grid == MAPPED_GRID else _given_modules(path, grid)
    if modules is None:
        reason = (
            f"which module a cell of {grid} ({GRIDS[grid]}) holds is not known; put {POSITIONS_FILE} (row, column of each module) beside the file"
        )
        return Image(dataset, fields), {"hits.pmt": f"{reason}; sums over events (charge, hits, time) work without it"}
    return Image(dataset, ("pmt", *fields), modules), {}


def _given_modules(path: str, grid: tuple[int, int]) -> NDArray[np.int64] | None:
    """The modules of a grid's cells from the file beside the data, if there is one. Raises ``SourceError`` when it does not fit."""
    beside = Path(path).parent / POSITIONS_FILE
    if is_url(path) or not beside.is_file():
        return None
    try:
        with np.load(beside, allow_pickle=False) as content:
            cells = np.asarray(content[content.files[0]])
    except (ValueError, OSError, IndexError) as error:
        raise SourceError(f"{beside}: cannot be read ({error}); it holds one array (modules, 2) of rows and columns") from None
    if cells.ndim != 2 or cells.shape[1] != 2 or cells.dtype.kind not in "iu" or np.any(cells < 0) or np.any(cells >= np.array(grid)):
        raise SourceError(f"{beside}: array {cells.dtype} of shape {cells.shape} is not the row and column in {grid} of each module")
    if len(np.unique(cells, axis=0)) != len(cells):
        raise SourceError(f"{beside}: two modules share a cell; each has its own row and column")
    return modules_of_cells(cells.astype(np.int64), grid)


def _hits(path: str, image: Image, start: int, stop: int) -> Any:
    check_filled(path, image.dataset)
    blocks = [_block(image, first, min(first + BLOCK_EVENTS, stop)) for first in range(start, stop, BLOCK_EVENTS)] or [_block(image, start, start)]
    counts = np.concatenate([block[0] for block in blocks])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    contents = [ak.contents.NumpyArray(np.concatenate(parts)) for parts in zip(*(block[1] for block in blocks), strict=True)]
    return ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.RecordArray(contents, list(image.fields), length=int(offsets[-1])))


def _block(image: Image, start: int, stop: int) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
    """Hits of each event (their number) and the values of their fields."""
    content = np.asarray(image.dataset[start:stop], dtype=np.float32)
    if image.fields == POINT_FIELDS:
        event, place = np.nonzero(content[..., 0] > 0)
        columns: list[NDArray[Any]] = [content[event, place, number] for number in range(len(POINT_FIELDS))]
    else:
        event, columns = _cells(content, image)
    return np.bincount(event, minlength=stop - start), columns


def _cells(content: NDArray[np.float32], image: Image) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
    """Event of each hit and the values of its fields; hits of an event in the order of their PMTs where these are known."""
    places = content.shape[-1] // 2 if "time" in image.fields else content.shape[-1]
    event, row, column, place = np.nonzero(content[..., :places] > 0)
    fields = [content[event, row, column, place]]
    if "time" in image.fields:
        fields.append(content[event, row, column, places + place])
    if image.modules is None:
        return event, fields
    pmt = (image.modules[row, column] * DENSE_PLACES + place).astype(np.int32)
    inside = image.modules[row, column] >= 0
    order = np.lexsort((pmt, event))
    order = order[inside[order]]
    return event[order], [values[order] for values in (pmt, *fields)]


def _time_zero(path: str, hits: LazyColumn, events: int, start: int, stop: int) -> NDArray[np.float64]:
    loaded = hits.load(0, min(events, SAMPLE_EVENTS))
    times = np.asarray(loaded.content["time"].data)
    return np.full(stop - start, time_origin(times, np.asarray(loaded.offsets.data), path).offset_ns)
