"""The surrogate's own systematic study: the processor's bins in memory, closed forms of shifts, what is refused and what is left."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from configs.errors import InputError
from configs.schema import DiffuseConfig, load_config
from fits import stage as fit_stage
from fits import surrogate_study as module
from fits.diffuse import prepare_all
from fits.diffuse_inputs import Inputs, Prepared
from fits.minimise import minimise
from fits.surrogate_study import rebuilt, surrogate_study, wanted_choices
from physics.constants import HESE_LIVETIME_S
from processors.stage import process
from records.results import decode_result, encode_result, failures
from records.study_tables import save_study_tables, surrogate_table
from records.summary import rows
from records.text_tables import to_latex
from simulation.surrogate_recipe import RECIPE, Recipe, choices

ROOT = Path(__file__).resolve().parents[2]
NO_PRIOR = {"parameters": {"atmos_norm": {"prior": None}}}
TOPOLOGY = [one.name for one in choices() if one.group == "topology"]


def configured(folder: Path, fits: dict[str, Any], **changes: Any) -> DiffuseConfig:
    content = {
        "name": "recipes",
        "analysis": "diffuse",
        "seed": 4,
        "output_dir": str(folder),
        "datasets": {
            "data": {"example": {}, "kind": "data", "format": "hese_json", "metadata": {"livetime_s": HESE_LIVETIME_S}},
            "mc": {"kind": "mc", "format": "surrogate", "metadata": {"livetime_s": 1.5 * HESE_LIVETIME_S}},
        },
        "processor": {"binning": "surrogate"},
        "fits": fits,
        **changes,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_config(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An output directory after the processor's run; the simulation has one and a half times the livetime of the data."""
    found = tmp_path_factory.mktemp("recipes")
    assert process(configured(found, {"main": {}})).complete
    return found


def prepared(folder: Path, fit: dict[str, Any], study: Any = True) -> tuple[Inputs, Prepared]:
    config = configured(folder, {"main": {**fit, "surrogate_study": study}})
    inputs, found = prepare_all(config, *fit_stage.read_processed(config))
    return inputs, found["main"]


def studied(folder: Path, fit: dict[str, Any], study: Any = True):
    inputs, found = prepared(folder, fit, study)
    return surrogate_study(inputs, "main", inputs.config.fits["main"], found)


def test_the_response_in_memory_has_the_bins_of_the_processor_to_the_bit(folder: Path) -> None:
    inputs, _ = prepared(folder, {})
    again = rebuilt(inputs, RECIPE)
    assert again.bins == inputs.response.bins
    np.testing.assert_array_equal(again.ln_energy, inputs.response.ln_energy)
    np.testing.assert_array_equal(again.width, inputs.response.width)
    assert again.moments.keys() == inputs.response.moments.keys()
    for key, array in inputs.response.moments.items():
        np.testing.assert_array_equal(again.moments[key], array)
    assert again.livetime_s == inputs.response.livetime_s


