"""Models of the charge of one photo-electron as characteristic functions phi1(omega) = E[exp(i omega q)], with their derivatives.

Every model has the pedestal's mean and width and the mean number of photo-electrons ``mu`` in front of its own parameters. Charges and
frequencies may be in any unit and its inverse. Gauss: E. H. Bellamy et al., NIM A 339 (1994) 468, eqs. 3 to 9. Exponential and truncated
Gaussian: R. Dossi et al., NIM A 451 (2000) 623. Gamma, often called Polya: J. R. Prescott, NIM 39 (1966) 173. Compound Poisson
in Fourier space: M. V. Diwan, arXiv:1909.05373; L. N. Kalousis et al., arXiv:2304.08735.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz
from scipy.stats import norm

from configs.errors import InputError, nearest

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Spectral = tuple[Complex, Complex]  # function (frequencies,) and its derivatives (parameters, frequencies)
LIGHT = (1.0e-3, 50.0)  # bounds of mu


@dataclass(frozen=True)
class SpeParameter:
    """One parameter: ``dimension`` is its power of charge (1, 0 or -1); start and bounds are in units of the mean charge of a photo-electron."""

    name: str
    dimension: int
    start: float
    lower: float
    upper: float

    @property
    def unit(self) -> str:
        """pC, 1/pC or none."""
        return {1: "pC", 0: "", -1: "1/pC"}[self.dimension]


class SpeModel(Protocol):
    """What a model says about one photo-electron. ``values`` are those of its ``parameters``, in their order."""

    name: str
    parameters: tuple[SpeParameter, ...]
    gain_definition: str
    optional: tuple[str, str] | None  # a share that may vanish, and the charge that then means nothing
    skewed: tuple[str, ...]  # parameters whose likelihood is no parabola: symmetric errors are too small, MINOS is for them

    def photoelectron(self, omega: Array, values: Sequence[float]) -> Spectral:
        """Characteristic function of the charge of one photo-electron, and its derivatives."""
        ...

    def background(self, omega: Array, values: Sequence[float]) -> Spectral | None:
        """Factor on every trigger, with light or without; None: there is none."""
        ...

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Mean and variance of the charge of one photo-electron."""
        ...

    def peak(self, values: Sequence[float]) -> float | None:
        """Charge of the peak where the model has one apart from the mean; else None."""
        ...


class _MeanAndWidth:
    """What Gauss and gamma share: the mean charge Q1 and its relative width delta, no background, no peak apart from the mean."""

    parameters: tuple[SpeParameter, ...] = (SpeParameter("q1_pc", 1, 1.0, 0.0, math.inf), SpeParameter("delta", 0, 0.4, 0.05, 1.5))
    optional: tuple[str, str] | None = None
    skewed: tuple[str, ...] = ()

    def background(self, omega: Array, values: Sequence[float]) -> Spectral | None:
        """None."""
        return None

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Q1 and (delta Q1)^2."""
        q1, delta = values
        return q1, (delta * q1) ** 2

    def peak(self, values: Sequence[float]) -> float | None:
        """None: gain is quoted for the mean alone."""
        return None


class Gauss(_MeanAndWidth):
    """Gaussian of mean Q1 and width delta Q1. Allows negative charges: biased where delta is above 0.35."""

    name = "gauss"
    gain_definition = "mean charge of a photo-electron, negative ones included"

    def photoelectron(self, omega: Array, values: Sequence[float]) -> Spectral:
        """exp(i omega Q1 - (delta Q1 omega)^2 / 2)."""
        q1, delta = values
        phi = np.exp(1j * omega * q1 - 0.5 * (delta * q1 * omega) ** 2)
        return phi, np.stack([phi * (1j * omega - q1 * (delta * omega) ** 2), phi * (-delta * (q1 * omega) ** 2)])


class Gamma(_MeanAndWidth):
    """Gamma (Polya) distribution of mean Q1 and relative width delta."""

    name = "gamma"
    gain_definition = "mean charge of a photo-electron"

    def photoelectron(self, omega: Array, values: Sequence[float]) -> Spectral:
        """(1 - i omega Q1 delta^2)^(-1/delta^2)."""
        q1, delta = values
        b = delta**2
        u = 1.0 - 1j * omega * q1 * b
        log_u = np.log(u)
        phi = np.exp(-log_u / b)
        return phi, np.stack([phi * 1j * omega / u, phi * 2.0 * delta * (log_u / b + 1j * omega * q1 / u) / b])


class Dossi:
    """Share p_E of badly amplified photo-electrons, exponential of mean A; the others Gaussian (x0, sg) cut at zero charge."""

    name = "dossi"
    parameters: tuple[SpeParameter, ...] = (
        SpeParameter("p_e", 0, 0.1, 0.0, 0.6),
        SpeParameter("a_pc", 1, 0.25, 0.01, 1.0),
        SpeParameter("x0_pc", 1, 1.05, 0.0, math.inf),
        SpeParameter("sg_pc", 1, 0.35, 0.02, 3.0),
    )
    gain_definition = "mean charge of a photo-electron, badly amplified ones included"
    optional: tuple[str, str] | None = ("p_e", "a_pc")
    skewed: tuple[str, ...] = ("a_pc",)  # symmetric errors are 1.6 times too small (200 toys)

    def photoelectron(self, omega: Array, values: Sequence[float]) -> Spectral:
        """p_E / (1 - i omega A) + (1 - p_E) T(omega)."""
        p_e, a, x0, sg = values
        low = 1.0 / (1.0 - 1j * omega * a)
        high, of_x0, of_sg = _cut_gaussian(omega, x0, sg)
        phi = p_e * low + (1.0 - p_e) * high
        return phi, np.stack([low - high, p_e * 1j * omega * low**2, (1.0 - p_e) * of_x0, (1.0 - p_e) * of_sg])

    def background(self, omega: Array, values: Sequence[float]) -> Spectral | None:
        """None."""
        return None

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Mean p_E A + (1 - p_E)(x0 + sg r), second moment p_E 2 A^2 + (1 - p_E)(x0^2 + sg^2 + x0 sg r); r = pdf/cdf at x0/sg."""
        p_e, a, x0, sg = values
        r = _hazard(x0 / sg)
        mean = p_e * a + (1.0 - p_e) * (x0 + sg * r)
        second = p_e * 2.0 * a**2 + (1.0 - p_e) * (x0**2 + sg**2 + x0 * sg * r)
        return mean, second - mean**2

    def peak(self, values: Sequence[float]) -> float | None:
        """x0: the most likely charge of a well amplified photo-electron."""
        return values[2]


