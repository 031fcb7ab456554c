"""What the options of one fit of ``diffuse`` ask for, judged before any work: names, grids, values within bounds, studies that the model allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from configs import diffuse
from configs.errors import InputError, nearest
from fits.diffuse_inputs import Prepared
from fits.profiles import grid_within
from fits.response import Response
from fits.spectrum_choice import NULL_VALUES


def check_request(fit: str, options: diffuse.Fit, prepared: Prepared, responses: Sequence[Response]) -> None:
    """Raises InputError, whose message names the key below the fit, for the first request that makes no sense."""
    _check_names(fit, options, prepared.nll.names)
    _check_grids(options, prepared)
    _check_truth(options, prepared)
    low, high = np.exp([min(one.ln_energy[0] for one in responses), max(one.ln_energy[-1] for one in responses)])
    if options.model.astro == "broken_power_law" and not low < options.model.break_gev < high:
        raise InputError(
            f"model.break_gev: {options.model.break_gev:g} GeV lies outside the simulated energies, {low:g} to {high:g} GeV: one of the two "
            "indices would have no effect"
        )


def _check_names(fit: str, options: diffuse.Fit, known: tuple[str, ...]) -> None:
    """Every parameter that an option names must be one of the model; workspace and test must be possible with this fit."""
    for where, name in _parameters_named(options):
        if name not in known:
            by_default = options.scan is not None and where.startswith("scan.") and where.removeprefix("scan.") not in options.scan.model_fields_set
            next_step = f", but the default; choose of {', '.join(sorted(known))}" if by_default else nearest(name, known)
            raise InputError(f"fits.{fit}.{where}: {name!r} is not a parameter of this model{next_step}")
    if options.workspace and options.likelihood != "poisson":
        raise InputError(f"fits.{fit}.workspace: HistFactory has the Poisson likelihood only, not {options.likelihood}; use likelihood: poisson")
    if options.test is not None and (options.model.astro != "power_law" or options.test.alternative not in NULL_VALUES):
        raise InputError(
            f"fits.{fit}.test: {options.test.alternative} is not a wider model than {options.model.astro}; "
            f"the tests known are a power_law against {', '.join(NULL_VALUES)}"
        )


def _check_grids(options: diffuse.Fit, prepared: Prepared) -> None:
    """Grids must lie inside the parameters' bounds; what is scanned must be free."""
    parameters = {one.name: one for one in prepared.nll.parameters}
    grids = _grids(options)
    for name in [*(name for name, _ in grids), *(one.parameter for one in options.upper_limits)]:
        if parameters[name].fixed:
            raise InputError(f"parameters.{name}: it is fixed, and a profile, scan or limit of it needs it free; leave out one of the two")
    for name, grid in grids:
        grid_within(name, grid, parameters[name].lower, parameters[name].upper)


def _grids(options: diffuse.Fit) -> list[tuple[str, tuple[float, float, int]]]:
    """Parameter and [low, high, points] of every profile, scan and list of tested values."""
    grids = [(one.parameter, one.grid) for one in options.profiles]
    if options.scan is not None:
        if options.scan.x == options.scan.y:
            raise InputError(f"scan: x and y are both {options.scan.x!r}; give two parameters (for one parameter use profiles)")
        grids += [(options.scan.x, options.scan.x_grid), (options.scan.y, options.scan.y_grid)]
    unified = [one.parameter for one in options.feldman_cousins]
    if len(set(unified)) < len(unified):
        raise InputError(f"feldman_cousins: {', '.join(unified)}: each parameter once, with all its tested values in one grid")
    for wanted in options.feldman_cousins:
        points = wanted.grid
        if any(low >= high for low, high in pairwise(points)):
            raise InputError(f"feldman_cousins.grid: {points} is not ascending; give each tested value once, in order")
        grids.append((wanted.parameter, (points[0], points[-1], len(points))))
    return grids


def _check_truth(options: diffuse.Fit, prepared: Prepared) -> None:
    """The truth of toys must lie inside the parameters' bounds."""
    bounds = {one.name: (one.lower, one.upper) for one in prepared.nll.parameters}
    for name, value in ((options.toys and options.toys.truth) or {}).items():
        if not bounds[name][0] <= value <= bounds[name][1]:
            raise InputError(f"toys.truth.{name}: {value:g} lies outside the parameter's bounds {list(bounds[name])}; change one of them")


def _parameters_named(options: diffuse.Fit) -> Iterator[tuple[str, str]]:
    """(key path below the fit, parameter) of every place that names a parameter."""
    yield from ((f"minos.{i}", name) for i, name in enumerate(options.minos or ()))
    yield from ((f"profiles.{i}.parameter", one.parameter) for i, one in enumerate(options.profiles))
    yield from ((f"upper_limits.{i}.parameter", one.parameter) for i, one in enumerate(options.upper_limits))
    yield from ((f"published.{name}", name) for name in options.published)
    if options.scan is not None:
        yield from (("scan.x", options.scan.x), ("scan.y", options.scan.y))
    yield from ((f"feldman_cousins.{i}.parameter", one.parameter) for i, one in enumerate(options.feldman_cousins))
    if options.toys is not None:
        yield from ((f"toys.truth.{name}", name) for name in options.toys.truth or {})
