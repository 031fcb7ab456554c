"""The published chain: its numbers of chapter 9, its plain loops, and what each of its choices does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pulse_cases import DT_NS, GOLDEN, SAMPLES, T0_NS, TIMES_NS, sample
from reference import pmt_reference_loops
from scipy.integrate import quad

from physics.pulse_shapes import pulse, rates_of
from processors.pmt_reference import ABOVE_CUT, ACCEPTED, BAD_START, BEFORE, BEHIND, REASONS, ReferenceResult, reference_chain
from processors.pmt_reference_effects import compare


def chain(name: str, noisy: bool, cut_v: float = -2e-3) -> ReferenceResult:
    return reference_chain(GOLDEN[name].waveform_v(), T0_NS, DT_NS, cut_v, noisy)


def test_golden_quiet() -> None:
    found = chain("G1", noisy=False)
    assert found.step_ns == pytest.approx(0.3353347, rel=1e-6)
    assert (found.minimum[0], found.background_end[0], found.begin[0], found.end[0]) == (81, 75, 55, 141)
    assert found.minimum_v[0] == pytest.approx(-30.305298e-3, rel=1e-7)
    assert found.baseline_v[0] == pytest.approx(0.348383e-3, rel=1e-6)
    fitted = (found.amplitude_v[0], found.onset_ns[0], found.tau_rise_ns[0], found.tau_fall_ns[0])
    np.testing.assert_allclose(fitted, (-0.0672125, 47.358082, 0.875324, 3.291641), rtol=1e-4)
    assert found.charge_pc[0] == pytest.approx(-3.04153, rel=1e-4)
    assert found.baseline_charge_pc[0] == pytest.approx(0.20094, rel=1e-4)
    assert found.accepted[0]


@pytest.mark.parametrize(("name", "begin", "end", "charge_pc"), [("G1", 62, 131, -3.07050), ("G2", 58, 141, -0.81548)])
def test_golden_noisy(name: str, begin: int, end: int, charge_pc: float) -> None:
    found = chain(name, noisy=True)
    assert (found.begin[0], found.end[0]) == (begin, end)
    assert found.charge_pc[0] == pytest.approx(charge_pc, rel=1e-4)


def test_golden_window_behind_the_record() -> None:
    found = chain("G2", noisy=False)
    assert found.end[0] == 151
    assert REASONS[found.reason[0]] == "window behind the record"
    assert np.isnan(found.charge_pc[0])


@pytest.mark.parametrize("noisy", [False, True])
def test_plain_loops_find_the_same(noisy: bool) -> None:
    drawn = sample(12, seed=21)
    found = reference_chain(drawn.waveform_v, T0_NS, DT_NS, -2e-3, noisy)
    for row, waveform in enumerate(drawn.waveform_v):
        expected = pmt_reference_loops.windows(waveform, T0_NS, DT_NS, noisy)
        assert found.step_ns == pytest.approx(expected["t"][1] - expected["t"][0], rel=1e-12)
        for name in ("minimum", "background_end", "begin", "end"):
            assert getattr(found, name)[row] == expected[name], name
        assert found.baseline_v[row] == pytest.approx(expected["baseline_v"], rel=1e-9)
        assert found.accepted[row]
        starts = found.onset_ns[row] + np.array([-0.2, 0.01, 0.2])
        assert found.charge_pc[row] == pytest.approx(pmt_reference_loops.charge_pc(expected, starts), rel=1e-5)


@pytest.mark.parametrize(
    ("onset_ns", "scale", "reason"), [(47.3, 1.0, ACCEPTED), (47.3, 0.2, ABOVE_CUT), (26.0, 1.0, BEFORE), (64.0, 1.0, BEHIND), (36.0, 1.0, BAD_START)]
)
def test_every_reason_to_reject(onset_ns: float, scale: float, reason: int) -> None:
    noise = 1e-4 * np.random.default_rng(1).normal(size=SAMPLES)
    waveform = noise - scale * 0.16 * pulse(TIMES_NS - onset_ns, *rates_of(0.93, 3.2))
    found = reference_chain(waveform[None], T0_NS, DT_NS, -10e-3, False)
    assert found.reason[0] == reason
    assert found.accepted[0] == (reason == ACCEPTED)
    assert np.isfinite(found.charge_pc[0]) == (reason == ACCEPTED)


def test_searches_that_find_nothing_return_their_first_point() -> None:
    """A waveform that is below its own thresholds everywhere: the point beside the minimum."""
    waveform = -1.0 - 0.01 * np.exp(-0.5 * ((TIMES_NS - 47) / 2) ** 2)
    found = reference_chain(waveform[None], T0_NS, DT_NS, -0.5, False)
    assert found.background_end[0] == found.minimum[0] - 1
    assert found.begin[0] == found.minimum[0] - 1 - 20
    assert found.end[0] == found.minimum[0] + 1 + 30


def test_broken_waveforms_are_rejected_and_leave_the_others_alone() -> None:
    waveforms = np.concatenate([np.full((1, SAMPLES), np.nan), GOLDEN["G1"].waveform_v()])
    found = reference_chain(waveforms, T0_NS, DT_NS, -2e-3, False)
    assert found.accepted.tolist() == [False, True]
    assert found.charge_pc[1] == pytest.approx(-3.04153, rel=1e-4)


def columns(n: int = 300, **more: Any) -> dict[str, np.ndarray]:
    drawn = sample(n, **more)
    return compare(drawn.waveform_v, T0_NS, DT_NS, -6e-3, False)


def test_columns_hold_one_value_a_trigger_and_charge_is_the_integral_of_the_fit() -> None:
    found = columns(5)
    assert all(values.shape == (5,) for values in found.values())
    drawn = sample(5)
    chained = reference_chain(drawn.waveform_v, T0_NS, DT_NS, -6e-3, False)
    for row in range(5):
        beta, eta = rates_of(found["reference_tau_rise_ns"][row], found["reference_tau_fall_ns"][row])
        begin, end = (T0_NS + edge[row] * chained.step_ns for edge in (chained.begin, chained.end))
        onset = found["reference_onset_ns"][row]
        area = chained.fits.area_vns[row]
        integral = quad(lambda t, *p: float(pulse(t - p[0], p[1], p[2])), onset, end, args=(onset, beta, eta), epsabs=1e-13)[0]
        expected = 20 * (chained.baseline_v[row] * (end - begin) - area * integral)
        assert found["reference_charge_pc"][row] == pytest.approx(expected, rel=1e-9)


def test_effects_are_those_of_the_specification() -> None:
    """Chapter 9: 30 mV pulses on 0.3 mV with 1.2 mV of noise: quadrature 1.5 % rms and 3.7 % at most, baseline -5.3 %, time axis +0.20 %."""
    found = columns(1000, seed=4)
    assert found["reference_accepted"].mean() > 0.99
    pulses = found["reference_charge_pc"] - found["reference_baseline_charge_pc"]
    changed = (found["quadrature_charge_pc"] - found["reference_charge_pc"]) / pulses
    assert 100 * np.sqrt(np.nanmean(changed**2)) == pytest.approx(1.45, abs=0.2)
    assert 100 * np.nanmax(np.abs(changed)) == pytest.approx(3.5, abs=0.5)
    assert 100 * np.nanmean(found["reference_baseline_charge_pc"]) / np.nanmean(pulses) == pytest.approx(-5.3, abs=0.3)
    np.testing.assert_allclose(found["axis_stretch"], 1 / 501, rtol=1e-12)
    assert (found["one_minimum_excess"][found["reference_accepted"]] >= -1e-9).all()
    assert np.nanmean(found["one_minimum_excess"] > 1e-4) > 0.001


def test_an_offset_changes_the_published_charge() -> None:
    """Its thresholds and its baseline take the level to be 0: 5 mV lower, a 30 mV pulse gets another window and another baseline, or is lost."""
    found = columns(200)
    kept = found["reference_accepted"] & found["lowered_accepted"]
    here, lowered = (found[f"{kind}_charge_pc"][kept] - found[f"{kind}_baseline_charge_pc"][kept] for kind in ("reference", "lowered"))
    changed = np.sum(np.abs(lowered / here - 1) > 0.01) + np.sum(found["reference_accepted"] != found["lowered_accepted"])
    assert changed > 0.5 * found["reference_accepted"].sum()
