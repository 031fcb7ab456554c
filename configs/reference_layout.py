"""A configuration in the layout of the reference documentation -> that of ``StoppingMuonsConfig``; messages name the keys as the user wrote them.

Capitals, blanks, ``_`` and ``-`` in the names of sections and keys are the same; a key may stand in its section, without one, or (with a warning) in
another one. ``Main`` and ``seed`` become ``name``, ``output_dir`` and ``seed``; ``inputs`` become ``datasets``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from configs.document import Document, KeyPath, dotted
from configs.errors import InputError, nearest
from configs.stopping_muons import SECTIONS

OWN = ("name", "analysis", "seed", "output_dir", "datasets", "executor", "plots")  # keys of every analysis
# Reference key -> (its section, where its value goes).
MOVED: dict[str, tuple[str, KeyPath]] = {
    "unique_name": ("main", ("name",)),
    "output_path": ("main", ("output_dir",)),
    "inputs": ("loading_data", ("datasets",)),
    "seed": ("general", ("seed",)),
}
INPUT_KEYS = {"path": "files", "type": "kind"}
SECTION_OF: dict[str, str] = {key: section for section, model in SECTIONS.items() for key in model.model_fields}
SECTION_NAMES = ("main", *SECTIONS)
IMPLYING = ("main", "unique_name", "loading_data", "unfolding")  # no other analysis has these


def plain(name: object) -> str:
    """A name without what makes no difference.

    >>> plain("Plot Correlations") == plain("plot_correlations") == plain("plot-correlations")
    True
    """
    return re.sub(r"[\s_-]+", "_", str(name).strip().lower())


def is_reference_layout(data: Mapping[str, Any]) -> bool:
    """Whether a configuration without ``analysis`` has sections that only this analysis has."""
    return "analysis" not in data and any(plain(name) in IMPLYING for name in data)


@dataclass(frozen=True)
class Translated(Document):
    """A document in our layout; messages name the keys as they were written."""

    written: Mapping[KeyPath, KeyPath] = field(default_factory=dict)

    def say(self, location: KeyPath, text: str) -> str:
        """A message about a key of our layout, at the place of the user's key."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.written:
                return super().say((*self.written[location[:length]], *location[length:]), text)
        absent = next(((section.replace("_", " ").capitalize(), key) for key, (section, moved) in MOVED.items() if moved == location), location)
        return super().say(absent, text)

    def only_by_override(self, location: KeyPath) -> bool:
        """Whether a key of our layout is in no line of the file."""
        return super().only_by_override(self.written.get(location, location))


def translate(document: Document) -> Translated:
    """The document in our layout. Raises ``InputError`` for unknown sections and keys (with the nearest), and for a key given twice."""
    builder = _Builder(document)
    for name, value in document.data.items():
        builder.top_level(name, value)
    return Translated(document.path, builder.data, document.lines, document.overrides, builder.written)


class _Builder:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.data: dict[str, Any] = {"analysis": "stopping_muons"}
        self.written: dict[KeyPath, KeyPath] = {}

    def top_level(self, name: str, value: Any) -> None:
        """A section, a key without its section, or a key of every analysis."""
        here: KeyPath = (name,)
        known = plain(name)
        if known in SECTION_NAMES and (isinstance(value, dict) or value is None):
            for key, inner in (value or {}).items():
                self.key(known, str(key), inner, (name, str(key)))
        elif known in OWN:
            self.put((known,), value, here)
        elif known in SECTION_OF or known in MOVED:
            self.key(None, name, value, here)
        else:
            raise InputError(self.document.say(here, f"unknown section or key{nearest(known, [*SECTION_NAMES, *OWN, *SECTION_OF, *MOVED])}"))

    def key(self, section: str | None, name: str, value: Any, here: KeyPath) -> None:
        """One key of a section, or without one."""
        known = plain(name)
        own, target = MOVED.get(known) or (SECTION_OF.get(known, ""), (SECTION_OF.get(known, ""), known))
        if not own:
            near = SECTIONS[section].model_fields if section in SECTIONS else {}
            found = nearest(known, [*near, *(key for key, (moved, _) in MOVED.items() if moved == section)])
            found = found if "did you mean" in found else nearest(known, [*SECTION_OF, *MOVED])
            raise InputError(self.document.say(here, f"unknown key{found}"))
        if section is not None and section != own:
            warnings.warn(self.document.say(here, f"this key belongs to the section {own}, not {section}; it is used"), stacklevel=5)
        if target == ("datasets",) and isinstance(value, dict):
            self.written.setdefault(target, here)
            for data_set, options in value.items():
                self.data_set(str(data_set), options, (*here, data_set))
            return
        self.put(target, value, here)

    def data_set(self, name: str, options: Any, here: KeyPath) -> None:
        """One entry of ``inputs``."""
        self.written.setdefault(("datasets", name), here)
        if not isinstance(options, dict):
            self.put(("datasets", name), options, here)
            return
        self.data.setdefault("datasets", {}).setdefault(name, {})
        for key, value in options.items():
            self.put(("datasets", name, INPUT_KEYS.get(str(key), str(key))), value, (*here, key))

    def put(self, target: KeyPath, value: Any, here: KeyPath) -> None:
        """Set a key of our layout; what the command line gives goes over what the file gives."""
        place: Any = self.data
        for part in target[:-1]:
            place = place.setdefault(part, {})
        before = self.written.get(target)
        if before is not None and before != here:
            overriding = [self._overridden(path) for path in (before, here)]
            if overriding[0] == overriding[1]:
                raise InputError(self.document.say(here, f"given twice (also as {dotted(before)}); keep one"))
            if overriding[0]:
                value, here, place[target[-1]] = place[target[-1]], before, value
            if isinstance(value, dict) and isinstance(place[target[-1]], dict):
                value = _merged(place[target[-1]], value)
        place[target[-1]] = value
        self.written[target] = here

    def _overridden(self, path: KeyPath) -> bool:
        """Whether the command line alone gives this key."""
        return path not in self.document.lines and any(given[: len(path)] == path for given in self.document.overrides)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merged(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
    return merged
