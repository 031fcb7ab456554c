"""An unfolding problem: what was simulated, what was counted, and the choices of the likelihood and of the prior.

Rows are proxy bins (what is measured), columns truth bins. All questions are methods; each returns an immutable result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from fits.unfolding.penalty import Penalty, Space, strengths
from fits.unfolding.templates import ExponentialFactors, Factors, NuisanceTemplate, RenormalisedFactors

if TYPE_CHECKING:
    from fits.unfolding.coverage import Closure
    from fits.unfolding.flux import Exposure, Flux
    from fits.unfolding.iterative import IterativeFit
    from fits.unfolding.map_fit import MapFit
    from fits.unfolding.mcmc import Sample
    from fits.unfolding.profile import Profile
    from fits.unfolding.regularisation import Scan
    from fits.unfolding.tsvd import TruncatedFit

Array = NDArray[np.float64]

FLOOR = 1e-3  # events; the reference is nowhere below
ARRAYS = (
    "W",
    "S",
    "g",
    "background",
    "background_variance",
    "edges",
    "reference",
    "flux_factor",
    "generated",
    "generated_variance",
    "extra_variance",
)


@dataclass(frozen=True, eq=False, repr=False)
class UnfoldingProblem:
    """A problem with m proxy bins and n truth bins; one column may be an underflow, one an overflow.

    ``W``, ``S`` (m, n): sums of weights and of squared weights of the response events. ``g`` (m,): counts. ``background`` (m,): expected
    counts of no truth bin, its variance ``background_variance``. ``edges`` (bins in range + 1,): limits of the truth bins; ``underflow`` and
    ``overflow`` say whether the first and the last column lie outside them: such bins are fitted and never regularised. ``reference`` (n,):
    expected shape of the truth, in any unit (default: the simulated one). ``flux_factor`` (bins in range,): f times it is the flux, up to a constant
    (default 1/width). ``generated`` (n,): sum of weights before any was lost to the response (with ``generated_variance``); default: the column
    sums, i.e. f counts events in the proxy bins. ``extra_variance`` (m, n): added to the variance of the response (of pseudo data).

    ``tau``: variance of the smoothness prior, one number or one for each bin in range, None for none; ``space`` is where it acts; ``normalise``
    divides a linear space by its mean at the reference. ``mc_stat``: ``say`` or ``bb_lite`` count the simulation's own errors, ``none`` is Poisson.
    ``epsilon``: relative error of the overall normalisation, fitted as a factor eps; None: absent. ``compat="funfolding"`` sets what that
    program does.

    Everything is checked when the problem is built (InputError).
    """

    W: Array
    S: Array
    g: Array
    background: Array | None = None
    templates: tuple[NuisanceTemplate, ...] = ()
    edges: Array | None = None
    _: dataclasses.KW_ONLY
    underflow: bool = False
    overflow: bool = False
    reference: Array | None = None
    flux_factor: Array | None = None
    generated: Array | None = None
    generated_variance: Array | None = None
    extra_variance: Array | None = None
    background_variance: Array | None = None
    tau: float | Sequence[float] | None = None
    space: Space = "log_ratio"
    normalise: bool = True
    mc_stat: Literal["say", "bb_lite", "none"] = "say"
    epsilon: float | None = None
    compat: Literal["funfolding"] | None = None
    name: str = field(default="unfolding")

    def __post_init__(self) -> None:
        for key in ARRAYS:
            if getattr(self, key) is not None:
                array = np.array(getattr(self, key), dtype=float)
                array.setflags(write=False)
                object.__setattr__(self, key, array)
        object.__setattr__(self, "templates", tuple(self.templates))
        if self.compat is not None:
            if self.compat != "funfolding":
                raise InputError(f"compat {self.compat!r} does not exist{nearest(self.compat, ['funfolding'])}")
            object.__setattr__(self, "space", "log_flux")
            object.__setattr__(self, "mc_stat", "none")
        from fits.unfolding.checks import check

        check(self)

    @classmethod
    def from_hists(cls, response: Any, data: Any, **options: Any) -> UnfoldingProblem:
        """From a two-dimensional histogram (proxy, truth) with variances and one of the counts; see ``fits.unfolding.hists``."""
        from fits.unfolding.hists import arrays_of

        return cls(**{**arrays_of(response, data), **options})

    def replace(self, **changes: Any) -> UnfoldingProblem:
        """The same problem with other counts or choices."""
        return dataclasses.replace(self, **changes)

    def __repr__(self) -> str:
        nuisances = [one.name for one in self.templates]
        return (
            f"UnfoldingProblem({self.name!r}: {self.m} proxy bins, {self.n} truth bins, {self.g.sum():g} events, space {self.space}, "
            f"tau {self.tau}, mc_stat {self.mc_stat}, epsilon {self.epsilon}, nuisances {nuisances})"
        )

    @property
    def m(self) -> int:
        """Number of proxy bins."""
        return int(self.W.shape[0])

    @property
    def n(self) -> int:
        """Number of truth bins, those outside the range included."""
        return int(self.W.shape[1])

    @property
    def inside(self) -> slice:
        """The truth bins in range."""
        return slice(int(self.underflow), self.n - int(self.overflow))

    @property
    def n_inside(self) -> int:
        """Number of truth bins in range."""
        return self.n - int(self.underflow) - int(self.overflow)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters: one of each truth bin, the nuisances, epsilon."""
        return (*self.bin_labels, *(one.name for one in self.templates), *(("epsilon",) if self.epsilon is not None else ()))

    @cached_property
    def bin_labels(self) -> tuple[str, ...]:
        """One label of each truth bin: its number in range and its limits."""
        edges = self.edges
        count = range(self.n_inside)
        inside = [f"bin {j}" if edges is None else f"bin {j} [{edges[j]:.6g}, {edges[j + 1]:.6g})" for j in count]
        return (*(("underflow",) if self.underflow else ()), *inside, *(("overflow",) if self.overflow else ()))

    @cached_property
    def totals(self) -> tuple[Array, Array]:
        """Sum of weights and of squared weights by truth bin that A is normalised to."""
        total = self.W.sum(axis=0) if self.generated is None else self.generated
        if self.generated is None:
            return total, self.S.sum(axis=0)
        return total, self.S.sum(axis=0) if self.generated_variance is None else self.generated_variance

    @cached_property
    def A(self) -> Array:
        """Response (m, n): probability of proxy bin i for an event of truth bin j."""
        return self.W / self.totals[0]

    @cached_property
    def T(self) -> Array:
        """Variance of ``A`` from the finite simulation given the column's total (delta method), with ``extra_variance``."""
        total, squares = self.totals
        variance = ((1.0 - 2.0 * self.A) * self.S + self.A**2 * squares) / total**2
        return np.maximum(variance, 0.0) + (0.0 if self.extra_variance is None else self.extra_variance)

    @cached_property
    def f_reference(self) -> Array:
        """Reference truth (n,), scaled to the counts."""
        shape = np.maximum(self.totals[0] if self.reference is None else self.reference, 0.0)
        expected = float((self.A @ shape).sum())
        signal = max(float(self.g.sum() - self.b.sum()), 1.0)
        return np.maximum(shape * signal / expected, FLOOR)

    @cached_property
    def b(self) -> Array:
        """Background (m,)."""
        return np.zeros(self.m) if self.background is None else self.background

    @cached_property
    def factors(self) -> Factors | None:
        """How the nuisances change the response; None without nuisances."""
        if not self.templates:
            return None
        return RenormalisedFactors(self.templates, self.A) if self.compat else ExponentialFactors(self.templates, (self.m, self.n))

    @cached_property
    def penalty(self) -> Penalty:
        """The smoothness prior."""
        reference = self.f_reference[self.inside]
        tau = strengths(self.tau, self.n_inside)
        if self.space == "log_ratio":
            return Penalty(self.inside, 1.0 / reference, tau)
        flux = self.c
        if self.space == "linear":
            scale = flux / np.mean(flux * reference) if self.normalise else flux
            return Penalty(self.inside, scale, tau, linear=True)
        return Penalty(self.inside, flux, tau, offset=1.0 if self.compat else 0.0)

    @cached_property
    def c(self) -> Array:
        """Flux factors (bins in range,)."""
        if self.flux_factor is not None:
            return self.flux_factor
        return np.ones(self.n_inside) if self.edges is None else 1.0 / np.diff(self.edges)

    @cached_property
    def singular_values(self) -> Array:
        """Of the response, in units of the counts' errors for the reference truth: diag(g^-1/2) A diag(f_reference), g floored at 1."""
        weighted = self.A * self.f_reference / np.sqrt(np.maximum(self.g, 1.0))[:, None]
        return np.asarray(np.linalg.svd(weighted, compute_uv=False), dtype=float)

    @property
    def condition_number(self) -> float:
        """Of the columns of A in range, which the unfolding is about: largest over smallest singular value.

        Bins outside the range may hold few simulated events, all in the proxy bin of their neighbour, and say nothing of the others.
        """
        return float(np.linalg.cond(self.A[:, self.inside]))

    @property
    def effective_events(self) -> Array:
        """Simulated events without weights that would know each cell as well (m, n): W^2/S."""
        return np.divide(self.W**2, self.S, out=np.zeros_like(self.W), where=self.S > 0)

    def expected(self, f: ArrayLike) -> Array:
        """Expected counts (m,) of a truth (n,) at the nominal response."""
        return self.A @ np.asarray(f, dtype=float) + self.b

    def map(self, *, solver: Literal["newton", "minuit"] = "newton", start: Array | None = None) -> MapFit:
        """The most probable spectrum with its covariance; see ``fits.unfolding.map_fit``."""
        from fits.unfolding.map_fit import map_fit

        return map_fit(self, solver=solver, start=start)

    def sample(self, **options: Any) -> Sample:
        """The posterior by Markov chains that have converged; see ``fits.unfolding.mcmc``."""
        from fits.unfolding.mcmc import sample

        return sample(self, **options)

    def profile(self, parameter: int | str, **options: Any) -> Profile:
        """The profile likelihood of a truth bin (number in range) or of a nuisance (name); see ``fits.unfolding.profile``."""
        from fits.unfolding.profile import profile

        return profile(self, parameter, **options)

    def ibu(self, **options: Any) -> IterativeFit:
        """Iterative Bayesian unfolding; see ``fits.unfolding.iterative``."""
        from fits.unfolding.iterative import iterate

        return iterate(self, **options)

    def tsvd(self, **options: Any) -> TruncatedFit:
        """Truncated or damped singular values; see ``fits.unfolding.tsvd``."""
        from fits.unfolding.tsvd import truncated

        return truncated(self, **options)

    def scan(self, tau: ArrayLike, **options: Any) -> Scan:
        """What the strength of the prior does: bias, coverage, correlation; see ``fits.unfolding.regularisation``."""
        from fits.unfolding.regularisation import scan

        return scan(self, np.asarray(tau, dtype=float), **options)

    def coverage(self, n_toys: int, **options: Any) -> Closure:
        """Pseudo-experiments: coverage, pulls, bias by bin; see ``fits.unfolding.coverage``."""
        from fits.unfolding.coverage import coverage

        return coverage(self, n_toys, **options)

    def to_flux(self, fit: MapFit | Sample, exposure: Exposure, **options: Any) -> Flux:
        """Flux with its covariance by source; see ``fits.unfolding.flux``."""
        from fits.unfolding.flux import to_flux

        return to_flux(self, fit, exposure, **options)

    def to_pyhf(self, *, penalty: Literal["external"] | None = None) -> Any:
        """The same likelihood as a HistFactory model; see ``fits.frontends.pyhf_unfolding``."""
        from fits.frontends.pyhf_unfolding import to_pyhf

        return to_pyhf(self, penalty=penalty)

    def to_zfit(self) -> Any:
        """The same objective as a ``zfit.loss.SimpleLoss``; see ``fits.frontends.zfit_unfolding``."""
        from fits.frontends.zfit_unfolding import to_zfit

        return to_zfit(self)
