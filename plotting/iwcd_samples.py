"""Samples of water-Cherenkov events as histograms: particles of a data set, a data set, rows of an event table; their spectra and shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import hist
import numpy as np
from scipy.stats import chi2_contingency

from physics.tank import Tank
from plotting.canvas import Array, Scale
from plotting.overlay import Spectrum
from plotting.projections import count_bars
from plotting.style import Component
from processors.iwcd_expression import parse
from processors.iwcd_histograms import event_axes, fill_events
from records.tables import Table

Normalise = Literal["none", "events", "column"]
# Observable -> histogram and its axes.
SPECTRA: dict[str, tuple[str, str]] = {
    "nhits": ("nhits_evis", "nhits"), "charge": ("charge_evis", "charge"), "evis": ("nhits_evis", "evis"), "energy": ("energy", "energy"),
    "max_charge": ("max_charge", "max_charge"), "r2": ("vertex", "r2_scaled"), "y": ("vertex", "y_scaled"), "dwall": ("walls", "dwall"),
    "towall": ("walls", "towall"), "cos_zenith": ("direction", "cos_zenith"), "azimuth": ("direction", "azimuth"),
}  # fmt: skip
HIT_SPECTRA = ("hit_charge", "hit_time", "hit_residual", "hit_angle")  # hits of one event belong together: no Poisson errors, no p-values
LOG_X = ("hit_charge", "max_charge")
SYMBOLS = {"β₁": r"$\beta_1$", "β₂": r"$\beta_2$"}  # labels that the fonts of figures lack
FEWEST = 10.0  # entries of a bin, in the mean, or bins are merged
MOST_MERGED = 5
EXPECTED_AT_LEAST = 10  # entries of a bin of a chi-square test, both samples together


@dataclass(frozen=True)
class Sample:
    """Histograms by name without the axis of particles, and the number of selected events."""

    hists: Mapping[str, hist.Hist]
    events: float


def by_particle(hists: Mapping[str, hist.Hist], particles: Sequence[str]) -> dict[str, Sample]:
    """One sample for each particle of one data set."""
    return {
        name: Sample({key: of_particle(one, name) for key, one in hists.items() if key != "cutflow"}, float(hists["cutflow"][name, "expression"]))
        for name in particles
    }  # fmt: skip


def of_particle(one: hist.Hist, particle: str) -> hist.Hist:
    """The histogram of one particle, without the axis of particles."""
    found = one[particle, ...]
    assert isinstance(found, hist.Hist)
    return found


def from_table(table: Table, tank: Tank, selection: str | None = None, features: Sequence[str] = ()) -> Sample:
    """The histograms of events from rows of an event table; ``selection``: an expression over its columns, with the table's own selection."""
    columns = dict(table.columns)
    kept = np.asarray(columns.get("selected", np.ones(len(table), bool)))
    if selection is not None:
        kept = kept & parse(selection, tuple(columns)).mask(columns)
    filled = fill_events(event_axes(("all",), features), {**columns, "particle": np.full(len(table), "all"), "selected": kept}, tank)
    return Sample({name: of_particle(one, "all") for name, one in filled.items()}, float(kept.sum()))


def spectra_of(
    name: str, samples: Mapping[str, Sample], look: Mapping[str, Component], normalise: Normalise
) -> tuple[Array, dict[str, Spectrum], Scale]:
    """Edges, spectra and x axis of one observable; event spectra have intervals, those of hits are per event and have none."""
    histogram, axis = SPECTRA.get(name, (name, name.removeprefix("feat_")))
    projected = {key: one.hists[histogram].project(axis) for key, one in samples.items()}
    edges = np.asarray(next(iter(projected.values())).axes[0].edges, float)
    counts = {key: np.asarray(one.values(), float) for key, one in projected.items()}
    merge = 1 if name in HIT_SPECTRA else merge_factor(list(counts.values()))
    edges = edges[::merge]
    found = {}
    for key, values in counts.items():
        merged = values.reshape(-1, merge).sum(axis=1)
        scale = 1.0 if normalise == "none" and name not in HIT_SPECTRA else 1.0 / max(samples[key].events, 1.0)
        label = f"{look[key].label} ({samples[key].events:.0f})"
        bars = None if name in HIT_SPECTRA else tuple(end * scale for end in count_bars(merged))
        found[key] = Spectrum(label, look[key].colour, merged * scale, bars, None if name in HIT_SPECTRA else merged)  # type: ignore[arg-type]
    first = next(iter(projected.values())).axes[0]
    return edges, found, Scale(SYMBOLS.get(first.label, first.label), name in LOG_X)


def merge_factor(counts: Sequence[Array]) -> int:
    """How many bins to join so that the smallest sample has ten entries per filled bin, at most five.

    >>> merge_factor([np.full(50, 20.0)]), merge_factor([np.full(50, 3.0)])
    (1, 5)
    """
    smallest = min((one for one in counts if one.sum() > 0.0), key=np.sum, default=np.zeros(1))
    mean = smallest.sum() / max(int((smallest > 0).sum()), 1)
    possible = [number for number in range(1, MOST_MERGED + 1) if len(counts[0]) % number == 0]
    return next((number for number in possible if number * mean >= FEWEST), possible[-1])


def shape_p_value(ours: Array, theirs: Array) -> float:
    """p-value that two histograms of counts have one shape: chi-square of homogeneity, bins joined until both have ten entries together.

    >>> shape_p_value(np.array([40.0, 60.0]), np.array([20.0, 30.0]))
    1.0
    """
    table = [[0.0, 0.0]]
    for pair in zip(ours, theirs, strict=True):
        if sum(table[-1]) >= EXPECTED_AT_LEAST:
            table.append([0.0, 0.0])
        table[-1] = [table[-1][0] + pair[0], table[-1][1] + pair[1]]
    if len(table) > 1 and sum(table[-1]) < EXPECTED_AT_LEAST:
        last = table.pop()
        table[-1] = [table[-1][0] + last[0], table[-1][1] + last[1]]
    counts = np.array(table).T
    if counts.shape[1] < 2 or not counts.sum(axis=1).all():
        return float("nan")
    return float(chi2_contingency(counts, correction=False).pvalue)
