"""Effective ice parameters a and b of dE/dX = -(a + bE) from the flux by propagation length.

They are *effective*: the model has no fluctuations of the losses, which bring some of the many muons of lower energy farther than R(E); b comes out
about a tenth below the b of the losses, and a, which is anticorrelated with it, is free to move too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from fits.stopping_muons.chi_square import Measured
from fits.stopping_muons.spectrum_fit import spectrum_fit
from fits.stopping_muons.spectrum_models import RangeModel
from fits.stopping_muons.targets import RANGE
from fits.stopping_muons.theory import BinNodes, Theory
from records.stopping_muons import SpectrumFit

EFFECTIVE = "a and b are effective: losses fluctuate, so b is about a tenth below that of the losses; do not compare the two without that correction"


def range_fit(
    edges: ArrayLike,
    flux: ArrayLike,
    covariances: Mapping[str, ArrayLike],
    theory: Theory,
    *,
    norm_error: float | None = None,
    delta_gamma_error: float | None = None,
    used: Sequence[bool] | None = None,
    n_eff: float | None = None,
    truth: Mapping[str, float] | None = None,
) -> SpectrumFit:
    """Fit a (GeV/m, in [0.1, 0.5]) and b (1/m, in [1e-4, 1e-3]).

    ``edges`` (bins + 1,) in m; ``flux`` (bins,) in m^-1 m^-2 s^-1 sr^-1 with ``covariances`` (bins, bins) by source as measured, of which
    ``statistical`` and ``simulation`` grow with the flux and all others with its square. ``norm_error``, ``delta_gamma_error``: widths of the
    optional nuisances of the theory, norm ~ N(1, .) (0.1 is usual) and delta_gamma ~ N(0, .) (0.05). ``used``: bins to fit; ``n_eff``: parameters
    that the unfolding determined (for a note on chi-square). A fit that fails is a result with ``valid`` False. InputError where the theory does
    not cover the energies that the bounds of a and b allow, or for a flux without usable covariance.
    """
    model = RangeModel(theory, BinNodes.of(edges), norm_error, delta_gamma_error)
    measured = Measured.of(edges, flux, covariances, used)
    return spectrum_fit(model, measured, RANGE.flux_unit, truth=truth, n_eff=n_eff, notes=(EFFECTIVE, *theory.notes))
