"""The published fit: its numbers stand in one table, and a configuration is recognised by its events."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from configs.errors import InputError
from configs.schema import DiffuseConfig, load_config
from data_info.published_fit import published_fit, read_published_fit
from fits.official_parameters import NUISANCES

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MC = {"kind": "mc", "format": "surrogate"}


def config(data: dict, **more) -> DiffuseConfig:
    datasets = {"data": {"kind": "data", "format": "hese_json", **data}, "mc": MC, **more.pop("datasets", {})}
    return DiffuseConfig.model_validate({"name": "case", "analysis": "diffuse", "datasets": datasets, "processor": {"binning": "surrogate"}, **more})


def test_the_published_parameters_are_those_of_the_release_s_fit() -> None:
    """Specification 4.2: eleven parameters, of which two have published errors; -ln L 122.9592."""
    found = read_published_fit("hese75")
    assert set(found.best_fit) == {"astro_norm", "astro_gamma", *set(NUISANCES) - {"atmos_norm"}}
    assert len(found.best_fit) == 11
    assert found.intervals == {"astro_gamma": (2.87, 0.19, 0.20), "astro_norm": (6.37, 1.62, 1.46)}
    assert (found.best_fit["astro_gamma"], found.best_fit["astro_norm"]) == (2.87375956, 6.36488608)
    assert (found.best_fit["prompt_norm"], found.best_fit["epsilon_dom"]) == (0.0, 0.95192328)
    assert found.nll == 122.95919881139868
    assert "2011.03545" in found.source


def test_prior_part_at_the_published_best_fit_g7() -> None:
    """-6.4640022923 + 0.1507115147: the table's digits are those of the release."""
    found = read_published_fit("hese75")
    priors = {name: one.prior for name, one in NUISANCES.items() if name in found.best_fit and one.prior is not None}
    assert sum(prior.quadratic(found.best_fit[name]) for name, prior in priors.items()) == pytest.approx(0.1507115147, abs=1e-9)
    assert sum(prior.constant for prior in priors.values()) == pytest.approx(-6.4640022923, abs=1e-9)


@pytest.mark.parametrize("name", ["diffuse.yaml", "diffuse_release.yaml"])
def test_shipped_configurations_are_recognised_and_hold_no_published_numbers(name: str) -> None:
    shipped = load_config(CONFIGS / name)
    assert published_fit(shipped) is read_published_fit("hese75")
    assert all(not fit.published for fit in shipped.fits.values())


def test_generated_events_and_a_second_data_set_are_not_the_published_ones() -> None:
    assert published_fit(load_config(CONFIGS / "diffuse_example.yaml")) is None
    catalogue = {"catalogue": "hese/HESE_data.json"}
    assert published_fit(config(catalogue)) is not None
    assert published_fit(config(catalogue, datasets={"more": {"kind": "data", **catalogue}})) is None
    assert published_fit(config({"files": ["/no/such/file.json"]})) is None


def test_the_key_says_it_where_the_file_does_not() -> None:
    own = {"files": ["converted.parquet"]}
    assert published_fit(config(own)) is None
    assert published_fit(config(own, compare="hese75")) is not None
    assert published_fit(config({"catalogue": "hese/HESE_data.json"}, compare=None)) is None


def test_an_unknown_publication_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text((CONFIGS / "diffuse.yaml").read_text() + "\ncompare: hese12\n")
    with pytest.raises(InputError, match=r"compare.*'auto' or 'hese75'"):
        load_config(path)


@pytest.mark.public_data
def test_a_copy_under_another_name_is_recognised_by_its_digest(public_data, tmp_path: Path) -> None:
    shutil.copy(public_data / "hese" / "HESE_data.json", tmp_path / "events.json")
    assert published_fit(config({"files": [str(tmp_path / "events.json")]})) is read_published_fit("hese75")
    (tmp_path / "other.json").write_text((tmp_path / "events.json").read_text().replace("0", "1", 1))  # as long, with other content
    assert published_fit(config({"files": [str(tmp_path / "other.json")]})) is None
