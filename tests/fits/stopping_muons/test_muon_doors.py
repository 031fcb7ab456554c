"""``run_fit.py`` on a run's files: exit status, what it writes, when it must be repeated, what it refuses."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path

import pytest
import yaml
from fake_batch import install
from muon_hists import configuration, run_hists

import run_analysis
import run_fit
from configs.command_line import DONE, INCOMPLETE
from configs.schema import as_json, load_config
from fits.stopping_muons.stage import fit_all
from processors.account import Account, DatasetAccount
from processors.batch.trial_runs import JournalledMap
from processors.journal import Journal
from processors.trials import Calls, Later
from records.freshness import dependencies, why_stale
from records.hists import digest, save_hists
from records.manifest import update_manifest
from records.results import encode_result, load_results

QUICK = {"unfold_energy": False, "reg_range": 1e-4, "n_steps": 3}
EVALUATED = {"evaluate_unfolding_range": True, "evaluate_unfolding_energy": True}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A configuration file with the histograms, account and manifest of its processor run."""
    hists, account = run_hists()
    document = as_json(configuration(tmp_path, hists, unfolding=QUICK, effective_area={"calculate_effective_area_energy": False}))
    document["datasets"] = {
        name: {key: one[key] for key in ("kind", "level", "livetime", "systematic") if one.get(key)} | {"level": one["level"], "example": {}}
        for name, one in document["datasets"].items()
    }
    path = tmp_path / "muons.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    config = load_config(path)
    config.output.mkdir(parents=True)
    save_hists(config.output / "hists.h5", hists)
    sets = {name: DatasetAccount(one["kind"], 1, 10, 10, metadata={"livetime_s": one["livetime_s"]}) for name, one in account["datasets"].items()}
    (config.output / "processing.json").write_text(json.dumps(Account(sets, digest(hists)).to_json()), encoding="utf-8")
    update_manifest(config.output, "process", {"complete": True}, config=config)
    return path


def test_results_are_written_and_up_to_date_until_an_option_of_the_fit_changes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_fit.main([str(run)]) == 0
    config = load_config(run)
    results = load_results(config.output / "results.json")
    assert "flux.range" in results
    assert "m^-1 m^-2 s^-1 sr^-1, method map" in capsys.readouterr().out
    assert why_stale(config.output, "fit", dependencies("fit", config)) is None
    changed = load_config(run, ["unfolding.reg_range=0.001"])
    assert why_stale(changed.output, "fit", dependencies("fit", changed)) == "its part of the configuration changed"
    assert dependencies("process", changed) == dependencies("process", config)
    other = load_config(run, ["binning.n_range_bins=9"])
    assert dependencies("process", other)["configuration"] != dependencies("process", config)["configuration"]


