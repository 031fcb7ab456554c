"""From a minimum to the result that is written: parameters in physical units, quality of the fit, contours."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from fits.contours import Polyline
from fits.minimise import Minimum
from fits.parameters import FitParameter
from fits.priors import Gaussian
from records.value import Parameter

Scales = Mapping[str, tuple[float, str]]


def parameters_of(minimum: Minimum, parameters: tuple[FitParameter, ...], scales: Scales) -> dict[str, Parameter]:
    """By name; parameters that are held are left out."""
    return {one.name: _parameter(minimum, one, *scales.get(one.name, (1.0, ""))) for one in parameters if one.name not in minimum.fixed}


def _parameter(minimum: Minimum, one: FitParameter, scale: float, unit: str) -> Parameter:
    minos = minimum.minos.get(one.name)
    prior = one.prior
    return Parameter(
        value=minimum.values[one.name] * scale,
        error=minimum.errors[one.name] * scale,
        minos=None if minos is None or not all(math.isfinite(side) for side in minos) else (minos[0] * scale, minos[1] * scale),
        unit=unit,
        at_bound=one.name in minimum.at_bound,
        prior=f"normal {prior.mean:g} +- {prior.sigma:g}" if isinstance(prior, Gaussian) else None,
        pull=None if prior is None else prior.pull(minimum.values[one.name]),
    )


def scaled(polygons: Mapping[str, list[Polyline]], first: float, second: float) -> dict[str, list[Polyline]]:
    """Contours in physical units."""
    return {label: [[(x * first, y * second) for x, y in line] for line in lines] for label, lines in polygons.items()}


def correlation_of(minimum: Minimum) -> float:
    """Of the two parameters of interest."""
    return float(minimum.correlation[0, 1])


def p_value(chi2: float, ndf: int) -> float:
    """Probability of a larger chi-square; NaN without degrees of freedom."""
    return float(chi2_distribution.sf(chi2, ndf)) if ndf > 0 and np.isfinite(chi2) else math.nan
