"""Sectors: systematic spread without and with a true one, toys, overlaps."""

from __future__ import annotations

import numpy as np
import pytest

from configs.errors import InputError
from configs.stopping_muons import Cuts
from fits.stopping_muons.sectors import check_sectors, compare_sectors

EDGES = np.geomspace(1600.0, 6000.0, 4)
ONE, OTHER = {"stop_z_reco": (0.0, 500.0)}, {"stop_z_reco": (-500.0, 0.0)}


def test_two_sectors_by_hand() -> None:
    """Var = (2 - 1)^2 / 2 of values 1 and 2; mean of 0.3^2 and 0.4^2 is 0.125: sigma^2 = 0.375. Equal values leave nothing."""
    flux, error = {"up": [1.0, 1.0, 3.0], "down": [2.0, 1.0, 5.0]}, {"up": [0.3, 0.1, 3.0], "down": [0.4, 0.2, 3.0]}
    found = compare_sectors(EDGES, flux, error, [1.5, 1.0, 4.0])
    assert found.systematic == pytest.approx([np.sqrt(0.5 - 0.125), 0.0, 0.0])
    weight = np.array([1 / 0.09, 1 / 0.16])
    assert found.mean[0] == pytest.approx((weight[0] + 2 * weight[1]) / weight.sum())
    assert found.chi2 == pytest.approx([(0.5 / 0.3) ** 2 + (0.5 / 0.4) ** 2, 0.0, 2 / 9])
    assert found.overlap == 0.0


def test_a_bin_that_one_sector_does_not_see_has_no_spread() -> None:
    """The other bins are as without it."""
    flux, error = {"up": [np.nan, 1.0, 3.0], "down": [2.0, 4.0, 5.0]}, {"up": [np.nan, 0.1, 0.3], "down": [0.4, 0.2, 0.3]}
    found = compare_sectors(EDGES, flux, error, [1.5, 1.0, 4.0])
    alone = compare_sectors(EDGES[1:], *({name: row[1:] for name, row in one.items()} for one in (flux, error)), [1.0, 4.0])
    assert np.isnan([found.mean[0], found.chi2[0]]).all()
    assert found.systematic == [0.0, *alone.systematic]
    assert (found.mean[1:], found.chi2[1:]) == (alone.mean, alone.chi2)


def test_only_a_true_spread_is_found() -> None:
    """Toys of six sectors with 3 % errors: without a systematic difference most bins find none, with 10 % the variance is that of 10 %."""
    random = np.random.default_rng(2)
    sectors, bins = 6, 4000
    edges = np.linspace(1, 2, bins + 1)
    for spread in (0.0, 0.1):
        values = 1 + 0.03 * random.normal(size=(sectors, bins)) + spread * random.normal(size=(sectors, bins))
        found = compare_sectors(
            edges, {f"s{i}": row for i, row in enumerate(values)}, {f"s{i}": np.full(bins, 0.03) for i in range(sectors)}, values.mean(axis=0)
        )
        variance = np.square(found.systematic)
        if spread:
            assert variance.mean() == pytest.approx(spread**2, rel=0.05)
        else:
            assert np.mean(variance == 0) == pytest.approx(0.584, abs=0.03)  # P(chi2_5 < 5)
            assert variance.mean() < 0.3 * 0.03**2
            assert np.mean(found.chi2) == pytest.approx(sectors - 1, rel=0.03)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ONE, OTHER),
        ({"x": ("<", 3.0)}, {"x": 3.0}),
        ({"x": ("<=", 3.0)}, {"x": (">", 3.0)}),
        ({"x": ("==", 1.0)}, {"x": ("==", 2.0)}),
        ({"x": (0.0, 2.0), "y": 0.5}, {"x": (1.0, 3.0), "y": ("<", 0.5)}),
    ],
)
def test_cuts_that_exclude_each_other_need_no_events(one: Cuts, other: Cuts) -> None:
    assert check_sectors({"one": one, "other": other}, {}) == 0.0


@pytest.mark.parametrize(("one", "other"), [({"x": ("<=", 3.0)}, {"x": 3.0}), ({"x": ("!=", 1.0)}, {"x": ("!=", 2.0)}), ({"x": 1.0}, {"y": 1.0})])
def test_cuts_that_may_share_events(one: Cuts, other: Cuts) -> None:
    with pytest.raises(InputError, match="sectors one and other may overlap: their cuts do not exclude each other, and x(, y)? is not among"):
        check_sectors({"one": one, "other": other}, {})
    assert np.isnan(check_sectors({"one": one, "other": other}, {}, allow_overlap=True))


def test_overlapping_sectors_are_refused_with_their_share_of_events() -> None:
    z = {"stop_z_reco": np.linspace(-500, 499, 1000)}
    wide = {"upper": {"stop_z_reco": (-100.0, 500.0)}, "lower": {"stop_z_reco": (-500.0, 0.0)}, "top": {"stop_z_reco": ("==", 1e4)}}
    with pytest.raises(InputError, match="sectors upper and lower overlap: overlap fraction 0.1 of their events"):
        check_sectors(wide, z)
    assert check_sectors(wide, z, allow_overlap=True) == pytest.approx(0.1, abs=0.002)
    beside = {"one": {"stop_z_reco": 0.0}, "other": {"x": 0.0}}  # not exclusive as cuts, but no event passes both
    assert check_sectors(beside, {**z, "x": -z["stop_z_reco"] - 1}) == 0.0


def test_one_sector_is_too_few() -> None:
    with pytest.raises(InputError, match="at least two are needed to see a spread, found upper"):
        check_sectors({"upper": ONE}, {})
    with pytest.raises(InputError, match="the same two or more sectors"):
        compare_sectors(EDGES, {"up": [1.0, 1, 1]}, {"up": [1.0, 1, 1]}, [1.0, 1, 1])


def test_sectors_that_do_not_fit_together_are_refused() -> None:
    good = {"up": [1.0, 1.0, 1.0], "down": [1.0, 1.0, 1.0]}
    with pytest.raises(InputError, match="sectors down: errors must be positive in every bin"):
        compare_sectors(EDGES, good, {**good, "down": [1.0, 0.0, 1.0]}, [1.0, 1, 1])
    with pytest.raises(InputError, match="sectors: 3 bins, but fluxes"):
        compare_sectors(EDGES, good, good, [1.0, 1.0])
