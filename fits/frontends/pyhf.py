"""The same model as a HistFactory workspace: every true-energy node is a sample, the spectrum is a set of exponential modifiers.

A sample's expectation is its events at the reference point times ``astro_norm`` (normfactor) times exp(S dl alpha) for each shape parameter
theta = theta_0 + S alpha (normsys with hi = exp(S dl), lo = exp(-S dl)). With interpolation **code1** (exponential) that is the exact
spectrum; pyhf's default, code4, replaces it by a polynomial for |alpha| < 1 and is nonsense here, so it is refused. A parameter with a
Gaussian prior has theta_0 and S from it (a norm: as a linear histosys); for other shape parameters S is so large that HistFactory's unit
Gaussian of alpha does not matter (below 1e-3 of an error). The release's nuisance parameters are approximate (``fits.frontends.pyhf_nuisances``).
Not expressible: the effective likelihood, moments (a node moves to its mean energy instead), spectra that are not linear in ln f, priors that are
neither Gaussian nor flat, a second minimum (a workspace is made about the first start of each parameter; the fit here tries all).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.frontends.linear_shape import linear_shape, plain_model
from fits.frontends.outcome import failed, minimum_of
from fits.frontends.pyhf_nuisances import normsys, samples
from fits.minimise import Minimum
from fits.nll import NegativeLogLikelihood
from fits.official_model import OfficialModel
from fits.parameters import FitParameter
from fits.priors import Flat, Gaussian

Array = NDArray[np.float64]
Interpolation = dict[str, dict[str, str]]
INTERPOLATION: Interpolation = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code0"}}
MEASUREMENT = "normsys=code1 histosys=code0"  # its name tells a reader of the file which interpolation to choose; the schema has no field for it
WITH_NUISANCES: Interpolation = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code4p"}}
APPROXIMATE = "normsys=code1 histosys=code4p; nuisance parameters bin by bin from +-1 sigma about their starts: approximate"
WIDE = 20.0  # S of a shape parameter without prior: a Gaussian of sigma 20 on an index known to 0.2 moves it by 2e-4 of its error
NO_UPPER_BOUND = 1000.0  # pyhf needs finite bounds
TOLERANCE = 1e-4  # of Minuit: 2 NLL within 2e-7 of its minimum
CHANNEL = "all_bins"


@dataclass(frozen=True)
class Scaled:
    """One of our parameters in HistFactory's: theta = ``centre`` + ``scale`` alpha; a normfactor has centre 0 and scale 1.

    ``measured``: the auxiliary measurement of alpha, not 0 where the centre is not the prior's mean.
    """

    parameter: FitParameter
    centre: float
    scale: float
    measured: float = 0.0

    @property
    def constrained(self) -> bool:
        """Whether HistFactory puts a unit Gaussian on alpha."""
        return (self.centre, self.scale) != (0.0, 1.0)

    def alpha(self, theta: float) -> float:
        """Our value in HistFactory's parameter."""
        return (theta - self.centre) / self.scale


def scalings(nll: NegativeLogLikelihood) -> list[Scaled]:
    """HistFactory's form of every parameter. InputError for priors that it cannot express."""
    shape = {one.name for one in nll.model.spectrum.parameters}
    found = []
    for one in nll.parameters:
        if isinstance(one.prior, Gaussian):
            centre = one.start if isinstance(nll.model, OfficialModel) and one.name not in shape else one.prior.mean
            found.append(Scaled(one, centre, one.prior.sigma, (one.prior.mean - centre) / one.prior.sigma))
        elif one.prior is None or isinstance(one.prior, Flat):
            found.append(Scaled(one, one.start, WIDE) if one.name in shape else Scaled(one, 0.0, 1.0))
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
    samples = _samples(nll, scaled, kept)
    known = {modifier["name"] for sample in samples for modifier in sample["modifiers"]}
    settings = [_settings(one) for one in scaled if one.parameter.name in known]
    return {
        "channels": [{"name": CHANNEL, "samples": samples}],
        "observations": [{"name": CHANNEL, "data": nll.counts[kept].tolist()}],
        "measurements": [{"name": measurement(nll), "config": {"poi": nll.names[0], "parameters": settings}}],
        "version": "1.0.0",
    }


def measurement(nll: NegativeLogLikelihood) -> str:
    """Name of the workspace's measurement: the interpolation that it is made for, and whether it is approximate."""
    return APPROXIMATE if isinstance(nll.model, OfficialModel) else MEASUREMENT


def interpolation(nll: NegativeLogLikelihood) -> Interpolation:
    """The same as pyhf's ``modifier_settings``."""
    return WITH_NUISANCES if isinstance(nll.model, OfficialModel) else INTERPOLATION


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
        return pyhf.Workspace(workspace(nll)).model(modifier_settings=interpolation(nll))


def expected(nll: NegativeLogLikelihood, model: Any, theta: Sequence[float]) -> Array:
    """Expected counts (kept bins,) of a pyhf model at our parameters."""
    alphas = {one.parameter.name: one.alpha(value) for one, value in zip(scalings(nll), theta, strict=True)}
    with numpy_backend():
        return np.asarray(model.expected_data([alphas[name] for name in model.config.par_names], include_auxdata=False))


