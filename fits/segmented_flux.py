"""The fit of a flux in segments of energy, from the options of a fit to its ``SpectrumResult``."""

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
from fits.diffuse_inputs import Inputs, default_priors
from fits.fit_result import parameter_of
from fits.flavour import composition, with_composition
from fits.limits import upper_limit
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.parameters import configure
from fits.published_segments import EDGES_AGREE, PublishedSegments, read_published_segments
from fits.response import AXES
from fits.segments import UNIT_GEV_CM2_S_SR, SegmentedModel
from records.diffuse import SpectrumResult


@dataclass(frozen=True)
class SegmentedFit:
    """The likelihood of the segments, and the published numbers to stand beside it."""

    model: SegmentedModel
    nll: NegativeLogLikelihood
    options: diffuse.Segments
    axes: tuple[str, ...]
    published: PublishedSegments | None
    not_compared: str


def prepare_segments(inputs: Inputs, options: diffuse.Fit, wanted: diffuse.Segments, counts: np.ndarray) -> SegmentedFit:
    """Check everything that the fit of segments needs. ``counts`` (bins,): those of the fit that asks for it.

    Raises InputError for the release's nuisance parameters (not available here), segments without simulation, published segments of other edges.
    """
    if options.model.nuisances == "official":
        raise InputError("segments: a fit with the release's nuisance parameters has none; ask for them in a fit with nuisances: simple")
    response = inputs.response if list(options.axes) == list(AXES) else inputs.response.project(options.axes)
    model = SegmentedModel(with_composition(response, composition(options.model.flavour)), wanted.edges)
    own = {name: one for name, one in options.parameters.items() if name in model.names}
    parameters = configure(model.parameters, own, default_priors(inputs.config))
    nll = NegativeLogLikelihood(model, counts, options.likelihood, parameters=parameters, empty_bins=options.empty_bins)
    published, reason = published_beside(wanted, inputs.config.source)
    return SegmentedFit(model, nll, wanted, tuple(options.axes), published, reason)


def fit_segments(fit: SegmentedFit) -> SpectrumResult:
    """Fit, 68 % intervals by MINOS (one-sided at the bound), one-sided upper limits where an interval reaches 0."""
    names = fit.nll.names[:-1]
    minimum = minimise(fit.nll, minos=names)
    ends = [_interval(minimum, name) for name in names]
    limits = _limits(fit, minimum, [minimum.valid and low <= 0.0 for low, _ in ends])
    values = np.array([minimum.values[name] for name in names])
    return SpectrumResult(
        valid=minimum.valid,
        reason=minimum.reason,
        edges_gev=fit.model.edges_gev.tolist(),
        e2_flux=_flux(values),
        low=_flux([low for low, _ in ends]),
        high=_flux([high for _, high in ends]),
        at_bound=[name in minimum.at_bound for name in names],
        upper_limit=_flux(limits),
        cl=fit.options.cl,
        expected=(fit.model.per_unit.sum(axis=0) * values).tolist(),
        parameters={name: parameter_of(fit.nll, minimum, i) for i, name in enumerate(fit.nll.names)},
        correlation=minimum.correlation.tolist(),
        nll=minimum.nll,
        axes=fit.axes,
        n_shared=fit.model.n_shared,
        published=fit.published.rows if fit.published else [],
        published_source=(fit.options.compare or "") if fit.published else "",
        not_compared=fit.not_compared,
    )


def _limits(fit: SegmentedFit, minimum: Minimum, wanted: Sequence[bool]) -> list[float]:
    """One-sided upper limits of the segments that are ``wanted``, NaN for the others."""
    return [upper_limit(fit.nll, minimum, name, fit.options.cl) if one else math.nan for name, one in zip(fit.nll.names[:-1], wanted, strict=True)]


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
