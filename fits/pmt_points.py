"""The points of a run: data sets of one photomultiplier, voltage and light each, with their partners without light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.classifier.binomial import rate
from fits.sample_moments import POWERS, ChargeMoments
from records.performance import Rate

Array = NDArray[np.float64]
Hists = Mapping[str, hist.Hist]
STEPS = ("read", "units", "unsaturated", "baseline", "single_pulse", "pulse_found", "amplitude_cut", "window", "fit_ok", "selected")
FEWEST = 2  # triggers of a mean with an error


@dataclass(frozen=True)
class Point:
    """One data set of the processor: its histograms and what the account says of it."""

    name: str
    hists: Hists
    account: Mapping[str, Any]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the run says of the point: pmt, hv_v, source, light, q_ref_pc and the plan's numbers."""
        found: Mapping[str, Any] = self.account["metadata"]
        return found

    @property
    def pmt(self) -> str:
        """Name of the photomultiplier."""
        return str(self.metadata["pmt"])

    @property
    def hv_v(self) -> float:
        """Voltage in V."""
        return float(self.metadata["hv_v"])

    @property
    def light(self) -> str:
        """``bright`` or ``low``."""
        return str(self.metadata.get("light") or "bright")

    @property
    def level(self) -> str:
        """Label of a further light level; empty for the light that all voltages share."""
        return str(self.metadata.get("level") or "")

    @property
    def is_off(self) -> bool:
        """Whether the light was off."""
        return self.metadata.get("source") == "off"

    @cached_property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Triggers that passed and failed each step of the selection."""
        cutflow = self.hists["cutflow"]
        known = set(cutflow.axes[0])
        return {step: (int(cutflow[step, "passed"]), int(cutflow[step, "failed"])) for step in STEPS if step in known}

    @property
    def n_read(self) -> int:
        """Triggers that reached the processor."""
        return sum(self.counts["read"])

    @property
    def n_saturated(self) -> int:
        """Triggers with a clipped sample."""
        return self.counts["unsaturated"][1] if "unsaturated" in self.counts else 0

    @property
    def saturated_share(self) -> float:
        """Share of the triggers read that have a clipped sample."""
        return self.n_saturated / max(self.n_read, 1)

    def efficiency(self) -> dict[str, Rate]:
        """Share of the triggers at each step that passes it, Wilson 68.27 %; steps that were not looked at are left out."""
        return {step: rate(passed, passed + failed, method="wilson") for step, (passed, failed) in self.counts.items() if passed + failed}

    def moments(self, estimator: str, sample: str) -> ChargeMoments | None:
        """Moments of the charge; null with fewer than two triggers or where this estimator was not filled."""
        filled = self.hists["moments"]
        if estimator not in set(filled.axes[0]):
            return None
        sums = [float(filled[estimator, sample, hist.loc(power)]) for power in range(POWERS)]
        return ChargeMoments.from_sums(sums, float(self.metadata["q_ref_pc"])) if sums[0] >= FEWEST else None

    def spectrum(self, estimator: str, sample: str = "all") -> tuple[Array, Array]:
        """Counts with under- and overflow (bins + 2) and edges in pC of the charge."""
        one: hist.Hist = self.hists["charge"][estimator, sample, :]  # type: ignore[assignment]
        return np.asarray(one.values(flow=True), float), np.asarray(one.axes[0].edges)


@dataclass(frozen=True)
class Tube:
    """One photomultiplier: points with light in order of voltage, and the points without light by the name of their partner."""

    name: str
    points: tuple[Point, ...]
    off: Mapping[str, Point]
    lost: Mapping[str, str] = field(default_factory=dict)  # points of which nothing was processed, and why


def shared_light(points: Iterable[Point]) -> dict[float, Point]:
    """The bright point of each voltage under the light that all voltages share: without a label, else under the commonest one."""
    bright = [point for point in points if point.light == "bright" and not point.is_off]
    found = Counter(point.level for point in bright)
    main = "" if "" in found else max(sorted(found), key=found.__getitem__, default="")
    return {point.hv_v: point for point in bright if point.level == main}


def tubes(hists: Mapping[str, Hists], account: Mapping[str, Any]) -> dict[str, Tube]:
    """Group the data sets of a run by photomultiplier, in the order in which they appear.

    A point without light belongs to every point of the same photomultiplier, voltage, light and level that has light; failing that, of the same
    photomultiplier and voltage. Raises InputError when a data set does not say which photomultiplier and voltage it is of.
    """
    named: dict[str, list[Point]] = {}
    lost: dict[str, dict[str, str]] = {}
    for name, found in hists.items():
        point = _point(name, found, account["datasets"])
        named.setdefault(point.pmt, [])
        if found:
            named[point.pmt].append(point)
        else:
            lost.setdefault(point.pmt, {})[name] = _why_nothing(point)
    return {pmt: _tube(pmt, found, lost.get(pmt, {})) for pmt, found in named.items()}


def _point(name: str, hists: Hists, datasets: Mapping[str, Any]) -> Point:
    """A data set as a point. One of which nothing was processed has no histograms, and may lack what the processor would have added."""
    metadata = datasets.get(name, {}).get("metadata", {})
    missing = [key for key in ("pmt", "hv_v", *(("q_ref_pc",) if hists else ())) if metadata.get(key) is None]
    if missing or (hists and not {"moments", "cutflow", "charge"} <= set(hists)):
        lacks = ", ".join(missing) or "the histograms of the analysis' own processor"
        cure = "run run_processor.py again, with metadata: {pmt: ..., hv_v: ...} for files of one point"
        raise InputError(f"data set {name!r} lacks {lacks}; {cure}")
    return Point(name, hists, datasets[name])


def _why_nothing(point: Point) -> str:
    failed = point.account.get("failed", [])
    return f"nothing of it was processed{': ' + str(failed[0]['reason']) if failed else ''}"


def _tube(pmt: str, points: list[Point], lost: Mapping[str, str]) -> Tube:
    lit = sorted((point for point in points if not point.is_off), key=lambda one: (one.hv_v, one.light != "bright", one.level))
    dark = [point for point in points if point.is_off]
    partners = {}
    for point in lit:
        same = [one for one in dark if one.hv_v == point.hv_v]
        if same:
            partners[point.name] = min(same, key=lambda one: (one.light != point.light, one.level != point.level, one.level))
    return Tube(pmt, tuple(lit), partners, lost)
