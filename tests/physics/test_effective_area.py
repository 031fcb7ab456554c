"""Golden 12: the generator's effective area comes back from its weights; livetime of a weighted simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physics.effective_area import effective_area_cm2, effective_livetime_s
from simulation import dark_matter

MC = dark_matter.simulation(100_000, np.random.default_rng(11))
SINDEC, ENERGY = np.linspace(-1.0, 1.0, 6), np.geomspace(3.0, 300.0, 21)


def sums(events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cells = (np.sin(events["trueDec"]), events["trueE"])
    return tuple(np.histogram2d(*cells, (SINDEC, ENERGY), weights=events["ow"] ** power)[0] for power in (1, 2))


def averaged_area() -> np.ndarray:
    """The generator's, averaged over the bins of energy."""
    fine = ENERGY[:-1, None] + np.diff(ENERGY)[:, None] * (np.arange(200) + 0.5) / 200
    return dark_matter.effective_area_cm2(fine).mean(axis=1)


@pytest.mark.parametrize(("codes", "types"), [((14, -14), 2), ((14,), 1), ((-14,), 1)])
def test_golden_12_recovered_area(codes: tuple[int, ...], types: int) -> None:
    """Average of both types, and each type without the 2."""
    weights, squares = sums(MC[np.isin(MC["pdg"], codes)])
    area, error = (effective_area_cm2(one, SINDEC, ENERGY, types=types) for one in (weights, np.sqrt(squares)))
    chi2 = (((area - averaged_area()) / error) ** 2).mean()
    assert 0.7 < chi2 < 1.3
    assert (error / area).max() < 0.1


def test_livetime_of_equal_weights_is_their_inverse() -> None:
    np.testing.assert_allclose(effective_livetime_s([1.0, 2.0, 12.0], [0.25, 0.25, 1.0], [0.0, 10.0, 20.0, 30.0]), [4.0, 1.0, math.nan])


def test_livetime_counts_antineutrinos() -> None:
    """The published program compared codes without sign and lost the antineutrinos: half of the livetime."""
    rate = np.full(len(MC), 1e-3)
    rate[MC["pdg"] < 0] = 2e-3
    both = effective_livetime_s(MC["trueE"], rate, [0.0, 400.0], pdg=MC["pdg"])
    assert both == pytest.approx((1e-3 + 2e-3) / (1e-6 + 4e-6), rel=1e-9)
    assert np.isnan(effective_livetime_s(MC["trueE"], rate, [0.0, 400.0], pdg=MC["pdg"], code=12)).all()
    assert effective_livetime_s(MC["trueE"], rate, [0.0, 400.0], pdg=MC["pdg"], code=-14) == pytest.approx(both)
