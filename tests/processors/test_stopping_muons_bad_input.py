"""Bad input of the analysis ``stopping_muons`` (specification 10): what is refused while events are read, with what each message must say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from muon_case import as_events, changed, config_of, prepared, process, setup_of, simulated, untriggered

from configs.errors import InputError
from configs.schema import load_config
from processors import engine
from processors.inputs import dataset_inputs
from processors.stopping_muons import StoppingMuonsProcessor
from processors.stopping_muons_preparation import Preparation
from processors.stopping_muons_setup import nominal, setup
from processors.stopping_muons_training import TrainingEvents
from simulation.hdfwriter_writer import EventKeys, TableContent, write_hdfwriter

MC, GENERATED = simulated(), untriggered()
N = len(MC["Event"])
NO_AREA = {"calculate_effective_area_range": False, "calculate_effective_area_energy": False}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return config_of(tmp_path_factory.mktemp("muons"))


@pytest.fixture(scope="module")
def preparation(config: Any) -> Preparation:
    return prepared(config)


def finished(config: Any, preparation: Preparation, name: str, columns: Any) -> Any:
    """A whole data set, postprocessed."""
    return StoppingMuonsProcessor(setup_of(config, name), preparation).postprocess(process(config, preparation, name, columns))


WEIGHTS = MC["GaisserToy"]
EVENTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "negative weights": (
        "mc_l2",
        changed(MC, GaisserToy={5: -1.0, 9: -2.0}),
        r"mc_l2_0000.hdf5: weights GaisserToy \(ToyWeights.GaisserToy\): 2 of \d+ are negative or not finite, first -1 at entry 5",
    ),
    "weights that are no number": ("mc_l2", changed(MC, GaisserToy={7: np.nan}), r"1 of \d+ are negative or not finite, first nan at entry 7"),
    "weights all zero": ("mc_l2", changed(MC, GaisserToy=0 * WEIGHTS), r"weights GaisserToy \(ToyWeights.GaisserToy\) of all \d+ selected events"),
    "weights in another unit": ("mc_l2", changed(MC, GaisserToy=WEIGHTS * 1e7), r"all selected events add up to 2\.\d+e\+10 Hz; Hz expected"),
    "weights per picosecond": ("low", changed(MC, GaisserToy=WEIGHTS * 1e-14), r"data set low: .* events are zero, or some 1e-10 of .*, and in Hz"),
    "empty truth bin": (
        "mc_l2",
        changed(MC, surface_energy=np.minimum(MC["surface_energy"], 3000.0)),
        r"surface_energy \(ToyLabels.surface_energy\): 1 of 3 truth bins have no simulated event .*, first bin 2, 3174\.\d to 8000; .*energy_max",
    ),
    "empty truth bin of untriggered muons": (
        "mc_l0",
        changed(GENERATED, propagation_length=GENERATED["propagation_length"] * 0 + 7000.0),
        r"data set mc_l0: propagation_length \(ToyLabels.propagation_length\): 3 of 3 truth bins have no simulated event",
    ),
    "no data left": ("data", changed(MC, fss_filter=MC["fss_filter"] * 0), r"set data: no event is selected: all: \d+, filter: 0, .*filter mask"),
    "values missing": (
        "data",
        changed(MC, zenith_reco=np.where(np.arange(N) % 50 == 0, np.nan, MC["zenith_reco"])),
        r"data set data: \d+ of \d+ events have no finite value in a column of cuts, proxies or truth \(energy_surface_proxy: \d+, .*; at most 1 %",
    ),
    "two numbers an event": (
        "data",
        changed(MC, stopping_score=np.stack([MC["stopping_score"]] * 2, axis=1)),
        r"stopping_score \(ToyReco.score\) holds 2 \* float64, expected one number per event",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", EVENTS)
def test_bad_events(config: Any, preparation: Preparation, what: str) -> None:
    name, columns, message = EVENTS[what]
    with pytest.raises(InputError, match=message):
        finished(config, preparation, name, columns)


def test_one_missing_in_a_hundred_is_counted_only(config: Any, preparation: Preparation) -> None:
    columns = changed(MC, energy_entry_reco=np.where(np.arange(N) % 200 == 0, np.nan, MC["energy_entry_reco"]))
    flow = finished(config, preparation, "data", columns)["cutflow"].values()[:, 0]
    assert 0 < flow[1] - flow[2] < 0.01 * flow[1]


def test_nothing_of_the_simulation_passes(config: Any) -> None:
    with pytest.raises(InputError, match=r"data set mc_l2: no event passes filter and cuts; is the filter mask the right one"):
        prepared(config, changed(MC, stopping_score=MC["stopping_score"] * 0.1))


def test_one_simulation_is_the_nominal_one(tmp_path: Path) -> None:
    another = {"mc_2": {"example": {"size": 1000}, "type": "mc", "level": 2}}
    with pytest.raises(InputError, match=r"mc_l2 and mc_2 are both nominal simulations .*put their files into the path of one"):
        nominal(config_of(tmp_path, inputs=another))
    varied = {"mc_l2": {"example": {"size": 1000}, "type": "mc", "level": 2, "systematic": {"name": "dom_eff", "value": 1.1}}}
    with pytest.raises(InputError, match=r"no nominal simulation: give a data set with type mc and level 2"):
        nominal(config_of(tmp_path, inputs=varied))


def test_a_target_without_its_truth(tmp_path: Path) -> None:
    both = {"s": ["stopping_score", "ToyReco.score"], "f": ["fss_filter", "FilterMask.FSSFilter_13"]}
    truth = {"a": ["propagation_length", "ToyLabels.propagation_length"], "w": ["GaisserToy", "ToyWeights.GaisserToy"]}
    keys = {"mc": {**truth, **both}, "data": both}
    changes = {"Data": {"keys": keys}, "Effective_area": NO_AREA, "Reconstructions": {"observables": ["stopping_score"]}}
    changes |= {"Systematics": {"sectors": {}}, "inputs": {"mc_l0": None, "low": None, "snow": None}, "Loading_data": {"cut_exceptions": []}}
    with pytest.raises(InputError, match=r"unfold_energy needs 'surface_energy', which keys do not save from data set mc_l2"):
        setup(config_of(tmp_path, **changes), "mc_l2", {})
    made = setup(config_of(tmp_path, Unfolding={"unfold_energy": False}, **changes), "mc_l2", {})
    assert made.targets == ("range",)
    events = {name: MC[name] for name in ("Run", "Event", "propagation_length", "GaisserToy", "stopping_score", "fss_filter")}
    assert len(TrainingEvents(made).process(as_events(events))["events"]) > 1000


# Files.

TABLES: dict[str, tuple[str, ...]] = {
    "ToyLabels": ("surface_energy", "propagation_length", "cos_zenith", "stop_z", "is_stopping", "num_muons_at_entry"),
    "ToyWeights": ("GaisserToy", "GaisserToy_softer", "GaisserToy_harder"),
}
RECO = {"score": "stopping_score", "zenith": "zenith_reco", "stop_z": "stop_z_reco", "energy_entry": "energy_entry_reco"}


def write(path: Path, columns: dict[str, np.ndarray], *, livetime_s: float | None = None, filters: str = "FSSFilter_13") -> Path:
    """Columns as IceTray's tables."""
    count = len(columns["Event"])
    tables = {
        "I3EventHeader": TableContent({"time_start_mjd": np.arange(count) + 5e4}),
        "FilterMask": TableContent({filters: columns["fss_filter"], "MuonFilter_13": columns["fss_filter"]}),
        "ToyReco": TableContent({stored: columns[name] for stored, name in RECO.items()}),
        **{table: TableContent({name: columns.get(name, columns["GaisserToy"]) for name in names}) for table, names in TABLES.items()},
    }
    per_file = None if livetime_s is None else {"ExpLivetime_livetime": TableContent({"value": np.array([livetime_s])})}
    return write_hdfwriter(path, EventKeys.counted(count), tables, per_file)


