"""The batched pulse fit: numbers of the specification, minima, errors, statuses, and SciPy as an independent program."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulse_cases import DT_NS, GOLDEN, GOLDEN_WINDOW_NS, T0_NS, TIMES_NS, Sample, sample
from reference.pulse_fit_by_interval import best_fit
from scipy.optimize import curve_fit

from configs.errors import InputError
from configs.pmt_gain import PulseFit
from physics.pulse_shapes import pulse, pulse_derivatives, rates_of, smeared_pulse
from processors import pulse_fit_kernel, pulse_fit_shapes
from processors.pulse_fit import PulseFits, fit_pulses
from processors.pulse_fit_shapes import SHARP, SMEARED, fill_shape

# P (V ns), c (ns), beta (1/ns), eta, tau_r, tau_f (ns), charge (pC), chi2; errors of P, c, beta, eta (specification, chapter 8)
NUMBERS = {
    "G1": ((0.1624975, 47.310241, 0.729434, 0.342207, 0.864946, 3.303318, 3.249949, 306.78760), (0.00155, 0.0182, 0.0276, 0.0293)),
    "G2": ((0.0308177, 46.868539, 0.751812, 0.388508, 0.819391, 3.531021, 0.616355, 307.34688), (0.00053, 0.0278, 0.0491, 0.0474)),
    "G3": ((0.5028965, 48.031768, 0.509463, 0.025053, 1.694624, 2.331960, 10.057930, 304.83636), (0.00152, 0.0063, 0.0050, 0.0120)),
}
TOLERANCES = (1e-5, 1e-5, 1e-4, 1e-4, 1e-4, 1e-4, 1e-5, 1e-6)


def golden(name: str, **options: Any) -> PulseFits:
    waveform = GOLDEN[name].waveform_v()
    noise = GOLDEN[name].noise_mv * 1e-3
    return fit_pulses(waveform, T0_NS, DT_NS, waveform[:, :200].mean(axis=1), noise, GOLDEN_WINDOW_NS, PulseFit(**options))


@pytest.mark.parametrize("starts", [[0.0, -1.0], [0.0, -1.0, -2.0], "dense"])
@pytest.mark.parametrize("name", ["G1", "G2", "G3"])
def test_golden_fits(name: str, starts: list[float] | str) -> None:
    fit = golden(name, c_starts=starts)
    values, errors = NUMBERS[name]
    found = (fit.area_vns, fit.onset_ns, fit.beta_per_ns, fit.eta, *fit.times_ns, 20 * fit.area_vns, fit.chi2)
    for value, expected, tolerance in zip(found, values, TOLERANCES, strict=True):
        assert value[0] == pytest.approx(expected, rel=tolerance)
    digits = (5, 4, 4, 4)
    assert [round(float(error), places) for error, places in zip(fit.errors[0], digits, strict=True)] == list(errors)
    assert fit.ndf[0] == 302 - 4
    assert fit.valid[0]


def test_golden_equal_times_do_not_run_away() -> None:
    fit = golden("G4")
    assert fit.status[0] == 5
    assert fit.valid[0]
    assert fit.iterations[0] <= 15
    np.testing.assert_allclose([fit.area_vns[0], fit.onset_ns[0], fit.beta_per_ns[0]], [0.5, 48.03, 0.5], rtol=1e-9)
    assert fit.eta[0] < 1e-12


SHAPES = [(0.7, 0.302), (0.06, 0.9), (11.0, 0.5), (0.7, 0.0), (0.7, 9e-5), (0.7, 1.1e-4), (0.3, 0.9998)]


@pytest.mark.parametrize(("beta", "eta"), SHAPES)
@pytest.mark.parametrize("onset", [-3.0, 0.0, 4.3, 4.3333, 59.9, 70.0])
def test_compiled_shapes_are_the_closed_forms(beta: float, eta: float, onset: float) -> None:
    time = 0.1 * np.arange(600)
    columns, scratch = np.zeros((4, 600)), np.empty((2, 600))
    first = fill_shape(SHARP, np.array([1.0, onset, beta, eta]), 0.1, scratch, columns, 600)
    late = slice(first, None)
    assert (pulse(time[:first] - onset, beta, eta) == 0).all()
    fine = np.linspace(0, 10 / beta, 1000)
    for row, form in zip(
        columns, (lambda u: pulse(u, beta, eta), *(lambda u, k=k: pulse_derivatives(u, beta, eta)[k] for k in range(3))), strict=True
    ):
        np.testing.assert_allclose(row[late], form(time - onset)[late], rtol=0, atol=1e-9 * np.abs(form(fine)).max())


@pytest.mark.parametrize(("beta", "eta"), [(0.7, 0.302), (2.0, 0.9), (0.7, 1e-3)])
@pytest.mark.parametrize("sigma", [0.02, 0.3, 3.0])
def test_compiled_smeared_shape_and_its_derivatives(beta: float, eta: float, sigma: float) -> None:
    time, n = 0.1 * np.arange(300), 300
    at = np.array([1.0, 8.03, beta, eta, sigma])

    def shape(parameters: np.ndarray) -> np.ndarray:
        return smeared_pulse(time - parameters[1], *parameters[2:])

    columns = np.zeros((5, n))
    first = fill_shape(SMEARED, at, 0.1, np.empty((2, n)), columns, n)
    np.testing.assert_allclose(columns[0], shape(at), rtol=0, atol=1e-11)
    assert (columns[:, :first] == 0).all()
    for k in range(1, 5):
        step = 1e-3 * at[k] if k > 1 else 1e-3 * sigma
        far = np.eye(5)[k] * step
        slope = (8 * (shape(at + far) - shape(at - far)) - shape(at + 2 * far) + shape(at - 2 * far)) / (12 * step)
        np.testing.assert_allclose(columns[k], slope, rtol=0, atol=1e-7 * np.abs(slope).max())


def test_cached_machine_code_follows_the_shapes() -> None:
    """The compiler caches by a function's own file: this constant changes the file of the callers when the file of the shapes changes."""
    text = Path(pulse_fit_shapes.__file__).read_bytes()
    digest = hashlib.sha256(text).hexdigest()[:12]
    assert digest == pulse_fit_kernel.SHAPES, "update SHAPES in pulse_fit_kernel.py"


