"""LeCroy waveform files (``.trc``) as a source: one entry for each trigger, of one file, of many small ones, or of a folder of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from readers.columns import STRING_FORM, ColumnSource, as_content, as_strings, numpy_form
from readers.events import LazyColumn
from readers.files import is_url
from readers.trc_batch import open_batch
from readers.trc_group import Batch, TrcGroup
from readers.trc_layout import MARK, MARK_WITHIN, TrcError, is_trc, text
from readers.trc_summary import COUPLINGS, Attributes, remarks

ENDING = ".trc"
PACK_ENDINGS = (".parquet", ".pq")
Values = Callable[[TrcGroup, int, int], NDArray]  # triggers first to last of a group -> one value each
Words = Callable[[TrcGroup], list[str]]  # one word for each file


def _sliced(values: Callable[[TrcGroup], NDArray]) -> Values:
    return lambda group, first, last: values(group)[first:last]


NUMBERS: dict[str, tuple[Values, str, str, str]] = {  # name -> values of a group, type, unit, meaning
    "v_gain": (_sliced(lambda group: group.v_gain), "f8", "V", "volts per code"),
    "v_offset_v": (_sliced(lambda group: group.v_offset_v), "f8", "V", "subtracted from gain x code"),
    "dt_ns": (_sliced(lambda group: group.dt_ns), "f8", "ns", "sampling step"),
    "t0_ns": (_sliced(lambda group: group.t0_ns), "f8", "ns", "first sample, from the segment's own trigger"),
    "trigger_s": (_sliced(lambda group: group.trigger_s), "f8", "s", "since the first trigger of the file"),
    "trigger_time": (_sliced(lambda group: group.trigger_time), "M8[ns]", "", "the oscilloscope's local clock"),
    "n_sat_low": (lambda group, first, last: group.saturated(first, last)[0], "i8", "", "samples at the lower limit"),
    "n_sat_high": (lambda group, first, last: group.saturated(first, last)[1], "i8", "", "samples at the upper limit"),
    "probe_att": (_sliced(lambda group: group.of_trigger("PROBE_ATT")), "f8", "", "attenuation of the probe, not applied"),
    "nominal_bits": (_sliced(lambda group: group.of_trigger("NOMINAL_BITS", np.int64)), "i8", "", "of the converter"),
    "channel": (_sliced(lambda group: group.channel), "i8", "", "1 to 4; 0 unknown"),
    "segment": (_sliced(lambda group: group.segment), "i8", "", "in its file"),
}


class TrcSource(ColumnSource):
    """Triggers of waveform files in the order of the files. ``refused``: path -> reason of those left out; ``batch``: the arrays behind."""

    def __init__(
        self, paths: Sequence[str], batch: Batch, *, name: str = "", format_name: str = "trc", close: Callable[[], None] | None = None
    ) -> None:
        self.format = format_name
        self.batch = batch
        self.refused: Mapping[str, str] = batch.refused
        self.file_count = len(paths)
        columns = _columns(batch.groups)
        super().__init__(name or short_name(paths), sum(len(group) for group in batch.groups), columns, close=close)
        self.attributes = Attributes(batch)
        self.remarks: tuple[str, ...] = remarks(batch)


def open_trc(paths: Sequence[str], tree: str | None = None, *, allow_processed: bool = False) -> TrcSource:
    """Open waveform files, folders of them, or one pack of them (``trc_pack``) as one source.

    Files that are refused are left out and named in ``refused``. Raises ``TrcError`` when a single file is refused, or every one.
    """
    if len(paths) == 1 and paths[0].lower().endswith(PACK_ENDINGS):
        from readers.trc_packed import open_trc_pack

        return open_trc_pack(paths, tree, allow_processed=allow_processed)
    files = [file for path in paths for file in (expand(path) if len(paths) == 1 or not path.lower().endswith(ENDING) else (path,))]
    if tree is not None:
        raise TrcError(f"{short_name(files)}: waveform files have no tree {tree!r}; leave tree out")
    batch = open_batch(files, allow_processed=allow_processed)
    if not batch.groups:
        reasons = list(batch.refused.values())
        raise TrcError(reasons[0] if len(reasons) == 1 else f"none of {len(reasons)} files can be used; the first: {reasons[0]}", batch.refused)
    return TrcSource(files, batch, name=paths[0] if len(paths) == 1 else "")


def open_trc_processed(paths: Sequence[str], tree: str | None = None) -> TrcSource:
    """The same, which also takes averaged and filtered traces."""
    return open_trc(paths, tree, allow_processed=True)


def expand(path: str) -> list[str]:
    """The waveform files of a folder (``*.trc`` at any depth, else whatever begins like one), sorted; a file or URL as it is."""
    if is_url(path) or not Path(path).is_dir():
        return [path]
    inside = sorted(file for file in Path(path).rglob("*") if file.is_file())
    named = [file for file in inside if file.suffix.lower() == ENDING]
    found = [str(file) for file in named or filter(_begins_like_one, inside)]
    if not found:
        raise TrcError(f"{path}: no LeCroy waveform files in this folder (*{ENDING}, or files that begin with {MARK.decode()}); check the path")
    return found


def short_name(paths: Sequence[str]) -> str:
    """One path, or the first of many and how many more."""
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _begins_like_one(file: Path) -> bool:
    with file.open("rb") as handle:
        return is_trc(handle.read(MARK_WITHIN))


def _columns(groups: Sequence[TrcGroup]) -> list[LazyColumn]:
    place = Places(groups)
    columns = [
        _of_samples("waveform_v", groups, place, _volts, np.dtype("f8"), "V", "gain x code - offset"),
        _of_samples("code", groups, place, _codes, np.result_type(*(group.layout.sample_type for group in groups)), "", "ADC codes"),
    ]
    for name, (values, kind, unit, meaning) in NUMBERS.items():
        columns.append(LazyColumn(name, numpy_form(np.dtype(kind)), partial(_numbers, groups, place, values, kind), unit=unit, meaning=meaning))
    for name, (words, meaning) in WORDS.items():
        columns.append(LazyColumn(name, STRING_FORM, partial(_strings, groups, place, words), meaning=meaning))
    return columns


class Places:
    """Which triggers of which groups the entries of a source are: entries follow the files, the triggers of a group its own files."""

    def __init__(self, groups: Sequence[TrcGroup]) -> None:
        owner = np.concatenate([np.full(len(group), number) for number, group in enumerate(groups)])
        files = np.concatenate([np.repeat(group.files, group.layout.segments) for group in groups])
        self._owner = owner[np.argsort(files, kind="stable")]
        self._groups = range(len(groups))

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int, int, NDArray[np.intp] | slice]]:
        """Number of the group, its triggers first to last, and which of the entries ``start`` to ``stop`` they are."""
        if len(self._groups) == 1:
            yield 0, start, stop, slice(None)
            return
        before, inside = self._owner[:start], self._owner[start:stop]
        for number in self._groups:
            here = np.flatnonzero(inside == number)
            if len(here):
                first = int(np.count_nonzero(before == number))
                yield number, first, first + len(here), here


def _numbers(groups: Sequence[TrcGroup], place: Places, values: Values, kind: str, start: int, stop: int) -> NDArray:
    result = np.empty(stop - start, dtype=kind)
    for number, first, last, here in place.spans(start, stop):
        result[here] = values(groups[number], first, last)
    return result


def _volts(group: TrcGroup, first: int, last: int) -> NDArray:
    return group.volts(first, last)


def _codes(group: TrcGroup, first: int, last: int) -> NDArray:
    return group.codes_of(first, last)


def _of_samples(name: str, groups: Sequence[TrcGroup], place: Places, values: Values, dtype: np.dtype, unit: str, meaning: str) -> LazyColumn:
    """A column of samples: lists of one length where all groups have it, else of any."""
    lengths = {group.samples for group in groups}
    load = partial(_regular if len(lengths) == 1 else _jagged, groups, place, values, dtype)
    form = numpy_form(dtype, tuple(lengths)) if len(lengths) == 1 else ak.forms.ListOffsetForm("i64", numpy_form(dtype))
    return LazyColumn(name, form, load, unit=unit, meaning=meaning)


def _regular(groups: Sequence[TrcGroup], place: Places, values: Values, dtype: np.dtype, start: int, stop: int) -> Any:
    if len(groups) == 1:
        return as_content(values(groups[0], start, stop))
    result = np.empty((stop - start, groups[0].samples), dtype=dtype)
    for number, first, last, here in place.spans(start, stop):
        result[here] = values(groups[number], first, last)
    return as_content(result)


def _jagged(groups: Sequence[TrcGroup], place: Places, values: Values, dtype: np.dtype, start: int, stop: int) -> Any:
    spans = list(place.spans(start, stop))
    lengths = np.zeros(stop - start, dtype=np.int64)
    for number, _, _, here in spans:
        lengths[here] = groups[number].samples
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    content = np.empty(offsets[-1], dtype=dtype)
    for number, first, last, here in spans:
        places = offsets[:-1][here][:, None] + np.arange(groups[number].samples)
        content[places] = values(groups[number], first, last)
    return ak.contents.ListOffsetArray(ak.index.Index64(offsets), ak.contents.NumpyArray(content))


def _coupling(group: TrcGroup) -> list[str]:
    return [COUPLINGS.get(int(code), str(code)) for code in group.headers["VERT_COUPLING"]]


def _field(name: str) -> Words:
    return lambda group: [text(bytes(value)) for value in group.headers[name]]


WORDS: dict[str, tuple[Words, str]] = {  # name -> one word for each file of a group, meaning
    "coupling": (_coupling, "DC50, DC1M, AC1M, GND, or the number of another"),
    "instrument": (_field("INSTRUMENT_NAME"), "model"),
    "label": (_field("TRACE_LABEL"), "given by the user of the oscilloscope"),
    "file": (lambda group: list(group.paths), "path"),
}


def _strings(groups: Sequence[TrcGroup], place: Places, words: Words, start: int, stop: int) -> Any:
    result = [""] * (stop - start)
    for number, first, last, here in place.spans(start, stop):
        of_files, segments = words(groups[number]), groups[number].layout.segments
        entries = range(stop - start) if isinstance(here, slice) else here.tolist()
        for entry, trigger in zip(entries, range(first, last), strict=True):
            result[entry] = of_files[trigger // segments]
    return as_strings(result)
