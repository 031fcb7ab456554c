"""One YAML file -> one validated, frozen ``Config``; every error names file, line and key path."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, PositiveFloat, PositiveInt, Tag, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema, models_json_schema

from configs import dark_matter, diffuse, iwcd, pmt_gain, stopping_muons
from configs.document import Document, KeyPath, read_document
from configs.errors import InputError, nearest
from configs.figure_style import FigureStyle
from configs.jobs import Job
from configs.problems import nearest_word, of_one_member
from configs.reference_layout import is_reference_layout, translate
from configs.remote import Remote
from configs.saved_columns import columns_for
from configs.strict import Strict


class Example(Strict):
    """Generated input from the analysis' own generator, with the config's seed unless ``seed`` is given."""

    size: PositiveInt = 20_000  # simulated events; the number of data events follows from truth and livetime
    seed: int | None = None
    truth: dict[str, float] = {}  # parameters at which data are drawn


class Dataset(Strict):
    """Where events come from and what they are. Exactly one of files, filelist, catalogue, example (none for ``format: surrogate``)."""

    files: list[str] | None = None
    filelist: str | None = None
    catalogue: str | None = None
    example: Example | None = None
    kind: Literal["data", "mc"]
    format: str | None = None  # readers' registry; null: by the file's ending
    tree: str | None = None  # ROOT: name of the TTree or RNTuple; HDF5: group
    columns: dict[str, str] = {}  # our name -> name in the file
    metadata: dict[str, Any] = {}  # livetime_s, particle, weight (iwcd: a column of the files), hv_v ...
    cache: str | None = None  # where files behind URLs are kept; null: cache/ in the data directory
    remote: Remote = Remote()

    sources: ClassVar[tuple[str, ...]] = ("files", "filelist", "catalogue", "example")

    @model_validator(mode="before")
    @classmethod
    def _one_file_is_a_list(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("files"), str):
            return {**values, "files": [values["files"]]}
        return values

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Dataset:
        given = [name for name in self.sources if getattr(self, name) is not None]
        if len(given) > 1 or (not given and self.format != "surrogate"):
            raise ValueError(f"give exactly one of {', '.join(self.sources)} (given: {', '.join(given) or 'none'})")
        return self


class Executor(Strict):
    """How chunks, trials and toys are computed. ``address``: a running dask scheduler; without it a local cluster.

    ``slurm`` and ``htcondor``: dask workers that are jobs of a batch system, each with the resources of ``job``.
    """

    kind: Literal["iterative", "futures", "dask", "slurm", "htcondor"] = "iterative"
    workers: PositiveInt = 2
    address: str | None = None
    chunksize: PositiveInt | None = None  # entries; null: sized from a trial to take about half a second
    retries: Annotated[int, Field(ge=0)] = 2  # of I/O errors
    backoff_s: Annotated[float, Field(ge=0)] = 0.5
    stall_timeout_s: PositiveFloat = 300.0  # no worker or no progress for so long: the run ends
    max_histogram_mb: PositiveFloat = 512.0
    identity: Literal["stat", "digest"] = "stat"  # what tells that a file changed: size and time, or its SHA-256
    job: Job = Job()  # slurm, htcondor, and the jobs of `plan` and `submit`


class UserProcessor(Strict):
    """A processor of one's own: ``class: my_module.MyProcessor`` (module beside the config); ``options`` are its keyword arguments."""

    class_: Annotated[str, Field(alias="class")]
    options: dict[str, Any] = {}


class Config(Strict):
    """The whole configuration of one run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    analysis: str
    seed: int = 1
    output_dir: str = "outputs"
    datasets: Annotated[dict[str, Dataset], Field(min_length=1)]
    executor: Executor = Executor()
    source: Annotated[SkipJsonSchema[Path], Field(exclude=True)] = Path("config.yaml")  # the YAML file itself; set by load_config

    @property
    def output(self) -> Path:
        """The directory that this run writes, and nothing outside it."""
        return Path(self.output_dir) / self.name

    def problems(self) -> Iterator[tuple[KeyPath, str]]:
        """Key path and words of what contradicts itself, though every key is valid."""
        return iter(())


class CustomPlots(FigureStyle):
    """Figures of a custom analysis: every one- and two-dimensional histogram."""


class CustomConfig(Config):
    """An analysis with a processor of the user's own and no fit of ours."""

    analysis: Literal["custom"]
    processor: UserProcessor
    plots: CustomPlots = CustomPlots()


