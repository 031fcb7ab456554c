"""Any set of samples on common axes: one figure for each observable (specification 4.4).

A sample is particles of one data set, a data set, or some rows of an event table (a split of a file): histograms without the axis of particles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import hist
import numpy as np

from configs.errors import InputError, nearest
from fits.classifier.binomial import interval
from plotting.canvas import NO_CAPTION, Array, Caption, Scale
from plotting.drawn import DrawnFigure
from plotting.iwcd_samples import HIT_SPECTRA, SPECTRA, Normalise, Sample, shape_p_value, spectra_of
from plotting.map_panels import MapPanel, column_quantiles, maps
from plotting.overlay import Ratio, Spectrum, overlay
from plotting.style import Component, Style, looks

MAPS: dict[str, tuple[str, str]] = {
    "nhits_evis": ("evis", "nhits"), "charge_evis": ("evis", "charge"), "charge_nhits": ("nhits", "charge"), "vertex": ("r2_scaled", "y_scaled"),
    "walls": ("dwall", "towall"),
}  # fmt: skip
LOG_Y = ("hit_charge", "hit_time", "hit_residual", "max_charge")
WITHOUT_PROFILE = ("vertex", "walls")


def compare(samples: Mapping[str, Sample], observables: Sequence[str], normalise: Normalise = "none", *, reference: str | None = None,
            style: Style, caption: Caption = NO_CAPTION) -> dict[str, DrawnFigure]:  # fmt: skip
    """One figure per observable (names of ``SPECTRA``, ``HIT_SPECTRA`` and ``MAPS``) for any number of samples.

    ``normalise``: counts, per event, or (maps) each column to one. ``reference``: the sample that ratios are taken to (null: the first).
    Raises ``InputError`` for an unknown observable or reference.
    """
    if reference is not None and reference not in samples:
        raise InputError(f"reference {reference!r} is not among the samples{nearest(reference, samples)}")
    planned = comparisons(samples, looks(list(samples)), normalise, reference, style, caption)
    known = (*SPECTRA, *HIT_SPECTRA, *MAPS)
    for name in observables:
        if name not in planned:
            raise InputError(f"{name!r} is not an observable of these samples{nearest(name, known)}; known: {', '.join(known)}")
    return {name: planned[name]() for name in observables}


def comparisons(samples: Mapping[str, Sample], look: Mapping[str, Component], normalise: Normalise, reference: str | None, style: Style,
                caption: Caption) -> dict[str, Callable[[], DrawnFigure]]:  # fmt: skip
    """Every figure that the samples' histograms allow, drawn when called; those without an entry are left out."""
    have = {
        name for name in set.intersection(*(set(one.hists) for one in samples.values())) if any(_filled(one.hists[name]) for one in samples.values())
    }
    figures: dict[str, Callable[[], DrawnFigure]] = {}
    for name in (*SPECTRA, *HIT_SPECTRA):
        histogram, axis = SPECTRA.get(name, (name, name))
        if histogram in have and any(_filled(one.hists[histogram].project(axis)) for one in samples.values()):
            figures[name] = partial(_spectrum, name, samples, look, normalise, reference, style, caption)
    for name in MAPS:
        if name in have:
            figures[name] = partial(_maps, name, samples, look, normalise, style, caption)
    return figures


def _spectrum(name: str, samples: Mapping[str, Sample], look: Mapping[str, Component], normalise: Normalise, reference: str | None, style: Style,
              caption: Caption) -> DrawnFigure:  # fmt: skip
    edges, spectra, x = spectra_of(name, samples, look, normalise)
    to = reference or next(key for key in ("e-", *samples) if key in samples and spectra[key].values.sum() > 0.0)
    ratios = {key: _ratio(one, spectra[to]) for key, one in spectra.items() if key != to}
    tested = {} if name in HIT_SPECTRA else {key: _shape_p(spectra[key], spectra[to]) for key in ratios}
    shown = {key: _with_p(one, tested.get(key)) for key, one in spectra.items()}
    text = (f"p: same shape as {look[to].label} ($\\chi^2$)",) if tested else ()
    ratio = Ratio(f"Ratio to {look[to].label}", to, ratios) if ratios else None
    drawn = overlay(edges, shown, x, Scale(_per_bin(name, normalise), name in LOG_Y), ratio, text=text, style=style, caption=caption)
    return DrawnFigure(drawn.figure, {**drawn.numbers, "normalise": normalise, "shape_p_values": tested})


def _per_bin(name: str, normalise: Normalise) -> str:
    if name in HIT_SPECTRA:
        return f"{'Charge per event [p.e.]' if name == 'hit_angle' else 'Hits per event'} / bin"
    return "Events / bin" if normalise == "none" else "Fraction of events / bin"


def _shape_p(ours: Spectrum, theirs: Spectrum) -> float:
    assert ours.entries is not None
    assert theirs.entries is not None
    return shape_p_value(ours.entries, theirs.entries)


def _with_p(one: Spectrum, p: float | None) -> Spectrum:
    label = one.label if p is None or np.isnan(p) else f"{one.label}, p = {p:.2g}"
    return Spectrum(label, one.colour, one.values, one.bars, one.entries)


def _ratio(ours: Spectrum, theirs: Spectrum) -> tuple[Array, tuple[Array, Array] | None]:
    """Ratio with the interval that the binomial split of both counts gives (exact for two Poisson counts); NaN without reference."""
    values = np.divide(ours.values, theirs.values, out=np.full(len(ours.values), np.nan), where=theirs.values > 0.0)
    if ours.entries is None or theirs.entries is None:
        return values, None
    low, high = interval(ours.entries, ours.entries + theirs.entries)
    scale = _scale(ours) / _scale(theirs)
    with np.errstate(divide="ignore"):
        return values, (np.minimum(scale * low / (1.0 - low), values), np.where(high < 1.0, scale * high / (1.0 - high), np.inf))


def _scale(one: Spectrum) -> float:
    assert one.entries is not None
    total = float(one.entries.sum())
    return float(one.values.sum()) / total if total else 1.0


def _maps(
    name: str, samples: Mapping[str, Sample], look: Mapping[str, Component], normalise: Normalise, style: Style, caption: Caption
) -> DrawnFigure:
    panels = []
    x, y = next(iter(samples.values())).hists[name].axes
    edges = np.asarray(x.edges, float), np.asarray(y.edges, float)
    for key, one in samples.items():
        found = one.hists[name]
        counts = np.asarray(found.values(), float)
        every = np.asarray(found.values(flow=True), float)
        quantiles = None if name in WITHOUT_PROFILE else column_quantiles(every[1:-1], *edges)
        outside = every.sum() - counts.sum()
        note = f"{counts.sum():.0f} events" + (f", {outside:.0f} outside" if outside else "")
        panels.append(MapPanel(look[key].label, _normalised(counts, one.events, normalise), quantiles, note=note))
    label = {"none": "Events / bin", "events": "Fraction of events / bin", "column": f"p({y.label} | {x.label}) / bin"}[normalise]
    drawn = maps(panels, edges, Scale(x.label), Scale(y.label), label, style=style, caption=caption)
    return DrawnFigure(drawn.figure, {**drawn.numbers, "normalise": normalise})


def _normalised(counts: Array, events: float, normalise: Normalise) -> Array:
    if normalise == "column":
        column = counts.sum(axis=1, keepdims=True)
        return np.divide(counts, column, out=np.zeros_like(counts), where=column > 0.0)
    return counts / max(events, 1.0) if normalise == "events" else counts


def _filled(one: hist.Hist) -> bool:
    values = one.values()
    return bool(np.any(values > 0.0))
