"""Golden 30: comparison files with confidence level and citation; wrong and absent ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.dark_matter import Campaign
from configs.errors import InputError
from data_info.published_limits import published_limits, read_limit

CHANNELS = ("b", "Mu", "Tau", "W", "Nu")
ROWS = {
    ("b", 0.95): 11, ("Mu", 0.95): 12, ("Tau", 0.95): 12, ("W", 0.95): 8,
    ("b", 0.9): 29, ("Mu", 0.9): 26, ("Tau", 0.9): 26, ("W", 0.9): 31, ("Nu", 0.9): 30,
}  # fmt: skip


def saved(folder: Path, text: str, name: str = "mine_bb.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.public_data
def test_golden_30_public_files(public_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNODE_DATA", str(public_data))
    found, notes = published_limits(Campaign().compare, CHANNELS, tmp_path / "config.yaml")
    assert {(one.channel, one.cl): len(one.mass_gev) for one in found} == ROWS
    assert len(notes) == 1
    assert notes[0].startswith("limits_NuNu_Fermi_2015.csv: no such file, nothing is drawn for it; public ones are limits_MuMu_Fermi_2015.csv")
    fermi = {one.channel: one for one in found if one.cl == 0.95}
    at_100 = {name: float(one.sigma_v_cm3_s[one.mass_gev == 100.0][0]) for name, one in fermi.items()}
    assert at_100 == {"b": 2.21e-26, "Tau": 2.86e-26, "Mu": 2.06e-25, "W": 3.0e-26}
    icecube = next(one for one in found if (one.channel, one.cl) == ("b", 0.9))
    assert (icecube.mass_gev[0], icecube.sigma_v_cm3_s[0]) == (pytest.approx(329.66, abs=0.01), pytest.approx(3.0366e-20, rel=1e-4))
    assert (fermi["b"].legend, "1503.02641" in fermi["b"].citation) == ("Fermi-LAT, 15 dwarf galaxies (95 % CL)", True)
    assert (icecube.legend, "1307.3473" in icecube.citation) == ("IceCube, dwarf galaxies and clusters (90 % CL)", True)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    saved(tmp_path, "# cl: 0.68\n# citation: mine\n# label: A guess\n10, 1e-25\n\n20,2.5e-25\n")
    found, notes = published_limits(["mine_{ch}.csv"], ["b"], tmp_path / "config.yaml")
    assert notes == []
    assert (found[0].legend, found[0].citation) == ("A guess (68 % CL)", "mine")
    np.testing.assert_array_equal(found[0].mass_gev, [10.0, 20.0])
    np.testing.assert_array_equal(found[0].sigma_v_cm3_s, [1e-25, 2.5e-25])


def test_a_confidence_level_that_nobody_states(tmp_path: Path) -> None:
    assert read_limit(saved(tmp_path, "10,1e-25\n"), "b").legend == "mine_bb (CL not stated)"


def test_channels_without_another_name_keep_theirs(tmp_path: Path) -> None:
    saved(tmp_path, "10,1e-25\n", "mine_mixed.csv")
    found, _ = published_limits(["mine_{ch}.csv"], ["mixed"], tmp_path / "config.yaml")
    assert found[0].channel == "mixed"


def test_absent_files_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path))
    found, notes = published_limits(["sub/mine_{ch}.csv"], ["b", "W"], tmp_path / "config.yaml")
    assert found == []
    assert notes == [f"sub/mine_{name}.csv: no such file, nothing is drawn for it" for name in ("bb", "WW")]


def test_public_files_that_are_not_there_are_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing the figures of an example without network took a minute of attempts."""
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path / "data"))
    found, notes = published_limits(["limits_{ch}_Fermi_2015.csv"], ["b"], tmp_path / "config.yaml")
    assert found == []
    assert notes[0].startswith(f"limits_bb_Fermi_2015.csv: not in the data directory {tmp_path / 'data'}; it is published at https://")
    assert not (tmp_path / "data").exists()


BAD = {
    "text": ("mass,limit\n10,1e-25\n", "row 1: 'mass,limit'; expected two numbers, mass in GeV and sigma-v in cm.3 s.-1"),
    "three columns": ("10,1e-25,3\n", "row 1: '10,1e-25,3'; expected two numbers"),
    "unsorted": ("# made by hand\n10,1e-25\n9,1e-25\n", "row 3: mass 9 GeV does not rise; sort the rows by mass"),
    "mass twice": ("10,1e-25\n10,2e-25\n", "row 2: mass 10 GeV does not rise"),
    "negative": ("10,1e-25\n20,-1e-25\n", "row 2: 20, -1e-25: masses and cross-sections are positive numbers"),
    "zero": ("0,1e-25\n", "row 1: 0, 1e-25: masses and cross-sections are positive"),
    "not finite": ("10,nan\n", "row 1: 10, nan: masses and cross-sections are positive numbers"),
    "empty": ("# nothing\n", "no limits; expected rows of mass in GeV"),
    "level": ("# cl: 90\n10,1e-25\n", "cl: '90' is no confidence level; give a number between 0 and 1, such as 0.9"),
    "level of text": ("# cl: high\n10,1e-25\n", "cl: 'high' is no confidence level"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    with pytest.raises(InputError, match=rf"mine_bb\.csv: {message}"):
        read_limit(saved(tmp_path, text), "b")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "mine_bb.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match=r"mine_bb\.csv: not a readable text file"):
        read_limit(tmp_path / "mine_bb.csv", "b")
