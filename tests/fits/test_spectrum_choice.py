"""From ``model:`` of a configuration to a spectrum."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.diffuse import Model
from fits.spectrum_choice import spectrum_of
from physics.spectra import BrokenPowerLaw, FreeBreak, Table


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"astro": "broken_power_law", "break_gev": 2e5}, BrokenPowerLaw(2e5)),
        ({"astro": "class", "class": "physics.spectra.FreeBreak"}, FreeBreak()),
        ({"astro": "table", "table": "flux.txt"}, Table((1e4, 1e5, 1e6, 1e7), (4.0, 3.0, 2.0, 1.0))),
    ],
)
def test_the_spectrum_that_is_asked_for(tmp_path: Path, options: dict, expected: object) -> None:
    (tmp_path / "flux.txt").write_text("1e4 4\n1e5 3\n1e6 2\n1e7 1\n")
    assert spectrum_of(Model(**options), tmp_path / "c.yaml") == expected
