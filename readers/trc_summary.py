"""What waveform files say about themselves: settings for ``--inspect``, and remarks on what is kept but not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from readers.trc_checks import processing_names, record_types
from readers.trc_layout import plain
from readers.trc_times import start_times

if TYPE_CHECKING:
    from readers.trc_group import Batch, TrcGroup

SHOWN_VALUES = 4
COUPLINGS = {0: "DC50", 1: "GND", 2: "DC1M", 3: "GND", 4: "AC1M"}  # others stay numbers
TIME_FIELDS = {f"TRIGGER_{part}" for part in ("SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR")}
_STEPS = [f"{digit}{zeros}" for zeros in ("", "0", "00") for digit in "125"]


def _per_division(units: str, count: int) -> dict[int, str]:
    """The 1, 2, 5 sequence of an oscilloscope's knobs, by number.

    >>> _per_division("ps ns", 12)[9]
    '1 ns/div'
    """
    sequence = [f"{step} {unit}/div" for unit in units.split() for step in _STEPS]
    return dict(enumerate(sequence[:count]))


NAMES: dict[str, dict[int, str]] = {
    "TIMEBASE": {**_per_division("ps ns us ms s ks", 48), 100: "external"},
    "FIXED_VERT_GAIN": _per_division("uV mV V kV", 28),
    "VERT_COUPLING": COUPLINGS,
    "BANDWIDTH_LIMIT": {0: "off", 1: "on"},
    "WAVE_SOURCE": {0: "C1", 1: "C2", 2: "C3", 3: "C4", 9: "unknown"},
}


LAYOUT: dict[str, Callable[[TrcGroup], Any]] = {
    "samples": lambda group: group.samples,
    "segments": lambda group: group.layout.segments,
    "sample type": lambda group: f"int{8 * group.layout.sample_dtype.itemsize}",
    "byte order": lambda group: "little endian" if group.layout.order == "<" else "big endian",
}


class Attributes(Mapping[str, Any]):
    """``attributes`` of a batch, made when first looked at: a run opens many batches and looks at none."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    @cached_property
    def _told(self) -> dict[str, Any]:
        return attributes(self._batch)

    def __getitem__(self, name: str) -> Any:
        return self._told[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)


def attributes(batch: Batch) -> dict[str, Any]:
    """Layout and descriptor fields of all files: a value that all share, or how it varies."""
    told: dict[str, Any] = {
        "files": sum(len(group.paths) for group in batch.groups),
        "files refused": len(batch.refused),
        **{name: _varied(list(map(of_group, batch.groups))) for name, of_group in LAYOUT.items()},
    }
    times = np.concatenate([start_times(group.headers) for group in batch.groups])
    told["trigger time"] = _varied([str(time) for time in (times.min(), times.max())])
    names = dict.fromkeys(name for group in batch.groups for name in group.layout.template.fields if name not in TIME_FIELDS)
    for name in names:
        told[name] = _varied([value for group in batch.groups for value in _values(group, name)])
    return told


def _values(group: TrcGroup, name: str) -> list[Any]:
    """The different values of a field, by their names where they have any; none where the template lacks it."""
    if name not in group.layout.template.fields:
        return []
    names = {"RECORD_TYPE": record_types(group.layout), "PROCESSING_DONE": processing_names(group.layout)}.get(name)
    known = NAMES.get(name, {}) if names is None else dict(enumerate(names))
    return [known.get(value, value) for value in map(plain, np.unique(group.headers[name]))]


def _varied(values: list[Any]) -> Any:
    """The one value, a few of them, or their range."""
    different = sorted(set(values), key=lambda value: (isinstance(value, str), value))
    if len(different) == 1:
        return different[0]
    if len(different) <= SHOWN_VALUES:
        return ", ".join(map(str, different))
    return f"{different[0]} to {different[-1]} ({len(different)} values)"


def remarks(batch: Batch) -> tuple[str, ...]:
    """What is kept but must be known: incomplete sequences."""
    return tuple(remark for group in batch.groups for remark in _incomplete(group))


def _incomplete(group: TrcGroup) -> Iterator[str]:
    nominal = group.headers["NOM_SUBARRAY_COUNT"]
    short = np.flatnonzero(nominal > group.layout.segments)
    if len(short):
        more = f" and {len(short) - 1} more files" if len(short) > 1 else ""
        yield (
            f"{group.paths[short[0]]}{more}: incomplete sequence: SUBARRAY_COUNT {group.layout.segments} of {nominal[short[0]]} segments "
            f"(NOM_SUBARRAY_COUNT); those there are kept"
        )
