"""Which figures a run of ``pmt_gain`` leaves: histograms and results -> figures by name, each drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hist

from configs.pmt_gain import FIGURES, FIGURES_OF_RUN
from configs.schema import PmtGainConfig
from fits.pmt_points import tubes
from plotting import pmt_gain_curves, pmt_gain_pulses, pmt_gain_spectra
from plotting.drawn import DrawnFigure, Plan
from plotting.pmt_gain_view import RunView
from plotting.style import style

Figures = dict[str, Callable[[], DrawnFigure]]


def plan(config: PmtGainConfig, hists: Mapping[str, Mapping[str, hist.Hist]], account: Mapping[str, Any], results: Mapping[str, Any]) -> Plan:
    """What to draw: figures of all photomultipliers have plain names (``gain_curve``), the others the photomultiplier's or the point's behind
    (``charge_spectra.PMT_1``, ``spe_fit.PMT_1.1400V.low``). What was asked for and cannot be drawn is in ``skipped`` with the reason.
    """
    wanted = FIGURES if config.plots.figures == "all" else tuple(config.plots.figures)
    preset = style(config.plots.style)
    view = RunView(config, preset, tubes(hists, account), results)
    possible: Figures = pmt_gain_curves.against_voltage(view)
    skipped: dict[str, str] = {}
    for pmt in view.tubes:
        for kind in (pmt_gain_spectra.of_tube, pmt_gain_pulses.of_tube):
            drawn, why_not = kind(view, pmt)
            possible |= drawn
            skipped |= why_not
    skipped |= {name: _why_not(name, view) for name in FIGURES_OF_RUN if name not in possible}
    return Plan(
        {name: draw for name, draw in possible.items() if name.partition(".")[0] in wanted},
        {name: reason for name, reason in skipped.items() if name.partition(".")[0] in wanted and reason}, preset,
    )  # fmt: skip


def _why_not(name: str, view: RunView) -> str:
    if not view.measured:
        return "no results; run run_fit.py"
    if name == "mean_charge":
        return ""  # the gain curve is that of the mean charge
    reasons = {
        "gain_curve": next(iter(view.measured.values())).relative.reason, "timing_hv": "no point has a fitted core of times",
        "nominal_hv_table": "no absolute gain curve", "lambda_hv": "no point has photostatistics", "variance_mean": "no point has photostatistics",
    }  # fmt: skip
    return reasons.get(name, "nothing was measured")
