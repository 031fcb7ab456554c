"""What the processor left, by the role of each data set: nominal simulation, untriggered simulation, sets with other detector parameters, data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from configs.schema import StoppingMuonsConfig
from processors.stopping_muons_axes import EVERYTHING
from processors.stopping_muons_preparation import LARGEST_RATE_HZ, SMALLEST_RATE_HZ
from processors.stopping_muons_setup import Role, role_of

Array = NDArray[np.float64]
ALL = EVERYTHING  # category of the axis ``sector`` with every selected event


@dataclass(frozen=True)
class Cells:
    """Sums of weights ``W`` and of squared weights ``S`` of the same shape, Hz and Hz^2."""

    W: Array
    S: Array

    def scaled(self, factor: float) -> Cells:
        """With every weight times ``factor``."""
        return Cells(self.W * factor, self.S * factor**2)

    def rows(self, groups: Sequence[Sequence[int]]) -> Cells:
        """Rows summed in groups."""
        return Cells(*(np.array([one[list(group)].sum(axis=0) for group in groups]) for one in (self.W, self.S)))


@dataclass(frozen=True)
class Inputs:
    """Histograms of a run (data set -> name -> histogram) with its account."""

    config: StoppingMuonsConfig
    hists: Mapping[str, Mapping[str, hist.Hist]]
    account: Mapping[str, Any]

    @property
    def nominal(self) -> str:
        """The data set with the nominal simulation at level 2. InputError unless there is exactly one."""
        return _only(self._of_role("nominal"), "nominal simulation at level 2")

    @property
    def level0(self) -> str:
        """The untriggered simulation. InputError unless there is exactly one."""
        return _only(self._of_role("untriggered"), "needs untriggered MC: a data set of type mc with level 0")

    @property
    def systematic(self) -> dict[str, list[tuple[float, str]]]:
        """Detector parameter -> (value, data set) of its discrete sets, by value."""
        found: dict[str, list[tuple[float, str]]] = {}
        for name in self._of_role("systematic"):
            one = self.config.datasets[name].systematic
            if one is not None:
                found.setdefault(one.name, []).append((one.value, name))
        return {name: sorted(sets) for name, sets in found.items()}

    @property
    def snowstorm(self) -> dict[str, str]:
        """Detector parameter -> data set in which it varies from event to event."""
        return {parameter: name for name in self._of_role("snowstorm") for parameter in self.config.datasets[name].snowstorm}

    @property
    def data(self) -> list[str]:
        """Data sets of type data."""
        return self._of_role("data")

    @property
    def complete(self) -> bool:
        """Whether every entry of every file is in the histograms."""
        return bool(self.account["complete"])

    def _of_role(self, role: Role) -> list[str]:
        return [name for name in self.config.datasets if role_of(self.config, name) == role]

    def hist(self, dataset: str, name: str) -> hist.Hist:
        """One histogram. InputError naming the nearest if it is not there."""
        found = self.hists.get(dataset, {})
        if name not in found:
            raise InputError(f"{self.config.output}: data set {dataset} has no histogram {name}{nearest(name, found)}; run run_processor.py --fresh")
        return found[name]

    def cells(self, dataset: str, name: str, **chosen: Any) -> Cells:
        """Weighted sums of a histogram of simulation, axes ``chosen`` (name -> bin) taken out; flow of the axis ``truth`` is kept, others' dropped.

        Rates of a set that was not read to the end are those of all of it.
        """
        return _cells(self.hist(dataset, name), chosen).scaled(1.0 / self.fraction(dataset))

    def counts(self, name: str, **chosen: Any) -> Array:
        """Sum over the data sets of type data."""
        return np.asarray(sum(_cells(self.hist(dataset, name), chosen).W for dataset in self.data))

    def fraction(self, dataset: str) -> float:
        """Share of a data set that is in the histograms. InputError for none of it."""
        found = float(self.account["datasets"][dataset]["fraction"])
        if not found > 0:
            raise InputError(f"data set {dataset}: nothing was processed; see processing.json")
        return found

    @property
    def livetime_s(self) -> float:
        """Livetime of the data that are in the histograms. InputError where a data set has none."""
        total = 0.0
        for name in self.data:
            seconds = self.account["datasets"][name].get("livetime_s")
            if seconds is None or not (math.isfinite(seconds) and seconds > 0):
                raise InputError(f"data set {name} of type data has no livetime ({seconds} s); give livetime: true, livetime_s or good_runs")
            total += float(seconds) * self.fraction(name)
        if not total > 0:
            raise InputError("no data set of type data; add one to inputs, or set is_sim: true")
        return total

    def check_rate(self, target: str) -> None:
        """InputError for weights that cannot be in Hz."""
        rate = float(self.cells(self.nominal, f"response_{target}", sector=ALL).W.sum())
        if not SMALLEST_RATE_HZ <= rate <= LARGEST_RATE_HZ:
            raise InputError(
                f"data set {self.nominal}: the weights {self.config.general.model} of all selected events add up to {rate:.3g}; Hz expected "
                "(sum of weights x livetime = events): divide by the number of files or by the livetime"
            )


def _only(names: Sequence[str], what: str) -> str:
    if len(names) == 1:
        return names[0]
    found = f"found {', '.join(names)}; give their paths in one entry" if names else "there is none"
    raise InputError(f"inputs: {what}: {found}")


def _cells(histogram: hist.Hist, chosen: Mapping[str, Any]) -> Cells:
    place = tuple(_place(axis, chosen) for axis in histogram.axes)
    values, variances = histogram.values(flow=True), histogram.variances(flow=True)
    if variances is None:
        variances = np.zeros_like(values)
    return Cells(np.asarray(values[place], dtype=float), np.asarray(variances[place], dtype=float))


def _place(axis: Any, chosen: Mapping[str, Any]) -> Any:
    first = int(axis.traits.underflow)
    if axis.name in chosen:
        number = next((place for place, value in enumerate(axis) if value == chosen[axis.name]), None)
        if number is None:
            raise InputError(f"axis {axis.name} has no bin {chosen[axis.name]!r} (found {', '.join(map(str, axis))}); run run_processor.py --fresh")
        return first + number
    return slice(None) if axis.name == "truth" else slice(first, first + len(axis))


def truth_edges(histogram: hist.Hist) -> Array:
    """Limits of the truth bins of a histogram."""
    return np.asarray(histogram.axes["truth"].edges, dtype=float)
