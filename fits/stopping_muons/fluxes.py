"""Fluxes by every method, what is known of the true one, and fits of parametrised fluxes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from configs.errors import InputError
from fits.stopping_muons.effective_area import relative_covariances
from fits.stopping_muons.energy_fit import differences, energy_fit
from fits.stopping_muons.flux import covariance, flux, true_flux, with_data_based
from fits.stopping_muons.forward_fit import forward_fit
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import livetime_of, measurement
from fits.stopping_muons.range_fit import range_fit
from fits.stopping_muons.sector_fluxes import sector_fluxes
from fits.stopping_muons.targets import ENERGY, RANGE, Target, solid_angle_sr
from fits.stopping_muons.theory import Theory, theory_spectrum
from fits.stopping_muons.theory_table import configured_theory
from fits.unfolding.flux import Exposure
from physics.muon_range import TOY_ICE
from records.failed_fit import FailedFit
from records.stopping_muons import EffectiveArea, SpectrumFit
from records.unfolding import FluxSpectrum, UnfoldedSpectrum

Results = dict[str, Any]
Say = Callable[[str], None]
METHODS = ("map", "mcmc", "ibu", "tsvd")
TRUTH = "truth.json"  # beside generated data
GENERATED = {"a": TOY_ICE.a_gev_per_m, "b": TOY_ICE.b_per_m, "norm": 1.0, "delta_gamma": 0.0}


def fluxes(inputs: Inputs, target: Target, results: Mapping[str, Any]) -> Results:
    """``flux.<t>.<method>`` of every valid spectrum, ``flux.<t>`` that of the main method, ``truth.<t>`` where it is known, ``sectors.<t>``.

    Without an effective area, or where nothing was unfolded, there are none; where the main method failed, there is no ``flux.<t>``.
    """
    t = target.name
    area = results.get(f"effective_area.{t}")
    spectra = {method: results[f"unfolded.{t}.{method}"] for method in METHODS if f"unfolded.{t}.{method}" in results}
    if area is None or not spectra:
        return {}
    livetime_s = livetime_of(inputs)
    valid = {method: one for method, one in spectra.items() if isinstance(one, UnfoldedSpectrum) and one.valid}
    found: Results = {f"flux.{t}.{method}": flux(inputs, target, one, area, livetime_s) for method, one in valid.items()}
    if (truth := truth_of(inputs)) is not None:
        found[f"truth.{t}"] = true_flux(inputs, target, truth)
    main = main_method(inputs)
    if main not in valid:
        return found
    found[f"flux.{t}"] = found[f"flux.{t}.{main}"]
    if target.option(inputs.config, "systematics", "data_based_systematics_{}"):
        compared = sector_fluxes(inputs, target, area, valid["map"], found[f"flux.{t}.map"])
        found[f"sectors.{t}"] = compared
        found[f"flux.{t}"] = with_data_based(found[f"flux.{t}"], np.array(compared.systematic))
    return found


def main_method(inputs: Inputs) -> str:
    """Whose spectrum is the result; the others are cross-checks."""
    return "mcmc" if inputs.config.options.sample else "map"


def truth_of(inputs: Inputs) -> dict[str, float] | None:
    """What generated data are made from: norm and change of the index of the flux, losses a and b. None for real data and simulation."""
    config = inputs.config
    names = [inputs.nominal] if config.unfolding.is_sim else inputs.data
    if not names or any(config.datasets[name].example is None for name in names):
        return {"norm": 1.0, "delta_gamma": 0.0} if config.unfolding.is_sim else None
    if config.unfolding.is_sim:
        return dict(GENERATED)
    path = config.output / "example" / names[0] / TRUTH
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {"a": values["a_gev_per_m"], "b": values["b_per_m"], "norm": values["norm"], "delta_gamma": values["delta_gamma"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the truth of generated data ({error}); delete the folder, it is generated again") from None


def theory_of(inputs: Inputs) -> Theory:
    """The table of ``mceq_path``, else the flux of the embedded example."""
    return configured_theory(inputs.config)


def fits_to_fluxes(inputs: Inputs, results: Mapping[str, Any], say: Say) -> Results:
    """``theory.<t>`` beside every flux, ``range_fit``, ``energy_fit`` and ``energy_fit.forward`` as configured.

    A fit whose flux is missing because the unfolding failed is a ``FailedFit``.
    """
    options, theory, truth = inputs.config.unfolding, theory_of(inputs), truth_of(inputs)
    found: Results = {}
    for target, wanted in ((RANGE, options.range_fit), (ENERGY, options.energy_fit)):
        t = target.name
        measured = results.get(f"flux.{t}")
        if isinstance(measured, FluxSpectrum):
            found[f"theory.{t}"] = theory_spectrum(theory, target, measured.edges)
        if not wanted or not target.wanted(inputs.config) or f"effective_area.{t}" not in results:
            continue
        say(f"{t}: fit of the flux")
        if isinstance(measured, FluxSpectrum):
            n_eff = in_range(results[f"unfolded.{t}.{main_method(inputs)}"])
            found |= _fit(inputs, target, measured, results[f"effective_area.{t}"], theory, truth, n_eff)
        else:
            found[f"{t}_fit"] = FailedFit(False, f"there is no flux.{t}: its unfolding failed", f"{t}_fit")
    return found


def _fit(
    inputs: Inputs, target: Target, measured: FluxSpectrum, area: EffectiveArea, theory: Theory, truth: Mapping[str, float] | None, n_eff: float
) -> Results:
    known = {} if truth is None else truth
    deviation = np.sqrt(np.diag(covariance(measured)))
    used = [
        bool(value > 0 and error > 0 and np.isnan(limit)) for value, error, limit in zip(measured.flux, deviation, measured.upper_limit, strict=True)
    ]
    arguments = (measured.edges, measured.flux, measured.covariances, theory)
    options = inputs.config.options
    if target is RANGE:
        losses = {key: value for key, value in known.items() if key in ("a", "b")}
        norm_error, tilt_error = options.range_fit_norm_error, options.range_fit_delta_gamma_error
        fitted = range_fit(*arguments, norm_error=norm_error, delta_gamma_error=tilt_error, used=used, n_eff=n_eff, truth=losses)
        return {"range_fit": fitted}
    spectral = {key: value for key, value in known.items() if key in ("norm", "delta_gamma")}
    problem = measurement(inputs, target, area_m2=np.array(area.area_m2)).problem
    relative = np.sum(list(relative_covariances(area).values()), axis=0)
    livetime_error_s = options.livetime_error * measured.livetime_s
    solid_angle = solid_angle_sr(inputs.config)
    exposure = Exposure(np.array(area.area_m2), np.diff(area.edges), measured.livetime_s, solid_angle, relative, livetime_error_s)
    direct = energy_fit(*arguments, form=options.energy_fit_form, used=used, n_eff=n_eff, truth=spectral)
    forward = forward_fit(problem, exposure, theory, truth=spectral)
    return {"energy_fit": replace(direct, notes=[*direct.notes, *disagreements(direct, forward)]), "energy_fit.forward": forward}


def in_range(spectrum: UnfoldedSpectrum) -> float:
    """Parameters that the data determined among the bins in range: those outside are free, and one each."""
    return spectrum.n_eff - (spectrum.underflow is not None) - (spectrum.overflow is not None)


def disagreements(direct: SpectrumFit, forward: SpectrumFit) -> list[str]:
    """A note for each parameter in which a fit to the flux and one to the counts differ by more than an error; both saw the same events."""
    if not (direct.valid and forward.valid):
        return []
    found = differences(direct, forward).items()
    return [f"{name} differs from the fit to the counts by {abs(distance):.1f} errors" for name, distance in found if abs(distance) > 1.0]