def fit_sample(drawn: Sample, starts: list[float] | str = (0.0, -1.0), **more: Any) -> PulseFits:  # type: ignore[assignment]
    options = PulseFit(c_starts=starts if starts == "dense" else list(starts), onset_range_ns=(40.0, 60.0))
    return fit_pulses(drawn.waveform_v, T0_NS, DT_NS, drawn.baseline_v, drawn.noise_v, GOLDEN_WINDOW_NS, options, **more)


@pytest.mark.parametrize(
    ("amplitude_v", "noise_v", "correlated"),
    [
        (0.030, 1.2e-3, False),
        (0.006, 0.4e-3, True),
        pytest.param(0.030, 1.2e-3, True, marks=pytest.mark.slow),
        pytest.param(0.3, 6e-3, True, marks=pytest.mark.slow),
    ],
)
def test_cost_and_charge_are_those_of_the_best_minimum(amplitude_v: float, noise_v: float, correlated: bool) -> None:
    """Specification 9: cost within 1e-4 of the dense starts for 99 % (default) and 99.8 % (three starts), charge within 1e-3 for 99.9 %."""
    drawn = sample(2000, amplitude_v=amplitude_v, noise_v=noise_v, correlated=correlated)
    dense = fit_sample(drawn, "dense")
    for starts, least in (([0.0], 0.99), ([0.0, -1.0], 0.99), ([0.0, -1.0, -2.0], 0.998)):
        fit = fit_sample(drawn, starts)
        assert np.mean(fit.chi2 < dense.chi2 * (1 + 1e-4)) >= least
        assert np.mean(np.abs(fit.area_vns / dense.area_vns - 1) < 1e-3) >= 0.999
        assert fit.valid.all()


@pytest.mark.parametrize(("amplitude_v", "noise_v"), [(0.030, 1.2e-3), (0.006, 0.4e-3)])
def test_minimum_is_that_of_an_exhaustive_search(amplitude_v: float, noise_v: float) -> None:
    """SciPy's bounded fit between every two samples from 0.5 ns before to 0.5 ns after finds nothing lower."""
    drawn = sample(25, amplitude_v=amplitude_v, noise_v=noise_v, seed=5)
    fit = fit_sample(drawn)
    for row in range(25):
        near = int((fit.onset_ns[row] - TIMES_NS[200]) / DT_NS)
        start = np.array([fit.area_vns[row], fit.onset_ns[row], fit.beta_per_ns[row], fit.eta[row]])
        height = drawn.baseline_v[row] - drawn.waveform_v[row]
        values, cost = best_fit(TIMES_NS[200:], height[200:], start, range(near - 5, near + 6))
        assert fit.chi2[row] * noise_v**2 <= cost * (1 + 1e-9)
        assert fit.area_vns[row] == pytest.approx(values[0], rel=1e-5)
        assert fit.onset_ns[row] == pytest.approx(values[1], abs=1e-4)


