"""Fit of a parametrised flux to a measured one with its full covariance: the result that is written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fits.stopping_muons.chi_square import Measured, fit
from fits.stopping_muons.profile_contours import profile_contours
from fits.stopping_muons.spectrum_models import SpectrumModel
from fits.stopping_muons.spectrum_result import correlation_of, p_value, parameters_of, scaled
from records.stopping_muons import SpectrumFit

LARGE_ERROR = 0.5  # relative: beyond, a normal distribution is no description of an unfolded bin


def spectrum_fit(
    model: SpectrumModel,
    measured: Measured,
    unit: str,
    *,
    truth: Mapping[str, float] | None = None,
    n_eff: float | None = None,
    notes: tuple[str, ...] = (),
) -> SpectrumFit:
    """Minimum of chi-square (priors count in it), MINOS errors and profile contours of the first two parameters, chi-square's probability.

    ``n_eff``: parameters that the data determined in the unfolding behind the flux; with a smoothness prior they are fewer than its bins.
    """
    objective, minimum = fit(model, measured)
    first, second = (model.scales.get(one.name, (1.0, ""))[0] for one in model.parameters[:2])
    chi2, ndf = 2.0 * minimum.nll, int(np.sum(measured.used)) - 2
    return SpectrumFit(
        parameters=parameters_of(minimum, model.parameters, model.scales),
        correlation=correlation_of(minimum),
        chi2=chi2,
        ndf=ndf,
        p_value=p_value(chi2, ndf),
        edges=measured.edges.tolist(),
        model=model.average(minimum.theta)[0].tolist(),
        contours=scaled(profile_contours(objective, minimum), first, second),
        truth=dict(truth or {}),
        notes=[*notes, *_warnings(measured, n_eff), *(f"{name} is at its bound" for name in minimum.at_bound)],
        valid=minimum.valid,
        reason=minimum.reason,
        unit=unit,
        used=measured.used.tolist(),
    )


def _warnings(measured: Measured, n_eff: float | None) -> list[str]:
    """What a reader of chi-square must know."""
    found, bins = [], int(np.sum(measured.used))
    if n_eff is not None and n_eff < bins - 0.5:
        expected = max(n_eff - 2, 0.0)
        found.append(
            f"the smoothness prior leaves {n_eff:.1f} of {bins} bins: chi-square is expected near {expected:.1f}, and p-values are too large"
        )
    weak = _weak(measured)
    if weak.size:
        listed = ", ".join(map(str, weak))
        found.append(f"errors above 50 % in bins {listed}: chi-square takes them as normal; rely on a fit to the counts, or merge the bins")
    return found


def _weak(measured: Measured) -> NDArray[np.int64]:
    """Bins that are used with a large error."""
    error = np.full(measured.flux.size, 0.0)
    error[measured.used] = np.sqrt(np.diag(measured.covariance()))
    return np.flatnonzero(error > LARGE_ERROR * np.abs(measured.flux))
