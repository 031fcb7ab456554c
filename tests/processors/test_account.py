"""The account: what is missing is counted, named and scaled for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from configs.errors import InputError
from processors.account import Account, DatasetAccount, Failure, load_account

READ = Failure("b.root", "read", "truncated basket", 100, 150, "Traceback ...")
OPEN = Failure("c.root", "open", "not a ROOT file")


def test_a_complete_data_set_has_all_its_exposure() -> None:
    assert DatasetAccount("mc", 2, 200, 200).fraction == 1.0
    assert DatasetAccount("data", 1, 0, 0).complete  # a file without events is a valid measurement: its exposure counts in full
    assert DatasetAccount("data", 1, 0, 0).fraction == 1.0


def test_entries_that_failed_reduce_the_exposure_by_their_share() -> None:
    account = DatasetAccount("mc", 2, 200, 150, failed=(READ,))
    assert not account.complete
    assert account.fraction == 0.75


def test_a_file_that_cannot_be_opened_counts_as_an_average_one() -> None:
    assert DatasetAccount("mc", 4, 300, 300, unopened=1, failed=(OPEN,)).fraction == 0.75
    assert DatasetAccount("mc", 1, 0, 0, unopened=1, failed=(OPEN,)).fraction == 0.0


def test_the_account_survives_its_file(tmp_path: Path) -> None:
    account = Account({"mc": DatasetAccount("mc", 3, 200, 150, 1, (READ, OPEN), {"livetime_s": 2.5, "particle": "e-"})}, "abc")
    path = tmp_path / "processing.json"
    path.write_text(json.dumps(account.to_json()))
    assert load_account(path) == account
    assert not load_account(path).complete


def test_the_file_has_the_keys_that_the_fits_read() -> None:
    content = Account({"mc": DatasetAccount("mc", 3, 200, 150, 1, (READ, OPEN), {"livetime_s": 2.5})}, "abc").to_json()
    assert content["complete"] is False
    assert content["histogram_digest"] == "abc"
    dataset = content["datasets"]["mc"]
    assert {key: dataset[key] for key in ("kind", "files", "expected", "processed", "fraction", "livetime_s", "metadata")} == {
        "kind": "mc", "files": 3, "expected": 200, "processed": 150, "fraction": 0.5, "livetime_s": 2.5, "metadata": {"livetime_s": 2.5},
    }  # fmt: skip
    assert dataset["failed"][0] == {
        "file": "b.root", "stage": "read", "reason": "truncated basket", "start": 100, "stop": 150, "traceback": "Traceback ..."
    }  # fmt: skip


def test_the_description_names_every_loss() -> None:
    account = Account({"mc": DatasetAccount("mc", 3, 200, 150, 1, (READ, OPEN)), "data": DatasetAccount("data", 1, 5, 5)})
    assert account.describe() == (
        "mc: 150 of 200 entries processed, and 1 of 3 files could not be opened\n"
        "  b.root entries [100, 150): read: truncated basket\n"
        "  c.root: open: not a ROOT file"
    )
    many = Account({"mc": DatasetAccount("mc", 1, 100, 0, failed=(READ,) * 20)})
    assert many.describe().endswith("... and 12 more (processing.json)")
    assert Account({"data": DatasetAccount("data", 1, 5, 5)}).describe() == ""


def test_a_file_that_is_no_account_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"processing\.json: cannot read the account of a run \(No such file or directory\); run run_processor\.py"):
        load_account(tmp_path / "processing.json")
    (tmp_path / "wrong.json").write_text("[]")
    with pytest.raises(InputError, match=r"wrong\.json: not the account of a run"):
        load_account(tmp_path / "wrong.json")


def test_a_failure_names_its_file_once() -> None:
    assert str(Failure("b.root", "open", "b.root: is empty (0 bytes)")) == "b.root: open: is empty (0 bytes)"


def test_one_reason_in_many_files_is_told_once() -> None:
    """Bug: a slip in the name of a column filled the terminal with a line for each file."""
    slip = [Failure(f"{number}.hdf5", "open", f"{number}.hdf5: table ToyReco has no column 'scores'") for number in range(16)]
    other = Failure("last.hdf5", "open", "last.hdf5: is empty (0 bytes)")
    account = Account({"mc": DatasetAccount("mc", 17, 0, 0, 17, (*slip, other))})
    named = ", ".join(f"{number}.hdf5" for number in range(1, 9))
    assert account.describe().splitlines()[1:] == [
        f"  0.hdf5: open: table ToyReco has no column 'scores' (the same: {named} and 7 more: processing.json)",
        "  last.hdf5: open: is empty (0 bytes)",
    ]