def test_scipy_curve_fit_agrees() -> None:
    """An independent program, the textbook parametrisation, from the same start; where it ends in the same minimum, to 1e-5."""
    drawn = sample(40, seed=9)
    fit = fit_sample(drawn)
    rise, fall = fit.times_ns
    time = TIMES_NS[200:]

    def height(t: np.ndarray, area: float, onset: float, short: float, long: float) -> np.ndarray:
        u = np.maximum(t - onset, 0.0)
        return area * (np.exp(-u / long) - np.exp(-u / short)) / (long - short)

    same = 0
    for row in range(40):
        y = drawn.baseline_v[row] - drawn.waveform_v[row, 200:]
        start = [fit.area_vns[row], fit.onset_ns[row] + 0.02, 0.93, 3.5]
        values, covariance = curve_fit(height, time, y, start, sigma=np.full(302, 1.2e-3), absolute_sigma=True, ftol=1e-13, xtol=1e-11, gtol=1e-13)
        chi2 = np.sum(((y - height(time, *values)) / 1.2e-3) ** 2)
        assert fit.chi2[row] <= chi2 * (1 + 1e-8)
        if chi2 < fit.chi2[row] * (1 + 1e-8):
            same += 1
            np.testing.assert_allclose([fit.area_vns[row], rise[row], fall[row]], values[[0, 2, 3]], rtol=1e-4)
            assert fit.area_vns[row] == pytest.approx(values[0], rel=1e-5)
            assert fit.errors[row, 0] == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-3)
    assert same >= 30


@pytest.mark.parametrize("correlated", [False, True])
def test_pulls_of_the_area_are_standard(correlated: bool) -> None:
    """With the error of the baseline and the correlation of the noise; a moving sum over 4 samples has 1 + 2 (3 + 2 + 1) / 4 = 4."""
    correlation = 4.0 if correlated else 1.0
    drawn = sample(3000, correlated=correlated, seed=11)
    level_error = drawn.noise_v * np.sqrt(correlation / 200)
    fit = fit_sample(drawn, noise_correlation=correlation, baseline_error_v=level_error)
    pull = (fit.area_vns - drawn.area_vns) / fit.errors[:, 0]
    assert abs(pull.mean()) < 0.08
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    onset = (fit.onset_ns - drawn.onset_ns) / fit.errors[:, 1]
    assert onset.std() == pytest.approx(1.0, abs=0.12)  # the kink is not linear, and fast as the noise is slow
    without = fit_sample(drawn, noise_correlation=correlation)
    assert np.std((fit.area_vns - drawn.area_vns) / without.errors[:, 0]) > 1.2  # what forgetting the baseline costs
    if not correlated:
        assert np.mean(fit.chi2 / fit.ndf) == pytest.approx(1.0, abs=0.005)


def test_baseline_lever_is_the_change_with_the_baseline() -> None:
    drawn = sample(20, noise_v=0.2e-3)
    fit = fit_sample(drawn)
    shift = 1e-7
    moved = replace(drawn, waveform_v=drawn.waveform_v)
    other = fit_pulses(
        moved.waveform_v, T0_NS, DT_NS, drawn.baseline_v + shift, drawn.noise_v, GOLDEN_WINDOW_NS, PulseFit(onset_range_ns=(40, 60)), threads=1
    )
    found = (other.area_vns - fit.area_vns) / shift
    np.testing.assert_allclose(found, fit.baseline_lever[:, 0], rtol=0.1)  # Gauss-Newton: without the residuals' own curvature


def test_offsets_shifts_and_scales_change_nothing_else() -> None:
    drawn = sample(50, seed=2)
    fit = fit_sample(drawn)
    options = PulseFit(onset_range_ns=(40.0, 60.0))
    lifted = fit_pulses(drawn.waveform_v + 0.005, T0_NS, DT_NS, drawn.baseline_v + 0.005, drawn.noise_v, GOLDEN_WINDOW_NS, options)
    np.testing.assert_allclose(lifted.area_vns, fit.area_vns, rtol=1e-9)
    later = PulseFit(onset_range_ns=(1040.0, 1060.0))
    shifted = fit_pulses(drawn.waveform_v, T0_NS + 1000, DT_NS, drawn.baseline_v, drawn.noise_v, (1042.0, 1072.1), later)
    np.testing.assert_allclose(shifted.area_vns, fit.area_vns, rtol=1e-9)
    np.testing.assert_allclose(shifted.onset_ns - 1000, fit.onset_ns, rtol=1e-9)
    scaled = fit_pulses(100 * drawn.waveform_v, T0_NS, DT_NS, 100 * drawn.baseline_v, 100 * drawn.noise_v, GOLDEN_WINDOW_NS, options)
    np.testing.assert_allclose(scaled.area_vns, 100 * fit.area_vns, rtol=1e-7)
    np.testing.assert_allclose(scaled.chi2, fit.chi2, rtol=1e-9)
    single = fit_pulses(drawn.waveform_v.astype(np.float32), T0_NS, DT_NS, drawn.baseline_v, drawn.noise_v, GOLDEN_WINDOW_NS, options)
    np.testing.assert_allclose(single.area_vns, fit.area_vns, rtol=1e-5)


