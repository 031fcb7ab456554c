"""What a configuration asks of the generator of photomultiplier runs: which points, how many files, which light."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from configs.errors import InputError, nearest
from configs.schema import Config, PmtDataset
from data_info.pmt_point import Point
from data_info.pmt_points import choose
from data_info.pmt_runs import RUNS, read_runs
from simulation.pmt_files import PlannedPoint, write_tree
from simulation.pmt_gain import KINDS, Kind, Light, point_truth

FILES_PER_POINT = 120
OFF_TRIGGERS = 200
LOW_TRIGGERS = 10_000
LEVEL_TRIGGERS = 1000
LEVELS = (1.0 / 3.0, 3.0, 0.1, 10.0)  # further light levels, as factors on the number of photo-electrons
MOST_TRIGGERS = 1_000_000  # of a point, all in memory when they are written: 1 GB
# Keys of example.truth: name -> (default, lowest, largest).
TRUTH = {
    "photoelectrons": (Light.bright, 0.0, 1e4),
    "low_photoelectrons": (Light.low, 0.0, 1e4),
    "delta": (Light.delta, 0.01, 2.0),
    "led_spread": (Light.spread, 0.0, 1.0),
    "off_triggers": (OFF_TRIGGERS, 0, MOST_TRIGGERS),
    "low_triggers": (LOW_TRIGGERS, 0, MOST_TRIGGERS),
    "light_levels": (0, 0, len(LEVELS)),
    "level_triggers": (LEVEL_TRIGGERS, 1, MOST_TRIGGERS),
    "full": (0, 0, 1),
    "faults": (0, 0, 1),
}
WHOLE = ("off_triggers", "low_triggers", "light_levels", "level_triggers", "full", "faults")


@dataclass(frozen=True)
class Request:
    """Everything that the files of one data set depend on."""

    about: ClassVar[str] = "generated for demonstration and tests; not a measurement"

    points: tuple[PlannedPoint, ...]
    seed: int

    @property
    def options(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def write(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Write the .trc files, the table of runs and the truth; the table stands for the files, which lie beside it."""
        runs, beside = write_tree(folder, self.points, self.seed)
        return [runs], beside


def request(config: Config, name: str) -> Request:
    """What ``datasets.<name>`` asks for: ``example.size`` files for each point of ``data_info/pmt_runs.yaml`` that ``pmts`` and ``hv_v`` choose.

    ``example.truth`` may set photoelectrons (per bright flash), led_spread, delta, off_triggers (LED off, at every voltage; 0: none),
    low_triggers and low_photoelectrons (low light at the highest voltage of the first tube, with as many LED-off triggers), light_levels (so many
    further levels there, a third, three times, a tenth and ten times the light, each with level_triggers and as many with the LED off), full (1: as
    many files as the real runs, in place of ``size``), and faults (1: in the first point).
    Raises ``InputError`` for anything else.
    """
    dataset = config.datasets[name]
    where = f"{config.source}: datasets.{name}"
    if not isinstance(dataset, PmtDataset) or dataset.example is None:
        raise InputError(f"{where}: nothing to generate; give example: {{size: {FILES_PER_POINT}}}, runs: or files:")
    if dataset.format not in (None, "trc"):
        raise InputError(f"{where}.format: no generated waveforms in the form {dataset.format!r}; leave it out")
    truth = _truth(dataset.example.truth, f"{where}.example.truth")
    size = dataset.example.size if "size" in dataset.example.model_fields_set else FILES_PER_POINT
    seed = config.seed if dataset.example.seed is None else dataset.example.seed
    chosen = choose(read_runs(RUNS), dataset.pmts, dataset.hv_v, where)
    return Request(tuple(planned(chosen, size, truth)), seed)


def planned(chosen: list[Point], size: int, truth: dict[str, float]) -> Iterator[PlannedPoint]:
    """The points to be written: bright ones, LED off beside each, low light and further levels of light where they were taken."""
    light = Light(truth["photoelectrons"], truth["low_photoelectrons"], truth["delta"], truth["led_spread"])
    for number, point in enumerate(chosen):
        count = (point.n_files or size) if truth["full"] else size
        yield _planned(point, "led", count, light, faults=bool(truth["faults"]) and number == 0)
        if truth["off_triggers"]:
            yield _planned(point, "off", int(truth["off_triggers"]), light)
    highest = max((point for point in chosen if point.pmt == chosen[0].pmt), key=lambda one: one.hv_v)
    for kind in KINDS[2:] if truth["low_triggers"] else ():
        yield _planned(highest, kind, int(truth["low_triggers"]), light)
    for level, factor in enumerate(LEVELS[: int(truth["light_levels"])], start=1):
        for kind in KINDS[:2]:
            yield _planned(highest, kind, int(truth["level_triggers"]), replace(light, bright=factor * light.bright), level=level)


def _planned(point: Point, kind: Kind, count: int, light: Light, *, faults: bool = False, level: int = 0) -> PlannedPoint:
    directory = (point.folder or point.pmt).split("/", maxsplit=1)[0]
    return PlannedPoint(point_truth(point.pmt, point.hv_v, kind, light, level), directory, count, point.noisy, faults)


def _truth(given: dict[str, float], where: str) -> dict[str, float]:
    for key, value in given.items():
        if key not in TRUTH:
            raise InputError(f"{where}: {key!r} is not a parameter of the generated runs{nearest(key, TRUTH)}")
        _, low, high = TRUTH[key]
        if not (math.isfinite(value) and low <= value <= high):
            raise InputError(f"{where}.{key}: {value:g} is not possible; give a number in {low:g} ... {high:g}")
        if key in WHOLE and value != int(value):
            raise InputError(f"{where}.{key}: {value:g} is not possible; give a whole number")
    return {key: default for key, (default, _, _) in TRUTH.items()} | given
