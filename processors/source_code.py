"""The source code and the package versions that a result depends on: what makes the journal recompute after a change.

Imports are followed through the syntax tree, without running anything: from a processor's module to the modules of the project and the
modules beside it that it imports, at any depth.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLLOWED = ("data_info", "physics", "records", "readers", "simulation", "processors")  # configs enters by its values, not by its code
PROJECT_NAMES = (*FOLLOWED, "configs", "fits", "plotting", "run_processor", "run_fit", "run_plots", "run_analysis")
PACKAGES = ("numpy", "awkward", "boost-histogram", "hist", "dynode")
TABLES = (".csv", ".txt", ".dat", ".json")  # data beside the modules of data_info


def always_used() -> list[Path]:
    """The modules that shape every result: the work on a chunk and all readers (which are chosen by name, not imported)."""
    processors = [PROJECT / "processors" / f"{name}.py" for name in ("work", "packing")]
    return [*processors, *sorted((PROJECT / "readers").glob("*.py"))]


def relied_on(module_file: str | None, beside: Path | None = None) -> tuple[Path, ...]:
    """The source files that a processor in ``module_file`` relies on, those that every result relies on included."""
    own = [Path(module_file)] if module_file else []
    return tuple(closure([*own, *always_used()], beside))


def closure(files: Iterable[Path], beside: Path | None = None) -> list[Path]:
    """All source files that ``files`` import, themselves included, sorted: of the project, and below the folder ``beside``.

    A package's data tables (data_info) belong to it. Files that do not parse are listed and not followed.
    """
    found: set[Path] = set()
    waiting = [path.resolve() for path in files]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += _package_of(path)
        for folder, module in _imports(path):
            waiting += _resolve(folder, module, beside)
    if any(path.parent == PROJECT / "data_info" for path in found):
        found.update(table for table in (PROJECT / "data_info").rglob("*") if table.suffix in TABLES)
    return sorted(found)


def digest(files: Iterable[Path]) -> str:
    """SHA-256 of names and contents; names relative to the project where they lie in it, so that another checkout agrees."""
    total = hashlib.sha256()
    for path in files:
        name = str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else path.name
        content = path.read_bytes()
        total.update(f"{name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


@functools.lru_cache(maxsize=64)
def versions(more: frozenset[str] = frozenset()) -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in sorted({*PACKAGES, *more}):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def imported_packages(files: Iterable[Path]) -> frozenset[str]:
    """Top-level names of everything that ``files`` import."""
    return frozenset(module.split(".")[0] for path in files for _, module in _imports(path))


def _imports(path: Path) -> Iterator[tuple[Path | None, str]]:
    """(folder a relative import starts at or None, dotted name) of every import, those inside functions included."""
    if path.suffix == ".py":
        for level, name in _imported_names(path.read_bytes()):
            yield (path.parents[level - 1] if level else None), name


@functools.lru_cache(maxsize=1024)
def _imported_names(source: bytes) -> tuple[tuple[int, str], ...]:
    """(number of leading dots, dotted name) of every import of a module; none of one that does not parse."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return ()
    plain = [(0, alias.name) for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named = [(node, alias) for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    return (*plain, *((node.level, f"{node.module or ''}.{alias.name}".strip(".")) for node, alias in named))


def _package_of(path: Path) -> list[Path]:
    """The ``__init__.py`` that Python runs before this module, if any."""
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    return [folder / "__init__.py"] if path.suffix == ".py" and (folder / "__init__.py").is_file() else []


def _resolve(folder: Path | None, module: str, beside: Path | None) -> list[Path]:
    """Source files of a dotted name (whose last part may be a name inside the module), with the packages above it."""
    parts = module.split(".")
    root = folder or (PROJECT if parts[0] in FOLLOWED else None if parts[0] in PROJECT_NAMES else beside)
    if root is None:
        return []
    places = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    candidates = [candidate for place in places for candidate in (place.with_suffix(".py"), place / "__init__.py")]
    return [candidate.resolve() for candidate in candidates if candidate.is_file()]
