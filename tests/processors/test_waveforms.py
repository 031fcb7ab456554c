"""Charge, baseline, times and further pulses: closed forms, invariants, a real file, and the slow versions in plain Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import waveform_loops as loops

from physics.pulse_shapes import area_fraction, pulse, rates_of
from processors.waveform_baseline import ESTIMATORS, autocovariance, baselines, charge_variance_pc2, correlation_length, unstable
from processors.waveform_times import further_pulses, pulse_times
from processors.waveforms import charge_pc, inside_record, samples_inside, upright
from readers import open_source

DT, SAMPLES = 0.1, 502
GATE, LEVEL = (45.3, 69.3), (21.95, 41.3)
RATES = rates_of(0.93, 3.2)
COARSE = 4e-3  # V, several times the noise


def waveforms(n: int, seed: int, *, step: float = 3e-4, jitter: bool = True, samples: int = SAMPLES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Negative pulses of 0 to 5 pC at 47.3 ns on noise, some with a second pulse, digitised; times of first samples; true areas in V ns."""
    rng = np.random.default_rng(seed)
    t0 = 22.0 + (rng.uniform(-0.5, 0.5, n) * DT if jitter else np.zeros(n))
    time = t0[:, None] + DT * np.arange(samples)
    area = rng.exponential(0.1, n) * (rng.uniform(size=n) > 0.2)
    volts = rng.normal(0, 1e-3, (n, samples)) + rng.normal(0, 5e-3, n)[:, None]
    volts -= area[:, None] * pulse(time - 47.3, *RATES)
    volts -= (0.05 * (rng.uniform(size=n) > 0.5))[:, None] * pulse(time - 64.0, *RATES)
    return (np.round(volts / step) * step if step else volts), t0, area


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000), step=st.sampled_from([0.0, COARSE]), estimator=st.sampled_from(ESTIMATORS),
    gate=st.tuples(st.floats(42, 60), st.floats(0.05, 10)), early=st.floats(0.3, 19.0),
)  # fmt: skip
def test_compiled_and_plain_versions_agree(seed: int, step: float, estimator, gate: tuple[float, float], early: float) -> None:  # type: ignore[no-untyped-def]
    y, t0, _ = waveforms(3, seed, step=step)
    gate_ns, level_ns = (gate[0], gate[0] + gate[1]), (22.0 + early, 22.0 + early + 0.8)
    base = baselines(y, t0, DT, level_ns, estimator)
    charge = charge_pc(y, t0, DT, base.level_v, gate_ns, load_ohm=75.0)
    times = pulse_times(y, t0, DT, base.level_v, gate_ns)
    late = further_pulses(y, t0, DT, base.level_v, base.rms_v, np.full(3, gate_ns[1]), load_ohm=75.0)
    noise = autocovariance(y, t0, DT, level_ns, 10)
    assert np.array_equal(np.sort(late.waveform), late.waveform)
    for row, (volts, first) in enumerate(zip(y, t0, strict=True)):
        t = first + DT * np.arange(SAMPLES)
        expected = loops.baseline(t, volts, DT, level_ns, estimator)
        found = [getattr(base, name)[row] for name in ("level_v", "rms_v", "slope_v_per_ns", "dip_v", "samples", "kept")]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
        level, deviation = expected[:2]
        np.testing.assert_allclose(charge[row], loops.charge_pc(t, volts, DT, level, gate_ns, 75.0), rtol=1e-9, atol=1e-10)
        found = [getattr(times, name)[row] for name in ("amplitude_v", "peak_ns", "cfd20_ns", "cfd50_ns", "rise_ns", "width_ns")]
        if step != COARSE:  # there samples lie on the thresholds themselves, and rounding decides
            np.testing.assert_allclose(found, loops.times(t, volts, DT, level, gate_ns), rtol=1e-7, atol=1e-9)
            further = loops.further(t, volts, DT, level, deviation, gate_ns[1], 75.0)
            of_row = late.waveform == row
            np.testing.assert_allclose(
                np.stack([late.time_ns, late.height_v, late.charge_pc], axis=1)[of_row], np.reshape(further, (-1, 3)), rtol=1e-9, atol=1e-12
            )
        np.testing.assert_allclose(noise[row], loops.autocovariance(t, volts, DT, level_ns, 10), rtol=1e-7, atol=1e-15)


