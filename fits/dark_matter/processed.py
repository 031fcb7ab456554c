"""Whether what the processor left is of the data sets that the configuration names now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configs.errors import InputError, command
from configs.schema import DarkMatterConfig, DarkMatterDataset
from physics.constants import DAY_S


def refuse_other_datasets(config: DarkMatterConfig, account: Mapping[str, Any]) -> None:
    """Histograms of other data sets, seasons, flavours or livetimes would give another limit without a word. Raises ``InputError`` naming them."""
    made_of = account["datasets"]
    differing = [f"{name}: not in the configuration" for name in made_of if name not in config.datasets]
    differing += [f"{name}: not processed" for name in config.datasets if name not in made_of]
    for name in (one for one in config.datasets if one in made_of):
        stated = _stated(config.datasets[name])
        metadata = {"kind": made_of[name]["kind"], **made_of[name]["metadata"]}
        differing += [f"{name}: {key}" for key, value in stated.items() if metadata.get(key) != value]
    if differing:
        again = command("run_processor.py", config.source)
        raise InputError(f"{config.output / 'hists.h5'} was made of other data sets ({', '.join(differing)}); run {again}")


def _stated(dataset: DarkMatterDataset) -> dict[str, Any]:
    """What the configuration says of a data set that its histograms must agree with."""
    if dataset.kind == "mc":
        return {"kind": "mc", "flavour": dataset.flavour, "seasons": dataset.seasons}
    livetime = {} if dataset.livetime_days is None else {"livetime_s": dataset.livetime_days * DAY_S}
    return {"kind": "data", "season": dataset.season, **livetime}
