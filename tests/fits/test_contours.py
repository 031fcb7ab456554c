"""Contours and intervals: closed forms, the release's scan, the published contour."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference.scan_numbers import area, extent, profile_of_scan, scan_interval

from configs.errors import InputError
from fits.comparison import compare_scans, external_json, overlap, read_contour, read_scan
from fits.contours import Surface, contours
from fits.intervals import (
    CONTENTS,
    ONE_SIGMA,
    TWO_SIGMA,
    curve_interval,
    curve_minimum,
    delta_nll_level,
    half_chi2_p_value,
    one_sided_level,
    poisson_interval,
)

PUBLISHED_NLL = 122.95919881139868  # release, best fit of all eleven parameters


def test_levels_of_one_and_two_parameters() -> None:
    assert delta_nll_level(ONE_SIGMA, 1) == pytest.approx(0.5, rel=1e-12)
    assert delta_nll_level(TWO_SIGMA, 1) == pytest.approx(2.0, rel=1e-12)
    two = [delta_nll_level(p, 2) for p in CONTENTS.values()]
    assert two == pytest.approx([1.14787446, 3.09003715, 5.91457904], abs=5e-9)
    assert two == pytest.approx([-math.log1p(-p) for p in CONTENTS.values()], rel=1e-12)


def test_one_sided_levels_and_p_values_are_inverse() -> None:
    assert 2 * one_sided_level(0.9) == pytest.approx(1.642374, abs=1e-6)
    assert half_chi2_p_value(2 * one_sided_level(0.95)) == pytest.approx(0.05, rel=1e-12)
    assert half_chi2_p_value(0.0) == 0.5
    with pytest.raises(InputError, match=r"between 0\.5 and 1"):
        one_sided_level(0.4)
    with pytest.raises(InputError, match="not between 0 and 1"):
        delta_nll_level(68.0, 1)


# Specification G5: Feldman-Cousins at 68.27 %, no background, k = 0..7.
G5 = [(0, 1.2904), (0.3679, 2.7505), (0.7358, 4.2504), (1.1036, 5.3012), (2.3359, 6.7764), (2.7505, 7.8064), (3.8231, 9.2783), (4.2504, 10.3006)]


@pytest.mark.parametrize(("k", "expected"), list(enumerate(G5)))
def test_golden_5_poisson_intervals_of_the_release(k: int, expected: tuple[float, float]) -> None:
    assert poisson_interval(k) == pytest.approx(expected, abs=2e-4)


def test_poisson_interval_of_feldman_and_cousins_table() -> None:
    """PRD 57 (1998) 3873, table IV, no background, 90 %."""
    published = {0: (0.00, 2.44), 1: (0.11, 4.36), 2: (0.53, 5.91), 3: (1.10, 7.42), 4: (1.47, 8.60), 10: (5.50, 16.50)}
    for k, interval in published.items():
        assert poisson_interval(k, 0.90) == pytest.approx(interval, abs=0.006)


@pytest.mark.parametrize(("k", "tolerance"), [(1000, 0.03), (400_000, 2e-3)])
def test_poisson_interval_approaches_the_normal_one(k: int, tolerance: float) -> None:
    """Also of the counts in histograms of a large simulation, which took minutes each."""
    low, high = poisson_interval(k)
    assert (high - low) / 2 == pytest.approx(math.sqrt(k), rel=tolerance)


def test_poisson_interval_covers_at_least_as_stated() -> None:
    for mu in (0.3, 1.7, 4.4, 9.1):
        intervals = [poisson_interval(k) for k in range(40)]
        covered = sum(math.exp(k * math.log(mu) - mu - math.lgamma(k + 1)) for k, (low, high) in enumerate(intervals) if low <= mu <= high)
        assert covered >= 0.6827


@pytest.mark.parametrize("k", [-1, 2.5])
def test_poisson_interval_refuses_what_is_no_count(k: float) -> None:
    with pytest.raises(InputError, match="whole count"):
        poisson_interval(k)


def test_curve_interval_of_a_parabola_and_of_an_open_side() -> None:
    x = np.linspace(0.0, 4.0, 9)
    y = 0.5 * ((x - 1.3) / 0.7) ** 2
    assert curve_minimum(x, y) == pytest.approx((1.3, 0.0), abs=1e-12)
    assert curve_interval(x, y, 0.5) == pytest.approx((0.6, 2.0), abs=1e-12)
    low, high = curve_interval(x, y, 2.0)
    assert low == -math.inf
    assert high == pytest.approx(2.7)
    with_gap = np.where(x < 0.4, np.inf, y)
    assert curve_interval(x, with_gap, 0.5) == pytest.approx((0.6, 2.0), abs=1e-12)
    with pytest.raises(InputError, match="at least 3 finite points"):
        curve_minimum(x, np.full_like(x, np.inf))


def ellipse(sigma_x: float, sigma_y: float, rho: float) -> Surface:
    x, y = np.linspace(-6 * sigma_x, 6 * sigma_x, 41), np.linspace(-6 * sigma_y, 6 * sigma_y, 31)
    u, v = np.meshgrid(x / sigma_x, y / sigma_y, indexing="ij")
    return Surface(x, y, 0.5 * (u**2 - 2 * rho * u * v + v**2) / (1 - rho**2))


def test_contour_of_a_correlated_gaussian_is_its_ellipse() -> None:
    """Extent sigma sqrt(2 level) in each parameter whatever the correlation; area 2 pi level sigma_x sigma_y sqrt(1 - rho^2)."""
    lines = contours(ellipse(0.2, 1.5, 0.6))
    for label, content in CONTENTS.items():
        level = -math.log1p(-content)
        (x_low, x_high), (y_low, y_high) = extent(lines[label])
        assert (x_low, x_high) == pytest.approx((-0.2 * math.sqrt(2 * level), 0.2 * math.sqrt(2 * level)), rel=2e-3)
        assert (y_low, y_high) == pytest.approx((-1.5 * math.sqrt(2 * level), 1.5 * math.sqrt(2 * level)), rel=2e-3)
        assert area(lines[label]) == pytest.approx(2 * math.pi * level * 0.3 * math.sqrt(1 - 0.36), rel=2e-3)


def test_profile_of_a_correlated_gaussian_ignores_the_correlation() -> None:
    surface = ellipse(0.2, 1.5, 0.6)
    x, profile = profile_of_scan(surface.x, surface.y, surface.delta_nll)
    np.testing.assert_allclose(profile, 0.5 * (x / 0.2) ** 2, atol=1e-10)
    best, (low, high) = scan_interval(surface.x, surface.y, surface.delta_nll, 0.5, axis=1)
    assert (best, low, high) == pytest.approx((0.0, -1.5, 1.5), abs=1e-9)


def test_infinite_points_do_not_bend_the_contours() -> None:
    whole = ellipse(0.2, 1.5, 0.6)
    cut = np.where(whole.delta_nll > 30.0, np.inf, whole.delta_nll)
    assert area(contours(Surface(whole.x, whole.y, cut))["0.9545"]) == pytest.approx(area(contours(whole)["0.9545"]), rel=1e-3)


def test_a_scan_of_two_columns_of_points_is_refused() -> None:
    with pytest.raises(InputError, match="at least 3 x 3"):
        Surface([1.0, 2.0], [1.0, 2.0, 3.0], np.zeros((2, 3)))


def test_overlap_of_shifted_intervals() -> None:
    x = np.arange(100)
    assert overlap((x - 20.0) ** 2, (x - 30.0) ** 2, 10.0**2 + 0.5) == pytest.approx(11 / 31)
    assert math.isnan(overlap(np.ones(3), np.ones(3), 0.5))


def write_scan(path, surface: Surface, offset: float = 0.0) -> None:
    x, y = np.meshgrid(surface.x, surface.y, indexing="ij")
    np.savetxt(path, np.column_stack([x.ravel(), y.ravel(), surface.delta_nll.ravel() + offset]))


def test_a_scan_compared_with_itself(tmp_path) -> None:
    surface = ellipse(0.2, 1.5, 0.6)
    write_scan(tmp_path / "scan.txt", surface, offset=122.9)
    external = read_scan(tmp_path / "scan.txt")
    same = compare_scans(surface, external)
    assert (same["iou_68"], same["iou_95"]) == (1.0, 1.0)
    assert same["rms_delta_nll"] == pytest.approx(0.0, abs=1e-9)
    kept = external_json(external, None)
    assert kept is not None
    assert kept["source"] == "scan.txt"
    assert extent(kept["contours"]["0.6827"]) == pytest.approx(np.array(extent(contours(surface)["0.6827"])), rel=1e-6)
    assert external_json(None, None) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n3 4\n", "found 2 columns"),
        ("1 1 5\n1 2 5\n2 1 5\n", "do not fill the grid"),
        ("1 1 5\n1 1 5\n2 1 5\n2 2 5\n", "given twice"),
        ("gamma norm nll\n", "not a table of numbers"),
        ("1 1 nan\n", "finite numbers"),
    ],
)
def test_a_broken_external_scan_is_refused(tmp_path, text: str, message: str) -> None:
    (tmp_path / "scan.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_scan(tmp_path / "scan.txt")


def test_an_absent_scan_or_contour_says_what_to_do(tmp_path) -> None:
    with pytest.raises(InputError, match="cannot read the external scan"):
        read_scan(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot read the published contour"):
        read_contour(tmp_path / "none.json")
    (tmp_path / "other.json").write_text('{"a": [1, 2]}')
    with pytest.raises(InputError, match="not a published contour"):
        read_contour(tmp_path / "other.json")


@pytest.mark.public_data
def test_golden_8_release_scan(public_data) -> None:
    scan = read_scan(public_data / "hese" / "astro_scan_data.txt")
    i, j = np.unravel_index(np.argmin(scan.nll), scan.nll.shape)
    assert (scan.x[i], scan.y[j], scan.nll[i, j]) == pytest.approx((2.88, 6.3, 122.9633), abs=1e-4)
    # The numbers of G8 profile over the other axis by its lowest grid point.
    norm, norm_1 = curve_minimum(scan.y, scan.nll.min(axis=0))[0], curve_interval(scan.y, scan.nll.min(axis=0), 0.5)
    gamma, gamma_1 = curve_minimum(scan.x, scan.nll.min(axis=1))[0], curve_interval(scan.x, scan.nll.min(axis=1), 0.5)
    assert (gamma, *gamma_1) == pytest.approx((2.876, 2.683, 3.076), abs=0.005)
    assert (norm, *norm_1) == pytest.approx((6.344, 4.739, 7.830), abs=0.02)
    # Ours go between the grid points along both axes: the same intervals, and the published best fit itself.
    assert scan_interval(scan.x, scan.y, scan.nll, 0.5)[1] == pytest.approx((2.683, 3.076), abs=0.005)
    assert scan_interval(scan.x, scan.y, scan.nll, 0.5, axis=1)[1] == pytest.approx((4.739, 7.830), abs=0.02)
    assert scan_interval(scan.x, scan.y, scan.nll, 2.0)[1] == pytest.approx((2.490, 3.296), abs=0.005)
    assert scan_interval(scan.x, scan.y, scan.nll, 2.0, axis=1)[1] == pytest.approx((3.275, 9.542), abs=0.02)
    assert scan_interval(scan.x, scan.y, scan.nll, 0.5)[0] == pytest.approx(2.87375956, abs=5e-4)
    assert scan_interval(scan.x, scan.y, scan.nll, 0.5, axis=1)[0] == pytest.approx(6.36488608, abs=5e-4)
    lines = contours(Surface(scan.x, scan.y, scan.nll - PUBLISHED_NLL))
    published = {"0.6827": ((2.585, 3.185), (3.96, 8.67), 1.84), "0.9545": ((2.395, 3.415), (2.66, 10.48), 5.20)}
    for label, (x_range, y_range, enclosed) in published.items():
        x_extent, y_extent = extent(lines[label])
        assert x_extent == pytest.approx(x_range, abs=0.005)
        assert y_extent == pytest.approx(y_range, abs=0.02)
        assert area(lines[label]) == pytest.approx(enclosed, abs=0.02)


@pytest.mark.public_data
def test_golden_9_published_contour_lies_on_the_release_scan(public_data) -> None:
    scan = read_scan(public_data / "hese" / "astro_scan_data.txt")
    points = read_contour(public_data / "hese" / "icecube_spl_hese_contour1sigma.json")
    assert points.shape == (19, 2)
    delta = Surface(scan.x, scan.y, scan.nll - PUBLISHED_NLL).at(*points.T)
    assert ((delta > 1.11) & (delta < 1.20)).all()
