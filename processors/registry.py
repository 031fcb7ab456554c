"""Builds the processor of a run: the analysis' own, or a class of the user's from a file beside the configuration."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
from coffea.processor import ProcessorABC

from configs.errors import InputError, nearest
from configs.schema import Config, UserProcessor, as_json
from processors import source_code

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
    return Built(processor, as_json(config).get("processor"), source_code.relied_on(module.__file__))


def _diffuse(config: Any, dataset: str) -> ProcessorABC:
    from processors.diffuse import DiffuseProcessor

    return DiffuseProcessor(config.processor, layout=LAYOUT_OF_FORMAT.get(config.datasets[dataset].format))


def _iwcd(config: Any, dataset: str) -> ProcessorABC:
    from processors.iwcd import IwcdProcessor  # brings compiled code: imported for this analysis only

    about = config.datasets[dataset]
    return IwcdProcessor(config.processor, name=dataset, kind=about.kind, particle=about.metadata.get("particle"))


def _user_processor(options: UserProcessor, config_file: Path) -> Built:
    name, dot, class_name = options.class_.rpartition(".")
    where = f"{config_file}: processor.class: {options.class_}"
    if not dot:
        raise InputError(f"{where}: expected module.Class, e.g. my_module.MyProcessor with the class in my_module.py beside the configuration")
    folder = config_file.parent.resolve()
    module = _load(name, folder, where)
    found = getattr(module, class_name, None)
    if found is None:
        known = [key for key, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__]
        raise InputError(f"{where}: {module.__file__} has no class {class_name!r}{nearest(class_name, known)}")
    if not (isinstance(found, type) and issubclass(found, ProcessorABC)):
        raise InputError(f"{where}: {class_name} in {module.__file__} is not a processor; derive it from coffea.processor.ProcessorABC")
    try:
        processor = found(**options.options)
    except Exception as error:
        raise InputError(
            f"{where}: {class_name} of {module.__file__} cannot be made with the options {options.options} ({type(error).__name__}: {error}); "
            f"processor.options are its keyword arguments"
        ) from error
    return Built(processor, {"class": options.class_, "options": options.options}, source_code.relied_on(module.__file__, folder), folder)


def _load(name: str, folder: Path, where: str) -> ModuleType:
    """Import a module afresh from ``folder`` (with the modules beside it that it imports), else from what is installed."""
    place = folder.joinpath(*name.split("."))
    candidates = [place.with_suffix(".py"), place / "__init__.py"]
    file = next((path for path in candidates if path.is_file()), None)
    top = name.split(".")[0]
    if file is not None and top in source_code.PROJECT_NAMES:
        raise InputError(f"{where}: a module of one's own cannot be called {top!r}, the project has one of this name; rename {file}")
    if file is None and importlib.util.find_spec(top) is None:
        raise InputError(f"{where}: no module {name!r}; looked for {candidates[0]} and among the installed packages")
    try:
        return importlib.import_module(name) if file is None else import_afresh(name, file, folder)
    except Exception as error:
        raise InputError(f"{where}: importing {file or name} fails: {type(error).__name__}: {error}") from error


def import_afresh(name: str, file: Path, folder: Path) -> ModuleType:
    """Import ``file`` as module ``name``, with the modules below ``folder`` that it imports, from their present source.

    Python itself would keep modules already imported, and trusts compiled files whose source has the same size and second of change.
    """
    own = own_modules(file, folder)
    for module in own:
        sys.modules.pop(module, None)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # for imports inside functions, later
    finder = _SourceFinder(folder)
    sys.meta_path.insert(0, finder)
    try:
        loaded = importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)
    for module in own:
        if module in sys.modules:
            cloudpickle.register_pickle_by_value(sys.modules[module])  # a worker elsewhere need not have the file
    return loaded


class _SourceLoader(importlib.machinery.SourceFileLoader):
    def path_stats(self, path: Any) -> Any:
        raise OSError("compile from the source")  # how importlib is told to leave compiled files alone


class _SourceFinder(importlib.abc.MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """Find modules below the folder only."""
        for place in [str(self.folder)] if path is None else path:
            if Path(place).is_relative_to(self.folder) and name.split(".")[0] not in source_code.PROJECT_NAMES:
                finder = importlib.machinery.FileFinder(place, (_SourceLoader, [".py"]))
                if (spec := finder.find_spec(name)) is not None and spec.loader is not None:
                    return spec
        return None


def own_modules(file: Path, folder: Path) -> list[str]:
    """Names of the modules below ``folder`` that ``file`` imports, its own included."""
    names = [_module_name(path, folder) for path in source_code.closure([file], folder) if path.is_relative_to(folder)]
    return [name for name in names if name.split(".")[0] not in source_code.PROJECT_NAMES]


def _module_name(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


ANALYSES: dict[str, Callable[[Any, str], ProcessorABC]] = {"diffuse": _diffuse, "iwcd": _iwcd}
