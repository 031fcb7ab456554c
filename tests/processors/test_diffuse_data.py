"""Data events and selection: the public events (G2), the edges, the cut flow, the forms of files."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from coffea.processor import ProcessorABC
from diffuse_events import as_events, cut_flow, process, release_sample, toy_sample

from configs.diffuse import Processor
from configs.errors import InputError
from physics.binning import binning, to_official_order
from processors.diffuse import DiffuseProcessor
from readers import open_source
from readers.events import with_metadata
from records.hists import load_hists, save_hists

NAN = math.nan


def data(*events: tuple[float, float, int, float]) -> dict[str, list[float]]:
    """Rows (energy, zenith, morphology, length) as columns of the release."""
    energy, zenith, morphology, length = zip(*events, strict=True)
    return {"recoDepositedEnergy": list(energy), "recoZenith": list(zenith), "recoMorphology": list(morphology), "recoLength": list(length)}


@pytest.fixture(scope="module")
def public_hists(public_data: Path) -> dict[str, dict]:
    with open_source(public_data / "hese" / "HESE_data.json", "hese_json") as source:
        events = with_metadata(source.events(0, len(source)), {"kind": "data", "filename": "HESE_data.json", "livetime_s": 1.0})
        return {choice: DiffuseProcessor(Processor(binning=choice)).process(events) for choice in ("official", "surrogate", "bootcamp")}


@pytest.mark.public_data
def test_golden_2_public_events(public_hists: dict[str, dict]) -> None:
    """G2: 102 events, 60 selected, 41 cascades, 17 tracks, 2 double cascades; histograms exactly."""
    hists = public_hists["official"]
    assert cut_flow(hists) == {"all": 102, "edep_min": 60, "edep_max": 60, "length": 60, "channel": 60, "in_bins": 60}
    cascade, track, double = (hists[f"data_{name}"].view(flow=False) for name in ("cascade", "track", "dcascade"))
    assert cascade.dtype == np.int64
    assert (cascade.sum(), track.sum(), double.sum()) == (41, 17, 2)
    energies = cascade.sum(axis=1) + track.sum(axis=1) + double.sum(axis=1)
    assert energies.tolist() == [10, 13, 12, 8, 8, 2, 1, 2, 0, 1, 0, 2, 0, 1] + [0] * 7
    assert cascade.sum(axis=1).tolist() == [5, 11, 8, 6, 5, 2, 0, 1, 0, 1, 0, 2] + [0] * 9
    assert track.sum(axis=1).tolist() == [5, 1, 4, 2, 3, 0, 1, 1] + [0] * 13
    assert cascade.sum(axis=0).tolist() == [5, 0, 3, 2, 5, 5, 7, 5, 4, 5]
    assert track.sum(axis=0).tolist() == [0, 0, 1, 1, 4, 3, 2, 3, 2, 1]


@pytest.mark.public_data
def test_public_events_below_the_selection_are_counted_apart(public_hists: dict[str, dict]) -> None:
    """The other 42 of the 71 cascades, 27 tracks and 4 double cascades, in steps of 0.111 decades below 60 TeV; 30, 10 and 2 of them."""
    below = public_hists["official"]["below_selection"]
    np.testing.assert_allclose(np.diff(np.log10(below.axes["reco_energy"].edges)), 0.111, rtol=1e-9)
    assert below.axes["reco_energy"].edges[-1] == 6e4
    assert 1e4 <= below.axes["reco_energy"].edges[0] < 1.3e4
    assert dict(zip(below.axes["topology"], below.values().sum(axis=1), strict=True)) == {"cascade": 30, "track": 10, "dcascade": 2}
    assert public_hists["bootcamp"]["below_selection"].values().sum(axis=1).tolist() == [32, 10]  # double cascades count as cascades there


def test_nothing_is_shown_below_bins_that_begin_under_the_selection() -> None:
    events = data((5e4, 1.0, 0, NAN), (9e3, 1.0, 0, NAN), (7e4, 2.0, 1, NAN))
    below = process(events, "data")["below_selection"]
    assert below.values().sum() == 1
    assert below.view(flow=True).sum() == 2  # 9 TeV: below what is shown
    assert "below_selection" not in process(events, "data", {"selection": {"edep_min_gev": 6.5e4}})
    assert "below_selection" not in process(release_sample(10))


@pytest.mark.public_data
def test_golden_1_public_double_cascades_in_the_flat_order_of_the_release(public_hists: dict[str, dict]) -> None:
    """G1: flat bins 463 and 475."""
    flat = to_official_order(binning("official"), {name: public_hists["official"][f"data_{name}"].view(flow=False) for name in binning("official")})
    assert (np.flatnonzero(flat[420:]) + 420).tolist() == [463, 475]
    assert flat.sum() == 60


@pytest.mark.public_data
def test_golden_2_public_events_in_the_other_binnings(public_hists: dict[str, dict]) -> None:
    """60 in each: the exercise's grid counts the double cascades as cascades."""
    surrogate, bootcamp = public_hists["surrogate"], public_hists["bootcamp"]
    assert surrogate["data_dcascade"].view(flow=False).shape == (21, 1)
    assert sum(hist.sum() for name, hist in surrogate.items() if name.startswith("data_")) == 60
    assert (bootcamp["data_cascade"].sum(), bootcamp["data_track"].sum()) == (43, 17)
    assert "data_dcascade" not in bootcamp


