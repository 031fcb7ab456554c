"""The eleven parameters of the HESE release's fit: starts, priors, bounds (arXiv:2011.03545, table of nuisance parameters; release scripts).

Bounds of the detector parameters end where their tables end; the release's own reach beyond, where its splines fade to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import MappingProxyType

from configs.errors import InputError
from fits.parameters import ATMOSPHERIC_PRIOR, FitParameter
from fits.priors import Gaussian
from physics.detector_systematics import SYSTEMATICS

TILT = "cr_delta_gamma"
TILT_LIMIT = 0.5
TILT_OF_TABLES = -0.05  # at which a tabulated atmosphere (component atmo) stands: the nominal one [convention]
PIVOT_CONVENTIONAL_GEV, PIVOT_PROMPT_GEV = 2020.0, 7887.0  # where a tilt of the cosmic rays leaves the fluxes unchanged

NUISANCES = MappingProxyType(
    {
        one.name: one
        for one in (
            FitParameter("conv_norm", (1.0,), 0.0, math.inf, prior=Gaussian(1.0, 0.4)),
            FitParameter("kpi_ratio", (1.0,), 0.0, math.inf, prior=Gaussian(1.0, 0.1)),
            FitParameter("nunubar_ratio", (1.0,), 0.0, 2.0, prior=Gaussian(1.0, 0.1)),
            FitParameter("prompt_norm", (1.0,), 0.0, math.inf),
            FitParameter("muon_norm", (1.0,), 0.0, math.inf, prior=Gaussian(1.0, 0.5)),
            FitParameter("atmos_norm", (1.0,), 0.0, math.inf, prior=ATMOSPHERIC_PRIOR),
            FitParameter(TILT, (-0.05,), -TILT_LIMIT, TILT_LIMIT, prior=Gaussian(-0.05, 0.05)),
            FitParameter("epsilon_dom", (0.95, 1.03), 0.8, 1.2037, prior=Gaussian(0.99, 0.1)),
            FitParameter("epsilon_head_on", (0.0,), -3.82, 1.5833, prior=Gaussian(0.0, 0.5)),
            FitParameter("anisotropy_scale", (1.0,), 0.0, 2.0, prior=Gaussian(1.0, 0.2)),
        )
    }
)
NEEDED_BY = MappingProxyType(
    {
        "pion": ("conv_norm", "nunubar_ratio", TILT),
        "kaon": ("conv_norm", "kpi_ratio", "nunubar_ratio", TILT),
        "prompt": ("prompt_norm", "nunubar_ratio", TILT),
        "muon": ("muon_norm",),
        "atmo": ("atmos_norm", TILT),
    }
)  # parameters that a component of a response brings


def nuisances(components: Iterable[str], systematics: Iterable[str]) -> tuple[FitParameter, ...]:
    """Nuisance parameters of a response by its components and the detector parameters tabulated with it."""
    wanted = {name for component in components for name in NEEDED_BY.get(component, ())} | set(systematics)
    return tuple(one for name, one in NUISANCES.items() if name in wanted)


def check_range(parameter: FitParameter, low: float, high: float, what: str) -> None:
    """Refuse bounds beyond what is tabulated, with both numbers. A parameter that is fixed may keep any bounds; its value must lie inside."""
    ends = parameter.starts if parameter.fixed else (parameter.lower, parameter.upper)
    if min(ends) < low or max(ends) > high:
        raise InputError(
            f"parameter {parameter.name}: bounds {min(ends):g}..{max(ends):g} leave the {what}, {low:g}..{high:g}; "
            f"set bounds: [{max(min(ends), low):g}, {min(max(ends), high):g}]"
        )


def is_detector(name: str) -> bool:
    """Whether a parameter is one of the three of the detector."""
    return name in SYSTEMATICS
