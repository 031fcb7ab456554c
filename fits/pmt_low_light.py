"""Spectra of single photo-electrons: every model and the model-independent method at the points tagged ``light: low``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hist

from configs.errors import InputError
from configs.pmt_gain import Fits
from fits.pmt_gains import LowLight
from fits.pmt_measured import Measured
from fits.pmt_pedestal import Wanted
from fits.pmt_points import Point, Tube
from fits.saldanha import saldanha
from fits.sample_moments import ChargeMoments
from fits.spe_choice import compare_models
from fits.spe_fit import fit_spe
from records.spe import SpeResult


def low_light(tube: Tube, measured: Sequence[Measured], options: Fits, wanted: Wanted,
              seed: int) -> tuple[dict[str, LowLight], dict[str, Any], list[str]]:  # fmt: skip
    """What the spectra of the low points left by point, their results by name, and which points have none and why.

    Names: ``<point>.spe.<model>``, ``<point>.spe`` (the models compared), ``<point>.saldanha``.
    """
    found: dict[str, LowLight] = {}
    results: dict[str, Any] = {}
    notes = []
    for number, one in enumerate(measured):
        if one.point.light != "low":
            continue
        name = one.point.name
        try:
            left = _of_point(tube, one.point, options, wanted, seed + number)
        except InputError as error:
            notes.append(f"{name}: no spectrum of single photo-electrons: {error}")
            continue
        found[name] = left
        results |= {f"{name}.spe.{model}": result for model, result in left.models.items()}
        results |= {f"{name}.spe": left.choice} if left.choice is not None else {}
        results |= {f"{name}.saldanha": left.saldanha}
    return found, results, notes


def spectrum_and_pedestal(tube: Tube, point: Point, wanted: Wanted = "auto") -> tuple[hist.Hist, hist.Hist, str]:
    """Spectrum of every trigger, that of the pedestal on the same axis, and the kind of the latter. Raises InputError where there is none."""
    led = _spectrum(point, "gate")
    dark = tube.off.get(point.name)
    if wanted in ("auto", "off") and dark is not None and (dark.light, dark.level) == (point.light, point.level):
        return led, _spectrum(dark, "gate"), "off"
    if wanted in ("auto", "pre") and point.moments("pre", "all") is not None:
        return led, _spectrum(point, "pre"), "pre"
    raise InputError("no spectrum of the pedestal: take a run with the LED off at the same voltage, or record longer before the pulse")


def _of_point(tube: Tube, point: Point, options: Fits, wanted: Wanted, seed: int) -> LowLight:
    led, pedestal, kind = spectrum_and_pedestal(tube, point, wanted)
    models: dict[str, SpeResult] = {model: fit_spe(led, pedestal, model, frontend=options.spe.frontend) for model in options.spe.models}
    exact = _moments(tube, point, kind)
    scan, bootstrap = options.saldanha.qc_scan, options.saldanha.bootstrap
    independent = saldanha(led, pedestal, qc_scan=scan, bootstrap=bootstrap, seed=seed, moments=exact)
    return LowLight(models, compare_models(list(models.values())) if models else None, independent)


def _moments(tube: Tube, point: Point, kind: str) -> tuple[ChargeMoments, ChargeMoments] | None:
    led = point.moments("gate", "all")
    dark = tube.off[point.name].moments("gate", "all") if kind == "off" else point.moments("pre", "all")
    return None if led is None or dark is None else (led, dark)


def _spectrum(point: Point, estimator: str) -> hist.Hist:
    found: hist.Hist = point.hists["charge"][estimator, "all", :]  # type: ignore[assignment]
    return found
