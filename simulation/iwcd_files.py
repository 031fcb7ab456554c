"""Files of the water-Cherenkov generator: a sample as the arrays of a digihit file; splits and classifier outputs beside it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import DTypeLike, NDArray

from physics.tank import angles_from_direction
from readers.digihit_writer import RAW_TIME_OFFSET_NS, HitEvents
from records.scores import save_scores
from simulation.iwcd import CLASSIFIER_STREAM, PARTICLES, Event, Sample, tank
from simulation.iwcd_classifier import ToyClassifier, shuffled_scores, split_rows, toy_softmax, write_split

EVENTS_PER_ROOT_FILE = 100
UNLABELLED = -1
SPLIT_FILE, OUTPUTS_FOLDER = "splits.npz", "classifier"
ATTRIBUTES = {"command": "dynode example generator", "comment": "generated for demonstration and tests; not a simulation of the detector"}
HIT_COLUMNS: dict[str, DTypeLike] = {"pmt": np.int32, "time_ns": np.float32, "charge_pe": np.float32}
PHOTON_COLUMNS: dict[str, DTypeLike] = {"pmt": np.int32, "time_ns": np.float32, "parent": np.int32}
TRUTH: dict[str, DTypeLike] = {
    "label": np.int32, "energy_mev": np.float32, "position_cm": np.float32, "direction": np.float64, "veto": bool, "veto2": bool,
    "fully_contained": bool,
}  # fmt: skip


def hit_events(sample: Sample, scratch: Path) -> HitEvents:
    """The whole sample as arrays; hits lie in files below ``scratch``, mapped into memory, so that memory holds the event columns only.

    Labels of a mixture are -1 and its files' names tell nothing. Photons (truehit) have times as triggered, about 950 ns.
    """
    columns = PHOTON_COLUMNS if sample.photons else HIT_COLUMNS
    truth: list[tuple[Any, ...]] = []
    counts = [0]
    with ExitStack() as stack:
        files = {name: stack.enter_context((scratch / name).open("wb")) for name in columns}
        for event in sample.events():
            for name, dtype in columns.items():
                np.asarray(getattr(event.hits, name), dtype=dtype).tofile(files[name])
            counts.append(len(event.hits.pmt))
            truth.append(_truth(event, labelled=sample.fractions is None))
    hits = {name: _mapped(scratch / name, dtype) for name, dtype in columns.items()}
    raw_ns = np.float32(RAW_TIME_OFFSET_NS if sample.photons else 0.0)
    return HitEvents(
        **_event_columns(truth), **_numbering(sample), offsets=np.cumsum(counts), hit_pmt=hits["pmt"], hit_time_ns=hits["time_ns"] + raw_ns,
        hit_charge=hits.get("charge_pe", np.broadcast_to(np.float32(1.0), hits["pmt"].shape)), hit_parent=hits.get("parent"),
        attributes={**ATTRIBUTES, "seed": sample.seed},
    )  # fmt: skip


def _truth(event: Event, *, labelled: bool) -> tuple[Any, ...]:
    label = PARTICLES.index(event.particle) if labelled else UNLABELLED
    return label, event.energy_mev, event.vertex_cm, event.direction, event.veto, event.veto2, event.fully_contained


def _event_columns(truth: list[tuple[Any, ...]]) -> dict[str, Any]:
    by_column = zip(*truth, strict=True)
    columns: dict[str, Any] = {name: np.array(values, dtype=dtype) for (name, dtype), values in zip(TRUTH.items(), by_column, strict=True)}
    return columns | {"angles": np.stack(angles_from_direction(columns.pop("direction")), axis=1)}


def _numbering(sample: Sample) -> dict[str, Any]:
    """Names of made-up source files of 100 events each, and the entries in them."""
    rows = np.arange(sample.entries)
    block, number = np.divmod(rows, sample.size)
    names = ["data"] if sample.fractions is not None else list(PARTICLES)
    files = [f"{names[b]}_{n // EVENTS_PER_ROOT_FILE:04d}.root" for b, n in zip(block, number, strict=True)]
    return {"root_file": files, "event_id": number % EVENTS_PER_ROOT_FILE}


def _mapped(path: Path, dtype: DTypeLike) -> NDArray[Any]:
    if path.stat().st_size == 0:  # an empty file cannot be mapped
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")


def write_classifier_files(folder: Path, events: HitEvents, classifier: ToyClassifier, seed: int) -> list[Path]:
    """Write ``splits.npz`` and the outputs of a toy classifier for its test rows (``classifier/*.npy``) to ``folder``."""
    rng = np.random.default_rng(SeedSequence(seed, spawn_key=(CLASSIFIER_STREAM,)))
    label = np.asarray(events.label)
    parts = split_rows(rng, label)
    rows = parts["test_idxs"]
    logit = classifier.logit(rng, label[rows], np.asarray(events.position_cm)[rows], tank())
    scores = shuffled_scores(rng, rows, label[rows], toy_softmax(rng, label[rows], logit), PARTICLES)
    outputs = save_scores(folder / OUTPUTS_FOLDER, scores)
    return [write_split(folder / SPLIT_FILE, parts), *outputs]
