"""The journal: what is read was written whole; all else is absent, never an error."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs.errors import InputError
from processors.journal import Journal

KEY = "ab" + "0" * 62
VALUE = {"entries": 12, "hists": bytes(range(256)) * 4}


def entry_of(directory: Path) -> Path:
    (path,) = directory.glob("*/*.entry")
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        assert journal.read(KEY) is None
        journal.write(KEY, VALUE)
    with Journal(tmp_path / "journal") as journal:
        assert journal.read(KEY) == VALUE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_entry_reads_as_absent(tmp_path: Path, data: st.DataObject) -> None:
    with Journal(tmp_path) as journal:
        journal.write(KEY, VALUE)
        path = entry_of(tmp_path)
        whole = path.read_bytes()
        if data.draw(st.booleans(), label="truncate"):
            damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
        else:
            at = data.draw(st.integers(0, len(whole) - 1))
            damaged = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
        path.write_bytes(damaged)
        assert journal.read(KEY) is None
        journal.write(KEY, VALUE)
        assert journal.read(KEY) == VALUE


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x05N.", bytes(1000)], ids=["empty", "text", "a bare pickle", "zeros"])
def test_foreign_content_reads_as_absent(tmp_path: Path, content: bytes) -> None:
    with Journal(tmp_path) as journal:
        journal.write(KEY, VALUE)
        entry_of(tmp_path).write_bytes(content)
        assert journal.read(KEY) is None


class _Vanishing:
    def __reduce__(self) -> Any:
        return (_refuse, ())


def _refuse() -> None:
    raise ImportError("no module named old_version")


def test_an_entry_of_another_version_reads_as_absent(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.write(KEY, _Vanishing())
        assert journal.read(KEY) is None


def test_a_full_disk_ends_with_a_message_and_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Journal(tmp_path) as journal:
        journal.write(KEY, VALUE)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match=r"cannot write the journal \(No space left on device\); make room and run the command again"):
            journal.write(KEY, {"entries": 13})
        assert journal.read(KEY) == VALUE
        assert list(tmp_path.glob("*/.*")) == []


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(InputError, match="another run is using this journal"):
        Journal(tmp_path)
    with Journal(tmp_path) as journal:
        assert journal.read(KEY) is None


def test_fresh_forgets_and_left_overs_of_a_killed_run_go(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.write(KEY, VALUE)
        left_over = entry_of(tmp_path).with_name(f".{KEY}.entry.123.abcd.tmp")
        left_over.write_bytes(b"half")
    with Journal(tmp_path) as journal:
        assert not left_over.exists()
        assert journal.read(KEY) == VALUE
    with Journal(tmp_path, fresh=True) as journal:
        assert journal.read(KEY) is None


def test_only_the_entries_of_the_last_run_are_kept(tmp_path: Path) -> None:
    other = "cd" + KEY[2:]
    with Journal(tmp_path) as journal:
        journal.write(KEY, VALUE)
        journal.write(other, VALUE)
        journal.keep_only({other})
        assert (journal.read(KEY), journal.read(other)) == (None, VALUE)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/journal: cannot write the journal \(Not a directory\); choose another output_dir"):
        Journal(tmp_path / "file" / "journal")
