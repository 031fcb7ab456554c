"""Processors of the user's own: found beside the configuration, shipped to workers, refused with a message that helps."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pyarrow.parquet as pq
import pytest
from engine_case import write_events

from configs.errors import InputError
from configs.schema import load_config
from processors import engine
from processors.executors import Executor
from processors.inputs import dataset_inputs
from processors.registry import build

MODULE = """
import hist
import numpy as np
from coffea.processor import ProcessorABC
import cuts

SCALE = 2.0

def weights(energy):
    return np.full(len(energy), SCALE)

class MySpectrum(ProcessorABC):
    def __init__(self, threshold=0.0, *, bins=10):
        if bins < 1:
            raise ValueError("bins must be positive")
        self.threshold, self.bins = threshold, bins

    def process(self, events):
        from late import label
        dataset = events.metadata["dataset"]
        kept = events[cuts.above(events.energy, self.threshold)]
        h = hist.Hist.new.StrCat([dataset], name="dataset").Reg(self.bins, 0, 10, name="energy", label=label()).Double()
        h.fill(dataset=dataset, energy=kept["energy"], weight=weights(kept.energy))
        return {"energy": h}

    def postprocess(self, accumulator):
        return accumulator

class NotAProcessor:
    pass

class Unfinished(ProcessorABC):
    pass
