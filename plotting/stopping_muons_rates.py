"""Rates of data over those of simulation with the ratio below: the stopping score, and every observable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from plotting.canvas import Array, Caption, Page, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.projections import count_bars
from plotting.stack import BAND, draw_counts
from plotting.stopping_muons_view import OTHER_MUONS, STOPPING, Found, RunView, below, contents, edges_of, is_logarithmic, quantity_label
from plotting.style import BLACK, SKY, Component, Style
from records.stopping_muons import DataMcAgreement

RATIO_STEPS = {0.112: 0.1, 0.225: 0.1, 0.45: 0.2, 0.9: 0.5, 1.8: 1.0}  # half of the ratio panel, clear of a number: between its numbers
FEW_COUNTS = 100  # above it the interval of a count is its square root to 5 %
DECADES = 5.0  # of a logarithmic axis, at most


@dataclass(frozen=True)
class Rates:
    """What is compared, by bin: ``parts`` of the simulation (label and colour -> values), its variance, and data with the ends of their errors.

    ``label`` is that of the y axis, ``ratio_label`` that of the ratio's; ``unit`` stands beside the numbers.
    """

    edges: Array
    parts: Mapping[Component, Array]
    variance: Array
    data: Array | None = None
    bars: tuple[Array, Array] | None = None
    data_words: str = "Data"
    stacked: bool = True
    label: str = "Rate per bin [Hz]"
    unit: str = "Hz"
    ratio_label: str = "Data / sim."

    @property
    def total(self) -> Array:
        """Of the simulation."""
        return np.asarray(np.sum(list(self.parts.values()), axis=0))

    def numbers(self) -> dict[str, Any]:
        """Everything that is drawn."""
        drawn: dict[str, Any] = {"unit": self.unit, "edges": self.edges, "simulation": {one.label: values for one, values in self.parts.items()}}
        drawn |= {"total": self.total, "total_error": np.sqrt(self.variance)}
        if self.data is not None and self.bars is not None:
            drawn |= {"data": self.data, "data_low": self.bars[0], "data_high": self.bars[1], "ratio": _ratio(self.data, self.total)}
        return drawn


def score(view: RunView) -> Found:
    """The stopping score of all classes."""
    if not view.config.reconstructions.evaluate_score_distribution:
        return {"score": "reconstructions.evaluate_score_distribution is false"}
    if view.summed(view.nominal, "score") is None:
        return {"score": "no simulation of level 2 has a histogram of the score"}
    return {"score": partial(_score, view)}


def data_mc(view: RunView) -> Found:
    """One figure for each observable of ``datamc_*``."""
    if not view.config.reconstructions.plot_data_mc_agreement:
        return {"data_mc": "reconstructions.plot_data_mc_agreement is false"}
    if not view.data:
        return {"data_mc": "no data set is of type data"}
    names = [name.removeprefix("datamc_") for one in view.nominal[:1] for name in view.hists[one] if name.startswith("datamc_")]
    return {f"data_mc_{name}": partial(_data_mc, view, name) for name in names} or {"data_mc": "no histograms datamc_* in hists.h5"}


def _score(view: RunView) -> DrawnFigure:
    simulated = view.summed(view.nominal, "score")
    assert simulated is not None
    stopping, other = (contents(simulated, **{"class": name}) for name in ("stopping", "other"))
    rates = Rates(edges_of(simulated)[0], {STOPPING: stopping[0], OTHER_MUONS: other[0]}, stopping[1] + other[1], stacked=False)
    rates = _with_data(view, rates, "score", {"class": "data"})
    scale = Scale(quantity_label("stopping_score"), limits=(0.0, 1.0))
    return drawn_rates(rates, scale, log=True, text=(), style=view.style, caption=view.caption(of="data" if view.data else "mc"))


def _data_mc(view: RunView, name: str) -> DrawnFigure:
    simulated = view.summed(view.nominal, f"datamc_{name}")
    assert simulated is not None
    edges, (values, variance) = edges_of(simulated)[0], contents(simulated)
    rates = Rates(edges, {Component("Simulation", SKY): values}, variance)
    rates = _with_data(view, rates, f"datamc_{name}", {})
    found = view.results.get(f"data_mc.{name}")
    text = _agreement(found) if isinstance(found, DataMcAgreement) else ()
    x = Scale(quantity_label(name), is_logarithmic(edges), (float(edges[0]), float(edges[-1])))
    drawn = drawn_rates(rates, x, log=_falls_steeply(rates), text=text, style=view.style, caption=view.caption(of="data"))
    if not isinstance(found, DataMcAgreement):
        return drawn
    agreement = {key: getattr(found, key) for key in ("chi2", "ndf", "p_value", "ks", "ks_p_value", "rate_data_hz", "rate_mc_hz")}
    return DrawnFigure(drawn.figure, {**drawn.numbers, "agreement": agreement})


def _agreement(found: DataMcAgreement) -> tuple[str, ...]:
    ratio = found.rate_data_hz / found.rate_mc_hz if found.rate_mc_hz else np.nan
    return (
        rf"$\chi^2$/ndf = {found.chi2:.1f}/{found.ndf}, p = {found.p_value:.2g}",
        f"KS = {found.ks:.3f}, p = {found.ks_p_value:.2g}",
        f"data / simulation = {ratio:.3f}" + (" (areas made equal)" if found.area_normalised else ""),
    )


def _with_data(view: RunView, rates: Rates, histogram: str, chosen: Mapping[str, str]) -> Rates:
    """Data of all data sets together, at the livetime of each."""
    counts, seconds = np.zeros(len(rates.edges) - 1), 0.0
    for name in (one for one in view.data if histogram in view.hists[one]):
        counts, seconds = counts + contents(view.hists[name][histogram], **chosen)[0], seconds + view.exposure(name)
    if not seconds:
        return rates
    low, high = (end / seconds for end in bars_of(counts))
    return replace(rates, data=counts / seconds, bars=(low, high), data_words=view.data_words)


def bars_of(counts: Array) -> tuple[Array, Array]:
    """Ends of the 68 % interval of each count: unified intervals of small ones, the square root of others.

    >>> low, high = bars_of(np.array([0.0, 400.0]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.0, 380.0], [1.29, 420.0])
    """
    few = counts < FEW_COUNTS
    low, high = counts - np.sqrt(counts), counts + np.sqrt(counts)
    low[few], high[few] = count_bars(counts[few])
    return low, high


def drawn_rates(rates: Rates, x: Scale, *, log: bool, text: Sequence[str], style: Style, caption: Caption) -> DrawnFigure:
    """Stacked simulation with the band of its errors, data as points; below the ratio with the band around 1."""
    with style.context():
        sheet = page(style, caption, ratio=rates.data is not None)
        axes = sheet.panels[0]
        _draw_stack(axes, rates)
        tops = rates.total + np.sqrt(rates.variance)
        if rates.data is not None and rates.bars is not None:
            draw_counts(axes, rates.edges, rates.data, rates.bars, x.log, rates.data_words)
            tops = np.maximum(tops, rates.bars[1])
        y = Scale(rates.label, log, _range(rates, tops, log))
        apply_scale(axes, x if rates.data is None else below(x), y)
        if rates.data is not None:
            axes.tick_params(labelbottom=False)
            _draw_ratio(sheet, rates, x)
        place_legend(axes, [(rates.edges, tops)], text=text, fontsize=13, loc=_emptier_corner(tops))
    return DrawnFigure(sheet.figure, {"x": x.label, **rates.numbers()})


def _emptier_corner(tops: Array) -> str:
    """The side of the panel where less is drawn."""
    half = len(tops) // 2
    return "upper left" if tops[:half].max() < 0.6 * tops[half:].max() else "upper right"


def _draw_stack(axes: Axes, rates: Rates) -> None:
    bottom = np.zeros(len(rates.edges) - 1)
    for part, values in rates.parts.items():
        base = bottom if rates.stacked else np.zeros_like(bottom)
        look: dict[str, Any] = {"color": part.colour, "alpha": 1.0 if rates.stacked else 0.6}
        axes.stairs(base + values, rates.edges, baseline=base, fill=True, label=part.label, gid=f"part {part.label}", **look)
        if not rates.stacked:
            axes.stairs(values, rates.edges, color=part.colour, linewidth=2.0)
        bottom = bottom + values
    axes.stairs(bottom, rates.edges, color=BLACK, linewidth=1.2, label=None if rates.stacked else "Sum", gid="total")
    error = np.sqrt(rates.variance)
    if error.any():
        ends = bottom + error, np.maximum(bottom - error, 0.0)
        axes.stairs(ends[0], rates.edges, baseline=ends[1], fill=True, label="Error of simulation", gid="band", **BAND)


def _draw_ratio(sheet: Page, rates: Rates, x: Scale) -> None:
    axes = sheet.ratios[0]
    assert rates.data is not None
    assert rates.bars is not None
    ratio, low, high = (_ratio(values, rates.total) for values in (rates.data, *rates.bars))
    relative = np.nan_to_num(_ratio(np.sqrt(rates.variance), rates.total))
    reach = _reach(ratio, low, high)
    axes.axhline(1.0, color=BLACK, linewidth=1.2)
    axes.stairs(1.0 + relative, rates.edges, baseline=1.0 - relative, fill=True, gid="band", **BAND)
    inside = np.where(np.abs(ratio - 1.0) <= reach, ratio, np.nan)
    draw_counts(axes, rates.edges, np.where(rates.data > 0.0, inside, np.nan), (low, high), x.log)
    middle = np.sqrt(rates.edges[1:] * rates.edges[:-1]) if x.log else 0.5 * (rates.edges[1:] + rates.edges[:-1])
    for beyond, edge, marker in ((ratio > 1.0 + reach, 0.93, "^"), ((ratio < 1.0 - reach) & (rates.data > 0.0), 0.07, "v")):
        heights = np.full(int(beyond.sum()), edge)
        axes.plot(middle[beyond], heights, marker, color=BLACK, markersize=6, transform=axes.get_xaxis_transform(), gid="beyond")
    apply_scale(axes, x, Scale("", limits=(max(1.0 - reach, 0.0), 1.0 + reach)))
    axes.yaxis.set_major_locator(MultipleLocator(RATIO_STEPS.get(reach, 1.0)))
    axes.set_ylabel(rates.ratio_label, loc="center", fontsize=16)


def _ratio(values: Array, total: Array) -> Array:
    return np.asarray(np.divide(values, total, out=np.full(len(total), np.nan), where=total > 0.0))


def _reach(ratio: Array, low: Array, high: Array) -> float:
    """Half of the ratio panel: wide enough for nine tenths of the points with their errors."""
    known = np.isfinite(ratio) & (ratio > 0.0)
    if not known.any():
        return max(RATIO_STEPS)
    wanted = float(np.quantile(np.maximum(high - 1.0, 1.0 - low)[known], 0.8))
    return next((reach for reach in RATIO_STEPS if reach > wanted), max(RATIO_STEPS))


def _falls_steeply(rates: Rates) -> bool:
    """Whether a logarithmic axis shows more: bins differ by more than a factor of 30."""
    filled = rates.total[rates.total > 0.0]
    return bool(filled.size and np.quantile(filled, 0.1) < filled.max() / 30.0)


def _range(rates: Rates, tops: Array, log: bool) -> tuple[float, float]:
    high = float(tops.max(initial=0.0)) or 1.0
    if not log:
        return 0.0, 1.12 * high
    shown = [rates.total, *(() if rates.stacked else rates.parts.values()), *(() if rates.data is None else (rates.data,))]
    positive = np.concatenate([one[one > 0.0] for one in shown])
    return max(0.5 * float(positive.min(initial=high)), high * 10.0**-DECADES), 2.0 * high
