"""Directions on the sphere: angles, solid angles, points at a distance, and how angles are distributed when right ascension is random.

Right ascension, declination and angles are in rad; arrays follow NumPy's broadcasting.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def angle(ra_1: ArrayLike, dec_1: ArrayLike, ra_2: ArrayLike, dec_2: ArrayLike) -> Array:
    """Angle between directions, 0 for identical ones and never NaN for finite input (formula of Vincenty, exact near 0 and pi).

    >>> float(angle(0.0, 0.0, math.pi / 2, 0.0)) == math.pi / 2
    True
    """
    d1, d2 = np.asarray(dec_1, dtype=np.float64), np.asarray(dec_2, dtype=np.float64)
    dra = np.subtract(ra_2, ra_1)
    across = np.hypot(np.cos(d2) * np.sin(dra), np.cos(d1) * np.sin(d2) - np.sin(d1) * np.cos(d2) * np.cos(dra))
    along = np.sin(d1) * np.sin(d2) + np.cos(d1) * np.cos(d2) * np.cos(dra)
    return np.asarray(np.arctan2(across, along))


def ring_sr(edges: ArrayLike) -> Array:
    """Solid angles of the rings between angles ``edges`` (n + 1,) from a direction: 2 pi (cos lo - cos hi)."""
    return -2.0 * math.pi * np.diff(np.cos(np.asarray(edges, dtype=np.float64)))


def offset(ra: ArrayLike, dec: ArrayLike, psi: ArrayLike, position_angle: ArrayLike) -> tuple[Array, Array]:
    """The direction at ``psi`` from (ra, dec) towards ``position_angle`` (north over east): right ascension in [0, 2 pi), declination."""
    d, p, a = (np.asarray(value, dtype=np.float64) for value in (dec, psi, position_angle))
    sin_dec = np.clip(np.sin(d) * np.cos(p) + np.cos(d) * np.sin(p) * np.cos(a), -1.0, 1.0)
    turned = np.arctan2(np.sin(a) * np.sin(p) * np.cos(d), np.cos(p) - np.sin(d) * sin_dec)
    there = np.asarray((np.asarray(ra) + turned) % (2.0 * math.pi))
    return np.where(there < 2.0 * math.pi, there, 0.0), np.asarray(np.arcsin(sin_dec))  # a tiny negative angle is rounded up to the full circle


def scrambled_cdf(psi: ArrayLike, dec: ArrayLike, source_dec: ArrayLike) -> Array:
    """P(angle to the source < ``psi``) of an event at declination ``dec`` whose right ascension is uniform; finite at the poles.

    With t = (cos psi - sin d sin ds) / (cos d cos ds) the angle is below psi where cos(dRA) > t: arccos(t) / pi, t clipped to [-1, 1].

    >>> round(float(scrambled_cdf(1.0, 0.0, 0.0)) * math.pi, 12)
    1.0
    """
    d, ds = np.asarray(dec, dtype=np.float64), np.asarray(source_dec, dtype=np.float64)
    over = np.cos(psi) - np.sin(d) * np.sin(ds)
    under = np.maximum(np.cos(d) * np.cos(ds), np.finfo(np.float64).tiny)
    with np.errstate(over="ignore"):
        return np.asarray(np.arccos(np.clip(over / under, -1.0, 1.0)) / math.pi)