def minimise(nll: NegativeLogLikelihood, *, minos: Iterable[str] = ()) -> Minimum:
    """Fit with pyhf (numpy backend, Minuit) from every start, and return the minimum in our parameters; its ``nll`` is our likelihood there."""
    model, scaled = build(nll), {one.parameter.name: one for one in scalings(nll)}
    known = [name for name in model.config.par_names if name in scaled]
    data = np.concatenate([nll.counts[kept_bins(nll)], model.config.auxdata])
    tried: list[Any] = []
    for start in itertools.product(*(_starts(scaled[name].parameter) for name in known)):
        begin = [scaled[name].alpha(value) for name, value in zip(known, start, strict=True)]
        try:
            with numpy_backend() as pyhf:
                tried.append(pyhf.infer.mle.fit(data, model, init_pars=begin, return_result_obj=True)[-1].minuit)
        except pyhf.exceptions.FailedMinimization as error:
            reason = f"pyhf: {error}"
    if not tried:
        return failed(nll, reason)
    best = min(tried, key=lambda minuit: (not minuit.valid, minuit.fval))
    return replace(_read(nll, best, known, [scaled[name] for name in known], minos), starts_tried=len(tried))


def _starts(one: FitParameter) -> tuple[float, ...]:
    return (one.start,) if one.fixed else one.starts


def _read(nll: NegativeLogLikelihood, minuit: Any, known: Sequence[str], scaled: Sequence[Scaled], minos: Iterable[str]) -> Minimum:
    """The minimum in our parameters; one that no sample knows stays at its start or the centre of its prior, without error."""
    wanted = [name for name in minos if minuit.valid and name in known and not nll.parameters[nll.names.index(name)].fixed]
    places = [nll.names.index(name) for name in known]
    scale = np.array([one.scale for one in scaled])
    theta = np.array([one.start if one.prior is None else one.prior.centre for one in nll.parameters])
    covariance = np.zeros((theta.size, theta.size))
    theta[places] = np.array([one.centre for one in scaled]) + scale * np.array(minuit.values)
    covariance[np.ix_(places, places)] = np.array(minuit.covariance) * np.outer(scale, scale)
    intervals = {}
    with numpy_backend():
        for name in wanted:
            minuit.minos(name)
            error, unit = minuit.merrors[name], scale[known.index(name)]
            intervals[name] = (error.lower * unit, error.upper * unit)
    return minimum_of(nll, theta, covariance, intervals, valid=bool(minuit.valid), edm=0.5 * float(minuit.fmin.edm), calls=int(minuit.nfcn))


def _samples(nll: NegativeLogLikelihood, scaled: Sequence[Scaled], kept: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Every true-energy node, and the atmosphere."""
    if not isinstance(nll.model, OfficialModel):
        atmosphere = {"name": "atmosphere", **_norm(scaled[-1], plain_model(nll, "pyhf").background[kept])}
        return [*_nodes(nll, scaled, kept), atmosphere]
    model, shape = nll.model, linear_shape(nll.model, "pyhf")
    own = scaled[1 : 1 + len(model.spectrum.parameters)]
    offset = _mean_offset(model.response.total("astro"))
    slopes = {one.parameter.name: _in_range(one, shape.dl[i] + offset * shape.dp[i]) for i, one in enumerate(own)}
    return samples(model, nll.parameters, {one.parameter.name: one.centre for one in own}, slopes, kept)


def _mean_offset(moments: Array | None) -> Array:
    """Mean of ln E of the events of each node, from its centre (nodes,); ``moments``: (moments, bins, nodes)."""
    assert moments is not None
    totals = moments.sum(axis=1)
    return np.divide(totals[1], totals[0], out=np.zeros(totals.shape[1]), where=totals[0] > 0) if len(totals) > 1 else np.zeros(totals.shape[1])


def _in_range(scaled: Scaled, slopes: Array) -> Array:
    """Exponents within a parameter's scale; InputError for those that no number holds."""
    exponents = scaled.scale * slopes
    worst = float(exponents[np.argmax(np.abs(exponents))])
    if abs(worst) > 700.0:
        raise InputError(f"engine pyhf: {scaled.parameter.name} changes the flux by exp({worst:.0f}) within its scale; use engine: native")
    return exponents


def _nodes(nll: NegativeLogLikelihood, scaled: Sequence[Scaled], kept: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """One sample for each true-energy node, at the reference point of the shape parameters."""
    model = plain_model(nll, "pyhf")
    shape = linear_shape(model, "pyhf")
    events = model.matrix[kept, : shape.l0.size]
    totals = events.sum(axis=0)
    offset = _mean_offset(np.stack(np.split(model.matrix[kept], model.n_moments, axis=1)))
    l0, dl = shape.l0 + offset * shape.p0, shape.dl + offset * shape.dp
    exponents = [_in_range(one, row) for one, row in zip(scaled[1:-1], dl, strict=True)]
    centre = np.array([one.centre for one in scaled[1:-1]])
    factor = np.exp(l0 + centre @ dl)
    samples = []
    for e in np.flatnonzero(totals > 0):
        modifiers = [normsys(one.parameter.name, float(row[e])) for one, row in zip(scaled[1:-1], exponents, strict=True)]
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
        **({"auxdata": [scaled.measured]} if scaled.measured else {}),
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
