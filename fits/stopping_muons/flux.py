"""Unfolded events over effective area, livetime, solid angle and width: the flux, with its covariance by source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fits.stopping_muons.effective_area import relative_covariances
from fits.stopping_muons.inputs import Inputs, truth_edges
from fits.stopping_muons.targets import Target, solid_angle_sr
from fits.unfolding.flux import Exposure
from processors.stopping_muons_axes import TILT, TILTS
from records.stopping_muons import EffectiveArea, TheorySpectrum
from records.unfolding import FluxSpectrum, UnfoldedSpectrum

Array = NDArray[np.float64]
DATA_BASED = "data_based"


def flux(inputs: Inputs, target: Target, spectrum: UnfoldedSpectrum, area: EffectiveArea, livetime_s: float) -> FluxSpectrum:
    """phi_j = f_j/(A_j T dOmega dX_j). Sources: those of the spectrum (``statistical``, ``simulation``, ``nuisances``), ``area``,
    ``area_systematic``, ``livetime``."""  # fmt: skip
    edges = np.array(spectrum.edges)
    exposure = Exposure(np.array(area.area_m2), np.diff(edges), livetime_s, solid_angle_sr(inputs.config))
    unit = exposure.events_per_flux
    values = np.array(spectrum.f) / unit
    product = np.outer(values, values)
    parts = spectrum.sources or {"statistical": spectrum.covariance}
    sources = {key: np.array(one) / np.outer(unit, unit) for key, one in parts.items()}
    sources |= {key: product * one for key, one in relative_covariances(area).items()}
    if inputs.config.options.livetime_error > 0:
        sources["livetime"] = product * inputs.config.options.livetime_error**2
    return FluxSpectrum(
        edges=spectrum.edges,
        flux=values.tolist(),
        unit=target.flux_unit,
        covariances={key: one.tolist() for key, one in sources.items()},
        method=spectrum.method,
        upper_limit=(np.array(spectrum.upper_limit) / unit).tolist(),
        livetime_s=livetime_s,
        partial=not inputs.complete,
    )


def with_data_based(found: FluxSpectrum, deviation: Array) -> FluxSpectrum:
    """With the standard deviation (bins,) between sectors of the data as a further source, each bin on its own."""
    return replace(found, covariances={**found.covariances, DATA_BASED: np.diag(np.asarray(deviation) ** 2).tolist()})


def covariance(found: FluxSpectrum, *, without: tuple[str, ...] = ()) -> Array:
    """Sum over sources (bins, bins)."""
    return np.asarray(np.sum([np.array(one) for key, one in found.covariances.items() if key not in without], axis=0))


def true_flux(inputs: Inputs, target: Target, truth: Mapping[str, float]) -> TheorySpectrum:
    """The flux behind simulation or generated data, by bin of the target, from all generated muons; error of their statistics.

    ``truth``: ``norm`` and ``delta_gamma`` against the simulated one; the tilt is interpolated between those at -0.1, 0 and +0.1.
    """
    edges = truth_edges(inputs.hist(inputs.level0, f"aeff_den_{target.name}"))
    cells = inputs.cells(inputs.level0, f"aeff_den_{target.name}", replica=0)
    rate, error = cells.W[1:-1], np.sqrt(cells.S[1:-1])
    factor = float(truth["norm"]) * _tilt(inputs, target, rate, -float(truth["delta_gamma"]))
    unit = solid_angle_sr(inputs.config) * np.diff(edges)
    return TheorySpectrum("truth", edges.tolist(), (rate * factor / unit).tolist(), (error * factor / unit).tolist(), target.flux_unit)


def _tilt(inputs: Inputs, target: Target, rate: Array, power: float) -> Array:
    """Factor by bin of weights times (E/TeV)^power: ln of it is a parabola through three powers."""
    low, high = (np.log(inputs.cells(inputs.level0, f"aeff_tilted_den_{target.name}", tilt=tilt).W[1:-1] / rate) for tilt in TILTS)
    step = power / TILT
    return np.exp(0.5 * (high - low) * step + 0.5 * (high + low) * step**2)
