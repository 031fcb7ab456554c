"""Every wrong input of the diffuse analysis as a user meets it: a command, its exit status, and a message that says what, where and what next.

The rules themselves are tested where they live (``test_bad_input_cases.py`` lists all); here are the doors.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import run_fit
import run_processor
from physics.constants import HESE_LIVETIME_S
from records.results import load_results
from simulation.diffuse import Sample
from simulation.weights import as_toy

NAN = float("nan")
LIVETIME = {"livetime_s": HESE_LIVETIME_S}
DATA: dict[str, Any] = {
    "recoDepositedEnergy": [1e5, 2e5, 3e5, 8e4],
    "recoMorphology": [0, 1, 0, 2],
    "recoZenith": [1.0, 2.0, 0.5, 1.2],
    "recoLength": [None, None, None, 20.0],
}
SURROGATE = {
    "datasets": {
        "data": {"files": "data.json", "kind": "data", "format": "hese_json", "metadata": LIVETIME},
        "mc": {"kind": "mc", "format": "surrogate", "metadata": LIVETIME},
    },
    "processor": {"binning": "surrogate"},
}
RELEASE = {
    "datasets": {**SURROGATE["datasets"], "mc": {"files": "mc.json", "kind": "mc", "format": "hese_json", "metadata": LIVETIME}},
    "processor": {"binning": {"energy_gev": [6e4, 1e7], "coszen": [-1, 1], "length_m": [10, 1000]}},
}
EXERCISE = {
    "datasets": {kind: {"files": f"toy_{kind}.json", "kind": kind, "format": "toy_json"} for kind in ("data", "mc")},
    "processor": {"binning": "bootcamp", "flavours": False},
}


def simulation() -> dict[str, list[Any]]:
    """Forty generated neutrinos in the release's columns, all selected and without double cascades."""
    blocks = list(Sample(40, 3, HESE_LIVETIME_S).blocks())
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    columns["recoDepositedEnergy"] = np.clip(columns["recoDepositedEnergy"], 7e4, 9e6)
    columns["recoMorphology"] = np.zeros(len(columns["recoMorphology"]), dtype=int)
    return {name: [None if value != value else value for value in values.tolist()] for name, values in columns.items()}


