"""The fits of a run against known truth, with and without pedestals, and with everything that can be missing."""

from __future__ import annotations

import math
from typing import Any

import hist
import numpy as np
import pmt_case as case
import pytest

from configs.errors import InputError
from configs.pmt_gain import Fits, GainCurve, MeanCharge, ModelIndependent, Photostatistics, SinglePhotoelectron
from fits.pmt_gain import fit_tube
from fits.pmt_points import tubes
from physics.constants import ELEMENTARY_CHARGE_PC
from records.gain import GainPoint, GainResult
from records.results import load_results, save_results


def fitted(hists: Any, account: Any, options: Fits | None = None, pmt: str = "PMT_1", **more: Any) -> GainResult:
    result = fit_tube(tubes(hists, account)[pmt], options or Fits(), 1, **more)[pmt]
    assert isinstance(result, GainResult)
    return result


def at(result: GainResult, hv_v: float, light: str = "bright") -> GainPoint:
    (found,) = (point for point in result.points if point.hv_v == hv_v and point.light == light)
    return found


def test_closure() -> None:
    """Gain exponent, gain at the pivot and number of photo-electrons of the generator, with their pulls."""
    result = fitted(*case.run(n=1000))
    assert result.valid, result.reason
    curve, light = result.curve, result.light
    assert curve.method == "joint_photostatistics"
    assert curve.exponent == pytest.approx(case.EXPONENT, abs=3 * math.sqrt(curve.covariance[1][1]))
    assert math.sqrt(curve.covariance[1][1]) < 0.03
    assert light is not None
    assert light.lambda_pe == pytest.approx(case.LIGHT, abs=3 * light.lambda_error)
    truth = case.true_gain(curve.pivot_v)
    assert abs(math.log(curve.at_pivot[0] / truth)) < 3 * math.hypot(light.common_error, 0.01)
    assert curve.scale_parts["delta"] == pytest.approx(2 * 0.4 * 0.1 / 1.16)
    nominal = curve.nominal[0]
    assert nominal.hv_v == pytest.approx(
        1000 * (1e6 / case.GAIN_1000) ** (1 / case.EXPONENT), abs=3 * math.hypot(nominal.error_v, nominal.scale_error_v)
    )


def test_pulls_of_exponent_and_light_over_toys() -> None:
    pulls = []
    for seed in range(60):
        result = fitted(*case.run(seed, hv_v=case.HV_V[::2], n=300), Fits(mean_charge=MeanCharge(syst_uncorrelated=0.0)))
        curve, light = result.curve, result.light
        assert light is not None
        pulls.append([(curve.exponent - case.EXPONENT) / math.sqrt(curve.covariance[1][1]), (light.lambda_pe - case.LIGHT) / light.lambda_error])
    assert np.mean(pulls, axis=0) == pytest.approx([0.0, 0.0], abs=0.45)
    assert np.std(pulls, axis=0) == pytest.approx([1.0, 1.0], abs=0.3)


def test_point_row() -> None:
    hists, account = case.run()
    point = at(fitted(hists, account), 1000.0)
    assert point.pedestal is not None
    assert point.charge is not None
    assert (point.pedestal.kind, point.pedestal.reason) == ("off", "")
    assert point.charge.mean_error_pc == pytest.approx(math.hypot(point.charge.spread_pc, point.pedestal.spread_pc) / math.sqrt(500), rel=1e-6)
    assert point.charge.spread_pc > 20 * point.charge.mean_error_pc
    assert point.charge.mean_pc == pytest.approx(case.LIGHT * case.true_gain(1000.0) * 1.602176634e-7, rel=0.04)
    assert point.syst_uncorrelated_pc == pytest.approx(0.01 * point.charge.mean_pc)
    assert point.efficiency["read"].value == 1.0
    assert 0.99 < point.efficiency["read"].low < 1.0  # Wilson, not 1 +- 0
    assert (point.n_read, point.n_expected) == (500, 500)
    assert point.timing is not None
    assert point.timing.tts_sigma_ns == pytest.approx(case.TTS_NS, abs=4 * point.timing.tts_sigma_error_ns)
    assert point.late is not None
    assert math.isnan(point.late.afterpulses_per_photoelectron)
    assert point.late.reason == "record ends 25 ns after the pulse"


