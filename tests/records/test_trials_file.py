from pathlib import Path

import numpy as np
import pytest

from configs.errors import InputError
from records.trials import TrialGroup, group_name, load_trials, merge, save_trials, united

ABOUT = {"digest": "abc", "stream": "0123", "seed": 1, "n_events": 100, "engine": "numba"}


def group(first: int, count: int, **changes: object) -> TrialGroup:
    """Trials whose numbers follow from their place."""
    trial = np.arange(first, first + count, dtype=np.uint64)
    return TrialGroup(trial, np.sqrt(trial + 1.0), 1.0 / (trial + 1.0), {**ABOUT, **changes})


def same(one: TrialGroup, other: TrialGroup) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("trial", "n_hat", "ts")) and one.about == other.about


def test_files_come_back(tmp_path: Path) -> None:
    groups = {group_name("bkg", "b", 10.0, 0.0): group(0, 50), group_name("sig", "b", 10.0, 12.5): group(3, 7)}
    save_trials(tmp_path / "trials.h5", groups, result="{}")
    found, text = load_trials(tmp_path / "trials.h5")
    assert list(found) == ["bkg/b/10", "sig/b/10/12.5"]
    assert all(same(found[name], groups[name]) for name in groups)
    assert text == "{}"


def test_split_jobs_unite_to_the_whole(tmp_path: Path) -> None:
    """Jobs write files of their own; the published program's appended to one text file, and lines were lost."""
    name = "bkg/b/10"
    for number, (first, count) in enumerate(((100, 900), (0, 100), (50, 100))):
        save_trials(tmp_path / f"{number}.h5", {name: group(first, count)})
    merged = merge(sorted(tmp_path.glob("*.h5")))
    assert same(merged[name], group(0, 1000))


@pytest.mark.parametrize(("key", "value"), [("digest", "other"), ("seed", 2), ("n_events", 99), ("engine", "numpy")])
def test_other_configurations_are_refused(tmp_path: Path, key: str, value: object) -> None:
    save_trials(tmp_path / "0.h5", {"bkg/b/10": group(0, 10)})
    save_trials(tmp_path / "1.h5", {"bkg/b/10": group(10, 10, **{key: value})})
    with pytest.raises(InputError, match=rf"1.h5: bkg/b/10: trials of different configurations cannot be merged \({key} .* and {value}\)"):
        merge(sorted(tmp_path.glob("*.h5")))


def test_copies_that_differ_are_refused() -> None:
    wrong = group(5, 10)
    wrong.n_hat[3] += 1e-12
    with pytest.raises(InputError, match="here: trial 8 is there twice with different results"):
        united(group(0, 10), wrong, "here")


def test_files_that_are_not_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file of trials"):
        load_trials(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("0 1 2")
    with pytest.raises(InputError, match="text.h5: not a readable file of trials"):
        load_trials(tmp_path / "text.h5")
