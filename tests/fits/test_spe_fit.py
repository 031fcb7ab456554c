"""Fits of spectra: truth is found, errors are right, the wrong model is seen, nothing fails in silence."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import hist
import numpy as np
import pytest
from spe_case import charges, histogram, spectra

from configs.errors import InputError
from fits.minimise import minimise
from fits.saldanha import saldanha
from fits.spe_choice import compare_models
from fits.spe_curve import spe_curve
from fits.spe_fit import fit_spe
from fits.spe_likelihood import SpeLikelihood, SpeSpectra, charge_spectrum, start_values
from fits.spe_models import MODELS, spe_model
from physics.constants import ELEMENTARY_CHARGE_PC
from records.results import load_results, save_results
from records.spe import SpectrumFit, SpeResult

GAMMA = (2.10, 0.4)  # the low-light example: PMT_1 at 1400 V
TRUTH = {"gamma": GAMMA, "gauss": (2.1, 0.3), "dossi": (0.15, 0.5, 2.2, 0.7), "bellamy": (2.1, 0.3, 0.15, 1.2)}


def likelihood(model: str, seed: int = 1, **options: float) -> SpeLikelihood:
    both = SpeSpectra.from_hists(*spectra(model, TRUTH[model], seed=seed, **options))
    return SpeLikelihood(spe_model(model), both, start_values(both))


def pulls(model: str, seeds: range, n: int = 10_000) -> np.ndarray:
    """(fit - truth)/error of every parameter and of the gain (toys, parameters + 1); every toy has to be valid."""
    truth = (0.0, 0.1, 1.2, *TRUTH[model])
    rows = []
    for seed in seeds:
        found = fit_spe(*spectra(model, TRUTH[model], seed=seed, n=n), model)
        assert found.valid, found.reason
        row = [(one.value - true) / one.error for one, true in zip(found.parameters.values(), truth, strict=True)]
        rows.append([*row, (found.q1_pc - spe_model(model).moments(TRUTH[model])[0]) / found.q1_error_pc])
    return np.array(rows)


class TestLikelihood:
    @pytest.mark.parametrize("model", MODELS)
    def test_gradient(self, model: str) -> None:
        nll = likelihood(model)
        theta = np.array([one.start for one in nll.parameters])
        _, gradient = nll.value_and_gradient(theta)
        for i in range(theta.size):
            step = np.zeros(theta.size)
            step[i] = 1e-6
            slope = (nll.value(theta + step) - nll.value(theta - step)) / 2e-6
            assert gradient[i] == pytest.approx(slope, rel=1e-4, abs=1e-2)

    def test_is_half_the_saturated_statistic(self) -> None:
        nll = likelihood("gamma")
        theta = np.array([one.start for one in nll.parameters])
        pairs = zip((nll.spectra.led, nll.spectra.pedestal), nll.expected(theta), strict=True)
        direct = sum(
            float(np.sum(mu - k + np.where(k > 0, k * np.log(np.maximum(k, 1) / mu), 0.0)))
            for k, mu in ((k, mu + 1e-10 * k.sum()) for k, mu in pairs)
        )
        assert nll.value(theta) == pytest.approx(direct, rel=1e-9)

    def test_totals_are_at_their_maximum(self) -> None:
        """The bins cover the line, so the extended likelihood is stationary in both totals where they are those observed."""
        nll = likelihood("gamma", q_ref=1.0)  # 5 pC: the overflow holds events
        assert nll.spectra.led[-1] > 100
        for expected, counts in zip(
            nll.expected(np.array([one.start for one in nll.parameters])), (nll.spectra.led, nll.spectra.pedestal), strict=True
        ):
            assert expected.sum() == pytest.approx(counts.sum(), rel=1e-12)

    def test_exact_spectrum_is_its_own_minimum(self) -> None:
        """Asimov: counts equal to the expectation of other parameters than the start's are fitted back exactly."""
        nll = likelihood("gamma")
        theta = np.array([0.01, 0.05, 1.4, 1.02, 0.37])
        led, pedestal = nll.expected(theta)
        asimov = dataclasses.replace(nll, spectra=dataclasses.replace(nll.spectra, led=np.maximum(led, 0.0), pedestal=np.maximum(pedestal, 0.0)))
        found = minimise(asimov)
        assert found.valid
        assert found.theta == pytest.approx(theta, abs=2e-5)
        assert found.nll == pytest.approx(0.0, abs=3e-3)  # price of the floor: 20,000 events, 1,202 bins, 1e-10

    def test_starts_are_near(self) -> None:
        start = likelihood("gamma", n=50_000).start
        assert (start.q0_pc, start.s0_pc) == (pytest.approx(0.0, abs=0.003), pytest.approx(0.1, rel=0.03))
        assert (start.mu, start.q1_pc, start.delta) == (pytest.approx(1.2, rel=0.1), pytest.approx(2.1, rel=0.1), pytest.approx(0.4, abs=0.1))

    def test_outlier_has_a_finite_price(self) -> None:
        led, off = spectra("gamma", GAMMA, seed=3)
        clean = fit_spe(led, off, "gamma")
        found = fit_spe(led, off.copy().fill([14.0]), "gamma")
        assert found.valid
        assert found.nll - clean.nll < 50
        assert found.gain == pytest.approx(clean.gain, rel=1e-4)


