"""A YAML document with the place of every key: its line in the file, or the ``--set`` of the command line that gave it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from configs.errors import InputError

KeyPath = tuple[str | int, ...]
NUMBER = ("tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"))


class Loader(yaml.SafeLoader):
    """YAML in which 1e8 is a number, as in YAML 1.2; PyYAML follows 1.1, where only 1.0e+8 is one and 1e8 is text."""

    yaml_implicit_resolvers = yaml.SafeLoader.yaml_implicit_resolvers | {
        first: [*yaml.SafeLoader.yaml_implicit_resolvers[first], NUMBER] for first in "+-.0123456789"
    }


@dataclass(frozen=True)
class Document:
    """The mapping after the overrides; ``lines``: of every key path in the file; ``overrides``: key path -> ``key.path=value``."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    overrides: Mapping[KeyPath, str]

    def say(self, location: KeyPath, text: str) -> str:
        """A message about a key: the place that gave it, its path, the text."""
        given = max((path for path in self.overrides if location[: len(path)] == path), key=len, default=None)
        if given is not None:
            return f"--set {self.overrides[given]}: {'' if given == location else f'{dotted(location)}: '}{text}"
        below = [text for path, text in self.overrides.items() if path[: len(location)] == location]
        changed = f" (with --set {' --set '.join(below)})" if below and location else ""
        return f"{self.path}{self._line(location)}: {dotted(location) or 'configuration'}{changed}: {text}"

    def only_by_override(self, location: KeyPath) -> bool:
        """Whether a key is in no line of the file."""
        return location not in self.lines

    def _line(self, location: KeyPath) -> str:
        """``:17`` for the deepest known part of a key path, or nothing."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.lines:
                return f":{self.lines[location[:length]]}"
        return ""


def read_document(path: Path, overrides: Sequence[str]) -> Document:
    """Read a YAML mapping and apply ``key.path=value``. Raises ``InputError`` for a file or an override that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise InputError(
            f"{path}: cannot read the configuration ({reason}); give the path of a YAML file, e.g. configs/diffuse_example.yaml"
        ) from None
    data, lines = _parse(text, path)
    given: dict[KeyPath, str] = {}
    for override in overrides:
        given[_override(data, override)] = override
    return Document(path, data, lines, given)


def dotted(location: Sequence[str | int]) -> str:
    """A key path as it is written in ``--set``."""
    return ".".join(str(part) for part in location)


def _parse(text: str, path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the YAML mapping and the line of every key path in it."""
    try:
        root = yaml.compose(text, Loader=Loader)
        data = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: a configuration is a mapping of keys (name, analysis, datasets, ...), not {type(data).__name__}")
    lines: dict[KeyPath, int] = {}
    _collect_lines(root, (), lines, path)
    return _apart(data), lines


def _apart(value: Any) -> Any:
    """The same value with nothing shared: what stands behind an anchor and its aliases is one object to YAML, and --set means one key."""
    if isinstance(value, dict):
        return {key: _apart(one) for key, one in value.items()}
    return [_apart(one) for one in value] if isinstance(value, list) else value


def _collect_lines(node: yaml.Node | None, prefix: KeyPath, lines: dict[KeyPath, int], path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*prefix, key.value)
            if here in lines:
                raise InputError(f"{path}:{key.start_mark.line + 1}: {dotted(here)} is given twice (first in line {lines[here]}); keep one")
            lines[here] = key.start_mark.line + 1
            _collect_lines(value, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*prefix, index)] = value.start_mark.line + 1
            _collect_lines(value, (*prefix, index), lines, path)


def _override(data: dict[str, Any], override: str) -> KeyPath:
    """Change one key and return its path."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InputError(f"--set {override}: expected key.path=value, e.g. --set fits.main.likelihood=say")
    try:
        value = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise InputError(f"--set {override}: the value is not valid YAML: {error}") from None
    *parents, last = key.split(".")
    target: Any = data
    location: list[str | int] = []
    for parent in parents:
        location.append(_step(target, parent, override))
        target = target.setdefault(parent, {}) if isinstance(target, dict) else target[int(parent)]
    location.append(_step(target, last, override))
    target[location[-1]] = value
    return tuple(location)


def _step(target: Any, part: str, override: str) -> str | int:
    """A part of a key path as key of a mapping or index of a list."""
    if isinstance(target, list) and part.isdigit() and int(part) < len(target):
        return int(part)
    if not isinstance(target, dict):
        raise InputError(f"--set {override}: {part} lies below a value, not below a mapping")
    return part
