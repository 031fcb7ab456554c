"""Two-dimensional profile scans: two parameters on a grid, all others minimised at every point."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.comparison import NEAR, ExternalScan, compare_scans, external_json
from fits.conditional import Minimiser, conditional, position
from fits.contours import Surface, contours
from fits.linear import profile_linear
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.priors import Gaussian
from fits.profiles import grid_within
from fits.regions import uncovered
from fits.toys import Progress
from fits.valleys import into_lower_valleys
from records.results import ScanResult

Array = NDArray[np.float64]
LINEAR_NUISANCE = "atmos_norm"  # scales an expectation that depends on no other parameter
LINEAR_NORM = "astro_norm"  # scales the rest


def scan(
    nll: NegativeLogLikelihood,
    minimum: Minimum,
    x_name: str,
    y_name: str,
    x_grid: tuple[float, float, int],
    y_grid: tuple[float, float, int],
    *,
    external: ExternalScan | None = None,
    contour: Array | None = None,
    fit: Minimiser = minimise,
    progress: Progress | None = None,
) -> ScanResult:
    """Profile scan over two parameters, each [low, high, points], with contours at 68.27, 95.45 and 99.73 %.

    ``delta_nll`` is above the fit's minimum; a point that no expectation can explain is ``inf``, one whose fit failed NaN. ``external``:
    another program's scan to compare with, where both grids cover the regions; ``contour``: published points (n, 2) to draw. Raises
    InputError for unknown parameters, twice the same one, fewer than 3 points, a grid outside the bounds, or when no point converged.
    """
    if x_name == y_name:
        raise InputError(f"scan: x and y are both {x_name!r}; give two parameters (for one parameter use profiles)")
    axes = []
    for name, grid in ((x_name, x_grid), (y_name, y_grid)):
        one = nll.parameters[position(nll, name, "scan")]
        axes.append(grid_within(name, grid, one.lower, one.upper))
    x, y = axes
    if linear_nuisance_alone(nll, x_name, y_name):
        values, thetas = scan_linear(nll, x_name, y_name, x, y)
    else:
        values, thetas = scan_general(nll, minimum, x_name, y_name, x, y, fit=fit, progress=progress)
    if not np.isfinite(values).any():
        raise InputError(f"scan: no fit with {x_name} and {y_name} held converged at any of {values.size} points; move the grid")
    delta = values - minimum.nll
    surface = Surface(x, y, delta)
    reason = "" if external is None else uncovered(surface, Surface(external.x, external.y, external.delta_nll), NEAR)
    return ScanResult(
        x_name=x_name,
        y_name=y_name,
        x=x.tolist(),
        y=y.tolist(),
        delta_nll=delta.tolist(),
        nuisances={name: thetas[..., i].tolist() for i, name in enumerate(nll.names) if name not in (x_name, y_name)},
        best=(minimum.values[x_name], minimum.values[y_name]),
        contours=contours(surface),
        comparison={} if external is None or reason else compare_scans(surface, external),
        external=external_json(external, contour),
        not_compared=[f"{external.source}: {reason}"] if external is not None and reason else [],
    )


def linear_nuisance_alone(nll: NegativeLogLikelihood, *scanned: str) -> bool:
    """Whether the Poisson likelihood has one free parameter besides the scanned ones, the linear norm with a Gaussian prior or none."""
    free = [one for one in nll.parameters if one.name not in scanned and not one.fixed]
    floored = nll.empty_bins == "floor" and nll.dropped_bins
    if floored or nll.likelihood != "poisson" or [one.name for one in free] != [LINEAR_NUISANCE]:
        return False
    return (free[0].prior is None or isinstance(free[0].prior, Gaussian)) and free[0].lower >= 0.0


def scan_linear(nll: NegativeLogLikelihood, x_name: str, y_name: str, x: Array, y: Array) -> tuple[Array, Array]:
    """NLL (n, m) and parameters (n, m, parameters), the linear nuisance profiled at all points at once."""
    nuisance = nll.names.index(LINEAR_NUISANCE)
    thetas = _grid_of_parameters(nll, x_name, y_name, x, y)
    thetas[..., nuisance] = 0.0
    fixed = _expected(nll, thetas, x_name, y_name)
    slope = nll.model.mu_and_gradient(thetas[0, 0])[1][nuisance]
    one = nll.parameters[nuisance]
    prior = (one.prior.mean, one.prior.sigma) if isinstance(one.prior, Gaussian) else None
    nu, values = profile_linear(nll.counts, fixed, slope, prior=prior, bounds=(one.lower, one.upper))
    thetas[..., nuisance] = nu.reshape(x.size, y.size)
    others = [(i, p) for i, p in enumerate(nll.parameters) if p.prior is not None and i != nuisance]
    values = values.reshape(x.size, y.size)
    for i, parameter in others:
        assert parameter.prior is not None
        quadratic = np.vectorize(parameter.prior.quadratic, otypes=[float])
        values = values + quadratic(thetas[..., i]) + parameter.prior.constant
    return values, thetas


def scan_general(
    nll: NegativeLogLikelihood,
    minimum: Minimum,
    x_name: str,
    y_name: str,
    x: Array,
    y: Array,
    *,
    fit: Minimiser = minimise,
    progress: Progress | None = None,
) -> tuple[Array, Array]:
    """NLL (n, m) and parameters (n, m, parameters), one fit for each point, started at the nearest point that is done.

    Rows go outwards from the best fit, and so do the points of a row: no fit starts far from its minimum. A likelihood known to have several
    minima (a parameter with several starts) is then searched for lower ones (``fits.valleys``).
    """
    values, thetas = np.full((x.size, y.size), math.nan), np.full((x.size, y.size, len(nll.names)), math.nan)
    order_x, order_y = (np.argsort(np.abs(axis - minimum.values[name]), kind="stable") for axis, name in ((x, x_name), (y, y_name)))
    for done, (i, j) in enumerate(((i, j) for i in order_x for j in order_y), start=1):
        start = dict(zip(nll.names, _neighbour(thetas, int(i), int(j), minimum.theta), strict=True))
        found = conditional(nll, {x_name: float(x[i]), y_name: float(y[j])}, start, minimum.values, fit=fit)
        thetas[i, j] = found.theta
        values[i, j] = found.nll if found.valid else math.nan
        if progress is not None:
            progress(done, x.size * y.size)

    def refit(point: tuple[int, int], start: Array) -> Minimum:
        near = dict(zip(nll.names, start.tolist(), strict=True))
        return conditional(nll, {x_name: float(x[point[0]]), y_name: float(y[point[1]])}, near, fit=fit)

    into_lower_valleys(nll.parameters, values, thetas, refit)
    return values, thetas


def _neighbour(thetas: Array, i: int, j: int, otherwise: Array) -> Array:
    """Parameters of an adjacent point that is done, in the same row first."""
    for k, l in ((i, j - 1), (i, j + 1), (i - 1, j), (i + 1, j)):  # noqa: E741 (row and column)
        if 0 <= k < thetas.shape[0] and 0 <= l < thetas.shape[1] and np.isfinite(thetas[k, l]).all():
            return thetas[k, l]
    return otherwise


def _grid_of_parameters(nll: NegativeLogLikelihood, x_name: str, y_name: str, x: Array, y: Array) -> Array:
    thetas = np.empty((x.size, y.size, len(nll.names)))
    thetas[...] = [one.start for one in nll.parameters]
    thetas[..., nll.names.index(x_name)] = x[:, None]
    thetas[..., nll.names.index(y_name)] = y[None, :]
    return thetas


def _expected(nll: NegativeLogLikelihood, thetas: Array, x_name: str, y_name: str) -> Array:
    """Expectation (points, bins) without the nuisance; one fold for each value of the other parameter where the norm is scanned."""
    if y_name == LINEAR_NORM:
        shapes = _at_unit_norm(nll, thetas[:, 0])
        return (thetas[..., nll.names.index(LINEAR_NORM)][..., None] * shapes[:, None, :]).reshape(-1, shapes.shape[-1])
    if x_name == LINEAR_NORM:
        shapes = _at_unit_norm(nll, thetas[0])
        return (thetas[..., nll.names.index(LINEAR_NORM)][..., None] * shapes[None, :, :]).reshape(-1, shapes.shape[-1])
    return np.array([nll.model.expected(theta) for theta in thetas.reshape(-1, thetas.shape[-1])])


def _at_unit_norm(nll: NegativeLogLikelihood, thetas: Array) -> Array:
    unit = thetas.copy()
    unit[:, nll.names.index(LINEAR_NORM)] = 1.0
    return np.array([nll.model.expected(theta) for theta in unit])
