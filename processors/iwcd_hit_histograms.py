"""Histograms of hits by particle: charge, time, time residual, opening angle, photomultiplier, place in its module. One compiled pass.

Sums of charge are exact, whatever the order of the hits: every charge counts as the nearest multiple of a quantum (processors.exact_sums).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hist
import numba
import numpy as np
from numpy.typing import NDArray

from physics.tank_geometry import PLACES
from processors.hit_features import PerHit
from processors.iwcd_histograms import Axes, particle_axis
from processors.iwcd_hits import Hits
from processors.iwcd_weighted_hits import fill_weighted

Array = NDArray[np.float64]

# 2^-16 p.e. is far below what a digitiser resolves; sums of charges and of their squares are exact up to 2^37 (1.4e11) p.e. in a bin.
CHARGE_QUANTUM = 2.0**-16
CHARGE_EDGES = np.geomspace(0.05, 500.0, 121)
BUCKET_BITS = 17  # of the 23 bits of a float32's mantissa are left out: buckets of relative width 2^-6, bins are 8 % wide
TIME = (200, 0.0, 200.0)
RESIDUAL = (240, -20.0, 100.0)
ANGLE = (90, 0.0, 180.0)
NOT_SELECTED = -1  # in place of a particle


@dataclass(frozen=True, eq=False)
class Filling:
    """What a hit's entry depends on beside the hit: its event's particle (position on the axis, or ``NOT_SELECTED``), time origin, and weight.

    ``weight`` null: hits are counted.
    """

    particle: NDArray[np.int64]
    time_zero_ns: Array
    weight: Array | None = None


def hit_axes(particles: Sequence[str], photomultipliers: int | None) -> dict[str, Axes]:
    """Axes by name; without a geometry (``photomultipliers`` null) those of charge and time alone.

    ``place`` exists where photomultipliers come in modules of 19.
    """
    first = particle_axis(particles)
    axes: dict[str, Axes] = {
        "hit_charge": (first, hist.axis.Variable(CHARGE_EDGES, name="hit_charge", label="Hit charge [p.e.]")),
        "hit_time": (first, hist.axis.Regular(*TIME, name="hit_time", label="Hit time [ns]")),
    }
    if photomultipliers is None:
        return axes
    pmt = (first, hist.axis.Integer(0, photomultipliers, name="pmt", label="Photomultiplier", flow=False))
    axes |= {
        "hit_residual": (first, hist.axis.Regular(*RESIDUAL, name="hit_residual", label="Time residual − median [ns]")),
        "hit_angle": (first, hist.axis.Regular(*ANGLE, name="hit_angle", label="Angle to direction [deg]")),
        "occupancy": pmt, "occupancy_charge": pmt,
    }  # fmt: skip
    if photomultipliers % PLACES == 0:
        place = (first, hist.axis.Integer(0, PLACES, name="place", label="Place in module", flow=False))
        axes |= {"place": place, "place_charge": place}
    return axes


def fill_hits(axes: dict[str, Axes], hits: Hits, filling: Filling, per_hit: PerHit | None) -> dict[str, hist.Hist]:
    """Fill every histogram of ``axes``; those that need times, photomultipliers or ``per_hit`` stay empty where hits have none.

    The angle is weighted with charge (storage Weight), ``occupancy_charge`` and ``place_charge`` are sums of charge. Where events have weights
    every storage is Weight.
    """
    if filling.weight is not None:
        return fill_weighted(axes, hits, filling.particle, filling.time_zero_ns, filling.weight, per_hit, CHARGE_QUANTUM)
    hists = {name: hist.Hist(*of_hist, storage=_storage(name)) for name, of_hist in axes.items()}
    if "hit_charge" in hists:
        bits = hits.charge.view(np.int32)
        _fill_charge(hits.offsets, filling.particle, hits.charge, bits, _charge_bins(), CHARGE_EDGES, _view(hists["hit_charge"]))
    if "hit_time" in hists and hits.time_ns is not None:
        _fill_time(hits.offsets, filling.particle, hits.time_ns, filling.time_zero_ns, *TIME, _view(hists["hit_time"]))
    if "occupancy" in hists and hits.pmt is not None:
        occupancy, sums = _view(hists["occupancy"]), _view(hists["occupancy_charge"])
        _fill_occupancy(hits.offsets, filling.particle, hits.pmt, hits.charge, occupancy, sums)
        if "place" in hists:
            _view(hists["place"])[...] = occupancy.reshape(len(occupancy), -1, PLACES).sum(axis=1)
            _view(hists["place_charge"])[...] = sums.reshape(len(sums), -1, PLACES).sum(axis=1)
    if per_hit is not None and "hit_angle" in hists:
        angle: Any = hists["hit_angle"].view(flow=True)
        scratch = np.empty(int(hits.counts.max(initial=0)))
        totals, squares = np.zeros(angle.shape), np.zeros(angle.shape)
        _fill_light(
            hits.offsets, filling.particle, hits.charge, per_hit.angle_deg, per_hit.residual_ns, scratch, ANGLE, RESIDUAL, totals, squares,
            _view(hists["hit_residual"]),
        )  # fmt: skip
        angle["value"], angle["variance"] = totals, squares
    return hists


def _storage(name: str) -> hist.storage.Storage:
    if name == "hit_angle":
        return hist.storage.Weight()
    return hist.storage.Double() if name.endswith("_charge") and name != "hit_charge" else hist.storage.Int64()


def _view(histogram: hist.Hist) -> NDArray:
    return np.asarray(histogram.view(flow=True))


@functools.cache
def _charge_bins() -> NDArray[np.int64]:
    return bucket_bins(CHARGE_EDGES)


def bucket_bins(edges: Array) -> NDArray[np.int64]:
    """Bin (flow included) of the smallest number of every bucket: the float32 numbers that share sign, exponent and leading bits of the mantissa.

    A bucket is narrower than a bin, so that it holds one edge at most.
    """
    finite = int(np.float32(np.inf).view(np.int32)) >> BUCKET_BITS
    smallest = (np.arange(finite, dtype=np.int32) << BUCKET_BITS).view(np.float32)
    bins = np.full(1 << (31 - BUCKET_BITS), len(edges), np.int64)  # infinity and NaN overflow
    bins[:finite] = np.searchsorted(edges, smallest.astype(np.float64), side="right")
    return bins


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill_charge(offsets: NDArray, particle: NDArray, charge: NDArray, bits: NDArray, bins: NDArray, edges: Array, counts: NDArray) -> None:
    for event in range(len(particle)):
        if particle[event] >= 0:
            for hit in range(offsets[event], offsets[event + 1]):
                found = bins[bits[hit] >> BUCKET_BITS] if bits[hit] >= 0 else 0  # negative charges are below all bins
                if found < len(edges) and charge[hit] >= edges[found]:
                    found += 1
                counts[particle[event], found] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill_time(offsets: NDArray, particle: NDArray, time: NDArray, zero: Array, bins: int, low: float, high: float, counts: NDArray) -> None:
    for event in range(len(particle)):
        if particle[event] >= 0:
            for hit in range(offsets[event], offsets[event + 1]):
                counts[particle[event], _bin(np.float64(time[hit]) - zero[event], bins, low, high)] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill_occupancy(offsets: NDArray, particle: NDArray, pmt: NDArray, charge: NDArray, counts: NDArray, sums: Array) -> None:
    for event in range(len(particle)):
        if particle[event] >= 0:
            for hit in range(offsets[event], offsets[event + 1]):
                counts[particle[event], pmt[hit]] += 1
                sums[particle[event], pmt[hit]] += _on_grid(np.float64(charge[hit]))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill_light(
    offsets: NDArray, particle: NDArray, charge: NDArray, angle: NDArray, residual: NDArray, scratch: Array, angles: tuple[int, float, float],
    residuals: tuple[int, float, float], totals: Array, squares: Array, counts: NDArray,
) -> None:  # fmt: skip
    for event in range(len(particle)):
        first, last = offsets[event], offsets[event + 1]
        if particle[event] < 0 or first == last:
            continue
        scratch[: last - first] = residual[first:last]
        median = np.median(scratch[: last - first])
        for hit in range(first, last):
            counts[particle[event], _bin(residual[hit] - median, residuals[0], residuals[1], residuals[2])] += 1
            q = _on_grid(np.float64(charge[hit]))
            place = _bin(np.float64(angle[hit]), angles[0], angles[1], angles[2])
            totals[particle[event], place] += q
            squares[particle[event], place] += _on_grid(q * q)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _bin(value: float, bins: int, low: float, high: float) -> int:
    """Position on a regular axis with flow bins, as boost-histogram finds it; NaN overflows."""
    scaled = (value - low) / (high - low)
    if scaled < 1.0:
        return int(scaled * bins) + 1 if scaled >= 0.0 else 0
    return bins + 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _on_grid(value: float) -> float:
    return np.rint(value / CHARGE_QUANTUM) * CHARGE_QUANTUM
