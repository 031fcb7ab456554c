"""Whether a test that a table names is there: ``file::test``, or ``file::test[case]`` for one case of a table of cases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

TESTS = Path(__file__).parent


def lost(names: Iterable[str]) -> list[str]:
    """The names that lead nowhere: no such file, no such test in it, or the words of the case nowhere in the file."""
    return [name for name in names if not _found(name)]


def _found(name: str) -> bool:
    file, _, test = name.partition("::")
    test, _, case = test.removesuffix("]").partition("[")
    path = TESTS / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return case in text and re.search(rf"^    def {test}\(|^def {test}\(", text, re.MULTILINE) is not None
