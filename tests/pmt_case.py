"""Points of invented photomultipliers as the processor would leave them, with known truth: charges are drawn, no waveforms are made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import hist
import numpy as np

from physics.constants import ELEMENTARY_CHARGE_PC
from physics.pulse_shapes import pulse, rates_of

STEPS = ("read", "units", "unsaturated", "baseline", "single_pulse", "pulse_found", "amplitude_cut", "window", "fit_ok", "selected")
TAUS_NS = (0.93, 3.2)
EXPONENT, GAIN_1000, LIGHT, DELTA, NOISE_PC, TTS_NS = 5.53, 2.04e6, 30.0, 0.4, 0.05, 0.4
HV_V = (800.0, 900.0, 1000.0, 1100.0, 1200.0, 1300.0, 1400.0)
PLAN = {"dt_ns": 0.1, "n_samples": 502, "t0_ns": 22.0, "onset_ns": 47.3, "gate_ns": [45.3, 69.3], "baseline_ns": [22.0, 41.3], "load_ohm": 50.0,
        "coupling": "DC50"}  # fmt: skip
Hists = dict[str, hist.Hist]


def category(name: str, names: Iterable[str]) -> hist.axis.StrCategory:
    return hist.axis.StrCategory(list(names), name=name, overflow=False)


def true_gain(hv_v: float, scale: float = 1.0) -> float:
    return scale * GAIN_1000 * (hv_v / 1000.0) ** EXPONENT


def charges(generator: np.random.Generator, n: int, gain: float, light: float | np.ndarray, noise_pc: float = NOISE_PC) -> np.ndarray:
    """Compound Poisson with gamma-distributed single photo-electrons, and Gaussian noise."""
    electrons = generator.poisson(light, n)
    shape = 1.0 / DELTA**2
    single = generator.gamma(np.maximum(electrons, 1e-12) * shape, gain * ELEMENTARY_CHARGE_PC / shape)
    return np.where(electrons > 0, single, 0.0) + generator.normal(0.0, noise_pc, n)


def histograms(generator: np.random.Generator, q_pc: np.ndarray, q_ref_pc: float, *, pre: bool = True, saturated: int = 0) -> Hists:
    """The processor's histograms of one point from its charges; the last ``saturated`` triggers are clipped and dropped."""
    estimators = category("estimator", ["gate", "fit", "pre"])
    samples = category("selection", ["all", "selected"])
    charge_axis = hist.axis.Regular(1200, -q_ref_pc, 5 * q_ref_pc, name="charge", label="Charge [pC]")
    charge = hist.Hist(estimators, samples, charge_axis, storage=hist.storage.Int64())
    moments = hist.Hist(estimators, samples, hist.axis.IntCategory(range(5), name="power", overflow=False), storage=hist.storage.Double())
    kept = q_pc[: len(q_pc) - saturated]
    drawn = {"gate": kept, "fit": kept + generator.normal(0.0, 0.01 * q_ref_pc, len(kept))}
    if pre:
        drawn["pre"] = generator.normal(0.0, NOISE_PC, len(kept))
    found = kept > 5 * NOISE_PC
    for estimator, values in drawn.items():
        for sample, rows in (("all", slice(None)), ("selected", found)):
            charge.fill(estimator=estimator, selection=sample, charge=values[rows])
            for power in range(5):
                moments.fill(estimator=estimator, selection=sample, power=[power], weight=[np.sum((values[rows] / q_ref_pc) ** power)])
    cutflow = hist.Hist(
        category("step", STEPS), category("outcome", ["passed", "failed"]), storage=hist.storage.Int64()
    )  # fmt: skip
    failed = {"unsaturated": saturated, "pulse_found": int((~found).sum())}
    left = len(q_pc)
    for step in STEPS:
        lost = failed.get(step, 0)
        cutflow.fill(step=[step] * (left - lost), outcome="passed")
        cutflow.fill(step=[step] * lost, outcome="failed")
        left -= lost
    time = hist.Hist(
        category("kind", ["cfd20", "cfd50", "onset"]), hist.axis.Regular(1000, 0, 100, name="time"), storage=hist.storage.Int64()
    )  # fmt: skip
    time.fill(kind="cfd20", time=generator.normal(47.6, TTS_NS, int(found.sum())))
    late = hist.Hist(
        hist.axis.Regular(100, 1, 1e4, transform=hist.axis.transform.log, name="delay"), hist.axis.Regular(60, -1, 5, name="charge"),
        storage=hist.storage.Int64(),
    )  # fmt: skip
    log = hist.Hist(estimators, samples, hist.axis.Regular(600, 1e-3, 1e3, transform=hist.axis.transform.log, name="charge"), storage="int64")
    log.fill(estimator="gate", selection="all", charge=kept)
    return {"charge": charge, "moments": moments, "cutflow": cutflow, "time": time, "late": late, "charge_log": log}


