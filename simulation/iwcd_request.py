"""What a configuration asks of the water-Cherenkov generator: sample, light, toy classifier, file format."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from configs.errors import InputError, nearest
from configs.iwcd import Processor
from configs.schema import Config, Dataset
from readers.digihit_writer import Layout, write_digihit
from simulation.iwcd import PARTICLES, Light, Sample
from simulation.iwcd_classifier import ToyClassifier
from simulation.iwcd_files import ATTRIBUTES, hit_events, write_classifier_files

DEFAULT_FORMAT = "digihit"
LAYOUTS: dict[str, Layout] = {"digihit": "contiguous", "truehit": "truehit", "dense": "dense"}  # by format of the data set
LIGHT_KEYS = tuple(one.name for one in fields(Light) if one.name != "pair_model")
CLASSIFIER_KEYS = tuple(one.name for one in fields(ToyClassifier))
INDEPENDENT = "independent_pairs"
RANGES = {"auc": (0.0, 1.0), "scatter": (0.0, 0.99), "position_slope": (-math.inf, math.inf), "mirror": (-math.inf, math.inf)}


@dataclass(frozen=True)
class Request:
    """Everything that the files of one data set depend on."""

    about: ClassVar[str] = ATTRIBUTES["comment"]

    sample: Sample
    classifier: ToyClassifier
    format: str

    @property
    def options(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def write(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Write the file of events, and for simulation the splits and classifier outputs; returns the event files and those beside them."""
        path = folder / f"iwcd_{self.format}.h5"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".hits-") as scratch:
            events = hit_events(self.sample, Path(scratch))
            write_digihit(path, events, layout=LAYOUTS[self.format])
            beside = [] if self.sample.fractions is not None else write_classifier_files(folder, events, self.classifier, self.sample.seed)
        return [path], beside


def request(config: Config, name: str) -> Request:
    """What ``datasets.<name>`` asks for.

    kind mc: ``example.size`` events of every particle; ``example.truth`` may set the light (electron_pe, muon_pe, scatter, charge_scale,
    independent_pairs: 1) and the toy classifier (auc, position_slope, mirror). kind data: ``example.size`` events without labels, a mixture with
    the fractions that ``example.truth`` gives by particle (equal ones by default), and the light. Raises ``InputError`` for anything else.
    """
    dataset = config.datasets[name]
    form = dataset.format or DEFAULT_FORMAT
    if form not in LAYOUTS:
        raise InputError(f"datasets.{name}.format: no generated events in the form {form!r}{nearest(form, LAYOUTS)}")
    if dataset.example is None:
        raise InputError(f"datasets.{name}: nothing to generate; give example: {{size: 300}} or files:")
    processor = getattr(config, "processor", None)
    if isinstance(processor, Processor) and (processor.tank.preset != "short" or processor.tank.geometry):
        raise InputError(f"datasets.{name}.example: events are generated in the short tank only; set processor.tank.preset: short or give files:")
    where = f"datasets.{name}.example.truth"
    truth = _checked(dataset, where)
    seed = config.seed if dataset.example.seed is None else dataset.example.seed
    fractions = _fractions(truth, where) if dataset.kind == "data" else None
    sample = Sample(dataset.example.size, seed, fractions, _light(truth), photons=form == "truehit")
    return Request(sample, ToyClassifier(**{key: truth[key] for key in CLASSIFIER_KEYS if key in truth}), form)


def _checked(dataset: Dataset, where: str) -> dict[str, float]:
    truth = dict(dataset.example.truth) if dataset.example else {}
    known = (*LIGHT_KEYS, INDEPENDENT, *(PARTICLES if dataset.kind == "data" else CLASSIFIER_KEYS))
    for key, value in truth.items():
        if key not in known:
            raise InputError(f"{where}: {key!r} is not a parameter of the generated {dataset.kind}{nearest(key, known)}")
        low, high = RANGES.get(key, (0.0, math.inf))
        if not (math.isfinite(value) and low <= value <= high) or (key == "auc" and value in (0.0, 1.0)):
            raise InputError(f"{where}.{key}: {value:g} is not possible; give a number in {low:g} ... {high:g}")
    return truth


def _light(truth: Mapping[str, float]) -> Light:
    given = {key: truth[key] for key in LIGHT_KEYS if key in truth}
    return Light(**given, pair_model="independent" if truth.get(INDEPENDENT) else "tuned")


def _fractions(truth: Mapping[str, float], where: str) -> dict[str, float]:
    given = {name: truth[name] for name in PARTICLES if name in truth} or dict.fromkeys(PARTICLES, 1.0)
    total = sum(given.values())
    if total <= 0:
        raise InputError(f"{where}: the fractions of {', '.join(given)} add up to 0; give at least one above 0")
    return {name: value / total for name, value in given.items()}
