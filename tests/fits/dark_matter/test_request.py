"""Fits that no events could answer are refused before events are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import run_processor
from configs.errors import InputError
from configs.schema import ANALYSES, load_config
from fits.dark_matter.request import check

CONFIGS = Path(__file__).parents[3] / "configs"
DATASETS = {
    "a": {"kind": "data", "season": 2012, "files": ["a.npy"], "livetime_days": 300.0},
    "b": {"kind": "data", "season": 2013, "files": ["b.npy"], "livetime_days": 300.0},
    "mc": {"kind": "mc", "files": ["mc.npy"]},
}
D_FACTORS = "name,ra_deg,dec_deg,log10_j_0p5,plus_0p5,minus_0p5\nDraco,260.0,57.9,18.0,0.1,0.1\n"


def configuration(source: Path = Path("mine.yaml"), processor: Any = None, datasets: Any = None, **fit: Any) -> Any:
    config = {"name": "test", "analysis": "dark_matter", "datasets": datasets or DATASETS, "processor": processor or {}, "fits": {"main": fit}}
    return ANALYSES["dark_matter"].model_validate(config).model_copy(update={"source": source})


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt channel": ({"channels": {"bb": [100]}}, r"mine.yaml: fits.main.channels: bb at 100 GeV: channel 'bb' is not in .*; did you mean 'b'\?"),
    "mass outside the table": ({"channels": {"b": [100], "Tau": [400]}}, "Tau at 400 GeV: .* has spectra for 5 to 300 GeV; 400 GeV is outside"),
    "mass below the threshold": ({"channels": {"W": [50]}}, "W at 50 GeV: .* has spectra for 90 to 300 GeV"),
    "mass without window": ({"channels": {"Tau": [60]}}, "Tau at 60 GeV: no window .* give one in window.rule, or window.rule: optimise"),
    "window above the histograms": (
        {"channels": {"b": [10]}, "window": {"rule": {"b": {10: [0, 900]}}}},
        "window.rule.b.10: 0-900 GeV ends above 500 GeV",
    ),
    "range of windows": ({"window": {"rule": "optimise", "range": [10, 5]}}, "fits.main.window.range: 10 to 5 GeV; expected two rising energies"),
    "galaxy": ({"sources": {"exclude": ["Wilman1"]}}, "fits.main.sources.exclude: 'Wilman1' is not in the catalogue 29dg; did you mean 'Willman1'"),
    "list of galaxies": ({"sources": {"catalogue": "none.csv"}}, "fits.main.sources.catalogue: none.csv: neither 29dg nor lvdb; none.csv: no such"),
    "flavour without simulation": ({"flavours": ["e", "mu"]}, r"fits.main.flavours: a \(season 2012\) has no simulation of nu_e; add a data set"),
    "decay with J factors": ({"mode": "decay"}, "fits.main.mode: decay needs D factors, the catalogue 29dg has J factors"),
    "spectra without file": ({"spectra": {"source": "table"}}, "fits.main.spectra.path: give the CSV file of your spectra"),
    "some mixing angles": ({"oscillation": {"sin2_12": 0.3}}, "fits.main.oscillation: give all of sin2_12"),
    "mixture of nothing known": ({"branching": {"half": {"b": 0.5, "tau": 0.5}}}, "branching.half: 'tau' is not a channel of .*did you mean 'Tau'"),
    "mixture of itself": ({"branching": {"b": {"b": 0.5, "Tau": 0.5}}}, "branching.b: is a channel of .*give the mixture a name of its own"),
    "shares": ({"branching": {"half": {"b": 0.5, "Tau": 0.4}}}, "branching.half: the shares sum to 0.9, not to 1"),
    "reference without counts": ({"likelihood": {"type": "reference"}}, "likelihood.type: reference needs .*processor.reference: true"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_requests(name: str) -> None:
    fit, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        check(configuration(**fit))


def test_simulation_must_reach_the_mass() -> None:
    """Neutrinos above the histogram of the simulation would be missing from the signal without a word."""
    reached = {"true_energy_log10": (0.0, 1.5)}
    with pytest.raises(InputError, match="Nu at 50 GeV: neutrinos have up to 50 GeV, simulation is filled up to 31.62 GeV; widen"):
        check(configuration(processor=reached, channels={"Nu": [50]}))
    check(configuration(processor=reached, channels={"Nu": [30]}))


def test_simulation_of_one_season_is_not_that_of_all() -> None:
    datasets = {**DATASETS, "e": {"kind": "mc", "flavour": "e", "files": ["e.npy"], "seasons": [2012]}}
    with pytest.raises(InputError, match=r"flavours: b \(season 2013\) has no simulation of nu_e"):
        check(configuration(datasets=datasets, flavours=["mu", "e"]))
    check(configuration(datasets={**datasets, "e": {**datasets["e"], "seasons": [2012, 2013]}}, flavours=["mu", "e"]))


def test_what_can_be_answered_passes(tmp_path: Path) -> None:
    """The configurations; a decay, whose neutrinos have half the mass; windows at any mass; a list of galaxies beside the configuration."""
    for name in ("dark_matter.yaml", "dark_matter_example.yaml"):
        check(load_config(CONFIGS / name))
    (tmp_path / "own.csv").write_text(D_FACTORS)
    decay = {"mode": "decay", "sources": {"catalogue": "own.csv"}, "channels": {"Tau": [600]}}
    check(configuration(source=tmp_path / "mine.yaml", **decay))
    check(configuration(channels={"b": [62.5]}, window={"rule": {"b": {62.5: [0, 60]}}}))
    check(configuration(channels={"half": [100]}, branching={"half": {"b": 0.5, "Nu": 0.5}}, window={"rule": "optimise"}))


def test_no_event_is_read_for_a_wrong_channel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The door refuses before files are looked for: these do not exist."""
    wrong = ["--set", f"output_dir={tmp_path}", "--set", "fits.main.channels={mu: [100]}"]
    assert run_processor.main([str(CONFIGS / "dark_matter.yaml"), *wrong]) == 1
    assert "fits.main.channels: mu at 100 GeV: channel 'mu' is not in" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
