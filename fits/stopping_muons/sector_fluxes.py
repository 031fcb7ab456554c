"""The flux of one target in each sector of the data, and what they tell of systematics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import measurement
from fits.stopping_muons.sectors import check_sectors, compare_sectors
from fits.stopping_muons.targets import Target, solid_angle_sr
from fits.stopping_muons.unfold import with_sources
from fits.unfolding.flux import Exposure
from processors.stopping_muons_preparation import load
from records.stopping_muons import EffectiveArea, SectorComparison
from records.unfolding import FluxSpectrum, UnfoldedSpectrum

Array = NDArray[np.float64]


def sector_fluxes(inputs: Inputs, target: Target, area: EffectiveArea, spectrum: UnfoldedSpectrum, full: FluxSpectrum) -> SectorComparison:
    """The flux from each sector's own counts, response and area, at the strength of the prior of the full result. Most probable spectra.

    Bins that a sector cannot see are NaN there (a muon that stops in the lower half has come 1950 m at least); only bins that all of them see have a
    spread. InputError for sectors that overlap, and for one that cannot be unfolded.
    """
    wanted = inputs.config.systematics.sectors
    overlap = check_sectors(wanted, load(inputs.config.output).sample, allow_overlap=inputs.config.options.allow_overlap)
    found = {name: _of_sector(inputs, target, name, area, spectrum, full) for name in wanted}
    seen = {name: np.isfinite(values) for name, (values, _) in found.items()}
    if not np.all(list(seen.values()), axis=0).any():
        raise InputError(f"systematics.sectors: no bin of {target.name} is seen by all of {', '.join(wanted)}; choose other cuts")
    values, errors = ({name: pair[k] for name, pair in found.items()} for k in (0, 1))
    compared = compare_sectors(area.edges, values, errors, full.flux, overlap=overlap)
    return replace(compared, notes=[note for name, mask in seen.items() if (note := _unseen(name, target, np.array(area.edges), mask))])


def _unseen(name: str, target: Target, edges: Array, seen: NDArray[np.bool_]) -> str:
    """Which bins a sector does not see, in words; empty if it sees all."""
    parts = [f"{edges[j]:.6g} to {edges[j + 1]:.6g} {target.unit}" for j in np.flatnonzero(~seen)]
    return f"sector {name} does not see {', '.join(parts)}: there, no spread is known" if parts else ""


def _of_sector(inputs: Inputs, target: Target, name: str, area: EffectiveArea, spectrum: UnfoldedSpectrum, full: FluxSpectrum) -> tuple[Array, Array]:
    """Flux and its error (bins,) from counts, simulation and the statistics of the area; NaN in bins that the sector does not see."""
    whole = np.array(area.sectors[name])
    measured = measurement(inputs, target, name, area_m2=whole)
    inside, tau = measured.layout.inside, spectrum.settings.tau
    problem = measured.problem.replace(tau=None if tau is None else tau[inside])
    found = problem.map(solver=inputs.config.options.solver)
    if not found.valid:
        raise InputError(f"systematics.sectors.{name}: {target.name} cannot be unfolded: {found.reason}")
    record = with_sources(problem, found, [])
    unit = Exposure(whole[inside], np.diff(area.edges)[inside], full.livetime_s, solid_angle_sr(inputs.config)).events_per_flux
    values, errors = np.full((2, whole.size), np.nan)
    values[inside] = np.array(record.f) / unit
    own = np.array(area.sector_errors[name])[inside] / whole[inside]
    alone = np.sum([np.diag(np.array(one)) for key, one in record.sources.items() if key != "nuisances"], axis=0) / unit**2
    errors[inside] = np.sqrt(alone + (values[inside] * own) ** 2)
    return values, errors
