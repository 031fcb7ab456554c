"""Triggers of waveform files that share one layout, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from readers.trc_layout import Layout
from readers.trc_samples import ReadCodes
from readers.trc_saturation import saturated_samples
from readers.trc_times import start_times

S_TO_NS = 1e9
UNKNOWN_SOURCE = 9  # of WAVE_SOURCE


@dataclass(frozen=True, eq=False)
class TrcGroup:
    """Triggers of files with one layout. A trigger is a segment; those of a file follow each other.

    ``paths``: one for each file; ``files``: its place in the list that was given; ``headers``: the descriptors, a structured array with the field
    names of the template; ``times``: (files, segments, 2) time since the first trigger and offset of the first sample, s, or None.
    """

    layout: Layout
    paths: tuple[str, ...]
    files: NDArray[np.int64]
    headers: NDArray
    times: NDArray[np.float64] | None
    read_codes: ReadCodes

    def __len__(self) -> int:
        return len(self.paths) * self.layout.segments

    @property
    def samples(self) -> int:
        """Samples of a trigger."""
        return self.layout.samples

    @cached_property
    def codes(self) -> NDArray:
        """ADC codes (triggers, samples), int8 or int16; a view of the bytes read where order and alignment allow it."""
        return self.read_codes(0, len(self))

    @cached_property
    def v_gain(self) -> NDArray[np.float64]:
        """V per code, for each trigger."""
        return self.of_trigger("VERTICAL_GAIN")

    @cached_property
    def v_offset_v(self) -> NDArray[np.float64]:
        """V that is subtracted, for each trigger."""
        return self.of_trigger("VERTICAL_OFFSET")

    @cached_property
    def dt_ns(self) -> NDArray[np.float64]:
        """Sampling step in ns, for each trigger."""
        return self.of_trigger("HORIZ_INTERVAL") * S_TO_NS

    @cached_property
    def t0_ns(self) -> NDArray[np.float64]:
        """Time of the first sample from the segment's own trigger in ns, for each trigger."""
        return (self.of_trigger("HORIZ_OFFSET") if self.times is None else self.times[:, :, 1].reshape(-1)) * S_TO_NS

    @cached_property
    def trigger_s(self) -> NDArray[np.float64]:
        """Time since the first trigger of the file in s."""
        return np.zeros(len(self)) if self.times is None else self.times[:, :, 0].reshape(-1).copy()

    @cached_property
    def trigger_time(self) -> NDArray[np.datetime64]:
        """Trigger times by the oscilloscope's local clock (datetime64[ns]); NaT where the header has no date."""
        since = np.rint(self.trigger_s * S_TO_NS).astype("m8[ns]")
        return self._repeated(start_times(self.headers)) + since

    @property
    def coupling(self) -> NDArray[np.int64]:
        """VERT_COUPLING: 0 DC 50 ohm, 1 and 3 ground, 2 DC 1 Mohm, 4 AC 1 Mohm."""
        return self.of_trigger("VERT_COUPLING", np.int64)

    @property
    def segment(self) -> NDArray[np.int64]:
        """Number of the segment in its file."""
        return np.tile(np.arange(self.layout.segments), len(self.paths))

    @property
    def n_sat_low(self) -> NDArray[np.int64]:
        """Samples at the lower limit, for each trigger."""
        return self.saturated(0, len(self))[0]

    @property
    def n_sat_high(self) -> NDArray[np.int64]:
        """Samples at the upper limit, for each trigger."""
        return self.saturated(0, len(self))[1]

    def saturated(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Samples at the lower and at the upper limit of triggers ``first`` to ``last`` (exclusive)."""
        low, high = (self.of_trigger(name)[first:last] for name in ("MIN_VALUE", "MAX_VALUE"))
        return saturated_samples(self.codes_of(first, last), low, high)

    @property
    def channel(self) -> NDArray[np.int64]:
        """Number of the channel from 1; 0 for an unknown source (WAVE_SOURCE counts from 0 and says 9 then; LECROY_1_0 counts from 1)."""
        if "CHANNEL" in self.layout.template.fields:
            return self.of_trigger("CHANNEL", np.int64)
        source = self.of_trigger("WAVE_SOURCE", np.int64)
        return np.where(source == UNKNOWN_SOURCE, 0, source + 1)

    def codes_of(self, first: int, last: int) -> NDArray:
        """Codes of triggers ``first`` to ``last`` (exclusive), without keeping them."""
        return self.__dict__["codes"][first:last] if "codes" in self.__dict__ else self.read_codes(first, last)

    def volts(self, first: int, last: int) -> NDArray[np.float64]:
        """Waveforms in V of triggers ``first`` to ``last`` (exclusive): gain x code - offset."""
        volts = self.codes_of(first, last) * self.v_gain[first:last, None]
        volts -= self.v_offset_v[first:last, None]
        return volts

    def of_trigger(self, field: str, dtype: type = np.float64) -> NDArray:
        """A field of the descriptor for each trigger."""
        return self._repeated(self.headers[field].astype(dtype))

    def _repeated(self, values: NDArray) -> NDArray:
        return np.repeat(values, self.layout.segments) if self.layout.segments > 1 else values


@dataclass(frozen=True, eq=False)
class Batch:
    """What became of a list of files: ``groups`` in the order of their first files; ``refused``: path -> reason (which begins with the path)."""

    groups: tuple[TrcGroup, ...]
    refused: Mapping[str, str]