class TestFit:
    def test_low_light_example(self) -> None:
        """Gamma within 3 sigma of some 0.9 %; gauss biased by -4 % and worse by some 120 in 2 Delta ln L."""
        worse, bias = [], []
        for seed in range(6):
            both = spectra("gamma", GAMMA, seed=seed, s0=0.05)
            gamma, gauss = (fit_spe(*both, model) for model in ("gamma", "gauss"))
            assert gamma.valid
            assert gauss.valid
            assert abs(gamma.q1_pc - 2.10) < 3 * gamma.q1_error_pc
            assert gamma.q1_error_pc / gamma.q1_pc == pytest.approx(0.009, abs=0.001)
            assert gamma.gain == pytest.approx(gamma.q1_pc / ELEMENTARY_CHARGE_PC, rel=1e-12)
            assert gamma.goodness.p_value > 1e-4
            worse.append(2 * (gauss.nll - gamma.nll))
            bias.append(gauss.q1_pc / gamma.q1_pc - 1)
        assert np.mean(worse) == pytest.approx(120, abs=30)
        assert np.mean(bias) == pytest.approx(-0.04, abs=0.01)

    @pytest.mark.parametrize("model", MODELS)
    def test_pulls_small(self, model: str) -> None:
        found = pulls(model, range(100, 108))
        assert np.abs(found.mean(axis=0)).max() < 1.4  # 4 standard errors
        assert np.abs(found).max() < 5

    @pytest.mark.slow
    @pytest.mark.parametrize("model", MODELS)
    def test_pulls(self, model: str) -> None:
        """Unit Gaussians. The charge of badly amplified photo-electrons alone has a skewed likelihood: its pulls are 1.6 wide, MINOS is for it."""
        found = pulls(model, range(1000, 1200))
        skewed = [i for i, one in enumerate(spe_model(model).parameters, start=3) if one.name == "a_pc"]
        regular = np.delete(found, skewed, axis=1)
        assert np.abs(regular.mean(axis=0)).max() < 0.3
        assert regular.std(axis=0, ddof=1) == pytest.approx(np.ones(regular.shape[1]), abs=0.25)
        assert abs(found[:, -1].mean()) < 0.25
        assert found[:, -1].std(ddof=1) == pytest.approx(1.0, abs=0.15)

    def test_goodness_is_a_chi2(self) -> None:
        p = np.array([fit_spe(*spectra("gauss", (2.1, 0.3), seed=seed, n=5000), "gauss").goodness.p_value for seed in range(24)])
        assert p.mean() == pytest.approx(0.5, abs=0.2)
        assert np.sum(p < 0.2) < 12

    def test_unit_of_charge_does_not_matter(self) -> None:
        """Ten times less gain, from the same random numbers: everything scales."""
        whole = fit_spe(*spectra("dossi", TRUTH["dossi"], seed=7), "dossi")
        tenth = fit_spe(*spectra("dossi", (0.15, 0.05, 0.22, 0.07), seed=7, s0=0.01, q_ref=0.3), "dossi")
        assert tenth.gain == pytest.approx(0.1 * whole.gain, rel=1e-3)
        assert tenth.gain_error == pytest.approx(0.1 * whole.gain_error, rel=1e-2)
        assert tenth.gain_peak == pytest.approx(0.1 * whole.gain_peak, rel=1e-3)
        assert tenth.peak_to_valley == pytest.approx(whole.peak_to_valley, rel=1e-2)

    def test_minos(self) -> None:
        found = fit_spe(*spectra("gamma", GAMMA, seed=2), "gamma", minos=["q1_pc"])
        q1 = found.parameters["q1_pc"]
        down, up = q1.minos
        assert (-down, up) == (pytest.approx(q1.error, rel=0.05), pytest.approx(q1.error, rel=0.05))
        assert found.parameters["mu"].minos is None

    def test_skewed_parameter_has_a_minos_interval(self) -> None:
        """The charge of badly amplified photo-electrons: its symmetric error is too small by 1.6 (test_pulls), the interval is wider."""
        found = fit_spe(*spectra("dossi", TRUTH["dossi"], seed=1000), "dossi")
        scale = found.parameters["a_pc"]
        assert scale.minos is not None
        assert scale.minos[1] > 1.1 * scale.error
        assert any(note.startswith("a_pc has no parabolic likelihood") for note in found.notes)
        assert found.parameters["x0_pc"].minos is None
        assert fit_spe(*spectra("dossi", TRUTH["dossi"], seed=1000), "dossi", minos=()).parameters["a_pc"].minos is None

    @pytest.mark.slow
    def test_minos_covers_the_skewed_parameter(self) -> None:
        inside = []
        for seed in range(1000, 1150):
            found = fit_spe(*spectra("dossi", TRUTH["dossi"], seed=seed), "dossi").parameters["a_pc"]
            if found.minos is not None:  # None where the share vanished
                inside.append(found.minos[0] <= 0.5 - found.value <= found.minos[1])
        assert len(inside) > 140
        assert np.mean(inside) == pytest.approx(0.683, abs=0.12)

    def test_derived_numbers(self) -> None:
        found = fit_spe(*spectra("gamma", GAMMA, seed=2), "gamma")
        delta, mu = found.parameters["delta"], found.parameters["mu"]
        assert found.resolution == pytest.approx(delta.value, rel=1e-9)
        assert found.resolution_error == pytest.approx(delta.error, rel=1e-4)
        assert found.occupancy == pytest.approx(1 - math.exp(-mu.value), rel=1e-12)
        assert found.occupancy_error == pytest.approx(math.exp(-mu.value) * mu.error, rel=1e-4)
        assert found.gain_peak is None
        assert (found.n_led, found.n_pedestal) == (10_000, 10_000)

    def test_peak_to_valley_and_its_error(self) -> None:
        """Read off the true curve; the error is the scatter over toys."""
        toys = [fit_spe(*spectra("gauss", (2.1, 0.35), seed=seed, s0=0.4, n=5000), "gauss") for seed in range(30)]
        q = np.linspace(-1, 6, 70_001)
        height = sum(
            math.exp(-1.2) * 1.2**n / math.factorial(n) * np.exp(-0.5 * (q - n * 2.1) ** 2 / (v := 0.16 + n * 0.735**2)) / math.sqrt(v)
            for n in range(12)
        )
        middle = (q > 0.5) & (q < 3)
        valley = np.argmin(np.where(middle & (q < 1.8), height, np.inf))
        truth = height[(q > q[valley]) & (q < 3)].max() / height[valley]
        found = np.array([toy.peak_to_valley for toy in toys])
        errors = np.array([toy.peak_to_valley_error for toy in toys])
        assert found.mean() == pytest.approx(truth, abs=4 * found.std() / math.sqrt(30) + 0.02)
        assert errors.mean() == pytest.approx(found.std(), rel=0.35)

    def test_no_valley_is_said(self) -> None:
        found = fit_spe(*spectra("gamma", (2.1, 0.9), seed=1, s0=0.6), "gamma")
        assert found.valid
        assert found.peak_to_valley is None
        assert found.peak_to_valley_error is None

    def test_dossi_on_good_photoelectrons_loses_its_share(self) -> None:
        """No exponential part in the truth: when p_e ends at zero, the scale of nothing has no error and the gain keeps its own."""
        for seed in range(20):
            found = fit_spe(*spectra("dossi", (0.0, 0.5, 2.2, 0.7), seed=seed), "dossi")
            assert found.valid
            if found.parameters["p_e"].at_bound:
                break
        else:
            pytest.fail("in 20 toys p_e never ended at zero")
        assert found.parameters["a_pc"].fixed
        assert any("p_e vanished" in note for note in found.notes)
        assert 0 < found.gain_error / found.gain < 0.02

    def test_bellamy_background_is_found(self) -> None:
        both = spectra("bellamy", TRUTH["bellamy"], seed=5)
        bellamy, gauss = fit_spe(*both, "bellamy"), fit_spe(*both, "gauss")
        assert bellamy.parameters["w"].value == pytest.approx(0.15, abs=4 * bellamy.parameters["w"].error)
        assert gauss.aic > bellamy.aic + 100

    def test_much_light_is_noted(self) -> None:
        found = fit_spe(*spectra("gamma", (0.4, 0.4), seed=1, mu=9.0, s0=0.03), "gamma")
        assert found.valid
        assert any("no zero peak" in note for note in found.notes)

    @pytest.mark.parametrize("mu", [0.02, 0.3, 4.0])
    def test_light_from_little_to_much(self, mu: float) -> None:
        found = fit_spe(*spectra("gamma", GAMMA, seed=9, mu=mu, n=40_000, q_ref=6.0), "gamma")
        assert found.valid
        assert abs(found.q1_pc - 2.1) < 4 * found.q1_error_pc
        assert abs(found.lambda_pe - mu) < 4 * found.lambda_error

    def test_bins_wider_than_the_noise(self) -> None:
        random = np.random.default_rng(1)
        led = histogram(random.normal(0, 0.05, 20_000) + charges("gamma", GAMMA, 1.2, 20_000, random), bins=90)
        found = fit_spe(led, histogram(random.normal(0, 0.05, 20_000), bins=90), "gamma")
        assert found.valid
        assert abs(found.q1_pc - 2.1) < 4 * found.q1_error_pc


