"""Pseudo data: Poisson counts with the right mean in every bin, places inside the selection, nothing where the simulation has nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from configs.diffuse import CustomBinning, Selection
from configs.errors import InputError
from data_info.hese_tables import NODE_CENTRES_GEV, load_tables
from physics.bin_search import bin_index
from physics.binning import MORPHOLOGY, binning
from physics.constants import HESE_LIVETIME_S
from simulation.diffuse import Sample
from simulation.pseudo_data import Expectation, draw, of_sample, of_surrogate
from simulation.surrogate import astro_response, atmospheric_background
from simulation.weights import PUBLISHED, expected, truth_values

SELECTION = Selection()


def counts(events: dict[str, np.ndarray], choice: str) -> dict[str, np.ndarray]:
    """Histogram by NumPy: channel -> (energy, third axis)."""
    result = {}
    for name, channel in binning(choice).items():
        here = events["recoMorphology"] == MORPHOLOGY[name]
        third = np.cos(events["recoZenith"]) if channel.third_axis == "reco_coszen" else events["recoLength"]
        result[name] = np.histogram2d(events["recoDepositedEnergy"][here], third[here], [channel.energy_edges_gev, channel.third_edges])[0]
    return result


def test_counts_follow_the_surrogate_expectation() -> None:
    """200 livetimes at once: counts per energy x channel against mu by a chi2 whose p-value is not extreme."""
    truth = {"astro_norm": 200 * PUBLISHED["astro_norm"], "astro_gamma": PUBLISHED["astro_gamma"], "atmos_norm": 200.0}
    drawn = counts(draw(of_surrogate(HESE_LIVETIME_S), truth, binning("surrogate"), SELECTION, 12), "surrogate")
    tables = load_tables()
    astro, atmosphere = astro_response(tables), atmospheric_background(tables)
    tilt = (NODE_CENTRES_GEV / 1e5) ** -(PUBLISHED["astro_gamma"] - 2.5)
    total, bins = 0.0, 0
    for name in astro:
        mu = truth["astro_norm"] * np.einsum("fibc,i->bc", astro[name], tilt) + 200 * atmosphere[name]
        large = mu > 10
        total += ((drawn[name][large] - mu[large]) ** 2 / mu[large]).sum()
        bins += large.sum()
        assert drawn[name].sum() == pytest.approx(mu.sum(), abs=5 * np.sqrt(mu.sum()))
    assert bins > 100
    assert 1e-3 < chi2(bins).sf(total) < 0.999


def test_data_lie_only_in_bins_that_the_simulation_fills() -> None:
    sample = Sample(2000, 4, HESE_LIVETIME_S)
    truth = {**PUBLISHED, "astro_norm": 60.0}
    drawn = draw(of_sample(sample, HESE_LIVETIME_S), truth, binning("official"), SELECTION, 1)
    blocks = list(sample.blocks())
    simulated = counts({name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}, "official")
    for name, observed in counts(drawn, "official").items():
        assert observed.sum() > 0
        assert not (observed > 0)[simulated[name] == 0].any()


@pytest.mark.parametrize("choice", ["official", "surrogate", "bootcamp"])
def test_every_data_event_is_selected(choice: str) -> None:
    """The official grid reaches to 1.29e7 GeV, the selection to 1e7."""
    source = of_surrogate(HESE_LIVETIME_S) if choice == "surrogate" else of_sample(Sample(5000, 2, HESE_LIVETIME_S), HESE_LIVETIME_S)
    events = draw(source, {"astro_norm": 500.0, "astro_gamma": 1.5, "atmos_norm": 1.0}, binning(choice), SELECTION, 9)
    assert len(events["recoZenith"]) > 1000
    assert events["recoDepositedEnergy"].min() >= 6e4
    assert events["recoDepositedEnergy"].max() <= 1e7
    assert events["recoDepositedEnergy"].max() > 9.9e6
    double = events["recoMorphology"] == 2
    assert np.isnan(events["recoLength"][~double]).all()
    assert ((events["recoLength"][double] >= 10) & (events["recoLength"][double] <= 1000)).all()
    assert double.any() == (choice != "bootcamp")


def test_events_do_not_copy_the_simulation() -> None:
    sample = Sample(5000, 2, HESE_LIVETIME_S)
    events = draw(of_sample(sample, HESE_LIVETIME_S), truth_values({}), binning("official"), SELECTION, 9)
    simulated = np.concatenate([block["recoDepositedEnergy"] for block in sample.blocks()])
    assert not np.isin(events["recoDepositedEnergy"], simulated).any()


def test_places_are_uniform_inside_a_bin() -> None:
    """Kolmogorov-Smirnov distance of 20000 events of one bin in ln E and cos zenith."""
    cell = Expectation(*(np.array([value]) for value in (1.0e5, 0.5, 1, np.nan, 1.0e5, 2.0e4, 0.0)))
    channels = binning("bootcamp")
    events = draw([cell], {"astro_norm": 1.0, "astro_gamma": 2.5, "atmos_norm": 0.0}, channels, SELECTION, 3)
    n = len(events["recoZenith"])
    assert n == pytest.approx(2e4, abs=5 * np.sqrt(2e4))
    edges = np.array(channels["track"].energy_edges_gev)
    here = bin_index(edges, [1.0e5])[0]
    low, high = np.log(edges[here - 1 : here + 1])
    for values in ((np.log(events["recoDepositedEnergy"]) - low) / (high - low), (np.cos(events["recoZenith"]) - 0.4) / 0.2):
        distance = np.abs(np.sort(values) - (np.arange(n) + 0.5) / n).max()
        assert distance < 1.95 / np.sqrt(n)  # 99.9 %


def test_draw_depends_on_the_seed_only() -> None:
    one, again, other = (draw(of_surrogate(HESE_LIVETIME_S), PUBLISHED, binning("surrogate"), SELECTION, seed) for seed in (1, 1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    assert len(one["recoZenith"]) != len(other["recoZenith"]) or not np.array_equal(one["recoZenith"], other["recoZenith"])


def test_expected_number_of_events_is_linear_in_the_norms() -> None:
    energy = np.array([5e4, 1e5, 2e6])
    astro, atmosphere = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 0.1])
    tilted = expected(astro, atmosphere, energy, {"astro_norm": 2.0, "astro_gamma": 3.5, "atmos_norm": 4.0})
    np.testing.assert_allclose(tilted, [2 * 1 * 2 + 2.0, 2 * 2.0, 2 * 3 / 20 + 0.4])


def test_one_own_binning_works() -> None:
    channels = binning(CustomBinning(energy_gev=[1e4, 1e5, 1e6], coszen=[-1, 0, 1], length_m=[10, 100, 1000]))
    selection = Selection(edep_min_gev=2e4, edep_max_gev=5e5)
    events = draw(of_sample(Sample(5000, 2, HESE_LIVETIME_S), HESE_LIVETIME_S), truth_values({"astro_norm": 50.0}), channels, selection, 9)
    assert events["recoDepositedEnergy"].min() >= 2e4
    assert events["recoDepositedEnergy"].max() <= 5e5


def test_truth_defaults_to_the_published_best_fit() -> None:
    assert truth_values({}) == {"astro_norm": 6.36488608, "astro_gamma": 2.87375956, "atmos_norm": 1.0}
    assert truth_values({"astro_gamma": 2.5})["astro_gamma"] == 2.5
    with pytest.raises(InputError, match=r"example\.truth\.atmos_norm: nan is not possible"):
        truth_values({"atmos_norm": float("nan")})
