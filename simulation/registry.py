"""Generated inputs of a configuration: which generator, which file form, and whether the files on disk are still the right ones."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from configs.diffuse import Processor
from configs.errors import InputError, nearest
from configs.schema import Config, Dataset
from data_info.hese_tables import SOURCES, STATEMENT, TABLES
from physics.binning import binning
from physics.constants import HESE_LIVETIME_S
from records.atomic import write_text
from simulation import formats
from simulation.diffuse import COLUMNS, Events, Sample
from simulation.pseudo_data import draw, of_sample, of_surrogate
from simulation.surrogate import cells
from simulation.weights import TOY_COLUMNS, as_toy, truth_values

ABOUT = {"statement": STATEMENT, "sources": SOURCES}
DATA_COLUMNS = ("recoDepositedEnergy", "recoMorphology", "recoZenith", "recoLength")  # of HESE_data.json
TOY_DATA_COLUMNS = ("energy", "topology", "zenith")
DEFAULT_FORMAT = "hese_json"
DEFAULT_SIZE = 200_000  # neutrinos behind generated data where the configuration generates no simulation
OPTIONS_FILE = "generated.json"


@dataclass(frozen=True)
class Request:
    """Everything that the files of one data set depend on."""

    about: ClassVar[str] = STATEMENT

    kind: str
    format: str
    seed: int
    livetime_s: float
    sample: Sample
    surrogate: bool  # the expectation behind data is the surrogate response, not a sample
    truth: dict[str, float]
    processor: Processor

    @property
    def options(self) -> dict[str, Any]:
        """As JSON values."""
        options: dict[str, Any] = {"kind": self.kind, "format": self.format, "livetime_s": self.livetime_s}
        if self.format == "surrogate":
            return options
        options["sample"] = "surrogate" if self.surrogate and self.kind == "data" else vars(self.sample)
        if self.kind == "data":
            chosen = json.loads(self.processor.model_dump_json(include={"binning", "selection"}))
            options |= {"seed": self.seed, "truth": self.truth, **chosen}
        return options

    def write(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Write the files; returns those with events, and those beside them (none)."""
        return WRITERS[self.kind][self.format](self, folder), []


