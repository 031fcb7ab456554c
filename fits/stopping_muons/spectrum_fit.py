"""Fit of a parametrised flux to a measured one with its full covariance: the result that is written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fits.stopping_muons.chi_square import Measured, fit
from fits.stopping_muons.profile_contours import profile_contours
from fits.stopping_muons.spectrum_models import SpectrumModel
from fits.stopping_muons.spectrum_result import correlation_of, p_value, parameters_of, scaled
from records.stopping_muons import SpectrumFit


def spectrum_fit(
    model: SpectrumModel, measured: Measured, unit: str, *, truth: Mapping[str, float] | None = None, notes: tuple[str, ...] = ()
) -> SpectrumFit:
    """Minimum of chi-square (priors count in it), MINOS errors and profile contours of the first two parameters, chi-square's probability."""
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
        notes=[*notes, *(f"{name} is at its bound" for name in minimum.at_bound)],
        valid=minimum.valid,
        reason=minimum.reason,
        unit=unit,
        used=measured.used.tolist(),
    )
