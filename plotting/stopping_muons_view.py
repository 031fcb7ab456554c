"""What the figures of ``stopping_muons`` need of a run: rates by data set, results by target; words, colours and ticks of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from configs.errors import command
from configs.schema import StoppingMuonsConfig
from plotting.canvas import Array, Caption, Scale, apply_scale, short_number
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, YELLOW, Component, Style
from processors.stopping_muons_setup import role_of
from records.results import load_results
from records.stopping_muons import COVERAGE

# Figures by name; in place of one that cannot be drawn the reason.
Found = Mapping[str, "partial[DrawnFigure] | str"]

STOPPING, OTHER_MUONS = Component("Stopping muons", SKY), Component("Other muons", ORANGE)
# Unfolding methods: the same colour and marker on every figure.
METHODS = {
    "mcmc": Component("MCMC", BLACK), "map": Component("MAP", BLUE), "ibu": Component("Iterative Bayes", ORANGE), "tsvd": Component("TSVD", GREEN),
}  # fmt: skip
MARKERS = {"mcmc": "o", "map": "D", "ibu": "^", "tsvd": "s"}
TRUTH, THEORY = Component("Truth", VERMILLION), Component("Theory", PURPLE)
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY, YELLOW)


@dataclass(frozen=True)
class Target:
    """A quantity that is unfolded. ``power``: its flux is shown times the quantity to this power."""

    name: str
    words: str
    symbol: str
    unit: str
    truth: str
    power: float = 0.0

    @property
    def label(self) -> str:
        """Of an axis."""
        return f"{self.words} ${self.symbol}$ [{self.unit}]"

    @property
    def flux_unit(self) -> str:
        """Of the flux as it is shown."""
        own = f"{self.unit}$^{{-1}}$" if not self.power else f"{self.unit}$^{{{self.power - 1.0:.2g}}}$"
        return f"{own} m$^{{-2}}$ s$^{{-1}}$ sr$^{{-1}}$"

    @property
    def flux_label(self) -> str:
        """Of the axis of the flux."""
        factor = f"{self.symbol}^{{{self.power:g}}}\\," if self.power else ""
        return rf"${factor}d\Phi/d{self.symbol}$ [{self.flux_unit}]"


TARGETS = {
    "range": Target("range", "Propagation length", "L", "m", "propagation_length"),
    "energy": Target("energy", "Surface energy", "E", "GeV", "surface_energy", 2.7),
}

# Names of columns in words and units; others stand as they are.
QUANTITIES = {
    "propagation_length": ("Propagation length", "m"),
    "propagation_length_reco": ("Reconstructed propagation length", "m"),
    "surface_energy": ("Surface energy", "GeV"),
    "energy_surface_proxy": ("Surface-energy proxy", "GeV"),
    "energy_entry_reco": ("Reconstructed energy at entry", "GeV"),
    "zenith": ("Zenith angle", "rad"),
    "zenith_reco": ("Reconstructed zenith angle", "rad"),
    "cos_zenith": (r"$\cos\theta$", ""),
    "cos_zenith_reco": (r"Reconstructed $\cos\theta$", ""),
    "stop_z": ("Stopping depth z", "m"),
    "stop_z_reco": ("Reconstructed stopping depth z", "m"),
    "stopping_score": ("Stopping score", ""),
    "n_channels": ("Sensors hit", ""),
    "qtot": ("Total charge", "PE"),
}


def quantity_label(name: str, before: str = "") -> str:
    """A column in words with its unit.

    >>> quantity_label("stop_z_reco"), quantity_label("stop_z", "True"), quantity_label("my_column")
    ('Reconstructed stopping depth z [m]', 'True stopping depth z [m]', 'my column')
    """
    words, unit = QUANTITIES.get(name, (name.replace("_", " "), ""))
    if before and not words.startswith("$"):
        words = words[0].lower() + words[1:]
    return f"{before} {words}".strip() + (f" [{unit}]" if unit else "")


@dataclass(frozen=True)
class RunView:
    """A run: histograms by data set and name, the account of what was processed, results of the fits by name."""

    config: StoppingMuonsConfig
    style: Style
    hists: Mapping[str, Mapping[str, hist.Hist]]
    account: Mapping[str, Any]
    results: Mapping[str, Any]

    @cached_property
    def data(self) -> list[str]:
        """Data sets of kind data."""
        return [name for name, one in self.config.datasets.items() if one.kind == "data" and name in self.hists]

    @cached_property
    def nominal(self) -> list[str]:
        """Simulation of the detector as it is, triggered."""
        return [name for name in self.config.datasets if role_of(self.config, name) == "nominal" and name in self.hists]

    def summed(self, names: Sequence[str], histogram: str) -> hist.Hist | None:
        """Histogram added up over the data sets that have it, in Hz: simulation scaled to all that was expected, data by livetime; null: none has."""
        total = None
        for name in (one for one in names if histogram in self.hists[one]):
            part = self.hists[name][histogram] * (1.0 / self.exposure(name))
            total = part if total is None else total + part
        return total

    def exposure(self, name: str) -> float:
        """What a data set's histogram is divided by to be a rate in Hz: share of the simulation, seconds of data that were processed."""
        one = self.account["datasets"].get(name, {})
        fraction = float(one.get("fraction", 1.0)) or 1.0
        return fraction * (self.livetime_s(name) if name in self.data else 1.0)

    def livetime_s(self, name: str) -> float:
        """Livetime of a data set as its account states it; 1 where it states none."""
        one = self.account["datasets"].get(name, {})
        stated = one.get("livetime_s") or one.get("metadata", {}).get("livetime_s")
        return float(stated) if stated else 1.0

    @cached_property
    def generated(self) -> bool:
        """Whether data are generated by this program."""
        return bool(self.data) and all(self.config.datasets[name].example is not None for name in self.data)

    @property
    def data_words(self) -> str:
        """What data are called: generated ones as such."""
        return "Generated data" if self.generated else "Data"

    @property
    def unfolded_words(self) -> str:
        """What is unfolded."""
        return "Pseudo data" if self.config.unfolding.is_sim else self.data_words

    def caption(self, right: str = "", notes: tuple[str, ...] = (), *, of: str = "") -> Caption:
        """Label above, what the figure is of at the right, notes and warnings at the foot. ``of``: data, unfolded or mc, told where not real."""
        told = {"data": self._about_data, "unfolded": self._about_unfolded, "mc": self._about_simulation, "": ()}[of]
        return Caption(self.config.plots.label, right, (*notes, *told), self.warnings)

    @property
    def _about_data(self) -> tuple[str, ...]:
        return ("Data and simulation are generated examples, not IceCube's",) if self.generated else ()

    @property
    def _about_unfolded(self) -> tuple[str, ...]:
        if self.config.unfolding.is_sim:
            return ("Pseudo data: events of the simulation that were kept apart", *self._about_simulation)
        return self._about_data

    @property
    def _about_simulation(self) -> tuple[str, ...]:
        examples = [self.config.datasets[name].example is not None for name in self.nominal]
        return ("Generated example, no simulation of the detector",) if examples and all(examples) else ()

    @cached_property
    def coverage_study(self) -> Mapping[str, Any]:
        """Results of ``run_fit.py CONFIG --coverage N``; empty where it was not done."""
        path = self.config.output / COVERAGE
        return load_results(path) if path.is_file() else {}

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Words on data that are not complete."""
        about = self.account["datasets"]
        partial_sets = [f"{name}: {100 * one['fraction']:.1f} %" for name, one in about.items() if one["fraction"] < 1.0]
        return (f"Partial data: {', '.join(partial_sets)} processed",) if partial_sets else ()

    def missing(self, name: str, *flags: str) -> str:
        """Why a result is not there: a key of the configuration that is false, or fits not done."""
        for flag in flags:
            section, _, key = flag.partition(".")
            if not getattr(getattr(self.config, section), key):
                return f"{flag} is false"
        return f"no result {name}; run: {command('run_fit.py', self.config.source)}"


def contents(histogram: hist.Hist, **chosen: str) -> tuple[Array, Array]:
    """Values and variances in range of a histogram; ``chosen``: axis -> category."""
    found: Any = histogram[dict(chosen)] if chosen else histogram  # type: ignore[index]
    return np.asarray(found.values(), float), np.asarray(found.variances(), float)


def edges_of(histogram: hist.Hist) -> list[Array]:
    """Limits of the bins of each axis."""
    return [np.asarray(axis.edges, float) for axis in histogram.axes]


def for_targets(view: RunView, figure: str, result: str, flags: Sequence[str], draw: Callable[[RunView, Target], DrawnFigure]) -> Found:
    """One figure for each target that has ``result`` (``{}`` is the target's name), else the reason; so do ``flags``, keys of the configuration."""
    found: dict[str, partial[DrawnFigure] | str] = {}
    for name, target in TARGETS.items():
        off = [flag for flag in (one.format(name) for one in flags) if ".plot_" in flag or ".evaluate_" in flag]
        reason = next((f"{flag} is false" for flag in off if not getattr(view.config.unfolding, flag.partition(".")[2])), None)
        if reason is None and result.format(name) not in view.results:
            reason = view.missing(result.format(name), *(flag.format(name) for flag in flags))
        found[f"{figure}_{name}"] = reason or partial(draw, view, target)
    return found


def target_scale(target: Target, edges: Sequence[float] | Array) -> Scale:
    """Axis of a target over its bins: logarithmic where the bins are."""
    return Scale(target.label, is_logarithmic(np.asarray(edges, float)), (float(edges[0]), float(edges[-1])))


def is_logarithmic(edges: Array) -> bool:
    """Whether bins have equal ratios rather than equal widths.

    >>> is_logarithmic(np.geomspace(1.0, 10.0, 5)), is_logarithmic(np.linspace(1.0, 10.0, 5))
    (True, False)
    """
    if edges[0] <= 0.0 or len(edges) < 3:
        return False
    ratios, widths = np.diff(np.log(edges)), np.diff(edges)
    return bool(np.ptp(ratios) / ratios.mean() < np.ptp(widths) / widths.mean())


def centres(edges: Sequence[float] | Array) -> Array:
    """Middles of bins, geometric where the bins are logarithmic."""
    ends = np.asarray(edges, float)
    return np.sqrt(ends[1:] * ends[:-1]) if is_logarithmic(ends) else 0.5 * (ends[1:] + ends[:-1])


def shifted(edges: Sequence[float] | Array, share: float) -> Array:
    """Middles of bins moved by a share of the bin, for points beside each other."""
    ends = np.asarray(edges, float)
    if is_logarithmic(ends):
        return np.asarray(centres(edges) * (ends[1:] / ends[:-1]) ** share)
    return np.asarray(centres(edges) + share * np.diff(ends))


def scale_axes(axes: Axes, x: Scale | None, y: Scale | None) -> None:
    """``apply_scale`` with more numbers on logarithmic axes of less than two decades: 500, 1000, 2000 ..., in plain digits where they are short."""
    apply_scale(axes, x, y)
    for axis, scale in ((axes.xaxis, x), (axes.yaxis, y)):
        if scale is not None and scale.log and scale.limits is not None and scale.limits[1] < 100.0 * scale.limits[0]:
            plain = scale.limits[0] >= 1e-2 and scale.limits[1] <= 2e5
            axis.set_major_locator(LogLocator(subs=_multiples(scale.limits) if plain else (1.0, 2.0, 5.0), numticks=20))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}") if plain else FuncFormatter(short_number))


def _multiples(limits: tuple[float, float]) -> tuple[float, ...]:
    """Multiples of powers of ten that give four to seven numbers.

    >>> _multiples((500.0, 12000.0)), _multiples((1600.0, 6000.0))
    ((1.0, 2.0, 5.0), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0))
    """
    return (1.0, 2.0, 5.0) if limits[1] > 6.0 * limits[0] else (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)


def below(x: Scale) -> Scale:
    """The same axis without its label, of a panel that has another below."""
    return replace(x, label="")


def deviations(covariance: Sequence[Sequence[float]] | Array) -> Array:
    """Standard deviations of a covariance."""
    return np.asarray(np.sqrt(np.maximum(np.diag(np.asarray(covariance, float)), 0.0)))
