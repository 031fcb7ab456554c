"""The response browser against the published tables that the surrogate is made of."""

from __future__ import annotations

import diffuse_case
import numpy as np
import pytest
from figure_content import legend_words, texts_outside

from data_info.hese_tables import NODE_CENTRES_GEV, NODE_EDGES_GEV, load_tables
from fits.diffuse import prepare_all
from fits.effective_areas import Areas
from physics.binning import binning
from plotting.diffuse import fit_views
from plotting.diffuse_response import area_figures, effective_area_m2, migration, node_edges, purities, topology_shares
from plotting.diffuse_response import response as response_figures
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


KINDS = ("unknown", "CC", "NC", "GR")


@pytest.fixture(scope="module")
def view():
    hists = diffuse_case.hists()
    return fit_views(diffuse_case.config(), hists, diffuse_case.account(), diffuse_case.results())[0]


def some_areas(*, interactions: bool, rejected: bool) -> Areas:
    """Six species at 60 nodes: every number different."""
    values = np.random.default_rng(2).uniform(0.5, 1.0, (6, 4, 4, 60)) * NODE_CENTRES_GEV**0.5
    values[:, 1:] *= interactions
    values[:, :, 3] *= rejected
    classes = ("nue", "nuebar", "numu", "numubar", "nutau", "nutaubar")
    return Areas(NODE_EDGES_GEV, classes, KINDS, ("cascade", "track", "dcascade", "rejected"), values)


def test_areas_are_drawn_as_far_as_the_simulation_knows_them(view) -> None:
    known = area_figures(view, some_areas(interactions=True, rejected=True))
    assert set(known) == {"effective_area", "effective_area_species", "effective_area_interactions", "efficiency"}
    assert set(area_figures(view, some_areas(interactions=False, rejected=True))) == set(known) - {"effective_area_interactions"}
    areas = some_areas(interactions=True, rejected=True)
    drawn = area_figures(view, areas)["effective_area"]()
    (panel,) = drawn.numbers["panels"]
    np.testing.assert_allclose(panel["curves"][r"$\nu_e+\bar\nu_e$, selected"], areas.area_m2[:2, :, :3].sum(axis=(0, 1, 2)))
    np.testing.assert_allclose(panel["curves"][r"$\nu_\tau+\bar\nu_\tau$, all simulated"], areas.area_m2[4:].sum(axis=(0, 1, 2)))
    axes = drawn.figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (r"$E_\nu$ [GeV]", "Effective area [m$^2$]")
    assert len(legend_words(axes)) == 6


def test_interactions_have_a_panel_for_each_flavour(view) -> None:
    areas = some_areas(interactions=True, rejected=False)
    drawn = area_figures(view, areas)["effective_area_interactions"]()
    assert [panel["title"] for panel in drawn.numbers["panels"]] == [r"$\nu_e+\bar\nu_e$", r"$\nu_\mu+\bar\nu_\mu$", r"$\nu_\tau+\bar\nu_\tau$"]
    np.testing.assert_allclose(drawn.numbers["panels"][1]["curves"]["Neutral current"], areas.area_m2[2:4, 2, :3].sum(axis=(0, 1)))
    np.testing.assert_allclose(areas.of(["numu", "numubar"], interaction="NC"), areas.area_m2[2:4, 2, :3].sum(axis=(0, 1)))
    assert not texts_outside(drawn.figure)


@pytest.mark.parametrize("rejected", [True, False])
def test_every_flavour_is_shared_out_completely(view, rejected: bool) -> None:
    areas = some_areas(interactions=False, rejected=rejected)
    shares = topology_shares(areas, "mu")
    assert ("Not selected" in shares) is rejected
    np.testing.assert_allclose(np.sum(list(shares.values()), axis=0), 1.0)
    total = areas.area_m2[2:4, :, : 4 if rejected else 3].sum(axis=(0, 1, 2))
    np.testing.assert_allclose(shares["Tracks"], areas.area_m2[2:4, :, 1].sum(axis=(0, 1)) / total)
    drawn = area_figures(view, areas)["efficiency"]()
    assert drawn.figure.axes[0].get_ylabel() == ("Share of simulated events" if rejected else "Share of selected events")


def test_purities_are_those_of_the_fitted_expectation(view) -> None:
    """Summed with the expectation of each bin they give its events by flavour (specification G11: a track is mostly of a muon neutrino)."""
    edges, shares = purities(view, "track")
    np.testing.assert_allclose(np.sum(list(shares.values()), axis=0), 1.0, rtol=1e-12)
    track = [i for i, one in enumerate(view.prepared.whole.response.bins) if one.channel == "track"]
    expected = {name: values[track].reshape(10, -1).sum(axis=0) for name, values in view.prepared.whole.components(view.theta).items()}
    total = sum(expected.values())
    np.testing.assert_allclose(shares["Atmosphere"], expected["atmo"] / total, rtol=1e-9)
    events = {name: (share * total).sum() for name, share in shares.items()}
    assert events[r"$\nu_\mu+\bar\nu_\mu$"] / expected["astro"].sum() == pytest.approx(6.663 / 8.478, rel=0.02)
    assert len(edges) == 22


def test_purity_is_drawn_for_each_topology(view) -> None:
    drawn = response_figures(view)["purity"]()
    assert [panel["title"] for panel in drawn.numbers["panels"]] == ["Cascades", "Tracks", "Double cascades"]
    assert drawn.figure.axes[0].get_xlabel() == "Deposited energy [GeV]"
    assert not texts_outside(drawn.figure)
