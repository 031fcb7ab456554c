"""From the configuration's ``model:`` to a spectrum, also from a table, a class or a formula of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from configs.diffuse import Model as ModelOptions
from data_info.files import find_file
from fits.spectrum_table import read_spectrum_table
from physics.constants import N_FLAVOURS
from physics.expression_spectra import parse
from physics.segmented_spectrum import PUBLISHED_EDGES_GEV, UNIT_GEV_CM2_S_SR, Segmented
from physics.spectra import ShapeParameter, Spectrum, flux_per_gev_cm2_s_sr, named
from physics.user_spectra import from_user
from processors.user_code import load_class

NULL_VALUES: dict[str, dict[str, float | str]] = {  # wider model -> values at which it is the power law
    "log_parabola": {"beta": 0.0},
    "cutoff": {"inverse_cutoff_per_pev": 0.0},
    "broken_power_law": {"gamma_2": "astro_gamma"},
}
AT_BOUNDARY = ("cutoff",)  # the power law lies on the edge of these: half a chi-square


def spectrum_of(options: ModelOptions, config_path: Path) -> Spectrum:
    """The spectrum that a fit asks for; files and modules are looked up beside the configuration.

    Raises InputError for a table that is absent or has wrong content, a class that is absent or does not look like a spectrum, a formula that is
    not arithmetic.
    """
    if options.table is not None:
        return read_spectrum_table(find_file(options.table, config_path), pivot_gev=options.pivot_gev)
    if options.class_ is not None:
        where = f"{config_path}: model.class: {options.class_}"
        return from_user(load_class(options.class_, config_path.parent, where, example="my_module.MySpectrum")(), pivot_gev=options.pivot_gev)
    if options.expression is not None:
        shape = [ShapeParameter(name, one.start, *one.bounds, one.unit) for name, one in options.shape.items()]
        return from_user(parse(options.expression, shape), pivot_gev=options.pivot_gev)
    if options.astro == "segmented":
        return Segmented(PUBLISHED_EDGES_GEV if options.edges_gev is None else tuple(options.edges_gev), options.pivot_gev)
    return named(options.astro, pivot_gev=options.pivot_gev, break_gev=options.break_gev)


@dataclass(frozen=True)
class Embedding:
    """Values of a power-law fit -> the same flux as values of a wider model; where a new fit may start. Picklable."""

    alternative: str

    def __call__(self, values: Mapping[str, float]) -> dict[str, float]:
        """``values`` with the wider model's own parameters added."""
        added = NULL_VALUES.get(self.alternative, {})
        return {**values, **{name: values[value] if isinstance(value, str) else float(value) for name, value in added.items()}}


@dataclass(frozen=True)
class IntoSegments:
    """Values of a fit of ``spectrum`` -> segments with its flux at ``centres_gev``: near, not the same flux; where a new fit may start. Picklable."""

    spectrum: Spectrum
    pivot_gev: float
    centres_gev: tuple[float, ...]

    def __call__(self, values: Mapping[str, float]) -> dict[str, float]:
        """``values`` with the norms of the segments instead of the parameters of the flux."""
        own = [one.name for one in self.spectrum.parameters]
        energy = np.array(self.centres_gev)
        flux = flux_per_gev_cm2_s_sr(self.spectrum, energy, values["astro_norm"], [values[name] for name in own], pivot_gev=self.pivot_gev)
        phi = energy**2 * flux / N_FLAVOURS / UNIT_GEV_CM2_S_SR
        kept = {name: value for name, value in values.items() if name not in ("astro_norm", *own)}
        return {**kept, **{f"phi_{i + 1}": float(one) for i, one in enumerate(phi)}}
