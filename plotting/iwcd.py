"""Which figures a run of ``iwcd`` leaves: histograms, event tables and results -> figures by name, each drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import hist

from configs.iwcd import Processor
from configs.schema import IwcdConfig
from plotting import iwcd_display, iwcd_events, iwcd_fits, iwcd_generator, iwcd_performance
from plotting.drawn import DrawnFigure, Plan
from plotting.iwcd_view import DatasetView, ResultView
from plotting.style import style
from processors.iwcd_columns import tank_of
from records.failed_fit import FailedFit
from records.generator import GeneratorResult
from records.iwcd_fits import FractionsResult, ResponseResult, ScaleResult
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
    GeneratorResult: iwcd_generator.generator,
}
# Kind of figure in ``plots.figures`` -> names of its figures, or their beginnings before "_".
NAMES: dict[str, tuple[str, ...]] = {
    "spectra": ("nhits", "charge", "evis", "energy", "max_charge"), "hits": ("hit_charge", "hit_time", "hit_residual", "hit_angle"),
    "maps": ("nhits_evis", "charge_evis", "charge_nhits", "nhits_energy"), "places": ("places", "vertex", "walls"), "features": ("features",),
    "bright": ("bright",), "losses": ("zero_hits", "zero_hit_map", "light"), "occupancy": ("occupancy",), "display": ("display",),
    "display_3d": ("display_3d",), "generator": ("generator",), "confusion": ("confusion",), "recall": ("recall",), "roc": ("roc",),
    "working_point": ("working_point",), "calibration": ("calibration",), "position": ("position",), "mirror": ("mirror", "recall_map"),
    "importance": ("importance",), "bins": ("bins",), "correlation": ("correlation",), "pulls": ("pulls",), "profile": ("profile",),
    "toys": ("toys",), "scale": ("t", "profile_scale"), "response": ("linearity", "resolution", "slices"),
}  # fmt: skip


def kind_of(figure: str) -> str:
    """The kind of a figure, by the longest name that it begins with.

    >>> kind_of("nhits"), kind_of("nhits_evis"), kind_of("display_3d_e-_0"), kind_of("profile_scale")
    ('spectra', 'maps', 'display_3d', 'scale')
    """
    fits = [(len(name), kind) for kind, names in NAMES.items() for name in names if figure == name or figure.startswith(f"{name}_")]
    return max(fits)[1]


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
        found: Figures = {}
        for part in OF_EVENTS:
            found |= part(view)
        displays, why_not = iwcd_display.displays(view)
        figures |= _wanted(found | displays, config, "" if view.first else f"{dataset}.")
        skipped |= why_not
    for name, result in results.items():
        if draw := OF_RESULT.get(type(result)):
            figures |= _wanted(draw(ResultView(name, result, config, preset, tank)), config, f"{name}.")
        elif isinstance(result, FailedFit):
            skipped[name] = f"the fit failed: {result.reason}"
        else:
            skipped[name] = f"no figures of a {type(result).__name__}"
    skipped |= {name: "no result; run run_fit.py" for name in config.fits if name not in results}
    return Plan(figures, skipped, preset)


def _wanted(figures: Figures, config: IwcdConfig, before: str) -> Figures:
    """Figures of the kinds that the configuration lists; ``before``: their names begin with it."""
    return {name: draw for name, draw in figures.items() if kind_of(name.removeprefix(before)) in config.plots.figures}
