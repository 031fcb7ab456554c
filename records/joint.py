"""What a joint fit of ``diffuse`` says of each of its samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from records.value import Value

Row = tuple[str, str, str]


@dataclass(frozen=True, repr=False)
class SampleOfFit(Value):
    """One sample at the joint minimum. ``nll_prior``: of the nuisance parameters that it has for itself, without constants."""

    config: str  # name of the configuration that its events were processed with
    fit: str
    likelihood: str
    axes: tuple[str, ...]
    livetime_s: float
    response: str
    n_observed: float
    n_bins: int
    expected: Mapping[str, Mapping[str, float]]  # component -> channel -> events
    nll_data: float
    nll_prior: float
    saturated: float  # 2 sum(mu - k + k ln(k / mu)) of its bins


@dataclass(frozen=True, repr=False)
class JointResult(Value):
    """The samples of a joint fit, and whether they agree on the flux.

    ``ts`` = 2 (NLL of the joint fit - NLL with a flux of its own for each sample); ``degrees_of_freedom`` parameters more; ``p_chi2`` asymptotic.
    NaN where the wider fit did not converge (``reason``) or no parameter of the flux is free.
    """

    samples: Mapping[str, SampleOfFit]
    common: list[str]  # parameters that all samples have in common
    nll_prior_common: float
    ts: float
    degrees_of_freedom: int
    p_chi2: float
    reason: str = ""


def joint_rows(result: JointResult) -> list[Row]:
    """Events of each sample, and the test of one flux."""
    shown: list[Row] = []
    for name, one in result.samples.items():
        parts = {component: sum(by_channel.values()) for component, by_channel in one.expected.items()}
        each = ", ".join(f"{component} {value:.4g}" for component, value in parts.items() if component != "total")
        words = f"{one.n_observed:g} events, {parts['total']:.4g} expected ({each}), -ln L {one.nll_data:.3f}, {one.likelihood}"
        shown.append((f"{name} ({one.config}, {one.fit})", words, ""))
    if not math.isnan(result.ts):
        shown.append(("one flux for all", f"TS {result.ts:.2f}, p = {result.p_chi2:.3f} (chi2, {result.degrees_of_freedom} degrees)", ""))
    return shown + ([("one flux for all", f"not tested: {result.reason}", "")] if result.reason else [])
