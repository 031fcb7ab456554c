"""The account of a run: for every data set what was expected, what was processed, and what failed and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from configs.errors import InputError

Stage = Literal["open", "read", "process", "worker", "journal"]
REASON = 500  # characters of a reason in a message; processing.json has all
SHOWN = 8  # failures of a data set in a message; processing.json has all


@dataclass(frozen=True)
class Failure:
    """Entries that are missing from the result. ``start`` and ``stop`` are null when the file could not be opened."""

    file: str
    stage: Stage
    reason: str
    start: int | None = None
    stop: int | None = None
    traceback: str = ""

    @property
    def words(self) -> str:
        """The reason on one line, without the name of the file before it."""
        return " ".join(self.reason.split()).removeprefix(f"{self.file}: ")

    def __str__(self) -> str:
        entries = "" if self.start is None else f" entries [{self.start}, {self.stop})"
        return f"{self.file}{entries}: {self.stage}: {self.words[:REASON]}{'...' if len(self.words) > REASON else ''}"


@dataclass(frozen=True)
class DatasetAccount:
    """One data set. ``expected`` counts the entries of files that could be opened, ``unopened`` the files that could not.

    ``remarks``: what readers found worth saying of files that they accept.
    """

    kind: str
    files: int
    expected: int
    processed: int
    unopened: int = 0
    failed: tuple[Failure, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every entry of every file is in the histograms."""
        return not self.failed and self.unopened == 0 and self.processed == self.expected

    @property
    def fraction(self) -> float:
        """Share of the exposure that is in the histograms.

        Processed over expected entries; a file that could not be opened is taken to hold as many entries as the others do on average.
        """
        if self.complete:
            return 1.0
        opened = self.files - self.unopened
        expected = self.expected * self.files / opened if opened else 0.0
        return self.processed / expected if expected else 0.0

    @property
    def livetime_s(self) -> float | None:
        """The livetime that the configuration states for the whole data set, in seconds."""
        value = self.metadata.get("livetime_s")
        return None if value is None else float(value)


@dataclass(frozen=True)
class Account:
    """The account of all data sets; ``histogram_digest`` is null when no histograms were written."""

    datasets: Mapping[str, DatasetAccount]
    histogram_digest: str | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing from any data set."""
        return all(dataset.complete for dataset in self.datasets.values())

    def describe(self) -> str:
        """What is missing and why, a line for each data set and failure; empty for a complete run."""
        lines = []
        for name, dataset in self.datasets.items():
            if dataset.complete:
                continue
            unopened = f", and {dataset.unopened} of {dataset.files} files could not be opened" if dataset.unopened else ""
            lines.append(f"{name}: {dataset.processed} of {dataset.expected} entries processed{unopened}")
            told = _told(dataset.failed)
            lines += told[:SHOWN]
            if len(told) > SHOWN:
                lines.append(f"  ... and {len(told) - SHOWN} more (processing.json)")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The content of ``processing.json``."""
        datasets = {name: _dataset_json(dataset) for name, dataset in self.datasets.items()}
        return {"complete": self.complete, "datasets": datasets, "histogram_digest": self.histogram_digest}


def _told(failed: Iterable[Failure]) -> list[str]:
    """A line for each reason; files that could not be opened for the same one stand behind it, the first of them by name."""
    alike: dict[tuple[str, str], list[Failure]] = {}
    for number, failure in enumerate(failed):
        same = failure.words if failure.start is None else f"{number}"
        alike.setdefault((failure.stage, same), []).append(failure)
    return [f"  {first}{_the_same(more)}" for first, *more in alike.values()]


def _the_same(failed: Sequence[Failure]) -> str:
    if not failed:
        return ""
    names = ", ".join(failure.file for failure in failed[:SHOWN])
    return f" (the same: {names}" + (f" and {len(failed) - SHOWN} more: processing.json)" if len(failed) > SHOWN else ")")


def load_account(path: str | Path) -> Account:
    """Read ``processing.json``. Raises ``InputError`` when it is missing or not an account."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        datasets = {name: _dataset(values) for name, values in content["datasets"].items()}
        return Account(datasets, content["histogram_digest"])
    except OSError as error:
        raise InputError(
            f"{path}: cannot read the account of a run ({error.strerror}); run run_processor.py with the same configuration first"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not the account of a run ({type(error).__name__}: {error}); run run_processor.py again") from None


def _dataset_json(dataset: DatasetAccount) -> dict[str, Any]:
    return {
        "kind": dataset.kind, "files": dataset.files, "unopened": dataset.unopened, "expected": dataset.expected, "processed": dataset.processed,
        "fraction": dataset.fraction, "livetime_s": dataset.livetime_s, "failed": [dict(vars(failure)) for failure in dataset.failed],
        "metadata": dict(dataset.metadata), "remarks": list(dataset.remarks),
    }  # fmt: skip


def _dataset(values: Mapping[str, Any]) -> DatasetAccount:
    failed = tuple(Failure(**failure) for failure in values["failed"])
    return DatasetAccount(
        values["kind"], values["files"], values["expected"], values["processed"], values["unopened"], failed, values["metadata"],
        tuple(values.get("remarks", ())),
    )  # fmt: skip
