"""Effective area by truth bin: rate of selected events over the flux of all generated muons, with errors of three kinds.

A = N/D, N = sum of w over selected events, D = sum of w/A_gen(cos zenith) over all generated muons, A_gen the projected area of the generation
cylinder. Every selected event counts in N, also those that do not stop: f counts them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.stopping_muons import nuisances
from fits.stopping_muons.inputs import ALL, Cells, Inputs, truth_edges
from fits.stopping_muons.targets import Target
from processors.stopping_muons_axes import TILTS
from records.stopping_muons import EffectiveArea

Array = NDArray[np.float64]
QUANTILES = (0.16, 0.5, 0.84)
INSIDE = slice(1, -1)  # truth bins in range
FEWEST_REPLICAS = 20  # of which a covariance is made: its errors are known to 1/sqrt(2 x 20) = 16 %


@dataclass(frozen=True)
class Area:
    """``area`` (bins,) in m^2 and its statistical ``variance``."""

    area: Array
    variance: Array


def ratio(selected: Cells, generated: Cells) -> Area:
    """N/D of two independent simulations: variance S_N/D^2 + A^2 S_D/D^2."""
    area = selected.W / generated.W
    return Area(area, (selected.S + area**2 * generated.S) / generated.W**2)


def ratio_of_same(selected: Cells, generated: Cells, cross: Array) -> Area:
    """N/D where every selected muon is one of the generated ones: sum over these of (n - A d)^2/D^2; ``cross``: sum of n d over selected muons."""
    area = selected.W / generated.W
    return Area(area, np.maximum(selected.S - 2.0 * area * cross + area**2 * generated.S, 0.0) / generated.W**2)


def effective_area(inputs: Inputs, target: Target) -> EffectiveArea:
    """The effective area in bins of one target, of all events and of each sector. InputError naming bins without generated or selected muons."""
    t, nominal, level0 = target.name, inputs.nominal, inputs.level0
    edges = truth_edges(inputs.hist(level0, f"aeff_den_{t}"))
    generated = _inside(inputs.cells(level0, f"aeff_den_{t}", replica=0))
    selected = _inside(inputs.cells(nominal, f"aeff_num_{t}", sector=ALL, replica=0))
    _not_empty(target, edges, generated.W, f"{target.column(inputs.config)} of data set {level0} (untriggered)")
    _not_empty(target, edges, selected.W, f"{target.column(inputs.config)} of data set {nominal} (selected)")
    same = inputs.config.options.same_showers
    cross = inputs.cells(nominal, f"aeff_cross_{t}").W[INSIDE] if same else np.zeros(0)
    found = ratio_of_same(selected, generated, cross) if same else ratio(selected, generated)
    replicas = _replicas(inputs, target, generated.W.size)
    softer, harder = (_tilted(inputs, target, tilt) / found.area for tilt in TILTS)
    sectors = _sectors(inputs, target, generated)
    return EffectiveArea(
        edges=edges.tolist(),
        area_m2=found.area.tolist(),
        error_m2=np.sqrt(found.variance).tolist(),
        bootstrap_m2=[tuple(row) for row in np.quantile(replicas, QUANTILES, axis=0).T.tolist()] if len(replicas) else [],
        covariance=_relative_covariance(found, replicas, same).tolist(),
        systematic={name: np.outer(delta, delta).tolist() for name, delta in systematic_shifts(inputs, target).items()},
        softer=softer.tolist(),
        harder=harder.tolist(),
        impurity=_impurity(inputs, target).tolist(),
        sectors={name: one.area.tolist() for name, one in sectors.items()},
        sector_errors={name: np.sqrt(one.variance).tolist() for name, one in sectors.items()},
    )


def _inside(cells: Cells) -> Cells:
    return Cells(cells.W[INSIDE], cells.S[INSIDE])


def _not_empty(target: Target, edges: Array, rate: Array, what: str) -> None:
    empty = [f"bin {j} [{edges[j]:.6g}, {edges[j + 1]:.6g}) {target.unit}" for j in np.flatnonzero(~(rate > 0))]
    if empty:
        raise InputError(f"effective area in {target.name}: {what} has no events in {', '.join(empty)}; simulate more, or merge bins")


def _replicas(inputs: Inputs, target: Target, size: int) -> Array:
    """Areas of the bootstrap replicas that have events in every bin (replicas, bins)."""
    t = target.name
    both = [inputs.hist(inputs.nominal, f"aeff_num_{t}").axes["replica"], inputs.hist(inputs.level0, f"aeff_den_{t}").axes["replica"]]
    rows = []
    for number in range(1, min(map(len, both))):
        generated = _inside(inputs.cells(inputs.level0, f"aeff_den_{t}", replica=number)).W
        selected = _inside(inputs.cells(inputs.nominal, f"aeff_num_{t}", sector=ALL, replica=number)).W
        if np.all(generated > 0):
            rows.append(selected / generated)
    return np.array(rows).reshape(-1, size)


def _relative_covariance(found: Area, replicas: Array, same: bool) -> Array:
    """Of bootstrap replicas; diagonal, from the sums of squared weights, where these are few or both simulations hold the same showers.

    Factors of showers follow the names of files: in files of other names they are independent even if the showers are the same.
    """
    if same or len(replicas) < FEWEST_REPLICAS:
        return np.diag(found.variance / found.area**2)
    return np.asarray(np.cov(replicas / found.area, rowvar=False)).reshape(found.area.size, -1)


def _tilted(inputs: Inputs, target: Target, tilt: str) -> Array:
    selected = inputs.cells(inputs.nominal, f"aeff_tilted_num_{target.name}", tilt=tilt).W[INSIDE]
    return np.asarray(selected / inputs.cells(inputs.level0, f"aeff_tilted_den_{target.name}", tilt=tilt).W[INSIDE])


def systematic_shifts(inputs: Inputs, target: Target) -> dict[str, Array]:
    """Relative change of the area (bins,) for one standard deviation of each parameter, signed; parameters of the fit are left out.

    With ``compat`` they stay: columns that are renormalised have lost the change of efficiency.
    Half the difference of the two outermost sets, for the configured standard deviation if there is one, else taking the sets to be one away.
    """
    if not inputs.config.effective_area.include_effective_area_syst_unc:
        return {}
    fitted = nuisances.names(inputs) if inputs.config.options.compat is None else []
    return {name: _shift(inputs, target, name, sets) for name, sets in inputs.systematic.items() if name not in fitted}


def _shift(inputs: Inputs, target: Target, name: str, sets: Sequence[tuple[float, str]]) -> Array:
    def rate(dataset: str) -> Array:
        return inputs.cells(dataset, f"aeff_num_{target.name}", sector=ALL, replica=0).W[INSIDE]

    nominal = rate(inputs.nominal)
    options = inputs.config.options.nuisances.get(name)
    (low, low_set), (high, high_set) = sets[0], sets[-1]
    if low_set == high_set:
        distance = 1.0 if options is None else (low - options.nominal) / options.sigma
        return np.asarray((rate(low_set) / nominal - 1.0) / distance)
    distance = 2.0 if options is None else (high - low) / options.sigma
    return np.asarray((rate(high_set) - rate(low_set)) / nominal / distance)


def _impurity(inputs: Inputs, target: Target) -> Array:
    """Share of selected events that do not stop, by truth bin."""
    name = f"impurity_{target.name}"
    other, stopping = (inputs.cells(inputs.nominal, name, stopping=value).W[INSIDE] for value in (0, 1))
    return np.asarray(np.divide(other, other + stopping, out=np.zeros_like(other), where=other + stopping > 0))


def _sectors(inputs: Inputs, target: Target, generated: Cells) -> dict[str, Area]:
    wanted = [target.option(inputs.config, "systematics", key) for key in ("calculate_effective_area_systematics_{}", "data_based_systematics_{}")]
    if not any(wanted):
        return {}
    t = target.name
    return {
        name: ratio(_inside(inputs.cells(inputs.nominal, f"aeff_num_{t}", sector=name, replica=0)), generated)
        for name in inputs.config.systematics.sectors
    }


def relative_covariances(area: EffectiveArea) -> dict[str, Array]:
    """Of the area, by source: ``area`` (statistics) and ``area_systematic`` (detector parameters that the fit does not have)."""
    found = {"area": np.array(area.covariance)}
    if area.systematic:
        found["area_systematic"] = np.sum([np.array(one) for one in area.systematic.values()], axis=0)
    return found