"""


@pytest.fixture(autouse=True)
def _own_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that a test adds to the search path go with it."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_module.py").write_text(MODULE)
    (tmp_path / "cuts.py").write_text("def above(x, threshold):\n    return x > threshold\n")
    (tmp_path / "late.py").write_text("def label():\n    return 'Energy'\n")
    for number in range(2):
        write_events(tmp_path / f"run_{number}.parquet", 30, number)
    write_config(tmp_path, "my_module.MySpectrum", "threshold: 2.0")
    return tmp_path


def write_config(folder: Path, name: str, options: str = "", more: str = "") -> None:
    (folder / "mine.yaml").write_text(
        f"name: mine\nanalysis: custom\noutput_dir: {folder}/out\nprocessor: {{class: {name}, options: {{{options}}}}}\n"
        f"datasets: {{mc: {{files: 'run_*.parquet', kind: mc}}}}\n{more}"
    )


def config_of(folder: Path, *overrides: str) -> Any:
    return load_config(folder / "mine.yaml", overrides)


@pytest.mark.parametrize("kind", ["iterative", "futures", "dask"])
def test_a_coffea_processor_from_a_file_works_with_every_executor(folder: Path, opened: dict[str, Executor], kind: str) -> None:
    config = config_of(folder, "executor.chunksize=20")
    hists = engine.run(dataset_inputs(config), config.executor, executor=opened[kind]).hists["mc"]
    energy = np.concatenate([pq.read_table(path)["energy"].to_numpy() for path in sorted(folder.glob("run_*.parquet"))])
    expected, _ = np.histogram(energy[energy > 2.0], bins=10, range=(0, 10))
    np.testing.assert_array_equal(hists["energy"]["mc", :].values(), 2.0 * expected)
    assert hists["energy"].axes["energy"].label == "Energy"


def test_options_become_keyword_arguments(folder: Path) -> None:
    write_config(folder, "my_module.MySpectrum", "threshold: 1.5, bins: 7")
    built = build(config_of(folder), "mc")
    assert (built.processor.threshold, built.processor.bins) == (1.5, 7)
    assert built.options == {"class": "my_module.MySpectrum", "options": {"threshold": 1.5, "bins": 7}}


def test_its_source_is_its_file_and_the_files_beside_it(folder: Path) -> None:
    names = {path.name for path in build(config_of(folder), "mc").source_files if path.is_relative_to(folder.resolve())}
    assert names == {"my_module.py", "cuts.py", "late.py"}


def test_the_class_travels_by_value(folder: Path) -> None:
    shipped = cloudpickle.dumps(build(config_of(folder), "mc").processor)
    for name in ("my_module", "cuts"):
        sys.modules.pop(name)
    sys.path.remove(str(folder.resolve()))
    assert importlib.util.find_spec("my_module") is None
    assert cloudpickle.loads(shipped).threshold == 2.0


def test_the_present_source_is_what_runs(folder: Path) -> None:
    """Neither modules that are imported already nor compiled files of the same size and second are trusted."""
    for scale in ("3.0", "4.0", "5.0"):
        (folder / "my_module.py").write_text(MODULE.replace("SCALE = 2.0", f"SCALE = {scale}"))
        build(config_of(folder), "mc")
        assert float(scale) == sys.modules["my_module"].SCALE
        (folder / "cuts.py").write_text(f"FACTOR = {scale}\ndef above(x, threshold):\n    return x > threshold\n")
        build(config_of(folder), "mc")
        assert float(scale) == sys.modules["cuts"].FACTOR


def test_two_folders_may_have_modules_of_the_same_name(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "my_module.py").write_text(MODULE.replace("SCALE = 2.0", "SCALE = 9.0"))
    (other / "cuts.py").write_text("")
    write_config(other, "my_module.MySpectrum")
    build(config_of(folder), "mc")
    build(config_of(other), "mc")
    assert sys.modules["my_module"].SCALE == 9.0
    assert not hasattr(sys.modules["cuts"], "above")


def test_a_package_beside_the_configuration_works(folder: Path) -> None:
    package = folder / "mine_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("from .constants import BINS\n" + MODULE.replace("bins=10", "bins=BINS"))
    (package / "constants.py").write_text("BINS = 3\n")
    write_config(folder, "mine_package.inner.MySpectrum")
    built = build(config_of(folder), "mc")
    assert built.processor.bins == 3
    assert {"mine_package/constants.py", "mine_package/__init__.py"} <= {
        str(path.relative_to(folder.resolve())) for path in built.source_files if path.is_relative_to(folder.resolve())
    }


def test_an_installed_module_works(folder: Path) -> None:
    write_config(folder, "engine_case.Spectrum", "bins: 4")
    assert build(config_of(folder), "mc").processor.bins == 4


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("MySpectrum", "", r"processor.class: MySpectrum: expected module.Class, e.g. my_module.MyProcessor with the class in my_module.py beside"),
        ("missing_module.MySpectrum", "", r"no module 'missing_module'; looked for .*missing_module.py and among the installed packages"),
        ("my_module.MySpektrum", "", r"my_module.py has no class 'MySpektrum'; did you mean 'MySpectrum'\?"),
        ("my_module.NotAProcessor", "", r"NotAProcessor in .*my_module.py is not a processor; derive it from coffea.processor.ProcessorABC"),
        ("my_module.weights", "", r"my_module.py has no class 'weights'; known: MySpectrum, NotAProcessor, Unfinished"),
        (
            "my_module.MySpectrum",
            "treshold: 1",
            r"cannot be made with the options \{'treshold': 1\} \(TypeError: .*unexpected keyword .*'treshold'\)",
        ),
        ("my_module.MySpectrum", "bins: 0", r"ValueError: bins must be positive\); processor.options are its keyword arguments"),
        ("my_module.Unfinished", "", r"cannot be made .*Can't instantiate abstract class Unfinished"),
        ("broken.MySpectrum", "", r"importing .*broken.py fails: SyntaxError"),
        ("raises.MySpectrum", "", r"importing .*raises.py fails: ModuleNotFoundError: No module named 'not_installed_here'"),
        ("physics.MySpectrum", "", r"a module of one's own cannot be called 'physics', the project has one of this name; rename .*physics.py"),
    ],
)
def test_what_cannot_be_built_is_explained(folder: Path, name: str, options: str, message: str) -> None:
    (folder / "broken.py").write_text("class MySpectrum(\n")
    (folder / "raises.py").write_text("import not_installed_here\n")
    (folder / "physics.py").write_text("")
    write_config(folder, name, options)
    with pytest.raises(InputError, match=message) as raised:
        build(config_of(folder), "mc")
    assert str(folder / "mine.yaml") in str(raised.value)


def test_the_processor_of_the_diffuse_analysis_is_built_from_its_options(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(
        "name: d\nanalysis: diffuse\nprocessor: {binning: bootcamp, moments: 1, pair_moments: 1}\n"
        "datasets: {mc: {files: x.json, kind: mc, format: toy_json}}\n"
    )
    built = build(load_config(tmp_path / "d.yaml"), "mc")
    assert type(built.processor).__name__ == "DiffuseProcessor"
    assert built.options["moments"] == 1
    names = {path.name for path in built.source_files}
    assert {"diffuse.py", "binning.py", "work.py"} <= names
