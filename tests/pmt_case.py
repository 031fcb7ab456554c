"""Points of invented photomultipliers as the processor would leave them, with known truth: charges are drawn, no waveforms are made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import hist
import numpy as np

from physics.constants import ELEMENTARY_CHARGE_PC

STEPS = ("read", "units", "unsaturated", "baseline", "single_pulse", "pulse_found", "amplitude_cut", "window", "fit_ok", "selected")
EXPONENT, GAIN_1000, LIGHT, DELTA, NOISE_PC, TTS_NS = 5.53, 2.04e6, 30.0, 0.4, 0.05, 0.4
HV_V = (800.0, 900.0, 1000.0, 1100.0, 1200.0, 1300.0, 1400.0)
PLAN = {"dt_ns": 0.1, "n_samples": 502, "t0_ns": 22.0, "onset_ns": 47.3, "gate_ns": [45.3, 69.3], "baseline_ns": [22.0, 41.3], "load_ohm": 50.0,
        "coupling": "DC50"}  # fmt: skip
Hists = dict[str, hist.Hist]


def true_gain(hv_v: float, scale: float = 1.0) -> float:
    return scale * GAIN_1000 * (hv_v / 1000.0) ** EXPONENT


def charges(generator: np.random.Generator, n: int, gain: float, light: float, noise_pc: float = NOISE_PC) -> np.ndarray:
    """Compound Poisson with gamma-distributed single photo-electrons, and Gaussian noise."""
    electrons = generator.poisson(light, n)
    shape = 1.0 / DELTA**2
    single = generator.gamma(np.maximum(electrons, 1e-12) * shape, gain * ELEMENTARY_CHARGE_PC / shape)
    return np.where(electrons > 0, single, 0.0) + generator.normal(0.0, noise_pc, n)


def histograms(generator: np.random.Generator, q_pc: np.ndarray, q_ref_pc: float, *, pre: bool = True, saturated: int = 0) -> Hists:
    """The processor's histograms of one point from its charges; the last ``saturated`` triggers are clipped and dropped."""
    estimators = hist.axis.StrCategory(["gate", "fit", "pre"], name="estimator")
    samples = hist.axis.StrCategory(["all", "selected"], name="selection")
    charge_axis = hist.axis.Regular(1200, -q_ref_pc, 5 * q_ref_pc, name="charge", label="Charge [pC]")
    charge = hist.Hist(estimators, samples, charge_axis, storage=hist.storage.Int64())
    moments = hist.Hist(estimators, samples, hist.axis.IntCategory(range(5), name="power"), storage=hist.storage.Double())
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
        hist.axis.StrCategory(STEPS, name="step"), hist.axis.StrCategory(["passed", "failed"], name="outcome"), storage=hist.storage.Int64()
    )  # fmt: skip
    failed = {"unsaturated": saturated, "pulse_found": int((~found).sum())}
    left = len(q_pc)
    for step in STEPS:
        lost = failed.get(step, 0)
        cutflow.fill(step=[step] * (left - lost), outcome="passed")
        cutflow.fill(step=[step] * lost, outcome="failed")
        left -= lost
    time = hist.Hist(
        hist.axis.StrCategory(["cfd20", "cfd50", "onset"], name="kind"), hist.axis.Regular(1000, 0, 100, name="time"), storage=hist.storage.Int64()
    )  # fmt: skip
    time.fill(kind="cfd20", time=generator.normal(47.6, TTS_NS, int(found.sum())))
    late = hist.Hist(
        hist.axis.Regular(100, 1, 1e4, transform=hist.axis.transform.log, name="delay"), hist.axis.Regular(60, -1, 5, name="charge"),
        storage=hist.storage.Int64(),
    )  # fmt: skip
    return {"charge": charge, "moments": moments, "cutflow": cutflow, "time": time, "late": late}


def entry(pmt: str, hv_v: float, q_ref_pc: float, n: int, source: str = "led", light: str = "bright", **metadata: Any) -> dict[str, Any]:
    """One data set of processing.json."""
    known = {"pmt": pmt, "hv_v": hv_v, "source": source, "light": light, "cut_v": -0.01, "noisy": False, "q_ref_pc": q_ref_pc, **PLAN}
    return {"kind": "data", "files": n, "unopened": 0, "expected": n, "processed": n, "fraction": 1.0, "livetime_s": None, "failed": [],
            "metadata": known | metadata}  # fmt: skip


def name_of(pmt: str, hv_v: float, source: str = "led", light: str = "bright") -> str:
    return f"{pmt}.{hv_v:g}V{'.low' if light == 'low' else ''}{'.off' if source == 'off' else ''}"


def run(seed: int = 1, pmts: Iterable[str] = ("PMT_1",), hv_v: Iterable[float] = HV_V, n: int = 500, *, off: bool = True, pre: bool = True,
        low: bool = False, light: float = LIGHT) -> tuple[dict[str, Hists], dict[str, Any]]:  # fmt: skip
    """Histograms and account of photomultipliers whose gains differ by powers of 2, with LED-off points and, at the last voltage, low light."""
    generator = np.random.default_rng(seed)
    hists: dict[str, Hists] = {}
    datasets: dict[str, Any] = {}

    def add(pmt: str, hv: float, q_pc: np.ndarray, q_ref_pc: float, source: str = "led", level: str = "bright") -> None:
        name = name_of(pmt, hv, source, level)
        hists[name] = histograms(generator, q_pc, q_ref_pc, pre=pre)
        datasets[name] = entry(pmt, hv, q_ref_pc, len(q_pc), source, level)

    for number, pmt in enumerate(pmts):
        for hv in hv_v:
            gain = true_gain(hv, 0.5**number)
            q_ref_pc = 1.05 * light * gain * ELEMENTARY_CHARGE_PC
            add(pmt, hv, charges(generator, n, gain, light), q_ref_pc)
            if off:
                add(pmt, hv, charges(generator, n, gain, 0.0), q_ref_pc, "off")
        if low and number == 0:
            single_pc = gain * ELEMENTARY_CHARGE_PC
            add(pmt, hv, charges(generator, 20 * n, gain, 1.2, 0.12 * single_pc), 2.0 * single_pc, level="low")
            add(pmt, hv, charges(generator, 20 * n, gain, 0.0, 0.12 * single_pc), 2.0 * single_pc, "off", "low")
    return hists, {"complete": True, "datasets": datasets, "histogram_digest": "digest"}
