"""Where fits look for what they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.errors import InputError
from configs.schema import load_config
from fits.iwcd_inputs import Inputs


def test_a_place_is_named_once(tmp_path: Path) -> None:
    """An absolute path is the same seen from every folder."""
    (tmp_path / "a.yaml").write_text("{name: a, analysis: iwcd, output_dir: out, fits: {one: {kind: performance, outputs: /nowhere/outs}}}")
    inputs = Inputs(load_config(tmp_path / "a.yaml"), None)
    with pytest.raises(InputError, match=r"no directory '/nowhere/outs'; looked for /nowhere/outs, and it is no folder of the catalogue"):
        inputs.folder("/nowhere/outs", "fits.one.outputs")
