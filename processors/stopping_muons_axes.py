"""Axes of every histogram of ``stopping_muons``, by the role of the data set."""

from __future__ import annotations

from typing import Any

import hist

from processors.stopping_muons_cuts import ALL, FILTER, FINITE, words
from processors.stopping_muons_preparation import CORRELATED, Preparation
from processors.stopping_muons_setup import ENERGY, SCORE, MuonSetup
from processors.stopping_muons_training import finite_axis

Axes = dict[str, tuple[Any, ...]]

EVERYTHING = "all"
TILTS = ("softer", "harder")
TILT = 0.1  # of the index, up and down
CLASSES = ("stopping", "other", "data")
SCORE_CUTS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
MOST_MUONS = 11
TRUTH_LABELS = {"range": "Propagation length [m]", "energy": "Surface energy [GeV]"}
LABELS = {
    "propagation_length": "propagation length [m]", "surface_energy": "surface energy [GeV]", "zenith": "zenith angle [rad]",
    "stop_z": "z of the stopping point [m]",
}  # fmt: skip


def sector_axis(setup: MuonSetup) -> Any:
    """All events, and each sector."""
    return hist.axis.StrCategory([EVERYTHING, *setup.sectors], name="sector", label="Sector", overflow=False)


def truth_axis(setup: MuonSetup, target: str) -> Any:
    """Truth bins, with those below and above."""
    return hist.axis.Variable(setup.edges[target], name="truth", label=TRUTH_LABELS[target])


def replica_axis(setup: MuonSetup) -> Any:
    """Nominal weights (0) and the replicas of the bootstrap; of systematic sets the former alone."""
    return hist.axis.Integer(0, setup.replicas + 1, name="replica", label="Replica", flow=False)


def tilt_axis() -> Any:
    """Weights times (E/TeV)^-0.1 and ^+0.1."""
    return hist.axis.StrCategory(TILTS, name="tilt", label="Spectrum", overflow=False)


def axes(setup: MuonSetup, preparation: Preparation) -> Axes:
    """Histogram -> axes, for one data set."""
    if setup.role == "untriggered":
        return {**_areas(setup, "den"), "cutflow": _cutflow(setup), "not_finite": (finite_axis(setup),)}
    found: Axes = {}
    for target in setup.targets:
        proxy = hist.axis.Integer(0, preparation.bins(target).count, name="proxy", label="Proxy bin", flow=False)
        found |= _by_proxy(setup, target, proxy)
    if setup.simulated:
        found |= _areas(setup, "num")
    return {**found, **_reconstruction(setup, preparation), "cutflow": _cutflow(setup), "not_finite": (finite_axis(setup),)}


def _by_proxy(setup: MuonSetup, target: str, proxy: Any) -> Axes:
    sector = sector_axis(setup)
    if not setup.simulated:
        return {f"counts_{target}": (sector, proxy)}
    truth = truth_axis(setup, target)
    found: Axes = {f"response_{target}": (sector, proxy, truth)}
    if setup.role == "nominal":
        found[f"pseudo_{target}"] = (sector, proxy, truth)
        if ENERGY in setup.columns:
            found[f"tilted_{target}"] = (tilt_axis(), proxy, truth)
    if setup.role == "snowstorm":
        parameter = hist.axis.StrCategory(setup.parameters, name="parameter", label="Parameter", overflow=False)
        found[f"snowstorm_{target}"] = (parameter, hist.axis.IntCategory([0, 1, 2], name="moment", label="Moment", overflow=False), proxy, truth)
    return found


def _areas(setup: MuonSetup, part: str) -> Axes:
    """Numerators (``num``) or denominators (``den``) of effective areas."""
    found: Axes = {}
    for target in setup.targets:
        truth = truth_axis(setup, target)
        replica = replica_axis(setup)
        found[f"aeff_{part}_{target}"] = (sector_axis(setup), replica, truth) if part == "num" else (replica, truth)
        if ENERGY in setup.columns and setup.role in ("nominal", "untriggered"):
            found[f"aeff_tilted_{part}_{target}"] = (tilt_axis(), truth)
        if setup.role == "nominal":
            if "cos_zenith" in setup.columns:
                found[f"aeff_cross_{target}"] = (truth,)
            if setup.has_labels():
                found[f"impurity_{target}"] = (hist.axis.Integer(0, 2, name="stopping", label="Stopping", flow=False), truth)
    return found


def _reconstruction(setup: MuonSetup, preparation: Preparation) -> Axes:
    """Figures of merit of the reconstructions."""
    found: Axes = {}
    if setup.has(SCORE) and (setup.role == "data" or setup.has_labels()):
        score = hist.axis.Regular(50, 0.0, 1.0, name="score", label="Stopping score", flow=False)
        found["score"] = (score, hist.axis.StrCategory(CLASSES, name="class", label="Class", overflow=False))
    if setup.simulated and setup.has(SCORE) and setup.has_multiplicity():
        muons = hist.axis.Integer(1, MOST_MUONS, name="muons", label="Muons at entry", underflow=False)
        found["multiplicity"] = (muons, hist.axis.Variable(SCORE_CUTS, name="score_cut", label="Stopping score", flow=False))
    for name, edges in preparation.axes.items():
        kind, _, quantity = name.partition("_")
        if kind == "datamc" and setup.has(quantity):
            found[name] = (hist.axis.Variable(edges, name="value", label=quantity),)
        elif kind == "corr" and setup.role == "nominal" and setup.has_labels() and all(setup.has(one) for one in CORRELATED[quantity][:2]):
            label = LABELS[quantity]
            found[name] = (
                hist.axis.Variable(edges, name="true", label=f"True {label}"),
                hist.axis.Variable(edges, name="reco", label=f"Reconstructed {label}"),
            )
    return found


def _cutflow(setup: MuonSetup) -> tuple[Any, ...]:
    steps = [ALL, *([FILTER] if setup.filtermask else []), FINITE, *(words(name, cut) for name, cut in setup.cuts.items())]
    return (
        hist.axis.StrCategory(steps, name="cut", label="Cut", overflow=False),
        hist.axis.StrCategory(["events", "weighted"], name="what", overflow=False),
    )
