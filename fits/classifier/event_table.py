"""Event columns as the performance analysis wants them: ``row``, ``label`` as a position among the classes, and variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from physics.tank import Tank, dwall

UNKNOWN = -1


def with_vertex_variables(columns: Mapping[str, ArrayLike], tank: Tank) -> dict[str, NDArray]:
    """The columns and, where they lack, r2 (cm^2) and dwall (cm) from x, y, z (cm). Raises InputError where a coordinate is missing."""
    table = {name: np.asarray(values) for name, values in columns.items()}
    for axis in "xyz":
        if axis not in table:
            raise InputError(f"events without column {axis!r}: a vertex needs x, y, z{nearest(axis, table)}")
    x, y, z = (np.asarray(table[axis], float) for axis in "xyz")
    return {"r2": x**2 + z**2, "dwall": dwall(np.column_stack([x, y, z]), tank)} | table


def class_codes(labels: ArrayLike, label_map: Mapping[int, str], classes: Sequence[str]) -> NDArray[np.int64]:
    """Label codes of a file -> positions in ``classes``; ``UNKNOWN`` for a code that is in neither.

    >>> class_codes([0, 1, 7], {0: "gamma", 1: "e-"}, ["e-", "gamma"]).tolist()
    [1, 0, -1]
    """
    places = {code: list(classes).index(name) for code, name in label_map.items() if name in classes}
    values, inverse = np.unique(np.asarray(labels), return_inverse=True)
    return np.array([places.get(int(value), UNKNOWN) for value in values], np.int64)[inverse.reshape(-1)]


def direction(columns: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """Unit vectors (n, 3) from the columns cos_zenith (of the vertical, y) and azimuth (in x and z)."""
    cosine, azimuth = np.asarray(columns["cos_zenith"], float), np.asarray(columns["azimuth"], float)
    sine = np.sqrt(np.maximum(1.0 - cosine**2, 0.0))
    return np.column_stack([sine * np.cos(azimuth), cosine, sine * np.sin(azimuth)])
