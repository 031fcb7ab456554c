"""All combinations of a fit with the likelihood of the published program: trials for the comparison with it, no limit and no cross-section."""

from __future__ import annotations

import numpy as np

from configs.errors import InputError
from fits.dark_matter.campaign import Report, combinations
from fits.dark_matter.case import Shared, combination_name, naming
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.reference import model_of, window_of
from fits.dark_matter.reference_trials import Rules, run_reference_trials, sensitivity
from records.dark_matter import ReferenceModeResult

QUANTILES = (0.5, 0.9)


def reference_results(shared: Shared, report: Report | None = None) -> dict[str, ReferenceModeResult]:
    """``<channel>_<mass>`` -> background trials (``trials.background``) and sensitivity (``trials.signal_per_point``), as ``compat`` says.

    Raises ``InputError``, naming the combination, for what the published program cannot be asked.
    """
    wanted = combinations(shared.options)
    results = {}
    for done, (channel, mass_gev) in enumerate(wanted, 1):
        with naming(channel, mass_gev):
            results[combination_name(channel, mass_gev)] = _result(shared, channel, mass_gev)
        if report is not None:
            report(done, len(wanted))
    return results


def _result(shared: Shared, channel: str, mass_gev: float) -> ReferenceModeResult:
    options, rules = shared.options, Rules.of(shared.options.compat)
    if options.mode == "decay":
        raise InputError("likelihood.type: reference is for annihilations, as the published program; take stack for a decay")
    model = model_of(options, shared.sample, shared.spectra, shared.sources, channel, mass_gev, shared.seed)
    trials = run_reference_trials(model, stream_key(shared.seed, channel, mass_gev, "reference"), options.trials.background)
    signal = stream_key(shared.seed, channel, mass_gev, "reference signal")
    reach = sensitivity(model, signal, trials.ts, options.trials.signal_per_point, rules=rules)
    window = window_of(options, channel, mass_gev)
    median, high = (float(one) for one in np.quantile(trials.ts, QUANTILES))
    mean, zeros = float(trials.ts.mean()), float((trials.ts == 0.0).mean())
    return ReferenceModeResult(
        channel, mass_gev, (window.low, window.high), model.n_events, len(trials), mean, median, high, zeros,
        reach, rules.signal_ts, "shared" if rules.shared else "fresh", shared.seed,
    )  # fmt: skip
