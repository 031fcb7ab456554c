"""``flux_<target>.csv``: a flux by bin with its errors by source, the matrix of correlations beneath."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from records.atomic import write_text
from records.unfolding import FluxSpectrum

COLUMNS = {
    "stat_error": ("statistical",),
    "mc_error": ("simulation",),
    "effective_area_error": ("area",),
    "syst_error": ("nuisances", "area_systematic", "livetime", "data_based"),
}  # column -> sources whose covariances it adds


def write_flux(path: Path, flux: FluxSpectrum) -> None:
    """Lower edge, upper edge, flux, errors (statistical, simulation, effective area, other systematic, total), limit; numbers read back the same.

    A bin that the data do not constrain has its 90 % limit alone (flux and errors nan), all others no limit (nan).
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    unit = "m" if flux.unit.startswith("m") else "GeV"
    text.write(f"# flux in {flux.unit}, limits of bins in {unit}, method {flux.method}; correlation matrix of the total errors beneath\n")
    total = _covariance(flux, tuple(flux.covariances))
    errors = [np.sqrt(np.maximum(np.diag(_covariance(flux, sources)), 0.0)) for sources in COLUMNS.values()]
    deviation = np.sqrt(np.maximum(np.diag(total), 0.0))
    limit = np.array(flux.upper_limit) if flux.upper_limit else np.full(len(flux.flux), np.nan)
    known = [np.where(np.isnan(limit), values, np.nan) for values in (np.array(flux.flux), *errors, deviation)]
    writer.writerow(["lower_edge", "upper_edge", "flux", *COLUMNS, "total_error", "upper_limit_90"])
    for row in zip(flux.edges[:-1], flux.edges[1:], *known, limit, strict=True):
        writer.writerow([repr(float(value)) for value in row])
    text.write("# correlation\n")
    scale = np.where(deviation > 0, deviation, 1.0)
    for line in total / np.outer(scale, scale):
        writer.writerow([repr(float(value)) for value in line])
    write_text(path, text.getvalue())


def _covariance(flux: FluxSpectrum, sources: tuple[str, ...]) -> np.ndarray:
    size = len(flux.flux)
    chosen = [np.array(flux.covariances[name]) for name in sources if name in flux.covariances]
    return np.sum(chosen, axis=0) if chosen else np.zeros((size, size))
