"""The plotting stage: files, determinism, what is refused, the manifest."""

from __future__ import annotations

import json

import diffuse_case
import hist
import numpy as np
import pytest

from configs.errors import InputError
from configs.schema import CustomConfig
from plotting.stage import plot
from records.hists import save_hists
from records.manifest import load_manifest


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run")
    diffuse_case.write(directory)
    return directory


def few(output, **plots):
    return diffuse_case.config(str(output)).model_copy(
        update={"plots": diffuse_case.config(str(output)).plots.model_copy(update={"figures": ["correlation", "length"], **plots})}
    )


def test_images_and_numbers_are_written_and_the_manifest_says_what(output) -> None:
    seen = []
    paths = plot(few(output, formats=["png", "pdf"]), progress=lambda what, done, total: seen.append((what, done, total)))
    figures = output / "case" / "figures"
    assert [path.relative_to(figures).as_posix() for path in paths] == [
        f"{name}.{suffix}" for name in ("correlation", "energy_only.correlation") for suffix in ("png", "pdf", "json")
    ]
    assert all(path.stat().st_size > 100 for path in paths)
    assert seen[-1] == ("figures", 2, 2)
    assert paths.skipped == {"length": "no topology is binned in length (binning: official)"}
    entry = load_manifest(output / "case")["stages"]["plot"]
    assert entry["figures"] == ["correlation", "energy_only.correlation"]
    assert entry["skipped"] == paths.skipped
    np.testing.assert_allclose(json.loads(paths[2].read_text())["correlation"], diffuse_case.results()["main"].correlation)


def test_a_second_run_gives_the_same_bytes_and_removes_what_it_does_not_draw(output) -> None:
    first = {path.name: path.read_bytes() for path in plot(few(output, formats=["png", "pdf"]))}
    (output / "case" / "figures" / "old.png").write_bytes(b"")
    second = {path.name: path.read_bytes() for path in plot(few(output, formats=["png", "pdf"]))}
    assert first == second
    assert {path.name for path in (output / "case" / "figures").iterdir()} == set(second)


def test_nothing_to_draw_is_an_error_with_the_reasons(output) -> None:
    with pytest.raises(InputError, match=r"nothing to draw \(length: no topology is binned in length"):
        plot(few(output, figures=["length"]))


def test_missing_files_name_the_command_that_makes_them(tmp_path) -> None:
    config = diffuse_case.write(tmp_path)
    (config.output / "results.json").unlink()
    with pytest.raises(InputError, match=r"results.json: not there; run: python run_fit.py .*config.yaml"):
        plot(config)
    (config.output / "hists.h5").unlink()
    with pytest.raises(InputError, match=r"hists.h5: not there, so there is nothing to draw; run: python run_processor.py .*config.yaml"):
        plot(config)


def test_a_custom_analysis_is_drawn_without_results(tmp_path) -> None:
    config = CustomConfig.model_validate(
        {
            "name": "own",
            "analysis": "custom",
            "output_dir": str(tmp_path),
            "datasets": {"mc": {"files": "a.root", "kind": "mc"}},
            "processor": {"class": "mine.Mine"},
        }
    )
    save_hists(config.output / "hists.h5", {"mc": {"hits": hist.Hist(hist.axis.Regular(4, 0, 4, name="x")).fill([1, 2])}})
    (config.output / "processing.json").write_text(json.dumps({**diffuse_case.account(), "histogram_digest": None}))
    assert [path.name for path in plot(config)] == ["mc.hits.png", "mc.hits.pdf", "mc.hits.json"]
