"""Files of generated muons: tables, sets with other detectors, data with truth; what a configuration may ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from configs.errors import InputError
from configs.schema import StoppingMuonsConfig
from readers import open_source
from readers.hdfwriter_mapping import WeightFile
from simulation.registry import generate
from simulation.stopping_muons import BLOCK


def config(**datasets: dict[str, Any]) -> StoppingMuonsConfig:
    return StoppingMuonsConfig.model_validate({"name": "test", "analysis": "stopping_muons", "seed": 3, "datasets": datasets})


def mc(size: int = 20_000, level: int = 2, **more: Any) -> dict[str, Any]:
    return {"kind": "mc", "level": level, "example": {"size": size, **more.pop("example", {})}, **more}


def data(seconds: float = 0.05, **truth: float) -> dict[str, Any]:
    return {"kind": "data", "livetime_s": seconds, "example": {"truth": truth}}


def test_tables_of_simulation_and_the_columns_that_the_keys_name(tmp_path: Path) -> None:
    chosen = config(mc_l2=mc(), mc_l0=mc(level=0), data_l2=data())
    (path,) = generate(chosen, "mc_l2", tmp_path)
    with open_source(path, columns=chosen.datasets["mc_l2"].columns) as source:
        events = source.events(0, len(source))
        assert {"surface_energy", "stopping_score", "GaisserToy", "num_muons_at_entry", "fss_filter"} <= set(source.columns)
        assert ak.sum(events.GaisserToy) == pytest.approx(15.4e3, rel=0.1)
        assert ak.sum(ak.is_none(events.ToyFit)) == len(source) // 10  # objects that are missing
        assert ak.count(events.ToyPulses.charge) > 200
        assert events.ToyPulses.charge[200] is None
        passed = ak.all(events.fss_filter, axis=-1)
        np.testing.assert_array_equal(passed, np.asarray(events.stopping_score) >= 0.02)
        tev = events.surface_energy / 1e3
        np.testing.assert_allclose(events.GaisserToy_softer / events.GaisserToy, tev**-0.1)
        np.testing.assert_allclose(np.cos(events.zenith_reco), np.clip(np.cos(events.zenith_reco), 0.05, 1))
    (path,) = generate(chosen, "mc_l0", tmp_path)
    with open_source(path, columns=chosen.datasets["mc_l0"].columns) as source:
        assert len(source) == 20_000  # untriggered: every generated muon
        assert ak.sum(source.events(0, len(source)).GaisserToy) == pytest.approx(3.016e5, rel=0.05)


def test_data_have_no_truth_in_them_but_beside_them(tmp_path: Path) -> None:
    chosen = config(data_l2=data(0.05, norm=1.2, delta_gamma=0.1))
    (path,) = generate(chosen, "data_l2", tmp_path)
    with open_source(path, columns=chosen.datasets["data_l2"].columns) as source:
        assert not {"ToyLabels", "ToyWeights"} & set(source.columns)
        assert len(source) > 300
    with WeightFile(path) as file:
        assert file["ExpLivetime_livetime"]["value"].tolist() == [0.05]
    truth = json.loads((path.parent / "truth.json").read_text(encoding="utf-8"))
    assert (truth["norm"], truth["delta_gamma"], truth["a_gev_per_m"], truth["b_per_m"]) == (1.2, 0.1, 0.24, 3.3e-4)


def test_systematic_and_snowstorm_sets(tmp_path: Path) -> None:
    sets = {
        "eff": mc(systematic={"name": "dom_eff", "value": 0.5}),
        "snow": mc(snowstorm={"dom_eff": "ToySnowStorm.dom_eff", "ice_abs": "ToySnowStorm.ice_abs"}),
        "nominal": mc(),
    }
    chosen = config(**sets)
    rates = {}
    for name in sets:
        (path,) = generate(chosen, name, tmp_path)
        with open_source(path, columns=chosen.datasets[name].columns) as source:
            events = source.events(0, len(source))
            rates[name] = float(ak.sum(events.GaisserToy))
            if name == "snow":
                value = np.asarray(events.snowstorm_dom_eff)
                assert 0.9 <= value.min() < 0.91
                assert 1.09 < value.max() <= 1.1
                assert np.all(np.asarray(events.ToySnowStorm.escale) == 1)
    assert rates["eff"] < 0.9 * rates["nominal"]


def test_several_files_whose_event_numbers_begin_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.stopping_muons_files.BLOCK", 5000)
    assert BLOCK > 5000
    paths = generate(config(mc_l0=mc(12_000, level=0)), "mc_l0", tmp_path)
    with open_source(paths) as source:
        events = source.events(0, len(source))
        assert (len(paths), len(source)) == (3, 12_000)
        assert events.Event[5000] == 0
        assert len(set(zip(events.file_index.to_list(), events.Run.to_list(), events.Event.to_list(), strict=True))) == 12_000


def test_the_same_options_keep_the_files_and_the_seed_changes_them(tmp_path: Path) -> None:
    chosen = config(mc_l2=mc(3000))
    (path,) = generate(chosen, "mc_l2", tmp_path)
    before = path.stat().st_mtime_ns
    assert generate(chosen, "mc_l2", tmp_path) == [path]
    assert path.stat().st_mtime_ns == before
    other = chosen.model_copy(update={"seed": 4})
    first = open_source(path).events(0, 1).ToyLabels.surface_energy.to_list()
    (path,) = generate(other, "mc_l2", tmp_path)
    assert open_source(path).events(0, 1).ToyLabels.surface_energy.to_list() != first


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"kind": "mc", "files": ["a.hdf5"]}, r"inputs.a: nothing to generate; give example: \{size: 200000\} or path: FILES"),
        (mc(hdf5=False), "muons are generated as HDF5 tables; leave hdf5 and format out"),
        ({**data(), "example": {"size": 5}}, "the number of data events follows from flux and livetime"),
        (data(norm=-1.0), r"inputs.a.example.truth.norm: -1 is not possible; give a number in 0 ... 10"),
        (data(nrm=1.0), "'nrm' is not a parameter of the generated data; did you mean 'norm'"),
        (mc(example={"truth": {"norm": 2.0}}), "'norm' is not a parameter of the generated mc; known: dom_eff, escale, ice_abs"),
        (mc(systematic={"name": "dom_ef", "value": 1.0}), "the generated detector has no parameter 'dom_ef'; did you mean 'dom_eff'"),
        (mc(systematic={"name": "dom_eff", "value": 9.0}), "inputs.a.systematic.value: 9 is not possible"),
        (mc(snowstorm={"wind": "x"}), "inputs.a.snowstorm: the generated detector has no parameter 'wind'"),
    ],
)
def test_what_cannot_be_generated(dataset: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        generate(config(a=dataset), "a", tmp_path)
