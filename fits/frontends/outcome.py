"""What another program found, as a ``Minimum`` of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fits.minimise import Minimum, at_bound
from fits.parameters import FitParameter

Array = NDArray[np.float64]


class Likelihood(Protocol):
    """Any likelihood of ours with named parameters."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of theta."""
        ...

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """Starts, limits and fixing in the same order."""
        ...

    def value(self, theta: Array) -> float:
        """-ln L."""
        ...


def minimum_of(
    nll: Likelihood,
    theta: Array,
    covariance: Array,
    minos: Mapping[str, tuple[float, float]],
    *,
    valid: bool,
    reason: str = "",
    edm: float = math.nan,
    calls: int = 0,
) -> Minimum:
    """``theta`` (parameters,) and ``covariance`` (parameters, parameters) of another engine; ``nll`` is our likelihood at ``theta``."""
    free = np.array([not one.fixed for one in nll.parameters])
    kept = np.where(np.outer(free, free), covariance, 0.0)
    return Minimum(
        names=nll.names,
        values=dict(zip(nll.names, theta.tolist(), strict=True)),
        errors=dict(zip(nll.names, np.sqrt(np.diag(kept)).tolist(), strict=True)),
        covariance=kept,
        minos=dict(minos),
        valid=valid,
        reason=reason,
        at_bound=tuple(one.name for one, value in zip(nll.parameters, theta, strict=True) if not one.fixed and at_bound(one, value)),
        nll=nll.value(theta),
        edm=edm,
        fixed=frozenset(one.name for one in nll.parameters if one.fixed),
        minima=((theta, nll.value(theta)),) if valid else (),
        calls=calls,
    )


def failed(nll: Likelihood, reason: str) -> Minimum:
    """A fit that another engine gave up: invalid, at the start values."""
    start = np.array([one.start for one in nll.parameters])
    return minimum_of(nll, start, np.full((start.size, start.size), np.nan), {}, valid=False, reason=reason)
