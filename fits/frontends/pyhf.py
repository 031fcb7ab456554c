"""The same model as a HistFactory workspace: every true-energy node is a sample, the spectrum is a set of exponential modifiers.

A sample's expectation is its events at the reference point times ``astro_norm`` (normfactor) times exp(S dl alpha) for each shape parameter
theta = theta_0 + S alpha (normsys with hi = exp(S dl), lo = exp(-S dl)). With interpolation **code1** (exponential) that is the exact
spectrum; pyhf's default, code4, replaces it by a polynomial for |alpha| < 1 and is nonsense here, so it is refused. A parameter with a
Gaussian prior has theta_0 and S from it (a norm: as a linear histosys); for other shape parameters S is so large that HistFactory's unit
Gaussian of alpha does not matter (below 1e-3 of an error). Not expressible: the effective likelihood, moments (a node moves to its mean
energy instead), spectra that are not linear in ln f, priors that are neither Gaussian nor flat.
"""

from __future__ import annotations

import contextlib
import json
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.frontends.linear_shape import linear_shape, plain_model
from fits.frontends.outcome import failed, minimum_of
from fits.minimise import Minimum
from fits.nll import NegativeLogLikelihood
from fits.parameters import FitParameter
from fits.priors import Flat, Gaussian

Array = NDArray[np.float64]
INTERPOLATION = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code0"}}
MEASUREMENT = "normsys=code1 histosys=code0"  # its name tells a reader of the file which interpolation to choose; the schema has no field for it
WIDE = 20.0  # S of a shape parameter without prior: a Gaussian of sigma 20 on an index known to 0.2 moves it by 2e-4 of its error
NO_UPPER_BOUND = 1000.0  # pyhf needs finite bounds
TOLERANCE = 1e-4  # of Minuit: 2 NLL within 2e-7 of its minimum
CHANNEL = "all_bins"


@dataclass(frozen=True)
class Scaled:
    """One of our parameters in HistFactory's: theta = ``centre`` + ``scale`` alpha; a normfactor has centre 0 and scale 1."""

    parameter: FitParameter
    centre: float
    scale: float

    @property
    def constrained(self) -> bool:
        """Whether HistFactory puts a unit Gaussian on alpha."""
        return (self.centre, self.scale) != (0.0, 1.0)

    def alpha(self, theta: float) -> float:
        """Our value in HistFactory's parameter."""
        return (theta - self.centre) / self.scale


def scalings(nll: NegativeLogLikelihood) -> list[Scaled]:
    """HistFactory's form of every parameter. InputError for priors that it cannot express."""
    found = []
    for i, one in enumerate(nll.parameters):
        shape = 0 < i < len(nll.parameters) - 1
        if isinstance(one.prior, Gaussian):
            found.append(Scaled(one, one.prior.mean, one.prior.sigma))
        elif one.prior is None or isinstance(one.prior, Flat):
            found.append(Scaled(one, one.start, WIDE) if shape else Scaled(one, 0.0, 1.0))
        else:
            raise InputError(
                f"engine pyhf: the prior of {one.name} is {type(one.prior).__name__}; HistFactory has gaussian and flat ones; use engine: native"
            )
    return found


def kept_bins(nll: NegativeLogLikelihood) -> NDArray[np.bool_]:
    """Bins that can have an expectation; the others hold no event either and would be log(0) in pyhf."""
    return nll.model.reachable


def workspace(nll: NegativeLogLikelihood) -> dict[str, Any]:
    """The HistFactory workspace (JSON schema 1.0.0) of a Poisson likelihood; InputError for what it cannot express."""
    if nll.likelihood != "poisson":
        raise InputError(f"engine pyhf: HistFactory has the Poisson likelihood only, not {nll.likelihood!r}; use engine: native")
    if nll.empty_bins == "floor" and nll.dropped_bins:
        raise InputError("engine pyhf: bins with data and no simulation cannot be floored; use empty_bins: skip, or engine: native")
    kept, scaled = kept_bins(nll), scalings(nll)
    atmosphere = {"name": "atmosphere", **_norm(scaled[-1], plain_model(nll, "pyhf").background[kept])}
    return {
        "channels": [{"name": CHANNEL, "samples": [*_nodes(nll, scaled, kept), atmosphere]}],
        "observations": [{"name": CHANNEL, "data": nll.counts[kept].tolist()}],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": nll.names[0], "parameters": [_settings(one) for one in scaled]}}],
        "version": "1.0.0",
    }


def workspace_json(nll: NegativeLogLikelihood) -> str:
    """The workspace as JSON text, after pyhf has checked it against its schema."""
    build(nll)
    return json.dumps(workspace(nll), indent=1) + "\n"


def build(nll: NegativeLogLikelihood, *, normsys: str = "code1") -> Any:
    """The ``pyhf.Model`` of a likelihood. Raises InputError for any interpolation of normsys but code1."""
    if normsys != "code1":
        raise InputError(
            f"pyhf: normsys interpolation {normsys!r} does not reproduce a spectrum, only code1 (exponential) does; code4 is pyhf's default"
        )
    with numpy_backend() as pyhf:
        return pyhf.Workspace(workspace(nll)).model(modifier_settings=INTERPOLATION)


