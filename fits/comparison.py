"""A scan of ours beside one that another program or a paper published."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.contours import CEILING, Surface, contours
from fits.intervals import ONE_SIGMA, TWO_SIGMA, delta_nll_level
from physics.constants import FLUX_UNIT_PER_GEV_CM2_S_SR, N_FLAVOURS

NEAR = 5.0  # external Delta NLL below which two surfaces are compared point by point (specification 4.5)
PER_FLAVOUR_TO_SIX_SPECIES = N_FLAVOURS / FLUX_UNIT_PER_GEV_CM2_S_SR  # nu + nubar of one flavour -> sum of six species in 1e-18 of the same unit


@dataclass(frozen=True)
class ExternalScan:
    """Another program's profile scan: ``nll[i, j]`` at ``x[i], y[j]``, as it stands in the file."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    nll: NDArray[np.float64]
    source: str

    @cached_property
    def delta_nll(self) -> NDArray[np.float64]:
        """NLL above the lowest point of the bicubic spline: the grid of the release misses its best fit by 0.004, the spline by 0.0005."""
        above = self.nll - self.nll.min()
        return above - Surface(self.x, self.y, above).minimum()[2]


def read_scan(path: str | Path) -> ExternalScan:
    """Read a scan of three columns (x, y, NLL) on a full rectangular grid, in any order.

    Raises InputError when the file is absent, is not three columns of finite numbers, or its points do not fill a grid.
    """
    path = Path(path)
    try:
        table = np.loadtxt(path, ndmin=2)
    except OSError as error:
        raise InputError(f"{path}: cannot read the external scan ({error}); give a file of three columns x, y, NLL or remove 'compare'") from None
    except ValueError as error:
        raise InputError(f"{path}: not a table of numbers ({error}); expected three columns x, y, NLL") from None
    if table.shape[1] != 3 or not np.isfinite(table).all():
        raise InputError(f"{path}: expected three columns of finite numbers (x, y, NLL), found {table.shape[1]} columns")
    x, y = np.unique(table[:, 0]), np.unique(table[:, 1])
    if x.size * y.size != len(table):
        raise InputError(
            f"{path}: {len(table)} points do not fill the grid of {x.size} x {y.size} values of x and y; remove double or add missing points"
        )
    nll = np.full((x.size, y.size), np.nan)
    nll[np.searchsorted(x, table[:, 0]), np.searchsorted(y, table[:, 1])] = table[:, 2]
    if np.isnan(nll).any():
        raise InputError(f"{path}: a point of the {x.size} x {y.size} grid is given twice and another is missing; give each once")
    return ExternalScan(x, y, nll, path.name)


def read_contour(path: str | Path) -> NDArray[np.float64]:
    """Read published contour points as (n, 2): spectral index, norm of six species in 1e-18 GeV^-1 cm^-2 s^-1 sr^-1.

    The file (github KM3NeT/KM3-230213A-data) maps ``SpectralIndex`` and ``FluxNorm ...`` to numbered points; its norm is per flavour
    in GeV^-1 cm^-2 s^-1 sr^-1 whatever unit the key's name states.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        norm_key = next(key for key in content if key.startswith("FluxNorm"))
        index, norm = content["SpectralIndex"], content[norm_key]
        return np.array([(index[n], norm[n] * PER_FLAVOUR_TO_SIX_SPECIES) for n in sorted(index, key=int)])
    except OSError as error:
        raise InputError(f"{path}: cannot read the published contour ({error}); remove 'compare_contour' or give an existing file") from None
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        raise InputError(
            f"{path}: not a published contour; expected JSON with SpectralIndex and FluxNorm, each a mapping of numbered points"
        ) from None


def compare_scans(ours: Surface, external: ExternalScan) -> dict[str, float]:
    """Overlap of the 68 and 95 % regions and rms difference of Delta NLL, on the external grid inside our range.

    ``iou_68``, ``iou_95`` = |A and B| / |A or B|; ``rms_delta_nll`` over the points where the external Delta NLL is below 5. Whether the
    grids cover each other's regions is for the caller to ask (``fits.regions.uncovered``).
    """
    x, y = np.meshgrid(external.x, external.y, indexing="ij")
    inside = (x >= ours.x[0]) & (x <= ours.x[-1]) & (y >= ours.y[0]) & (y <= ours.y[-1])
    if not inside.any():
        raise InputError(f"the external scan {external.source} lies outside our grid; scan the same parameters, in the same units")
    mine, theirs = ours.at(x[inside], y[inside]), external.delta_nll[inside]
    mine = mine - min(float(mine.min()), 0.0)
    near = theirs < NEAR
    return {
        "iou_68": overlap(mine, theirs, delta_nll_level(ONE_SIGMA, 2)),
        "iou_95": overlap(mine, theirs, delta_nll_level(TWO_SIGMA, 2)),
        "rms_delta_nll": float(np.sqrt(np.mean((mine - theirs)[near] ** 2))) if near.any() else float("nan"),
    }


def overlap(a: NDArray[np.float64], b: NDArray[np.float64], level: float) -> float:
    """Intersection over union of the regions ``a < level`` and ``b < level`` on the same points."""
    union = int(((a < level) | (b < level)).sum())
    return int(((a < level) & (b < level)).sum()) / union if union else float("nan")


def sided_difference(ours: tuple[float, float, float], published: tuple[float, float, float]) -> float:
    """Difference of two values, each with its errors (minus, plus; distances), in units of both in quadrature on the sides that face each other.

    NaN where the errors of these sides are unknown or both 0.

    >>> sided_difference((2.0, 0.4, 0.3), (3.0, 0.4, 9.0))
    -2.0
    """
    value, minus, plus = ours
    other, other_minus, other_plus = published
    error = math.hypot(plus, other_minus) if value < other else math.hypot(minus, other_plus)
    return (value - other) / error if error > 0 else math.nan


def external_json(external: ExternalScan | None, contour: NDArray[np.float64] | None) -> dict[str, object] | None:
    """What a ``ScanResult`` keeps of the published numbers: grid, Delta NLL, contours of the grid, contour points, source."""
    kept: dict[str, object] = {}
    if external is not None:
        delta = np.minimum(external.delta_nll, CEILING)
        kept |= {"x": external.x.tolist(), "y": external.y.tolist(), "delta_nll": delta.tolist(), "source": external.source}
        kept["contours"] = contours(Surface(external.x, external.y, delta))
    if contour is not None:
        kept["contour_points"] = contour.tolist()
    return kept or None
