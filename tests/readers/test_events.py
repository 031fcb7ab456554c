"""Metadata on events, lazy columns, and what reaches the user when a load fails inside a processor."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from readers import ReadError, SourceError
from readers.columns import numpy_form
from readers.events import LazyColumn, lazy_events, with_metadata

FLOAT = numpy_form(np.dtype(float))


def failing(error: Exception) -> LazyColumn:
    def load(start: int, stop: int) -> np.ndarray:
        raise error

    return LazyColumn("x", FLOAT, load)


def made(**columns: np.ndarray) -> ak.Array:
    lazy = {name: LazyColumn(name, numpy_form(values.dtype), lambda a, b, values=values: values[a:b]) for name, values in columns.items()}
    return lazy_events("here", lazy, 0, len(next(iter(columns.values()))))


def test_metadata_survives_selections_and_new_fields() -> None:
    events = with_metadata(made(x=np.arange(5.0)), {"livetime_s": 7.0, "kind": "data"})
    assert events.metadata == {"livetime_s": 7.0, "kind": "data"}
    assert events[events.x > 2].metadata == events.metadata
    assert events[1:3].metadata == events.metadata
    assert ak.with_field(events, events.x * 2, "y").metadata == events.metadata
    assert events[ak.argsort(-events.x)].x.to_list() == [4.0, 3.0, 2.0, 1.0, 0.0]


def test_metadata_of_events_made_by_hand_and_of_none() -> None:
    plain = ak.Array([{"x": 1.0}])
    assert with_metadata(plain, {"kind": "mc"}).metadata == {"kind": "mc"}
    assert not hasattr(plain, "metadata")
    assert made(x=np.arange(2.0)).metadata == {}


def test_metadata_is_not_shared_with_the_caller() -> None:
    given = {"livetime_s": 7.0}
    events = with_metadata(made(x=np.arange(5.0)), given)
    given["livetime_s"] = 8.0
    events.metadata["livetime_s"] = 9.0
    assert events.metadata == {"livetime_s": 7.0}


def test_a_column_named_metadata_stays_reachable() -> None:
    events = with_metadata(made(metadata=np.arange(2.0)), {"kind": "mc"})
    assert events.metadata == {"kind": "mc"}
    assert events["metadata"].to_list() == [0.0, 1.0]


def test_a_misspelt_column_is_an_attribute_error_with_the_nearest() -> None:
    events = made(energy=np.arange(2.0), zenith=np.arange(2.0))
    with pytest.raises(AttributeError, match=r"events have no column 'enrgy'; did you mean 'energy'\?"):
        _ = events.enrgy
    assert not hasattr(events, "azimuth")


@pytest.mark.parametrize("error", [SourceError("here: offsets fall"), ReadError("here: timeout")])
@pytest.mark.parametrize("use", [np.asarray, ak.sum, lambda x: x + 1, lambda x: np.sqrt(x), lambda x: x[x > 0], ak.to_list])
def test_errors_of_a_load_come_out_as_they_are(error: Exception, use) -> None:
    events = lazy_events("here", {"x": failing(error)}, 0, 3)
    with pytest.raises(type(error), match=str(error)):
        use(events.x)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (OSError(5, "Input/output error"), ReadError, "here: column 'x', entries 0 to 3: reading failed .*Input/output error.*; try again"),
        (TimeoutError("slow"), ReadError, "reading failed .*slow.*; try again"),
        (OSError("Can't read data (file read failed: errno = 116, error message = 'Stale file handle')"), ReadError, "Stale file handle"),
        (OSError("Can't read data (inflate() failed)"), SourceError, "wrong content or truncated .*inflate"),
        (OSError("errno = 22, error message = 'Invalid argument'"), SourceError, "wrong content or truncated"),
        (OSError(13, "Permission denied"), SourceError, r"cannot be opened \(Permission denied\); check the path and its permissions"),
        (FileNotFoundError(2, "gone"), SourceError, "no such file; check the path"),
        (ValueError("bad header"), SourceError, "wrong content or truncated .*bad header"),
        (MemoryError(), SourceError, "wrong content or truncated"),
        (ModuleNotFoundError("No module named 'lz4'"), SourceError, "a package is missing .*lz4"),
    ],
)
def test_what_is_worth_a_retry(error: Exception, expected: type[Exception], message: str) -> None:
    events = lazy_events("here", {"x": failing(error)}, 0, 3)
    with pytest.raises(expected, match=message):
        np.asarray(events.x)


@pytest.mark.parametrize("values", [np.arange(2.0), np.arange(3), np.ones((3, 2)), np.arange(3, dtype="f4")])
def test_a_load_of_other_length_or_type_is_refused(values: np.ndarray) -> None:
    events = lazy_events("here", {"x": LazyColumn("x", FLOAT, lambda start, stop: values)}, 0, 3)
    with pytest.raises(SourceError, match=r"here: column 'x': entries 0 to 3 gave . of type .*, not 3 of type float64"):
        np.asarray(events.x)


def test_interrupts_are_not_swallowed() -> None:
    def load(start: int, stop: int) -> np.ndarray:
        raise KeyboardInterrupt("stop")

    with pytest.raises(KeyboardInterrupt, match="stop"):
        np.asarray(lazy_events("here", {"x": LazyColumn("x", FLOAT, load)}, 0, 3).x)
