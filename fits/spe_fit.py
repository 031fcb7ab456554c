"""Fit of a low-light charge spectrum together with its pedestal: gain, resolution, peak to valley, occupancy and how well the model holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.minimise import Minimum, minimise
from fits.spe_curve import peak_to_valley
from fits.spe_likelihood import SpeLikelihood, SpeSpectra, start_values
from fits.spe_models import SpeModel, spe_model
from physics.constants import ELEMENTARY_CHARGE_PC
from records.spe import NAN, SpeResult
from records.value import Parameter

Array = NDArray[np.float64]
FRONT_ENDS = ("iminuit", "zfit")
SMALLEST_SAMPLE = 100  # events in either spectrum
NO_ZERO_PEAK = 5.0  # photo-electrons: above, fewer than 0.7 % of the triggers are empty and the gain rests on the model
VANISHED = 1e-4  # a share of badly amplified photo-electrons or of background below this is none
DIFFERENCE = 1e-2  # step of the numerical derivatives of derived numbers, in errors of the parameters


def fit_spe(
    led: hist.Hist, pedestal: hist.Hist | None, model: str = "gamma", *, frontend: str = "iminuit", minos: Iterable[str] | None = None
) -> SpeResult:
    """Fit one model to the spectrum with light and the pedestal, histograms of the charge in pC with one axis of equal bins.

    ``model``: gauss, gamma, dossi or bellamy. ``minos``: names of parameters whose interval is wanted; null: of those whose symmetric error is known
    to be too small. A fit that does not converge is a
    result with ``valid=False`` and its reason. Raises InputError without a pedestal, for empty spectra and unknown names.
    """
    shape = spe_model(model)
    if frontend not in FRONT_ENDS:
        raise InputError(f"{frontend!r} is not a front end of the spectrum fit{nearest(frontend, FRONT_ENDS)}; known: {', '.join(FRONT_ENDS)}")
    spectra = SpeSpectra.from_hists(led, pedestal)
    sizes = int(spectra.led.sum()), int(spectra.pedestal.sum()), spectra.n_outside
    if min(sizes[:2]) < SMALLEST_SAMPLE:
        reason = f"{sizes[0]} events with light and {sizes[1]} without; a spectrum fit needs {SMALLEST_SAMPLE} of each"
        return SpeResult(False, reason, model, frontend, *sizes)
    likelihood = SpeLikelihood(shape, spectra, start_values(spectra))
    wanted = list(shape.skewed if minos is None else minos)
    for name in wanted:
        if name not in likelihood.names:
            raise InputError(f"{name!r} is not a parameter of {model}{nearest(name, likelihood.names)}")
    minimum, vanished = _minimise(likelihood, frontend, wanted)
    return _result(likelihood, minimum, frontend, vanished)


def starts(likelihood: SpeLikelihood) -> list[dict[str, float]]:
    """Starting points of a fit: for ``dossi`` with few and with many badly amplified photo-electrons, as its likelihood can have two minima."""
    if likelihood.model.name != "dossi":
        return [{}]
    return [{"p_e": 0.05, "a_pc": 0.25}, {"p_e": 0.3, "a_pc": 0.4, "x0_pc": 1.2}]


def fit_once(likelihood: SpeLikelihood, frontend: str, minos: Sequence[str], fixed: Mapping[str, float]) -> Minimum:
    """One fit by one front end, some parameters held."""
    if frontend == "zfit":
        from fits.frontends import zfit_spe  # zfit takes some 17 s to import

        return zfit_spe.minimise(likelihood, minos=minos, fixed=fixed)
    points = [{name: value for name, value in point.items() if name not in fixed} for point in starts(likelihood)]
    return minimise(likelihood, starts=points[:1] if fixed else points, minos=minos, fixed=fixed)


def _minimise(likelihood: SpeLikelihood, frontend: str, minos: Sequence[str]) -> tuple[Minimum, str]:
    """The minimum, and the name of the share that vanished: it is then held at zero, and the charge that goes with it at its start."""
    minimum = fit_once(likelihood, frontend, minos, {})
    share, charge = likelihood.model.optional or ("", "")
    if minimum.values.get(share, 1.0) > VANISHED:
        return minimum, ""
    start = {one.name: one.start for one in likelihood.parameters}
    return fit_once(likelihood, frontend, minos, {share: 0.0, charge: start[charge]}), share


def _result(likelihood: SpeLikelihood, minimum: Minimum, engine: str, vanished: str) -> SpeResult:
    """What a minimum says, in pC; errors of derived numbers by linear propagation with the fit's covariance."""
    model, spectra = likelihood.model, likelihood.spectra
    free = len(minimum.names)  # one that vanished was free too
    ratio = peak_to_valley(likelihood, minimum.theta)
    values = _derived(likelihood, minimum.theta)
    errors = _propagated(likelihood, minimum) if minimum.valid else np.full(values.size, NAN)
    mean, resolution, occupancy, peak, _ = values
    mean_error, resolution_error, occupancy_error, peak_error, ratio_error = errors
    has_peak = math.isfinite(peak)
    gain_unit = likelihood.unit_pc / ELEMENTARY_CHARGE_PC
    mu = minimum.values["mu"]
    return SpeResult(
        valid=minimum.valid,
        reason=minimum.reason,
        model=model.name,
        engine=engine,
        n_led=int(spectra.led.sum()),
        n_pedestal=int(spectra.pedestal.sum()),
        n_outside=spectra.n_outside,
        parameters=_parameters(likelihood, minimum, vanished),
        correlation=minimum.correlation.tolist(),
        gain=mean * gain_unit,
        gain_error=mean_error * gain_unit,
        gain_definition=model.gain_definition,
        q1_pc=mean * likelihood.unit_pc,
        q1_error_pc=mean_error * likelihood.unit_pc,
        resolution=resolution,
        resolution_error=resolution_error,
        lambda_pe=mu,
        lambda_error=minimum.errors["mu"],
        occupancy=occupancy,
        occupancy_error=occupancy_error,
        peak_to_valley=ratio,
        peak_to_valley_error=None if ratio is None else ratio_error,
        gain_peak=peak * gain_unit if has_peak else None,
        gain_peak_error=peak_error * gain_unit if has_peak else None,
        goodness=likelihood.goodness(minimum.theta, free),
        nll=minimum.nll,
        aic=2.0 * (minimum.nll + free),
        edm=minimum.edm,
        notes=_notes(likelihood, minimum, vanished),
    )


