"""The gain curve against published algebra, an independent fit, toys of its errors, and everything that it refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from configs.pmt_gain import GainCurve
from fits.gain_curve import Ordinate, gain_curve, nominal_voltage, predicted

HV_V = np.arange(700.0, 1401.0, 100.0)
GOLDEN = GainCurve(pivot_v=1000.0, nominal_gain=[1.0e6, 1.0e5, 5.0e6])


def ordinate(factor: np.ndarray | float = 1.0, error: float = 0.02, **changes: object) -> Ordinate:
    value = 5.0e5 * (HV_V / 1000.0) ** 5.5 * factor
    points = Ordinate([f"PMT_1.{hv:.0f}V" for hv in HV_V], HV_V.tolist(), value.tolist(), (error * value).tolist())
    return replace(points, **changes)  # type: ignore[arg-type]


def test_errors_and_nominal_voltages_of_the_specification() -> None:
    curve = gain_curve(ordinate(), GOLDEN)
    (c00, c01), (_, c11) = curve.covariance
    assert math.sqrt(c00) == pytest.approx(0.0071106, abs=1e-7)
    assert math.sqrt(c11) == pytest.approx(0.0313146, abs=1e-7)
    assert c01 / math.sqrt(c00 * c11) == pytest.approx(-0.105303, abs=1e-6)
    assert [(one.hv_v, one.error_v) for one in curve.nominal] == [
        pytest.approx((1134.3125, 1.6005), abs=1e-4),
        pytest.approx((746.3019, 1.6522), abs=1e-4),
        pytest.approx((1519.911, 3.935), abs=1e-3),
    ]
    assert [one.extrapolated for one in curve.nominal] == [False, False, True]
    assert curve.at_pivot == pytest.approx((5.0e5, 5.0e5 * 0.0071106), rel=1e-5)


def test_scattered_points_of_the_specification() -> None:
    curve = gain_curve(ordinate(1.0 + 0.03 * (-1.0) ** np.arange(8)), GOLDEN)
    assert curve.at_pivot[0] == pytest.approx(5.001267e5, rel=1e-6)
    assert curve.exponent == pytest.approx(5.470572, abs=1e-6)
    assert curve.chi2 == pytest.approx(17.12768, abs=1e-5)
    assert curve.degrees_of_freedom == 6
    assert curve.p_value == pytest.approx(0.00884, abs=5e-5)


def test_agrees_with_a_fit_by_scipy() -> None:
    """The same line by an iterative program in the same logarithms."""
    points = ordinate(1.0 + 0.05 * np.sin(np.arange(8.0)))
    curve = gain_curve(points, GainCurve())
    x, sigma = np.log(HV_V / curve.pivot_v), np.array(points.error) / np.array(points.value)
    best, covariance = curve_fit(lambda x, a, b: a + b * x, x, np.log(points.value), sigma=sigma, absolute_sigma=True)
    assert (curve.ln_value, curve.exponent) == pytest.approx(best, rel=1e-9)
    assert np.array(curve.covariance) == pytest.approx(covariance, rel=1e-6, abs=1e-10)


@given(st.floats(0.01, 1e4), st.floats(100.0, 5000.0))
def test_neither_scale_nor_pivot_changes_the_answer(scale: float, pivot_v: float) -> None:
    """A factor on all gains moves the norm alone; the pivot moves nothing that is measured."""
    scatter = 1.0 + 0.02 * np.cos(3.0 * np.arange(8))
    ours, other = gain_curve(ordinate(scatter), GOLDEN), gain_curve(ordinate(scatter * scale), GainCurve(pivot_v=pivot_v))
    assert other.exponent == pytest.approx(ours.exponent, rel=1e-9)
    assert other.chi2 == pytest.approx(ours.chi2, rel=1e-6)
    assert predicted(other, [850.0, 2000.0])[0] == pytest.approx(scale * predicted(ours, [850.0, 2000.0])[0], rel=1e-9)
    assert predicted(other, [850.0])[1] == pytest.approx(scale * predicted(ours, [850.0])[1], rel=1e-6)
    assert nominal_voltage(other, 1e6 * scale).error_v == pytest.approx(ours.nominal[0].error_v, rel=1e-6)


def test_nominal_voltage_inverts_the_curve() -> None:
    curve = gain_curve(ordinate(), GOLDEN)
    for one in curve.nominal:
        value, error = predicted(curve, one.hv_v)
        assert float(value) == pytest.approx(one.gain, rel=1e-12)
        assert one.error_v == pytest.approx(float(error / value) * one.hv_v / curve.exponent, rel=1e-9)


def test_errors_cover_the_truth_in_toys() -> None:
    generator = np.random.default_rng(4)
    pulls = []
    for _ in range(400):
        curve = gain_curve(ordinate(np.exp(0.02 * generator.normal(size=8))), GOLDEN)
        pulls.append([(curve.exponent - 5.5) / math.sqrt(curve.covariance[1][1]), (curve.nominal[0].hv_v - 1134.3125) / curve.nominal[0].error_v])
    assert np.mean(pulls, axis=0) == pytest.approx([0.0, 0.0], abs=0.2)
    assert np.std(pulls, axis=0) == pytest.approx([1.0, 1.0], abs=0.12)


def test_scale_error_stands_apart() -> None:
    curve = gain_curve(ordinate(scale_parts={"calibration": 0.02, "delta": 0.069}), GOLDEN)
    assert curve.nominal[0].error_v == pytest.approx(1.6005, abs=1e-4)
    assert curve.nominal[0].scale_error_v == pytest.approx(1134.3125 * math.hypot(0.02, 0.069) / 5.5, rel=1e-6)


def test_curvature_is_found_and_reported() -> None:
    bent = gain_curve(ordinate(np.exp(-1.5 * np.log(HV_V / 1000.0) ** 2)), GOLDEN)
    assert bent.curvature is not None
    assert bent.curvature.value == pytest.approx(-1.5, abs=1e-9)
    assert bent.curvature.delta_chi2 == pytest.approx((bent.curvature.value / bent.curvature.error) ** 2, rel=1e-6)
    assert "bend away from a power law" in bent.notes[0]
    assert gain_curve(ordinate(), GOLDEN).notes == []


def test_a_wrong_unit_of_one_voltage_is_suspected() -> None:
    points = ordinate()
    hv_v = [*points.hv_v[:-1], points.hv_v[-1] / 1000.0]
    notes = gain_curve(replace(points, hv_v=hv_v), GOLDEN).notes
    assert "a wrong voltage?" in notes[0]
    assert "no photomultiplier's gain grows so slowly; are the voltages in volts" in notes[1]


def test_exponent_per_dynode_is_judged() -> None:
    usual = gain_curve(ordinate(), GainCurve(n_dynodes=8))
    assert usual.exponent_per_dynode == pytest.approx(5.5 / 8)
    assert usual.notes == []
    assert "exponent per dynode 0.46 is outside" in gain_curve(ordinate(), GainCurve(n_dynodes=12)).notes[0]


def test_saturated_points_are_left_out_by_name() -> None:
    crushed = np.ones(8)
    crushed[-1] = 0.5
    curve = gain_curve(ordinate(crushed, saturated=[0.0] * 7 + [0.03]), GOLDEN)
    assert curve.exponent == pytest.approx(5.5, rel=1e-9)
    assert curve.excluded == {"PMT_1.1400V": "3.0% of its triggers are saturated (limit 1.0%)"}
    assert len(curve.used) == 7


def test_points_that_are_no_numbers_are_left_out() -> None:
    factor = np.array([1.0, -1.0, math.nan, *np.ones(5)])
    curve = gain_curve(ordinate(factor, excluded={"PMT_1.600V": "no files"}), GOLDEN)
    assert curve.exponent == pytest.approx(5.5, rel=1e-9)
    assert list(curve.excluded) == ["PMT_1.600V", "PMT_1.800V", "PMT_1.900V"]
    assert "not positive" in curve.excluded["PMT_1.800V"]


def test_two_voltages_make_no_curve() -> None:
    two = Ordinate(["a", "b", "c"], [700.0, 700.0, 800.0], [1.0, 1.1, 2.0], [0.1, 0.1, 0.1])
    curve = gain_curve(two, GOLDEN)
    assert not curve.valid
    assert curve.reason == "2 voltages with a usable gain; a curve needs 3"
    assert nominal_voltage(curve, 1e6).reason == curve.reason


def test_three_voltages_have_no_curvature() -> None:
    three = Ordinate(["a", "b", "c"], [700.0, 750.0, 800.0], [1.0, 1.5, 2.0], [0.1, 0.1, 0.1])
    assert gain_curve(three, GOLDEN).curvature is None


def test_relative_gain_has_no_nominal_voltage() -> None:
    curve = gain_curve(ordinate(quantity="charge_pc", method="mean_charge"), GOLDEN, "no photostatistics was asked for")
    assert curve.valid
    assert curve.exponent == pytest.approx(5.5)
    assert [one.reason for one in curve.nominal] == ["no absolute gain: no photostatistics was asked for"] * 3
    assert not any(one.valid for one in curve.nominal)


def test_falling_gain_has_no_nominal_voltage() -> None:
    curve = gain_curve(ordinate((HV_V / 1000.0) ** -7.0), GOLDEN)
    assert curve.nominal[0].reason == "the gain does not rise with the voltage"
