"""Joint fits of configurations: what the stages leave, when they are out of date, and what they refuse with its message."""

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
from matplotlib.text import Text

import run_analysis
from configs.errors import InputError
from configs.schema import load_config
from fits.diffuse import prepare_fits
from fits.joint_data import refuse_same_events
from fits.joint_inputs import read_run
from fits.minimise import minimise
from fits.response_export import export_response
from fits.stage import fit
from plotting.stage import planned, plot
from processors.stage import process
from records.freshness import dependencies
from records.manifest import load_manifest
from records.results import load_results
from records.summary import rows

LIVETIME_S = 227708167.68
EDGE_GEV = 10.0 ** (4.778151250383644 + 0.111 * 5)  # an edge of the surrogate's bins
SAMPLE: dict[str, Any] = {
    "analysis": "diffuse",
    "output_dir": "out",
    "datasets": {
        "data": {"example": {}, "kind": "data", "format": "hese_json", "metadata": {"livetime_s": LIVETIME_S}},
        "mc": {"kind": "mc", "format": "surrogate", "metadata": {"livetime_s": LIVETIME_S}},
    },
    "processor": {"binning": "surrogate"},
    "fits": {
        "main": {"axes": ["energy", "topology"]},
        "tilted": {"model": {"nuisances": "official", "detector": False}},
        "curved": {"model": {"astro": "log_parabola"}},
        "tau": {"model": {"flavour": [0.2, 0.4, 0.4]}},
        "expected": {"data": "asimov"},
    },
}
TWO = {"first": "first.yaml", "second": {"config": "second.yaml"}}
EVERYTHING: dict[str, Any] = {
    "scan": {"x_grid": [2.4, 3.4, 5], "y_grid": [2.0, 10.0, 5]},
    "profiles": [{"parameter": "astro_gamma", "grid": [2.4, 3.4, 5]}, {"parameter": "atmos_norm[first]", "grid": [0.2, 2.0, 4]}],
    "toys": {"n": 4},
    "feldman_cousins": {"parameter": "astro_gamma", "grid": [2.4, 2.8, 3.4], "toys": 2},
    "upper_limits": [{"parameter": "atmos_norm[second]"}],
    "test": {"alternative": "log_parabola", "toys": 2},
    "asimov": True,
    "impacts": True,
    "asimov_livetimes": [4],
    "model_comparison": {"models": ["cutoff", "segmented"], "toys": 1},
    "published": {"astro_gamma": [2.87, 0.19, 0.20]},
}
FIGURES = ["energy", "zenith", "contour", "profile", "spectrum", "correlation", "pulls", "toys", "gof", "impacts", "response", "exposures", "models"]


