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
from readers.segment_kernels import sum_of

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
SIMULTANEOUS_NS = 1e-5  # a spread that float32 times cannot resolve has no skewness
DEGREES = 180.0 / math.pi

SCRATCH = ("ux", "uy", "uz", "residual", "angle")  # rows of what is kept of an event's hits while it is worked on
REGROUPED = {"reassoc", "contract", "nsz"}
ARCSIN_P = (
    1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01, -4.00555345006794114027e-02, 7.91534994289814532176e-04,
    3.47933107596021167570e-05,
)  # fmt: skip
ARCSIN_Q = (-2.40339491173441421878e00, 2.02094576023350569471e00, -6.88283971605453293030e-01, 7.70381505559019352791e-02)


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
    scratch = np.empty((len(SCRATCH), int(hits.counts.max(initial=0))))
    _light(
        hits.offsets, pmt, hits.charge, time_ns, time_zero_ns, np.ascontiguousarray(paths.vertex_cm), np.ascontiguousarray(paths.direction),
        np.ascontiguousarray(paths.pmt_cm.T), paths.ns_per_cm, scratch, kept, out,
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
        total, largest, late = sum_of(charge, first, last), -math.inf, 0.0
        for hit in range(first, last):
            q = np.float64(charge[hit])
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


# Sums may be regrouped (so that several hits are computed at once), which changes the last digits and does not depend on the other events.
@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _light(
    offsets: NDArray, pmt: NDArray, charge: NDArray, time: NDArray, time_zero: Array, vertex: Array, direction: Array, position: Array,
    ns_per_cm: float, scratch: Array, kept: NDArray, out: Array,
) -> None:  # fmt: skip
    for event in range(len(offsets) - 1):
        first, last = offsets[event], offsets[event + 1]
        if first == last:
            continue
        _trace(pmt[first:last], time[first:last], time_zero[event], vertex[event], position, ns_per_cm, scratch)
        _angles(last - first, direction[event], scratch)
        _from_angles(charge[first:last], scratch, out[:, event])
        _from_directions(charge[first:last], scratch, out[:, event])
        _from_residuals(last - first, scratch, out[:, event])
        if kept.shape[1]:
            for hit in range(last - first):
                kept[0, first + hit], kept[1, first + hit] = scratch[4, hit], scratch[3, hit]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _trace(pmt: NDArray, time: NDArray, zero: float, vertex: Array, position: Array, ns_per_cm: float, scratch: Array) -> None:
    """Unit vectors to the photomultipliers of an event's hits, and residuals."""
    x, y, z = vertex[0], vertex[1], vertex[2]
    for hit in range(len(pmt)):
        dx, dy, dz = position[0, pmt[hit]] - x, position[1, pmt[hit]] - y, position[2, pmt[hit]] - z
        distance = math.sqrt(dx * dx + dy * dy + dz * dz)
        scale = 1.0 / max(distance, NEAREST_CM)
        scratch[0, hit], scratch[1, hit], scratch[2, hit] = dx * scale, dy * scale, dz * scale
        scratch[3, hit] = np.float64(time[hit]) - zero - distance * ns_per_cm


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _angles(n: int, direction: Array, scratch: Array) -> None:
    ax, ay, az = direction[0], direction[1], direction[2]
    for hit in range(n):
        cosine = scratch[0, hit] * ax + scratch[1, hit] * ay + scratch[2, hit] * az
        scratch[4, hit] = DEGREES * _arccos(min(max(cosine, -1.0), 1.0))


@numba.njit(inline="always")
def _arccos(x: float) -> float:
    """Arc cosine without branches, within 5e-16: arcsin(s) = s + s R(s^2) for s up to 1/2 with the rational R of FDLIBM (e_asin.c, 1993)."""
    size = abs(x)
    low = size < 0.5
    z = x * x if low else 0.5 * (1.0 - size)
    above = z * (ARCSIN_P[0] + z * (ARCSIN_P[1] + z * (ARCSIN_P[2] + z * (ARCSIN_P[3] + z * (ARCSIN_P[4] + z * ARCSIN_P[5])))))
    below = 1.0 + z * (ARCSIN_Q[0] + z * (ARCSIN_Q[1] + z * (ARCSIN_Q[2] + z * ARCSIN_Q[3])))
    s = size if low else math.sqrt(z)
    arcsin = s + s * above / below
    near = 2.0 * arcsin if x > 0.0 else math.pi - 2.0 * arcsin
    return 0.5 * math.pi - (arcsin if x > 0.0 else -arcsin) if low else near


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _from_angles(charge: NDArray, scratch: Array, out: Array) -> None:
    total, mean, ring, inner, outer, far = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for hit in range(len(charge)):
        q, angle = np.float64(charge[hit]), scratch[4, hit]
        total += q
        mean += q * angle
        ring += q if (angle >= RING_DEG[0]) & (angle < RING_DEG[1]) else 0.0
        inner += q if angle < INNER_DEG else 0.0
        outer += q if angle > OUTER_DEG else 0.0
        far += q if angle > FAR_DEG else 0.0
    if not total > 0.0:
        return
    mean /= total
    square = 0.0
    for hit in range(len(charge)):
        square += charge[hit] * (scratch[4, hit] - mean) ** 2
    out[0], out[1] = mean, math.sqrt(max(square / total, 0.0))
    out[2], out[3], out[4], out[5] = ring / total, inner / total, outer / total, far / total


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _from_directions(charge: NDArray, scratch: Array, out: Array) -> None:
    total, x, y, z, xx, yy, zz, xy, xz, yz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for hit in range(len(charge)):
        q, ux, uy, uz = np.float64(charge[hit]), scratch[0, hit], scratch[1, hit], scratch[2, hit]
        qx, qy, qz = q * ux, q * uy, q * uz
        total += q
        x += qx
        y += qy
        z += qz
        xx += qx * ux
        yy += qy * uy
        zz += qz * uz
        xy += qx * uy
        xz += qx * uz
        yz += qy * uz
    if total > 0.0:
        out[6] = (x * x + y * y + z * z) / total**2
        out[7] = 1.5 * (xx * xx + yy * yy + zz * zz + 2.0 * (xy * xy + xz * xz + yz * yz)) / total**2 - 0.5


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _from_residuals(n: int, scratch: Array, out: Array) -> None:
    mean = 0.0
    for hit in range(n):
        mean += scratch[3, hit]
    mean /= n
    second, third = 0.0, 0.0
    for hit in range(n):
        deviation = scratch[3, hit] - mean
        second += deviation * deviation
        third += deviation * deviation * deviation
    out[8] = math.sqrt(second / n)
    out[9] = third / n / out[8] ** 3 if out[8] > SIMULTANEOUS_NS else 0.0