def test_pedestal_before_the_pulse_where_the_led_was_never_off() -> None:
    point = at(fitted(*case.run(off=False)), 1000.0)
    assert point.pedestal is not None
    assert (point.pedestal.kind, point.pedestal.reason) == ("pre", "no point with the LED off")
    assert point.gains["photostatistics"].valid


def test_without_any_pedestal_the_gain_is_relative() -> None:
    hists, account = case.run(off=False, pre=False)
    result = fitted(hists, account)
    assert result.curve.quantity == "charge_pc"
    assert result.curve.exponent == pytest.approx(case.EXPONENT, abs=0.1)
    assert all("no absolute gain: no pedestal" in one.reason for one in result.curve.nominal)
    assert at(result, 1000.0).gains == {}
    assert "relative gain" in result.notes[0]


def test_wanted_pedestal_is_not_replaced() -> None:
    result = fitted(*case.run(off=False), pedestal="off")
    assert result.curve.quantity == "charge_pc"
    assert at(result, 1000.0).flags == ["no pedestal subtracted: no point with the LED off"]


def test_light_that_changes_with_voltage_is_not_called_common() -> None:
    hists, account = case.run(n=2000)
    other, _ = case.run(2, n=2000, light=10.0)
    for name in ("PMT_1.800V", "PMT_1.1200V"):
        hists[name] = other[name]
        account["datasets"][name]["metadata"]["q_ref_pc"] /= 3.0
    result = fitted(hists, account)
    assert result.curve.method == "photostatistics"
    assert "the light was not the same at all voltages" in result.notes[0]
    assert result.curve.exponent == pytest.approx(case.EXPONENT, abs=4 * math.sqrt(result.curve.covariance[1][1]))


def test_relative_on_request() -> None:
    result = fitted(*case.run(), Fits(gain_curve=GainCurve(input="relative")))
    assert (result.curve.quantity, result.curve.method) == ("charge_pc", "mean_charge")
    assert at(result, 1000.0).gains["photostatistics"].valid  # known, and not used


def test_photostatistics_alone_without_a_common_light() -> None:
    result = fitted(*case.run(), Fits(photostat=Photostatistics(joint_over_hv=False)))
    assert result.light is None
    assert result.curve.method == "photostatistics"
    assert result.curve.exponent == pytest.approx(case.EXPONENT, abs=4 * math.sqrt(result.curve.covariance[1][1]))


def test_two_voltages_keep_their_gains_and_have_no_curve() -> None:
    result = fitted(*case.run(hv_v=(900.0, 1000.0)))
    assert result.valid
    assert not result.curve.valid
    assert result.curve.reason.startswith("2 voltages with a usable")
    assert at(result, 1000.0).gains["photostatistics"].gain == pytest.approx(case.true_gain(1000.0), rel=0.35)


def test_saturated_point_is_left_out_and_named() -> None:
    hists, account = case.run()
    generator = np.random.default_rng(5)
    q_ref_pc = account["datasets"]["PMT_1.1400V"]["metadata"]["q_ref_pc"]
    hists["PMT_1.1400V"] = case.histograms(generator, np.full(500, q_ref_pc) + generator.normal(0, q_ref_pc / 6, 500), q_ref_pc, saturated=40)
    result = fitted(hists, account)
    assert "8.0% of its triggers are saturated" in result.curve.excluded["PMT_1.1400V"]
    (flag,) = at(result, 1400.0).flags
    assert flag.startswith("40 of 500 triggers saturated: dropped with the largest charges")
    assert at(result, 1400.0).n_saturated == 40


