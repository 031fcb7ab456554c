"""Generated photomultiplier runs against their recipe (specification 7): truth statistics, digitisation, independence of streams."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data_info.pmt_runs import RUNS, read_runs
from readers.trc_saturation import saturated_samples
from simulation import pmt_gain
from simulation.pmt_gain import DT_NS, KINDS, Light, PointTruth, point_truth, triggers, volts_per_division

COUNT = 6000


@pytest.fixture(scope="module")
def bright() -> tuple[PointTruth, pmt_gain.Triggers]:
    truth = point_truth("PMT_1", 1000.0, "led")
    return truth, triggers(truth, COUNT, 7)


def within(values: np.ndarray, mean: float, sigmas: float = 4.0) -> bool:
    """Whether a mean agrees within its standard error."""
    return abs(values.mean() - mean) < sigmas * values.std(ddof=1) / math.sqrt(len(values))


def test_gain_of_the_recipe() -> None:
    """G(1000 V) = 2.04e6 of PMT_1; at 1400 V one photo-electron is about 2.10 pC (specifications 7 and 8)."""
    assert point_truth("PMT_1", 1000.0, "led").gain == pytest.approx(2.04e6, rel=2e-3)
    assert point_truth("PMT_1", 1400.0, "low").q1_pc == pytest.approx(2.10, abs=0.01)


@pytest.mark.parametrize(("pmt", "exponent"), [("PMT_1", 5.53), ("PMT_2", 5.34), ("PMT_3", 5.52), ("PMT_4", 4.92)])
def test_gain_follows_the_power_law_of_each_tube(pmt: str, exponent: float) -> None:
    ratio = point_truth(pmt, 1400.0, "led").gain / point_truth(pmt, 700.0, "led").gain
    assert math.log2(ratio) == pytest.approx(exponent, rel=1e-12)


def test_amplitudes_are_twice_the_thresholds_of_the_real_runs() -> None:
    """The law reproduces every threshold of the table within 20 %, the scatter of the real ones."""
    for point in read_runs(RUNS).points:
        truth = point_truth(point.pmt, point.hv_v, "led")
        amplitude_v = truth.photoelectrons * truth.q1_pc / 20.0 * pmt_gain.peak_per_area()
        assert amplitude_v == pytest.approx(-2.0 * truth.cut_v, rel=1e-12)
        assert truth.cut_v == pytest.approx(point.cut_v, rel=0.2)


@pytest.mark.parametrize(("delta", "photoelectrons", "spread"), [(0.4, 30.0, 0.0), (1.0, 5.0, 0.0), (0.4, 30.0, 0.2)])
def test_charges_have_the_moments_of_a_compound_poisson_law(delta: float, photoelectrons: float, spread: float) -> None:
    """Mean lambda Q1; variance lambda Q1^2 (1 + delta^2) + (nu lambda Q1)^2, nu the spread of the LED."""
    truth = point_truth("PMT_2", 1100.0, "led", Light(bright=photoelectrons, delta=delta, spread=spread))
    made = triggers(truth, COUNT, 3)
    mean = photoelectrons * truth.q1_pc
    variance = mean * truth.q1_pc * (1 + delta**2) + (spread * mean) ** 2
    assert within(made.charge_pc, mean)
    assert within(made.n_pe.astype(float), photoelectrons)
    fourth = np.mean((made.charge_pc - made.charge_pc.mean()) ** 4)
    error = math.sqrt((fourth - made.charge_pc.var() ** 2) / COUNT)
    assert made.charge_pc.var(ddof=1) == pytest.approx(variance, abs=4 * error)


def test_gain_does_not_depend_on_the_light() -> None:
    assert {point_truth("PMT_1", 900.0, kind, Light(bright=b)).q1_pc for kind in KINDS for b in (1.0, 60.0)} == {
        point_truth("PMT_1", 900.0, "led").q1_pc
    }


def test_low_light_has_the_share_of_zeros_of_poisson() -> None:
    made = triggers(point_truth("PMT_1", 1400.0, "low"), COUNT, 1)
    zero = math.exp(-1.2)
    assert np.mean(made.n_pe == 0) == pytest.approx(zero, abs=4 * math.sqrt(zero * (1 - zero) / COUNT))
    assert (made.charge_pc[made.n_pe == 0] == 0).all()


@pytest.mark.parametrize("kind", ["off", "low.off"])
def test_led_off_has_noise_alone(kind: pmt_gain.Kind) -> None:
    truth = point_truth("PMT_1", 1400.0, kind)
    made = triggers(truth, 600, 1)
    assert not made.n_pe.any()
    volts = truth.volts_per_code * made.codes - truth.offset_v
    step = 256 * truth.volts_per_code
    assert (volts - made.baseline_v[:, None]).std() == pytest.approx(math.hypot(truth.noise_v, step / math.sqrt(12)), rel=0.01)


def test_shapes_and_times_have_the_spreads_of_the_recipe(bright: tuple[PointTruth, pmt_gain.Triggers]) -> None:
    truth, made = bright
    for values, centre in ((made.tau_rise_ns, 0.93), (made.tau_fall_ns, 3.2)):
        assert within(np.log(values), math.log(centre))
        assert np.log(values).std() == pytest.approx(0.03, rel=0.05)
    assert within(made.onset_ns, 47.3)
    pull = (made.onset_ns - 47.3) * np.sqrt(made.n_pe) / 0.30
    assert pull.std() == pytest.approx(1.0, rel=0.05)
    assert within(made.baseline_v, 0.02 * truth.volts_per_division)
    assert made.baseline_v.std() == pytest.approx(0.01 * truth.volts_per_division, rel=0.05)


def test_noise_is_correlated_over_four_samples(bright: tuple[PointTruth, pmt_gain.Triggers]) -> None:
    """A moving sum of four has the autocorrelation 3/4, 1/2, 1/4, 0 at lags 1 to 4; rms as the recipe's."""
    truth, made = bright
    before = truth.volts_per_code * made.codes[:, :200] - truth.offset_v - made.baseline_v[:, None]
    step = 256 * truth.volts_per_code
    covariance = np.array([np.mean(before[:, : 200 - lag] * before[:, lag:]) for lag in range(6)])
    covariance[0] -= step**2 / 12
    assert math.sqrt(covariance[0]) == pytest.approx(truth.noise_v, rel=0.01)
    assert covariance / covariance[0] == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0], abs=0.02)


