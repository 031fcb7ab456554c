"""Neutrino mixing, and flavours after a way much longer than every oscillation length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest

Matrix = NDArray[np.complex128]
FLAVOURS = ("e", "mu", "tau")


@dataclass(frozen=True)
class Mixing:
    """Three squared sines and the phase (degrees) of the standard parametrisation."""

    sin2_12: float
    sin2_13: float
    sin2_23: float
    delta_deg: float


# nufit60_no: NuFIT 6.0, normal ordering, with atmospheric data of SK and IceCube (Esteban et al., JHEP 12 (2024) 216, arXiv:2410.05380).
# nufit52_no: NuFIT 5.2, normal ordering, with atmospheric data of SK (Esteban et al., JHEP 09 (2020) 178, arXiv:2007.14792, update of 2022).
# reference: angles of the analysis github priesbr1/Analysis-IC86-BSM-DarkMatter-DwarfGalaxy-LowMassWIMPs, for comparison; its theta_13 is outdated.
SETS = {
    "nufit52_no": Mixing(0.303, 0.02225, 0.451, 232.0),
    "nufit60_no": Mixing(0.308, 0.02215, 0.470, 212.0),
    "reference": Mixing(math.sin(0.57596) ** 2, math.sin(0.1296) ** 2, math.sin(0.8552) ** 2, 0.0),
}

SOURCES: dict[str, tuple[float, float, float]] = {  # fractions of e, mu, tau at the source (Learned and Pakvasa, Astropart. Phys. 3 (1995) 267)
    "pion decay": (1 / 3, 2 / 3, 0.0),
    "damped muons": (0.0, 1.0, 0.0),
    "neutron decay": (1.0, 0.0, 0.0),
}


def mixing(name: str) -> Mixing:
    """The mixing of that name. Raises ``InputError`` naming the nearest one.

    >>> mixing("nufit60_no").sin2_12
    0.308
    """
    if name not in SETS:
        raise InputError(f"{name!r} is not a set of mixing angles{nearest(name, SETS)}")
    return SETS[name]


def pmns(angles: Mixing) -> Matrix:
    """The mixing matrix (3, 3): rows e, mu, tau; columns the masses 1, 2, 3 (Particle Data Group, review of neutrino masses, eq. 14.33)."""
    s12, s13, s23 = (math.sqrt(value) for value in (angles.sin2_12, angles.sin2_13, angles.sin2_23))
    c12, c13, c23 = (math.sqrt(1.0 - value) for value in (angles.sin2_12, angles.sin2_13, angles.sin2_23))
    phase = np.exp(1j * math.radians(angles.delta_deg))
    return np.array(
        [
            [c12 * c13, s12 * c13, s13 / phase],
            [-s12 * c23 - c12 * s23 * s13 * phase, c12 * c23 - s12 * s23 * s13 * phase, s23 * c13],
            [s12 * s23 - c12 * c23 * s13 * phase, -c12 * s23 - s12 * c23 * s13 * phase, c23 * c13],
        ]
    )


def averaged_probability(angles: Mixing) -> NDArray[np.float64]:
    """Probability (3, 3) that flavour a arrives as b when the phases have averaged out: sum_i |U_ai|^2 |U_bi|^2; symmetric, rows sum to 1.

    >>> averaged_probability(mixing("nufit60_no")).round(4).tolist()
    [[0.5491, 0.2151, 0.2358], [0.2151, 0.4071, 0.3778], [0.2358, 0.3778, 0.3864]]
    """
    squares = np.abs(pmns(angles)) ** 2
    probability: NDArray[np.float64] = squares @ squares.T
    return probability


def at_earth(at_source: ArrayLike, angles: Mixing | None) -> NDArray[np.float64]:
    """Fluxes (3, ...) of e, mu, tau at Earth of those at the source; None: as produced. The sum over flavours is kept."""
    flux = np.asarray(at_source, dtype=np.float64)
    return flux if angles is None else np.tensordot(averaged_probability(angles), flux, axes=1)
