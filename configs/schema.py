"""One YAML file -> one validated, frozen ``Config``; every error names file, line and key path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Discriminator, Field, PositiveFloat, PositiveInt, Tag, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema, models_json_schema

from configs import diffuse, iwcd
from configs.errors import InputError, nearest
from configs.strict import Strict

KeyPath = tuple[str | int, ...]


class Example(Strict):
    """Generated input: ``size`` events from the analysis' own generator, with the config's seed unless ``seed`` is given."""

    size: PositiveInt = 20_000
    seed: int | None = None
    truth: dict[str, float] = {}  # parameters of the generated data


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
    metadata: dict[str, Any] = {}  # livetime_s, particle, hv_v ...

    @model_validator(mode="before")
    @classmethod
    def _one_file_is_a_list(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("files"), str):
            return {**values, "files": [values["files"]]}
        return values

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Dataset:
        given = [name for name in ("files", "filelist", "catalogue", "example") if getattr(self, name) is not None]
        if len(given) > 1 or (not given and self.format != "surrogate"):
            raise ValueError(f"give exactly one of files, filelist, catalogue, example (given: {', '.join(given) or 'none'})")
        return self


class Executor(Strict):
    """How chunks are computed. ``address``: a running dask scheduler; without it a local cluster."""

    kind: Literal["iterative", "futures", "dask"] = "iterative"
    workers: PositiveInt = 2
    address: str | None = None
    chunksize: PositiveInt | None = None  # entries; null: sized from a trial chunk to take about a second
    retries: Annotated[int, Field(ge=0)] = 2  # of I/O errors
    backoff_s: Annotated[float, Field(ge=0)] = 0.5
    stall_timeout_s: PositiveFloat = 300.0  # no worker or no progress for so long: the run ends
    max_histogram_mb: PositiveFloat = 512.0


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


class CustomPlots(Strict):
    """Figures of a custom analysis: every one- and two-dimensional histogram."""

    style: Literal["dynode", "icecube", "hyperk"] = "dynode"
    label: str = ""
    formats: list[Literal["png", "pdf"]] = ["png", "pdf"]


class CustomConfig(Config):
    """An analysis with a processor of the user's own and no fit of ours."""

    analysis: Literal["custom"]
    processor: UserProcessor
    plots: CustomPlots = CustomPlots()


TAG = "processor:"  # marks the members of the union below in pydantic's locations
PROCESSOR_TAGS: dict[str, type[Strict]] = {f"{TAG}own": UserProcessor, f"{TAG}diffuse": diffuse.Processor, f"{TAG}iwcd": iwcd.Processor}


def _processor_tag(analysis: str) -> Discriminator:
    """Tell the analysis' own processor from one of the user's by its key ``class``."""

    def tag(value: Any) -> str:
        own = isinstance(value, UserProcessor) or (isinstance(value, dict) and "class" in value)
        return f"{TAG}own" if own else f"{TAG}{analysis}"

    return Discriminator(tag)


class DiffuseConfig(Config):
    """``analysis: diffuse``."""

    analysis: Literal["diffuse"]
    processor: Annotated[
        Annotated[diffuse.Processor, Tag(f"{TAG}diffuse")] | Annotated[UserProcessor, Tag(f"{TAG}own")], _processor_tag("diffuse")
    ] = diffuse.Processor()
    fits: dict[str, diffuse.Fit] = {"main": diffuse.Fit()}
    plots: diffuse.Plots = diffuse.Plots()


class IwcdConfig(Config):
    """``analysis: iwcd``. Without data sets only fits of classifier outputs (and columns of .npz files) can be done."""

    analysis: Literal["iwcd"]
    datasets: dict[str, Dataset] = {}
    processor: Annotated[Annotated[iwcd.Processor, Tag(f"{TAG}iwcd")] | Annotated[UserProcessor, Tag(f"{TAG}own")], _processor_tag("iwcd")] = (
        iwcd.Processor()
    )
    fits: dict[str, iwcd.Fit] = {}
    plots: iwcd.Plots = iwcd.Plots()


