"""Real LeCroy files, number by number, and the refusal of the one that is only a header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from readers import open_source
from readers.inspect import describe
from readers.registry import detect_format
from readers.trc_batch import open_batch, read_batch
from readers.trc_layout import TrcError

OLD = "LeCroy 7200 DSO"
# name: size, template, instrument, samples, segments, dt ns, t0 ns, V/code (f4), offset V, coupling, lowest and highest code, sum
GOLDEN = {
    "pulse.trc": (1361, "LECROY_2_3", "LECROYWR64Xi-A", 502, 1, 1.0, -120.745006618, 1.2499500e-4, -1.0, "DC50", -18688, 12032, -3987968),
    "pulse_sequence.trc": (20757, "LECROY_2_3", "LECROYWR64Xi-A", 502, 20, 1.0, -364.579367851, 1.2499500e-4, -1.0, "DC50", -19456, 12544, -79624960),
    "sample_001.trc": (20361, "LECROY_2_3", "LECROYWR104Xi", 10002, 1, 20.0, -4.782133533, 2.4999001e-3, 0.0, "DC1M", -16128, 11520, -23709952),
    "sample_002.trc": (10361, "LECROY_2_3", "LECROYWR104Xi", 5002, 1, 20.0, 49985.041958, 1.2499500e-5, 0.0, "DC1M", -16384, 16128, -1283072),
    "lecroy7200_trace1.000": (10325, "LECROY_1_0", OLD, 5002, 1, 1.0, -1570.224204, 6.1035157e-6, 0.125, "DC1M", 12994, 27570, 109048856),
    "lecroy7200_trace2.000": (10325, "LECROY_1_0", OLD, 5002, 1, 1.0, -1570.224204, 6.1035157e-6, 0.125, "DC1M", 14394, 28444, 99473156),
}  # fmt: skip
CHANNELS = {"pulse.trc": 2, "pulse_sequence.trc": 2, "sample_001.trc": 1, "sample_002.trc": 3, "lecroy7200_trace1.000": 1, "lecroy7200_trace2.000": 2}


@pytest.fixture
def folder(public_data: Path) -> Path:
    return public_data / "trc"


@pytest.mark.public_data
@pytest.mark.parametrize("name", GOLDEN)
def test_every_number_of_the_real_files(name: str, folder: Path) -> None:
    size, template, instrument, samples, segments, dt_ns, t0_ns, v_gain, offset_v, coupling, lowest, highest, total = GOLDEN[name]
    assert (folder / name).stat().st_size == size
    with open_source(folder / name) as source:
        events = source.events(0, len(source))
        codes = np.asarray(events.code)
        assert (codes.shape, codes.dtype) == ((segments, samples), np.int16)
        assert (codes.min(), codes.max(), codes.sum(dtype=np.int64)) == (lowest, highest, total)
        assert events.v_gain[0] == float(np.float32(v_gain))
        assert events.v_offset_v[0] == offset_v
        assert events.t0_ns[0] == pytest.approx(t0_ns, rel=1e-9)
        assert events.dt_ns[0] == float(np.float32(dt_ns * 1e-9)) * 1e9
        assert np.array_equal(np.asarray(events.waveform_v), float(np.float32(v_gain)) * codes - offset_v)
        assert (events.coupling[0], events.instrument[0], events.channel[0]) == (coupling, instrument, CHANNELS[name])
        assert events.segment.to_list() == list(range(segments))
        assert source.attributes["TEMPLATE_NAME"] == template
        assert not np.any(events.n_sat_low)
        assert not np.any(events.n_sat_high)


@pytest.mark.public_data
def test_times_of_the_real_files(folder: Path) -> None:
    (pulse,) = read_batch([str(folder / "pulse.trc")])
    assert pulse.t0_ns[0] + 501 * pulse.dt_ns[0] == pytest.approx(380.25498, abs=5e-6)  # not 380.99..., as linspace(0, N dt, N) gives
    assert pulse.trigger_time[0] == np.datetime64("2022-11-09T09:23:52.112417110", "ns")
    (old,) = read_batch([str(folder / "lecroy7200_trace1.000")])
    assert old.trigger_time[0] == np.datetime64("2019-01-08T00:25:02.36", "ns")


@pytest.mark.public_data
def test_offsets_of_the_segments_narrow_the_crossing_times(folder: Path) -> None:
    """Spec 8: sd of the 50 % crossing before the maximum is 0.3117 ns without, 0.1406 ns with the segments' own offsets."""
    with open_source(folder / "pulse_sequence.trc") as source:
        events = source.events(0, len(source))
        waveforms, t0_ns, dt_ns = np.asarray(events.waveform_v), np.asarray(events.t0_ns), events.dt_ns[0]
        assert np.ptp(t0_ns) == pytest.approx(0.91, abs=0.005)
        assert events.trigger_s[0] == 0.0
        assert np.all(np.diff(np.asarray(events.trigger_s)) > 0)
    positions = np.array([crossing(waveform) for waveform in waveforms])
    assert np.std(positions * dt_ns, ddof=1) == pytest.approx(0.3117, abs=1e-3)
    assert np.std(t0_ns + positions * dt_ns, ddof=1) == pytest.approx(0.1406, abs=1e-3)