TAG = "processor:"  # marks the members of the union below in pydantic's locations
PROCESSOR_TAGS: dict[str, type[Strict]] = {
    f"{TAG}own": UserProcessor,
    f"{TAG}diffuse": diffuse.Processor,
    f"{TAG}iwcd": iwcd.Processor,
    f"{TAG}pmt_gain": pmt_gain.Processor,
    f"{TAG}dark_matter": dark_matter.Processor,
}


def _processor_tag(analysis: str) -> Discriminator:
    """Tell the analysis' own processor from one of the user's by its key ``class``."""

    def tag(value: Any) -> str:
        own = isinstance(value, UserProcessor) or (isinstance(value, dict) and "class" in value)
        return f"{TAG}own" if own else f"{TAG}{analysis}"

    return Discriminator(tag)


class DiffuseConfig(Config):
    """``analysis: diffuse``. Without data sets there are joint fits of other configurations only."""

    analysis: Literal["diffuse"]
    datasets: dict[str, Dataset] = {}
    processor: Annotated[
        Annotated[diffuse.Processor, Tag(f"{TAG}diffuse")] | Annotated[UserProcessor, Tag(f"{TAG}own")], _processor_tag("diffuse")
    ] = diffuse.Processor()
    fits: Annotated[dict[str, diffuse.Fit], Field(min_length=1)] = {"main": diffuse.Fit()}
    compare: Literal["auto", "hese75"] | None = "auto"  # the published fit to stand beside ours; auto: where the data set is recognised
    plots: diffuse.Plots = diffuse.Plots()

    def problems(self) -> Iterator[tuple[KeyPath, str]]:
        """Key path and words of what contradicts itself, though every key is valid."""
        if not self.datasets and any(fit.joint is None for fit in self.fits.values()):
            yield ("datasets",), "this key is required; only joint fits of other configurations need no data sets"
        if diffuse.REPORT in self.fits:
            yield ("fits", diffuse.REPORT), "this is the name of the report beside published results; give the fit another one"
        for name, fit in self.fits.items():
            for sample, one in ({} if fit.joint is None else fit.joint.samples).items():
                if one.config is None and one.fit not in self.fits:
                    yield ("fits", name, "joint", "samples", sample, "fit"), f"no fit {one.fit!r} in this file{nearest(one.fit, self.fits)}"


class IwcdConfig(Config):
    """``analysis: iwcd``. Without data sets only fits of classifier outputs (and columns of .npz files) can be done."""

    analysis: Literal["iwcd"]
    datasets: dict[str, Dataset] = {}
    processor: Annotated[Annotated[iwcd.Processor, Tag(f"{TAG}iwcd")] | Annotated[UserProcessor, Tag(f"{TAG}own")], _processor_tag("iwcd")] = (
        iwcd.Processor()
    )
    fits: dict[str, iwcd.Fit] = {}
    plots: iwcd.Plots = iwcd.Plots()


def _as_list(value: Any) -> Any:
    """``all`` is null, a single value a list of one."""
    return None if value == "all" else [value] if isinstance(value, str | int | float) and not isinstance(value, bool) else value


Item = TypeVar("Item")
Chosen = Annotated[list[Item] | None, BeforeValidator(_as_list)]


