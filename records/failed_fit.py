"""What stands in the results of a run in place of a fit or study that could not be done."""

from __future__ import annotations

from dataclasses import dataclass, field

from records.value import Value


@dataclass(frozen=True, repr=False)
class FailedFit(Value):
    """A fit that could not be done on the data at hand; the others of the run stand."""

    valid: bool  # always False
    reason: str
    kind_of_fit: str
    notes: list[str] = field(default_factory=list)
    input_digest: str = ""
    partial: bool = False
