"""Pulses of ``pmt_gain``: shapes, times, late pulses and the charge in time; which figures of one photomultiplier there are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import hist
import numpy as np
from scipy.special import ndtr

from fits.pmt_late import record_behind_pulse_ns
from fits.pmt_points import Point
from plotting.canvas import Array, Scale, apply_scale
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.map_panels import MapPanel, maps
from plotting.overlay import Spectrum, small
from plotting.pmt_gain_spectra import merged, where_filled
from plotting.pmt_gain_traces import no_trace, panels_of, persistence, trace, waveforms
from plotting.pmt_gain_view import RunView, columns_of, title
from plotting.projections import count_bars
from plotting.style import BLACK, BLUE, GREY, VERMILLION
from plotting.symbols import two_digits
from records.gain import Timing

Figures = dict[str, Callable[[], DrawnFigure]]

FEWEST_LATE = 10  # maxima that are worth a figure
FEWEST_TIME_BINS, MOST_TIME_BINS = 12, 40  # of a distribution of times, at least, by the number of its entries
CLOCK_BINS = 20  # of a figure of the charge in time, at most


def of_tube(view: RunView, pmt: str) -> tuple[Figures, dict[str, str]]:
    """Figures of the pulses of one photomultiplier, and why some cannot be drawn."""
    chosen = view.chosen(pmt)
    if not chosen:
        return {}, {}
    possible: Figures = {}
    skipped: dict[str, str] = {}
    needs: tuple[tuple[str, Callable[[], DrawnFigure], str], ...] = (
        ("trace", partial(trace, view, pmt), no_trace(chosen)),
        ("waveform", partial(waveforms, view, pmt), _lacks(chosen, "waveform_mean")),
        ("persistence", partial(persistence, view, pmt), _lacks(chosen, "waveform_2d")),
        ("shape", partial(_shapes, view, pmt), _lacks(chosen, "shape")),
        ("timing", partial(_timing, view, pmt), _lacks(chosen, "time")),
        ("late", partial(_late, view, pmt), _no_late(view, pmt)),
        ("stability", partial(_stability, view, pmt), _lacks(chosen, "times", first=True)),
    )
    for name, draw, reason in needs:
        if reason:
            skipped[f"{name}.{pmt}"] = reason
        else:
            possible[f"{name}.{pmt}"] = draw
    return possible, skipped


def _lacks(chosen: list[Point], name: str, *, first: bool = False) -> str:
    """Why a histogram cannot be drawn: it is not there, or has no entries."""
    if any(name not in point.hists for point in chosen):
        return f"no histogram {name!r}"
    filled = [np.asarray(point.hists[name].values(flow=True))[0 if first else ...].sum() for point in chosen]
    return "" if any(total > 0 for total in filled) else {"shape": "no pulse was fitted", "times": "no trigger times"}.get(name, "no entries")


def _no_late(view: RunView, pmt: str) -> str:
    points = [point for point in view.tubes[pmt].points if point.n_read and "late" in point.hists]
    maxima = int(sum(point.hists["late"].values(flow=True).sum() for point in points))
    if maxima >= FEWEST_LATE:
        return ""
    reach = [record_behind_pulse_ns(point) for point in points]
    where = f"; records end {min(reach):.0f} ns after the pulse" if reach and np.isfinite(min(reach)) else ""
    return f"{maxima or 'no'} further maxima in {sum(point.n_read for point in points)} triggers{where}"


def _shapes(view: RunView, pmt: str) -> DrawnFigure:
    chosen = [point for point in view.chosen(pmt) if point.hists["shape"].values().sum()]
    counts = [np.asarray(point.hists["shape"].values(), float) for point in chosen]
    edges = tuple(np.asarray(axis.edges) for axis in chosen[0].hists["shape"].axes)
    total = np.sum(counts, axis=0)
    panels = [MapPanel(title(point), one, note=f"{one.sum():.0f} pulses") for point, one in zip(chosen, counts, strict=True)]
    x, y = (Scale(label, limits=_central(total.sum(axis=1 - axis), edges[axis])) for axis, label in enumerate((r"$\tau_r$ [ns]", r"$\tau_f$ [ns]")))
    assert y.limits is not None
    y = Scale(y.label, limits=(y.limits[0], y.limits[1] + 0.4 * (y.limits[1] - y.limits[0])))  # the words of a panel stand above
    return maps(panels, (edges[0], edges[1]), x, y, "Pulses", columns=columns_of(len(panels)), style=view.style, caption=view.caption(pmt))


def _timing(view: RunView, pmt: str) -> DrawnFigure:
    measured = view.points(pmt)
    panels = []
    for point in view.chosen(pmt):
        one: hist.Hist = point.hists["time"]["cfd20", :]  # type: ignore[assignment]
        counts, edges = np.asarray(one.values(), float), np.asarray(one.axes[0].edges)
        step = merged(counts, int(np.clip(np.sqrt(counts.sum()), FEWEST_TIME_BINS, MOST_TIME_BINS)))
        values, at = counts.reshape(-1, step).sum(axis=1), edges[::step]
        spectra = {"data": Spectrum("20 % times", BLACK, values, count_bars(values), None)}
        result = measured[point.name].timing if point.name in measured else None
        words = [title(point)]
        if result is not None and result.valid:
            spectra["core"] = Spectrum(r"Gaussian core, $\pm$1.5 $\sigma$", VERMILLION, _core(result, counts, edges, at))
            words.append(f"TTS $\\sigma$ = {two_digits(1e3 * result.tts_sigma_ns, 1e3 * result.tts_sigma_error_ns)} ps")
        if result is not None and np.isfinite(result.fwhm_ns):
            words.append(f"FWHM {1e3 * result.fwhm_ns:.0f} ps")
        panels.append((*where_filled(at, spectra), Scale("Time after the trigger [ns]"), tuple(words)))
    return small(panels, Scale("Triggers / bin"), columns=columns_of(len(panels)), style=view.style, caption=view.caption(pmt))


def _core(result: Timing, counts: Array, edges: Array, at: Array) -> Array:
    """Expected entries of the fitted Gaussian in bins ``at`` that touch the core, normalised to the entries inside; NaN elsewhere."""
    reach = 1.5 * result.tts_sigma_ns
    inside = (edges[1:] > result.core_ns - reach) & (edges[:-1] < result.core_ns + reach)
    below = ndtr((edges - result.core_ns) / result.tts_sigma_ns)
    share = float(np.diff(below)[inside].sum())
    expected = np.diff(ndtr((at - result.core_ns) / result.tts_sigma_ns)) * counts[inside].sum() / share
    touched = (at[1:] > result.core_ns - reach) & (at[:-1] < result.core_ns + reach)
    return np.where(touched, expected, np.nan)


def _late(view: RunView, pmt: str) -> DrawnFigure:
    points = [point for point in view.tubes[pmt].points if point.n_read and "late" in point.hists]
    counts = np.sum([np.asarray(point.hists["late"].values(), float) for point in points], axis=0)
    edges = tuple(np.asarray(axis.edges) for axis in points[0].hists["late"].axes)
    triggers = sum(point.n_read for point in points)
    panel = MapPanel("All voltages", counts, note=f"{counts.sum():.0f} maxima in {triggers} triggers")
    x = Scale("Delay after the pulse [ns]", True, _filled(counts.sum(axis=1), edges[0]))
    y = Scale("Charge / reference charge", limits=_filled(counts.sum(axis=0), edges[1]))
    reach = [record_behind_pulse_ns(point) for point in points]
    notes = (f"Records end {min(reach):.0f} ns after the pulse.",)
    return maps([panel], (edges[0], edges[1]), x, y, "Further maxima", columns=1, style=view.style, caption=view.caption(pmt, notes))


def _stability(view: RunView, pmt: str) -> DrawnFigure:
    """Mean charge over its mean against the time of the triggers."""
    chosen = [point for point in view.chosen(pmt) if np.asarray(point.hists["times"].values())[0].sum() > 1]
    numbers: dict[str, Any] = {}
    with view.style.context():
        sheet = panels_of(view, pmt, len(chosen), ())
        reach = 0.0
        for number, point in enumerate(chosen):
            at, half, value, error, chi2 = _in_time(point)
            axes = sheet.panels[number]
            axes.axhline(1.0, color=GREY, linewidth=1.2)
            axes.errorbar(at, value, yerr=error, xerr=half, fmt="o", color=BLUE, markersize=5.5, elinewidth=1.4, gid="charge")
            reach = max(reach, float(np.max(np.abs(value - 1.0) + error, initial=0.01)))
            apply_scale(axes, Scale("Time since the first trigger [s]"), Scale("Charge / mean" if number % columns_of(len(chosen)) == 0 else ""))
            numbers[point.name] = {"time_s": at, "relative_charge": value, "error": error, "chi2": chi2}
            place_legend(axes, [], text=[title(point), f"Constant: $\\chi^2$ = {chi2:.1f} / {len(at) - 1}"], entries=False, fontsize=13)
        for axes in sheet.panels[: len(chosen)]:
            axes.set_ylim(1.0 - 1.15 * reach, 1.0 + 1.6 * reach)
    return DrawnFigure(sheet.figure, numbers)


def _in_time(point: Point) -> tuple[Array, Array, Array, Array, float]:
    """Time (s), half width of its bins, mean charge relative to that of all, its error, and chi2 of constancy. At most 20 bins of equal width."""
    filled = point.hists["times"]
    count, charge, square = np.asarray(filled.values(), float)
    edges = np.asarray(filled.axes["clock"].edges)
    last = int(np.flatnonzero(count)[-1]) + 1
    step = -(-last // CLOCK_BINS)
    starts = np.arange(0, last, step)
    count, charge, square = (np.add.reduceat(values[:last], starts) for values in (count, charge, square))
    ends = edges[np.append(starts, min(last, len(edges) - 1))]
    rows = count > 1
    mean = charge[rows] / count[rows]
    variance = max((square.sum() - charge.sum() ** 2 / count.sum()) / (count.sum() - 1.0), 0.0)
    whole = charge.sum() / count.sum()
    error = np.sqrt(variance / count[rows]) / whole
    value = mean / whole
    chi2 = float(np.sum(((value - 1.0) / error) ** 2)) if np.all(error > 0.0) else 0.0
    return 0.5 * (ends[1:] + ends[:-1])[rows], 0.5 * np.diff(ends)[rows], value, error, chi2


def _filled(counts: Array, edges: Array) -> tuple[float, float]:
    rows = np.flatnonzero(counts)
    return float(edges[max(rows[0] - 1, 0)]), float(edges[min(rows[-1] + 2, len(edges) - 1)])


def _central(counts: Array, edges: Array) -> tuple[float, float]:
    """Where 99 % of the entries lie, with room beside; single strays do not widen the axis."""
    cumulative = np.cumsum(counts) / counts.sum()
    low, high = int(np.searchsorted(cumulative, 0.005)), int(np.searchsorted(cumulative, 0.995))
    room = max((high - low) // 4, 3)
    return float(edges[max(low - room, 0)]), float(edges[min(high + 1 + room, len(edges) - 1)])
