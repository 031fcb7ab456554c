"""The fit stage on histograms of the real processor: what it leaves, and everything it refuses with its message."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from configs.errors import InputError
from configs.schema import DiffuseConfig, load_config
from data_info import catalogue
from fits.diffuse import fit_all, prepare_all
from fits.diffuse_inputs import SURROGATE, read_inputs
from fits.stage import fit, read_processed
from processors.stage import process
from records.comparison import ComparisonReport
from records.manifest import load_manifest
from records.results import load_results

LIVETIME_S = 227708167.68
BASE: dict[str, Any] = {
    "name": "small",
    "analysis": "diffuse",
    "seed": 3,
    "datasets": {
        "data": {"example": {}, "kind": "data", "format": "hese_json", "metadata": {"livetime_s": LIVETIME_S}},
        "mc": {"kind": "mc", "format": "surrogate", "metadata": {"livetime_s": LIVETIME_S}},
    },
    "processor": {"binning": "surrogate"},
}
EVERYTHING: dict[str, Any] = {
    "scan": {"x_grid": [2.0, 4.0, 21], "y_grid": [0.0, 14.0, 15]},
    "profiles": [{"parameter": "astro_gamma", "grid": [2.2, 4.0, 13]}],
    "toys": {"n": 12, "coverage": True},
    "feldman_cousins": {"parameter": "astro_gamma", "grid": [2.4, 3.0, 3.6], "toys": 4},
    "upper_limits": [{"parameter": "atmos_norm", "expected_toys": 3}],
    "test": {"alternative": "log_parabola", "toys": 4},
    "asimov": True,
    "segments": {"edges": [4.0e4, 2.0e5, 7.0e6]},
    "flavour_scan": 0.25,
    "impacts": True,
    "events": True,
    "asimov_livetimes": [2],
    "model_comparison": {"models": ["cutoff"], "toys": 2},
    "published": {"astro_gamma": [2.87, 0.19, 0.20]},
}
CUT: dict[str, Any] = {"model": {"astro": "cutoff"}, "axes": ["energy"], "minos": []}


def configured(folder: Path, fits: dict[str, Any] | None = None, **changes: Any) -> DiffuseConfig:
    content = {**copy.deepcopy(BASE), "output_dir": str(folder / "out"), **changes}
    if fits is not None:
        content["fits"] = fits
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return load_config(folder / "config.yaml")


@pytest.fixture(scope="module")
def processed(tmp_path_factory) -> Path:
    """An output directory after the processor's run."""
    folder = tmp_path_factory.mktemp("processed")
    assert process(configured(folder)).complete
    return folder / "out"


@pytest.fixture
def make(processed: Path, tmp_path: Path) -> Callable[..., DiffuseConfig]:
    """A configuration in a fresh folder that already holds the processed histograms."""

    def made(fits: dict[str, Any] | None = None, **changes: Any) -> DiffuseConfig:
        shutil.copytree(processed, tmp_path / "out", dirs_exist_ok=True)
        return configured(tmp_path, fits, **changes)

    return made


def test_every_result_has_its_name_and_survives_the_file(make) -> None:
    config = make({"main": EVERYTHING, "energy_only": {"axes": ["energy"]}})
    seen = []
    results = fit(config, progress=lambda what, done, total: seen.append(what))
    further = (
        "scan",
        "profile.astro_gamma",
        "toys",
        "gof",
        "feldman_cousins",
        "limit.atmos_norm",
        "test",
        "asimov",
        "segments",
        "flavour",
        "impacts",
        "events",
        "exposures",
        "models",
    )
    assert set(results) == {"main", "energy_only", "compare", *(f"main.{name}" for name in further)}
    assert {"main: toys", "main: Feldman-Cousins", "main: limits of atmos_norm", "main: test of log_parabola"} <= set(seen)
    loaded = load_results(config.output / "results.json")
    assert set(loaded) == set(results)
    assert list(loaded["main"].parameters) == ["astro_norm", "astro_gamma", "atmos_norm"]
    assert loaded["main"].parameters == results["main"].parameters
    assert loaded["main.toys"] == results["main.toys"]
    assert len(loaded["main.events"].channel) == results["main"].n_observed
    assert [one.factor for one in loaded["main.exposures"].exposures] == [1.0, 2.0]
    assert loaded["main.exposures"].exposures[0].parameters["astro_gamma"].error == pytest.approx(
        results["main.asimov"].parameters["astro_gamma"].error
    )
    assert (config.output / "tables" / "main.events.csv").is_file()
    entry = load_manifest(config.output)["stages"]["fit"]
    assert entry["fits"]["energy_only"]["axes"] == ["energy"]
    assert entry["histogram_digest"] == results["main"].input_digest


