"""Folding of response histograms by the plain formula of specification 3.2, one bin at a time, without any code of the fit stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import hist
import numpy as np

Spectrum = Callable[[np.ndarray], np.ndarray]


def nodes(response: hist.Hist) -> np.ndarray:
    """x_e = midpoints in ln(E / 100 TeV)."""
    x = np.log(np.asarray(response.axes["true_energy"].edges) / 1e5)
    return 0.5 * (x[1:] + x[:-1])


def _moments(response: hist.Hist, component: str, classes: list[str] | None) -> np.ndarray:
    """(moment, energy, third axis, node) summed over classes."""
    labels = list(response.axes["class"])
    chosen = [labels.index(one) for one in (classes or labels)]
    return response.view(flow=False)[chosen, list(response.axes["component"]).index(component)].sum(axis=0)


def fold(response: hist.Hist, component: str, index: float = 2.5, norm: float = 1.0, classes: list[str] | None = None) -> np.ndarray:
    """mu (energy, third axis) of a power law: norm sum e^{-D x} (M_0 - D M_1 + D^2/2 M_2), D = index - 2.5."""
    moments, d = _moments(response, component, classes), index - 2.5
    factor = norm * np.exp(-d * nodes(response))
    return (factor * sum(c * m for c, m in zip((1.0, -d, 0.5 * d * d), moments, strict=False))).sum(axis=-1)


def fold_points(response: hist.Hist, component: str, ratio: Spectrum, classes: list[str] | None = None) -> np.ndarray:
    """mu of any spectrum given as Phi / Phi_reference at the nodes' energies; for a response whose M_1 and M_2 vanish."""
    moments = _moments(response, component, classes)
    assert not np.any(moments[1:])
    return (ratio(1e5 * np.exp(nodes(response))) * moments[0]).sum(axis=-1)


def variance(response: hist.Hist, truth: Mapping[str, tuple[float, float]]) -> np.ndarray:
    """s2 (energy, third axis) of components with (norm, D): power laws relative to the reference."""
    total = np.zeros(tuple(len(axis) for axis in list(response.axes)[3:5]))
    names = list(truth)
    for k, first in enumerate(names):
        for second in names[k:]:
            if f"{first}*{second}" not in response.axes["component"]:
                continue
            moments = _moments(response, f"{first}*{second}", None)
            norm, d = truth[first][0] * truth[second][0], truth[first][1] + truth[second][1]
            factor = norm * np.exp(-d * nodes(response)) * (1.0 if first == second else 2.0)
            total += (factor * sum(c * m for c, m in zip((1.0, -d, 0.5 * d * d), moments, strict=False))).sum(axis=-1)
    return total
