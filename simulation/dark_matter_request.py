"""Generated data sets of the dark-matter analysis: .npy files of a season with its good run list, or of a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from configs.schema import Config
from records.atomic import replacing
from simulation import dark_matter

STATEMENT = "generated events for demonstration and tests, not a simulation of a detector"


@dataclass(frozen=True)
class Request:
    """Everything that the files of one data set depend on."""

    about: ClassVar[str] = STATEMENT

    kind: str
    season: int | None
    size: int
    seed: int

    @property
    def options(self) -> dict[str, Any]:
        """As JSON values."""
        return {"kind": self.kind, "season": self.season, "size": self.size, "seed": self.seed}

    def write(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Events, and beside those of a season its good run list."""
        generator = np.random.default_rng(np.random.SeedSequence([self.seed, self.season or 0]))
        if self.season is None:
            return [_save(folder / "mc.npy", dark_matter.simulation(self.size, generator))], []
        events = dark_matter.data(self.season, self.size, generator)
        return [_save(folder / "exp.npy", events)], [_save(folder / "grl.npy", dark_matter.good_runs(self.season, events))]


def request(config: Config, name: str) -> Request:
    """The request of one data set of a configuration. Raises ``InputError`` for forms and truths that the generator does not have."""
    dataset = config.datasets[name]
    example = dataset.example
    if example is None or dataset.format not in (None, "npy"):
        raise InputError(f"datasets.{name}.format: no generated {dataset.kind} in the form {dataset.format!r}; generated files are npy")
    if example.truth:
        raise InputError(f"datasets.{name}.example.truth: this generator has no truth to choose; remove it")
    seed = config.seed if example.seed is None else example.seed
    return Request(dataset.kind, getattr(dataset, "season", None) if dataset.kind == "data" else None, example.size, seed)


def _save(path: Path, values: NDArray[np.void]) -> Path:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, values, allow_pickle=False)
    return path
