"""Which rows of a file were for testing, validation, training: checks, and the proof that indices are those of one split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest


def whole_numbers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """A flat array of whole numbers; raises InputError naming ``name`` for anything else."""
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or (np.isfinite(array).all() and np.all(array == np.round(array)))):
        raise InputError(f"{name}: expected one whole number for each row, found {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)


def check_splits(splits: Mapping[str, ArrayLike], n_rows: int | None = None) -> dict[str, NDArray[np.int64]]:
    """Split name -> sorted row numbers. Raises InputError for repeated, overlapping, negative or too large row numbers."""
    checked = {name: np.sort(whole_numbers(values, name)) for name, values in splits.items()}
    for name, rows in checked.items():
        repeated = rows[1:][rows[1:] == rows[:-1]]
        if repeated.size:
            raise InputError(f"split {name} repeats {repeated.size} row numbers, e.g. {repeated[0]}; make the splits again")
        outside = rows[(rows < 0) | (rows >= (n_rows if n_rows is not None else np.iinfo(np.int64).max))]
        if outside.size:
            raise InputError(
                f"split {name}: {outside.size} row numbers outside the file (0..{(n_rows or 0) - 1}), e.g. {outside[0]}; another file's splits"
            )
    names = list(checked)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            both = np.intersect1d(checked[first], checked[second], assume_unique=True)
            if both.size:
                raise InputError(f"splits {first} and {second} overlap in {both.size} rows, e.g. row {both[0]}; make the splits again")
    return checked


def overlaps(indices: NDArray, splits: Mapping[str, NDArray]) -> dict[str, int]:
    """Split -> how many of the (unique) indices it holds."""
    return {name: int(np.isin(indices, rows).sum()) for name, rows in splits.items()}


def fitting_splits(indices: NDArray, splits: Mapping[str, NDArray]) -> list[str]:
    """Names of the splits whose rows are exactly these indices."""
    return [name for name, rows in splits.items() if len(rows) == len(indices) and np.array_equal(np.sort(indices), rows)]


def prove_split(indices: NDArray, splits: Mapping[str, NDArray], split: str) -> str:
    """One sentence that the indices are those of ``split``; raises InputError that states which split fits and every overlap."""
    if split not in splits:
        raise InputError(f"split {split!r} is not in the split file{nearest(split, splits)}")
    if split in fitting_splits(indices, splits):
        return f"indices match split {split} ({len(indices)}/{len(splits[split])})"
    raise InputError(
        f"wrong split: {describe_overlaps(indices, splits, split)}; set split to the one that the outputs were made from, or give the right outputs"
    )


def describe_overlaps(indices: NDArray, splits: Mapping[str, NDArray], asked: str | None = None) -> str:
    """``indices match split test_idxs (600/600), not val_idxs (0/600)``: the asked-for split and all others, with overlaps."""
    shared = overlaps(indices, splits)
    matching = fitting_splits(indices, splits)
    counts = {name: f"{name} ({shared[name]}/{len(splits[name])})" for name in splits}
    others = sorted((name for name in splits if name not in matching), key=lambda name: name != asked)
    no = ", ".join(counts[name] for name in others)
    return f"indices match split {', '.join(counts[name] for name in matching)}, not {no}" if matching else f"indices match no split: {no}"
