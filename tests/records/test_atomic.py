"""Files are written whole or not at all, and an error names the file."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from records.atomic import replacing, write_text


def half_written(target: Path, error: OSError) -> None:
    with replacing(target) as temporary:
        temporary.write_text("half of the new")
        raise error


def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    write_text(target, "old")
    with pytest.raises(OSError, match=r"No space left.*choose another output_dir.*results\.json") as caught:
        half_written(target, OSError(errno.ENOSPC, "Error writing bytes to file"))  # as Arrow words it: without the name
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert target.read_text() == "old"


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="^not yours$"):
        half_written(tmp_path / "a", PermissionError("not yours"))
