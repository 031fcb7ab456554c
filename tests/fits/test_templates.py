"""Binning of events: every event in one bin, merging keeps the sum, and what does not fit together is named."""

from __future__ import annotations

import numpy as np
import pytest
from composition_case import LIGHT, gaussian, gaussian_columns

from configs.errors import InputError
from configs.iwcd import FractionChannel
from fits.templates import OUTSIDE, Placed, bin_labels, bin_numbers, binned, place

ALL = {"shower": ["gamma", "e-"], "mu": ["mu-"]}


def test_bins_are_those_of_numpy_with_the_last_edge_inside() -> None:
    columns = gaussian_columns({"e-": 500}, 3)
    columns["mean_angle"][0], columns["charge"][0] = 50.0, 5000.0  # the upper corner
    cells = bin_numbers(columns, LIGHT)
    counts, _, _ = np.histogram2d(columns["mean_angle"], columns["charge"], bins=LIGHT[0].edges)
    assert np.array_equal(np.bincount(cells[cells >= 0], minlength=12), counts.ravel())
    assert cells[0] == 11
    assert len(bin_labels(LIGHT)) == 12
    assert bin_labels(LIGHT)[-1] == "mean_angle 44 to 50, charge 1100 to 5000"


def test_nan_is_outside() -> None:
    assert bin_numbers({"mean_angle": np.array([np.nan]), "charge": np.array([1000.0])}, LIGHT).tolist() == [OUTSIDE]


def test_light_yield_moves_charges_and_nothing_else() -> None:
    columns = gaussian_columns({"e-": 2000}, 4)
    placed = place(columns, LIGHT, 0.1)
    scaled = {**columns, "charge": 1.1 * columns["charge"]}
    assert placed.up is not None
    assert np.array_equal(placed.up, bin_numbers(scaled, LIGHT))
    assert place(columns, [FractionChannel(observables=["mean_angle"], edges=[[30, 40, 50]])], 0.1).up is None


@pytest.mark.parametrize("n_data", [30, 3000])
def test_merging_keeps_every_event_and_every_shape_normalised(n_data: int) -> None:
    found = binned(gaussian({"gamma": 300, "e-": 600, "mu-": 400}, 1), gaussian({"e-": n_data}, 2).nominal, ALL, bin_labels(LIGHT))
    assert found.counts.sum() + found.n_outside == n_data
    assert np.allclose(found.shapes.sum(axis=1), 1)
    assert (found.unit * found.shapes.sum(axis=0)).min() >= 0.5
    for varied in (found.up, found.down):
        assert varied is not None
        assert np.allclose(varied.sum(axis=1), 1)


def test_particles_of_a_group_have_equal_weight() -> None:
    one = FractionChannel(observables=["v"], edges=[[0, 1, 2]])
    columns = {"v": np.array([0.5] * 10 + [1.5] * 90), "particle": np.array(["gamma"] * 10 + ["e-"] * 90)}
    found = binned(place(columns, [one]), np.array([0, 0, 1, 1]), {"shower": ["gamma", "e-"]}, bin_labels([one]))
    assert np.allclose(found.shapes, [[0.5, 0.5]])
    assert np.allclose(found.events, [[10, 90]])


def test_bins_without_templates_are_told_of_and_refused_when_they_matter() -> None:
    one = [FractionChannel(observables=["v"], edges=[[0, 1, 2]])]
    template = Placed(np.array(["e-"] * 50), np.zeros(50, int))
    few, many = np.array([0] * 99 + [1]), np.array([0] * 50 + [1] * 50)
    assert binned(template, few, {"e": ["e-"]}, bin_labels(one)).notes == ("1 data events lie in bins where no template has an event",)
    with pytest.raises(InputError, match=r"50 of 100 data events lie outside all template bins .* lack a particle"):
        binned(template, many, {"e": ["e-"]}, bin_labels(one))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"mu": ["mu-"], "pi0": ["pi0"]}, r"groups\.pi0: no template for pi0 \(particles of the template sample: e-, gamma, mu-\)"),
        ({"mu": []}, r"groups\.mu: no template for this group"),
        ({"a": ["e-"], "b": ["e-", "mu-"]}, r"groups: e- stands in more than one place"),
    ],
)
def test_groups_without_template_are_named(groups: dict[str, list[str]], message: str) -> None:
    sample = gaussian({"gamma": 50, "e-": 50, "mu-": 50}, 1)
    with pytest.raises(InputError, match=message):
        binned(sample, sample.nominal, groups, bin_labels(LIGHT))


def test_samples_outside_the_edges_are_refused() -> None:
    sample = gaussian({"gamma": 50, "e-": 50, "mu-": 50}, 1)
    with pytest.raises(InputError, match="none of the 3 data events lies in the bins"):
        binned(sample, np.full(3, OUTSIDE), ALL, bin_labels(LIGHT))
    lost = Placed(sample.particle, np.where(sample.particle == "mu-", OUTSIDE, sample.nominal))
    with pytest.raises(InputError, match=r"groups\.mu: 0 template events in the bins"):
        binned(lost, sample.nominal, ALL, bin_labels(LIGHT))
    muons = np.flatnonzero(sample.particle == "mu-")[1:]
    single = Placed(np.delete(sample.particle, muons), np.delete(sample.nominal, muons))
    with pytest.raises(InputError, match=r"groups\.mu: 1 template events in the bins of the channels, at least 2 are needed"):
        binned(single, sample.nominal, ALL, bin_labels(LIGHT))


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ([], "channels: none is given"),
        ([FractionChannel(observables=["mean_angle"], edges=[[1, 2], [1, 2]])], r"channels\.0: 1 observables and 2 lists of edges"),
        ([FractionChannel(observables=["mean_angl"], edges=[[1, 2]])], r"channels\.0: the events have no column 'mean_angl'.*mean_angle"),
        ([FractionChannel(observables=["charge"], edges=[[2, 1]])], r"channels\.0: edges of charge do not ascend"),
        ([*LIGHT, *LIGHT], r"channels\.1: \d+ events lie in an earlier channel too"),
    ],
)
def test_impossible_channels_are_refused(channels: list[FractionChannel], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bin_numbers(gaussian_columns({"e-": 100}, 1), channels)
