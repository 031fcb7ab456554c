"""One point of a photomultiplier: what the triggers themselves say, before any gain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import hist
import numpy as np

from configs.errors import InputError
from configs.pmt_gain import MeanCharge
from fits.pmt_pedestal import Wanted, pedestal_of
from fits.pmt_points import Point, Tube
from fits.sample_moments import ChargeMoments
from fits.timing import timing
from records.gain import Charge, Pedestal, Timing

NAN = float("nan")
BIASED = 5e-4  # share of saturated triggers from which their loss is estimated


@dataclass(frozen=True)
class Measured:
    """A point with its pedestal and charges; ``reason``: why it has no mean charge, ``no_pedestal``: why none could be subtracted."""

    point: Point
    reason: str
    pedestal: Pedestal | None = None
    dark: ChargeMoments | None = None
    led: ChargeMoments | None = None  # of the gate, every trigger, pedestal not subtracted
    charge: Charge | None = None
    selected: Charge | None = None
    no_pedestal: str = ""

    @property
    def valid(self) -> bool:
        """Whether there is a mean charge."""
        return not self.reason


def measure(tube: Tube, point: Point, options: MeanCharge, wanted: Wanted) -> Measured:
    """Charge of a point with its pedestal. A point that cannot be measured is a result with its reason."""
    try:
        found = pedestal_of(tube, point, wanted)
        led, chosen = point.moments("gate", "all"), point.moments(options.estimator, "all")
        selected = point.moments(options.estimator, "selected")
    except InputError as error:
        return Measured(point, str(error))
    pedestal, dark = (None, None) if isinstance(found, str) else found
    no_pedestal = found if isinstance(found, str) else ""
    if led is None or chosen is None:
        why = f"fewer than two triggers of {point.n_read} have a charge ({options.estimator})"
        return Measured(point, why, pedestal, dark, led, no_pedestal=no_pedestal)
    offset = pedestal if options.estimator == "gate" else None  # a fitted pulse has no pedestal: its baseline is part of the fit
    kept = None if selected is None else charge_above(selected, offset)
    return Measured(point, "", pedestal, dark, led, charge_above(chosen, offset), kept, no_pedestal)


def charge_above(found: ChargeMoments, pedestal: Pedestal | None) -> Charge:
    """Charge of a sample with the mean of the pedestal subtracted; spread and skewness are those of the triggers as they are."""
    offset, error = (pedestal.mean_pc, pedestal.mean_error_pc) if pedestal is not None else (0.0, 0.0)
    spread = math.sqrt(max(found.variance_pc2, 0.0))
    skewness = found.mu3_pc3 / spread**3 if spread > 0.0 else NAN
    return Charge(found.n, found.mean_pc - offset, math.hypot(spread / math.sqrt(found.n), error), spread, skewness)


def times_of(point: Point) -> Timing | None:
    """Transit time of a point; null where the processor filled no times."""
    if "time" not in point.hists:
        return None
    times: hist.Hist = point.hists["time"][{"kind": hist.loc("cfd20")}]  # type: ignore[assignment]
    return timing(np.asarray(times.values(), float), np.asarray(times.axes[0].edges, float))


def saturation(point: Point) -> str:
    """How many triggers were dropped as saturated, and what that does at least to the mean: they had more charge than any that was kept."""
    lost, share = point.n_saturated, point.saturated_share
    words = f"{lost} of {point.n_read} triggers saturated"
    moments = point.moments("gate", "all")
    if not lost or share < BIASED or moments is None or not moments.mean_pc > 0.0:
        return words if lost else ""
    counts, edges = point.spectrum("gate")
    largest = float(edges[min(int(np.flatnonzero(counts)[-1]), len(edges) - 1)])
    low = share * (largest / moments.mean_pc - 1.0)
    return f"{words}: dropped with the largest charges, so that the mean is low by {100 * low:.2g} % or more; measure with more volts per division"


def flags_of(measured: Measured) -> list[str]:
    """What a reader must know of a point before using it."""
    point = measured.point
    missing = len(point.metadata.get("missing_files", ()))
    found = [
        f"{missing} files missing" if missing else "",
        f"{len(point.account.get('failed', ()))} failures: only {point.account['fraction']:.1%} processed" if point.account.get("failed") else "",
        "noisy" if point.metadata.get("noisy") else "",
        saturation(point),
        f"no pedestal subtracted: {measured.no_pedestal}" if measured.no_pedestal else "",
        *point.metadata.get("warnings", ()),
        *map(str, point.account.get("remarks", ())),
    ]
    return [flag for flag in found if flag]
