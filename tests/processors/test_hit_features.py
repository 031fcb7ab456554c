"""Hit features: closed forms, invariants, and the slow version in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import hit_features_numpy as reference

from processors.hit_features import BLIND, FEATURES, LIGHT, SUMS, Paths, charge_features, light_features, names_of
from processors.iwcd_hits import Hits

PMT_CM = np.random.default_rng(3).normal(size=(500, 3)) * 250
GROUP_INDEX = 1.38


def hits(counts: list[int], seed: int = 0) -> tuple[Hits, Paths, np.ndarray]:
    rng = np.random.default_rng(seed)
    total, n = sum(counts), len(counts)
    charge, time = rng.gamma(2, 1, total).astype(np.float32), rng.exponential(15, total).astype(np.float32)
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    of_events = Paths(rng.uniform(-200, 200, (n, 3)), direction, PMT_CM, GROUP_INDEX)
    return Hits(offsets, charge, rng.integers(0, 500, total).astype(np.int32), time), of_events, rng.uniform(0, 900, n)


def around(angle_deg: np.ndarray, azimuth: np.ndarray, distance_cm: float = 300.0) -> np.ndarray:
    """Places at angles to the z axis as seen from the origin."""
    angle = np.radians(angle_deg)
    return distance_cm * np.stack([np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)], axis=1)


def seen_from_origin(places: np.ndarray, charge: np.ndarray, time: np.ndarray) -> dict[str, np.ndarray]:
    one = Hits(np.array([0, len(charge)]), charge.astype(np.float32), np.arange(len(charge), dtype=np.int32), time.astype(np.float32))
    features, _ = light_features(one, Paths(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]]), places, GROUP_INDEX), np.zeros(1))
    return features


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(0, 60), min_size=1, max_size=8), seed=st.integers(0, 10_000))
def test_compiled_and_plain_versions_agree(counts: list[int], seed: int) -> None:
    """Specification 11: within 1e-6, empty events first, last and between."""
    these, paths, zero = hits(counts, seed)
    found = charge_features(these, zero)
    light, per_hit = light_features(these, paths, zero, per_hit=True)
    assert per_hit is not None
    for event, (start, stop) in enumerate(zip(these.offsets, these.offsets[1:], strict=False)):
        charge, time, place = these.charge[start:stop], these.time_ns[start:stop] - zero[event], PMT_CM[these.pmt[start:stop]]
        expected = reference.sums_and_blind(charge, time)
        for name in (*SUMS, *BLIND):
            np.testing.assert_allclose(found[name][event], expected.get(name, np.nan), rtol=1e-6, atol=1e-9, err_msg=name)
        expected = reference.light(paths.vertex_cm[event], paths.direction[event], place, charge, time, GROUP_INDEX)
        for name in LIGHT:
            np.testing.assert_allclose(light[name][event], expected.get(name, np.nan), rtol=1e-6, atol=1e-6, err_msg=name)
        _, angle, residual = reference.angles_and_residuals(paths.vertex_cm[event], paths.direction[event], place, time, GROUP_INDEX)
        np.testing.assert_allclose(per_hit.angle_deg[start:stop], angle, rtol=1e-6, atol=1e-5)
        np.testing.assert_allclose(per_hit.residual_ns[start:stop], residual, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize(
    ("angle_deg", "parts"),
    [
        (0.0, {"inner30": 1}), (29.0, {"inner30": 1}), (42.0, {"ring_fraction": 1}), (49.0, {}), (60.0, {"outer50": 1}),
        (90.0, {"outer50": 1, "outer70": 1}), (180.0, {"outer50": 1, "outer70": 1}),
    ],
)  # fmt: skip
def test_hits_on_one_cone(angle_deg: float, parts: dict[str, float]) -> None:
    """beta_1 = cos^2 of a full cone, beta_2 = P_2(cos)^2 (addition theorem of Legendre functions)."""
    n = 200
    found = seen_from_origin(around(np.full(n, angle_deg), 2 * np.pi * np.arange(n) / n), np.full(n, 3.0), np.zeros(n))
    cosine = np.cos(np.radians(angle_deg))
    expected = {"mean_angle": angle_deg, "rms_angle": 0, "beta1": cosine**2, "beta2": (1.5 * cosine**2 - 0.5) ** 2, "tres_rms": 0, "tres_skew": 0}
    for name, value in (dict.fromkeys(("inner30", "ring_fraction", "outer50", "outer70"), 0.0) | expected | parts).items():
        assert found[name][0] == pytest.approx(value, abs=2e-6), name


def test_isotropic_light_has_no_direction() -> None:
    rng = np.random.default_rng(5)
    n = 40_000
    found = seen_from_origin(around(np.degrees(np.arccos(rng.uniform(-1, 1, n))), rng.uniform(0, 2 * np.pi, n)), np.ones(n), np.zeros(n))
    assert found["mean_angle"][0] == pytest.approx(90, abs=0.6)
    assert found["outer70"][0] == pytest.approx((1 + np.cos(np.radians(70))) / 2, abs=0.01)
    assert found["beta1"][0] < 5 / n
    assert found["beta2"][0] < 5 / n


def test_arc_cosine_is_exact_at_every_angle() -> None:
    angles = np.linspace(0, 180, 2001)
    for angle in (*angles, 1e-5, 180 - 1e-5):
        found = seen_from_origin(around(np.array([angle]), np.array([0.3])), np.ones(1), np.zeros(1))
        assert found["mean_angle"][0] == pytest.approx(angle, abs=3e-6)  # where the cosine itself is flat


def test_time_of_flight_is_taken_off() -> None:
    """Light of one instant has no spread; a late hit among n has rms t sqrt(n - 1)/n and skewness (n - 2)/sqrt(n - 1)."""
    distance = np.array([100.0, 200.0, 300.0, 350.0])
    places = around(np.full(4, 40.0), np.arange(4.0), 1.0) * distance[:, None]
    time = distance * GROUP_INDEX / 29.9792458 + 7.0
    assert seen_from_origin(places, np.ones(4), time)["tres_rms"][0] == pytest.approx(0, abs=1e-5)
    late = seen_from_origin(places, np.array([1, 5, 1, 9]), time + np.array([0, 10.0, 0, 0]))
    assert late["tres_rms"][0] == pytest.approx(10 * np.sqrt(3) / 4, rel=1e-5)
    assert late["tres_skew"][0] == pytest.approx(2 / np.sqrt(3), rel=1e-5)


def test_features_scale_with_the_gain_as_they_should() -> None:
    these, paths, zero = hits([200])
    doubled = Hits(these.offsets, 2 * these.charge, these.pmt, these.time_ns)
    one, two = ({**charge_features(x, zero), **light_features(x, paths, zero)[0]} for x in (these, doubled))
    for name in (*SUMS, *BLIND, *LIGHT):
        factor = 2.0 if name in ("charge", "max_charge", "mean_charge", "charge_per_hit") else 1.0
        np.testing.assert_allclose(two[name], factor * one[name], rtol=1e-12, err_msg=name)


def test_result_of_an_event_does_not_depend_on_the_others() -> None:
    these, paths, zero = hits([17, 0, 300, 41, 5])
    together, _ = light_features(these, paths, zero)
    for event, (start, stop) in enumerate(zip(these.offsets, these.offsets[1:], strict=False)):
        alone = Hits(np.array([0, stop - start]), these.charge[start:stop], these.pmt[start:stop], these.time_ns[start:stop])
        own = Paths(paths.vertex_cm[event : event + 1], paths.direction[event : event + 1], PMT_CM, GROUP_INDEX)
        found, _ = light_features(alone, own, zero[event : event + 1])
        assert all(found[name].tobytes() == together[name][event : event + 1].tobytes() for name in LIGHT)


def test_events_without_hits_or_charge_have_no_features() -> None:
    these, paths, zero = hits([0, 3])
    nothing = Hits(these.offsets, np.zeros(3, np.float32), these.pmt, these.time_ns)
    found = {**charge_features(nothing, zero), **light_features(nothing, paths, zero)[0]}
    np.testing.assert_array_equal(found["charge"], [0, 0])
    assert all(np.isnan(found[name][0]) for name in (*SUMS[1:], *BLIND, *LIGHT))
    assert all(np.isnan(found[name][1]) for name in ("beta1", "beta2", "mean_angle", "maxq_fraction", "q_rms_ratio"))
    assert np.isfinite(found["tres_rms"][1])


def test_vertex_on_a_photomultiplier_is_finite() -> None:
    found = seen_from_origin(np.zeros((2, 3)), np.ones(2), np.zeros(2))
    assert all(np.isfinite(found[name][0]) for name in LIGHT)


def test_photomultipliers_above_16_bit_are_found() -> None:
    """Specification 9.10: the truth digitiser of the reference casts PMT numbers to 16 bit."""
    places = np.zeros((50_000, 3))
    places[:, 0], places[40_000] = 1.0, (0.0, 0.0, 100.0)
    one = Hits(np.array([0, 1]), np.ones(1, np.float32), np.array([40_000], np.int32), np.zeros(1, np.float32))
    found, _ = light_features(one, Paths(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]]), places, GROUP_INDEX), np.zeros(1))
    assert found["mean_angle"][0] == 0.0


def test_feature_sets() -> None:
    assert len(FEATURES) == 13
    assert set(names_of("truth")) == set(names_of("reco")) == {*BLIND, *LIGHT}
    assert names_of("blind") == ("q_rms_ratio", "maxq_fraction", "charge_per_hit")
    assert names_of(None) == ()
