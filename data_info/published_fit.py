"""What is published of a fit to a public data set, and which configurations fit these data: numbers of ``data_info/hese/published_fit.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from configs.errors import InputError
from configs.schema import Dataset, DiffuseConfig
from data_info.catalogue import entry
from data_info.download import sha256_of
from data_info.files import find_files

NLL = "nll"  # row of -ln L at the best fit, which is no parameter


@dataclass(frozen=True)
class PublishedFit:
    """A published fit. ``intervals``: parameter -> value, minus, plus (68 %); ``best_fit``: parameter -> value of its programs, all digits.

    ``nll``: -ln L at ``best_fit`` with prior densities and ln k!. Units are those of the fits (``docs/units.md``).
    """

    name: str
    data: str  # catalogue id of the events
    source: str
    intervals: Mapping[str, tuple[float, float, float]]
    best_fit: Mapping[str, float]
    nll: float


@dataclass(frozen=True)
class _Publication:
    data: str
    source: str
    table: Path


PUBLICATIONS = MappingProxyType(
    {
        "hese75": _Publication(
            "hese/HESE_data.json",
            "Phys. Rev. D 104, 022002 (2021), arXiv:2011.03545; github icecube/HESE-7-year-data-release",
            Path(__file__).parent / "hese" / "published_fit.csv",
        )
    }
)


@cache
def read_published_fit(name: str) -> PublishedFit:
    """The published fit of this name, read from its table.

    >>> read_published_fit("hese75").intervals["astro_gamma"]
    (2.87, 0.19, 0.2)
    """
    publication = PUBLICATIONS[name]
    lines = publication.table.read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    intervals = {row["quantity"]: (float(row["value"]), float(row["minus"]), float(row["plus"])) for row in rows if row["value"]}
    best = {row["quantity"]: float(row["best_fit"]) for row in rows}
    return PublishedFit(name, publication.data, publication.source, MappingProxyType(intervals), MappingProxyType(best), best.pop(NLL))


def published_fit(config: DiffuseConfig) -> PublishedFit | None:
    """The published fit of a configuration's events: the one that ``compare`` names; with ``auto`` that of the data set recognised, else None.

    A data set is recognised by its catalogue id, or by the digest of its one local file; beside other data sets of kind data it is none.
    """
    if config.compare != "auto":
        return None if config.compare is None else read_published_fit(config.compare)
    data = [(name, one) for name, one in config.datasets.items() if one.kind == "data"]
    if len(data) != 1:
        return None
    return next((read_published_fit(name) for name, one in PUBLICATIONS.items() if _is_file(*data[0], one.data, config.source)), None)


def _is_file(name: str, dataset: Dataset, entry_id: str, config_path: Path) -> bool:
    """Whether a data set is a file of the catalogue, under whatever name."""
    if dataset.catalogue is not None:
        return dataset.catalogue == entry_id
    if not dataset.files or len(dataset.files) != 1 or "://" in dataset.files[0]:
        return False
    try:
        paths = [Path(one) for one in find_files(name, dataset, config_path)]
    except InputError:
        return False  # fits and figures do not need the events any more
    wanted = entry(entry_id)
    return len(paths) == 1 and paths[0].is_file() and paths[0].stat().st_size == wanted.size and sha256_of(paths[0]) == wanted.sha256
