"""Several light levels of a photomultiplier at one voltage: the gain from variance against mean, and how much the light flickers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fits.light_levels import MIN_LEVELS, variance_mean_line
from fits.photostatistics import unusable
from fits.pmt_measured import Measured
from fits.sample_moments import ChargeMoments
from records.spe import VarianceMeanResult

SEEN = 2.0  # standard errors of nu^2 from which the flicker is taken out of other points


@dataclass(frozen=True)
class Flicker:
    """Relative variance nu^2 of the light from trigger to trigger, mean over the voltages where it was measured. ``source``: which."""

    nu_squared: float
    error: float
    source: str

    @property
    def seen(self) -> bool:
        """Whether it is more than its error can explain."""
        return self.nu_squared > SEEN * self.error

    def on_gain(self, photoelectrons: float, delta: float) -> float:
        """Relative error that the error of nu^2 gives to a gain by photostatistics of one level."""
        return self.error * photoelectrons / (1.0 + delta**2)

    @property
    def taken_off(self) -> float:
        """The nu^2 that other points are corrected for."""
        return self.nu_squared if self.seen else 0.0

    @property
    def sentence(self) -> str:
        """What to say of a gain by one level."""
        if self.seen:
            error = self.error / (2.0 * math.sqrt(self.nu_squared))
            return f"instability of the light {100 * math.sqrt(self.nu_squared):.2g} ± {100 * error:.1g} % ({self.source}) taken off"
        limit = math.sqrt(max(self.nu_squared, 0.0) + SEEN * self.error)
        return f"instability of the light below {100 * limit:.2g} % ({self.source})"


def level_lines(measured: Sequence[Measured], delta: float, delta_error: float, scale: float) -> dict[float, VarianceMeanResult]:
    """Voltage -> line through the levels of light there, bright and low, where at least 3 have charge and pedestal. ``scale``: between the levels."""
    by_voltage: dict[float, list[tuple[str, ChargeMoments, ChargeMoments]]] = {}
    for one in measured:
        if one.led is not None and one.dark is not None and not unusable(one.led, one.dark):
            by_voltage.setdefault(one.point.hv_v, []).append((one.point.name, one.led, one.dark))
    lines = {}
    for hv_v, levels in by_voltage.items():
        if len(levels) >= MIN_LEVELS:
            line = variance_mean_line([led for _, led, _ in levels], [dark for *_, dark in levels], delta, delta_error, scale)
            lines[hv_v] = replace(line, levels=[name for name, *_ in levels])
    return lines


def flicker(lines: Mapping[float, VarianceMeanResult]) -> Flicker | None:
    """Weighted mean of nu^2 over the voltages with a valid line; null without any."""
    valid = {hv_v: line for hv_v, line in lines.items() if line.valid}
    if not valid:
        return None
    weight = {hv_v: line.nu_squared_error**-2 for hv_v, line in valid.items()}
    total = sum(weight.values())
    mean = sum(weight[hv_v] * line.nu_squared for hv_v, line in valid.items()) / total
    where = ", ".join(f"{hv_v:g} V" for hv_v in valid)
    return Flicker(mean, total**-0.5, f"light levels at {where}")
