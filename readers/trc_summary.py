"""What waveform files say about themselves: settings for ``--inspect``, and remarks on what is kept but not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from readers.trc_layout import plain

if TYPE_CHECKING:
    from readers.trc_group import Batch, TrcGroup

SHOWN_VALUES = 4


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
        "samples": _varied([group.samples for group in batch.groups]),
        "segments": _varied([group.layout.segments for group in batch.groups]),
        "sample type": _varied([f"int{8 * group.layout.sample_dtype.itemsize}" for group in batch.groups]),
        "byte order": _varied(["little endian" if group.layout.order == "<" else "big endian" for group in batch.groups]),
    }
    names = dict.fromkeys(name for group in batch.groups for name in group.layout.template.fields)
    for name in names:
        told[name] = _varied(
            [plain(value) for group in batch.groups if name in group.layout.template.fields for value in np.unique(group.headers[name])]
        )
    return told


def _varied(values: list[Any]) -> Any:
    """The one value, a few of them, or their range."""
    different = sorted(set(values))
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