def write(folder: Path, name: str, **changes: Any) -> Path:
    content = {"name": name, **copy.deepcopy(SAMPLE), **changes}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two samples of other seeds, and the halves of the first in energy, processed."""
    folder = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write(folder, "first", seed=3)
        second = copy.deepcopy(SAMPLE["datasets"])
        second["data"]["metadata"]["livetime_s"] = 2 * LIVETIME_S
        write(folder, "second", seed=4, datasets=second)
        for name in ("first", "second"):
            assert process(load_config(folder / f"{name}.yaml")).complete
        same = copy.deepcopy(SAMPLE["datasets"])
        del same["data"]["example"]
        same["data"]["files"] = "copied.json"
        (shipped,) = (folder / "out" / "first" / "example" / "data").glob("*data.json")
        shutil.copy(shipped, folder / "copied.json")
        for name, selection in (("low", {"edep_max_gev": EDGE_GEV}), ("high", {"edep_min_gev": EDGE_GEV})):
            write(folder, name, datasets=same, processor={"binning": "surrogate", "selection": selection})
            assert process(load_config(folder / f"{name}.yaml")).complete
    return folder


@pytest.fixture
def make(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A configuration of joint fits alone, beside samples that were processed."""
    shutil.copytree(ran, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def made(fits: dict[str, Any], **changes: Any) -> Any:
        content = {"name": "both", "analysis": "diffuse", "seed": 1, "output_dir": "out", "fits": fits, **changes}
        (tmp_path / "both.yaml").write_text(yaml.safe_dump(content))
        return load_config(tmp_path / "both.yaml")

    return made


@pytest.fixture(scope="module")
def everything(ran: Path) -> tuple[Any, dict[str, Any]]:
    """A joint fit that asks for all it can have, once."""
    content = {
        "name": "all", "analysis": "diffuse", "seed": 1, "output_dir": "out", "fits": {"main": {"joint": {"samples": TWO}, **EVERYTHING}},
        "plots": {"label": "Test", "formats": ["png"], "figures": FIGURES},
    }  # fmt: skip
    (ran / "all.yaml").write_text(yaml.safe_dump(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ran)
        config = load_config(ran / "all.yaml")
        return config, fit(config)


def test_a_joint_fit_answers_what_others_answer(everything, ran: Path, monkeypatch) -> None:
    monkeypatch.chdir(ran)
    config, results = everything
    kinds = (
        *("scan", "profile.astro_gamma", "profile.atmos_norm[first]", "toys", "gof", "feldman_cousins", "limit.atmos_norm[second]", "test"),
        *("asimov", "impacts", "exposures", "models", "samples", "alone.first", "alone.second", "alone.first.scan", "alone.second.scan"),
    )
    assert set(results) == {"main", *(f"main.{kind}" for kind in kinds)}
    loaded = load_results(config.output / "results.json")
    assert loaded["main.samples"] == results["main.samples"]
    main = results["main"]
    assert list(main.parameters) == ["astro_norm", "astro_gamma", "atmos_norm[first]", "atmos_norm[second]"]
    assert main.axes == ("energy", "topology")
    assert main.n_bins == 2 * 63
    assert np.isnan(main.livetime_s)  # of samples with different ones
    assert set(main.expected["astro"]) == {f"{sample}: {channel}" for sample in TWO for channel in ("cascade", "track", "dcascade")}
    assert set(results["main.gof"].p_value) == {"all", "first", "second"}
    assert results["main.asimov"].parameters["astro_gamma"].value == pytest.approx(main.parameters["astro_gamma"].value, abs=1e-3)
    one, four = results["main.exposures"].exposures
    assert one.parameters["astro_gamma"].error / four.parameters["astro_gamma"].error == pytest.approx(2.0, rel=0.15)
    assert set(results["main.impacts"].impacts) == {"atmos_norm[first]", "atmos_norm[second]"}
    assert results["main.test"].alternative_fit.model == "log_parabola"
    assert results["main.models"].models["cutoff"].valid
    assert {"phi_1", "atmos_norm[first]"} <= set(results["main.models"].models["segmented"].parameters)


def test_samples_add_up_to_the_joint_fit(everything) -> None:
    _, results = everything
    main, found = results["main"], results["main.samples"]
    first, second = found.samples.values()
    assert found.common == ["astro_norm", "astro_gamma"]
    assert first.n_observed + second.n_observed == main.n_observed
    assert first.nll_data + second.nll_data == pytest.approx(main.nll_data)
    assert first.nll_prior + second.nll_prior + found.nll_prior_common == pytest.approx(main.nll_prior)
    assert first.saturated + second.saturated == pytest.approx(results["main.gof"].observed["all"])
    assert second.livetime_s == pytest.approx(2 * first.livetime_s)
    assert second.expected["astro"]["track"] == pytest.approx(2 * first.expected["astro"]["track"])
    alone = [results[f"main.alone.{name}"] for name in TWO]
    assert found.ts == pytest.approx(2 * (main.nll - sum(one.nll for one in alone)), abs=1e-4)
    assert found.degrees_of_freedom == 2
    for name in ("astro_norm", "astro_gamma"):  # two samples know more than one
        assert main.parameters[name].error < min(one.parameters[name].error for one in alone)
    words = [value for _, value, _ in rows(found)]
    assert words[0].startswith(f"{first.n_observed:g} events, ")
    assert words[-1].endswith("(chi2, 2 degrees)")


def test_figures_show_the_samples_with_the_joint_fit(everything, ran: Path, monkeypatch) -> None:
    monkeypatch.chdir(ran)
    config, results = everything
    todo = planned(config)
    assert {"energy.first", "energy.second", "energy_by_topology.first", "contour", "spectrum", "correlation", "gof", "impacts_astro_norm"} <= set(
        todo.figures
    )
    assert {"profile_astro_gamma", "profile_atmos_norm_first"} <= set(todo.figures)
    assert set(todo.skipped) == {"zenith", "response", "exposures"}
    drawn = todo.figures["contour"]()
    assert drawn.numbers["ours"]["label"] == "Joint fit"
    assert [one["label"] for one in drawn.numbers["others"]] == ["first alone", "second alone"]
    assert drawn.numbers["others"][0]["best"] == results["main.alone.first.scan"].best
    energy = todo.figures["energy.second"]()
    assert energy.numbers["counts"].sum() == results["main.samples"].samples["second"].n_observed
    assert sum(values.sum() for values in energy.numbers["components"].values()) == pytest.approx(
        sum(results["main.samples"].samples["second"].expected["total"].values())
    )
    assert "sample second, 5271 days" in [text.get_text() for text in energy.figure.findobj(Text)]
    assert todo.figures["correlation"]().numbers["parameters"][2] == r"$N_\mathrm{atm}$ (first)"


def test_samples_cut_out_of_one_are_the_whole(make) -> None:
    halves = {"joint": {"samples": {"low": "low.yaml", "high": "high.yaml"}, "shared": ["atmos_norm"]}}
    joint = fit(make({"main": halves}))["main"]
    whole = fit(load_config(Path("first.yaml")))["main"]
    assert joint.n_observed == whole.n_observed
    assert joint.nll == pytest.approx(whole.nll, abs=1e-6)
    for name, one in whole.parameters.items():
        assert joint.parameters[name].value == pytest.approx(one.value, abs=1e-4 * one.error)
        assert joint.parameters[name].prior == one.prior


def test_a_sample_of_the_same_file_needs_no_name(make) -> None:
    own = load_config(Path("first.yaml"))
    content = yaml.safe_load(Path("first.yaml").read_text())
    content["fits"]["together"] = {"joint": {"samples": {"mine": {}, "theirs": "second.yaml"}, "alone": False}}
    Path("first.yaml").write_text(yaml.safe_dump(content))
    results = fit(load_config(Path("first.yaml")))
    other = fit(make({"main": {"joint": {"samples": TWO, "alone": False}}}))
    assert own.output == Path("out/first")
    assert results["together"].nll == pytest.approx(other["main"].nll, rel=1e-12)
    assert not [name for name in results if ".alone." in name]


def test_a_nuisance_of_both_and_a_spectrum_of_the_joint_fit(make) -> None:
    tilted = {name: {"config": f"{name}.yaml", "fit": "tilted"} for name in TWO}
    config = make({
        "main": {"joint": {"samples": tilted, "shared": ["cr_delta_gamma"], "alone": False}},
        "curved": {"joint": {"samples": TWO, "alone": False}, "model": {"astro": "log_parabola"}},
        "asimov": {"joint": {"samples": TWO, "alone": False}, "data": "asimov", "parameters": {"astro_gamma": {"start": 2.7}}},
    })  # fmt: skip
    results = fit(config)
    assert [name for name, one in results["main"].parameters.items() if one.prior] == ["cr_delta_gamma", "atmos_norm[first]", "atmos_norm[second]"]
    assert list(results["curved"].parameters)[:3] == ["astro_norm", "astro_gamma", "beta"]
    assert results["curved"].model == "log_parabola"
    assert results["asimov"].parameters["astro_gamma"].value == pytest.approx(2.7, abs=1e-3)


def test_stages_follow_the_histograms_of_the_samples(make) -> None:
    config = make({"main": {"joint": {"samples": TWO, "alone": False}}}, plots={"figures": ["correlation"], "formats": ["png"]})
    before = {stage: dependencies(stage, config) for stage in ("fit", "plot")}
    fit(config)
    assert plot(config)
    assert {Path(path).name for path in load_manifest(config.output)["stages"]["fit"]["inputs"]} == {
        "hists.h5",
        "processing.json",
        "first.yaml",
        "second.yaml",
    }
    assert {stage: dependencies(stage, config)["upstream"] == before[stage]["upstream"] for stage in before} == {"fit": True, "plot": False}
    Path("out/second/hists.h5").write_bytes(Path("out/first/hists.h5").read_bytes())
    assert dependencies("fit", config)["upstream"] != before["fit"]["upstream"]
    with pytest.raises(
        InputError, match=r"samples\.second: .*hists\.h5 is not what processing\.json describes; run python run_processor\.py .*second\.yaml"
    ):
        plot(config)
    shutil.copytree("out/first", "out/second", dirs_exist_ok=True)
    Path("out/second/processing.json").write_text(Path("out/first/processing.json").read_text())
    with pytest.raises(InputError, match=r"the fit 'main' was made from other histograms|every event would count twice"):
        plot(config)


def test_run_analysis_redoes_a_joint_fit_when_a_sample_changed(make, capsys) -> None:
    make({"main": {"joint": {"samples": TWO, "alone": False}, "minos": []}}, plots={"figures": ["correlation"], "formats": ["png"]})
    assert run_analysis.main(["both.yaml"]) == 0
    assert "atmos_norm[second]" in capsys.readouterr().out  # no markup of the terminal
    assert run_analysis.main(["both.yaml"]) == 0
    assert capsys.readouterr().out.count("up to date") == 2
    write(Path.cwd(), "second", seed=5)
    assert process(load_config(Path("second.yaml"))).complete
    assert run_analysis.main(["both.yaml"]) == 0
    said = capsys.readouterr().out
    assert "fit: runs (a file that the configuration names changed, the stage before it left something new)" in said


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"first": "first.yaml", "second": "secnd.yaml"}, r"fits\.main\.joint\.samples\.second: secnd\.yaml: no such file"),
        ({"first": "first.yaml", "second": {"config": "second.yaml", "fit": "min"}}, r"samples\.second: .* has no fit 'min'; did you mean 'main'"),
        ({"first": "first.yaml", "second": {"config": "first.yaml", "fit": "tilted"}}, r"first and second are fits of one run, out/first"),
        ({"first": "first.yaml", "low": "low.yaml"}, r"first and low read the same events \(.*data\.json\) into bins that overlap: every event"),
        (
            {"first": "first.yaml", "second": {"config": "second.yaml", "fit": "curved"}},
            r"model\.astro is power_law in first and log_parabola in second",
        ),
        (
            {"first": "first.yaml", "second": {"config": "second.yaml", "fit": "tau"}},
            r"model\.flavour is .* in first and \(0\.2, 0\.4, 0\.4\) in second",
        ),
        (
            {"first": "first.yaml", "second": {"config": "second.yaml", "fit": "expected"}},
            r"samples\.second: the fit 'expected' is one of the Asimov set",
        ),
        ({"first": "first.yaml", "raw": "raw.yaml"}, r"samples\.raw: out/raw: no histograms to fit .*run python run_processor\.py .*raw\.yaml"),
        ({"first": "first.yaml", "own": "own.yaml"}, r"samples\.own: .*own\.yaml is of the analysis 'custom'"),
        ({"first": "first.yaml", "joint": "joint.yaml"}, r"the fit 'main' of .*joint\.yaml is itself a joint fit; name its samples one by one"),
        ({"first": "first.yaml", "bad": "bad.yaml"}, r"samples\.bad: .*bad\.yaml:\d+: fits\.main\.likelihod: unknown key; did you mean 'likelihood'"),
    ],
)
def test_samples_that_cannot_be_joined_are_refused(make, samples: dict[str, Any], message: str) -> None:
    folder = Path.cwd()
    write(folder, "raw")
    write(folder, "bad", fits={"main": {"likelihod": "say"}})
    (folder / "own.yaml").write_text(
        yaml.safe_dump({"name": "own", "analysis": "custom", "processor": {"class": "a.B"}, "datasets": {"d": {"files": "x", "kind": "data"}}})
    )
    (folder / "joint.yaml").write_text(yaml.safe_dump({"name": "joint", "analysis": "diffuse", "fits": {"main": {"joint": {"samples": TWO}}}}))
    with pytest.raises(InputError, match=message):
        fit(make({"main": {"joint": {"samples": samples}}}))


