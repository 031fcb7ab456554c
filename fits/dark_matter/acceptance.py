"""How many events a source gives: acceptances in its band of declination, shares of the signal, and sigma-v of a number of events.

The same acceptance, with the same window of reconstructed energy, stands in the shares and in the conversion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from data_info.dwarf_galaxies import Source
from fits.dark_matter.inputs import Folded
from fits.dark_matter.source_arrays import directions, strengths
from fits.dark_matter.windows import Window
from physics.annihilation import events_per_decay_rate, sigma_v_per_event

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Acceptance:
    """Per source: A (J,) in cm^2, both types of neutrinos together, with its statistical error, and shares w (J,) of the expected signal."""

    area_cm2: Array
    relative_error: Array
    share: Array
    sum_j_area: float  # of J (or D) times A


def acceptance(folded: Folded, sources: Sequence[Source], window: Window, band: float) -> Acceptance:
    """Acceptances of the sources from the bands of true declination within ``band`` in sin dec, cut off at the poles.

    Raises ``InputError`` when no simulated signal lies in the window.
    """
    edges = np.linspace(-1.0, 1.0, folded.acceptance.value.shape[0] + 1)
    in_window, squares = (one[:, window.bins].sum(axis=1) for one in (folded.acceptance.value, folded.acceptance.variance))
    sindec = np.sin(directions(sources)[1])
    low, high = np.maximum(sindec - band, -1.0), np.minimum(sindec + band, 1.0)
    overlap = np.clip(np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1]), 0.0, None) / np.diff(edges)
    weight, variance = overlap @ in_window, overlap**2 @ squares
    if not (weight > 0.0).all():
        without = [source.name for source, one in zip(sources, weight, strict=True) if not one > 0.0]
        raise InputError(f"no simulated signal in {window} at the declination of {', '.join(without)}; widen the window or acceptance_band")
    area = weight / (2.0 * math.pi * (high - low))
    strength = strengths(sources)
    total = float((strength * area).sum())
    return Acceptance(area, np.sqrt(variance) / weight, strength * area / total, total)


@dataclass(frozen=True)
class Conversion:
    """From events to what is measured: sigma-v (cm^3 s^-1), which grows with them, or the lifetime (s), which falls."""

    per_event: float
    decay: bool = False

    def __call__(self, events: float) -> float:
        """sigma-v of so many events, or the lifetime; infinite for none in a decay."""
        if self.decay:
            return self.per_event / events if events > 0.0 else float("inf")
        return self.per_event * events


def conversion(found: Acceptance, mass_gev: float, livetime_s: float, *, decay: bool, dirac: bool) -> Conversion:
    """The one factor between events and sigma-v or lifetime."""
    if decay:
        return Conversion(events_per_decay_rate(mass_gev, livetime_s, found.sum_j_area), decay=True)
    return Conversion(sigma_v_per_event(mass_gev, livetime_s, found.sum_j_area, dirac=dirac))
