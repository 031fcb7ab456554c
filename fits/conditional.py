"""Minimum of a likelihood with some parameters held: the step that profiles, limits and tests are made of; in every valley of the likelihood."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

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
    several = any(len(one.starts) > 1 and not one.fixed and one.name not in held for one in nll.parameters)
    single = minimise_single(nll, held, near[0]) if near and fit is minimise and not several else None
    if single is not None:
        return single
    for start in near:
        found = fit(nll, starts=[start], fixed=held, hesse=False)
        if found.valid:
            return found
    return fit(nll, fixed=held, hesse=False)


def valleys(nll: NegativeLogLikelihood, near: Mapping[str, float], fixed: Mapping[str, float] = MappingProxyType({})) -> list[dict[str, float]]:
    """Where a fit near ``near`` has to start so that no minimum is overlooked: there, and with each other start of parameters that have several.

    Such a parameter (``epsilon_dom``) has a valley of the likelihood around each start; a fit stays in the one where it begins. Parameters in
    ``fixed`` have no starts. One point for a model whose parameters have one start each.

    >>> from types import SimpleNamespace as Simple
    >>> nll = Simple(parameters=[Simple(name="x", starts=(0.0,), fixed=False), Simple(name="y", starts=(-1.0, 1.0), fixed=False)])
    >>> valleys(nll, {"x": 3.0, "y": -0.9})
    [{'x': 3.0, 'y': -0.9}, {'x': 3.0, 'y': 1.0}]
    """
    several = [one for one in nll.parameters if len(one.starts) > 1 and not one.fixed and one.name not in fixed]
    names = [one.name for one in several]
    own = tuple(_nearest(one.starts, near[one.name]) for one in several)
    others = (point for point in itertools.product(*(one.starts for one in several)) if point != own)
    return [dict(near), *({**near, **dict(zip(names, point, strict=True))} for point in others)]


def _nearest(starts: Sequence[float], value: float) -> float:
    return min(starts, key=lambda start: abs(start - value))


def lowest(nll: NegativeLogLikelihood, fixed: Mapping[str, float], *near: Mapping[str, float], fit: Minimiser = minimise) -> Minimum:
    """``conditional`` from every valley at the first of ``near``; the lowest minimum that is valid."""
    found = [conditional(nll, fixed, start, *near[1:], fit=fit) for start in valleys(nll, near[0], fixed)]
    return min(found, key=lambda one: (not one.valid, one.nll))


def _without_effect(nll: NegativeLogLikelihood, fixed: Mapping[str, float], near: Mapping[str, float]) -> dict[str, float]:
    if 0.0 not in fixed.values():
        return {}
    flux = nll.model.flux
    if any(fixed.get(norm) != 0.0 for norm in flux.norms):
        return {}
    shape = [name for name in flux.names if name not in flux.norms]
    return {one.name: near.get(one.name, one.start) for one in nll.parameters if one.name in shape and one.prior is None}
