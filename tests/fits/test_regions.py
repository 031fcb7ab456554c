"""Regions of two scans in closed form: areas and overlaps of ellipses, rms of a known shift, grids that do not cover."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from reference.scan_numbers import area as shoelace
from surrogate_case import likelihood, toy_counts

from fits.comparison import ExternalScan, compare_scans, read_scan, sided_difference
from fits.contours import Surface, contours
from fits.intervals import CONTENTS, delta_nll_level
from fits.minimise import minimise
from fits.regions import region, uncovered
from fits.scans import scan

SIGMA_X, SIGMA_Y = 0.2, 1.5


def gaussian(shift: float = 0.0, rho: float = 0.0, reach: float = 6.0, points: int = 121) -> Surface:
    """A Gaussian likelihood whose minimum lies ``shift`` standard deviations off in x."""
    x, y = np.linspace(-reach, reach, points) * SIGMA_X, np.linspace(-reach, reach, points) * SIGMA_Y
    u, v = np.meshgrid(x / SIGMA_X - shift, y / SIGMA_Y, indexing="ij")
    return Surface(x, y, 0.5 * (u**2 - 2 * rho * u * v + v**2) / (1 - rho**2))


def published(surface: Surface) -> ExternalScan:
    return ExternalScan(surface.x, surface.y, surface.delta_nll + 122.9, "scan.txt")


def lens(radius: float, distance: float) -> float:
    """Intersection over union of two circles of one radius."""
    common = 2 * radius**2 * math.acos(distance / (2 * radius)) - 0.5 * distance * math.sqrt(4 * radius**2 - distance**2)
    return common / (2 * math.pi * radius**2 - common)


@pytest.mark.parametrize("shift", [0.3, 1.0, 2.0])
def test_overlap_of_two_ellipses(shift: float) -> None:
    """Scaled by the errors both regions are circles of radius sqrt(2 level), ``shift`` apart."""
    found = compare_scans(gaussian(shift), published(gaussian()))
    for key, content in (("iou_68", "0.6827"), ("iou_95", "0.9545")):
        assert found[key] == pytest.approx(lens(math.sqrt(2 * delta_nll_level(CONTENTS[content], 2)), shift), abs=0.01)


@pytest.mark.parametrize("shift", [0.1, 0.5, 1.0])
def test_rms_of_a_known_shift(shift: float) -> None:
    """The difference is shift^2 / 2 - shift u, and <u^2> = R^2 / 4 in the disc of radius R = sqrt(10) where the published one is below 5."""
    found = compare_scans(gaussian(shift), published(gaussian()))
    assert found["rms_delta_nll"] == pytest.approx(math.sqrt(shift**4 / 4 + shift**2 * 2.5), rel=0.01)


def test_a_scan_of_half_the_published_range_has_the_numbers_of_the_whole() -> None:
    """Our grid is interpolated onto the external one: other points, the same answer."""
    coarse, fine = gaussian(0.5, points=25), gaussian(0.5, points=121)
    one, other = (compare_scans(surface, published(gaussian())) for surface in (coarse, fine))
    assert one == pytest.approx(other, rel=1e-3)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_area_and_ends_of_an_ellipse_by_two_ways(rho: float) -> None:
    surface = gaussian(0.7, rho)
    for content, probability in CONTENTS.items():
        level = -math.log1p(-probability)
        found = region(surface, content)
        assert found is not None
        assert found.area == pytest.approx(2 * math.pi * level * SIGMA_X * SIGMA_Y * math.sqrt(1 - rho**2), rel=2e-3)
        assert found.area == pytest.approx(shoelace(contours(surface)[content]), rel=2e-3)
        half = math.sqrt(2 * level)
        assert found.x == pytest.approx(((0.7 - half) * SIGMA_X, (0.7 + half) * SIGMA_X), abs=2e-3 * SIGMA_X)
        assert found.y == pytest.approx((-half * SIGMA_Y, half * SIGMA_Y), abs=2e-3 * SIGMA_Y)


def test_a_region_at_the_edge_of_the_grid_has_no_size() -> None:
    small = gaussian(reach=2.0)
    assert region(small, "0.6827") is not None  # 1.5 standard deviations
    assert region(small, "0.9545") is None  # 2.5
    assert region(Surface(small.x, small.y, small.delta_nll + 2.0), "0.6827") is None  # no point below the level


def test_minimum_between_the_points_of_a_grid() -> None:
    x, y = np.linspace(0.0, 4.0, 9), np.linspace(-3.0, 3.0, 7)
    u, v = np.meshgrid(x - 1.23, y - 0.68, indexing="ij")
    assert Surface(x, y, 2.0 + u**2 + 0.3 * v**2 + 0.2 * u * v).minimum() == pytest.approx((1.23, 0.68, 2.0), abs=1e-5)


def test_minimum_at_the_edge_of_a_grid() -> None:
    x, y = np.linspace(0.0, 4.0, 9), np.linspace(0.0, 3.0, 7)
    u, v = np.meshgrid(x - 1.0, y + 1.0, indexing="ij")
    assert Surface(x, y, u**2 + v**2).minimum() == pytest.approx((1.0, 0.0, 1.0), abs=1e-5)


@pytest.mark.parametrize(
    ("ours", "external", "why"),
    [
        (gaussian(reach=2.0), gaussian(), r"the published scan is below 5 in x .*, the other grid ends at x -0\.4\.\.0\.4"),
        (gaussian(), gaussian(reach=2.0), r"our scan is below 3\.09 in x .*the other grid ends at x -0\.4"),
        (Surface(gaussian().x, gaussian().y, gaussian().delta_nll + 9.0), gaussian(), r"our scan has no point with Delta NLL below 3\.09"),
    ],
)
def test_grids_that_do_not_cover_are_not_compared(ours: Surface, external: Surface, why: str) -> None:
    assert re.search(why, uncovered(ours, external, 5.0))
    assert not uncovered(gaussian(0.5), gaussian(), 5.0)


def test_a_scan_that_does_not_cover_the_published_one_says_so() -> None:
    nll = likelihood(toy_counts(4))
    external = ExternalScan(np.linspace(2.0, 4.0, 21), np.linspace(0.0, 14.0, 15), np.add.outer(*(4 * one**2 for one in _around())), "other.txt")
    result = scan(nll, minimise(nll), "astro_gamma", "astro_norm", (2.7, 3.0, 5), (5.0, 7.0, 5), external=external)
    assert result.comparison == {}
    assert result.external is not None
    assert "other.txt: the published scan is below 5" in result.not_compared[0]


def _around() -> tuple[np.ndarray, np.ndarray]:
    return (np.linspace(2.0, 4.0, 21) - 2.87) / 0.3, (np.linspace(0.0, 14.0, 15) - 6.4) / 1.5


@pytest.mark.parametrize(
    ("ours", "other", "expected"),
    [
        ((1.0, 0.3, 0.4), (2.0, 0.3, 9.0), -2.0),  # below: our upper error and the lower published one, hypot(0.4, 0.3)
        ((2.0, 0.3, 9.0), (1.0, 9.0, 0.4), 2.0),
        ((1.0, 0.0, 0.5), (1.0, 0.1, 0.0), math.nan),  # equal: the facing sides are our lower and the upper published one, both 0
        ((0.0, 0.0, 0.08), (0.06, 0.06, 0.0), -0.6),
        ((1.0, math.nan, math.nan), (2.0, 0.3, 0.3), math.nan),
    ],
)
def test_differences_are_in_units_of_the_errors_that_face_each_other(ours, other, expected: float) -> None:
    assert sided_difference(ours, other) == pytest.approx(expected, nan_ok=True)


def test_independent_measurements_have_differences_of_unit_width() -> None:
    random = np.random.default_rng(7)
    a, b = random.normal(5.0, 0.6, 4000), random.normal(5.0, 0.8, 4000)
    pulls = [sided_difference((one, 0.6, 0.6), (other, 0.8, 0.8)) for one, other in zip(a, b, strict=True)]
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.06)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.045)


@pytest.mark.public_data
def test_the_release_scan_rises_from_the_published_best_fit(public_data) -> None:
    """The grid's lowest point is 0.0041 above the published minimum, the spline's 0.0005; sizes are those of G8."""
    found = read_scan(public_data / "hese" / "astro_scan_data.txt")
    reference = found.nll.min() - found.delta_nll.min()
    assert reference == pytest.approx(122.95919881139868, abs=6e-4)
    surface = Surface(found.x, found.y, found.delta_nll)
    assert surface.minimum()[:2] == pytest.approx((2.87375956, 6.36488608), abs=0.012)
    for content, x, y, size in (("0.6827", (2.585, 3.185), (3.96, 8.67), 1.84), ("0.9545", (2.395, 3.415), (2.66, 10.48), 5.20)):
        one = region(surface, content)
        assert one is not None
        assert one.x == pytest.approx(x, abs=0.005)
        assert one.y == pytest.approx(y, abs=0.02)
        assert one.area == pytest.approx(size, abs=0.02)
