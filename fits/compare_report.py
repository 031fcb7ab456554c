"""Everything that the fits of ``diffuse`` and a publication have in common, side by side: results -> ``ComparisonReport``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from configs import diffuse
from data_info.published_fit import PublishedFit
from fits.comparison import NEAR, sided_difference
from fits.contours import Surface
from fits.intervals import ONE_SIGMA, delta_nll_level
from fits.regions import region
from physics.constants import PIVOT_GEV
from physics.segmented_spectrum import UNIT_GEV_CM2_S_SR
from records.comparison import PARTS, ComparedQuantity, ComparisonReport
from records.diffuse import SpectrumResult
from records.failed_fit import FailedFit
from records.results import FitResult, GoodnessOfFit, ScanResult
from records.value import Parameter

STUDIES = ("scan", "segments", "gof")  # of a fit, that the report looks at
SHARES = {"0.6827": "68 %", "0.9545": "95 %"}
SEGMENT_UNIT = "1e-8 GeV / (cm2 s sr)"  # of one flavour, nu + nubar
Number = tuple[float, float, float]  # value, minus, plus


@dataclass(frozen=True)
class _Rows:
    """Collects the rows of one part of one fit."""

    part: str
    fit: str

    def row(
        self, quantity: str, ours: Number | float, published: Number | float = math.nan, unit: str = "", difference: float = math.nan
    ) -> ComparedQuantity:
        """One row; a number without errors may come alone."""
        one, other = (number if isinstance(number, tuple) else (number, math.nan, math.nan) for number in (ours, published))
        return ComparedQuantity(self.part, self.fit, quantity, unit, *map(float, (*one, *other, difference)))


def report(fits: Mapping[str, diffuse.Fit], results: Mapping[str, Any], reference: PublishedFit | None) -> ComparisonReport | None:
    """The report of a configuration's fits; None where nothing published belongs to any of them.

    ``results``: result name -> result. Intervals of ``FitResult.published``, the best fit of ``reference``, scans with an external one, segments
    with published ones, p-values of the goodness of fit. What is asked for and missing is in ``left_out``.
    """
    rows: list[ComparedQuantity] = []
    left_out: list[str] = []
    for name, options in fits.items():
        rows += _of_fit(name, options, results, reference, left_out)
    if all(row.part == "goodness" for row in rows) and not left_out:
        return None
    left_out += _never_there(rows, reference)
    return ComparisonReport(sorted(rows, key=lambda row: PARTS.index(row.part)), left_out, "" if reference is None else reference.source)


def _of_fit(
    name: str, options: diffuse.Fit, results: Mapping[str, Any], reference: PublishedFit | None, left_out: list[str]
) -> Iterator[ComparedQuantity]:
    """The rows of one fit and its studies; what is asked for and missing goes to ``left_out``."""
    found, different = results[name], not_comparable(options)
    if reference is not None and not found.published and different:
        left_out.append(f"{name}: {different}")
    asked = _asked(options, found)
    if not found.valid:
        left_out += [f"{name}: the fit did not converge ({found.reason})"] if asked else []
        return
    yield from _parameters(name, found, None if different else reference)
    scan, segments, gof = (_study(f"{name}.{study}", results, study in asked, left_out) for study in STUDIES)
    yield from _scan(name, scan, {parameter: one.unit for parameter, one in found.parameters.items()}, left_out)
    yield from _segments(name, segments, left_out)
    yield from _goodness(name, gof if asked else None)


def _study(key: str, results: Mapping[str, Any], asked: bool, left_out: list[str]) -> Any:
    """The result of a study; None where there is none, and where it failed, which is said of one that the report asks for."""
    found = results.get(key)
    if isinstance(found, FailedFit):
        left_out += [f"{key}: it failed ({found.reason})"] if asked else []
        return None
    return found


def _asked(options: diffuse.Fit, found: FitResult) -> set[str]:
    """Studies of a fit that belong into a report; none where nothing published belongs to the fit."""
    scan, segments = options.scan, options.segments
    asked = {"scan"} if scan is not None and (scan.compare or scan.compare_contour) else set()
    asked |= {"segments"} if segments is not None and segments.compare else set()
    return asked | ({"gof"} if asked or found.published else set())


def not_comparable(options: diffuse.Fit) -> str:
    """Why the parameters of a fit are not those of the published power law, empty where they are."""
    if options.data == "asimov":
        return "not compared, as it fits the Asimov set and not the events"
    if options.model.astro != "power_law":
        return f"not compared, as its spectrum is {options.model.astro} and the published one a power law"
    if options.model.pivot_gev != PIVOT_GEV:
        return f"not compared, as its norm is that at {options.model.pivot_gev:g} GeV and the published one that at {PIVOT_GEV:g} GeV"
    if len(set(options.model.flavour)) > 1:
        return "not compared, as its composition by flavour is not 1 : 1 : 1"
    return ""


def published_intervals(options: diffuse.Fit, names: Sequence[str], reference: PublishedFit | None) -> dict[str, Number]:
    """Published value, minus, plus of the parameters ``names`` of a fit: its own key ``published``, else those of the recognised data set."""
    if options.published or reference is None or not_comparable(options):
        return dict(options.published)
    return {name: interval for name, interval in reference.intervals.items() if name in names}


def _parameters(name: str, found: FitResult, reference: PublishedFit | None) -> Iterator[ComparedQuantity]:
    part = _Rows("parameters", name)
    for parameter, published in found.published.items():
        one = found.parameters[parameter]
        ours = number(one)
        yield part.row(parameter, ours, published, one.unit, sided_difference(ours, published))
    if reference is None:
        return
    part = _Rows("best fit", name)
    for parameter, one in found.parameters.items():
        if parameter in reference.best_fit and parameter not in found.published:
            yield part.row(parameter, number(one), reference.best_fit[parameter], one.unit)
    if _is_published_likelihood(found, reference):
        yield _Rows("likelihood", name).row("-ln L at the minimum", found.nll, reference.nll)


def number(one: Parameter) -> Number:
    """Value and distances to the ends of its interval: of MINOS, else the error of the Hessian; none of a fixed parameter."""
    if one.fixed:
        return one.value, math.nan, math.nan
    down, up = one.minos or (-one.error, one.error)
    return one.value, -down, up


def _is_published_likelihood(found: FitResult, reference: PublishedFit) -> bool:
    """All parameters of the published fit and its likelihood: only then is -ln L the same quantity."""
    return found.likelihood == "say" and set(found.parameters) == set(reference.best_fit)


def _scan(name: str, found: ScanResult | None, units: Mapping[str, str], left_out: list[str]) -> Iterator[ComparedQuantity]:
    if found is None:
        return
    left_out += [f"{name}.scan: {' '.join(reason.split())}" for reason in found.not_compared]
    external = found.external or {}
    ours = Surface(found.x, found.y, found.delta_nll)
    published = Surface(external["x"], external["y"], external["delta_nll"]) if "x" in external else None
    if published is not None and found.comparison:
        yield from _surfaces(_Rows("scan", name), found, units, ours, published, left_out)
    if "contour_points" in external:
        yield from _points(_Rows("contour", name), found, ours, published, left_out)


def _surfaces(
    part: _Rows, found: ScanResult, units: Mapping[str, str], ours: Surface, published: Surface, left_out: list[str]
) -> Iterator[ComparedQuantity]:
    lowest = published.minimum()
    axes = [(name, units.get(name, "")) for name in (found.x_name, found.y_name)]
    of_area = " ".join(unit for _, unit in axes if unit)
    for i, (parameter, unit) in enumerate(axes):
        yield part.row(f"minimum in {parameter}", found.best[i], lowest[i], unit)
    for content, share in SHARES.items():
        mine, theirs = region(ours, content), region(published, content)
        if mine is None or theirs is None:
            which = "ours" if mine is None else "the published one"
            left_out.append(f"{part.fit}.scan: size of the {share} region, as {which} reaches the edge of its grid")
        else:
            for (parameter, unit), one, other in zip(axes, (mine.x, mine.y), (theirs.x, theirs.y), strict=True):
                yield part.row(f"{share} region, least {parameter}", one[0], other[0], unit)
                yield part.row(f"{share} region, greatest {parameter}", one[1], other[1], unit)
            yield part.row(f"{share} region, area", mine.area, theirs.area, of_area)
            yield part.row(f"{share} region, area / published area", mine.area / theirs.area)
        yield part.row(f"{share} regions, intersection / union", found.comparison[f"iou_{share[:2]}"])
    yield part.row(f"rms difference of Delta -ln L, where published < {NEAR:g}", found.comparison["rms_delta_nll"])


def _points(part: _Rows, found: ScanResult, ours: Surface, published: Surface | None, left_out: list[str]) -> Iterator[ComparedQuantity]:
    """Delta NLL at the published points of the 68 % contour, whose columns are index and norm, on our surface and on the published one."""
    assert found.external is not None
    x, y = np.asarray(found.external["contour_points"], float).T
    if (found.x_name, found.y_name) != ("astro_gamma", "astro_norm"):
        left_out.append(f"{part.fit}.scan: the published contour, which is in astro_gamma and astro_norm; scan x: astro_gamma, y: astro_norm")
        return
    if x.min() < ours.x[0] or x.max() > ours.x[-1] or y.min() < ours.y[0] or y.max() > ours.y[-1]:
        left_out.append(f"{part.fit}.scan: the published contour, which leaves our grid; widen x_grid, y_grid")
        return
    mine, theirs = ours.at(x, y), None if published is None else published.at(x, y)
    for word, of in (("least", np.min), ("mean", np.mean), ("greatest", np.max)):
        yield part.row(f"Delta -ln L at its {x.size} points, {word}", float(of(mine)), math.nan if theirs is None else float(of(theirs)))
    yield part.row("Delta -ln L on a 68 % contour of two parameters", delta_nll_level(ONE_SIGMA, 2), delta_nll_level(ONE_SIGMA, 2))


def _segments(name: str, found: SpectrumResult | None, left_out: list[str]) -> Iterator[ComparedQuantity]:
    if found is None:
        return
    if found.not_compared or not found.valid:
        left_out.append(f"{name}.segments: {' '.join((found.not_compared or found.reason).split())}")
    part = _Rows("segments", name)
    for i, published in enumerate(found.published if found.valid else ()):
        ours = (found.e2_flux[i], found.e2_flux[i] - found.low[i], found.high[i] - found.e2_flux[i])
        quantity = f"E^2 Phi, {found.edges_gev[i] / 1e3:g} to {found.edges_gev[i + 1] / 1e3:g} TeV"
        yield part.row(quantity, _in_units(ours), _in_units(published), SEGMENT_UNIT, sided_difference(ours, published))


def _in_units(flux: Number) -> Number:
    value, minus, plus = (one / UNIT_GEV_CM2_S_SR for one in flux)
    return value, minus, plus


def _goodness(name: str, found: GoodnessOfFit | None) -> Iterator[ComparedQuantity]:
    if found is not None:
        for axes, p in found.p_value.items():
            error = found.p_error.get(axes, math.nan)
            yield _Rows("goodness", name).row(f"p-value, {axes}", (p, error, error))


def _never_there(rows: Sequence[ComparedQuantity], reference: PublishedFit | None) -> list[str]:
    """What the table of published numbers does not hold, or what no fit here has."""
    if reference is None:
        return []
    parts = {row.part for row in rows}
    said = ["goodness: no published p-value stands in the table of published numbers"] if "goodness" in parts else []
    if "likelihood" not in parts:
        said.append(
            f"-ln L: no fit here has the published likelihood and its {len(reference.best_fit)} parameters, so its {reference.nll:.3f} is beside none"
        )
    return said