class TestRefusals:
    def test_no_pedestal(self) -> None:
        with pytest.raises(InputError, match="no pedestal"):
            fit_spe(spectra("gamma", GAMMA, seed=1)[0], None)

    def test_no_light(self) -> None:
        _, off = spectra("gamma", GAMMA, seed=1)
        with pytest.raises(InputError, match="not above the pedestal's"):
            fit_spe(off, off)

    def test_empty(self) -> None:
        led, off = spectra("gamma", GAMMA, seed=1)
        with pytest.raises(InputError, match="the pedestal spectrum is empty"):
            fit_spe(led, off.copy().reset())

    def test_other_bins(self) -> None:
        led, off = spectra("gamma", GAMMA, seed=1)
        with pytest.raises(InputError, match="have other bins"):
            fit_spe(led, off[:: hist.rebin(2)])

    def test_three_axes(self) -> None:
        made = hist.Hist(hist.axis.StrCategory(["gate", "fit"]), hist.axis.StrCategory(["all", "selected"]), hist.axis.Regular(60, -3, 15))
        made.fill("gate", "all", [0.0, 2.0])
        with pytest.raises(InputError, match="has 3 axes, not 1"):
            fit_spe(made, made)
        assert charge_spectrum(made).sum() == 2
        assert charge_spectrum(made, "fit").sum() == 0

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"model": "gama"}, "'gama' is not a model"),
            ({"frontend": "minuit"}, "'minuit' is not a front end"),
            ({"minos": ["q1"]}, "'q1' is not a parameter of gamma.*q1_pc"),
        ],
    )
    def test_names(self, options: dict, message: str) -> None:
        with pytest.raises(InputError, match=message):
            fit_spe(*spectra("gamma", GAMMA, seed=1), **options)

    def test_too_few_events(self) -> None:
        found = fit_spe(*spectra("gamma", GAMMA, seed=1, n=50))
        assert not found.valid
        assert "needs 100 of each" in found.reason

    def test_failed_minimum_is_invalid_with_its_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fits.minimise.MAX_CALLS", 5)
        found = fit_spe(*spectra("gamma", GAMMA, seed=1))
        assert not found.valid
        assert "call limit" in found.reason
        assert math.isnan(found.gain_error)


