"""The window of reconstructed energy: the published one, a given one, or the best of all pairs of whole GeV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

import data_info
from configs.errors import InputError

Array = NDArray[np.float64]
FigureOfMerit = Literal["fisher", "s_over_sqrt_b"]

TABLE = Path(data_info.__file__).with_name("energy_windows.yaml")
TIE = 1e-12  # relative: merits closer than this are equal, and the widest window wins
HIGHEST_GEV = 500  # energies above are in one bin
FEWEST_EVENTS = 20.0  # of background: with fewer a window is chosen for a hole in the data


@dataclass(frozen=True)
class Window:
    """Events with ``low`` <= E < ``high`` GeV, whole numbers."""

    low: int
    high: int

    @property
    def bins(self) -> slice:
        """The window in a histogram of 1-GeV bins from 0."""
        return slice(self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low}-{self.high} GeV"


@cache
def published() -> Mapping[str, Mapping[float, Window]]:
    """The published windows, by channel and mass in GeV."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {channel: {mass: Window(*edges) for mass, edges in by_mass.items()} for channel, by_mass in table.items()}


def given(rule: Mapping[str, Mapping[Any, Any]] | Literal["reference"], channel: str, mass_gev: float) -> Window:
    """The window of a combination in the published table or in the configuration's. Raises ``InputError`` naming what there is."""
    table = (
        published() if rule == "reference" else {name: {mass: Window(*edges) for mass, edges in by_mass.items()} for name, by_mass in rule.items()}
    )
    by_mass = table.get(channel, {})
    if mass_gev not in by_mass:
        known = f"masses {', '.join(f'{mass:g}' for mass in by_mass)}" if by_mass else f"channels {', '.join(table)}"
        where = "the published windows have" if rule == "reference" else "window.rule has"
        raise InputError(f"no window for {channel} at {mass_gev:g} GeV: {where} {known}; give one in window.rule, or window.rule: optimise")
    window = by_mass[mass_gev]
    if not 0 <= window.low < window.high:
        raise InputError(f"window.rule.{channel}.{mass_gev:g}: {window} is empty")
    if window.high > HIGHEST_GEV:
        raise InputError(f"window.rule.{channel}.{mass_gev:g}: {window} ends above {HIGHEST_GEV} GeV, where energies are not told apart")
    return window


def check_range(limits: tuple[int, int]) -> None:
    """Windows can be sought between these energies. Raises ``InputError``."""
    if not 0 <= limits[0] < limits[1] <= HIGHEST_GEV:
        raise InputError(f"window.range: {limits[0]} to {limits[1]} GeV; expected two rising energies from 0 to {HIGHEST_GEV} GeV")


def merits(signal: Array, background: Array, fom: FigureOfMerit = "fisher", *, fewest: float = FEWEST_EVENTS) -> Array:
    """Figure of merit [low, high] of every window of whole GeV; NaN where low >= high or less background than ``fewest`` events is in it.

    ``signal`` and ``background`` (energies, psi bins): expectations in 1-GeV bins. ``s_over_sqrt_b`` is S / sqrt(B) of the whole window,
    ``fisher`` is sqrt(sum over psi of S^2 / B). Prefix sums over energy give all pairs at the cost of their number.
    """
    events = np.concatenate([[0.0], np.cumsum(background.sum(axis=1))])
    if fom == "s_over_sqrt_b":
        signal, background = (one.sum(axis=1, keepdims=True) for one in (signal, background))
    count = len(signal)
    below_s, below_b = (np.concatenate([np.zeros((1, one.shape[1])), np.cumsum(one, axis=0)]) for one in (signal, background))
    merit = np.full((count, count), np.nan)
    for low in range(count - 1):
        s, b = below_s[low + 1 : count] - below_s[low], below_b[low + 1 : count] - below_b[low]
        squares = np.divide(s**2, b, out=np.full(s.shape, np.nan), where=b > 0.0)
        held = events[low + 1 : count] - events[low]
        empty = np.isnan(squares).all(axis=1) | (held < fewest)
        merit[low, low + 1 :] = np.where(empty, np.nan, np.sqrt(np.nansum(squares, axis=1)))
    return merit


def best(merit: Array, limits: tuple[int, int] = (0, 500)) -> Window:
    """The window of the highest merit inside ``limits``; of equal ones the widest. Raises ``InputError`` where no window has background."""
    low, high = limits
    inside = merit[low : high + 1, low : high + 1]
    if not np.isfinite(inside).any():
        raise InputError(f"no window between {low} and {high} GeV has background events; check the energies of the data")
    top = np.nanmax(inside)
    lows, highs = np.nonzero(inside >= top * (1.0 - TIE))
    widest = int((highs - lows).argmax())
    return Window(low + int(lows[widest]), low + int(highs[widest]))
