"""Detector parameters of the fit: how the response depends on each, from simulated sets at other values or with varying parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from configs.errors import InputError
from configs.stopping_muons import Nuisance
from fits.stopping_muons.inputs import ALL, Cells, Inputs
from fits.stopping_muons.layout import Layout
from fits.stopping_muons.targets import Target
from fits.unfolding.templates import NuisanceTemplate, Variation, VariedMoments, from_moments, from_sets
from records.stopping_muons import TemplateSummary

POINTS = 41  # of a curve in a figure


def names(inputs: Inputs) -> list[str]:
    """Parameters that are fitted; their change of the effective area is in the response already."""
    return list(inputs.config.options.nuisances) if inputs.config.unfolding.include_systematics else []


def template(inputs: Inputs, target: Target, name: str, layout: Layout, sector: str = ALL) -> NuisanceTemplate:
    """One parameter's template for the rows and columns of a problem: of discrete sets where there are any, else of a varied set.

    In a sector the discrete sets of that sector; a varied set has none, its template is that of all events. InputError without any set.
    """
    options = inputs.config.options.nuisances[name]
    if name in inputs.systematic:
        nominal = layout.of(inputs.cells(inputs.nominal, f"response_{target.name}", sector=sector))
        sets = [(value, layout.of(inputs.cells(dataset, f"response_{target.name}", sector=sector))) for value, dataset in inputs.systematic[name]]
        variations = [Variation(value, cells.W, cells.S) for value, cells in sets]
        where = Variation(options.nominal, nominal.W, nominal.S)
        return from_sets(name, where, variations, sigma=options.sigma, bounds=options.bounds, degree=options.degree, shrink_curvature=True)
    if name in inputs.snowstorm:
        return _of_varied(inputs, target, name, options, layout)
    raise InputError(
        f"options.nuisances.{name}: no simulation knows it; add a data set with systematic: {{name: {name}, value: ...}} or snowstorm: "
        f"{{{name}: column}}, or take it out of the nuisances"
    )


def _of_varied(inputs: Inputs, target: Target, name: str, options: Nuisance, layout: Layout) -> NuisanceTemplate:
    """From the weighted mean of the parameter in every cell.

    Mean and variance of the generated parameter are those of the configuration, else its nominal value and the mean square distance from there of
    selected events: for a parameter spread evenly around the nominal value, the slope of the acceptance drops out of that.
    """
    dataset = inputs.snowstorm[name]
    zero, one, two = (layout.of(_moment(inputs, dataset, target, name, m)) for m in range(3))
    mean = options.nominal if options.generated_mean is None else options.generated_mean
    if options.generated_sd is not None:
        variance = options.generated_sd**2
    else:
        variance = float((two.W - 2.0 * mean * one.W + mean**2 * zero.W).sum() / zero.W.sum())
    average = np.divide(one.W, zero.W, out=np.zeros_like(one.W), where=zero.W > 0)
    moments = VariedMoments(zero.W, one.W, zero.S, average * zero.S, one.S)  # weights do not depend on the parameter: sum w^2 x = <x> sum w^2
    return from_moments(
        name, moments, generated_mean=mean, generated_variance=variance, nominal=options.nominal, sigma=options.sigma, bounds=options.bounds
    )[0]


def _moment(inputs: Inputs, dataset: str, target: Target, name: str, moment: int) -> Cells:
    return inputs.cells(dataset, f"snowstorm_{target.name}", parameter=name, moment=moment)


def summary(inputs: Inputs, target: Target, templates: Sequence[NuisanceTemplate], layout: Layout) -> TemplateSummary:
    """Ratios of the rates by proxy bin that the sets show, and those of the templates within their bounds."""
    nominal = layout.of(inputs.cells(inputs.nominal, f"response_{target.name}", sector=ALL))
    rate, variance = nominal.W.sum(axis=1), nominal.S.sum(axis=1)
    points: dict[str, list[tuple[float, list[float], list[float]]]] = {}
    curves: dict[str, list[tuple[float, list[float]]]] = {}
    for one in templates:
        points[one.name] = []
        for value, dataset in inputs.systematic.get(one.name, []):
            cells = layout.of(inputs.cells(dataset, f"response_{target.name}", sector=ALL))
            ratio = cells.W.sum(axis=1) / rate
            error = ratio * np.sqrt(cells.S.sum(axis=1) / cells.W.sum(axis=1) ** 2 + variance / rate**2)
            points[one.name].append((value, ratio.tolist(), error.tolist()))
        curves[one.name] = [(float(one.value(d)), _ratio(one, d, nominal.W).tolist()) for d in _grid(one)]
    return TemplateSummary(points, curves)


def _grid(one: NuisanceTemplate) -> Any:
    low, high = one.d_bounds
    return np.linspace(low if math.isfinite(low) else -3.0, high if math.isfinite(high) else 3.0, POINTS)


def _ratio(one: NuisanceTemplate, d: float, nominal: Any) -> Any:
    return (nominal * np.exp(one.alpha * d + one.beta * d * d)).sum(axis=1) / nominal.sum(axis=1)
