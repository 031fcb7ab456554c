"""Classes of the user's own, loaded from files beside the configuration: processors and spectra."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle

from configs.errors import InputError, nearest
from processors import source_code


def load_class(dotted: str, folder: Path, where: str, *, example: str) -> type:
    """The class ``module.Class`` from ``folder``, else from what is installed.

    ``where`` (file and key path) begins every message, ``example`` shows what is expected. Raises ``InputError`` naming the file looked at.
    """
    name, dot, class_name = dotted.rpartition(".")
    if not dot:
        raise InputError(f"{where}: expected module.Class, e.g. {example} with the class in my_module.py beside the configuration")
    module = _load(name, folder.resolve(), where)
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        known = [key for key, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__]
        raise InputError(f"{where}: {module.__file__} has no class {class_name!r}{nearest(class_name, known)}")
    return found


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
        """Tell importlib, in its own way, to leave compiled files alone."""
        raise OSError("compile from the source")


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