class TestCharge:
    @pytest.mark.parametrize("shift", [0.0, 0.013, 0.05, 0.0999])
    def test_a_constant_gives_its_height_times_the_gate(self, shift: float) -> None:
        """Whatever part of the end samples the gate covers: 1 V ns into 50 ohm is 20 pC."""
        y = np.full((1, SAMPLES), -0.25)
        found = charge_pc(y, np.array([22.0 + shift]), DT, np.zeros(1), (45.37, 45.37 + 12.345))
        np.testing.assert_allclose(found, 20.0 * 0.25 * 12.345, rtol=1e-12)

    def test_pulse_in_the_gate_has_the_area_of_its_closed_form(self) -> None:
        """Specification 3.3: all but 0.16 % of a pulse with a fall of 3.2 ns lies within 21.7 ns of its onset."""
        time = 22.0 + DT * np.arange(SAMPLES)
        y = -0.16 * pulse(time - 47.3, *RATES)[None]
        found = charge_pc(y, np.array([22.0]), DT, np.zeros(1), (45.0, 69.0))
        inside = float(area_fraction(21.7, *RATES))
        assert 1.0 - inside == pytest.approx(0.0016, abs=5e-5)
        np.testing.assert_allclose(found, 3.2 * inside, rtol=5e-4)  # a sum of samples across the kink at the onset

    @settings(max_examples=25, deadline=None)
    @given(offset=st.floats(-0.05, 0.05), seed=st.integers(0, 100), estimator=st.sampled_from(["clipped_mean", "mean", "median"]))
    def test_a_constant_on_the_trace_changes_nothing(self, offset: float, seed: int, estimator) -> None:  # type: ignore[no-untyped-def]
        """Specification 9: neither the baseline nor its offset is part of the charge; no rule expects a baseline around zero."""
        y, t0, _ = waveforms(4, seed, step=0.0)
        for moved in (y + offset, y + np.sign(offset) * 5e-3):
            before, after = (baselines(one, t0, DT, LEVEL, estimator) for one in (y, moved))
            np.testing.assert_array_equal(before.kept, after.kept)
            q = [charge_pc(one, t0, DT, base.level_v, GATE) for one, base in ((y, before), (moved, after))]
            np.testing.assert_allclose(q[0], q[1], rtol=0, atol=1e-12)
            t = [pulse_times(one, t0, DT, base.level_v, GATE) for one, base in ((y, before), (moved, after))]
            np.testing.assert_allclose(t[0].cfd50_ns, t[1].cfd50_ns, rtol=0, atol=1e-9)

    def test_positive_pulses_are_negative_ones_turned_over(self) -> None:
        y, _, _ = waveforms(5, 1)
        np.testing.assert_array_equal(upright(-y, "positive"), upright(y, "negative"))

    def test_charges_of_generated_pulses_are_unbiased_zeros_included(self) -> None:
        """Specification 9: the mean of generated zeros and pulses, without any cut; the loss behind the gate apart."""
        y, t0, area = waveforms(4000, 3, step=0.0)
        base = baselines(y, t0, DT, LEVEL)
        q = charge_pc(y, t0, DT, base.level_v, (45.3, 63.5))  # ends before the second pulses
        expected = 20.0 * area * float(area_fraction(16.2, *RATES))
        error = np.std(q - expected) / np.sqrt(len(q))
        assert abs(np.mean(q - expected)) < 4 * error
        assert error < 0.002

    def test_a_gate_beyond_the_record_has_no_charge(self) -> None:
        t0 = np.array([22.0, 22.0, 21.9])
        gate = (60.0, 72.15)
        np.testing.assert_array_equal(inside_record(t0, DT, SAMPLES, gate), [True, True, False])
        np.testing.assert_array_equal(np.isnan(charge_pc(np.zeros((3, SAMPLES)), t0, DT, np.zeros(3), gate)), [False, False, True])
        np.testing.assert_array_equal(samples_inside(t0, DT, SAMPLES, (21.0, 22.0)), [1, 1, 2])

    def test_longer_batches_do_not_change_a_waveform(self) -> None:
        y, t0, _ = waveforms(50, 9)
        base, times = baselines(y, t0, DT, LEVEL), pulse_times(y, t0, DT, np.zeros(50), GATE)
        for rows in (slice(0, 1), slice(7, 24), slice(49, 50)):
            part = baselines(y[rows], t0[rows], DT, LEVEL)
            np.testing.assert_array_equal(part.level_v, base.level_v[rows])
            np.testing.assert_array_equal(part.slope_v_per_ns, base.slope_v_per_ns[rows])
            np.testing.assert_array_equal(charge_pc(y[rows], t0[rows], DT, part.level_v, GATE), charge_pc(y, t0, DT, base.level_v, GATE)[rows])
            np.testing.assert_array_equal(pulse_times(y[rows], t0[rows], DT, np.zeros(len(part.kept)), GATE).cfd20_ns, times.cfd20_ns[rows])