class Generation(Protocol):
    """What an analysis' generator gives: the options that its files depend on, and the writer of files with events and files beside them."""

    about: ClassVar[str]

    @property
    def options(self) -> dict[str, Any]:
        """As JSON values."""

    def write(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Write the files below ``folder``."""


def generate(config: Config, dataset_name: str, directory: str | Path) -> list[Path]:
    """Write the generated files of a data set (``example:`` or ``format: surrogate``) below ``directory`` and return their paths.

    diffuse, simulation: ``example.size`` neutrinos and a hundredth as many muons as hese_json (three files), toy_json or parquet (the release's
    columns), or the surrogate response as Parquet. Data: a Poisson draw at ``example.truth`` of the expectation of the configuration's generated
    simulation, in the analysis bins, as hese_json, toy_json or parquet; the number of events follows from truth and livetime.
    iwcd: see ``simulation.iwcd_request.request``; splits.npz and classifier/ are written beside the events of a simulation.
    pmt_gain: the table of runs of a tree of .trc files, see ``simulation.pmt_request.request``.
    stopping_muons: HDF5 tables, see ``simulation.stopping_muons_request.request``.
    The seed is ``example.seed``, else the configuration's. Files that were made with the same options are kept. Raises ``InputError`` for a form
    that no generator writes or a truth that is not possible.
    """
    if config.analysis not in REQUESTS:
        raise InputError(f"datasets.{dataset_name}: analysis {config.analysis!r} has no generator; give files: instead of example:")
    request = REQUESTS[config.analysis](config, dataset_name)
    folder = Path(directory) / dataset_name
    options = {**request.options, "code": _code_digest()}
    kept = _kept(folder, options)
    if kept:
        return kept
    paths, beside = request.write(folder)
    record = {"options": options, "files": _sizes(folder, paths), "beside": _sizes(folder, beside), "about": request.about}
    write_text(folder / OPTIONS_FILE, json.dumps(record, indent=1) + "\n")
    return paths


def _sizes(folder: Path, paths: list[Path]) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def _diffuse(config: Config, name: str) -> Request:
    dataset = config.datasets[name]
    _refuse_idle_options(name, dataset)
    _refuse_unknown_form(dataset, name)
    simulation = dataset if dataset.kind == "mc" else next((one for one in config.datasets.values() if one.kind == "mc" and _generated(one)), dataset)
    size = simulation.example.size if simulation.example and simulation.kind == "mc" else DEFAULT_SIZE
    processor = getattr(config, "processor", None)
    example = dataset.example
    return Request(
        kind=dataset.kind,
        format=dataset.format or DEFAULT_FORMAT,
        seed=_seed(dataset, config),
        livetime_s=_livetime(dataset),
        sample=Sample(size, _seed(simulation, config), _livetime(simulation)),
        surrogate=simulation.format == "surrogate",
        truth=truth_values(example.truth if example and dataset.kind == "data" else {}),
        processor=processor if isinstance(processor, Processor) else Processor(),
    )


def _refuse_idle_options(name: str, dataset: Dataset) -> None:
    """Refuse options of an example that this kind of data set does not have."""
    given = set() if dataset.example is None else dataset.example.model_fields_set
    if dataset.kind == "data" and "size" in given:
        raise InputError(f"datasets.{name}.example.size: the number of data events follows from truth and livetime; remove size")
    if dataset.kind == "mc" and "truth" in given:
        raise InputError(f"datasets.{name}.example.truth: only data are drawn at a truth, simulation is weighted; give it to the data")


def _generated(dataset: Dataset) -> bool:
    return dataset.example is not None or dataset.format == "surrogate"


def _seed(dataset: Dataset, config: Config) -> int:
    seed = dataset.example.seed if dataset.example else None
    return config.seed if seed is None else seed


def _livetime(dataset: Dataset) -> float:
    """Livetime in s; that of the published sample where none is given."""
    livetime_s = dataset.metadata.get("livetime_s", HESE_LIVETIME_S)
    if isinstance(livetime_s, bool) or not isinstance(livetime_s, int | float) or not 0 < livetime_s < float("inf"):
        raise InputError(f"metadata.livetime_s is {livetime_s!r}; give the livetime of the data set in seconds, a positive number")
    return float(livetime_s)


def _kept(folder: Path, options: Mapping[str, Any]) -> list[Path]:
    """The files on disk, if they were made with these options and are whole; else nothing."""
    try:
        record = json.loads((folder / OPTIONS_FILE).read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in (record["files"] | record["beside"]).items())
        same = record["options"] == json.loads(json.dumps(options))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return [folder / name for name in record["files"]] if whole and same else []


@functools.cache
def _code_digest() -> str:
    """Digest of the generator's code and of its tables: files made by another version are made again."""
    digest = hashlib.sha256()
    for path in sorted([*Path(__file__).parent.glob("*.py"), *TABLES.glob("*.csv")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


Writer = Callable[[Request, Path], list[Path]]


def _refuse_unknown_form(dataset: Dataset, name: str) -> None:
    form = dataset.format or DEFAULT_FORMAT
    writers = WRITERS[dataset.kind]
    if form not in writers:
        raise InputError(f"datasets.{name}.format: no generated {dataset.kind} in the form {form!r}{nearest(form, writers)}")


def _mc_hese_json(request: Request, folder: Path) -> list[Path]:
    return formats.write_hese_json(folder, COLUMNS, request.sample.blocks())


def _mc_toy_json(request: Request, folder: Path) -> list[Path]:
    blocks = (as_toy(events, request.livetime_s) for events in request.sample.blocks())
    return [formats.write_toy_json(folder / "hese_toy_simulation.json", TOY_COLUMNS, blocks)]


def _mc_parquet(request: Request, folder: Path) -> list[Path]:
    return [formats.write_parquet(folder / "HESE_mc.parquet", request.sample.blocks(), ABOUT)]


def _mc_surrogate(request: Request, folder: Path) -> list[Path]:
    return [formats.write_parquet(folder / "surrogate.parquet", [cells(request.livetime_s)], ABOUT)]


def _data(request: Request) -> Events:
    blocks = of_surrogate(request.livetime_s) if request.surrogate else of_sample(request.sample, request.livetime_s)
    return draw(blocks, request.truth, binning(request.processor.binning), request.processor.selection, request.seed)


def _data_hese_json(request: Request, folder: Path) -> list[Path]:
    return formats.write_hese_json(folder, {"HESE_data.json": DATA_COLUMNS}, [_data(request)])


def _data_toy_json(request: Request, folder: Path) -> list[Path]:
    events = _data(request)
    toy = {"energy": events["recoDepositedEnergy"], "topology": (events["recoMorphology"] == 1).astype(int), "zenith": events["recoZenith"]}
    return [formats.write_toy_json(folder / "hese_toy_data.json", TOY_DATA_COLUMNS, [toy])]


def _data_parquet(request: Request, folder: Path) -> list[Path]:
    return [formats.write_parquet(folder / "HESE_data.parquet", [_data(request)], ABOUT)]


WRITERS: dict[str, dict[str, Writer]] = {
    "mc": {"hese_json": _mc_hese_json, "toy_json": _mc_toy_json, "parquet": _mc_parquet, "surrogate": _mc_surrogate},
    "data": {"hese_json": _data_hese_json, "toy_json": _data_toy_json, "parquet": _data_parquet},
}


def _iwcd(config: Config, name: str) -> Generation:
    from simulation.iwcd_request import request  # compiles code: imported for this analysis only

    return request(config, name)


def _pmt_gain(config: Config, name: str) -> Generation:
    from simulation.pmt_request import request

    return request(config, name)


def _dark_matter(config: Config, name: str) -> Generation:
    from simulation.dark_matter_request import request

    return request(config, name)


def _stopping_muons(config: Config, name: str) -> Generation:
    from simulation.stopping_muons_request import request

    return request(config, name)


REQUESTS: dict[str, Callable[[Config, str], Generation]] = {
    "diffuse": _diffuse, "iwcd": _iwcd, "pmt_gain": _pmt_gain, "dark_matter": _dark_matter, "stopping_muons": _stopping_muons,
}  # fmt: skip
