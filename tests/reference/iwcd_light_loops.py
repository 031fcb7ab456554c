"""Expected light in plain NumPy, one step at a time: the slow twin of simulation.iwcd_light."""

import numpy as np

from simulation.iwcd_cones import COSINE_BINS, cone_table
from simulation.iwcd_tracks import Steps


def expected_light(steps: Steps, position: np.ndarray, orientation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    expected, time = np.zeros(len(position)), np.zeros(len(position))
    for k, light in enumerate(steps.light_mev):
        profile = steps.shares[k] @ cone_table()[steps.rows[k]]
        to_pmt = position - steps.position_cm[k]
        distance = np.linalg.norm(to_pmt, axis=1)
        cosine = to_pmt @ steps.axis[k] / distance
        bins = np.minimum(((cosine + 1) * COSINE_BINS / 2).astype(int), COSINE_BINS - 1)
        facing = np.maximum(0.0, -np.sum(to_pmt * orientation, axis=1) / distance)
        amount = light * profile[bins] * facing / np.maximum(distance**2, 400.0)
        expected += amount
        time += amount * (steps.path_cm[k] / 29.9792458 + distance * 1.38 / 29.9792458)
    return expected, np.divide(time, expected, out=np.zeros_like(time), where=expected > 0)
