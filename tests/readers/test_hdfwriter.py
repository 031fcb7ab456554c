"""Tables of hdfwriter: what is read, and traps (a) to (h) of the layout, each with the file that shows it."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pytest
from hdfwriter_case import ENERGY, FILTERS, HAS_RECO, MUONS, PULSES, N, changed, cut, replace_rows, write_case

from configs.errors import InputError
from configs.saved_columns import columns_for
from readers import SourceError, open_source
from readers.hdfwriter_layout import INDEX
from readers.inspect import describe
from readers.key_resolver import resolve
from readers.registry import detect_format
from simulation.hdfwriter_writer import EventKeys, TableContent, dom_table, write_hdfwriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_case(tmp_path / "events.hdf5")


def test_the_index_group_is_what_tells_the_format(path: Path) -> None:
    assert detect_format(str(path)) == "hdfwriter"
    changed(path, lambda file: file.move(INDEX, "index"))
    assert detect_format(str(path)) == "hdf5"
    with pytest.raises(SourceError, match=r"events.hdf5: the group __I3Index__ is missing \(found: ExpLivetime_livetime, .*give format: hdf5"):
        open_source(path, "hdfwriter")


@pytest.mark.parametrize(("start", "stop"), [(0, N), (1, 4), (3, 3), (2, 3), (4, 6)])
def test_every_kind_of_table_in_any_range(path: Path, start: int, stop: int) -> None:
    with open_source(path) as source:
        events = source.events(start, stop)
        assert events.Reco.energy.to_list() == [e if has else None for e, has in zip(ENERGY, HAS_RECO, strict=True)][start:stop]
        assert events.Reco.fit_status.to_list() == [i if HAS_RECO[i] else None for i in range(start, stop)]
        assert events.Offset.value.to_list() == list(range(start, stop))
        assert events.FilterMask.FSSFilter_13.to_list() == FILTERS[start:stop].tolist()
        assert events.Muons.energy.to_list() == MUONS[start:stop]
        expected = [[charges for _, charges in event] for event in PULSES]
        assert events.Pulses.charge.to_list() == [expected[i] if i != 4 else None for i in range(start, stop)]
        doms = [[list(dom) for dom, _ in event] for event in PULSES]
        zipped = ak.zip([events.Pulses[name] for name in ("string", "om", "pmt")])
        assert [None if one is None else [list(dom) for dom in one] for one in zipped.to_list()] == [
            doms[i] if i != 4 else None for i in range(start, stop)
        ]


def test_touching_one_column_reads_its_table_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = h5py.Dataset.__getitem__

    def watched(dataset: h5py.Dataset, key: object, *rest: object) -> object:
        read.append(dataset.name)
        return original(dataset, key, *rest)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", watched)
    with open_source(path) as source:
        events = source.events(0, N)
        assert read == []
        np.asarray(events.Muons.energy.layout.to_packed().content.content.data)
        assert set(read) == {f"/{INDEX}/Muons", "/Muons", "/I3EventHeader"}  # the header for its event keys
        read.clear()
        np.asarray(ak.flatten(events.Muons.pdg))
        assert read == []


def test_trap_a_the_stream_of_index_tables_joins_nothing(path: Path) -> None:
    """Index tables hold stream 0 where the data hold 3."""
    with h5py.File(path) as file:
        assert set(file[INDEX]["Pulses"]["SubEventStream"]) == {0}
        assert set(file["Pulses"]["SubEventStream"]) == {3}
    with open_source(path) as source:
        events = source.events(0, N)
        assert events.SubEventStream.to_list() == [3] * N
        assert ak.count(events.Pulses.charge) == 10


def test_trap_b_the_key_of_an_event_has_the_file_and_the_sub_event_in_it(tmp_path: Path) -> None:
    paths = [write_case(tmp_path / f"{name}.hdf5", extra=extra) for name, extra in (("a", 0.0), ("b", 0.5))]
    with open_source(paths) as source:
        assert len(source) == 2 * N
        events = source.events(0, 2 * N)
        keys = list(zip(*(events[name].to_list() for name in ("file_index", "Run", "Event", "SubEvent", "SubEventStream")), strict=True))
        assert len(set(keys)) == 2 * N
        assert len({key[1:] for key in keys}) == N
        assert len({key[:3] for key in keys}) == 2 * (N - 1)
        assert keys[N] == (1, 2, 351, 0, 3)
        assert events.Offset.value.to_list() == [*range(N), *(i + 0.5 for i in range(N))]
        across = source.events(4, 9)
        assert across.Muons.energy.to_list() == [*MUONS[4:], *MUONS[:3]]
        assert across.Pulses.charge.to_list()[2:4] == [[[1.0, 2.0], [3.0]], [[4.0, 5.0, 6.0]]]


def test_trap_c_a_missing_object_is_none_and_not_the_zero_of_its_row(path: Path) -> None:
    with h5py.File(path) as file:
        assert file["Reco"]["energy"][2] == 0
        assert file["Reco"]["exists"].tolist() == [1, 1, 0, 1, 1, 0]
    with open_source(path, columns={"energy_reco": "Reco.energy"}) as source:
        assert source.columns["energy_reco"].dtype == "?float64"
        energy = source.events(0, N).energy_reco
        assert ak.mean(energy) == np.mean(ENERGY[HAS_RECO])
        assert np.isnan(ak.fill_none(energy, np.nan).to_numpy()).tolist() == (~HAS_RECO).tolist()


def test_trap_d_of_ragged_tables_only_the_index_has_a_row_for_every_event(path: Path) -> None:
    with h5py.File(path) as file:
        assert len(file["Muons"]) == 7
        assert len(file[INDEX]["Muons"]) == N
    with open_source(path) as source:
        events = source.events(0, N)
        assert ak.num(events.Muons.energy).to_list() == [1, 2, 0, 1, 3, 0]
        assert events.Pulses.charge.to_list()[2] == []  # an empty map
        assert events.Pulses.charge.to_list()[4] is None  # no map


def test_trap_e_columns_of_a_map_differ_from_file_to_file(tmp_path: Path) -> None:
    first, second = (write_case(tmp_path / f"{name}.hdf5") for name in "ab")
    for path, names in ((first, ("x", "y")), (second, ("y", "z"))):
        content = TableContent({name: np.arange(N) * 1.0 for name in names})
        changed(path, lambda file: None)
        with h5py.File(path, "r+") as file, h5py.File(write_hdfwriter(tmp_path / "map.hdf5", keys_of(path), {"Labels": content})) as other:
            other.copy("Labels", file)
            other.copy(f"{INDEX}/Labels", file[INDEX])
    with open_source([first, second]) as source:
        events = source.events(0, 2 * N)
        assert events.Labels.fields == ["y"]
        assert events.Labels.y.to_list() == [*range(N), *range(N)]
        assert set(source.unreadable) >= {"Labels.x", "Labels.z"}
        assert "not in every file" in source.unreadable["Labels.x"]
        with pytest.raises(SourceError, match=r"length: 'Labels.x': table Labels has no column 'x'; nearest: y"):
            source.rename({"length": "Labels.x"})


def keys_of(path: Path) -> EventKeys:
    with h5py.File(path) as file:
        rows = file["I3EventHeader"][...]
    return EventKeys(*(rows[name] for name in ("Run", "Event", "SubEvent", "SubEventStream")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (cut("Reco", 4), "table I3EventHeader has 6 rows, Reco 4: first differing row 4; the job that wrote the file ended early"),
        (cut(f"{INDEX}/Muons", 5), "table I3EventHeader has 6 rows, __I3Index__/Muons 5: first differing row 5"),
        (lambda file: file.__delitem__("Muons"), r"__I3Index__/Muons has no table Muons beside it; .*the file is damaged"),
    ],
)
def test_trap_f_tables_of_unequal_length_are_refused(path: Path, change, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(changed(path, change))


def test_trap_f_rows_missing_at_the_end_of_a_ragged_table(path: Path) -> None:
    with open_source(changed(path, cut("Muons", 5))) as source:
        assert source.events(0, 4).Muons.energy.to_list() == MUONS[:4]
        with pytest.raises(SourceError, match="table Muons: its index asks for rows up to 7, it has 5"):
            source.events(0, N)["Muons"]["energy"].to_list()


def test_trap_g_numbers_begin_again_in_merged_files(tmp_path: Path) -> None:
    keys = EventKeys.counted(8)
    keys.event[4:] = keys.event[:4]
    counts = np.array([2, 1, 0, 3, 1, 1, 2, 0])
    dom = {"string": np.ones(10, int), "om": np.ones(10, int), "pmt": np.zeros(10, int)}  # one photomultiplier throughout
    content = dom_table(np.where(counts > 0, 1, 0), {name: values[:6] for name, values in dom.items()}, counts[counts > 0], {"item": np.arange(10.0)})
    path = write_hdfwriter(tmp_path / "merged.hdf5", keys, {"I3EventHeader": TableContent({"time": np.arange(8.0)}), "Bins": content})
    with open_source(path) as source:
        events = source.events(0, 8)
        assert events.Event.to_list() == [0, 1, 2, 3, 0, 1, 2, 3]
        assert ak.num(events.Bins.item, axis=1).to_list() == [1, 1, 0, 1, 1, 1, 1, 0]
        assert events.Bins.item.to_list() == [[[0, 1]], [[2]], [], [[3, 4, 5]], [[6]], [[7]], [[8, 9]], []]


def test_trap_h_an_event_passes_a_filter_when_both_its_entries_are_true(path: Path) -> None:
    columns = {"fss": "FilterMask.FSSFilter_13", "condition": "FilterMask.FSSFilter_13[0]"}
    with open_source(path, columns=columns) as source:
        events = source.events(0, N)
        assert ak.all(events.fss, axis=-1).to_list() == [True, False, False, False, True, True]
        assert events.condition.to_list() == [1, 1, 0, 0, 1, 1]


def other_run(file: h5py.File) -> None:
    rows = file["Reco"][...]
    rows["Event"][3] = 999
    replace_rows(file, "Reco", rows)


def padded_without_key(file: h5py.File) -> None:
    rows = file["Reco"][...]
    rows[2] = np.zeros((), rows.dtype)
    replace_rows(file, "Reco", rows)


def gap(file: h5py.File) -> None:
    rows = file[INDEX]["Muons"][...]
    rows["start"][3:], rows["stop"][3:] = rows["start"][3:] + 1, rows["stop"][3:] + 1
    replace_rows(file, f"{INDEX}/Muons", rows)


def wrong_owner(file: h5py.File) -> None:
    rows = file["Muons"][...]
    rows["Event"][3] = 1
    replace_rows(file, "Muons", rows)


@pytest.mark.parametrize(
    ("change", "column", "message"),
    [
        (other_run, "Reco", r"tables I3EventHeader and Reco hold different events: first differing row 3, .* \(2, 364, 0\) and \(2, 999, 0\)"),
        (gap, "Muons", "__I3Index__/Muons: rows of event 3 do not follow those of the event before"),
        (wrong_owner, "Muons", "table Muons: its index gives event 3 rows of another Event"),
    ],
)
def test_tables_that_disagree_are_refused_when_read(path: Path, change, column: str, message: str) -> None:
    with open_source(changed(path, change)) as source, pytest.raises(SourceError, match=message):
        source.events(1, N)[column]["energy"].to_list()


def test_padding_may_lack_the_event_key(path: Path) -> None:
    with open_source(changed(path, padded_without_key)) as source:
        assert source.events(0, N).Reco.energy.to_list()[2] is None


def test_streams_may_be_stored_as_enumeration(path: Path) -> None:
    def change(file: h5py.File) -> None:
        rows = file["Offset"][...]
        kinds = [(name, h5py.enum_dtype({"in_ice": 3}, "i4") if name == "SubEventStream" else rows.dtype[name]) for name in rows.dtype.names]
        replace_rows(file, "Offset", rows.astype(np.dtype(kinds)))

    with open_source(changed(path, change)) as source:
        assert source.events(0, N).Offset.value.to_list() == list(range(N))


def test_units_and_documentation_stay_with_the_columns(path: Path) -> None:
    with open_source(path, columns={"start": "I3EventHeader"}) as source:
        assert (source.fields["I3EventHeader.time_start_mjd"].unit, source.fields["I3EventHeader.time_start_mjd"].meaning) == (
            "days",
            "start of event",
        )
        assert (source.columns["start"].unit, source.columns["start"].dtype) == ("days", "?float64")
        assert source.fields["Pulses.charge"].dtype == "option[var * var * float64]"
        assert source.columns["Reco"].meaning == "energy [GeV], fit_status"


def test_inspect_lists_tables_and_columns(path: Path) -> None:
    found = describe(path, statistics=True, show=1)
    assert (found.format, found.entries) == ("hdfwriter", N)
    assert {part.name: part.kind for part in found.parts} == {
        "I3EventHeader": "table, one row an event", "Reco": "table, one row an event", "Offset": "table, one row an event",
        "FilterMask": "table, one row an event", "Pulses": "table, lists by photomultiplier", "Muons": "table, many rows an event",
        "ExpLivetime_livetime": "table, rows of the file",
    }  # fmt: skip
    assert "Pulses.charge" in {column.name for column in found.columns}
    assert found.statistics["Reco.energy"].maximum == 5e3


def test_one_table_alone_is_for_the_other_reader(path: Path) -> None:
    with pytest.raises(SourceError, match="format hdfwriter reads every table; leave tree out, or give format: hdf5 for 'Reco' alone"):
        open_source(path, tree="Reco")


def test_a_cut_off_file_is_named(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(SourceError, match=r"events.hdf5: .*not an HDF5 file or truncated"):
        open_source(path, "hdfwriter")


def test_events_outlive_neither_their_file(path: Path) -> None:
    with open_source(path, columns={"e": "Reco.energy"}) as source:
        events = source.events(0, N)
    with pytest.raises(SourceError, match="column 'e' was touched after the file was closed"):
        events.e.to_list()


TABLES = {
    "LabelsDeepLearning": ["PrimaryEnergy", "Length"],
    "Weights": ["value"],
    "Reco.v2": ["energy"],
    "Reco": ["v2", "energy"],
    "A_1": ["x"],
    "A_2": ["x"],
}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("LabelsDeepLearning.Length", "LabelsDeepLearning.Length"),
        ("Weights", "Weights.value"),
        ("A_1", "A_1.x"),
        ("Reco.v2", "Reco.v2.energy"),  # the table whose name has the dot, not column v2 of Reco
        ("Reco.energy", "Reco.energy"),
        ("Labels*.Length", "LabelsDeepLearning.Length"),
        ("Wei*", "Weights.value"),
        ("Weights.value[1]", "Weights.value[1]"),
    ],
)
def test_resolver_finds(name: str, place: str) -> None:
    assert str(resolve(name, TABLES)) == place


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LabelsDeepLearning", "has 2 columns; write LabelsDeepLearning.COLUMN with one of PrimaryEnergy, Length"),
        ("Weight.value", "no table 'Weight'; nearest: Weights, "),
        ("LabelsDeepLearning.primary_energy", "table LabelsDeepLearning has no column 'primary_energy'; nearest: PrimaryEnergy, Length"),
        ("A_*.x", r"'A_\*\.x' matches 2 tables \(A_1, A_2\)"),
        ("B*.x", r"no table 'B\*'; nearest: "),
        ("labels", "no table 'labels'; nearest: LabelsDeepLearning, [^,]*, [^,]*$"),
    ],
)
def test_resolver_refuses_with_the_three_nearest(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(name, TABLES)


def test_keys_of_a_level_come_before_those_of_the_type() -> None:
    keys = {"mc": {"a": ["energy", "Labels.E"]}, "mc_l0": {"a": ["energy", "Labels0.E"]}, "data": {}}
    assert columns_for(keys, "mc", 0) == {"energy": "Labels0.E"}
    assert columns_for(keys, "mc", 2) == {"energy": "Labels.E"}
    assert columns_for(keys, "data", 2) == {}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"mc_l0": {}}, "keys: no entry mc_l2 or mc; nearest: mc_l0"),
        ({"mc": {"a": ["x", "A.x"], "b": ["x", "B.x"]}}, r"keys.mc.b: 'x' is saved twice \(also from 'A.x'\)"),
        ({"mc": {"a": "A.x"}}, r"keys.mc.a: 'A.x' is not \[name_to_save, name_in_hdf5_file\]"),
    ],
)
def test_keys_that_are_wrong(keys: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        columns_for(keys, "mc", 2)


def test_every_name_that_is_not_there_is_listed_at_once(path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"x: 'Rec.energy': no table 'Rec'; nearest: Reco.*; k: 'FilterMask.FSSFilter_13\[2\]': .* has 2 elements in each row"
    ):
        open_source(path, columns={"x": "Rec.energy", "k": "FilterMask.FSSFilter_13[2]"})
