"""One fit of ``diffuse`` with all that its figures need: results, model, data, and the words that stand on each of its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import hist
import numpy as np

from configs import diffuse
from configs.schema import DiffuseConfig
from fits.diffuse_inputs import Inputs, Prepared
from fits.effective_areas import Areas
from fits.joint_inputs import JointInputs
from fits.joint_model import JointModel
from physics.constants import DAY_S
from plotting.canvas import Array, Caption
from plotting.projections import Expectation
from plotting.style import Style
from plotting.symbols import measured, symbol
from processors.unselected import NAME
from records.results import FitResult

PARAMETERS_SHOWN = 4


@dataclass(frozen=True)
class Below:
    """Data events below the selection's lowest energy, which take part in no fit: edges in GeV, and counts by topology."""

    edges_gev: Array
    counts: Mapping[str, Array]

    @classmethod
    def of(cls, hists: Mapping[str, Mapping[str, hist.Hist]], account: Mapping[str, Any]) -> Below | None:
        """Of all data sets of kind data; None where one of them left none."""
        names = [name for name, entry in account["datasets"].items() if entry["kind"] == "data"]
        if not names or any(name not in hists or NAME not in hists[name] for name in names):
            return None
        found = [hists[name][NAME] for name in names]
        counts = np.sum([one.values() for one in found], axis=0).astype(float)
        return cls(np.asarray(found[0].axes["reco_energy"].edges), dict(zip(found[0].axes["topology"], counts, strict=True)))


@dataclass(frozen=True)
class FitView:
    """``others``: results that belong to the fit by the rest of their name (``scan``, ``profile.beta``); ``first``: the configuration's first fit.

    ``failed``: those that are not valid; a ``FailedFit`` is among these only.
    """

    name: str
    first: bool
    config: DiffuseConfig
    style: Style
    inputs: Inputs | JointInputs
    prepared: Prepared
    result: FitResult
    others: Mapping[str, Any]
    account: Mapping[str, Any]
    failed: Mapping[str, Any] = field(default_factory=dict)
    below: Below | None = None  # data below the selection
    areas: Areas | None = None  # effective areas of the simulation, where the processor left them
    sample: str = ""  # of a joint fit, where only that is looked at

    @property
    def options(self) -> diffuse.Fit:
        """The fit's entry in the configuration; of a joint fit with the model that its samples have in common."""
        return self.prepared.options

    @property
    def theta(self) -> list[float]:
        """Fitted values in the order of the model's parameters."""
        return [self.result.parameters[name].value for name in self.prepared.whole.names]

    @property
    def starts(self) -> list[float]:
        """Start values, at which the fit begins."""
        return [one.start for one in self.prepared.nll.parameters]

    @property
    def counts(self) -> Array | None:
        """Data in the bins of ``prepared.whole``; an Asimov set is no data."""
        counts = self.inputs.counts
        return None if self.options.data == "asimov" or counts is None else np.asarray(counts, float)

    def expectation(self, *, prefit: bool = False) -> Expectation:
        """The model before the fit, or at its minimum with the fit's covariance (of a valid fit)."""
        whole = self.prepared.whole
        assert not isinstance(whole, JointModel)  # its samples are drawn one by one
        if prefit:
            return Expectation.of(whole, self.starts, counts=self.counts)
        return Expectation.of(whole, self.theta, fit=self.result if self.result.valid else None, counts=self.counts)

    def text(self, *, prefit: bool = False) -> tuple[str, ...]:
        """The parameters in words: their start values, or what the fit found."""
        names = list(self.result.parameters)[:PARAMETERS_SHOWN]
        if prefit:
            return ("Before the fit", *(f"{symbol(name)} = {start:g}" for name, start in zip(names, self.starts, strict=False)))
        return tuple(measured(name, self.result.parameters[name]) for name in names)

    @property
    def days(self) -> str:
        """Whole days of livetime, as in "2635 days"; nothing when the livetime is not stated."""
        livetime_s = self.inputs.livetime_s
        return f"{math.floor(livetime_s / DAY_S):d} days" if math.isfinite(livetime_s) else ""

    @property
    def caption(self) -> Caption:
        """Label, name of the fit and livetime above; origin of the response and everything that the reader must be warned of at the foot."""
        of_sample = f"sample {self.sample}" if self.sample else ""
        right = ", ".join(word for word in ("" if self.first else f"fit {self.name}", of_sample, self.days) if word)
        warnings = [f"Partial data: {self._processed()}"] if self.result.partial else []
        if not self.result.valid:
            warnings.append(f"The fit {self.name} did not converge: {self.result.reason}")
        if self.result.dropped_bins:
            lot = "are left out of the fit" if self.result.n_dropped else "count with a floor"
            warnings.append(f"{len(self.result.dropped_bins)} bins with data and without expectation {lot}")
        return Caption(self.config.plots.label, right, (self.result.response,) if self.result.response else (), tuple(warnings))

    def _processed(self) -> str:
        shares = {name: entry["fraction"] for name, entry in self.account["datasets"].items() if entry["fraction"] < 1.0}
        return ", ".join(f"{100 * share:.1f} % of {name}" for name, share in shares.items()) + " processed, exposures scaled"
