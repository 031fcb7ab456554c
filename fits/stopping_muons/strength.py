"""The strength of the smoothness prior: given, or chosen by toys of three spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.stopping_muons import Unfolding
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import Measurement
from fits.stopping_muons.seeds import seed_of
from fits.unfolding import UnfoldingProblem
from fits.unfolding.saved import scan_record
from records.unfolding import RegularisationScan

TauValue = float | Sequence[float] | None


@dataclass(frozen=True)
class Strength:
    """``tau`` (None: no prior), the ``scan`` if there was one, and why there is no tau (empty if there is)."""

    tau: TauValue
    scan: RegularisationScan | None
    failure: str = ""


def calibration(problem: UnfoldingProblem) -> UnfoldingProblem:
    """The problem with nothing but counting statistics and the prior: toys do not vary nuisances and simulation, so intervals must not have them."""
    return problem.replace(templates=(), mc_stat="none", epsilon=None)


def strength(inputs: Inputs, found: Measurement) -> Strength:
    """What ``reg_<target>`` says; ``auto`` or ``optimize_unfolding_<target>`` make a scan. A rule that finds nothing is a failure with its table."""
    options = inputs.config.unfolding
    given = found.target.option(inputs.config, "unfolding", "reg_{}")
    if given != "auto" and not found.target.option(inputs.config, "unfolding", "optimize_unfolding_{}"):
        return Strength(given, None)
    taus = grid(options)
    seed = seed_of(inputs.config.seed, "scan", found.target.name)
    scan = calibration(found.problem).scan(taus, toys=inputs.config.options.scan_toys, spectra=found.spectra, seed=seed)
    record = scan_record(scan)
    if given != "auto":
        return Strength(given, record)
    if not np.isfinite(record.chosen):
        return Strength(None, record, f"{record.reason}\n{scan.table()}")
    return Strength(record.chosen, record)


def grid(options: Unfolding) -> np.ndarray:
    """The values of a scan."""
    return np.geomspace(options.reg_min, options.reg_max, options.n_steps)
