"""Histograms of the processor of stopping muons, filled here straight from the generator, with the account and configuration of a run."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hist
import numpy as np
from sklearn.tree import DecisionTreeClassifier

from configs.schema import StoppingMuonsConfig
from simulation.stopping_muons import BLOCK, GENERATION, Detector, Flux, Tracks, generate, natural, reconstruct, stream, triggered

EDGES = {"range": np.geomspace(1600.0, 6000.0, 11), "energy": np.geomspace(500.0, 12_000.0, 11)}
LABELS = {"range": "length", "energy": "energy"}
SECTORS = {"upper": (0.0, 500.0), "lower": (-500.0, 0.0)}
CUT = 0.7
TILTS = {"softer": -0.1, "harder": 0.1}
OBSERVABLES = ("entry", "surface", "length_reco", "cos_reco", "z_reco", "score")


@dataclass(frozen=True)
class Events:
    """Selected events of a set; truths, observables, weights in Hz."""

    columns: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def of(self, chosen: np.ndarray) -> Events:
        return Events({name: values[chosen] for name, values in self.columns.items()})


def _measured(rng, tracks: Tracks, detector: Detector) -> Events:
    tracks = tracks.of(np.flatnonzero(tracks.reached))
    tracks = tracks.of(np.flatnonzero(triggered(rng, tracks, detector)))
    seen = reconstruct(rng, tracks, detector)
    kept = seen.score > CUT
    columns = {
        "weight": tracks.muons.weight_hz, "energy": tracks.muons.energy_gev, "length": tracks.length_m, "stopping": tracks.is_stopping,
        "cos": tracks.muons.cos_zenith, "entry": seen.energy_entry_gev, "surface": seen.energy_surface_gev, "length_reco": seen.length_m,
        "cos_reco": np.cos(seen.zenith_rad), "z_reco": seen.stop_z_m, "score": seen.score,
    }  # fmt: skip
    return Events({name: values[kept] for name, values in columns.items()})


def _joined(parts: list[Events]) -> Events:
    return Events({name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns})


@functools.cache
def simulated(key: int, muons: int, knobs: tuple[tuple[str, float], ...] = (), spread: str = "") -> Events:
    """Selected events among generated muons; ``spread``: a parameter uniform in 1 +- 0.1 (column ``x``)."""
    parts = []
    for block in range(-(-muons // BLOCK)):
        rng = stream(5, key, block)
        tracks = Tracks.followed(rng, generate(rng, min(BLOCK, muons - block * BLOCK), muons, Flux()))
        parts.append(_measured(rng, tracks, Detector(**dict(knobs))) if not spread else _varied(rng, tracks, spread))
    return _joined(parts)


def _varied(rng, tracks: Tracks, name: str) -> Events:
    """Ten values of the parameter, a tenth of the muons each."""
    number = rng.integers(0, 10, len(tracks.length_m))
    parts = []
    for k in range(10):
        x = 1.0 + 0.1 * (2 * (k + 0.5) / 10 - 1)
        part = _measured(rng, tracks.of(np.flatnonzero(number == k)), Detector(**{name: x}))
        parts.append(Events({**part.columns, "x": np.full(len(part["weight"]), x)}))
    return _joined(parts)


@functools.cache
def measured_data(livetime_s: float, delta_gamma: float = 0.0) -> Events:
    rng = stream(5, 99)
    flux = Flux(1.0, delta_gamma)
    return _joined([_measured(rng, Tracks.followed(rng, muons), Detector()) for muons in natural(rng, livetime_s, flux)])


@functools.cache
def generated(key: int, muons: int) -> Events:
    """Untriggered muons with w / A_gen."""
    parts = []
    for block in range(-(-muons // BLOCK)):
        rng = stream(5, key, block)
        made = generate(rng, min(BLOCK, muons - block * BLOCK), muons, Flux())
        tracks = Tracks.followed(rng, made)
        per_area = made.weight_hz / GENERATION.projected_area_m2(made.cos_zenith)
        parts.append(Events({"weight": per_area, "energy": made.energy_gev, "length": tracks.length_m}))
    return _joined(parts)


def _observables(events: Events) -> np.ndarray:
    return np.stack([events[name] for name in OBSERVABLES], axis=1).astype(np.float32)


@functools.cache
def leaves(target: str, muons: int, count: int) -> Any:
    """Leaf of any events: trained on every fourth simulated one."""
    events = simulated(1, muons)
    part = events.of(np.arange(len(events["weight"])) % 4 == 0)
    truth = part[LABELS[target]]
    tree = DecisionTreeClassifier(max_leaf_nodes=count, min_samples_leaf=50, random_state=1)
    tree.fit(_observables(part), np.digitize(truth, EDGES[target]))
    found = tree.apply(_observables(part))
    means = {leaf: np.log(truth[found == leaf]).mean() for leaf in np.unique(found)}
    number = np.zeros(found.max() + 1, int)
    number[sorted(means, key=means.__getitem__)] = np.arange(len(means))
    return lambda one: number[tree.apply(_observables(one))], len(means)


def _axes(target: str, count: int) -> dict[str, Any]:
    return {
        "sector": hist.axis.StrCategory(["all", *SECTORS], name="sector"),
        "proxy": hist.axis.Integer(0, count, name="proxy"),
        "truth": hist.axis.Variable(EDGES[target], name="truth"),
        "tilt": hist.axis.StrCategory(list(TILTS), name="tilt"),
        "stopping": hist.axis.Integer(0, 2, name="stopping"),
    }


def _in_sectors(events: Events) -> dict[str, np.ndarray]:
    return {"all": np.ones(len(events["weight"]), bool)} | {
        name: (events["z_reco"] >= low) & (events["z_reco"] < high) for name, (low, high) in SECTORS.items()
    }


def _by_sector(target: str, events: Events, axes: dict[str, Any], proxy: np.ndarray, factor: float) -> hist.Hist:
    found = hist.Hist(axes["sector"], axes["proxy"], axes["truth"], storage="weight")
    for name, chosen in _in_sectors(events).items():
        found.fill(name, proxy[chosen], events[LABELS[target]][chosen], weight=events["weight"][chosen] * factor)
    return found


def _numerator(target: str, events: Events, axes: dict[str, Any], replicas: int) -> hist.Hist:
    found = hist.Hist(axes["sector"], hist.axis.Integer(0, replicas + 1, name="replica"), axes["truth"], storage="weight")
    random = np.random.default_rng(3)
    for name, chosen in _in_sectors(events).items():
        found.fill(name, 0, events[LABELS[target]][chosen], weight=events["weight"][chosen])
    for number in range(1, replicas + 1):
        found.fill("all", number, events[LABELS[target]], weight=events["weight"] * random.poisson(1.0, len(events["weight"])))
    return found


def _tilted(target: str, events: Events, axes: dict[str, Any], proxy: np.ndarray | None, factor: float) -> hist.Hist:
    middle = [] if proxy is None else [axes["proxy"]]
    found = hist.Hist(axes["tilt"], *middle, axes["truth"], storage="weight")
    for name, power in TILTS.items():
        weight = events["weight"] * factor * (events["energy"] / 1e3) ** power
        found.fill(name, *([] if proxy is None else [proxy]), events[LABELS[target]], weight=weight)
    return found


def nominal_hists(target: str, muons: int, count: int, replicas: int) -> dict[str, hist.Hist]:
    events = simulated(1, muons)
    tell, found = leaves(target, muons, count)
    axes, part = _axes(target, found), np.arange(len(events["weight"])) % 4
    response, test = events.of((part == 1) | (part == 2)), events.of(part == 3)
    impurity = hist.Hist(axes["stopping"], axes["truth"], storage="weight")
    impurity.fill(events["stopping"].astype(int), events[LABELS[target]], weight=events["weight"])
    cross = hist.Hist(axes["truth"], storage="double")
    cross.fill(events[LABELS[target]], weight=events["weight"] ** 2 / GENERATION.projected_area_m2(events["cos"]))
    return {
        f"response_{target}": _by_sector(target, response, axes, tell(response), 2.0),
        f"pseudo_{target}": _by_sector(target, test, axes, tell(test), 4.0),
        f"tilted_{target}": _tilted(target, response, axes, tell(response), 2.0),
        f"aeff_num_{target}": _numerator(target, events, axes, replicas),
        f"aeff_tilted_num_{target}": _tilted(target, events, axes, None, 1.0),
        f"aeff_cross_{target}": cross,
        f"impurity_{target}": impurity,
    }


def level0_hists(target: str, muons: int, replicas: int) -> dict[str, hist.Hist]:
    events, axes = generated(2, muons), _axes(target, 1)
    found = hist.Hist(hist.axis.Integer(0, replicas + 1, name="replica"), axes["truth"], storage="weight")
    random = np.random.default_rng(4)
    found.fill(0, events[LABELS[target]], weight=events["weight"])
    for number in range(1, replicas + 1):
        found.fill(number, events[LABELS[target]], weight=events["weight"] * random.poisson(1.0, len(events["weight"])))
    return {f"aeff_den_{target}": found, f"aeff_tilted_den_{target}": _tilted(target, events, axes, None, 1.0)}


def systematic_hists(target: str, events: Events, muons: int, count: int) -> dict[str, hist.Hist]:
    tell, found = leaves(target, muons, count)
    axes = _axes(target, found)
    return {
        f"response_{target}": _by_sector(target, events, axes, tell(events), 1.0),
        f"aeff_num_{target}": _numerator(target, events, axes, 0),
    }


def snowstorm_hists(target: str, events: Events, muons: int, count: int, name: str) -> dict[str, hist.Hist]:
    tell, found = leaves(target, muons, count)
    axes = _axes(target, found)
    parameter, moment_axis = hist.axis.StrCategory([name], name="parameter"), hist.axis.IntCategory([0, 1, 2], name="moment")
    moments = hist.Hist(parameter, moment_axis, axes["proxy"], axes["truth"], storage="weight")
    for moment in range(3):
        moments.fill(name, moment, tell(events), events[LABELS[target]], weight=events["weight"] * events["x"] ** moment)
    return {f"snowstorm_{target}": moments}


def data_hists(target: str, events: Events, muons: int, count: int) -> dict[str, hist.Hist]:
    tell, found = leaves(target, muons, count)
    axes = _axes(target, found)
    counts = hist.Hist(axes["sector"], axes["proxy"], storage="int64")
    for name, chosen in _in_sectors(events).items():
        counts.fill(name, tell(events.of(chosen)))
    return {f"counts_{target}": counts}


KNOBS = (("ice_abs", 0.95), ("ice_abs", 1.05))


@functools.cache
def run_hists(
    muons: int = 600_000, leaf_count: int = 20, replicas: int = 20, livetime_s: float = 2.0, knobs: tuple[tuple[str, float], ...] = KNOBS,
    snowstorm: str = "", targets: tuple[str, ...] = ("range", "energy"),
) -> tuple[dict[str, dict[str, hist.Hist]], dict[str, Any]]:  # fmt: skip
    """Histograms by data set, and the account of the run."""
    hists: dict[str, dict[str, hist.Hist]] = {"mc_l2": {}, "mc_l0": {}, "data_l2": {}}
    for target in targets:
        hists["mc_l2"] |= nominal_hists(target, muons, leaf_count, replicas)
        hists["mc_l0"] |= level0_hists(target, muons // 2, replicas)
        hists["data_l2"] |= data_hists(target, measured_data(livetime_s), muons, leaf_count)
        for number, (name, value) in enumerate(knobs):
            events = simulated(10 + number, muons // 2, ((name, value),))
            hists.setdefault(f"{name}_{value:g}", {}).update(systematic_hists(target, events, muons, leaf_count))
        if snowstorm:
            events = simulated(20, muons // 2, spread=snowstorm)
            hists.setdefault("snow", {}).update(snowstorm_hists(target, events, muons, leaf_count, snowstorm))
    sets = {name: {"kind": "mc", "fraction": 1.0, "livetime_s": None, "failed": []} for name in hists}
    sets["data_l2"] |= {"kind": "data", "livetime_s": livetime_s}
    return hists, {"complete": True, "datasets": sets, "histogram_digest": "0"}


def configuration(folder: Path, hists: dict[str, Any], **sections: dict[str, Any]) -> StoppingMuonsConfig:
    """A configuration of these data sets; ``sections``: keys of sections that differ from a short run's."""
    sets: dict[str, Any] = {
        "mc_l2": {"example": {}, "kind": "mc", "level": 2},
        "mc_l0": {"example": {}, "kind": "mc", "level": 0},
        "data_l2": {"example": {}, "kind": "data", "level": 2, "livetime": 2.0},
    }
    for name in hists:
        parameter, _, value = name.rpartition("_")
        if name == "snow":
            sets[name] = {"example": {}, "kind": "mc", "level": 2, "snowstorm": {"ice_abs": "ToySnowStorm.ice_abs"}}
        elif name not in sets:
            sets[name] = {"example": {}, "kind": "mc", "level": 2, "systematic": {"name": parameter, "value": float(value)}}
    short: dict[str, dict[str, Any]] = {
        "unfolding": {"n_steps": 5, "evaluate_unfolding_range": False, "evaluate_unfolding_energy": False, "range_fit": False, "energy_fit": False},
        "options": {"sample": False, "earth": "flat", "scan_toys": 10, "coverage_toys": 20},
        "reconstructions": dict.fromkeys(
            ("evaluate_score_distribution", "plot_multiplicity", "plot_correlations", "plot_data_mc_agreement", "analyse_mi_scores"), False
        ),
        "effective_area": {"effective_area_iteration_number": 20},
    }
    merged = {key: {**short.get(key, {}), **sections.get(key, {})} for key in {*short, *sections} - {"general"}}
    return StoppingMuonsConfig.model_validate({
        "name": "run", "analysis": "stopping_muons", "output_dir": str(folder), "seed": sections.get("general", {}).get("seed", 42),
        "datasets": {name: one for name, one in sets.items() if name in hists}, **merged,
    })  # fmt: skip