class TestCurve:
    def test_sums_to_the_events(self) -> None:
        led, off = spectra("gamma", GAMMA, seed=1)
        found = fit_spe(led, off)
        curve = spe_curve(found, led.axes[0].edges, parts=8)
        assert 10_000 - curve.led.sum() == pytest.approx(led.values(flow=True)[-1], abs=10)  # overflow
        assert curve.pedestal.sum() == pytest.approx(10_000, rel=1e-9)
        assert sum(curve.parts) == pytest.approx(curve.led, abs=0.05)
        assert curve.parts[0].sum() == pytest.approx(10_000 * (1 - found.occupancy), rel=1e-9)
        assert np.sum((led.values() - curve.led) ** 2 / np.maximum(curve.led, 1)) < 1600

    def test_no_curve_of_no_fit(self) -> None:
        with pytest.raises(InputError, match="has no curve: 50 events"):
            spe_curve(fit_spe(*spectra("gamma", GAMMA, seed=1, n=50)), np.linspace(0, 1, 11))


class TestChoice:
    @staticmethod
    def fit(model: str, aic: float, gain: float, p: float = 0.5, valid: bool = True) -> SpeResult:
        return SpeResult(valid, "" if valid else "no convergence", model, "iminuit", 1, 1, 0, aic=aic, gain=gain, goodness=SpectrumFit(1.0, 1, p, 3))

    def test_spread_of_supported_models(self) -> None:
        found = compare_models([self.fit("gamma", 10.0, 100.0), self.fit("dossi", 13.0, 103.0), self.fit("gauss", 130.0, 96.0)])
        assert (found.best, found.supported) == ("gamma", ["gamma", "dossi"])
        assert (found.gain_model_error, found.gain_spread) == (3.0, 4.0)
        assert found.delta_aic["gauss"] == 120.0
        assert "AIC 120.0 above that of gamma" in found.rejected["gauss"]

    def test_all_count_when_none_describes_the_data(self) -> None:
        found = compare_models([self.fit("gamma", 10.0, 100.0, p=1e-5), self.fit("gauss", 130.0, 96.0)])
        assert found.gain_model_error == 4.0

    def test_invalid_ones_are_named(self) -> None:
        found = compare_models([self.fit("gamma", 10.0, 100.0), self.fit("dossi", 0.0, 90.0, valid=False)])
        assert found.best == "gamma"
        assert found.rejected == {"dossi": "no convergence"}

    def test_nothing_valid(self) -> None:
        found = compare_models([self.fit("gamma", 10.0, 100.0, valid=False)])
        assert found.best == ""
        assert math.isnan(found.gain_model_error)

    def test_on_data(self) -> None:
        both = spectra("gamma", GAMMA, seed=1, s0=0.05)
        found = compare_models([fit_spe(*both, model) for model in ("gauss", "gamma")])
        assert found.best == "gamma"
        assert "gauss" in found.rejected
        assert found.gain_model_error == 0.0
        assert found.gain_spread > 0.02 * found.gain["gamma"]


def test_results_survive_the_file(tmp_path: Path) -> None:
    both = spectra("gamma", GAMMA, seed=2)
    models = [fit_spe(*both, "gamma", minos=["q1_pc"]), fit_spe(*both, "gauss")]
    results = {"p.spe.gamma": models[0], "p.spe": compare_models(models), "p.saldanha": saldanha(*both, bootstrap=20)}
    save_results(tmp_path / "results.json", "pmt_gain", "test", results)
    assert load_results(tmp_path / "results.json") == results
