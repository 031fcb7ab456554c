"""Golden checks G23, G24 and G25 on 3000 generated events of each particle (about two minutes), beside real electrons where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import curve_fit

from configs.iwcd import Discriminant, FractionChannel, Fractions, Response
from configs.schema import IwcdConfig, load_config
from fits.classifier.discriminant import discriminant
from fits.composition import Composition
from fits.energy_response import contained, fit_response, fit_slice
from fits.fraction_studies import closure
from fits.fractions import yields
from fits.iwcd import fit_all
from fits.minimise import minimise
from fits.templates import bin_labels, binned, place
from processors.iwcd_expression import parse
from processors.stage import process
from records.failed_fit import FailedFit
from records.iwcd_fits import PseudoExperiments
from records.tables import Table, load_table, table_path

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {"e-": 350, "gamma": 350, "mu-": 200, "pi0": 100}
SPECIES = {"e-": ["e-"], "gamma": ["gamma"], "mu": ["mu-"], "pi0": ["pi0"]}
MIX = Fractions(kind="fractions", templates="mc", data="mc")
PHOTO_STATISTICS = np.sqrt((1 + 0.35**2) / 6.2)  # sqrt(MeV): 6.2 p.e./MeV, each with a charge resolution of 35 %


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> IwcdConfig:
    """``configs/iwcd_calibration.yaml``, processed."""
    made = load_config(ROOT / "configs/iwcd_calibration.yaml", [f"output_dir={tmp_path_factory.mktemp('golden')}"])
    assert process(made).complete
    return made


@pytest.fixture(scope="module")
def table(config: IwcdConfig) -> Table:
    found = load_table(table_path(config.output, "mc", "events"))
    return found.select(found["selected"])


def studied(table: Table, groups: dict[str, list[str]], channels: list[FractionChannel] = MIX.channels) -> PseudoExperiments:
    placed = place(table.columns, channels, MIX.light_yield)
    return closure(placed, groups, bin_labels(channels), EXPECTED, 200, seed=7)


def limit(table: Table, groups: dict[str, list[str]], events: int) -> np.ndarray:
    """Errors of an Asimov fit with templates of the first ``events`` of each particle taken as exact: no fit can be more precise."""
    rows = np.concatenate([np.flatnonzero(table["particle"] == name)[:events] for name in EXPECTED])
    made = place(table.select(rows).columns, MIX.channels)
    shapes = binned(made, made.nominal, groups, bin_labels(MIX.channels))
    truth = np.array([sum(EXPECTED[name] for name in names) for names in groups.values()], float)
    likelihood = Composition(shapes, template_errors=False).with_counts(truth @ shapes.shapes)
    return np.sqrt(np.diag(yields(likelihood, minimise(likelihood))[1]))


@pytest.mark.slow
def test_g23_composition_of_three_groups_closes(table: Table) -> None:
    """Bias below 0.2 sigma, width of pulls 0.85-1.15. The errors 48, 17, 40 that the specification expects cannot be reached with its own bins
    by finite templates (docs/decisions/2026-11-21-water-cherenkov-golden-numbers.md): even exact templates give 50, 16, 44.
    """
    study = studied(table, MIX.groups)
    assert study.n_valid == 200
    for group in MIX.groups:
        assert abs(study.pull_mean[group]) < 0.2
        assert 0.85 < study.pull_width[group] < 1.15
    best = limit(table, MIX.groups, 3000)
    assert best == pytest.approx([49.6, 15.8, 44.5], rel=0.04)
    errors = np.array([study.mean_error[group] for group in MIX.groups])
    assert np.all((best < errors) & (errors < 1.35 * best))


@pytest.mark.slow
def test_g23_bins_where_the_events_are_beat_the_expected_errors(table: Table) -> None:
    edges = [[0, 33, 36, 39, 42, 45, 50, 55, 62, 180], [0, 0.12, 0.16, 0.2, 0.25, 1], [500, 2000, 1.0e9]]  # those of configs/iwcd_example.yaml
    study = studied(table, MIX.groups, [FractionChannel(observables=["mean_angle", "ring_fraction", "charge"], edges=edges)])
    for group, expected in (("shower", 48), ("mu", 18), ("pi0", 40)):
        assert abs(study.pull_mean[group]) < 0.2
        assert 0.85 < study.pull_width[group] < 1.15
        assert study.mean_error[group] < expected


@pytest.mark.slow
def test_g23_gamma_and_electron_as_groups_of_their_own_are_degenerate(table: Table) -> None:
    """The error of 186 and 151 is that of small templates, whose fluctuations look like a difference: it grows with their size."""
    errors = [limit(table, SPECIES, events)[:2].mean() for events in (500, 1500, 3000)]
    assert errors[0] < 151 < 186 < errors[-1]
    assert errors[0] < errors[1] < errors[2]
    rows = np.concatenate([np.flatnonzero(table["particle"] == name)[:1500] for name in EXPECTED])
    made = place(table.select(rows).columns, MIX.channels)
    shapes = binned(made, made.nominal, SPECIES, bin_labels(MIX.channels))
    likelihood = Composition(shapes).with_counts(np.array(list(EXPECTED.values()), float) @ shapes.shapes)
    covariance = yields(likelihood, minimise(likelihood))[1]
    assert covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]) < -0.6


def electrons(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Visible energy and charge over it of the contained electrons."""
    chosen = (table["particle"] == "e-") & contained(table["evis"], table["dwall"], table["towall"]) & (table["charge"] > 0)
    return table["evis"][chosen], table["charge"][chosen] / table["evis"][chosen]


