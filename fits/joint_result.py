"""What a joint fit says of its samples: events and likelihood of each, whether they agree on the flux, and each of them fitted alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fits import goodness
from fits.diffuse_inputs import Prepared
from fits.fit_result import expected_by_channel, fit_result
from fits.hypothesis import FAILED_FIT, chi2_p_value, free_parameters
from fits.joint_inputs import JointInputs
from fits.joint_likelihood import JointLikelihood
from fits.joint_model import JointModel
from fits.minimise import Minimum, minimise
from fits.scans import scan
from fits.toys import Progress
from records.joint import JointResult, SampleOfFit
from records.results import FitResult

Index = NDArray[np.int64]
Work = Callable[[], Any]


def works(prepared: Prepared, minimum: Minimum, minos: Sequence[str], progress: Callable[[str], Progress | None]) -> dict[str, Work]:
    """What a joint fit leaves besides, to be called: ``samples``, ``alone.<sample>`` and ``alone.<sample>.scan``; nothing for other fits."""
    if not isinstance(prepared.nll, JointLikelihood):
        return {}
    assert prepared.options.joint is not None
    found: dict[str, Work] = {"samples": partial(_samples, prepared, minimum)}
    if prepared.options.joint.alone:
        found |= {f"alone.{name}": partial(_alone, prepared, name, minos, progress(f"{name} alone")) for name in prepared.samples}
    return found


def projections(model: JointModel) -> dict[str, Index]:
    """Bins of all samples, and of each alone (-1: of another)."""
    found = {"all": np.arange(model.n_bins)}
    for name, place in model.slices.items():
        found[name] = np.full(model.n_bins, -1)
        found[name][place] = np.arange(place.stop - place.start)
    return found


def of_sample(result: FitResult, prepared: Prepared, name: str) -> FitResult:
    """The joint fit as one sample sees it: its own parameters by their own names, their correlation, its events."""
    one, model = prepared.samples[name], prepared.whole
    assert isinstance(model, JointModel)
    places = model.places[name]
    parameters = {own: result.parameters[model.names[i]] for own, i in zip(one.whole.names, places, strict=True)}
    theta = np.array([parameter.value for parameter in parameters.values()])
    return replace(
        result,
        parameters=parameters,
        correlation=np.asarray(result.correlation, float)[np.ix_(places, places)].tolist(),
        n_observed=float(one.nll.counts.sum()),
        n_bins=one.nll.model.n_bins,
        expected=expected_by_channel(one.whole, theta),
        likelihood=one.nll.likelihood,
        axes=one.provenance.axes,
        livetime_s=one.provenance.livetime_s,
        response=one.provenance.response,
        dropped_bins=list(one.nll.dropped_bins),
        n_dropped=one.nll.n_dropped,
        partial=one.provenance.partial,
        published={},
    )


def _samples(prepared: Prepared, minimum: Minimum) -> JointResult:
    nll, inputs = prepared.nll, prepared.inputs
    assert isinstance(nll, JointLikelihood)
    assert isinstance(inputs, JointInputs)
    samples = {name: _sample(prepared, nll, inputs, name, minimum) for name in nll.members}
    prior = sum(nll.priors[name].quadratic(minimum.values[name]) for name in nll.model.common if name in nll.priors)
    ts, degrees, reason = one_flux(nll, minimum)
    p = chi2_p_value(ts, degrees) if math.isfinite(ts) else math.nan
    return JointResult(samples, list(nll.model.common), prior, ts, degrees, p, reason)


def _sample(prepared: Prepared, nll: JointLikelihood, inputs: JointInputs, name: str, minimum: Minimum) -> SampleOfFit:
    one, member = prepared.samples[name], nll.members[name]
    theta = nll.model.of(name, minimum.theta)
    own = [joint for joint in (nll.model.name_of(name, parameter) for parameter in member.names) if joint not in nll.model.common]
    return SampleOfFit(
        config=inputs.samples[name].inputs.config.name,
        fit=inputs.samples[name].fit,
        likelihood=member.likelihood,
        axes=one.provenance.axes,
        livetime_s=one.provenance.livetime_s,
        response=one.provenance.response,
        n_observed=float(member.counts.sum()),
        n_bins=member.model.n_bins,
        expected=expected_by_channel(one.whole, theta),
        nll_data=member.parts(theta)[0],
        nll_prior=sum(nll.priors[joint].quadratic(minimum.values[joint]) for joint in own if joint in nll.priors),
        saturated=goodness.saturated(member.counts, member.model.expected(theta)),
    )


def one_flux(nll: JointLikelihood, minimum: Minimum) -> tuple[float, int, str]:
    """Test statistic of one flux against one for each sample, parameters more, and why there is no statistic.

    Nuisance parameters that are shared stay shared, with one prior (the sum over samples fitted alone would count it for each of them). Without
    shared ones it is the parameter goodness of fit of M. Maltoni and T. Schwetz, PRD 68 (2003) 033020.
    """
    if constrained := [name for name in nll.model.flux.names if name in nll.priors]:
        return math.nan, 0, f"the prior of {constrained[0]} ties the samples together"
    wide = _own_fluxes(nll)
    degrees = free_parameters(wide) - free_parameters(nll)
    if degrees < 1:
        return math.nan, 0, "no parameter of the flux is free"
    known = {wide.model.name_of(name, one): nll.model.name_of(name, one) for name, member in nll.members.items() for one in member.names}
    found = minimise(wide, starts=[{name: minimum.values[known[name]] for name in wide.names}], hesse=False)
    ts = 2.0 * (minimum.nll - found.nll)
    if not found.valid:
        return math.nan, degrees, found.reason
    return (ts, degrees, "") if ts >= FAILED_FIT else (math.nan, degrees, "a flux for each sample was fitted worse than one flux for all")


def _own_fluxes(nll: JointLikelihood) -> JointLikelihood:
    """The likelihood with a flux for each sample."""
    model = JointModel(nll.model.models, nll.model.shared, one_flux=False)
    joint = {one.name: one for one in nll.parameters}
    by_name = {
        model.name_of(name, one): replace(joint[nll.model.name_of(name, one)], name=model.name_of(name, one))
        for name, member in nll.members.items()
        for one in member.names
    }
    return JointLikelihood(model, nll.members, [by_name[name] for name in model.names])


def _alone(prepared: Prepared, name: str, minos: Sequence[str], progress: Progress | None) -> dict[str, Any]:
    """One sample fitted by itself, with its scan where the joint fit has one in parameters that it knows."""
    one, joint, wanted = prepared.samples[name], prepared.nll, prepared.options.scan
    assert isinstance(joint, JointLikelihood)
    nll = joint.members[name]
    minimum = minimise(nll, minos=[parameter for parameter in minos if parameter in nll.names])
    found: dict[str, Any] = {f"alone.{name}": fit_result(nll, minimum, one.whole, one.provenance)}
    if wanted is not None and minimum.valid and {wanted.x, wanted.y} <= set(joint.model.common):
        found[f"alone.{name}.scan"] = scan(nll, minimum, wanted.x, wanted.y, wanted.x_grid, wanted.y_grid, progress=progress)
    return found
