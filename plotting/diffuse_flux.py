"""The fitted astrophysical flux of ``diffuse`` over the energies that it was measured at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from fits.joint_model import JointModel
from fits.model import Model
from fits.official_model import OfficialModel
from physics.constants import FLUX_UNIT_PER_GEV_CM2_S_SR, N_FLAVOURS
from physics.segmented_spectrum import UNIT_GEV_CM2_S_SR, Segmented
from plotting.canvas import Array
from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.projections import covariance
from plotting.spectrum import Band, Segments, spectrum

CENTRAL = 0.90  # share of the expected astrophysical events inside the drawn energies
POINTS = 100


def flux(fit: FitView, published: Sequence[Segments] = ()) -> dict[str, Callable[[], DrawnFigure]]:
    """E^2 Phi per flavour with its 68 % band, or the fitted segments, beside published ones."""
    return {"spectrum": partial(_draw, fit, published)} if fit.result.valid else {}


def central_energies(model: Model | OfficialModel, theta: Sequence[float], share: float = CENTRAL) -> tuple[float, float]:
    """True energies in GeV between which the central ``share`` of the expected astrophysical events lies (nodes are flat in ln E)."""
    expected = np.sum([array[0].sum(axis=0) for (_, component), array in model.response.moments.items() if component == "astro"], axis=0)
    ln_energy, width = model.response.ln_energy, model.response.width
    reference = model.response.reference_index * (ln_energy - math.log(model.pivot_gev))
    shape = model.spectrum.evaluate(ln_energy - math.log(model.pivot_gev), _shape_values(model, theta))
    edges = np.append(ln_energy - 0.5 * width, ln_energy[-1] + 0.5 * width[-1])
    cumulated = np.append(0.0, np.cumsum(expected * shape.f * np.exp(reference)))
    low, high = np.exp(np.interp([0.5 * (1.0 - share), 0.5 * (1.0 + share)], cumulated / cumulated[-1], edges))
    return float(low), float(high)


def flux_band(model: Model | OfficialModel | JointModel, theta: Sequence[float], errors: Array, energy_gev: Array, label: str) -> Band:
    """E^2 Phi per flavour and its 68 % band: ``errors`` is the covariance of all parameters, propagated linearly in ln Phi."""
    shape = model.spectrum.evaluate(np.log(energy_gev / model.pivot_gev), _shape_values(model, theta))
    e2_flux = energy_gev**2 * theta[0] / N_FLAVOURS * FLUX_UNIT_PER_GEV_CM2_S_SR * np.exp(shape.l)
    slopes = np.vstack([np.full(len(energy_gev), 1.0 / theta[0]), shape.dl, np.zeros((len(theta) - 1 - len(shape.dl), len(energy_gev)))])
    sigma = np.sqrt(np.einsum("ie,ij,je->e", slopes, errors, slopes))
    return Band(energy_gev, e2_flux, e2_flux * np.exp(-sigma), e2_flux * np.exp(sigma), label)


def _shape_values(model: Model | OfficialModel | JointModel, theta: Sequence[float]) -> Array:
    """Values of the spectrum's own parameters, which follow its norm."""
    return np.asarray(theta[1 : 1 + len(model.spectrum.parameters)], float)


def _energies(model: Model | OfficialModel | JointModel, theta: Sequence[float]) -> tuple[float, float]:
    """The drawn energies in GeV; those of all samples of a joint fit."""
    if not isinstance(model, JointModel):
        return central_energies(model, theta)
    ends = [central_energies(one, model.of(name, theta).tolist()) for name, one in model.models.items()]
    return min(low for low, _ in ends), max(high for _, high in ends)


def _own_segments(fit: FitView) -> list[Segments]:
    """The fit in segments of energy, with 68 % intervals; where one reaches 0 its upper end is drawn as a limit."""
    if isinstance(fit.prepared.whole.spectrum, Segmented):
        return [_fitted(fit, fit.prepared.whole.spectrum)]
    found = fit.others.get("segments")
    if found is None or not found.valid:
        return []
    edges, flux, low, high = (np.asarray(part) for part in (found.edges_gev, found.e2_flux, found.low, found.high))
    return [Segments(edges, flux, low, high, "This fit, segments")]


def _fitted(fit: FitView, spectrum: Segmented) -> Segments:
    """The parameters of a fit in segments: MINOS intervals where they were asked for, else errors of the Hessian; not below 0."""
    rows = [fit.result.parameters[one.name] for one in spectrum.parameters]
    down, up = np.array([one.minos or (-one.error, one.error) for one in rows]).T
    flux = np.array([one.value for one in rows])
    low, high = np.fmax(flux + down, 0.0), flux + np.where(np.isfinite(up), up, [one.error for one in rows])
    edges, unit = np.array(spectrum.edges_gev), UNIT_GEV_CM2_S_SR
    return Segments(edges, unit * flux, unit * low, unit * high, "This fit")


def _draw(fit: FitView, published: Sequence[Segments]) -> DrawnFigure:
    model = fit.prepared.whole
    if isinstance(model.spectrum, Segmented):
        return spectrum([], [*_own_segments(fit), *published], style=fit.style, caption=fit.caption)
    energies = np.geomspace(*_energies(model, fit.theta), POINTS)
    band = flux_band(model, fit.theta, covariance(fit.result), energies, f"This fit, 68 % band, central {100 * CENTRAL:.0f} % of events")
    return spectrum([band], [*_own_segments(fit), *published], text=fit.text(), style=fit.style, caption=fit.caption)
