"""Photo-electrons, charges, times: expectations, trigger, order."""

from __future__ import annotations

import numpy as np
import pytest

from simulation.iwcd_hits import Detection, Photons, detect, digitise, photons

N = 10_184


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def none() -> Photons:
    return Photons(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int32))


def direct(count: np.ndarray, time_ns: float = 20.0) -> Detection:
    return Detection(count, np.full(len(count), time_ns), none(), none())


def test_photo_electrons_follow_expectation_and_scatter() -> None:
    expected = np.full(N, 0.5)
    found = [detect(rng(seed), expected, np.full(N, 30.0), 0.1) for seed in range(20)]
    assert np.mean([one.direct.sum() for one in found]) == pytest.approx(0.45 * N, rel=0.01)
    assert np.mean([len(one.scattered.pmt) for one in found]) == pytest.approx(0.05 * N, rel=0.03)
    delay = np.concatenate([one.scattered.time_ns for one in found]) - 30.0
    assert delay.min() >= 0
    assert delay.mean() == pytest.approx(15.0, rel=0.05)


def test_dark_noise_has_the_rate_of_the_specification() -> None:
    """0.1 kHz x 10184 x 100 ns = 0.102 in an event."""
    generator = rng(2)
    dark = [detect(generator, np.zeros(N), np.zeros(N), 0.1).dark for _ in range(4000)]
    count = sum(len(one.pmt) for one in dark)
    assert count == pytest.approx(0.102 * 4000, abs=3 * np.sqrt(0.102 * 4000))
    assert all(np.all(one.parent == -1) for one in dark)


@pytest.mark.parametrize(("lit", "hits"), [(25, 0), (26, 26), (0, 0)])
def test_an_event_needs_more_than_25_hits(lit: int, hits: int) -> None:
    assert len(digitise(rng(), direct((np.arange(100) < lit).astype(int)), 1.0).pmt) == hits


@pytest.mark.parametrize("count", [1, 4, 25])
def test_charge_has_mean_and_width_of_its_photo_electrons(count: int) -> None:
    charge = digitise(rng(), direct(np.full(20_000, count)), 1.15).charge_pe
    assert charge.mean() == pytest.approx(1.15 * count, rel=0.01)
    assert charge.std() == pytest.approx(1.15 * 0.35 * np.sqrt(count), rel=0.03)
    assert charge.min() >= np.float32(1.15 * 0.05)


def test_many_photo_electrons_are_early_and_sharp() -> None:
    count = np.repeat([1, 16], 20_000)
    found = digitise(rng(), direct(count), 1.0)
    one, many = found.time_ns[:20_000], found.time_ns[20_000:]
    assert one.mean() - many.mean() == pytest.approx(1.08 * 0.75, abs=0.03)
    assert one.std() == pytest.approx(0.9, rel=0.03)
    assert many.std() == pytest.approx(0.9 / np.sqrt(1 + 0.6 * 15), rel=0.03)


def test_a_hit_has_the_time_of_its_first_contribution_and_all_its_charge() -> None:
    count = np.ones(40, dtype=int)
    stray = Photons(np.array([3, 5, 39]), np.array([0.0, 90.0, 200.0]), np.ones(3, np.int32))
    late = Photons(np.array([41]), np.array([150.0]), np.full(1, -1, np.int32))
    found = digitise(rng(), Detection(np.append(count, [0, 0]), np.full(42, 20.0), stray, late), 1.0)
    assert found.pmt.tolist() == list(range(40))  # the dark hit 150 ns after the first is outside the window
    assert found.time_ns[3] == 0.0  # the scattered one came first
    assert np.all(np.abs(np.delete(found.time_ns, 3) - 20.0) < 5)
    assert found.charge_pe[[3, 5, 39]].mean() > 1.4
    assert (found.pmt.dtype, found.charge_pe.dtype, found.time_ns.dtype) == (np.int32, np.float32, np.float32)


def test_hits_are_one_for_each_photomultiplier_in_order_and_in_the_window() -> None:
    generator = rng(6)
    found = digitise(generator, detect(generator, np.full(N, 0.3), np.linspace(10, 40, N), 0.1), 1.0)
    assert np.all(np.diff(found.pmt) > 0)
    assert found.time_ns.min() == 0.0
    assert found.time_ns.max() < 100.0


def test_single_photons_are_those_of_the_detection() -> None:
    generator = rng(7)
    detection = detect(generator, np.full(N, 0.2), np.full(N, 25.0), 0.1)
    single = photons(generator, detection)
    total = detection.direct + np.bincount(np.concatenate([detection.scattered.pmt, detection.dark.pmt]), minlength=N)
    np.testing.assert_array_equal(np.bincount(single.pmt, minlength=N), total)
    assert np.all(np.diff(single.pmt) >= 0)
    assert np.sum(single.parent == -1) == len(detection.dark.pmt)
