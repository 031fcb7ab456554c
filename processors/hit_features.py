"""Numbers that tell one event's hits from another's: charge, time, opening angles, isotropy. One compiled pass over the hits.

With q the charge of a hit, u the unit vector from the vertex to its photomultiplier, theta the angle of u to the direction of the particle, and
sums weighted with q (Q their total): mean and rms of theta, the shares of Q in ranges of theta, and
  beta_1 = |sum q u|^2 / Q^2,   beta_2 = (3/2) Tr(M^2) - 1/2,   M = sum q u u^T / Q,
the latter being sum_ij q_i q_j P_2(cos theta_ij) / Q^2 with i = j included. The time residual t - |r| n_g / c counts every hit alike. Every rms is
the one about the mean. ``tests/reference/hit_features_numpy.py`` is the slow version of the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

from physics.particles import SPEED_OF_LIGHT_CM_PER_NS
from processors.iwcd_hits import Hits

Array = NDArray[np.float64]

SUMS = ("charge", "max_charge", "mean_charge", "time_mean", "time_rms")
BLIND = ("charge_per_hit", "maxq_fraction", "q_rms_ratio")  # need no vertex; with nhits, charge and time_rms the feature set "blind"
ANGLES = ("mean_angle", "rms_angle", "ring_fraction", "inner30", "outer50", "outer70", "beta1", "beta2")
RESIDUALS = ("tres_rms", "tres_skew")
LIGHT = (*ANGLES, *RESIDUALS)
FEATURES = (*ANGLES[:6], "beta1", "beta2", "q_rms_ratio", "maxq_fraction", "charge_per_hit", *RESIDUALS)  # order of specification 4.3

RING_DEG = (36.0, 48.0)  # around the Cherenkov angle of 41.4 degrees; the lower limit belongs to it
INNER_DEG, OUTER_DEG, FAR_DEG = 30.0, 50.0, 70.0
NEAREST_CM = 1e-9  # a photomultiplier at the vertex has no direction


@dataclass(frozen=True, eq=False)
class Paths:
    """Straight ways of light: vertices (n, 3) in cm and unit directions (n, 3) of events, photomultipliers (p, 3) in cm, group index of water."""

    vertex_cm: Array
    direction: Array
    pmt_cm: Array
    group_index: float

    @property
    def ns_per_cm(self) -> float:
        """Time that light needs for a centimetre."""
        return self.group_index / SPEED_OF_LIGHT_CM_PER_NS


@dataclass(frozen=True, eq=False)
class PerHit:
    """Of each hit: its angle to the direction of its event in degrees, and its time minus the time of flight in ns."""

    angle_deg: NDArray[np.float32]
    residual_ns: NDArray[np.float32]


def charge_features(hits: Hits, time_zero_ns: Array) -> dict[str, Array]:
    """``SUMS`` and ``BLIND`` of each event, from charges and times alone. ``time_zero_ns`` (n,) is subtracted from the times.

    Without hits the charge is 0 and everything else NaN, as are times of hits that have none.
    """
    out = np.full((len(SUMS) + len(BLIND), len(hits)), np.nan)
    out[0] = 0.0
    no_times = np.empty(0, np.float32)
    _charges_and_times(hits.offsets, hits.charge, no_times if hits.time_ns is None else hits.time_ns, time_zero_ns, out)
    return dict(zip((*SUMS, *BLIND), out, strict=True))


def light_features(hits: Hits, paths: Paths, time_zero_ns: Array, *, per_hit: bool = False) -> tuple[dict[str, Array], PerHit | None]:
    """``LIGHT`` of each event, angles in degrees and residuals in ns; with ``per_hit`` also what they are made of.

    Without hits all are NaN, without charge the weighted ones are. Hits need ``pmt`` and ``time_ns``, every ``pmt`` a row of ``paths.pmt_cm``.
    """
    pmt, time_ns = hits.pmt, hits.time_ns
    assert pmt is not None, "light needs photomultipliers"
    assert time_ns is not None, "light needs times"
    out = np.full((len(LIGHT), len(hits)), np.nan)
    kept = np.empty((2, len(hits.charge) if per_hit else 0), np.float32)
    scratch = np.empty((2, int(hits.counts.max(initial=0))))
    _light(
        hits.offsets, pmt, hits.charge, time_ns, time_zero_ns, np.ascontiguousarray(paths.vertex_cm),
        np.ascontiguousarray(paths.direction), np.ascontiguousarray(paths.pmt_cm), paths.ns_per_cm, scratch, kept, out,
    )  # fmt: skip
    return dict(zip(LIGHT, out, strict=True)), PerHit(kept[0], kept[1]) if per_hit else None


def names_of(kind: Literal["blind", "truth", "reco"] | None) -> tuple[str, ...]:
    """The features of a set in the order of the specification; none for none."""
    if kind is None:
        return ()
    return tuple(name for name in FEATURES if kind != "blind" or name in BLIND)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _charges_and_times(offsets: NDArray, charge: NDArray, time: NDArray, time_zero: Array, out: Array) -> None:
    for event in range(len(offsets) - 1):
        first, last = offsets[event], offsets[event + 1]
        n = last - first
        if n == 0:
            continue
        total, largest, late = 0.0, -math.inf, 0.0
        for hit in range(first, last):
            q = np.float64(charge[hit])
            total += q
            if not q <= largest:  # NaN too, so that it shows
                largest = q
        if len(time):
            for hit in range(first, last):
                late += np.float64(time[hit]) - time_zero[event]
        mean, late = total / n, late / n
        square, spread = 0.0, 0.0
        for hit in range(first, last):
            square += (np.float64(charge[hit]) - mean) ** 2
        if len(time):
            for hit in range(first, last):
                spread += (np.float64(time[hit]) - time_zero[event] - late) ** 2
            out[3, event], out[4, event] = late, math.sqrt(spread / n)
        out[0, event], out[1, event], out[2, event], out[5, event] = total, largest, mean, mean
        if total > 0.0:
            out[6, event] = largest / total
            out[7, event] = math.sqrt(square / n) / mean


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _light(
    offsets: NDArray, pmt: NDArray, charge: NDArray, time: NDArray, time_zero: Array, vertex: Array, direction: Array, position: Array,
    ns_per_cm: float, scratch: Array, kept: NDArray, out: Array,
) -> None:  # fmt: skip
    sums = np.empty(15)
    for event in range(len(offsets) - 1):
        first, last = offsets[event], offsets[event + 1]
        if first == last:
            continue
        sums[:] = 0.0
        x, y, z = vertex[event]
        ax, ay, az = direction[event]
        for hit in range(first, last):
            q = np.float64(charge[hit])
            place = position[pmt[hit]]
            dx, dy, dz = place[0] - x, place[1] - y, place[2] - z
            distance = math.sqrt(dx * dx + dy * dy + dz * dz)
            scale = 1.0 / distance if distance > NEAREST_CM else 0.0
            ux, uy, uz = dx * scale, dy * scale, dz * scale
            angle = math.degrees(math.acos(min(max(ux * ax + uy * ay + uz * az, -1.0), 1.0)))
            residual = np.float64(time[hit]) - time_zero[event] - distance * ns_per_cm
            scratch[0, hit - first], scratch[1, hit - first] = angle, residual
            _add(sums, q, angle, ux, uy, uz)
            if kept.shape[1]:
                kept[0, hit], kept[1, hit] = angle, residual
        _finish(sums, charge[first:last], scratch[:, : last - first], out[:, event])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add(sums: Array, q: float, angle: float, ux: float, uy: float, uz: float) -> None:
    sums[0] += q
    sums[1] += q * angle
    if RING_DEG[0] <= angle < RING_DEG[1]:
        sums[2] += q
    if angle < INNER_DEG:
        sums[3] += q
    if angle > OUTER_DEG:
        sums[4] += q
    if angle > FAR_DEG:
        sums[5] += q
    qx, qy, qz = q * ux, q * uy, q * uz
    sums[6] += qx
    sums[7] += qy
    sums[8] += qz
    sums[9] += qx * ux
    sums[10] += qy * uy
    sums[11] += qz * uz
    sums[12] += qx * uy
    sums[13] += qx * uz
    sums[14] += qy * uz


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _finish(sums: Array, charge: NDArray, scratch: Array, out: Array) -> None:
    """Features of an event from its sums over hits and from the angles and residuals (2, hits) of these."""
    n, total = len(charge), sums[0]
    if total > 0.0:
        mean, square = sums[1] / total, 0.0
        for hit in range(n):
            square += charge[hit] * (scratch[0, hit] - mean) ** 2
        out[0], out[1] = mean, math.sqrt(max(square / total, 0.0))
        for part in range(4):
            out[2 + part] = sums[2 + part] / total
        out[6] = (sums[6] ** 2 + sums[7] ** 2 + sums[8] ** 2) / total**2
        diagonal = sums[9] ** 2 + sums[10] ** 2 + sums[11] ** 2
        trace = (diagonal + 2.0 * (sums[12] ** 2 + sums[13] ** 2 + sums[14] ** 2)) / total**2
        out[7] = 1.5 * trace - 0.5
    mean = 0.0
    for hit in range(n):
        mean += scratch[1, hit]
    mean /= n
    second, third = 0.0, 0.0
    for hit in range(n):
        deviation = scratch[1, hit] - mean
        second += deviation * deviation
        third += deviation * deviation * deviation
    out[8] = math.sqrt(second / n)
    out[9] = third / n / out[8] ** 3 if out[8] > 0.0 else 0.0
