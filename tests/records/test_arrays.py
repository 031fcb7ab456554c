from pathlib import Path

import numpy as np
import pytest

from configs.errors import InputError
from records.arrays import load_arrays, save_arrays


def test_arrays_come_back(tmp_path: Path) -> None:
    arrays = {"map": np.arange(4000, dtype=np.float32).reshape(40, 100), "name": np.array(["Draco", "Segue1"]), "empty": np.zeros((0, 3))}
    save_arrays(tmp_path / "pdfs.h5", {"main.b_10": arrays, "main.b_20": {"map": np.ones(3)}})
    found = load_arrays(tmp_path / "pdfs.h5", "main.b_10")
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype


def test_missing_groups_and_files(tmp_path: Path) -> None:
    save_arrays(tmp_path / "pdfs.h5", {"main.b_10": {}})
    with pytest.raises(InputError, match=r"pdfs.h5: no group 'main.b_1'.*main.b_10"):
        load_arrays(tmp_path / "pdfs.h5", "main.b_1")
    with pytest.raises(InputError, match="none.h5: no such file; run run_fit.py"):
        load_arrays(tmp_path / "none.h5", "main.b_10")
    (tmp_path / "text.h5").write_text("no numbers")
    with pytest.raises(InputError, match="text.h5: not a readable HDF5 file"):
        load_arrays(tmp_path / "text.h5", "main.b_10")
