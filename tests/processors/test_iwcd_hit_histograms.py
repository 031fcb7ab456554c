"""Histograms of hits against boost-histogram's own filling, hit by hit; sums that do not depend on the order."""

from __future__ import annotations

import hist
import numpy as np
import pytest

from processors.hit_features import PerHit
from processors.iwcd_hit_histograms import CHARGE_EDGES, NOT_SELECTED, Filling, bucket_bins, fill_hits, hit_axes
from processors.iwcd_hits import Hits

PARTICLES = ("gamma", "e-", "unknown")
PMTS = 38  # two modules


def sample(counts: tuple[int, ...] = (0, 400, 1, 250, 0, 333), seed: int = 2) -> tuple[Hits, Filling, PerHit]:
    rng = np.random.default_rng(seed)
    total = sum(counts)
    charge = np.exp(rng.uniform(np.log(0.01), np.log(2000), total)).astype(np.float32)
    charge[:5] = (0.05, 0.0, -1.0, 500.0, np.nextafter(np.float32(CHARGE_EDGES[60]), np.float32(0)))
    time, residual = rng.uniform(-30, 260, total).astype(np.float32), rng.uniform(-80, 200, total).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    particle = np.array([0, 1, 2, 0, 1, NOT_SELECTED][: len(counts)])
    per_hit = PerHit(rng.uniform(0, 180, total).astype(np.float32), residual)
    return Hits(offsets, charge, rng.integers(0, PMTS, total).astype(np.int32), time), Filling(particle, rng.uniform(0, 10, len(counts))), per_hit


def part(hits: Hits, filling: Filling, per_hit: PerHit, events: slice) -> tuple[Hits, Filling, PerHit]:
    offsets = hits.offsets[events.start : events.stop + 1]
    chosen = slice(offsets[0], offsets[-1])
    assert hits.pmt is not None and hits.time_ns is not None  # noqa: PT018
    cut = Hits(offsets - offsets[0], hits.charge[chosen], hits.pmt[chosen], hits.time_ns[chosen])
    return cut, Filling(filling.particle[events], filling.time_zero_ns[events]), PerHit(per_hit.angle_deg[chosen], per_hit.residual_ns[chosen])


def test_agrees_with_filling_hit_by_hit() -> None:
    hits, filling, per_hit = sample()
    axes = hit_axes(PARTICLES, PMTS)
    found = fill_hits(axes, hits, filling, per_hit)
    expected = {name: hist.Hist(*of_hist, storage=found[name].storage_type()) for name, of_hist in axes.items()}
    for event, (start, stop) in enumerate(zip(hits.offsets, hits.offsets[1:], strict=False)):
        if filling.particle[event] == NOT_SELECTED or start == stop:
            continue
        name, own = PARTICLES[filling.particle[event]], slice(start, stop)
        charge, pmt = hits.charge[own].astype(float), hits.pmt[own]
        residual = per_hit.residual_ns[own].astype(float)
        expected["hit_charge"].fill(name, charge)
        expected["hit_time"].fill(name, hits.time_ns[own] - filling.time_zero_ns[event])
        expected["hit_residual"].fill(name, residual - np.median(residual))
        expected["hit_angle"].fill(name, per_hit.angle_deg[own].astype(float), weight=charge)
        expected["occupancy"].fill(name, pmt)
        expected["occupancy_charge"].fill(name, pmt, weight=charge)
        expected["place"].fill(name, pmt % 19)
        expected["place_charge"].fill(name, pmt % 19, weight=charge)
    assert list(found) == list(axes)
    for name, histogram in found.items():
        if histogram.storage_type is hist.storage.Int64:
            np.testing.assert_array_equal(histogram.view(flow=True), expected[name].view(flow=True), err_msg=name)
        else:  # charges count as multiples of 2^-16 p.e.
            np.testing.assert_allclose(histogram.values(flow=True), expected[name].values(flow=True), rtol=1e-6, atol=1e-3, err_msg=name)
    np.testing.assert_allclose(found["hit_angle"].variances(flow=True), expected["hit_angle"].variances(flow=True), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("cut", [1, 2, 3, 5])
def test_parts_add_up_to_the_last_bit(cut: int) -> None:
    whole = sample()
    axes = hit_axes(PARTICLES, PMTS)
    together = fill_hits(axes, *whole)
    parts = [fill_hits(axes, *part(*whole, slice(*ends))) for ends in ((0, cut), (cut, 6))]
    for name, histogram in together.items():
        assert (parts[1][name] + parts[0][name]).view(flow=True).tobytes() == histogram.view(flow=True).tobytes(), name


def test_charge_bins_are_those_of_a_search() -> None:
    rng = np.random.default_rng(1)
    charge = np.concatenate([np.exp(rng.uniform(-20, 20, 20_000)), CHARGE_EDGES, np.nextafter(CHARGE_EDGES, 0), [0, 1e-40, 3e38]]).astype(np.float32)
    hits = Hits(np.array([0, len(charge)]), charge, None, None)
    found = fill_hits(hit_axes(PARTICLES, None), hits, Filling(np.zeros(1, int), np.zeros(1)), None)["hit_charge"]
    expected = np.bincount(np.searchsorted(CHARGE_EDGES, charge.astype(float), side="right"), minlength=122)
    np.testing.assert_array_equal(found.view(flow=True)[0], expected)
    assert np.max(np.diff(bucket_bins(CHARGE_EDGES))) == 1  # a bucket holds one edge at most


def test_sums_of_a_module_are_those_of_its_photomultipliers() -> None:
    hits, filling, per_hit = sample()
    found = fill_hits(hit_axes(PARTICLES, PMTS), hits, filling, per_hit)
    assert found["place"].sum() == found["occupancy"].sum() == found["hit_charge"].sum(flow=True)
    assert found["place_charge"].sum() == found["occupancy_charge"].sum() == found["hit_angle"].sum(flow=True).value


def test_what_hits_lack_stays_empty() -> None:
    hits, filling, _ = sample()
    found = fill_hits(hit_axes(PARTICLES, PMTS), Hits(hits.offsets, hits.charge, None, None), filling, None)
    assert {name for name, histogram in found.items() if histogram.sum(flow=True) != (0 if name != "hit_angle" else found[name].sum(flow=True))} == {
        "hit_charge"
    }
    assert found["hit_angle"].sum(flow=True).value == 0


def test_axes_follow_the_geometry() -> None:
    assert list(hit_axes(PARTICLES, None)) == ["hit_charge", "hit_time"]
    assert "place" not in hit_axes(PARTICLES, 11_146)  # not made of modules of 19
    assert hit_axes(PARTICLES, 10_184)["occupancy"][1].size == 10_184