def test_a_fit_says_where_it_comes_from(make) -> None:
    main = fit(make({"main": EVERYTHING}))["main"]
    assert main.valid
    assert main.response == SURROGATE
    assert main.livetime_s == pytest.approx(LIVETIME_S)
    assert not main.partial
    assert main.seed == 3
    assert main.published["astro_gamma"] == (2.87, 0.19, 0.20)
    assert set(main.expected) == {"astro", "atmo", "total"}
    assert main.expected["total"]["track"] == pytest.approx(main.expected["astro"]["track"] + main.expected["atmo"]["track"])
    assert sum(main.expected["total"].values()) == pytest.approx(main.n_observed, rel=0.05)
    assert main.nll == pytest.approx(main.nll_data + main.nll_prior + main.nll_prior_constant)
    assert main.parameters["atmos_norm"].prior == "gaussian(1, 0.4)"
    assert main.parameters["atmos_norm"].pull == pytest.approx((main.parameters["atmos_norm"].value - 1.0) / 0.4)
    matrix = np.array(main.correlation)
    np.testing.assert_allclose(np.diag(matrix), 1.0)
    assert matrix[0, 1] > 0.4  # norm and index, in the order of the parameters


def test_every_parameter_states_its_unit(make) -> None:
    """Specification 9: a published file has a flux norm with a wrong unit, and programs mean one, two or six species."""
    norm, flux, numbers = "1e-18 / (GeV cm2 s sr)", "1e-8 GeV / (cm2 s sr)", {"astro_gamma", "atmos_norm", "beta", "gamma_2"}
    config = make({"main": {"segments": [4e4, 2e5, 7e6], "upper_limits": [{"parameter": "astro_norm"}], "asimov": True}, "cut": CUT})
    fit(config)
    entries = json.loads((config.output / "results.json").read_text())["results"]
    found = {name: one["unit"] for entry in entries.values() for name, one in entry.get("parameters", {}).items()}
    assert {name for name, unit in found.items() if not unit} <= numbers
    assert (found["astro_norm"], found["phi_1"], found["inverse_cutoff_per_pev"]) == (norm, flux, "1/PeV")
    assert entries["main.limit.astro_norm"]["unit"] == found["astro_norm"]
    segments = entries["main.segments"]
    assert segments["e2_flux"] == pytest.approx([1e-8 * segments["parameters"][f"phi_{i}"]["value"] for i in (1, 2)])
    page = (Path(__file__).resolve().parents[2] / "docs" / "units.md").read_text()
    assert all(line in page for line in ("**summed over the six species**", "`astro_norm` / 3", "`astro_norm` / 6", "multiply by 3e18"))


def test_results_belong_together(make) -> None:
    results = fit(make({"main": EVERYTHING}))
    main, toys, gof, test = results["main"], results["main.toys"], results["main.gof"], results["main.test"]
    assert results["main.scan"].best == (main.parameters["astro_gamma"].value, main.parameters["astro_norm"].value)
    assert toys.truth == {name: one.value for name, one in main.parameters.items()}
    assert (toys.n_requested, gof.n_toys) == (12, 12)
    assert set(gof.p_value) == {"all", "energy", "zenith", "topology"}
    assert set(toys.coverage_68) == {"astro_norm", "astro_gamma"}
    assert test.n_requested == test.n_valid + test.n_failed == 4
    assert test.alternative_fit.model == "log_parabola"
    assert main.nll - test.alternative_fit.nll == pytest.approx(test.ts / 2, abs=1e-6)
    asimov = results["main.asimov"]
    for name, one in main.parameters.items():  # counts and prior centres at the best fit: the fit returns it, whatever the prior's own centre
        assert asimov.parameters[name].value == pytest.approx(one.value, abs=1e-3 * one.error)
    assert asimov.published == {}
    assert results["main.profile.astro_gamma"].interval_68 == pytest.approx(
        [main.parameters["astro_gamma"].value + step for step in main.parameters["astro_gamma"].minos or ()], abs=5e-3
    )


