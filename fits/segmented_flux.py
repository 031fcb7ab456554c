"""The flux in segments of energy beside another spectrum: from the options of a fit to a ``SpectrumResult``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from configs import diffuse
from configs.errors import InputError
from data_info.catalogue import Unavailable
from data_info.files import find_file
from fits.comparison import sided_difference
from fits.diffuse_inputs import Inputs, prepare
from fits.fit_result import parameter_of
from fits.limits import upper_limit
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.published_segments import EDGES_AGREE, PublishedSegments, read_published_segments
from physics.segmented_spectrum import UNIT_GEV_CM2_S_SR
from records.diffuse import SpectrumResult


@dataclass(frozen=True)
class SegmentedFit:
    """The likelihood of the segments, and the published numbers to stand beside it."""

    nll: NegativeLogLikelihood
    options: diffuse.Segments
    axes: tuple[str, ...]
    published: PublishedSegments | None
    not_compared: str


def segmented(options: diffuse.Fit, edges_gev: Sequence[float], replaced: Sequence[str]) -> diffuse.Fit:
    """The options of a fit with a flux in segments instead of its own, whose parameters are ``replaced``; engine native."""
    model = options.model.model_copy(
        update={"astro": "segmented", "edges_gev": list(edges_gev), "table": None, "class_": None, "expression": None, "shape": {}}
    )
    parameters = {name: one for name, one in options.parameters.items() if name not in replaced}
    return options.model_copy(update={"model": model, "parameters": parameters, "engine": "native"})


def prepare_segments(inputs: Inputs, name: str, options: diffuse.Fit, wanted: diffuse.Segments, replaced: Sequence[str]) -> SegmentedFit:
    """Check everything that the fit of segments needs: data, likelihood, nuisance parameters are those of the fit that asks for it.

    ``replaced``: names of the flux's parameters in that fit. Raises InputError for segments without simulation, published segments of other edges.
    """
    nll = prepare(inputs, name, segmented(options, wanted.edges, replaced)).nll
    published, reason = published_beside(wanted, inputs.config.source)
    return SegmentedFit(nll, wanted, tuple(options.axes), published, reason)


def fit_segments(fit: SegmentedFit) -> SpectrumResult:
    """Fit, 68 % intervals by MINOS (one-sided at the bound), one-sided upper limits where an interval reaches 0."""
    flux = fit.nll.model.flux
    minimum = minimise(fit.nll, minos=flux.names)
    ends = [_interval(minimum, name) for name in flux.names]
    limits = _limits(fit, minimum, [minimum.valid and low <= 0.0 for low, _ in ends])
    values = np.array([minimum.values[name] for name in flux.names])
    per_unit = fit.nll.model.mu_and_gradient(minimum.theta)[1][flux.shape].sum(axis=1)
    return SpectrumResult(
        valid=minimum.valid,
        reason=minimum.reason,
        edges_gev=list(fit.options.edges),
        e2_flux=_flux(values),
        low=_flux([low for low, _ in ends]),
        high=_flux([high for _, high in ends]),
        at_bound=[name in minimum.at_bound for name in flux.names],
        upper_limit=_flux(limits),
        cl=fit.options.cl,
        expected=(per_unit * values).tolist(),
        parameters={name: parameter_of(fit.nll, minimum, i) for i, name in enumerate(fit.nll.names)},
        correlation=minimum.correlation.tolist(),
        nll=minimum.nll,
        axes=fit.axes,
        n_shared=flux.n_shared,
        published=fit.published.rows if fit.published else [],
        published_source=(fit.options.compare or "") if fit.published else "",
        not_compared=fit.not_compared,
    )


def _limits(fit: SegmentedFit, minimum: Minimum, wanted: Sequence[bool]) -> list[float]:
    """One-sided upper limits of the segments that are ``wanted``, NaN for the others."""
    names = fit.nll.model.flux.names
    return [upper_limit(fit.nll, minimum, name, fit.options.cl) if one else math.nan for name, one in zip(names, wanted, strict=True)]


def _interval(minimum: Minimum, name: str) -> tuple[float, float]:
    """Ends of the 68 % interval, not below 0; NaN without a valid fit."""
    down, up = minimum.minos.get(name, (math.nan, math.nan))
    value = minimum.values[name]
    low = value + down
    return (0.0 if low < 0.0 or (math.isnan(low) and name in minimum.at_bound) else low), value + up


def _flux(values: np.ndarray | list[float]) -> list[float]:
    return (np.asarray(values) * UNIT_GEV_CM2_S_SR).tolist()


def published_beside(wanted: diffuse.Segments, config_path: Path) -> tuple[PublishedSegments | None, str]:
    """Published numbers in the same segments, or why a catalogue file cannot be had; InputError when its segments are others."""
    if wanted.compare is None:
        return None, ""
    try:
        found = read_published_segments(find_file(wanted.compare, config_path))
    except Unavailable as error:
        return None, str(error)
    if found.edges_gev.size != len(wanted.edges) or not np.allclose(found.edges_gev, wanted.edges, rtol=EDGES_AGREE):
        raise InputError(f"segments.compare: {wanted.compare} has the edges {found.edges_gev.tolist()} GeV, not {wanted.edges}; give the same edges")
    return found, ""


def agreement(result: SpectrumResult) -> Mapping[int, float]:
    """Segment -> difference to the published value in units of both errors in quadrature, each on the side of the other value."""
    return {
        i: sided_difference((ours, ours - result.low[i], result.high[i] - ours), published)
        for i, (ours, published) in enumerate(zip(result.e2_flux, result.published, strict=False))
    }
