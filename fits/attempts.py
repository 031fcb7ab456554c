"""A study that cannot be done on the data at hand is a result that says so; the other results of the run stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from configs.errors import InputError
from records.failed_fit import FailedFit

FAILURES = (InputError, ArithmeticError, ValueError)  # chains that do not converge, too few valid toys, a curve or matrix without numbers


def attempted(name: str, work: Callable[[], Any]) -> dict[str, Any]:
    """``work()`` under its name (a mapping: its results under their own), or a ``FailedFit`` with the reason.

    What is wrong in the configuration has been refused before. Trials that jobs have not brought yet (``processors.trials.Later``) are no failure.

    >>> attempted("posterior", lambda: 1 / 0)["posterior"].reason
    'ZeroDivisionError: division by zero'
    """
    try:
        found = work()
    except FAILURES as error:
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        return {name: FailedFit(False, reason, name)}
    return dict(found) if isinstance(found, Mapping) else {name: found}