def test_a_published_scan_that_cannot_be_had_is_left_out_and_said(make, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path / "empty"))
    monkeypatch.setattr(catalogue, "fetch", refuse_download)
    config = make({"main": {"scan": {"compare": "hese/astro_scan_data.txt", "compare_contour": "hese/icecube_spl_hese_contour1sigma.json"}}})
    found = fit(config)["main.scan"]
    assert found.external is None
    assert [reason.split(":")[0] for reason in found.not_compared] == ["hese/astro_scan_data.txt", "hese/icecube_spl_hese_contour1sigma.json"]
    assert "the download failed: no network" in found.not_compared[0]
    assert load_results(config.output / "results.json")["main.scan"].not_compared == found.not_compared


def refuse_download(*_: Any, **__: Any) -> None:
    raise InputError("no network")


def test_the_same_seed_gives_the_same_results(make) -> None:
    config = make({"main": {"toys": {"n": 5}}})
    assert fit(config)["main.toys"] == fit(config)["main.toys"]


def test_intervals_of_the_norm_and_of_every_shape_parameter_unless_others_are_named(make) -> None:
    fits = {"own": {"model": {"astro": "log_parabola"}}, "named": {"minos": ["atmos_norm"]}, "none": {"minos": []}}
    found = {name: {key for key, one in result.parameters.items() if one.minos} for name, result in fit(make(fits)).items()}
    assert found == {"own": {"astro_norm", "astro_gamma", "beta"}, "named": {"atmos_norm"}, "none": set()}


def test_an_asimov_fit_returns_its_start_values(make) -> None:
    fits = {"main": {"data": "asimov", "parameters": {"astro_gamma": {"start": 2.7}, "astro_norm": {"start": 5.0}}}}
    found = fit(make(fits))["main"].parameters
    assert found["astro_gamma"].value == pytest.approx(2.7, abs=1e-4)
    assert found["astro_norm"].value == pytest.approx(5.0, abs=1e-3)


def test_an_engine_is_chosen_by_name_and_leaves_its_workspace(make) -> None:
    config = make({"main": {}, "other": {"engine": "pyhf", "workspace": True}})
    results = fit(config)
    assert results["other"].engine == "pyhf"
    for name, one in results["main"].parameters.items():
        assert abs(results["other"].parameters[name].value - one.value) < 1e-3 * one.error
    written = json.loads((config.output / "workspace_other.json").read_text())
    assert sum(written["observations"][0]["data"]) == results["main"].n_observed
    assert not (config.output / "workspace_main.json").exists()


def test_a_user_spectrum_lives_beside_the_configuration(make, tmp_path: Path) -> None:
    (tmp_path / "my_spectra.py").write_text(
        "from dataclasses import dataclass\n"
        "from physics.spectra import ShapeParameter\n"
        "@dataclass(frozen=True)\n"
        "class Mine:\n"
        "    parameters: tuple = (ShapeParameter('index', 2.5, 1.0, 5.0),)\n"
        "    def flux(self, energy_gev, theta):\n"
        "        return (energy_gev / 1e5) ** -theta[0]\n"
    )
    results = fit(make({"main": {}, "mine": {"model": {"astro": "class", "class": "my_spectra.Mine"}}}))
    assert results["mine"].parameters["index"].value == pytest.approx(results["main"].parameters["astro_gamma"].value, abs=1e-4)
    assert results["mine"].nll == pytest.approx(results["main"].nll, abs=1e-6)


