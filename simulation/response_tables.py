"""Functions of the surrogate HESE response shared by the tabulated response and the event generator.

Angle, energy kernel and topology as in the recipe of the specification (section 7, steps 1 to 4). They rest on ``data_info.hese_tables``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr

from data_info.hese_tables import TRUE_CENTRES_GEV, TRUE_EDGES_GEV, HeseTables

Array = NDArray[np.float64]

CHANNELS = ("cascade", "track", "dcascade")
# P(channel | flavour), rows electron, muon, tau [convention, from the shapes of the release's detector tables].
TRACK_FRACTION = np.array([0.02, 0.70, 0.10])
DCASCADE_FRACTION = np.array([0.01, 0.01, 0.06])
CASCADE_SMEARING_RAD = np.deg2rad(8.0)  # Rayleigh parameter of the angle between true and reconstructed direction
TRACK_SMEARING_RAD = np.deg2rad(1.0)
TRACK_Y_MAX = 0.12  # largest log10(E_deposited / E_neutrino) of a track


def topology_fractions(track: ArrayLike = TRACK_FRACTION, dcascade: ArrayLike = DCASCADE_FRACTION) -> dict[str, Array]:
    """P(channel | flavour) as channel -> (3,) for electron, muon, tau; the three channels sum to 1."""
    track, dcascade = np.asarray(track, dtype=np.float64), np.asarray(dcascade, dtype=np.float64)
    return {"cascade": 1.0 - track - dcascade, "track": track, "dcascade": dcascade}


def angular_shape(tables: HeseTables, energy_gev: ArrayLike, *, nearest: bool = False) -> Array:
    """S(E, c): effective area in true cos zenith relative to its mean over the sky; shape (energies, 10), mean 1 in every row.

    Linear in ln E between the tabulated bin centres, constant outside them; ``nearest``: the row of the nearest centre.
    """
    rows = tables.area_coszen_m2 / tables.area_coszen_m2.mean(axis=1, keepdims=True)
    log_centres = np.log(TRUE_CENTRES_GEV[tables.first_area_bin :])
    log_energy = np.log(np.asarray(energy_gev, dtype=np.float64))
    if nearest:
        log_energy = log_centres[np.abs(log_energy[:, None] - log_centres).argmin(axis=1)]
    shape = np.stack([np.interp(log_energy, log_centres, column) for column in rows.T], axis=1)
    return shape / shape.mean(axis=1, keepdims=True)


def cascade_cdf(tables: HeseTables, j: int) -> PchipInterpolator:
    """Cumulative distribution of y = log10(E_deposited / e_j) for cascades of true-energy bin j: monotone cubic through the tabulated edges.

    Call it through ``np.clip(y, cdf.x[0], cdf.x[-1])``: the distribution is constant outside.
    """
    row = tables.cascade_migration[j - tables.first_migration_bin]
    cumulated = np.concatenate([[0.0], np.cumsum(row)]) / row.sum()
    return PchipInterpolator(np.log10(TRUE_EDGES_GEV / TRUE_CENTRES_GEV[j]), cumulated)


def _cascade(tables: HeseTables, j: int) -> Callable[[Array], Array]:
    """The distribution for any y."""
    cdf = cascade_cdf(tables, j)
    return lambda y: np.asarray(cdf(np.clip(y, cdf.x[0], cdf.x[-1])))


def _track(tables: HeseTables, j: int, width_scale: float) -> Callable[[Array], Array]:
    """Gaussian in y, truncated at 0.12: a track cannot deposit much more than the neutrino's energy."""
    bias, width = tables.track_bias[j - tables.first_area_bin], width_scale * tables.track_width[j - tables.first_area_bin]
    whole = ndtr((TRACK_Y_MAX - bias) / width)
    return lambda y: np.minimum(ndtr((y - bias) / width) / whole, 1.0)


def energy_kernel(
    tables: HeseTables,
    channel: str,
    energy_gev: ArrayLike,
    deposited_edges_gev: ArrayLike,
    *,
    scale: float = 1.0,
    track_width_scale: float = 1.0,
    nearest: bool = False,
) -> Array:
    """K(b | E): probability of deposited-energy bin b for a neutrino energy E in GeV; shape (energies, bins).

    The cumulative distributions of the two nearest true-energy bins are averaged linearly in ln E (``nearest``: that of the nearest one alone);
    none below the first tabulated centre (47.3 TeV). Double cascades use the kernel of cascades. ``scale`` multiplies deposited energies,
    ``track_width_scale`` the widths of tracks in log10 of them.
    """
    energy, edges = np.asarray(energy_gev, dtype=np.float64), np.asarray(deposited_edges_gev)
    first, last = tables.first_migration_bin, len(TRUE_CENTRES_GEV) - 1
    rows = range(first, last + 1)
    cumulative = [_track(tables, j, track_width_scale) if channel == "track" else _cascade(tables, j) for j in rows]
    position = np.interp(np.log(energy), np.log(TRUE_CENTRES_GEV), np.arange(len(TRUE_CENTRES_GEV)))
    kernel = np.zeros((len(energy), len(edges) - 1))
    for i in np.flatnonzero(energy >= TRUE_CENTRES_GEV[first]):
        j = int(np.clip(np.floor(position[i]), first, last - 1))
        upper = np.clip(position[i] - j, 0.0, 1.0)
        upper = np.rint(upper) if nearest else upper
        y = np.log10(edges / (energy[i] * scale))
        kernel[i] = np.diff((1.0 - upper) * cumulative[j - first](y) + upper * cumulative[j + 1 - first](y))
    return kernel


def zenith_smearing(edges: ArrayLike, sigma_rad: float = CASCADE_SMEARING_RAD, order: int = 200) -> Array:
    """R[a, b] = P(reconstructed cos zenith in bin b | true cos zenith uniform in bin a).

    The reconstructed direction lies at an angle psi from the true one, with the density psi/sigma^2 exp(-psi^2 / 2 sigma^2), at a uniform
    azimuth. Gauss-Legendre in cos zenith and in psi (to 8 sigma); the azimuth is integrated analytically: on the circle of radius psi,
    cos zenith' = cos psi cos zenith + sin psi sin zenith cos(azimuth).
    """
    edges = np.asarray(edges, dtype=np.float64)
    nodes, weights = np.polynomial.legendre.leggauss(order)
    psi = 4.0 * sigma_rad * (nodes + 1.0)
    density = weights * psi * np.exp(-0.5 * (psi / sigma_rad) ** 2)
    density /= density.sum()
    matrix = np.empty((len(edges) - 1, len(edges) - 1))
    for a, (low, high) in enumerate(itertools.pairwise(edges)):
        cosine = 0.5 * (low + high) + 0.5 * (high - low) * nodes[:, None]
        reach = np.sin(psi) * np.sqrt(1.0 - cosine**2)
        below = [1.0 - np.arccos(np.clip((edge - np.cos(psi) * cosine) / reach, -1.0, 1.0)) / np.pi for edge in edges[1:-1]]
        inside = np.diff(np.stack([np.zeros_like(reach), *below, np.ones_like(reach)]), axis=0)
        matrix[a] = np.einsum("bcp,c,p->b", inside, 0.5 * weights, density)
    return matrix
