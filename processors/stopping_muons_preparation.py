"""What must be known before the one pass over all data sets: trees of proxy bins, the split of the simulation, common axes of figures.

Kept as ``preparation.json`` (and the sample as ``preparation.parquet``) in the output directory under a digest of all that it depends on.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs.command_line import Progress
from configs.errors import InputError
from configs.schema import StoppingMuonsConfig
from processors import engine, keys, source_code
from processors.chunks import DatasetInput, EventFile
from processors.proxy_bins import ProxyBins, ProxyTree, grid_of, refuse_too_few, trained
from processors.stopping_muons_setup import SCORE, TRUTH, MuonSetup
from processors.stopping_muons_sums import Quanta
from processors.stopping_muons_training import (
    LARGEST_TREE_SHARE,
    SHARES,
    SPLIT_NUMBER,
    TrainingEvents,
    check_finite,
    sampled,
)
from records.atomic import write_text
from records.tables import Table, load_table, save_table

Array = NDArray[np.float64]

FILE, SAMPLE_FILE, JOURNAL = "preparation.json", "preparation.parquet", "journal_preparation"
SPLITS = ("tree", "response", "test")
DATA_MC_BINS, CORRELATION_BINS = 40, 60
TAILS = 0.002  # beyond the first and the last bin of figures
LARGEST_RATE_HZ, SMALLEST_RATE_HZ = 1e6, 1e-6
# Correlated quantity -> its true and its reconstructed column; whether bins are equal in the logarithm.
CORRELATED = {
    "propagation_length": ("propagation_length", "propagation_length_reco", True), "surface_energy": ("surface_energy", "energy_surface_proxy", True),
    "zenith": ("cos_zenith", "zenith_reco", False), "stop_z": ("stop_z", "stop_z_reco", False),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Preparation:
    """``trees``: target -> tree (none with ``binning: grid``); ``fractions``: tree, response, test -> share of the selected events that it has.

    ``bounds``: split -> range of the shower's number in [0, 1); ``sample``: observables and truths of selected events, sampled by weight without
    replacement; ``selected``, ``dropped``: events that are selected, and those without a finite value; ``rate_hz``: of the selected ones.
    ``sums``: weights and their squares of all events; ``axes``: name of a histogram of figures -> edges.
    """

    key: str
    trees: Mapping[str, ProxyTree]
    fractions: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    sample: Mapping[str, Array]
    selected: int
    dropped: int
    rate_hz: float
    sums: tuple[float, float]
    axes: Mapping[str, list[float]]
    grid: Mapping[str, list[float]] = field(default_factory=dict)

    @property
    def quanta(self) -> Quanta:
        """Steps of exact sums."""
        return Quanta.of_sums(*self.sums)

    def bins(self, target: str) -> ProxyBins:
        """The proxy bins of a target."""
        return grid_of(self.grid) if self.grid else self.trees[target]

    def save(self, output: Path) -> None:
        """Write both files."""
        values = {name: value for name, value in vars(self).items() if name != "sample"} | {
            "trees": {name: tree.to_json() for name, tree in self.trees.items()}
        }
        save_table(output / SAMPLE_FILE, Table(dict(self.sample)))
        write_text(output / FILE, json.dumps(values, indent=1) + "\n")


def load(output: str | Path) -> Preparation:
    """What ``Preparation.save`` wrote. Raises ``InputError`` when it is missing or not readable."""
    path = Path(output) / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        trees = {name: ProxyTree.from_json(tree) for name, tree in values.pop("trees").items()}
        bounds = {name: tuple(pair) for name, pair in values.pop("bounds").items()}
        sample = load_table(path.with_name(SAMPLE_FILE)).columns
        return Preparation(trees=trees, bounds=bounds, sample=sample, sums=tuple(values.pop("sums")), **values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a readable preparation ({error}); run run_processor.py with the same configuration first") from None


def prepare(config: StoppingMuonsConfig, setup: MuonSetup, files: tuple[EventFile, ...], progress: Progress | None = None) -> Preparation:
    """Read the nominal simulation once, or take what an earlier run left under the same digest, and train the trees."""
    processor = TrainingEvents(setup)
    sources = source_code.relied_on(__file__)
    dataset = DatasetInput(setup.name, "mc", files, processor, {}, setup.as_options(), sources)
    outcome = engine.run([dataset], config.executor, journal=config.output / JOURNAL, progress=progress)
    key = keys.digest(outcome.digest, _training(config), source_code.versions(frozenset({"scikit-learn"})))
    try:
        if (kept := load(config.output)).key == key:
            return kept
    except InputError:
        pass  # there is none yet
    if not outcome.account.datasets[setup.name].processed:
        raise InputError(f"data set {setup.name}: no event could be read: {outcome.account.describe()}")
    made = of_events(config, setup, key, outcome.hists[setup.name], outcome.tables[setup.name]["events"])
    made.save(config.output)
    return made


def _training(config: StoppingMuonsConfig) -> dict[str, Any]:
    options = config.options
    return {
        "train_size": config.unfolding.train_size, "test_size": config.unfolding.test_size, "n_proxy_bins": config.binning.n_proxy_bins,
        "binning": options.binning, "grid": options.grid, "tree_weights": options.tree_weights, "seed": config.seed,
    }  # fmt: skip


def of_events(config: StoppingMuonsConfig, setup: MuonSetup, key: str, hists: Mapping[str, hist.Hist], events: Table) -> Preparation:
    """What follows from the histograms and the table of ``TrainingEvents``. Raises ``InputError`` for a simulation that nothing can be made with."""
    reached, finite, chosen = (dict(zip(("events", "weighted", "squared"), row, strict=True)) for row in hists["sums"].values().tolist())
    check_finite(setup.name, setup, reached["events"], finite["events"], hists["not_finite"])
    check_rate(setup, chosen["events"], chosen["weighted"])
    bounds, fractions = _split(config, hists["shares"].values())
    sample = sampled(events)
    observables = {name: sample[name] for name in (*setup.observables, *(TRUTH[target] for target in setup.targets))}
    return Preparation(
        key=key,
        trees=_trees(config, setup, events.select(events[SPLIT_NUMBER] < bounds["tree"][1])) if config.options.binning == "tree" else {},
        fractions=fractions,
        bounds=bounds,
        sample=observables,
        selected=int(chosen["events"]),
        dropped=int(reached["events"] - finite["events"]),
        rate_hz=chosen["weighted"],
        sums=(reached["weighted"], reached["squared"]),
        axes=_axes(setup, sample),
        grid=dict(config.options.grid) if config.options.binning == "grid" else {},
    )


def check_rate(setup: MuonSetup, events: float, rate_hz: float) -> None:
    """Refuse a simulation of which nothing is selected, or at a rate that no detector has. Raises ``InputError``."""
    if not events:
        raise InputError(
            f"data set {setup.name}: no event passes filter and cuts; is the filter mask the right one, and are cuts in the columns' units?"
        )
    if not rate_hz > 0.0:
        raise InputError(
            f"data set {setup.name}: the weights {setup.stored(setup.model)} of all {int(events)} selected events are zero, or some 1e-10 of those "
            f"of the nominal simulation; is the column filled, and in Hz?"
        )
    if not SMALLEST_RATE_HZ <= rate_hz <= LARGEST_RATE_HZ:
        raise InputError(
            f"data set {setup.name}: the weights {setup.stored(setup.model)} of all selected events add up to {rate_hz:.3g} Hz; Hz expected, i.e. "
            f"the rate of the simulated events (divide counts by their livetime)"
        )


def _split(config: StoppingMuonsConfig, shares: NDArray[np.int64]) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Ranges of the showers' numbers for tree, response and test, and the share of the selected events that each has."""
    train, test, there = config.unfolding.train_size, config.unfolding.test_size, int(shares.sum())
    if train + test > there:
        warnings.warn(
            f"train_size {train} and test_size {test} are more than the {there} selected events of the simulation; 80 % train, 20 % test",
            stacklevel=2,
        )
        parts = (0.8, 0.2)
    else:
        parts = (train / there, test / there)
    limits = np.rint(SHARES * np.cumsum([0.0, LARGEST_TREE_SHARE * parts[0], (1 - LARGEST_TREE_SHARE) * parts[0], parts[1]])).astype(int)
    limits[-1] = min(max(limits[-1], limits[-2] + 1), SHARES)
    places = dict(zip(SPLITS, zip(limits[:-1].tolist(), limits[1:].tolist(), strict=True), strict=True))
    fractions = {name: float(shares[low:high].sum()) / there for name, (low, high) in places.items()}
    if empty := [name for name, share in fractions.items() if not share]:
        raise InputError(f"{there} selected events of the simulation leave none for {empty[0]}; simulate more, or give train_size and test_size")
    return {name: (low / SHARES, high / SHARES) for name, (low, high) in places.items()}, fractions


