"""Results kept under the digest of what they depend on (options, histograms, code): ``<output>/stored/<part>.json``.

``load_*`` takes them where nothing has changed; where something has, it is computed anew if it may be, else an error names what changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from configs.errors import InputError
from records.atomic import write_text
from records.provenance import value_digest
from records.results import decode_result, encode_result

FOLDER = "stored"


class Switch(NamedTuple):
    """A key of the configuration that is true or false."""

    key: str
    on: bool


@dataclass(frozen=True)
class Stored:
    """One part of the results. ``depends``: what it depends on, name -> plain JSON value or digest."""

    folder: Path
    part: str
    depends: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """Where it stands."""
        return self.folder / FOLDER / f"{self.part}.json"

    @property
    def key(self) -> str:
        """Digest of all that it depends on."""
        return value_digest(dict(self.depends))

    def changed(self) -> list[str] | None:
        """Names of what is not as it was, None where nothing is stored; empty: it can be used."""
        content = self._content()
        if content is None:
            return None
        before = content["depends"]
        names = sorted({*before, *self.depends})
        return [name for name in names if before.get(name) != json.loads(json.dumps(self.depends.get(name)))]

    def load(self) -> dict[str, Any]:
        """The results, as they were stored."""
        content = self._content() or {"results": {}}
        return {name: decode_result(entry, f"{self.path}: results.{name}") for name, entry in content["results"].items()}

    def save(self, results: Mapping[str, Any]) -> None:
        """Keep results."""
        encoded = {name: encode_result(one) for name, one in results.items()}
        content = {"part": self.part, "key": self.key, "depends": dict(self.depends), "results": encoded}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(content, indent=1, allow_nan=False) + "\n")

    def usable(self, load: Switch, compute: Switch) -> bool:
        """Whether what is stored is to be taken. InputError where it was asked for, has changed or is missing, and must not be computed."""
        if not load.on:
            return False
        changed = self.changed()
        if changed == []:
            return True
        if compute.on:
            return False
        why = "nothing is stored" if changed is None else f"changed since: {', '.join(changed)}"
        raise InputError(f"{self.path}: {load.key} asks for what is stored, but {why}; set {compute.key}: true")

    def _content(self) -> dict[str, Any] | None:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return content if {"depends", "results", "key"} <= set(content) else None
        except (OSError, ValueError, TypeError):
            return None