def test_area_of_a_waveform_is_its_charge(bright: tuple[PointTruth, pmt_gain.Triggers]) -> None:
    """The sum over the record from the onset on, without the true baseline: 0.05 % lie behind the record, noise averages out."""
    truth, made = bright
    volts = truth.volts_per_code * made.codes - truth.offset_v
    charge = 20.0 * DT_NS * (made.baseline_v[:, None] - volts)[:, 230:].sum(axis=1)
    assert charge.mean() / made.charge_pc.mean() == pytest.approx(1.0, abs=2e-3)


def test_codes_are_eight_bits_within_the_range(bright: tuple[PointTruth, pmt_gain.Triggers]) -> None:
    _, made = bright
    assert made.codes.dtype == np.int16
    assert not (made.codes % 256).any()
    assert made.codes.min() >= -32768
    assert made.codes.max() <= 32512


def test_charges_beyond_the_range_are_cut_off() -> None:
    truth = point_truth("PMT_1", 1000.0, "led")
    volts = np.array([[-100.0, 0.0, 100.0]])
    assert pmt_gain.digitised(volts, truth).tolist() == [[-32768, 19968, 32512]]  # 0 V is 2.5 x 8000 = 78.125 x 256


@pytest.mark.parametrize(("full_scale_v", "step_v"), [(0.18492, 0.05), (0.0085, 0.002), (1.2, 0.2), (1.2001, 0.5), (6.0, 1.0), (0.1189, 0.02)])
def test_scale_is_the_smallest_step_that_holds_the_pulse(full_scale_v: float, step_v: float) -> None:
    assert volts_per_division(full_scale_v) == step_v


def test_low_light_is_taken_at_twenty_millivolts_per_division() -> None:
    assert point_truth("PMT_1", 1400.0, "low").volts_per_division == point_truth("PMT_1", 1400.0, "low.off").volts_per_division == 0.02


def cut_off(codes: np.ndarray) -> np.ndarray:
    """Triggers that the reader calls saturated."""
    low, high = saturated_samples(codes, *(np.full(len(codes), float(limit)) for limit in (pmt_gain.MIN_CODE, pmt_gain.MAX_CODE)))
    return (low + high) > 0


def test_largest_pulses_of_low_light_fit_the_screen() -> None:
    """At most 0.05 % of the triggers: those that are cut off are dropped, and the mean would be low by ten times their share."""
    made = triggers(point_truth("PMT_1", 1400.0, "low"), 10_000, 1, jitter=True)
    assert cut_off(made.codes).mean() <= 5e-4
    assert not cut_off(triggers(point_truth("PMT_1", 1400.0, "low.off"), 2000, 1).codes).any()


def test_a_trigger_is_the_same_whatever_else_is_generated() -> None:
    truth = point_truth("PMT_3", 820.0, "led")
    few, many = triggers(truth, 7, 5), triggers(truth, 130, 5)
    for name in ("codes", "n_pe", "charge_pc", "onset_ns", "t0_ns"):
        assert (getattr(few, name) == getattr(many, name)[:7]).all()


def test_every_point_and_seed_has_its_own_stream() -> None:
    made = [
        triggers(point_truth(pmt, hv_v, kind), 30, seed).codes[:, 250:270].tobytes()
        for pmt in ("PMT_1", "PMT_2")
        for hv_v in (900.0, 900.5)
        for kind in KINDS
        for seed in (1, 2)
    ]
    assert len(set(made)) == len(made)


def test_first_samples_of_sequences_jitter_within_one_sample() -> None:
    made = triggers(point_truth("PMT_1", 1400.0, "low"), COUNT, 1, jitter=True)
    assert np.ptp(made.t0_ns) == pytest.approx(DT_NS, rel=0.01)
    assert within(made.t0_ns, 22.0)
    assert (triggers(point_truth("PMT_1", 1400.0, "low"), 10, 1).t0_ns == 22.0).all()
