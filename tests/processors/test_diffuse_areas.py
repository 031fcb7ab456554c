"""Effective areas: sum W / (dE 4 pi 1e4) in closed form, the published tables, interactions, chunks."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from diffuse_events import process, release_sample, toy_sample

from data_info.hese_tables import NODE_CENTRES_GEV, load_tables
from fits.effective_areas import Areas, effective_areas
from physics.binning import binning
from simulation.response_tables import energy_kernel, topology_fractions
from simulation.surrogate import cells

EDGES_GEV = np.logspace(4, 7, 61)
FLAVOURS = ("e", "mu", "tau")


def areas_of(hists, fraction: float = 1.0) -> Areas:
    found = effective_areas({"mc": hists}, {"datasets": {"mc": {"kind": "mc", "fraction": fraction}}})
    assert found is not None
    return found


def published(public_data: Path, name: str) -> dict[str, np.ndarray]:
    """Columns of a table of nuSIprop: areas in m^2 at 60 nodes."""
    with (public_data / "hese" / "nusiprop" / name).open() as lines:
        rows = list(csv.DictReader(lines))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0] if column}


def with_interactions(columns: dict[str, np.ndarray], table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A sample whose events are thrown into the interactions of the published table, by flavour and node."""
    node = np.clip(np.searchsorted(EDGES_GEV, columns["primaryEnergy"]) - 1, 0, 59)
    random, kinds = np.random.default_rng(3), np.zeros(len(node))
    for flavour, code in zip(FLAVOURS, (12, 14, 16), strict=True):
        by_kind = np.array([table[f"nu_{flavour}_{kind}"] for kind in ("CC", "NC", "GR")])
        cumulated = np.cumsum(by_kind, axis=0) / np.maximum(by_kind.sum(axis=0), 1e-300)
        own = np.abs(columns["primaryType"]) == code
        kinds[own] = 1 + (random.random(own.sum()) > cumulated[:2, node[own]]).sum(axis=0)
    return {**columns, "interactionType": kinds.astype(int)}


def test_the_area_is_the_sum_of_weights_over_width_and_solid_angle() -> None:
    columns = release_sample(4000)
    areas = areas_of(process(columns))
    per_event = columns["weightOverFluxOverLivetime"] / (4.0 * np.pi * 1e4)
    for name, code in (("nue", 12), ("numubar", -14), ("nutau", 16)):
        own = columns["primaryType"] == code
        expected = np.histogram(columns["primaryEnergy"][own], EDGES_GEV, weights=per_event[own])[0] / np.diff(EDGES_GEV)
        np.testing.assert_allclose(areas.of([name], topologies=areas.topologies), expected, rtol=1e-6, atol=1e-9)
    assert not areas.of(["muon"], topologies=areas.topologies).any()
    assert areas.knows_rejected
    assert not areas.knows_interactions
    selected = (columns["recoDepositedEnergy"] >= 6e4) & (columns["recoDepositedEnergy"] <= 1e7)
    selected &= (columns["recoMorphology"] != 2) | ((columns["recoLength"] >= 10) & (columns["recoLength"] <= 1000))
    kept = np.histogram(columns["primaryEnergy"][selected], EDGES_GEV, weights=per_event[selected])[0] / np.diff(EDGES_GEV)
    np.testing.assert_allclose(areas.of(), kept, rtol=1e-6, atol=1e-9)


def test_a_part_of_the_simulation_stands_for_the_whole() -> None:
    hists = process(release_sample(500))
    np.testing.assert_allclose(areas_of(hists, 0.25).area_m2, 4.0 * areas_of(hists).area_m2)
    assert effective_areas({"mc": {}}, {"datasets": {"mc": {"kind": "mc", "fraction": 1.0}}}) is None


def test_chunks_make_no_difference_to_the_bit() -> None:
    columns = release_sample(3000)
    whole = process(columns)["effective_area"]
    parts = [process({name: values[start : start + 700] for name, values in columns.items()})["effective_area"] for start in range(0, 3030, 700)]
    np.testing.assert_array_equal(sum(part.values() for part in parts), whole.values())


def test_the_surrogate_has_the_areas_that_it_is_made_of() -> None:
    """Per flavour: published area times the share of its events in the analysis bins, to rounding."""
    tables, fractions = load_tables(), topology_fractions()
    areas = areas_of(process(cells(), options={"binning": "surrogate"}))
    assert not areas.knows_rejected
    for number, (name, channel) in enumerate(binning("surrogate").items()):
        kernel = energy_kernel(tables, name, NODE_CENTRES_GEV, channel.energy_edges_gev).sum(axis=1)
        for flavour, classes in enumerate(areas.flavours.values()):
            expected = tables.flavour_area_m2[flavour] * kernel * fractions[name][flavour]
            np.testing.assert_allclose(areas.of(classes, topologies=[areas.topologies[number]]), expected, rtol=1e-8, atol=1e-8)


def test_the_exercise_has_an_area_when_its_livetime_is_stated() -> None:
    columns = release_sample(800)
    whole = areas_of(process(columns, options={"binning": "bootcamp"}))
    toy = areas_of(process(toy_sample(800), options={"binning": "bootcamp"}))
    np.testing.assert_allclose(toy.of(topologies=toy.topologies), whole.of(topologies=whole.topologies), rtol=1e-6, atol=1e-9)
    assert toy.flavours == {"all": ("all",)}
    assert "effective_area" not in process(toy_sample(50), options={"binning": "bootcamp"}, livetime_s=None)


@pytest.mark.public_data
def test_generated_events_have_the_published_areas_by_flavour_and_interaction(public_data: Path) -> None:
    """Both tables of github Astridsc/nuSIprop within the Monte-Carlo errors of the sample: chi-square per node and largest pull."""
    by_flavour = published(public_data, "effective_area_4_to_7.csv")
    by_kind = published(public_data, "effective_area_4_to_7_interaction_types.csv")
    columns = with_interactions(release_sample(60_000, seed=8), by_kind)
    areas = areas_of(process(columns))
    assert areas.knows_interactions
    node = np.searchsorted(EDGES_GEV, columns["primaryEnergy"]) - 1
    for flavour, code in zip(FLAVOURS, (12, 14, 16), strict=True):
        classes = areas.flavours[flavour]
        own = np.abs(columns["primaryType"]) == code
        per_event = columns["weightOverFluxOverLivetime"][own] / (4.0 * np.pi * 1e4) / np.diff(EDGES_GEV)[node[own]]
        tables = {"": by_flavour[f"nu_{flavour}"], **{name: by_kind[f"nu_{flavour}_{name}"] for name in ("CC", "NC", "GR")}}
        for kind, (name, expected) in enumerate(tables.items()):
            found = areas.of(classes, interaction=name or None, topologies=areas.topologies)
            here = np.ones(own.sum(), dtype=bool) if not name else columns["interactionType"][own] == kind
            error = np.sqrt(np.bincount(node[own][here], per_event[here] ** 2, minlength=60))
            events = np.bincount(node[own][here], minlength=60)
            tested = (events > 50) & (EDGES_GEV[:-1] > 4.0e4)
            pulls = (found - expected)[tested] / error[tested]
            if tested.any():
                assert np.abs(pulls).max() < 5.0, (flavour, name)
                assert (pulls**2).mean() < 2.0, (flavour, name)
    np.testing.assert_allclose(np.sum([areas.of(interaction=name) for name in areas.interactions], axis=0), areas.of(), rtol=1e-12)
