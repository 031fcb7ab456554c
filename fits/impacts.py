"""Impacts: what the parameters of interest do when a nuisance parameter is held one standard deviation away from its fitted value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fits.conditional import Minimiser, valleys
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.priors import prior_sigma
from records.diffuse_studies import Impact, ImpactResult


def of_interest(nll: NegativeLogLikelihood) -> tuple[str, ...]:
    """Parameters of the astrophysical flux: its norm and the spectrum's own."""
    return nll.model.flux.names


def impacts(nll: NegativeLogLikelihood, minimum: Minimum, *, fit: Minimiser = minimise) -> ImpactResult:
    """Hold each free nuisance parameter at its value +- its error after the fit (not beyond its bounds) and fit the others again.

    The shift is linear in the correlation for a parabolic likelihood: correlation times the error of the parameter of interest. A failed fit
    leaves NaN and is named in ``failed``.
    """
    wanted = [name for name in of_interest(nll) if name not in minimum.fixed]
    failed: list[str] = []
    found = {}
    for one in nll.parameters:
        if one.name in of_interest(nll) or one.name in minimum.fixed:
            continue
        value, error = minimum.values[one.name], minimum.errors[one.name]
        held = {"down": max(value - error, one.lower), "up": min(value + error, one.upper)}
        shifts = {side: _shifts(nll, minimum, wanted, {one.name: at}, fit) for side, at in held.items()}
        failed += [f"{one.name} {side}" for side, shift in shifts.items() if any(math.isnan(moved) for moved in shift.values())]
        found[one.name] = Impact(
            value=value,
            error=error,
            held_down=held["down"],
            held_up=held["up"],
            shift_down=shifts["down"],
            shift_up=shifts["up"],
            pull=None if one.prior is None else one.prior.pull(value),
            constraint=error / prior_sigma(one.prior, value),
        )
    return ImpactResult({name: minimum.errors[name] for name in wanted}, found, failed)


def _shifts(nll: NegativeLogLikelihood, minimum: Minimum, wanted: Sequence[str], held: Mapping[str, float], fit: Minimiser) -> dict[str, float]:
    """Change of the parameters of interest with ``held``; NaN when the fit did not converge."""
    again = fit(nll, starts=valleys(nll, {**minimum.values, **held}, held), fixed=held, hesse=False)
    return {name: again.values[name] - minimum.values[name] if again.valid else math.nan for name in wanted}
