"""Module grids of dense event images: which photomultiplier a cell holds.

Tall barrel map (WatChMaL/DataTools, np_to_grid_hdf5.py): the barrel's modules are those below 600 and 696 to 735. Ring 0 holds the modules from
696, ring k the 40 modules from 40 (k - 1); the row of a cell is 15 - k, so that row 0 is the lowest ring, its column the place in the ring.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAPPED_GRID = (16, 40)
DENSE_PLACES = 19  # photomultipliers in a module
DENSE_CHANNELS = 2 * DENSE_PLACES  # charges, then times
RING = 40
BARREL_END = 600
TOP_RING = range(696, 736)


def mapped_cell(module: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column in the (16, 40) grid of each module; row -1 for a module that is not in the barrel.

    >>> [int(part) for part in mapped_cell(696)], [int(part) for part in mapped_cell(599)]
    ([15, 0], [0, 39])
    """
    number = np.asarray(module, dtype=np.int64)
    first = (number >= TOP_RING.start) & (number < TOP_RING.stop)
    ring = np.where(first, 0, 1 + number // RING)
    column = np.where(first, number - TOP_RING.start, number % RING)
    inside = first | ((number >= 0) & (number < BARREL_END))
    return np.where(inside, MAPPED_GRID[0] - 1 - ring, -1), np.where(inside, column, 0)


def mapped_modules() -> NDArray[np.int64]:
    """The module of each cell of the (16, 40) grid."""
    modules = np.concatenate([np.arange(BARREL_END), np.arange(TOP_RING.start, TOP_RING.stop)])
    return modules_of_cells(np.stack(mapped_cell(modules), axis=1), MAPPED_GRID, modules)


def modules_of_cells(cells: NDArray[np.int64], grid: tuple[int, int], modules: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The module of each cell of a grid from the cells (n, 2: row, column) of the modules; -1 for a cell without one."""
    numbers = np.arange(len(cells)) if modules is None else modules
    found = np.full(grid, -1, dtype=np.int64)
    found[cells[:, 0], cells[:, 1]] = numbers
    return found
