"""A run of ``diffuse`` without events: surrogate response and thrown data as histograms in their layout, fitted with small numbers of toys."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import hist
import numpy as np

from configs.schema import DiffuseConfig
from data_info.hese_tables import NODE_CENTRES_GEV, NODE_EDGES_GEV, load_tables
from fits.diffuse import fit_all
from physics.binning import binning
from physics.constants import HESE_LIVETIME_S
from records.hists import digest, save_hists
from records.results import save_results
from simulation.surrogate import astro_response, atmospheric_background

TRUTH = (6.4, 2.87, 1.0)  # astro_norm, astro_gamma, atmos_norm
CLASSES = ("nue", "numu", "nutau", "atmosphere")
PUBLISHED = {"astro_gamma": (2.87, 0.19, 0.20), "astro_norm": (6.37, 1.62, 1.46)}
FITS: dict[str, Any] = {
    "main": {
        "minos": ["astro_norm", "astro_gamma"],
        "published": PUBLISHED,
        "scan": {"x_grid": (2.0, 4.0, 15), "y_grid": (1.0, 12.0, 13)},
        "profiles": [{"parameter": "astro_gamma", "grid": (2.3, 3.5, 13)}],
        "toys": {"n": 12},
        "test": {"alternative": "log_parabola", "toys": 6},
        "feldman_cousins": {"parameter": "astro_gamma", "grid": [2.4, 2.9, 3.4], "toys": 6},
        "segments": {},
        "flavour_scan": 0.1,
        "impacts": True,
        "events": True,
        "asimov_livetimes": [10],
        "model_comparison": {"models": ["log_parabola", "cutoff"], "toys": 3},
        "posterior": {"walkers": 32, "burn": 100, "steps": 800},
        "predictive": True,
    },
    "energy_only": {"axes": ["energy"]},
}
FIGURES = [
    "energy",
    "zenith",
    "length",
    "contour",
    "profile",
    "spectrum",
    "correlation",
    "pulls",
    "toys",
    "gof",
    "feldman_cousins",
    "test",
    "response",
    "flavour",
    "impacts",
    "events",
    "exposures",
    "models",
    "posterior",
    "predictive",
    "surrogate",
    "compare_fit",
    "compare_scan",
    "compare_segments",
]


@functools.cache
def config(output: str = "outputs", **plots: Any) -> DiffuseConfig:
    """The configuration of the case; ``plots`` changes its figures."""
    return DiffuseConfig.model_validate(
        {
            "name": "case", "analysis": "diffuse", "seed": 3, "output_dir": output,
            "datasets": {"data": {"files": "HESE_data.json", "kind": "data"}, "mc": {"kind": "mc", "format": "surrogate"}},
            "processor": {"binning": "surrogate"},
            "fits": FITS,
            "plots": {"label": "Test", "formats": ["png"], "figures": FIGURES, **plots},
        }
    )  # fmt: skip


@functools.cache
def hists() -> dict[str, dict[str, hist.Hist]]:
    """Response of the surrogate, and data thrown from it."""
    tables = load_tables()
    astro = {channel: values.transpose(0, 2, 3, 1) for channel, values in astro_response(tables).items()}  # flavour, energy, angle, node
    atmosphere = atmospheric_background(tables)  # energy, angle
    random = np.random.default_rng(11)
    found: dict[str, dict[str, hist.Hist]] = {"data": {}, "mc": {}}
    for channel, bins in binning("surrogate").items():
        reco = (
            hist.axis.Variable(bins.energy_edges_gev, name="reco_energy"),
            hist.axis.Variable(bins.third_edges, name=bins.third_axis),
        )
        response = hist.Hist(
            hist.axis.StrCategory(CLASSES, name="class"), hist.axis.StrCategory(["astro", "atmo"], name="component"),
            hist.axis.IntCategory([0, 1, 2], name="moment"), *reco, hist.axis.Variable(NODE_EDGES_GEV, name="true_energy", flow=False),
        )  # fmt: skip
        response.view(flow=False)[:3, 0, 0] = astro[channel]
        response.view(flow=False)[3, 1, 0, ..., 20] = atmosphere[channel]
        norm, gamma, atmos = TRUTH
        expected = norm * (astro[channel].sum(axis=0) * (NODE_CENTRES_GEV / 1e5) ** (2.5 - gamma)).sum(axis=-1) + atmos * atmosphere[channel]
        data = hist.Hist(*reco, storage=hist.storage.Int64())
        data.view(flow=False)[...] = random.poisson(expected)
        found["mc"][f"response_{channel}"], found["data"][f"data_{channel}"] = response, data
    return found


def account(fraction: float = 1.0) -> dict[str, Any]:
    """The account of a run; ``fraction`` of the data was processed."""
    common: dict[str, Any] = {"files": 1, "unopened": 0, "expected": 100, "livetime_s": HESE_LIVETIME_S, "metadata": {"livetime_s": HESE_LIVETIME_S}}
    failed = [] if fraction == 1.0 else [{"file": "b.json", "stage": "read", "reason": "truncated", "start": 83, "stop": 100, "traceback": ""}]
    datasets = {
        "data": {**common, "kind": "data", "processed": round(100 * fraction), "fraction": fraction, "failed": failed},
        "mc": {**common, "kind": "mc", "processed": 100, "fraction": 1.0, "failed": []},
    }
    return {"complete": fraction == 1.0, "datasets": datasets, "histogram_digest": digest(hists())}


@functools.cache
def results(fraction: float = 1.0) -> dict[str, Any]:
    """Every result of the configuration's fits."""
    return fit_all(config(), hists(), account(fraction))


def write(directory: Path, fraction: float = 1.0) -> DiffuseConfig:
    """Leave histograms, account and results in an output directory, as the stages before do."""
    made = config(str(directory))
    save_hists(made.output / "hists.h5", hists())
    (made.output / "processing.json").write_text(json.dumps(account(fraction)))
    save_results(made.output / "results.json", "diffuse", made.name, results(fraction))
    return made