def rows(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The exercise's form."""
    return {"mapping": {name: i for i, name in enumerate(columns)}, "events": np.column_stack(list(columns.values())).tolist()}


MC = simulation()
TOY = rows(as_toy({name: np.array(values, float) for name, values in MC.items()}, HESE_LIVETIME_S))
TOY_DATA = {"mapping": {"energy": 0, "topology": 1, "zenith": 2}, "events": [[1e5, 0, 1.0], [2e5, 1, 2.0]]}
FILES = {"data.json": DATA, "mc.json": MC, "toy_mc.json": TOY, "toy_data.json": TOY_DATA}


def data(**changes: Any) -> dict[str, str]:
    return {"data.json": changed(DATA, changes)}


def mc(**changes: Any) -> dict[str, str]:
    return {"mc.json": changed(MC, changes)}


def changed(content: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """A file with other columns (None: without it) or other entries ({entry: value})."""
    columns = copy.deepcopy(dict(content))
    for name, change in changes.items():
        if change is None:
            del columns[name]
        elif isinstance(change, dict):
            for entry, value in change.items():
                columns[name][entry] = value
        else:
            columns[name] = change
    return json.dumps(columns)


def configured(folder: Path, content: Mapping[str, Any], files: Mapping[str, str] | None = None) -> str:
    """Write the configuration and its files; returns the path of the configuration."""
    whole = {"name": "x", "analysis": "diffuse", "seed": 3, "output_dir": str(folder / "out"), **content}
    for name, text in {**{name: json.dumps(one) for name, one in FILES.items()}, **(files or {})}.items():
        (folder / name).write_text(text)
    (folder / "c.yaml").write_text(yaml.safe_dump(whole))
    return str(folder / "c.yaml")


# name: configuration, files that are other than the good ones, exit status, what the message holds
BAD_FILES: dict[str, tuple[Mapping[str, Any], Mapping[str, str], int, tuple[str, ...]]] = {
    "truncated JSON": (SURROGATE, {"data.json": json.dumps(DATA)[:80]}, 3, ("data.json: open:", "truncated? copy or download it again")),
    "truncated rows": (EXERCISE, {"toy_mc.json": json.dumps(TOY)[:800]}, 3, ("toy_mc.json: open: ends in a row of 'events' (byte 800)",)),
    "empty file": (SURROGATE, {"data.json": ""}, 3, ("data.json: open: is empty (0 bytes)", "copy or download it again")),
    "missing columns": (
        RELEASE,
        mc(kaonFlux=None, primaryEnergy=None, recoZenith=None, recoZenit=[1.0] * len(MC["recoZenith"])),
        1,
        ("mc.json: missing columns: 'recoZenith'; did you mean 'recoZenit'?", "'primaryEnergy'", "'kaonFlux'", "rename with the data set's columns"),
    ),
    "unequal lists": (SURROGATE, data(recoZenith=[1.0]), 3, ("recoDepositedEnergy: 4", "recoZenith: 1", "all lists of a data set describe the same")),
    "mapping out of range": (
        EXERCISE,
        {"toy_mc.json": json.dumps({**TOY, "mapping": {**TOY["mapping"], "zenith": 17}})},
        3,
        ("mapping: index out of range (zenith: 17), rows hold 7 numbers (index 0 to 6); correct the mapping",),
    ),
    "mapping with one index twice": (
        EXERCISE,
        {"toy_mc.json": json.dumps({**TOY, "mapping": {**TOY["mapping"], "zenith": 2}})},
        3,
        ("mapping: columns energy, zenith share the index 2; each needs its own",),
    ),
    "NaN": (SURROGATE, data(recoDepositedEnergy={1: NAN}), 3, ("'recoDepositedEnergy'", "first nan at entry 1", "correct these events or take them")),
    "null in a weight": (RELEASE, mc(pionFlux={3: None}), 3, ("'pionFlux': 1 of 4", "first nan at entry 3; every weight must be a finite number")),
    "text among numbers": (RELEASE, mc(pionFlux={3: "a"}), 3, ("'pionFlux', entry 3", "is not a number")),
    "negative weight": (RELEASE, mc(weightOverFluxOverLivetime={3: -1.0}), 3, ("first -1 at entry 3", "processor.negative_weights: allow")),
    "degrees": (SURROGATE, data(recoZenith=[90.0, 20.0, 30.0, 120.0]), 3, ("'recoZenith': 4 of 4", "is it in degrees?")),
    "negative energy": (
        SURROGATE,
        data(recoDepositedEnergy={0: -9e4}),
        3,
        ("-90000 at entry 0; an energy in GeV is positive and below 1e9\n",),
    ),
    "TeV": (RELEASE, mc(recoDepositedEnergy=[90.0] * len(MC["recoZenith"])), 3, ("energies are below 1e3 (largest 90)", "is it TeV?")),
    "true energies in TeV": (RELEASE, mc(primaryEnergy=[2e3] * len(MC["recoZenith"])), 3, ("smallest 2000, largest 2000 GeV", "is it in TeV?")),
    "eV": (SURROGATE, data(recoDepositedEnergy=[9e13, 2e14, 3e14, 1e14]), 3, ("is it in eV?",)),
    "unknown morphology": (SURROGATE, data(recoMorphology={2: 3}), 3, ("unknown morphology 3; known: 0 cascade, 1 track, 2 double cascade",)),
    "unknown primary type": (RELEASE, mc(primaryType={3: 11}), 3, ("unknown primary type 11; known: PDG codes +-12, +-14, +-16",)),
    "double cascade without length": (SURROGATE, data(recoLength={3: None}), 3, ("first at entry 3: double cascade", "give its length in m")),
    "no event left": (
        SURROGATE,
        data(recoDepositedEnergy=[5e4] * 4),
        1,
        ("no data event is left after the selection", "all 4, edep_min 0", "widen processor.selection or binning, or check units (GeV, rad, m)"),
    ),
    "simulation as data": (RELEASE, {"data.json": json.dumps(MC)}, 1, ("data.json: simulation used as data", "set kind: mc, or give the data file")),
    "data as simulation": (RELEASE, {"mc.json": json.dumps(DATA)}, 1, ("mc.json: data used as simulation", "set kind: data, or give the simulation")),
    "true energies outside the nodes": (
        RELEASE,
        mc(primaryEnergy={3: 5e7, 8: 5e8}),
        3,
        ("2 selected event(s) with true energies outside the nodes", "largest 5e+08 GeV, first at entry 3; widen processor.true_energy"),
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, files, status, parts = BAD_FILES[name]
    assert run_processor.main([configured(tmp_path, content, files)]) == status
    shown = capsys.readouterr().err
    assert [part for part in parts if part not in shown] == []
    assert shown.startswith("error: " if status == 1 else "INCOMPLETE")
    assert status == 1 or "Mend the files and repeat the command" in shown


# name: configuration, --set, what the message holds
BAD_OPTIONS: dict[str, tuple[Mapping[str, Any], str, tuple[str, ...]]] = {
    "misspelt key": (SURROGATE, "procesor={}", ("procesor={}: unknown key; did you mean 'processor'?",)),
    "misspelt key below": (SURROGATE, "processor.true_energy.per_decad=5", ("unknown key; did you mean 'per_decade'?",)),
    "unknown format": (SURROGATE, "datasets.data.format=hes_json", ("'hes_json' is not a format; did you mean 'hese_json'?",)),
    "no such file": (SURROGATE, "datasets.data.files=none.json", ("no file matches 'none.json'; looked in", "give an existing path")),
    "no livetime": (RELEASE, "datasets.mc.metadata={}", ("mc.json: metadata.livetime_s is absent; give the livetime of the data set in seconds",)),
    "livetime zero": (RELEASE, "datasets.mc.metadata.livetime_s=0", ("datasets.mc.metadata.livetime_s is 0; give the livetime",)),
    "breakpoint outside": (SURROGATE, "processor.true_energy.breakpoints=[5e7]", ("5e+07 GeV outside the axis, 10000 to 1e+07 GeV; widen min_gev",)),
    "official bins of a surrogate": (SURROGATE, "processor.binning=official", ("double cascades have no length; set processor.binning: surrogate",)),
    "unknown bins": (SURROGATE, "processor.binning=offical", ("processor.binning=offical: Input should be", "; did you mean 'official'?\n")),
    "bins of one edge": (SURROGATE, "processor.binning={energy_gev: [1e5], coszen: [-1, 1]}", ("processor.binning.energy_gev: 1 edge(s)",)),
    "no folder of tables": (SURROGATE, "processor.systematics={tables: nowhere}", ("there is no folder nowhere", "give the folder of the release's")),
    "tables missing": (SURROGATE, "processor.systematics={tables: .}", ("45 of the 45 detector tables are missing: DOMEffSplines", "get them from")),
    "large histogram": (
        {**RELEASE, "processor": {"binning": "official"}},
        "executor.max_histogram_mb=1",
        ("'response_cascade' takes", "reco_coszen (12 bins)", "use fewer bins or raise the limit"),
    ),
    "not a number": (SURROGATE, "processor.reference_index=.nan", ("Input should be a finite number (given: nan)",)),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, option, parts = BAD_OPTIONS[name]
    assert run_processor.main([configured(tmp_path, content), "--set", option]) == 1
    shown = capsys.readouterr().err
    assert [part for part in parts if part not in shown] == []
    assert shown.startswith("error: ")
    assert not (tmp_path / "out" / "x" / "hists.h5").exists()


BAD_FITS: dict[str, tuple[str, tuple[str, ...]]] = {
    "composition that is none": ("model.flavour=[0.5, 0.5, 0.5]", ("fits.main: flavour: [0.5, 0.5, 0.5] sum to 1.5; give fractions",)),
    "negative composition": ("model.flavour=[1.5, -0.5, 0]", ("are not three fractions >= 0 of e, mu, tau; give three that sum to 1",)),
    "start outside": ("parameters={astro_gamma: {start: 9}}", ("parameter astro_gamma: start 9.0 lies outside its bounds [1.0, 5.0]; change one",)),
    "prior without width": ("parameters={astro_norm: {prior: {gaussian: [6, 0]}}}", ("astro_norm.prior.gaussian.1: Input should be greater than 0",)),
    "prior of no number": ("parameters={astro_norm: {prior: {gaussian: [.nan, 1]}}}", ("prior.gaussian.0: Input should be a finite number",)),
    "unknown parameter": ("parameters={astro_gama: {start: 2}}", ("fits.main: parameters: 'astro_gama' is not a parameter", "mean 'astro_gamma'?")),
    "unknown spectrum": ("model.astro=powerlaw", ("Input should be 'power_law', 'log_parabola'", "did you mean 'power_law'?")),
    "unknown model": ("model=offical", ("'offical' is not a model; did you mean 'official'?",)),
    "unknown likelihood": ("likelihood=poison", ("Input should be 'poisson', 'say' or 'bb_lite' (given: 'poison'); did you mean 'poisson'?",)),
    "unknown engine": ("engine=pyfh", ("Input should be 'native', 'zfit' or 'pyhf' (given: 'pyfh'); did you mean 'pyhf'?",)),
    "say without pairs": ("likelihood=say", ("the response has no pair moments", "use likelihood: poisson, or process the simulation with")),
    "systematics without cells": ("model=official", ("the response was built without cell averages", "set processor.systematics and process")),
    "scan of two points": ("scan={x_grid: [2, 3, 2]}", ("fits.main.scan.x_grid.2: Input should be greater than or equal to 3 (given: 2)",)),
    "profile of two points": (
        "profiles=[{parameter: astro_gamma, grid: [2, 3, 2]}]",
        ("profiles.0.grid.2: Input should be greater than or",),
    ),
    "two tested values": ("feldman_cousins={parameter: astro_gamma, grid: [2, 3]}", ("feldman_cousins.0.grid: List should have at least 3 items",)),
    "a profile's grid of tested values": (
        "feldman_cousins={parameter: astro_gamma, grid: [2.4, 3.4, 11]}",
        ("feldman_cousins.0.grid: reads as [low, high, points], the grid of a profile; list the tested values",),
    ),
    "scan against itself": ("scan={x: astro_gamma, y: astro_gamma}", ("scan: x and y are both 'astro_gamma'; give two parameters",)),
    "truth of toys outside": ("toys={n: 2, truth: {astro_norm: -3}}", ("fits.main: toys.truth.astro_norm: -3 lies outside the parameter's bounds",)),
    "tested values in disorder": (
        "feldman_cousins={parameter: astro_gamma, grid: [2, 3, 2.5]}",
        ("feldman_cousins.grid: [2.0, 3.0, 2.5] is not ascending; give each",),
    ),
    "no start": ("parameters={astro_norm: {start: []}}", ("start.list[float]: List should have at least 1 item",)),
    "limit of a fixed parameter": (
        "={parameters: {astro_norm: {fixed: true}}, upper_limits: [{parameter: astro_norm}]}",
        ("fits.main: parameters.astro_norm: it is fixed, and a profile, scan or limit of it needs it free",),
    ),
    "break where nothing is": ("model={astro: broken_power_law, break_gev: 1e9}", ("model.break_gev: 1e+09 GeV lies outside the simulated",)),
    "flat prior upside down": ("parameters={astro_gamma: {prior: {flat: [3, 2]}}}", ("parameter astro_gamma: a flat prior needs low < high",)),
    "composition of two": ("model.flavour=[0.5, 0.5]", ("fits.main.model.flavour=[0.5, 0.5]: entry 3 of the list is missing",)),
    "no table": ("model={astro: table, table: none.txt}", ("none.txt: no such file; looked for",)),
}


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The surrogate and four events after the processor's run."""
    folder = tmp_path_factory.mktemp("refusals")
    assert run_processor.main([configured(folder, SURROGATE)]) == 0
    return folder


@pytest.mark.parametrize("name", BAD_FITS)
def test_bad_fits_are_refused(name: str, processed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    option, parts = BAD_FITS[name]
    assert run_fit.main([str(processed / "c.yaml"), "--set", f"fits.main.{option}".replace(".=", "=")]) == 1
    shown = capsys.readouterr().err
    assert [part for part in parts if part not in shown] == []
    assert shown.startswith("error: ")
    assert not (processed / "out" / "x" / "results.json").exists()


def test_toys_need_a_seed(processed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_fit.main([str(processed / "c.yaml"), "--set", "seed=null", "--set", "fits.main.toys.n=3"]) == 1
    assert "--set seed=null: Input should be a valid integer" in capsys.readouterr().err


def test_different_cuts_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = copy.deepcopy(SURROGATE)
    for name, cuts in (("data", "above 60 TeV"), ("mc", "above 100 TeV")):
        content["datasets"][name]["metadata"] = {**LIVETIME, "selection": cuts}
    path = configured(tmp_path, content)
    assert (run_processor.main([path]), run_fit.main([path])) == (0, 1)
    assert "data and mc were selected differently (above 60 TeV and above 100 TeV)" in capsys.readouterr().err


def test_any_working_directory_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked up beside the configuration; a folder moved as a whole gives the same numbers from wherever the command is given."""
    here, elsewhere = tmp_path / "one", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    configured(here, {**SURROGATE, "output_dir": "out", "fits": {"main": {"axes": ["energy"], "minos": []}}})
    shutil.copytree(here, tmp_path / "two")
    found = []
    for working, path in ((here, "c.yaml"), (elsewhere, os.path.relpath(tmp_path / "two" / "c.yaml", elsewhere))):
        monkeypatch.chdir(working)
        assert (run_processor.main([path]), run_fit.main([path])) == (0, 0)
        found.append(load_results(working / "out" / "x" / "results.json")["main"].parameters)
    assert found[0] == found[1]
