"""Spectra of single photo-electrons: every model and the model-independent method at the points tagged ``light: low``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from configs.pmt_gain import Fits
from fits.pmt_gains import LowLight
from fits.pmt_measured import Measured
from fits.pmt_points import Tube


def low_light(tube: Tube, measured: Sequence[Measured], options: Fits, seed: int) -> tuple[dict[str, LowLight], dict[str, Any]]:
    """What the spectra of the low points left, by point, and their results by name."""
    return {}, {}
