"""The stacking likelihood of one combination as a HistFactory workspace, fitted and limited with pyhf.

Channel ``stack`` holds the K bins of r. Sample ``background``: N b with the normfactor ``bkg``; samples ``signal`` or ``signal_<source>``: the
excess of ``reference_n`` signal events over what they add to a scrambled background, n (s - s_scr), or n s where the background is known; all scale
with the normfactor ``mu``. A J factor's errors are a normsys, hi = 10^plus, lo = 10^-minus, which with interpolation code1 is a Gaussian of log10 J
split at its centre. The excess has negative bins; bounds of ``mu`` keep every expectation positive. Estimate and test statistic are those of
``fits.dark_matter.stack_fit``: the fitted ``bkg`` takes up the total.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import toms748

from configs.errors import InputError
from fits.dark_matter.sky import RatioBins
from fits.dark_matter.stack_fit import StackFit, largest_share
from fits.frontends.pyhf import numpy_backend
from records.atomic import write_text

Array = NDArray[np.float64]

CHANNEL, MEASUREMENT = "stack", "normsys=code1"  # the name tells a reader of the file which interpolation to choose
INTERPOLATION = {"normsys": {"interpcode": "code1"}}
BACKGROUND_BOUNDS, LARGEST_MU = (0.5, 1.5), 100.0
SMALLEST_MU, LIMIT_TOLERANCE = 1e-3, 1e-4  # of limits; the second relative
BAND = ("-2", "-1", "0", "1", "2")


@dataclass(frozen=True, eq=False)
class JErrors:
    """Errors of log10 J in dex, up and down: of the total (one entry), or of every source with its share ``weight`` of the signal."""

    names: tuple[str, ...]
    plus: Array
    minus: Array
    weight: Array

    @classmethod
    def of_total(cls, sigma_ln: float) -> JErrors:
        """One relative error of the number of signal events, natural logarithm."""
        dex = np.array([sigma_ln / math.log(10.0)])
        return cls(("J",), dex, dex, np.ones(1))


def workspace(bins: RatioBins, counts: ArrayLike, reference_n: float, j_errors: JErrors | None = None) -> dict[str, Any]:
    """The HistFactory workspace (JSON schema 1.0.0) of one combination.

    ``counts`` (K,) of the data, ``reference_n``: signal events at mu = 1, best near the sensitivity. Raises ``InputError`` for other than K counts, a
    number of events that is not positive, and errors that are not those of the sources.
    """
    observed = np.asarray(counts, dtype=np.float64)
    if observed.shape != bins.background.shape:
        raise InputError(f"{observed.size} counts for {len(bins.background)} bins of the likelihood ratio; give one for each bin")
    if not (reference_n > 0.0 and math.isfinite(reference_n)):
        raise InputError(f"{reference_n!r} signal events at mu = 1: give a positive number, such as the sensitivity")
    background = {"name": "background", "data": (bins.n_events * bins.background).tolist(), "modifiers": [_normfactor("bkg")]}
    parameters = [
        {"name": "mu", "inits": [0.5], "bounds": [[0.0, largest_mu(bins, reference_n)]]},
        {"name": "bkg", "inits": [1.0], "bounds": [list(BACKGROUND_BOUNDS)]},
    ]
    return {
        "channels": [{"name": CHANNEL, "samples": [background, *_signals(bins, reference_n, j_errors)]}],
        "observations": [{"name": CHANNEL, "data": observed.tolist()}],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": "mu", "parameters": parameters}}],
        "version": "1.0.0",
    }


def largest_mu(bins: RatioBins, reference_n: float) -> float:
    """Up to here every bin has a positive expectation for any allowed ``bkg``, at most 100."""
    if bins.known:
        return LARGEST_MU
    return min(LARGEST_MU, BACKGROUND_BOUNDS[0] * bins.n_events * float(largest_share(bins.ratio)) / reference_n)


def _signals(bins: RatioBins, reference_n: float, j_errors: JErrors | None) -> list[dict[str, Any]]:
    if j_errors is None or len(j_errors.names) == 1:
        modifiers = [_normfactor("mu")] if j_errors is None else [_normfactor("mu"), _j_error(j_errors, 0)]
        excess = bins.signal - (0.0 if bins.known else bins.scrambled)
        return [{"name": "signal", "data": (reference_n * excess).tolist(), "modifiers": modifiers}]
    if len(j_errors.names) != len(bins.by_source):
        raise InputError(f"{len(j_errors.names)} errors of J for {len(bins.by_source)} sources; give one for each, or one for their total")
    excesses = bins.by_source - (0.0 if bins.known else bins.scrambled_by_source)
    return [
        {
            "name": f"signal_{name}",
            "data": (reference_n * j_errors.weight[place] * excesses[place]).tolist(),
            "modifiers": [_normfactor("mu"), _j_error(j_errors, place)],
        }
        for place, name in enumerate(j_errors.names)
    ]


def _normfactor(name: str) -> dict[str, Any]:
    return {"name": name, "type": "normfactor", "data": None}


def _j_error(errors: JErrors, place: int) -> dict[str, Any]:
    name = "J" if len(errors.names) == 1 else f"J_{errors.names[place]}"
    return {"name": name, "type": "normsys", "data": {"hi": 10.0 ** float(errors.plus[place]), "lo": 10.0 ** -float(errors.minus[place])}}


def write_workspace(path: str | Path, bins: RatioBins, counts: ArrayLike, reference_n: float, j_errors: JErrors | None = None) -> Path:
    """Write the workspace as JSON after pyhf has checked it against its schema; returns the path."""
    content = workspace(bins, counts, reference_n, j_errors)
    build(content)
    write_text(Path(path), json.dumps(content, indent=1) + "\n")
    return Path(path)


def build(content: dict[str, Any]) -> Any:
    """The ``pyhf.Model`` of a workspace, its normsys exponential."""
    with numpy_backend() as pyhf:
        return pyhf.Workspace(content).model(modifier_settings=INTERPOLATION)


def fit(content: dict[str, Any], reference_n: float) -> StackFit:
    """Fitted number of signal events and TS of n = 0 by pyhf with Minuit. Raises ``InputError`` when the fit fails."""
    model, data = _model_and_data(content)
    with numpy_backend() as pyhf:
        try:
            best, value = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
            _, without = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
        except pyhf.exceptions.FailedMinimization as error:
            raise InputError(f"pyhf: {error}; use the native fit") from None
    return StackFit(reference_n * float(best[model.config.poi_index]), max(0.0, float(without - value)))


@dataclass(frozen=True)
class UpperLimits:
    """Upper limits on the number of signal events: of the counts, and expected of background ("-2" ... "2" standard deviations)."""

    observed: float
    band: dict[str, float]


def upper_limits(content: dict[str, Any], reference_n: float, cl: float = 0.9) -> UpperLimits:
    """Limits by CLs with q~ and asymptotic formulae (Cowan et al., EPJC 71 (2011) 1554).

    Infinite where the largest allowed number is not excluded.
    """
    model, data = _model_and_data(content)
    top = float(model.config.suggested_bounds()[model.config.poi_index][1])
    tested: dict[float, list[float]] = {}

    def cls_values(mu: float) -> list[float]:
        """CLs of the counts and of the five expected ones: each mu is tested once for all six limits."""
        if mu not in tested:
            with numpy_backend() as pyhf:
                found, expected = pyhf.infer.hypotest(mu, data, model, test_stat="qtilde", return_expected_set=True)
            tested[mu] = [float(found), *map(float, expected)]
        return tested[mu]

    def crossing(place: int) -> float:
        def above(mu: float) -> float:
            return cls_values(mu)[place] - (1.0 - cl)

        return math.inf if above(top) > 0.0 else float(toms748(above, SMALLEST_MU, top, rtol=LIMIT_TOLERANCE))

    observed, *band = (crossing(place) for place in range(1 + len(BAND)))
    return UpperLimits(reference_n * observed, {key: reference_n * mu for key, mu in zip(BAND, band, strict=True)})


def _model_and_data(content: dict[str, Any]) -> tuple[Any, Array]:
    model = build(content)
    return model, np.concatenate([np.asarray(content["observations"][0]["data"]), model.config.auxdata])
