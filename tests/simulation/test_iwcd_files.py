"""Files of the generator: every dataset of the format, read back; splits and outputs beside them; kept while the options are the same."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from configs.errors import InputError
from configs.schema import ANALYSES, Config
from readers import open_source
from readers.digihit_writer import write_digihit
from simulation.iwcd import Light, Sample
from simulation.iwcd_classifier import ToyClassifier
from simulation.iwcd_files import hit_events
from simulation.iwcd_request import request
from simulation.registry import generate


def configuration(datasets: dict, **changes) -> Config:
    given = {"name": "test", "analysis": "iwcd", "seed": 5, "datasets": datasets, **changes}
    return ANALYSES["iwcd"].model_validate(given)


def mc(size: int = 4, form: str | None = None, **example) -> dict:
    return {"kind": "mc", "format": form, "example": {"size": size, **example}}


def data(size: int = 12, **truth) -> dict:
    return {"kind": "data", "example": {"size": size, "truth": truth}}


def test_every_dataset_of_the_format_is_there(tmp_path: Path) -> None:
    """Specification 2.1: names, shapes and types."""
    (path,) = generate(configuration({"mc": mc(120)}), "mc", tmp_path)
    with h5py.File(path) as file:
        n, hits = 480, len(file["hit_pmt"])
        shapes = {name: (dataset.shape, dataset.dtype.str) for name, dataset in file.items() if name != "root_files"}
        assert shapes == {
            "labels": ((n,), "<i4"), "event_ids": ((n,), "<i4"), "energies": ((n, 1), "<f4"), "positions": ((n, 1, 3), "<f4"),
            "angles": ((n, 2), "<f4"),
            "event_hits_index": ((n,), "<i8"), "veto": ((n,), "|b1"), "veto2": ((n,), "|b1"), "fully_contained": ((n,), "|b1"),
            "hit_pmt": ((hits,), "<i4"), "hit_charge": ((hits,), "<f4"), "hit_time": ((hits,), "<f4"),
        }  # fmt: skip
        np.testing.assert_array_equal(file["labels"], np.repeat([0, 1, 2, 3], 120))
        keys = list(zip(file["root_files"].asstr(), file["event_ids"], strict=True))
        assert len(set(keys)) == n  # the stable key of an event
        assert keys[100] == ("gamma_0001.root", 0)
        assert file["hit_charge"].chunks is None


def test_file_holds_the_events_of_the_sample(tmp_path: Path) -> None:
    sample = Sample(3, 5)
    events = hit_events(sample, tmp_path)
    for row, event in enumerate(sample.events()):
        hits = slice(events.offsets[row], events.offsets[row + 1])
        np.testing.assert_array_equal(events.hit_pmt[hits], event.hits.pmt)
        np.testing.assert_array_equal(events.hit_charge[hits], event.hits.charge_pe)
        np.testing.assert_array_equal(events.hit_time_ns[hits], event.hits.time_ns)
        theta, phi = events.angles[row]
        np.testing.assert_allclose([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], event.direction, atol=1e-12)
        assert events.energy_mev[row] == np.float32(event.energy_mev)


def test_a_sample_without_any_hit_can_be_written(tmp_path: Path) -> None:
    events = hit_events(Sample(1, 5, light=Light(electron_pe=0.0, muon_pe=0.0)), tmp_path)
    with h5py.File(write_digihit(tmp_path / "none.h5", events)) as file:
        assert len(file["hit_pmt"]) == 0
        assert len(file["labels"]) == 4


@pytest.mark.parametrize("form", ["digihit", "truehit", "dense"])
def test_every_form_is_recognised_by_the_readers(tmp_path: Path, form: str) -> None:
    paths = generate(configuration({"mc": mc(3, form)}), "mc", tmp_path)
    with open_source(paths[0]) as source:
        assert len(source) == 12
        events = source.events(0, 12)
        np.testing.assert_array_equal(events.label.to_numpy(), np.repeat([0, 1, 2, 3], 3))
        reference = [len(event.hits.pmt) for event in Sample(3, 5, photons=form == "truehit").events()]
        counted = [len(set(hits.pmt.tolist())) if form == "truehit" else len(hits) for hits in events.hits]
        if form != "truehit":
            assert counted == reference


def test_data_have_no_labels_and_tell_nothing(tmp_path: Path) -> None:
    (path,) = generate(configuration({"data": data(12, gamma=0.5, pi0=0.5)}), "data", tmp_path)
    with h5py.File(path) as file:
        assert set(file["labels"]) == {-1}
        assert set(file["root_files"].asstr()) == {"data_0000.root"}
    assert not (tmp_path / "data" / "splits.npz").exists()


def test_splits_and_outputs_belong_to_the_events(tmp_path: Path) -> None:
    (path,) = generate(configuration({"mc": mc(10)}), "mc", tmp_path)
    split = np.load(tmp_path / "mc" / "splits.npz")
    np.testing.assert_array_equal(np.sort(np.concatenate([split[name] for name in split.files])), np.arange(40))
    folder = tmp_path / "mc" / "classifier"
    indices, labels, softmax, predictions = (np.load(folder / f"{name}.npy") for name in ("indices", "labels", "softmax", "predictions"))
    assert set(indices) == set(split["test_idxs"])
    with h5py.File(path) as file:
        np.testing.assert_array_equal(labels, file["labels"][:][indices])
    assert softmax.shape == (20, 4)
    np.testing.assert_array_equal(predictions, softmax.argmax(axis=1))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".npz"}


def test_files_are_kept_or_made_again(tmp_path: Path) -> None:
    config = configuration({"mc": mc()})
    (path,) = generate(config, "mc", tmp_path)
    stamp, first = path.stat().st_mtime_ns, contents(tmp_path)
    assert generate(config, "mc", tmp_path) == [path]
    assert path.stat().st_mtime_ns == stamp
    (tmp_path / "mc" / "classifier" / "labels.npy").unlink()
    assert generate(config, "mc", tmp_path) == [path]
    assert contents(tmp_path).keys() == first.keys()
    assert path.stat().st_mtime_ns != stamp
    for name, content in contents(tmp_path).items():
        if name.endswith(".npy"):
            assert content == first[name]  # the same seed, the same outputs
    generate(configuration({"mc": mc(truth={"auc": 0.9})}), "mc", tmp_path)
    assert contents(tmp_path)["mc/classifier/softmax.npy"] != first["mc/classifier/softmax.npy"]


def test_options_reach_the_generator() -> None:
    truth = {"charge_scale": 1.15, "scatter": 0.2, "independent_pairs": 1, "auc": 0.6, "mirror": -1.0, "position_slope": 0.5}
    found = request(configuration({"mc": mc(7, seed=9, truth=truth)}), "mc")
    assert found.sample == Sample(7, 9, None, Light(charge_scale=1.15, scatter=0.2, pair_model="independent"))
    assert found.classifier == ToyClassifier(0.6, 0.5, -1.0)
    found = request(configuration({"data": data(30, **{"mu-": 3.0, "e-": 1.0, "charge_scale": 0.9})}), "data")
    assert found.sample == Sample(30, 5, {"e-": 0.25, "mu-": 0.75}, Light(charge_scale=0.9))
    assert request(configuration({"data": data()}), "data").sample.fractions == dict.fromkeys(("gamma", "e-", "mu-", "pi0"), 0.25)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (mc(form="digihits"), r"datasets.one.format: no generated events in the form 'digihits'; did you mean 'digihit'\?"),
        (mc(truth={"charge_scal": 1.0}), r"example.truth: 'charge_scal' is not a parameter of the generated mc; did you mean 'charge_scale'\?"),
        (mc(truth={"gamma": 1.0}), r"'gamma' is not a parameter of the generated mc"),
        (data(auc=0.7), r"'auc' is not a parameter of the generated data"),
        (mc(truth={"scatter": 1.5}), r"example.truth.scatter: 1.5 is not possible; give a number in 0 ... 0.99"),
        (mc(truth={"auc": 1.0}), r"example.truth.auc: 1 is not possible"),
        (data(**{"e-": -0.1}), r"example.truth.e-: -0.1 is not possible"),
        (data(**{"e-": 0.0}), r"the fractions of e- add up to 0"),
        ({"kind": "mc", "files": "x.h5"}, r"datasets.one: nothing to generate; give example"),
    ],
)
def test_impossible_requests_are_refused(dataset: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        request(configuration({"one": dataset}), "one")


def test_another_tank_is_refused() -> None:
    config = configuration({"one": mc()}, processor={"tank": {"preset": "iwcd_current"}})
    with pytest.raises(InputError, match="events are generated in the short tank only"):
        request(config, "one")
