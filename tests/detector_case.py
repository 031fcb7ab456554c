"""Detector tables like the release's, small and made up: 45 files of splines on few knots, and a writer of their FITS form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from physics.detector_systematics import MORPHOLOGIES, SYSTEMATICS, TABLE_COMPONENTS

RANGES = {"log10_energy": (4.33, 7.71), "coszen": (-1.1, 1.05), "log10_length": (-0.03, 2.37)}
KNOTS = {  # of the parameters: as in the release, fewer for the anisotropy
    "epsilon_dom": [0.75375, 0.84375, 0.93375, 0.98375, 1.02375, 1.11375, 1.20375],
    "epsilon_head_on": [-4.41667, -2.41667, -0.41667, 0.58333, 1.58333],
    "anisotropy_scale": np.linspace(-0.04, 2.04, 14).tolist(),
}


def knots(inner: np.ndarray, order: int) -> np.ndarray:
    """Knots of full support on ``inner``, continued with the last distance on both sides."""
    below = inner[0] - (inner[1] - inner[0]) * np.arange(order, 0, -1)
    above = inner[-1] + (inner[-1] - inner[-2]) * np.arange(1, order + 1)
    return np.concatenate([below, inner, above])


def fits_file(
    path: Path, coefficients: np.ndarray, knots_by_axis: list[np.ndarray], orders: list[int], cards: Mapping[str, str] | None = None
) -> Path:
    """Write one table: primary image of single precision, one image extension of double precision for the knots of each axis."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = {"TYPE": "'Spline Coefficient Table'", **{f"ORDER{axis}": str(order) for axis, order in enumerate(orders)}, **(cards or {})}
    units = _image({"SIMPLE": "T"}, coefficients, ">f4", own)
    for axis, values in enumerate(knots_by_axis):
        units += _image({"XTENSION": "'IMAGE   '"}, np.asarray(values), ">f8", {"EXTNAME": f"'KNOTS{axis}  '"})
    path.write_bytes(units)
    return path


def _image(first: Mapping[str, str], values: np.ndarray, dtype: str, cards: Mapping[str, str]) -> bytes:
    bits = {">f4": "-32", ">f8": "-64"}[dtype]
    shape = {f"NAXIS{axis + 1}": str(n) for axis, n in enumerate(values.shape[::-1])}
    header = {**first, "BITPIX": bits, "NAXIS": str(values.ndim), **shape, **cards}
    text = "".join(f"{name:<8}= {value} / made up".ljust(80) for name, value in header.items()) + "END".ljust(80)
    content = values.astype(dtype).tobytes()
    return text.encode().ljust(-(-len(text) // 2880) * 2880) + content.ljust(-(-len(content) // 2880) * 2880, b"\0")


def write_tables(folder: Path, seed: int = 3) -> Path:
    """The 45 tables: smooth in the reconstructed quantities, some 10 % in each parameter."""
    random = np.random.default_rng(seed)
    for one in SYSTEMATICS.values():
        for component in TABLE_COMPONENTS:
            for channel in MORPHOLOGIES:
                axes = [knots(np.linspace(*RANGES[name], 6), 2) for name in one.axes(channel)]
                parameter = knots(np.array(KNOTS[one.name]), one.order)
                shape = [len(values) - 3 for values in axes] + [len(parameter) - one.order - 1]
                slope = np.linspace(-0.2, 0.2, shape[-1])
                coefficients = -2.0 + slope * (1.0 + 0.3 * random.standard_normal(shape[:-1]))[..., None] + 0.02 * random.standard_normal(shape)
                fits_file(folder / one.file(component, channel), coefficients, [*axes, parameter], [2] * len(axes) + [one.order])
    return folder
