"""One channel and mass from prepared sky to result: sensitivity, discovery, limits, bands, and the data when they may be looked at."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fits.dark_matter import limits as lim
from fits.dark_matter.acceptance import Conversion
from fits.dark_matter.bands import band
from fits.dark_matter.bank import Bank, Uncertain
from fits.dark_matter.calibration import LARGEST_SHARE, Strength, calibrate
from fits.dark_matter.case import Case, Shared, trials_digest
from fits.dark_matter.limits import Calibration, Outcomes
from fits.dark_matter.nuisance import common_spread, q_values
from fits.dark_matter.p_values import p_value
from fits.dark_matter.sensitivity import Crossing, Threshold, median_threshold, p_of_sigmas, search, threshold
from fits.dark_matter.single_sources import source_results
from fits.dark_matter.source_arrays import errors_dex
from fits.dark_matter.stack_fit import fit
from records.dark_matter import CombinationResult, InjectionCheck, Interval, Observation, Reach, TrialSummary

Array = NDArray[np.float64]


def evaluate(case: Case, shared: Shared, bank: Bank) -> CombinationResult:
    """All numbers of a combination from the trials of its ``bank``."""
    options = shared.options
    strength = _strength(case, shared)
    background = bank.background(options.trials.background)
    calibration = calibrate(bank, options.trials.per_limit_point, options.trials.background, strength, extended=options.likelihood.extended)
    notes: list[str] = []
    sensitivity, *discovery = _reaches(case, shared, bank, background.ts, notes)
    observed = None if shared.sample.blind else fit(case.counts, case.bins.ratio)
    found = None if observed is None else _observed_outcomes(case, calibration, strength, options.likelihood.extended)
    observation = None
    if observed is not None:
        p = p_value(observed.ts, background.ts)
        observation = Observation(observed.n_hat, observed.ts, p.p, p.error, p.significance, p.asymptotic, math.nan, math.nan)
    limit, asymptotic = (_interval(method, case, shared, calibration, found) for method in (options.statistics.limit_method, "cls_asymptotic"))
    if math.isinf(limit.band_n["2"]):
        notes.append(f"some limits of background trials are above {calibration.n[-1]:.4g} events, the largest number tested")
    return CombinationResult(
        channel=case.channel, mass_gev=case.mass_gev, mode=options.mode, unit="s" if case.conversion.decay else "cm^3 s^-1",
        window_gev=(case.window.low, case.window.high), n_events=case.bins.n_events, livetime_s=shared.sample.livetime_s,
        sigma_n=case.bins.sigma_n, information=case.bins.information, information_loss=case.bins.information_loss,
        ratio_bins=len(case.bins.ratio), energy_bins_gev=case.energy_edges.tolist(), per_event=case.conversion.per_event,
        sum_j_area=case.acceptance.sum_j_area, acceptance_error=float(case.acceptance.share @ case.acceptance.relative_error),
        spread=strength.profiled, j_nuisance=options.j_nuisance, sensitivity=sensitivity,
        discovery={f"{sigmas:g}": one for sigmas, one in zip(options.statistics.discovery_sigma, discovery, strict=True)},
        limit=limit, asymptotic_limit=asymptotic, background=_summary(bank, background.n_hat, background.ts),
        injection=_check(bank, calibration, options.statistics.cl), observation=observation,
        sources=source_results(case, shared) if options.likelihood.type == "source" else [], notes=notes, blind=shared.sample.blind,
        likelihood=f"{options.likelihood.type}, background {options.likelihood.background}", spectra=shared.spectra.table.about,
        catalogue=f"{options.sources.catalogue}, aperture {options.sources.j_aperture}", seed=bank.seed, config_hash=trials_digest(case, shared),
    )  # fmt: skip


def _strength(case: Case, shared: Shared) -> Strength:
    """Total: one spread, drawn and profiled. Marginal: every J drawn, nothing profiled. Sources one by one are for the workspace: total here."""
    options, share = shared.options, case.acceptance.share
    total = common_spread("total", share, shared.sources, options.acceptance_syst)
    spread = common_spread(options.j_nuisance, share, shared.sources, options.acceptance_syst)
    if options.j_nuisance == "marginal":
        return Strength(Uncertain(spread, share, *errors_dex(shared.sources)), 0.0, total)
    return Strength(Uncertain(spread), spread, spread)


def _observed_outcomes(case: Case, calibration: Calibration, strength: Strength, extended: bool) -> Outcomes:
    best = fit(case.counts, case.bins.ratio)
    q = q_values(case.counts, case.bins.ratio, calibration.n, spread=strength.profiled, extended=extended)
    return Outcomes(np.array([best.n_hat]), np.array([best.ts]), q[None])


def _interval(method: lim.Method, case: Case, shared: Shared, calibration: Calibration, found: Outcomes | None) -> Interval:
    """Band of the background trials, and the observed ends."""
    statistics, value = shared.options.statistics, case.conversion
    band_method: lim.Method = method if method in ("fc", "cls_asymptotic") else "cls"
    expected = band(lim.limits(band_method, calibration, calibration.background, statistics.cl).up)
    n_low = n_up = math.nan
    if found is not None:
        constraint = median_threshold(calibration.background.ts).ts if statistics.power_constraint else -math.inf
        ends = lim.limits(method, calibration, found, statistics.cl, at_least=constraint)
        n_low, n_up = float(ends.low[0]), float(ends.up[0])
    low, up = (math.nan if math.isnan(n) else value(n) for n in (n_low, n_up))
    return Interval(method, statistics.cl, band_method, expected, {key: value(n) for key, n in expected.items()}, n_low, n_up, low, up)


def _reaches(case: Case, shared: Shared, bank: Bank, background_ts: Array, notes: list[str]) -> list[Reach]:
    """Sensitivity (a share CL of the trials above the background's median) and discovery potentials (half of them above a threshold)."""
    options = shared.options
    cl, sigmas = options.statistics.cl, options.statistics.discovery_sigma
    wanted = [(median_threshold(background_ts), cl, float(ndtri(cl)))]
    wanted += [(threshold(background_ts, p_of_sigmas(one)), 0.5, one) for one in sigmas]
    return [_reach(case, shared, bank, *one, notes) for one in wanted]


def _reach(case: Case, shared: Shared, bank: Bank, above: Threshold, target: float, asymptotic: float, notes: list[str]) -> Reach:
    options = shared.options
    count = options.trials.signal_per_point
    uncertain = _strength(case, shared).drawn if options.j_nuisance == "marginal" else None

    def passing(injected: float) -> tuple[int, int]:
        return int((bank.signal(injected, count, uncertain).ts > above.ts).sum()), count

    start = asymptotic * case.bins.sigma_n
    largest = LARGEST_SHARE * case.bins.n_events
    found = search(passing, target, min(start, largest / 2.0), points=options.trials.points, error=options.statistics.target_error, largest=largest)
    if math.isnan(found.n):
        notes.append(f"the number of events for TS > {above.ts:.3g} in {target:.0%} of the trials was not found; ask for more trials")
    if math.isinf(found.n):
        notes.append(f"no number of events up to {largest:.4g} passes TS > {above.ts:.3g} in {target:.0%} of the trials")
    return _as_reach(found, above, start, case.conversion)


def _as_reach(found: Crossing, above: Threshold, asymptotic_n: float, value: Conversion) -> Reach:
    return Reach(
        n=found.n, n_error=found.error, value=value(found.n), target=found.target, threshold_ts=above.ts, threshold_origin=above.origin,
        asymptotic_n=asymptotic_n, points=found.points, fraction=found.fraction, trials=found.trials, curve=found.curve,
    )  # fmt: skip


def _summary(bank: Bank, n_hat: Array, ts: Array) -> TrialSummary:
    ts_edges = np.linspace(0.0, max(16.0, math.ceil(float(ts.max()))), 81)
    n_edges = np.linspace(0.0, max(float(n_hat.max()), 1.0), 61)
    quantiles = {f"{sigmas}": threshold(ts, p_of_sigmas(sigmas)).ts for sigmas in (1, 2, 3)}
    return TrialSummary(
        len(ts), bank.engine, f"{bank.stream('bkg', 0.0):016x}", float((ts == 0.0).mean()), ts_edges.tolist(), np.histogram(ts, ts_edges)[0].tolist(),
        n_edges.tolist(), np.histogram(n_hat, n_edges)[0].tolist(), quantiles,
    )  # fmt: skip


def _check(bank: Bank, calibration: Calibration, cl: float) -> InjectionCheck:
    """Fitted against injected numbers, of the trials that sensitivity and discovery were found with; quantiles of q of those of the limits."""
    groups = sorted((injected, kept.n_hat) for (kind, injected), kept in bank.groups.items() if kind == "sig")
    fitted = [n_hat for _, n_hat in groups]
    low, median, high = np.array([np.quantile(one, [0.16, 0.5, 0.84]) for one in fitted]).T.tolist()
    return InjectionCheck(
        [injected for injected, _ in groups], [float(one.mean()) for one in fitted], [float(one.std() / math.sqrt(len(one))) for one in fitted],
        low, median, high, calibration.n.tolist(), lim.critical_values(calibration, cl).tolist(),
    )  # fmt: skip
