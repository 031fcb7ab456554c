"""How well generated particles can be told apart (specification 8, G25): photons from electrons hardly, but with the wrong pair model easily."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from physics.particles import THRESHOLD_MEV
from physics.tank import dwall, towall
from physics.tank_geometry import short_tank
from simulation.iwcd import PARTICLES, Event, Light, Sample, tank

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra: learn)")


def features(event: Event) -> list[float]:
    """Ring and brightness of one event, seen from its true vertex (specification 4.3)."""
    q = event.hits.charge_pe.astype(float)
    u = short_tank().position_cm[event.hits.pmt] - event.vertex_cm
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip(u @ event.direction, -1, 1)))
    mean = np.average(angle, weights=q)
    share = [q[chosen].sum() / q.sum() for chosen in ((angle > 36) & (angle < 48), angle < 30, angle > 50, angle > 70)]
    tensor = (u * q[:, None]).T @ u / q.sum()
    moments = [np.sum((q @ u) ** 2) / q.sum() ** 2, 1.5 * np.trace(tensor @ tensor) - 0.5]
    spread = np.sqrt(np.average((angle - mean) ** 2, weights=q))
    return [mean, spread, *share, *moments, q.std() / q.mean(), q.max() / q.sum(), q.mean(), len(q), q.sum()]


@functools.cache
def table(particle: str, size: int, pair_model: str = "tuned") -> np.ndarray:
    """Features of the events inside the preselection of the specification (section 6)."""
    start = PARTICLES.index(particle) * size
    rows = []
    for event in Sample(size, 12345, light=Light(pair_model=pair_model)).events(start, start + size):
        bright = len(event.hits.pmt) > 25 and event.energy_mev - THRESHOLD_MEV[particle] > 100
        if bright and dwall(event.vertex_cm, tank()) > 50 and towall(event.vertex_cm, event.direction, tank()) > 100:
            rows.append(features(event))
    return np.array(rows)


def auc(electrons: np.ndarray, others: np.ndarray) -> float:
    """Area under the ROC curve of a logistic regression by fourfold cross-validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.vstack([electrons, others]), np.repeat([1, 0], [len(electrons), len(others)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
    return float(roc_auc_score(y, cross_val_predict(model, x, y, cv=4, method="predict_proba")[:, 1]))


def check(size: int, slack: float) -> None:
    electrons = table("e-", size)
    assert 0.52 - slack < auc(electrons, table("gamma", size)) < 0.75 + slack
    assert auc(electrons, table("gamma", size, "independent")) > 0.85 - slack
    assert auc(electrons, table("mu-", size)) > 0.99 - slack
    assert auc(electrons, table("pi0", size)) > 0.9 - slack


def test_discrimination_of_small_samples() -> None:
    check(200, 0.08)


@pytest.mark.slow
def test_discrimination_g25() -> None:
    check(1500, 0.0)
