"""Mean charges of another analysis through our gain curve: relative gain, its exponent and its band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configs.errors import InputError
from configs.pmt_gain import Fits
from configs.schema import PmtGainConfig
from fits.gain_curve import Ordinate, gain_curve
from readers.legacy_charges import LegacyCharge, read_legacy_charges
from records.gain import Charge, GainPoint, GainResult
from records.gain_tables import save_gain_tables
from records.results import save_results

FOLDER = "legacy"  # of the output directory
NAN = float("nan")
NO_GAIN = "mean charges alone; neither pedestal nor variance is known"
UNKNOWN = "error of the mean unknown (n is not given)"


def import_legacy(config: PmtGainConfig, path: str | Path) -> dict[str, GainResult]:
    """Read the table, fit every photomultiplier of it, and write results and tables into ``<output>/legacy``; returns the results.

    Those of the configuration's own histograms stay as they are. Raises InputError for another analysis.
    """
    if config.analysis != "pmt_gain":
        raise InputError(f"{config.source}: --import-legacy-csv is for analysis 'pmt_gain', this is {config.analysis!r}")
    results = legacy_results(read_legacy_charges(path), config.fits)
    save_results(config.output / FOLDER / "results.json", config.analysis, config.name, results)
    save_gain_tables(config.output / FOLDER, results)
    return results


def legacy_results(charges: Sequence[LegacyCharge], options: Fits) -> dict[str, GainResult]:
    """One result for each photomultiplier, in the order of the table.

    What the table calls standard deviation is the spread of single pulses; the error of the mean follows from it with n. Without n the points
    weigh by ``syst_uncorrelated`` alone, and the result says so.
    """
    named: dict[str, list[LegacyCharge]] = {}
    for one in sorted(charges, key=lambda charge: charge.hv_v):
        named.setdefault(one.pmt, []).append(one)
    return {pmt: _result(pmt, named[pmt], options) for pmt in dict.fromkeys(one.pmt for one in charges)}


def _result(pmt: str, charges: list[LegacyCharge], options: Fits) -> GainResult:
    share = options.mean_charge.syst_uncorrelated
    errors = [math.hypot(_mean_error(one) if one.n else 0.0, share * one.mean_pc) for one in charges]
    names = [f"{pmt}.{one.hv_v:g}V" for one in charges]
    scale = {"calibration": options.mean_charge.syst_scale}
    points = Ordinate(names, [one.hv_v for one in charges], [one.mean_pc for one in charges], errors, "charge_pc", "mean_charge", scale_parts=scale)
    curve = gain_curve(points, options.gain_curve, NO_GAIN)
    unknown = [one for one in charges if one.n is None]
    notes = [f"{len(unknown)} of {len(charges)} points: {UNKNOWN}; they weigh by the uncorrelated {share:.1%} alone"] if unknown else []
    found = [_point(name, one, options) for name, one in zip(names, charges, strict=True)]
    return GainResult(pmt, True, "", found, None, curve, curve, notes=[*notes, f"relative gain: {NO_GAIN}"])


def _point(name: str, one: LegacyCharge, options: Fits) -> GainPoint:
    charge = Charge(one.n or 0, one.mean_pc, _mean_error(one) if one.n else NAN, one.spread_pc, NAN)
    empty: dict[str, Any] = {"pedestal": None, "selected": None, "gains": {}, "timing": None, "late": None, "efficiency": {}}
    return GainPoint(
        name=name, hv_v=one.hv_v, light="bright", n_read=one.n or 0, n_expected=one.n or 0, n_saturated=0, valid=True, reason="", charge=charge,
        syst_uncorrelated_pc=options.mean_charge.syst_uncorrelated * one.mean_pc, syst_scale_pc=options.mean_charge.syst_scale * one.mean_pc,
        flags=["imported, not processed here", *([] if one.n else [UNKNOWN])], **empty,
    )  # fmt: skip


def _mean_error(one: LegacyCharge) -> float:
    assert one.n is not None
    return one.spread_pc / math.sqrt(one.n)
