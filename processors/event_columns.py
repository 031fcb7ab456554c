"""Columns of events as checked NumPy arrays: each quantity has its range, and a wrong value is refused with file, column, entry and cure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest

Array = NDArray[Any]
UNIT_HINT_ENTRIES = 10  # "all energies below 1e3" says nothing about a handful of events
MIN_PLAUSIBLE_GEV = 1.0e3
MAX_PLAUSIBLE_GEV = 1.0e9
NEUTRINO_TYPES = (12, -12, 14, -14, 16, -16)
MUON_TYPE = 13


@dataclass(frozen=True)
class Quantity:
    """What a column holds: its range, the values it may take, and the advice when it leaves them."""

    meaning: str
    low: float = -np.inf
    high: float = np.inf
    allowed: tuple[int, ...] = ()
    advice: str = ""
    unit_hint: str = ""  # where values lie above the range
    energy: bool = False
    nan: bool = False  # NaN says "not defined for this event"


ENERGY = Quantity(
    "energy in GeV",
    low=np.nextafter(0.0, 1.0),
    high=MAX_PLAUSIBLE_GEV,
    energy=True,
    advice="an energy in GeV is positive and below 1e9",
    unit_hint="; is it in eV?",
)
ZENITH = Quantity("zenith angle in rad", low=0.0, high=np.pi, advice="a zenith angle in rad lies in 0 to pi", unit_hint="; is it in degrees?")
COSINE = Quantity("cosine", low=-1.0, high=1.0, advice="a cosine lies in -1 to 1", unit_hint="; is it an angle?")
WEIGHT = Quantity("weight", low=0.0, advice="weights and fluxes are not negative; allow them by processor.negative_weights: allow")
ANY_WEIGHT = Quantity("weight of either sign")
LENGTH = Quantity("length in m, NaN unless a double cascade", nan=True, advice="lengths are finite, or NaN where the event is no double cascade")
MORPHOLOGY = Quantity("morphology", allowed=(0, 1, 2), advice="0 cascade, 1 track, 2 double cascade")
PRIMARY_TYPE = Quantity(
    "primary type", allowed=(*NEUTRINO_TYPES, MUON_TYPE), advice="PDG codes +-12, +-14, +-16 of neutrinos, 13 for atmospheric muons"
)
FLAVOUR = Quantity("flavour", allowed=(0, 12, 14, 16), advice="12, 14, 16 for nu + nubar of a flavour, 0 for the atmosphere")


@dataclass(frozen=True)
class Place:
    """Where a chunk of events comes from, for messages."""

    filename: str
    entrystart: int = 0

    def entry(self, index: int) -> str:
        """Entry of the file, given its position in the chunk."""
        return f"entry {self.entrystart + int(index)}"


def require(fields: Iterable[str], wanted: Iterable[str], place: Place) -> None:
    """Refuse events that lack any of ``wanted``; the ``InputError`` lists all that are missing, each with the nearest of the names that are
    present and stand for nothing else, and all names that are present when one of them resembles none."""
    needed, present = list(wanted), list(fields)
    missing = [name for name in needed if name not in present]
    if missing:
        hints = {name: _hint(name, present, needed) for name in missing}
        unlike = [name for name, hint in hints.items() if "did you mean" not in hint]
        listed = ", ".join(f"{name!r}{'' if name in unlike else hint}" for name, hint in hints.items()) + (hints[unlike[0]] if unlike else "")
        raise InputError(f"{place.filename}: missing columns: {listed}; rename with the data set's columns: {{our_name: name_in_file}}")


def _hint(name: str, present: list[str], needed: list[str]) -> str:
    """The nearest present name that is none of those needed, else all that are present."""
    close = nearest(name, [one for one in present if one not in needed])
    return close if "did you mean" in close else f"; present: {', '.join(sorted(present))}"


def read(events: ak.Array, quantities: Mapping[str, Quantity], place: Place) -> dict[str, Array]:
    """Return name -> array of numbers, one per event, after the checks. Only these columns are loaded. Raises ``InputError``."""
    return {name: _checked(_numbers(events[name], name, place), name, quantity, place) for name, quantity in quantities.items()}


def _numbers(column: ak.Array, name: str, place: Place) -> Array:
    """A flat numeric array; missing values (JSON ``null``) become NaN."""
    if "?" in str(column.type) or "option" in str(column.type):
        column = ak.fill_none(column, np.nan, axis=0)
    kind = str(ak.type(column).content)
    try:
        values = ak.to_numpy(column, allow_missing=False)
    except ValueError:
        values = np.empty(0, dtype=object)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise InputError(f"{place.filename}: column {name!r} holds {kind}, expected one number per event")
    return values


def _checked(values: Array, name: str, quantity: Quantity, place: Place) -> Array:
    if len(values) == 0:
        return values
    if quantity.allowed:
        return _among(values, name, quantity, place)
    if quantity.nan:
        _refuse(np.isinf(values), values, name, quantity.advice, place)
        return values
    low, high = values.min(), values.max()  # NaN if any value is
    if not (np.isfinite(low) and np.isfinite(high)):
        _refuse(~np.isfinite(values), values, name, f"every {quantity.meaning} must be a finite number; correct these events or take them out", place)
    if low < quantity.low or high > quantity.high:
        advice = quantity.advice + (quantity.unit_hint if high > quantity.high else "")
        _refuse((values < quantity.low) | (values > quantity.high), values, name, advice, place)
    if quantity.energy and high < MIN_PLAUSIBLE_GEV and len(values) >= UNIT_HINT_ENTRIES:
        raise InputError(
            f"{place.filename}: column {name!r}: all {len(values)} energies are below 1e3 (largest {high:g}); energies are in GeV: is it TeV?"
        )
    return values


def _among(values: Array, name: str, quantity: Quantity, place: Place) -> Array:
    if (
        values.dtype.kind in "iu"
        and _fills_range(quantity.allowed)
        and values.min() >= min(quantity.allowed)
        and values.max() <= max(quantity.allowed)
    ):
        return values
    wrong = ~np.isin(values, quantity.allowed)
    if wrong.any():
        found = ", ".join(f"{value:g}" for value in np.unique(values[wrong])[:8])
        _refuse(wrong, values, name, f"unknown {quantity.meaning} {found}; known: {quantity.advice}", place)
    return values


def _fills_range(allowed: tuple[int, ...]) -> bool:
    """Whether these are all whole numbers of a range: then the extremes decide, which is faster."""
    return len(allowed) == max(allowed) - min(allowed) + 1


def _refuse(wrong: NDArray[np.bool_], values: Array, name: str, advice: str, place: Place) -> None:
    if wrong.any():
        first = np.flatnonzero(wrong)[0]
        count = f"{np.count_nonzero(wrong)} of {len(values)} values are wrong"
        raise InputError(f"{place.filename}: column {name!r}: {count}, first {values[first]:g} at {place.entry(first)}; {advice}")


def refuse_events(wrong: NDArray[np.bool_], place: Place, message: str) -> None:
    """Refuse a chunk in which any event is marked wrong: ``message`` says what and what next; number and first entry are added."""
    if wrong.any():
        raise InputError(f"{place.filename}: {np.count_nonzero(wrong)} event(s), first at {place.entry(np.flatnonzero(wrong)[0])}: {message}")
