"""Files that the generators write: exact key names and literals, read back unchanged, whole or not at all, made again only when needed."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from configs.errors import InputError
from configs.schema import ANALYSES, Config
from physics.constants import HESE_LIVETIME_S
from readers import open_source
from simulation import registry
from simulation.diffuse import COLUMNS, Sample
from simulation.formats import write_hese_json, write_parquet, write_toy_json
from simulation.registry import generate
from simulation.weights import TOY_COLUMNS, as_toy

SAMPLE = Sample(300, 3, HESE_LIVETIME_S)


def columns_of(sample: Sample) -> dict[str, np.ndarray]:
    blocks = list(sample.blocks())
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def configuration(datasets: dict, **changes) -> Config:
    given = {"name": "test", "analysis": "diffuse", "seed": 5, "datasets": datasets, **changes}
    return ANALYSES[given["analysis"]].model_validate(given)


def mc(form: str, size: int = 300, **changes) -> dict:
    return {"kind": "mc", "format": form, "metadata": {"livetime_s": HESE_LIVETIME_S}, "example": {"size": size}, **changes}


def data(form: str, **example) -> dict:
    return {"kind": "data", "format": form, "metadata": {"livetime_s": HESE_LIVETIME_S}, "example": example}


def test_release_files_have_its_keys_and_the_literal_nan(tmp_path: Path) -> None:
    paths = write_hese_json(tmp_path, COLUMNS, SAMPLE.blocks())
    assert [path.name for path in paths] == ["HESE_mc_observable.json", "HESE_mc_flux.json", "HESE_mc_truth.json"]
    assert '"recoLength": [NaN' in paths[0].read_text() or ", NaN" in paths[0].read_text()
    written = {key: value for path in paths for key, value in json.loads(path.read_text()).items()}
    for name, values in columns_of(SAMPLE).items():
        np.testing.assert_array_equal(np.array(written[name], dtype=values.dtype), values)  # shortest repr: exact
    assert all(isinstance(value, int) for name in ("recoMorphology", "primaryType") for value in written[name])


def test_release_files_through_the_reader(tmp_path: Path) -> None:
    paths = write_hese_json(tmp_path, COLUMNS, SAMPLE.blocks())
    with open_source(paths, "hese_json") as source:
        assert len(source) == SAMPLE.entries
        events = source.events(100, 200)
        np.testing.assert_array_equal(events.recoZenith.to_numpy(), columns_of(SAMPLE)["recoZenith"][100:200])


def test_exercise_file_has_the_known_mapping(tmp_path: Path) -> None:
    """Specification 2.1: the column order of the known files."""
    path = write_toy_json(tmp_path / "toy.json", TOY_COLUMNS, (as_toy(block, HESE_LIVETIME_S) for block in SAMPLE.blocks()))
    content = json.loads(path.read_text())
    assert content["mapping"] == {
        "astroWeight": 0, "atmoWeight": 1, "energy": 2, "primaryEnergy": 3, "primaryZenith": 4, "topology": 5, "zenith": 6,
    }  # fmt: skip
    rows = np.array(content["events"])
    assert rows.shape == (SAMPLE.entries, 7)
    release = columns_of(SAMPLE)
    np.testing.assert_array_equal(rows[:, 5], release["recoMorphology"] == 1)
    astro = HESE_LIVETIME_S * release["weightOverFluxOverLivetime"] * 1e-18 / 6 * (release["primaryEnergy"] / 1e5) ** -2.5
    np.testing.assert_allclose(rows[:, 0], astro, rtol=1e-12)
    with open_source(path, "toy_json") as source:
        np.testing.assert_array_equal(source.events(0, len(source)).energy.to_numpy(), rows[:, 2])


def test_parquet_has_one_row_group_a_block_and_units(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "mc.parquet", SAMPLE.blocks(), {"statement": "words"})
    with open_source(path) as source:
        assert len(source) == SAMPLE.entries
        assert source.columns["weightOverFluxOverLivetime"].unit == "GeV sr cm^2"
        assert source.attributes["statement"] == "words"
        np.testing.assert_array_equal(source.events(0, len(source)).primaryType.to_numpy(), columns_of(SAMPLE)["primaryType"])


@pytest.mark.parametrize("write", ["hese_json", "toy_json", "parquet"])
def test_memory_of_the_writers_is_one_block(tmp_path: Path, write: str) -> None:
    """Ten times the events, the same peak."""
    columns = {"many.json": ("energy", "topology")}

    def blocks(n: int) -> Iterator[dict[str, np.ndarray]]:
        for k in range(n):
            yield {"energy": np.linspace(k, k + 1, 20_000), "topology": np.arange(20_000)}

    def run(n: int) -> int:
        tracemalloc.start()
        if write == "hese_json":
            write_hese_json(tmp_path / f"{n}", columns, blocks(n))
        elif write == "toy_json":
            write_toy_json(tmp_path / f"{n}.json", columns["many.json"], blocks(n))
        else:
            write_parquet(tmp_path / f"{n}.parquet", blocks(n), {})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    run(1)
    assert run(20) < 1.5 * run(2)


def test_a_failing_generator_leaves_the_old_file_and_no_scrap(tmp_path: Path) -> None:
    def failing() -> Iterator[dict[str, np.ndarray]]:
        yield {"energy": np.ones(3)}
        raise RuntimeError("the disk is full")

    old = write_toy_json(tmp_path / "toy.json", ("energy",), [{"energy": np.zeros(2)}])
    before = old.read_bytes()
    for write in (
        lambda: write_toy_json(old, ("energy",), failing()),
        lambda: write_hese_json(tmp_path, {"a.json": ("energy",)}, failing()),
        lambda: write_parquet(tmp_path / "b.parquet", failing(), {}),
    ):
        with pytest.raises(RuntimeError, match="the disk is full"):
            write()
    assert old.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["toy.json"]


@pytest.mark.parametrize(
    ("dataset", "files"),
    [
        (mc("hese_json"), ["HESE_mc_observable.json", "HESE_mc_flux.json", "HESE_mc_truth.json"]),
        (mc("toy_json"), ["hese_toy_simulation.json"]),
        (mc("parquet"), ["HESE_mc.parquet"]),
        ({"kind": "mc", "format": "surrogate"}, ["surrogate.parquet"]),
        (data("hese_json"), ["HESE_data.json"]),
        (data("toy_json"), ["hese_toy_data.json"]),
        (data("parquet"), ["HESE_data.parquet"]),
        ({"kind": "data", "example": {}}, ["HESE_data.json"]),
    ],
)
def test_files_of_every_form(tmp_path: Path, dataset: dict, files: list[str]) -> None:
    config = configuration({"sample": dataset, **({"mc": mc("hese_json")} if dataset["kind"] == "data" else {})})
    paths = generate(config, "sample", tmp_path)
    assert [path.name for path in paths] == files
    assert all(path.parent == tmp_path / "sample" for path in paths)
    with open_source(paths if len(paths) > 1 else paths[0]) as source:
        assert len(source) > 0


def stamps(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_files_are_kept_while_the_options_are_the_same(tmp_path: Path) -> None:
    config = configuration({"mc": mc("toy_json")})
    paths = generate(config, "mc", tmp_path)
    before = stamps(tmp_path / "mc")
    assert generate(config, "mc", tmp_path) == paths
    assert stamps(tmp_path / "mc") == before


@pytest.mark.parametrize(
    "change", [{"seed": 6}, {"datasets": {"mc": mc("toy_json", size=301)}}, {"datasets": {"mc": mc("toy_json", metadata={"livetime_s": 1e8})}}]
)
def test_other_options_make_the_files_again(tmp_path: Path, change: dict) -> None:
    generate(configuration({"mc": mc("toy_json")}), "mc", tmp_path)
    before = (tmp_path / "mc" / "hese_toy_simulation.json").read_bytes()
    generate(configuration(**{"datasets": {"mc": mc("toy_json")}, **change}), "mc", tmp_path)
    assert (tmp_path / "mc" / "hese_toy_simulation.json").read_bytes() != before


def test_truth_and_binning_make_data_again_but_not_simulation(tmp_path: Path) -> None:
    def run(truth: dict[str, float], binning: str) -> tuple[bytes, dict[str, int]]:
        config = configuration({"mc": mc("hese_json"), "data": data("hese_json", truth=truth)}, processor={"binning": binning})
        for name in ("mc", "data"):
            generate(config, name, tmp_path)
        return (tmp_path / "data" / "HESE_data.json").read_bytes(), stamps(tmp_path / "mc")

    first, simulation = run({"astro_norm": 6.0}, "official")
    second, same = run({"astro_norm": 7.0}, "official")
    third, _ = run({"astro_norm": 7.0}, "bootcamp")
    assert len({first, second, third}) == 3
    assert simulation == same


def test_damaged_or_missing_files_are_made_again(tmp_path: Path) -> None:
    config = configuration({"mc": mc("toy_json")})
    (path,) = generate(config, "mc", tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    generate(config, "mc", tmp_path)
    assert path.read_bytes() == whole
    path.unlink()
    generate(config, "mc", tmp_path)
    assert path.read_bytes() == whole
    (tmp_path / "mc" / registry.OPTIONS_FILE).write_text("{")
    generate(config, "mc", tmp_path)
    assert json.loads((tmp_path / "mc" / registry.OPTIONS_FILE).read_text())["files"] == {path.name: len(whole)}


def test_changed_generator_code_makes_the_files_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration({"mc": mc("toy_json")})
    (path,) = generate(config, "mc", tmp_path)
    before = path.stat().st_mtime_ns
    monkeypatch.setattr(registry, "_code_digest", lambda: "other")
    generate(config, "mc", tmp_path)
    assert path.stat().st_mtime_ns != before


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (mc("hese_jsn"), r"datasets.sample.format: no generated mc in the form 'hese_jsn'; did you mean 'hese_json'\?"),
        (data("surrogate"), r"no generated data in the form 'surrogate'"),
        (
            data("hese_json", truth={"astro_gama": 2.5}),
            r"example.truth: 'astro_gama' is not a parameter of the generated data; did you mean 'astro_gamma'\?",
        ),
        (data("hese_json", truth={"astro_norm": -1.0}), r"example.truth.astro_norm: -1 is not possible"),
        (data("hese_json", size=100), r"datasets.sample.example.size: the number of data events follows from truth and livetime; remove size"),
        (mc("hese_json", example={"truth": {"astro_norm": 6.0}}), r"datasets.sample.example.truth: only data are drawn at a truth"),
        (mc("hese_json", metadata={"livetime_s": 0}), r"metadata.livetime_s is 0; give the livetime"),
        (mc("hese_json", metadata={"livetime_s": "long"}), r"metadata.livetime_s is 'long'"),
    ],
)
def test_impossible_requests_are_refused(tmp_path: Path, dataset: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        generate(configuration({"sample": dataset}), "sample", tmp_path)


def test_an_analysis_without_generator_is_refused(tmp_path: Path) -> None:
    config = configuration({"mc": mc("parquet")}, analysis="custom", processor={"class": "mine.Mine"})
    with pytest.raises(InputError, match=r"datasets\.mc: analysis 'custom' has no generator; give files: instead of example:"):
        generate(config, "mc", tmp_path)
