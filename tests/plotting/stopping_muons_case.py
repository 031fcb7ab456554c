"""A run of ``stopping_muons`` made up for tests of its figures: histograms with the axes of the processor, results of the unfolding library."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import hist
import numpy as np

from configs.schema import StoppingMuonsConfig
from fits.unfolding import UnfoldingProblem
from fits.unfolding.flux import Exposure, to_flux
from fits.unfolding.saved import closure_record, flux_record, scan_record, spectrum
from fits.unfolding.templates import NuisanceTemplate
from plotting.stopping_muons import plan
from records.arrays import save_arrays
from records.hists import save_hists
from records.manifest import update_manifest
from records.results import save_results
from records.stopping_muons import (
    CorrelationSummary,
    DataMcAgreement,
    EffectiveArea,
    Multiplicity,
    MutualInformation,
    ResponseSummary,
    ScorePerformance,
    SectorComparison,
    SpectrumFit,
    TemplateSummary,
    TheorySpectrum,
)
from records.value import Parameter

EDGES = {"range": np.geomspace(1600.0, 6000.0, 11), "energy": np.geomspace(500.0, 12000.0, 11)}
SLOPE = {"range": -2.2, "energy": -2.4}  # of events by bin width
SMEARING = {"range": 0.03, "energy": 0.12}  # of log10
UNITS = {"range": "m^-1 m^-2 s^-1 sr^-1", "energy": "GeV^-1 m^-2 s^-1 sr^-1"}
PROXY_BINS = 24
LIVETIME_S = 30.0
OBSERVABLES = {"cos_zenith_reco": np.linspace(0.0, 1.0, 41), "energy_entry_reco": np.geomspace(10.0, 2000.0, 41)}
CORRELATIONS = {
    "propagation_length": (1500.0, 20000.0, True),
    "surface_energy": (300.0, 1e5, True),
    "zenith": (0.0, 1.6, False),
    "stop_z": (-500.0, 500.0, False),
}
PROXIES = ["energy_entry_reco", "energy_surface_proxy", "propagation_length_reco", "cos_zenith_reco", "stop_z_reco", "stopping_score"]


def config(folder: Path, **changes: Any) -> StoppingMuonsConfig:
    """A configuration with one simulation, systematic sets and generated data; ``changes`` replace its keys."""
    given: dict[str, Any] = {
        "name": "muons", "analysis": "stopping_muons", "output_dir": str(folder), "source": folder / "muons.yaml",
        "datasets": {
            "mc_l2": {"example": {"size": 1000}, "kind": "mc"},
            "mc_l0": {"example": {"size": 1000}, "kind": "mc", "level": 0},
            "low": {"example": {"size": 1000}, "kind": "mc", "systematic": {"name": "dom_eff", "value": 0.95}},
            "data_l2": {"example": {}, "kind": "data"},
        },
        "options": {"nuisances": {"dom_eff": {"sigma": 0.05}}},
        "unfolding": {"optimize_unfolding_range": True, "optimize_unfolding_energy": True},
        "systematics": {"data_based_systematics_range": True, "data_based_systematics_energy": True},
        "plots": {"label": "Test", "formats": ["png"]},
    }  # fmt: skip
    return StoppingMuonsConfig.model_validate(given | changes)


def write(folder: Path, **changes: Any) -> StoppingMuonsConfig:
    """Everything that the stages before leave; returns the configuration."""
    chosen = config(folder, **changes)
    save_hists(chosen.output / "hists.h5", hists())
    (chosen.output / "processing.json").write_text(json.dumps(account()))
    save_results(chosen.output / "results.json", "stopping_muons", "muons", results())
    save_arrays(chosen.output / "chains.h5", {name: chain(name) for name in EDGES})
    update_manifest(chosen.output, "fit", {"histogram_digest": None})
    return chosen


def planned(folder: Path, **changes: Any) -> Any:
    """The plan without the files."""
    return plan(config(folder, **changes), hists(), account(), results())


def account() -> dict[str, Any]:
    about = {
        "files": 1,
        "unopened": 0,
        "remarks": [],
        "expected": 1000,
        "processed": 1000,
        "failed": [],
        "fraction": 1.0,
        "metadata": {},
        "livetime_s": None,
    }
    sets = {name: {**about, "kind": "mc"} for name in ("mc_l2", "mc_l0", "low")}
    return {
        "complete": True,
        "histogram_digest": None,
        "datasets": {**sets, "data_l2": {**about, "kind": "data", "livetime_s": LIVETIME_S, "metadata": {"livetime_s": LIVETIME_S}}},
    }


@cache
def hists() -> dict[str, dict[str, hist.Hist]]:
    rng = np.random.default_rng(1)
    classes = ["stopping", "other", "data"]
    stop, other = rng.beta(6.0, 1.2, 60_000), rng.beta(1.2, 7.0, 30_000)
    weight = 0.05
    simulated: dict[str, hist.Hist] = {"score": _score(classes)}
    simulated["score"].fill(score=stop, **{"class": "stopping"}, weight=np.full(stop.size, weight))
    simulated["score"].fill(score=other, **{"class": "other"}, weight=np.full(other.size, weight))
    data: dict[str, hist.Hist] = {"score": _score(classes)}
    drawn = rng.choice(np.concatenate([stop, other]), int((stop.size + other.size) * weight * LIVETIME_S))
    data["score"].fill(score=drawn, **{"class": "data"}, weight=np.ones(drawn.size))
    for name, edges in OBSERVABLES.items():
        values = edges[0] + (edges[-1] - edges[0]) * rng.beta(2.0, 3.0 if name.startswith("cos") else 9.0, 40_000)
        for kind, into in (("mc", simulated), ("data", data)):
            picked = values if kind == "mc" else rng.choice(values, int(values.size * weight * LIVETIME_S))
            into[f"datamc_{name}"] = hist.Hist(hist.axis.Variable(edges, name="value"), storage="weight")
            into[f"datamc_{name}"].fill(picked, weight=np.full(picked.size, weight if kind == "mc" else 1.0))
    for name, (low, high, log) in CORRELATIONS.items():
        edges = np.geomspace(low, high, 61) if log else np.linspace(low, high, 61)
        u = rng.beta(1.5, 4.0, 60_000)
        true = low * (high / low) ** u if log else low + (high - low) * u
        reco = true * np.exp(rng.normal(0.0, 0.08, u.size)) if log else true + rng.normal(0.0, 0.04 * (high - low), u.size)
        axes = [hist.axis.Variable(edges, name=one) for one in ("true", "reco")]
        simulated[f"corr_{name}"] = hist.Hist(*axes, storage="weight").fill(true, reco, weight=np.full(u.size, weight))
    return {"mc_l2": simulated, "data_l2": data, "mc_l0": {}, "low": {}}


def _score(classes: list[str]) -> hist.Hist:
    return hist.Hist(hist.axis.Regular(50, 0, 1, name="score"), hist.axis.StrCategory(classes, name="class"), storage="weight")


@cache
def problem(target: str) -> UnfoldingProblem:
    """Events of a falling spectrum in bins of a smeared proxy."""
    rng = np.random.default_rng(2 if target == "range" else 3)
    edges = EDGES[target]
    n, slope = 400_000, SLOPE[target] + 1.0
    low, high = edges[0] * 0.8, edges[-1] * 1.3
    truth = (low**slope + rng.random(n) * (high**slope - low**slope)) ** (1.0 / slope)
    reco = np.log10(truth) + rng.normal(0.0, SMEARING[target], n)
    inner = np.quantile(reco, np.linspace(0.0, 1.0, PROXY_BINS + 1)[1:-1])
    rows, columns = np.searchsorted(inner, reco), np.searchsorted(edges, truth, side="right")
    W = np.zeros((PROXY_BINS, edges.size + 1))
    np.add.at(W, (rows, columns), 0.2)
    g = rng.poisson(W.sum(axis=1)).astype(float)
    template = NuisanceTemplate(
        "dom_eff", 0.02 * np.linspace(-1.0, 1.0, PROXY_BINS)[:, None] * np.ones(W.shape), np.zeros(W.shape), 1.0, 0.05, (-3.0, 3.0)
    )
    return UnfoldingProblem(W, 0.2 * W, g, edges=edges, underflow=True, overflow=True, tau=1e-3, templates=(template,), name=target)


@cache
def results() -> dict[str, Any]:
    found: dict[str, Any] = _reconstruction()
    for target in EDGES:
        found |= _of_target(target)
    truth = {"a": 0.24, "b": 3.3e-4}
    found["range_fit"] = _spectrum_fit("range", {"a": (0.262, 0.017, "GeV m^-1"), "b": (2.96e-4, 0.11e-4, "m^-1")}, -0.93, found, truth)
    found["energy_fit"] = _spectrum_fit(
        "energy", {"norm": (1.02, 0.03, ""), "delta_gamma": (0.012, 0.02, "")}, 0.4, found, {"norm": 1.0, "delta_gamma": 0.0}
    )
    found["energy_fit.forward"] = _spectrum_fit("energy", {"norm": (1.01, 0.02, ""), "delta_gamma": (0.004, 0.015, "")}, 0.3, found, {})
    return found


def _of_target(target: str) -> dict[str, Any]:
    one, edges = problem(target), EDGES[target]
    best = one.map()
    area = np.linspace(9e4, 5e4, 10)
    relative = np.linspace(0.01, 0.04, 10)
    exposure = Exposure(area, np.diff(edges), LIVETIME_S, 5.65, np.diag(relative**2))
    shift = np.linspace(-0.02, 0.03, 10)
    fits = {"map": best, "ibu": one.ibu(), "tsvd": one.tsvd(k=8)}
    found: dict[str, Any] = {f"unfolded.{target}.{name}": spectrum(one, fit) for name, fit in fits.items()}
    flux = flux_record(one, to_flux(one, best, exposure, extra={"area_systematic": np.outer(shift, shift)}), UNITS[target])
    found[f"flux.{target}"] = flux
    unit = exposure.events_per_flux
    for name in ("map", "ibu", "tsvd"):
        record = found[f"unfolded.{target}.{name}"]
        covariance = {"statistical": (np.array(record.covariance) / np.outer(unit, unit)).tolist()}
        found[f"flux.{target}.{name}"] = type(flux)(flux.edges, (np.array(record.f) / unit).tolist(), flux.unit, covariance)
    true = one.f_reference[1:-1] / unit
    found[f"truth.{target}"] = TheorySpectrum("generated", edges.tolist(), true.tolist(), (0.01 * true).tolist(), UNITS[target])
    found[f"theory.{target}"] = TheorySpectrum("Gaisser", edges.tolist(), (1.03 * true).tolist(), (0.0 * true).tolist(), UNITS[target])
    found[f"effective_area.{target}"] = _area(edges, area, relative, shift)
    found[f"response.{target}"] = ResponseSummary(
        edges.tolist(), one.A.tolist(), one.singular_values.tolist(), one.condition_number, one.effective_events.tolist(),
        one.W.sum(axis=1).tolist(), one.g.tolist(), [[number] for number in range(PROXY_BINS)],
    )  # fmt: skip
    found[f"templates.{target}"] = _templates()
    found[f"scan.{target}"] = scan_record(one.scan(np.geomspace(1e-5, 1e-1, 5), toys=8))
    for mode in ("response", "bootstrap"):
        found[f"closure.{target}.{mode}"] = closure_record(one, one.coverage(40, mode="response", seed=len(mode)))
    sectors = {name: (np.array(flux.flux) * factor).tolist() for name, factor in (("upper", 1.02), ("lower", 0.97))}
    statistical = {name: (0.03 * np.array(values)).tolist() for name, values in sectors.items()}
    found[f"sectors.{target}"] = SectorComparison(
        edges.tolist(), sectors, statistical, flux.flux, (0.015 * np.array(flux.flux)).tolist(), np.linspace(0.1, 2.0, 10).tolist(), 0.0
    )
    return found


def _area(edges: np.ndarray, area: np.ndarray, relative: np.ndarray, shift: np.ndarray) -> EffectiveArea:
    error = (relative * area).tolist()
    bootstrap = [(one * (1.0 - r), one, one * (1.0 + r)) for one, r in zip(area, 1.05 * relative, strict=True)]
    return EffectiveArea(
        edges.tolist(), area.tolist(), error, bootstrap, np.diag(relative**2).tolist(), {"ice_abs": np.outer(shift, shift).tolist()},
        (1.0 - 0.5 * relative).tolist(), (1.0 + 0.5 * relative).tolist(), np.full(10, 0.002).tolist(),
        {"upper": (0.52 * area).tolist(), "lower": (0.48 * area).tolist()}, {name: (0.03 * area).tolist() for name in ("upper", "lower")},
    )  # fmt: skip


def _templates() -> TemplateSummary:
    rng = np.random.default_rng(4)
    slopes = 0.4 * np.linspace(-1.0, 1.0, PROXY_BINS)
    points = [
        (x, (1.0 + slopes * (x - 1.0) + rng.normal(0.0, 0.004, PROXY_BINS)).tolist(), np.full(PROXY_BINS, 0.005).tolist()) for x in (0.95, 1.05)
    ]
    curve = [(float(x), (1.0 + slopes * (x - 1.0)).tolist()) for x in np.linspace(0.9, 1.1, 21)]
    return TemplateSummary({"dom_eff": points}, {"dom_eff": curve, "ice_abs": curve})


def _spectrum_fit(
    target: str, values: dict[str, tuple[float, float, str]], correlation: float, found: dict[str, Any], truth: dict[str, float]
) -> SpectrumFit:
    flux = found[f"flux.{target}"]
    parameters = {name: Parameter(value, error, unit=unit) for name, (value, error, unit) in values.items()}
    angle = np.linspace(0.0, 2.0 * np.pi, 100)
    (x, sx), (y, sy) = ((one.value, one.error) for one in parameters.values())
    u, v = np.cos(angle), correlation * np.cos(angle) + np.sqrt(1.0 - correlation**2) * np.sin(angle)
    contours = {name: [list(zip((x + r * sx * u).tolist(), (y + r * sy * v).tolist(), strict=True))] for name, r in (("0.68", 1.51), ("0.95", 2.45))}
    model = (np.array(found[f"truth.{target}"].flux) * 1.01).tolist()
    return SpectrumFit(
        parameters, correlation, 9.3, 8, 0.32, flux.edges, model, contours, truth, ["a note on what is effective"] if target == "range" else []
    )


def _reconstruction() -> dict[str, Any]:
    cut = np.linspace(0.0, 0.98, 50)
    efficiency, kept = 1.0 - cut**5, (1.0 - cut) ** 5
    purity = efficiency / (efficiency + 0.5 * kept)
    small = np.full(cut.size, 0.004)
    found: dict[str, Any] = {
        "score": ScorePerformance(
            cut.tolist(), purity.tolist(), small.tolist(), efficiency.tolist(), small.tolist(), kept.tolist(), 0.981, 0.002, 0.68
        )
    }
    cuts = [0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95]
    single = np.linspace(0.63, 0.96, len(cuts))
    shape = 0.45 ** np.arange(1, 11)
    share = np.column_stack([single, np.outer(1.0 - single, shape / shape.sum())])
    found["multiplicity"] = Multiplicity(cuts, share.tolist(), (0.05 * share).tolist())
    for name, (low, high, log) in CORRELATIONS.items():
        edges = np.geomspace(low, high, 61) if log else np.linspace(low, high, 61)
        at = np.sqrt(edges[1:] * edges[:-1]) if log else 0.5 * (edges[1:] + edges[:-1])
        width = 0.08 * at if log else np.full(60, 0.04 * (high - low))
        found[f"correlation.{name}"] = CorrelationSummary(
            at.tolist(), at.tolist(), (at - width).tolist(), (at + width).tolist(), [0.0] * 60, width.tolist(), 0.98, 0.97
        )
    for name in OBSERVABLES:
        found[f"data_mc.{name}"] = DataMcAgreement(1987.0, 2000.0, 38.2, 40, 0.55, 0.006, 0.21, False)
    nats = {target: {name: 0.8 / (1 + order) for order, name in enumerate(PROXIES)} for target in EDGES}
    error = {target: dict.fromkeys(PROXIES, 0.012) for target in EDGES}
    normalised = {target: {name: float(np.sqrt(1.0 - np.exp(-2.0 * one))) for name, one in of.items()} for target, of in nats.items()}
    found["mutual_information"] = MutualInformation(nats, error, normalised, 5000)
    return found


def chain(target: str) -> dict[str, Any]:
    """Gaussian samples around the most probable spectrum."""
    one = problem(target)
    best = one.map()
    size = len(one.names)
    sigma = np.full(size, 0.05)
    samples = np.random.default_rng(5).normal(best.theta, sigma, (200, 40, size))
    return {"chain": samples, "names": np.array(one.names)}
