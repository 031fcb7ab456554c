"""Which stage is out of date, and why: each stage depends on its part of the configuration, its inputs and its code.

After a stage has run, ``record`` adds to its part of the manifest what it depended on and what it left (``depends``, ``outputs``, and ``key``,
the digest of ``depends``). ``why_stale`` compares with the present state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.errors import InputError
from configs.schema import Config, Dataset, DiffuseConfig, PmtDataset, as_json
from configs.stopping_muons import fitted_options, processed_options
from data_info.catalogue import entry
from data_info.files import find_files, search_roots
from data_info.joint_samples import joined_files
from data_info.pmt_files import files_of_runs
from data_info.remote_files import is_fetched, place_of
from data_info.remote_stream import can_stream, look_all
from records.manifest import load_manifest, update_manifest
from records.provenance import file_identity, package_versions, source_digest, value_digest
from records.tables import table_paths

SECTIONS = {
    "process": ("analysis", "seed", "datasets", "processor"),
    "fit": ("analysis", "seed", "datasets", "processor", "fits", "compare"),
    "plot": ("analysis", "name", "datasets", "processor", "fits", "compare", "plots"),
}
CODE = {
    "process": ("data_info", "physics", "readers", "simulation", "processors"),
    "fit": ("data_info", "physics", "readers", "fits"),
    "plot": ("data_info", "physics", "fits", "plotting"),
}
JOURNAL = "journal"  # folder of finished chunks that the first stage leaves
UPSTREAM = {"process": (), "fit": ("hists.h5", "processing.json"), "plot": ("hists.h5", "processing.json", "results.json")}
PHRASES = {
    "configuration": "its part of the configuration changed",
    "inputs": "its input files changed",
    "files": "a file that the configuration names changed",
    "upstream": "the stage before it left something new",
    "code": "its code changed",
    "packages": "versions of packages changed",
}


def dependencies(stage: str, config: Config) -> dict[str, str]:
    """Digests of all that ``stage`` ("process", "fit", "plot") depends on, by the names in ``PHRASES``."""
    options = as_json(config)
    section = {key: options.get(key) for key in SECTIONS[stage]}
    if config.analysis == "stopping_muons":
        section |= {"processor": processed_options(options)} | ({"fits": fitted_options(options)} if stage != "process" else {})
    return {
        "configuration": value_digest(section),
        "inputs": value_digest([_dataset_state(name, config) for name in config.datasets] if stage == "process" else []),
        "files": value_digest(_mentioned_files(section, config)),
        "upstream": value_digest([*([path.name, _state(path)] for path in _upstream(config.output, stage)), *_joined(stage, config)]),
        "code": source_digest(CODE[stage]),
        "packages": value_digest(package_versions()),
    }


def why_stale(output: Path, stage: str, depends: Mapping[str, str]) -> str | None:
    """Why ``stage`` must run again, or None when what it left is up to date."""
    entry_of_stage = load_manifest(output).get("stages", {}).get(stage, {})
    if "depends" not in entry_of_stage:
        return "its last run did not finish" if stage == "process" and (output / JOURNAL).is_dir() else "it has not run yet"
    if not entry_of_stage.get("complete", True):
        return "its last run was incomplete"
    for name, state in entry_of_stage["outputs"].items():
        present = _state(output / name)
        if present != state:
            return f"{name} is missing" if present is None else f"{name} is not what it left"
    changed = [phrase for name, phrase in PHRASES.items() if entry_of_stage["depends"].get(name) != depends[name]]
    return ", ".join(changed) or None


def record(output: Path, stage: str, depends: Mapping[str, str], outputs: Iterable[Path], *, complete: bool = True) -> None:
    """Add to the manifest what a finished stage depended on and the files it left."""
    present = load_manifest(output).get("stages", {}).get(stage, {})
    left = {str(path.relative_to(output)): _state(path) for path in sorted(outputs)}
    update_manifest(output, stage, {**present, "key": value_digest(dict(depends)), "depends": dict(depends), "outputs": left, "complete": complete})


def _upstream(output: Path, stage: str) -> list[Path]:
    """The files that the stages before left."""
    return [output / name for name in UPSTREAM[stage]] + (table_paths(output) if stage != "process" else [])


def _joined(stage: str, config: Config) -> list[list[str | None]]:
    """What joint fits read of other configurations."""
    paths = joined_files(config) if isinstance(config, DiffuseConfig) and stage != "process" else []
    return [[f"{path.parent.name}/{path.name}", _state(path)] for path in paths]


def _dataset_state(name: str, config: Config) -> Any:
    """Identity of the files of a data set: path, size and time of each; generated ones follow from the configuration and the code."""
    dataset = config.datasets[name]
    try:
        if dataset.catalogue is not None:
            return [name, entry(dataset.catalogue).sha256]
        paths = files_of_runs(config, name) if isinstance(dataset, PmtDataset) and dataset.runs else find_files(name, dataset, config.source)
        return [name, [[path, stamp] for path, stamp in zip(paths, _stamps(paths, dataset), strict=True)]]
    except InputError as error:
        return [name, str(error)]  # the stage itself reports it


def _stamps(paths: Sequence[str], dataset: Dataset) -> list[Any]:
    """Size and time of each file; of files behind URLs those of the copy in the cache, or what the server tells."""
    told = look_all([path for path in paths if can_stream(path) and not is_fetched(path, dataset)], dataset.remote)
    return [told[path] if path in told else _stamp(Path(place_of(path, dataset))) for path in paths]


def _stamp(path: Path) -> list[int] | None:
    return [path.stat().st_size, path.stat().st_mtime_ns] if path.is_file() else None


def _state(path: Path) -> str | None:
    return file_identity(path)["sha256"] if path.is_file() else None


def _mentioned_files(section: Mapping[str, Any], config: Config) -> list[Any]:
    """Digests of files that a section names: tables, scans, arrays of a directory, and modules beside the configuration if it names a class."""
    texts = {text for key, text in _strings(section) if key != "files"}
    roots = search_roots(config.source)
    named = [(text, _state(root / text)) for text in sorted(texts) for root in roots if (root / text).is_file()]
    arrays = [(text, path.name, _state(path)) for text in sorted(texts) for root in roots for path in sorted((root / text).glob("*.np[yz]"))]
    own = any(key == "class" for key, _ in _strings(section))
    modules = [(path.name, _state(path)) for path in sorted(config.source.parent.glob("*.py"))] if own else []
    return [*named, *arrays, *modules]


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _strings(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)
