"""Hit features of one event at a time in plain NumPy: the slow twin of processors.hit_features."""

import numpy as np

SPEED_CM_PER_NS = 29.9792458


def sums_and_blind(charge: np.ndarray, time: np.ndarray) -> dict[str, float]:
    q, t = charge.astype(float), time.astype(float)
    if len(q) == 0:
        return {"charge": 0.0}
    found = {
        "charge": q.sum(),
        "max_charge": q.max(),
        "mean_charge": q.mean(),
        "time_mean": t.mean(),
        "time_rms": t.std(),
        "charge_per_hit": q.mean(),
    }
    if q.sum() > 0:
        found |= {"maxq_fraction": q.max() / q.sum(), "q_rms_ratio": q.std() / q.mean()}
    return found


def angles_and_residuals(vertex, direction, pmt_position, time, group_index):
    """Unit vectors (n, 3), angles in degrees and time residuals in ns of the hits."""
    way = pmt_position - vertex
    distance = np.linalg.norm(way, axis=1)
    unit = way / distance[:, None]
    angle = np.degrees(np.arccos(np.clip(unit @ direction, -1, 1)))
    return unit, angle, time.astype(float) - distance * group_index / SPEED_CM_PER_NS


def light(vertex, direction, pmt_position, charge, time, group_index) -> dict[str, float]:
    if len(charge) == 0:
        return {}
    q = charge.astype(float)
    unit, angle, residual = angles_and_residuals(vertex, direction, pmt_position, time, group_index)
    second = residual.var()
    found = {"tres_rms": np.sqrt(second), "tres_skew": np.mean((residual - residual.mean()) ** 3) / second**1.5 if second > 1e-10 else 0.0}
    if q.sum() <= 0:
        return found
    share = q / q.sum()
    mean = share @ angle
    cosines = unit @ unit.T
    return found | {
        "mean_angle": mean, "rms_angle": np.sqrt(share @ (angle - mean) ** 2), "ring_fraction": share[(angle >= 36) & (angle < 48)].sum(),
        "inner30": share[angle < 30].sum(), "outer50": share[angle > 50].sum(), "outer70": share[angle > 70].sum(),
        "beta1": share @ cosines @ share, "beta2": share @ (1.5 * cosines**2 - 0.5) @ share,
    }  # fmt: skip
