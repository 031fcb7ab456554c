"""Problems as pydantic lists them, made fit for people: one for each value, with the nearest of the words that are allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from configs.errors import nearest

WORDS = "literal["  # begins the last part of pydantic's location of a value that is a word or a section


def of_one_member(problems: Sequence[Any]) -> Iterator[Any]:
    """Of a value that is a word or a section of keys: the problems of what was given, without the names that pydantic gives to the two."""
    words = {problem["loc"][:-1] for problem in problems if problem["loc"] and str(problem["loc"][-1]).startswith(WORDS)}
    for problem in problems:
        location = problem["loc"]
        union = next((one for one in words if location[: len(one)] == one and len(location) > len(one)), None)
        if union is None:
            yield problem
        elif problem["type"] == "literal_error" and not isinstance(problem["input"], dict):
            yield {**problem, "loc": union}
        elif problem["type"] not in ("literal_error", "model_type"):
            yield {**problem, "loc": (*union, *location[len(union) + 1 :])}


def nearest_word(problem: Any) -> str:
    """``; did you mean 'x'?`` for a word that resembles one of those allowed, else nothing."""
    if problem["type"] != "literal_error":
        return ""
    close = nearest(str(problem["input"]), re.findall(r"'([^']*)'", problem["ctx"]["expected"]))
    return close if "did you mean" in close else ""