def test_every_choice_is_fitted_and_reported(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    inputs, found = prepared(folder, {})
    result = surrogate_study(inputs, "main", inputs.config.fits["main"], found, lambda done, total: seen.append((done, total)))
    n = sum(len(one.variations) for one in choices())
    assert result.valid
    assert len(result.variations) == n
    assert seen == [(i, n) for i in range(1, n + 1)]
    assert list(result.errors) == ["astro_norm", "astro_gamma"]
    assert [one for group in result.groups.values() for one in group] == [one.name for one in choices()]
    for name, error in result.errors.items():
        sizes = [result.size(one.name, name) for one in choices()]
        assert result.total(name) == pytest.approx(np.sqrt(np.sum(np.square(sizes))))
        assert result.together(TOPOLOGY, name) == pytest.approx(np.sqrt(np.sum(np.square(sizes[: len(TOPOLOGY)]))))
        assert 0.0 < result.total(name) < error  # a surrogate worth the name: its choices matter less than sixty events
    scale = {one.change: one.shift for one in result.of_choice("energy_scale")}
    assert scale["x 1.1"]["astro_gamma"] > 0 > scale["/ 1.1"]["astro_gamma"]  # steeper where neutrinos seem to deposit more
    assert all(one.shift["astro_norm"] == pytest.approx(0.0, abs=1e-6) for one in result.of_choice("background_energy"))  # no tilt in this fit
    assert decode_result(encode_result(result), "") == result
    paths = save_study_tables(tmp_path, {"main.surrogate": result, "main": None})
    assert [path.name for path in paths] == ["main.surrogate.csv", "main.surrogate.tex"]
    table = list(csv.DictReader(paths[0].read_text().splitlines()))
    assert [float(row["shift of astro_gamma"]) for row in table] == [one.shift["astro_gamma"] for one in result.variations]
    assert all(row["reason for the amount"] for row in table)
    assert "reason" not in to_latex(surrogate_table(result))
    shown = {quantity: value for quantity, value, _ in rows(result)}
    total, error = result.total("astro_gamma"), result.errors["astro_gamma"]
    assert shown["astro_gamma, all choices"].startswith(f"\u00b1 {total:.2g} (error {error:.2g}): topology")
    assert "energy_scale: x 1.1" in shown


def test_the_livetime_of_the_background_is_its_norm(folder: Path) -> None:
    """Without a prior the norm of the atmosphere takes the factor up: flux, errors and likelihood stay."""
    result = studied(folder, NO_PRIOR, ["background_livetime"])
    for one in result.variations:
        for name, error in result.errors.items():
            assert one.shift[name] == pytest.approx(0.0, abs=1e-3 * error)
            assert one.error[name] == pytest.approx(error, rel=1e-3)
        assert one.delta_nll == pytest.approx(0.0, abs=1e-6)


def test_directions_matter_only_where_they_are_fitted(folder: Path) -> None:
    result = studied(folder, {"axes": ["energy", "topology"]}, ["direction"])
    assert [one.shift["astro_gamma"] for one in result.variations] == pytest.approx([0.0] * 3, abs=1e-6)
    with_zenith = studied(folder, {}, ["direction"])
    assert max(abs(one.delta_nll) for one in with_zenith.variations) > 0.01


def test_a_shift_is_one_step_of_newton(folder: Path) -> None:
    """Second way: the gradient of the other recipe's likelihood at the fit, times its covariance (a small change of the recipe)."""
    inputs, found = prepared(folder, {}, {"choices": [], "own": {"a little more": {"energy_scale": 1.005}}})
    (one,) = surrogate_study(inputs, "main", inputs.config.fits["main"], found).variations
    base = minimise(found.nll)
    response = rebuilt(inputs, Recipe(energy_scale=1.005))
    other = module.prepare(dataclasses.replace(inputs, response=response), "main", inputs.config.fits["main"]).nll
    step = -base.covariance @ other.value_and_gradient(base.theta)[1]
    assert one.group == "own"
    assert [one.shift["astro_norm"], one.shift["astro_gamma"]] == pytest.approx(step[:2].tolist(), rel=0.05)


def test_the_data_stay_those_of_the_fit(folder: Path) -> None:
    """Asimov set of the default recipe at its start values: another recipe describes it worse, and never moves the data along."""
    result = studied(folder, {"data": "asimov", "axes": ["energy", "topology"]}, ["tracks_of_numu", "energy_scale"])
    assert result.values["astro_gamma"] == pytest.approx(2.5, abs=1e-3)
    for one in result.variations:
        assert one.delta_nll > 1e-4
        assert abs(one.shift["astro_norm"]) > 1e-3


def test_the_composition_follows_the_share_of_double_cascades(folder: Path, tmp_path: Path) -> None:
    """Where the fit has a scan of flavours: with more double cascades of nu_tau expected, those observed want fewer taus."""
    result = studied(folder, {"flavour_scan": 0.25}, ["double_cascades_of_nutau", "track_direction"])
    assert result.composition is not None
    half, twice, other = (one.composition for one in result.variations)
    assert half is not None
    assert twice is not None
    assert other == pytest.approx(result.composition, abs=0.01)
    assert half[2] >= result.composition[2] >= twice[2]
    largest = max(abs(one[2] - result.composition[2]) for one in (half, twice))
    assert result.composition_shift(2) == pytest.approx(largest, abs=0.01)
    (shown,) = [value for quantity, value, _ in rows(result) if quantity == "composition, all choices"]
    assert f"tau {result.composition[2]:.2f} \u00b1 {result.composition_shift(2):.2f}" in shown
    table = list(csv.DictReader(save_study_tables(tmp_path, {"main.surrogate": result})[0].read_text().splitlines()))
    assert [float(row["best fraction of tau"]) for row in table] == [half[2], twice[2], other[2]]
    assert decode_result(encode_result(result), "").composition == result.composition


def test_parameters_that_are_held_do_not_move(folder: Path) -> None:
    result = studied(folder, {"parameters": {"astro_gamma": {"start": 2.87, "fixed": True}}}, ["energy_scale"])
    assert list(result.errors) == ["astro_norm"]
    assert result.variations[1].shift["astro_norm"] < 0 < result.variations[0].shift["astro_norm"]


def test_a_fit_that_fails_is_named_and_left_out_of_sums(folder: Path, monkeypatch) -> None:
    inputs, found = prepared(folder, {}, ["energy_scale", "track_direction"])
    calls = []

    def second_fails(nll):
        calls.append(nll)
        return dataclasses.replace(minimise(nll), valid=False, reason="no") if len(calls) == 2 else minimise(nll)

    monkeypatch.setattr(module, "minimise", second_fails)
    result = surrogate_study(inputs, "main", inputs.config.fits["main"], found)
    assert not result.valid
    assert failures({"main.surrogate": result}) == {"main.surrogate": "no fit with track_direction: 1 deg"}
    assert np.isnan(result.size("track_direction", "astro_gamma"))
    assert result.total("astro_gamma") == result.size("energy_scale", "astro_gamma")
    shown = [row[:2] for row in rows(result)]
    assert shown[0] == ("INVALID", "no fit with track_direction: 1 deg")
    assert shown[-1] == ("track_direction: 1 deg", "FAILED: no")


def test_data_without_expectation_fail_that_recipe_alone(folder: Path, monkeypatch) -> None:
    def refusing(inputs, name, options):
        raise InputError("1 events lie in 1 bins without any simulated event")

    inputs, found = prepared(folder, {}, ["track_direction"])
    monkeypatch.setattr(module, "prepare", refusing)
    (one,) = surrogate_study(inputs, "main", inputs.config.fits["main"], found).variations
    assert not one.valid
    assert "without any simulated event" in one.reason


def test_histograms_of_another_version_are_no_basis(folder: Path) -> None:
    inputs, found = prepared(folder, {})
    moments = {key: 1.001 * array for key, array in inputs.response.moments.items()}
    other = dataclasses.replace(inputs, response=dataclasses.replace(inputs.response, moments=moments))
    result = surrogate_study(other, "main", inputs.config.fits["main"], found)
    assert not result.valid
    assert result.reason.startswith("hists.h5 does not hold the surrogate response of this version; run run_processor.py")
    assert result.variations == []


EXAMPLE = {"mc": {"kind": "mc", "example": {"size": 100}, "format": "hese_json", "metadata": {"livetime_s": HESE_LIVETIME_S}}}
REFUSED: dict[str, tuple[dict[str, Any], Any, str]] = {
    "events": ({"datasets": EXAMPLE}, True, "the simulation 'mc' is no surrogate .format: hese_json.; .* remove the key"),
    "a class": ({"processor": {"class": "mine.Mine"}}, True, "rebuilt by the analysis' own processor, not by processor.class"),
    "a name": ({}, ["topologie"], "'topologie' is neither a choice of the recipe nor a group of them; did you mean 'topology'"),
    "a field": ({}, {"own": {"mine": {"energy_scal": 1.1}}}, "own.mine: 'energy_scal' is not a choice of the recipe; did you mean 'energy_scale'"),
    "a value": ({}, {"own": {"mine": {"energy_scale": -1.0}}}, "own.mine: surrogate recipe: energy_scale is -1.0; it must be positive"),
    "a text": ({}, {"own": {"mine": {"energy_scale": "high"}}}, "own.mine: .* has other kinds of values than the defaults .energy_scale: 1.0."),
    "two of a name": ({}, {"own": {"energy_scale": {"energy_scale": 1.2}}}, "own: energy_scale is a name of the recipe's own"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_studies_that_cannot_be_are_refused(folder: Path, tmp_path: Path, case: str) -> None:
    changes, study, message = REFUSED[case]
    inputs, _ = prepared(folder, {})
    config = configured(tmp_path, {"main": {"surrogate_study": study}}, **changes)
    options = config.fits["main"].surrogate_study
    assert options
    with pytest.raises(InputError, match=f"surrogate_study.*{message}"):
        module.check_surrogate_study(options, dataclasses.replace(inputs, config=config))


def test_part_of_a_surrogate_is_refused(folder: Path) -> None:
    inputs, _ = prepared(folder, {})
    datasets = {name: {**entry, "fraction": 0.5} for name, entry in inputs.account["datasets"].items()}
    options = inputs.config.fits["main"].surrogate_study
    assert options
    with pytest.raises(InputError, match="surrogate_study: the surrogate response 'mc' was not processed as a whole"):
        module.check_surrogate_study(options, dataclasses.replace(inputs, account={**inputs.account, "datasets": datasets}))


def test_names_choose_groups_and_choices(folder: Path, tmp_path: Path) -> None:
    def chosen(study: Any) -> list[str]:
        options = configured(tmp_path, {"main": {"surrogate_study": study}}).fits["main"].surrogate_study
        return [one.name for one in wanted_choices(options)] if options else []

    assert chosen(True) == chosen({}) == [one.name for one in choices()]
    assert chosen(["direction", "energy_scale"]) == ["cascade_direction", "track_direction", "energy_scale"]
    assert chosen({"choices": [], "own": {"mine": {"track_fraction": [0.0, 0.7, 0.1]}}}) == ["mine"]
    assert chosen(False) == chosen(None) == []
    inputs, _ = prepared(folder, {}, False)
    assert not inputs.config.fits["main"].surrogate_study


def test_one_key_on_the_command_line_is_enough() -> None:
    """The command of the worked page; the shipped configuration asks for the study in its first fit."""
    shipped = load_config(ROOT / "configs" / "diffuse.yaml", ["fits.energy_topology.surrogate_study=true"]).fits
    assert {name for name, one in shipped.items() if one.surrogate_study} == {"main", "energy_topology"}
    assert load_config(ROOT / "configs" / "diffuse.yaml", ["fits.main.surrogate_study=false"]).fits["main"].surrogate_study is False


@pytest.mark.public_data
def test_nuisance_parameters_go_along_and_cells_stay(public_data: Path, tmp_path: Path) -> None:
    """The release's parameters on the surrogate: the energy of atmospheric events now acts, through the tilt; cell averages are the nominal ones."""
    systematics = {"processor": {"binning": "surrogate", "systematics": {"tables": str(public_data / "hese" / "splines")}}}
    fit = {"model": "official", "surrogate_study": ["background_energy"]}
    config = configured(tmp_path, {"main": fit}, **systematics)
    assert process(config).complete
    inputs, found = prepare_all(config, *fit_stage.read_processed(config))
    assert rebuilt(inputs, Recipe(energy_scale=1.1)).cells is inputs.response.cells
    result = surrogate_study(inputs, "main", config.fits["main"], found["main"])
    assert result.valid
    assert list(result.errors) == ["astro_norm", "astro_gamma"]
    shifts = [one.shift["astro_norm"] for one in result.variations]
    assert shifts[0] * shifts[1] < 0
    assert max(map(abs, shifts)) < 0.2 * result.errors["astro_norm"]
