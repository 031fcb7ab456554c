"""Which time convention a file follows, and what is subtracted."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from hit_files import changed, made_events, put

from readers import SourceError, open_source
from readers.digihit_writer import write_digihit
from readers.time_origin import offsets_ns, time_origin


def firsts(values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """One event for each first hit, with a second hit 5 ns later."""
    times = np.ravel(np.column_stack([values, np.add(values, 5.0)]))
    return times.astype(np.float32), np.arange(0, len(times) + 1, 2)


@pytest.mark.parametrize(
    ("values", "convention", "offset"),
    [([0.0] * 50, "relative", 0), ([0.0] * 99 + [3.0], "relative", 0), ([930.0, 955.0, 1020.0], "raw", 950), ([700.0], "raw", 700 + 250)],
)
def test_conventions(values: list[float], convention: str, offset: float) -> None:
    found = time_origin(*firsts(values))
    assert (found.convention, found.offset_ns, found.median_ns) == (convention, offset, pytest.approx(np.median(values)))


def test_events_without_hits_do_not_count() -> None:
    found = time_origin(np.array([0.0, 4.0, 0.0]), np.array([0, 0, 2, 2, 3, 3]))
    assert (found.convention, found.median_ns) == ("relative", 0)
    assert time_origin(np.empty(0), np.zeros(4, int)).convention == "relative"


@pytest.mark.parametrize("values", [[0.0] * 98 + [3.0] * 2, [300.0, 301.0], [1300.0], [-20.0, -30.0]])
def test_an_unclear_convention_is_refused(values: list[float]) -> None:
    if np.median(values) == 0:
        values = [3.0, *values, 4.0, 5.0]
        expected = r"median first hit 0 ns"
    else:
        expected = f"median first hit {np.median(values):.4g} ns"
    with pytest.raises(SourceError, match=rf"a.h5: cannot tell the time origin \({expected}\); set processor.time_zero"):
        time_origin(*firsts(values), "a.h5")


def test_the_decision_is_that_of_the_file_not_of_the_chunk(tmp_path: Path) -> None:
    """An odd event (triggered late) in a chunk of its own gets the same origin as in the whole file."""
    events = made_events([5] * 60)
    events.hit_time_ns[:5] += 600
    path = write_digihit(tmp_path / "a.h5", events, layout="raw_times")
    with open_source(path) as source:
        assert offsets_ns(source.events(0, 1), "auto").tolist() == [950.0]
        assert set(offsets_ns(source.events(0, 60), "auto")) == {950.0}
        assert ak.min(source.events(0, 1).hits.time, axis=1)[0] == pytest.approx(1550)


def test_every_setting(tmp_path: Path) -> None:
    with open_source(write_digihit(tmp_path / "a.h5", made_events([3, 0, 2]), layout="raw_times")) as source:
        events = source.events(0, 3)
        assert offsets_ns(events, "none").tolist() == [0, 0, 0]
        assert offsets_ns(events, "event_min").tolist() == [950, 0, 950]
        assert offsets_ns(events, 955.5).tolist() == [955.5] * 3


def test_without_auto_an_unclear_file_is_read(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.h5", lambda file: put(file, "hit_time", np.full(7, 333, "f4")))
    with open_source(path) as source:
        events = source.events(0, 3)
        assert offsets_ns(events, "event_min").tolist() == [333, 0, 333]
        with pytest.raises(SourceError, match="cannot tell the time origin"):
            offsets_ns(events, "auto")