class PmtDataset(Dataset):
    """Waveforms: a table of runs (``runs``), or the files of one point with ``metadata: {pmt, hv_v}``, or generated ones.

    ``pmts`` and ``hv_v`` choose points of a table or of an example.
    """

    kind: Literal["data", "mc"] = "data"
    runs: str | None = None  # of data_info, or a YAML or CSV file of one's own
    root: str | None = None  # of a copy <root>/<dir>/<hv>/<file> of files behind URLs; null: the data directory
    pmts: Chosen[str] = None  # null or all: every tube of the table
    hv_v: Chosen[PositiveFloat] = None
    files_per_chunk: PositiveInt = 500
    max_missing_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0

    sources: ClassVar[tuple[str, ...]] = (*Dataset.sources, "runs")

    @model_validator(mode="after")
    def _files_are_fetched(self) -> PmtDataset:
        if self.remote.access != "fetch":
            raise ValueError("remote.access: waveforms are small files of which every byte is read; fetch is the only way here")
        return self


class PmtGainConfig(Config):
    """``analysis: pmt_gain``."""

    analysis: Literal["pmt_gain"]
    datasets: Annotated[dict[str, PmtDataset], Field(min_length=1)]  # type: ignore[assignment]
    processor: Annotated[
        Annotated[pmt_gain.Processor, Tag(f"{TAG}pmt_gain")] | Annotated[UserProcessor, Tag(f"{TAG}own")], _processor_tag("pmt_gain")
    ] = pmt_gain.Processor()
    fits: pmt_gain.Fits = pmt_gain.Fits()
    plots: pmt_gain.Plots = pmt_gain.Plots()


class DarkMatterDataset(Dataset):
    """Events of one season (``kind: data``, with its good run list or livetime), or simulation of one flavour for all seasons or some."""

    season: int | None = None  # of data
    seasons: list[int] | None = None  # that a simulation stands for; null: all
    flavour: Literal["e", "mu", "tau"] = "mu"  # of a simulation
    grl: str | None = None  # good run list beside the events
    livetime_days: PositiveFloat | None = None

    def stands_for(self, season: int | None) -> bool:
        """Whether these are simulated events of that season."""
        return self.kind == "mc" and (self.seasons is None or season in self.seasons)


class DarkMatterConfig(Config):
    """``analysis: dark_matter``."""

    analysis: Literal["dark_matter"]
    datasets: Annotated[dict[str, DarkMatterDataset], Field(min_length=1)]  # type: ignore[assignment]
    processor: Annotated[
        Annotated[dark_matter.Processor, Tag(f"{TAG}dark_matter")] | Annotated[UserProcessor, Tag(f"{TAG}own")], _processor_tag("dark_matter")
    ] = dark_matter.Processor()
    fits: Annotated[dict[str, dark_matter.Campaign], Field(min_length=1)] = {"main": dark_matter.Campaign()}
    plots: dark_matter.Plots = dark_matter.Plots()

    @model_validator(mode="after")
    def _has_the_combinations_to_plot(self) -> DarkMatterConfig:
        known = {f"{channel}_{mass:g}" for fit in self.fits.values() for channel, masses in fit.channels.items() for mass in masses}
        wanted = self.plots.combinations if isinstance(self.plots.combinations, list) else []
        for name in wanted:
            if name not in known:
                raise ValueError(f"plots.combinations: no fit has {name!r} (<channel>_<mass>){nearest(name, known)}")
        return self


def _livetime(value: Any) -> Any:
    if not isinstance(value, bool | int | float) or (not isinstance(value, bool) and value <= 0):
        raise ValueError("give true (in the files), false, or seconds above 0")
    return value if isinstance(value, bool) else float(value)


class MuonDataset(Dataset):
    """One entry of ``inputs``: IceTray's tables (or pickled columns, ``hdf5: false``). ``level``: 0 untriggered, 2 processed.

    ``livetime`` (data): true to sum what the files hold, or seconds. ``systematic``: a simulation at another value of a detector parameter;
    ``snowstorm``: parameter -> saved column, of a simulation in which it varies from event to event.
    """

    hdf5: bool = True
    level: Literal[0, 2] = 2
    livetime: Annotated[bool | float, BeforeValidator(_livetime)] = False
    livetime_s: PositiveFloat | None = None
    good_runs: str | None = None  # table with RunNum, Good_i3, Good_i (or Good_it), LiveTime
    nfiles: PositiveInt | None = None
    systematic: stopping_muons.SystematicSet | None = None
    snowstorm: dict[str, str] = {}


