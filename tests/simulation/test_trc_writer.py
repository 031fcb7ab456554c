"""What is written is read back: codes and descriptor, for every template, byte order, sample size and envelope."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from configs.errors import InputError
from readers import open_source
from readers.trc_batch import read_batch
from readers.trc_group import TrcGroup
from readers.trc_layout import TEMPLATES
from simulation.trc_writer import TrcSettings, trc_bytes, write_trc

ENVELOPES = {
    "bare": {"block_header": False},
    "block header": {},
    "reply": {"reply": b"C1:WF ALL,"},
    "reply alone": {"reply": b"C1:WF ALL,", "block_header": False},
    "text": {"user_text": b"a note of odd length."},
    "line end": {"line_end": True},
    "all": {"reply": b"TA:WF ALL,", "user_text": b"x" * 700, "line_end": True},
}
FIELDS = {
    "VERTICAL_GAIN": 3.25e-4, "VERTICAL_OFFSET": -0.75, "HORIZ_INTERVAL": 2e-10, "HORIZ_OFFSET": -1.5e-7, "VERT_COUPLING": 4, "PROBE_ATT": 10.0,
    "TRIGGER_YEAR": 2023, "TRIGGER_MONTH": 2, "TRIGGER_DAY": 28, "TRIGGER_HOUR": 23, "TRIGGER_MINUTE": 59, "TRIGGER_SECOND": 59.5,
    "INSTRUMENT_NAME": b"LECROY\xb5scope", "TRACE_LABEL": b"PMT 1", "NOMINAL_BITS": 12, "WAVE_SOURCE": 2, "CHANNEL": 3,
}  # fmt: skip


def back(path: Path) -> TrcGroup:
    (group,) = read_batch([str(path)])
    return group


@pytest.mark.parametrize(("template", "order", "dtype", "envelope"), list(product(TEMPLATES, "<>", [np.int8, np.int16], ENVELOPES)))
@pytest.mark.parametrize("segments", [1, 5])
def test_write_then_read_is_identical(template: str, order: str, dtype: type, envelope: str, segments: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    info = np.iinfo(dtype)
    codes = rng.integers(info.min, info.max, (segments, 37), dtype=dtype, endpoint=True)
    times = np.column_stack([np.arange(segments) * 1e-3, -1.5e-7 + rng.uniform(0, 2e-10, segments)])
    path = tmp_path / "a.trc"
    write_trc(path, codes, TrcSettings(template=template, order=order, fields=FIELDS, **ENVELOPES[envelope]), times)
    group = back(path)
    assert group.codes.dtype == dtype
    assert group.codes.dtype.isnative
    assert group.codes.flags.aligned
    assert np.array_equal(group.codes, codes)
    assert np.array_equal(group.t0_ns, times[:, 1] * 1e9)
    assert np.array_equal(group.trigger_s, times[:, 0])
    assert (group.layout.template_name, group.layout.order, group.samples) == (template, order, 37)
    for name in group.layout.template.fields:
        if name in FIELDS and name != "HORIZ_OFFSET":
            expected = np.asarray(FIELDS[name]).astype(group.headers.dtype[name])
            assert group.headers[name][0] == expected, name
    with open_source(path) as source:
        first = source.events(0, 1)[0]
        assert (first.instrument, first.label, first.coupling, first.channel, first.nominal_bits) == ("LECROYµscope", "PMT 1", "AC1M", 3, 12)
        assert str(first.trigger_time) == "2023-02-28T23:59:59.500000000"


@settings(max_examples=60, deadline=None)
@given(
    arrays(st.sampled_from([np.int8, np.int16]), st.tuples(st.integers(1, 4), st.integers(1, 40))),
    st.sampled_from(sorted(TEMPLATES)),
    st.sampled_from("<>"),
    st.sampled_from(sorted(ENVELOPES)),
)
def test_any_codes_survive(codes: np.ndarray, template: str, order: str, envelope: str) -> None:
    import fsspec

    with fsspec.open("memory://writer/any.trc", "wb") as file:
        file.write(trc_bytes(codes, TrcSettings(template=template, order=order, **ENVELOPES[envelope]), np.zeros((len(codes), 2))))
    (group,) = read_batch(["memory://writer/any.trc"])
    assert np.array_equal(group.codes, codes)


@pytest.mark.public_data
@pytest.mark.parametrize("name", ["pulse.trc", "pulse_sequence.trc", "sample_001.trc", "lecroy7200_trace1.000"])
def test_the_writer_repeats_real_files_byte_by_byte(name: str, public_data: Path) -> None:
    """The descriptors of an oscilloscope through reader and writer; reserved and unused bytes are copied apart."""
    content = (public_data / "trc" / name).read_bytes()
    group = back(public_data / "trc" / name)
    layout = group.layout
    values = {field: group.headers[field][0] for field in layout.template.fields}
    envelope = {"block_header": layout.declared is not None, "line_end": len(content) > layout.size}
    codes = group.codes if layout.segments > 1 else group.codes[0]
    times = None if group.times is None else group.times[0]
    written = bytearray(trc_bytes(codes, TrcSettings(layout.template_name, layout.order, fields=values, **envelope), times))
    covered = np.zeros(layout.template.size, dtype=bool)
    for offset, kind in layout.template.fields.values():
        covered[offset : offset + np.dtype(kind).itemsize] = kind[0] != "S"  # behind the NUL of a string there may be anything
    for byte in np.flatnonzero(~covered) + layout.descriptor_at:
        written[byte] = content[byte]
    assert bytes(written) == content


@pytest.mark.parametrize(
    ("codes", "times", "message"),
    [
        (np.zeros(5, np.int32), None, r"codes of type int32 and shape \(5,\); give int8 or int16, \(samples,\) or \(segments, samples\)"),
        (np.zeros((2, 5), np.int16), None, r"a sequence of 2 segments needs times \(segments, 2\)"),
        (np.zeros((2, 5), np.int16), np.zeros((3, 2)), r"times of shape \(3, 2\) for 2 segments"),
    ],
)
def test_what_cannot_be_written(codes: np.ndarray, times: np.ndarray | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        trc_bytes(codes, times=times)


def test_settings_know_templates_and_fields() -> None:
    with pytest.raises(InputError, match="no template 'LECROY_2_4'; did you mean 'LECROY_2_"):
        TrcSettings(template="LECROY_2_4")
    with pytest.raises(InputError, match="no descriptor field 'VERTICAL_GIAN'; did you mean 'VERTICAL_GAIN'"):
        TrcSettings(fields={"VERTICAL_GIAN": 1.0})
