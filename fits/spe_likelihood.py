"""The likelihood of a spectrum without and one with light, fitted together: Poisson in every bin, flow bins included."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import hist
import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import chi2 as chi2_distribution

from configs.errors import InputError
from fits.compound_poisson import PEDESTAL_REACH, SIGNAL_REACH, Grid, bin_probabilities
from fits.parameters import FitParameter
from fits.photostatistics import required
from fits.spe_models import LIGHT, SpeModel, SpeParameter
from records.spe import SpectrumFit

Array = NDArray[np.float64]
FLOOR = 1e-10  # added to every probability: far above the rounding of the transform (1e-17), so that an event far out costs a finite, smooth price
MERGED_EVENTS = 10.0  # expected in a merged bin of the goodness of fit
CLIP = 3.0  # standard deviations around the core of the pedestal
CLIP_ROUNDS = 10
USUAL_DELTA = 0.4
NEGATIVE_REACH = 3.0  # of the grid in charges of a photo-electron: the Gaussian models have negative ones
WIDTH_RANGE = (0.3, 4.0)  # bounds of s0 and reach of Q0 in widths of the pedestal's core


@dataclass(frozen=True)
class SpeSpectra:
    """Counts (bins + 2,) with under- and overflow of a run with light and of the pedestal, in equal bins ``edges_pc`` (bins + 1,)."""

    edges_pc: Array
    led: Array
    pedestal: Array

    @classmethod
    def from_hists(cls, led: hist.Hist, pedestal: hist.Hist | None) -> SpeSpectra:
        """From two histograms of the charge with one axis each. Raises InputError without a pedestal, for other axes and for empty spectra."""
        pedestal = required(pedestal)
        for what, one in (("LED", led), ("pedestal", pedestal)):
            if one.ndim != 1:
                raise InputError(f"the {what} spectrum has {one.ndim} axes, not 1; choose estimator and sample first (charge_spectrum)")
            if not np.sum(one.values(flow=True)) > 0:
                raise InputError(f"the {what} spectrum is empty; look at the cutflow of the run")
        if not np.array_equal(led.axes[0].edges, pedestal.axes[0].edges):
            raise InputError("the LED spectrum and the pedestal have other bins; process both with the plan of the LED point")
        return cls(np.asarray(led.axes[0].edges, float), *(np.asarray(one.values(flow=True), float) for one in (led, pedestal)))

    @property
    def centres_pc(self) -> Array:
        """Centres (bins,) of the bins."""
        return 0.5 * (self.edges_pc[1:] + self.edges_pc[:-1])

    @property
    def n_outside(self) -> int:
        """Events in the flow bins of both."""
        return int(self.led[0] + self.led[-1] + self.pedestal[0] + self.pedestal[-1])


def charge_spectrum(charge: hist.Hist, estimator: str = "gate", sample: str = "all") -> hist.Hist:
    """The spectrum of one estimator and sample of the processor's histogram ``charge`` (axes in the order estimator, sample, charge)."""
    return cast(hist.Hist, charge[hist.loc(estimator), hist.loc(sample), :])


@dataclass(frozen=True)
class SpeStart:
    """Rough numbers, pC: pedestal's core, mean number of photo-electrons, charge of one and its relative width."""

    q0_pc: float
    s0_pc: float
    mu: float
    q1_pc: float
    delta: float


def start_values(spectra: SpeSpectra) -> SpeStart:
    """Pedestal's core by 3-sigma clipping, mu from the share below its mean with and without light, Q1 and delta from mean and variance.

    Raises InputError when the mean charge with light is not above the pedestal: there is nothing to fit.
    """
    q0, s0 = pedestal_core(spectra)
    (off_mean, off_variance), (mean, variance) = (_moments(spectra, counts) for counts in (spectra.pedestal, spectra.led))
    m, v = mean - off_mean, variance - off_variance
    if not m > 0:
        raise InputError(f"the mean charge with light, {mean:.4g} pC, is not above the pedestal's, {off_mean:.4g} pC: no light, or wrong polarity")
    below = 1 + int(np.searchsorted(spectra.centres_pc, q0))
    zeros = float(spectra.led[:below].sum() / spectra.led.sum())
    empty = float(spectra.pedestal[:below].sum() / spectra.pedestal.sum())
    mu = math.log(empty / zeros) if zeros > 0 and empty > zeros else m**2 * (1.0 + USUAL_DELTA**2) / v if v > 0 else LIGHT[0]
    mu = min(max(mu, 2.0 * LIGHT[0]), 0.9 * LIGHT[1])
    delta = math.sqrt(max(v * mu / m**2 - 1.0, 0.0))
    return SpeStart(q0, s0, mu, m / mu, min(max(delta, 0.15), 1.0))


