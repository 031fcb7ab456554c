"""Bad events of specification 10: each refused, with the message that says what, where and what next."""

from __future__ import annotations

import math
import re
from typing import Any

import awkward as ak
import numpy as np
import pytest
from diffuse_events import as_events, process, release_sample, toy_sample

from configs.diffuse import Processor
from configs.errors import InputError
from data_info.hese_tables import NODE_CENTRES_GEV
from physics.constants import HESE_LIVETIME_S
from processors.diffuse import DiffuseProcessor
from simulation.surrogate import cells

BOOTCAMP = {"binning": "bootcamp"}
SURROGATE = {"binning": "surrogate"}


def release(**changes: Any) -> dict[str, np.ndarray]:
    """Forty neutrinos and a muon of the release's form, with whole columns or single entries changed: name=values or name={entry: value}."""
    columns = release_sample(40, seed=3)
    inside = np.clip(columns["recoDepositedEnergy"], 7e4, 9e6)
    return changed({**columns, "recoDepositedEnergy": inside, "recoMorphology": np.zeros_like(columns["recoMorphology"])}, changes)


def data(**changes: Any) -> dict[str, np.ndarray]:
    names = ("recoDepositedEnergy", "recoMorphology", "recoZenith", "recoLength")
    columns = release()
    return changed({name: columns[name] for name in names}, changes)


def changed(columns: dict[str, np.ndarray], changes: dict[str, Any]) -> dict[str, np.ndarray]:
    for name, change in changes.items():
        if change is None:
            del columns[name]
        elif isinstance(change, dict):
            columns[name] = columns[name].copy()
            for entry, value in change.items():
                columns[name][entry] = value
        else:
            columns[name] = change
    return columns


CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any], dict[str, Any], str]] = {
    # name: columns, kind, processor options, metadata, message
    "missing columns with nearest names": (
        {**release(recoZenith=None, kaonFlux=None), "recoZenit": np.zeros(41)},
        "mc",
        {},
        {},
        "mc.json: missing columns: 'recoZenith'; did you mean 'recoZenit'?, 'kaonFlux'; present: conventionalSelfVetoCorrection, muonWeight",
    ),
    "missing column of the exercise": (
        {name: values for name, values in toy_sample(5).items() if name != "zenith"},
        "mc",
        BOOTCAMP,
        {},
        "mc.json: missing columns: 'zenith'; present: astroWeight, atmoWeight, energy, primaryEnergy, primaryZenith, topology; rename",
    ),
    "no known column": (
        {"x": np.ones(3)},
        "data",
        {},
        {},
        "mc.json: none of the columns is known; expected one of these forms: release: recoDepositedEnergy, ",
    ),
    "NaN energy": (
        data(recoDepositedEnergy={3: math.nan}),
        "data",
        {},
        {},
        "mc.json: column 'recoDepositedEnergy': 1 of 41 values are wrong, first nan at entry 103; every energy in GeV must be a finite number; "
        "correct these events or take them out",
    ),
    "infinite weight": (
        release(weightOverFluxOverLivetime={0: math.inf, 7: math.nan}),
        "mc",
        {},
        {},
        "column 'weightOverFluxOverLivetime': 2 of 41 values are wrong, first inf at entry 100; every weight must be a finite number",
    ),
    "infinite length": (
        data(recoLength={5: math.inf}),
        "data",
        {},
        {},
        "column 'recoLength': 1 of 41 values are wrong, first inf at entry 105; lengths are finite, or NaN",
    ),
    "negative weight": (
        release(muonWeightOverLivetime={40: -1e-9}),
        "mc",
        {},
        {},
        "column 'muonWeightOverLivetime': 1 of 41 values are wrong, first -1e-09 at entry 140; weights and fluxes are not negative; "
        "allow them by processor.negative_weights: allow",
    ),
    "negative flux": (release(pionFlux={2: -1e-20}), "mc", {}, {}, "column 'pionFlux': 1 of 41 values are wrong, first -1e-20 at entry 102"),
    "negative exercise weight": (
        {**toy_sample(5), "astroWeight": -np.ones(6)},
        "mc",
        BOOTCAMP,
        {},
        "column 'astroWeight': 6 of 6 values are wrong, first -1",
    ),
    "zenith in degrees": (
        data(recoZenith=np.full(41, 95.0)),
        "data",
        {},
        {},
        "column 'recoZenith': 41 of 41 values are wrong, first 95 at entry 100; a zenith angle in rad lies in 0 to pi; is it in degrees?",
    ),
    "negative zenith": (data(recoZenith={9: -0.1}), "data", {}, {}, "column 'recoZenith': 1 of 41 values are wrong, first -0.1 at entry 109"),
    "energy zero": (data(recoDepositedEnergy={0: 0.0}), "data", {}, {}, "first 0 at entry 100; an energy in GeV is positive and below 1e9"),
    "energies in TeV": (
        data(recoDepositedEnergy=np.full(41, 95.0)),
        "data",
        {},
        {},
        "column 'recoDepositedEnergy': all 41 energies are below 1e3 (largest 95); energies are in GeV: is it TeV?",
    ),
    "energies in eV": (
        data(recoDepositedEnergy=np.full(41, 9.5e13)),
        "data",
        {},
        {},
        "first 9.5e+13 at entry 100; an energy in GeV is positive and below 1e9; is it in eV?",
    ),
    "true energies in TeV": (release(primaryEnergy=np.full(41, 95.0)), "mc", {}, {}, "column 'primaryEnergy': all 41 energies are below 1e3"),
    "unknown morphology": (
        data(recoMorphology={1: 3, 2: -1}),
        "data",
        {},
        {},
        "column 'recoMorphology': 2 of 41 values are wrong, first 3 at entry 101; unknown morphology -1, 3; known: 0 cascade, 1 track, 2 double",
    ),
    "unknown primary types": (
        release(primaryType={0: 11, 1: 22, 2: 11}),
        "mc",
        {},
        {},
        "column 'primaryType': 3 of 41 values are wrong, first 11 at entry 100; unknown primary type 11, 22; known: PDG codes +-12, +-14, +-16",
    ),
    "double cascade without length": (
        data(recoMorphology={4: 2, 6: 2}),
        "data",
        {},
        {},
        "mc.json: 2 event(s), first at entry 104: double cascade (recoMorphology 2) without recoLength",
    ),
    "livetime absent": (
        release(),
        "mc",
        {},
        {"livetime_s": None},
        "mc.json: metadata.livetime_s is absent; give the livetime of the data set in seconds",
    ),
    "livetime absent in data": (data(), "data", {}, {"livetime_s": None}, "mc.json: metadata.livetime_s is absent"),
    "livetime zero": (release(), "mc", {}, {"livetime_s": 0}, "mc.json: metadata.livetime_s is 0; give the livetime"),
    "livetime negative": (toy_sample(5), "mc", BOOTCAMP, {"livetime_s": -1.0}, "mc.json: metadata.livetime_s is -1.0; give the livetime"),
    "livetime as text": (release(), "mc", {}, {"livetime_s": "7.5 years"}, "mc.json: metadata.livetime_s is '7.5 years'"),
    "kind not said": (data(), "simulation", {}, {}, "mc.json: metadata.kind is 'simulation'; give the data set kind: data or kind: mc"),
    "simulation used as data": (
        release(),
        "data",
        {},
        {},
        "mc.json: simulation used as data (it has conventionalSelfVetoCorrection, kaonFlux, muonWeightOverLivetime, ",
    ),
    "exercise simulation used as data": (
        toy_sample(5),
        "data",
        BOOTCAMP,
        {},
        "mc.json: simulation used as data (it has astroWeight, atmoWeight, primaryEnergy); set kind: mc",
    ),
    "data used as simulation": (data(), "mc", {}, {}, "mc.json: data used as simulation (none of primaryType, primaryEnergy, pionFlux, "),
    "true energies outside the nodes": (
        release(primaryEnergy={1: 2.0e7, 5: 9.0e3, 6: 3.0e7}),
        "mc",
        {},
        {},
        "mc.json: 3 selected event(s) with true energies outside the nodes, 10000 to 1e+07 GeV: smallest 9000, largest 3e+07 GeV, "
        "first at entry 101; "
        "widen processor.true_energy (min_gev, max_gev)",
    ),
    "surrogate in the official binning": (
        cells(),
        "mc",
        {},
        {},
        "mc.json: the surrogate response exists in its own bins only, where double cascades have no length; set processor.binning: surrogate",
    ),
    "surrogate in another grid": (cells(), "mc", BOOTCAMP, {}, "set processor.binning: surrogate"),
    "another reference index with weights made at 2.5": (
        cells(),
        "mc",
        {**SURROGATE, "reference_index": 2.0},
        {},
        "processor.reference_index: 2, but the weights of the surrogate form are made at index 2.5; set it to 2.5",
    ),
    "cosine outside": (
        {**cells(), "recoCosZenith": np.full(len(cells()["flavour"]), 1.5)},
        "mc",
        SURROGATE,
        {},
        "column 'recoCosZenith': 36342 of 36342 values are wrong, first 1.5",
    ),
    "unknown flavour": (
        {**cells(), "flavour": np.full(len(cells()["flavour"]), 13)},
        "mc",
        SURROGATE,
        {},
        "unknown flavour 13; known: 12, 14, 16 for nu + nubar",
    ),
    "double cascades of a form without lengths": (
        {"energy": [1e5, 1e5], "topology": [0, 2], "zenith": [1.0, 1.0]},
        "data",
        {},
        {},
        "mc.json: 1 event(s), first at entry 101: topology 2 in a form without lengths, but dcascades are binned in length; use binning: bootcamp",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_events_are_refused(name: str) -> None:
    columns, kind, options, metadata, message = CASES[name]
    with pytest.raises(InputError, match=re.escape(message)):
        process(columns, kind, options, **{"filename": "mc.json", "entrystart": 100, **metadata})


@pytest.mark.parametrize("values", [["a", "b"], [[1.0, 2.0], [3.0]]])
def test_a_column_that_is_not_one_number_per_event_is_refused(values: list) -> None:
    events = as_events(data(), "data")[:2]
    events["recoZenith"] = ak.Array(values)
    with pytest.raises(InputError, match=r"column 'recoZenith' holds (string|var \* float64), expected one number per event"):
        DiffuseProcessor().process(events)


def test_breakpoint_outside_the_axis_is_refused_before_any_event() -> None:
    with pytest.raises(InputError, match=r"processor.true_energy.breakpoints: 5e\+07 GeV outside the axis"):
        DiffuseProcessor(Processor.model_validate({"true_energy": {"breakpoints": [5e7]}}))


def test_negative_weights_may_be_allowed_by_name() -> None:
    """Then they are filled as they are."""
    columns = {name: values[:1] for name, values in toy_sample(5).items()}
    columns |= {"astroWeight": np.array([-0.5]), "energy": np.array([1e5]), "topology": np.array([0])}
    response = process(columns, options={**BOOTCAMP, "negative_weights": "allow"})["response_cascade"]
    assert response[{"component": "astro", "moment": 0j}].view(flow=True).sum() == -0.5


def test_true_energies_outside_do_not_matter_where_events_are_not_selected() -> None:
    columns = release(primaryEnergy={1: 2.0e7}, recoDepositedEnergy={1: 2.0e7})
    assert process(columns)["cutflow"]["all"] == 41


def test_nothing_is_refused_in_the_unchanged_events() -> None:
    """The fixtures above are wrong only where they say so."""
    assert process(release())["cutflow"]["in_bins"] == 41
    assert process(data(), "data")["cutflow"]["in_bins"] == 41
    assert process(toy_sample(5), "mc", BOOTCAMP, livetime_s=None)["cutflow"]["all"] == 6
    assert process(cells(), "mc", SURROGATE, livetime_s=HESE_LIVETIME_S)["cutflow"]["in_bins"] == 36342


def test_few_events_of_low_energy_are_not_taken_for_tev() -> None:
    """A chunk of one event must not be judged as a file: chunks would change the outcome."""
    columns = {name: values[:3] for name, values in data(recoDepositedEnergy=np.full(41, 900.0)).items()}
    assert process(columns, "data")["cutflow"]["all"] == 3


def test_surrogate_nodes_are_the_default_nodes() -> None:
    """So its cells are points at the node centres: no first or second moment."""
    response = process(cells(), options=SURROGATE)["response_track"]
    edges = response.axes["true_energy"].edges
    np.testing.assert_allclose(np.sqrt(edges[1:] * edges[:-1]), NODE_CENTRES_GEV, rtol=1e-12)
    assert not response[{"component": "astro"}].view(flow=True)[:, 1:].any()
