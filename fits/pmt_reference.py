"""The table of differences between the published analysis and this one, from the table ``reference`` of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from records.reference_difference import DifferenceRow, ReferenceDifference
from records.tables import Table, load_table, table_path

Array = NDArray[np.float64]
Effect = tuple[float, str, str]  # number, unit, meaning

TABLE = "reference"  # that the processor leaves with ``compare_reference``
WORSE = 1e-4  # relative excess of the cost that counts as another minimum
MOVED = 0.01  # relative change of the charge that counts as one


def difference_table(table: Table) -> ReferenceDifference:
    """Effects of the published choices on the triggers of one point, from the columns of ``processors.pmt_reference_effects.compare``.

    With the columns ``charge_pc`` (ours, positive) and ``used`` also the bias of the mean. Without accepted triggers the effects are NaN.
    """
    rows = tuple(DifferenceRow(behaviour, ours, *effect(table)) for behaviour, ours, effect in ROWS)
    return ReferenceDifference(len(table), int(np.sum(table["reference_accepted"])), rows)


def differences(output: str | Path, points: Iterable[str]) -> dict[str, ReferenceDifference]:
    """``<point>.difference`` of every point whose table ``reference`` a run left below ``output``."""
    paths = {point: table_path(output, point, TABLE) for point in points}
    return {f"{point}.difference": difference_table(load_table(path)) for point, path in paths.items() if path.is_file()}


def _accepted(table: Table, name: str) -> Array:
    return np.asarray(table[name], float)[table["reference_accepted"].astype(bool)]


def _relative(table: Table, name: str) -> Array:
    """Change of the published charge by a variant, relative to the charge of the pulse without its baseline."""
    exact = _accepted(table, "reference_charge_pc")
    return (_accepted(table, name) - exact) / _pulse_charge(table)


def _pulse_charge(table: Table) -> Array:
    return _accepted(table, "reference_charge_pc") - _accepted(table, "reference_baseline_charge_pc")


def _over(function: Callable[[Array], float | np.floating], values: Array) -> float:
    """A number of some values, NaN of none."""
    known = values[np.isfinite(values)]
    return float(function(known)) if len(known) else math.nan


def _time_axis(table: Table) -> Effect:
    return 100 * _over(np.mean, np.asarray(table["axis_stretch"], float)), "%", "charge, all pulses"


def _early_stop(_: Table) -> Effect:
    return math.nan, "%", "not measured: needs the published program; here its fit converges"


def _quadrature(table: Table) -> Effect:
    return 100 * _over(lambda change: float(np.sqrt(np.mean(change**2))), _relative(table, "quadrature_charge_pc")), "%", "charge of a pulse, rms"


def _baseline_inside(table: Table) -> Effect:
    pulses = _pulse_charge(table)
    share = _over(np.mean, _accepted(table, "reference_baseline_charge_pc")) / _over(np.mean, pulses) if len(pulses) else math.nan
    return 100 * share, "%", "mean charge"


def _spread_as_error(table: Table) -> Effect:
    n = int(np.sum(table["reference_accepted"]))
    return (math.sqrt(n) if n else math.nan), "times", "error of the mean too large"


def _cuts(table: Table) -> Effect:
    return 100 * _over(np.mean, 1.0 - np.asarray(table["reference_accepted"], float)), "%", "triggers left out without a trace"


def _survivors(table: Table) -> Effect:
    if not {"charge_pc", "used"} <= set(table.columns):
        return math.nan, "%", "not measured: the table lacks charge_pc and used"
    ours = _over(np.mean, np.asarray(table["charge_pc"], float)[np.asarray(table["used"], bool)])
    return 100 * (-_over(np.mean, _accepted(table, "reference_charge_pc")) / ours - 1), "%", "published mean charge against the mean of all triggers"


def _zero_baseline(table: Table) -> Effect:
    here, lowered = (np.asarray(table[f"{kind}_accepted"], bool) for kind in ("reference", "lowered"))
    pulse, moved = (np.asarray(table[f"{kind}_charge_pc"]) - np.asarray(table[f"{kind}_baseline_charge_pc"]) for kind in ("reference", "lowered"))
    changed = here != lowered
    both = here & lowered
    changed[both] = np.abs(moved[both] / pulse[both] - 1) > MOVED
    return 100 * _over(np.mean, changed[here | lowered].astype(float)), "%", "pulses that 5 mV of offset change by more than 1 % or reject"


def _equal_times(table: Table) -> Effect:
    return 100 * _over(np.mean, _accepted(table, "reference_equal_times")), "%", "pulses with equal times, whose published charge would be wrong"


def _one_start(table: Table) -> Effect:
    return (
        100 * _over(lambda excess: float(np.mean(excess > WORSE)), _accepted(table, "one_minimum_excess")),
        "%",
        "fits in a worse minimum from one start, by our minimiser",
    )


ROWS: tuple[tuple[str, str, Callable[[Table], Effect]], ...] = (
    ("time axis one step too long", "step of the header", _time_axis),
    ("unweighted fit stops before its minimum", "converged fit with status", _early_stop),
    ("quadrature with an absolute tolerance above the integral", "closed form", _quadrature),
    ("baseline integrated into the charge", "baseline subtracted", _baseline_inside),
    ("spread quoted as error of the mean", "standard error, and the spread beside it", _spread_as_error),
    ("cuts without efficiency", "efficiency of every step", _cuts),
    ("only survivors averaged", "mean over all triggers", _survivors),
    ("baseline taken to be 0", "baseline measured before the pulse", _zero_baseline),
    ("equal times treated apart, with wrong sign and unit", "parameters without degeneracy", _equal_times),
    ("one start of the onset", "minima beyond the next samples are tried", _one_start),
)
