"""Light-yield scale: golden numbers on real electrons, calibration, and samples whose scale is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from configs.errors import InputError
from configs.iwcd import Scale
from fits.light_scale import ScaleLikelihood, fit_scale, normalised

Columns = dict[str, np.ndarray]


def options(**changes: Any) -> Scale:
    return Scale(kind="scale", templates="a", data="b", **changes)


@pytest.fixture
def electrons(public_data: Path) -> Columns:
    """3000 real simulated electrons."""
    with np.load(public_data / "iwcd/electrons_nhits_energy.npz") as file:
        return {"nhits": file["nhits"].astype(float), "energy": file["energy"].astype(float)}


def rows(columns: Columns, chosen: Any, factor: Any = 1.0) -> Columns:
    part = {name: values[chosen] for name, values in columns.items()}
    return part | {"nhits": part["nhits"] * factor}


def electron_like(n: int, seed: int, scale: float = 1.0) -> Columns:
    """Events whose t is a clipped Gaussian, so that hits and charges follow from it."""
    random = np.random.default_rng(seed)
    energy = random.uniform(60, 1000, n)
    t = np.clip(random.normal(0.7, 0.12, n), 0.1, 1.2) * scale
    return {"energy": energy, "evis": energy - 0.775, "nhits": t * 1091 * (energy / 150) ** 0.669, "charge": t * 6.2 * (energy - 0.775)}


@pytest.mark.public_data
@pytest.mark.parametrize(("factor", "scale", "error"), [(1.0, 0.9992, 0.0082), (1.05, 1.0519, 0.0087), (0.97, 0.9732, 0.0083)])
def test_real_electrons(electrons: Columns, factor: float, scale: float, error: float) -> None:
    # Golden check G18: even rows template, odd rows data.
    found = fit_scale(rows(electrons, slice(0, None, 2)), rows(electrons, slice(1, None, 2), factor), options())
    assert found.valid
    assert (found.n_template, found.n_data) == (1403, 1387)
    assert found.parameters["scale"].value == pytest.approx(scale, abs=0.002)
    assert found.parameters["scale"].error == pytest.approx(error, rel=0.05)
    assert found.goodness.degrees_of_freedom == 22
    if factor == 1.0:
        assert found.goodness.statistic == pytest.approx(11.8, abs=0.1)
        assert_allclose(np.subtract(found.profile.interval_68, found.parameters["scale"].value), [-0.0082, 0.0082], atol=0.0008)


@pytest.mark.public_data
def test_real_electrons_with_worse_resolution(electrons: Columns) -> None:
    # Golden check G18: hits times N(1, 0.05); the smearing of t is 0.05 t with t of 0.3 ... 0.9.
    odd = slice(1, None, 2)
    smear = np.random.default_rng(0).normal(1.0, 0.05, 1500)
    found = fit_scale(rows(electrons, slice(0, None, 2)), rows(electrons, odd, smear), options(fit_resolution=True))
    assert 0.015 < found.parameters["resolution"].value < 0.055
    assert found.parameters["scale"].value == pytest.approx(1.0, abs=0.02)


@pytest.mark.public_data
@pytest.mark.slow
def test_calibration_on_random_halves_of_real_electrons(electrons: Columns) -> None:
    # Golden check G19.
    found = []
    for seed in range(60):
        order = np.random.default_rng(seed).permutation(3000)
        found.append(fit_scale(rows(electrons, order[:1500]), rows(electrons, order[1500:]), options()).parameters["scale"])
    values = [one.value for one in found]
    assert np.mean(values) == pytest.approx(0.998, abs=0.003)
    assert np.std(values, ddof=1) == pytest.approx(0.007, abs=0.002)
    assert np.mean([one.error for one in found]) == pytest.approx(0.0086, abs=0.0004)


@pytest.mark.parametrize("variable", ["nhits", "charge"])
@pytest.mark.parametrize("scale", [0.9, 1.08])
def test_scaled_copy_has_its_scale(variable: str, scale: float) -> None:
    template, data = electron_like(1500, 1), electron_like(1500, 1, scale)
    found = fit_scale(template, data, options(variable=variable))
    assert found.parameters["scale"].value == pytest.approx(scale, abs=0.003)
    assert found.parameters["norm"].value == pytest.approx(1.0, abs=0.02)
    assert found.goodness.statistic < 5  # the same events: nothing fluctuates but at the edges of bins


def test_large_templates_on_a_fine_grid_give_the_same() -> None:
    template, data = electron_like(20_100, 1), electron_like(1000, 2)
    gathered = fit_scale(template, data, options())
    fewer = fit_scale({name: values[:18_000] for name, values in template.items()}, data, options())
    assert gathered.parameters["scale"].value == pytest.approx(fewer.parameters["scale"].value, abs=0.002)


def test_kernel_conserves_events_and_scaling_moves_edges() -> None:
    values = np.random.default_rng(2).uniform(0.4, 0.8, 300)
    likelihood = ScaleLikelihood(np.ones(40), np.linspace(0, 2, 41), values, np.ones(300), 0.02)
    assert likelihood.template(1.0, 0.0).sum() == pytest.approx(300)
    assert likelihood.template(1.3, 0.05).sum() == pytest.approx(300)
    centres = np.linspace(0.025, 1.975, 40)
    assert likelihood.template(1.3, 0.0) @ centres / 300 == pytest.approx(1.3 * values.mean(), rel=2e-3)


def test_factors_of_bins_minimise() -> None:
    likelihood = ScaleLikelihood(np.array([3.0, 12.0]), np.array([0.0, 1.0, 2.0]), np.array([0.5] * 7 + [1.5] * 5), np.ones(12), 1e-3)
    beta, mean = likelihood.factors(1.0, 0.0, 0.8)
    best = likelihood(1.0, 0.0, 0.8)

    def cost(trial: np.ndarray) -> float:
        fitted = trial * mean
        poisson = fitted - likelihood.counts + likelihood.counts * np.log(likelihood.counts / fitted)
        return float(np.sum(2 * poisson + (trial - 1) ** 2 * mean / 0.8))

    assert cost(beta) == pytest.approx(best)
    assert all(cost(beta + shift) > best for shift in ([1e-3, 0], [-1e-3, 0], [0, 1e-3], [0, -1e-3]))


def test_events_without_hits_or_energy_are_left_out() -> None:
    columns = {"energy": np.array([150.0, 150.0, 40.0]), "nhits": np.array([1091.0, 0.0, 500.0])}
    assert normalised(columns, options()).tolist() == [1.0]


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ({"energy": np.ones(3), "nhit": np.ones(3)}, {}, "no column 'nhits'.*nhit"),
        ({"energy": np.ones(3), "nhits": np.ones(3)}, {}, "0 template events and 0 data events in range"),
        (electron_like(10, 1), {"range": (1.0, 0.5)}, "not ascending"),
    ],
)
def test_impossible_samples_are_refused(columns: Columns, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_scale(columns, columns, options(**changes))
