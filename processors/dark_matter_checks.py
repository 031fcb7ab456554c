"""What is wrong with the data sets of a dark-matter analysis as configured, and what their good run lists add to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.errors import InputError
from configs.schema import DarkMatterConfig
from data_info.files import find_file
from physics.constants import DAY_S
from processors.good_runs import read_good_runs

EXAMPLE_GRL = "grl.npy"  # lies beside the generated events of a season


def check_dataset(config: DarkMatterConfig, name: str) -> None:
    """Refuse seasons without number, livetime or simulation, and simulations that share seasons. Raises ``InputError`` naming the key."""
    (_check_data if config.datasets[name].kind == "data" else _check_simulation)(config, name, f"{config.source}: datasets.{name}")


def _check_data(config: DarkMatterConfig, name: str, where: str) -> None:
    dataset = config.datasets[name]
    if dataset.season is None:
        raise InputError(f"{where}.season: give the season of these data, e.g. season: 2012; it is not taken from names of files")
    if [dataset.grl is not None, dataset.livetime_days is not None].count(True) + (dataset.example is not None) != 1:
        raise InputError(f"{where}: give either grl (a good run list) or livetime_days (examples bring their own list)")
    twice = [other for other, one in config.datasets.items() if one.kind == "data" and one.season == dataset.season and other != name]
    if twice:
        raise InputError(f"{where}.season: {dataset.season} is also that of {twice[0]}; put the files of a season into one data set")
    if not any(one.stands_for(dataset.season) for one in config.datasets.values()):
        raise InputError(f"{where}: no simulation for season {dataset.season}; add a data set of kind mc, or the season to its seasons")


def _check_simulation(config: DarkMatterConfig, name: str, where: str) -> None:
    dataset = config.datasets[name]
    for other, one in config.datasets.items():
        if other == name or one.kind != "mc" or not _overlap(one.seasons, dataset.seasons):
            continue
        if one.flavour == dataset.flavour:
            raise InputError(f"{where}: {other} simulates the same flavour for the same seasons; its events would count twice")
        if shared := sorted(_named(one) & _named(dataset)):
            raise InputError(f"{where}: {shared[0]} is also in {other}, as another flavour of the same seasons; its events would count twice")


def season_metadata(config: DarkMatterConfig, name: str, paths: Sequence[str]) -> dict[str, Any]:
    """Season, livetime in seconds and number of events by the good run list of data; flavour and seasons of a simulation."""
    dataset = config.datasets[name]
    if dataset.kind == "mc":
        return {"flavour": dataset.flavour, "seasons": dataset.seasons}
    if dataset.livetime_days is not None:
        return {"season": dataset.season, "livetime_s": dataset.livetime_days * DAY_S}
    grl = find_file(dataset.grl, config.source) if dataset.grl is not None else Path(paths[0]).with_name(EXAMPLE_GRL)
    runs = read_good_runs([grl])
    return {"season": dataset.season, "livetime_s": runs.livetime_s, "events_of_runs": int(runs.events.sum()), "runs": runs.spans}


def _named(dataset: Any) -> set[str]:
    """Files as the configuration names them."""
    return {*(dataset.files or []), *(one for one in (dataset.filelist, dataset.catalogue) if one)}


def _overlap(one: list[int] | None, other: list[int] | None) -> bool:
    return one is None or other is None or bool(set(one) & set(other))
