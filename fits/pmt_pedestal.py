"""Which pedestal a point has: the same gate with the LED off, a gate before the pulse, or the variance of the noise alone.

Every kind has the length of the charge gate: noise is correlated, and its variance does not grow with the length alone.
"""

from __future__ import annotations

import math
from typing import Literal

from fits.pmt_noise import noise_variance
from fits.pmt_points import Point, Tube
from fits.sample_moments import ChargeMoments
from records.gain import Pedestal

Wanted = Literal["auto", "off", "pre", "variance"]
ORDER = ("off", "pre", "variance")  # of preference


def pedestal_of(tube: Tube, point: Point, wanted: Wanted) -> tuple[Pedestal, ChargeMoments] | str:
    """Pedestal of a point and its moments, or why there is none; the record says why a better kind was not used."""
    reasons: list[str] = []
    for kind in ORDER if wanted == "auto" else (wanted,):
        found = _of_kind(tube, point, kind)
        if isinstance(found, ChargeMoments):
            spread = math.sqrt(max(found.variance_pc2, 0.0))
            if spread == 0.0:
                reasons.append("its variance is too small to be seen in so few baselines, and taken as 0")
            error = 0.0 if kind == "variance" else spread / math.sqrt(found.n)
            return Pedestal(kind, found.n, found.mean_pc, error, spread, "; ".join(reasons)), found
        reasons.append(found)
    return "; ".join(reasons)


def _of_kind(tube: Tube, point: Point, kind: str) -> ChargeMoments | str:
    if kind == "off":
        dark = tube.off.get(point.name)
        if dark is None:
            return "no point with the LED off"
        return dark.moments("gate", "all") or f"fewer than two triggers in {dark.name}"
    if kind == "pre":
        return point.moments("pre", "all") or "no gate before the pulse"
    return noise_variance(point)