def test_each_waveform_has_its_own_time_of_the_first_sample() -> None:
    """As in a sequence: the same pulse, sampled at other phases."""
    offsets = np.linspace(0, 0.1, 11)
    beta, eta = rates_of(0.93, 3.2)
    waveforms = np.stack([-0.2 * pulse(TIMES_NS + offset - 47.3, beta, eta) for offset in offsets])
    fit = fit_pulses(waveforms, T0_NS + offsets, DT_NS, 0.0, 1e-3, (42.0, 72.0))
    np.testing.assert_allclose(fit.onset_ns, 47.3, rtol=1e-8)
    np.testing.assert_allclose(fit.area_vns, 0.2, rtol=1e-8)
    assert set(fit.ndf) <= {301 - 4, 300 - 4}


def test_rows_and_threads_are_independent() -> None:
    drawn = sample(64, seed=3)
    alone, together = fit_sample(drawn), fit_sample(drawn, threads=3)
    order = np.random.default_rng(0).permutation(64)
    mixed = fit_sample(Sample(drawn.waveform_v[order], drawn.area_vns, drawn.onset_ns, drawn.noise_v))
    for name in ("area_vns", "onset_ns", "covariance", "chi2", "status", "iterations"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))
        np.testing.assert_array_equal(getattr(alone, name)[order], getattr(mixed, name))


@given(st.floats(1e-4, 10.0), st.floats(46.0, 50.0), st.floats(0.3, 3.0), st.floats(1.0, 4.0))
@settings(max_examples=60, deadline=None)
def test_any_pulse_without_noise_is_found_again(area: float, onset: float, rise: float, ratio: float) -> None:
    waveform = -area * pulse(TIMES_NS - onset, *rates_of(rise, rise * ratio))[None]
    fit = fit_pulses(waveform, T0_NS, DT_NS, 0.0, None, (30.0, 72.1), PulseFit(c_starts=[0.0, -1.0, -2.0]))
    assert fit.valid[0]
    assert fit.area_vns[0] == pytest.approx(area, rel=1e-6)
    assert fit.onset_ns[0] == pytest.approx(onset, rel=1e-7)


def test_unknown_noise_is_taken_from_the_residuals() -> None:
    drawn = sample(10)
    fit = fit_pulses(drawn.waveform_v, T0_NS, DT_NS, drawn.baseline_v, None, GOLDEN_WINDOW_NS)
    known = fit_sample(drawn)
    np.testing.assert_allclose(fit.errors, known.errors * np.sqrt(known.chi2 / known.ndf)[:, None], rtol=1e-9)


def test_what_cannot_be_fitted_says_so() -> None:
    beta, eta = rates_of(0.93, 3.2)
    good = -0.2 * pulse(TIMES_NS - 47.3, beta, eta)
    broken = good.copy()
    broken[300] = np.nan
    fit = fit_pulses(np.stack([good, broken, -good, np.zeros_like(good), good]), T0_NS, DT_NS, 0.0, 1e-3, (42, 72), wanted=np.arange(5) < 4)
    assert fit.status.tolist() == [1, -1, -1, -1, -1]
    assert fit.valid.tolist() == [True, False, False, False, False]
    assert np.isnan(fit.area_vns[1:]).all()
    assert np.isnan(fit.errors[1:]).all()
    assert fit.ndf.tolist() == [297, 0, 0, 0, 0]
    outside = fit_pulses(good[None], T0_NS, DT_NS, 0.0, 1e-3, (100.0, 120.0))
    assert outside.status[0] == -1
    none = fit_pulses(np.empty((0, 502)), T0_NS, DT_NS, np.empty(0), np.empty(0), (42.0, 72.0), threads=2)
    assert len(none.area_vns) == 0


