"""Late pulses and after-pulses: extra maxima behind the pulse, as far as the record reaches."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fits.classifier.binomial import rate
from fits.pmt_points import Point
from records.gain import LatePulses

Array = NDArray[np.float64]

RECORD_NS = 1000.0  # behind the pulse; a shorter record says nothing of after-pulses
AFTER_NS = 100.0  # after-pulses come from here on, late pulses before
NAN = float("nan")


def late_pulses(point: Point, dark: Point | None, photoelectrons: float) -> LatePulses | None:
    """Rate of triggers with a further maximum, and after-pulses per photo-electron; null where the processor did not look for maxima.

    After-pulses are the maxima from 100 ns behind the onset on, per trigger, less those of the LED-off point in the same window, over the
    mean number of photo-electrons. A record that ends within 1 us gives NaN with the reason, never 0.
    """
    if "late" not in point.hists:
        return None
    n = int(point.hists["late"].values(flow=True).sum())
    passed, failed = point.counts.get("single_pulse", (0, 0))
    found = rate(failed, passed + failed, method="wilson") if passed + failed else None
    reach = record_behind_pulse_ns(point)
    if not reach >= RECORD_NS:
        where = "its length is not known" if math.isnan(reach) else f"record ends {reach:.0f} ns after the pulse"
        return LatePulses(found, n, NAN, NAN, where)
    if not photoelectrons > 0.0:
        return LatePulses(found, n, NAN, NAN, "the number of photo-electrons is not known")
    value, error, reason = _afterpulses(point, dark)
    return LatePulses(found, n, value / photoelectrons, error / photoelectrons, reason)


def record_behind_pulse_ns(point: Point) -> float:
    """From the onset of the mean pulse to the end of the record; NaN where the run does not say."""
    plan = point.metadata
    try:
        return float(plan["t0_ns"] + (plan["n_samples"] - 1) * plan["dt_ns"] - plan["onset_ns"])
    except KeyError:
        return NAN


def _afterpulses(point: Point, dark: Point | None) -> tuple[float, float, str]:
    """Maxima per trigger from 100 ns on, less random ones, the error, and what was not corrected."""
    count, triggers = _counted(point), max(point.n_read, 1)
    if dark is None or "late" not in dark.hists or not dark.n_read:
        return count / triggers, math.sqrt(max(count, 1.0)) / triggers, "random pulses are not subtracted: no point with the LED off"
    random = _counted(dark)
    value = count / triggers - random / dark.n_read
    return value, math.hypot(math.sqrt(max(count, 1.0)) / triggers, math.sqrt(max(random, 1.0)) / dark.n_read), ""


def _counted(point: Point) -> float:
    filled = point.hists["late"]
    behind = np.asarray(filled.axes["delay"].edges[:-1]) >= AFTER_NS * (1.0 - 1e-9)
    return float(np.asarray(filled.values(flow=False))[behind].sum())
