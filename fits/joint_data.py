"""Whether two samples of a joint fit hold the same events: they are independent measurements or the errors are wrong."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from configs.errors import InputError
from fits.diffuse_inputs import Inputs
from records.manifest import load_manifest

OVERLAP = 1.0e-9  # of two bins in an axis, relative to their ends: less is a common edge


def refuse_same_events(where: str, samples: Mapping[str, Inputs]) -> None:
    """Refuse two samples that read the same files of data (by content) into bins that overlap; a file may be split between samples.

    ``where``: key path of the samples. Raises InputError naming both.
    """
    for (name, one), (other_name, other) in itertools.combinations(samples.items(), 2):
        if one.config.output.resolve() == other.config.output.resolve():
            shared = f"are fits of one run, {one.config.output}"
        elif files := sorted(set(data_files(one)) & set(data_files(other))):
            if not _any_overlap(one, other):
                continue
            shared = f"read the same events ({data_files(one)[files[0]]}) into bins that overlap"
        else:
            continue
        raise InputError(f"{where}: {name} and {other_name} {shared}: every event would count twice; leave one out, or cut them apart (processor)")


def data_files(inputs: Inputs) -> dict[str, str]:
    """Identity of every file with data events -> its path, as the processor's run recorded them."""
    manifest = load_manifest(inputs.config.output)
    paths = manifest.get("stages", {}).get("process", {}).get("data", [])
    known = manifest.get("inputs", {})
    return {str(known.get(path, {}).get("sha256") or _place(path)): path for path in paths}


def _place(path: str) -> str:
    return path if "://" in path else str(Path(path).resolve())


def _any_overlap(one: Inputs, other: Inputs) -> bool:
    ours, theirs = _selected(one), _selected(other)
    apart = {channel for channel, *_ in ours} & {channel for channel, *_ in theirs}
    return any(_overlap(a, b, apart) for a in ours for b in theirs)


Cell = tuple[str, tuple[float, float], str, tuple[float, float]]


def _selected(inputs: Inputs) -> set[Cell]:
    """Channel, energies, third axis and its range of every bin that the selection leaves something of."""
    selection = getattr(inputs.config.processor, "selection", None)
    low, high = (0.0, float("inf")) if selection is None else (selection.edep_min_gev, selection.edep_max_gev)
    cells = set()
    for one in inputs.response.bins:
        assert one.energy_gev is not None
        assert one.third is not None
        assert one.third_axis is not None
        energy = max(one.energy_gev[0], low), min(one.energy_gev[1], high)
        if energy[0] < energy[1]:
            cells.add((one.channel, energy, one.third_axis, one.third))
    return cells


def _overlap(one: Cell, other: Cell, apart: set[str]) -> bool:
    """Bins of different channels can hold the same event where one sample does not know the other's channel."""
    (channel, energy, axis, third), (other_channel, other_energy, other_axis, other_third) = one, other
    if channel != other_channel and {channel, other_channel} <= apart:
        return False
    return _intersect(energy, other_energy) and (axis != other_axis or _intersect(third, other_third))


def _intersect(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return min(one[1], other[1]) - max(one[0], other[0]) > OVERLAP * max(map(abs, (*one, *other)))