def files(folder: Path, **changes: Any) -> Path:
    """A configuration with files of all three kinds in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "mc.hdf5", simulated())
    write(folder / "data.hdf5", {name: values[:4000] for name, values in simulated().items()}, livetime_s=2.0)
    write(folder / "l0.hdf5", simulated())
    sets = {
        "mc_l2": {"path": "mc.hdf5", "type": "mc", "level": 2},
        "mc_l0": {"path": "l0.hdf5", "type": "mc", "level": 0},
        "low": None,
        "snow": None,
        "data": {"path": "data.hdf5", "type": "data", "level": 2, "livetime": True},
    }
    sets |= changes.pop("inputs", {})
    from configs.stopping_muons import TOY_KEYS

    keys = {kind: {sub: list(pair) for sub, pair in one.items()} for kind, one in TOY_KEYS.items()}
    config_of(folder, inputs=sets, Data={"keys": keys}, **changes)
    return folder / "muons.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files(tmp_path_factory.mktemp("files")).parent


def damaged(folder: Path, tmp_path: Path, name: str, change: Callable[[Path], None]) -> Any:
    """The configuration in ``tmp_path`` with one file changed."""
    for path in folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    change(tmp_path / name)
    text = (tmp_path / "muons.yaml").read_text().replace(str(folder), str(tmp_path))
    (tmp_path / "muons.yaml").write_text(text)
    return load_config(tmp_path / "muons.yaml")


def run(config: Any) -> Any:
    return engine.run(dataset_inputs(config), config.executor)


@pytest.fixture(scope="module")
def good(folder: Path) -> Any:
    """A run over the files as they should be."""
    return run(load_config(folder / "muons.yaml"))


def test_files_as_they_should_be(good: Any) -> None:
    assert good.complete
    data = good.account.datasets["data"].metadata
    assert (data["livetime_s"], data["role"], data["level"]) == (2.0, "data", 2)
    assert good.hists["data"]["counts_range"].values()[0].sum() > 400


def test_filter_that_is_not_there_names_those_that_are(folder: Path, tmp_path: Path) -> None:
    def change(path: Path) -> None:
        write(path, simulated(), filters="FSSFilter_12")

    with pytest.raises(InputError, match=r"FilterMask has no column 'FSSFilter_13'; .*; filters: FSSFilter_12, MuonFilter_13"):
        run(damaged(folder, tmp_path, "mc.hdf5", change))


def test_tables_of_unequal_length(folder: Path, tmp_path: Path) -> None:
    def change(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            rows, attributes = file["ToyReco"][:-5], dict(file["ToyReco"].attrs)
            del file["ToyReco"]
            file["ToyReco"] = rows
            file["ToyReco"].attrs.update(attributes)

    with pytest.raises(InputError, match=r"mc\.hdf5.*ToyReco.*I3EventHeader|mc\.hdf5.*I3EventHeader.*ToyReco"):
        run(damaged(folder, tmp_path, "mc.hdf5", change))


def test_tables_of_other_events(folder: Path, tmp_path: Path) -> None:
    def change(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            rows = file["ToyReco"][:]
            rows["Event"][10] = 77_777
            file["ToyReco"][:] = rows

    with pytest.raises(InputError, match=r"ToyReco.*row 10"):
        run(damaged(folder, tmp_path, "mc.hdf5", change))


@pytest.mark.parametrize("content", [b"no HDF5 at all", None])
def test_files_that_are_no_hdf5_or_truncated(folder: Path, tmp_path: Path, content: bytes | None) -> None:
    def change(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:50_000] if content is None else content)

    with pytest.raises(InputError, match=r"mc\.hdf5"):
        run(damaged(folder, tmp_path, "mc.hdf5", change))


def test_files_without_index(folder: Path, tmp_path: Path) -> None:
    def change(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            del file["__I3Index__"]

    with pytest.raises(InputError, match=r"mc\.hdf5.*__I3Index__"):
        run(damaged(folder, tmp_path, "mc.hdf5", change))


def test_livetime_that_is_not_in_the_files(folder: Path, tmp_path: Path) -> None:
    def change(path: Path) -> None:
        write(path, simulated())

    with pytest.raises(InputError, match=r"inputs.data: livetime: .*data.hdf5: no table ExpLivetime_livetime; give livetime_s: SECONDS or good_runs"):
        run(damaged(folder, tmp_path, "data.hdf5", change))


def test_livetime_from_seconds_or_a_list_of_good_runs(folder: Path, tmp_path: Path) -> None:
    from processors.stopping_muons_inputs import livetime_s

    (tmp_path / "grl.txt").write_text("RunNum Good_i3 Good_it LiveTime\n1 1 1 100.5\n2 1 0 9.0\n3 1 1 50.0\n")
    for given, expected in (({"livetime_s": 7.5}, 7.5), ({"livetime": 8.5}, 8.5), ({"good_runs": "grl.txt"}, 150.5)):
        config = config_of(tmp_path, inputs={"data": {"example": {}, "type": "data", "level": 2, **given}})
        assert livetime_s(config, config.datasets["data"], []) == expected


def test_pickles_only_where_they_are_allowed(folder: Path, tmp_path: Path, good: Any) -> None:
    """Columns of a pickle have the names of the files; without Run and Event the entries are the showers."""
    import pickle

    from configs.stopping_muons import TOY_KEYS

    columns = {name: values[:4000] for name, values in simulated().items()}
    stored = {"FilterMask": {"FSSFilter_13": columns["fss_filter"].all(axis=1)}, "ToyReco": {name: columns[saved] for name, saved in RECO.items()}}
    (tmp_path / "data.pickle").write_bytes(pickle.dumps(stored))
    keys = {kind: {sub: list(pair) for sub, pair in one.items()} for kind, one in TOY_KEYS.items()}
    sets = {"mc_l2": {"path": str(folder / "mc.hdf5"), "type": "mc", "level": 2}, "mc_l0": None, "low": None, "snow": None}
    sets["data"] = {"path": "data.pickle", "hdf5": False, "type": "data", "level": 2, "livetime_s": 2.0}
    more = {"inputs": sets, "Data": {"keys": keys}, "Effective_area": NO_AREA, "Loading_data": {"cut_exceptions": []}}
    with pytest.raises(InputError, match=r"hdf5: false reads a pickle, and reading a pickle can run code .* allow_pickle: true"):
        config_of(tmp_path, **more)
    config = config_of(tmp_path, Options={"earth": "flat", "allow_pickle": True}, **more)
    found = run(config).hists["data"]["counts_range"].values()
    assert np.array_equal(found, good.hists["data"]["counts_range"].values())


def test_one_damaged_file_of_several_is_named_and_the_others_count(folder: Path, tmp_path: Path, good: Any) -> None:
    def change(path: Path) -> None:
        path.with_name("mc_b.hdf5").write_bytes(path.read_bytes()[:50_000])

    config = damaged(folder, tmp_path, "mc.hdf5", change)
    (tmp_path / "muons.yaml").write_text((tmp_path / "muons.yaml").read_text().replace("path: mc.hdf5", "path: mc*.hdf5"))
    outcome = run(load_config(config.source))
    assert not outcome.complete
    (failure,) = outcome.account.datasets["mc_l2"].failed
    assert failure.file.endswith("mc_b.hdf5")
    for name, whole in good.hists["mc_l2"].items():
        assert np.array_equal(outcome.hists["mc_l2"][name].view(flow=True), whole.view(flow=True)), name


def test_a_data_set_of_which_every_chunk_fails_is_in_the_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: without a chunk there are no histograms to look at, and the run ended in a fault of the program."""
    process_one = StoppingMuonsProcessor.process

    def broken(self: StoppingMuonsProcessor, events: Any) -> Any:
        if self.setup.role == "data":
            raise RuntimeError("the worker went away")
        return process_one(self, events)

    monkeypatch.setattr(StoppingMuonsProcessor, "process", broken)
    outcome = run(load_config(folder / "muons.yaml"))
    assert not outcome.complete
    assert "the worker went away" in outcome.account.datasets["data"].failed[0].reason
    assert outcome.account.datasets["mc_l2"].complete


def test_same_file_twice(folder: Path, tmp_path: Path) -> None:
    def change(path: Path) -> None:
        path.with_name("mc_again.hdf5").symlink_to(path)

    config = damaged(folder, tmp_path, "mc.hdf5", change)
    text = (tmp_path / "muons.yaml").read_text().replace("path: mc.hdf5", "path: [mc.hdf5, mc_again.hdf5]")
    (tmp_path / "muons.yaml").write_text(text)
    with pytest.raises(InputError, match="given more than once; its events would count twice"):
        run(load_config(config.source))
