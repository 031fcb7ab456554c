"""Which figures a run of ``iwcd`` leaves: histograms, event tables and results -> figures by name, each drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hist

from configs.iwcd import Processor
from configs.schema import IwcdConfig
from plotting import iwcd_display, iwcd_events, iwcd_fits, iwcd_performance
from plotting.drawn import DrawnFigure, Plan
from plotting.iwcd_view import DatasetView, ResultView
from plotting.style import style
from processors.iwcd_columns import tank_of
from records.iwcd_fits import FailedFit, FractionsResult, ResponseResult, ScaleResult
from records.performance import DiscriminantResult, PerformanceResult
from records.tables import TablesByDataset

Figures = dict[str, Callable[[], DrawnFigure]]

OF_EVENTS: tuple[Callable[[DatasetView], Figures], ...] = (iwcd_events.compared, iwcd_events.energies, iwcd_events.losses, iwcd_display.occupancy)
OF_RESULT: dict[type, Callable[[ResultView], Figures]] = {
    PerformanceResult: iwcd_performance.performance,
    DiscriminantResult: iwcd_performance.discriminant,
    FractionsResult: iwcd_fits.fractions,
    ScaleResult: iwcd_fits.scale,
    ResponseResult: iwcd_fits.response,
}


def plan(config: IwcdConfig, hists: Mapping[str, Mapping[str, hist.Hist]], tables: TablesByDataset, account: Mapping[str, Any],
         results: Mapping[str, Any]) -> Plan:  # fmt: skip
    """What to draw: figures of the first data set have plain names (``nhits_evis``), those of others the data set's before (``data.nhits``),
    those of a fit the fit's (``shower.bins``). What cannot be drawn is in ``skipped`` with the reason.
    """
    preset = style(config.plots.style)
    tank = tank_of(config.processor.tank if isinstance(config.processor, Processor) else Processor().tank)
    figures: Figures = {}
    skipped: dict[str, str] = {}
    for number, (dataset, by_name) in enumerate((name, hists[name]) for name in config.datasets if name in hists):
        if not by_name:
            skipped[dataset] = "none of its events could be processed"
            continue
        if "cutflow" not in by_name:
            skipped[dataset] = "its histograms are not those of the analysis' own processor; use analysis: custom for figures of one's own"
            continue
        events = tables.get(dataset, {}).get("events")
        share = account["datasets"].get(dataset, {}).get("fraction", 1.0)
        view = DatasetView(dataset, number == 0, config, preset, tank, by_name, events, share)
        for kind in OF_EVENTS:
            figures |= kind(view)
        displays, why_not = iwcd_display.displays(view)
        figures |= displays
        skipped |= why_not
    for name, result in results.items():
        if draw := OF_RESULT.get(type(result)):
            figures |= draw(ResultView(name, result, config, preset, tank))
        elif isinstance(result, FailedFit):
            skipped[name] = f"the fit failed: {result.reason}"
        else:
            skipped[name] = f"no figures of a {type(result).__name__}"
    skipped |= {name: "no result; run run_fit.py" for name in config.fits if name not in results}
    return Plan(figures, skipped, preset)
