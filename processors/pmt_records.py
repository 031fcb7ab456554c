"""Triggers of one point as arrays: waveforms of one length and one sampling, upright, with what their headers say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from configs import pmt_gain
from configs.errors import InputError
from processors.waveforms import Array, upright

DC_50_OHM, LOAD_OHM = "DC50", 50.0  # the input's coupling that is a load of its own
CODES = ("code", "v_gain", "v_offset_v")
BLOCK = 2048  # triggers whose waveforms are volts at a time: bounds the memory


@dataclass(frozen=True, eq=False)
class Records:
    """Triggers: waveforms (n, samples) in V with negative pulses, time of the first sample of each from its own trigger, samples at a limit."""

    waveform_v: Array
    t0_ns: Array
    saturated_low: NDArray[np.bool_]
    saturated_high: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.t0_ns)


@dataclass(frozen=True)
class Sampling:
    """What all triggers of a point share. ``coupling`` of the oscilloscope's input: DC50, DC1M ...; None where the format does not say."""

    dt_ns: float
    samples: int
    coupling: str | None

    def __str__(self) -> str:
        return f"{self.samples} samples of {self.dt_ns:g} ns, coupling {self.coupling or 'unknown'}"


def sampling(events: ak.Array) -> Sampling:
    """Step, length and coupling of all triggers. Raises ``InputError`` naming two files where they are mixed."""
    _require(events)
    lengths = np.asarray(ak.num(_stored(events), axis=1))
    keys: dict[str, Any] = {"dt_ns": np.asarray(events["dt_ns"]), "samples": lengths}
    if "coupling" in events.fields:
        keys["coupling"] = np.asarray(events["coupling"])
    for name, values in keys.items():
        if len(other := np.flatnonzero(values != values[:1])):
            raise InputError(
                f"{name} is mixed inside one point: {values[0]} in {file_of(events, 0)}, {values[other[0]]} in {file_of(events, int(other[0]))}; "
                f"make points of equal records, or record the odd files again"
            )
    coupling = str(keys["coupling"][0]) if "coupling" in keys else None
    return Sampling(float(keys["dt_ns"][0]), int(lengths[0]), coupling)


def check_sampling(events: ak.Array, expected: Sampling) -> None:
    """Refuse triggers that are not sampled as the plan of their point says with ``InputError``."""
    found = sampling(events)
    if found != expected:
        raise InputError(
            f"{file_of(events, 0)}: {found}, but its point has {expected}; dt, length and coupling must agree inside a point (an LED-off point "
            f"is read like its LED point): make points of equal records"
        )


def blocks(events: ak.Array, polarity: Any, size: int = BLOCK) -> Iterator[tuple[slice, Records]]:
    """Triggers in blocks of at most ``size``, with their place among the events."""
    t0_ns = np.asarray(events["t0_ns"], dtype=np.float64)
    low, high = (_saturated(events, name) for name in ("n_sat_low", "n_sat_high"))
    volts = _volts(events)
    for start in range(0, len(events), size):
        rows = slice(start, min(start + size, len(events)))
        yield rows, Records(upright(volts(rows), polarity), t0_ns[rows], low[rows], high[rows])


def load_of(coupling: str | None, options: pmt_gain.Processor) -> float:
    """The load in ohm: as configured, or with ``auto`` that of an input that is one. Raises ``InputError`` for other inputs: the load is outside."""
    if options.load_ohm != "auto":
        return options.load_ohm
    if coupling == DC_50_OHM:
        return LOAD_OHM
    raise InputError(f"processor.load_ohm is auto, but the coupling of the input is {coupling or 'not known'}: set the load outside in ohm")


def coupling_mismatch(coupling: str | None, options: pmt_gain.Processor) -> str | None:
    """What to say where charges are taken over 50 ohm but the oscilloscope's input was not; nothing where all is well or unknown."""
    if coupling is None or coupling == DC_50_OHM or options.load_ohm != LOAD_OHM:
        return None
    return f"the input was coupled {coupling}, but processor.load_ohm is 50: charges hold only if the line was terminated outside; else set load_ohm"


def _volts(events: ak.Array) -> Any:
    if all(name in events.fields for name in CODES):
        codes = np.asarray(ak.to_regular(events["code"]))
        gain, offset = np.asarray(events["v_gain"]), np.asarray(events["v_offset_v"])
        return lambda rows: codes[rows] * gain[rows, None] - offset[rows, None]
    values = np.asarray(ak.to_regular(events["waveform_v"]))
    return lambda rows: values[rows]


def _saturated(events: ak.Array, name: str) -> NDArray[np.bool_]:
    return np.asarray(events[name]) > 0 if name in events.fields else np.zeros(len(events), bool)


def _require(events: ak.Array) -> None:
    missing = [name for name in ("dt_ns", "t0_ns") if name not in events.fields]
    if "waveform_v" not in events.fields and not all(name in events.fields for name in CODES):
        missing.append("waveform_v")
    if missing:
        raise InputError(
            f"{file_of(events, 0)}: no column {missing[0]!r}; waveforms need waveform_v, dt_ns and t0_ns (columns: renames what a file calls else)"
        )


def _stored(events: ak.Array) -> ak.Array:
    return events["code" if "code" in events.fields else "waveform_v"]


def file_of(events: ak.Array, row: int) -> str:
    """Path of the file of a trigger, as far as it is known."""
    if "file" in events.fields:
        return str(events["file"][row])
    return str(events.attrs.get("metadata", {}).get("filename", "events"))
