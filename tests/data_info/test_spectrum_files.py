"""Files of spectra that are not what they should be (specification 10)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.errors import InputError
from data_info.annihilation_spectra import PPPC_COLUMNS, PPPC_FILES, PPPC_FIRST, PPPC_MASSES, PPPC_POINTS, PPPC_STEP, pppc, table

HEADER = "channel,mass_gev,log10_x,e,mu,tau\n"
GOOD = "b,10,-2,1,1,0\nb,10,-1,1,1,0\nb,20,-2,2,2,0\nb,20,-1,2,2,0\n"


def own(folder: Path, rows: str, header: str = HEADER) -> Path:
    (folder / "mine.csv").write_text(header + rows)
    return folder / "mine.csv"


def test_a_good_table(tmp_path: Path) -> None:
    found = table(own(tmp_path, "# by hand\n" + GOOD)).channels["b"]
    assert found.masses_gev.tolist() == [10.0, 20.0]
    assert found.left[:, 0, 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (GOOD.replace("10,-2,1", "10,-2,x"), "channel b: could not convert string to float: 'x'; every cell must be a number"),
        (GOOD.replace("20,-1,", "20,-0.9,"), "channel b: the masses do not have the same values of log10_x"),
        (GOOD + "b,30,-2,1,1,1\n", "channel b: the masses do not have the same values of log10_x"),
        (GOOD.replace("10,-2,1", "10,-2,-1"), "channel b: spectra must be finite and not negative"),
        (GOOD.replace("10,-2,1", "10,-2,inf"), "channel b: spectra must be finite and not negative"),
        ("b,10,-1,1,1,0\nb,10,0.5,1,1,0\n", "log10_x rising and at most 0"),
        ("b,10,-1,1,1,0\n", "log10_x rising and at most 0"),
        ("b,10,-0.1,9,9,0\nb,10,0,9,9,0\n", "channel b, 10 GeV: neutrinos carry 3.22 m, more energy than 2m; is it per type"),
        ("", "needs the columns channel, mass_gev, log10_x, e, mu, tau; found no rows"),
    ],
)
def test_bad_tables(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"mine\.csv: .*{message}"):
        table(own(tmp_path, rows))


def test_missing_files_and_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs the columns .*; found channel, mass_gev"):
        table(own(tmp_path, "b,10\n", "channel,mass_gev\n"))
    with pytest.raises(InputError, match=r"absent\.csv: cannot be read \(No such file"):
        table(tmp_path / "absent.csv")


def published(folder: Path, header: tuple[str, ...] = PPPC_COLUMNS, rows: int | None = None, shift: float = 0.0) -> Path:
    """Three files of the published form, all values 0, with what is asked for changed in the first."""
    x = np.round(PPPC_FIRST + PPPC_STEP * np.arange(PPPC_POINTS), 2)
    for name in PPPC_FILES:
        first = name == PPPC_FILES[0]
        zeros = " 0" * (len(PPPC_COLUMNS) - 2)
        lines = [f"{5 + mass} {one + (shift if first and mass == 3 else 0.0)}{zeros}" for mass in range(PPPC_MASSES) for one in x]
        (folder / name).write_text("\n".join([" ".join(header if first else PPPC_COLUMNS), *(lines[:rows] if first else lines)]))
    return folder


def test_published_form(tmp_path: Path) -> None:
    assert set(pppc(published(tmp_path)).channels) >= {"b", "W", "Mu", "Tau", "Nu", "NuMu", "h"}


def test_header_of_pppc(tmp_path: Path) -> None:
    header = tuple("bottom" if name == "b" else name for name in PPPC_COLUMNS)
    with pytest.raises(InputError, match=r"neutrinos_e\.dat: the header is not that of PPPC4DMID's .*: found 'bottom', expected 'b'"):
        pppc(published(tmp_path, header))


def test_rows_of_pppc(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neutrinos_e\.dat: 300 rows, expected 62 masses x 179 values of x; download it again"):
        pppc(published(tmp_path, rows=300))


def test_grid_of_pppc(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neutrinos_e\.dat: masses and x do not form the published grid"):
        pppc(published(tmp_path, shift=0.01))


def test_text_in_pppc(tmp_path: Path) -> None:
    published(tmp_path)
    (tmp_path / PPPC_FILES[1]).write_text(" ".join(PPPC_COLUMNS) + "\n5 -8.9 nothing\n")
    with pytest.raises(InputError, match=r"neutrinos_mu\.dat: cannot be read as a table of PPPC4DMID"):
        pppc(tmp_path)


def test_masses_of_pppc_are_the_same_in_all_files(tmp_path: Path) -> None:
    path = published(tmp_path) / PPPC_FILES[2]
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *(line.replace("66 ", "67 ", 1) if line.startswith("66 ") else line for line in lines)]))
    with pytest.raises(InputError, match=r"neutrinos_tau\.dat: masses or x differ from those of AtProduction_neutrinos_e\.dat"):
        pppc(tmp_path)