class StoppingMuonsConfig(Config):
    """``analysis: stopping_muons``; also in the layout of the reference, with its section names."""

    analysis: Literal["stopping_muons"]
    datasets: Annotated[dict[str, MuonDataset], Field(min_length=1)]  # type: ignore[assignment]
    loading_data: stopping_muons.LoadingData = stopping_muons.LoadingData()
    analysis_cuts: stopping_muons.AnalysisCuts = stopping_muons.AnalysisCuts()
    reconstructions: stopping_muons.Reconstructions = stopping_muons.Reconstructions()
    effective_area: stopping_muons.EffectiveArea = stopping_muons.EffectiveArea()
    unfolding: stopping_muons.Unfolding = stopping_muons.Unfolding()
    systematics: stopping_muons.Systematics = stopping_muons.Systematics()
    binning: stopping_muons.Binning = stopping_muons.Binning()
    general: stopping_muons.General = stopping_muons.General()
    data: stopping_muons.Data = stopping_muons.Data()
    options: stopping_muons.Options = stopping_muons.Options()
    plots: stopping_muons.Plots = stopping_muons.Plots()

    @property
    def keys(self) -> stopping_muons.Keys:
        """Type -> sub -> (saved name, name in the file); those of generated files where none are given."""
        return stopping_muons.TOY_KEYS if self.data.keys is None else self.data.keys

    @model_validator(mode="before")
    @classmethod
    def _format_and_columns(cls, values: Any) -> Any:
        """Give every data set its reader and the columns that ``keys`` name, unless it has its own."""
        sets = values.get("datasets") if isinstance(values, dict) else None
        if not isinstance(sets, dict):
            return values
        section = values.get("data")
        keys = (section.get("keys") if isinstance(section, dict) else None) or stopping_muons.TOY_KEYS
        return {**values, "datasets": {name: _with_columns(one, keys) for name, one in sets.items()}}

    def problems(self) -> Iterator[tuple[KeyPath, str]]:
        """Key path and words of what contradicts itself, though every key is valid."""
        from configs.stopping_muons_checks import problems

        return problems(self)


def _with_columns(dataset: Any, keys: Any) -> Any:
    if not isinstance(dataset, dict) or not isinstance(keys, Mapping):
        return dataset
    try:
        columns = columns_for(keys, str(dataset.get("kind")), dataset.get("level", 2))
    except (InputError, AttributeError, TypeError, ValueError):
        columns = {}  # what is wrong is told by the checks
    snowstorm = dataset.get("snowstorm")
    columns |= {f"snowstorm_{name}": column for name, column in snowstorm.items()} if isinstance(snowstorm, dict) else {}
    form = "legacy_pickle" if dataset.get("hdf5") is False else "hdfwriter"
    return {"format": form, **dataset, "columns": {**columns, **(dataset.get("columns") or {})}}


ANALYSES: dict[str, type[Config]] = {
    "custom": CustomConfig,
    "diffuse": DiffuseConfig,
    "iwcd": IwcdConfig,
    "pmt_gain": PmtGainConfig,
    "dark_matter": DarkMatterConfig,
    "stopping_muons": StoppingMuonsConfig,
}


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Any:
    """Read and validate a configuration.

    ``overrides`` are ``key.path=value`` with the value in YAML (``fits.main.likelihood=say``), applied after the file. Returns the frozen
    options class of the analysis (a subclass of ``Config``). Raises ``InputError`` naming file, line and key path of every problem.
    """
    path = Path(path)
    document = read_document(path, overrides)
    if is_reference_layout(document.data) or document.data.get("analysis") == "stopping_muons":
        document = translate(document)
    analysis = document.data.get("analysis")
    if not isinstance(analysis, str) or analysis not in ANALYSES:
        raise InputError(document.say(("analysis",), f"{analysis!r} is not an analysis{nearest(str(analysis), ANALYSES)}"))
    if "source" in document.data:
        raise InputError(document.say(("source",), f"unknown key{nearest('source', _known_keys(ANALYSES[analysis], ()))}"))
    try:
        config = ANALYSES[analysis].model_validate({**document.data, "source": path.resolve()})
    except ValidationError as error:
        raise InputError("\n".join(_messages(error, ANALYSES[analysis], document))) from None
    problems = [document.say(*problem) for problem in config.problems()]
    if problems:
        raise InputError("\n".join(problems))
    return config


