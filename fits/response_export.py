"""The response of a processed configuration as a file for others: everything that an expectation in the analysis bins needs, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from configs.schema import Config, DiffuseConfig, as_json
from fits.bins import ends_of
from fits.diffuse_inputs import NO_TABLES, Inputs, read_inputs
from fits.effective_areas import Areas, effective_areas
from fits.observed_events import own_order
from fits.response import Response
from physics.constants import FLUX_UNIT_PER_GEV_CM2_S_SR, PIVOT_GEV
from records.manifest import load_manifest
from records.provenance import dynode_version
from records.response_file import Dataset, ResponseFile, check_ending, save_response

Array = NDArray[np.float64]
EVENTS = "expected events at the reference flux in the livetime"
HOW_TO_FOLD = (
    "x = nodes/x, h = nodes/width; M0, M1, M2 = moments/astro summed over classes (axis 0). A flux whose ratio to the reference flux at a node is r, "
    "with slope p = d ln r / d ln E and curvature q = dp / d ln E there, is expected to give sum over nodes of r (M0 + c1 M1 + c2 M2) events in each "
    "bin, c1 = p + (p^3 + 3 p q) h^2 / 32, c2 = (p^2 + q) / 2. The power law astro_norm (E / 100 TeV)^-gamma has r = astro_norm exp(p x), "
    "p = reference_index - gamma, q = 0. Every other component is expected as tabulated: the sum of its M0 over classes and nodes, times its norm. "
    "Detector systematics are not in this file."
)


def export_response(config: Config, path: Path) -> Path:
    """Write the response that the fits of a processed ``diffuse`` configuration use; returns ``path``.

    Raises InputError for other analyses, when nothing was processed, and for a file that does not end as HDF5.
    """
    if not isinstance(config, DiffuseConfig):
        raise InputError(f"{config.source}: --export-response is for analysis 'diffuse', this is {config.analysis!r}")
    check_ending(path)
    if not config.datasets:
        raise InputError(f"{config.source}: --export-response: joint fits have no response of their own; export those of the samples' configurations")
    from fits.stage import read_processed

    hists, account = read_processed(config)
    save_response(path, response_file(config, hists, account, load_manifest(config.output)))
    return path


def response_file(
    config: DiffuseConfig, hists: Mapping[str, Mapping[str, hist.Hist]], account: Mapping[str, Any], manifest: Mapping[str, Any]
) -> ResponseFile:
    """What the file holds; ``manifest`` says what made the histograms."""
    inputs = read_inputs(config, hists, account, NO_TABLES)
    response = inputs.response
    classes = tuple(dict.fromkeys(name for name, *_ in response.moments))
    areas = effective_areas(hists, account)
    datasets = {**_bins(inputs), **_nodes(response), **_moments(response, classes), **({} if areas is None else _area(areas))}
    labels = {"class": classes}
    if areas is not None:
        labels |= {"area_class": areas.classes, "area_interaction": areas.interactions, "area_topology": areas.topologies}
    return ResponseFile(datasets, _attributes(inputs, manifest), labels)


def _attributes(inputs: Inputs, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the reader must know before the first number."""
    response = inputs.response
    return {
        "title": f"Response of {inputs.config.name}: expected events in analysis bins by true energy",
        "source": inputs.description,
        "partial": inputs.partial,
        "livetime_s": inputs.livetime_s,
        "pivot_gev": PIVOT_GEV,
        "reference_index": response.reference_index,
        "reference_flux_per_gev_cm2_s_sr": FLUX_UNIT_PER_GEV_CM2_S_SR,
        "reference_flux": "astro: flux summed over six species at 100 TeV, a power law of reference_index, equal parts; others: as simulated",
        "how_to_fold": HOW_TO_FOLD,
        "processor_options": str(as_json(inputs.config).get("processor")),
        "dynode": dynode_version(),
        "git_commit": str(manifest.get("git_commit") or "unknown"),
        "histogram_digest": inputs.digest,
    }


def _bins(inputs: Inputs) -> dict[str, Dataset]:
    bins = inputs.response.bins
    energy, third = ends_of(bins)
    found = {
        "bins/channel": Dataset(np.array([one.channel for one in bins]), "topology: cascade, track or dcascade (double cascade)"),
        "bins/energy_low_gev": Dataset(energy[:, 0], "lower edge in deposited energy (inclusive)", "GeV"),
        "bins/energy_high_gev": Dataset(energy[:, 1], "upper edge in deposited energy", "GeV"),
        "bins/third_axis": Dataset(np.array([one.third_axis or "" for one in bins]), "reco_coszen (1 is down-going) or reco_length (m)"),
        "bins/third_low": Dataset(third[:, 0], "lower edge along the third axis (inclusive)", "1 or m"),
        "bins/third_high": Dataset(third[:, 1], "upper edge along the third axis", "1 or m"),
    }
    if (choice := getattr(inputs.config.processor, "binning", None)) is not None and len(order := own_order(choice)) == len(bins):
        found["bins/official_index"] = Dataset(np.argsort(order), "flat index of the release: zenith bin 0 is down-going, energy runs fastest")
    if inputs.counts is not None:
        found["bins/observed"] = Dataset(inputs.counts, "observed events")
    return found


def _nodes(response: Response) -> dict[str, Dataset]:
    half = 0.5 * response.width
    return {
        "nodes/energy_gev": Dataset(np.exp(response.ln_energy), "centre of the node in ln E", "GeV"),
        "nodes/low_gev": Dataset(np.exp(response.ln_energy - half), "lower edge of the node", "GeV"),
        "nodes/high_gev": Dataset(np.exp(response.ln_energy + half), "upper edge of the node", "GeV"),
        "nodes/x": Dataset(response.ln_energy - math.log(PIVOT_GEV), "ln(E / 100 TeV) at the centre"),
        "nodes/width": Dataset(response.width, "width of the node in ln E"),
    }


def _moments(response: Response, classes: tuple[str, ...]) -> dict[str, Dataset]:
    """Dense arrays with one entry per class along the first axis; zero where a class has no events of a component."""
    shape = next(iter(response.moments.values())).shape
    arrays: dict[str, Array] = {}
    for (name, component), values in response.moments.items():
        arrays.setdefault(f"moments/{component}", np.zeros((len(classes), *shape)))[classes.index(name)] = values
    for (name, first, second), values in response.pairs.items():
        arrays.setdefault(f"pairs/{first},{second}", np.zeros((len(classes), *values.shape)))[classes.index(name)] = values
    single = f"{EVENTS}: sum a d^n of the weights a, d = ln E - centre of the node"
    double = "sum a b d^n of products of two weights, for the variance of the simulation"
    return {
        path: Dataset(values, single if path.startswith("moments/") else double, "events" if path.startswith("moments/") else "events^2",
                      "class, moment, bin, node")
        for path, values in arrays.items()
    }  # fmt: skip


def _area(areas: Areas) -> dict[str, Dataset]:
    meaning = "effective area averaged over the sky; a class of nu and nubar together has the sum; topology 'rejected': in no analysis bin"
    return {
        "effective_area/edges_gev": Dataset(areas.edges_gev, "edges of the true-energy nodes", "GeV"),
        "effective_area/area_m2": Dataset(areas.area_m2, meaning, "m^2", "area_class, area_interaction, area_topology, node"),
    }
