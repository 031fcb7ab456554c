"""The response browser against the published tables that the surrogate is made of."""

from __future__ import annotations

import diffuse_case
import numpy as np
import pytest

from data_info.hese_tables import NODE_CENTRES_GEV, NODE_EDGES_GEV, load_tables
from fits.diffuse import prepare_all
from physics.binning import binning
from plotting.diffuse_response import effective_area_m2, migration, node_edges
from simulation.response_tables import energy_kernel, topology_fractions


@pytest.fixture(scope="module")
def response():
    return prepare_all(diffuse_case.config(), diffuse_case.hists(), diffuse_case.account())[0].response


def test_the_effective_area_is_the_published_one_times_the_share_that_is_selected(response) -> None:
    tables, fractions = load_tables(), topology_fractions()
    edges, areas = effective_area_m2(response)
    first = int(np.searchsorted(NODE_EDGES_GEV, edges[0] * 1.001)) - 1
    for number, flavour in enumerate(("nue", "numu", "nutau")):
        selected = sum(
            fractions[name][number] * energy_kernel(tables, name, NODE_CENTRES_GEV, channel.energy_edges_gev).sum(axis=1)
            for name, channel in binning("surrogate").items()
        )
        expected = (tables.flavour_area_m2[number] * selected)[first : first + len(areas[flavour])]
        np.testing.assert_allclose(areas[flavour], expected, rtol=4e-3)  # the recipe takes a node's flux at its centre
    assert set(areas) == {"nue", "numu", "nutau"}


def test_the_glashow_resonance_stands_out_for_electron_neutrinos_alone(response) -> None:
    edges, areas = effective_area_m2(response)
    peak = int(np.argmax(areas["nue"]))
    assert edges[peak] < 6.6e6  # W mass squared over twice the electron mass = 6.3 PeV lies in or beside the highest node
    assert edges[peak + 1] > 5.9e6
    assert areas["nue"][peak] > 8 * areas["numu"][peak]


@pytest.mark.parametrize("channel", ["cascade", "track", "dcascade"])
def test_shares_of_each_true_energy_add_to_one(response, channel: str) -> None:
    true, deposited, table = migration(response, channel)
    assert table.shape == (len(true) - 1, len(deposited) - 1)
    total = table.sum(axis=1)
    np.testing.assert_allclose(total[total > 0.0], 1.0, rtol=1e-12)
    assert len(deposited) == 22


def test_cascades_deposit_most_of_their_energy(response) -> None:
    true, deposited, table = migration(response, "cascade")
    centre = np.sqrt(deposited[1:] * deposited[:-1])
    for node in (30, 35, 40):
        energy = np.sqrt(true[node] * true[node + 1])
        assert 0.6 < centre[np.argmax(table[node])] / energy < 1.15  # a bin is 0.111 in log10


def test_gaps_between_nodes_stay_empty() -> None:
    class Gappy:
        ln_energy = np.array([0.5, 2.5])
        width = np.array([1.0, 1.0])

    edges, position = node_edges(Gappy())
    np.testing.assert_allclose(np.log(edges), [0.0, 1.0, 2.0, 3.0], atol=1e-9)
    assert position.tolist() == [0, 2]