@pytest.mark.public_data
def test_golden_2_up_and_down_going_public_events(public_data: Path) -> None:
    """G2: 21 up-going, 39 down-going among the 60; 71, 27, 4 by morphology among the 102."""
    events = {name: np.array(values) for name, values in json.loads((public_data / "hese" / "HESE_data.json").read_text()).items()}
    assert np.bincount(events["recoMorphology"]).tolist() == [71, 27, 4]
    hists = process(events, "data", {"binning": {"energy_gev": [6e4, 1e7], "coszen": [-1, 0, 1]}})
    assert (hists["data_cascade"] + hists["data_track"]).view(flow=False).tolist() == [[21, 39]]


def test_events_on_the_outer_edges_are_counted() -> None:
    """cos zenith = +1 and -1, E = 6e4 and (exercise grid) 1e7, a length of 10 and of 1000 m."""
    corners = [(6e4, 0.0, 0, NAN), (6e4, math.pi, 0, NAN), (1e7, 0.0, 1, NAN), (1e7, math.pi, 1, NAN)]
    hists = process(data(*corners), "data", {"binning": "bootcamp"})
    assert cut_flow(hists)["in_bins"] == 4
    cascade, track = (hists[f"data_{name}"].view(flow=False) for name in ("cascade", "track"))
    assert cascade[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert track[-1].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    official = process(data((6e4, 1.0, 2, 10.0), (1e7, 1.0, 2, 1000.0)), "data")
    assert official["data_dcascade"].view(flow=False)[0, 0] == 1
    assert official["data_dcascade"].view(flow=False)[20, 19] == 1


def test_cut_flow_counts_every_drop() -> None:
    rows = [
        (1e5, 1.0, 0, NAN),
        (5.9999e4, 1.0, 0, NAN),  # below the energy cut
        (1.1e7, 1.0, 1, NAN),  # above it
        (2e5, 1.0, 2, 9.9),  # too short
        (2e5, 1.0, 2, 1001.0),  # too long
        (2e5, 1.0, 2, 20.0),
    ]
    assert cut_flow(process(data(*rows), "data")) == {"all": 6, "edep_min": 5, "edep_max": 4, "length": 2, "channel": 2, "in_bins": 2}


def test_a_topology_without_channel_is_counted() -> None:
    """The exercise has topologies 0 and 1."""
    columns = {"energy": [1e5, 1e5, 1e5], "topology": [0, 1, 2], "zenith": [1.0, 1.0, 1.0]}
    hists = process(columns, "data", {"binning": "bootcamp"})
    assert cut_flow(hists) == {"all": 3, "edep_min": 3, "edep_max": 3, "length": 3, "channel": 2, "in_bins": 2}


def test_under_and_overflow_are_kept_and_reported() -> None:
    grid = {"energy_gev": [1e5, 1e6], "coszen": [-0.5, 0.5]}
    rows = [(2e5, math.pi / 2, 0, NAN), (7e4, math.pi / 2, 0, NAN), (2e6, math.pi / 2, 0, NAN), (2e5, 0.1, 0, NAN), (2e5, 3.1, 0, NAN)]
    hists = process(data(*rows), "data", {"binning": grid})
    assert cut_flow(hists)["channel"] == 5
    assert cut_flow(hists)["in_bins"] == 1
    assert hists["data_cascade"].view(flow=True).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]


def test_json_null_is_a_missing_length(tmp_path: Path) -> None:
    """Specification 2.2: accept NaN and null."""
    path = tmp_path / "data.json"
    path.write_text('{"recoDepositedEnergy": [7e4, 8e4], "recoMorphology": [0, 2], "recoZenith": [1.0, 2.0], "recoLength": [null, 30.0]}')
    with open_source(path, "hese_json") as source:
        events = with_metadata(source.events(0, 2), {"kind": "data", "filename": str(path), "livetime_s": 1.0})
        assert cut_flow(DiffuseProcessor().process(events))["in_bins"] == 2
    nullable = as_events(data((7e4, 1.0, 0, NAN), (8e4, 2.0, 2, 30.0)), "data")
    nullable["recoLength"] = [None, 30.0]
    assert cut_flow(DiffuseProcessor().process(nullable))["in_bins"] == 2


