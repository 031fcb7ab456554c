"""The composition of a sample as a HistFactory workspace: normfactor, shapesys and histosys of one sample for each group; fitted with pyhf.

``shapesys`` is what ``fits.barlow_beeston`` minimises in closed form: a factor of every sample and bin with a Poisson constraint of the
template's events. The two agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from configs.errors import InputError
from fits.composition import LARGEST, LIGHT_YIELD, Composition
from fits.frontends.outcome import failed, minimum_of
from fits.frontends.pyhf import numpy_backend
from fits.minimise import Minimum

INTERPOLATION = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
MEASUREMENT = "composition histosys=code4p"
CHANNEL = "bins"


def workspace(likelihood: Composition) -> dict[str, Any]:
    """The HistFactory workspace (JSON schema 1.0.0). InputError for pseudo-experiments with varied templates, which it cannot state."""
    if likelihood.observed is not None or likelihood.light_yield_measured:
        raise InputError("engine pyhf: auxiliary measurements of pseudo-experiments cannot be written into a workspace; use engine: native")
    data = likelihood.binned
    settings = [{"name": name, "inits": [1.0], "bounds": [[0.0, LARGEST]]} for name in data.groups]
    return {
        "channels": [{"name": CHANNEL, "samples": [_sample(likelihood, place) for place in range(len(data.groups))]}],
        "observations": [{"name": CHANNEL, "data": data.counts.tolist()}],
        "measurements": [{"name": MEASUREMENT, "config": {"poi": data.groups[0], "parameters": settings}}],
        "version": "1.0.0",
    }


def _sample(likelihood: Composition, place: int) -> dict[str, Any]:
    data, unit = likelihood.binned, likelihood.binned.unit
    name, nominal = data.groups[place], unit * data.shapes[place]
    modifiers: list[dict[str, Any]] = [{"name": name, "type": "normfactor", "data": None}]
    if likelihood.template_errors:
        modifiers.append({"name": f"template_{name}", "type": "shapesys", "data": (nominal / np.sqrt(data.events[place])).tolist()})
    if likelihood.varies:
        assert data.up is not None
        assert data.down is not None
        varied = {"hi_data": (unit * data.up[place]).tolist(), "lo_data": (unit * data.down[place]).tolist()}
        modifiers.append({"name": LIGHT_YIELD, "type": "histosys", "data": varied})
    return {"name": name, "data": nominal.tolist(), "modifiers": modifiers}


def build(likelihood: Composition) -> Any:
    """The ``pyhf.Model``."""
    with numpy_backend() as pyhf:
        return pyhf.Workspace(workspace(likelihood)).model(modifier_settings=INTERPOLATION)


def minimise(likelihood: Composition) -> Minimum:
    """Fit with pyhf (numpy backend, Minuit): groups and light yield of its minimum; ``nll`` is our likelihood there."""
    model = build(likelihood)
    wanted = [model.config.par_slice(name).start for name in likelihood.names]
    with numpy_backend() as pyhf:
        data = np.concatenate([likelihood.binned.counts, model.config.auxdata])
        try:
            minuit = pyhf.infer.mle.fit(data, model, return_result_obj=True)[-1].minuit
        except pyhf.exceptions.FailedMinimization as error:
            return failed(likelihood, f"pyhf: {error}")
    theta, covariance = np.array(minuit.values)[wanted], np.array(minuit.covariance)[np.ix_(wanted, wanted)]
    # pyhf's function is -2 ln L with errordef 1
    return minimum_of(likelihood, theta, covariance, {}, valid=bool(minuit.valid), edm=0.5 * float(minuit.fmin.edm), calls=int(minuit.nfcn))