def test_a_tabulated_spectrum_is_a_fit_of_the_norm(make, tmp_path: Path) -> None:
    energy = np.logspace(3.9, 7.1, 80)
    np.savetxt(tmp_path / "flux.txt", np.column_stack([energy, 3e-7 * energy**-2.9]))
    fixed = {"parameters": {"astro_gamma": {"start": 2.9, "fixed": True}}}
    results = fit(make({"main": fixed, "table": {"model": {"astro": "table", "table": "flux.txt"}}}))
    assert results["table"].parameters["astro_norm"].value == pytest.approx(results["main"].parameters["astro_norm"].value, rel=1e-4)
    assert set(results["table"].parameters) == {"astro_norm", "atmos_norm"}


@pytest.mark.parametrize(
    ("fits", "message"),
    [
        ({"main": {"parameters": {"astro_gama": {"start": 2.0}}}}, "did you mean 'astro_gamma'"),
        ({"main": {"minos": ["norm"]}}, r"fits\.main\.minos\.0: 'norm' is not a parameter"),
        ({"main": {"profiles": [{"parameter": "gamma", "grid": [1, 2, 3]}]}}, r"fits\.main\.profiles\.0\.parameter"),
        ({"main": {"scan": {"x": "beta"}}}, r"fits\.main\.scan\.x: 'beta'"),
        (
            {"main": {"model": {"astro": "segmented", "edges_gev": [1e5, 1e6]}, "scan": {"y": "phi_1"}}},
            r"fits\.main\.scan\.x: 'astro_gamma' is not a parameter of this model, but the default; choose of atmos_norm, phi_1$",
        ),
        ({"main": {"toys": {"n": 2, "truth": {"atm_norm": 1.0}}}}, "did you mean 'atmos_norm'"),
        ({"main": {"toys": {"n": 2, "truth": {"astro_norm": -3.0}}}}, r"fits\.main: toys\.truth\.astro_norm: -3 lies outside the parameter's bounds"),
        ({"main": {"scan": {"x": "astro_norm"}}}, r"fits\.main: scan: x and y are both 'astro_norm'; give two parameters"),
        ({"main": {"upper_limits": [{"parameter": "prompt_norm"}]}}, "is not a parameter of this model"),
        ({"main": {"test": {"alternative": "table", "toys": 2}}}, "table is not a wider model than power_law"),
        ({"main": {"model": {"astro": "cutoff"}, "test": {"alternative": "log_parabola", "toys": 2}}}, "not a wider model than cutoff"),
        ({"main": {"likelihood": "say"}}, "no pair moments"),
        ({"main": {"segments": [1e7, 2e7]}}, r"fits\.main: segments: no simulation between 1e\+07 and 2e\+07 GeV"),
        ({"main": {"model_comparison": {}, "segments": [1e7, 2e7]}}, r"fits\.main: segments: no simulation between 1e\+07 and 2e\+07 GeV"),
        ({"main": {"model": {"astro": "segmented", "edges_gev": [1e7, 2e7]}}}, r"fits\.main: segments: no simulation between 1e\+07 and 2e\+07 GeV"),
        (
            {"main": {"model": {"astro": "segmented"}, "model_comparison": {}}},
            r"compared with a power law, not with segmented; set model.astro: power_law",
        ),
        ({"main": {"model": {"astro": "cutoff"}, "model_comparison": {}}}, r"beside another spectrum stands models: \[segmented\] alone"),
        (
            {"main": {"model": {"astro": "segmented"}, "minos": ["astro_norm"]}},
            r"fits\.main\.minos\.0: 'astro_norm' is not a parameter of this model",
        ),
        ({"main": {"model": {"flavour": [0.5, 0.5, 0.5]}}}, r"fits\.main: flavour: \[0\.5, 0\.5, 0\.5\] sum to 1\.5"),
        ({"main": {"model": {"flavour": [1.2, -0.2, 0.0]}}}, r"fits\.main: flavour: .* are not three fractions >= 0"),
        ({"main": {"flavour_scan": {"mixing": "nufit50_no"}}}, "'nufit50_no' is not a set of mixing angles; did you mean"),
        ({"main": {"parameters": {"astro_gamma": {"start": 9.0}}}}, "start 9.0 lies outside its bounds"),
        ({"main": {"model": {"astro": "table", "table": "none.txt"}}}, "none.txt: no such file"),
        (
            {"main": {"model": {"astro": "class", "class": "absent.Mine"}}},
            r"config\.yaml: model\.class: absent\.Mine: no module 'absent'; looked for .*absent\.py",
        ),
        ({"main": {"model": {"astro": "class", "class": "Mine"}}}, r"model\.class: Mine: expected module\.Class, e\.g\. my_module\.MySpectrum"),
        ({"main": {"scan": {"compare": "no_such_scan.txt"}}}, "no_such_scan.txt: no such file"),
        ({"main": {"scan": {"y_grid": [-2.0, 3.0, 5]}}}, "leaves the parameter's bounds"),
        ({"main": {"feldman_cousins": {"parameter": "astro_gamma", "grid": [0.5, 2.0, 3.0]}}}, "leaves the parameter's bounds"),
        (
            {"main": {"feldman_cousins": [{"parameter": "astro_gamma", "grid": [2.0, 2.5, 3.0]}] * 2}},
            "feldman_cousins: astro_gamma, astro_gamma: each parameter once",
        ),
        ({"main": {"published": {"astro_gama": [2.87, 0.19, 0.2]}}}, r"fits.main.published.astro_gama: .*; did you mean 'astro_gamma'"),
    ],
)
def test_wrong_requests_are_refused(make, fits: dict[str, Any], message: str) -> None:
    seen: list[str] = []
    config = make({"first": {"toys": {"n": 2}}, **fits})
    with pytest.raises(InputError, match=message):
        fit(config, progress=lambda what, done, total: seen.append(what))
    assert seen == []  # before any work


