"""Galactic coordinates against known places and as a rotation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physics.galactic import SAGITTARIUS_A, equatorial
from physics.sphere import angle


@pytest.mark.parametrize(
    ("longitude", "latitude", "ra", "dec"),
    [
        (0.0, 0.0, 266.40499, -28.93617),  # centre of the system of coordinates
        (122.93192, 27.12825, None, 90.0),  # celestial pole
        (0.0, 90.0, 192.85948, 27.12825),
        (184.55746, -5.78436, 83.63308, 22.01450),  # Crab nebula, SIMBAD
        (280.46525, -32.88844, 80.89417, -69.75611),  # Large Magellanic Cloud, SIMBAD
    ],
)
def test_known_places(longitude: float, latitude: float, ra: float | None, dec: float) -> None:
    found_ra, found_dec = equatorial(math.radians(longitude), math.radians(latitude))
    assert math.degrees(float(found_dec)) == pytest.approx(dec, abs=2e-4)
    if ra is not None:
        assert math.degrees(float(found_ra)) == pytest.approx(ra, abs=1e-3)


def test_angles_are_kept() -> None:
    generator = np.random.default_rng(1)
    longitude, latitude = generator.uniform(0.0, 2.0 * math.pi, (2, 200)), np.arcsin(generator.uniform(-1.0, 1.0, (2, 200)))
    ra, dec = equatorial(longitude, latitude)
    np.testing.assert_allclose(
        angle(ra[0], dec[0], ra[1], dec[1]), angle(longitude[0], latitude[0], longitude[1], latitude[1]), atol=1e-12
    )  # fmt: skip


def test_sagittarius_a_lies_near_the_centre() -> None:
    centre = equatorial(0.0, 0.0)
    assert math.degrees(float(angle(*centre, *SAGITTARIUS_A))) == pytest.approx(0.0725, abs=1e-3)  # l = 359.944, b = -0.046 deg
