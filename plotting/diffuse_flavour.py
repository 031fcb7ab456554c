"""The triangle of flavours of ``diffuse``: where the composition at Earth lies, and where sources would put it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from fits.intervals import CONTENTS, delta_nll_level
from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.ternary import ternary
from records.diffuse import FlavourResult

NAMES = (r"Fraction of $\nu_e$", r"Fraction of $\nu_\mu$", r"Fraction of $\nu_\tau$")


def flavours(fit: FitView) -> dict[str, Callable[[], DrawnFigure]]:
    """The triangle of a fit with a scan of flavours."""
    found = fit.others.get("flavour")
    return {"flavour": partial(_draw, fit, found)} if isinstance(found, FlavourResult) and found.valid else {}


def _draw(fit: FitView, found: FlavourResult) -> DrawnFigure:
    levels = {label: delta_nll_level(CONTENTS[label], 2) for label in found.contours}
    sources = {name[0].upper() + name[1:]: fractions for name, fractions in found.sources.items()}
    surface = np.asarray(found.grid), np.asarray(found.delta_nll, dtype=float)
    return ternary(NAMES, surface, found.contours, levels, found.best, sources, style=fit.style, caption=fit.caption)
