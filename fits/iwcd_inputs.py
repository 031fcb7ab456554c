"""What the fits of ``iwcd`` read: event tables that the processor left, outputs of classifiers, columns of .npz files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs import iwcd
from configs.errors import InputError, nearest
from configs.schema import IwcdConfig
from data_info import catalogue
from fits.classifier.event_table import with_vertex_variables
from fits.classifier.rows import order_rows
from fits.spectrum_choice import find_file
from physics.tank import Tank
from processors.iwcd_columns import tank_of
from readers.classifier_outputs import read_classifier_outputs, read_positions
from readers.plain_arrays import read_npz
from records.provenance import file_identity, value_digest
from records.tables import load_table, table_path

Columns = dict[str, NDArray[Any]]

EVENTS = "events"  # the processor's table
SELECTED = "selected"  # its column: passes processor.selection
PREDICTED = "predicted"  # observable: number of the predicted class
ENDINGS = (".npy", ".npz")


@dataclass(frozen=True)
class Sample:
    """Columns of equal length and the files they came from; ``n_rows``: events before the selection."""

    columns: Columns
    paths: tuple[Path, ...]
    n_rows: int

    def take(self, rows: slice) -> Sample:
        """Some of the rows."""
        return Sample({name: values[rows] for name, values in self.columns.items()}, self.paths, self.n_rows)


@dataclass(frozen=True)
class Inputs:
    """The configuration and the account of its processor's run (content of processing.json; None: no data set was processed)."""

    config: IwcdConfig
    account: Mapping[str, Any] | None = None

    @property
    def partial(self) -> bool:
        """Whether the run that left the tables was incomplete."""
        return self.account is not None and not self.account["complete"]

    @property
    def labels(self) -> Mapping[int, str]:
        """Names of class codes in files."""
        return self.processor.labels

    @property
    def processor(self) -> iwcd.Processor:
        """Options of our processor; the defaults where the user's own runs."""
        return self.config.processor if isinstance(self.config.processor, iwcd.Processor) else iwcd.Processor()

    @property
    def tank(self) -> Tank:
        """The configured tank."""
        return tank_of(self.processor.tank)

    def events(self, name: str, where: str, *, every_one: bool = False) -> Sample:
        """The selected events of a data set, or every one. Raises InputError for an unknown name, no table, a selection that keeps nothing."""
        path = self.table(name, where)
        table = load_table(path)
        every = len(table)
        if SELECTED in table and not every_one:
            table = table.select(table[SELECTED])
        if len(table) == 0:
            raise InputError(f"{where}: the selection keeps 0 of {every} events of {name!r}; loosen processor.selection")
        return Sample(dict(table.columns), (path,), every)

    def table(self, name: str, where: str) -> Path:
        """Where the events of a data set are. Raises InputError for an unknown name."""
        if name not in self.config.datasets:
            known = nearest(name, self.config.datasets) if self.config.datasets else " (it has none)"
            raise InputError(f"{where}: {name!r} is not a data set of the configuration{known}")
        return table_path(self.config.output, name, EVENTS)

    def single_file(self, name: str) -> bool:
        """Whether rows of a data set's table are rows of one file."""
        return self.account is not None and self.account["datasets"].get(name, {}).get("files") == 1

    def file(self, name: str) -> Path:
        """A file below the output directory, beside the configuration, in the working directory, or of the catalogue."""
        return own if (own := self.config.output / name).is_file() else find_file(name, self.config.source)

    def folder(self, name: str, where: str) -> Path:
        """A directory in the same places; one of the catalogue is completed by download. Raises InputError naming the places."""
        places = [root / name for root in (self.config.output, self.config.source.parent, Path())]
        for place in places:
            if place.is_dir():
                return place
        if any(entry.startswith(f"{name.rstrip('/')}/") for entry in catalogue.entries()):
            return catalogue.resolve_folder(name)
        if (in_data := catalogue.data_dir() / name).is_dir():
            return in_data
        looked = ", ".join(dict.fromkeys(str(place) for place in [*places, in_data]))
        raise InputError(f"{where}: no directory {name!r}; looked for {looked}, and it is no folder of the catalogue of public data")


