"""One target unfolded: most probable spectrum, posterior, and two other methods beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.stopping_muons import nuisances
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import Measurement
from fits.stopping_muons.seeds import seed_of
from fits.stopping_muons.strength import strength
from fits.unfolding import UnfoldingProblem
from fits.unfolding.flux import fit_covariances
from fits.unfolding.map_fit import MapFit
from fits.unfolding.mcmc import Sample
from fits.unfolding.saved import spectrum
from records.failed_fit import FailedFit
from records.stopping_muons import ResponseSummary
from records.unfolding import UnfoldedSpectrum

Array = NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Chain:
    """Samples (steps, walkers, parameters) and the parameters' names."""

    samples: Array
    names: tuple[str, ...]


@dataclass(frozen=True)
class Unfolded:
    """Results by name, the problem with its strength (None if none was found), and the chain if there is one."""

    results: dict[str, Any]
    problem: UnfoldingProblem | None
    chain: Chain | None = None


def unfold(inputs: Inputs, found: Measurement, say: Say = lambda _: None) -> Unfolded:
    """Everything that the configuration asks of one target.

    Chains that do not converge, and a strength that cannot be chosen, leave a ``FailedFit`` in place of the result; what does not need it stays.
    """
    t, problem = found.target.name, found.problem
    results: dict[str, Any] = {f"response.{t}": response_summary(found)}
    if problem.templates:
        results[f"templates.{t}"] = nuisances.summary(inputs, found.target, problem.templates, found.layout)
    say(f"{t}: strength of the prior")
    chosen = strength(inputs, found)
    if chosen.scan is not None:
        results[f"scan.{t}"] = chosen.scan
    if chosen.failure:
        return Unfolded({**results, f"unfolded.{t}.map": FailedFit(False, chosen.failure, "unfolding")}, None)
    problem = problem.replace(tau=chosen.tau)
    say(f"{t}: most probable spectrum")
    best = problem.map(solver=inputs.config.options.solver)
    results[f"response.{t}"] = response_summary(found, best)
    notes = found.notes
    results |= {f"unfolded.{t}.{key}": one for key, one in _by_other_methods(problem, best, notes).items()}
    if not (inputs.config.options.sample and best.valid):
        return Unfolded(results, problem)
    say(f"{t}: Markov chains")
    sampled, chain = _sampled(inputs, found, problem, notes)
    return Unfolded({**results, f"unfolded.{t}.mcmc": sampled}, problem, chain)


def response_summary(found: Measurement, fit: MapFit | None = None) -> ResponseSummary:
    """What the response can tell; with a valid ``fit``, expected counts are those of its spectrum and nuisances."""
    problem, folded = found.problem, fit is not None and fit.valid
    return ResponseSummary(
        edges=np.asarray(problem.edges).tolist(),
        matrix=problem.A.tolist(),
        singular_values=problem.singular_values.tolist(),
        condition_number=problem.condition_number,
        effective_events=problem.effective_events.tolist(),
        expected=(fit.expected if fit is not None and folded else problem.W.sum(axis=1)).tolist(),
        observed=problem.g.tolist(),
        merged=found.layout.groups,
        folded=folded,
    )


def _by_other_methods(problem: UnfoldingProblem, best: MapFit, notes: list[str]) -> dict[str, UnfoldedSpectrum]:
    """The most probable spectrum, and the cross-checks: of singular values those above 1, whose component of the ratio to the reference is known."""
    found = {"map": with_sources(problem, best, notes)}
    found["ibu"] = spectrum(problem, problem.ibu(), notes=notes)
    kept = max(1, int(np.sum(problem.singular_values > 1.0)))
    found["tsvd"] = spectrum(
        problem, problem.tsvd(k=kept, around_reference=True), notes=[*notes, f"{kept} of {problem.n} singular values of the ratio to the reference"]
    )
    return found


def with_sources(problem: UnfoldingProblem, fit: MapFit | Sample, notes: list[str]) -> UnfoldedSpectrum:
    """The record of a spectrum with its covariance by source."""
    record = spectrum(problem, fit, notes=notes)
    if not record.valid:
        return record
    inside = problem.inside
    return replace(record, sources={key: one[inside, inside].tolist() for key, one in fit_covariances(problem, fit).items()})


def _sampled(inputs: Inputs, found: Measurement, problem: UnfoldingProblem, notes: list[str]) -> tuple[UnfoldedSpectrum | FailedFit, Chain | None]:
    try:
        sample = problem.sample(**chain_options(inputs), seed=seed_of(inputs.config.seed, "chains", found.target.name))
    except InputError as error:  # a ConvergenceError, or no minimum to start from
        return FailedFit(False, str(error), "mcmc"), None
    return with_sources(problem, sample, notes), Chain(sample.chain, sample.names)


def chain_options(inputs: Inputs) -> dict[str, Any]:
    """Lengths of chains and prior as configured."""
    steps, options = inputs.config.unfolding, inputs.config.options
    return {
        "n_walkers": steps.n_walkers,
        "n_burn_steps": steps.n_burn_steps,
        "n_used_steps": steps.n_used_steps,
        "max_extend": options.max_extend,
        "prior_f": options.prior_f,
    }
