"""The ordered map of trials: results in order on every executor, an identity that processes agree on, and works that wait for others' results."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import schema
from configs.errors import InputError
from processors import trials
from processors.executors import Executor
from processors.trials import Later, blocks, each, identity, opened_map, ordered_map


@pytest.mark.parametrize("kind", ["iterative", "futures", "dask"])
def test_results_come_in_the_order_of_the_items(opened: dict[str, Executor], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "BLOCKS", 7)
    execute = ordered_map(opened[kind])
    assert list(execute(lambda item: item * item, range(30))) == [item * item for item in range(30)]
    assert list(execute(abs, [])) == []


@pytest.mark.parametrize("kind", ["futures", "dask"])
def test_a_worker_that_dies_is_an_error_that_names_the_block(opened: dict[str, Executor], kind: str) -> None:
    with pytest.raises(RuntimeError, match=r"trials of block 2 of 4: its .*worker.* died"):
        list(ordered_map(opened[kind])(lambda item: os._exit(1) if item == 2 else item, range(4)))


def test_an_error_of_a_trial_is_raised(opened: dict[str, Executor]) -> None:
    with pytest.raises(ZeroDivisionError, match="division"):
        list(ordered_map(opened["futures"])(lambda item: 1 // item, [2, 1, 0]))


def test_an_executor_starts_with_the_first_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit without toys needs no batch system where it runs."""
    monkeypatch.setenv("PATH", "/nowhere")
    with opened_map(schema.Executor(kind="htcondor")) as execute, pytest.raises(InputError, match="condor_submit is not on PATH"):
        list(execute(abs, [-1]))
    with opened_map(schema.Executor(kind="futures", workers=1)) as execute:
        assert list(execute(abs, [-1, -2])) == [1, 2]
        assert list(execute(abs, [-3])) == [3]


@given(st.integers(0, 1000))
def test_blocks_hold_every_item_once(count: int) -> None:
    cut = blocks(range(count))
    assert [item for block in cut for item in block] == list(range(count))
    assert len(cut) <= trials.BLOCKS
    assert len({len(block) for block in cut[:-1]}) <= 1


def _later() -> int:
    raise Later("not back")


def test_each_tries_everything_before_it_waits() -> None:
    done: list[int] = []

    def work(value: int) -> int:
        done.append(value)
        return value

    assert each([partial(work, 1), partial(work, 2)]) == [1, 2]
    with pytest.raises(Later, match="not back"):
        each([_later, partial(work, 3)])
    assert done == [1, 2, 3]


@dataclass(frozen=True)
class Study:
    numbers: np.ndarray
    names: frozenset[str]
    options: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def total(self) -> float:
        return float(self.numbers.sum())

    def __call__(self, item: int) -> float:
        return self.total * item


def study(**more: Any) -> Study:
    return Study(**{"numbers": np.arange(5.0), "names": frozenset({"gamma", "norm", "muon"}), "options": {"a": [1, (2, None)]}, **more})


def test_identity_is_equal_in_every_process() -> None:
    """Unlike pickles: sets have another order in every process, and equal texts are one object or two."""
    code = "from test_trial_maps import identity, study; print(identity(study()))"
    folder = os.path.dirname(__file__)  # noqa: PTH120
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([folder, os.environ.get("PYTHONPATH", ""), *sys.path])}
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={**environment, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    here = study().__class__
    assert here is Study
    assert len(told) == 1


def _adding(number: int) -> Callable[[int], int]:
    return lambda item: item + number


def test_identity_tells_apart_what_gives_other_results() -> None:
    used = study()
    assert used(1) == 10.0  # leaves its total beside the fields
    assert identity(used) == identity(study())
    others = [
        study(numbers=np.arange(5.0, dtype=np.float32)), study(numbers=np.arange(5.0) + 1e-12), study(names=frozenset({"gamma"})),
        study(options={"a": [1, (2, 0)]}), study(options={}), partial(study(), 1),
        _adding(1), _adding(2), lambda item: item + 3, abs, len, study().__call__,
    ]  # fmt: skip
    assert len({identity(one) for one in [study(), *others]}) == len(others) + 1


def test_identity_of_what_holds_itself_ends() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    assert identity(circle) == identity(circle)
    assert identity(circle) != identity([1])