class Bellamy(Gauss):
    """Gaussian photo-electrons; a share w of all triggers has an exponential background charge of mean 1/a."""

    name = "bellamy"
    parameters = (*Gauss.parameters, SpeParameter("w", 0, 0.02, 0.0, 1.0), SpeParameter("a_per_pc", -1, 2.0, 0.05, 50.0))
    optional = ("w", "a_per_pc")

    def photoelectron(self, omega: Array, values: Sequence[float]) -> Spectral:
        """That of ``gauss``; the background's parameters do not enter."""
        phi, slopes = super().photoelectron(omega, values[:2])
        return phi, np.concatenate([slopes, np.zeros_like(slopes)])

    def background(self, omega: Array, values: Sequence[float]) -> Spectral | None:
        """(1 - w) + w / (1 - i omega / a)."""
        w, a = values[2:]
        tail = np.asarray(1.0 / (1.0 - 1j * omega / a), dtype=np.complex128)
        nothing = np.zeros_like(tail)
        return np.asarray((1.0 - w) + w * tail), np.stack([nothing, nothing, tail - 1.0, -w * (1j * omega / a**2) * tail**2])

    def moments(self, values: Sequence[float]) -> tuple[float, float]:
        """Q1 and (delta Q1)^2; the background is not part of a photo-electron."""
        return super().moments(values[:2])


MODELS: Mapping[str, SpeModel] = {model.name: model for model in (Gauss(), Gamma(), Dossi(), Bellamy())}


def spe_model(name: str) -> SpeModel:
    """Model of this name. Raises InputError for an unknown one."""
    if name not in MODELS:
        raise InputError(f"{name!r} is not a model of the single-photo-electron charge{nearest(name, MODELS)}; known: {', '.join(MODELS)}")
    return MODELS[name]


def trigger(model: SpeModel, omega: Array, theta: Sequence[float], *, light: bool) -> Spectral:
    """Characteristic function of the charge of one trigger and its derivatives by (Q0, s0, mu, model's own...).

    phi = exp(i omega Q0 - s0^2 omega^2 / 2) exp(mu (phi1 - 1)) times the model's background; without ``light`` mu is zero.
    """
    q0, s0, mu, *own = theta
    phi = np.exp(1j * omega * q0 - 0.5 * (s0 * omega) ** 2)
    slopes = np.zeros((len(theta), omega.size), complex)
    if light:
        one, of_one = model.photoelectron(omega, own)
        phi = phi * np.exp(mu * (one - 1.0))
        slopes[2] = phi * (one - 1.0)
        slopes[3:] = phi * mu * of_one
    slopes[0], slopes[1] = phi * 1j * omega, phi * (-s0 * omega**2)
    extra = model.background(omega, own)
    if extra is None:
        return phi, slopes
    factor, of_factor = extra
    slopes *= factor
    slopes[3:] += phi * of_factor
    return phi * factor, slopes


def _cut_gaussian(omega: Array, x0: float, sg: float) -> tuple[Complex, Complex, Complex]:
    """Gaussian (x0, sg) cut at 0: T(omega) and its derivatives by x0 and sg.

    T = [exp(i omega x0 - sg^2 omega^2/2) - exp(-x0^2/(2 sg^2)) W(i z)/2] / Phi(x0/sg), z = (x0/sg + i omega sg)/sqrt 2, W = Faddeeva function.
    """
    t = x0 / sg
    z = (t + 1j * omega * sg) / math.sqrt(2.0)
    cut = np.exp(1j * omega * x0 - 0.5 * (sg * omega) ** 2) - 0.5 * math.exp(-0.5 * t**2) * wofz(1j * z)
    share, height = float(norm.cdf(t)), float(norm.pdf(t))
    r = height / share
    whole = cut / share
    return (
        whole,
        1j * omega * whole + r / sg - whole * r / sg,
        -sg * omega**2 * whole + r * (1j * omega - t / sg) + whole * r * t / sg,
    )


def _hazard(t: float) -> float:
    return float(norm.pdf(t) / norm.cdf(t))