def _parameters(likelihood: SpeLikelihood, minimum: Minimum, vanished: str) -> dict[str, Parameter]:
    """Values, errors and intervals in pC."""
    made = {}
    for one in likelihood.own:
        scale = likelihood.unit_pc**one.dimension
        interval = minimum.minos.get(one.name)
        made[one.name] = Parameter(
            value=minimum.values[one.name] * scale,
            error=minimum.errors[one.name] * scale,
            minos=None if interval is None else (interval[0] * scale, interval[1] * scale),
            unit=one.unit,
            fixed=one.name in minimum.fixed,
            at_bound=one.name in (*minimum.at_bound, vanished),
        )
    return made


def _derived(likelihood: SpeLikelihood, theta: Array) -> Array:
    """Mean, resolution, occupancy, peak (NaN: none) and peak to valley (NaN: none) in the fit's units."""
    model: SpeModel = likelihood.model
    own = theta[3:].tolist()
    mean, variance = model.moments(own)
    peak = model.peak(own)
    ratio = peak_to_valley(likelihood, theta)
    return np.array([mean, math.sqrt(variance) / mean, -math.expm1(-theta[2]), NAN if peak is None else peak, NAN if ratio is None else ratio])


def _propagated(likelihood: SpeLikelihood, minimum: Minimum) -> Array:
    """Errors of the derived numbers: slopes by differences, one-sided at a bound."""
    sigma, theta = np.sqrt(np.diag(minimum.covariance)), minimum.theta
    slopes = np.zeros((5, theta.size))
    for i in np.flatnonzero(np.isfinite(sigma) & (sigma > 0)):
        ends = theta.copy(), theta.copy()
        for end, sign in zip(ends, (1.0, -1.0), strict=True):
            end[i] = np.clip(theta[i] + sign * DIFFERENCE * sigma[i], likelihood.own[i].lower, likelihood.own[i].upper)
        slopes[:, i] = (_derived(likelihood, ends[0]) - _derived(likelihood, ends[1])) / (ends[0][i] - ends[1][i])
    return np.sqrt(np.einsum("ij,jk,ik->i", slopes, minimum.covariance, slopes))


def _notes(likelihood: SpeLikelihood, minimum: Minimum, vanished: str) -> list[str]:
    notes = [f"{name} ends at its bound" for name in minimum.at_bound]
    if vanished:
        _, charge = likelihood.model.optional or ("", "")
        notes.append(f"{vanished} vanished: held at 0, and {charge}, which then means nothing, at its start")
    for name in (name for name in likelihood.model.skewed if name in minimum.minos):
        down, up = (likelihood.unit_pc * end for end in minimum.minos[name])
        notes.append(f"{name} has no parabolic likelihood: {down:+.2g} {up:+.2g} pC (MINOS) in place of its symmetric error")
    if minimum.values["mu"] > NO_ZERO_PEAK:
        notes.append(f"{minimum.values['mu']:.1f} photo-electrons in the mean: no zero peak, so the gain rests on the shape of the model")
    return notes
