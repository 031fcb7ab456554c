"""Mean and variance of the charge of one photo-electron without a model of it: R. Saldanha et al., arXiv:1602.03150.

``lambda = ln(f_off / f_on)`` with the shares below a charge cut (their eq. 5 and section 3), ``E1 = (<q>_on - <q>_off) / lambda`` and
``V1 = (s_on^2 - s_off^2) / lambda - E1^2``. Errors are from a bootstrap, Poisson on the bins, so their correlations are in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import hist
import numpy as np
from numpy.typing import NDArray

from fits.sample_moments import ChargeMoments
from fits.spe_likelihood import SpeSpectra, pedestal_core
from physics.constants import ELEMENTARY_CHARGE_PC
from records.spe import NAN, SaldanhaResult

Array = NDArray[np.float64]
LARGEST_LAMBDA = 5.0
MOST_CUTS = 41
SLOPE_CUTS = 4  # fewer cuts do not show a slope
MIN_CUT_EVENTS = 10  # below the cut, with light
Moments = tuple[ChargeMoments, ChargeMoments]


def saldanha(
    led: hist.Hist,
    pedestal: hist.Hist | None,
    *,
    qc_scan: tuple[float, float] = (-1.0, 1.5),
    bootstrap: int = 1000,
    seed: int = 0,
    qc_pc: float | None = None,
    moments: Moments | None = None,
) -> SaldanhaResult:
    """Occupancy and moments from a spectrum with light and the pedestal, histograms of the charge in pC with one axis of equal bins.

    The cut is scanned over ``qc_scan`` in widths of the pedestal around its mean, at edges of bins; kept is the one of smallest total error of
    E1, statistics and leakage. The leakage, photo-electrons below the cut, is the slope of E1 along the scan (parabola) times the pedestal's
    width. ``qc_pc`` sets the cut instead (nearest edge). ``moments``: exact ones with light and of the pedestal, instead of those of the bins.
    Invalid, with the reason, where there is no zero peak (lambda above 5, too few events below the cut) or no light. Raises InputError
    without a pedestal and for empty spectra.
    """
    spectra = SpeSpectra.from_hists(led, pedestal)
    sizes = int(spectra.led.sum()), int(spectra.pedestal.sum()), spectra.n_outside
    cuts, s0 = _cuts(spectra, qc_scan, qc_pc)
    found = _estimates(spectra, spectra.led[None], spectra.pedestal[None], cuts, moments)
    reason = _refusal(spectra, found, cuts)
    replicas = found if reason else _replicas(spectra, cuts, bootstrap, seed)
    usable = np.isfinite(found.light[0]) & np.isfinite(replicas.light).all(axis=0)
    if not reason and not usable.any():
        reason = "no zero peak: the bootstrap empties the events with light below every cut; take more data, or less light"
    if reason:
        return SaldanhaResult(False, reason, *sizes)
    scan = _Scan(spectra.edges_pc[cuts[usable]], found.at(usable), replicas.at(usable), s0)
    return _result(scan, sizes, _formula(spectra, int(cuts[usable][scan.best])), bootstrap, seed)


@dataclass(frozen=True)
class _Estimates:
    """lambda, E1 and V1, each (samples, cuts); NaN where lambda has no value."""

    light: Array
    mean: Array
    variance: Array

    def at(self, cuts: NDArray[np.bool_]) -> _Estimates:
        """Only some cuts."""
        return _Estimates(self.light[:, cuts], self.mean[:, cuts], self.variance[:, cuts])


@dataclass(frozen=True)
class _Scan:
    """Estimates at cuts ``qc_pc`` (cuts,), from the data and from bootstrap samples; ``s0_pc``: width of the pedestal."""

    qc_pc: Array
    found: _Estimates
    replicas: _Estimates
    s0_pc: float

    @cached_property
    def leakage_pc(self) -> Array:
        """Shift (cuts,) of E1 by photo-electrons below the cut: slope of a parabola through the scan times the width of the pedestal."""
        if self.qc_pc.size < SLOPE_CUTS:
            return np.zeros(self.qc_pc.size)
        x = (self.qc_pc - self.qc_pc.mean()) / self.s0_pc
        parabola = np.polynomial.Polynomial.fit(x, self.found.mean[0], 2, w=1.0 / self.replicas.mean.std(axis=0, ddof=1))
        return np.asarray(np.abs(parabola.deriv()(x)))

    @cached_property
    def error_pc(self) -> Array:
        """Statistics and leakage (cuts,) of E1."""
        return np.asarray(np.hypot(self.replicas.mean.std(axis=0, ddof=1), self.leakage_pc))

    @property
    def best(self) -> int:
        """Number of the cut with the smallest error."""
        return int(np.argmin(self.error_pc))


def _result(scan: _Scan, sizes: tuple[int, int, int], formula: float, bootstrap: int, seed: int) -> SaldanhaResult:
    best, found = scan.best, scan.found
    light, q1, variance = (float(values[0, best]) for values in (found.light, found.mean, found.variance))
    joint = np.stack([values[:, best] for values in (scan.replicas.light, scan.replicas.mean, scan.replicas.variance)])
    light_error, q1_error, variance_error = (float(error) for error in joint.std(axis=1, ddof=1))
    return SaldanhaResult(
        True,
        "",
        *sizes,
        qc_pc=float(scan.qc_pc[best]),
        lambda_pe=light,
        lambda_error=light_error,
        lambda_formula_error=formula,
        q1_pc=q1,
        q1_error_pc=q1_error,
        leakage_pc=float(scan.leakage_pc[best]),
        variance_pc2=variance,
        variance_error_pc2=variance_error,
        gain=q1 / ELEMENTARY_CHARGE_PC,
        gain_error=q1_error / ELEMENTARY_CHARGE_PC,
        gain_model_error=float(scan.leakage_pc[best]) / ELEMENTARY_CHARGE_PC,
        correlation=np.atleast_2d(np.corrcoef(joint)).tolist(),
        scan_qc_pc=scan.qc_pc.tolist(),
        scan_lambda=found.light[0].tolist(),
        scan_q1_pc=found.mean[0].tolist(),
        scan_error_pc=scan.error_pc.tolist(),
        seed=seed,
        n_bootstrap=bootstrap,
    )


def _replicas(spectra: SpeSpectra, cuts: NDArray[np.int64], bootstrap: int, seed: int) -> _Estimates:
    """Estimates of samples with Poisson numbers in every bin."""
    random = np.random.default_rng(np.random.SeedSequence(seed))
    led, pedestal = (random.poisson(counts, (bootstrap, counts.size)).astype(float) for counts in (spectra.led, spectra.pedestal))
    return _estimates(spectra, led, pedestal, cuts)


def _estimates(spectra: SpeSpectra, led: Array, pedestal: Array, cuts: NDArray[np.int64], moments: Moments | None = None) -> _Estimates:
    """From counts (samples, bins + 2) of both; cut number k is the edge below bin k."""
    f_on, f_off = (np.cumsum(counts, axis=1)[:, cuts] / counts.sum(axis=1, keepdims=True) for counts in (led, pedestal))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(f_off / f_on)
    light = np.where(np.isfinite(ratio) & (ratio > 0), ratio, NAN)
    (m_on, v_on), (m_off, v_off) = (_moments(spectra, counts) for counts in (led, pedestal))
    if moments is not None:
        (m_on, v_on), (m_off, v_off) = (np.array([[value] for value in (one.mean_pc, one.variance_pc2)]) for one in moments)
    mean = (m_on - m_off)[:, None] / light
    return _Estimates(light, mean, (v_on - v_off)[:, None] / light - mean**2)


def _moments(spectra: SpeSpectra, counts: Array) -> tuple[Array, Array]:
    """Mean and variance (samples,) of the bins inside the range."""
    inside, q = counts[:, 1:-1], spectra.centres_pc
    n = np.maximum(inside.sum(axis=1), 2.0)  # a run without events in the range is refused by the number below the cut
    mean = inside @ q / n
    return mean, (inside @ q**2 - n * mean**2) / (n - 1)


def _cuts(spectra: SpeSpectra, qc_scan: tuple[float, float], qc_pc: float | None) -> tuple[NDArray[np.int64], float]:
    """Numbers of the edges to cut at, and the width of the pedestal."""
    q0, s0 = pedestal_core(spectra)
    edges = spectra.edges_pc
    if qc_pc is not None:
        return np.array([int(np.argmin(np.abs(edges - qc_pc)))]), s0
    inside = np.flatnonzero((edges >= q0 + qc_scan[0] * s0) & (edges <= q0 + qc_scan[1] * s0))
    if inside.size == 0:
        inside = np.array([int(np.argmin(np.abs(edges - q0)))])
    thin = np.unique(np.linspace(0, inside.size - 1, min(MOST_CUTS, inside.size)).round().astype(int))
    return inside[thin], s0


def _refusal(spectra: SpeSpectra, found: _Estimates, cuts: NDArray[np.int64]) -> str:
    """Why these spectra have no answer; empty if they have one."""
    last = int(cuts[-1])
    zeros = float(spectra.led[: last + 1].sum())
    if zeros < MIN_CUT_EVENTS:
        return f"no zero peak: {zeros:.0f} events with light below {spectra.edges_pc[last]:.4g} pC, {MIN_CUT_EVENTS} needed; use less light"
    light = found.light[0][np.isfinite(found.light[0])]
    if light.size == 0:
        return "no light: below every cut the share of events with light is not smaller than that of the pedestal"
    middle = float(np.median(light))
    if middle > LARGEST_LAMBDA:
        return f"no zero peak: lambda = {middle:.2f} is above {LARGEST_LAMBDA:g}; use less light (0.5 to 3 photo-electrons), or photostatistics"
    return ""


def _formula(spectra: SpeSpectra, cut: int) -> float:
    """sqrt of (1 - f_off)/(n_off f_off) + (1 - f_on)/(n_on f_on)."""
    variance = 0.0
    for counts in (spectra.led, spectra.pedestal):
        below, n = float(counts[: cut + 1].sum()), float(counts.sum())
        variance += (n - below) / (n * below)
    return math.sqrt(variance)
