"""Parameters of a fit: start values, limits, priors; and what a configuration changes about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from configs.diffuse import ParameterOptions
from configs.diffuse import Prior as PriorOptions
from configs.errors import InputError, nearest
from fits import priors
from fits.priors import Flat, Gaussian, Prior


@dataclass(frozen=True)
class FitParameter:
    """One parameter: several ``starts`` mean that the fit begins at each and keeps the best minimum."""

    name: str
    starts: tuple[float, ...]
    lower: float = -math.inf
    upper: float = math.inf
    unit: str = ""
    prior: Prior | None = None
    fixed: bool = False

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise InputError(f"parameter {self.name}: bounds [{self.lower}, {self.upper}] are not ascending; give the lower one first")
        for start in self.starts:
            if not self.lower <= start <= self.upper:
                raise InputError(f"parameter {self.name}: start {start} lies outside its bounds [{self.lower}, {self.upper}]; change one of them")

    @property
    def start(self) -> float:
        """The first start value."""
        return self.starts[0]


ATMOSPHERIC_PRIOR = Gaussian(1.0, 0.4)  # conventional norm of arXiv:2011.03545, table of nuisance parameters; not for the exercise's files


def configure(
    parameters: Sequence[FitParameter], options: Mapping[str, ParameterOptions], default_priors: Mapping[str, Prior] | None = None
) -> tuple[FitParameter, ...]:
    """Apply a configuration's ``parameters:`` to the parameters of a model.

    ``default_priors`` hold where the configuration says nothing; ``prior: null`` takes them away. Raises ``InputError`` for an unknown name
    (with the nearest known one), a start outside the bounds, a prior with sigma <= 0.
    """
    known = [parameter.name for parameter in parameters]
    for name in options:
        if name not in known:
            raise InputError(f"parameters: {name!r} is not a parameter of this model{nearest(name, known)}")
    defaults = default_priors or {}
    return tuple(
        _changed(replace(parameter, prior=defaults.get(parameter.name, parameter.prior)), options.get(parameter.name)) for parameter in parameters
    )


def _prior(name: str, options: PriorOptions) -> Prior:
    try:
        return priors.from_options(options)
    except InputError as error:
        raise InputError(f"parameter {name}: {error}") from None


def _changed(parameter: FitParameter, options: ParameterOptions | None) -> FitParameter:
    if options is None:
        return parameter
    starts = parameter.starts
    if options.start is not None:
        starts = tuple(options.start) if isinstance(options.start, list) else (options.start,)
    lower, upper = parameter.lower, parameter.upper
    if options.bounds is not None:
        lower = -math.inf if options.bounds[0] is None else options.bounds[0]
        upper = math.inf if options.bounds[1] is None else options.bounds[1]
    prior = parameter.prior
    if "prior" in options.model_fields_set:
        prior = None if options.prior is None else _prior(parameter.name, options.prior)
    if isinstance(prior, Flat):
        lower, upper = max(lower, prior.low), min(upper, prior.high)
    fixed = options.fixed if "fixed" in options.model_fields_set else parameter.fixed
    return replace(parameter, starts=starts, lower=lower, upper=upper, prior=prior, fixed=fixed)