def test_statuses_of_fits_that_end_early_or_at_a_bound() -> None:
    drawn = sample(5)
    few = fit_pulses(drawn.waveform_v, T0_NS, DT_NS, drawn.baseline_v, drawn.noise_v, GOLDEN_WINDOW_NS, PulseFit(max_iterations=1))
    assert (few.status == 0).all()
    assert not few.valid.any()
    narrow = fit_pulses(drawn.waveform_v, T0_NS, DT_NS, drawn.baseline_v, drawn.noise_v, GOLDEN_WINDOW_NS, PulseFit(onset_range_ns=(48.5, 49.0)))
    assert (narrow.status == 4).all()
    np.testing.assert_allclose(narrow.onset_ns, 48.5, rtol=1e-12)


def test_smeared_pulse_is_fitted_and_the_sharp_one_biased() -> None:
    rng = np.random.default_rng(1)
    shape = smeared_pulse(TIMES_NS - 47.3, *rates_of(0.93, 3.2), 0.6)
    waveforms = -0.16 * shape + rng.normal(0, 4e-4, (300, 502))
    fit = fit_pulses(waveforms, T0_NS, DT_NS, 0.0, 4e-4, (41.0, 72.1), PulseFit(pulse_model="biexp_gauss"))
    assert fit.valid.all()
    assert fit.covariance.shape == (300, 5, 5)
    truth = (0.16, 47.3, *rates_of(0.93, 3.2), 0.6)
    for found, error, value in zip((fit.area_vns, fit.onset_ns, fit.beta_per_ns, fit.eta, fit.sigma_ns), fit.errors.T, truth, strict=True):
        pull = (found - value) / error
        assert abs(pull.mean()) < 0.25
        assert pull.std() == pytest.approx(1, abs=0.15)
    sharp = fit_pulses(waveforms, T0_NS, DT_NS, 0.0, 4e-4, (41.0, 72.1))
    assert np.mean(sharp.chi2 / sharp.ndf) > 2
    assert sharp.area_vns.mean() < 0.99 * 0.16


def test_smearing_that_is_not_there_is_reported_as_unresolved() -> None:
    waveform = GOLDEN["G4"].waveform_v() + np.random.default_rng(4).normal(0, 3e-4, (20, 502))
    fit = fit_pulses(waveform, T0_NS, DT_NS, 0.0, 3e-4, (41.0, 72.1), PulseFit(pulse_model="biexp_gauss"))
    assert (fit.status[fit.sigma_ns <= 0.02 * (1 + 1e-12)] == 5).all()
    assert np.abs(fit.area_vns / 0.5 - 1).max() < 0.01


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"1 dimension\(s\), expected \(waveforms, samples\)"):
        fit_pulses(np.zeros(502), T0_NS, DT_NS, 0.0, None, (42.0, 72.0))
    with pytest.raises(InputError, match="sampling step of 0.0 ns: expected above 0"):
        fit_pulses(np.zeros((1, 502)), T0_NS, 0.0, 0.0, None, (42.0, 72.0))


def test_minima_on_a_sample_are_reached() -> None:
    """One fit in twenty: where the residual at the onset is negative the cost rises to both sides of the sample, and a plain descent creeps there."""
    drawn = sample(400, seed=5)
    fit = fit_sample(drawn)
    phase = (fit.onset_ns - GOLDEN_WINDOW_NS[0]) / DT_NS
    (on_sample,) = np.nonzero(np.abs(phase - np.round(phase)) < 1e-7)
    assert 5 <= len(on_sample) <= 50
    assert (fit.iterations <= 30).all()
    assert fit.valid.all()
    for row in on_sample[:5]:
        near = round(phase[row])
        start = np.array([fit.area_vns[row], fit.onset_ns[row], fit.beta_per_ns[row], fit.eta[row]])
        height = drawn.baseline_v[row] - drawn.waveform_v[row, 200:]
        _, cost = best_fit(TIMES_NS[200:], height, start, range(near - 3, near + 3))
        assert fit.chi2[row] * drawn.noise_v**2 <= cost * (1 + 1e-9)


def test_staying_in_the_first_minimum_is_worse_in_some_per_cent() -> None:
    """Specification 9: 2.7 % at full sampling; what looking beyond the next samples is for."""
    drawn = sample(1000, seed=6)
    best, first = fit_sample(drawn, [0.0]), fit_sample(drawn, [0.0], across_samples=False)
    worse = np.mean(first.chi2 > best.chi2 * (1 + 1e-4))
    assert 0.005 < worse < 0.05
    assert (first.chi2 >= best.chi2 * (1 - 1e-9)).all()
