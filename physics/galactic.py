"""Galactic and equatorial coordinates (J2000)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physics.sphere import offset

Array = NDArray[np.float64]

# North galactic pole and the galactic longitude of the celestial pole, J2000 (Liu, Zhu and Zhang, A&A 526 (2011) A16, section 2).
POLE_RA, POLE_DEC, LONGITUDE_OF_CELESTIAL_POLE = (math.radians(degrees) for degrees in (192.85948, 27.12825, 122.93192))
SAGITTARIUS_A = (math.radians(266.41684), math.radians(-29.00781))  # Reid and Brunthaler, ApJ 616 (2004) 872


def equatorial(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Array, Array]:
    """Right ascension in [0, 2 pi) and declination of galactic coordinates, all in rad.

    >>> ra, dec = equatorial(0.0, 0.0)
    >>> round(math.degrees(float(ra)), 2), round(math.degrees(float(dec)), 2)
    (266.4, -28.94)
    """
    away = math.pi / 2.0 - np.asarray(latitude, dtype=np.float64)
    return offset(POLE_RA, POLE_DEC, away, LONGITUDE_OF_CELESTIAL_POLE - np.asarray(longitude, dtype=np.float64))