class TestBaseline:
    def test_a_spike_is_clipped(self) -> None:
        y = np.random.default_rng(0).normal(0.01, 1e-3, (200, SAMPLES))
        y[:, 50] -= 0.2
        clipped, mean, median = (baselines(y, np.full(200, 22.0), DT, LEVEL, name) for name in ("clipped_mean", "mean", "median"))
        assert clipped.level_v.mean() == pytest.approx(0.01, abs=3e-5)
        assert median.level_v.mean() == pytest.approx(0.01, abs=3e-5)
        assert mean.level_v.mean() == pytest.approx(0.01 - 0.2 / 194, abs=3e-5)
        assert np.all(clipped.dip_v > 0.19)

    def test_a_coarse_converter_keeps_its_noise(self) -> None:
        """More than half of the samples have one code: the median absolute deviation vanishes, the noise does not."""
        y = 0.004 * np.round(np.random.default_rng(1).normal(0, 0.5, (300, SAMPLES)))
        found = baselines(y, np.full(300, 22.0), DT, LEVEL)
        assert np.all(found.rms_v > 0.001)
        assert found.rms_v.mean() == pytest.approx(0.004 * np.sqrt(0.25 + 1 / 12), rel=0.05)

    @pytest.mark.parametrize("correlated", [1, 4])
    def test_noise_alone_is_stable_and_a_slope_is_not(self, correlated: int) -> None:
        """0.27 % of good baselines are called unstable, with white noise and with noise of a limited bandwidth."""
        rng = np.random.default_rng(correlated)
        white = rng.normal(0, 1e-3, (20_000, 200 + correlated - 1))
        y = sum(white[:, k : k + 200] for k in range(correlated)) / np.sqrt(correlated)
        t0 = np.full(len(y), 22.0)
        base = baselines(y, t0, DT, (22.0, 41.95))
        length = correlation_length(autocovariance(y, t0, DT, (22.0, 41.95), 20).mean(axis=0))
        assert length == pytest.approx(correlated, rel=0.1)
        share = unstable(base, DT, length).mean()
        assert 0.0015 < share < 0.005
        sloping = baselines(y + 1e-3 * np.linspace(0, 3, 200), t0, DT, (22.0, 41.95))
        assert unstable(sloping, DT, length).mean() > 0.9

    def test_not_finite_and_too_short_give_nan(self) -> None:
        y = np.zeros((3, SAMPLES))
        y[0, 5], y[1, 6] = np.nan, np.inf
        found = baselines(y, np.full(3, 22.0), DT, LEVEL)
        np.testing.assert_array_equal(np.isnan(found.rms_v), [True, True, False])
        assert np.isnan(baselines(y, np.full(3, 22.0), DT, (22.0, 22.05)).level_v).all()


class TestNoise:
    def test_autocovariance_of_a_moving_sum(self) -> None:
        """C_k = s^2 (4 - k)/4; C_k of a window misses one common number."""
        rng = np.random.default_rng(2)
        white = rng.normal(0, 1e-3, (4000, 193 + 3))
        y = sum(white[:, k : k + 193] for k in range(4)) / 2.0
        found = autocovariance(y, np.full(len(y), 22.0), DT, LEVEL, 60).mean(axis=0)
        expected = 1e-6 * np.maximum(4 - np.arange(60), 0) / 4
        np.testing.assert_allclose(found - found[20:].mean(), expected, rtol=0, atol=1.5e-8)

    def test_variance_of_a_charge_in_white_noise(self) -> None:
        """(20 pC/(V ns) dt s)^2 (L + L^2/M) for L samples in the gate and M of the baseline."""
        covariance = np.zeros(300)
        covariance[0] = 1e-6
        found = charge_variance_pc2(covariance, DT, (22.0, 41.3), (45.25, 69.25))
        assert found == pytest.approx((20 * 0.1 * 1e-3) ** 2 * (240 + 240**2 / 194), rel=1e-9)
        assert charge_variance_pc2(covariance + 3.7e-6, DT, (22.0, 41.3), (45.25, 69.25)) == pytest.approx(found, rel=1e-9)

    def test_variance_of_a_charge_equals_that_of_pedestal_charges(self) -> None:
        """Specification 3.4: from baselines alone as from the charges themselves, for noise of a limited bandwidth."""
        rng = np.random.default_rng(5)
        white = rng.normal(0, 1e-3, (6000, SAMPLES + 3))
        y = sum(white[:, k : k + SAMPLES] for k in range(4)) / 2.0
        t0 = np.full(len(y), 22.0)
        covariance = autocovariance(y, t0, DT, LEVEL, 190).mean(axis=0)
        direct = charge_pc(y, t0, DT, baselines(y, t0, DT, LEVEL).level_v, GATE).var(ddof=1)
        assert charge_variance_pc2(covariance, DT, LEVEL, GATE) == pytest.approx(direct, rel=0.08)  # 1.8 % of 6000 charges, and the clip


