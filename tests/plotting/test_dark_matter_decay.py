"""A decay seen in two flavours, from files to figures, beside the annihilation with the same sky."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from dark_matter_run import SMALL, config
from figure_content import legend_words, texts_outside, words

from configs.schema import DarkMatterConfig
from data_info.dwarf_galaxies import select
from fits.stage import fit
from plotting.stage import planned
from processors.stage import process
from records.dark_matter import CombinationResult
from records.results import load_results

SOURCES = {"sources": {"catalogue": "factors.csv"}, "flavours": ["mu", "tau"], **SMALL, "compare": [], "workspaces": True}
HEADER = "name,ra_deg,dec_deg,rhalf_arcmin,log10_j_0p5,plus_0p5,minus_0p5"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> DarkMatterConfig:
    """Processed and fitted; the factors of six galaxies serve as J and as D."""
    folder = tmp_path_factory.mktemp("decay")
    rows = [f"{one.name},{one.galaxy.ra_deg},{one.galaxy.dec_deg},5.0,18.0,0.2,0.2" for one in select()[:6]]
    (folder / "factors.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    datasets = {
        "exp_2011": {"example": {"size": 2500}, "kind": "data", "season": 2011},
        "mc": {"example": {"size": 15_000}, "kind": "mc", "flavour": "mu"},
        "tau": {"example": {"size": 15_000}, "kind": "mc", "flavour": "tau"},
    }
    fits = {
        "main": {**SOURCES, "mode": "decay", "channels": {"Nu": [60, 100]}, "hepdata": True},
        "pairs": {**SOURCES, "channels": {"Nu": [50]}},
    }
    chosen = config(folder, datasets=datasets, fits=fits)
    process(chosen)
    fit(chosen)
    return chosen


@pytest.fixture(scope="module")
def results(done: DarkMatterConfig) -> dict[str, CombinationResult]:
    return load_results(done.output / "results.json")


def test_a_decay_is_the_annihilation_of_half_its_mass(results: dict[str, CombinationResult]) -> None:
    """Equal D and J: lifetime times events is T D A / (4 pi 2m), sigma-v of an event 8 pi m^2 / (T J A), and their product m."""
    decay, pairs = results["main.Nu_100"], results["pairs.Nu_50"]
    assert decay.window_gev == pairs.window_gev
    assert decay.sigma_n == pytest.approx(pairs.sigma_n, rel=1e-12)
    assert decay.per_event * pairs.per_event == pytest.approx(50.0, rel=1e-12)
    assert (decay.unit, pairs.unit) == ("s", "cm^3 s^-1")
    assert decay.limit.up == pytest.approx(decay.per_event / decay.limit.n_up, rel=1e-12)


def test_every_row_has_the_columns_of_its_quantity(done: DarkMatterConfig, results: dict[str, CombinationResult]) -> None:
    with (done.output / "limits.csv").open(newline="") as file:
        rows = {f"{row['fit']}.{row['channel']}_{row['mass']}": row for row in csv.DictReader(file)}
    assert (rows["main.Nu_100"]["sv_up"], rows["pairs.Nu_50"]["tau_lo"]) == ("", "")
    assert float(rows["main.Nu_100"]["tau_lo"]) == results["main.Nu_100"].limit.up
    assert float(rows["pairs.Nu_50"]["sv_up"]) == results["pairs.Nu_50"].limit.up
    assert [path.name for path in sorted((done.output / "hepdata").iterdir())] == ["main_Nu.yaml", "submission.yaml"]
    assert len(list((done.output / "workspaces").glob("*/*.json"))) == 3


def test_figures_speak_of_lifetimes_d_factors_and_both_flavours(done: DarkMatterConfig) -> None:
    todo = planned(done)
    assert {"effective_area", "tau.effective_area", "resolution", "tau.resolution", "limits_Nu", "pairs.limits_Nu"} <= set(todo.figures)
    drawn = {name: make() for name, make in todo.figures.items() if not name.startswith("pairs") or name == "pairs.limits_Nu"}
    for name, one in drawn.items():
        one.figure.set_dpi(30)
        assert not texts_outside(one.figure), name
    assert "(lower limit)" in drawn["limits_Nu"].figure.axes[0].get_ylabel()
    assert "Uncertainty of D: total" in words(drawn["limits_Nu"].figure)
    assert "Uncertainty of J: total" in words(drawn["pairs.limits_Nu"].figure)
    assert "D factors: factors.csv" in words(drawn["sources"].figure)
    assert "Dwarf galaxies, area by √D" in words(drawn["sky_Nu_60"].figure)
    assert "Share of D" in legend_words(drawn["acceptance_Nu_60"].figure.axes[1])
    numbers = drawn["limits_Nu"].numbers
    assert (np.diff([numbers[key] for key in ("minus_2", "median", "plus_2")], axis=0) >= 0.0).all()  # a band rises, of lifetimes too
