"""Generated muons as the engine hands them to the processors of ``stopping_muons``, and what these make of them, without files."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import yaml

from configs.schema import StoppingMuonsConfig, load_config
from processors.stopping_muons import StoppingMuonsProcessor
from processors.stopping_muons_preparation import Preparation, of_events
from processors.stopping_muons_setup import MuonSetup, setup
from processors.stopping_muons_training import TrainingEvents
from readers.events import with_metadata
from simulation.stopping_muons import Detector, Flux, Tracks, generate, reconstruct, stream, triggered

FILE = "mc_l2_0000.hdf5"
LAYOUT: dict[str, Any] = {
    "Main": {"unique_name": "muons"},
    "Loading data": {
        "inputs": {
            "mc_l2": {"example": {"size": 150_000}, "type": "mc", "level": 2},
            "mc_l0": {"example": {"size": 40_000}, "type": "mc", "level": 0},
            "low": {"example": {"size": 50_000}, "type": "mc", "level": 2, "systematic": {"name": "dom_eff", "value": 0.95}},
            "snow": {"example": {"size": 50_000}, "type": "mc", "level": 2, "snowstorm": {"ice_abs": "ToySnowStorm.ice_abs"}},
            "data": {"example": {}, "type": "data", "level": 2, "livetime": 0.5},
        },
        "cut_exceptions": ["mc_l0"],
    },
    "Effective area": {"effective_area_iteration_number": 5},
    "Unfolding": {"train_size": 5600, "test_size": 800},
    "Binning": {"n_range_bins": 3, "n_energy_bins": 3, "n_proxy_bins": 6, "energy_max": 8000.0},
    "Options": {"earth": "flat"},
    "General": {"seed": 42},
}


def layout(**changes: Any) -> dict[str, Any]:
    """The configuration with keys of sections changed: Binning={"n_range_bins": 4}, inputs={"low": None} (left out)."""
    made = {name: dict(section) for name, section in LAYOUT.items()}
    made["Loading data"]["inputs"] = dict(made["Loading data"]["inputs"])
    for name, section in changes.items():
        target = made["Loading data"]["inputs"] if name == "inputs" else made.setdefault(name.replace("_", " "), {})
        target.update(section)
    inputs = made["Loading data"]["inputs"]
    made["Loading data"]["inputs"] = {name: one for name, one in inputs.items() if one is not None}
    return made


def config_of(folder: Path, **changes: Any) -> StoppingMuonsConfig:
    """Written to and read from ``folder``, with outputs below it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = layout(**changes)
    made["Main"] = {"output_path": str(folder / "outputs"), **made["Main"]}
    (folder / "muons.yaml").write_text(yaml.safe_dump(made, sort_keys=False))
    return load_config(folder / "muons.yaml")


@functools.cache
def simulated(size: int = 300_000, seed: int = 3) -> dict[str, np.ndarray]:
    """Triggered muons: saved columns and the key of each event."""
    rng = stream(seed, 5)
    tracks = Tracks.followed(rng, generate(rng, size, size, Flux()))
    tracks = tracks.of(np.flatnonzero(tracks.reached))
    tracks = tracks.of(np.flatnonzero(triggered(rng, tracks, Detector())))
    reco = reconstruct(rng, tracks, Detector())
    count = len(reco.score)
    return {
        "Run": np.ones(count, np.uint32), "Event": np.arange(count, dtype=np.uint32), "SubEvent": np.zeros(count, np.uint32),
        "surface_energy": tracks.muons.energy_gev, "propagation_length": tracks.length_m, "cos_zenith": tracks.muons.cos_zenith,
        "stop_z": tracks.stop_m[:, 2], "is_stopping": tracks.is_stopping.astype(float), "num_muons_at_entry": reco.num_muons.astype(float),
        "GaisserToy": tracks.muons.weight_hz, "stopping_score": reco.score, "zenith_reco": reco.zenith_rad, "stop_z_reco": reco.stop_z_m,
        "energy_entry_reco": reco.energy_entry_gev, "snowstorm_ice_abs": 1 + 0.1 * (2 * rng.random(count) - 1),
        "fss_filter": np.stack([reco.score >= 0.02, np.arange(count) % 97 != 0], axis=1).astype(np.uint8),
    }  # fmt: skip


@functools.cache
def untriggered(size: int = 40_000, seed: int = 6) -> dict[str, np.ndarray]:
    rng = stream(seed, 6)
    tracks = Tracks.followed(rng, generate(rng, size, size, Flux()))
    muons = tracks.muons
    return {
        "Run": np.ones(size, np.uint32), "Event": np.arange(size, dtype=np.uint32), "surface_energy": muons.energy_gev,
        "propagation_length": tracks.length_m, "cos_zenith": muons.cos_zenith, "GaisserToy": muons.weight_hz,
    }  # fmt: skip


def as_events(columns: Mapping[str, Any], start: int = 0, stop: int | None = None, filename: str = FILE, kind: str = "mc") -> ak.Array:
    """Entries ``start`` to ``stop`` as the engine hands them over."""
    part = {name: values[start:stop] for name, values in columns.items()}
    arrays = {name: values if isinstance(values, ak.Array) else ak.from_numpy(np.ascontiguousarray(values)) for name, values in part.items()}
    about = {"dataset": "set", "kind": kind, "filename": filename, "entrystart": start, "entrystop": stop}
    return with_metadata(ak.zip(arrays, depth_limit=1), about)


def changed(columns: Mapping[str, np.ndarray], **values: Any) -> dict[str, Any]:
    """Whole columns (name=array) or single entries (name={entry: value}) changed."""
    found = dict(columns)
    for name, value in values.items():
        if isinstance(value, dict):
            found[name] = np.array(found[name])
            for entry, one in value.items():
                found[name][entry] = one
        else:
            found[name] = value
    return found


@functools.cache
def _config(folder: Path) -> StoppingMuonsConfig:
    return config_of(folder)


def setup_of(config: StoppingMuonsConfig, name: str = "mc_l2") -> MuonSetup:
    return setup(config, name, {FILE: FILE})


def prepared(config: StoppingMuonsConfig, columns: Mapping[str, Any] | None = None) -> Preparation:
    """The preparation from events in memory."""
    made = setup_of(config)
    found = TrainingEvents(made).process(as_events(columns or simulated()))
    return of_events(config, made, "key", found, found["events"])


def process(
    config: StoppingMuonsConfig, preparation: Preparation, name: str, columns: Mapping[str, Any], parts: Sequence[slice] = (slice(None),)
) -> dict:
    """Histograms of a data set from events in memory, in chunks that are added in their order."""
    one = StoppingMuonsProcessor(setup_of(config, name), preparation)
    length = len(columns["Event"])
    found = [one.process(as_events(columns, *part.indices(length)[:2], kind=config.datasets[name].kind)) for part in parts]
    return {key: sum((part[key] for part in found[1:]), found[0][key]) for key in found[0]}


def raw(hists: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: np.asarray(one.view(flow=True)).tobytes() for name, one in hists.items()}
