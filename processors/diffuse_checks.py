"""What is wrong with a data set of the diffuse analysis as it is configured, found before any file is opened."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

from configs import diffuse
from configs.errors import InputError
from configs.schema import DiffuseConfig
from data_info.catalogue import resolve_folder
from data_info.files import search_roots
from physics.detector_systematics import SYSTEMATICS
from readers.detector_tables import check_folder

DAY_S = 86400.0
MAX_RATIO = 1000.0  # of two livetimes: more is a mistake of units


def check_dataset(config: DiffuseConfig, name: str) -> None:
    """Refuse a binning that the data set's form cannot fill and a livetime that is none; warn of livetimes that are hardly seconds.

    Raises ``InputError`` naming the key. Whether the columns of its files suit is known when they are open: ``DiffuseProcessor.check_columns``.
    """
    dataset, options = config.datasets[name], config.processor
    if dataset.format == "surrogate" and isinstance(options, diffuse.Processor) and options.binning != "surrogate":
        raise InputError(
            f"{config.source}: processor.binning: the surrogate response of datasets.{name} exists in its own bins only, where double cascades "
            "have no length; set processor.binning: surrogate"
        )
    livetime_s = stated_livetime_s(config, name)
    if livetime_s is None:
        return
    where = f"datasets.{name}.metadata.livetime_s: {livetime_s:g} s"
    if livetime_s < DAY_S:
        warnings.warn(f"{where} is less than a day; livetimes are in seconds", stacklevel=2)
    if dataset.kind == "mc":
        for other in (key for key, one in config.datasets.items() if one.kind == "data"):
            theirs = stated_livetime_s(config, other)
            if theirs is not None and not 1.0 / MAX_RATIO <= theirs / livetime_s <= MAX_RATIO:
                warnings.warn(f"{where}, but {theirs:g} s for the data {other!r}; livetimes are in seconds: is one in days or years?", stacklevel=2)


def stated_livetime_s(config: DiffuseConfig, name: str) -> float | None:
    """The livetime of a data set, None where none is stated. Raises ``InputError`` for a value that is no positive number."""
    value = config.datasets[name].metadata.get("livetime_s")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InputError(
            f"{config.source}: datasets.{name}.metadata.livetime_s is {value!r}; give the livetime of the data set in seconds, a positive number"
        )
    return float(value)


def tables_folder(config: DiffuseConfig, name: str) -> Path | None:
    """Folder of the detector tables where a simulated data set needs them: beside the configuration, in the working or the data directory.

    The catalogue's own are downloaded when they are nowhere. Raises ``InputError`` naming the tables that are missing.
    """
    options = config.processor
    if config.datasets[name].kind != "mc" or not isinstance(options, diffuse.Processor) or options.systematics is None:
        return None
    wanted = options.systematics.tables
    found = next((root / wanted for root in search_roots(config.source) if (root / wanted).is_dir()), None)
    if found is None and wanted == diffuse.Systematics().tables:
        found = [resolve_folder(f"{wanted}/{one.folder}").parent for one in SYSTEMATICS.values()][-1]
    if found is None:
        looked = ", ".join(dict.fromkeys(str(root) for root in search_roots(config.source)))
        raise InputError(
            f"{config.source}: processor.systematics.tables: there is no folder {wanted} (looked in {looked}); give the folder of the release's "
            "spline tables, or leave processor.systematics out"
        )
    check_folder(found)
    return found.resolve()
