"""Events of ``stopping_muons`` -> histograms: response and counts in proxy bins, effective areas, figures of merit of the reconstructions.

Simulation fills rates in Hz, which the fits multiply by a livetime; data fill numbers of events. Sums of weights are exact: neither chunks nor their
order change a bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea.processor import ProcessorABC

from configs.errors import InputError
from processors.stopping_muons_axes import axes
from processors.stopping_muons_chunk import Chunk
from processors.stopping_muons_columns import MuonColumns, require
from processors.stopping_muons_cuts import ALL, FILTER, FINITE
from processors.stopping_muons_preparation import Preparation, check_rate
from processors.stopping_muons_setup import TRUTH, MuonSetup
from processors.stopping_muons_training import check_finite, not_finite

Hists = dict[str, hist.Hist]


class StoppingMuonsProcessor(ProcessorABC):
    """Fills the histograms that ``processors.stopping_muons_axes`` lists for the role of one data set."""

    def __init__(self, setup: MuonSetup, preparation: Preparation) -> None:
        self.setup, self.preparation = setup, preparation

    def axes(self) -> dict[str, tuple[Any, ...]]:
        """Axes of every histogram that a run makes."""
        return axes(self.setup, self.preparation)

    def check_columns(self, columns: Iterable[str], metadata: Mapping[str, Any]) -> None:
        """Refuse files that lack a column; the engine asks before any event is read. Raises ``InputError``."""
        require(columns, self.setup, str(metadata.get("filename", "events")))

    def process(self, events: ak.Array) -> Hists:
        """Histograms of one chunk. Raises ``InputError`` for weights that are negative or not finite."""
        chunk = Chunk(MuonColumns(events, self.setup), self.preparation, self.axes())
        filled = {"cutflow": chunk.cutflow(), "not_finite": not_finite(chunk.columns)}
        if self.setup.role == "untriggered":
            return {**filled, **chunk.denominators()}
        if not self.setup.simulated:
            return {**filled, **chunk.counts(), **chunk.reconstruction()}
        return {**filled, **chunk.responses(), **chunk.numerators(), **chunk.reconstruction()}

    def postprocess(self, accumulator: Any) -> Any:
        """Refuse what only the whole data set shows: too many events without finite values, nothing selected, wrong units, empty truth bins."""
        hists: Hists = accumulator
        if not hists:
            return hists  # no chunk was processed: the account says why
        flow = hists["cutflow"]
        steps = dict(zip(flow.axes[0], flow.values().tolist(), strict=True))
        reached, finite, chosen = steps[FILTER if FILTER in steps else ALL], steps[FINITE], list(steps.values())[-1]
        check_finite(self.setup.name, self.setup, reached[0], finite[0], hists["not_finite"])
        if self.setup.simulated:
            check_rate(self.setup, *chosen)
            self._check_truth_bins(hists)
        elif not chosen[0]:
            raise InputError(f"data set {self.setup.name}: no event is selected: {_shown(steps)}; is the filter mask the right one?")
        return hists

    def _check_truth_bins(self, hists: Mapping[str, hist.Hist]) -> None:
        """Every truth bin in range must have simulated events, else nothing is known of it."""
        for target in self.setup.targets:
            name = f"aeff_{'den' if self.setup.role == 'untriggered' else 'num'}_{target}"
            values = hists[name].values()
            empty = np.flatnonzero((values[0, 0] if values.ndim == 3 else values[0]) == 0.0)
            if len(empty):
                low, high = hists[name].axes["truth"][int(empty[0])]
                raise InputError(
                    f"data set {self.setup.name}: {self.setup.stored(TRUTH[target])}: {len(empty)} of {values.shape[-1]} truth bins have no "
                    f"simulated event (0 selected), first bin {empty[0]}, {low:g} to {high:g}; simulate more, or choose {target}_min, "
                    f"{target}_max and n_{target}_bins within what is simulated"
                )


def _shown(steps: Mapping[str, list[float]]) -> str:
    return ", ".join(f"{name}: {int(events)}" for name, (events, _) in steps.items())
