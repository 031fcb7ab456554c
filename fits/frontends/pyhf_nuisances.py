"""The release's nuisance parameters in HistFactory: samples of a model whose expectation is not linear in its parameters.

Samples are the true-energy nodes of the astrophysical flux and the components of the atmosphere. Each has its expectation at the first starts of
the nuisance parameters, exactly ours, and for every one with a Gaussian prior a histosys, bin by bin, from our expectation one standard deviation of
the prior away. HistFactory's own choice for the centre, the mean of the prior, is worse: the release's tables of the modules' efficiency have knots
between there and the published value. The auxiliary measurement states the distance. Interpolation code4p was the best of those that pyhf has,
measured on the 60 real events. Approximate: detector factors are exponentials of pieces of parabolas, tilts are exponentials, and HistFactory adds
the shifts of several parameters where the model multiplies them. Norms without prior are factors and exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.official_model import OfficialModel
from fits.parameters import FitParameter
from fits.priors import Flat, Gaussian

Array = NDArray[np.float64]

NORM_OF = {"astro": "astro_norm", "conventional": "conv_norm", "prompt": "prompt_norm", "muon": "muon_norm", "atmo": "atmos_norm"}
LEAST_SHIFT = 1e-12  # relative to the largest bin: a sample that moves less does not depend on the parameter


def centres(parameters: Sequence[FitParameter]) -> dict[str, float]:
    """Where the nominal expectation stands: starts of what has a Gaussian prior or is fixed, other norms at 1.

    Raises InputError for priors that HistFactory does not have, and for a free nuisance parameter without any: HistFactory constrains every shift.
    """
    found = {}
    for one in parameters:
        if isinstance(one.prior, Gaussian):
            found[one.name] = one.start
        elif not (one.prior is None or isinstance(one.prior, Flat)):
            raise InputError(f"engine pyhf: the prior of {one.name} is {type(one.prior).__name__}; HistFactory has gaussian and flat ones")
        elif one.name in NORM_OF.values():
            found[one.name] = 1.0
        elif one.fixed:
            found[one.name] = one.start
        else:
            raise InputError(f"engine pyhf: {one.name} has no gaussian prior, and HistFactory constrains what changes bins; give it one, or fix it")
    return found


def expectations(model: OfficialModel, values: Mapping[str, float]) -> dict[str, Array]:
    """Expected counts of every sample: the astrophysical ``node_017`` ... (those with any) and the components of the atmosphere, each (bins,)."""
    theta = [values[name] for name in model.names]
    by_node = model.astro_by_node(theta)
    found = {f"node_{e:03d}": by_node[:, e] for e in range(by_node.shape[1]) if by_node[:, e].any()}
    return found | {name: np.asarray(counts) for name, counts in model.components(theta).items() if name != "astro"}


def samples(
    model: OfficialModel, parameters: Sequence[FitParameter], shape: Mapping[str, float], slopes: Mapping[str, Array], kept: NDArray[np.bool_]
) -> list[dict[str, object]]:
    """The samples of a workspace in the bins ``kept``.

    ``shape``: reference values of the spectrum's parameters; ``slopes``: its exponents by parameter and node, scaled to HistFactory's parameter.
    """
    centre = {**centres([one for one in parameters if one.name not in shape]), **shape}
    nominal = expectations(model, centre)
    constrained = [one for one in parameters if one.name not in shape and isinstance(one.prior, Gaussian)]
    shifted = {one.name: [expectations(model, centre | {one.name: value}) for value in ends(one)] for one in constrained}
    return [
        _sample(name, counts, slopes, {one: [side[name] for side in sides] for one, sides in shifted.items()}, kept)
        for name, counts in nominal.items()
    ]


def _sample(
    name: str, counts: Array, slopes: Mapping[str, Array], shifted: Mapping[str, Sequence[Array]], kept: NDArray[np.bool_]
) -> dict[str, object]:
    """One sample; ``shifted``: its counts one standard deviation below and above the centre, by parameter."""
    node = int(name[5:]) if name.startswith("node_") else None
    norm = NORM_OF[name if node is None else "astro"]
    modifiers: list[dict[str, object]] = [] if norm in shifted else [{"name": norm, "type": "normfactor", "data": None}]
    if node is not None:
        modifiers += [normsys(one, float(exponents[node])) for one, exponents in slopes.items()]
    for parameter, (low, high) in shifted.items():
        if max(np.abs(side - counts).max() for side in (low, high)) > LEAST_SHIFT * counts.max():
            data = {"hi_data": high[kept].tolist(), "lo_data": low[kept].tolist()}
            modifiers.append({"name": parameter, "type": "histosys", "data": data})
    return {"name": name, "data": counts[kept].tolist(), "modifiers": modifiers}


def ends(one: FitParameter) -> tuple[float, float]:
    """One standard deviation of the prior below and above the start; InputError where that leaves the parameter's bounds and is no norm."""
    assert isinstance(one.prior, Gaussian)
    low, high = one.start - one.prior.sigma, one.start + one.prior.sigma
    if one.name not in NORM_OF.values() and not one.lower <= low < high <= one.upper:
        raise InputError(
            f"engine pyhf: the expectation is needed one standard deviation from the start of {one.name}, at {low:g} and {high:g}, beyond its "
            f"bounds [{one.lower:g}, {one.upper:g}]; use engine: native"
        )
    return low, high


def normsys(name: str, exponent: float) -> dict[str, object]:
    """A modifier that scales a sample by exp(exponent alpha)."""
    return {"name": name, "type": "normsys", "data": {"hi": math.exp(exponent), "lo": math.exp(-exponent)}}
