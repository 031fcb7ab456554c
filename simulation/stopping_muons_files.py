"""Files of generated muons as IceTray's tables: triggered or untriggered simulation, data, detectors with other parameters."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from physics.muon_range import TOY_ICE
from records.atomic import write_text
from simulation.hdfwriter_writer import EventKeys, TableContent, dom_table, write_hdfwriter
from simulation.stopping_muons import BLOCK, KNOBS, Detector, Flux, Muons, Reconstruction, Tracks, generate, natural, reconstruct, stream, triggered

WEIGHT = "GaisserToy"
INDEX_STEP = 0.1  # of the two other weights: times (E / TeV)^-0.1 and ^+0.1
FILTER_SCORE = 0.02  # events below fail the stopping filter
PRESCALE = 10
FIT_EVERY = 10  # every tenth event lacks the object of table ToyFit
PULSE_EVENTS = 200  # events at the start of each file that have pulses
PULSES_PER_DOM = 0.8
STREAM = 3
ABOUT = {"comment": "generated for demonstration and tests; not a simulation of the detector"}
TRUTH_FILE = "truth.json"
UNITS = {"surface_energy": "GeV", "propagation_length": "m", "stop_x": "m", "stop_y": "m", "stop_z": "m", "zenith": "rad", "energy_entry": "GeV",
         "energy_surface_proxy": "GeV", "propagation_length_reco": "m"}  # fmt: skip


@dataclass(frozen=True)
class MuonSample:
    """One generated data set.

    ``size``: generated muons (simulation); ``livetime_s`` (data). ``knobs``: the detector's parameters; ``snowstorm``: those that vary from event to
    event, uniform in 1 +- 0.1. ``norm``, ``delta_gamma``: the true flux of data.
    """

    name: str
    kind: str
    level: int
    seed: int
    size: int = 0
    livetime_s: float = 0.0
    knobs: Mapping[str, float] = field(default_factory=dict)
    snowstorm: tuple[str, ...] = ()
    norm: float = 1.0
    delta_gamma: float = 0.0

    def random(self, block: int) -> Generator:
        """The random numbers of one block: they depend on seed, name and block alone."""
        return stream(self.seed, zlib.crc32(self.name.encode()), block)


SNOWSTORM_HALF_WIDTH = 0.1


def write_sample(folder: Path, sample: MuonSample) -> tuple[list[Path], list[Path]]:
    """Write the files of a sample to ``folder``; returns them and, of data, the file with the truth. Event numbers begin again in each file."""
    folder.mkdir(parents=True, exist_ok=True)
    if sample.kind == "data":
        tables, livetime = _data(sample)
        path = write_hdfwriter(folder / f"{sample.name}.hdf5", _keys(tables), tables, {"ExpLivetime_livetime": livetime}, ABOUT)
        write_text(folder / TRUTH_FILE, json.dumps(truth_of(sample), indent=1) + "\n")
        return [path], [folder / TRUTH_FILE]
    paths = []
    for number, tables in enumerate(_simulation(sample)):
        paths.append(write_hdfwriter(folder / f"{sample.name}_{number:04d}.hdf5", _keys(tables), tables, about=ABOUT))
    return paths, []


def truth_of(sample: MuonSample) -> dict[str, Any]:
    """What is true of generated data: flux, losses (of single muons; mean ranges are shorter, losses being stochastic), detector."""
    losses = {"a_gev_per_m": TOY_ICE.a_gev_per_m, "b_per_m": TOY_ICE.b_per_m}
    return {"norm": sample.norm, "delta_gamma": sample.delta_gamma, **losses, "livetime_s": sample.livetime_s, "knobs": dict(sample.knobs)}


def _keys(tables: Mapping[str, TableContent]) -> EventKeys:
    return EventKeys.counted(len(np.asarray(tables["I3EventHeader"].columns["time_start_mjd"])), stream=STREAM)


def _simulation(sample: MuonSample) -> Iterator[dict[str, TableContent]]:
    for block, start in enumerate(range(0, sample.size, BLOCK)):
        rng = sample.random(block)
        muons = generate(rng, min(BLOCK, sample.size - start), sample.size, Flux())
        tracks = Tracks.followed(rng, muons)
        if sample.level == 0:
            yield {"I3EventHeader": _header(len(muons)), "ToyLabels": _labels(tracks), "ToyWeights": _weights(muons)}
            continue
        kept, reco, detector = _detected(rng, tracks, sample)
        tables = _measured(rng, kept, reco)
        tables |= {"ToyLabels": _labels(kept, reco), "ToyWeights": _weights(kept.muons)}
        if sample.snowstorm:
            tables["ToySnowStorm"] = TableContent(
                {name: np.broadcast_to(np.asarray(getattr(detector, name), float), len(kept.length_m)) for name in KNOBS}
            )
        yield tables


def _detected(rng: Generator, tracks: Tracks, sample: MuonSample) -> tuple[Tracks, Reconstruction, Detector]:
    """The muons that trigger, what is seen of them, and the detector that saw each."""
    varied: dict[str, Any] = {name: 1 + SNOWSTORM_HALF_WIDTH * (2 * rng.random(len(tracks.length_m)) - 1) for name in sample.snowstorm}
    detector = Detector(**{**sample.knobs, **varied})
    reached = np.flatnonzero(tracks.reached)
    tracks, detector = tracks.of(reached), detector.of(reached)
    seen = np.flatnonzero(triggered(rng, tracks, detector))
    tracks, detector = tracks.of(seen), detector.of(seen)
    return tracks, reconstruct(rng, tracks, detector), detector


def _data(sample: MuonSample) -> tuple[dict[str, TableContent], TableContent]:
    rng = sample.random(0)
    parts = []
    for muons in natural(rng, sample.livetime_s, Flux(sample.norm, sample.delta_gamma)):
        tracks, reco, _ = _detected(rng, Tracks.followed(rng, muons), sample)
        parts.append(_measured(rng, tracks, reco))
    livetime = TableContent({"value": np.array([sample.livetime_s])}, units={"value": "s"})
    if not parts:
        nothing = generate(rng, 0, 1, Flux())
        tracks, reco, _ = _detected(rng, Tracks.followed(rng, nothing), sample)
        parts = [_measured(rng, tracks, reco)]
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}, livetime


def _joined(parts: list[TableContent]) -> TableContent:
    first = parts[0]
    columns = {name: np.concatenate([np.asarray(part.columns[name]) for part in parts]) for name in first.columns}
    counts = None if first.counts is None else np.concatenate([np.asarray(part.counts) for part in parts])
    exists = None if first.exists is None else np.concatenate([np.asarray(part.exists) for part in parts])
    return TableContent(columns, counts, exists, first.units)


def _header(count: int) -> TableContent:
    seconds = np.arange(count) * 1e-3
    return TableContent(
        {"time_start_mjd": 56000.0 + seconds / 86400}, units={"time_start_mjd": "days"}, meanings={"time_start_mjd": "start of event"}
    )


def _measured(rng: Generator, tracks: Tracks, reco: Reconstruction) -> dict[str, TableContent]:
    """What data and simulation have alike."""
    count = len(reco.score)
    passed = (reco.score >= FILTER_SCORE).astype(np.uint8)
    every = np.ones(count, np.uint8)
    scaled = (rng.random(count) < 1 / PRESCALE).astype(np.uint8)
    columns = {
        "score": reco.score, "zenith": reco.zenith_rad, "stop_z": reco.stop_z_m, "energy_entry": reco.energy_entry_gev,
        "propagation_length_reco": reco.length_m, "energy_surface_proxy": reco.energy_surface_gev,
    }  # fmt: skip
    fitted = np.arange(count) % FIT_EVERY != FIT_EVERY - 1
    return {
        "I3EventHeader": _header(count),
        "FilterMask": TableContent({"FSSFilter_13": np.stack([passed, every], axis=1), "MuonFilter_13": np.stack([every, scaled], axis=1)}),
        "ToyReco": TableContent(columns, units={**UNITS, "stop_z": "m"}),
        "ToyFit": TableContent({"zenith": reco.zenith_rad, "fit_status": np.zeros(count, np.int32)}, exists=fitted, units={"zenith": "rad"}),
        "ToyPulses": _pulses(rng, tracks),
    }


def _labels(tracks: Tracks, reco: Reconstruction | None = None) -> TableContent:
    x, y, z = tracks.stop_m.T
    columns: dict[str, NDArray[Any]] = {
        "surface_energy": tracks.muons.energy_gev, "propagation_length": tracks.length_m, "cos_zenith": tracks.muons.cos_zenith,
        "stop_x": x, "stop_y": y, "stop_z": z, "is_stopping": tracks.is_stopping.astype(float),
    }  # fmt: skip
    if reco is not None:
        columns["num_muons_at_entry"] = reco.num_muons.astype(float)
    return TableContent(columns, units=UNITS)


def _weights(muons: Muons) -> TableContent:
    tev = muons.energy_gev / 1e3
    columns = {WEIGHT: muons.weight_hz, f"{WEIGHT}_softer": muons.weight_hz * tev**-INDEX_STEP, f"{WEIGHT}_harder": muons.weight_hz * tev**INDEX_STEP}
    return TableContent(columns, units=dict.fromkeys(columns, "Hz"))


def _pulses(rng: Generator, tracks: Tracks) -> TableContent:
    """Pulses of made-up charges on the first events; the others have no pulse map."""
    count = len(tracks.length_m)
    having = np.arange(count) < PULSE_EVENTS
    number = np.where(having, 1 + rng.poisson(3, count), 0)
    total = int(number.sum())
    string, om = rng.integers(1, 87, total), rng.integers(1, 61, total)
    items = 1 + rng.poisson(PULSES_PER_DOM, total)
    entries = int(items.sum())
    columns = {"time": rng.uniform(0, 1e4, entries), "charge": rng.exponential(1.0, entries)}
    dom = {"string": string, "om": om, "pmt": np.zeros(total, int)}
    content = dom_table(number, dom, items, columns, units={"time": "ns", "charge": "PE"})
    return TableContent(content.columns, content.counts, having, content.units)


def as_options(sample: MuonSample) -> dict[str, Any]:
    """As JSON values."""
    return asdict(sample)
