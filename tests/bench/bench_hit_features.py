"""Speed of the hit level (specification 11): features against NumPy, histograms, the whole processor."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from reference import hit_features_numpy as reference

from configs.iwcd import Processor
from physics.tank_geometry import short_tank
from processors.hit_features import LIGHT, Paths, charge_features, light_features
from processors.iwcd import IwcdProcessor
from processors.iwcd_hit_histograms import Filling, fill_hits, hit_axes
from processors.iwcd_hits import Hits
from readers import open_source
from readers.digihit_writer import HitEvents, write_digihit
from readers.events import with_metadata

GROUP_INDEX = 1.38


def sample(events: int, mean_hits: int = 1280, seed: int = 1) -> tuple[Hits, Paths]:
    """As many hits an event as the real electrons have."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.poisson(mean_hits, events))]).astype(np.int64)
    n = int(offsets[-1])
    direction = rng.normal(size=(events, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    hits = Hits(offsets, rng.gamma(2, 1, n).astype(np.float32), rng.integers(0, 10184, n).astype(np.int32), rng.exponential(15, n).astype(np.float32))
    return hits, Paths(rng.uniform(-200, 200, (events, 3)), direction, short_tank().position_cm, GROUP_INDEX)


def plain(hits: Hits, paths: Paths) -> np.ndarray:
    """The features of directions by NumPy, one event after another, without the pairs of hits that the reference sums over."""
    rows = []
    for event, (start, stop) in enumerate(zip(hits.offsets, hits.offsets[1:], strict=False)):
        q = hits.charge[start:stop].astype(float)
        places = paths.pmt_cm[hits.pmt[start:stop]]
        unit, angle, residual = reference.angles_and_residuals(
            paths.vertex_cm[event], paths.direction[event], places, hits.time_ns[start:stop], GROUP_INDEX
        )
        share = q / q.sum()
        mean, tensor, deviation = share @ angle, (unit * share[:, None]).T @ unit, residual - residual.mean()
        parts = [share[chosen].sum() for chosen in ((angle >= 36) & (angle < 48), angle < 30, angle > 50, angle > 70)]
        shapes = [np.sum((share @ unit) ** 2), 1.5 * np.sum(tensor**2) - 0.5]
        times = [residual.std(), np.mean(deviation**3) / residual.std() ** 3]
        rows.append([mean, np.sqrt(share @ (angle - mean) ** 2), *parts, *shapes, *times])
    return np.array(rows).T


@pytest.mark.parametrize("events", [100, 1000, 3000])
def test_features(benchmark, events: int) -> None:
    """Beside NumPy (target: ten times faster), with the same result."""
    hits, paths = sample(events)
    zero = np.zeros(events)
    found, _ = light_features(hits, paths, zero)
    started = time.perf_counter()
    expected = plain(hits, paths)
    numpy_s = time.perf_counter() - started
    for name, values in zip(LIGHT, expected, strict=True):
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-9, err_msg=name)
    benchmark.pedantic(light_features, (hits, paths, zero), rounds=5)
    best_s = benchmark.stats.stats.min
    benchmark.extra_info.update(hits_per_s=len(hits.charge) / best_s, times_numpy=numpy_s / best_s)
    assert numpy_s > 10 * best_s


def test_sums_of_events(benchmark) -> None:
    hits, _ = sample(3000)
    found = benchmark.pedantic(charge_features, (hits, np.zeros(3000)), rounds=5, warmup_rounds=1)
    assert found["charge"].sum() == pytest.approx(hits.charge.sum(dtype=float), rel=1e-12)
    benchmark.extra_info["hits_per_s"] = len(hits.charge) / benchmark.stats.stats.min


def test_histograms_of_hits(benchmark) -> None:
    hits, paths = sample(3000)
    _, per_hit = light_features(hits, paths, np.zeros(3000), per_hit=True)
    axes, filling = hit_axes(("gamma", "e-"), 10184), Filling(np.arange(3000) % 2, np.zeros(3000))
    found = benchmark.pedantic(fill_hits, (axes, hits, filling, per_hit), rounds=5, warmup_rounds=1)
    assert found["hit_time"].sum(flow=True) == found["occupancy"].sum() == len(hits.charge)
    benchmark.extra_info["hits_per_s"] = len(hits.charge) / benchmark.stats.stats.min


def test_whole_processor(benchmark, tmp_path: Path) -> None:
    """3000 events with 3.8 million hits, from the file to table and histograms: below a second."""
    hits, paths = sample(3000)
    angles = np.stack([np.arccos(paths.direction[:, 1]), np.arctan2(paths.direction[:, 2], paths.direction[:, 0])], axis=1)
    names, numbers = [f"run_{row // 100}.root" for row in range(3000)], np.arange(3000) % 100
    events = HitEvents(
        np.arange(3000) % 4, np.full(3000, 500.0), paths.vertex_cm, angles, names, numbers, hits.offsets, hits.pmt, hits.charge, hits.time_ns
    )
    path = write_digihit(tmp_path / "events.h5", events)
    processor = IwcdProcessor(Processor(time_zero="none"))

    def run() -> None:
        with open_source(str(path)) as source:
            processor.process(with_metadata(source.events(0, 3000), {"kind": "mc", "filename": str(path)}))

    benchmark.pedantic(run, rounds=3, warmup_rounds=1)
    benchmark.extra_info["hits_per_s"] = len(hits.charge) / benchmark.stats.stats.min