def _trees(config: StoppingMuonsConfig, setup: MuonSetup, events: Table) -> dict[str, ProxyTree]:
    wanted, found = config.binning.n_proxy_bins, {}
    columns = {name: events[name] for name in setup.observables}
    for target in setup.targets:
        edges = np.asarray(setup.edges[target])
        found[target] = trained(columns, events[TRUTH[target]], edges, wanted, config.seed, config.options.tree_weights)
        refuse_too_few(found[target].count, len(edges) - 1, target, wanted)
    return found


def _axes(setup: MuonSetup, sample: Table) -> dict[str, list[float]]:
    """Edges of ``datamc_<observable>`` and ``corr_<quantity>``, which all data sets share."""
    found = {f"datamc_{name}": _observable_edges(setup, name, sample[name]) for name in setup.observables}
    for quantity, (true, reco, log) in CORRELATED.items():
        if setup.has(true) and setup.has(reco):
            both = np.concatenate([np.arccos(sample[true]) if quantity == "zenith" else sample[true], sample[reco]])
            found[f"corr_{quantity}"] = _edges(both, CORRELATION_BINS, log=log)
    return found


def _observable_edges(setup: MuonSetup, name: str, values: Array) -> list[float]:
    if name == SCORE:
        cut = setup.cuts.get(SCORE)
        return np.linspace(cut if isinstance(cut, float) and 0 <= cut < 1 else 0.0, 1.0, DATA_MC_BINS + 1).tolist()
    low, high = np.quantile(values, [TAILS, 1 - TAILS])
    return _edges(values, DATA_MC_BINS, log=bool(low > 0 and high > 10 * low))


def _edges(values: Array, count: int, *, log: bool) -> list[float]:
    """Edges from the lower to the upper tail of a sample."""
    low, high = np.quantile(values, [TAILS, 1 - TAILS])
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.geomspace(low, high, count + 1) if log and low > 0 else np.linspace(low, high, count + 1)
    return edges.tolist()