@pytest.mark.slow
def test_g24_response_of_contained_electrons(table: Table) -> None:
    response = fit_response(table.columns, Response(kind="response", dataset="mc"))
    assert all(one.peak == pytest.approx(6.2, abs=0.2) for one in response.slices)
    assert response.largest_deviation < 0.02
    assert response.resolution.parameters["stochastic"].value == pytest.approx(0.54, abs=3 * 0.05)
    for curve in (response.resolution, response.resolution_from_width):  # ours: robust widths, weighted, the lowest slice not from zero
        stochastic, constant = (curve.parameters[name] for name in ("stochastic", "constant"))
        assert abs(stochastic.value - PHOTO_STATISTICS) < 3 * stochastic.error
        assert constant.value == pytest.approx(0.036, abs=3 * 0.003)


@pytest.mark.slow
def test_g24_widths_and_curve_as_the_specification_made_them(table: Table) -> None:
    """68 % half widths of 200-MeV slices; an unweighted curve through the standard deviations of ten 100-MeV slices from zero."""
    evis, ratio = electrons(table)
    wide = [(evis >= low) & (evis < low + 200) for low in range(0, 1000, 200)]
    slices = [fit_slice(evis[one], ratio[one], (0, 200)) for one in wide]
    assert [one.half_width / one.median for one in slices] == pytest.approx([0.066, 0.049, 0.044, 0.043, 0.038], abs=0.015)
    narrow = [(evis >= low) & (evis < low + 100) for low in range(0, 1000, 100)]
    spread = [ratio[one].std() / ratio[one].mean() for one in narrow]
    energy = [evis[one].mean() for one in narrow]
    found, covariance = curve_fit(lambda e, s, c: np.sqrt(s**2 / e + c**2), energy, spread, p0=(0.5, 0.03))
    assert np.abs(found) == pytest.approx([0.54, 0.036], abs=3 * 0.05)
    assert abs(found[1]) == pytest.approx(0.036, abs=3 * 0.003)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.05, 0.003], rel=0.8)


def areas(table: Table, **changes: Any) -> dict[tuple[str, str], Any]:
    options = Discriminant(kind="discriminant", dataset="mc", **changes)
    selected = parse(options.preselection, list(table.columns)).mask(table.columns)
    found, _ = discriminant(table.columns, options, selected=selected, seed=1)
    return {(one.pair[1], one.model): one for one in found.models}


@pytest.mark.slow
def test_g25_particles_are_told_apart_as_in_the_specification(table: Table) -> None:
    """AUC of specification 7: e/gamma 0.571, e/mu 1.000, e/pi0 0.968 (logistic) and 0.977 (gbdt), statistical error 0.010 and 0.004."""
    found = areas(table)
    assert found["gamma", "logistic"].auc == pytest.approx(0.571, abs=0.03)
    assert 0.52 < found["gamma", "logistic"].auc < 0.75
    assert found["gamma", "logistic"].warning == ""
    assert found["mu-", "logistic"].auc > 0.999
    assert found["pi0", "logistic"].auc == pytest.approx(0.968, abs=0.01)
    assert found["pi0", "gbdt"].auc == pytest.approx(0.977, abs=0.01)


@pytest.mark.slow
def test_g25_independent_pairs_are_seen_as_a_wrong_simulation(tmp_path: Path) -> None:
    overrides = [f"output_dir={tmp_path}", "datasets.mc.example.size=1000", "datasets.mc.example.truth.independent_pairs=1"]
    control = load_config(ROOT / "configs/iwcd_calibration.yaml", overrides)
    assert process(control).complete
    found = areas(load_table(table_path(control.output, "mc", "events")), pairs=[("e-", "gamma")], models=["logistic"])["gamma", "logistic"]
    assert found.auc > 0.85
    assert "two independent showers" in found.warning


def calibration(config: IwcdConfig) -> dict[str, Any]:
    return fit_all(config, {"complete": True, "datasets": {"mc": {"files": 1}}})[0]


@pytest.mark.slow
def test_g25_hits_follow_the_published_table(config: IwcdConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where the real electrons are not at hand: then the light scale alone fails, with the reason."""
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path))
    results = calibration(config)
    for one in results["hits"].particles.values():
        assert one.total_mean == pytest.approx(one.total_mean_real, rel=0.08)
        assert one.largest_deviation < 0.20
    assert "without the real electrons" in results["hits"].notes[0]
    assert isinstance(results["light"], FailedFit)
    assert len(results["response"].slices) == 10


@pytest.mark.slow
@pytest.mark.public_data
def test_g25_generated_electrons_beside_the_real_ones(config: IwcdConfig, public_data: Path) -> None:
    results = calibration(config)
    one = results["hits"].particles["e-"]
    assert 0.01 < one.zero_fraction < 0.04
    assert one.zero_fraction_real == pytest.approx(59 / 3000)
    assert one.shape.ks_distance < 0.08
    assert min(shape.chi2_p for shape in one.shapes) > 1e-6
    light = results["light"].parameters
    assert light["scale"].value == pytest.approx(1.0, abs=0.05)
    assert abs(light["scale"].value - 1.011) < 3 * np.hypot(light["scale"].error, 0.011)
    assert light["resolution"].value == pytest.approx(0.061, abs=3 * light["resolution"].error)
