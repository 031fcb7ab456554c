import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from physics.sphere import angle, offset, ring_sr, scrambled_cdf

RA = st.floats(0.0, 2 * math.pi)
DEC = st.floats(-math.pi / 2, math.pi / 2)


@given(ra=RA, dec=DEC)
def test_identical_and_opposite_directions(ra: float, dec: float) -> None:
    """arccos without a clip gave NaN for identical directions."""
    assert angle(ra, dec, ra, dec) == pytest.approx(0.0, abs=1e-12)
    assert angle(ra, dec, ra + math.pi, -dec) == pytest.approx(math.pi, abs=1e-7)


@given(ra_1=RA, dec_1=DEC, ra_2=RA, dec_2=DEC)
def test_angle_is_that_between_unit_vectors(ra_1: float, dec_1: float, ra_2: float, dec_2: float) -> None:
    def unit(ra: float, dec: float) -> np.ndarray:
        return np.array([math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)])

    u, v = unit(ra_1, dec_1), unit(ra_2, dec_2)
    assert angle(ra_1, dec_1, ra_2, dec_2) == pytest.approx(math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v)), abs=1e-12)


@given(ra=RA, dec=st.floats(-1.5, 1.5), psi=st.floats(1e-3, 3.1), position_angle=RA)
@example(ra=0.0, dec=0.0, psi=1.0, position_angle=2 * math.pi)
def test_offset_is_at_its_distance(ra: float, dec: float, psi: float, position_angle: float) -> None:
    there = offset(ra, dec, psi, position_angle)
    assert angle(ra, dec, *there) == pytest.approx(psi, abs=1e-7)
    assert 0.0 <= there[0] < 2 * math.pi


def test_offset_to_the_north_and_to_the_east() -> None:
    assert offset(1.0, 0.2, 0.1, 0.0) == (pytest.approx(1.0), pytest.approx(0.3))
    assert offset(1.0, 0.0, 0.1, math.pi / 2) == (pytest.approx(1.1), pytest.approx(0.0, abs=1e-15))


def test_rings_cover_the_sphere() -> None:
    assert ring_sr(np.radians([0.0, 1.0, 30.0, 90.0, 180.0])).sum() == pytest.approx(4 * math.pi, rel=1e-15)


@pytest.mark.parametrize(
    ("dec", "source_dec", "psi", "expected"),
    [
        (60, 57.92, 5, 0.04905),
        (60, 57.92, 30, 0.33408),
        (60, 57.92, 60, 0.84272),
        (60, 57.92, 90, 1.0),
        (-20, 57.92, 90, 0.30279),
        (-20, 57.92, 120, 0.63839),
    ],
)
def test_golden_15_angle_of_scrambled_events(dec: float, source_dec: float, psi: float, expected: float) -> None:
    assert scrambled_cdf(*np.radians([psi, dec, source_dec])) == pytest.approx(expected, abs=1e-5)


def test_golden_15_average_over_the_sphere_is_isotropic() -> None:
    dec = np.arcsin((np.arange(20_000) + 0.5) / 10_000 - 1.0)
    for psi in (0.3, 1.0, 2.5):
        assert scrambled_cdf(psi, dec, 0.7).mean() == pytest.approx((1 - math.cos(psi)) / 2, abs=2e-5)


def test_scrambled_angle_against_random_right_ascensions() -> None:
    ra = np.random.default_rng(3).uniform(0.0, 2 * math.pi, 200_000)
    psi = angle(ra, -0.4, 1.0, 0.9)
    for cut in (1.2, 1.8, 2.2):
        assert (psi < cut).mean() == pytest.approx(scrambled_cdf(cut, -0.4, 0.9), abs=4e-3)


def test_events_and_sources_at_the_poles() -> None:
    assert scrambled_cdf([0.5, 0.7], math.pi / 2, math.pi / 2 - 0.6).tolist() == [0.0, 1.0]
    assert np.isfinite(scrambled_cdf(np.linspace(0, math.pi, 7), math.pi / 2, math.pi / 2)).all()
