"""The configurations of the dark-matter analysis."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.dark_matter import Campaign, Processor
from configs.errors import InputError
from configs.schema import load_config
from data_info.files import find_files
from fits.dark_matter.windows import given

CONFIGS = Path(__file__).parents[2] / "configs"


def test_44_channels_and_masses_each_with_its_published_window() -> None:
    config = load_config(CONFIGS / "dark_matter.yaml")
    fit = config.fits["main"]
    combinations = [(channel, mass) for channel, masses in fit.channels.items() for mass in masses]
    assert len(combinations) == 44
    assert all(given(fit.window.rule, channel, mass).high <= 500 for channel, mass in combinations)


def test_what_the_file_says_are_the_defaults() -> None:
    config = load_config(CONFIGS / "dark_matter.yaml")
    assert config.fits["main"] == Campaign()
    assert config.processor == Processor()
    assert (config.executor.kind, config.executor.workers) == ("futures", 2)  # 44 combinations are not for one core


def test_absent_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path))
    config = load_config(CONFIGS / "dark_matter.yaml")
    with pytest.raises(InputError, match="datasets.mc.files: no file matches 'IC86_2013_MC.npy'; looked in"):
        find_files("mc", config.datasets["mc"], config.source)


def test_example_is_blind_and_has_seven_seasons() -> None:
    config = load_config(CONFIGS / "dark_matter_example.yaml")
    assert config.processor.blind
    assert sorted(one.season for one in config.datasets.values() if one.kind == "data") == list(range(2011, 2018))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("processor.ow_convention=per_typ", "Input should be 'per_type', 'nu_plus_nubar' or 'reference'"),
        ("processor.energy_scale={2016: -1}", r"Input should be greater than 0 \(given: -1\)"),
        ("datasets.exp_2011.livetime_days=0", r"Input should be greater than 0 \(given: 0\)"),
        ("datasets.mc.flavour=nu", "Input should be 'e', 'mu' or 'tau'"),
        ("datasets.mc.season_=2012", "unknown key; did you mean 'seasons?'"),
        ("fits.main.channels={b: [-5]}", r"Input should be greater than 0 \(given: -5\)"),
        ("fits.main.channels={}", "Dictionary should have at least 1 item"),
        ("fits.main.statistics.cl=90", r"Input should be less than 1 \(given: 90\)"),
    ],
)
def test_wrong_options(override: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"{override.partition('=')[0]}.*: {message}"):
        load_config(CONFIGS / "dark_matter.yaml", [override])
