"""Tables of a spectrum in text files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from configs.errors import InputError
from fits.spectrum_table import read_spectrum_table


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "flux.txt"
    path.write_text("# E in GeV, flux\n1e4 1000\n1e5, 10  # the pivot\n\n1e6 0.1\n1e7 0.001\n")
    table = read_spectrum_table(path)
    assert table.energy_gev == (1e4, 1e5, 1e6, 1e7)
    np.testing.assert_allclose(table.evaluate(np.array([1.0]), np.empty(0)).l, -2.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1e4 1\n1e5 one\n", r"flux.txt:2: '1e5 one' is not a row of numbers"),
        ("1e4 1 2\n", r"flux.txt:1: 3 columns where two are wanted"),
        ("1e4 1\n1e5 1\n", r"flux.txt: a tabulated spectrum needs at least 4 pairs"),
    ],
)
def test_bad_files_are_refused_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "flux.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_spectrum_table(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent.txt: cannot read the tabulated spectrum \(No such file"):
        read_spectrum_table(tmp_path / "absent.txt")