def json_schema() -> dict[str, Any]:
    """The JSON schema of every analysis' configuration, for editors (``make schema``)."""
    references, definitions = models_json_schema([(model, "validation") for model in ANALYSES.values()])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Dynode configuration",
        "oneOf": [references[model, "validation"] for model in ANALYSES.values()],
        **definitions,
    }


def write_json_schema(path: str | Path) -> None:
    """Write the JSON schema to ``path``; the same options give the same bytes."""
    Path(path).write_text(json.dumps(json_schema(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def as_json(config: Config) -> dict[str, Any]:
    """The configuration as plain JSON values, defaults filled in, for the manifest and the stage keys."""
    return json.loads(config.model_dump_json(by_alias=True))


def _messages(error: ValidationError, model: type[Config], document: Document) -> list[str]:
    return [document.say(*_message(problem, model, document)) for problem in of_one_member(error.errors(include_url=False))]


def _message(problem: Any, model: type[Config], document: Document) -> tuple[KeyPath, str]:
    """Key path and text of one problem."""
    location = tuple(part for part in problem["loc"] if not str(part).startswith(TAG))
    if problem["type"] == "extra_forbidden":
        return location, f"unknown key{nearest(str(location[-1]), _known_keys(model, problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return _missing(location, document)
    given = "" if isinstance(problem["input"], dict) else f" (given: {problem['input']!r})"
    return location, f"{problem['msg'].removeprefix('Value error, ')}{given}{nearest_word(problem)}"


def _missing(location: KeyPath, document: Document) -> tuple[KeyPath, str]:
    """A key that is required; part of a data set that only an override names is a slip in its name."""
    below = [path for path in document.overrides if path[:2] == location[:2] and len(path) > 2]
    if location[0] == "datasets" and below and document.only_by_override(location[:2]):
        known = [str(path[1]) for path in document.lines if len(path) == 2 and path[0] == "datasets"]
        return below[0], f"no data set {location[1]!r}{nearest(str(location[1]), known)}"
    if isinstance(location[-1], int):
        return location[:-1], f"entry {location[-1] + 1} of the list is missing"
    return location, "this key is required"


def _known_keys(model: Any, location: Sequence[str | int]) -> list[str]:
    """The keys that the options class at a key path knows; an empty path is the model itself."""
    for part in location:
        model = _descend(model, part)
    inner = [one for one in getattr(model, "__args__", ()) if isinstance(one, type) and issubclass(one, Strict)]  # an optional section
    fields = getattr(inner[0] if inner else model, "model_fields", {})
    return sorted((field.alias or name) for name, field in fields.items() if not field.exclude)


def _descend(model: Any, part: str | int) -> Any:
    """The type below a field, dictionary entry, list item or union member."""
    if isinstance(part, str) and part.startswith(TAG):
        return PROCESSOR_TAGS[part]
    if isinstance(model, type) and issubclass(model, Strict):
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        return fields[str(part)].annotation
    arguments = [argument for argument in getattr(model, "__args__", ()) if argument is not type(None)]
    inner = [argument for argument in arguments if isinstance(argument, type) and issubclass(argument, Strict)]
    if getattr(model, "__origin__", None) in (dict, list):
        return arguments[-1]
    return _descend(inner[0], part) if inner else model


if __name__ == "__main__":
    target = Path(__file__).with_name("schema.json")
    write_json_schema(target)
    sys.stdout.write(f"JSON schema of the configurations: {target}\n")
