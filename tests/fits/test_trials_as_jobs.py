"""Trials and toys as jobs: bitwise what this process gives, in rounds where one study builds on another, and told when they are not back."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from dark_matter_campaign import shared
from fake_batch import install
from surrogate_case import PUBLISHED, likelihood

import run_fit
import run_processor
from configs.command_line import DONE, INCOMPLETE
from configs.schema import load_config
from fits.dark_matter.campaign import Campaigner
from fits.toys import ToyStudy, run_toys
from processors.batch.trial_runs import JournalledMap
from processors.journal import Journal
from processors.trials import Calls, Later, each, identity

CONFIG = """
name: toys
analysis: diffuse
seed: 20201
output_dir: {folder}/outputs
datasets:
  data: {{example: {{truth: {{astro_norm: 6.37, astro_gamma: 2.87}}}}, kind: data, format: toy_json, metadata: {{livetime_s: 2.0e8}}}}
  mc: {{example: {{size: 3000}}, kind: mc, format: toy_json, metadata: {{livetime_s: 2.0e8}}}}
processor: {{binning: bootcamp}}
fits:
  main:
    likelihood: poisson
    empty_bins: skip
    parameters: {{atmos_norm: {{start: 1.0, prior: {{gaussian: [1.0, 0.4]}}}}}}
    minos: []
    toys: {{n: 8}}
    feldman_cousins: {{parameter: astro_gamma, grid: [2.4, 2.8, 3.2], toys: 4}}
executor: {{kind: slurm, job: {{python: {python}}}}}
"""


def do_tasks(wanted: JournalledMap) -> int:
    """What jobs would do: every task by itself, from its pickles."""
    call = pickle.loads(pickle.dumps(Calls(wanted.functions)))
    for key, task in wanted.tasks.items():
        wanted.entries.write(key, call(pickle.loads(task.item)))
    return len(wanted.tasks)


def test_toys_from_a_journal_are_those_of_this_process(tmp_path: Path) -> None:
    study = ToyStudy(likelihood(), PUBLISHED, seed=3)
    here = run_toys(study, 5)
    with Journal(tmp_path / "journal") as entries:
        wanted = JournalledMap(entries, "depends")
        with pytest.raises(Later, match="ToyStudy: block 1 of 5"):
            run_toys(study, 5, execute=wanted)
        assert do_tasks(wanted) == 5
        again = JournalledMap(entries, "depends")
        assert identity(run_toys(study, 5, execute=again)) == identity(here)
        assert again.tasks == {}
        other = JournalledMap(entries, "a changed configuration")
        with pytest.raises(Later):
            run_toys(study, 5, execute=other)


def test_studies_that_do_not_wait_for_each_other_are_asked_for_together(tmp_path: Path) -> None:
    study = ToyStudy(likelihood(), PUBLISHED, seed=3)
    with Journal(tmp_path / "journal") as entries:
        wanted = JournalledMap(entries, "")
        with pytest.raises(Later):
            each([lambda: list(wanted(study, range(3))), lambda: list(wanted(abs, [1, 2]))])
        names = [task.name for task in wanted.tasks.values()]
        assert names == [
            *(f"ToyStudy: block {block} of 3" for block in (1, 2, 3)),
            "abs: block 1 of 2",
            "abs: block 2 of 2",
        ]
        assert len(wanted.functions) == 2


def test_combinations_of_a_dark_matter_campaign_as_jobs(tmp_path: Path) -> None:
    """One task for each combination; result and files are those of a campaign in this process."""
    common = shared()
    here = Campaigner(common, tmp_path / "here")
    expected = here.run(here.cases())
    with Journal(tmp_path / "journal") as entries:
        wanted = JournalledMap(entries, "")
        elsewhere = Campaigner(common, tmp_path / "elsewhere", spread=wanted)
        with pytest.raises(Later, match=r"work_out: block 1 of 2"):
            elsewhere.run(elsewhere.cases())
        assert do_tasks(wanted) == 2
        again = Campaigner(common, tmp_path / "elsewhere", spread=JournalledMap(entries, ""))
        assert repr(again.run(again.cases())) == repr(expected)
    for name in ("Nu_50.h5", "Mu_100.h5"):
        assert (tmp_path / "elsewhere" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "toys.yaml"
    path.write_text(CONFIG.format(folder=tmp_path, python=sys.executable))
    assert run_processor.main([str(path), "--executor", "iterative"]) == DONE
    return path


def results(config: Path) -> Any:
    return json.loads((load_config(config).output / "results.json").read_text())


def test_toys_and_feldman_cousins_by_the_door(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_fit.main([str(config), "--set", "executor.kind=iterative"]) == DONE
    here = results(config)
    monkeypatch.setenv("PATH", f"{install(tmp_path / 'pool')}{os.pathsep}{os.environ['PATH']}")
    (load_config(config).output / "results.json").unlink()
    capsys.readouterr()
    assert run_fit.main([str(config), "plan", "--jobs", "1"]) == DONE
    assert "1 jobs for 20 tasks" in capsys.readouterr().out
    assert run_fit.main([str(config), "collect"]) == INCOMPLETE
    assert "20 blocks of trials have not come back; `submit` again does what failed:\n  job 0 is not submitted" in capsys.readouterr().err
    assert run_fit.main([str(config), "submit"]) == DONE
    assert run_fit.main([str(config), "status"]) == DONE
    assert run_fit.main([str(config), "collect"]) == DONE
    assert results(config) == here
    assert run_fit.main([str(config), "plan", "--jobs", "1"]) == DONE
    assert "nothing is left to do" in capsys.readouterr().out