@dataclass(frozen=True)
class SpeLikelihood:
    """-ln L of one model above the model that reproduces every bin. Charges are in units of ``unit_pc``; ``theta``: Q0, s0, mu, model's own.

    The totals are those observed, which is where the extended likelihood has its maximum as the bins cover the whole line.
    """

    model: SpeModel
    spectra: SpeSpectra
    start: SpeStart

    @property
    def unit_pc(self) -> float:
        """Charge of one photo-electron at the start."""
        return self.start.q1_pc

    @cached_property
    def own(self) -> tuple[SpeParameter, ...]:
        """Pedestal and light, then the parameters of the model; starts and bounds in units of ``unit_pc``."""
        q0, s0 = self.start.q0_pc / self.unit_pc, self.start.s0_pc / self.unit_pc
        reach = WIDTH_RANGE[1] * s0
        return (
            SpeParameter("q0_pc", 1, q0, q0 - reach, q0 + reach),
            SpeParameter("s0_pc", 1, s0, WIDTH_RANGE[0] * s0, reach),
            SpeParameter("mu", 0, self.start.mu, *LIGHT),
            *self.model.parameters,
        )

    @cached_property
    def parameters(self) -> tuple[FitParameter, ...]:
        """Names, starts and limits in the order of theta."""
        starts = {one.name: (one.start,) for one in self.own}
        if "delta" in starts:
            starts["delta"] = (self.start.delta,)
        return tuple(FitParameter(one.name, starts[one.name], one.lower, one.upper, one.unit) for one in self.own)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of theta."""
        return tuple(one.name for one in self.own)

    @cached_property
    def grid(self) -> Grid:
        """The engine's grid, of the start: a likelihood whose grid moved with theta would have steps."""
        mean, variance = _moments(self.spectra, self.spectra.led)
        sigma = self.start.s0_pc / self.unit_pc
        low, high = self.start.q0_pc - PEDESTAL_REACH * self.start.s0_pc - NEGATIVE_REACH * self.unit_pc, mean + SIGNAL_REACH * math.sqrt(variance)
        return Grid.covering(self.spectra.edges_pc / self.unit_pc, 0.75 * sigma, low / self.unit_pc, high / self.unit_pc)

    def expected(self, theta: Array) -> tuple[Array, Array]:
        """Expected counts (bins + 2,) with light and of the pedestal."""
        led, pedestal = (bin_probabilities(self.grid, self.model, list(theta), light=light)[0] for light in (True, False))
        return led * self.spectra.led.sum(), pedestal * self.spectra.pedestal.sum()

    def value(self, theta: Array) -> float:
        """-ln L above the saturated model."""
        return self.value_and_gradient(theta)[0]

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """-ln L and its derivatives (parameters,)."""
        total, gradient = 0.0, np.zeros(len(theta))
        for counts, light in ((self.spectra.led, True), (self.spectra.pedestal, False)):
            probability, slopes = bin_probabilities(self.grid, self.model, list(theta), light=light)
            probability = probability + FLOOR
            n = counts.sum()
            mu = n * probability
            total += float(np.sum(mu - counts + xlogy(counts, counts / mu)))
            gradient += slopes @ (n - counts / probability)
        return total, gradient

    def goodness(self, theta: Array, free: int) -> SpectrumFit:
        """Baker and Cousins, NIM 221 (1984) 437, eq. 17, on merged bins; degrees: bins less ``free`` parameters and two totals."""
        pairs = [_merged(k, mu) for k, mu in zip((self.spectra.led, self.spectra.pedestal), self.expected(theta), strict=True)]
        k, mu = (np.concatenate(one) for one in zip(*pairs, strict=True))
        statistic, degrees = float(2.0 * np.sum(mu - k + xlogy(k, k / mu))), k.size - free - 2
        return SpectrumFit(statistic, degrees, float(chi2_distribution.sf(statistic, degrees)) if degrees > 0 else math.nan, int(k.size))


def _merged(counts: Array, expected: Array) -> tuple[Array, Array]:
    """Neighbours summed until each group expects enough; what is left at the end joins the last group."""
    group = np.floor(np.cumsum(np.maximum(expected, 0.0)) / MERGED_EVENTS + 1e-9)
    group = np.concatenate([[0.0], group[:-1]])  # a bin belongs to the group that was open before it
    _, number = np.unique(np.minimum(group, max(group[-1] - 1, 0)), return_inverse=True)
    return np.bincount(number, weights=counts).astype(float), np.bincount(number, weights=expected).astype(float)


def _moments(spectra: SpeSpectra, counts: Array) -> tuple[float, float]:
    """Mean and variance of the bins inside the range."""
    inside = counts[1:-1]
    n = max(float(inside.sum()), 1.0)
    mean = float(inside @ spectra.centres_pc) / n
    return mean, float(inside @ (spectra.centres_pc - mean) ** 2) / n


def pedestal_core(spectra: SpeSpectra) -> tuple[float, float]:
    """Mean and width of the pedestal within 3 widths of its median, repeated until nothing moves; no narrower than 0.3 of a bin."""
    q, counts = spectra.centres_pc, spectra.pedestal[1:-1]
    width = float(spectra.edges_pc[1] - spectra.edges_pc[0])
    share = (np.cumsum(counts) - 0.5 * counts) / max(counts.sum(), 1.0)
    low, middle, high = (float(q[np.searchsorted(share, level).clip(0, q.size - 1)]) for level in (0.1587, 0.5, 0.8413))
    q0, s0 = middle, max(0.5 * (high - low), 0.5 * width)
    for _ in range(CLIP_ROUNDS):
        kept = np.where(np.abs(q - q0) <= CLIP * s0, counts, 0.0)
        if not kept.sum() > 0:
            break
        mean = float(kept @ q / kept.sum())
        sigma = max(math.sqrt(float(kept @ (q - mean) ** 2 / kept.sum())) / 0.9866, 0.3 * width)  # 0.9866: what the cut at 3 sigma leaves
        if abs(mean - q0) + abs(sigma - s0) < 1e-6 * s0:
            break
        q0, s0 = mean, sigma
    return q0, s0
