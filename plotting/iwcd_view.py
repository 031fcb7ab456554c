"""What the figures of ``iwcd`` need of a run: its data sets with particles, tables and looks, and the words on every figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import hist
import numpy as np

from configs.schema import IwcdConfig
from physics.tank import Tank
from plotting.canvas import Array, Caption
from plotting.style import BLACK, Component, Style, looks
from records.tables import Table

UNKNOWN = "unknown"
SELECTED = "expression"  # the last cut of the cut flow


@dataclass(frozen=True)
class DatasetView:
    """One data set: histograms by name, its event table (null: not there), share of its events that was processed."""

    name: str
    first: bool
    config: IwcdConfig
    style: Style
    tank: Tank
    hists: Mapping[str, hist.Hist]
    events: Table | None
    fraction: float = 1.0

    @cached_property
    def particles(self) -> tuple[str, ...]:
        """Particles with events, in the order of the histograms' axis."""
        cutflow = self.hists["cutflow"]
        names = [str(name) for name in cutflow.axes[0]]
        return tuple(name for name in names if float(cutflow[name, "all"]) > 0)

    @cached_property
    def looks(self) -> dict[str, Component]:
        """Label and colour of each particle; events of a data set without any label are called by its name."""
        found = looks(self.particles)
        return {UNKNOWN: Component(self.name, BLACK)} if self.particles == (UNKNOWN,) else found

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Particles with a visible energy: all but ``unknown``."""
        return tuple(name for name in self.particles if name != UNKNOWN)

    def selected(self, particle: str) -> float:
        """Events of a particle that pass the selection."""
        return float(self.hists["cutflow"][particle, SELECTED])

    def columns(self, particle: str, *, selected: bool = True) -> dict[str, Array]:
        """Columns of the particle's events in the table."""
        assert self.events is not None
        rows = self.events["particle"] == particle
        rows &= self.events["selected"] if selected else True
        return {name: np.asarray(values)[rows] for name, values in self.events.columns.items()}

    def named(self, figure: str) -> str:
        """Name of a figure: plain for the first data set, else with the data set before."""
        return figure if self.first else f"{self.name}.{figure}"

    @property
    def caption(self) -> Caption:
        """Label and data set above, share of a partial run at the foot."""
        return caption(
            self.config, self.name, (f"Partial data: {100 * self.fraction:.1f} % of {self.name} processed",) if self.fraction < 1.0 else ()
        )


@dataclass(frozen=True)
class ResultView:
    """One result of the fit stage with its name and the style of all."""

    name: str
    result: Any
    config: IwcdConfig
    style: Style
    tank: Tank

    def named(self, figure: str) -> str:
        """Name of a figure: the fit's name before."""
        return f"{self.name}.{figure}"

    @property
    def caption(self) -> Caption:
        """Label and fit above; what the reader must be warned of at the foot."""
        warnings: tuple[str, ...] = ("Partial data",) if self.result.partial else ()
        if not getattr(self.result, "valid", True):
            warnings += (f"The fit {self.name} did not converge: {self.result.reason}",)
        return caption(self.config, self.name, warnings)


def caption(config: IwcdConfig, right: str, warnings: tuple[str, ...] = ()) -> Caption:
    """Label of the configuration and what the figure is of."""
    return Caption(config.plots.label, right, (), warnings)