def test_a_spectrum_that_bends_within_a_node_is_warned_of(make, monkeypatch) -> None:
    monkeypatch.setattr("fits.model.FOLD_TOLERANCE", -1.0)  # the nodes of the surrogate are points: no spectrum bends within them
    with pytest.warns(UserWarning, match=r"folding the spectrum may be wrong by .* in bin .*; raise processor\.true_energy\.per_decade"):
        fit(make({"main": {"axes": ["energy"], "minos": []}}))


def test_broken_user_modules_are_named(make, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(InputError, match=r"importing .*broken\.py fails: ModuleNotFoundError"):
        fit(make({"main": {"model": {"astro": "class", "class": "broken.Mine"}}}))
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match="has no class 'Mine'"):
        fit(make({"main": {"model": {"astro": "class", "class": "empty.Mine"}}}))


def test_missing_stale_and_foreign_histograms_are_refused(make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no histograms to fit.*run python run_processor.py .*config.yaml"):
        fit(configured(tmp_path))
    config = make()
    other = configured(tmp_path, processor={"binning": "surrogate", "selection": {"edep_min_gev": 1e5}})
    with pytest.raises(InputError, match=r"made with other processor options \(selection\)"):
        fit(other)
    account = json.loads((config.output / "processing.json").read_text())
    (config.output / "processing.json").write_text(json.dumps({**account, "histogram_digest": "0" * 64}))
    with pytest.raises(InputError, match=r"is not what processing\.json describes"):
        fit(config)
    (config.output / "processing.json").write_text(json.dumps({**account, "histogram_digest": None, "complete": False}))
    with pytest.raises(InputError, match="incomplete and left no histograms"):
        fit(config)


@pytest.fixture
def inputs(make) -> tuple[DiffuseConfig, dict[str, Any], dict[str, Any]]:
    """Configuration, histograms and account, to be spoilt."""
    config = make()
    hists, account = read_processed(config)
    return config, hists, copy.deepcopy(dict(account))


def test_a_partial_run_scales_exposures_and_says_so(inputs) -> None:
    config, hists, account = inputs
    whole = fit_all(config, hists, account)["main"]
    account["complete"] = False
    account["datasets"]["mc"]["fraction"] = 0.5
    half = fit_all(config, hists, account)["main"]
    assert half.partial
    assert half.parameters["astro_norm"].value == pytest.approx(whole.parameters["astro_norm"].value / 2, rel=0.1)
    account["datasets"]["data"]["fraction"] = 0.5
    account["datasets"]["mc"]["fraction"] = 1.0
    assert fit_all(config, hists, account)["main"].livetime_s == pytest.approx(LIVETIME_S / 2)


def test_no_event_left_shows_the_cut_flow(inputs) -> None:
    config, hists, account = inputs
    hists["data"] = {name: histogram.copy() for name, histogram in hists["data"].items()}
    for name, histogram in hists["data"].items():
        if name != "cutflow":
            histogram.reset()
    with pytest.raises(InputError, match=r"no event of the data is left.*cut flow of data: all \d+, edep_min \d+"):
        read_inputs(config, hists, account)


def test_different_cuts_or_bins_are_refused(inputs) -> None:
    config, hists, account = inputs
    account["datasets"]["data"]["metadata"]["selection"] = "6e4 GeV"
    account["datasets"]["mc"]["metadata"]["selection"] = "1e5 GeV"
    with pytest.raises(InputError, match="selected differently"):
        read_inputs(config, hists, account)
    for entry in account["datasets"].values():
        del entry["metadata"]["selection"]
    hists["data"] = {**hists["data"], "data_track": hists["data"]["data_track"][{"reco_energy": slice(0, 5)}]}
    with pytest.raises(InputError, match="other bins than the response"):
        read_inputs(config, hists, account)


def test_missing_data_and_livetimes_are_refused(inputs) -> None:
    config, hists, account = inputs
    without = copy.deepcopy(account)
    del without["datasets"]["data"]
    with pytest.raises(InputError, match="no data set of kind data"):
        prepare_all(config, {"mc": hists["mc"]}, without)
    account["datasets"]["data"]["livetime_s"] = -1.0
    with pytest.raises(InputError, match="state a positive livetime"):
        read_inputs(config, hists, account)


@pytest.mark.public_data
def test_golden_14_real_events(public_data, tmp_path: Path, monkeypatch) -> None:
    """The shipped configuration on the 60 events: the published answer without any tuning (PRD 104 022002: 2.87, 6.37)."""
    monkeypatch.setenv("DYNODE_DATA", str(public_data))
    shipped = Path(__file__).resolve().parents[2] / "configs" / "diffuse.yaml"
    left_out = [f"fits.main.{key}=null" for key in ("toys", "test", "model_comparison", "posterior")]
    config = load_config(
        shipped, [f"output_dir={tmp_path}", *left_out, "fits.main.profiles=[]", "fits.main.predictive=false", "fits.main.surrogate_study=false"]
    )
    assert process(config).complete
    results = fit(config)
    main = results["main"]
    gamma, norm = main.parameters["astro_gamma"], main.parameters["astro_norm"]
    assert main.valid
    assert main.n_observed == 60
    assert gamma.value == pytest.approx(2.874, abs=0.10)
    assert 4.74 < norm.value < 7.83
    assert gamma.minos is not None
    assert -gamma.minos[0] == pytest.approx(0.19, rel=0.25)
    assert gamma.minos[1] == pytest.approx(0.20, rel=0.25)
    assert 0.5 < main.parameters["atmos_norm"].value < 1.6
    assert results["energy_only"].valid
    assert results["energy_topology"].valid
    assert (results["energy_only"].n_bins, results["energy_topology"].n_bins) == (21, 63)
    _check_with_systematics(results["with_systematics"], main)
    events = results["main.events"]
    assert len(events.channel) == 60
    assert events.expected_signal == pytest.approx(49, abs=3)  # the rest is atmospheric: 10.1 expected at the prior (specification G11)
    assert max(events.true_energy_gev["0.5"]) == pytest.approx(1.9e6, rel=0.1)
    assert list(results["with_systematics.impacts"].impacts) == list(results["with_systematics"].parameters)[2:]
    _check_report(results["compare"], config.output)


def _check_report(report: ComparisonReport, output: Path) -> None:
    """With the systematics as nuisance parameters the surrogate gives the published scan: two responses, one answer."""
    rows = {(row.part, row.fit, row.quantity): row for row in report.rows}
    assert {fit for part, fit, _ in rows if part == "parameters"} == {"main", "with_systematics", "energy_only", "energy_topology"}
    assert max(abs(row.difference) for row in report.rows if row.part == "parameters") < 0.3
    assert max(abs(row.difference) for row in report.rows if row.part == "segments") < 1.0
    dom = rows["best fit", "with_systematics", "epsilon_dom"]
    assert (dom.ours, dom.published) == (pytest.approx(0.952, abs=0.03), 0.95192328)
    found = {quantity: row.ours for (part, fit, quantity), row in rows.items() if part in ("scan", "contour") and fit == "with_systematics"}
    assert found["68 % regions, intersection / union"] > 0.9
    assert found["95 % regions, intersection / union"] > 0.9
    assert found["68 % region, area / published area"] == pytest.approx(1.0, abs=0.1)
    assert found["95 % region, area / published area"] == pytest.approx(1.0, abs=0.05)
    assert found["rms difference of Delta -ln L, where published < 5"] < 0.35
    assert found["Delta -ln L at its 19 points, mean"] == pytest.approx(1.148, abs=0.1)
    alone = rows["scan", "main", "95 % region, area / published area"].ours
    assert alone < 0.85  # without them the region is too small
    assert (output / "tables" / "compare.csv").is_file()
    assert report.left_out[-1].startswith("-ln L: no fit here has the published likelihood")


def _check_with_systematics(found, main) -> None:
    """Seven parameters; the detector parameter of which the events know something lands where the release's fit has it (0.952)."""
    assert found.valid
    assert set(found.parameters) == {
        "astro_norm", "astro_gamma", "atmos_norm", "cr_delta_gamma", "epsilon_dom", "epsilon_head_on", "anisotropy_scale",
    }  # fmt: skip
    assert found.parameters["astro_gamma"].value == pytest.approx(2.874, abs=0.10)
    assert found.parameters["epsilon_dom"].value == pytest.approx(0.952, abs=0.03)
    assert found.parameters["epsilon_dom"].error < 0.1
    assert found.parameters["astro_gamma"].error > main.parameters["astro_gamma"].error
    assert len(found.minima) == 2
    assert 0 < found.outside_tables["epsilon_head_on"] < 0.2  # double cascades of the surrogate have no length


def test_a_data_set_of_which_nothing_was_processed_is_refused(inputs) -> None:
    config, hists, account = inputs
    failed = [{"reason": "column 'recoZenith': 102 of 102 values are wrong; is it in degrees?"}]
    account["datasets"]["data"] |= {"processed": 0, "fraction": 0.0, "failed": failed}
    with pytest.raises(InputError, match=r"nothing of the data set 'data' was processed \(column 'recoZenith'.*degrees\?\): no exposure to fit"):
        read_inputs(config, hists, account)


def test_the_command_to_run_can_be_typed_where_one_stands(tmp_path: Path, monkeypatch) -> None:
    config = configured(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(InputError, match=rf"run python run_processor\.py {tmp_path.name}/config\.yaml"):
        fit(config)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": {"astro_gama": {"fixed": True}}}, r"^fits\.second: parameters: 'astro_gama' is not a parameter"),
        ({"parameters": {"astro_gamma": {"start": 20}}}, r"^fits\.second: parameter astro_gamma: start 20"),
        ({"scan": {"x_grid": [3, 2, 20]}}, r"^fits\.second: grid of astro_gamma: \[3, 2, 20\] needs low < high"),
        ({"minos": ["astro_nrm"]}, r"^fits\.second\.minos\.0: 'astro_nrm' is not a parameter"),
    ],
)
def test_a_message_says_which_fit_it_means(make, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(make({"main": {}, "second": options}))