@pytest.mark.parametrize(("saturated", "told"), [(4, False), (12, True)])
def test_saturated_triggers_at_low_light_are_said_to_lower_the_mean(saturated: int, told: bool) -> None:
    """From 0.05 % on: here a trigger that is lost has at least the largest charge kept."""
    hists, account = case.run(n=500, low=True)
    name, single_pc = "PMT_1.1400V.low", case.true_gain(1400.0) * ELEMENTARY_CHARGE_PC
    every = np.sort(case.charges(np.random.default_rng(3), 10_000, case.true_gain(1400.0), 1.2, 0.12 * single_pc))
    hists[name] = case.histograms(np.random.default_rng(4), every, 5.0 * single_pc, saturated=saturated)
    account["datasets"][name]["metadata"]["q_ref_pc"] = 5.0 * single_pc
    (flag,) = at(fitted(hists, account, TestAnchor.OPTIONS), 1400.0, "low").flags
    assert flag.startswith(f"{saturated} of 10000 triggers saturated")
    assert ("the mean is low by" in flag) is told
    if told:
        stated = float(flag.partition("low by ")[2].partition(" %")[0])
        assert stated == pytest.approx(100 * (every.mean() / every[:-saturated].mean() - 1.0), rel=0.3)


def test_one_bad_point_spoils_nothing() -> None:
    """No entries at one voltage, no histograms at another, a variance below the pedestal at a third."""
    hists, account = case.run()
    q_ref_pc = account["datasets"]["PMT_1.900V"]["metadata"]["q_ref_pc"]
    generator = np.random.default_rng(1)
    hists["PMT_1.900V"] = case.histograms(generator, np.empty(0), q_ref_pc)
    hists["PMT_1.1100V"] = {}
    account["datasets"]["PMT_1.1100V"] |= {"failed": [{"reason": "every file is cut short"}], "fraction": 0.0}
    hists["PMT_1.1300V"] = case.histograms(generator, np.full(500, 0.1), 1.0)
    account["datasets"]["PMT_1.1300V"]["metadata"]["q_ref_pc"] = 1.0
    result = fitted(hists, account)
    assert result.partial
    assert result.curve.valid
    assert result.curve.exponent == pytest.approx(case.EXPONENT, abs=4 * math.sqrt(result.curve.covariance[1][1]))
    assert at(result, 900.0).reason == "fewer than two triggers of 0 have a charge (gate)"
    assert result.curve.excluded["PMT_1.1100V"] == "nothing of it was processed: every file is cut short"
    assert "variance below pedestal" in result.curve.excluded["PMT_1.1300V"]


def test_order_of_the_data_sets_changes_nothing() -> None:
    hists, account = case.run(pmts=("PMT_1", "PMT_2"))
    turned = dict(reversed(hists.items()))
    assert fitted(turned, account).curve == fitted(hists, account).curve
    ours, other = (fitted(hists, account, pmt=pmt).curve for pmt in ("PMT_1", "PMT_2"))
    assert math.log2(ours.at_pivot[0] / other.at_pivot[0]) == pytest.approx(1.0, abs=0.15)


def test_selected_sample_stands_beside_all_triggers() -> None:
    """At low light the triggers without a photo-electron count in the mean, and not among the selected."""
    point = at(fitted(*case.run(light=1.2, n=4000)), 1400.0)
    assert point.charge is not None
    assert point.selected is not None
    assert point.charge.mean_pc == pytest.approx(1.2 * case.true_gain(1400.0) * 1.602176634e-7, rel=0.05)
    assert point.selected.mean_pc == pytest.approx(point.charge.mean_pc / (1 - math.exp(-1.2)), rel=0.03)
    assert point.efficiency["pulse_found"].value == pytest.approx(1 - math.exp(-1.2), abs=0.03)


