"""The typed tables against the public files they came from, and against what any such table must fulfil."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from data_info.hese_tables import NODE_CENTRES_GEV, NODE_EDGES_GEV, STATEMENT, TABLES, TRUE_EDGES_GEV, load_tables

TABLE = load_tables()


def columns(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name or "energy_gev": np.array([float(row[name]) for row in rows]) for name in rows[0]}


def to_four_digits(value: float) -> float:
    return float(f"{value:.4g}")


OF_RESPONSE = sorted(path for path in TABLES.glob("*.csv") if path.stem != "published_fit")  # that one is a result


@pytest.mark.parametrize("path", OF_RESPONSE, ids=lambda path: path.stem)
def test_every_table_states_unit_source_and_nature(path: Path) -> None:
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    text = " ".join(header)
    assert "m^2" in text or "no unit" in text or "Expected" in text
    assert "not a first-principles simulation" in text
    assert "arXiv:2011.03545" in text or "Computed for Dynode" in text


def test_the_statement_for_outputs_says_what_the_response_is() -> None:
    assert "surrogate response, not a first-principles simulation" in STATEMENT


def test_shapes_and_first_rows() -> None:
    assert TABLE.area_coszen_m2.shape == (18, 10)
    assert TABLE.area_coszen_m2[0, 0] == 0.1037
    assert TABLE.area_coszen_m2[16, 7] == 1678  # the Glashow resonance, 6.3 PeV
    assert TABLE.cascade_migration.shape == (16, 20)
    assert TABLE.flavour_area_m2.shape == (3, 60)
    assert not TABLE.flavour_area_m2[:, :6].any()
    assert TABLE.first_area_bin == 2
    assert TABLE.first_migration_bin == 4


def test_migration_rows_are_probabilities() -> None:
    assert (TABLE.cascade_migration >= 0).all()
    np.testing.assert_allclose(TABLE.cascade_migration.sum(axis=1), 1.0, atol=4e-4)  # four digits in 20 bins


def test_flavour_fractions_and_shapes_sum_to_one() -> None:
    np.testing.assert_allclose(TABLE.flavour_fractions.sum(axis=1), 1.0, atol=1.6e-3)
    for shape in TABLE.atmospheric_coszen.values():
        assert shape.sum() == pytest.approx(1.0, abs=5e-3)


@pytest.mark.public_data
def test_flavour_areas_equal_the_csv_to_the_digits_given(public_data: Path) -> None:
    exact = columns(public_data / "hese" / "nusiprop" / "effective_area_4_to_7.csv")
    np.testing.assert_allclose(exact["energy_gev"], NODE_CENTRES_GEV, rtol=1e-12)
    for typed, name in zip(TABLE.flavour_area_m2, ("nu_e", "nu_mu", "nu_tau"), strict=True):
        wrong = [i for i in range(6, 60) if typed[i] != to_four_digits(exact[name][i])]
        assert wrong == []


@pytest.mark.public_data
def test_mean_areas_equal_the_width_weighted_means_of_the_csv(public_data: Path) -> None:
    """Three nodes make one true-energy bin; the mean over ten directions is the sum over flavours (four digits were typed)."""
    exact = columns(public_data / "hese" / "nusiprop" / "effective_area_4_to_7.csv")
    width = np.diff(NODE_EDGES_GEV).reshape(20, 3)
    flavours = np.stack([(exact[name].reshape(20, 3) * width).sum(axis=1) / width.sum(axis=1) for name in ("nu_e", "nu_mu", "nu_tau")], axis=1)
    ratio = TABLE.area_coszen_m2.mean(axis=1) / flavours[2:].sum(axis=1)
    np.testing.assert_allclose(ratio, 1.0, atol=1.5e-4)
    np.testing.assert_allclose(TABLE.flavour_fractions, flavours[2:] / flavours[2:].sum(axis=1, keepdims=True), atol=5.1e-4)


@pytest.mark.public_data
@pytest.mark.parametrize("channel", ["cascade", "track", "dcascade"])
def test_background_equals_the_csv_to_the_digits_given(public_data: Path, channel: str) -> None:
    exact = columns(public_data / "hese" / "nusiprop" / f"background_{channel}_events_12.csv")
    np.testing.assert_allclose(exact["energy_gev"], np.sqrt(TRUE_EDGES_GEV[1:] * TRUE_EDGES_GEV[:-1]), rtol=1e-12)
    wrong = [k for k in range(20) if TABLE.atmospheric_events[channel][k] != to_four_digits(exact["events"][k])]
    assert wrong == []
