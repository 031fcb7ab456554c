"""Histograms of events: axes by name, and the filling from the columns of the event table (specification 3.5).

``particle`` is the first axis of every histogram. Energies in MeV, lengths in cm, charges in photo-electrons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import hist
import numpy as np

from physics.tank import Tank
from processors.iwcd_columns import Array, Columns
from processors.response_fill import category

Axes = tuple[hist.axis.AxisProtocol, ...]

EVIS = (50, 0.0, 1000.0)
COARSE_EVIS = (20, 0.0, 1000.0)
FEATURE_EVIS = (10, 0.0, 1000.0)
# bins, first and last edge, label
AXES: dict[str, tuple[int, float, float, str]] = {
    "evis": (*EVIS, "Visible energy [MeV]"),
    "nhits": (50, 0.0, 5000.0, "Number of hits"),
    "charge": (60, 0.0, 12000.0, "Total charge [p.e.]"),
    "energy": (60, 0.0, 1200.0, "True total energy [MeV]"),
    "r2_scaled": (20, 0.0, 1.0, "Vertex r²/R²"),
    "y_scaled": (20, -1.0, 1.0, "Vertex y/H"),
    "dwall": (20, 0.0, 300.0, "Distance to wall [cm]"),
    "towall": (20, 0.0, 1000.0, "Distance to wall along track [cm]"),
    "cos_zenith": (20, -1.0, 1.0, "cos(zenith)"),
}
FEATURE_AXES: dict[str, tuple[int, float, float, str]] = {
    "mean_angle": (90, 0.0, 180.0, "Mean angle to direction [deg]"),
    "rms_angle": (60, 0.0, 90.0, "RMS angle to direction [deg]"),
    "ring_fraction": (60, 0.0, 0.6, "Charge fraction at 36–48°"),
    "inner30": (50, 0.0, 1.0, "Charge fraction below 30°"),
    "outer50": (50, 0.0, 1.0, "Charge fraction above 50°"),
    "outer70": (50, 0.0, 1.0, "Charge fraction above 70°"),
    "beta1": (50, 0.0, 1.0, "β₁"),
    "beta2": (50, 0.0, 1.0, "β₂"),
    "q_rms_ratio": (50, 0.0, 5.0, "RMS/mean of hit charge"),
    "maxq_fraction": (50, 0.0, 0.5, "Largest hit charge / total charge"),
    "charge_per_hit": (60, 0.0, 12.0, "Charge per hit [p.e.]"),
    "tres_rms": (60, 0.0, 30.0, "RMS of time residual [ns]"),
    "tres_skew": (60, -3.0, 12.0, "Skewness of time residual"),
}
MAX_CHARGE_EDGES = np.geomspace(0.1, 1000.0, 61)

# Histogram -> columns of its axes after the particle. Those of selected events, and those of all events (they show what a selection removes).
SELECTED: dict[str, tuple[str, ...]] = {
    "nhits_evis": ("evis", "nhits"), "charge_evis": ("evis", "charge"), "charge_nhits": ("nhits", "charge"), "energy": ("energy",),
    "vertex": ("r2_scaled", "y_scaled"), "walls": ("dwall", "towall"), "direction": ("cos_zenith", "azimuth"), "max_charge": ("max_charge",),
}  # fmt: skip
ALL = {"zero_hits": ("evis", "triggered"), "veto": ("evis", "veto", "contained")}


def particle_axis(particles: Sequence[str]) -> hist.axis.AxisProtocol:
    """The fixed axis of particles."""
    return category("particle", tuple(particles), "Particle")


def event_axes(particles: Sequence[str], features: Sequence[str]) -> dict[str, Axes]:
    """Axes of every histogram of events by name; ``features``: those that get a histogram against visible energy."""
    first = particle_axis(particles)
    plain = {name: (first, *(_axis(column) for column in columns)) for name, columns in SELECTED.items()}
    coarse = {name: (first, _regular("evis", (*COARSE_EVIS, AXES["evis"][3])), *(_axis(column) for column in ALL[name][1:])) for name in ALL}
    energy = _regular("evis", (*FEATURE_EVIS, AXES["evis"][3]))
    return plain | coarse | {f"feat_{name}": (first, energy, _regular(name, FEATURE_AXES[name])) for name in features}


def fill_events(axes: Mapping[str, Axes], columns: Mapping[str, Array], tank: Tank) -> dict[str, hist.Hist]:
    """Fill the histograms of events from the columns of their table. Those of flags that the file does not have stay empty; NaN goes to overflow.

    Events are counted; with a column ``weight`` the storage is Weight.
    """
    every = {**columns, **_derived(columns, tank)}
    kept = {name: values[columns["selected"]] for name, values in every.items()}
    hists = {}
    for name, of_hist in axes.items():
        source = every if name in ALL else kept
        hists[name] = hist.Hist(*of_hist, storage=hist.storage.Weight() if "weight" in source else hist.storage.Int64())
        if all(axis.name in source for axis in of_hist):
            hists[name].fill(*(source[axis.name] for axis in of_hist), weight=source.get("weight"))
    return hists


def _derived(columns: Mapping[str, Array], tank: Tank) -> Columns:
    return {
        "r2_scaled": columns["r2"] / tank.radius_cm**2, "y_scaled": columns["y"] / tank.half_height_cm, "triggered": columns["nhits"] > 0,
    }  # fmt: skip


def _axis(column: str) -> hist.axis.AxisProtocol:
    if column in AXES:
        return _regular(column, AXES[column])
    if column == "azimuth":
        return hist.axis.Regular(20, -np.pi, np.pi, name="azimuth", label="Azimuth [rad]", circular=True)
    if column == "max_charge":
        return hist.axis.Variable(MAX_CHARGE_EDGES, name="max_charge", label="Largest hit charge [p.e.]")
    return hist.axis.Boolean(name=column, label={"triggered": "Has hits", "veto": "Veto", "contained": "Fully contained"}[column])


def _regular(name: str, binning: tuple[int, float, float, str]) -> hist.axis.AxisProtocol:
    bins, low, high, label = binning
    return hist.axis.Regular(bins, low, high, name=name, label=label)