def crossing(waveform: np.ndarray) -> float:
    """Sample at which the rising edge crosses half of baseline to maximum."""
    peak = int(np.argmax(waveform))
    base = waveform[:200].mean()
    level = base + 0.5 * (waveform[peak] - base)
    below = peak - int(np.argmax(waveform[peak::-1] < level))
    return below + (level - waveform[below]) / (waveform[below + 1] - waveform[below])


@pytest.mark.public_data
def test_a_header_without_samples_is_refused_with_its_numbers(folder: Path) -> None:
    with pytest.raises(TrcError, match=r"header\.trc: block header \(byte 0\): found 346 bytes behind the block header, expected 804346, which it "
                                       r"declares; WAVE_ARRAY_1 800800, present 0; the file is truncated: copy it again"):  # fmt: skip
        open_source(folder / "header.trc")


@pytest.mark.public_data
def test_all_real_files_as_one_source(folder: Path) -> None:
    """Entries follow the files given, whatever their layouts; the header alone is left out by name."""
    paths = [str(folder / name) for name in ("sample_002.trc", "pulse_sequence.trc", "header.trc", "pulse.trc", "sample_001.trc")]
    with open_source(paths, "trc") as source:
        assert list(source.refused) == [str(folder / "header.trc")]
        events = source.events(0, len(source))
        assert [Path(file).name for file in events.file.to_list()] == ["sample_002.trc", *["pulse_sequence.trc"] * 20, "pulse.trc", "sample_001.trc"]
        part = source.events(5, 22)
        assert part.waveform_v.to_list() == events.waveform_v[5:22].to_list()
        assert part.t0_ns.to_list() == events.t0_ns[5:22].to_list()
        sums = [int(np.sum(np.asarray(codes), dtype=np.int64)) for codes in events.code]
    assert (sums[0], sum(sums[1:21]), sums[21], sums[22]) == tuple(GOLDEN[Path(path).name][-1] for path in (paths[0], paths[1], paths[3], paths[4]))
    assert len(open_batch(paths).groups) == 4


@pytest.mark.public_data
@pytest.mark.parametrize("name", GOLDEN)
def test_knobs_agree_with_the_numbers_beside_them(name: str, folder: Path) -> None:
    """The record is ten times the time base long (PNTS_PER_SCREEN counts all segments)."""
    units = {"ns": 1e-9, "us": 1e-6}
    with open_source(folder / name) as source:
        told = source.attributes
        number, unit = told["TIMEBASE"].removesuffix("/div").split()
        samples = told["PNTS_PER_SCREEN"] / told["segments"]
        assert float(number) * units[unit] * 10 == pytest.approx(samples * told["HORIZ_INTERVAL"], rel=1e-6)
        assert (told["RECORD_TYPE"], told["PROCESSING_DONE"], told["VERT_COUPLING"]) == ("single_sweep", "none", GOLDEN[name][9])


@pytest.mark.public_data
def test_files_and_folders_are_recognised(folder: Path) -> None:
    assert detect_format(str(folder / "lecroy7200_trace1.000")) == "trc"
    assert detect_format(str(folder)) == "trc"
    assert describe(folder / "pulse_sequence.trc").entries == 20
    whole = describe(folder)
    assert (whole.entries, whole.attributes["files"], whole.attributes["files refused"]) == (23, 4, 1)
    assert any("header.trc" in note for note in whole.notes)