ANALYSES: dict[str, type[Config]] = {"custom": CustomConfig, "diffuse": DiffuseConfig, "iwcd": IwcdConfig}


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Any:
    """Read and validate a configuration.

    ``overrides`` are ``key.path=value`` with the value in YAML (``fits.main.likelihood=say``), applied after the file. Returns the frozen
    options class of the analysis (a subclass of ``Config``). Raises ``InputError`` naming file, line and key path of every problem.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise InputError(
            f"{path}: cannot read the configuration ({reason}); give the path of a YAML file, e.g. configs/diffuse_example.yaml"
        ) from None
    data, lines = _parse(text, path)
    for override in overrides:
        _override(data, override)
    analysis = data.get("analysis")
    if not isinstance(analysis, str) or analysis not in ANALYSES:
        raise InputError(f"{path}{_line(lines, ('analysis',))}: analysis: {analysis!r} is not an analysis{nearest(str(analysis), ANALYSES)}")
    if "source" in data:
        raise InputError(f"{path}{_line(lines, ('source',))}: source: unknown key{nearest('source', _known_keys(ANALYSES[analysis], ()))}")
    try:
        return ANALYSES[analysis].model_validate({**data, "source": path.resolve()})
    except ValidationError as error:
        raise InputError("\n".join(_messages(error, ANALYSES[analysis], path, lines))) from None


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


def _parse(text: str, path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the YAML mapping and the line of every key path in it."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: a configuration is a mapping of keys (name, analysis, datasets, ...), not {type(data).__name__}")
    lines: dict[KeyPath, int] = {}
    _collect_lines(root, (), lines, path)
    return data, lines


def _collect_lines(node: yaml.Node | None, prefix: KeyPath, lines: dict[KeyPath, int], path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*prefix, key.value)
            if here in lines:
                raise InputError(f"{path}:{key.start_mark.line + 1}: {_dotted(here)} is given twice (first in line {lines[here]}); keep one")
            lines[here] = key.start_mark.line + 1
            _collect_lines(value, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*prefix, index)] = value.start_mark.line + 1
            _collect_lines(value, (*prefix, index), lines, path)


def _override(data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"--set {override}: expected key.path=value, e.g. --set fits.main.likelihood=say")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"--set {override}: the value is not valid YAML: {error}") from None
    *parents, last = key.split(".")
    target: Any = data
    for parent in parents:
        if isinstance(target, list) and parent.isdigit() and int(parent) < len(target):
            target = target[int(parent)]
            continue
        if not isinstance(target, dict):
            raise InputError(f"--set {override}: {parent} lies below a value, not below a mapping")
        target = target.setdefault(parent, {})
    if isinstance(target, list) and last.isdigit() and int(last) < len(target):
        target[int(last)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise InputError(f"--set {override}: {last} lies below a value, not below a mapping")


def _dotted(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location)


def _line(lines: Mapping[KeyPath, int], location: KeyPath) -> str:
    """``:17`` for the deepest known part of a key path, or nothing (a value given by --set has no line)."""
    for length in range(len(location), 0, -1):
        if location[:length] in lines:
            return f":{lines[location[:length]]}"
    return ""


def _messages(error: ValidationError, model: type[Config], path: Path, lines: Mapping[KeyPath, int]) -> list[str]:
    messages = []
    for problem in error.errors(include_url=False):
        location = tuple(part for part in problem["loc"] if not str(part).startswith(TAG))
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            text = f"unknown key{nearest(str(location[-1]), _known_keys(model, problem['loc'][:-1]))}"
        elif problem["type"] == "missing":
            text = "this key is required"
        else:
            text = f"{text} (given: {problem['input']!r})"
        messages.append(f"{path}{_line(lines, location)}: {_dotted(location) or 'configuration'}: {text}")
    return messages


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
    write_json_schema(Path(__file__).with_name("schema.json"))
