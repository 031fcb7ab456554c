"""Livetime from good run lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dark_matter_case import LIVETIME_S, measured

from configs.errors import InputError
from physics.constants import DAY_S
from processors.good_runs import read_good_runs
from simulation.dark_matter import RUN_TYPE, good_runs

NAMES = RUN_TYPE.names


def runs(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(list(rows), RUN_TYPE)


def saved(folder: Path, content: Any, name: str = "grl.npy") -> Path:
    np.save(folder / name, content)
    return folder / name


GOOD = runs((7, 55700.0, 55701.0, 0.9, 10), (8, 55701.0, 55702.0, 0.95, 20), (11, 55703.0, 55703.5, 0.5, 5))


def test_livetime_events_and_spans(tmp_path: Path) -> None:
    found = read_good_runs([saved(tmp_path, GOOD[::-1])])
    assert found.livetime_s == pytest.approx(2.35 * DAY_S, rel=1e-15)
    assert (found.events.sum(), found.spans) == (35, [[7, 8], [11, 11]])


def test_repeated_runs_count_once(tmp_path: Path) -> None:
    """The published program appended them to the list again and again."""
    once, thrice = saved(tmp_path, GOOD), saved(tmp_path, np.concatenate([GOOD, GOOD, GOOD]), "thrice.npy")
    assert read_good_runs([thrice]).livetime_s == read_good_runs([once, thrice]).livetime_s == read_good_runs([once]).livetime_s
    assert read_good_runs([thrice]).events.sum() == 35


def test_runs_of_several_lists(tmp_path: Path) -> None:
    parts = [saved(tmp_path, GOOD[:1], "a.npy"), saved(tmp_path, GOOD[1:], "b.npy")]
    assert read_good_runs(parts).livetime_s == read_good_runs([saved(tmp_path, GOOD)]).livetime_s


def test_livetime_of_the_generated_seasons(tmp_path: Path) -> None:
    """Seven times 330 days, 1.99584e8 s, with a repeated run in 2013 (specification 7)."""
    paths = [saved(tmp_path, good_runs(season, measured(season, 100)), f"{season}.npy") for season in range(2011, 2018)]
    assert [len(np.load(path)) for path in paths] == [330, 330, 331, 330, 330, 330, 330]
    each = [read_good_runs([path]) for path in paths]
    assert sum(one.livetime_s for one in each) == pytest.approx(1.99584e8, rel=1e-12) == pytest.approx(LIVETIME_S)
    assert [one.events.sum() for one in each] == [100] * 7


def test_events_are_optional(tmp_path: Path) -> None:
    assert read_good_runs([saved(tmp_path, GOOD[["run", "start", "stop", "livetime"]])]).events.tolist() == [0, 0, 0]


BAD = {
    "two livetimes": (runs((7, 1.0, 2.0, 0.9, 1), (7, 1.0, 2.0, 0.8, 1)), "run 7 has two values of livetime, 0.9 and 0.8; keep the right one"),
    "stop before start": (runs((7, 2.0, 1.0, 0.9, 1)), "run 7 from MJD 2 to 1 with a livetime of 0.9 d: a run ends after it begins"),
    "no time": (runs((7, 2.0, 2.0, 0.0, 1)), "a run ends after it begins"),
    "NaN start": (runs((7, np.nan, 2.0, 0.5, 1)), "run 7 from MJD nan to 2"),
    "negative livetime": (runs((7, 1.0, 2.0, -0.1, 1)), "a livetime is a number of days, not negative"),
    "NaN livetime": (runs((7, 1.0, 2.0, np.nan, 1)), "a livetime is a number of days, not negative"),
    "livetime in seconds": (runs((7, 1.0, 2.0, 8.2e4, 1)), "it cannot live longer than it lasts; are its livetimes in days"),
    "overlapping": (runs((7, 1.0, 2.0, 0.9, 1), (9, 1.5, 3.0, 0.9, 1)), "runs 7 and 9 overlap in time; their livetime would count twice"),
    "no livetime": (runs((7, 1.0, 2.0, 0.0, 1), (8, 2.0, 3.0, 0.0, 1)), "the livetime is zero"),
    "empty": (runs(), "the good run list has no run"),
    "missing field": (GOOD[["run", "start", "stop"]], "missing field.s. livetime; .*a good run list has run, start, stop, livetime"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_lists(name: str, tmp_path: Path) -> None:
    content, message = BAD[name]
    with pytest.raises(InputError, match=rf"grl\.npy: (run .*: )?{message}"):
        read_good_runs([saved(tmp_path, content)])


def test_touching_runs_do_not_overlap(tmp_path: Path) -> None:
    rounded = runs((7, 1.0, 2.0 + 5e-7, 0.9, 1), (8, 2.0, 3.0, 0.9, 1))
    assert read_good_runs([saved(tmp_path, rounded)]).livetime_s == pytest.approx(1.8 * DAY_S)
