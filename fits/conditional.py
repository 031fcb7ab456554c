"""Minimum of a likelihood with some parameters held: the step that profiles, limits and tests are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from configs.errors import InputError, nearest
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.single import minimise_single

Minimiser = Callable[..., Minimum]


def position(nll: NegativeLogLikelihood, parameter: str, what: str) -> int:
    """Place of a parameter in the fit, or InputError with the nearest name; ``what`` asked for it."""
    if parameter not in nll.names:
        raise InputError(f"{what}: {parameter!r} is not a parameter of the fit{nearest(parameter, nll.names)}")
    return nll.names.index(parameter)


def conditional(nll: NegativeLogLikelihood, fixed: Mapping[str, float], *near: Mapping[str, float], fit: Minimiser = minimise) -> Minimum:
    """Minimum with the parameters of ``fixed`` held.

    With one parameter left the zero of its derivative is found directly. Otherwise fits start at each of ``near`` in turn until one converges,
    then at the model's own starts. Where the flux is held at zero, shape parameters without prior are held too: no value of theirs is better
    than another.
    """
    held = {**_without_effect(nll, fixed, near[0] if near else {}), **fixed}
    single = minimise_single(nll, held, near[0]) if near and fit is minimise else None
    if single is not None:
        return single
    for start in near:
        found = fit(nll, starts=[start], fixed=held, hesse=False)
        if found.valid:
            return found
    return fit(nll, fixed=held, hesse=False)


def _without_effect(nll: NegativeLogLikelihood, fixed: Mapping[str, float], near: Mapping[str, float]) -> dict[str, float]:
    flux = nll.model.flux
    if any(fixed.get(norm) != 0.0 for norm in flux.norms):
        return {}
    shape = [name for name in flux.names if name not in flux.norms]
    return {one.name: near.get(one.name, one.start) for one in nll.parameters if one.name in shape and one.prior is None}
