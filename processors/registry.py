"""Builds the processor of a run: the analysis' own, or a class of the user's from a file beside the configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coffea.processor import ProcessorABC

from configs.errors import InputError
from configs.schema import Config, UserProcessor, as_json
from processors import source_code
from processors.user_code import load_class

LAYOUT_OF_FORMAT = {"hese_json": "release", "toy_json": "toy", "surrogate": "surrogate"}  # form of diffuse events, known before they are read


@dataclass(frozen=True)
class Built:
    """A processor with what the journal must know of it: its options as JSON values and the source files it relies on."""

    processor: ProcessorABC
    options: Any
    source_files: tuple[Path, ...]
    folder: Path | None = None  # where the user's own modules lie


def build(config: Config, dataset: str) -> Built:
    """The processor for one data set of a configuration. Raises ``InputError`` naming the class, the file looked at and the cure."""
    options = getattr(config, "processor", None)
    if isinstance(options, UserProcessor):
        return _user_processor(options, config.source)
    processor = ANALYSES[config.analysis](config, dataset)
    module = sys.modules[type(processor).__module__]
    own: Any = as_json(config).get("processor")
    tables = getattr(processor, "tables_digest", None)  # of files that the processor reads besides events
    return Built(processor, own if tables is None else {**own, "tables": tables}, source_code.relied_on(module.__file__))


def _diffuse(config: Any, dataset: str) -> ProcessorABC:
    from processors.diffuse import DiffuseProcessor
    from processors.diffuse_checks import check_dataset, tables_folder

    check_dataset(config, dataset)
    return DiffuseProcessor(config.processor, layout=LAYOUT_OF_FORMAT.get(config.datasets[dataset].format), tables=tables_folder(config, dataset))


def _iwcd(config: Any, dataset: str) -> ProcessorABC:
    from processors.iwcd import IwcdProcessor  # brings compiled code: imported for this analysis only

    about = config.datasets[dataset]
    given = {name: about.metadata.get(name) for name in ("particle", "weight")}
    return IwcdProcessor(config.processor, name=dataset, kind=about.kind, **given)


def _pmt_gain(config: Any, dataset: str) -> ProcessorABC:
    raise InputError(
        f"{config.source}: datasets.{dataset}: waveforms are processed point by point, each with its own plan; the inputs of a run come from "
        f"processors.inputs.dataset_inputs"
    )


def _dark_matter(config: Any, dataset: str) -> ProcessorABC:
    from processors.dark_matter import DarkMatterProcessor
    from processors.dark_matter_checks import check_dataset

    check_dataset(config, dataset)
    about = config.datasets[dataset]
    return DarkMatterProcessor(config.processor, kind=about.kind, season=about.season, seed=config.seed)


def _stopping_muons(config: Any, dataset: str) -> ProcessorABC:
    raise InputError(
        f"{config.source}: datasets.{dataset}: trees are trained with the simulation before data sets are processed; the inputs of a run come from "
        f"processors.inputs.dataset_inputs"
    )


def _user_processor(options: UserProcessor, config_file: Path) -> Built:
    where = f"{config_file}: processor.class: {options.class_}"
    folder = config_file.parent.resolve()
    found = load_class(options.class_, folder, where, example="my_module.MyProcessor")
    file = sys.modules[options.class_.rpartition(".")[0]].__file__
    if not issubclass(found, ProcessorABC):
        raise InputError(f"{where}: {found.__name__} in {file} is not a processor; derive it from coffea.processor.ProcessorABC")
    try:
        processor = found(**options.options)
    except Exception as error:
        raise InputError(
            f"{where}: {found.__name__} of {file} cannot be made with the options {options.options} ({type(error).__name__}: {error}); "
            f"processor.options are its keyword arguments"
        ) from error
    return Built(processor, {"class": options.class_, "options": options.options}, source_code.relied_on(file, folder), folder)


ANALYSES: dict[str, Callable[[Any, str], ProcessorABC]] = {
    "diffuse": _diffuse, "iwcd": _iwcd, "pmt_gain": _pmt_gain, "dark_matter": _dark_matter, "stopping_muons": _stopping_muons,
}  # fmt: skip
