"""From ``model:`` of a configuration to a spectrum."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from surrogate_case import likelihood

from configs.diffuse import Model
from configs.errors import InputError
from fits.minimise import minimise
from fits.spectrum_choice import spectrum_of
from physics.spectra import BrokenPowerLaw, ExponentialCutoff, FreeBreak, Table


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"astro": "broken_power_law", "break_gev": 2e5}, BrokenPowerLaw(2e5)),
        ({"astro": "class", "class": "physics.spectra.FreeBreak"}, FreeBreak()),
        ({"astro": "table", "table": "flux.txt"}, Table((1e4, 1e5, 1e6, 1e7), (4.0, 3.0, 2.0, 1.0))),
    ],
)
def test_the_spectrum_that_is_asked_for(tmp_path: Path, options: dict, expected: object) -> None:
    (tmp_path / "flux.txt").write_text("1e4 4\n1e5 3\n1e6 2\n1e7 1\n")
    assert spectrum_of(Model(**options), tmp_path / "c.yaml") == expected


CUT = {"astro": "expression", "expression": "(E / 1e5)**-astro_gamma * exp(-E / 1e6 * inverse)"}
SHAPE = {"astro_gamma": {"start": 2.5, "bounds": [1.0, 5.0]}, "inverse": {"start": 0.1, "bounds": [0.0, 100.0], "unit": "1/PeV"}}


def test_a_formula_finds_the_same_minimum_as_the_spectrum_that_is_built_in(tmp_path: Path) -> None:
    """The norm differs by the factor that the cut-off has at the pivot, nothing else."""
    spectrum = spectrum_of(Model.model_validate({**CUT, "shape": SHAPE}), tmp_path / "c.yaml")
    assert [one.name for one in spectrum.parameters] == ["astro_gamma", "inverse"]
    counts = likelihood(spectrum=ExponentialCutoff()).model.expected([6.0, 2.3, 1.0, 1.0])
    ours, built_in = (minimise(likelihood(counts, spectrum=one)) for one in (spectrum, ExponentialCutoff()))
    assert ours.valid
    assert ours.nll == pytest.approx(built_in.nll, abs=1e-5)
    assert ours.values["astro_gamma"] == pytest.approx(2.3, abs=2e-3)
    assert ours.values["inverse"] == pytest.approx(1.0, abs=1e-2)
    assert ours.values["astro_norm"] == pytest.approx(6.0 * math.exp(-0.1 * ours.values["inverse"]), rel=2e-3)
    assert ours.errors["inverse"] == pytest.approx(built_in.errors["inverse_cutoff_per_pev"], rel=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"astro": "expression"}, "astro: expression needs the key 'expression'"),
        ({"shape": SHAPE}, "shape: parameters of an expression have no effect with astro: power_law"),
        ({"expression": "E**-2"}, r"expression: E\*\*-2 has no effect with astro: power_law; set astro: expression"),
        ({**CUT, "shape": {"astro_gamma": {"start": 9.0, "bounds": [1.0, 5.0]}}}, "start 9 must lie within ascending bounds"),
    ],
)
def test_options_of_a_formula_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Model.model_validate(options)


def test_a_formula_that_is_no_arithmetic_is_refused(tmp_path: Path) -> None:
    model = Model.model_validate({"astro": "expression", "expression": "__import__('os').getcwd()"})
    with pytest.raises(InputError, match="is not allowed|no function"):
        spectrum_of(model, tmp_path / "c.yaml")
