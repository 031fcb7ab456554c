"""Repeated events, and events against their good run list."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from dark_matter_case import process, simulated
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from fits.dark_matter.event_checks import in_spans, refuse_repeated, warn_of_area, warn_of_runs
from records.tables import Table


def table(*keys: tuple[int, int, int]) -> Table:
    return Table(dict(zip(("run", "event", "subevent"), np.array(keys, dtype=np.int64).T, strict=True)))


ONE = table((7, 1, 0), (7, 2, 0), (7, 2, 1), (9, 1, 0))


def test_events_given_twice() -> None:
    refuse_repeated({"a": ONE, "b": table((8, 1, 0), (9, 2, 0))})
    with pytest.raises(InputError, match=r"1 event\(s\) of the data are given more than once, first run 9, event 1, subevent 0 in a and b; remove"):
        refuse_repeated({"a": ONE, "b": table((8, 1, 0), (9, 1, 0))})
    with pytest.raises(InputError, match=r"2 event.* first run 7, event 2, subevent 1 in b; remove"):
        refuse_repeated({"a": table((1, 1, 1)), "b": table((7, 2, 1), (7, 2, 1), (7, 2, 1))})


def test_events_of_the_runs() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warn_of_runs("a", ONE, {"runs": [[7, 9]], "events_of_runs": 4})
        warn_of_runs("a", ONE, {"runs": [[7, 9]], "events_of_runs": 0})  # the list states no numbers
        warn_of_runs("a", ONE, {"runs": [[7, 9]], "events_of_runs": 6}, dropped=2)
        warn_of_runs("a", ONE, {})  # a livetime without a list
    assert told == []


def test_runs_outside_the_list_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"a: 3 events of 1 run\(s\) that are not in the good run list, first run 7; their livetime is missing"):
        warn_of_runs("a", ONE, {"runs": [[8, 9]], "events_of_runs": 1})


def test_other_numbers_of_events_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"a: the good run list states 5 events, 4 are there"):
        warn_of_runs("a", ONE, {"runs": [[7, 9]], "events_of_runs": 5})


def test_the_list_of_another_season_is_refused() -> None:
    with pytest.raises(InputError, match=r"a: none of the 4 events \(runs 7 to 9\) is of the good run list \(runs 20 to 40\); is it that of another"):
        warn_of_runs("a", ONE, {"runs": [[20, 30], [35, 40]], "events_of_runs": 4})


def test_weights_of_another_unit_are_warned_of() -> None:
    """An area of 2.2 cm^2 at 100 GeV is one of a detector; that in m^2, taken for cm^2, is of none, nor one of every generated event."""
    events = simulated(20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_area("mc", process(events)["acceptance"])
        warn_of_area("low", process(events[events["trueE"] < 50.0])["acceptance"])  # nothing at 100 GeV: nothing is said
    for factor, area in ((1e-4, r"0\.0002[1-5]"), (1e4, r"2\.[1-5]e\+04")):
        other = events.copy()
        other["ow"] *= factor
        with pytest.warns(UserWarning, match=rf"mc: the weights ow mean an effective area of {area} cm\^2 at 100 GeV.*not in m\^2"):
            warn_of_area("mc", process(other)["acceptance"])


@given(st.sets(st.integers(-20, 60), min_size=1), st.lists(st.integers(-25, 65)))
def test_spans_hold_their_runs(good: set[int], asked: list[int]) -> None:
    ordered = sorted(good)
    starts = [run for run in ordered if run - 1 not in good]
    spans = [[start, next(run for run in ordered if run >= start and run + 1 not in good)] for start in starts]
    assert in_spans(np.array(asked, dtype=np.int64), spans).tolist() == [run in good for run in asked]