class TestTimes:
    def test_a_triangle(self) -> None:
        """Rise over 10 ns, fall over 20 ns, height 2 V: crossings at their shares, 10-90 % in 8 ns, half height for 15 ns."""
        t = np.arange(0.0, 100.0)
        y = -2.0 * np.clip(np.minimum((t - 30) / 10, (60 - t) / 20), 0, None)[None] + 0.3
        found = pulse_times(y, np.zeros(1), 1.0, np.array([0.3]), (20.0, 70.0))
        np.testing.assert_allclose([*(value[0] for value in vars(found).values())], [2.0, 40.0, 32.0, 35.0, 8.0, 15.0], rtol=1e-12)

    def test_the_extreme_is_sought_in_the_gate_alone(self) -> None:
        y, t0, _ = waveforms(20, 4)
        y[:, 10] = -5.0
        found = pulse_times(y, t0, DT, np.zeros(20), GATE)
        assert np.all((found.peak_ns >= GATE[0]) & (found.peak_ns <= GATE[1]))

    def test_own_times_of_segments_undo_their_jitter(self) -> None:
        """One pulse sampled at many phases has one charge and one crossing time; without the segments' own offsets it has many."""
        t0 = 22.0 + np.linspace(-0.5, 0.5, 41)  # one sample of 1 ns
        time = t0[:, None] + np.arange(80)
        u = time - 60.0
        y = -0.2 * np.exp(-0.5 * (u / 3.0) ** 2)
        gate, zero = (45.3, 75.3), np.zeros(len(t0))
        own, common = (pulse_times(y, start, 1.0, zero, gate).cfd50_ns for start in (t0, np.full(len(t0), 22.0)))
        assert np.ptp(own) < 0.05
        assert np.ptp(common) == pytest.approx(1.0, abs=0.06)
        charges = charge_pc(y, t0, 1.0, zero, gate)
        np.testing.assert_allclose(charges, 20 * 0.2 * 3.0 * np.sqrt(2 * np.pi), rtol=2e-6)  # the edges of the gate are 5 deviations away

    @pytest.mark.public_data
    def test_own_times_of_segments_sharpen_the_crossing(self, public_data: Path) -> None:
        """Golden check of the specification: 0.1406 ns with the segments' own offsets, 0.3117 ns without (real sequence file)."""
        with open_source([str(public_data / "trc" / "pulse_sequence.trc")], "trc") as source:
            events = source.events(0, len(source))
            y, t0, dt = upright(np.asarray(events["waveform_v"]), "positive"), np.asarray(events["t0_ns"]), float(events["dt_ns"][0])
        for times, expected in ((t0, 0.1406), (np.full(len(t0), t0[0]), 0.3117)):
            level = baselines(y, times, dt, (-400.0, -50.0)).level_v
            found = pulse_times(y, times, dt, level, (-30.0, 60.0)).cfd50_ns
            assert np.std(found, ddof=1) == pytest.approx(expected, abs=1e-3)


class TestFurtherPulses:
    def test_a_second_pulse_is_found_with_its_charge(self) -> None:
        time = 22.0 + DT * np.arange(2000)
        y = -(0.2 * pulse(time - 47.3, *RATES) + 0.05 * pulse(time - 147.3, *RATES))[None]
        y = y + np.random.default_rng(0).normal(0, 1e-4, y.shape)
        found = further_pulses(y, np.array([22.0]), DT, np.zeros(1), np.array([1e-4]), np.array([47.3 + 15.0]))
        assert len(found.time_ns) == 1
        assert found.time_ns[0] - 100.0 == pytest.approx(47.3 + 1.62, abs=0.5)
        assert found.height_v[0] == pytest.approx(0.05 * 0.188357, rel=0.05)
        assert found.charge_pc[0] == pytest.approx(20 * 0.05, rel=0.1)  # the part above 10 % of its height

    def test_noise_and_long_tails_are_none(self) -> None:
        rng = np.random.default_rng(8)
        time = 22.0 + DT * np.arange(SAMPLES)
        y = rng.normal(0, 1e-3, (5000, SAMPLES)) - 2.0 * pulse(time - 47.3, *rates_of(1.0, 9.0))  # 38 deviations 15 ns behind the onset
        found = further_pulses(y, np.full(5000, 22.0), DT, np.zeros(5000), np.full(5000, 1e-3), np.full(5000, 62.3))
        assert len(found.time_ns) < 5

    def test_nothing_is_looked_at_behind_the_record(self) -> None:
        y, t0, _ = waveforms(5, 0)
        for start in (80.0, np.nan):
            assert len(further_pulses(y, t0, DT, np.zeros(5), np.full(5, 1e-3), np.full(5, start)).time_ns) == 0
