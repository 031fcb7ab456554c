"""Data sets of the analysis ``pmt_gain`` as inputs of the engine: one for each point, its files found or fetched, its plan made."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from configs.command_line import Progress
from configs.errors import InputError
from configs.pmt_gain import Processor
from configs.schema import PmtDataset, PmtGainConfig, UserProcessor, as_json
from data_info.catalogue import series_of
from data_info.pmt_files import Located, copy_roots, locate
from data_info.pmt_point import Point
from data_info.pmt_points import points
from data_info.remote_cache import fetch_all
from data_info.remote_files import cache_folder
from processors import source_code
from processors.chunks import DatasetInput, EventFile
from processors.pmt_duplicates import refuse_duplicates
from processors.registry import build
from readers.registry import BATCHED
from readers.source import SourceError

PACKED = (".parquet", ".pq")
PLAN_FILES = 100  # whose triggers make the plan of a point
CURE = "bring the files (root: names the folder of a copy), raise max_missing_fraction, or leave the points out by pmts or hv_v"
NAMED, LISTED = 3, 5  # missing files of a point, points with missing files: in a message


@dataclass(frozen=True)
class Found:
    """A point with its files on this machine, and what could not be had: name -> reason."""

    point: Point
    dataset: str
    files: tuple[str, ...]
    missing: Mapping[str, str]


def point_inputs(config: PmtGainConfig, progress: Progress | None = None) -> list[DatasetInput]:
    """One data set for each point of every data set of the configuration.

    Examples are generated and URLs fetched when absent. Raises ``InputError`` for what is wrong with tables and choices, for more missing files
    than ``max_missing_fraction`` of a point, files that are there twice, points without a readable file, and LED-off points without LED.
    """
    found = [one for name in config.datasets for one in _found(config, name, progress)]
    _refuse_repeated(config, found)
    _refuse_missing(config, found)
    refuse_duplicates({one.point.name: one.files for one in found})
    if isinstance(config.processor, UserProcessor):
        return [_with_own_processor(config, one) for one in found]
    plans = _plans(config, config.processor, found)
    return _planned(config, config.processor, found, plans)


def _found(config: PmtGainConfig, name: str, progress: Progress | None) -> list[Found]:
    dataset = config.datasets[name]
    chosen = points(config, name, _generated(config, name))
    located = [locate(point, copy_roots(dataset, chosen, config.source)) for point in chosen]
    fetched = _fetched(dataset, [url for one in located for url in one.urls], progress)
    return [_with_files(name, one, fetched) for one in located]


def _generated(config: PmtGainConfig, name: str) -> Path | None:
    """The table of runs of a generated data set, beside its files."""
    if config.datasets[name].example is None:
        return None
    from simulation.registry import generate

    (table,) = generate(config, name, config.output / "example")
    return table


def _fetched(dataset: PmtDataset, urls: Sequence[str], progress: Progress | None) -> Mapping[str, Any]:
    if not urls:
        return {}
    return fetch_all(urls, cache_folder(dataset), dataset.remote, progress)


def _with_files(dataset: str, located: Located, fetched: Mapping[str, Any]) -> Found:
    local = [fetched.get(name, Path(name)) for name in located.files]
    missing = dict.fromkeys(located.missing, "no such file")
    missing |= {name: str(got) for name, got in zip(located.files, local, strict=True) if not isinstance(got, Path)}
    return Found(located.point, dataset, tuple(str(path) for path in local if isinstance(path, Path)), missing)


def _refuse_repeated(config: PmtGainConfig, found: Iterable[Found]) -> None:
    owners: dict[str, str] = {}
    for one in found:
        if one.point.name in owners:
            raise InputError(
                f"{config.source}: datasets.{one.dataset}: the point {one.point.name} is also in datasets.{owners[one.point.name]}; leave it out of "
                f"one by pmts or hv_v, or give all its files to one"
            )
        owners[one.point.name] = one.dataset


def _refuse_missing(config: PmtGainConfig, found: Iterable[Found]) -> None:
    """Refuse points with more missing files than allowed, all in one message; warn of the others."""
    refused = []
    for one in (one for one in found if one.missing):
        total = len(one.files) + len(one.missing)
        text = f"{one.point.name}: {len(one.missing)} of {total} files are missing: {_named(one.missing)}"
        allowed = config.datasets[one.dataset].max_missing_fraction
        if len(one.missing) > allowed * total or not one.files:
            refused.append(f"datasets.{one.dataset}: {text}; max_missing_fraction is {allowed:g}")
        else:
            warnings.warn(text, stacklevel=2)
    if refused:
        more = [f"... and {len(refused) - LISTED} more points"] if len(refused) > LISTED else []
        raise InputError("\n".join([f"{config.source}: files are missing", *refused[:LISTED], *more, CURE, *_origins(found)]))


def _named(missing: Mapping[str, str]) -> str:
    """The first missing files of each reason, and how many more there are."""
    told = []
    for reason in dict.fromkeys(missing.values()):
        names = [name for name, why in missing.items() if why == reason]
        shown = [names[0], *(name.rpartition("/")[2] for name in names[1:NAMED])]
        told.append(f"{', '.join(shown)}{f' and {len(names) - NAMED} more' if len(names) > NAMED else ''} ({reason})")
    return "; ".join(told)


def _origins(found: Iterable[Found]) -> list[str]:
    """Where the catalogue says that missing files come from."""
    series = {one.base_url: one for name in (name for each in found for name in each.missing) if (one := series_of(name)) is not None}
    return [f"Files below {base} are known from {one.home}; {one.by_hand}" for base, one in series.items()]


def _plans(config: PmtGainConfig, options: Processor, found: Sequence[Found]) -> dict[str, Any]:
    """Plan of every point; LED-off points share that of their LED point."""
    made = {_key(one.point): _plan(config, options, one) for one in found if one.point.source == "led"}
    plans = {}
    for one in found:
        key = _key(one.point)
        if key not in made:
            raise InputError(
                f"{config.source}: datasets.{one.dataset}: {one.point.name} has no LED point {replace(one.point, source='led').name}, whose gate it "
                f"would take; add that point, or leave this one out"
            )
        plans[one.point.name] = made[key]
    return plans


def _key(point: Point) -> tuple[str, float, str, str]:
    """What an LED point and its partner with the LED off share."""
    return point.pmt, point.hv_v, point.light, point.level


def _plan(config: PmtGainConfig, options: Processor, one: Found) -> Any:
    from processors.pmt_plan import plan_point
    from readers import open_source

    reasons = []
    for file in _event_files(config, one, PLAN_FILES):
        try:
            with open_source(list(file.paths), file.format, tree=file.tree, columns=file.columns) as source:
                return plan_point(source, options, one.point.metadata)
        except SourceError as error:
            reasons.append(str(error))
    raise InputError(f"{one.point.name}: none of its {len(one.files)} files can be read; the first: {reasons[0]}")


def _planned(config: PmtGainConfig, options: Processor, found: Iterable[Found], plans: Mapping[str, Any]) -> list[DatasetInput]:
    from processors.pmt_gain import PmtGainProcessor

    source_files = source_code.relied_on(sys.modules[PmtGainProcessor.__module__].__file__)
    shared = as_json(config)["processor"]
    inputs = []
    for one in found:
        plan = plans[one.point.name]
        processor, metadata, depends_on = (
            PmtGainProcessor(options, plan),
            {**_metadata(one), **plan.numbers},
            {"processor": shared, "plan": asdict(plan)},
        )
        inputs.append(DatasetInput(one.point.name, _kind(config, one), _event_files(config, one), processor, metadata, depends_on, source_files))
    return inputs


def _with_own_processor(config: PmtGainConfig, one: Found) -> DatasetInput:
    built = build(config, one.dataset)
    metadata = _metadata(one)
    return DatasetInput(
        one.point.name, _kind(config, one), _event_files(config, one), built.processor, metadata, built.options, built.source_files, built.folder
    )


def _metadata(one: Found) -> dict[str, Any]:
    missing = {"missing_files": sorted(one.missing)} if one.missing else {}
    return {**one.point.metadata, "runs": one.dataset, **missing}


def _kind(config: PmtGainConfig, one: Found) -> str:
    return config.datasets[one.dataset].kind


def _event_files(config: PmtGainConfig, one: Found, batch: int | None = None) -> tuple[EventFile, ...]:
    """Batches of small files as one source each; files of another form (packed ones) are opened alone."""
    dataset = config.datasets[one.dataset]
    form = dataset.format or ("trc_processed" if getattr(config.processor, "allow_processed", False) else "trc")
    batched = [path for path in one.files if form in BATCHED and (dataset.format or not path.lower().endswith(PACKED))]
    others = set(one.files) - set(batched)
    alone = [path for path in one.files if path in others]
    step = batch or dataset.files_per_chunk
    batches = [EventFile(tuple(batched[start : start + step]), form) for start in range(0, len(batched), step)]
    return (*batches, *(EventFile((path,), dataset.format, dataset.tree, dataset.columns) for path in alone))
