"""Results of ``diffuse`` beyond fits, scans and toys: the flux in segments of energy, the composition by flavour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from records.value import Parameter, Value

Composition = tuple[float, float, float]  # fractions of e, mu, tau, sum 1


@dataclass(frozen=True, repr=False)
class SpectrumResult(Value):
    """E^2 Phi per flavour (nu + nubar) in segments of energy, in GeV cm^-2 s^-1 sr^-1, each with its 68 % interval from the profile likelihood.

    ``upper_limit`` (one-sided, at ``cl``) is NaN for a segment whose interval does not reach 0. ``expected``: events of each segment at the fit.
    """

    valid: bool
    reason: str
    edges_gev: list[float]  # one more than segments
    e2_flux: list[float]
    low: list[float]
    high: list[float]
    at_bound: list[bool]
    upper_limit: list[float]
    cl: float
    expected: list[float]
    parameters: Mapping[str, Parameter]  # phi_1 ... in 1e-8 GeV cm^-2 s^-1 sr^-1, atmos_norm
    correlation: list[list[float]]
    nll: float
    axes: tuple[str, ...]
    n_shared: int  # true-energy nodes that an edge divides: shared by overlap in ln E
    published: list[tuple[float, float, float]] = field(default_factory=list)  # E^2 Phi, minus, plus in the same segments; empty: none
    published_source: str = ""
    not_compared: str = ""  # why the published numbers asked for are not there


@dataclass(frozen=True, repr=False)
class CompositionToys(Value):
    """Pseudo-experiments of one composition: TS of the data against the best composition, of the toys, and the p-value with its binomial error."""

    ts: float
    ts_toys: list[float]
    n_failed: int
    p: float
    p_error: float


@dataclass(frozen=True, repr=False)
class FlavourResult(Value):
    """The composition by flavour at Earth: profile over the simplex f_e + f_mu + f_tau = 1 of all other parameters.

    ``delta_nll[i][j]`` at f_e = ``grid[i]``, f_mu = ``grid[j]``, above the best fit; NaN outside the simplex. ``sources``: composition at Earth of
    each source by averaged oscillations with ``mixing``, and ``ts`` = 2 Delta NLL of each (two degrees of freedom). ``ranges``: content ("0.6827")
    -> flavour -> range of its fraction, the other two profiled; it ends at 0 or 1 where the likelihood does not rise so far. ``toys``: by source.
    """

    valid: bool
    reason: str
    best: Composition
    grid: list[float]
    delta_nll: list[list[float]]
    contours: Mapping[str, list[list[tuple[float, float]]]]  # "0.6827" -> polylines of (f_e, f_mu)
    sources: Mapping[str, Composition]
    ts: Mapping[str, float]
    mixing: str
    parameters: Mapping[str, float]  # all others at the best composition
    nll: float
    n_failed: int  # grid points whose fit did not converge
    ranges: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    toys: Mapping[str, CompositionToys] = field(default_factory=dict)
    seed: int | None = None

    def p_asymptotic(self, name: str) -> float:
        """P-value of a source for a chi-square of two degrees of freedom: too large for compositions near a side of the triangle."""
        return math.exp(-0.5 * max(self.ts[name], 0.0))

    def contained(self, name: str) -> str:
        """The smallest region that holds a source: "68 %", "95 %", or "outside 95 %"."""
        if math.isnan(self.ts[name]):
            return "not known"
        return next((f"{100 * content:.0f} %" for content in (0.6827, 0.9545) if 1.0 - self.p_asymptotic(name) <= content), "outside 95 %")
