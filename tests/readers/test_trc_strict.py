"""Wrong waveform files are refused: the message names file, field, byte, what was found, what was expected, and the cure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from readers import SourceError, open_source
from readers.trc_batch import open_batch, read_batch
from readers.trc_layout import TEMPLATES, TrcError
from simulation.trc_writer import TrcSettings, trc_bytes

CODES = np.arange(-20, 20, dtype=np.int16) * 256
TIMES = np.column_stack([np.arange(4) * 1e-3, np.full(4, -1e-8)])
PREFIX = 11  # bytes of the block header
AGAIN = r"the file is truncated: copy it again, or download it again \(--refresh\)"
DAMAGED = "the file is damaged: copy it again"


def single(**fields: Any) -> bytes:
    return trc_bytes(CODES, **fields)


def sequence(**fields: Any) -> bytes:
    return trc_bytes(CODES.reshape(4, 10), TrcSettings(), TIMES, **fields)


def bare(**fields: Any) -> bytes:
    return trc_bytes(CODES, TrcSettings(block_header=False), **fields)


def old(**fields: Any) -> bytes:
    return trc_bytes(CODES, TrcSettings(template="LECROY_1_0"), **fields)


def edited(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


PROCESSED = r"averaged or processed trace: no per-pulse statistics; set processor\.allow_processed"
REFUSED = {
    "another format": (b"PAR1" * 50, r"first bytes \(byte 0\): found b'PAR1PAR1PAR1PAR1PAR1PAR1'\.\.\., expected WAVEDESC within"),
    "web page": (b"\n <!DOCTYPE html><html>", r"first bytes \(byte 0\): found a web page \(.*\), expected a LeCroy waveform; a login"),
    "prefix": (b"garbage" + single(), r"block header \(byte 0\): found b'garbage#9000000426', expected nothing, or"),
    "digits": (edited(single(), 1, b"8"), r"block header \(byte 0\): found b'#8000000426', expected nothing, or '#'"),
    "mark too far": (b"C1:WF" + b" " * 70 + b"," + single(), r"first bytes \(byte 0\): found b'C1:WF +'\.\.\., expected WAVEDESC within"),
    "only the mark": (b"#9000000426WAVEDESC", rf"TEMPLATE_NAME|descriptor \(byte 11\): found 8 bytes, expected at least 320; {AGAIN}"),
    "descriptor cut": (single()[:200], rf"descriptor \(byte 11\): found 189 bytes, expected 346 of template LECROY_2_3; {AGAIN}"),
    "order": (edited(single(), PREFIX + 34, b"\2\0"), r"COMM_ORDER \(byte 45\): found bytes 02 00, expected 01 00 \(little endian\) or"),
    "type": (edited(single(), PREFIX + 32, b"\3\0"), r"COMM_TYPE \(byte 43\): found 3, expected 0 \(8 bits\) or 1 \(16 bits\)"),
    "template": (edited(single(), PREFIX + 16, b"LECROY_3_0"), r"TEMPLATE_NAME \(byte 27\): found 'LECROY_3_0', expected one of LECROY_1_0"),
    "descriptor length": (single(WAVE_DESCRIPTOR=348), r"WAVE_DESCRIPTOR \(byte 47\): found 348 bytes, expected 346, the descriptor of LECROY_2_3"),
    "negative block": (single(USER_TEXT=-4), rf"USER_TEXT \(byte 51\): found a length of -4 bytes, expected 0 or more; {DAMAGED}"),
    "huge block": (bare(RES_DESC1=2_000_000_000), r"WAVE_ARRAY_1 \(byte 2000000346\): found 0 of 80 bytes of samples, expected 80 bytes"),
    "no samples": (single(WAVE_ARRAY_COUNT=0), r"WAVE_ARRAY_COUNT \(byte 127\): found 0, expected at least one sample; the trace is empty"),
    "no segments": (single(SUBARRAY_COUNT=0), r"SUBARRAY_COUNT \(byte 155\): found 0, expected at least one segment"),
    "trigger times of odd length": (
        trc_bytes(CODES, TrcSettings(block_header=False, user_text=b"x" * 8), USER_TEXT=0, TRIGTIME_ARRAY=8),
        r"TRIGTIME_ARRAY \(byte 48\): found 8 bytes, expected a multiple of 16",
    ),
    "trigger times missing": (single(SUBARRAY_COUNT=4), r"TRIGTIME_ARRAY \(byte 59\): found 0 entries, expected SUBARRAY_COUNT 4; the segments' own"),
    "trigger times too few": (sequence(SUBARRAY_COUNT=5), r"TRIGTIME_ARRAY \(byte 59\): found 4 entries, expected SUBARRAY_COUNT 5"),
    "RIS times": (
        trc_bytes(CODES, TrcSettings(block_header=False, user_text=b"x" * 12), USER_TEXT=0, RIS_TIME_ARRAY=12),
        r"RIS_TIME_ARRAY \(byte 52\): found 12 bytes, expected a multiple of 8",
    ),
    "count": (single(WAVE_ARRAY_COUNT=39), rf"WAVE_ARRAY_1 \(byte 71\): found 80 bytes, expected WAVE_ARRAY_COUNT 39 x 2 bytes = 78; {DAMAGED}"),
    "not divisible": (sequence(SUBARRAY_COUNT=3), r"WAVE_ARRAY_COUNT \(byte 127\): found 40 samples, expected a multiple of SUBARRAY_COUNT 3"),
    "samples cut": (bare()[:-7], r"WAVE_ARRAY_1 \(byte 346\): found 73 of 80 bytes of samples, expected 80 bytes \(a file of 426, not 419\);"),
    "cut behind a block header": (single()[:-7], r"block header \(byte 0\): found 419 bytes behind the block header, expected 426, .*present 73"),
    "two files in one": (single() + single(), r"block header \(byte 0\): found 863 bytes behind the block header, expected 426, .* two files"),
    "bytes behind": (bare() + b"\n\n", r"blocks \(byte 426\): found 2 bytes behind the declared blocks, expected none, or one line end"),
    "no line end": (bare() + b"x", r"blocks \(byte 426\): found the byte 0x78 behind them, expected nothing, or a line end"),
    "block header lies": (
        edited(single(), 2, b"000000425"),
        r"block header \(byte 0\): found 425 bytes declared, expected 426, the sum of descriptor and blocks",
    ),
    "first valid": (single(FIRST_VALID_PNT=40), r"FIRST_VALID_PNT \(byte 135\): found 40, expected a sample of the record"),
    "last valid": (single(LAST_VALID_PNT=-1), r"LAST_VALID_PNT \(byte 139\): found -1, expected a sample of the record"),
    "valid reversed": (single(FIRST_VALID_PNT=9, LAST_VALID_PNT=3), r"FIRST_VALID_PNT \(byte 135\): found 9, expected at most LAST_VALID_PNT 3"),
    "step zero": (single(HORIZ_INTERVAL=0.0), r"HORIZ_INTERVAL \(byte 187\): found 0\.0, expected a positive step in s"),
    "step not a number": (single(HORIZ_INTERVAL=np.nan), r"HORIZ_INTERVAL \(byte 187\): found nan, expected a positive step in s"),
    "step infinite": (old(HORIZ_INTERVAL=np.inf), r"HORIZ_INTERVAL \(byte 145\): found inf, expected a positive step in s"),
    "offset in time": (single(HORIZ_OFFSET=np.nan), r"HORIZ_OFFSET \(byte 191\): found nan, expected a time in s, at most 30 years"),
    "a step of years": (single(HORIZ_INTERVAL=1e8), r"HORIZ_INTERVAL \(byte 187\): found 100000000\.0, expected a positive step in s"),
    "gain zero": (single(VERTICAL_GAIN=0.0), r"VERTICAL_GAIN \(byte 167\): found 0\.0, expected a finite number of V per code, not zero"),
    "gain not a number": (old(VERTICAL_GAIN=np.nan), r"VERTICAL_GAIN \(byte 131\): found nan, expected a finite number of V per code, not zero"),
    "offset infinite": (single(VERTICAL_OFFSET=np.inf), r"VERTICAL_OFFSET \(byte 171\): found inf, expected a finite voltage"),
    "limits": (single(MAX_VALUE=-1.0, MIN_VALUE=1.0), r"MAX_VALUE \(byte 175\): found -1\.0, expected a number above MIN_VALUE 1\.0"),
    "amperes": (single(VERTUNIT=b"A"), r"VERTUNIT \(byte 207\): found 'A', expected 'V'; only voltages are read"),
    "hertz": (old(HORUNIT=b"Hz"), r"HORUNIT \(byte 213\): found 'Hz', expected 'S'; only traces over time are read"),
    "histogram": (single(RECORD_TYPE=2), r"RECORD_TYPE \(byte 327\): found 2 \(histogram\), expected a trace over time; record the channel itself"),
    "trend": (old(RECORD_TYPE=3), r"RECORD_TYPE \(byte 281\): found 3 \(trend\), expected a trace over time"),
    "unknown record": (single(RECORD_TYPE=77), r"RECORD_TYPE \(byte 327\): found 77, expected a trace over time"),
    "filtered": (single(PROCESSING_DONE=1), rf"PROCESSING_DONE \(byte 329\): found 1 \(fir_filter\), expected 0 \(none\); {PROCESSED}"),
    "preprocessed": (old(PROCESSING_DONE=7), rf"PROCESSING_DONE \(byte 283\): found 7 \(preprocessed\), expected 0 \(none\); {PROCESSED}"),
    "averaged": (single(SWEEPS_PER_ACQ=100), rf"SWEEPS_PER_ACQ \(byte 159\): found 100, expected 1; {PROCESSED}"),
    "sparsed": (single(SPARSING_FACTOR=4), r"SPARSING_FACTOR \(byte 147\): found 4, expected 1; times not placeable: save all points"),
    "not from the first point": (single(FIRST_POINT=100), r"FIRST_POINT \(byte 143\): found 100, expected 0; times not placeable: save the"),
    "segment without a time": (
        trc_bytes(CODES.reshape(4, 10), TrcSettings(), np.where(np.arange(8).reshape(4, 2) == 5, np.nan, TIMES)),
        r"TRIGTIME_ARRAY\[2\] \(byte 397\): found nan, expected a time in s, at most 30 years",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_file_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    content, message = REFUSED[name]
    path = tmp_path / "wrong.trc"
    path.write_bytes(content)
    with pytest.raises(TrcError, match=rf"{path}: (?:{message})") as caught:
        open_source(path)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_file_spoils_no_batch(name: str, tmp_path: Path) -> None:
    """Also where it looks like the others: same size, same layout, one field wrong."""
    content, _ = REFUSED[name]
    good = {"single": single(), "bare": bare(), "sequence": sequence(), "old": old()}
    paths = []
    for number, (kind, right) in enumerate([*good.items()] * 2):
        paths.append(tmp_path / f"{number}_{kind}.trc")
        paths[-1].write_bytes(right)
    (tmp_path / "4_wrong.trc").write_bytes(content)
    paths.insert(4, tmp_path / "4_wrong.trc")
    with open_source(list(map(str, paths)), "trc") as source:
        assert list(source.refused) == [str(paths[4])]
        events = source.events(0, len(source))
        assert len(events) == 2 * (3 + 4)
        assert list(dict.fromkeys(Path(file).name for file in events.file.to_list())) == [path.name for path in paths if "wrong" not in path.name]
        assert np.array_equal(np.concatenate([np.asarray(codes) for codes in events.code]), np.tile(CODES, 8))


def test_averaged_traces_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.trc"
    path.write_bytes(single(SWEEPS_PER_ACQ=100, PROCESSING_DONE=7))
    with open_source(path, "trc_processed") as source:
        assert source.events(0, 1).code.to_list() == [CODES.tolist()]
        assert source.attributes["SWEEPS_PER_ACQ"] == 100
    (group,) = read_batch([str(path)], allow_processed=True)
    assert np.array_equal(group.codes[0], CODES)


def test_what_stands_behind_a_unit_does_not_matter(tmp_path: Path) -> None:
    """Strings end at the first NUL; an oscilloscope leaves what was there before."""
    path = tmp_path / "a.trc"
    path.write_bytes(single(VERTUNIT=b"V\0olts", HORUNIT=b"S\0Hz"))
    assert len(read_batch([str(path)])) == 1
    path.write_bytes(single(VERTUNIT=b"Volts"))
    with pytest.raises(TrcError, match="VERTUNIT .* found 'Volts'"):
        read_batch([str(path)])


def test_unlisted_values_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.trc"
    path.write_bytes(single(VERT_COUPLING=12, TIMEBASE=99, WAVE_SOURCE=9, TRIGGER_MONTH=0))
    with open_source(path) as source:
        first = source.events(0, 1)[0]
        assert (first.coupling, first.channel, source.attributes["TIMEBASE"]) == ("12", 0, 99)
        assert source.attributes["VERT_COUPLING"] == 12
        assert np.isnat(np.datetime64(first.trigger_time))


def test_every_refused_file_is_in_the_message(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.trc").write_bytes(single()[:-1])
    (tmp_path / "c.trc").write_bytes(single())
    paths = [str(tmp_path / f"{name}.trc") for name in "abc"]
    with pytest.raises(TrcError, match=r"a\.trc: block header[^\n]*\n[^\n]*b\.trc: block header") as caught:
        read_batch(paths)
    assert list(caught.value.refused) == paths[:2]
    assert len(open_batch(paths).groups[0]) == 1
    with pytest.raises(TrcError, match=r"none of 2 files can be used; the first: .*a\.trc: block header"):
        open_source(paths[:2], "trc")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.trc")
    (tmp_path / "folder.trc").mkdir()
    (tmp_path / "empty.trc").touch()
    (tmp_path / "good.trc").write_bytes(single())
    batch = open_batch([str(tmp_path / f"{name}.trc") for name in ("pipe", "folder", "empty", "missing", "good")])
    reasons = {Path(path).stem: reason for path, reason in batch.refused.items()}
    assert "is no regular file (a pipe or a device)" in reasons["pipe"]
    assert "is a directory" in reasons["folder"]
    assert "is empty (0 bytes)" in reasons["empty"]
    assert "no such file" in reasons["missing"]
    assert len(batch.groups) == 1


def test_other_arguments_that_make_no_sense(tmp_path: Path) -> None:
    (tmp_path / "a.trc").write_bytes(single())
    (tmp_path / "nothing").mkdir()
    with pytest.raises(TrcError, match=r"a\.trc: waveform files have no tree 'x'; leave tree out"):
        open_source(tmp_path / "a.trc", tree="x")
    with pytest.raises(TrcError, match=r"nothing: no LeCroy waveform files in this folder"):
        open_source(tmp_path / "nothing", "trc")
    with pytest.raises(SourceError, match=r"nothing: is a directory; give its files"):
        open_source(tmp_path / "nothing")


def test_tables_of_fields_do_not_overlap_and_fill_the_descriptor() -> None:
    """Every byte of a descriptor belongs to one field, or is reserved: 112..116 and 320..322 of 2_3, 318..320 of 1_0, unused ends of the times."""
    for name, template in TEMPLATES.items():
        covered = np.zeros(template.size, dtype=int)
        for offset, kind in template.fields.values():
            covered[offset : offset + np.dtype(kind).itemsize] += 1
        reserved = {318, 319, 264, 265} if name == "LECROY_1_0" else {112, 113, 114, 115, 320, 321, 310, 311}
        assert covered.max() == 1
        assert set(np.flatnonzero(covered == 0).tolist()) == reserved