@pytest.mark.parametrize(
    ("fits", "message"),
    [
        ({"main": {"joint": {"samples": TWO}, "likelihood": "say"}}, r"fits\.main: likelihood: not for a joint fit; each sample has its own"),
        ({"main": {"joint": {"samples": TWO}, "segments": {}}}, "segments: not for a joint fit"),
        ({"main": {"joint": {"samples": TWO}, "events": True}}, "events: not for a joint fit"),
        ({"main": {"joint": {"samples": TWO}, "predictive": True}}, "predictive: not for a joint fit"),
        ({"main": {"joint": {"samples": TWO}, "model": "official"}}, r"model\.nuisances: not for a joint fit"),
        ({"main": {"joint": {"samples": TWO}, "engine": "zfit"}}, "engine: zfit knows one sample"),
        ({"main": {"joint": {"samples": {"first": "first.yaml"}}}}, r"fits\.main\.joint\.samples: .*at least 2 items"),
        ({"main": {"joint": {"samples": {"a b": "first.yaml", "c": "second.yaml"}}}}, "should match pattern"),
        ({"main": {"joint": {"samples": {"mine": {"fit": "man"}, "second": "second.yaml"}}}}, r"samples\.mine\.fit: no fit 'man' in this file"),
        ({"main": {"joint": {"samples": TWO}}, "other": {}}, r"datasets: this key is required; only joint fits of other configurations need no data"),
    ],
)
def test_keys_that_a_joint_fit_cannot_have_are_refused(make, fits: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(fits)


def test_names_are_checked_before_any_fit(make) -> None:
    for options, message in (
        ({"minos": ["atmos_norm"]}, r"fits\.main\.minos\.0: 'atmos_norm' is not a parameter of this model; did you mean 'atmos_norm\["),
        ({"joint": {"samples": TWO, "shared": ["atmo_norm"]}}, r"fits\.main: shared: the sample first has no nuisance parameter 'atmo_norm'"),
    ):
        with pytest.raises(InputError, match=message):
            fit(make({"main": {"joint": {"samples": TWO}, **options}}))


def test_an_incomplete_sample_is_said(make) -> None:
    account = json.loads(Path("out/second/processing.json").read_text())
    failed = {"file": "b.json", "stage": "read", "reason": "truncated", "start": 9, "stop": 10, "traceback": ""}
    account["datasets"]["data"] |= {"processed": account["datasets"]["data"]["expected"] - 1, "failed": [failed]}
    Path("out/second/processing.json").write_text(json.dumps(account))
    config = make({"main": {"joint": {"samples": TWO}}})
    results = fit(config)
    assert results["main"].partial
    assert (results["main.alone.first"].partial, results["main.alone.second"].partial) == (False, True)
    Path("out/second/processing.json").write_text(json.dumps({**account, "histogram_digest": None}))
    with pytest.raises(InputError, match=r"samples\.second: .*incomplete and left no histograms"):
        fit(config)


def test_events_may_be_split_between_samples(ran: Path, monkeypatch) -> None:
    monkeypatch.chdir(ran)
    low, high, first = (read_run(load_config(ran / f"{name}.yaml")) for name in ("low", "high", "first"))
    refuse_same_events("samples", {"low": low, "high": high})
    with pytest.raises(InputError, match="high and first read the same events"):
        refuse_same_events("samples", {"high": high, "first": first})


def test_the_response_of_a_joint_fit_is_that_of_its_samples(make) -> None:
    with pytest.raises(InputError, match=r"both\.yaml: --export-response: joint fits have no response of their own; export those of the samples"):
        export_response(make({"main": {"joint": {"samples": TWO}}}), Path("response.h5"))


def test_a_joint_likelihood_is_found_by_its_fit(make) -> None:
    config = make({"main": {"joint": {"samples": TWO}}})
    prepared = prepare_fits(config, {}, {})["main"]
    assert minimise(prepared.nll).valid
    assert list(prepared.samples) == list(TWO)
    assert prepared.options.model.astro == "power_law"
