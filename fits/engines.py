"""Which program looks for the minimum: the native engine or one of the front ends, which are imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from configs.diffuse import Engine
from configs.errors import InputError, nearest
from fits.minimise import Minimum, minimise


def minimiser(engine: str) -> Callable[..., Minimum]:
    """``minimise(nll, minos=...) -> Minimum`` of an engine; InputError for an unknown one or one whose package is not installed."""
    if engine == "native":
        return minimise
    if engine == "zfit":
        from fits.frontends.zfit import minimise as minimise_zfit

        return minimise_zfit
    if engine == "pyhf":
        from fits.frontends.pyhf import minimise as minimise_pyhf

        return minimise_pyhf
    raise InputError(f"engine {engine!r} is none of ours{nearest(engine, get_args(Engine))}")
