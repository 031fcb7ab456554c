"""A published piecewise spectrum, as it stands in its file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError

Array = NDArray[np.float64]
EDGES_AGREE = 1.0e-3  # relative: segments of ours and published ones are the same


@dataclass(frozen=True)
class PublishedSegments:
    """E^2 Phi per flavour in GeV cm^-2 s^-1 sr^-1 with errors, ``edges_gev`` one more than values."""

    edges_gev: Array
    flux: Array
    minus: Array
    plus: Array

    @property
    def rows(self) -> list[tuple[float, float, float]]:
        """(E^2 Phi, minus, plus) of each segment."""
        return list(zip(self.flux.tolist(), self.minus.tolist(), self.plus.tolist(), strict=True))


def read_published_segments(path: str | Path) -> PublishedSegments:
    """Read a published piecewise spectrum (JSON of github KM3NeT/KM3-230213A-data).

    The file maps ``Emin [GeV]``, ``Emax [GeV]``, ``FluxNorm ...``, ``ErrorMinus ...`` and ``ErrorPlus ...`` to numbered values. Raises
    ``InputError`` when it is missing, is something else, or its segments do not touch.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        low, high, flux, minus, plus = (_column(content, start) for start in ("Emin", "Emax", "FluxNorm", "ErrorMinus", "ErrorPlus"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot read the published segments ({error.strerror}); remove plots.compare_spectrum or give an existing file"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not a published spectrum; expected JSON with Emin, Emax, FluxNorm, ErrorMinus and ErrorPlus, numbered") from None
    if not len(low) == len(high) == len(flux) == len(minus) == len(plus) or not np.allclose(low[1:], high[:-1], rtol=1e-6):
        raise InputError(f"{path}: the segments do not touch: Emin {low.tolist()}, Emax {high.tolist()}")
    return PublishedSegments(np.append(low, high[-1]), flux, minus, plus)


def _column(content: dict[str, Any], start: str) -> Array:
    key = next((key for key in content if key.startswith(start)), start)
    values = content[key]
    return np.array([float(values[number]) for number in sorted(values, key=int)])
