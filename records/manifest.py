"""``manifest.json``: what made the files of an output directory.

``{"dynode", "git_commit", "packages", "config", "seed", "inputs": {path: {"size", "sha256"}}, "stages": {"process": {"key", "started",
"seconds", ...}, "fit": ..., "plot": ...}}``; each stage writes its own part and leaves the others' as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import InputError
from configs.schema import Config, as_json
from records.atomic import write_text
from records.provenance import dynode_version, git_commit, package_versions

MANIFEST = "manifest.json"


def update_manifest(
    output: str | Path, stage: str, entry: Mapping[str, Any], *, config: Config | None = None, inputs: Mapping[str, Any] | None = None
) -> None:
    """Replace the part of ``stage`` ("process", "fit", "plot") in the manifest of ``output``, atomically.

    ``entry`` is ``{"key", "started" (ISO 8601), "seconds", ...}``. ``config`` also records configuration and seed; ``inputs``: the files
    that the stage read, ``{path: {"size", "sha256"}}``.
    """
    output = Path(output)
    manifest = load_manifest(output)
    manifest |= {"dynode": dynode_version(), "git_commit": git_commit(), "packages": package_versions()}
    if config is not None:
        manifest |= {"config": as_json(config), "seed": config.seed}
    identities = inputs or {}
    part = {**entry, "inputs": sorted(identities)} if identities else dict(entry)
    manifest["stages"] = {**manifest.get("stages", {}), stage: part}
    used = {path for present in manifest["stages"].values() for path in present.get("inputs", ())}
    manifest["inputs"] = {path: identity for path, identity in {**manifest.get("inputs", {}), **identities}.items() if path in used}
    write_text(output / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def load_manifest(output: str | Path) -> dict[str, Any]:
    """The manifest of an output directory; empty when there is none. Raises ``InputError`` when it cannot be read."""
    path = Path(output) / MANIFEST
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable manifest ({error}); delete it, the next run writes a new one") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("stages", {}), dict):
        raise InputError(f"{path}: not a manifest (expected a mapping with 'stages'); delete it, the next run writes a new one")
    return manifest
