"""What the figures of ``pmt_gain`` need of a run: photomultipliers with points and results, which points are drawn singly, looks, words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from configs.schema import PmtGainConfig
from fits.pmt_points import Point, Tube, shared_light
from plotting.canvas import Caption
from plotting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, Style
from records.gain import GainPoint, GainResult
from records.spe import VarianceMeanResult

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Look:
    """How one photomultiplier looks on every figure."""

    colour: str
    marker: str


@dataclass(frozen=True)
class RunView:
    """A run: its configuration and style, photomultipliers with their histograms, and the results of the fits by name."""

    config: PmtGainConfig
    style: Style
    tubes: Mapping[str, Tube]
    results: Mapping[str, Any]

    @cached_property
    def looks(self) -> dict[str, Look]:
        """Colour and marker of each photomultiplier."""
        return {name: Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(self.tubes)}

    @cached_property
    def measured(self) -> dict[str, GainResult]:
        """Results of the photomultipliers."""
        return {name: self.results[name] for name in self.tubes if isinstance(self.results.get(name), GainResult)}

    def points(self, pmt: str) -> dict[str, GainPoint]:
        """What was measured at each point of a photomultiplier, by name."""
        return {point.name: point for point in self.measured[pmt].points} if pmt in self.measured else {}

    def chosen(self, pmt: str) -> list[Point]:
        """Points that are drawn singly: the first, middle and last voltage of the shared light, and every one of low light."""
        filled = [point for point in self.tubes[pmt].points if point.n_read]
        bright = list(shared_light(filled).values())
        rows = sorted({0, len(bright) // 2, len(bright) - 1}) if bright else []
        return [bright[row] for row in rows] + [point for point in filled if point.light == "low"]

    def lines(self, pmt: str) -> dict[str, VarianceMeanResult]:
        """Valid lines through the light levels of single voltages, by ``<pmt>.<voltage>V``."""
        found = {name.removesuffix(".levels"): one for name, one in self.results.items() if isinstance(one, VarianceMeanResult) and one.valid}
        return {name: one for name, one in found.items() if name.rpartition(".")[0] == pmt}

    def caption(self, right: str = "", notes: tuple[str, ...] = ()) -> Caption:
        """Label above, what the figure is of at the right; a warning where the run is incomplete."""
        partial = [name for name, result in self.measured.items() if result.partial]
        warnings = (f"Partial data: not everything of {', '.join(partial)} could be processed",) if partial else ()
        return Caption(self.config.plots.label, right, notes, warnings)


def columns_of(panels: int) -> int:
    """Panels in a row: up to three stand side by side, more in rows of two."""
    return panels if panels <= 3 else 2


def title(point: Point) -> str:
    """A point in words: voltage, and light where it is not the usual one."""
    return f"{point.hv_v:g} V{', low light' if point.light == 'low' else ''}"
