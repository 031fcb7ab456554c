"""Trials and toys on the executors: ``execute(function, items)``, a map that keeps the order, is what studies are given.

What a study needs of it: results in the order of the items, whoever computes them. Items go in blocks, cut by their number alone.
"""

from __future__ import annotations

import functools
import hashlib
import math
import pickle
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

import cloudpickle
import numpy as np

from configs import schema
from processors import executors
from processors.executors import Executor, Iterative, Lost

Execute = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
BLOCKS = 200  # of one map at most
Value = TypeVar("Value")


class Later(Exception):
    """Results are asked for that jobs have not brought yet."""


@contextmanager
def opened_map(options: schema.Executor) -> Iterator[Execute]:
    """The map of the configured executor: for ``iterative`` Python's own; any other starts with the first items."""
    with ExitStack() as stack:
        opened = functools.cache(lambda: stack.enter_context(executors.create(options)))
        yield map if options.kind == "iterative" else lambda function, items: ordered_map(opened())(function, items)


def ordered_map(executor: Executor) -> Execute:
    """A map over an executor: results in the order of the items, as they come. A worker that dies on a block ends it with ``RuntimeError``."""
    return map if isinstance(executor, Iterative) else functools.partial(_mapped, executor)


def _mapped(executor: Executor, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    cut = blocks(list(items))
    ready: queue.SimpleQueue[tuple[int, Any] | None] = queue.SimpleQueue()
    waiting: dict[int, Any] = {}
    following = 0
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(executor.map, functools.partial(call_block, function), cut, lambda index, result: ready.put((index, result)))
        work.add_done_callback(lambda _: ready.put(None))
        try:
            while (got := ready.get()) is not None:
                waiting[got[0]] = got[1]
                while following in waiting:
                    result = waiting.pop(following)
                    if isinstance(result, Lost):
                        raise RuntimeError(f"trials of block {following} of {len(cut)}: {result.reason}")
                    yield from result
                    following += 1
        except BaseException:
            getattr(executor, "abandon", lambda: None)()
            raise
        work.result()


def blocks(items: Sequence[Any]) -> list[Sequence[Any]]:
    """Items in at most ``BLOCKS`` blocks of equal length (the last may be shorter).

    >>> [len(block) for block in blocks(range(500))][-2:], len(blocks(range(3)))
    ([3, 2], 3)
    """
    length = max(1, math.ceil(len(items) / BLOCKS))
    return [items[start : start + length] for start in range(0, len(items), length)]


def call_block(function: Callable[[Any], Any], block: Sequence[Any]) -> list[Any]:
    """Results of one block, in order."""
    return [function(item) for item in block]


def each(works: Iterable[Callable[[], Value]]) -> list[Value]:
    """Do all works in order. One that raises ``Later`` does not keep the others from being tried; then it is raised again."""
    done: list[Value] = []
    held: Later | None = None
    for work in works:
        try:
            done.append(work())
        except Later as error:
            held = error
    if held is not None:
        raise held
    return done


@dataclass(frozen=True)
class Calls:
    """What a job calls: one of several pickled functions, with a block of its items."""

    functions: Mapping[str, bytes]

    def __call__(self, item: tuple[str, Sequence[Any]]) -> list[Any]:
        """``item``: name of the function, block."""
        name, block = item
        return call_block(_function(self.functions[name]), block)


@functools.lru_cache(maxsize=4)
def _function(pickled: bytes) -> Callable[[Any], Any]:
    return pickle.loads(pickled)


def identity(value: Any) -> str:
    """SHA-256 of what a function or an item is made of: equal in every process that makes the same, unlike its pickle."""
    total = hashlib.sha256()
    for part in _parts(value, set()):
        total.update(part)
        total.update(b"\0")
    return total.hexdigest()


def _parts(value: Any, above: set[int]) -> Iterator[bytes]:
    """The numbers, texts, arrays and names in a value. ``above``: objects that hold it, so that circles end."""
    if value is None or isinstance(value, str | bytes | bool | int | float | complex | np.generic):
        yield f"{type(value).__name__} {value!r}".encode()
        return
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield f"array {value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
        return
    if id(value) in above:
        yield b"circle"
        return
    yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
    for inner in _inside(value):
        yield from _parts(inner, above | {id(value)})


def _of_function(function: Any) -> Iterable[Any]:
    """A function by its name, its code and what it holds; a method by its object too."""
    code = getattr(function, "__code__", None)
    held = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    bound = getattr(function, "__self__", None)
    return (
        function.__module__, function.__qualname__, getattr(function, "__defaults__", None), held, None if isinstance(bound, ModuleType) else bound,
        *([code.co_code, repr([one for one in code.co_consts if not isinstance(one, CodeType)]), code.co_names] if code else []),
    )  # fmt: skip


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, functools.partial):
        return (value.func, value.args, value.keywords)
    if isinstance(value, Mapping):
        return (part for pair in value.items() for part in pair)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, list | tuple | range | np.ndarray):
        return value
    compiled = getattr(value, "py_func", value)  # numba's functions by what they were made of
    if isinstance(compiled, FunctionType | MethodType | BuiltinFunctionType | type):
        return _of_function(compiled)
    if hasattr(value, "__dict__"):
        computed = {name for name in vars(value) if isinstance(getattr(type(value), name, None), functools.cached_property)}
        return (part for name, inner in sorted(vars(value).items()) if name not in computed for part in (name, inner))
    return (cloudpickle.dumps(value),)
