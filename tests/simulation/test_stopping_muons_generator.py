"""The generator of muons against golden numbers G14 to G17; small samples with the tolerance that their size leaves, full ones marked slow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, kstest

from physics.muon_range import TOY_ICE
from simulation.stopping_muons import (
    BLOCK,
    COS_MIN,
    ENERGY_RANGE_GEV,
    GENERATION,
    Detector,
    Flux,
    Tracks,
    energy_density,
    etendue_m2_sr,
    generate,
    natural,
    propagate,
    reconstruct,
    stream,
    triggered,
)  # fmt: skip

SMALL, FULL = 1_000_000, 4_000_000


@dataclass
class Found:
    """What a sample of weighted muons gives: all of them, and those that trigger."""

    total: int
    seed: int

    def __post_init__(self) -> None:
        parts = []
        self.rates: dict[str, list[np.ndarray]] = {"all": [], "reach": [], "stop": []}
        self.denominator: list[tuple[np.ndarray, ...]] = []
        for block in range(self.total // BLOCK):
            rng = stream(self.seed, 77, block)
            tracks = Tracks.followed(rng, generate(rng, BLOCK, self.total, Flux()))
            muons = tracks.muons
            reached = np.flatnonzero(tracks.reached)
            self.rates["all"].append(muons.weight_hz)
            self.denominator.append((muons.energy_gev, tracks.length_m, muons.weight_hz / GENERATION.projected_area_m2(muons.cos_zenith)))
            tracks = tracks.of(reached)
            self.rates["reach"].append(tracks.muons.weight_hz)
            self.rates["stop"].append(tracks.muons.weight_hz[tracks.is_stopping])
            tracks = tracks.of(np.flatnonzero(triggered(rng, tracks, Detector())))
            parts.append((tracks, reconstruct(rng, tracks, Detector())))
        self.weight = np.concatenate([tracks.muons.weight_hz for tracks, _ in parts])
        self.energy = np.concatenate([tracks.muons.energy_gev for tracks, _ in parts])
        self.length = np.concatenate([tracks.length_m for tracks, _ in parts])
        self.stopping = np.concatenate([tracks.is_stopping for tracks, _ in parts])
        self.score, self.length_reco, self.entry, self.surface, self.muons = (
            np.concatenate([getattr(reco, name) for _, reco in parts])
            for name in ("score", "length_m", "energy_entry_gev", "energy_surface_gev", "num_muons")
        )

    @cached_property
    def selected(self) -> np.ndarray:
        return self.score > 0.7


@lru_cache(maxsize=1)
def sample(total: int) -> Found:
    return Found(total, seed=4)


SIZES = pytest.mark.parametrize("total", [SMALL, pytest.param(FULL, marks=pytest.mark.slow)])


def rate_and_error(weights: np.ndarray) -> tuple[float, float]:
    return float(weights.sum()), float(np.sqrt(np.sum(weights**2)))


@SIZES
def test_golden_g14_rates(total: int) -> None:
    found = sample(total)
    measured = {name: rate_and_error(np.concatenate(parts)) for name, parts in found.rates.items()}
    measured |= {"trigger": rate_and_error(found.weight), "score": rate_and_error(found.weight[found.selected])}
    golden = {"all": 301.6e3, "reach": 30.1e3, "stop": 3.85e3, "trigger": 15.4e3, "score": 2.89e3}
    for name, expected in golden.items():
        rate, error = measured[name]
        assert abs(rate - expected) < max(0.02 * expected if total == FULL else 0, 4 * error + 0.002 * expected), (name, rate, error)


@SIZES
def test_golden_g14_purity_efficiency_and_multiplicity(total: int) -> None:
    found = sample(total)
    weight, good = found.weight, found.selected & found.stopping
    assert weight[good].sum() / weight[found.selected].sum() == pytest.approx(0.9985, abs=0.0005 if total == FULL else 0.001)
    efficiency = weight[good].sum() / weight[found.stopping].sum()
    assert efficiency == pytest.approx(0.8449, abs=0.005 if total == FULL else 0.01)
    assert beta.sf(0.7, 6, 1.2) == pytest.approx(0.8449, abs=5e-5)
    for cut, single in ((0.0, 0.626), (0.7, 0.918), (0.9, 0.955)):
        chosen = found.score > cut
        assert weight[chosen & (found.muons == 1)].sum() / weight[chosen].sum() == pytest.approx(single, abs=0.01 if total == FULL else 0.02)


@SIZES
def test_golden_g16_proxies(total: int) -> None:
    """Of generated events, unweighted."""
    found = sample(total)
    good = found.selected & found.stopping
    ratio = found.length_reco[good] / found.length[good] - 1
    assert np.sqrt(np.mean(ratio**2)) == pytest.approx(0.0299, abs=0.001)
    assert np.corrcoef(found.length[good], found.length_reco[good])[0, 1] == pytest.approx(0.992, abs=0.002)
    energy = np.log(found.energy[good])
    assert np.corrcoef(energy, np.log(found.surface[good]))[0, 1] == pytest.approx(0.727, abs=0.01)
    assert np.corrcoef(energy, np.log(found.entry[good]))[0, 1] == pytest.approx(0.17, abs=0.02)


G17 = {
    "energy": (
        np.geomspace(500, 12000, 11),
        [6.87, 9.95, 9.55, 8.65, 7.78, 6.93, 6.28, 5.78, 5.39, 4.70],
        [0.4, 0.4, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.6, 3.5],
    ),
    "length": (
        np.geomspace(1600, 6000, 11),
        [5.05, 9.48, 12.93, 14.41, 12.28, 10.40, 8.72, 7.48, 6.36, 5.28],
        [0.6, 0.5, 0.5, 0.5, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2],
    ),
}


@SIZES
@pytest.mark.parametrize("target", G17)
def test_golden_g17_effective_area(total: int, target: str) -> None:
    """N / D in 1e4 m^2 within 4 combined sigma of the golden values from 12 M muons."""
    found = sample(total)
    edges, golden, percent = G17[target]
    energy, length, flux = (np.concatenate(values) for values in zip(*found.denominator, strict=True))
    truth, all_truth = (found.energy, energy) if target == "energy" else (found.length, length)
    chosen = found.selected
    number, squares = (np.histogram(truth[chosen], edges, weights=found.weight[chosen] ** power)[0] for power in (1, 2))
    flux_sum, flux_squares = (np.histogram(all_truth, edges, weights=flux**power)[0] for power in (1, 2))
    area = number / flux_sum
    error = np.hypot(area * np.sqrt(squares / number**2 + flux_squares / flux_sum**2), np.array(golden) * np.array(percent) * 1e2)
    assert np.all(np.abs(area - np.array(golden) * 1e4) < 4 * error)


@pytest.mark.parametrize(("energy", "mean", "rms"), [(500, 1565, 376), (1000, 2535, 755), (3000, 4527, 1639), (10000, 6967, 2677)])
def test_golden_g15_ranges(energy: float, mean: float, rms: float) -> None:
    length = propagate(stream(5, energy), np.full(60_000, float(energy)))
    assert length.mean() == pytest.approx(mean, rel=0.015)
    assert length.std() == pytest.approx(rms, rel=0.02)
    assert length.mean() < float(TOY_ICE.range_m(energy))  # losses being stochastic, the mean range is shorter


def test_etendue_of_the_generation_cylinder() -> None:
    assert etendue_m2_sr() == pytest.approx(1.72807e7, rel=1e-5)


def test_generated_energies_and_directions_follow_their_densities() -> None:
    muons = generate(stream(6), 100_000, 100_000, Flux())
    area, norm = GENERATION.projected_area_m2, GENERATION.etendue_m2_sr(COS_MIN)
    assert kstest(muons.energy_gev, lambda e: 1 - (e**-1.2 - 1e6**-1.2) / (300.0**-1.2 - 1e6**-1.2)).pvalue > 1e-3
    assert kstest(muons.cos_zenith, np.vectorize(lambda c: 1 - GENERATION.etendue_m2_sr(float(c)) / norm)).pvalue > 1e-3
    assert quad(energy_density, *ENERGY_RANGE_GEV, limit=500)[0] == pytest.approx(1, rel=1e-6)
    radius, height = np.hypot(muons.point_m[:, 0], muons.point_m[:, 1]), muons.point_m[:, 2]
    top = height == 800.0
    np.testing.assert_allclose(radius[~top], 800.0)
    share = np.pi * 800.0**2 * muons.cos_zenith / area(muons.cos_zenith)
    assert top.mean() == pytest.approx(share.mean(), abs=4 * np.sqrt(np.mean(share * (1 - share)) / len(top)))
    assert np.all(muons.point_m[~top] @ [1, 0, 0] <= 0)  # the side that faces the muons, which fly towards +x
    np.testing.assert_allclose(np.linalg.norm(muons.direction, axis=1), 1)


def test_natural_muons_are_the_weighted_ones_at_unit_weight() -> None:
    flux = Flux(norm=1.0, delta_gamma=0.2)
    found = list(natural(stream(8), 0.5, flux))
    energy = np.concatenate([muons.energy_gev for muons in found])
    weighted = generate(stream(9), 400_000, 400_000, flux)
    edges = np.array([300, 400, 600, 1000, 2000, 1e4, 1e6])
    counts = np.histogram(energy, edges)[0]
    expected, squares = (np.histogram(weighted.energy_gev, edges, weights=(0.5 * weighted.weight_hz) ** power)[0] for power in (1, 2))
    assert np.all(np.abs(counts - expected) < 4 * np.sqrt(counts + squares))
    assert np.all(np.concatenate([muons.weight_hz for muons in found]) == 2.0)
    assert list(natural(stream(8), 1e-9, flux)) == []


def test_knobs_do_what_they_say() -> None:
    rng = stream(10)
    tracks = Tracks.followed(rng, generate(rng, 200_000, 200_000, Flux()))
    tracks = tracks.of(np.flatnonzero(tracks.reached))
    rate = {
        name: triggered(stream(11), tracks, Detector(**knob)).mean()
        for name, knob in (("no", {}), ("eff", {"dom_eff": 1.1}), ("abs", {"ice_abs": 1.1}))
    }
    assert rate["eff"] > rate["no"] > rate["abs"]
    plain, bright = (reconstruct(stream(12), tracks, Detector(**knob)) for knob in ({}, {"dom_eff": 1.1, "escale": 1.05}))
    np.testing.assert_allclose(bright.energy_entry_gev / plain.energy_entry_gev, 1.1 * 1.05)
    np.testing.assert_array_equal(plain.score, bright.score)
    each = reconstruct(stream(12), tracks, Detector(dom_eff=np.full(len(tracks.length_m), 1.1), escale=1.05))
    np.testing.assert_allclose(each.energy_entry_gev, bright.energy_entry_gev)


def test_a_block_does_not_depend_on_the_others() -> None:
    first, second = (generate(stream(1, 2, 3), 1000, 5000, Flux()).energy_gev for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, generate(stream(1, 2, 4), 1000, 5000, Flux()).energy_gev)
