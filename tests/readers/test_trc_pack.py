"""Packed waveform files: restored byte by byte, read with the same columns, refused when damaged."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import run_processor
from configs.command_line import DONE, WRONG_INPUT
from readers import SourceError, open_source
from readers.convert import convert
from readers.inspect import describe
from readers.trc_layout import TrcError
from readers.trc_pack import pack, unpack
from simulation.trc_writer import TrcSettings, trc_bytes

RNG = np.random.default_rng(5)
CODES = RNG.integers(-100, 100, (10, 64), np.int16)
TIMES = np.column_stack([np.arange(10) * 1e-3, RNG.uniform(-1e-9, 1e-9, 10)])


def contents() -> dict[str, bytes]:
    """Files of many kinds in folders, more of the usual kind than one row group holds is left to the benchmark."""
    singles = {f"700/C1--{number:05d}.trc": trc_bytes(CODES[number % 10], TRIGGER_SECOND=float(number % 60)) for number in range(30)}
    return singles | {
        "700/C1--00010b.trc": trc_bytes(CODES[0][:40], TrcSettings(line_end=True)),
        "900/sequence.trc": trc_bytes(CODES, TrcSettings(order=">"), TIMES),
        "900/old.TRC": trc_bytes(CODES[3].astype(np.int8), TrcSettings("LECROY_1_0", user_text=b"note", line_end=True)),
        "900/second_array.trc": trc_bytes(CODES[4], TrcSettings(block_header=False), WAVE_ARRAY_2=4) + b"rest",
        "average.trc": trc_bytes(CODES[5], SWEEPS_PER_ACQ=10),
    }


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "led", contents())


def test_unpacked_files_are_identical_byte_by_byte(folder: Path, tmp_path: Path) -> None:
    assert pack(folder, tmp_path / "led.parquet") == len(contents())
    assert unpack(tmp_path / "led.parquet", tmp_path / "again") == len(contents())
    found = {path.relative_to(tmp_path / "again").as_posix(): path.read_bytes() for path in (tmp_path / "again").rglob("*") if path.is_file()}
    assert found == contents()


@pytest.mark.public_data
def test_real_files_are_restored_byte_by_byte(public_data: Path, tmp_path: Path) -> None:
    for path in (public_data / "trc").iterdir():
        shutil.copy(path, tmp_path / path.name.replace(".000", ".trc"))
    with pytest.raises(TrcError, match=r"header\.trc cannot be packed: .*header\.trc: block header .* leave it out by --allow-partial"):
        pack(tmp_path, tmp_path / "all.parquet")
    assert not (tmp_path / "all.parquet").exists()
    assert pack(tmp_path, tmp_path / "all.parquet", allow_partial=True) == 6
    unpack(tmp_path / "all.parquet", tmp_path / "again")
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_a_pack_gives_the_columns_of_its_files(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "led.parquet")
    with open_source(folder, "trc") as loose, open_source(tmp_path / "led.parquet") as packed:
        assert len(packed) == len(loose) == 30 + 1 + 10 + 2
        assert list(packed.columns.items()) == list(loose.columns.items())
        for start, stop in ((0, len(packed)), (28, 35), (33, 34), (5, 5)):
            ours, theirs = packed.events(start, stop), loose.events(start, stop)
            for name in packed.columns:
                expected = theirs[name].to_list()
                if name == "file":
                    expected = [Path(path).relative_to(folder).as_posix() for path in expected]
                assert ours[name].to_list() == expected, name
        assert list(packed.refused) == ["average.trc"]
        assert "SWEEPS_PER_ACQ" in packed.refused["average.trc"]


def test_a_pack_is_known_by_its_schema_and_by_the_formats_of_waveforms(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "led.parquet"
    pack(folder, path)
    assert (describe(path).format, describe(path).entries, describe(path).attributes["files"]) == ("trc_pack", 43, 34)
    for name in (None, "parquet", "trc", "trc_pack"):
        with open_source(path, name) as source:
            assert len(source) == 43
    with open_source(path, "trc_processed") as source:
        assert (len(source), dict(source.refused)) == (44, {})


def test_a_pack_converts_to_lists_of_numbers(folder: Path, tmp_path: Path) -> None:
    """For programs that do not know the format."""
    pack(folder / "700", tmp_path / "led.parquet")
    convert(tmp_path / "led.parquet", tmp_path / "lists.parquet")
    with open_source(tmp_path / "led.parquet") as packed, open_source(tmp_path / "lists.parquet") as lists:
        whole = packed.events(0, len(packed))
        assert lists.events(0, len(lists)).code.to_list() == whole.code.to_list()
        assert lists.events(0, len(lists)).waveform_v.to_list() == whole.waveform_v.to_list()
        assert lists.columns["dt_ns"].unit == "ns"


def rewritten(path: Path, change) -> Path:
    table = pq.read_table(path)
    target = path.with_name("changed.parquet")
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), target)
    return target


def replaced(name: str, row: int, value: object):
    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        values[row] = value
        return table.set_column(table.schema.get_field_index(name), table.schema.field(name), pa.array(values, table.schema.field(name).type))

    return change


CHANGES = {
    "a row less in a sequence": (lambda table: pa.concat_tables([table.slice(0, 35), table.slice(36)]), "not those of whole files"),
    "the first row missing": (lambda table: table.slice(32), "not those of whole files"),
    "the last row missing": (lambda table: table.slice(0, 40), "has not the 10 rows of its segments"),
    "no head": (replaced("head", 3, None), "not those of whole files"),
    "another head": (replaced("head", 3, b"rubbish"), None),
    "other samples": (replaced("code", 3, b"\0" * 12), "samples of other lengths than the heads of their files declare"),
    "a column less": (lambda table: table.drop_columns(["tail"]), "no pack of waveform files"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_pack_is_refused(name: str, folder: Path, tmp_path: Path) -> None:
    for extra in ("old.TRC", "second_array.trc"):
        (folder / "900" / extra).unlink()
    (folder / "average.trc").unlink()
    pack(folder, tmp_path / "led.parquet")
    change, message = CHANGES[name]
    path = rewritten(tmp_path / "led.parquet", change)
    if message is None:  # the other files are not touched by one damaged head
        with open_source(path) as source:
            assert list(source.refused) == ["700/C1--00003.trc"]
        return
    with pytest.raises(SourceError, match=message), open_source(path) as source:
        source.events(0, len(source)).code.to_list()


def test_a_truncated_pack_is_refused(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "led.parquet")
    content = (tmp_path / "led.parquet").read_bytes()
    (tmp_path / "led.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"led\.parquet: wrong content or truncated"):
        open_source(tmp_path / "led.parquet")


def test_damaged_packs_end_in_an_error_or_the_right_bytes(tmp_path: Path) -> None:
    """Pages carry checksums; what lies outside of them can only be refused or not matter."""
    truth = {name: content for name, content in contents().items() if name.startswith("700")}
    pack(write(tmp_path / "led", truth), tmp_path / "led.parquet")
    content = (tmp_path / "led.parquet").read_bytes()
    damaged, refused = tmp_path / "damaged.parquet", 0
    for number in range(150):
        rng = np.random.default_rng([3, number])
        changed = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(changed)
        again = tmp_path / f"again_{number}"
        try:
            unpack(damaged, again)
        except SourceError:
            refused += 1
            continue
        found = {path.relative_to(again).as_posix(): path.read_bytes() for path in again.rglob("*") if path.is_file()}
        assert found == truth
    assert refused > 75


@pytest.mark.parametrize("name", ["../outside.trc", "/tmp/outside.trc", "a/../../outside.trc", ""])
def test_names_that_lead_out_of_the_folder_are_refused(name: str, folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "led.parquet")
    path = rewritten(tmp_path / "led.parquet", replaced("file", 0, name))
    with pytest.raises(TrcError, match=re.escape(f"packed file {name!r} would be written outside of")):
        unpack(path, tmp_path / "again")
    assert not list(tmp_path.rglob("outside.trc"))


def test_unpacking_overwrites_nothing(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path / "led.parquet")
    write(tmp_path / "again", {"700/C1--00000.trc": b"mine"})
    with pytest.raises(TrcError, match=r"C1--00000\.trc: exists with other content; unpack into an empty folder"):
        unpack(tmp_path / "led.parquet", tmp_path / "again")
    assert unpack(tmp_path / "led.parquet", folder) == len(contents())  # the files are there already


def test_what_is_no_pack(folder: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1.0]}), tmp_path / "other.parquet")
    with pytest.raises(TrcError, match=r"other\.parquet: a Parquet file, but no pack of waveform files"):
        unpack(tmp_path / "other.parquet", tmp_path / "again")
    with pytest.raises(TrcError, match=r"led\.zip: a pack is a Parquet file; give it the ending \.parquet"):
        pack(folder, tmp_path / "led.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrcError, match="no LeCroy waveform files in this folder"):
        pack(tmp_path / "empty", tmp_path / "led.parquet")


def test_doors(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "led.parquet")
    assert run_processor.main(["--pack", str(folder), target]) == DONE
    assert "led.parquet: 35 files" in capsys.readouterr().out
    assert run_processor.main(["--unpack", target, str(tmp_path / "again")]) == DONE
    assert "again: 35 files" in capsys.readouterr().out
    assert run_processor.main(["--inspect", target, "--json"]) == DONE
    assert '"trc_pack"' in capsys.readouterr().out
    (folder / "broken.trc").write_bytes(b"WAVEDESC")
    assert run_processor.main(["--pack", str(folder), target]) == WRONG_INPUT
    assert "broken.trc cannot be packed" in capsys.readouterr().err
    assert run_processor.main(["--pack", str(folder), target, "--allow-partial"]) == DONE
    assert run_processor.main(["--inspect", str(folder)]) == DONE
    shown = capsys.readouterr().out
    assert "broken.trc: descriptor" in shown
    assert "waveform_v" in shown
    assert "VERTICAL_GAIN" in shown
