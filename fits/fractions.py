"""Composition of a sample by a template fit: from the likelihood (``fits.composition``) to the result.

Where two groups look alike the likelihood is flat and bounded: then symmetric errors are withheld and profile intervals are the answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from fits import barlow_beeston
from fits.composition import Composition, lowest
from fits.composition_profile import profile
from fits.minimise import Minimum
from records.iwcd_fits import FittedBins, FractionsResult, ProfileCurve, Saturated
from records.value import Parameter

Array = NDArray[np.float64]

LARGEST_CORRELATION = 0.95  # of two groups with a symmetric error


@dataclass(frozen=True)
class Origin:
    """What a result says of where its numbers came from."""

    groups: Mapping[str, Sequence[str]]
    template_events: Mapping[str, float]
    truth: Mapping[str, float]
    seed: int
    notes: tuple[str, ...] = ()


def fit_composition(likelihood: Composition, origin: Origin) -> FractionsResult:
    """Fit, intervals and goodness of one sample. A fit that fails is a result with ``valid=False`` and its reason."""
    minimum = lowest(likelihood, origin.seed)
    return composition_result(likelihood, minimum, origin, engine="native")


def composition_result(likelihood: Composition, minimum: Minimum, origin: Origin, *, engine: str) -> FractionsResult:
    """The result of a minimum, found by whatever program."""
    data, groups = likelihood.binned, likelihood.binned.groups
    withheld = _withheld(minimum, groups) if minimum.valid else ""
    profiles = {name: profile(likelihood, minimum, name, two_valleys=bool(withheld)) for name in groups} if minimum.valid else {}
    values, covariance = yields(likelihood, minimum)
    errors = np.full(len(groups), math.nan) if withheld else np.sqrt(np.diag(covariance))
    share, share_errors = _shares(values, covariance)
    systematics = minimum.names[len(groups) :]
    return FractionsResult(
        valid=minimum.valid,
        reason=minimum.reason,
        groups={name: list(members) for name, members in origin.groups.items()},
        yields={name: _yield(float(values[i]), float(errors[i]), profiles.get(name), name in minimum.at_bound) for i, name in enumerate(groups)},
        fractions={name: Parameter(share[i], math.nan if withheld else share_errors[i]) for i, name in enumerate(groups)},
        nuisances={name: Parameter(minimum.values[name], minimum.errors[name], unit="sigma", prior="gaussian(0, 1)") for name in systematics},
        names=list(minimum.names),
        correlation=minimum.correlation.tolist(),
        profiles=profiles,
        errors_withheld=withheld,
        condition_number=data.condition_number,
        goodness=saturated(likelihood, minimum),
        bins=fitted_bins(likelihood, minimum),
        template_events=dict(origin.template_events),
        n_observed=int(data.counts.sum()),
        n_outside=data.n_outside,
        engine=engine,
        template_errors=likelihood.template_errors,
        merged_bins=list(data.merged),
        truth=dict(origin.truth),
        notes=[*data.notes, *origin.notes],
        seed=origin.seed,
    )  # fmt: skip


def yields(likelihood: Composition, minimum: Minimum) -> tuple[Array, Array]:
    """Events of each group and their covariance."""
    n, unit = len(likelihood.binned.groups), likelihood.binned.unit
    return unit * minimum.theta[:n], unit**2 * minimum.covariance[:n, :n]


def saturated(likelihood: Composition, minimum: Minimum) -> Saturated:
    """Goodness of fit; factors and systematics bring a constraint each, so only the groups cost a degree of freedom."""
    degrees = len(likelihood.binned.counts) - len(likelihood.binned.groups)
    statistic = 2.0 * minimum.nll
    return Saturated(statistic, degrees, float(chi2.sf(statistic, degrees)) if degrees > 0 else math.nan)


def fitted_bins(likelihood: Composition, minimum: Minimum) -> FittedBins:
    """Data and expectation of each group in the fitted bins."""
    bins, unit, _ = likelihood.at(minimum.theta)
    groups = likelihood.binned.groups
    parts = minimum.theta[: len(groups), None] * unit * bins.gamma
    total = parts.sum(axis=0)
    pull = (likelihood.binned.counts - total) / np.sqrt(np.maximum(total, barlow_beeston.SMALLEST))
    by_group = dict(zip(groups, parts.tolist(), strict=True))
    return FittedBins(list(likelihood.binned.labels), likelihood.binned.counts.tolist(), by_group, pull.tolist())


def _withheld(minimum: Minimum, groups: Sequence[str]) -> str:
    """Why no symmetric errors are given; empty where they are."""
    if bound := [name for name in groups if name in minimum.at_bound]:
        return f"{', '.join(bound)} at its bound"
    rho = np.abs(minimum.correlation[: len(groups), : len(groups)]) - np.eye(len(groups))
    i, j = divmod(int(np.argmax(rho)), len(groups))
    if rho[i, j] > LARGEST_CORRELATION:
        return f"{groups[i]} and {groups[j]} cannot be told apart (correlation {minimum.correlation[i, j]:.3f})"
    return ""


def _yield(value: float, error: float, curve: ProfileCurve | None, bound: bool) -> Parameter:
    interval = None if curve is None else (curve.interval_68[0] - value, curve.interval_68[1] - value)
    return Parameter(float(value), float(error), interval, "events", at_bound=bound)


def _shares(values: Array, covariance: Array) -> tuple[list[float], list[float]]:
    """f_g = N_g / sum N and errors by propagation."""
    total = max(float(values.sum()), barlow_beeston.SMALLEST)
    share = values / total
    jacobian = (np.eye(len(values)) - share[:, None]) / total
    return share.tolist(), np.sqrt(np.clip(np.diag(jacobian @ covariance @ jacobian.T), 0.0, None)).tolist()
