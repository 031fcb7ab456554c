"""From a minimum to the ``FitResult`` that is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fits.joint_model import JointModel
from fits.minimise import Minimum
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.official_model import OfficialModel
from fits.priors import describe
from records.results import FitResult, Parameter


@dataclass(frozen=True)
class Provenance:
    """What every result of one fit says about its origin."""

    engine: str
    model: str
    axes: tuple[str, ...]
    livetime_s: float
    response: str
    partial: bool = False
    seed: int | None = None
    input_digest: str = ""
    published: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    outside_tables: Mapping[str, float] = field(default_factory=dict)


def fit_result(nll: NegativeLogLikelihood, minimum: Minimum, whole: Model | OfficialModel | JointModel, provenance: Provenance) -> FitResult:
    """Everything about one minimum. ``whole``: the model before projection, from which the expected events by channel are taken."""
    data, prior, constant = nll.parts(minimum.theta)
    return FitResult(
        valid=minimum.valid,
        reason=minimum.reason,
        parameters={name: parameter_of(nll, minimum, i) for i, name in enumerate(nll.names)},
        correlation=minimum.correlation.tolist(),
        nll=data + prior + constant,
        nll_data=data,
        nll_prior=prior,
        nll_prior_constant=constant,
        n_observed=float(nll.counts.sum()),
        n_bins=nll.model.n_bins,
        expected=expected_by_channel(whole, minimum.theta),
        likelihood=nll.likelihood,
        engine=provenance.engine,
        model=provenance.model,
        axes=provenance.axes,
        starts_tried=minimum.starts_tried,
        edm=minimum.edm,
        livetime_s=provenance.livetime_s,
        response=provenance.response,
        dropped_bins=list(nll.dropped_bins),
        n_dropped=nll.n_dropped,
        partial=provenance.partial,
        seed=provenance.seed,
        input_digest=provenance.input_digest,
        published=dict(provenance.published),
        minima=_minima(nll, minimum),
        outside_tables=dict(provenance.outside_tables),
    )


def _minima(nll: NegativeLogLikelihood, minimum: Minimum) -> list[Mapping[str, float]]:
    """What each start led to, best first; nothing where there was one start."""
    if all(len(one.starts) == 1 for one in nll.parameters):
        return []
    found = sorted(minimum.minima, key=lambda one: one[1])
    return [{"nll": float(value), **dict(zip(nll.names, theta.tolist(), strict=True))} for theta, value in found]


def parameter_of(nll: NegativeLogLikelihood, minimum: Minimum, i: int) -> Parameter:
    """One parameter of a minimum, number ``i``, as it is saved."""
    one, value = nll.parameters[i], minimum.values[nll.names[i]]
    return Parameter(
        value=value,
        error=minimum.errors[one.name],
        minos=minimum.minos.get(one.name),
        unit=one.unit,
        fixed=one.name in minimum.fixed,
        at_bound=one.name in minimum.at_bound,
        prior=describe(one.prior),
        pull=None if one.prior is None else one.prior.pull(value),
    )


def expected_by_channel(model: Model | OfficialModel | JointModel, theta: np.ndarray) -> dict[str, dict[str, float]]:
    """Component -> channel -> expected events, and component "total"."""
    channels = np.array([one.channel for one in model.response.bins])
    names = list(dict.fromkeys(channels.tolist()))
    components = dict(model.components(theta))
    components["total"] = np.sum(list(components.values()), axis=0)
    return {component: {name: float(values[channels == name].sum()) for name in names} for component, values in components.items()}