def test_fitted_charge_needs_no_pedestal() -> None:
    point = at(fitted(*case.run(), Fits(mean_charge=MeanCharge(estimator="fit"))), 1000.0)
    gate = at(fitted(*case.run()), 1000.0)
    assert point.charge is not None
    assert gate.charge is not None
    assert point.charge.mean_pc == pytest.approx(gate.charge.mean_pc, rel=0.01)
    assert point.gains["photostatistics"] == gate.gains["photostatistics"]  # always of the gate, every trigger


def test_afterpulses_only_where_the_record_is_long() -> None:
    hists, account = case.run(hv_v=(900.0, 1000.0, 1100.0))
    account["datasets"]["PMT_1.1000V"]["metadata"]["n_samples"] = 60_000
    hists["PMT_1.1000V"]["late"].fill(delay=np.concatenate([np.full(90, 600.0), np.full(7, 50.0)]), charge=np.ones(97))
    hists["PMT_1.1000V.off"]["late"].fill(delay=np.full(10, 600.0), charge=np.ones(10))
    late = at(fitted(hists, account), 1000.0).late
    assert late is not None
    assert late.n == 97
    assert late.afterpulses_per_photoelectron == pytest.approx((90 - 10) / 500 / case.LIGHT, rel=0.1)
    assert late.afterpulses_error == pytest.approx(10 / 500 / case.LIGHT, rel=0.1)
    assert late.reason == ""


def test_data_set_that_is_no_point_is_refused() -> None:
    hists, account = case.run(hv_v=(900.0,))
    account["datasets"]["PMT_1.900V"]["metadata"].pop("hv_v")
    with pytest.raises(InputError, match=r"data set 'PMT_1.900V' lacks hv_v; run run_processor.py again"):
        tubes(hists, account)
    own, account = case.run(hv_v=(900.0,))
    own["PMT_1.900V"] = {"mine": hist.Hist(hist.axis.Regular(2, 0, 1))}
    with pytest.raises(InputError, match="lacks the histograms of the analysis' own processor"):
        tubes(own, account)


def test_results_come_back_from_their_file(tmp_path: Any) -> None:
    result = fitted(*case.run())
    save_results(tmp_path / "results.json", "pmt_gain", "test", {"PMT_1": result})
    back = load_results(tmp_path / "results.json")["PMT_1"]
    assert back.curve == result.curve
    assert back.light == result.light
    assert [point.charge for point in back.points] == [point.charge for point in result.points]


def test_low_light_gives_spectra_and_the_width() -> None:
    """Four models and no model see the same photo-electrons; the width that they find goes into photostatistics."""
    hists, account = case.run(hv_v=(1200.0, 1300.0, 1400.0), low=True)
    options = Fits(spe=SinglePhotoelectron(models=["gamma", "gauss"]), saldanha=ModelIndependent(bootstrap=200))
    results = fit_tube(tubes(hists, account)["PMT_1"], options, 1)
    assert list(results) == ["PMT_1", *(f"PMT_1.1400V.low.{name}" for name in ("spe.gamma", "spe.gauss", "spe", "saldanha"))]
    truth = case.true_gain(1400.0)
    gamma, independent = results["PMT_1.1400V.low.spe.gamma"], results["PMT_1.1400V.low.saldanha"]
    assert gamma.gain == pytest.approx(truth, abs=3 * gamma.gain_error)
    assert independent.gain == pytest.approx(truth, abs=3 * math.hypot(independent.gain_error, independent.gain_model_error))
    assert results["PMT_1.1400V.low.spe"].best == "gamma"
    result = results["PMT_1"]
    assert result.delta_source == "spectrum of PMT_1.1400V.low (gamma)"
    assert result.light.delta == gamma.resolution == pytest.approx(case.DELTA, abs=0.03)
    low = at(result, 1400.0, "low")
    assert set(low.gains) == {"photostatistics", "spe", "saldanha"}
    assert low.gains["spe"].gain == gamma.gain
    assert low.gains["photostatistics"].gain == pytest.approx(truth, rel=0.1)
    assert "PMT_1.1400V" in result.curve.used  # the bright point, once