def test_a_failed_fit_is_status_three(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = ["unfolding.n_used_steps=20", "unfolding.n_burn_steps=0", "options.max_extend=1", "options.sample=true"]
    assert run_fit.main([str(run), *(f"--set={one}" for one in steps)]) == 3
    assert "fit unfolded.range.mcmc failed: the chains have not converged" in capsys.readouterr().err


def test_coverage_on_request(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_fit.main([str(run), "--coverage", "3"]) == 0
    assert "3 of 3 pseudo-experiments" in capsys.readouterr().out
    output = load_config(run).output
    assert (output / "coverage.csv").is_file()
    figures = {path.stem for path in (output / "figures").glob("*.png")}
    assert figures == {"closure_range", "pulls_range", "coverage_range"}
    drawn = json.loads((output / "figures" / "coverage_range.json").read_text(encoding="utf-8"))
    assert {drawn[mode]["toys"] for mode in ("response", "independent", "bootstrap")} == {3}
    assert not (output / "results.json").exists()


def test_coverage_as_jobs_is_bitwise_that_of_this_machine(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All modes are asked for in one round; on worker processes it is the same too."""
    output = load_config(run).output
    written = [output / "coverage.json", output / "coverage.csv"]

    def told(*arguments: str) -> tuple[int, str]:
        status = run_fit.main(
            [str(run), *arguments, "--coverage", "23", "--set", "executor.kind=slurm", "--set", f"executor.job.python={sys.executable}"]
        )
        said = capsys.readouterr()
        return status, said.out + said.err

    assert run_fit.main([str(run), "--coverage", "23"]) == DONE
    here = [path.read_bytes() for path in written]
    assert run_fit.main([str(run), "--coverage", "23", "--set", "executor.kind=futures"]) == DONE
    assert [path.read_bytes() for path in written] == here
    monkeypatch.setenv("PATH", f"{install(tmp_path / 'pool')}{os.pathsep}{os.environ['PATH']}")
    for path in written:
        path.unlink()
    capsys.readouterr()
    status, said = told("plan", "--jobs", "1")
    assert status == DONE
    assert "1 jobs for 6 tasks in " in said
    assert f"next: python run_fit.py {run} --coverage 23 submit" in said
    status, said = told("collect")
    assert status == INCOMPLETE
    assert "6 blocks of trials have not come back" in said
    assert [told(command)[0] for command in ("submit", "status", "collect")] == [DONE, DONE, DONE]
    assert [path.read_bytes() for path in written] == here
    assert not (output / "results.json").exists()


def test_pseudo_experiments_of_the_fit_itself_are_tasks_of_one_round(tmp_path: Path) -> None:
    """Those of both targets; what came back gives the results of a fit here."""
    hists, account = run_hists()
    config = configuration(tmp_path, hists, unfolding={"reg_range": 1e-4, "reg_energy": 1e-4} | EVALUATED)
    here = fit_all(config, hists, account)
    with Journal(tmp_path / "journal") as entries:
        wanted = JournalledMap(entries, "")
        with pytest.raises(Later, match="_block: block 1 of 1"):
            fit_all(config, hists, account, execute=wanted)
        assert len(wanted.tasks) == 6
        for key, task in wanted.tasks.items():
            entries.write(key, Calls(wanted.functions)(pickle.loads(task.item)))
        found = fit_all(config, hists, account, execute=JournalledMap(entries, ""))
    assert list(found) == list(here)
    assert all(encode_result(found[name]) == encode_result(here[name]) for name in here)


def test_histograms_of_other_options_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_fit.main([str(run), "--set", "analysis_cuts.cuts={stopping_score: 0.9}"]) == 1
    assert "made with other processor options (analysis_cuts.cuts)" in capsys.readouterr().err


def test_coverage_of_another_analysis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "diffuse.yaml"
    path.write_text("name: d\nanalysis: diffuse\ndatasets: {mc: {kind: mc, files: [mc.json]}}\n", encoding="utf-8")
    assert run_fit.main([str(path), "--coverage", "3"]) == 1
    assert "--coverage is for analysis 'stopping_muons', this is 'diffuse'" in capsys.readouterr().err


TABLES = {
    "no unit": ("energy,flux\n500,1e-3\n13000,1e-7\n", "theory.csv: column flux: flux_unit is not stated; add flux_unit"),
    "too short": (
        "# flux_unit: GeV-1 m-2 s-1 sr-1\n# energy_power: 0\n# particles: mu+ + mu-\nenergy,flux\n600,1e-3\n900,1e-4\n",
        "theory: column energy covers 600 ... 900 GeV, needed are",
    ),
}


@pytest.mark.parametrize("what", TABLES)
def test_a_theory_that_is_not_usable_is_refused_before_events_are_read(run: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    """Bug: hours of events and chains came first."""
    content, message = TABLES[what]
    run.with_name("theory.csv").write_text(content, encoding="utf-8")
    (account,) = run.parent.rglob("processing.json")
    before = account.stat().st_mtime_ns
    assert run_analysis.main([str(run), "--set", "unfolding.mceq_path=theory.csv", "--fresh"]) == 1
    assert message in capsys.readouterr().err
    assert account.stat().st_mtime_ns == before
    assert run_fit.main([str(run), "--set", "unfolding.mceq_path=theory.csv"]) == 1
    assert message in capsys.readouterr().err
