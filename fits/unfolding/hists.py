"""An unfolding problem from histograms: hist, boost-histogram, or uproot's TH2 and TH1 (anything with ``values(flow=True)``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError

Array = NDArray[np.float64]


def arrays_of(response: Any, data: Any) -> dict[str, Any]:
    """Keywords of ``UnfoldingProblem`` from ``response`` (axes: proxy, truth; with variances) and ``data`` (proxy).

    Under- and overflow of the truth axis become truth bins outside the range where they hold simulated events. Events outside the proxy axis are
    lost to the response: they count in ``generated``. InputError for other dimensions, missing variances, or proxy axes that differ.
    """
    if len(response.axes) != 2 or len(data.axes) != 1:
        raise InputError(f"the response has {len(response.axes)} axes and the data {len(data.axes)}: expected (proxy, truth) and (proxy)")
    _same_axis(response.axes[0], data.axes[0])
    values, squares = _with_flow(response)
    rows, columns = (_inner(response.axes[k], values.shape[k]) for k in (0, 1))
    total = values.sum(axis=0)
    flows = total[: columns.start].sum() > 0, total[columns.stop :].sum() > 0
    kept = slice(columns.start - int(flows[0]), columns.stop + int(flows[1]))
    found: dict[str, Any] = {
        "W": values[rows, kept],
        "S": squares[rows, kept],
        "g": np.asarray(data.values(), dtype=float),
        "edges": np.asarray(response.axes[1].edges, dtype=float),
        "underflow": flows[0],
        "overflow": flows[1],
    }
    if values[:, kept].sum() > values[rows, kept].sum():
        found |= {"generated": total[kept], "generated_variance": squares.sum(axis=0)[kept]}
    return found


def _with_flow(response: Any) -> tuple[Array, Array]:
    values, squares = response.values(flow=True), response.variances(flow=True)
    if squares is None:
        raise InputError("the response has no variances: fill a histogram with Weight storage (hist.storage.Weight()), sums of squared weights")
    return np.asarray(values, dtype=float), np.asarray(squares, dtype=float)


def _inner(axis: Any, size: int) -> slice:
    """The bins in range among the ``size`` bins that an axis has with its flow."""
    extra = size - len(axis)
    first = 1 if extra == 2 else int(extra == 1 and bool(getattr(getattr(axis, "traits", None), "underflow", False)))
    return slice(first, first + len(axis))


def _same_axis(one: Any, other: Any) -> None:
    first, second = np.asarray(one.edges, dtype=float), np.asarray(other.edges, dtype=float)
    if first.shape != second.shape or not np.allclose(first, second, rtol=1e-9, atol=0.0):
        raise InputError(f"proxy axes differ: {first.size - 1} bins in the response, {second.size - 1} in the data, or other edges")
