"""Read a spectrum from a text file of two columns: energy in GeV and flux in any unit (only the shape is used)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from configs.errors import InputError
from physics.spectra import Table


def read_spectrum_table(path: str | Path, *, pivot_gev: float = 1.0e5) -> Table:
    """Read a table; columns separated by blanks or commas, ``#`` starts a comment. Raises ``InputError`` naming the file."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot read the tabulated spectrum ({error.strerror}); give a text file with columns E in GeV and flux") from None
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            raise InputError(f"{path}:{number}: {line.strip()!r} is not a row of numbers; give E in GeV and flux, comments after #") from None
        if len(row) != 2:
            raise InputError(f"{path}:{number}: {len(row)} columns where two are wanted (E in GeV, flux)")
        rows.append(row)
    table = np.array(rows).reshape(-1, 2)
    try:
        return Table(tuple(table[:, 0].tolist()), tuple(table[:, 1].tolist()), pivot_gev)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