def is_fitqun(outputs: str) -> bool:
    """Whether outputs are a file of fiTQun, not the directory of a network."""
    return outputs.endswith(".root")


def check_sources(inputs: Inputs, ours: str) -> None:
    """Find everything that the fits name before the first of them runs.

    Outputs below the folder ``ours`` are made by the fits themselves; a public .npz file that cannot be had is that fit's own failure.
    """
    for name, options in inputs.config.fits.items():
        where = f"fits.{name}"
        if isinstance(options, iwcd.Performance):
            if options.dataset is not None:
                inputs.table(options.dataset, f"{where}.dataset")
            for file in (options.positions, options.split_file):
                if file is not None:
                    inputs.file(file)
            if is_fitqun(options.outputs):
                inputs.file(options.outputs)
            elif not options.outputs.startswith(f"{ours}/"):
                inputs.folder(options.outputs, f"{where}.outputs")
        elif isinstance(options, iwcd.Discriminant | iwcd.Response | iwcd.Generator):
            inputs.table(options.dataset, f"{where}.dataset")
        else:
            _check_samples(inputs, options, where)


def _check_samples(inputs: Inputs, options: iwcd.Fractions | iwcd.Scale, where: str) -> None:
    refuse_same(options.templates, options.data, options.allow_same, where)
    for key in ("templates", "data"):
        source = getattr(options, key)
        if isinstance(options, iwcd.Scale) and source not in inputs.config.datasets and source.endswith(".npz"):
            with suppress(catalogue.Unavailable):
                inputs.file(source)
        elif isinstance(options, iwcd.Fractions) and source not in inputs.config.datasets and options.templates == options.data:
            inputs.folder(source, f"{where}.{key}")
        else:
            inputs.table(source, f"{where}.{key}")


def classified(inputs: Inputs, options: iwcd.Fractions, where: str) -> Sample:
    """Outputs of a classifier as events with particle and ``predicted``, in order of index."""
    folder = inputs.folder(options.templates, where)
    rows = order_rows(read_classifier_outputs(folder), options.classes)
    particle = np.array(options.classes)[rows.labels]
    return Sample({PREDICTED: rows.predictions, "particle": particle, "row": rows.indices}, array_files(folder), len(rows))


def numbers(inputs: Inputs, name: str, where: str) -> Sample:
    """A data set's events, or the arrays of an .npz file."""
    if name in inputs.config.datasets or not name.endswith(".npz"):
        return inputs.events(name, where)
    path = inputs.file(name)
    arrays = {key: values for key, values in read_npz(path).items() if values.ndim == 1}
    if not arrays or len({len(values) for values in arrays.values()}) != 1:
        raise InputError(f"{where}: {path} has no columns of one length ({', '.join(arrays) or 'none'}); give arrays energy and nhits")
    return Sample(arrays, (path,), len(next(iter(arrays.values()))))


def located(inputs: Inputs, name: str) -> Sample:
    """Rows, labels and vertices of a file of positions."""
    path = inputs.file(name)
    columns = with_vertex_variables(read_positions(path), inputs.tank)
    return Sample(columns, (path,), len(columns["row"]))


def halves(sample: Sample) -> tuple[Sample, Sample]:
    """Even and odd rows: template and data that share no event."""
    return sample.take(slice(0, None, 2)), sample.take(slice(1, None, 2))


def refuse_same(templates: str, data: str, allow_same: bool, where: str) -> None:
    """One sample as template and as data needs to be asked for."""
    if templates == data and not allow_same:
        raise InputError(f"{where}: {data!r} is both template and data; set allow_same: true to take even rows as template and odd rows as data")


def array_files(folder: Path) -> tuple[Path, ...]:
    """The arrays of a directory of outputs."""
    return tuple(path for path in sorted(folder.iterdir()) if path.suffix in ENDINGS)


def digest(paths: Sequence[Path]) -> str:
    """One digest of the content of files."""
    return value_digest(sorted({path.name: file_identity(path)["sha256"] for path in paths}.items()))
