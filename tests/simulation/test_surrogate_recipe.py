"""Recipes of the surrogate response: the default is the specification's to the bit; what each choice must leave alone, and what it must do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from configs.errors import InputError
from data_info.hese_tables import COSZEN_EDGES, NODE_CENTRES_GEV, NODE_EDGES_GEV, TRUE_CENTRES_GEV, load_tables
from physics.binning import binning
from physics.constants import HESE_LIVETIME_S
from simulation.response_tables import angular_shape, energy_kernel, topology_fractions, zenith_smearing
from simulation.surrogate import astro_response, atmospheric_background, cells, node_points
from simulation.surrogate_recipe import RECIPE, Recipe, choices

TABLES = load_tables()
CHANNELS = binning("surrogate")
EDGES = np.asarray(CHANNELS["cascade"].energy_edges_gev)


def recipe(choice: str, number: int) -> Recipe:
    return list(next(one for one in choices() if one.name == choice).variations.values())[number]


def test_the_default_recipe_is_that_of_the_specification_to_the_bit() -> None:
    """Specification 7 with its numbers written out, against the function with its options."""
    assert Recipe((0.02, 0.70, 0.10), (0.01, 0.01, 0.06), 8.0, 0.0, 1.0, 1.0, False, 1, 4269.0, 1.4, 1.0) == RECIPE
    flux = 1e-18 / 6 * (NODE_CENTRES_GEV / 1e5) ** -2.5
    exposure = HESE_LIVETIME_S * (4 * np.pi) * 1e4 * TABLES.flavour_area_m2 * flux * np.diff(NODE_EDGES_GEV)
    direction = angular_shape(TABLES, NODE_CENTRES_GEV) / 10
    sky = {"cascade": direction @ zenith_smearing(COSZEN_EDGES, np.deg2rad(8.0)), "track": direction, "dcascade": np.ones((60, 1))}
    for name, found in astro_response(TABLES).items():
        kernel = energy_kernel(TABLES, name, NODE_CENTRES_GEV, EDGES)
        plain = np.einsum("fi,f,ib,ic->fibc", exposure, topology_fractions()[name], kernel, sky[name])
        np.testing.assert_array_equal(found, plain)
    table = cells()
    assert len(table["flavour"]) == 36342
    assert table["astroWeight"].sum() == pytest.approx(10.591486940345781, rel=1e-12)  # as before recipes had options
    assert table["atmoWeight"].sum() == pytest.approx(10.124787423284552, rel=1e-12)
    assert table["primaryEnergy"][table["flavour"] == 0][0] == 1.4 * np.sqrt(EDGES[0] * EDGES[1])


def test_every_choice_has_a_reason_and_differs_in_what_it_names() -> None:
    names = [one.name for one in choices()]
    assert len(set(names)) == len(names)
    assert {one.group for one in choices()} == {"topology", "direction", "energy", "background"}
    for one in choices():
        assert one.reason
        for varied in one.variations.values():
            assert len([field for field, value in vars(varied).items() if value != vars(RECIPE)[field]]) == 1
            assert varied.describe() != "default"
    assert RECIPE.describe() == "default"
    assert Recipe(energy_scale=1.5).describe() == "energy_scale 1.5 instead of 1.0"


@pytest.mark.parametrize(("choice", "number"), [("cascade_direction", 0), ("cascade_direction", 1), ("track_direction", 0)])
def test_smearing_moves_directions_alone(choice: str, number: int) -> None:
    """Events by energy stay; the smeared channel becomes flatter with more smearing, the other stays to the bit."""
    default, varied = astro_response(TABLES), astro_response(TABLES, recipe=recipe(choice, number))
    moved = choice.split("_")[0]
    for name in CHANNELS:
        np.testing.assert_allclose(varied[name].sum(axis=-1), default[name].sum(axis=-1), rtol=1e-12)
        assert np.array_equal(varied[name], default[name]) == (name != moved)
    spread = [one[moved].sum(axis=(0, 1, 2)).std() for one in (default, varied)]
    assert (spread[1] > spread[0]) == (number == 0 and moved == "cascade")


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("choice", [one.name for one in choices() if one.group == "topology"])
def test_topologies_share_the_flux(choice: str, number: int) -> None:
    """What one topology gains another loses: without the kernels (events over fractions) nothing is made or lost."""
    varied = recipe(choice, number)
    fractions = topology_fractions(varied.track_fraction, varied.dcascade_fraction)
    np.testing.assert_allclose(sum(fractions.values()), 1.0, rtol=1e-15)
    default, found = astro_response(TABLES), astro_response(TABLES, recipe=varied)
    for name in CHANNELS:
        by_flavour = found[name].sum(axis=(1, 2, 3)) / default[name].sum(axis=(1, 2, 3))
        np.testing.assert_allclose(by_flavour, fractions[name] / topology_fractions()[name], rtol=1e-12)


def test_a_scale_of_energies_is_a_scale_of_edges() -> None:
    for channel in ("cascade", "track"):
        scaled = energy_kernel(TABLES, channel, NODE_CENTRES_GEV, EDGES, scale=1.25)
        np.testing.assert_allclose(scaled, energy_kernel(TABLES, channel, NODE_CENTRES_GEV, EDGES / 1.25), atol=1e-13)
    up, default = (astro_response(TABLES, recipe=one)["cascade"].sum() for one in (recipe("energy_scale", 1), RECIPE))
    assert up > default  # more events above threshold


def test_width_of_tracks_scales_the_gaussian() -> None:
    j, scale = 10, 1.2
    bias, width = TABLES.track_bias[j - 2], scale * TABLES.track_width[j - 2]
    edges = TRUE_CENTRES_GEV[j] * 10.0 ** np.array([-1.0, -0.5, 0.0])
    found = energy_kernel(TABLES, "track", [TRUE_CENTRES_GEV[j]], edges, track_width_scale=scale)[0]
    total = quad(norm(bias, width).pdf, bias - 12 * width, 0.12)[0]
    np.testing.assert_allclose(found, [quad(norm(bias, width).pdf, low, low + 0.5)[0] / total for low in (-1.0, -0.5)], rtol=1e-9)


def test_nearest_rows_are_rows_of_the_tables() -> None:
    """A node a third of a bin off a tabulated centre takes its shape and its distribution; at the centre itself nothing changes."""
    nodes = NODE_CENTRES_GEV[[30, 31, 32]]  # TRUE_CENTRES_GEV[10] = 10^5.575 lies at node 31
    assert nodes[1] == pytest.approx(TRUE_CENTRES_GEV[10])
    shape = angular_shape(TABLES, nodes, nearest=True)
    np.testing.assert_allclose(shape, np.repeat(angular_shape(TABLES, TRUE_CENTRES_GEV[10:11]), 3, axis=0), rtol=1e-12)
    kernels = [energy_kernel(TABLES, "cascade", nodes, EDGES, nearest=one) for one in (False, True)]
    np.testing.assert_allclose(kernels[1][1], kernels[0][1], atol=1e-12)
    assert not np.allclose(kernels[1][0], kernels[0][0], atol=1e-4)


def test_points_divide_nodes() -> None:
    """Widths add up; with a power law the sum over points nears the integral over the node as 1 / n^2."""
    energies, widths = node_points(Recipe(points_per_node=4))
    np.testing.assert_allclose(widths.reshape(60, 4).sum(axis=1), np.diff(NODE_EDGES_GEV), rtol=1e-12)
    inside = energies.reshape(60, 4)
    assert (inside > NODE_EDGES_GEV[:-1, None]).all()
    assert (inside < NODE_EDGES_GEV[1:, None]).all()
    integral = (NODE_EDGES_GEV[0] ** -1.5 - NODE_EDGES_GEV[-1] ** -1.5) / 1.5
    off = [abs((one**-2.5 * width).sum() / integral - 1.0) for one, width in (node_points(), (energies, widths))]
    assert off[0] / off[1] == pytest.approx(16.0, rel=0.02)
    points, default = (astro_response(TABLES, recipe=one)["cascade"] for one in (Recipe(points_per_node=4), RECIPE))
    assert points.shape[1] == 4 * default.shape[1]
    assert points.sum() == pytest.approx(default.sum(), rel=0.01)


def test_the_livetime_of_the_background_is_a_scale() -> None:
    default, varied = atmospheric_background(TABLES), atmospheric_background(TABLES, recipe=recipe("background_livetime", 0))
    for name in CHANNELS:
        np.testing.assert_allclose(varied[name], default[name] * 4269 / 4380, rtol=1e-9, atol=1e-13)  # differences of sums
    other = recipe("background_livetime", 1).background_livetime_days
    assert 4269 / other - 1 == pytest.approx(0.0124, abs=2e-4)  # of 0.6172: 0.6017 and 0.625 (specification 7)
    assert HESE_LIVETIME_S / 86400 / other == pytest.approx(0.625)


def test_another_veto_leaves_sums_and_the_sky_below() -> None:
    """A stronger self-veto takes from the zenith; up-going events keep their shape, sums in energy stay (the tables are totals)."""
    default, varied = atmospheric_background(TABLES), atmospheric_background(TABLES, recipe=recipe("background_zenith", 1))
    for name in ("cascade", "track"):
        np.testing.assert_allclose(varied[name].sum(axis=1), default[name].sum(axis=1), rtol=1e-12)
        ratio = varied[name][0] / default[name][0]
        np.testing.assert_allclose(ratio[:5], ratio[0], rtol=1e-12)
        assert (np.diff(ratio[4:]) < 0).all()
    np.testing.assert_array_equal(varied["dcascade"], default["dcascade"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"track_fraction": (0.02, 0.999, 0.1)}, "must be >= 0 and sum to 1 at most by flavour"),
        ({"dcascade_fraction": (-0.01, 0.0, 0.0)}, "must be >= 0 and sum to 1 at most by flavour"),
        ({"energy_scale": 0.0}, "energy_scale is 0.0; it must be positive"),
        ({"background_livetime_days": float("nan")}, "background_livetime_days is nan"),
        ({"cascade_smearing_deg": 40.0}, "cascade_smearing_deg is 40.0; give 0 to 20 degrees"),
        ({"points_per_node": 2.5}, "points_per_node is 2.5; give a whole number"),
    ],
)
def test_recipes_that_are_none_are_refused(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe(**values)