def expected(nll: NegativeLogLikelihood, model: Any, theta: Sequence[float]) -> Array:
    """Expected counts (kept bins,) of a pyhf model at our parameters."""
    alphas = {one.parameter.name: one.alpha(value) for one, value in zip(scalings(nll), theta, strict=True)}
    with numpy_backend():
        return np.asarray(model.expected_data([alphas[name] for name in model.config.par_names], include_auxdata=False))


def minimise(nll: NegativeLogLikelihood, *, minos: Iterable[str] = ()) -> Minimum:
    """Fit with pyhf (numpy backend, Minuit) and return the minimum in our parameters; its ``nll`` is our likelihood there."""
    model, scaled = build(nll), scalings(nll)
    order = [model.config.par_names.index(name) for name in nll.names]
    with numpy_backend() as pyhf:
        data = np.concatenate([nll.counts[kept_bins(nll)], model.config.auxdata])
        try:
            minuit = pyhf.infer.mle.fit(data, model, return_result_obj=True)[-1].minuit
        except pyhf.exceptions.FailedMinimization as error:
            return failed(nll, f"pyhf: {error}")
        wanted = [name for name in minos if minuit.valid and not nll.parameters[nll.names.index(name)].fixed]
        for name in wanted:
            minuit.minos(name)
    scale = np.array([one.scale for one in scaled])
    theta = np.array([one.centre for one in scaled]) + scale * np.array(minuit.values)[order]
    covariance = np.array(minuit.covariance)[np.ix_(order, order)] * np.outer(scale, scale)
    scales = dict(zip(nll.names, scale.tolist(), strict=True))
    intervals = {name: (minuit.merrors[name].lower * scales[name], minuit.merrors[name].upper * scales[name]) for name in wanted}
    return minimum_of(nll, theta, covariance, intervals, valid=bool(minuit.valid), edm=0.5 * float(minuit.fmin.edm), calls=int(minuit.nfcn))


def _nodes(nll: NegativeLogLikelihood, scaled: Sequence[Scaled], kept: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """One sample for each true-energy node, at the reference point of the shape parameters."""
    model = plain_model(nll, "pyhf")
    shape = linear_shape(model, "pyhf")
    n = shape.l0.size
    events, first = model.matrix[kept, :n], model.matrix[kept, n : 2 * n].sum(axis=0) if model.n_moments > 1 else np.zeros(n)
    totals = events.sum(axis=0)
    offset = np.divide(first, totals, out=np.zeros(n), where=totals > 0)  # mean of ln E in the node, from its centre
    l0, dl = shape.l0 + offset * shape.p0, shape.dl + offset * shape.dp
    centre = np.array([one.centre for one in scaled[1:-1]])
    factor = np.exp(l0 + centre @ dl)
    samples = []
    for e in np.flatnonzero(totals > 0):
        modifiers = [_normsys(one, float(dl[i, e])) for i, one in enumerate(scaled[1:-1])]
        norm = _norm(scaled[0], factor[e] * events[:, e])
        samples.append({"name": f"node_{e:03d}", "data": norm["data"], "modifiers": [*norm["modifiers"], *modifiers]})
    return samples


def _norm(scaled: Scaled, unit: Array) -> dict[str, Any]:
    """Data and modifier of a sample whose expectation is ``unit`` times a norm: a normfactor, or with a Gaussian prior a linear histosys."""
    name = scaled.parameter.name
    if not scaled.constrained:
        return {"data": unit.tolist(), "modifiers": [{"name": name, "type": "normfactor", "data": None}]}
    high, low = ((scaled.centre + sign * scaled.scale) * unit for sign in (1.0, -1.0))
    varied = {"name": name, "type": "histosys", "data": {"hi_data": high.tolist(), "lo_data": low.tolist()}}
    return {"data": (scaled.centre * unit).tolist(), "modifiers": [varied]}


def _normsys(scaled: Scaled, slope: float) -> dict[str, Any]:
    exponent = scaled.scale * slope
    if abs(exponent) > 700.0:
        raise InputError(f"engine pyhf: {scaled.parameter.name} changes the flux by exp({exponent:.0f}) within its scale; use engine: native")
    return {"name": scaled.parameter.name, "type": "normsys", "data": {"hi": math.exp(exponent), "lo": math.exp(-exponent)}}


def _settings(scaled: Scaled) -> dict[str, Any]:
    """Start, limits and fixing of one parameter; a constrained one starts at its prior's mean or at our start."""
    one = scaled.parameter
    upper = one.upper if math.isfinite(one.upper) else one.start + NO_UPPER_BOUND * max(abs(scaled.scale), 1.0)
    lower = one.lower if math.isfinite(one.lower) else one.start - NO_UPPER_BOUND * max(abs(scaled.scale), 1.0)
    return {
        "name": one.name,
        "inits": [scaled.alpha(one.start)],
        "bounds": [[scaled.alpha(lower), scaled.alpha(upper)]],
        "fixed": one.fixed,
    }


@contextlib.contextmanager
def numpy_backend() -> Iterator[Any]:
    """pyhf with its numpy backend and Minuit, and afterwards as it was: its backend is a global."""
    try:
        import pyhf
    except ImportError:
        raise InputError("engine pyhf: pyhf is not installed; install the extra: pip install 'dynode[pyhf]'") from None
    backend, optimiser = pyhf.get_backend()
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=TOLERANCE))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyhf 0.7 checks schemas with a class that jsonschema deprecates
            yield pyhf
    finally:
        pyhf.set_backend(backend, optimiser)
