"""Expected errors for longer exposures: Asimov sets (Cowan et al., arXiv:1007.1727) of a response that grows with the livetime."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fits.conditional import Minimiser, lowest
from fits.fit_result import parameter_of
from fits.intervals import bounded_significance
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.response import Response
from records.diffuse_studies import Exposure


def exposed(response: Response, factor: float) -> Response:
    """The response for ``factor`` times the livetime: expectations grow with it, variances of the same simulation with its square."""
    return replace(
        response,
        moments={key: factor * array for key, array in response.moments.items()},
        pairs={key: factor**2 * array for key, array in response.pairs.items()},
        livetime_s=None if response.livetime_s is None else factor * response.livetime_s,
    )


def exposure(
    nll: NegativeLogLikelihood, truth: Mapping[str, float], factor: float, livetime_s: float, *, minos: Iterable[str] = (), fit: Minimiser = minimise
) -> Exposure:
    """Errors of the Asimov set of ``nll``, whose response has the exposure already, and the test of no astrophysical flux.

    Counts and centres of the priors are those of ``truth``. Without flux the norm lies on its bound, so that the significance is the root of the
    test statistic (half a chi-square, Chernoff 1954); of several segments it is the least that their correlations allow.
    """
    counts = nll.model.expected([truth[name] for name in nll.names])
    asimov = nll.with_counts(counts, prior_means={name: truth[name] for name in nll.priors})
    minimum = fit(asimov, starts=[truth], minos=minos)
    ts = _background(asimov, minimum, fit) if minimum.valid else math.nan
    parameters = {name: parameter_of(asimov, minimum, i) for i, name in enumerate(asimov.names)}
    significance = bounded_significance(ts, len(asimov.model.flux.norms)) if math.isfinite(ts) else math.nan
    return Exposure(factor, livetime_s, minimum.valid, minimum.reason, parameters, float(counts.sum()), ts, significance)


def _background(asimov: NegativeLogLikelihood, minimum: Minimum, fit: Minimiser) -> float:
    """Test statistic of no flux: the norm, or the norms of all segments, 0."""
    without = lowest(asimov, dict.fromkeys(asimov.model.flux.norms, 0.0), minimum.values, fit=fit)
    return 2.0 * (without.nll - minimum.nll) if without.valid else math.nan
