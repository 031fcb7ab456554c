"""The mapping that simweights reads: its pattern of access by a stand-in always, simweights itself where it is installed."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hdfwriter_case import ENERGY, HAS_RECO, N, write_case

from readers import SourceError
from readers.hdfwriter_mapping import WeightFile, WeightTable, file_values
from simulation.hdfwriter_writer import EventKeys, TableContent, write_hdfwriter

PROTON = 2212


def weight_map(rng: np.random.Generator) -> dict[str, TableContent]:
    """CORSIKA: energies E^-2.6 from 600 GeV to 1e5 GeV, zenith to 1.4 rad on a cylinder."""
    low, high, index = 600.0, 1e5, -2.6
    power = index + 1
    energy = (low**power + rng.random(N) * (high**power - low**power)) ** (1 / power)
    same = {
        "ParticleType": PROTON, "CylinderLength": 1200.0, "CylinderRadius": 600.0, "ThetaMin": 0.0, "ThetaMax": 1.4, "PrimarySpectralIndex": index,
        "EnergyPrimaryMin": low, "EnergyPrimaryMax": high, "OverSampling": 1.0, "NEvents": 1000.0,
    }  # fmt: skip
    return {
        "CorsikaWeightMap": TableContent({name: np.full(N, float(value)) for name, value in same.items()}),
        "PolyplopiaPrimary": TableContent({"energy": energy, "type": np.full(N, PROTON, np.int32), "zenith": 1.4 * rng.random(N)}),
    }


@pytest.fixture
def corsika(tmp_path: Path) -> Path:
    keys = EventKeys.counted(N)
    info = {
        "n_events": 1000.0, "power_law_index": -2.6, "cylinder_height": 1200.0, "cylinder_radius": 600.0, "max_zenith": 1.4, "min_zenith": 0.0,
        "min_energy": 600.0, "max_energy": 1e5, "oversampling": 1.0, "primary_type": PROTON,
    }  # fmt: skip
    per_file = {"I3CorsikaInfo": TableContent({name: np.full(2, value) for name, value in info.items()})}
    return write_hdfwriter(tmp_path / "corsika.hdf5", keys, weight_map(np.random.default_rng(1)), per_file)


class Stub:
    """How simweights takes columns from a file it knows nothing of: attributes first, then the index."""

    def has_table(self, file, name: str) -> bool:
        return hasattr(file.root, name) if hasattr(file, "root") else name in file

    def table(self, file, name: str):
        return getattr(file.root, name) if hasattr(file, "root") else file[name]

    def has_column(self, table, name: str) -> bool:
        if hasattr(table, "cols"):
            return hasattr(table.cols, name)
        try:
            table[name]
        except (ValueError, KeyError):
            return False
        return True

    def column(self, table, name: str) -> np.ndarray:
        if hasattr(table, "cols"):
            return np.asarray(getattr(table.cols, name)[:], dtype=np.float64)
        column = table[name]
        if hasattr(column, "array") and callable(column.array):
            return np.asarray(column.array(library="np"), dtype=np.float64)
        return np.asarray(column, dtype=np.float64)


def test_the_pattern_of_access(corsika: Path) -> None:
    stub = Stub()
    with WeightFile(corsika) as file:
        assert stub.has_table(file, "CorsikaWeightMap")
        assert not stub.has_table(file, "I3CorsikaWeight")
        table = stub.table(file, "CorsikaWeightMap")
        assert stub.has_column(table, "OverSampling")
        assert not stub.has_column(table, "oversampling")
        assert stub.column(table, "ParticleType").astype(int).tolist() == [PROTON] * N
        types = stub.column(stub.table(file, "PolyplopiaPrimary"), "type")
        assert types.dtype == np.float64
        assert len(stub.column(stub.table(file, "I3CorsikaInfo"), "n_events")) == 2  # rows of the file, not of its events


def test_a_table_has_no_public_attributes(corsika: Path) -> None:
    assert [name for name in dir(WeightTable) if not name.startswith("_")] == []
    with WeightFile(corsika) as file:
        for name in ("root", "cols", "arrays", "dir", "primary"):
            assert not hasattr(file, name)
            assert not hasattr(file["PolyplopiaPrimary"], name)
        with pytest.raises(KeyError, match="table PolyplopiaPrimary has no column 'energie'; did you mean 'energy'"):
            file["PolyplopiaPrimary"]["energie"]
        with pytest.raises(KeyError, match="no table 'CorsikaWeightmap'; did you mean 'CorsikaWeightMap'"):
            file["CorsikaWeightmap"]


def test_missing_objects_are_nan_and_several_files_follow_each_other(tmp_path: Path) -> None:
    paths = [write_case(tmp_path / f"{name}.hdf5", extra=extra) for name, extra in (("a", 0.0), ("b", 1.0))]
    with WeightFile(paths) as file:
        energy = file["Reco"]["energy"]
        assert np.isnan(energy).tolist() == (~HAS_RECO).tolist() * 2
        np.testing.assert_array_equal(energy[:N][HAS_RECO], ENERGY[HAS_RECO])
        assert file["ExpLivetime_livetime"]["value"].tolist() == [10.0, 10.0]
        assert len(file["Muons"]) == 14
        assert list(file["Muons"])[-2:] == ["energy", "pdg"]
    with pytest.raises(SourceError, match="no table 'Livetime'"):
        file_values(str(paths[0]), "Livetime", "value")


def test_simweights_takes_the_file_unchanged(corsika: Path) -> None:
    """Weights of a flat flux are the inverse generation density, computed here by hand."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simweights = pytest.importorskip("simweights", reason="simweights is not installed (pip install simweights)")
    nfiles = 7
    with WeightFile(corsika) as file:
        with pytest.warns(UserWarning, match="has an I3CorsikaInfo table"):
            weighter = simweights.CorsikaWeighter(file, nfiles)
        weights = weighter.get_weights(1.0)
        energy, zenith = file["PolyplopiaPrimary"]["energy"], file["PolyplopiaPrimary"]["zenith"]
        by_info = simweights.CorsikaWeighter(file).get_weights(1.0)
    power = -1.6
    density = energy**-2.6 * power / (1e5**power - 600.0**power)
    cosine = np.cos(1.4)
    # integral of the cylinder's projected area over the sky seen, in cm^2 sr
    low, high = (
        (np.pi / 4) * 2 * 600.0 * 1200.0 * 2 / np.pi * (x * np.sqrt(1 - x * x) + np.arcsin(x)) + np.pi * 600.0**2 * x * x / 2 for x in (cosine, 1.0)
    )
    etendue = 2 * np.pi * (high - low) * 1e4
    np.testing.assert_allclose(weights, etendue / (nfiles * 1000 * density), rtol=1e-6)
    np.testing.assert_allclose(by_info * 2, weights * nfiles, rtol=1e-6)
    assert np.all(np.isfinite(zenith))