def test_only_needed_columns_are_touched() -> None:
    """Simulation carries the direction of the primary; the response does not need it."""
    columns = release_sample(50)
    without = {name: values for name, values in columns.items() if name != "primaryZenith"}
    extra = {**columns, "interactionType": np.full(len(columns["primaryType"]), np.nan)}
    assert process(without).keys() == process(extra).keys()
    toy = {name: values for name, values in toy_sample(50).items() if name != "primaryZenith"}
    assert "response_track" in process(toy, options={"binning": "bootcamp"})


def test_histograms_survive_the_file(tmp_path: Path) -> None:
    """All axes, categories without overflow and flow bins."""
    hists = process(toy_sample(300), options={"binning": "bootcamp"})
    save_hists(tmp_path / "hists.h5", {"mc": hists})
    for name, histogram in load_hists(tmp_path / "hists.h5")["mc"].items():
        assert histogram == hists[name]
        assert tuple(histogram.axes) == tuple(hists[name].axes)


def test_no_events_give_empty_histograms() -> None:
    empty = {name: values[:0] for name, values in release_sample(5).items()}
    hists = process(empty)
    assert cut_flow(hists)["all"] == 0
    assert not hists["response_cascade"].view(flow=True).any()


def test_a_data_set_without_selected_events_is_refused_with_its_cut_flow() -> None:
    """The whole data set, not a chunk: a chunk may well be empty."""
    processor = DiffuseProcessor()
    hists = processor.process(as_events(data((5e4, 1.0, 0, NAN), (7e4, 1.0, 2, 3.0)), "data"))
    message = (
        r"no data event is left after the selection \(.*: all 2, edep_min 1, edep_max 1, length 0, channel 0, in_bins 0\); widen processor.selection"
    )
    with pytest.raises(InputError, match=message):
        processor.postprocess(hists)
    few = {name: values[:3] for name, values in release_sample(5).items()}
    with pytest.raises(InputError, match="no simulated event is left"):
        processor.postprocess(processor.process(as_events({**few, "recoDepositedEnergy": np.full(3, 5e4)}, "mc")))
    assert processor.postprocess({}) == {}  # nothing could be processed: the account says why


def test_processor_is_a_coffea_processor_and_survives_pickling() -> None:
    processor = DiffuseProcessor(Processor.model_validate({"binning": "bootcamp", "true_energy": {"breakpoints": [3e5]}}))
    assert isinstance(processor, ProcessorABC)
    again = pickle.loads(pickle.dumps(processor))
    events = as_events(toy_sample(200), "mc")
    for name, histogram in processor.process(events).items():
        assert histogram == again.process(events)[name]
    hists = processor.process(events)
    assert processor.postprocess(hists) is hists


def test_axes_are_known_before_a_run() -> None:
    """What axes() promises is what process() fills, for every form of events."""
    for layout, columns, options in (("release", release_sample(20), {}), ("toy", toy_sample(20), {"binning": "bootcamp"})):
        processor = DiffuseProcessor(Processor.model_validate(options), layout=layout)
        hists = processor.process(as_events(columns, "mc"))
        assert {name: tuple(hists[name].axes) for name in hists} == {name: axes for name, axes in processor.axes().items() if name in hists}
    assert DiffuseProcessor(Processor()).axes().keys() >= {"response_dcascade", "data_dcascade", "cutflow"}


def test_names_of_axes_and_categories() -> None:
    """The contract of the histograms of a release response."""
    axes = DiffuseProcessor(Processor()).axes()["response_dcascade"]
    assert [axis.name for axis in axes] == ["class", "component", "moment", "reco_energy", "reco_length", "true_energy"]
    assert list(axes[0]) == ["nue", "nuebar", "numu", "numubar", "nutau", "nutaubar", "muon"]
    assert list(axes[1]) == [
        *("astro", "pion", "kaon", "prompt", "muon"),
        *("astro*astro", "astro*pion", "astro*kaon", "astro*prompt", "pion*pion", "pion*kaon", "pion*prompt", "kaon*kaon", "kaon*prompt"),
        *("prompt*prompt", "muon*muon"),
    ]
    assert [axis.extent - len(axis) for axis in axes] == [0, 0, 0, 2, 2, 0]  # flow bins only where events may lie outside


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"edep_min_gev": 1e6, "edep_max_gev": 1e5}, r"processor.selection: edep minimum 1e\+06 must be below its maximum 100000"),
        ({"length_min_m": 30, "length_max_m": 30}, "processor.selection: length minimum 30 must be below its maximum 30"),
    ],
)
def test_cuts_in_the_wrong_order_are_refused(selection: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DiffuseProcessor(Processor.model_validate({"selection": selection}))
