"""From the configuration's ``model:`` to a spectrum, also from a table of the user's or a class of the user's beside the config."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from configs.diffuse import Model as ModelOptions
from configs.errors import InputError
from data_info import catalogue
from fits.spectrum_table import read_spectrum_table
from physics.spectra import Spectrum, named
from physics.user_spectra import from_user

NULL_VALUES: dict[str, dict[str, float | str]] = {  # wider model -> values at which it is the power law
    "log_parabola": {"beta": 0.0},
    "cutoff": {"inverse_cutoff_per_pev": 0.0},
    "broken_power_law": {"gamma_2": "astro_gamma"},
}
AT_BOUNDARY = ("cutoff",)  # the power law lies on the edge of these: half a chi-square


def spectrum_of(options: ModelOptions, config_path: Path) -> Spectrum:
    """The spectrum that a fit asks for; files and modules are looked up beside the configuration.

    Raises InputError for a table without file or with wrong content, a class that is absent or does not look like a spectrum.
    """
    if options.astro == "table":
        if options.table is None:
            raise InputError("model.astro: table needs model.table, a text file with the columns E in GeV and flux")
        return read_spectrum_table(find_file(options.table, config_path), pivot_gev=options.pivot_gev)
    if options.astro == "class":
        return from_user(_user_class(options.class_, config_path)(), pivot_gev=options.pivot_gev)
    return named(options.astro, pivot_gev=options.pivot_gev, break_gev=options.break_gev)


def find_file(name: str, config_path: Path) -> Path:
    """A file beside the configuration, in the working directory, or in the catalogue of public data, in this order.

    A catalogue file that is absent is downloaded. InputError lists where a file was sought.
    """
    places = [config_path.parent / name, Path(name), catalogue.data_dir() / name]
    for place in places[:2]:
        if place.is_file():
            return place
    if name in catalogue.entries():
        return catalogue.resolve(name)
    if places[2].is_file():
        return places[2]
    raise InputError(f"{name}: no such file; looked for {', '.join(str(place) for place in places)}, and it is not in the catalogue of public data")


def _user_class(name: str | None, config_path: Path) -> Callable[[], Any]:
    module_name, _, class_name = (name or "").rpartition(".")
    if not module_name:
        raise InputError(f"model.class: {name!r} is not module.Class; write a spectrum class in my_module.py beside the configuration")
    path = config_path.parent / f"{module_name.replace('.', '/')}.py"
    if not path.is_file():
        raise InputError(f"model.class: {name}: there is no file {path}; put the module beside the configuration")
    module = _load(module_name, path)
    kind = getattr(module, class_name, None)
    if not callable(kind):
        raise InputError(f"model.class: {path} has no class {class_name}")
    return kind


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: Python cannot load this module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{path}: importing it failed: {type(error).__name__}: {error}") from error
    return module


@dataclass(frozen=True)
class Embedding:
    """Values of a power-law fit -> the same flux as values of a wider model; where a new fit may start. Picklable."""

    alternative: str

    def __call__(self, values: Mapping[str, float]) -> dict[str, float]:
        """``values`` with the wider model's own parameters added."""
        added = NULL_VALUES.get(self.alternative, {})
        return {**values, **{name: values[value] if isinstance(value, str) else float(value) for name, value in added.items()}}
