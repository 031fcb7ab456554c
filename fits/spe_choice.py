"""Which model of the single-photo-electron charge describes a spectrum, and what the choice does to the gain."""

from __future__ import annotations

import math
from collections.abc import Sequence

from records.spe import ModelChoice, SpeResult

SUPPORTED = 10.0  # AIC above the best: beyond, a model has essentially no support (Burnham and Anderson, Model Selection, section 2.6)
DESCRIBES = 0.01  # p-value from which the best model is taken to describe the data


def compare_models(results: Sequence[SpeResult]) -> ModelChoice:
    """Order fits of one spectrum by Akaike's criterion and turn their spread into an uncertainty.

    ``gain_model_error``: largest distance of a supported model's gain from the best's; if not even the best describes the data, of any valid
    model's. NaN, with an empty ``best``, without a valid fit.
    """
    valid = [one for one in results if one.valid]
    rejected = {one.model: one.reason for one in results if not one.valid}
    if not valid:
        return ModelChoice("", {}, {}, [], math.nan, math.nan, rejected)
    best = min(valid, key=lambda one: one.aic)
    above = {one.model: one.aic - best.aic for one in valid}
    gain = {one.model: one.gain for one in valid}
    distance = {name: abs(value - best.gain) for name, value in gain.items()}
    supported = [name for name, value in above.items() if value <= SUPPORTED]
    rejected |= {name: f"AIC {value:.1f} above that of {best.model}" for name, value in above.items() if name not in supported}
    counted = supported if best.goodness.p_value >= DESCRIBES else list(gain)
    return ModelChoice(
        best=best.model,
        delta_aic=above,
        gain=gain,
        supported=supported,
        gain_model_error=max(distance[name] for name in counted),
        gain_spread=max(distance.values()),
        rejected=rejected,
    )