def test_low_light_without_a_pedestal_says_so() -> None:
    hists, account = case.run(hv_v=(1200.0, 1300.0, 1400.0), low=True, pre=False)
    del hists["PMT_1.1400V.low.off"]
    result = fitted(hists, account)
    assert "PMT_1.1400V.low: no spectrum of single photo-electrons: no spectrum of the pedestal" in result.notes[-1]
    assert result.curve.valid


def test_input_of_another_impedance_is_flagged() -> None:
    hists, account = case.run(hv_v=(900.0,))
    account["datasets"]["PMT_1.900V"]["metadata"]["warnings"] = ["the input was coupled DC1M"]
    assert at(fitted(hists, account), 900.0).flags == ["the input was coupled DC1M"]


def test_noise_of_the_baseline_is_the_last_pedestal() -> None:
    """White noise: variance of the sum, and of the level under it, in closed form (specification 3.4); the mean is not touched."""
    hists, account = case.run(hv_v=(900.0, 1000.0, 1100.0), off=False, pre=False, waveforms=True)
    result = fitted(hists, account)
    pedestal = at(result, 1000.0).pedestal
    assert pedestal is not None
    assert pedestal.kind == "variance"
    assert pedestal.reason == "no point with the LED off; no gate before the pulse"
    assert pedestal.mean_pc == 0.0
    gate, level = 240, 193  # samples of 0.1 ns
    assert pedestal.spread_pc == pytest.approx(20.0 * 0.1 * 1e-4 * math.sqrt(gate + gate**2 / level), rel=0.02)
    assert result.curve.quantity == "gain"


def test_noise_too_small_to_be_seen_does_not_cost_a_point() -> None:
    """Few baselines can give a negative variance; a tube then lost its absolute gain for a noise that did not matter."""
    hists, account = case.run(hv_v=(900.0, 1000.0, 1100.0), off=False, pre=False, waveforms=True)
    covariance = hists["PMT_1.1000V"]["noise_cov"].view()
    covariance[1] *= -1.0
    result = fitted(hists, account)
    pedestal = at(result, 1000.0).pedestal
    assert pedestal is not None
    assert (pedestal.kind, pedestal.spread_pc) == ("variance", 0.0)
    assert "too small to be seen in so few baselines, and taken as 0" in pedestal.reason
    assert at(result, 1000.0).gains["photostatistics"].valid
    assert result.curve.quantity == "gain"
    assert "PMT_1.1000V" in result.curve.used


