"""Events for the tests of the diffuse processor: generated samples, hand-made rows, and arrays with metadata as the engine gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import hist
import numpy as np
from reference.diffuse_per_event import Edges

from configs.diffuse import Processor
from physics.binning import binning
from physics.constants import HESE_LIVETIME_S
from processors.diffuse import DiffuseProcessor
from readers.events import with_metadata
from simulation.diffuse import Sample
from simulation.weights import as_toy


def as_events(columns: Mapping[str, Any], kind: str, **metadata: Any) -> ak.Array:
    """Columns as the engine hands them to a processor."""
    about = {"dataset": "sample", "kind": kind, "filename": "events.json", "entrystart": 0, "livetime_s": HESE_LIVETIME_S}
    return with_metadata(ak.Array({name: np.asarray(values) for name, values in columns.items()}), {**about, **metadata})


def release_sample(size: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Generated simulation in the release's columns."""
    blocks = list(Sample(size, seed, HESE_LIVETIME_S).blocks())
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def toy_sample(size: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Generated simulation in the exercise's columns."""
    return dict(as_toy(release_sample(size, seed), HESE_LIVETIME_S))


def process(columns: Mapping[str, Any], kind: str = "mc", options: Mapping[str, Any] | None = None, **metadata: Any) -> dict[str, hist.Hist]:
    """Histograms of one chunk with the given processor options."""
    found = DiffuseProcessor(Processor.model_validate(options or {})).process(as_events(columns, kind, **metadata))
    return {name: one for name, one in found.items() if isinstance(one, hist.Hist)}


def edges_of(choice: str) -> dict[str, Edges]:
    """The edges for the per-event reference."""
    return {name: Edges(one.energy_edges_gev, one.third_edges, one.third_axis == "reco_length") for name, one in binning(choice).items()}


def cut_flow(hists: Mapping[str, hist.Hist]) -> dict[str, int]:
    """Entries left after each cut."""
    return dict(zip(hists["cutflow"].axes[0], hists["cutflow"].view().tolist(), strict=True))
