"""A tank's photomultipliers from an .npz file: ``tube_no`` (from 1), ``position`` (n, 3) in cm, ``orientation`` (n, 3; unit vectors, inwards)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from configs.errors import nearest
from physics.tank_geometry import Geometry
from readers.plain_arrays import read_npz
from readers.source import SourceError

UNIT_TOLERANCE = 1e-3  # of the length of an orientation


def read_geometry(path: str | Path) -> Geometry:
    """The photomultipliers in the order of their numbers.

    Raises ``SourceError`` for missing arrays, shapes that differ, numbers that are not 1 to n, values that are not finite, orientations that are
    not unit vectors, and files that need unpickling.
    """
    arrays = read_npz(path)
    if missing := [name for name in ("tube_no", "position", "orientation") if name not in arrays]:
        raise SourceError(f"{path}: no array {missing[0]!r}{nearest(missing[0], arrays)}; a geometry holds tube_no, position, orientation")
    number, position, orientation = arrays["tube_no"], arrays["position"], arrays["orientation"]
    shape = (len(number), 3) if number.ndim == 1 else None
    if position.shape != shape or orientation.shape != shape:
        raise SourceError(
            f"{path}: tube_no {number.shape}, position {position.shape}, orientation {orientation.shape}; needed are (n,), (n, 3), (n, 3)"
        )
    order = np.argsort(number, kind="stable")
    if not np.array_equal(number[order], np.arange(1, len(number) + 1)):
        raise SourceError(f"{path}: tube_no must be the numbers 1 to {len(number)}, each once")
    placed = Geometry(position[order].astype(np.float64), orientation[order].astype(np.float64))
    length = np.linalg.norm(placed.orientation, axis=1)
    if not np.isfinite(placed.position_cm).all() or not np.all(np.abs(length - 1) < UNIT_TOLERANCE):
        raise SourceError(f"{path}: positions must be finite and orientations unit vectors (lengths {length.min():.4g} to {length.max():.4g})")
    return placed