def traces(generator: np.random.Generator, q_pc: np.ndarray, amplitude_ref_v: float, noise_v: float = 1e-4, n: int = 40) -> Hists:
    """Waveforms of the first charges and what the processor makes of them: mean, density, shapes, charge in time, covariance of white noise."""
    low, samples = PLAN["t0_ns"] - 0.05, int(PLAN["n_samples"])
    time = hist.axis.Regular(samples, low, low + 0.1 * samples, name="time")
    mean = hist.Hist(
        category("aligned", ["trigger", "pulse"]), category("sum", ["count", "sum", "square"]), time,
        storage=hist.storage.Double(),
    )  # fmt: skip
    density = hist.Hist(time, hist.axis.Regular(200, -0.5, 2.5, name="height"), storage=hist.storage.Int64())
    beta, eta = rates_of(*TAUS_NS)
    shape_per_ns = pulse(time.centers[None, :] - PLAN["onset_ns"], beta, eta)
    height = q_pc[:n, None] / 20.0 * shape_per_ns + generator.normal(0.0, noise_v, (len(q_pc[:n]), samples))
    sums = np.stack([np.full(samples, len(height)), height.sum(axis=0), (height**2).sum(axis=0)])
    mean.view()[...] = sums
    for trace in height:
        density.fill(time.centers, trace / amplitude_ref_v)
    shape = hist.Hist(hist.axis.Regular(100, 0, 5, name="tau_rise"), hist.axis.Regular(100, 0, 10, name="tau_fall"), storage=hist.storage.Int64())
    shape.fill(generator.normal(TAUS_NS[0], 0.05, len(q_pc)), generator.normal(TAUS_NS[1], 0.1, len(q_pc)))
    clock = hist.Hist(category("sum", ["count", "charge", "square"]), hist.axis.Regular(500, 0, 200, name="clock"))
    at = generator.uniform(0.0, 60.0, len(q_pc))
    for power, name in enumerate(("count", "charge", "square")):
        clock.fill(sum=name, clock=at, weight=q_pc**power)
    covariance = hist.Hist(category("sum", ["count", "covariance"]), hist.axis.Integer(0, 100, name="lag", flow=False))
    covariance.view()[...] = np.stack([np.full(100, len(q_pc)), len(q_pc) * noise_v**2 * (np.arange(100) == 0)])
    trace = hist.Hist(category("sum", ["count", "sum"]), time, storage=hist.storage.Double())
    trace.view()[...] = np.stack([np.ones(samples), height[0]])
    return {"waveform_mean": mean, "waveform_2d": density, "trace": trace, "shape": shape, "times": clock, "noise_cov": covariance}


def entry(pmt: str, hv_v: float, q_ref_pc: float, n: int, source: str = "led", light: str = "bright", **metadata: Any) -> dict[str, Any]:
    """One data set of processing.json."""
    known = {"pmt": pmt, "hv_v": hv_v, "source": source, "light": light, "cut_v": -0.01, "noisy": False, "q_ref_pc": q_ref_pc, **PLAN}
    return {"kind": "data", "files": n, "unopened": 0, "expected": n, "processed": n, "fraction": 1.0, "livetime_s": None, "failed": [],
            "metadata": known | metadata}  # fmt: skip


def name_of(pmt: str, hv_v: float, source: str = "led", light: str = "bright") -> str:
    return f"{pmt}.{hv_v:g}V{'.low' if light == 'low' else ''}{'.off' if source == 'off' else ''}"


def add_levels(
    run: tuple[dict[str, Hists], dict[str, Any]], hv_v: float, lights: Iterable[float], n: int, nu: float = 0.0, seed: int = 2, pmt: str = "PMT_1"
) -> None:
    """Further light levels of a tube at a voltage, each with its LED-off point; the light flickers by ``nu``."""
    generator = np.random.default_rng(seed)
    gain = true_gain(hv_v)
    for number, light in enumerate(lights, start=1):
        q_ref_pc = 1.05 * light * gain * ELEMENTARY_CHARGE_PC
        for source, mean in (("led", light), ("off", 0.0)):
            name = f"{pmt}.{hv_v:g}V.level_{number}{'.off' if source == 'off' else ''}"
            unsteady = mean * np.maximum(generator.normal(1.0, nu, n), 0.0) if nu else mean
            run[0][name] = histograms(generator, charges(generator, n, gain, unsteady), q_ref_pc, pre=False)
            run[1]["datasets"][name] = entry(pmt, hv_v, q_ref_pc, n, source, level=str(number))


def run(seed: int = 1, pmts: Iterable[str] = ("PMT_1",), hv_v: Iterable[float] = HV_V, n: int = 500, *, off: bool = True, pre: bool = True,
        low: bool = False, light: float = LIGHT, waveforms: bool = False, nu: float = 0.0) -> tuple[dict[str, Hists], dict[str, Any]]:  # fmt: skip
    """Histograms and account of photomultipliers whose gains differ by powers of 2, with LED-off points and, at the last voltage, low light."""
    generator = np.random.default_rng(seed)
    hists: dict[str, Hists] = {}
    datasets: dict[str, Any] = {}

    def add(pmt: str, hv: float, q_pc: np.ndarray, q_ref_pc: float, source: str = "led", level: str = "bright") -> None:
        name = name_of(pmt, hv, source, level)
        hists[name] = histograms(generator, q_pc, q_ref_pc, pre=pre)
        datasets[name] = entry(pmt, hv, q_ref_pc, len(q_pc), source, level, amplitude_ref_v=q_ref_pc / 100.0)
        if waveforms:
            hists[name] |= traces(generator, q_pc, q_ref_pc / 100.0)

    for number, pmt in enumerate(pmts):
        for hv in hv_v:
            gain = true_gain(hv, 0.5**number)
            q_ref_pc = 1.05 * light * gain * ELEMENTARY_CHARGE_PC
            add(pmt, hv, charges(generator, n, gain, light * np.maximum(generator.normal(1.0, nu, n), 0.0) if nu else light), q_ref_pc)
            if off:
                add(pmt, hv, charges(generator, n, gain, 0.0), q_ref_pc, "off")
        if low and number == 0:
            single_pc = gain * ELEMENTARY_CHARGE_PC
            add(pmt, hv, charges(generator, 20 * n, gain, 1.2, 0.12 * single_pc), 2.0 * single_pc, level="low")
            add(pmt, hv, charges(generator, 20 * n, gain, 0.0, 0.12 * single_pc), 2.0 * single_pc, "off", "low")
    return hists, {"complete": True, "datasets": datasets, "histogram_digest": "digest"}
