"""The likelihood of several samples: the sum of their data parts, and every prior once.

    -ln L(theta) = sum_samples -ln L_s(theta_s) + sum_parameters -ln prior

A nuisance parameter that samples share is one auxiliary measurement, so its prior counts once and toys throw it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.diffuse import ParameterOptions
from configs.errors import InputError
from fits.joint_model import JointModel
from fits.nll import NegativeLogLikelihood
from fits.parameters import FitParameter, configure
from fits.priors import describe

Array = NDArray[np.float64]


class JointLikelihood(NegativeLogLikelihood):
    """``-ln L(theta)`` of several samples (``members``) with the parameters of a ``JointModel``; ``counts``: of all bins, sample after sample.

    The members' own priors take no part: priors are those of ``parameters``.
    """

    model: JointModel  # type: ignore[assignment]

    def __init__(self, model: JointModel, members: Mapping[str, NegativeLogLikelihood], parameters: Sequence[FitParameter]) -> None:
        self.model, self.members = model, dict(members)
        self.likelihood = ", ".join(dict.fromkeys(one.likelihood for one in members.values()))
        self._set_parameters(model.names, parameters)
        model.check(self.parameters)
        self.counts = np.concatenate([one.counts for one in members.values()])
        self.dropped_bins = tuple(f"{name}: {label}" for name, one in members.items() for label in one.dropped_bins)
        self.n_dropped = sum(one.n_dropped for one in members.values())
        floored = any(one.empty_bins == "floor" and one.dropped_bins for one in members.values())
        self.empty_bins = "floor" if floored else "refuse"
        self._data = _Sum(model, self.members)

    def with_counts(self, counts: ArrayLike, prior_means: Mapping[str, float] | None = None) -> JointLikelihood:
        """The same likelihood for other counts and, for toys, other centres of the priors (by parameter name)."""
        given = np.asarray(counts, dtype=float)
        if given.shape != (self.model.n_bins,):
            raise InputError(f"counts have shape {given.shape}, the samples together have {self.model.n_bins} bins")
        members = {name: one.with_counts(given[self.model.slices[name]]) for name, one in self.members.items()}
        return JointLikelihood(self.model, members, self._around(prior_means or {}))


class _Sum:
    """The data parts of all samples."""

    def __init__(self, model: JointModel, members: Mapping[str, NegativeLogLikelihood]) -> None:
        self._n = len(model.names)
        self._parts = [(model.places[name], one) for name, one in members.items()]

    def __call__(self, theta: Array) -> tuple[float, Array]:
        total, gradient = 0.0, np.zeros(self._n)
        for places, member in self._parts:
            value, slopes = member.data_value_and_gradient(theta[places])
            total += value
            gradient[places] += slopes
        return total, gradient


def join(
    members: Mapping[str, NegativeLogLikelihood],
    shared: Sequence[str] = (),
    options: Mapping[str, ParameterOptions] | None = None,
    *,
    one_flux: bool = True,
) -> JointLikelihood:
    """The joint likelihood of samples by name; ``shared``, ``one_flux`` as in ``JointModel``.

    ``options`` change joint parameters as ``parameters:`` of a fit does. A parameter that samples have in common lies inside the bounds of all.
    Raises InputError where samples state different priors of it (or hold it in different places) and ``options`` do not settle which.
    """
    model = JointModel({name: one.model for name, one in members.items()}, shared, one_flux=one_flux)
    stated = options or {}
    parameters = [_merged(name, _by_sample(model, members, name), stated.get(name)) for name in model.names]
    return JointLikelihood(model, members, configure(parameters, stated))


def _by_sample(model: JointModel, members: Mapping[str, NegativeLogLikelihood], name: str) -> dict[str, FitParameter]:
    """Sample -> its own parameter that is called ``name`` in the joint fit."""
    return {sample: one for sample, member in members.items() for one in member.parameters if model.name_of(sample, one.name) == name}


def _merged(name: str, by_sample: Mapping[str, FitParameter], stated: ParameterOptions | None) -> FitParameter:
    """One parameter out of those of its samples."""
    given = set() if stated is None else stated.model_fields_set
    if "prior" not in given:
        _agree(name, "its prior is", {sample: describe(one.prior) or "none" for sample, one in by_sample.items()}, "prior")
    if "fixed" not in given:
        _agree(name, "it is", {sample: f"fixed at {one.start:g}" if one.fixed else "free" for sample, one in by_sample.items()}, "fixed (and start)")
    lower, upper = max(one.lower for one in by_sample.values()), min(one.upper for one in by_sample.values())
    return replace(next(iter(by_sample.values())), name=name, lower=lower, upper=upper)


def _agree(name: str, what: str, states: Mapping[str, str], key: str) -> None:
    (first, ours), *others = states.items()
    for sample, theirs in others:
        if theirs != ours:
            raise InputError(
                f"{name} is common to all samples, but {what} {ours} in {first} and {theirs} in {sample}; "
                f"state it once, as parameters.{name}.{key} of the joint fit"
            )
