"""Figures of ``pmt_gain``: they show what the results say, nothing lies on the data, what cannot be drawn has its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pmt_case as case
import pytest
from figure_content import legend_words, named, points_under_legends, step_values, texts_outside, words
from pydantic import ValidationError

from configs.pmt_gain import Fits, ModelIndependent, SinglePhotoelectron
from configs.schema import PmtGainConfig
from fits.gain_curve import predicted
from fits.pmt_gain import fit_tube
from fits.pmt_mean_pulse import fitted_curve
from fits.pmt_points import tubes
from plotting.drawn import DrawnFigure, Plan, save_figure
from plotting.pmt_gain import FIGURES, plan
from plotting.pmt_gain_spectra import merged
from records.gain import GainResult

HV_V = (700.0, 900.0, 1100.0, 1400.0)
OPTIONS = Fits(spe=SinglePhotoelectron(models=["gamma"]), saldanha=ModelIndependent(bootstrap=100))


def config(**plots: Any) -> PmtGainConfig:
    given: dict[str, Any] = {"datasets": {"a": {"files": "x.trc", "metadata": {"pmt": "A", "hv_v": 700}}}, "plots": {"label": "Test", **plots}}
    return PmtGainConfig.model_validate({"name": "t", "analysis": "pmt_gain", **given})


def results_of(hists: Mapping[str, Any], account: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tube in tubes(hists, account).values():
        found |= fit_tube(tube, OPTIONS, 1)
    return found


@pytest.fixture(scope="module")
def run() -> tuple[Mapping[str, Any], Mapping[str, Any], dict[str, Any]]:
    hists, account = case.run(pmts=("PMT_1", "PMT_2"), hv_v=HV_V, n=200, low=True, waveforms=True)
    return hists, account, results_of(hists, account)


@pytest.fixture(scope="module")
def planned(run: Any) -> Plan:
    return plan(config(), *run)


@pytest.fixture(scope="module")
def figures(planned: Plan) -> dict[str, DrawnFigure]:
    return {name: draw() for name, draw in planned.figures.items() if not name.endswith("PMT_2")}


def test_every_figure_of_the_analysis(planned: Plan) -> None:
    expected = {*(name for name in FIGURES[:7]), "spe_fit.PMT_1.1400V.low"}
    expected |= {f"{name}.{pmt}" for name in FIGURES[7:] if name not in ("spe_fit", "late") for pmt in ("PMT_1", "PMT_2")}
    assert set(planned.figures) == expected
    assert planned.skipped["late.PMT_1"] == "no further maxima in 4800 triggers; records end 25 ns after the pulse"


@pytest.mark.parametrize("name", ["gain_curve", "lambda_hv", "nominal_hv_table", "spe_fit.PMT_1.1400V.low", "charge.PMT_1", "timing.PMT_1"])
def test_words_stay_on_the_page(figures: dict[str, DrawnFigure], planned: Plan, name: str) -> None:
    with planned.style.context():
        assert texts_outside(figures[name].figure) == []


def test_gain_curve_shows_points_bands_and_wanted_gains(figures: dict[str, DrawnFigure], run: Any) -> None:
    drawn, result = figures["gain_curve"], run[2]["PMT_1"]
    assert isinstance(result, GainResult)
    axes = drawn.figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    shown = drawn.numbers["photomultipliers"]["PMT_1"]
    assert shown["points"]["value"] == result.curve.value
    _, error = predicted(result.curve, shown["curve"]["hv_v"])
    assert np.allclose(shown["curve"]["error"], error)
    assert np.allclose(shown["ratio"] * predicted(result.curve, HV_V)[0], result.curve.value)
    assert len(named(axes, "nominal PMT_1")) == sum(one.valid and 650 < one.hv_v < 1450 for one in result.curve.nominal)
    assert any(line.startswith(f"PMT_1: $\\beta$ = {result.curve.exponent:.3f}"[:24]) for line in legend_words(axes))
    for pmt in ("PMT_1", "PMT_2"):
        law = run[2][pmt].curve
        assert points_under_legends(axes, np.array(law.hv_v), np.array(law.value)) == 0
    assert "Errors of the scale are" in words(drawn.figure)


def test_gain_at_low_light_stands_beside_the_curve(figures: dict[str, DrawnFigure], run: Any) -> None:
    drawn, result = figures["gain_curve"], run[2]["PMT_1"]
    (point,) = (one for one in result.points if one.light == "low")
    assert drawn.numbers["low_light"]["PMT_1.1400V.low"]["gain"] == point.gains["spe"].gain
    assert "Single photo-electrons" in legend_words(drawn.figure.axes[0])
    star = named(drawn.figure.axes[0], "low light PMT_1.1400V.low")[0]
    assert star.get_xydata().tolist() == [[1400.0, point.gains["spe"].gain]]


def test_spread_of_single_charges_is_a_faint_bar_on_request(figures: dict[str, DrawnFigure], run: Any) -> None:
    """It is not the error of the mean, and does not look like one."""
    drawn = plan(config(figures=["gain_curve"], spread=True), *run).figures["gain_curve"]()
    points = {point.name: point.charge for point in run[2]["PMT_1"].points}
    expected = [points[name].spread_pc / points[name].mean_pc for name in run[2]["PMT_1"].curve.used]
    assert drawn.numbers["photomultipliers"]["PMT_1"]["relative_spread"].tolist() == pytest.approx(expected)
    assert "Faint bars: spread of single charges" in words(drawn.figure)
    assert "relative_spread" not in figures["gain_curve"].numbers["photomultipliers"]["PMT_1"]


def test_light_levels_have_a_line_of_their_own() -> None:
    made = case.run(hv_v=HV_V, n=300, nu=0.06)
    case.add_levels(made, 1100.0, (3.0, 100.0), 2000, 0.06)
    results = results_of(*made)
    drawn = plan(config(figures=["variance_mean", "lambda_hv", "efficiency_hv"]), *made, results).figures
    figure = drawn["variance_mean"]()
    line = results["PMT_1.1100V.levels"]
    shown = figure.numbers["levels"]["PMT_1.1100V"]
    assert shown["variance_pc2"].tolist() == line.variance_pc2
    (curve,) = named(figure.figure.axes[0], "levels PMT_1")
    x, y = curve.get_data()
    np.testing.assert_allclose(y, line.slope_pc * x + line.nu_squared * x**2)
    assert f"PMT_1, 1100 V: 3 levels, $\\nu$ = {100 * line.nu:.1f} %" in legend_words(figure.figure.axes[0])
    assert figure.numbers["PMT_1"]["mean_pc"].size == len(HV_V)
    assert drawn["lambda_hv"]().numbers["PMT_1"]["hv_v"].tolist() == list(HV_V)
    assert drawn["efficiency_hv"]().numbers["PMT_1"]["hv_v"] == list(HV_V)


def test_one_waveform_with_its_fit_and_residuals(figures: dict[str, DrawnFigure], run: Any) -> None:
    drawn = figures["trace.PMT_1"]
    (point,) = (one for one in run[2]["PMT_1"].points if one.name == drawn.numbers["point"])
    assert point.light == "bright"
    assert point.trace.tau_fall_ns == pytest.approx(case.TAUS_NS[1], rel=0.1)
    assert point.trace.chi2 / point.trace.degrees_of_freedom == pytest.approx(1.0, abs=0.3)
    (samples,) = named(drawn.figure.axes[0], "samples")
    assert samples.get_ydata().min() == pytest.approx(1e3 * drawn.numbers["voltage_v"].min())
    (residual,) = named(drawn.figure.axes[1], "residual")
    assert residual.get_ydata().std() == pytest.approx(1e3 * drawn.numbers["noise_v"], rel=0.3)


def test_spectrum_fit_shows_what_the_fit_expects(figures: dict[str, DrawnFigure], run: Any) -> None:
    drawn, result = figures["spe_fit.PMT_1.1400V.low"], run[2]["PMT_1.1400V.low.spe.gamma"]
    assert drawn.numbers["counts"].sum() == pytest.approx(4000, abs=5)
    assert drawn.numbers["expected"].sum() == pytest.approx(4000, rel=0.01)
    assert np.nanstd(drawn.numbers["pull"]) == pytest.approx(1.0, abs=0.25)
    assert drawn.numbers["parts"][0].sum() == pytest.approx(4000 * np.exp(-result.lambda_pe), rel=0.02)
    said = words(drawn.figure)
    assert "Pedestal" in said
    assert "P/V" in said
    assert f"{result.lambda_pe:.3f}" in said


def test_low_light_spectrum_holds_its_zeros(figures: dict[str, DrawnFigure], run: Any) -> None:
    axes = figures["charge.PMT_1"].figure.axes[3]
    _, all_counts = step_values(axes, "sample all")
    _, selected = step_values(axes, "sample selected")
    assert all_counts.sum() == 4000
    (point,) = (point for point in run[2]["PMT_1"].points if point.light == "low")
    assert selected.sum() == point.selected.n == point.efficiency["selected"].passed
    assert selected.sum() < 0.8 * all_counts.sum()
    assert "Gate 45.3 to 69.3 ns" in words(figures["charge.PMT_1"].figure)


def test_mean_pulse_and_its_shape(figures: dict[str, DrawnFigure], run: Any) -> None:
    point = next(point for point in run[2]["PMT_1"].points if point.name == "PMT_1.1400V")
    assert point.pulse.tau_rise_ns == pytest.approx(case.TAUS_NS[0], rel=0.03)
    assert point.pulse.tau_fall_ns == pytest.approx(case.TAUS_NS[1], rel=0.02)
    assert point.pulse.gate_loss == pytest.approx(np.exp(-22.0 / 3.2) * 3.2 / (3.2 - 0.93), rel=0.1)  # the slow exponential behind the gate
    shown = figures["waveform.PMT_1"].numbers["PMT_1.1400V"]
    assert shown["mean_v"].min() < -0.3  # pulses point down, as on the oscilloscope
    assert fitted_curve(point.pulse, np.linspace(40.0, 60.0, 4001)).max() == pytest.approx(point.pulse.amplitude_v, rel=1e-3)
    persistence = figures["persistence.PMT_1"].numbers["PMT_1.1400V"]
    assert persistence["share"].sum(axis=1) == pytest.approx(1.0, abs=0.2)


def test_stability_of_a_stable_charge(figures: dict[str, DrawnFigure]) -> None:
    shown = figures["stability.PMT_1"].numbers["PMT_1.1400V"]
    assert len(shown["time_s"]) <= 20
    assert np.std((shown["relative_charge"] - 1.0) / shown["error"]) == pytest.approx(1.0, abs=0.5)


def test_common_light_is_that_of_the_result(figures: dict[str, DrawnFigure], run: Any) -> None:
    assert figures["lambda_hv"].numbers["PMT_1"]["common"] == run[2]["PMT_1"].light.lambda_pe
    table = words(figures["nominal_hv_table"].figure)
    assert f"{run[2]['PMT_1'].curve.nominal[0].hv_v:.1f}" in table


def test_relative_gain_is_called_mean_charge() -> None:
    hists, account = case.run(hv_v=HV_V, n=60, off=False, pre=False)
    planned = plan(config(), hists, account, results_of(hists, account))
    drawn = planned.figures["gain_curve"]()
    assert drawn.numbers["quantity"] == "charge_pc"
    assert drawn.figure.axes[0].get_ylabel() == "Mean charge [pC]"
    assert not named(drawn.figure.axes[0], "nominal PMT_1")
    assert planned.skipped["nominal_hv_table"] == "no absolute gain curve"
    assert planned.skipped["lambda_hv"] == "no point has photostatistics"
    assert planned.skipped["waveform.PMT_1"] == "no histogram 'waveform_mean'"
    assert "mean_charge" not in {**planned.figures, **planned.skipped}


def test_many_further_maxima_have_a_figure() -> None:
    hists, account = case.run(hv_v=HV_V, n=60, waveforms=True)
    hists["PMT_1.900V"]["late"].fill(delay=np.geomspace(15.5, 24.0, 30), charge=np.full(30, 0.2))
    drawn = plan(config(), hists, account, results_of(hists, account)).figures["late.PMT_1"]()
    assert "30 maxima in 240 triggers" in words(drawn.figure)


def test_only_what_was_asked_for(run: Any) -> None:
    planned = plan(config(figures=["gain_curve", "late"]), *run)
    assert list(planned.figures) == ["gain_curve"]
    assert set(planned.skipped) == {"late.PMT_1", "late.PMT_2"}


def test_unknown_figure_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match="'gain_curv' is no kind of figure; did you mean 'gain_curve'"):
        config(figures=["gain_curv"])
    with pytest.raises(ValidationError, match=r"give a list of figures, \[gain_curve\], or all"):
        config(figures="gain_curve")


def test_without_results_the_spectra_are_drawn(run: Any) -> None:
    planned = plan(config(), run[0], run[1], {})
    assert "charge.PMT_1" in planned.figures
    assert planned.skipped["gain_curve"] == "no results; run run_fit.py"
    assert "Mean" not in words(planned.figures["charge.PMT_2"]().figure)


def test_partial_run_is_marked(run: Any) -> None:
    results = {name: replace(result, partial=True) if name == "PMT_2" else result for name, result in run[2].items()}
    drawn = plan(config(), run[0], run[1], results).figures["gain_curve"]()
    assert "Partial data: not everything of PMT_2 could be processed" in words(drawn.figure)


def test_same_numbers_same_bytes(planned: Plan, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        save_figure(planned.figures["gain_curve"](), tmp_path / folder, "gain_curve", ["png"], planned.style)
    assert (tmp_path / "a" / "gain_curve.png").read_bytes() == (tmp_path / "b" / "gain_curve.png").read_bytes()
    assert (tmp_path / "a" / "gain_curve.json").read_bytes() == (tmp_path / "b" / "gain_curve.json").read_bytes()


def test_merged_bins_divide_the_axis() -> None:
    for filled in (1, 50, 333, 1200):
        counts = np.concatenate([np.ones(filled), np.zeros(1200 - filled)])
        assert 1200 % merged(counts, 60) == 0
        assert filled < 60 or filled / merged(counts, 60) >= 60
