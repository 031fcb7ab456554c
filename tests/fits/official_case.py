"""Generated release events, their response with detector cells, and the model on it; the made-up or the release's tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import awkward as ak
import numpy as np
from generated_case import official_bins
from reference.official_per_event import PUBLISHED, PerEvent

from configs.diffuse import Processor
from fits.official_model import OfficialModel
from fits.response import Response
from physics.constants import HESE_LIVETIME_S
from physics.spectra import PowerLaw
from processors.diffuse import DiffuseProcessor
from readers.events import with_metadata
from simulation.diffuse import Sample

ACCOUNT = {"complete": True, "datasets": {"mc": {"kind": "mc", "livetime_s": HESE_LIVETIME_S, "fraction": 1.0}}}


class Official(NamedTuple):
    """Events by column, flat official bin of each (-1: none), and response."""

    events: Mapping[str, np.ndarray]
    bin: np.ndarray
    response: Response
    tables: Path

    @property
    def model(self) -> OfficialModel:
        return OfficialModel(self.response, PowerLaw())

    @property
    def per_event(self) -> PerEvent:
        return PerEvent(self.events, self.tables)


def response_of(events: Mapping[str, np.ndarray], tables: Path | None, **options: object) -> Response:
    """The response of events through the real processor, 20 nodes per decade."""
    processor = DiffuseProcessor(Processor.model_validate({**options, "systematics": None if tables is None else {}}), tables=tables)
    metadata = {"dataset": "mc", "kind": "mc", "filename": "generated", "entrystart": 0, "livetime_s": HESE_LIVETIME_S}
    return Response.from_hists({"mc": processor.process(with_metadata(ak.Array(dict(events)), metadata))}, ACCOUNT)


def official(tables: Path, size: int = 20_000, seed: int = 5) -> Official:
    """``size`` neutrinos and size/100 muons."""
    blocks = list(Sample(size, seed, HESE_LIVETIME_S).blocks())
    events = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return Official(events, official_bins(events), response_of(events, tables), tables)


def vector(model: OfficialModel, point: Mapping[str, float] = PUBLISHED) -> np.ndarray:
    """A point in the order of the model."""
    return np.array([point[name] for name in model.names])
