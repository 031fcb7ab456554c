"""Generated events of the diffuse analysis, their response through the real processor, and the exact sum over events in every bin."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import awkward as ak
import hist
import numpy as np

from configs.diffuse import Processor
from fits.response import Response
from physics.binning import binning
from physics.constants import HESE_LIVETIME_S
from physics.spectra import Spectrum
from processors.diffuse import DiffuseProcessor
from readers.events import with_metadata
from simulation.diffuse import Sample

CHANNELS = ("cascade", "track", "dcascade")


class Generated(NamedTuple):
    """Histograms, account, selected events (flat bin, x = ln(E/100 TeV), weights at the reference) and the options they were made with."""

    hists: dict[str, dict[str, hist.Hist]]
    account: dict[str, Any]
    bin: np.ndarray
    x: np.ndarray
    weights: Mapping[str, np.ndarray]
    response: Response


def reference_weights(events: Mapping[str, np.ndarray], livetime_s: float) -> dict[str, np.ndarray]:
    """Specification 4.1/4.2 event by event: astro at norm 1 and index 2.5, conventional + muon at norm 1."""
    exposure = livetime_s * events["weightOverFluxOverLivetime"]
    astro = exposure * 1e-18 / 6 * (events["primaryEnergy"] / 1e5) ** -2.5
    atmosphere = exposure * events["conventionalSelfVetoCorrection"] * (events["pionFlux"] + events["kaonFlux"])
    return {"astro": astro, "atmosphere": atmosphere + livetime_s * events["muonWeightOverLivetime"]}


def official_bins(events: Mapping[str, np.ndarray]) -> np.ndarray:
    """Flat bin of each event in the order channel, third axis, energy; -1 where it is not selected."""
    flat = np.full(events["recoDepositedEnergy"].size, -1)
    start = 0
    for morphology, channel in enumerate(binning("official").values()):
        third = np.cos(events["recoZenith"]) if channel.third_axis == "reco_coszen" else events["recoLength"]
        energy = events["recoDepositedEnergy"]
        n_energy, n_third = channel.shape
        i = np.clip(np.searchsorted(channel.energy_edges_gev, energy, side="right") - 1, 0, n_energy - 1)
        j = np.clip(np.searchsorted(channel.third_edges, third, side="right") - 1, 0, n_third - 1)
        taken = (events["recoMorphology"] == morphology) & (energy >= 6e4) & (energy <= 1e7)
        if channel.third_axis == "reco_length":
            taken &= (third >= 10.0) & (third <= 1000.0)
        flat[taken] = (start + j * n_energy + i)[taken]
        start += n_energy * n_third
    return flat


@functools.cache
def generated(size: int = 100_000, per_decade: int = 20, moments: int = 2, seed: int = 5) -> Generated:
    """``size`` neutrinos and size/100 muons through the real processor with ``per_decade`` nodes."""
    blocks = list(Sample(size, seed, HESE_LIVETIME_S).blocks())
    events = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    options = Processor(true_energy={"per_decade": per_decade, "max_gev": 1.0e8}, moments=moments, pair_moments=moments)
    hists = _process(options, events)
    flat = official_bins(events)
    taken = flat >= 0
    account = {"complete": True, "datasets": {"mc": {"kind": "mc", "livetime_s": HESE_LIVETIME_S, "fraction": 1.0}}}
    weights = {name: values[taken] for name, values in reference_weights(events, HESE_LIVETIME_S).items()}
    response = Response.from_hists({"mc": hists}, account)
    return Generated({"mc": hists}, account, flat[taken], np.log(events["primaryEnergy"][taken] / 1e5), weights, response)


def expectation(case: Generated, spectrum: Spectrum, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact sums over events: expectation and variance in every bin. ``theta`` = norm, shape parameters, atmospheric norm."""
    ratio = np.exp(spectrum.evaluate(case.x, theta[1:-1]).l + 2.5 * case.x)
    w = theta[0] * case.weights["astro"] * ratio + theta[-1] * case.weights["atmosphere"]
    n = len(case.response.bins)
    return np.bincount(case.bin, w, n), np.bincount(case.bin, w * w, n)


def _process(options: Processor, events: Mapping[str, np.ndarray]) -> dict[str, hist.Hist]:
    metadata = {"dataset": "mc", "kind": "mc", "filename": "generated", "entrystart": 0, "livetime_s": HESE_LIVETIME_S}
    return DiffuseProcessor(options).process(with_metadata(ak.Array(dict(events)), metadata))
