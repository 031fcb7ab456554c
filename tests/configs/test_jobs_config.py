"""Options of jobs as people write them in YAML, and the commands on the line."""

from __future__ import annotations

from pathlib import Path

import pytest

import run_processor
from configs.errors import InputError
from configs.schema import load_config

TEXT = """
name: one
analysis: custom
datasets: {{mc: {{files: [a.root], kind: mc}}}}
processor: {{class: a.B}}
executor: {{kind: slurm, job: {{{}}}}}
"""


def job(tmp_path: Path, text: str) -> object:
    (tmp_path / "one.yaml").write_text(TEXT.format(text))
    return load_config(tmp_path / "one.yaml").executor.job


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("8:00:00", "08:00:00"),
        ('"8:00:00"', "8:00:00"),
        ("01:30:00", "01:30:00"),
        ("2-12:00:00", "2-12:00:00"),
        ("90", "00:01:30"),
        ("100:00:00", "100:00:00"),
    ],
)
def test_times_with_and_without_quotes(tmp_path: Path, written: str, meant: str) -> None:
    """YAML takes 8:00:00 for a number of seconds."""
    assert job(tmp_path, f"walltime: {written}").walltime == meant  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("walltime: tomorrow", r"executor.job.walltime: .*'tomorrow'"),
        ("memory: 3", r"executor.job.memory: unknown key; did you mean 'memory_mb'\?"),
        ('queue: "a\\nb"', r"executor.job.queue: "),
        ('environment: ["A=1"]', r"executor.job.environment.0: "),
        ("filesystem: nfs", r"executor.job.filesystem: .*'shared' or 'transfer'"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        job(tmp_path, text)


@pytest.mark.parametrize("shard", ["3/3", "x", "1", "-1/2"])
def test_a_shard_that_is_none_is_wrong_usage(shard: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_processor.main([f"--shard={shard}"])
    assert "is not K/N with K from 0 to N - 1" in capsys.readouterr().err


def test_plan_needs_a_number_of_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job(tmp_path, "")
    assert run_processor.main([str(tmp_path / "one.yaml"), "plan"]) == 1
    assert "plan: say into how many jobs the work is to be cut: plan --jobs N" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["submit", "status", "collect"])
def test_commands_before_a_plan(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.root").touch()
    job(tmp_path, "")
    assert run_processor.main(["--set", f"output_dir={tmp_path}", str(tmp_path / "one.yaml"), "--set", "executor.kind=futures", command]) == 1
    told = capsys.readouterr().err
    assert "no batch is planned here; begin with `plan --jobs N`" in told or (command == "submit" and "on PATH: condor_submit or sbatch" in told)
