"""Working points: cut, bins, efficiency with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from configs.errors import InputError
from fits.classifier.working_points import BINS, Scores, bin_edges, bin_number, cut_for_rejection, rates_by_bin, working_point

NAMES = (["e-"], "gamma")


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_cut_rejects_at_least_what_was_asked_and_no_lower_cut_does(background: list[int], rejection: float) -> None:
    values, cut = np.array(background), cut_for_rejection(background, rejection)
    assert np.mean(values <= cut) >= rejection - 1e-12
    lower = values[values < cut]
    assert lower.size == 0 or np.mean(values <= lower.max()) < rejection + 1e-12


def gaussian_scores(n: int, seed: int = 0) -> tuple[Scores, Scores]:
    """Signal and background one standard deviation apart; in the background the mean follows evis."""
    random = np.random.default_rng(seed)
    evis_s, evis_b = random.uniform(0, 1000, n), random.uniform(0, 1000, n)
    return Scores(random.normal(1, 1, n) + evis_s / 500, {"evis": evis_s}), Scores(random.normal(0, 1, n) + evis_b / 500, {"evis": evis_b})


def test_efficiency_of_two_gaussians() -> None:
    random = np.random.default_rng(0)
    point = working_point(Scores(random.normal(1, 1, 200_000), {}), Scores(random.normal(0, 1, 200_000), {}), NAMES, 0.8)
    assert point.cut == pytest.approx(norm.ppf(0.8), abs=0.01)
    assert point.efficiency.value == pytest.approx(norm.sf(norm.ppf(0.8) - 1), abs=0.005)
    assert point.misidentification.value == pytest.approx(0.2, abs=1e-5)


def test_constant_rejection_in_each_bin_or_one_cut_for_all() -> None:
    signal, background = gaussian_scores(100_000)
    per_bin = working_point(signal, background, NAMES, 0.8, "per_bin").curves["evis"]
    assert [one.value for one in per_bin.misidentification] == pytest.approx([0.2] * 20, abs=1e-3)
    assert [one.value for one in per_bin.efficiency] == pytest.approx([norm.sf(norm.ppf(0.8) - 1)] * 20, abs=0.035)
    overall = working_point(signal, background, NAMES, 0.8, "global")
    assert set(overall.curves["evis"].cut) == {overall.cut}
    rising = [one.value for one in overall.curves["evis"].misidentification]
    assert rising[-1] > 3 * rising[0]
    for curve in (per_bin, overall.curves["evis"]):
        assert sum(one.total for one in curve.efficiency) == 100_000


def test_bins_of_the_publication() -> None:
    assert len(bin_edges("dwall", [0.0])) == 21
    assert len(bin_edges("towall", [0.0])) == 21
    assert len(bin_edges("cos_zenith", [0.0])) == 21
    assert bin_edges("azimuth", [0.0])[[0, -1]] == pytest.approx([-math.pi, math.pi])
    assert bin_edges("evis", [3.0, 1000.0])[-1] == 1000.0
    assert bin_edges("evis", [3.0, 1000.1, math.nan])[-1] == 1050.0
    assert set(BINS) == {"evis", "momentum", "towall", "dwall", "cos_zenith", "azimuth"}


def test_largest_value_is_in_the_last_bin() -> None:
    """The published framework dropped the event at the maximum of an automatic binning."""
    assert bin_number([0.0, 99.9, 100.0, 100.1, -0.1, math.nan], [0, 50, 100]).tolist() == [0, 1, 1, -1, -1, -1]


def test_every_event_finds_the_rate_of_its_bin_again() -> None:
    """The reference framework's way back from bins to events returned nothing (specification 9.10)."""
    signal, background = gaussian_scores(2000)
    curve = rates_by_bin(signal, background, "evis", bin_edges("evis", signal.columns["evis"]), 0.5, 0.8)
    number = bin_number(signal.columns["evis"], curve.edges)
    assert np.all(number >= 0)
    of_event = np.array([one.value for one in curve.efficiency])[number]
    assert of_event.shape == signal.score.shape
    assert of_event.sum() == pytest.approx((signal.score > 0.5).sum(), rel=1e-12)


def test_bin_without_background_has_no_cut_of_its_own() -> None:
    signal, background = Scores(np.array([1.0, 2.0]), {"evis": np.array([10.0, 60.0])}), Scores(np.array([0.0]), {"evis": np.array([20.0])})
    curve = rates_by_bin(signal, background, "evis", [0, 50, 100], None, 0.8)
    assert math.isnan(curve.cut[1])
    assert [one.total for one in curve.efficiency] == [1, 0]


def test_both_classes_are_needed() -> None:
    with pytest.raises(InputError, match=r"needs both classes \(found only gamma\)"):
        working_point(Scores(np.array([]), {}), Scores(np.array([1.0]), {}), NAMES, 0.8)
