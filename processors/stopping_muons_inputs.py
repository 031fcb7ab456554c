"""Data sets of ``stopping_muons`` as inputs of the engine: files found or generated, livetimes, the preparation, a processor for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configs.command_line import Progress
from configs.errors import InputError
from configs.schema import MuonDataset, StoppingMuonsConfig
from data_info.files import find_file
from processors import source_code
from processors.chunks import DatasetInput, EventFile
from processors.stopping_muons import StoppingMuonsProcessor
from processors.stopping_muons_preparation import prepare
from processors.stopping_muons_setup import nominal, role_of, setup
from processors.stopping_muons_showers import file_labels
from readers.livetime import file_livetime_s, good_runs_livetime_s
from readers.source import SourceError


def muon_inputs(config: StoppingMuonsConfig, files: Mapping[str, tuple[EventFile, ...]], progress: Progress | None = None) -> list[DatasetInput]:
    """One input for each data set, given its files. Raises ``InputError`` for what is wrong with sets, livetimes and the simulation."""
    first = nominal(config)
    setups = {name: setup(config, name, file_labels([file.name for file in files[name]])) for name in config.datasets}
    abouts = {name: _metadata(config, name, [path for file in files[name] for path in file.paths]) for name in config.datasets}
    preparation = prepare(config, setups[first], files[first], progress)
    sources = source_code.relied_on(str(source_code.PROJECT / "processors" / "stopping_muons.py"))
    return [
        DatasetInput(
            name, dataset.kind, files[name], StoppingMuonsProcessor(setups[name], preparation), abouts[name],
            {"setup": setups[name].as_options(), "preparation": preparation.key}, sources,
        )
        for name, dataset in config.datasets.items()
    ]  # fmt: skip


def _metadata(config: StoppingMuonsConfig, name: str, paths: Sequence[str]) -> dict[str, Any]:
    """What the fits must know of a data set: its role, the livetime of data, the parameter that a systematic set varies."""
    dataset = config.datasets[name]
    about = {**dataset.metadata, "role": role_of(config, name), "level": dataset.level}
    if dataset.systematic is not None:
        about["systematic"] = dataset.systematic.model_dump()
    if dataset.snowstorm:
        about["snowstorm"] = list(dataset.snowstorm)
    if dataset.kind != "data":
        return about
    try:
        return {**about, "livetime_s": livetime_s(config, dataset, paths)}
    except SourceError as error:
        raise InputError(f"{config.source}: inputs.{name}: livetime: {error}") from None


def livetime_s(config: StoppingMuonsConfig, dataset: MuonDataset, paths: Sequence[str]) -> float:
    """Livetime of data: given in seconds, by a good-run list, or in the files."""
    if dataset.livetime_s is not None:
        return dataset.livetime_s
    if not isinstance(dataset.livetime, bool):
        return dataset.livetime
    if dataset.good_runs is not None:
        return good_runs_livetime_s(find_file(dataset.good_runs, config.source))
    return file_livetime_s(paths)