class TestAnchor:
    """The scale of the common light combined with a spectrum of single photo-electrons of the same tube."""

    OPTIONS = Fits(spe=SinglePhotoelectron(models=["gamma"]), saldanha=ModelIndependent(bootstrap=100))

    def test_scale_is_combined_and_the_numbers_stay_consistent(self) -> None:
        result = fitted(*case.run(n=500, low=True), self.OPTIONS)
        curve, anchor = result.curve, result.curve.anchor
        assert curve.method == "anchored_photostatistics"
        assert anchor is not None
        assert anchor.points == ["PMT_1.1400V.low"]
        assert anchor.method == "spe"
        assert anchor.error < 0.8 * anchor.error_before
        assert 1.0 / anchor.error**2 == pytest.approx(1.0 / anchor.error_before**2 + (anchor.ratio / anchor.ratio_error) ** 2, rel=1e-9)
        assert curve.scale_error == pytest.approx(math.hypot(0.02, anchor.error))
        point = at(result, 1000.0)
        joint, moved = point.gains["joint_photostatistics"], point.gains["anchored_photostatistics"]
        assert moved.gain == pytest.approx(anchor.factor * joint.gain)
        assert moved.gain * moved.photoelectrons == pytest.approx(joint.gain * joint.photoelectrons)
        assert curve.value[curve.used.index("PMT_1.1000V")] == pytest.approx(moved.gain)
        truth = case.true_gain(curve.pivot_v)
        assert abs(curve.at_pivot[0] / truth - 1.0) < 3.0 * math.hypot(anchor.error, 0.01)

    def test_pulls_of_the_scale(self) -> None:
        pulls = []
        for seed in range(30):
            options = Fits(
                spe=SinglePhotoelectron(models=["gamma"]), saldanha=ModelIndependent(bootstrap=20), mean_charge=MeanCharge(syst_uncorrelated=0.0)
            )
            curve = fitted(*case.run(seed, hv_v=case.HV_V[::3], n=200, low=True), options).curve
            assert curve.anchor is not None
            pulls.append(
                math.log(curve.at_pivot[0] / case.true_gain(curve.pivot_v)) / math.hypot(curve.anchor.error, curve.at_pivot[1] / curve.at_pivot[0])
            )
        assert np.mean(pulls) == pytest.approx(0.0, abs=0.6)
        assert np.std(pulls) == pytest.approx(1.0, abs=0.35)

    def test_turned_off(self) -> None:
        result = fitted(*case.run(n=500, low=True), self.OPTIONS.model_copy(update={"photostat": Photostatistics(anchor=False)}))
        assert result.curve.method == "joint_photostatistics"
        assert result.curve.anchor is None

    def test_contradiction_is_said_and_not_averaged(self) -> None:
        """Light that changes between the bright and the LED-off run of low light: here the low point's voltage is given wrongly."""
        hists, account = case.run(n=500, low=True)
        for name in ("PMT_1.1400V.low", "PMT_1.1400V.low.off"):
            account["datasets"][name]["metadata"]["hv_v"] = 1100.0
        result = fitted(hists, account, self.OPTIONS)
        assert result.curve.method == "joint_photostatistics"
        assert result.curve.anchor is not None
        assert not result.curve.anchor.valid
        assert result.curve.anchor.factor == 1.0
        assert any("low light and bright light contradict each other" in note for note in result.notes)


