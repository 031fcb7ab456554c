"""What is known of the sources, as arrays (J,) in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data_info.dwarf_galaxies import Source

Array = NDArray[np.float64]


def directions(sources: Sequence[Source]) -> tuple[Array, Array]:
    """Right ascensions and declinations in rad."""
    return np.array([one.galaxy.ra_rad for one in sources]), np.array([one.galaxy.dec_rad for one in sources])


def strengths(sources: Sequence[Source]) -> Array:
    """J in GeV^2 cm^-5, for decays D in GeV cm^-2."""
    return np.asarray(10.0 ** np.array([one.j.log10 for one in sources]))


def errors_dex(sources: Sequence[Source]) -> tuple[Array, Array]:
    """Errors of log10 J, up and down."""
    return np.array([one.j.plus for one in sources]), np.array([one.j.minus for one in sources])