class TestLightLevels:
    """Specification 4.3: variance against mean at three or more levels of one voltage measures the flicker of the light and the gain without it."""

    NU = 0.06

    def test_flicker_and_gain_are_found(self) -> None:
        run = case.run(n=2000, nu=self.NU)
        case.add_levels(run, 1100.0, (3.0, 10.0, 100.0), 4000, self.NU)
        results = fit_tube(tubes(*run)["PMT_1"], Fits(), 1)
        result, line = results["PMT_1"], results["PMT_1.1100V.levels"]
        assert line.levels == ["PMT_1.1100V", "PMT_1.1100V.level_1", "PMT_1.1100V.level_2", "PMT_1.1100V.level_3"]
        assert line.nu_squared == pytest.approx(self.NU**2, abs=3.0 * line.nu_squared_error)
        assert line.nu_squared > 5.0 * line.nu_squared_error
        assert line.gain == pytest.approx(case.true_gain(1100.0), abs=3.0 * line.gain_error)
        point = at_shared(result, 1100.0)
        assert point.gains["variance_mean"].gain == line.gain
        assert point.gains["variance_mean"].photoelectrons == pytest.approx(case.LIGHT, rel=0.1)
        assert "line through 4 light levels" in point.gains["variance_mean"].remark

    def test_flicker_is_taken_off_the_other_voltages(self) -> None:
        """One level alone is 9 % too high here: nu^2 lambda / (1 + delta^2)."""
        run = case.run(n=3000, nu=self.NU)
        biased = fitted(*run).curve
        case.add_levels(run, 1100.0, (3.0, 10.0, 100.0), 6000, self.NU)
        result = fitted(*run)
        assert result.light is not None
        bias = 1.0 + self.NU**2 * case.LIGHT / (1.0 + case.DELTA**2)
        ratio = result.curve.at_pivot[0] / biased.at_pivot[0]
        assert ratio == pytest.approx(1.0 / bias, abs=0.03)
        share = result.curve.scale_parts["instability of the light"]
        assert 0.0 < share < 0.03
        assert abs(result.light.lambda_pe / case.LIGHT - 1.0) < 3.0 * math.hypot(share, result.light.common_error)
        assert any("instability of the light" in note and "taken off" in note for note in result.notes)

    def test_steady_light_has_a_limit(self) -> None:
        run = case.run(n=500)
        case.add_levels(run, 1100.0, (3.0, 10.0, 100.0), 4000)
        result = fitted(*run)
        assert any("instability of the light below" in note for note in result.notes)
        assert at_shared(result, 900.0).gains["photostatistics"].remark.startswith("instability of the light below")

    def test_only_the_shared_light_enters_the_common_fit_and_the_mean_charge(self) -> None:
        run = case.run(n=500)
        plain = fitted(*run)
        case.add_levels(run, 1100.0, (3.0, 100.0), 500)
        found = fitted(*run)
        assert found.light is not None
        assert plain.light is not None
        assert sorted(found.light.points) == sorted(plain.light.points)
        assert found.relative.used == plain.relative.used
        assert found.relative.exponent == plain.relative.exponent
        assert [point.name for point in found.points if not point.shared] == ["PMT_1.1100V.level_1", "PMT_1.1100V.level_2"]

    def test_lines_at_three_voltages_make_the_curve(self) -> None:
        run = case.run(n=1000, hv_v=(900.0, 1100.0, 1300.0), nu=self.NU)
        for hv_v in (900.0, 1100.0, 1300.0):
            case.add_levels(run, hv_v, (3.0, 10.0, 100.0), 3000, self.NU, seed=int(hv_v))
        curve = fitted(*run).curve
        assert curve.method == "variance_mean"
        assert curve.used == ["PMT_1.900V", "PMT_1.1100V", "PMT_1.1300V"]
        assert curve.exponent == pytest.approx(case.EXPONENT, abs=3.0 * math.sqrt(curve.covariance[1][1]))
        truth = case.true_gain(curve.pivot_v)
        assert curve.at_pivot[0] == pytest.approx(truth, rel=3.0 * math.hypot(curve.scale_error, curve.at_pivot[1] / curve.at_pivot[0]))

    def test_labelled_levels_alone_have_a_shared_one(self) -> None:
        """Where every point has a label, the light of most voltages is the shared one."""
        run = case.run(n=500)
        for dataset in run[1]["datasets"].values():
            dataset["metadata"]["level"] = "full"
        case.add_levels(run, 1100.0, (3.0,), 500)
        result = fitted(*run)
        assert result.light is not None
        assert sorted(result.light.points) == sorted(case.name_of("PMT_1", hv_v) for hv_v in case.HV_V)

    def test_result_comes_back_from_its_file(self, tmp_path: Any) -> None:
        run = case.run(n=500)
        case.add_levels(run, 1100.0, (3.0, 100.0), 500)
        results = fit_tube(tubes(*run)["PMT_1"], Fits(), 1)
        save_results(tmp_path / "results.json", "pmt_gain", "levels", results)
        back = load_results(tmp_path / "results.json")["PMT_1.1100V.levels"]
        assert back == results["PMT_1.1100V.levels"]


def test_mean_charge_at_low_light_does_not_enter_the_relative_curve() -> None:
    """A voltage with low light alone has another number of photo-electrons: its mean charge is no point of that curve."""
    hists, account = case.run(n=500, low=True)
    for name in ("PMT_1.1400V", "PMT_1.1400V.off"):
        del hists[name], account["datasets"][name]
    result = fitted(hists, account, TestAnchor.OPTIONS)
    assert result.relative.used == [case.name_of("PMT_1", hv_v) for hv_v in case.HV_V[:-1]]
    assert result.curve.anchor is not None
    assert result.curve.anchor.valid


def at_shared(result: GainResult, hv_v: float) -> GainPoint:
    (found,) = (point for point in result.points if point.hv_v == hv_v and point.shared)
    return found
